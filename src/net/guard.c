/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks, and may they: see guard.h.  Passwords are guard_login.c's.
 *
 * A request is looked at in the order of guard_admit(): where it comes from,
 * whether a page of another site made somebody's browser send it, then its
 * credentials, then whether their role is enough.
 */
#include "config.h"

#include "net/guard_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mac.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "loop/worker.h"
#include "net/origin.h"
#include "net/password.h"

#define TOKEN_BYTES_MAX 4096
#define REPORTS_MAX     60 /* of failed logins within a minute, from everywhere */

/* --- answers ------------------------------------------------------------------ */

static void
reply_unauthorized(
    const struct guard *guard, struct http_call *call, const char *why)
{
	if (guard->n_users > 0)
		http_add_header(call, "WWW-Authenticate",
		    "Basic realm=\"Tocsin\", charset=\"UTF-8\"");
	if (guard->n_tokens > 0)
		http_add_header(
		    call, "WWW-Authenticate", "Bearer realm=\"Tocsin\"");
	http_reply_error(call, 401, why);
}

void
guard_reply_needed(const struct guard *guard, struct http_call *call)
{
	reply_unauthorized(guard, call,
	    guard->n_tokens == 0 ? "user name and password are needed"
	    : guard->n_users == 0
		? "a token is needed"
		: "user name and password, or a token, are needed");
}

void
guard_reply_later(struct http_call *call, int status, int seconds, const char *why)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", seconds);
	http_add_header(call, "Retry-After", text);
	http_reply_error(call, status, why);
}

static void
reply_forbidden(
    struct http_call *call, const struct actor *actor, enum role needed)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s has the role %s, this needs %s", actor->name,
	    role_name(actor->role), role_name(needed));
	http_reply_error(call, 403, buf_str(&text).p);
	buf_fini(&text);
}

/* --- roles ----------------------------------------------------------------------- */

static enum role
role_needed(const struct guard *guard, const struct http_call *call)
{
	return guard->hooks.needed != NULL
		   ? guard->hooks.needed(guard->hooks.arg, call)
		   : ROLE_VIEWER;
}

bool
guard_may(struct guard *guard, struct http_call *call, const struct actor *actor)
{
	enum role needed = role_needed(guard, call);

	if (role_may(actor->role, needed)) {
		http_set_actor(call, actor);
		return true;
	}
	guard->stats.forbidden++;
	if (actor->name[0] == '\0')
		guard_reply_needed(guard, call);
	else
		reply_forbidden(call, actor, needed);
	return false;
}

struct actor
guard_actor(enum role role, const char *kind, const char *name)
{
	struct actor actor = { .role = role };

	snprintf(actor.name, sizeof(actor.name), "%s%s", kind, name);
	return actor;
}

/* --- failures ---------------------------------------------------------------------- */

void
guard_report(struct guard *guard, const char *peer, const char *user,
    uint32_t failures)
{
	mono_t now = loop_mono(guard->loop);

	guard->stats.failed++;
	log_warn("http", "wrong credentials", LOG_Z("from", peer));
	if (guard->hooks.failed == NULL ||
	    (failures != 1 && failures != THROTTLE_FAILURES_MAX))
		return;
	if (guard->n_reports == 0 ||
	    !dur_less(mono_since(now, guard->reports_since), THROTTLE_WINDOW)) {
		guard->reports_since = now;
		guard->n_reports = 0;
	}
	if (guard->n_reports++ < REPORTS_MAX)
		guard->hooks.failed(guard->hooks.arg, peer, user,
		    failures == THROTTLE_FAILURES_MAX);
}

bool
guard_may_try(struct guard *guard, struct http_call *call)
{
	int seconds = throttle_wait(
	    guard->throttle, http_peer(call), loop_mono(guard->loop));

	if (seconds == 0)
		return true;
	guard->stats.throttled++;
	guard_reply_later(
	    call, 429, seconds, "too many failed logins from this address");
	return false;
}

uint32_t
guard_count_failure(struct guard *guard, const char *peer)
{
	return throttle_failed(guard->throttle, peer, loop_mono(guard->loop));
}

/* --- tokens -------------------------------------------------------------------------- */

static const char bearer[] = "Bearer ";

/* credentials may be NULL. */
static bool
is_bearer(const char *credentials)
{
	return credentials != NULL &&
	       strncasecmp(credentials, bearer, sizeof(bearer) - 1) == 0;
}

/* All of them are looked at, however early one fits. */
static const struct guard_token *
find_token(const struct guard *guard, struct str text)
{
	const struct guard_token *found = NULL;
	uint8_t digest[32];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_put(&sha, text.p, text.n);
	sha256_end(&sha, digest);
	explicit_bzero(&sha, sizeof(sha));
	for (size_t i = 0; i < guard->n_tokens; i++)
		if (mac_same(digest, guard->tokens[i].sha256,
			sizeof(digest)))
			found = &guard->tokens[i];
	return found;
}

/* A right one always gets in: it costs nothing to find out. */
static void
admit_token(struct guard *guard, struct http_call *call, struct str text)
{
	const struct guard_token *token =
	    text.n <= TOKEN_BYTES_MAX ? find_token(guard, text) : NULL;
	wall_t now = loop_now(guard->loop);
	struct actor actor;

	if (token == NULL) {
		if (guard_may_try(guard, call)) {
			guard_report(guard, http_peer(call), "",
			    guard_count_failure(guard, http_peer(call)));
			reply_unauthorized(guard, call, "no such token");
		}
	} else if (wall_is_set(token->expires_at) &&
		   token->expires_at.ns <= now.ns) {
		reply_unauthorized(guard, call, "this token has expired");
	} else {
		actor = guard_actor(token->role, "token:", token->name);
		(void)guard_may(guard, call, &actor);
	}
}

static void
admit_basic(
    struct guard *guard, struct http_call *call, const char *credentials)
{
	char *user, *password;

	if (guard->n_users == 0 ||
	    !password_read_basic(credentials, &user, &password)) {
		guard_reply_needed(guard, call);
		return;
	}
	guard_login(guard, call, user, password);
	explicit_bzero(password, strlen(password));
	free(user);
	free(password);
}

/* --- proxies -------------------------------------------------------------------- */

/*
 * Whom the nearest proxy got it from: the last address of the list that is
 * no proxy of ours.  What stands before it anybody may have written.
 */
static void
look_behind_proxies(const struct guard *guard, struct http_call *call)
{
	const char *list = http_header_last(call, "X-Forwarded-For");
	struct str rest = str_from(list != NULL ? list : "");

	if (rest.n == 0 || !networks_have(guard->proxies, guard->n_proxies, http_peer(call)))
		return;
	while (rest.n > 0) {
		const char *comma = memrchr(rest.p, ',', rest.n);
		uint32_t at = comma != NULL ? (uint32_t)(comma - rest.p) + 1 : 0;
		struct str text = str_trim(str_make(rest.p + at, rest.n - at));
		char address[64];

		if (text.n == 0 || text.n >= sizeof(address))
			return;
		memcpy(address, text.p, text.n);
		address[text.n] = '\0';
		if (!network_is_address(address))
			return;
		http_set_peer(call, address);
		if (!networks_have(guard->proxies, guard->n_proxies, address))
			return;
		rest.n = at > 0 ? at - 1 : 0;
	}
}

/* A token is no browser's, unless nobody looks at it; what needs no credentials has proof of its
 * own. */
static bool
is_from_another_site(const struct guard *guard, const struct http_call *call,
    const char *credentials)
{
	if (guard->n_tokens > 0 && is_bearer(credentials))
		return false;
	return origin_is_foreign(call, guard->home, role_needed(guard, call) == ROLE_NONE);
}

void
guard_admit(void *arg, struct http_call *call)
{
	struct guard *guard = arg;
	const char *credentials = http_header_value(call, "Authorization");
	bool asks = guard->n_users > 0 || guard->n_tokens > 0;
	struct actor anonymous = { .role = guard->anonymous };

	for (size_t i = 0; i < guard->n_headers; i++)
		http_add_header(call, guard->headers[i].name,
		    guard->headers[i].value);
	if (guard->n_proxies > 0)
		look_behind_proxies(guard, call);
	if (is_from_another_site(guard, call, credentials))
		http_reply_error(call, 403,
		    "pages of other sites may not change anything here: if this one is "
		    "ours, start the server with its address as --web.external-url");
	else if (!asks || credentials == NULL ||
	    role_needed(guard, call) == ROLE_NONE)
		(void)guard_may(guard, call, &anonymous);
	else if (guard->closed)
		http_reply_error(call, 503, "shutting down");
	else if (guard->n_tokens > 0 && is_bearer(credentials))
		admit_token(guard, call,
		    str_trim(str_from(credentials + sizeof(bearer) - 1)));
	else
		admit_basic(guard, call, credentials);
}

/* --- life ---------------------------------------------------------------------- */

static void
forget_options(struct guard *guard)
{
	for (size_t i = 0; i < guard->n_users; i++) {
		free((void *)(uintptr_t)guard->users[i].name);
		free((void *)(uintptr_t)guard->users[i].hash);
	}
	for (size_t i = 0; i < guard->n_headers; i++) {
		free((void *)(uintptr_t)guard->headers[i].name);
		free((void *)(uintptr_t)guard->headers[i].value);
	}
	for (size_t i = 0; i < guard->n_tokens; i++)
		free((void *)(uintptr_t)guard->tokens[i].name);
	free(guard->users);
	free(guard->tokens);
	free(guard->proxies);
	free(guard->headers);
}

struct guard *
guard_new(struct loop *loop)
{
	struct guard *guard = xcalloc(1, sizeof(*guard));

	guard->loop = loop;
	guard->anonymous = ROLE_ADMIN;
	guard->throttle = throttle_new();
	uuid_make(guard->key);
	list_init(&guard->checks);
	return guard;
}

void
guard_hook(struct guard *guard, const struct guard_hooks *hooks)
{
	guard->hooks = *hooks;
}

void
guard_set_home(struct guard *guard, const char *url)
{
	free(guard->home);
	guard->home = xstrdup(url);
}

void
guard_set(struct guard *guard, const struct guard_options *options)
{
	struct guard_token *tokens =
	    xcalloc(options->n_tokens + 1, sizeof(*tokens));
	struct network *proxies =
	    xcalloc((size_t)options->n_proxies + 1, sizeof(*proxies));
	struct guard_user *users =
	    xcalloc(options->n_users + 1, sizeof(*users));
	struct http_header *headers =
	    xcalloc(options->n_headers + 1, sizeof(*headers));

	for (size_t i = 0; i < options->n_users; i++) {
		users[i].name = xstrdup(options->users[i].name);
		users[i].hash = xstrdup(options->users[i].hash);
		users[i].role = options->users[i].role;
	}
	for (uint32_t i = 0; i < options->n_proxies; i++)
		proxies[i] = options->proxies[i];
	for (size_t i = 0; i < options->n_tokens; i++) {
		tokens[i] = options->tokens[i];
		tokens[i].name = xstrdup(options->tokens[i].name);
	}
	for (size_t i = 0; i < options->n_headers; i++) {
		headers[i].name = xstrdup(options->headers[i].name);
		headers[i].value = xstrdup(options->headers[i].value);
	}
	forget_options(guard);
	guard->users = users;
	guard->n_users = options->n_users;
	guard->tokens = tokens;
	guard->n_tokens = options->n_tokens;
	guard->anonymous = options->anonymous;
	guard->proxies = proxies;
	guard->n_proxies = options->n_proxies;
	guard->headers = headers;
	guard->n_headers = options->n_headers;
	if (guard->n_users > 0)
		guard_logins_start(guard);
}

void
guard_close(struct guard *guard)
{
	guard->closed = true;
	guard_logins_close(guard);
}

void
guard_free(struct guard *guard)
{
	if (guard == NULL)
		return;
	guard_close(guard);
	if (guard->workers != NULL)
		worker_pool_free(guard->workers);
	forget_options(guard);
	free(guard->home);
	throttle_free(guard->throttle);
	explicit_bzero(guard->key, sizeof(guard->key));
	free(guard);
}

struct guard_stats
guard_stats(const struct guard *guard)
{
	return guard->stats;
}

bool
guard_is_open(const struct guard *guard)
{
	return guard->anonymous == ROLE_ADMIN;
}

uint64_t
guard_checks(const struct guard *guard)
{
	return guard->stats.checks;
}
