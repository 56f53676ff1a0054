/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/rules and /api/v1/alerts in Prometheus' shape. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/rule_selectors.h"
#include "base/hash.h"
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
put_literals(struct buf *out, const char *key, const struct string_map *map)
{
	put_key(out, key);
	buf_putc(out, '{');
	for (uint32_t i = 0; i < map->n; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_put_str(out, str_from(map->pairs[i].key));
		buf_putc(out, ':');
		json_put_str(out, str_from(map->pairs[i].value));
	}
	buf_puts(out, "},");
}

/* What both types end with; `kind` and `source` are ours. */
static void
put_rule_tail(const struct rule_view *rule, const char *kind, const char *type, struct buf *out)
{
	buf_printf(out, "\"health\":\"%s\",", health_name(rule));
	if (rule->last_error[0] != '\0') {
		put_text(out, "lastError", str_from(rule->last_error));
		buf_putc(out, ',');
	}
	put_number(out, "evaluationTime", dur_seconds(rule->evaluation_time));
	buf_putc(out, ',');
	put_time_ns(out, "lastEvaluation", rule->last_evaluation);
	/* Series of the last evaluation that could not be judged: they are frozen. */
	if (rule->outcomes[OUTCOME_INSUFFICIENT] > 0)
		buf_printf(
		    out, ",\"insufficient\":%u", rule->outcomes[OUTCOME_INSUFFICIENT]);
	if (rule->outcomes[OUTCOME_STALE] > 0)
		buf_printf(out, ",\"stale\":%u", rule->outcomes[OUTCOME_STALE]);
	buf_printf(out, ",\"kind\":\"%s\",", kind);
	put_text(out, "source", str_from(rule->config->source->name));
	buf_printf(out, ",\"type\":\"%s\"}", type);
}

static void
put_recording(const struct rule_view *rule, struct buf *out)
{
	const struct rule_config *config = rule->config;

	buf_putc(out, '{');
	put_text(out, "name", str_from(config->name));
	buf_putc(out, ',');
	put_text(out, "query", str_from(config->query_text));
	buf_putc(out, ',');
	put_literals(out, "labels", &config->literals);
	put_rule_tail(rule, "record", "recording", out);
}

static void
put_alerting(
    const struct engine *engine, const struct rule_view *rule, bool with_alerts, struct buf *out)
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
	buf_putc(out, ',');
	put_rule_tail(rule, config->kind->name, "alerting", out);
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
	for (uint32_t i = 0; (value = http_param(call, with_brackets, i)) != NULL;
	     i++, given = true)
		if (strcmp(value, text) == 0)
			return true;
	return !given;
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

/* --- answers, streamed: with many alerts they are long ---------------------------- */

#define NO_RULE     UINT32_MAX /* stands for a group without any */
#define TOKEN_BYTES 65

struct wanted {
	uint32_t group, rule;
};

/*
 * Which rules to show is fixed at the start, by their place in a generation
 * of the configuration; how they are is looked up when their turn comes.
 */
struct listing {
	const struct engine *engine;
	struct config *config;
	struct wanted *wanted;
	size_t n, at;
	bool with_alerts, only_alerts, begun, any;
	char next_token[TOKEN_BYTES]; /* "": this is the last page */
};

/* What one request asks for. */
struct filter {
	const char *type;  /* "alert", "record", or NULL: both */
	int64_t limit;     /* groups in a page; 0: all */
	const char *token; /* of the first group of the page; NULL: the first of all */
	struct rule_selectors selectors;
};

/* "hex sha256(file;group)" */
static void
token_of(const struct rule_group_config *group, char ret[TOKEN_BYTES])
{
	struct buf text = { 0 };

	buf_printf(&text, "%s;%s", group->file, group->name);
	sha256_hex(text.p, text.n, ret);
	buf_fini(&text);
}

static bool
is_type(const struct rule_config *rule, const char *type)
{
	return type == NULL || strcmp(type, rule->recording ? "record" : "alert") == 0;
}

static void
want_group(struct listing *l, const struct http_call *call, const struct filter *filter, uint32_t g)
{
	const struct rule_group_config *group = &l->config->groups[g];

	if (!param_names(call, "rule_group", group->name) ||
	    !param_names(call, "file", group->file))
		return;
	if (group->n_rules == 0 && filter->type == NULL && filter->selectors.n == 0)
		l->wanted[l->n++] = (struct wanted){ g, NO_RULE };
	for (uint32_t r = 0; r < group->n_rules; r++)
		if (is_type(&group->rules[r], filter->type) &&
		    rule_selectors_match(&filter->selectors, &group->rules[r]) &&
		    param_names(call, "rule_name", group->rules[r].name))
			l->wanted[l->n++] = (struct wanted){ g, r };
}

/* False: there is no group with the token. */
static bool
want_groups(struct listing *l, const struct http_call *call, const struct filter *filter,
    const struct ordered_group *order)
{
	bool begun = filter->token == NULL;
	char token[TOKEN_BYTES];
	int64_t n = 0;

	for (uint32_t i = 0; i < l->config->n_groups; i++) {
		size_t before = l->n;

		if (!begun) {
			token_of(order[i].config, token);
			begun = strcmp(token, filter->token) == 0;
		}
		if (!begun)
			continue;
		want_group(l, call, filter, order[i].index);
		if (l->n == before)
			continue;
		if (filter->limit > 0 && n == filter->limit) {
			l->n = before;
			token_of(order[i].config, l->next_token);
			break;
		}
		n++;
	}
	return begun;
}

static void
listing_fini(void *arg)
{
	struct listing *l = arg;

	config_unref(l->config);
	free(l->wanted);
	free(l);
}

/* NULL: there is no group with the filter's token. */
static struct listing *
listing_new(const struct api *api, const struct http_call *call, const struct filter *filter)
{
	struct config *config = api->state->config;
	struct listing *l = xcalloc(1, sizeof(*l));
	struct ordered_group *order = xcalloc(config->n_groups + 1, sizeof(*order));

	l->engine = api->state->engine;
	l->config = config_ref(config);
	l->wanted = xcalloc((size_t)config->n_rules + config->n_groups + 1, sizeof(*l->wanted));
	for (uint32_t g = 0; g < config->n_groups; g++)
		order[g] = (struct ordered_group){ g, &config->groups[g] };
	qsort(order, config->n_groups, sizeof(*order), by_file_and_name);
	bool found = want_groups(l, call, filter, order);
	free(order);
	if (found)
		return l;
	listing_fini(l);
	return NULL;
}

static void
put_group_head(const struct listing *l, uint32_t g, bool first, struct buf *out)
{
	const struct rule_group_config *group = &l->config->groups[g];

	buf_puts(out, first ? "{" : ",{");
	put_text(out, "name", str_from(group->name));
	buf_putc(out, ',');
	put_text(out, "file", str_from(group->file));
	buf_puts(out, ",\"rules\":[");
}

static void
put_group_tail(const struct listing *l, uint32_t g, struct buf *out)
{
	struct group_view view;

	engine_group_view(l->engine, g, &view);
	buf_puts(out, "],");
	put_number(out, "interval", dur_seconds(view.config->interval));
	buf_printf(out, ",\"limit\":%lld,", (long long)view.config->limit);
	put_number(out, "evaluationTime", dur_seconds(view.evaluation_time));
	buf_putc(out, ',');
	put_time_ns(out, "lastEvaluation", view.last_evaluation);
	buf_putc(out, '}');
}

static void
put_wanted(struct listing *l, struct buf *out)
{
	const struct wanted *wanted = &l->wanted[l->at];
	struct rule_view rule;

	if (wanted->rule != NO_RULE)
		engine_rule_view(l->engine, wanted->group, wanted->rule, &rule);
	if (l->only_alerts) {
		if (wanted->rule != NO_RULE)
			put_alerts(l->engine, &rule, &l->any, out);
		return;
	}
	bool first = l->at == 0 || wanted[-1].group != wanted->group;
	bool last = l->at + 1 == l->n || wanted[1].group != wanted->group;
	if (first)
		put_group_head(l, wanted->group, l->at == 0, out);
	else
		buf_putc(out, ',');
	if (wanted->rule != NO_RULE && rule.config->recording)
		put_recording(&rule, out);
	else if (wanted->rule != NO_RULE)
		put_alerting(l->engine, &rule, l->with_alerts, out);
	if (last)
		put_group_tail(l, wanted->group, out);
}

static bool
fill(void *arg, struct buf *out, size_t want)
{
	struct listing *l = arg;
	size_t begin = out->n;

	if (!l->begun)
		buf_puts(out, l->only_alerts ? "{\"status\":\"success\",\"data\":{\"alerts\":["
					     : "{\"status\":\"success\",\"data\":{\"groups\":[");
	l->begun = true;
	/* After a reload the places mean other rules: the answer ends where it is. */
	bool reloaded = engine_config(l->engine) != l->config;
	while (!reloaded && l->at < l->n && out->n - begin < want) {
		put_wanted(l, out);
		l->at++;
	}
	if (!reloaded && l->at < l->n)
		return true;
	if (reloaded && !l->only_alerts && l->at > 0 && l->at < l->n &&
	    l->wanted[l->at].group == l->wanted[l->at - 1].group)
		buf_puts(out, "]}");
	buf_putc(out, ']');
	if (l->next_token[0] != '\0')
		buf_printf(out, ",\"groupNextToken\":\"%s\"", l->next_token);
	buf_puts(out, "}}\n");
	return false;
}

/* False: answered already. */
static bool
read_filter(struct http_call *call, struct filter *ret)
{
	const char *limit = param_text(call, "group_limit");

	ret->type = param_text(call, "type");
	ret->token = param_text(call, "group_next_token");
	if (ret->type != NULL && strcmp(ret->type, "alert") != 0 &&
	    strcmp(ret->type, "record") != 0)
		reply_prom_error(call, 400, "bad_data", "not supported value \"%s\"", ret->type);
	else if (ret->token != NULL && limit == NULL)
		reply_prom_error(call, 400, "bad_data",
		    "invalid parameter \"group_next_token\": group_limit needs to be present in "
		    "order to "
		    "paginate over the groups");
	else if (limit != NULL && !str_to_i64(str_from(limit), &ret->limit))
		reply_prom_error(call, 400, "bad_data",
		    "invalid parameter \"group_limit\": group_limit needs to be a valid number: %s",
		    limit);
	else if (limit != NULL && ret->limit <= 0)
		reply_prom_error(call, 400, "bad_data",
		    "invalid parameter \"group_limit\": group_limit needs to be greater than 0");
	else
		return true;
	return false;
}

void
api_rules_get(struct api *api, struct http_call *call, struct str id)
{
	struct filter filter = { 0 };
	struct listing *l;

	(void)id;
	if (!read_filter(call, &filter))
		return;
	if (!rule_selectors_read(call, &filter.selectors))
		return;
	l = listing_new(api, call, &filter);
	rule_selectors_fini(&filter.selectors);
	if (l == NULL) {
		reply_prom_error(call, 400, "bad_data",
		    "invalid group_next_token '%s'. were rule groups changed?", filter.token);
		return;
	}
	l->with_alerts = !param_bool(call, "exclude_alerts", false);
	http_reply_stream(call, 200, "application/json", fill, listing_fini, l);
}

void
api_rule_alerts_get(struct api *api, struct http_call *call, struct str id)
{
	const struct filter filter = { 0 };
	struct listing *l = listing_new(api, call, &filter);

	(void)id;
	l->only_alerts = true;
	http_reply_stream(call, 200, "application/json", fill, listing_fini, l);
}
