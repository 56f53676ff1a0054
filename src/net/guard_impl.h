/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by guard.c and guard_login.c: what the guard knows, and what both say. */
#pragma once

#include "base/list.h"
#include "net/guard.h"
#include "net/throttle.h"

#define GUARD_REMEMBERED_MAX 128

struct guard_digest {
	uint8_t bytes[32];
};

struct guard {
	struct loop *loop;
	struct worker_pool *workers; /* made with the first users */
	char key[37];
	struct guard_hooks hooks;
	char *home; /* as people know this server; NULL: not said */
	struct guard_user *users;
	size_t n_users;
	struct guard_token *tokens;
	size_t n_tokens;
	enum role anonymous;
	struct network *proxies;
	uint32_t n_proxies;
	struct http_header *headers;
	size_t n_headers;
	struct guard_digest right[GUARD_REMEMBERED_MAX]; /* a ring */
	uint32_t n_right, next_right;
	struct throttle *throttle;
	struct link checks;
	struct guard_stats stats;
	mono_t reports_since;
	uint32_t n_reports;
	bool closed;
};

/* guard.c: answers, and what a failure is */
void guard_reply_needed(const struct guard *guard, struct http_call *call);
void guard_reply_later(struct http_call *call, int status, int seconds, const char *why);
struct actor guard_actor(enum role role, const char *kind, const char *name);
/* False: answered, the role is not enough. */
bool guard_may(struct guard *guard, struct http_call *call, const struct actor *actor);
/* False: answered, it has failed too often. */
bool guard_may_try(struct guard *guard, struct http_call *call);
/* How often that address has failed now. */
uint32_t guard_count_failure(struct guard *guard, const char *peer);
/* The first of an address within its minute, and the one that closes. */
void guard_report(struct guard *guard, const char *peer, const char *user, uint32_t failures);

/* guard_login.c */
void guard_login(struct guard *guard, struct http_call *call, const char *name, const char *password);
void guard_logins_start(struct guard *guard);
/* Those who wait are answered by nobody any more. */
void guard_logins_close(struct guard *guard);
