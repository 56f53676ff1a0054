/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords: those being checked, and those that were right.
 *
 * A check is one password under way on a worker; requests that bring the same
 * credentials meanwhile wait for the same check, so a browser's burst costs
 * one.  Only the digest of user, hash and password, keyed with a random text
 * of this process, says whether two are the same.
 */
#include "config.h"

#include "net/guard_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mac.h"
#include "base/xalloc.h"
#include "loop/worker.h"
#include "net/password.h"

#define THREADS    2
#define CHECKS_MAX 64 /* waiting for a thread */

struct waiter {
	struct link link;
	struct http_call *call;
};

struct check {
	struct job job;
	struct link link;
	struct guard *guard;
	struct link waiters;
	struct guard_digest digest;
	char peer[64];
	char *user;
	uint32_t failures; /* of the address, this one included */
	/* the worker's, once submitted */
	char *password, *hash;
	bool user_is_known;
	bool is_right;
};

/* --- what was right ---------------------------------------------------------- */

static struct guard_digest
digest_of(const struct guard *guard, const char *user, const char *hash,
    const char *password)
{
	struct guard_digest digest;
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
digest_eq(const struct guard_digest *a, const struct guard_digest *b)
{
	return mac_same(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool
is_remembered(const struct guard *guard, const struct guard_digest *digest)
{
	bool found = false;

	for (uint32_t i = 0; i < guard->n_right; i++)
		if (digest_eq(&guard->right[i], digest))
			found = true;
	return found;
}

static void
remember(struct guard *guard, const struct guard_digest *digest)
{
	guard->right[guard->next_right] = *digest;
	guard->next_right = (guard->next_right + 1) % GUARD_REMEMBERED_MAX;
	if (guard->n_right < GUARD_REMEMBERED_MAX)
		guard->n_right++;
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
	struct actor actor = guard_actor(
	    user != NULL ? user->role : ROLE_NONE, "", check->user);

	if (check->is_right) {
		remember(guard, &check->digest);
		throttle_forgive(
		    guard->throttle, check->peer, loop_mono(guard->loop));
	} else if (!cancelled) {
		guard_report(guard, check->peer,
		    check->user_is_known ? check->user : "", check->failures);
	}
	LIST_FOREACH(link, &check->waiters)
	{
		struct http_call *call =
		    CONTAINER_OF(link, struct waiter, link)->call;

		if (user == NULL)
			guard_reply_needed(guard, call);
		else if (guard_may(guard, call, &actor))
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
check_under_way(const struct guard *guard, const struct guard_digest *digest)
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
    const char *password, const struct guard_digest *digest)
{
	struct check *check;

	if (!guard_may_try(guard, call))
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
		guard_reply_later(call, 503, 1, "too many logins at once");
		return;
	}
	guard->stats.checks++;
	check->failures = guard_count_failure(guard, check->peer);
	wait_for(check, call);
}

void
guard_login(struct guard *guard, struct http_call *call, const char *name,
    const char *password)
{
	const struct guard_user *known = find_user(guard, name);
	const char *hash = (known != NULL ? known : guard->users)->hash;
	struct guard_digest digest = digest_of(guard, name, hash, password);
	struct check *check;
	struct actor actor;

	if (known != NULL && is_remembered(guard, &digest)) {
		actor = guard_actor(known->role, "", known->name);
		(void)guard_may(guard, call, &actor);
		return;
	}
	check = check_under_way(guard, &digest);
	if (check != NULL)
		wait_for(check, call);
	else
		check_start(
		    guard, call, known, name, hash, password, &digest);
}

void
guard_logins_start(struct guard *guard)
{
	if (guard->workers == NULL)
		guard->workers = worker_pool_new(guard->loop, "login", THREADS, CHECKS_MAX);
}

void
guard_logins_close(struct guard *guard)
{
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
