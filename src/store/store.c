/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop thread's side: batches, waiters, ids, opening and closing.
 *
 *   IDLE -- turn end, rows in filling: swap, submit --> COMMITTING
 *   COMMITTING -- committed --> IDLE, waiters of flying run
 *   COMMITTING -- failed --> RETRYING -- after a second --> COMMITTING
 *   IDLE -- log is long --> CHECKPOINTING --> IDLE
 *
 * While not idle, rows collect in `filling`; they become one transaction.
 *
 * Ids come from one counter for all tables.  The database knows an upper
 * bound of it, moved on by STORE_ID_BLOCK ahead of the rows that use the ids,
 * in the same order: after a crash the counter goes on behind the bound, also
 * when the rows have been deleted since.  Closing writes the exact value.
 * Only an id whose batch was never committed can come again, and no receiver
 * has seen that one.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "store/store_internal.h"

static void turn_end(void *arg);
static void turn_begins(void *arg);
static void retry(void *arg);
static void job_done(struct job *job, bool cancelled);

/* ---- opening ---------------------------------------------------------------- */

static char *
path_in(const char *dir, const char *name)
{
	struct buf buf = { 0 };

	buf_printf(&buf, "%s/%s", dir, name);
	return buf_take(&buf);
}

static int
remember_file(struct store *store, struct err *err)
{
	struct stat st;

	if (stat(store->path, &st) < 0)
		return err_set(err, ERR_IO, "%s: %s", store->path, strerror(errno));
	store->file_inode = st.st_ino;
	store->file_device = st.st_dev;
	return 0;
}

static int
load_ids(struct store *store, struct err *err)
{
	static const char sql[] =
	    "SELECT max("
	    "ifnull((SELECT max(id) FROM alert), 0),"
	    "ifnull((SELECT max(id) FROM rule), 0),"
	    "ifnull((SELECT max(id) FROM rule_alert), 0),"
	    "ifnull((SELECT max(id) FROM agg_group), 0),"
	    "ifnull((SELECT max(id) FROM nflog), 0),"
	    "ifnull((SELECT max(id) FROM delivery), 0),"
	    "ifnull((SELECT max(id) FROM history), 0),"
	    "ifnull((SELECT max(id) FROM decision), 0),"
	    "ifnull((SELECT max(id) FROM flap), 0),"
	    "ifnull((SELECT max(id) FROM audit), 0),"
	    "ifnull((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta "
	    "WHERE key = '" META_IDS "'), 0))";
	int64_t last = 0;
	int rc = store_integer(store->writer.db, sql, &last, err);

	if (rc < 0)
		return rc;
	store->next_id = last + 1;
	store->reserved_id = last;
	return 0;
}

static void
job_run(struct job *job)
{
	struct commit_job *commit = CONTAINER_OF(job, struct commit_job, job);

	writer_run(&commit->store->writer, commit);
}

static void
start(struct store *store)
{
	struct loop *loop = store->loop;

	store->job.store = store;
	store->job.job.run = job_run;
	store->job.job.done = job_done;
	timer_init(&store->wake, turn_begins, store);
	timer_init(&store->retry, retry, store);
	/* Before the pools: what is submitted here may run in this turn end. */
	store->turn_end.fn = turn_end;
	store->turn_end.arg = store;
	loop_hook_turn_end(loop, &store->turn_end);
	store->writer_pool = worker_pool_new(loop, "store", 1, 1);
	store->reader_pool = worker_pool_new(loop, "store-read", 1,
	    STORE_QUERIES_WAITING);
}

static void
store_free(struct store *store)
{
	reader_close(&store->reader);
	writer_close(&store->writer);
	store_unlock(&store->lock_fd);
	for (size_t i = 0; i < ARRAY_LEN(store->batches); i++)
		buf_fini(&store->batches[i].ops);
	free(store->path);
	free(store->wal_path);
	free(store);
}

struct store *
store_open(const struct store_options *options, struct loop *loop,
    struct err *err)
{
	struct store *store = xcalloc(1, sizeof(*store));
	int rc;

	store->loop = loop;
	store->path = path_in(options->dir, "tocsin.db");
	store->wal_path = path_in(options->dir, "tocsin.db-wal");
	store->retention = options->retention.ns > 0 ? options->retention :
						       DUR_S(120 * 3600);
	store->audit_retention = options->audit_retention.ns > 0 ?
	    options->audit_retention : DUR_S(90 * 24 * 3600);
	if (dur_less(store->audit_retention, store->retention))
		store->audit_retention = store->retention;
	store->failing = options->fail_commits;
	store->lock_fd = -1;
	list_init(&store->ready);
	list_init(&store->refused);
	for (size_t i = 0; i < ARRAY_LEN(store->batches); i++)
		list_init(&store->batches[i].waiters);
	store->filling = &store->batches[0];
	store->flying = &store->batches[1];

	rc = store_lock(options->dir, &store->lock_fd, err);
	if (rc == 0)
		rc = writer_open(&store->writer, store->path, err);
	if (rc == 0)
		rc = reader_open(&store->reader, store->path, err);
	if (rc == 0)
		rc = load_ids(store, err);
	if (rc == 0)
		rc = remember_file(store, err);
	if (rc < 0) {
		store_free(store);
		return NULL;
	}
	start(store);
	return store;
}

int64_t
store_next_id(struct store *store)
{
	if (store->next_id > store->reserved_id) {
		store->reserved_id = store->next_id + STORE_ID_BLOCK - 1;
		store_put_ids(store, store->reserved_id);
	}
	return store->next_id++;
}

/* ---- waiters ------------------------------------------------------------------ */

void
store_wait(struct store *store, struct store_waiter *waiter)
{
	list_append(&store->filling->waiters, &waiter->link);
	store_wake(store);
}

void
store_wait_cancel(struct store_waiter *waiter)
{
	list_remove(&waiter->link);
}

static void
list_move_all(struct link *to, struct link *from)
{
	while (!list_empty(from)) {
		struct link *link = from->next;

		list_remove(link);
		list_append(to, link);
	}
}

/* One at a time: a waiter may cancel another, write, and wait again. */
static void
run_waiters(struct link *list, bool ok)
{
	while (!list_empty(list)) {
		struct store_waiter *waiter = CONTAINER_OF(list->next,
		    struct store_waiter, link);

		list_remove(&waiter->link);
		waiter->fn(waiter->arg, ok);
	}
}

bool
store_is_stalled(const struct store *store)
{
	return store->stalled ||
	    store->filling->ops.n + store->flying->ops.n > STORE_STALL_BYTES;
}

/*
 * What was deleted or moved away goes on being written to by those who have it
 * open, and is gone with them.
 */
void
store_check(struct store *store)
{
	struct stat st;
	bool lost = stat(store->path, &st) < 0 ||
	    st.st_ino != store->file_inode || st.st_dev != store->file_device;

	if (lost && !store->lost)
		log_error("store", "the database is no longer where it was: what is written now "
		    "is lost when this process ends; move it back, or restart",
		    LOG_Z("file", store->path));
	else if (!lost && store->lost)
		log_info("store", "the database is where it was", LOG_Z("file", store->path));
	store->lost = lost;
}

const char *
store_trouble(const struct store *store)
{
	if (store->stalled)
		return "state cannot be written to disk";
	if (store_is_stalled(store))
		return "the disk is too slow: too much waits to be written";
	return store->lost ? "the database was deleted or moved away" : NULL;
}

void
store_set_failing(struct store *store, bool failing)
{
	store->failing = failing;
}

void
store_abandon(struct store *store)
{
	/* The log stays as it is for whoever opens the file next. */
	(void)sqlite3_db_config(store->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_db_config(store->reader.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	store->writer.abandoned = true;
}

/* ---- turns --------------------------------------------------------------------- */

void
store_wake(struct store *store)
{
	if (!store->closing && !timer_is_set(&store->wake))
		loop_timer_set(store->loop, &store->wake,
		    loop_mono(store->loop));
}

static void
turn_begins(void *arg)
{
	struct store *store = arg;

	run_waiters(&store->ready, true);
	store_queries_refuse(store);
}

static void
submit(struct store *store, enum store_phase phase, struct batch *batch)
{
	struct commit_job *job = &store->job;

	job->batch = batch;
	job->fail = store->failing;
	job->result = COMMIT_NOT_RUN;
	job->began = loop_mono_exact(store->loop);
	store->phase = phase;
	(void)worker_submit(store->writer_pool, &job->job); /* room for one */
}

static void
hand_over(struct store *store)
{
	struct batch *full = store->filling;

	store->filling = store->flying;
	store->flying = full;
	submit(store, STORE_COMMITTING, full);
}

static void
checkpoint(struct store *store, bool truncate)
{
	store->checkpoint_due = false;
	store->truncate_due = store->truncate_due && !truncate;
	store->job.truncate = truncate;
	submit(store, STORE_CHECKPOINTING, NULL);
}

static void
turn_end(void *arg)
{
	struct store *store = arg;

	loop_timer_stop(store->loop, &store->wake);
	if (store->phase != STORE_IDLE) {
		; /* job_done or retry goes on */
	} else if (store->checkpoint_due) {
		/* Before the rows: without a pause it would never get its turn. */
		checkpoint(store, false);
	} else if (store->filling->rows > 0) {
		hand_over(store);
	} else if (store->truncate_due) {
		checkpoint(store, true);
	} else {
		list_move_all(&store->ready, &store->filling->waiters);
	}
	if (!list_empty(&store->ready) || !list_empty(&store->refused))
		store_wake(store);
}

static void
retry(void *arg)
{
	struct store *store = arg;

	submit(store, STORE_COMMITTING, store->flying);
}

/* ---- after a job ----------------------------------------------------------------- */

static void
batch_clear(struct batch *batch)
{
	batch->rows = 0;
	if (batch->ops.cap > STORE_BATCH_KEEP_BYTES)
		buf_fini(&batch->ops);
	else
		buf_clear(&batch->ops);
}

static void
committed(struct store *store, struct batch *batch)
{
	struct link waiters;

	list_init(&waiters);
	list_move_all(&waiters, &batch->waiters);
	store->stats.commits++;
	store->stats.rows += batch->rows - store->job.refused;
	batch_clear(batch);
	if (store->stalled)
		log_info("store", "commits work again");
	store->stalled = false;
	if (store->job.prune_again && !store->closing)
		store_put_prune(store, store->prune_before);
	if (store->writer.wal_frames >= STORE_CHECKPOINT_FRAMES)
		store->checkpoint_due = true;
	run_waiters(&waiters, true);
}

static void
commit_failed(struct store *store)
{
	store->stats.commit_failures++;
	store->stalled = true;
	store->phase = STORE_RETRYING;
	log_error("store", "commit failed: changes wait in memory, next try in 1s",
	    LOG_Z("error", store->job.err.text),
	    LOG_INT("rows", store->flying->rows));
	loop_timer_set(store->loop, &store->retry,
	    mono_add(loop_mono(store->loop), DUR_MS(STORE_RETRY_MS)));
}

static void
job_done(struct job *job, bool cancelled)
{
	struct commit_job *commit = CONTAINER_OF(job, struct commit_job, job);
	struct store *store = commit->store;
	dur_t took = mono_since(loop_mono_exact(store->loop), commit->began);

	(void)cancelled; /* the result tells */
	store->phase = STORE_IDLE;
	if (commit->batch == NULL) {
		if (commit->result == COMMIT_FAILED)
			log_warn("store", "checkpoint failed: the log grows until "
			    "one succeeds", LOG_Z("error", commit->err.text));
		return;
	}
	if (commit->result == COMMIT_DONE) {
		store->stats.commit_last = took;
		if (dur_less(store->stats.commit_max, took))
			store->stats.commit_max = took;
		committed(store, commit->batch);
	} else if (!store->closing) {
		commit_failed(store);
	}
}

/* ---- closing ----------------------------------------------------------------------- */

/* No job is out any more: the loop thread commits by itself. */
static bool
close_batch(struct store *store, struct batch *batch)
{
	store->job.batch = batch;
	store->job.fail = store->failing;
	writer_run(&store->writer, &store->job);
	if (store->job.result == COMMIT_DONE) {
		committed(store, batch);
		return true;
	}
	store->stats.commit_failures++;
	log_error("store", "closed with changes that could not be written",
	    LOG_Z("error", store->job.err.text), LOG_INT("rows", batch->rows));
	return false;
}

/* True if all is in the database. */
static bool
close_batches(struct store *store)
{
	/* Waiters may write and wait once more; not for ever. */
	enum { ROUNDS = 8 };
	bool ok = true;

	for (int i = 0; i < ROUNDS; i++) {
		struct batch *batch = store->flying;

		/* Rows after lost ones may lean on them: lost as well. */
		if (batch->rows > 0)
			ok = ok && close_batch(store, batch);
		batch_clear(batch);
		run_waiters(&batch->waiters, ok);
		store->flying = store->filling;
		store->filling = batch;
	}
	return ok;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	store->closing = true;
	loop_hook_remove(&store->turn_end);
	loop_timer_stop(store->loop, &store->wake);
	loop_timer_stop(store->loop, &store->retry);
	sqlite3_interrupt(store->reader.db);
	worker_pool_free(store->reader_pool);
	store_queries_refuse(store);
	worker_pool_free(store->writer_pool);

	run_waiters(&store->ready, true);
	if (close_batches(store) && store->reserved_id >= store->next_id) {
		store_put_ids(store, store->next_id - 1);
		(void)close_batches(store);
	}
	store->job.batch = NULL;
	store->job.truncate = true;
	/* The reader first: its snapshot would be in the checkpoint's way. */
	reader_close(&store->reader);
	writer_run(&store->writer, &store->job);
	if (store->job.result == COMMIT_FAILED)
		log_warn("store", "last checkpoint failed; the next start does it",
		    LOG_Z("error", store->job.err.text));
	store_free(store);
}

/* ---- figures --------------------------------------------------------------------------- */

static int64_t
file_bytes(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

struct store_stats
store_stats(const struct store *store)
{
	struct store_stats stats = store->stats;

	stats.queue_bytes = (uint32_t)(store->filling->ops.n +
	    store->flying->ops.n);
	stats.db_bytes = file_bytes(store->path);
	stats.wal_bytes = file_bytes(store->wal_path);
	return stats;
}
