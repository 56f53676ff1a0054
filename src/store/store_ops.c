/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writes: one table row per operation, one typed writer per call.
 *
 * A writer encodes its operation into the filling batch: a code byte, then
 * the parameters as the table names them (8 bytes for i and d; 4 bytes of
 * length and the bytes for t and b).  No allocation but the batch's own
 * growth.  Rows are replaced by their id, so that a row written twice, also
 * by a batch tried twice, is one row.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/log.h"
#include "store/store_internal.h"
#include "store/store_put.h"

/* clang-format off */
const struct store_op store_ops[OP_COUNT] = {
	[OP_ALERT_PUT] = { "alert_put", "ibbtiiii",
		"INSERT OR REPLACE INTO alert (id, labels, annotations, generator_url, starts_at, ends_at, "
		"updated_at, flags) VALUES (?, ?, ?, ?, ?, ?, ?, ?)" },
	[OP_ALERT_TIMES] = { "alert_times", "iiiii",
		"UPDATE alert SET starts_at = ?2, ends_at = ?3, updated_at = ?4, flags = ?5 WHERE id = ?1" },
	[OP_ALERT_DELETE] = { "alert_delete", "i",
		"DELETE FROM alert WHERE id = ?" },
	[OP_RULE_PUT] = { "rule_put", "ibt",
		"INSERT OR REPLACE INTO rule (id, identity, name) VALUES (?, ?, ?)" },
	[OP_RULE_DELETE] = { "rule_delete", "i",
		"DELETE FROM rule WHERE id = ?" },
	[OP_RULE_ALERTS_DELETE] = { "rule_alerts_delete", "i",
		"DELETE FROM rule_alert WHERE rule_id = ?" },
	[OP_RULE_ALERT_PUT] = { "rule_alert_put", "iibiiiiidiii",
		"INSERT OR REPLACE INTO rule_alert (id, rule_id, labels, state, active_at, fired_at, "
		"resolved_at, keep_firing_since, value, points, points_n, points_at) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" },
	[OP_RULE_ALERT_DELETE] = { "rule_alert_delete", "i",
		"DELETE FROM rule_alert WHERE id = ?" },
	[OP_RULE_PAST_DELETE] = { "rule_past_delete", "i",
		"DELETE FROM past_chunk WHERE series_id IN (SELECT id FROM past_series WHERE rule_id = ?)" },
	[OP_RULE_SERIES_DELETE] = { "rule_series_delete", "i",
		"DELETE FROM past_series WHERE rule_id = ?" },
	[OP_PAST_SERIES_PUT] = { "past_series_put", "iibb",
		"INSERT OR REPLACE INTO past_series (id, rule_id, labels, versions) VALUES (?, ?, ?, ?)" },
	[OP_PAST_SERIES_DELETE] = { "past_series_delete", "i",
		"DELETE FROM past_series WHERE id = ?" },
	[OP_PAST_CHUNK_PUT] = { "past_chunk_put", "iib",
		"INSERT OR REPLACE INTO past_chunk (series_id, n, points) VALUES (?, ?, ?)" },
	[OP_PAST_CHUNKS_DELETE] = { "past_chunks_delete", "ii",
		"DELETE FROM past_chunk WHERE series_id = ? AND n < ?" },
	[OP_GROUP_PUT] = { "group_put", "itbii",
		"INSERT OR REPLACE INTO agg_group (id, route_id, labels, next_flush_at, flushed) "
		"VALUES (?, ?, ?, ?, ?)" },
	[OP_GROUP_TIMER] = { "group_timer", "iii",
		"UPDATE agg_group SET next_flush_at = ?2, flushed = ?3 WHERE id = ?1" },
	[OP_GROUP_DELETE] = { "group_delete", "i",
		"DELETE FROM agg_group WHERE id = ?" },
	[OP_NFLOG_PUT] = { "nflog_put", "ittbbiitb",
		"INSERT OR REPLACE INTO nflog (id, group_key, integration, firing, resolved, at, expires_at, "
		"thread, held) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)" },
	[OP_NFLOG_DELETE] = { "nflog_delete", "i",
		"DELETE FROM nflog WHERE id = ?" },
	[OP_DELIVERY_PUT] = { "delivery_put", "itttbttbiiiiiiitiiiit",
		"INSERT INTO delivery (" DELIVERY_COLUMNS ") "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
		"ON CONFLICT (id) DO UPDATE SET "
		"group_key = excluded.group_key, receiver = excluded.receiver, "
		"integration = excluded.integration, group_labels = excluded.group_labels, "
		"route_id = excluded.route_id, reason = excluded.reason, "
		"alerts = excluded.alerts, state = excluded.state, "
		"attempts = excluded.attempts, n_firing = excluded.n_firing, "
		"n_resolved = excluded.n_resolved, created_at = excluded.created_at, "
		"due_at = excluded.due_at, finished_at = excluded.finished_at, "
		"error = excluded.error, maybe_sent = excluded.maybe_sent, "
		"tick_at = excluded.tick_at, kind = excluded.kind, "
		"incident = excluded.incident, place = excluded.place" },
	[OP_DELIVERY_UPDATE] = { "delivery_update", "iiiiiti",
		"UPDATE delivery SET state = ?2, attempts = ?3, due_at = ?4, finished_at = ?5, error = ?6, "
		"maybe_sent = ?7 WHERE id = ?1" },
	[OP_INCIDENT_PUT] = { "incident_put", "ittbittiiittttiiiiiii",
		"INSERT INTO incident (" INCIDENT_COLUMNS ") "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
		"ON CONFLICT (id) DO UPDATE SET state = excluded.state, "
		"severity = excluded.severity, runbook = excluded.runbook, "
		"resolved_at = excluded.resolved_at, changed_at = excluded.changed_at, "
		"changed_by = excluded.changed_by, comment = excluded.comment, "
		"policy = excluded.policy, told = excluded.told, "
		"generation = excluded.generation, loop = excluded.loop, step = excluded.step, "
		"due_at = excluded.due_at, saved_due_at = excluded.saved_due_at, "
		"alerts = excluded.alerts, flags = excluded.flags" },
	[OP_INCIDENT_DELETE] = { "incident_delete", "i",
		"DELETE FROM incident WHERE id = ?" },
	[OP_POLICY_PUT] = { "policy_put", "tb",
		"INSERT OR REPLACE INTO escalation_policy (digest, body) VALUES (?, ?)" },
	[OP_POLICY_DELETE] = { "policy_delete", "t",
		"DELETE FROM escalation_policy WHERE digest = ?" },
	[OP_OVERRIDE_PUT] = { "override_put", "ittiitti",
		"INSERT OR REPLACE INTO oncall_override (" OVERRIDE_COLUMNS ") "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?)" },
	[OP_OVERRIDE_DELETE] = { "override_delete", "i",
		"DELETE FROM oncall_override WHERE id = ?" },
	[OP_RECEIPT_PUT] = { "receipt_put", "ti",
		"INSERT OR REPLACE INTO receipt (key, expires_at) VALUES (?, ?)" },
	[OP_RECEIPT_DELETE] = { "receipt_delete", "t",
		"DELETE FROM receipt WHERE key = ?" },
	[OP_SILENCE_PUT] = { "silence_put", "tbiiittiit",
		"INSERT OR REPLACE INTO silence (id, matchers, starts_at, ends_at, updated_at, created_by, "
		"comment, until_resolved, matched_at, annotations) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" },
	[OP_SILENCE_DELETE] = { "silence_delete", "t",
		"DELETE FROM silence WHERE id = ?" },
	[OP_HISTORY_ADD] = { "history_add", "iitbidtt",
		"INSERT INTO history (id, at, kind, labels, fingerprint, value, subject, detail) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
		"at = excluded.at, kind = excluded.kind, labels = excluded.labels, "
		"fingerprint = excluded.fingerprint, value = excluded.value, "
		"subject = excluded.subject, detail = excluded.detail" },
	[OP_AUDIT_ADD] = { "audit_add", "iittttt",
		"INSERT OR REPLACE INTO audit (id, at, actor, source, action, object, detail) "
		"VALUES (?, ?, ?, ?, ?, ?, ?)" },
	[OP_DECISION_PUT] = { "decision_put", "iiiiittttiiiiib",
		"INSERT INTO decision (id, first_at, lasts, until, verdict, group_key, target, "
		"ref, cause, delivery_id, next_at, n_firing, n_named, mask, fingerprints) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" },
	[OP_DECISION_CLOSE] = { "decision_close", "ii",
		"UPDATE decision SET until = ?2 WHERE id = ?1" },
	[OP_HEARTBEAT_PUT] = { "heartbeat_put", "tii",
		"INSERT OR REPLACE INTO heartbeat (name, first_at, last_at) VALUES (?, ?, ?)" },
	[OP_HEARTBEAT_DELETE] = { "heartbeat_delete", "t",
		"DELETE FROM heartbeat WHERE name = ?" },
	[OP_FLAP_PUT] = { "flap_put", "itiiib",
		"INSERT OR REPLACE INTO flap (id, group_key, fingerprint, fires, since, changes) "
		"VALUES (?, ?, ?, ?, ?, ?)" },
	[OP_FLAP_DELETE] = { "flap_delete", "i",
		"DELETE FROM flap WHERE id = ?" },
	[OP_META_PUT] = { "meta_put", "tb",
		"INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)" },
	[OP_PRUNE_HISTORY] = { "prune_history", "ii",
		"DELETE FROM history WHERE id IN (SELECT id FROM history WHERE at < ?1 ORDER BY at LIMIT ?2)" },
	[OP_PRUNE_DELIVERIES] = { "prune_deliveries", "ii",
		"DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE state >= 2 "
		"AND finished_at < ?1 AND created_at < ?1 ORDER BY finished_at LIMIT ?2)" },
	[OP_PRUNE_SILENCES] = { "prune_silences", "ii",
		"DELETE FROM silence WHERE id IN (SELECT id FROM silence WHERE ends_at < ?1 LIMIT ?2)" },
	[OP_PRUNE_INCIDENTS] = { "prune_incidents", "ii",
		"DELETE FROM incident WHERE id IN (SELECT id FROM incident WHERE resolved_at > 0 "
		"AND resolved_at < ?1 ORDER BY resolved_at LIMIT ?2)" },
	[OP_PRUNE_OVERRIDES] = { "prune_overrides", "ii",
		"DELETE FROM oncall_override WHERE id IN (SELECT id FROM oncall_override "
		"WHERE ends_at < ?1 LIMIT ?2)" },
	[OP_PRUNE_DECISIONS] = { "prune_decisions", "ii",
		"DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE first_at < ?1 "
		"AND (lasts = 0 OR until <> 0 AND until < ?1) ORDER BY first_at LIMIT ?2)" },
	[OP_PRUNE_AUDIT] = { "prune_audit", "ii",
		"DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 ORDER BY at LIMIT ?2)" },
};
/* clang-format on */

/* A writer that disagrees with the table is a mistake in this file. */
static void
op_check(enum store_op_code code, const struct store_value *values, size_t n)
{
	const char *params = store_ops[code].params;
	size_t i;

	for (i = 0; i < n && params[i] != '\0'; i++) {
		char kind = values[i].kind == VALUE_INT ? 'i' :
		    values[i].kind == VALUE_DOUBLE      ? 'd' :
							  't';
		if (kind != (params[i] == 'b' ? 't' : params[i]))
			break;
	}
	if (i != n || params[i] != '\0') {
		log_error("store", "operation does not fit its table row",
		    LOG_Z("op", store_ops[code].name));
		abort();
	}
}

void
store_op_put(struct store *store, enum store_op_code code,
    const struct store_value *values, size_t n)
{
	struct batch *batch = store->filling;
	size_t bytes = 1;
	char *p;

	op_check(code, values, n);
	for (size_t i = 0; i < n; i++)
		bytes += values[i].kind == VALUE_STR ? 4 + (size_t)values[i].s.n : 8;
	if (batch->ops.n + bytes > BUF_MAX_DEFAULT) {
		/* Going on without the row would be a silent loss. */
		log_error("store", "over 1 GiB of changes wait for the disk: giving up",
		    LOG_Z("database", store->path));
		abort();
	}
	buf_reserve(&batch->ops, bytes);
	p = batch->ops.p + batch->ops.n;
	*p++ = (char)code;
	for (size_t i = 0; i < n; i++) {
		if (values[i].kind == VALUE_STR) {
			memcpy(p, &values[i].s.n, 4);
			if (values[i].s.n > 0)
				memcpy(p + 4, values[i].s.p, values[i].s.n);
			p += 4 + (size_t)values[i].s.n;
		} else {
			memcpy(p, &values[i].i, 8);
			p += 8;
		}
	}
	batch->ops.n += bytes;
	batch->ops.p[batch->ops.n] = '\0';
	batch->rows++;
	store_wake(store);
}

const char *
store_op_bind(sqlite3_stmt *stmt, enum store_op_code code, const char *p)
{
	const char *params = store_ops[code].params;

	for (int i = 1; *params != '\0'; params++, i++) {
		int64_t integer;
		double real;
		uint32_t n;

		switch (*params) {
		case 'i':
			memcpy(&integer, p, 8);
			(void)sqlite3_bind_int64(stmt, i, integer);
			p += 8;
			break;
		case 'd': /* SQLite keeps NaN as NULL */
			memcpy(&real, p, 8);
			(void)sqlite3_bind_double(stmt, i, real);
			p += 8;
			break;
		default:
			memcpy(&n, p, 4);
			p += 4;
			if (*params == 't')
				(void)sqlite3_bind_text(stmt, i, p, (int)n,
				    SQLITE_STATIC);
			else
				(void)sqlite3_bind_blob(stmt, i, p, (int)n,
				    SQLITE_STATIC);
			p += n;
			break;
		}
	}
	return p;
}

/* ---- the writers --------------------------------------------------------- */

void
store_alert_put(struct store *store, const struct alert_row *row)
{
	PUT(store, OP_ALERT_PUT, INT(row->id), TEXT(row->labels),
	    TEXT(row->annotations), TEXT(row->generator_url),
	    TIME(row->starts_at), TIME(row->ends_at), TIME(row->updated_at),
	    INT(row->flags));
}

void
store_alert_times(struct store *store, int64_t id, wall_t starts_at,
    wall_t ends_at, wall_t updated_at, uint32_t flags)
{
	PUT(store, OP_ALERT_TIMES, INT(id), TIME(starts_at), TIME(ends_at),
	    TIME(updated_at), INT(flags));
}

void
store_alert_delete(struct store *store, int64_t id)
{
	PUT(store, OP_ALERT_DELETE, INT(id));
}

void
store_rule_put(struct store *store, int64_t id, struct str identity,
    struct str name)
{
	PUT(store, OP_RULE_PUT, INT(id), TEXT(identity), TEXT(name));
}

void
store_rule_delete(struct store *store, int64_t id)
{
	PUT(store, OP_RULE_ALERTS_DELETE, INT(id));
	PUT(store, OP_RULE_PAST_DELETE, INT(id));
	PUT(store, OP_RULE_SERIES_DELETE, INT(id));
	PUT(store, OP_RULE_DELETE, INT(id));
}

void
store_rule_alert_put(struct store *store, const struct rule_alert_row *row)
{
	PUT(store, OP_RULE_ALERT_PUT, INT(row->id), INT(row->rule_id),
	    TEXT(row->labels), INT(row->state), TIME(row->active_at),
	    TIME(row->fired_at), TIME(row->resolved_at),
	    TIME(row->keep_firing_since), REAL(row->value), INT(row->points),
	    INT(row->points_n), TIME(row->points_at));
}

void
store_rule_alert_delete(struct store *store, int64_t id)
{
	PUT(store, OP_RULE_ALERT_DELETE, INT(id));
}

void
store_group_put(struct store *store, const struct group_row *row)
{
	PUT(store, OP_GROUP_PUT, INT(row->id), TEXT(row->route_id),
	    TEXT(row->labels), TIME(row->next_flush_at), INT(row->flushed));
}

void
store_group_timer(struct store *store, int64_t id, wall_t next_flush_at,
    bool flushed)
{
	PUT(store, OP_GROUP_TIMER, INT(id), TIME(next_flush_at), INT(flushed));
}

void
store_group_delete(struct store *store, int64_t id)
{
	PUT(store, OP_GROUP_DELETE, INT(id));
}

void
store_nflog_put(struct store *store, const struct nflog_row *row)
{
	PUT(store, OP_NFLOG_PUT, INT(row->id), TEXT(row->group_key),
	    TEXT(row->integration), TEXT(row->firing), TEXT(row->resolved),
	    TIME(row->at), TIME(row->expires_at), TEXT(row->thread),
	    TEXT(row->held));
}

void
store_nflog_delete(struct store *store, int64_t id)
{
	PUT(store, OP_NFLOG_DELETE, INT(id));
}

void
store_delivery_put(struct store *store, const struct delivery_row *row)
{
	PUT(store, OP_DELIVERY_PUT, INT(row->id), TEXT(row->group_key),
	    TEXT(row->receiver), TEXT(row->integration),
	    TEXT(row->group_labels), TEXT(row->route_id), TEXT(row->reason),
	    TEXT(row->alerts), INT(row->state), INT(row->attempts),
	    INT(row->n_firing), INT(row->n_resolved), TIME(row->created_at),
	    TIME(row->due_at), TIME(row->finished_at), TEXT(row->error),
	    INT(row->maybe_sent), TIME(row->tick_at), INT(row->kind),
	    INT(row->incident), TEXT(row->place));
}

void
store_delivery_update(struct store *store, const struct delivery_row *row)
{
	PUT(store, OP_DELIVERY_UPDATE, INT(row->id), INT(row->state),
	    INT(row->attempts), TIME(row->due_at), TIME(row->finished_at),
	    TEXT(row->error), INT(row->maybe_sent));
}

void
store_silence_put(struct store *store, const struct silence_row *row)
{
	PUT(store, OP_SILENCE_PUT, TEXT(row->id), TEXT(row->matchers),
	    TIME(row->starts_at), TIME(row->ends_at), TIME(row->updated_at),
	    TEXT(row->created_by), TEXT(row->comment),
	    INT(row->until_resolved), TIME(row->matched_at),
	    TEXT(row->annotations));
}

void
store_silence_delete(struct store *store, struct str id)
{
	PUT(store, OP_SILENCE_DELETE, TEXT(id));
}

void
store_history_add(struct store *store, const struct history_row *row)
{
	/* History is the one thing whose loss harms nobody's alert. */
	if (store->filling->ops.n > STORE_HISTORY_BYTES) {
		store->history_dropped++;
		log_warn("store", "history row dropped: the disk is too far behind",
		    LOG_INT("dropped", store->history_dropped));
		return;
	}
	PUT(store, OP_HISTORY_ADD,
	    INT(row->id != 0 ? row->id : store_next_id(store)), TIME(row->at),
	    TEXT(row->kind), TEXT(row->labels), INT(row->fingerprint),
	    REAL(row->value), TEXT(row->subject), TEXT(row->detail));
}

void
store_meta_put(struct store *store, const char *key, struct str value)
{
	PUT(store, OP_META_PUT, TEXT(str_from(key)), TEXT(value));
}

void
store_put_ids(struct store *store, int64_t reserved)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)reserved);

	store_meta_put(store, META_IDS, str_make(text, (size_t)n));
}

void
store_put_prune(struct store *store, wall_t before)
{
	dur_t longer = { store->audit_retention.ns - store->retention.ns };

	PUT(store, OP_PRUNE_AUDIT, TIME(wall_sub(before, longer)),
	    INT(STORE_PRUNE_ROWS));
	for (int code = OP_PRUNE_HISTORY; code <= OP_PRUNE_DECISIONS; code++)
		PUT(store, (enum store_op_code)code, TIME(before),
		    INT(STORE_PRUNE_ROWS));
}
