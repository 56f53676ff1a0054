/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the state back at start, on the loop thread, before any job is
 * out.  A row handed to the sink is valid during that call.
 */
#include <math.h>

#include "base/attr.h"
#include "store/store_incident.h"
#include "store/store_internal.h"
#include "store/store_past.h"

struct str
store_column_str(sqlite3_stmt *stmt, int i)
{
	const void *p = sqlite3_column_blob(stmt, i);

	/* The bytes first: asking for them may move what the length counts. */
	return (struct str){ p != NULL ? p : "",
		(uint32_t)sqlite3_column_bytes(stmt, i) };
}

wall_t
store_column_wall(sqlite3_stmt *stmt, int i)
{
	return (wall_t){ sqlite3_column_int64(stmt, i) };
}

double
store_column_double(sqlite3_stmt *stmt, int i)
{
	if (sqlite3_column_type(stmt, i) == SQLITE_NULL)
		return (double)NAN;
	return sqlite3_column_double(stmt, i);
}

uint32_t
store_column_u32(sqlite3_stmt *stmt, int i)
{
	return (uint32_t)sqlite3_column_int64(stmt, i);
}

void
store_delivery_read(sqlite3_stmt *stmt, struct delivery_row *ret_row)
{
	uint32_t state = store_column_u32(stmt, 8);

	*ret_row = (struct delivery_row){
		.id = sqlite3_column_int64(stmt, 0),
		.group_key = store_column_str(stmt, 1),
		.receiver = store_column_str(stmt, 2),
		.integration = store_column_str(stmt, 3),
		.group_labels = store_column_str(stmt, 4),
		.route_id = store_column_str(stmt, 5),
		.reason = store_column_str(stmt, 6),
		.alerts = store_column_str(stmt, 7),
		.state = state < DELIVERY_STATE_COUNT ?
		    (enum delivery_state)state : DELIVERY_DEAD,
		.attempts = store_column_u32(stmt, 9),
		.n_firing = store_column_u32(stmt, 10),
		.n_resolved = store_column_u32(stmt, 11),
		.created_at = store_column_wall(stmt, 12),
		.due_at = store_column_wall(stmt, 13),
		.finished_at = store_column_wall(stmt, 14),
		.error = store_column_str(stmt, 15),
		.maybe_sent = sqlite3_column_int64(stmt, 16) != 0,
		.tick_at = store_column_wall(stmt, 17),
		.kind = store_column_u32(stmt, 18),
		.incident = sqlite3_column_int64(stmt, 19),
		.place = store_column_str(stmt, 20),
	};
}

/* ---- one function per member of the sink -------------------------------- */

static void
load_meta(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	sink->meta(sink->arg, store_column_str(stmt, 0),
	    store_column_str(stmt, 1));
}

static void
load_alert(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	struct alert_row row = {
		.id = sqlite3_column_int64(stmt, 0),
		.labels = store_column_str(stmt, 1),
		.annotations = store_column_str(stmt, 2),
		.generator_url = store_column_str(stmt, 3),
		.starts_at = store_column_wall(stmt, 4),
		.ends_at = store_column_wall(stmt, 5),
		.updated_at = store_column_wall(stmt, 6),
		.flags = store_column_u32(stmt, 7),
	};

	sink->alert(sink->arg, &row);
}

static void
load_rule(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	sink->rule(sink->arg, sqlite3_column_int64(stmt, 0),
	    store_column_str(stmt, 1), store_column_str(stmt, 2));
}

static void
load_rule_alert(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	struct rule_alert_row row = {
		.id = sqlite3_column_int64(stmt, 0),
		.rule_id = sqlite3_column_int64(stmt, 1),
		.labels = store_column_str(stmt, 2),
		.state = store_column_u32(stmt, 3),
		.active_at = store_column_wall(stmt, 4),
		.fired_at = store_column_wall(stmt, 5),
		.resolved_at = store_column_wall(stmt, 6),
		.keep_firing_since = store_column_wall(stmt, 7),
		.value = store_column_double(stmt, 8),
		.points = (uint64_t)sqlite3_column_int64(stmt, 9),
		.points_n = store_column_u32(stmt, 10),
		.points_at = store_column_wall(stmt, 11),
	};

	sink->rule_alert(sink->arg, &row);
}

static void
load_past_series(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	struct past_series_row row = {
		.id = sqlite3_column_int64(stmt, 0),
		.rule_id = sqlite3_column_int64(stmt, 1),
		.labels = store_column_str(stmt, 2),
		.versions = store_column_str(stmt, 3),
	};

	sink->past_series(sink->arg, &row);
}

static void
load_past_chunk(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	struct past_chunk_row row = {
		.series_id = sqlite3_column_int64(stmt, 0),
		.n = sqlite3_column_int64(stmt, 1),
		.points = store_column_str(stmt, 2),
	};

	sink->past_chunk(sink->arg, &row);
}

static void
load_group(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	struct group_row row = {
		.id = sqlite3_column_int64(stmt, 0),
		.route_id = store_column_str(stmt, 1),
		.labels = store_column_str(stmt, 2),
		.next_flush_at = store_column_wall(stmt, 3),
		.flushed = sqlite3_column_int64(stmt, 4) != 0,
	};

	sink->group(sink->arg, &row);
}

static void
load_nflog(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	struct nflog_row row = {
		.id = sqlite3_column_int64(stmt, 0),
		.group_key = store_column_str(stmt, 1),
		.integration = store_column_str(stmt, 2),
		.firing = store_column_str(stmt, 3),
		.resolved = store_column_str(stmt, 4),
		.at = store_column_wall(stmt, 5),
		.expires_at = store_column_wall(stmt, 6),
		.thread = store_column_str(stmt, 7),
		.held = store_column_str(stmt, 8),
	};

	sink->nflog(sink->arg, &row);
}

static void
load_delivery(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	struct delivery_row row;

	store_delivery_read(stmt, &row);
	sink->delivery(sink->arg, &row);
}

static void
load_silence(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	struct silence_row row = {
		.id = store_column_str(stmt, 0),
		.matchers = store_column_str(stmt, 1),
		.starts_at = store_column_wall(stmt, 2),
		.ends_at = store_column_wall(stmt, 3),
		.updated_at = store_column_wall(stmt, 4),
		.created_by = store_column_str(stmt, 5),
		.comment = store_column_str(stmt, 6),
		.until_resolved = sqlite3_column_int64(stmt, 7) != 0,
		.matched_at = store_column_wall(stmt, 8),
		.annotations = store_column_str(stmt, 9),
	};

	sink->silence(sink->arg, &row);
}

static void
load_policy(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	sink->policy(sink->arg, store_column_str(stmt, 0),
	    store_column_str(stmt, 1));
}

static void
load_incident(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	struct incident_row row;

	store_incident_read(stmt, &row);
	sink->incident(sink->arg, &row);
}

static void
load_override(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	struct override_row row;

	store_override_read(stmt, &row);
	sink->override(sink->arg, &row);
}

static void
load_receipt(sqlite3_stmt *stmt, const struct store_sink *sink)
{
	sink->receipt(sink->arg, store_column_str(stmt, 0),
	    store_column_wall(stmt, 1));
}

static int
load_table(struct store *store, const char *sql,
    void (*row)(sqlite3_stmt *stmt, const struct store_sink *sink),
    const struct store_sink *sink, struct err *err)
{
	sqlite3 *db = store->writer.db;
	sqlite3_stmt *stmt = NULL;
	int step, rc = store_prepare(db, sql, &stmt, err);

	if (rc < 0)
		return rc;
	while ((step = sqlite3_step(stmt)) == SQLITE_ROW)
		row(stmt, sink);
	if (step != SQLITE_DONE)
		rc = store_sql_error(err, db, store->path);
	(void)sqlite3_finalize(stmt);
	return rc;
}

int
store_load(struct store *store, const struct store_sink *sink, struct err *err)
{
	const struct {
		bool wanted;
		void (*row)(sqlite3_stmt *stmt, const struct store_sink *sink);
		const char *sql;
	} tables[] = {
		{ sink->meta != NULL, load_meta,
		    "SELECT key, value FROM meta "
		    "WHERE substr(key, 1, 6) <> 'store.' ORDER BY key" },
		{ sink->alert != NULL, load_alert,
		    "SELECT id, labels, annotations, generator_url, starts_at, "
		    "ends_at, updated_at, flags FROM alert ORDER BY id" },
		{ sink->rule != NULL, load_rule,
		    "SELECT id, identity, name FROM rule ORDER BY id" },
		{ sink->rule_alert != NULL, load_rule_alert,
		    "SELECT id, rule_id, labels, state, active_at, fired_at, "
		    "resolved_at, keep_firing_since, value, points, points_n, "
		    "points_at FROM rule_alert ORDER BY id" },
		{ sink->group != NULL, load_group,
		    "SELECT id, route_id, labels, next_flush_at, flushed "
		    "FROM agg_group ORDER BY id" },
		{ sink->nflog != NULL, load_nflog,
		    "SELECT id, group_key, integration, firing, resolved, at, "
		    "expires_at, thread, held FROM nflog ORDER BY id" },
		{ sink->delivery != NULL, load_delivery,
		    "SELECT " DELIVERY_COLUMNS " FROM delivery "
		    "WHERE state IN (0, 1) ORDER BY id" },
		{ sink->silence != NULL, load_silence,
		    "SELECT id, matchers, starts_at, ends_at, updated_at, "
		    "created_by, comment, until_resolved, matched_at, annotations "
		    "FROM silence ORDER BY id" },
		{ sink->policy != NULL, load_policy,
		    "SELECT digest, body FROM escalation_policy" },
		{ sink->incident != NULL, load_incident,
		    "SELECT " INCIDENT_COLUMNS " FROM incident "
		    "WHERE (flags & 1) = 0 ORDER BY id" },
		{ sink->override != NULL, load_override,
		    "SELECT " OVERRIDE_COLUMNS " FROM oncall_override "
		    "ORDER BY id" },
		{ sink->receipt != NULL, load_receipt,
		    "SELECT key, expires_at FROM receipt" },
		{ sink->past_series != NULL, load_past_series,
		    "SELECT id, rule_id, labels, versions FROM past_series "
		    "ORDER BY id" },
		{ sink->past_chunk != NULL, load_past_chunk,
		    "SELECT series_id, n, points FROM past_chunk "
		    "ORDER BY series_id, n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		int rc = !tables[i].wanted ? 0 :
		    load_table(store, tables[i].sql, tables[i].row, sink, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
