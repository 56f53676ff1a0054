/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/rules and /api/v1/alerts in Prometheus' shape (prometheus-rules.md 3). */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "base/xalloc.h"

/* Field order as Prometheus emits it. */

static void
put_time_ns(struct buf *out, const char *key, wall_t t)
{
	char text[TIMESTAMP_TEXT_MAX];

	put_key(out, key);
	buf_printf(out, "\"%s\"", timestamp_format_ns(t, text));
}

static void
put_number(struct buf *out, const char *key, double v)
{
	put_key(out, key);
	json_put_double(out, v);
}

static void
put_text(struct buf *out, const char *key, struct str text)
{
	put_key(out, key);
	json_put_str_html(out, text);
}

static void
put_templates(struct buf *out, const char *key, const struct template_map *map)
{
	put_key(out, key);
	buf_putc(out, '{');
	for (uint32_t i = 0; i < map->n; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_put_str(out, str_from(map->pairs[i].key));
		buf_putc(out, ':');
		json_put_str(out, template_text(map->pairs[i].template));
	}
	buf_putc(out, '}');
}

static void
put_alert(const struct engine *engine, const struct rule_view *rule, const struct rule_alert *alert,
    struct buf *out)
{
	struct labels *annotations = rule_alert_annotations(engine, rule->rule, alert);

	buf_puts(out, "{\"labels\":");
	labels_put_json(alert->labels, out);
	buf_puts(out, ",\"annotations\":");
	labels_put_json(annotations, out);
	buf_printf(out, ",\"state\":\"%s\",", alert_state_name(alert->times.state));
	put_time_ns(out, "activeAt", alert->times.active_at);
	if (wall_is_set(alert->times.keep_firing_since)) {
		buf_putc(out, ',');
		put_time_ns(out, "keepFiringSince", alert->times.keep_firing_since);
	}
	buf_puts(out, ",\"value\":\"");
	put_prom_exponent(out, alert->value);
	buf_puts(out, "\"}");
	labels_unref(annotations);
}

static void
put_alerts(const struct engine *engine, const struct rule_view *rule, bool *any, struct buf *out)
{
	const struct rule_alert *alert;

	for (uint32_t it = 0; (alert = rule_alert_next(rule->rule, &it)) != NULL;) {
		if (*any)
			buf_putc(out, ',');
		*any = true;
		put_alert(engine, rule, alert, out);
	}
}

static const char *
health_name(const struct rule_view *rule)
{
	switch (rule->health) {
	case RULE_HEALTH_OK:
		return "ok";
	case RULE_HEALTH_ERR:
		return "err";
	case RULE_HEALTH_UNKNOWN:
		break;
	}
	return "unknown";
}

static void
put_rule(const struct engine *engine, const struct rule_view *rule, bool with_alerts,
    struct buf *out)
{
	const struct rule_config *config = rule->config;
	bool any = false;

	buf_printf(out, "{\"state\":\"%s\",", alert_state_name(rule->state));
	put_text(out, "name", str_from(config->name));
	buf_putc(out, ',');
	put_text(out, "query", str_from(config->query_text));
	buf_putc(out, ',');
	put_number(out, "duration", dur_seconds(config->for_));
	buf_putc(out, ',');
	put_number(out, "keepFiringFor", dur_seconds(config->keep_firing_for));
	buf_putc(out, ',');
	put_templates(out, "labels", &config->labels);
	buf_putc(out, ',');
	put_templates(out, "annotations", &config->annotations);
	buf_puts(out, with_alerts ? ",\"alerts\":[" : ",\"alerts\":null");
	if (with_alerts) {
		put_alerts(engine, rule, &any, out);
		buf_putc(out, ']');
	}
	buf_printf(out, ",\"health\":\"%s\",", health_name(rule));
	if (rule->last_error[0] != '\0') {
		put_text(out, "lastError", str_from(rule->last_error));
		buf_putc(out, ',');
	}
	put_number(out, "evaluationTime", dur_seconds(rule->evaluation_time));
	buf_putc(out, ',');
	put_time_ns(out, "lastEvaluation", rule->last_evaluation);
	buf_printf(out, ",\"kind\":\"%s\",", config->kind->name);
	put_text(out, "source", str_from(config->source->name));
	buf_puts(out, ",\"type\":\"alerting\"}");
}

/* --- which ones are wanted ------------------------------------------------------ */

/* Is text among the values of name= or name[]=? None given: yes. */
static bool
param_names(const struct http_call *call, const char *name, const char *text)
{
	char with_brackets[40];
	const char *value;
	bool given = false;

	snprintf(with_brackets, sizeof(with_brackets), "%s[]", name);
	for (uint32_t i = 0; (value = http_param(call, name, i)) != NULL; i++, given = true)
		if (strcmp(value, text) == 0)
			return true;
	for (uint32_t i = 0; (value = http_param(call, with_brackets, i)) != NULL; i++, given = true)
		if (strcmp(value, text) == 0)
			return true;
	return !given;
}

static void
put_group_tail(const struct group_view *view, struct buf *out)
{
	const struct rule_group_config *group = view->config;

	buf_puts(out, "],");
	put_number(out, "interval", dur_seconds(group->interval));
	buf_printf(out, ",\"limit\":%lld,", (long long)group->limit);
	put_number(out, "evaluationTime", dur_seconds(view->evaluation_time));
	buf_putc(out, ',');
	put_time_ns(out, "lastEvaluation", view->last_evaluation);
	buf_putc(out, '}');
}

/* The group with those of its rules that are wanted; nothing when there are none. */
static void
put_group(const struct engine *engine, const struct http_call *call, uint32_t g, bool with_alerts,
    bool *any_group, struct buf *out)
{
	struct group_view view;
	size_t before = out->n;
	bool any = false;

	engine_group_view(engine, g, &view);
	if (!param_names(call, "rule_group", view.config->name) ||
	    !param_names(call, "file", view.config->file))
		return;
	buf_puts(out, *any_group ? ",{" : "{");
	put_text(out, "name", str_from(view.config->name));
	buf_putc(out, ',');
	put_text(out, "file", str_from(view.config->file));
	buf_puts(out, ",\"rules\":[");
	for (uint32_t r = 0; r < view.config->n_rules; r++) {
		struct rule_view rule;
		if (!param_names(call, "rule_name", view.config->rules[r].name))
			continue;
		engine_rule_view(engine, g, r, &rule);
		if (any)
			buf_putc(out, ',');
		any = true;
		put_rule(engine, &rule, with_alerts, out);
	}
	if (!any && view.config->n_rules > 0) {
		out->n = before;
		return;
	}
	put_group_tail(&view, out);
	*any_group = true;
}

struct ordered_group {
	uint32_t index;
	const struct rule_group_config *config;
};

static int
by_file_and_name(const void *a, const void *b)
{
	const struct ordered_group *x = a, *y = b;
	int order = strcmp(x->config->file, y->config->file);

	return order != 0 ? order : strcmp(x->config->name, y->config->name);
}

void
api_rules_get(struct api *api, struct http_call *call, struct str id)
{
	const struct engine *engine = api->state->engine;
	const struct config *config = engine_config(engine);
	const char *type = http_param(call, "type", 0);
	bool with_alerts = !param_bool(call, "exclude_alerts", false), any = false;
	struct ordered_group *order = xcalloc(config->n_groups + 1, sizeof(*order));
	struct buf body = { 0 };

	(void)id;
	if (type != NULL && type[0] != '\0' && strcmp(type, "alert") != 0 && strcmp(type, "record") != 0) {
		reply_prom_error(call, 400, "bad_data", "not supported value \"%s\"", type);
		free(order);
		return;
	}
	for (uint32_t g = 0; g < config->n_groups; g++)
		order[g] = (struct ordered_group){ g, &config->groups[g] };
	qsort(order, config->n_groups, sizeof(*order), by_file_and_name);
	buf_puts(&body, "{\"status\":\"success\",\"data\":{\"groups\":[");
	if (type == NULL || strcmp(type, "record") != 0)
		for (uint32_t g = 0; g < config->n_groups; g++)
			put_group(engine, call, order[g].index, with_alerts, &any, &body);
	buf_puts(&body, "]}}\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
	free(order);
}

void
api_rule_alerts_get(struct api *api, struct http_call *call, struct str id)
{
	const struct engine *engine = api->state->engine;
	const struct config *config = engine_config(engine);
	struct buf body = { 0 };
	bool any = false;

	(void)id;
	buf_puts(&body, "{\"status\":\"success\",\"data\":{\"alerts\":[");
	for (uint32_t g = 0; g < config->n_groups; g++)
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++) {
			struct rule_view rule;
			engine_rule_view(engine, g, r, &rule);
			put_alerts(engine, &rule, &any, &body);
		}
	buf_puts(&body, "]}}\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
}
