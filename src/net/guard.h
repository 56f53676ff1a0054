/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may come in, before the handler: users with passwords (HTTP basic),
 * bearer tokens, those without credentials, each with a role; and headers that
 * every answer carries.  A struct http_gate's admit() and arg.
 *
 * 401 says that it is not known who asks, 403 that the role is not enough.
 * Who was let in is the request's http_actor().
 *
 * Checking a password costs a tenth of a second by design, so it is done on
 * worker threads, and one that was right is remembered (its keyed digest) for
 * as long as the user's hash stays the same.  An unknown user costs as much
 * as a wrong password.  Tokens are long and random: only their SHA-256 is
 * known here, compared without telling how much of it was right.
 *
 * Too many failures from one address (throttle.h) are answered 429 without a
 * check.  Behind a proxy that is named as one, the address is the one it
 * forwards for.  Remembered passwords and right tokens get in all the same, so nobody
 * locks out who is at work.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "net/actor.h"
#include "net/options.h"
#include "net/reach.h"
#include "net/server.h"

struct guard;

struct guard_user {
	const char *name, *hash; /* bcrypt */
	enum role role;
};

struct guard_token {
	const char *name;
	enum role role;
	uint8_t sha256[32];
	wall_t expires_at; /* WALL_NONE: never */
};

struct guard_options {
	const struct guard_user *users;
	size_t n_users;
	const struct guard_token *tokens;
	size_t n_tokens;
	enum role anonymous; /* of requests without credentials */
	const struct network *proxies; /* whose X-Forwarded-For is believed */
	uint32_t n_proxies;
	const struct http_header *headers;
	size_t n_headers;
};

struct guard_hooks {
	void *arg;
	/* What a request needs, told from its head; NULL: every one a viewer. */
	enum role (*needed)(void *arg, const struct http_call *call);
	/* Somebody failed to log in. user: "" unless there is one of that name. throttled: the address has to wait now. */
	void (*failed)(void *arg, const char *peer, const char *user, bool throttled);
};

/* Lets everybody in as admin until it is told otherwise. */
struct guard *guard_new(struct loop *loop);
void guard_hook(struct guard *guard, const struct guard_hooks *hooks);
/* Copies; for requests from now on. */
void guard_set(struct guard *guard, const struct guard_options *options);
/* The URL under which people know this server: a page from there is no other site's (origin.h). */
void guard_set_home(struct guard *guard, const char *url);
void guard_admit(void *guard, struct http_call *call);
/* Before the servers are freed: checks under way answer nobody any more. */
void guard_close(struct guard *guard);
/* After the servers. Accepts NULL. */
void guard_free(struct guard *guard);
/* May who shows no credentials do everything? */
bool guard_is_open(const struct guard *guard);
struct guard_stats {
	uint64_t checks;    /* passwords that were really compared */
	uint64_t failed;    /* logins */
	uint64_t throttled; /* logins that were not looked at */
	uint64_t forbidden; /* requests of a role that is not enough */
};
struct guard_stats guard_stats(const struct guard *guard);
uint64_t guard_checks(const struct guard *guard);
