/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the audit log, written and listed: see store_audit.h.
 *
 * Ids are handed out in the order of writing, so a listing goes by id: a
 * clock that was set back cannot hide a row between two pages.
 */
#include "store/store_audit.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/xalloc.h"
#include "store/store_put.h"

static const char listing[] =
    "SELECT id, at, actor, source, action, object, detail FROM audit "
    "WHERE id < ?1 AND at >= ?2 AND at < ?3 AND (?4 = '' OR actor = ?4) "
    "AND (?5 = '' OR action = ?5 OR substr(action, 1, length(?5) + 1) = ?5 || '.') "
    "AND (?6 = '' OR object = ?6) ORDER BY id DESC LIMIT ?7";

void
store_audit_add(struct store *store, const struct audit_row *row)
{
	PUT(store, OP_AUDIT_ADD,
	    INT(row->id != 0 ? row->id : store_next_id(store)), TIME(row->at),
	    TEXT(row->actor), TEXT(row->source), TEXT(row->action),
	    TEXT(str_head(row->object, AUDIT_OBJECT_MAX)),
	    TEXT(str_head(row->detail, AUDIT_DETAIL_MAX)));
}

struct audit_read {
	struct store_read read;
	struct audit_query query;
	char *actor, *action, *object; /* copies of the query's */
	store_audit_fn *fn;
	void *arg;
	struct audit_row *rows;
	uint32_t n;
};

static void
bind(const struct audit_read *a, sqlite3_stmt *stmt)
{
	const struct audit_query *q = &a->query;

	(void)sqlite3_bind_int64(stmt, 1,
	    q->before_id != 0 ? q->before_id : INT64_MAX);
	(void)sqlite3_bind_int64(stmt, 2,
	    wall_is_set(q->since) ? q->since.ns : INT64_MIN);
	(void)sqlite3_bind_int64(stmt, 3,
	    wall_is_set(q->until) ? q->until.ns : INT64_MAX);
	(void)sqlite3_bind_text(stmt, 4, a->actor, (int)q->actor.n, SQLITE_STATIC);
	(void)sqlite3_bind_text(stmt, 5, a->action, (int)q->action.n, SQLITE_STATIC);
	(void)sqlite3_bind_text(stmt, 6, a->object, (int)q->object.n, SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 7, q->limit);
}

static void
read_row(struct audit_read *a, sqlite3_stmt *stmt)
{
	struct arena *arena = a->read.arena;

	a->rows[a->n++] = (struct audit_row){
		.id = sqlite3_column_int64(stmt, 0),
		.at = store_column_wall(stmt, 1),
		.actor = arena_str(arena, store_column_str(stmt, 2)),
		.source = arena_str(arena, store_column_str(stmt, 3)),
		.action = arena_str(arena, store_column_str(stmt, 4)),
		.object = arena_str(arena, store_column_str(stmt, 5)),
		.detail = arena_str(arena, store_column_str(stmt, 6)),
	};
}

static void
run(struct store_read *read, sqlite3 *db)
{
	struct audit_read *a = CONTAINER_OF(read, struct audit_read, read);
	sqlite3_stmt *stmt = NULL;
	int step = SQLITE_DONE;

	if (store_prepare(db, listing, &stmt, &read->err) < 0)
		return;
	bind(a, stmt);
	a->rows = xcalloc(a->query.limit, sizeof(*a->rows));
	while (arena_bytes(read->arena) < STORE_QUERY_BYTES &&
	    (step = sqlite3_step(stmt)) == SQLITE_ROW)
		read_row(a, stmt);
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		store_read_failed(read, db);
	(void)sqlite3_finalize(stmt);
}

static void
answer(struct store_read *read, const struct err *err)
{
	struct audit_read *a = CONTAINER_OF(read, struct audit_read, read);

	a->fn(a->arg, a->rows, err == NULL ? a->n : 0, err);
	free(a->rows);
	free(a->actor);
	free(a->action);
	free(a->object);
	free(a);
}

static char *
copy_of(struct str s)
{
	return xmemdup0(s.n > 0 ? s.p : "", s.n);
}

void
store_audit_query(struct store *store, const struct audit_query *query,
    store_audit_fn *fn, void *arg)
{
	struct audit_read *a = xcalloc(1, sizeof(*a));

	a->query = *query;
	a->query.limit = store_read_limit(query->limit);
	a->actor = copy_of(query->actor);
	a->action = copy_of(query->action);
	a->object = copy_of(query->object);
	a->fn = fn;
	a->arg = arg;
	a->read.run = run;
	a->read.answer = answer;
	store_read_submit(store, &a->read);
}
