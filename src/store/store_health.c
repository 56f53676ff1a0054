/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_health.h"

#include "base/attr.h"
#include "store/store_put.h"

void
store_heartbeat_put(struct store *store, const struct heartbeat_row *row)
{
	PUT(store, OP_HEARTBEAT_PUT, TEXT(row->name), TIME(row->first_at),
	    TIME(row->last_at));
}

void
store_heartbeat_delete(struct store *store, struct str name)
{
	PUT(store, OP_HEARTBEAT_DELETE, TEXT(name));
}

void
store_flap_put(struct store *store, const struct flap_row *row)
{
	PUT(store, OP_FLAP_PUT, INT(row->id), TEXT(row->group_key),
	    INT(row->fingerprint), INT(row->fires), TIME(row->since),
	    TEXT(row->changes));
}

void
store_flap_delete(struct store *store, int64_t id)
{
	PUT(store, OP_FLAP_DELETE, INT(id));
}

static void
load_heartbeat(sqlite3_stmt *stmt, const struct health_sink *sink)
{
	const struct heartbeat_row row = {
		.name = store_column_str(stmt, 0),
		.first_at = store_column_wall(stmt, 1),
		.last_at = store_column_wall(stmt, 2),
	};

	sink->heartbeat(sink->arg, &row);
}

static void
load_flap(sqlite3_stmt *stmt, const struct health_sink *sink)
{
	const struct flap_row row = {
		.id = sqlite3_column_int64(stmt, 0),
		.group_key = store_column_str(stmt, 1),
		.fingerprint = (uint64_t)sqlite3_column_int64(stmt, 2),
		.fires = sqlite3_column_int64(stmt, 3) != 0,
		.since = store_column_wall(stmt, 4),
		.changes = store_column_str(stmt, 5),
	};

	sink->flap(sink->arg, &row);
}

int
store_health_load(struct store *store, const struct health_sink *sink,
    struct err *err)
{
	const struct {
		bool wanted;
		void (*row)(sqlite3_stmt *stmt, const struct health_sink *sink);
		const char *sql;
	} tables[] = {
		{ sink->heartbeat != NULL, load_heartbeat,
		    "SELECT name, first_at, last_at FROM heartbeat ORDER BY name" },
		{ sink->flap != NULL, load_flap,
		    "SELECT id, group_key, fingerprint, fires, since, changes "
		    "FROM flap ORDER BY id" },
	};

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		sqlite3_stmt *stmt = NULL;
		int step;

		if (!tables[i].wanted)
			continue;
		if (store_prepare(store->writer.db, tables[i].sql, &stmt, err) < 0)
			return -(int)err->code;
		while ((step = sqlite3_step(stmt)) == SQLITE_ROW)
			tables[i].row(stmt, sink);
		(void)sqlite3_finalize(stmt);
		if (step != SQLITE_DONE)
			return store_sql_error(err, store->writer.db, store->path);
	}
	return 0;
}
