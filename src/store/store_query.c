/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings: each is a job on the reader's worker, with a connection of its
 * own that only reads.  The rows are copied out, so that no statement stays
 * open (an open one would hold its snapshot and let the log grow) and the
 * loop thread gets plain values.
 *
 * History is listed newest first by (at, id).  Its fingerprint index begins
 * with a block of ids (store_schema.c), so that query walks the blocks.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/xalloc.h"
#include "store/store_internal.h"

#define HISTORY_COLUMNS "id, at, kind, labels, fingerprint, value, subject, detail"

/* clang-format off */
static const char *const queries[QUERY_COUNT] = {
	[QUERY_HISTORY] =
		"SELECT " HISTORY_COLUMNS " FROM history INDEXED BY history_at "
		"WHERE at >= ?1 AND at <= ?2 AND (at < ?3 OR id < ?4) AND (?5 = '' OR kind = ?5) "
		"ORDER BY at DESC, id DESC LIMIT ?6",
	[QUERY_HISTORY_FINGERPRINT] =
		"WITH RECURSIVE blocks (block) AS (SELECT 0x7ffffffffffff UNION ALL "
		"SELECT (SELECT id >> 12 FROM history INDEXED BY history_fingerprint WHERE fingerprint <> 0 "
		"AND id >> 12 < block ORDER BY id >> 12 DESC LIMIT 1) FROM blocks WHERE block IS NOT NULL) "
		"SELECT " HISTORY_COLUMNS " FROM blocks CROSS JOIN history INDEXED BY history_fingerprint "
		"ON id >> 12 = block AND fingerprint = ?7 AND fingerprint <> 0 "
		"WHERE at >= ?1 AND at <= ?2 AND (at < ?3 OR id < ?4) AND (?5 = '' OR kind = ?5) "
		"ORDER BY at DESC, id DESC LIMIT ?6",
	[QUERY_BOUNDS] =
		"SELECT (SELECT min(at) FROM history), (SELECT max(at) FROM history), "
		"(SELECT at FROM history WHERE id <= ?1 ORDER BY id DESC LIMIT 1)",
	[QUERY_DELIVERIES] =
		"SELECT " DELIVERY_COLUMNS " FROM delivery WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
	[QUERY_DELIVERIES_STATE] =
		"SELECT " DELIVERY_COLUMNS " FROM delivery INDEXED BY delivery_state "
		"WHERE state = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2",
	[QUERY_DELIVERIES_RECEIVER] =
		"SELECT " DELIVERY_COLUMNS " FROM delivery INDEXED BY delivery_receiver "
		"WHERE receiver = ?4 AND id < ?1 AND (?3 < 0 OR state = ?3) ORDER BY id DESC LIMIT ?2",
};
/* clang-format on */

struct query_job {
	struct store_read read;
	store_history_fn *history_fn; /* one of the two is set */
	store_delivery_fn *delivery_fn;
	void *arg;
	struct history_query history;
	struct delivery_query delivery;
	char *text; /* copy of history.kind or delivery.receiver */
	/* the answer */
	struct history_row *history_rows;
	struct delivery_row *delivery_rows;
	uint32_t n;
};

/* ---- the connection ------------------------------------------------------- */

static int
out_of_patience(void *arg)
{
	struct reader *reader = arg;

	return --reader->checks_left < 0;
}

int
reader_open(struct reader *reader, const char *path, struct err *err)
{
	int rc = store_connect(&reader->db, path, true, err);

	reader->checks_max = STORE_QUERY_CHECKS;
	for (int i = 0; rc == 0 && i < QUERY_COUNT; i++)
		rc = store_prepare(reader->db, queries[i], &reader->queries[i],
		    err);
	if (rc < 0) {
		reader_close(reader);
		return rc;
	}
	sqlite3_progress_handler(reader->db, STORE_QUERY_STEPS, out_of_patience,
	    reader);
	return 0;
}

void
reader_close(struct reader *reader)
{
	for (int i = 0; i < QUERY_COUNT; i++)
		(void)sqlite3_finalize(reader->queries[i]);
	store_disconnect(&reader->db);
	*reader = (struct reader){ 0 };
}

void
store_read_failed(struct store_read *read, sqlite3 *db)
{
	if ((sqlite3_errcode(db) & 0xff) != SQLITE_INTERRUPT)
		(void)store_sql_error(&read->err, db, "listing");
	else if (read->store->reader.checks_left < 0)
		(void)err_set(&read->err, ERR_LIMIT,
		    "too many rows to look at; narrow the time range");
	else
		(void)err_set(&read->err, ERR_CANCELLED, "shutting down");
}

/* ---- on the reader's thread ------------------------------------------------ */

static void
read_history_row(struct query_job *query, sqlite3_stmt *stmt)
{
	struct arena *arena = query->read.arena;

	query->history_rows[query->n++] = (struct history_row){
		.id = sqlite3_column_int64(stmt, 0),
		.at = store_column_wall(stmt, 1),
		.kind = arena_str(arena, store_column_str(stmt, 2)),
		.labels = arena_str(arena, store_column_str(stmt, 3)),
		.fingerprint = (uint64_t)sqlite3_column_int64(stmt, 4),
		.value = store_column_double(stmt, 5),
		.subject = arena_str(arena, store_column_str(stmt, 6)),
		.detail = arena_str(arena, store_column_str(stmt, 7)),
	};
}

static void
read_delivery_row(struct query_job *query, sqlite3_stmt *stmt)
{
	struct delivery_row *row = &query->delivery_rows[query->n++];
	struct str *texts[] = { &row->group_key, &row->receiver,
		&row->integration, &row->group_labels, &row->route_id,
		&row->reason, &row->alerts, &row->error, &row->place };

	store_delivery_read(stmt, row);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = arena_str(query->read.arena, *texts[i]);
}

static void
read_rows(struct query_job *query, sqlite3 *db, sqlite3_stmt *stmt)
{
	int step = SQLITE_DONE;

	/* What is cut off by size comes with the next page. */
	while (arena_bytes(query->read.arena) < STORE_QUERY_BYTES &&
	    (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (query->history_fn != NULL)
			read_history_row(query, stmt);
		else
			read_delivery_row(query, stmt);
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		store_read_failed(&query->read, db);
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
}

struct bounds {
	int64_t first, last, before;
	bool empty;
};

static struct bounds
read_bounds(struct query_job *query, const struct reader *reader)
{
	sqlite3_stmt *stmt = reader->queries[QUERY_BOUNDS];
	int64_t before_id = query->history.before_id;
	struct bounds bounds = { .empty = true };

	(void)sqlite3_bind_int64(stmt, 1,
	    before_id != 0 ? before_id : INT64_MAX);
	if (sqlite3_step(stmt) != SQLITE_ROW) {
		store_read_failed(&query->read, reader->db);
	} else if (sqlite3_column_type(stmt, 2) != SQLITE_NULL) {
		bounds.empty = false;
		bounds.first = sqlite3_column_int64(stmt, 0);
		bounds.last = sqlite3_column_int64(stmt, 1);
		bounds.before = before_id != 0 ? sqlite3_column_int64(stmt, 2) :
						 INT64_MAX;
	}
	(void)sqlite3_reset(stmt);
	return bounds;
}

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
run_history(struct query_job *query, const struct reader *reader)
{
	const struct history_query *q = &query->history;
	struct bounds bounds = read_bounds(query, reader);
	bool by_alert = q->fingerprint != 0;
	sqlite3_stmt *stmt = reader->queries[by_alert ?
	    QUERY_HISTORY_FINGERPRINT : QUERY_HISTORY];
	int64_t since, until;

	if (bounds.empty)
		return;
	since = larger(wall_is_set(q->since) ? q->since.ns : INT64_MIN,
	    bounds.first);
	until = smaller(wall_is_set(q->until) ? q->until.ns - 1 : INT64_MAX,
	    smaller(bounds.last, bounds.before));
	if (since > until)
		return;
	(void)sqlite3_bind_int64(stmt, 1, since);
	(void)sqlite3_bind_int64(stmt, 2, until);
	(void)sqlite3_bind_int64(stmt, 3, bounds.before);
	(void)sqlite3_bind_int64(stmt, 4,
	    q->before_id != 0 ? q->before_id : INT64_MAX);
	(void)sqlite3_bind_text(stmt, 5, query->text, (int)q->kind.n,
	    SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 6, q->limit);
	if (by_alert)
		(void)sqlite3_bind_int64(stmt, 7, (int64_t)q->fingerprint);
	read_rows(query, reader->db, stmt);
}

static void
run_deliveries(struct query_job *query, const struct reader *reader)
{
	const struct delivery_query *q = &query->delivery;
	int which = q->receiver.n > 0 ? QUERY_DELIVERIES_RECEIVER :
	    q->state >= 0	      ? QUERY_DELIVERIES_STATE :
					QUERY_DELIVERIES;
	sqlite3_stmt *stmt = reader->queries[which];

	(void)sqlite3_bind_int64(stmt, 1,
	    q->before_id != 0 ? q->before_id : INT64_MAX);
	(void)sqlite3_bind_int64(stmt, 2, q->limit);
	if (which != QUERY_DELIVERIES)
		(void)sqlite3_bind_int64(stmt, 3, q->state);
	if (which == QUERY_DELIVERIES_RECEIVER)
		(void)sqlite3_bind_text(stmt, 4, query->text,
		    (int)q->receiver.n, SQLITE_STATIC);
	read_rows(query, reader->db, stmt);
}

static void
query_run(struct store_read *read, sqlite3 *db)
{
	struct query_job *query = CONTAINER_OF(read, struct query_job, read);
	struct reader *reader = &read->store->reader;

	(void)db;
	if (query->history_fn != NULL) {
		query->history_rows = xcalloc(query->history.limit,
		    sizeof(*query->history_rows));
		run_history(query, reader);
	} else {
		query->delivery_rows = xcalloc(query->delivery.limit,
		    sizeof(*query->delivery_rows));
		run_deliveries(query, reader);
	}
}

static void
job_run(struct job *job)
{
	struct store_read *read = CONTAINER_OF(job, struct store_read, job);
	struct reader *reader = &read->store->reader;

	read->ran = true;
	read->arena = arena_new(0);
	reader->checks_left = reader->checks_max;
	read->run(read, reader->db);
}

/* ---- on the loop thread ---------------------------------------------------- */

static void
query_answer(struct store_read *read, const struct err *err)
{
	struct query_job *query = CONTAINER_OF(read, struct query_job, read);
	uint32_t n = err == NULL ? query->n : 0;

	if (query->history_fn != NULL)
		query->history_fn(query->arg, query->history_rows, n, err);
	else
		query->delivery_fn(query->arg, query->delivery_rows, n, err);
	free(query->history_rows);
	free(query->delivery_rows);
	free(query->text);
	free(query);
}

static void
read_answer(struct store_read *read)
{
	struct arena *arena = read->arena;
	struct err err = read->err;

	read->answer(read, err.code != ERR_NONE ? &err : NULL);
	arena_free(arena);
}

static void
job_done(struct job *job, bool cancelled)
{
	struct store_read *read = CONTAINER_OF(job, struct store_read, job);

	(void)cancelled; /* an answer that is there is given */
	if (!read->ran)
		(void)err_set(&read->err, ERR_CANCELLED, "shutting down");
	read_answer(read);
}

void
store_read_submit(struct store *store, struct store_read *read)
{
	read->store = store;
	read->job.run = job_run;
	read->job.done = job_done;
	if (worker_submit(store->reader_pool, &read->job))
		return;
	(void)err_set(&read->err, ERR_BUSY, "too many listings at once");
	list_append(&store->refused, &read->link);
	store_wake(store);
}

void
store_queries_refuse(struct store *store)
{
	while (!list_empty(&store->refused)) {
		struct store_read *read = CONTAINER_OF(store->refused.next,
		    struct store_read, link);

		list_remove(&read->link);
		read_answer(read);
	}
}

uint32_t
store_read_limit(uint32_t limit)
{
	if (limit == 0)
		return 1;
	return limit < STORE_QUERY_ROWS ? limit : STORE_QUERY_ROWS;
}

static struct query_job *
query_new(struct str text, void *arg)
{
	struct query_job *query = xcalloc(1, sizeof(*query));

	query->arg = arg;
	query->text = xmemdup0(text.n > 0 ? text.p : "", text.n);
	query->read.run = query_run;
	query->read.answer = query_answer;
	return query;
}

void
store_history_query(struct store *store, const struct history_query *q,
    store_history_fn *fn, void *arg)
{
	struct query_job *query = query_new(q->kind, arg);

	query->history_fn = fn;
	query->history = *q;
	query->history.limit = store_read_limit(q->limit);
	store_read_submit(store, &query->read);
}

void
store_delivery_query(struct store *store, const struct delivery_query *q,
    store_delivery_fn *fn, void *arg)
{
	struct query_job *query = query_new(q->receiver, arg);

	query->delivery_fn = fn;
	query->delivery = *q;
	query->delivery.limit = store_read_limit(q->limit);
	store_read_submit(store, &query->read);
}
