/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /api/tocsin/v1/incidents and /incidents/{id}.
 *
 * Those that have not ended are listed from memory; ended ones from the store,
 * hence later.  One shape serves both: that of the row.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "notify/look.h"

#define LIMIT_DEFAULT  100
#define LIMIT_MAX      1000
#define TIMELINE_MAX   500
#define SEVERITIES_MAX 16
#define PAGES_MAX      100 /* looked at for one listing */

enum { STATE_ACTIVE = -1, STATE_ALL = -2, STATE_NONE = -3 };

/* ---- one incident ------------------------------------------------------------------- */

static const struct receiver_config *
receiver_of(const struct api_state *state, struct str route_id)
{
	const struct config *config = state->config;

	for (uint32_t i = 0; config->root != NULL && i < config->n_routes; i++) {
		if (str_is(route_id, config->routes[i]->id))
			return config->routes[i]->receiver;
	}
	return NULL;
}

static void
put_labels(const struct incident_row *row, struct buf *out)
{
	struct labels *labels = labels_decode(row->labels, NULL);

	buf_puts(out, ",\"labels\":");
	if (labels != NULL)
		labels_put_json(labels, out);
	else
		buf_puts(out, "{}");
	labels_unref(labels);
}

static void
put_comma_text(struct buf *out, const char *key, struct str text)
{
	buf_putc(out, ',');
	put_text_member(out, key, text);
}

static void
put_comma_time(struct buf *out, const char *key, wall_t t)
{
	buf_putc(out, ',');
	put_time_or_null(out, key, t);
}

static void
put_progress(const struct api_state *state, const struct incident_row *row, struct buf *out)
{
	const struct escalation_policy *policy = incidents_policy(state->incidents, row->policy);
	bool open = row->state == INCIDENT_OPEN;
	bool rests = row->state == INCIDENT_ACKNOWLEDGED || row->state == INCIDENT_SNOOZED;
	struct str told = row->told;
	const char *comma = "";

	put_comma_time(out, "until", rests ? row->due_at : WALL_NONE);
	put_comma_text(out, "policy", str_from(policy != NULL ? policy->name : ""));
	buf_printf(out, ",\"steps\":%u,\"nextStep\":", policy != NULL ? policy->n_steps : 0);
	if (open && policy != NULL && wall_is_set(row->due_at) && row->step < policy->n_steps)
		buf_printf(out, "%u", row->step + 1);
	else
		buf_puts(out, "null");
	put_comma_time(out, "nextAt", open ? row->due_at : WALL_NONE);
	buf_printf(out, ",\"round\":%u,\"exhausted\":%s,\"told\":[",
	    row->generation > 0 ? row->generation + row->loop : 0,
	    row->flags & INCIDENT_ROW_EXHAUSTED ? "true" : "false");
	while (told.n > 0) {
		const char *end = memchr(told.p, '\n', told.n);
		uint32_t n = end != NULL ? (uint32_t)(end - told.p) : told.n;

		buf_puts(out, comma);
		json_put_str(out, str_make(told.p, n));
		comma = ",";
		n += n < told.n;
		told = str_make(told.p + n, told.n - n);
	}
	buf_putc(out, ']');
}

/* Whose word it is that it stands so; who took something back has it not in hand. */
static bool
is_somebodys_word(const struct incident_row *row)
{
	return row->state == INCIDENT_ACKNOWLEDGED || row->state == INCIDENT_SNOOZED ||
	       (row->state == INCIDENT_RESOLVED && row->changed_at.ns == row->resolved_at.ns);
}

void
put_incident(const struct api_state *state, const struct incident_row *row, struct buf *out)
{
	const struct receiver_config *receiver = receiver_of(state, row->route_id);
	bool said = is_somebodys_word(row);

	buf_printf(out, "{\"id\":%lld,\"state\":\"%s\"", (long long)row->id,
	    incident_state_name((enum incident_state)row->state));
	put_comma_text(out, "severity", row->severity);
	put_comma_text(out, "groupKey", row->group_key);
	put_labels(row, out);
	put_comma_text(out, "receiver", str_from(receiver != NULL ? receiver->name : ""));
	buf_printf(out, ",\"alerts\":%u", row->alerts);
	put_comma_text(out, "runbook", row->runbook);
	put_comma_time(out, "openedAt", row->opened_at);
	put_comma_time(out, "resolvedAt", row->resolved_at);
	put_comma_text(out, "by", said ? row->changed_by : STR(""));
	put_comma_text(out, "comment", said ? row->comment : STR(""));
	put_comma_time(out, "changedAt", row->changed_at);
	put_progress(state, row, out);
	buf_putc(out, '}');
}

/* ---- what a listing wants ------------------------------------------------------------- */

struct wanted {
	int state; /* enum incident_state, or STATE_ */
	const char *severities[SEVERITIES_MAX]; /* of the call */
	uint32_t n_severities;
	struct filters filters;
	uint32_t limit;
	int64_t before_id;
};

static int
read_state(struct http_call *call)
{
	const char *text = param_text(call, "state");

	if (text == NULL || strcmp(text, "active") == 0)
		return STATE_ACTIVE;
	if (strcmp(text, "all") == 0)
		return STATE_ALL;
	for (int i = 0; i < INCIDENT_STATE_COUNT; i++) {
		if (strcmp(text, incident_state_name((enum incident_state)i)) == 0)
			return i;
	}
	reply_code(call, 400, 400,
	    "state=%s: give active, open, acknowledged, snoozed, resolved or all", text);
	return STATE_NONE;
}

static bool
read_wanted(struct http_call *call, struct wanted *ret)
{
	const char *text;

	*ret = (struct wanted){ .state = read_state(call) };
	if (ret->state == STATE_NONE)
		return false;
	for (uint32_t i = 0; (text = http_param(call, "severity", i)) != NULL; i++) {
		if (ret->n_severities < SEVERITIES_MAX)
			ret->severities[ret->n_severities++] = text;
	}
	ret->limit = param_limit(call, LIMIT_DEFAULT, LIMIT_MAX);
	return ret->limit > 0 && param_before(call, &ret->before_id) &&
	       filters_read(call, &ret->filters);
}

static bool
wants_severity(const struct wanted *wanted, struct str severity)
{
	for (uint32_t i = 0; i < wanted->n_severities; i++) {
		if (str_is(severity, wanted->severities[i]))
			return true;
	}
	return wanted->n_severities == 0;
}

/* A matcher fits the group's labels, or those of one of its alerts. */
static bool
wants_labels(const struct wanted *wanted, const struct labels *labels,
    const struct alert_group *group)
{
	if (wanted->filters.n == 0 || filters_match(&wanted->filters, labels))
		return true;
	for (uint32_t i = 0; group != NULL && i < group->n_alerts; i++) {
		if (filters_match(&wanted->filters, group->alerts[i]->labels))
			return true;
	}
	return false;
}

static bool
wants_receiver(
    const struct wanted *wanted, const struct api_state *state, struct str route_id)
{
	const struct receiver_config *receiver;

	if (wanted->filters.receiver == NULL && wanted->filters.n_receivers == 0)
		return true;
	receiver = receiver_of(state, route_id);
	return receiver != NULL && filters_want_receiver(&wanted->filters, receiver);
}

/* ---- from memory ------------------------------------------------------------------------ */

static bool
wants(const struct wanted *wanted, const struct api_state *state, const struct incident *incident)
{
	bool fits = wanted->state == STATE_ACTIVE ? incident->state != INCIDENT_RESOLVED
						  : incident->state == wanted->state;

	return fits && (wanted->before_id == 0 || incident->id < wanted->before_id) &&
	       wants_severity(wanted, istr_str(incident->severity)) &&
	       wants_receiver(wanted, state, istr_str(incident->route_id)) &&
	       wants_labels(wanted, incident->labels, incident->group);
}

static int
newest_first(const void *a, const void *b)
{
	const struct incident *const *x = a, *const *y = b;

	return (*x)->id > (*y)->id ? -1 : (*x)->id < (*y)->id;
}

static void
reply_active(struct api *api, struct http_call *call, const struct wanted *wanted)
{
	struct incident **found = NULL, *incident;
	struct buf body = { 0 }, labels = { 0 };
	size_t n = 0, cap = 0;

	for (size_t it = 0; (incident = incidents_next(api->state->incidents, &it)) != NULL;) {
		if (!wants(wanted, api->state, incident))
			continue;
		found = xgrow(found, &cap, n + 1, sizeof(struct incident *));
		found[n++] = incident;
	}
	if (n > 1)
		qsort(found, n, sizeof(*found), newest_first);
	buf_puts(&body, "{\"incidents\":[");
	for (size_t i = 0; i < n && i < wanted->limit; i++) {
		struct incident_row row;

		incident_fill_row(found[i], &labels, &row);
		if (i > 0)
			buf_putc(&body, ',');
		put_incident(api->state, &row, &body);
	}
	buf_puts(&body, "]}\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
	buf_fini(&labels);
	free(found);
}

/* ---- from the store ------------------------------------------------------------------------ */

struct listing {
	struct pending pending;
	struct api_state *state;
	struct wanted wanted;
	struct incident_query query;
	uint32_t shown, pages;
	struct buf body;
};

static void
listing_free(struct listing *listing)
{
	pending_end(&listing->pending);
	filters_fini(&listing->wanted.filters);
	buf_fini(&listing->body);
	free(listing);
}

static bool
wants_row(const struct listing *listing, const struct incident_row *row,
    const struct alert_group *group)
{
	const struct wanted *wanted = &listing->wanted;
	struct labels *labels;
	bool fits;

	if (row->state >= INCIDENT_STATE_COUNT ||
	    (wanted->state >= 0 && row->state != (uint32_t)wanted->state) ||
	    !wants_severity(wanted, row->severity) ||
	    !wants_receiver(wanted, listing->state, row->route_id))
		return false;
	if (wanted->filters.n == 0)
		return true;
	labels = labels_decode(row->labels, NULL);
	fits = labels != NULL && wants_labels(wanted, labels, group);
	labels_unref(labels);
	return fits;
}

/* One that has not ended is as it is now: its row is not written with each alert that joins. */
static void
list_row(struct listing *listing, const struct incident_row *row)
{
	const struct incident *incident =
	    incidents_by_key(listing->state->incidents, row->group_key, row->route_id);
	const struct alert_group *group = NULL;
	struct buf labels = { 0 };
	struct incident_row live;

	if (incident != NULL && incident->id == row->id) {
		incident_fill_row(incident, &labels, &live);
		row = &live;
		group = incident->group;
	}
	if (wants_row(listing, row, group)) {
		if (listing->shown++ > 0)
			buf_putc(&listing->body, ',');
		put_incident(listing->state, row, &listing->body);
	}
	buf_fini(&labels);
}

static void
on_rows(void *arg, const struct incident_row *rows, uint32_t n, const struct err *err)
{
	struct listing *listing = arg;
	struct http_call *call = listing->pending.call;

	for (uint32_t i = 0; call != NULL && i < n && listing->shown < listing->wanted.limit; i++)
		list_row(listing, &rows[i]);
	if (call != NULL && n == listing->query.limit &&
	    listing->shown < listing->wanted.limit && ++listing->pages < PAGES_MAX) {
		listing->query.before_id = rows[n - 1].id;
		store_incident_query(
		    listing->state->store, &listing->query, on_rows, listing);
		return;
	}
	if (call != NULL && err != NULL) {
		reply_code(call, 500, 500, "%s", err->text);
	} else if (call != NULL) {
		buf_puts(&listing->body, "]}\n");
		reply_json(call, 200, &listing->body);
	}
	listing_free(listing);
}

static void
list_stored(struct api *api, struct http_call *call, const struct wanted *wanted)
{
	struct listing *listing = xcalloc(1, sizeof(*listing));

	pending_begin(api, &listing->pending, call);
	listing->state = api->state;
	listing->wanted = *wanted;
	listing->query = (struct incident_query){
		.state = wanted->state == STATE_ALL ? -1 : wanted->state,
		.before_id = wanted->before_id,
		/* The store knows no matchers: much is read for what is found. */
		.limit = wanted->filters.n > 0 || wanted->n_severities > 0 ? LIMIT_MAX
									   : wanted->limit,
	};
	buf_puts(&listing->body, "{\"incidents\":[");
	store_incident_query(api->state->store, &listing->query, on_rows, listing);
}

void
api_incidents_get(struct api *api, struct http_call *call, struct str id)
{
	struct wanted wanted;

	(void)id;
	if (!read_wanted(call, &wanted))
		return;
	if (wanted.state == STATE_ALL || wanted.state == INCIDENT_RESOLVED) {
		list_stored(api, call, &wanted);
		return;
	}
	reply_active(api, call, &wanted);
	filters_fini(&wanted.filters);
}

/* ---- one, whole --------------------------------------------------------------------- */

struct looking {
	struct pending pending;
	struct api_state *state;
	int64_t id;
	struct buf body;
};

static void
looking_free(struct looking *looking)
{
	pending_end(&looking->pending);
	buf_fini(&looking->body);
	free(looking);
}

static void
put_alerts(const struct incident *incident, wall_t now, struct buf *out)
{
	const struct alert_group *group = incident != NULL ? incident->group : NULL;

	buf_puts(out, ",\"alerts\":[");
	for (uint32_t i = 0; group != NULL && i < group->n_alerts; i++) {
		const struct alert *alert = group->alerts[i];

		buf_puts(out, i > 0 ? ",{\"fingerprint\":" : "{\"fingerprint\":");
		put_fingerprint(out, labels_fingerprint(alert->labels));
		buf_puts(out, ",\"labels\":");
		labels_put_json(alert->labels, out);
		buf_puts(out, ",\"annotations\":");
		labels_put_json(alert->annotations, out);
		buf_putc(out, ',');
		put_time(out, "startsAt", alert->starts_at);
		buf_printf(
		    out, ",\"firing\":%s}", alert_is_resolved(alert, now) ? "false" : "true");
	}
	buf_putc(out, ']');
}

static void
put_receivers(const struct api_state *state, const struct incident *incident, struct buf *out)
{
	const struct alert_group *group = incident != NULL ? incident->group : NULL;
	struct channel_look look;

	buf_puts(out, ",\"receivers\":[");
	for (uint32_t i = 0;
	     group != NULL && notifier_look_channel(state->notifier, group, i, 0, &look); i++) {
		buf_puts(out, i > 0 ? ",{" : "{");
		put_text_member(out, "target", str_from(look.target));
		buf_printf(out, ",\"told\":%s", look.told ? "true" : "false");
		put_comma_time(out, "toldAt", look.told_at);
		if (look.delivery_id != 0)
			buf_printf(out, ",\"delivery\":%lld", (long long)look.delivery_id);
		else
			buf_puts(out, ",\"delivery\":null");
		put_comma_text(out, "deliveryState", str_from(look.state));
		put_comma_time(out, "dueAt", look.due_at);
		put_comma_text(out, "error", str_from(look.error));
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

static void
on_timeline(void *arg, const struct history_row *rows, uint32_t n, const struct err *err)
{
	struct looking *looking = arg;
	struct http_call *call = looking->pending.call;

	if (call != NULL && err != NULL) {
		reply_code(call, 500, 500, "%s", err->text);
	} else if (call != NULL) {
		for (uint32_t i = 0; i < n; i++) {
			struct labels *labels = rows[i].labels.n > 0
						    ? labels_decode(rows[i].labels, NULL)
						    : NULL;

			if (i > 0)
				buf_putc(&looking->body, ',');
			put_event(&rows[i], labels, &looking->body);
			labels_unref(labels);
		}
		buf_puts(&looking->body, "]}\n");
		reply_json(call, 200, &looking->body);
	}
	looking_free(looking);
}

/* The live one knows more than its row. */
static void
on_row(void *arg, const struct incident_row *rows, uint32_t n, const struct err *err)
{
	struct looking *looking = arg;
	struct http_call *call = looking->pending.call;
	struct api_state *state = looking->state;
	struct incident *incident = call != NULL ? incidents_find(state->incidents, looking->id)
						 : NULL;
	struct incident_row row;
	struct buf labels = { 0 };

	if (call != NULL && err != NULL) {
		reply_code(call, 500, 500, "%s", err->text);
	} else if (call != NULL && n == 0 && incident == NULL) {
		reply_code(
		    call, 404, 404, "there is no incident %lld", (long long)looking->id);
	} else if (call != NULL) {
		if (incident != NULL)
			incident_fill_row(incident, &labels, &row);
		else
			row = rows[0];
		buf_puts(&looking->body, "{\"incident\":");
		put_incident(state, &row, &looking->body);
		put_alerts(incident, loop_now(state->loop), &looking->body);
		put_receivers(state, incident, &looking->body);
		buf_puts(&looking->body, ",\"timeline\":[");
		buf_fini(&labels);
		store_history_query(state->store,
		    &(struct history_query){ .fingerprint = incident_mark(looking->id),
			.limit = TIMELINE_MAX },
		    on_timeline, looking);
		return;
	}
	looking_free(looking);
}

void
api_incident_get(struct api *api, struct http_call *call, struct str id)
{
	struct looking *looking;
	int64_t number;

	if (!str_to_i64(id, &number) || number <= 0) {
		reply_code(call, 400, 400, "'%.*s' is no incident's number", STR_ARG(id));
		return;
	}
	looking = xcalloc(1, sizeof(*looking));
	pending_begin(api, &looking->pending, call);
	looking->state = api->state;
	looking->id = number;
	store_incident_query(api->state->store,
	    &(struct incident_query){ .id = number, .state = -1, .limit = 1 }, on_row, looking);
}
