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

#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "loop/worker.h"
#include "net/password.h"

#define THREADS        2
#define CHECKS_MAX     64 /* waiting for a thread */
#define REMEMBERED_MAX 128
#define PEERS_MAX      256
#define PEER_WINDOW    DUR_S(60)

struct digest {
	uint8_t bytes[32];
};

/* What one address has tried. */
struct peer {
	char name[64];
	uint32_t failures;
	mono_t since;
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
	/* the worker's, once submitted */
	char *password, *hash;
	bool user_is_known;
	bool is_right;
};

struct guard {
	struct loop *loop;
	struct worker_pool *workers; /* made with the first users */
	char key[37];
	struct guard_user *users;
	size_t n_users;
	struct http_header *headers;
	size_t n_headers;
	struct digest right[REMEMBERED_MAX]; /* a ring */
	uint32_t n_right, next_right;
	struct peer peers[PEERS_MAX];
	struct link checks;
	uint64_t n_checks;
	bool closed;
};

/* --- addresses ------------------------------------------------------------- */

/* Its entry, a fresh one when there is none or its minute is over. */
static struct peer *
peer_of(struct guard *guard, const char *name)
{
	mono_t now = loop_mono(guard->loop);
	struct peer *oldest = &guard->peers[0];

	for (uint32_t i = 0; i < PEERS_MAX; i++) {
		struct peer *peer = &guard->peers[i];

		if (strcmp(peer->name, name) == 0) {
			oldest = peer;
			if (peer->failures > 0 &&
			    dur_less(mono_since(now, peer->since), PEER_WINDOW))
				return peer;
			break;
		}
		if (mono_before(peer->since, oldest->since))
			oldest = peer;
	}
	*oldest = (struct peer){ .since = now };
	snprintf(oldest->name, sizeof(oldest->name), "%s", name);
	return oldest;
}

/* Seconds until it may try again; 0: now. */
static int
peer_waits(const struct guard *guard, const struct peer *peer)
{
	dur_t passed = mono_since(loop_mono(guard->loop), peer->since);

	if (peer->failures < GUARD_FAILURES_MAX)
		return 0;
	return (int)((PEER_WINDOW.ns - passed.ns) / DUR_S(1).ns) + 1;
}

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
	uint8_t differ = 0;

	for (size_t i = 0; i < sizeof(a->bytes); i++)
		differ |= (uint8_t)(a->bytes[i] ^ b->bytes[i]);
	return differ == 0;
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
reply_unauthorized(struct http_call *call)
{
	http_add_header(
	    call, "WWW-Authenticate", "Basic realm=\"Tocsin\", charset=\"UTF-8\"");
	http_reply_error(call, 401, "user name and password are needed");
}

static void
reply_later(struct http_call *call, int status, int seconds, const char *why)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", seconds);
	http_add_header(call, "Retry-After", text);
	http_reply_error(call, status, why);
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
	free(check);
}

static void
done(struct job *job, bool cancelled)
{
	struct check *check = CONTAINER_OF(job, struct check, job);
	struct guard *guard = check->guard;
	struct peer *peer = peer_of(guard, check->peer);

	if (check->is_right) {
		remember(guard, &check->digest);
		if (peer->failures > 0)
			peer->failures--;
	} else if (!cancelled) {
		log_warn("http", "wrong user name or password",
		    LOG_Z("from", check->peer));
	}
	LIST_FOREACH(link, &check->waiters)
	{
		struct http_call *call =
		    CONTAINER_OF(link, struct waiter, link)->call;

		if (check->is_right)
			http_release(call);
		else
			reply_unauthorized(call);
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
    const struct guard_user *known, const char *hash, const char *password,
    const struct digest *digest)
{
	struct peer *peer = peer_of(guard, http_peer(call));
	int seconds = peer_waits(guard, peer);
	struct check *check;

	if (seconds > 0) {
		reply_later(call, 429, seconds,
		    "too many failed logins from this address");
		return;
	}
	check = xcalloc(1, sizeof(*check));
	check->job.run = run;
	check->job.done = done;
	check->guard = guard;
	check->digest = *digest;
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
	guard->n_checks++;
	peer->failures++;
	wait_for(check, call);
}

static const struct guard_user *
find_user(const struct guard *guard, const char *name)
{
	for (size_t i = 0; i < guard->n_users; i++)
		if (strcmp(guard->users[i].name, name) == 0)
			return &guard->users[i];
	return NULL;
}

static void
admit_user(struct guard *guard, struct http_call *call, const char *name,
    const char *password)
{
	const struct guard_user *known = find_user(guard, name);
	const char *hash = (known != NULL ? known : guard->users)->hash;
	struct digest digest = digest_of(guard, name, hash, password);
	struct check *check;

	if (known != NULL && is_remembered(guard, &digest))
		return;
	check = check_under_way(guard, &digest);
	if (check != NULL)
		wait_for(check, call);
	else
		check_start(guard, call, known, hash, password, &digest);
}

void
guard_admit(void *arg, struct http_call *call)
{
	struct guard *guard = arg;
	const char *credentials = http_header_value(call, "Authorization");
	char *user, *password;

	for (size_t i = 0; i < guard->n_headers; i++)
		http_add_header(call, guard->headers[i].name,
		    guard->headers[i].value);
	http_set_actor(call, &(struct actor){ .role = ROLE_ADMIN });
	if (guard->n_users == 0)
		return;
	if (guard->closed) {
		http_reply_error(call, 503, "shutting down");
		return;
	}
	if (credentials == NULL ||
	    !password_read_basic(credentials, &user, &password)) {
		reply_unauthorized(call);
		return;
	}
	admit_user(guard, call, user, password);
	explicit_bzero(password, strlen(password));
	free(user);
	free(password);
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
	free(guard->users);
	free(guard->headers);
}

struct guard *
guard_new(struct loop *loop)
{
	struct guard *guard = xcalloc(1, sizeof(*guard));

	guard->loop = loop;
	uuid_make(guard->key);
	list_init(&guard->checks);
	return guard;
}

void
guard_set(struct guard *guard, const struct guard_options *options)
{
	struct guard_user *users =
	    xcalloc(options->n_users + 1, sizeof(*users));
	struct http_header *headers =
	    xcalloc(options->n_headers + 1, sizeof(*headers));

	for (size_t i = 0; i < options->n_users; i++) {
		users[i].name = xstrdup(options->users[i].name);
		users[i].hash = xstrdup(options->users[i].hash);
	}
	for (size_t i = 0; i < options->n_headers; i++) {
		headers[i].name = xstrdup(options->headers[i].name);
		headers[i].value = xstrdup(options->headers[i].value);
	}
	forget_options(guard);
	guard->users = users;
	guard->n_users = options->n_users;
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
	explicit_bzero(guard->key, sizeof(guard->key));
	free(guard);
}

uint64_t
guard_checks(const struct guard *guard)
{
	return guard->n_checks;
}
