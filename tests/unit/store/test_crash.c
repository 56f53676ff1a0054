/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 at seeded moments.  A child writes batches as fast as it can and
 * reports each through a pipe once its waiter has run; the parent kills it
 * somewhere in the middle, opens the same directory and looks for every
 * report and for halves.
 */
#include <sys/wait.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "unit/store/fixture.h"

enum { ROUNDS = 40, BATCH_ROWS = 5, IN_FLIGHT = 4, REPORTS_MAX = 60 };

struct report {
	int64_t batch; /* also updated_at of its rows */
	int64_t last_id;
};

/* ---- the child ------------------------------------------------------------------ */

static struct lane {
	struct store_waiter waiter;
	struct report report;
	int fd;
} lanes[IN_FLIGHT];
static int64_t batch_now;

static void
write_batch(struct lane *lane)
{
	lane->report.batch = ++batch_now;
	for (int i = 0; i < BATCH_ROWS; i++) {
		lane->report.last_id = store_next_id(fx.store);
		fixture_put_alert(lane->report.last_id, batch_now);
	}
	fixture_put_history(0, (wall_t){ batch_now }, "firing", 3);
	store_wait(fx.store, &lane->waiter);
}

static void
report_batch(void *arg, bool ok)
{
	struct lane *lane = arg;

	if (!ok || write(lane->fd, &lane->report, sizeof(lane->report)) !=
	    (ssize_t)sizeof(lane->report))
		_exit(1);
	write_batch(lane);
}

static void
child(int fd, int64_t first_batch)
{
	struct err err;

	fx.loop = loop_new();
	fx.store = store_open(&fx.options, fx.loop, &err);
	if (fx.store == NULL)
		_exit(1);
	batch_now = first_batch;
	for (size_t i = 0; i < ARRAY_LEN(lanes); i++) {
		lanes[i] = (struct lane){ .fd = fd,
			.waiter = { .fn = report_batch, .arg = &lanes[i] } };
		write_batch(&lanes[i]);
	}
	loop_run(fx.loop);
	_exit(1);
}

/* ---- the parent ------------------------------------------------------------------ */

struct seen {
	struct report reports[1 << 16];
	size_t n;
};

static bool
read_report(int fd, struct seen *seen)
{
	struct report *report = &seen->reports[seen->n];

	ck_assert_uint_lt(seen->n, ARRAY_LEN(seen->reports));
	if (read(fd, report, sizeof(*report)) != (ssize_t)sizeof(*report))
		return false;
	seen->n++;
	return true;
}

/* Kills after some reports and a bit, then takes what is still in the pipe. */
static void
run_and_kill(struct rng *rng, struct seen *seen, int64_t first_batch)
{
	int fds[2], status;
	uint32_t reports = (uint32_t)(rng_next(rng) % REPORTS_MAX);
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(fds[0]);
		child(fds[1], first_batch);
	}
	(void)close(fds[1]);
	while (reports-- > 0)
		ck_assert_msg(read_report(fds[0], seen), "the child died");
	/* Nothing comes on no descriptor: a pause of 0 to 3 ms. */
	(void)poll(NULL, 0, (int)(rng_next(rng) % 4));
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	while (read_report(fds[0], seen))
		;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status), "the child ended by itself");
	(void)close(fds[0]);
}

struct found {
	int64_t batch, last_id;
	int rows;
	const struct seen *seen;
	size_t next; /* of seen->reports, which are in order of batch */
	int64_t batches;
};

static void
batch_ends(struct found *found)
{
	if (found->rows == 0)
		return;
	ck_assert_msg(found->rows == BATCH_ROWS, "batch %lld has %d rows",
	    (long long)found->batch, found->rows);
	found->batches++;
	if (found->next < found->seen->n &&
	    found->seen->reports[found->next].batch == found->batch) {
		ck_assert_int_eq(found->seen->reports[found->next].last_id,
		    found->last_id);
		found->next++;
	}
}

static void
on_alert(void *arg, const struct alert_row *row)
{
	struct found *found = arg;

	if (row->updated_at.ns != found->batch) {
		ck_assert_int_gt(row->updated_at.ns, found->batch);
		batch_ends(found);
		found->batch = row->updated_at.ns;
		found->rows = 0;
	}
	found->rows++;
	found->last_id = row->id;
}

/* Returns the newest batch in the database. */
static int64_t
verify(const struct seen *seen)
{
	struct err err = { .code = ERR_NONE };
	struct found found = { .seen = seen };
	struct store_sink sink = { .arg = &found, .alert = on_alert };
	int64_t next_id;

	fixture_open();
	ck_assert_msg(store_load(fx.store, &sink, &err) == 0, "%s", err.text);
	batch_ends(&found);
	ck_assert_msg(found.next == seen->n, "batch %lld was reported and is lost",
	    found.next < seen->n ? (long long)seen->reports[found.next].batch : 0);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM history"),
	    found.batches);
	next_id = store_next_id(fx.store);
	ck_assert_int_gt(next_id, found.last_id);
	fixture_close();
	return found.batch;
}

START_TEST(what_was_reported_survives_kill_9_and_no_half_batch_does)
{
	struct seen *seen = xcalloc(1, sizeof(*seen));
	struct rng rng;
	int64_t batch = 0;

	rng_init(&rng, 20240229);
	for (int round = 0; round < ROUNDS; round++) {
		run_and_kill(&rng, seen, batch);
		batch = verify(seen);
	}
	ck_assert_uint_gt(seen->n, ROUNDS);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM pragma_quick_check "
	    "WHERE quick_check <> 'ok'"), 0);
	free(seen);
}
END_TEST

TCase *
crash_tests(void)
{
	TCase *tcase = tcase_create("crash");

	tcase_add_checked_fixture(tcase, fixture_virtual, fixture_fini);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_was_reported_survives_kill_9_and_no_half_batch_does);
	return tcase;
}
