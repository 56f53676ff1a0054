/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why an alert is as it is: what its rule's kind says now, or what it said at
 * the alert's last transition, from the history.
 */
#include "config.h"

#include "rule/explain.h"

#include <math.h>
#include <stdlib.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "rule/kind.h"

#define ROWS_LOOKED_AT 100

struct asked {
	struct pending pending;
	struct api *api;
	uint64_t fingerprint;
};

static const struct rule_config *
rule_named(const struct config *config, struct str name)
{
	for (uint32_t g = 0; g < config->n_groups; g++)
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++)
			if (str_is(name, config->groups[g].rules[r].name))
				return &config->groups[g].rules[r];
	return NULL;
}

static void
put_rule(const struct rule_config *rule, struct str name, struct buf *out)
{
	put_text_member(out, "rule", name);
	buf_putc(out, ',');
	put_text_member(out, "group", str_from(rule != NULL ? rule->group->name : ""));
	buf_putc(out, ',');
	put_text_member(out, "kind", str_from(rule != NULL ? rule->kind->name : ""));
	buf_putc(out, ',');
	put_text_member(out, "query",
	    str_from(rule != NULL && rule->query_text != NULL ? rule->query_text : ""));
}

/* Of a kind that says nothing: the value and what it was compared with. */
static void
put_plain(const struct explain_view *view, struct buf *out)
{
	struct explain explain = explain_none;
	struct buf text = { 0 };

	explain.value = view->alert->value;
	explain.threshold = view->threshold;
	explain_put_text(&explain, &text);
	put_text_member(out, "text", buf_str(&text));
	buf_fini(&text);
	if (!isnan(explain.value) || !isnan(explain.threshold))
		buf_putc(out, ',');
	explain_put_members(&explain, out);
}

static void
put_said(const struct explain *explain, struct buf *out)
{
	struct buf text = { 0 };

	explain_put_text(explain, &text);
	put_text_member(out, "text", buf_str(&text));
	buf_putc(out, ',');
	explain_put_members(explain, out);
	if (out->p[out->n - 1] == ',')
		out->n--;
	buf_fini(&text);
}

static void
put_present(const struct api_state *state, uint64_t fingerprint, const struct explain_view *view,
    struct buf *out)
{
	const struct alert_times *times = &view->alert->times;

	(void)state;
	buf_puts(out, "{\"fingerprint\":");
	put_fingerprint(out, fingerprint);
	buf_puts(out, ",\"from\":\"present\",");
	put_rule(view->config, str_from(view->config->name), out);
	buf_puts(out, ",\"state\":");
	json_put_str(out, str_from(alert_state_name(times->state)));
	buf_puts(out, ",\"labels\":");
	labels_put_json(view->alert->labels, out);
	buf_putc(out, ',');
	put_time_or_null(out, "at", view->at);
	buf_putc(out, ',');
	put_time_or_null(out, "activeAt", times->active_at);
	buf_putc(out, ',');
	put_time_or_null(out, "firedAt", times->fired_at);
	buf_puts(out, ",\"explain\":{");
	if (view->explain != NULL)
		put_said(view->explain, out);
	else
		put_plain(view, out);
	buf_puts(out, "}}");
}

static bool
is_transition(struct str kind)
{
	return str_is(kind, "firing") || str_is(kind, "resolved") || str_is(kind, "pending");
}

static void
put_past(const struct config *config, const struct history_row *row, struct buf *out)
{
	struct labels *labels = labels_decode(row->labels, NULL);

	buf_puts(out, "{\"fingerprint\":");
	put_fingerprint(out, row->fingerprint);
	buf_puts(out, ",\"from\":\"history\",");
	put_rule(rule_named(config, row->subject), row->subject, out);
	buf_puts(out, ",\"state\":");
	json_put_str(out, row->kind);
	buf_puts(out, ",\"labels\":");
	if (labels != NULL)
		labels_put_json(labels, out);
	else
		buf_puts(out, "{}");
	buf_putc(out, ',');
	put_time_or_null(out, "at", row->at);
	buf_puts(out, ",\"activeAt\":null,\"firedAt\":null,\"explain\":");
	if (row->detail.n > 0 && row->detail.p[0] == '{') {
		buf_put_str(out, row->detail);
	} else {
		buf_puts(out, "{\"value\":");
		json_put_double(out, row->value);
		buf_puts(out, ",\"text\":\"\"}");
	}
	buf_putc(out, '}');
	labels_unref(labels);
}

/* The last transition that says why, else the last of all. */
static const struct history_row *
best_row(const struct history_row *rows, uint32_t n)
{
	const struct history_row *best = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (!is_transition(rows[i].kind) || str_is(rows[i].detail, HISTORY_POSTED))
			continue;
		if (rows[i].detail.n > 0)
			return &rows[i];
		if (best == NULL)
			best = &rows[i];
	}
	return best;
}

static void
answer(struct asked *asked, const struct history_row *row)
{
	const struct api_state *state = asked->api->state;
	const struct alert *routed = alerts_by_fingerprint(state->alerts, asked->fingerprint);
	struct buf body = { 0 };
	struct explain_view view;

	/* It may have moved on while the history was read. */
	if (engine_explain(
		state->engine, asked->fingerprint, routed != NULL ? routed->labels : NULL, &view) &&
	    (view.explain != NULL || row == NULL || row->detail.n == 0)) {
		put_present(state, asked->fingerprint, &view, &body);
	} else if (row != NULL) {
		put_past(engine_config(state->engine), row, &body);
	} else {
		reply_code(asked->pending.call, 404, 404,
		    "no rule has raised an alert with this fingerprint in the time that is kept");
		return;
	}
	reply_json(asked->pending.call, 200, &body);
}

static void
on_history(void *arg, const struct history_row *rows, uint32_t n, const struct err *err)
{
	struct asked *asked = arg;
	struct http_call *call = asked->pending.call;

	if (call != NULL && err != NULL)
		reply_code(call, err->code == ERR_BUSY ? 503 : 500, 500, "%s", err->text);
	else if (call != NULL)
		answer(asked, best_row(rows, n));
	pending_end(&asked->pending);
	free(asked);
}

void
api_alert_explain_get(struct api *api, struct http_call *call, struct str id)
{
	const struct api_state *state = api->state;
	const struct alert *routed;
	struct history_query query = { .kind = STR(""), .limit = ROWS_LOOKED_AT };
	struct explain_view view;
	struct buf body = { 0 };
	struct asked *asked;

	if (!fingerprint_from(id, &query.fingerprint)) {
		reply_code(call, 400, 400,
		    "'%.*s' is not a fingerprint: 16 digits of 0-9a-f, as alerts have them",
		    STR_ARG(id));
		return;
	}
	routed = alerts_by_fingerprint(state->alerts, query.fingerprint);
	if (engine_explain(
		state->engine, query.fingerprint, routed != NULL ? routed->labels : NULL, &view) &&
	    view.explain != NULL) {
		put_present(state, query.fingerprint, &view, &body);
		reply_json(call, 200, &body);
		return;
	}
	asked = xcalloc(1, sizeof(*asked));
	pending_begin(api, &asked->pending, call);
	asked->api = api;
	asked->fingerprint = query.fingerprint;
	store_history_query(state->store, &query, on_history, asked);
}
