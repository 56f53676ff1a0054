/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that wait for their password: see guard.h.
 *
 * A check is one password under way on a worker; requests that bring the same
 * credentials meanwhile wait for the same check, so a browser's burst costs
 * one.  Only the digest of user, hash and password, keyed with a random text
 * of this process, says whether two are the same.
 */
#include "config.h"

#include "net/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mac.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "loop/worker.h"
#include "net/origin.h"
#include "net/password.h"
#include "net/throttle.h"

#define THREADS        2
#define CHECKS_MAX     64 /* waiting for a thread */
#define REMEMBERED_MAX 128
#define TOKEN_BYTES_MAX 4096
#define REPORTS_MAX    60 /* of failed logins within a minute, from everywhere */

struct digest {
	uint8_t bytes[32];
};

struct waiter {
	struct link link;
	struct http_call *call;
};

struct check {
	struct job job;
	struct link link;
	struct guard *guard;
	struct link waiters;
	struct digest digest;
	char peer[64];
	char *user;
	uint32_t failures; /* of the address, this one included */
	/* the worker's, once submitted */
	char *password, *hash;
	bool user_is_known;
	bool is_right;
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
	struct digest right[REMEMBERED_MAX]; /* a ring */
	uint32_t n_right, next_right;
	struct throttle *throttle;
	struct link checks;
	struct guard_stats stats;
	mono_t reports_since;
	uint32_t n_reports;
	bool closed;
};

/* --- what was right ---------------------------------------------------------- */

static struct digest
digest_of(const struct guard *guard, const char *user, const char *hash,
    const char *password)
{
	struct digest digest;
	struct sha256 sha;

	sha256_init(&sha);
	sha256_put(&sha, guard->key, sizeof(guard->key));
	/* With its NUL, so that "a" + "bc" is not "ab" + "c". */
	sha256_put(&sha, user, strlen(user) + 1);
	sha256_put(&sha, hash, strlen(hash) + 1);
	sha256_put(&sha, password, strlen(password) + 1);
	sha256_end(&sha, digest.bytes);
	explicit_bzero(&sha, sizeof(sha));
	return digest;
}

static bool
digest_eq(const struct digest *a, const struct digest *b)
{
	return mac_same(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool
is_remembered(const struct guard *guard, const struct digest *digest)
{
	bool found = false;

	for (uint32_t i = 0; i < guard->n_right; i++)
		if (digest_eq(&guard->right[i], digest))
			found = true;
	return found;
}

static void
remember(struct guard *guard, const struct digest *digest)
{
	guard->right[guard->next_right] = *digest;
	guard->next_right = (guard->next_right + 1) % REMEMBERED_MAX;
	if (guard->n_right < REMEMBERED_MAX)
		guard->n_right++;
}

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

static void
reply_needed(const struct guard *guard, struct http_call *call)
{
	reply_unauthorized(guard, call,
	    guard->n_tokens == 0 ? "user name and password are needed"
	    : guard->n_users == 0
		? "a token is needed"
		: "user name and password, or a token, are needed");
}

static void
reply_later(struct http_call *call, int status, int seconds, const char *why)
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

/* False: answered. */
static bool
may(struct guard *guard, struct http_call *call, const struct actor *actor)
{
	enum role needed = role_needed(guard, call);

	if (role_may(actor->role, needed)) {
		http_set_actor(call, actor);
		return true;
	}
	guard->stats.forbidden++;
	if (actor->name[0] == '\0')
		reply_needed(guard, call);
	else
		reply_forbidden(call, actor, needed);
	return false;
}

static struct actor
actor_of(enum role role, const char *kind, const char *name)
{
	struct actor actor = { .role = role };

	snprintf(actor.name, sizeof(actor.name), "%s%s", kind, name);
	return actor;
}

/* --- failures ---------------------------------------------------------------------- */

/* The first of an address within its minute, and the one that closes. */
static void
report(struct guard *guard, const char *peer, const char *user,
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

/* False: it has failed too often, and was told so. */
static bool
may_try(struct guard *guard, struct http_call *call)
{
	int seconds = throttle_wait(
	    guard->throttle, http_peer(call), loop_mono(guard->loop));

	if (seconds == 0)
		return true;
	guard->stats.throttled++;
	reply_later(
	    call, 429, seconds, "too many failed logins from this address");
	return false;
}

static uint32_t
count_failure(struct guard *guard, const char *peer)
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
	struct digest digest;
	struct sha256 sha;

	sha256_init(&sha);
	sha256_put(&sha, text.p, text.n);
	sha256_end(&sha, digest.bytes);
	explicit_bzero(&sha, sizeof(sha));
	for (size_t i = 0; i < guard->n_tokens; i++)
		if (mac_same(digest.bytes, guard->tokens[i].sha256,
			sizeof(digest.bytes)))
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
		if (may_try(guard, call)) {
			report(guard, http_peer(call), "",
			    count_failure(guard, http_peer(call)));
			reply_unauthorized(guard, call, "no such token");
		}
	} else if (wall_is_set(token->expires_at) &&
		   token->expires_at.ns <= now.ns) {
		reply_unauthorized(guard, call, "this token has expired");
	} else {
		actor = actor_of(token->role, "token:", token->name);
		(void)may(guard, call, &actor);
	}
}

/* --- checks ------------------------------------------------------------------- */

static void
run(struct job *job)
{
	struct check *check = CONTAINER_OF(job, struct check, job);

	/* An unknown user's password is compared like any other. */
	check->is_right = password_is(check->password, check->hash) &&
			  check->user_is_known;
}

static void
check_free(struct check *check)
{
	while (!list_empty(&check->waiters)) {
		struct waiter *waiter = CONTAINER_OF(
		    check->waiters.next, struct waiter, link);

		list_remove(&waiter->link);
		free(waiter);
	}
	list_remove(&check->link);
	explicit_bzero(check->password, strlen(check->password));
	free(check->password);
	free(check->hash);
	free(check->user);
	free(check);
}

static const struct guard_user *
find_user(const struct guard *guard, const char *name)
{
	for (size_t i = 0; i < guard->n_users; i++)
		if (strcmp(guard->users[i].name, name) == 0)
			return &guard->users[i];
	return NULL;
}

/* Whose password it was; NULL when there is no such user any more. */
static const struct guard_user *
user_of(const struct check *check)
{
	const struct guard_user *user = find_user(check->guard, check->user);

	return user != NULL && strcmp(user->hash, check->hash) == 0 ? user
								   : NULL;
}

static void
done(struct job *job, bool cancelled)
{
	struct check *check = CONTAINER_OF(job, struct check, job);
	struct guard *guard = check->guard;
	const struct guard_user *user = check->is_right ? user_of(check) : NULL;
	struct actor actor = actor_of(
	    user != NULL ? user->role : ROLE_NONE, "", check->user);

	if (check->is_right) {
		remember(guard, &check->digest);
		throttle_forgive(
		    guard->throttle, check->peer, loop_mono(guard->loop));
	} else if (!cancelled) {
		report(guard, check->peer,
		    check->user_is_known ? check->user : "", check->failures);
	}
	LIST_FOREACH(link, &check->waiters)
	{
		struct http_call *call =
		    CONTAINER_OF(link, struct waiter, link)->call;

		if (user == NULL)
			reply_needed(guard, call);
		else if (may(guard, call, &actor))
			http_release(call);
	}
	check_free(check);
}

static void
wait_for(struct check *check, struct http_call *call)
{
	struct waiter *waiter = xcalloc(1, sizeof(*waiter));

	waiter->call = call;
	list_append(&check->waiters, &waiter->link);
	http_hold(call);
}

static struct check *
check_under_way(const struct guard *guard, const struct digest *digest)
{
	LIST_FOREACH(link, &guard->checks)
	{
		struct check *check = CONTAINER_OF(link, struct check, link);

		if (digest_eq(&check->digest, digest))
			return check;
	}
	return NULL;
}

/* A failure until it has turned out to be right: many at once count as many. */
static void
check_start(struct guard *guard, struct http_call *call,
    const struct guard_user *known, const char *name, const char *hash,
    const char *password, const struct digest *digest)
{
	struct check *check;

	if (!may_try(guard, call))
		return;
	check = xcalloc(1, sizeof(*check));
	check->job.run = run;
	check->job.done = done;
	check->guard = guard;
	check->digest = *digest;
	check->user = xstrdup(name);
	check->password = xstrdup(password);
	check->hash = xstrdup(hash);
	check->user_is_known = known != NULL;
	snprintf(check->peer, sizeof(check->peer), "%s", http_peer(call));
	list_init(&check->waiters);
	list_append(&guard->checks, &check->link);
	if (!worker_submit(guard->workers, &check->job)) {
		check_free(check);
		reply_later(call, 503, 1, "too many logins at once");
		return;
	}
	guard->stats.checks++;
	check->failures = count_failure(guard, check->peer);
	wait_for(check, call);
}

static void
admit_user(struct guard *guard, struct http_call *call, const char *name,
    const char *password)
{
	const struct guard_user *known = find_user(guard, name);
	const char *hash = (known != NULL ? known : guard->users)->hash;
	struct digest digest = digest_of(guard, name, hash, password);
	struct check *check;
	struct actor actor;

	if (known != NULL && is_remembered(guard, &digest)) {
		actor = actor_of(known->role, "", known->name);
		(void)may(guard, call, &actor);
		return;
	}
	check = check_under_way(guard, &digest);
	if (check != NULL)
		wait_for(check, call);
	else
		check_start(
		    guard, call, known, name, hash, password, &digest);
}

static void
admit_basic(
    struct guard *guard, struct http_call *call, const char *credentials)
{
	char *user, *password;

	if (guard->n_users == 0 ||
	    !password_read_basic(credentials, &user, &password)) {
		reply_needed(guard, call);
		return;
	}
	admit_user(guard, call, user, password);
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
		(void)may(guard, call, &anonymous);
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
	if (guard->n_users > 0 && guard->workers == NULL)
		guard->workers = worker_pool_new(
		    guard->loop, "login", THREADS, CHECKS_MAX);
}

void
guard_close(struct guard *guard)
{
	guard->closed = true;
	LIST_FOREACH(link, &guard->checks)
	{
		struct check *check = CONTAINER_OF(link, struct check, link);

		LIST_FOREACH_SAFE(l, next, &check->waiters)
		{
			list_remove(l);
			free(CONTAINER_OF(l, struct waiter, link));
		}
	}
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
