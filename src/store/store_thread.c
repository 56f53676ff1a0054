/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store thread's work: one batch, one transaction.
 *
 * Everything here runs on the worker that has the job, or on the loop thread
 * when no job is out.  Statements are prepared at open; they are reset after
 * each row and lose their bindings, which point into the batch, at its end.
 */
#include "base/attr.h"
#include "base/log.h"
#include "store/store_internal.h"

static int
wal_frames_seen(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct writer *writer = arg;

	(void)db;
	(void)name;
	writer->wal_frames = frames;
	return SQLITE_OK;
}

int
writer_open(struct writer *writer, const char *path, struct err *err)
{
	sqlite3 *db;
	int rc = store_connect(&writer->db, path, false, err);

	if (rc == 0)
		rc = store_migrate(writer->db, path, STORE_SCHEMA_VERSION, err);
	db = writer->db;
	if (rc == 0)
		rc = store_prepare(db, "BEGIN IMMEDIATE", &writer->begin, err);
	if (rc == 0)
		rc = store_prepare(db, "COMMIT", &writer->commit, err);
	if (rc == 0)
		rc = store_prepare(db, "ROLLBACK", &writer->rollback, err);
	for (int i = 0; rc == 0 && i < OP_COUNT; i++)
		rc = store_prepare(db, store_ops[i].sql, &writer->ops[i], err);
	if (rc < 0) {
		writer_close(writer);
		return rc;
	}
	/* Checkpoints are jobs of their own, after the waiters have run. */
	(void)sqlite3_wal_hook(db, wal_frames_seen, writer);
	return 0;
}

void
writer_close(struct writer *writer)
{
	(void)sqlite3_finalize(writer->begin);
	(void)sqlite3_finalize(writer->commit);
	(void)sqlite3_finalize(writer->rollback);
	for (int i = 0; i < OP_COUNT; i++)
		(void)sqlite3_finalize(writer->ops[i]);
	store_disconnect(&writer->db);
	*writer = (struct writer){ 0 };
}

static int
run_simple(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	(void)sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/*
 * A row that breaks a constraint would break it for ever and hold up all
 * that follows, so it is left out and reported.
 */
static bool
is_hopeless(int rc)
{
	int primary = rc & 0xff;

	return primary == SQLITE_CONSTRAINT || primary == SQLITE_MISMATCH ||
	    primary == SQLITE_TOOBIG;
}

/* Of the statements that this batch has used: most of them serve few batches. */
static void
forget_bindings(struct writer *writer)
{
	for (int i = 0; i < OP_COUNT; i++) {
		if (!writer->used[i])
			continue;
		writer->used[i] = false;
		(void)sqlite3_clear_bindings(writer->ops[i]);
	}
}

static int
run_ops(struct writer *writer, struct commit_job *job)
{
	const char *p = job->batch->ops.p;
	const char *end = p + job->batch->ops.n;

	while (p < end) {
		enum store_op_code code = (enum store_op_code)(unsigned char)*p;
		sqlite3_stmt *stmt = writer->ops[code];
		int rc;

		writer->used[code] = true;
		p = store_op_bind(stmt, code, p + 1);
		rc = sqlite3_step(stmt);
		if (rc != SQLITE_DONE && is_hopeless(rc)) {
			job->refused++;
			log_error("store", "row refused by the database",
			    LOG_Z("op", store_ops[code].name),
			    LOG_Z("error", sqlite3_errmsg(writer->db)));
		} else if (rc != SQLITE_DONE) {
			(void)store_sql_error(&job->err, writer->db,
			    store_ops[code].name);
			(void)sqlite3_reset(stmt);
			return -1;
		}
		(void)sqlite3_reset(stmt);
		if (store_op_prunes(code) &&
		    sqlite3_changes(writer->db) >= STORE_PRUNE_ROWS)
			job->prune_again = true;
	}
	return 0;
}

static void
run_batch(struct writer *writer, struct commit_job *job)
{
	int rc;

	job->result = COMMIT_FAILED;
	job->prune_again = false;
	job->refused = 0;
	job->err = (struct err){ .code = ERR_NONE };
	if (run_simple(writer->begin) != SQLITE_OK) {
		(void)store_sql_error(&job->err, writer->db, "begin");
		return;
	}
	rc = run_ops(writer, job);
	forget_bindings(writer);
	if (rc == 0 && job->fail) {
		(void)err_set(&job->err, ERR_STORE, "commit: failure asked for");
	} else if (rc == 0) {
		if (run_simple(writer->commit) == SQLITE_OK) {
			job->result = COMMIT_DONE;
			return;
		}
		(void)store_sql_error(&job->err, writer->db, "commit");
	}
	/* SQLite has rolled back by itself after some failures. */
	if (sqlite3_get_autocommit(writer->db) == 0)
		(void)run_simple(writer->rollback);
}

static void
run_checkpoint(struct writer *writer, struct commit_job *job)
{
	int mode = job->truncate ? SQLITE_CHECKPOINT_TRUNCATE :
				   SQLITE_CHECKPOINT_PASSIVE;
	int rc = sqlite3_wal_checkpoint_v2(writer->db, NULL, mode, NULL, NULL);

	job->err = (struct err){ .code = ERR_NONE };
	job->result = COMMIT_DONE;
	/* A reader in the way is no failure: the next one gets further. */
	if (rc != SQLITE_OK && rc != SQLITE_BUSY && rc != SQLITE_LOCKED) {
		(void)store_sql_error(&job->err, writer->db, "checkpoint");
		job->result = COMMIT_FAILED;
		return;
	}
	writer->wal_frames = 0;
}

void
writer_run(struct writer *writer, struct commit_job *job)
{
	if (writer->abandoned)
		job->result = COMMIT_DONE;
	else if (job->batch != NULL)
		run_batch(writer, job);
	else
		run_checkpoint(writer, job);
}
