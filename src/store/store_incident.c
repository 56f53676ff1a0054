/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of incidents and of stand-ins, written, read and listed: see store_incident.h. */
#include "store/store_incident.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/xalloc.h"
#include "store/store_internal.h"
#include "store/store_put.h"

static const char listing[] =
    "SELECT " INCIDENT_COLUMNS " FROM incident "
    "WHERE id < ?1 AND (?2 < 0 OR state = ?2) AND (?3 = 0 OR id = ?3) "
    "ORDER BY id DESC LIMIT ?4";

void
store_incident_put(struct store *store, const struct incident_row *row)
{
	PUT(store, OP_INCIDENT_PUT, INT(row->id), TEXT(row->group_key),
	    TEXT(row->route_id), TEXT(row->labels), INT(row->state),
	    TEXT(row->severity), TEXT(row->runbook), TIME(row->opened_at),
	    TIME(row->resolved_at), TIME(row->changed_at),
	    TEXT(row->changed_by), TEXT(row->comment), TEXT(row->policy),
	    TEXT(row->told), INT(row->generation), INT(row->loop),
	    INT(row->step), TIME(row->due_at), TIME(row->saved_due_at),
	    INT(row->alerts), INT(row->flags));
}

void
store_incident_delete(struct store *store, int64_t id)
{
	PUT(store, OP_INCIDENT_DELETE, INT(id));
}

void
store_policy_put(struct store *store, struct str digest, struct str body)
{
	PUT(store, OP_POLICY_PUT, TEXT(digest), TEXT(body));
}

void
store_policy_delete(struct store *store, struct str digest)
{
	PUT(store, OP_POLICY_DELETE, TEXT(digest));
}

void
store_override_put(struct store *store, const struct override_row *row)
{
	PUT(store, OP_OVERRIDE_PUT, INT(row->id), TEXT(row->schedule),
	    TEXT(row->user), TIME(row->starts_at), TIME(row->ends_at),
	    TEXT(row->created_by), TEXT(row->comment), TIME(row->created_at));
}

void
store_override_delete(struct store *store, int64_t id)
{
	PUT(store, OP_OVERRIDE_DELETE, INT(id));
}

void
store_receipt_put(struct store *store, struct str key, wall_t expires_at)
{
	PUT(store, OP_RECEIPT_PUT, TEXT(key), TIME(expires_at));
}

void
store_receipt_delete(struct store *store, struct str key)
{
	PUT(store, OP_RECEIPT_DELETE, TEXT(key));
}

/* ---- reading --------------------------------------------------------------- */

void
store_incident_read(sqlite3_stmt *stmt, struct incident_row *ret_row)
{
	*ret_row = (struct incident_row){
		.id = sqlite3_column_int64(stmt, 0),
		.group_key = store_column_str(stmt, 1),
		.route_id = store_column_str(stmt, 2),
		.labels = store_column_str(stmt, 3),
		.state = store_column_u32(stmt, 4),
		.severity = store_column_str(stmt, 5),
		.runbook = store_column_str(stmt, 6),
		.opened_at = store_column_wall(stmt, 7),
		.resolved_at = store_column_wall(stmt, 8),
		.changed_at = store_column_wall(stmt, 9),
		.changed_by = store_column_str(stmt, 10),
		.comment = store_column_str(stmt, 11),
		.policy = store_column_str(stmt, 12),
		.told = store_column_str(stmt, 13),
		.generation = store_column_u32(stmt, 14),
		.loop = store_column_u32(stmt, 15),
		.step = store_column_u32(stmt, 16),
		.due_at = store_column_wall(stmt, 17),
		.saved_due_at = store_column_wall(stmt, 18),
		.alerts = store_column_u32(stmt, 19),
		.flags = store_column_u32(stmt, 20),
	};
}

void
store_override_read(sqlite3_stmt *stmt, struct override_row *ret_row)
{
	*ret_row = (struct override_row){
		.id = sqlite3_column_int64(stmt, 0),
		.schedule = store_column_str(stmt, 1),
		.user = store_column_str(stmt, 2),
		.starts_at = store_column_wall(stmt, 3),
		.ends_at = store_column_wall(stmt, 4),
		.created_by = store_column_str(stmt, 5),
		.comment = store_column_str(stmt, 6),
		.created_at = store_column_wall(stmt, 7),
	};
}

/* ---- listing ----------------------------------------------------------------- */

struct incident_read {
	struct store_read read;
	struct incident_query query;
	store_incident_fn *fn;
	void *arg;
	struct incident_row *rows;
	uint32_t n;
};

/* What the statement owns moves into the arena. */
static void
keep_row(struct incident_read *r, sqlite3_stmt *stmt)
{
	struct incident_row *row = &r->rows[r->n++];
	struct str *texts[] = { &row->group_key, &row->route_id, &row->labels,
		&row->severity, &row->runbook, &row->changed_by, &row->comment,
		&row->policy, &row->told };

	store_incident_read(stmt, row);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = arena_str(r->read.arena, *texts[i]);
}

static void
run(struct store_read *read, sqlite3 *db)
{
	struct incident_read *r = CONTAINER_OF(read, struct incident_read, read);
	sqlite3_stmt *stmt = NULL;
	int step = SQLITE_DONE;

	if (store_prepare(db, listing, &stmt, &read->err) < 0)
		return;
	(void)sqlite3_bind_int64(stmt, 1,
	    r->query.before_id != 0 ? r->query.before_id : INT64_MAX);
	(void)sqlite3_bind_int64(stmt, 2, r->query.state);
	(void)sqlite3_bind_int64(stmt, 3, r->query.id);
	(void)sqlite3_bind_int64(stmt, 4, r->query.limit);
	r->rows = xcalloc(r->query.limit, sizeof(*r->rows));
	while (arena_bytes(read->arena) < STORE_QUERY_BYTES &&
	    (step = sqlite3_step(stmt)) == SQLITE_ROW)
		keep_row(r, stmt);
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		store_read_failed(read, db);
	(void)sqlite3_finalize(stmt);
}

static void
answer(struct store_read *read, const struct err *err)
{
	struct incident_read *r = CONTAINER_OF(read, struct incident_read, read);

	r->fn(r->arg, r->rows, err == NULL ? r->n : 0, err);
	free(r->rows);
	free(r);
}

void
store_incident_query(struct store *store, const struct incident_query *query,
    store_incident_fn *fn, void *arg)
{
	struct incident_read *r = xcalloc(1, sizeof(*r));

	r->query = *query;
	r->query.limit = store_read_limit(query->limit);
	r->fn = fn;
	r->arg = arg;
	r->read.run = run;
	r->read.answer = answer;
	store_read_submit(store, &r->read);
}
