/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules found at their last evaluation: beside Prometheus' shape, which
 * knows neither too few data nor data that are too old.
 */
#include "config.h"

#include "api/handlers.h"
#include "base/json.h"

static const char *const health_names[] = { "unknown", "ok", "err" };

static void
put_outcomes(const uint32_t outcomes[OUTCOME_COUNT], struct buf *out)
{
	buf_puts(out, "\"outcomes\":{");
	for (int i = 0; i < OUTCOME_COUNT; i++)
		buf_printf(out, "%s\"%s\":%u", i > 0 ? "," : "", outcome_name((enum outcome)i),
		    outcomes[i]);
	buf_putc(out, '}');
}

static void
put_rule(const struct rule_view *view, struct buf *out)
{
	const struct rule_config *config = view->config;

	buf_putc(out, '{');
	put_text_member(out, "name", str_from(config->name));
	buf_putc(out, ',');
	put_text_member(out, "group", str_from(config->group->name));
	buf_putc(out, ',');
	put_text_member(out, "file", str_from(config->group->file));
	buf_putc(out, ',');
	put_text_member(
	    out, "kind", config->recording ? STR("record") : str_from(config->kind->name));
	buf_putc(out, ',');
	put_text_member(
	    out, "source", str_from(config->source != NULL ? config->source->name : ""));
	buf_putc(out, ',');
	put_text_member(out, "state", str_from(alert_state_name(view->state)));
	buf_putc(out, ',');
	put_text_member(out, "health", str_from(health_names[view->health]));
	buf_putc(out, ',');
	put_text_member(out, "lastError", str_from(view->last_error));
	buf_putc(out, ',');
	put_time_or_null(out, "lastEvaluation", view->last_evaluation);
	buf_puts(out, ",\"evaluationTime\":");
	json_put_double(out, dur_seconds(view->evaluation_time));
	buf_putc(out, ',');
	put_outcomes(view->outcomes, out);
	buf_printf(out,
	    ",\"alerts\":{\"pending\":%u,\"firing\":%u},\"past\":{\"series\":%u,\"points\":%llu}}",
	    view->n_pending, view->n_firing, view->past_series,
	    (unsigned long long)view->past_points);
}

static bool
is_wanted(const struct rule_view *view, const char *name, const char *group, int outcome)
{
	return (name == NULL || strcmp(name, view->config->name) == 0) &&
	       (group == NULL || strcmp(group, view->config->group->name) == 0) &&
	       (outcome < 0 || view->outcomes[outcome] > 0);
}

/* -1: any; -2: it is none, and that was answered. */
static int
read_outcome(struct http_call *call)
{
	const char *text = param_text(call, "outcome");

	if (text == NULL)
		return -1;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (strcmp(text, outcome_name((enum outcome)i)) == 0)
			return i;
	reply_code(call, 400, 400,
	    "outcome=%s: give ok, breach, hold, insufficient, stale or error", text);
	return -2;
}

void
api_rule_states_get(struct api *api, struct http_call *call, struct str id)
{
	const struct config *config = engine_config(api->state->engine);
	const char *name = param_text(call, "name"), *group = param_text(call, "group");
	const int outcome = read_outcome(call);
	struct buf body = { 0 };
	bool first = true;

	(void)id;
	if (outcome == -2)
		return;
	buf_puts(&body, "{\"rules\":[");
	for (uint32_t g = 0; config != NULL && g < config->n_groups; g++)
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++) {
			struct rule_view view;

			engine_rule_view(api->state->engine, g, r, &view);
			if (!is_wanted(&view, name, group, outcome))
				continue;
			if (!first)
				buf_putc(&body, ',');
			first = false;
			put_rule(&view, &body);
		}
	buf_puts(&body, "]}");
	reply_json(call, 200, &body);
}
