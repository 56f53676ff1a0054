/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why somebody was, or was not, told of one alert: what is so now, the rows of
 * the decision log, and what happened to the alert.
 *
 * Three steps: the live part is written at once, then the decision log is
 * read, then the history; the answer goes out with the last.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "notify/decision.h"
#include "notify/look.h"
#include "oncall/escalation.h"
#include "oncall/incidents.h"
#include "route/intervals.h"

#define ROWS_DEFAULT 200
#define ROWS_MAX     1000
#define SILENCES_MAX_SHOWN 16

/* ---- now ----------------------------------------------------------------------- */

static void
put_channel(const struct channel_look *look, struct buf *out)
{
	buf_putc(out, '{');
	put_text_member(out, "target", str_from(look->target));
	buf_printf(out, ",\"told\":%s,\"toldFiring\":%s,\"toldResolved\":%s,\"fallback\":%s,",
	    look->told ? "true" : "false", look->told_firing ? "true" : "false",
	    look->told_resolved ? "true" : "false", look->fallback ? "true" : "false");
	put_time_or_null(out, "toldAt", look->told_at);
	buf_putc(out, ',');
	put_time_or_null(out, "repeatAt", look->repeat_at);
	buf_puts(out, ",\"delivery\":");
	if (look->delivery_id == 0) {
		buf_puts(out, "null}");
		return;
	}
	buf_printf(out, "{\"id\":%lld,", (long long)look->delivery_id);
	put_text_member(out, "state", str_from(look->state));
	buf_printf(out, ",\"attempts\":%u,", look->attempts);
	put_time_or_null(out, "dueAt", look->due_at);
	buf_putc(out, ',');
	put_text_member(out, "error", str_from(look->error));
	buf_puts(out, "}}");
}

static void
put_muted_by(const struct route_config *route, wall_t now, struct buf *out)
{
	const char *name;

	buf_puts(out, "\"mutedBy\":[");
	for (uint32_t i = 0; (name = route_muted_by(route, now, i)) != NULL; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_put_str(out, str_from(name));
	}
	buf_putc(out, ']');
}

static void
put_incident_now(const struct api_state *state, const struct alert_group *group, struct buf *out)
{
	const struct incident *incident =
	    state->incidents != NULL ? incidents_of(state->incidents, group) : NULL;
	struct incident_row row;
	struct buf labels = { 0 };

	buf_puts(out, ",\"incident\":");
	if (incident == NULL) {
		buf_puts(out, "null");
		return;
	}
	incident_fill_row(incident, &labels, &row);
	put_incident(state, &row, out);
	buf_fini(&labels);
}

static void
put_group(const struct api_state *state, const struct alert_group *group, uint64_t fingerprint,
    wall_t now, struct buf *out)
{
	const struct route_config *route = group->route;
	struct channel_look look;

	buf_putc(out, '{');
	put_text_member(out, "key", str_from(group->key));
	buf_putc(out, ',');
	put_text_member(
	    out, "receiver", str_from(route->receiver != NULL ? route->receiver->name : ""));
	buf_printf(out, ",\"alerts\":%u,\"flushed\":%s,", group->n_alerts,
	    group->flushed ? "true" : "false");
	put_time_or_null(out, "nextFlushAt", group->next_flush_at);
	buf_printf(out, ",\"groupInterval\":%.15g,\"repeatInterval\":%.15g,",
	    dur_seconds(route->group_interval), dur_seconds(route->repeat_interval));
	put_muted_by(route, now, out);
	put_incident_now(state, group, out);
	buf_puts(out, ",\"targets\":[");
	for (uint32_t i = 0; notifier_look_channel(state->notifier, group, i, fingerprint, &look);
	     i++) {
		if (i > 0)
			buf_putc(out, ',');
		put_channel(&look, out);
	}
	buf_puts(out, "]}");
}

static void
put_suppression(
    const struct api_state *state, const struct alert *alert, wall_t now, struct buf *out)
{
	const struct silence *silences[SILENCES_MAX_SHOWN];
	uint32_t n =
	    silences_muting(state->silences, alert->labels, now, silences, SILENCES_MAX_SHOWN);
	const struct alert *by = inhibitor_muting(state->inhibitor, alert->labels, now);

	buf_puts(out, "\"silencedBy\":[");
	for (uint32_t i = 0; i < n && i < SILENCES_MAX_SHOWN; i++) {
		buf_puts(out, i > 0 ? ",{" : "{");
		put_text_member(out, "id", str_from(silences[i]->id));
		buf_putc(out, ',');
		put_text_member(out, "createdBy", str_from(silences[i]->created_by));
		buf_putc(out, ',');
		put_text_member(out, "comment", str_from(silences[i]->comment));
		buf_putc(out, ',');
		put_time(out, "endsAt", silences[i]->ends_at);
		buf_putc(out, '}');
	}
	buf_puts(out, "],\"inhibitedBy\":");
	if (by == NULL) {
		buf_puts(out, "null");
		return;
	}
	buf_puts(out, "{\"fingerprint\":");
	put_fingerprint(out, labels_fingerprint(by->labels));
	buf_puts(out, ",\"labels\":");
	labels_put_json(by->labels, out);
	buf_putc(out, '}');
}

static void
put_alert(const struct api_state *state, const struct alert *alert, wall_t now, struct buf *out)
{
	bool fires = !alert_is_resolved(alert, now);

	buf_puts(out, "{\"labels\":");
	labels_put_json(alert->labels, out);
	buf_puts(out, ",\"annotations\":");
	labels_put_json(alert->annotations, out);
	buf_printf(out, ",\"fires\":%s,\"fromRule\":%s,", fires ? "true" : "false",
	    (alert->flags & ALERT_FROM_RULE) != 0 ? "true" : "false");
	put_time(out, "startsAt", alert->starts_at);
	buf_putc(out, ',');
	put_time_or_null(
	    out, "endsAt", alert->ends_at.ns != WALL_MAX.ns ? alert->ends_at : WALL_NONE);
	buf_putc(out, ',');
	put_suppression(state, alert, now, out);
	buf_puts(out, ",\"groups\":[");
	for (uint32_t i = 0; i < alert->n_groups; i++) {
		if (i > 0)
			buf_putc(out, ',');
		put_group(
		    state, alert_group(alert, i), labels_fingerprint(alert->labels), now, out);
	}
	buf_puts(out, "]}");
}

/* ---- then: rows of the log -------------------------------------------------------- */

static const char *const delivery_state[DELIVERY_STATE_COUNT] = {
	[DELIVERY_PENDING] = "pending",
	[DELIVERY_SENDING] = "sending",
	[DELIVERY_DELIVERED] = "delivered",
	[DELIVERY_DEAD] = "dead",
	[DELIVERY_CANCELLED] = "cancelled",
};

static void
put_fate(const struct decision_seen *seen, struct buf *out)
{
	bool pending = seen->delivery_state <= DELIVERY_SENDING;

	buf_puts(out, ",\"delivery\":");
	if (seen->row.delivery_id == 0) {
		buf_puts(out, "null}");
		return;
	}
	buf_printf(out, "{\"id\":%lld,", (long long)seen->row.delivery_id);
	put_text_member(out, "state",
	    str_from(seen->has_delivery && seen->delivery_state < DELIVERY_STATE_COUNT
			 ? delivery_state[seen->delivery_state]
			 : "forgotten"));
	buf_printf(out, ",\"attempts\":%u,", seen->attempts);
	put_time_or_null(out, "dueAt", seen->has_delivery && pending ? seen->due_at : WALL_NONE);
	buf_putc(out, ',');
	put_time_or_null(out, "finishedAt", seen->finished_at);
	buf_putc(out, ',');
	put_text_member(out, "error", seen->error);
	buf_puts(out, "}}");
}

static void
put_row(const struct decision_seen *seen, struct buf *out)
{
	const struct decision_row *row = &seen->row;

	buf_printf(out, "{\"id\":%lld,\"verdict\":\"%s\",", (long long)row->id,
	    decision_verdict_name((enum decision_verdict)row->verdict));
	put_time(out, "at", row->first_at);
	buf_printf(out, ",\"lasts\":%s,", row->lasts ? "true" : "false");
	put_time_or_null(out, "until", row->until);
	buf_printf(out, ",\"fires\":%s,", seen->alert_fires ? "true" : "false");
	put_text_member(out, "groupKey", row->group_key);
	buf_putc(out, ',');
	put_text_member(out, "target", row->target);
	buf_putc(out, ',');
	put_text_member(out, "ref", row->ref);
	buf_putc(out, ',');
	put_text_member(out, "cause", row->cause);
	buf_putc(out, ',');
	put_time_or_null(out, "nextAt", row->next_at);
	put_fate(seen, out);
}

/* ---- the question -------------------------------------------------------------------- */

struct question {
	struct pending pending;
	struct store *store;
	uint64_t fingerprint;
	wall_t since, until;
	uint32_t limit;
	struct buf body;
};

static void
question_end(struct question *question, const struct err *err)
{
	struct http_call *call = question->pending.call;

	if (call != NULL && err != NULL)
		reply_code(call, 500, 500, "%s", err->text);
	else if (call != NULL)
		reply_json(call, 200, &question->body);
	pending_end(&question->pending);
	buf_fini(&question->body);
	free(question);
}

static void
on_history(void *arg, const struct history_row *rows, uint32_t n, const struct err *err)
{
	struct question *question = arg;
	struct buf *out = &question->body;

	for (uint32_t i = 0; i < n; i++) {
		struct labels *labels =
		    rows[i].labels.n > 0 ? labels_decode(rows[i].labels, NULL) : NULL;

		if (i > 0)
			buf_putc(out, ',');
		put_event(&rows[i], labels, out);
		labels_unref(labels);
	}
	buf_puts(out, "]}\n");
	question_end(question, err);
}

static void
on_decisions(void *arg, const struct decision_seen *rows, uint32_t n, const struct err *err)
{
	struct question *question = arg;
	struct history_query query = {
		.fingerprint = question->fingerprint,
		.kind = STR(""),
		.since = question->since,
		.until = question->until,
		.limit = question->limit,
	};

	if (question->pending.call == NULL || err != NULL) {
		question_end(question, err);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&question->body, ',');
		put_row(&rows[i], &question->body);
	}
	buf_puts(&question->body, "],\"events\":[");
	store_history_query(question->store, &query, on_history, question);
}

/* Of the group that the alert is in, so that rows about the group as a whole are found. */
static struct str
only_group_key(const struct alert *alert)
{
	return alert != NULL && alert->n_groups == 1 ? str_from(alert_group(alert, 0)->key)
						     : STR("");
}

void
api_alert_decisions_get(struct api *api, struct http_call *call, struct str id)
{
	const struct api_state *state = api->state;
	wall_t now = loop_now(state->loop), at, since;
	struct decision_query query = { 0 };
	struct question *question;
	const struct alert *alert;

	if (!fingerprint_from(id, &query.fingerprint)) {
		reply_code(call, 400, 400,
		    "'%.*s' is not a fingerprint: 16 digits of 0-9a-f, as alerts have them",
		    STR_ARG(id));
		return;
	}
	query.limit = param_limit(call, ROWS_DEFAULT, ROWS_MAX);
	if (query.limit == 0 || !param_instant(call, "since", &since) ||
	    !param_instant(call, "at", &at))
		return;
	alert = alerts_by_fingerprint(state->alerts, query.fingerprint);
	query.since = since;
	query.until = wall_is_set(at) ? wall_add(at, (dur_t){ 1 }) : WALL_NONE;
	query.group_key = only_group_key(alert);
	question = xcalloc(1, sizeof(*question));
	pending_begin(api, &question->pending, call);
	question->store = state->store;
	question->fingerprint = query.fingerprint;
	question->since = query.since;
	question->until = query.until;
	question->limit = query.limit;
	buf_puts(&question->body, "{\"fingerprint\":");
	put_fingerprint(&question->body, query.fingerprint);
	buf_putc(&question->body, ',');
	put_time(&question->body, "now", now);
	buf_puts(&question->body, ",\"alert\":");
	if (alert != NULL)
		put_alert(state, alert, now, &question->body);
	else
		buf_puts(&question->body, "null");
	buf_puts(&question->body, ",\"decisions\":[");
	store_decision_query(state->store, &query, on_decisions, question);
}
