/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the decision log, written and listed: see store_decision.h.
 *
 * The mask sets two bits per alert.  In groups of a few alerts it tells nine
 * rows of ten apart; rows that name hundreds are always opened, and there
 * cannot be many of those.
 */
#include "store/store_decision.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/xalloc.h"
#include "store/store_put.h"

#define COLUMNS \
	"d.id, d.first_at, d.lasts, d.until, d.verdict, d.group_key, d.target, d.ref, d.cause, " \
	"d.delivery_id, d.next_at, d.n_firing, d.fingerprints"

/* The index holds what the first three lines ask for: other rows are not touched. */
static const char listing[] =
    "SELECT " COLUMNS ", v.id, v.state, v.attempts, v.due_at, v.finished_at, v.error "
    "FROM decision d INDEXED BY decision_at LEFT JOIN delivery v ON v.id = d.delivery_id "
    "WHERE d.first_at < ?3 AND d.id < ?1 "
    "AND (?5 = 0 OR (d.mask & ?5) = ?5 OR (d.n_named = 0 AND d.group_key = ?4)) "
    "AND (d.lasts = 0 AND d.first_at >= ?2 OR d.lasts <> 0 AND (d.until = 0 OR d.until >= ?2)) "
    "AND (?5 <> 0 OR ?4 = '' OR d.group_key = ?4) ORDER BY d.first_at DESC, d.id DESC";

static uint64_t
mask_of(uint64_t fingerprint)
{
	return UINT64_C(1) << (fingerprint & 63) |
	    UINT64_C(1) << (fingerprint >> 6 & 63);
}

static uint64_t
mask_of_all(struct str fingerprints)
{
	uint64_t mask = 0;

	for (uint32_t i = 0; i + 8 <= fingerprints.n && mask != UINT64_MAX; i += 8)
		mask |= mask_of(get_u64le(fingerprints.p + i));
	return mask;
}

void
store_decision_put(struct store *store, const struct decision_row *row)
{
	PUT(store, OP_DECISION_PUT, INT(row->id), TIME(row->first_at), INT(row->lasts),
	    TIME(row->until), INT(row->verdict), TEXT(row->group_key), TEXT(row->target),
	    TEXT(row->ref), TEXT(row->cause), INT(row->delivery_id), TIME(row->next_at),
	    INT(row->n_firing), INT(row->fingerprints.n / 8),
	    INT(mask_of_all(row->fingerprints)), TEXT(row->fingerprints));
}

void
store_decision_close(struct store *store, int64_t id, wall_t until)
{
	PUT(store, OP_DECISION_CLOSE, INT(id), TIME(until));
}

/* ---- reading ---------------------------------------------------------------- */

struct decision_read {
	struct store_read read;
	struct decision_query query;
	char *group_key; /* a copy of the query's */
	store_decision_fn *fn;
	void *arg;
	struct decision_seen *rows;
	uint32_t n;
};

static void
read_columns(sqlite3_stmt *stmt, struct decision_row *ret)
{
	*ret = (struct decision_row){
		.id = sqlite3_column_int64(stmt, 0),
		.first_at = store_column_wall(stmt, 1),
		.lasts = sqlite3_column_int64(stmt, 2) != 0,
		.until = store_column_wall(stmt, 3),
		.verdict = store_column_u32(stmt, 4),
		.group_key = store_column_str(stmt, 5),
		.target = store_column_str(stmt, 6),
		.ref = store_column_str(stmt, 7),
		.cause = store_column_str(stmt, 8),
		.delivery_id = sqlite3_column_int64(stmt, 9),
		.next_at = store_column_wall(stmt, 10),
		.n_firing = store_column_u32(stmt, 11),
		.fingerprints = store_column_str(stmt, 12),
	};
}

static bool
names(struct str fingerprints, uint32_t from, uint32_t to, uint64_t fingerprint)
{
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		uint64_t at = get_u64le(fingerprints.p + 8 * (size_t)middle);

		if (at == fingerprint)
			return true;
		if (at < fingerprint)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

/* Is the row about the alert that was asked for? */
static bool
is_wanted(const struct decision_query *query, const struct decision_row *row, bool *ret_fires)
{
	uint32_t n = row->fingerprints.n / 8;
	uint32_t n_firing = row->n_firing < n ? row->n_firing : n;

	*ret_fires = query->fingerprint != 0 &&
	    (n == 0 || names(row->fingerprints, 0, n_firing, query->fingerprint));
	return query->fingerprint == 0 || *ret_fires ||
	    names(row->fingerprints, n_firing, n, query->fingerprint);
}

static void
keep_row(struct decision_read *d, const struct decision_row *row, bool fires, sqlite3_stmt *stmt)
{
	struct arena *arena = d->read.arena;
	struct decision_seen *seen = &d->rows[d->n++];

	*seen = (struct decision_seen){
		.row = *row,
		.alert_fires = fires,
		.has_delivery = sqlite3_column_type(stmt, 13) != SQLITE_NULL,
		.delivery_state = store_column_u32(stmt, 14),
		.attempts = store_column_u32(stmt, 15),
		.due_at = store_column_wall(stmt, 16),
		.finished_at = store_column_wall(stmt, 17),
		.error = arena_str(arena, store_column_str(stmt, 18)),
	};
	seen->row.group_key = arena_str(arena, row->group_key);
	seen->row.target = arena_str(arena, row->target);
	seen->row.ref = arena_str(arena, row->ref);
	seen->row.cause = arena_str(arena, row->cause);
	/* Whoever asks for one alert need not carry the others. */
	seen->row.fingerprints = d->query.fingerprint != 0 ?
	    (struct str){ "", 0 } : arena_str(arena, row->fingerprints);
}

static void
bind(const struct decision_read *d, sqlite3_stmt *stmt)
{
	const struct decision_query *q = &d->query;
	uint64_t mask = q->fingerprint != 0 ? mask_of(q->fingerprint) : 0;

	(void)sqlite3_bind_int64(stmt, 1, q->before_id != 0 ? q->before_id : INT64_MAX);
	(void)sqlite3_bind_int64(stmt, 2, wall_is_set(q->since) ? q->since.ns : INT64_MIN);
	(void)sqlite3_bind_int64(stmt, 3, wall_is_set(q->until) ? q->until.ns : INT64_MAX);
	(void)sqlite3_bind_text(stmt, 4, d->group_key, (int)q->group_key.n, SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 5, (int64_t)mask);
}

static void
run(struct store_read *read, sqlite3 *db)
{
	struct decision_read *d = CONTAINER_OF(read, struct decision_read, read);
	sqlite3_stmt *stmt = NULL;
	int step = SQLITE_DONE;

	if (store_prepare(db, listing, &stmt, &read->err) < 0)
		return;
	bind(d, stmt);
	d->rows = xcalloc(d->query.limit, sizeof(*d->rows));
	while (d->n < d->query.limit && arena_bytes(read->arena) < STORE_QUERY_BYTES &&
	    (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct decision_row row;
		bool fires;

		read_columns(stmt, &row);
		if (is_wanted(&d->query, &row, &fires))
			keep_row(d, &row, fires, stmt);
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		store_read_failed(read, db);
	(void)sqlite3_finalize(stmt);
}

static void
answer(struct store_read *read, const struct err *err)
{
	struct decision_read *d = CONTAINER_OF(read, struct decision_read, read);

	d->fn(d->arg, d->rows, err == NULL ? d->n : 0, err);
	free(d->rows);
	free(d->group_key);
	free(d);
}

void
store_decision_query(struct store *store, const struct decision_query *query,
    store_decision_fn *fn, void *arg)
{
	struct decision_read *d = xcalloc(1, sizeof(*d));

	d->query = *query;
	d->query.limit = store_read_limit(query->limit);
	d->group_key = xmemdup0(query->group_key.n > 0 ? query->group_key.p : "",
	    query->group_key.n);
	d->fn = fn;
	d->arg = arg;
	d->read.run = run;
	d->read.answer = answer;
	store_read_submit(store, &d->read);
}

int
store_decision_load(struct store *store, void (*fn)(void *arg, const struct decision_row *row),
    void *arg, struct err *err)
{
	sqlite3 *db = store->writer.db;
	sqlite3_stmt *stmt = NULL;
	int step, rc = store_prepare(db,
	    "SELECT " COLUMNS " FROM decision d WHERE lasts <> 0 AND until = 0 ORDER BY id",
	    &stmt, err);

	if (rc < 0)
		return rc;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct decision_row row;

		read_columns(stmt, &row);
		fn(arg, &row);
	}
	if (step != SQLITE_DONE)
		rc = store_sql_error(err, db, store->path);
	(void)sqlite3_finalize(stmt);
	return rc;
}
