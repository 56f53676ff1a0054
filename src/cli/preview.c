/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/preview.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json_object_iterator.h>

#include "base/timestamp.h"
#include "base/xalloc.h"
#include "cli/remote.h"
#include "cli/route_view.h"
#include "route/alerts.h"

const char preview_sample[] =
    "{\"alerts\": ["
    "{\"status\": \"firing\","
    " \"labels\": {\"alertname\": \"PredictionLatencyHigh\", \"severity\": \"critical\","
    "  \"model\": \"ranker\", \"instance\": \"serve-1:9090\", \"job\": \"serving\"},"
    " \"annotations\": {\"summary\": \"p95 latency of ranker is 840ms\","
    "  \"description\": \"For 5 minutes more than 5% of the requests took over 500ms.\","
    "  \"value\": \"0.84\", \"runbook_url\": \"https://runbooks.example.org/latency\"},"
    " \"generatorURL\": \"http://prometheus.example.org/graph?g0.expr=latency\"},"
    "{\"status\": \"firing\","
    " \"labels\": {\"alertname\": \"PredictionLatencyHigh\", \"severity\": \"warning\","
    "  \"model\": \"ranker\", \"instance\": \"serve-2:9090\", \"job\": \"serving\"},"
    " \"annotations\": {\"summary\": \"p95 latency of ranker is 530ms\","
    "  \"description\": \"For 5 minutes more than 5% of the requests took over 500ms.\","
    "  \"value\": \"0.53\", \"runbook_url\": \"https://runbooks.example.org/latency\"},"
    " \"generatorURL\": \"http://prometheus.example.org/graph?g0.expr=latency\"},"
    "{\"status\": \"resolved\","
    " \"labels\": {\"alertname\": \"PredictionLatencyHigh\", \"severity\": \"warning\","
    "  \"model\": \"ranker\", \"instance\": \"serve-3:9090\", \"job\": \"serving\"},"
    " \"annotations\": {\"summary\": \"p95 latency of ranker is 610ms\","
    "  \"runbook_url\": \"https://runbooks.example.org/latency\"},"
    " \"generatorURL\": \"http://prometheus.example.org/graph?g0.expr=latency\"}]}";

struct entry {
	struct alert alert; /* labels and annotations: +1 reference each; ends_at is WALL_NONE while
			       firing */
	struct str generator_url;
	bool firing;
};

struct preview {
	struct arena *arena;
	struct entry *entries; /* sorted */
	uint32_t n_entries;
	struct labels *group_labels; /* +1 reference */
	struct notification notification;
};

/* ---- alerts ----------------------------------------------------------------------------- */

static struct str
copy(struct preview *p, const char *text)
{
	return arena_str(p->arena, str_from(text));
}

static void
set_labels(struct preview *p, struct labels_builder *builder, json_object *object)
{
	struct json_object_iterator it = json_object_iter_begin(object);
	struct json_object_iterator end = json_object_iter_end(object);

	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		json_object *value = json_object_iter_peek_value(&it);
		labels_builder_set(builder, copy(p, json_object_iter_peek_name(&it)),
		    copy(p, value != NULL ? json_object_get_string(value) : ""));
	}
}

/* {"a": "b"}; NULL gives the empty set. */
static struct labels *
read_labels(struct preview *p, json_object *object, bool annotations, struct err *err)
{
	struct labels_builder builder;

	labels_builder_init(&builder, p->arena);
	builder.keep_empty = annotations;
	if (object != NULL && !json_object_is_type(object, json_type_object)) {
		err_set(err, ERR_INVALID,
		    "labels and annotations are objects such as {\"team\": \"ml\"}");
		return NULL;
	}
	if (object != NULL)
		set_labels(p, &builder, object);
	return labels_intern(&builder, err);
}

static int
read_time(json_object *object, const char *name, wall_t *t, struct err *err)
{
	const char *text = member_text(object, name);

	if (text[0] != '\0' && !timestamp_parse(str_from(text), t))
		return err_set(err, ERR_INVALID, "%s: '%s' is no time such as 2026-11-20T06:00:00Z",
		    name, text);
	return 0;
}

/* The webhook says so itself; an API's alert is over when its end has passed. */
static bool
is_firing(json_object *object, wall_t ends_at, wall_t now)
{
	json_object *status = member(object, "status");

	if (json_object_is_type(status, json_type_string))
		return strcmp(json_object_get_string(status), "resolved") != 0;
	return !wall_is_set(ends_at) || now.ns < ends_at.ns;
}

static int
read_alert(struct preview *p, json_object *object, wall_t now, struct err *err)
{
	struct entry *entry = &p->entries[p->n_entries];
	struct alert *alert = &entry->alert;

	if (!json_object_is_type(object, json_type_object))
		return err_set(err, ERR_INVALID, "it is no object");
	p->n_entries++;
	alert->labels = read_labels(p, member(object, "labels"), false, err);
	if (alert->labels == NULL)
		return -(int)err->code;
	if (alert->labels->n == 0)
		return err_set(err, ERR_INVALID, "it has no labels");
	alert->annotations = read_labels(p, member(object, "annotations"), true, err);
	if (alert->annotations == NULL)
		return -(int)err->code;
	entry->generator_url = copy(p, member_text(object, "generatorURL"));
	alert->starts_at = wall_sub(now, DUR_S(600));
	if (read_time(object, "startsAt", &alert->starts_at, err) < 0 ||
	    read_time(object, "endsAt", &alert->ends_at, err) < 0)
		return -(int)err->code;
	entry->firing = is_firing(object, alert->ends_at, now);
	if (entry->firing)
		alert->ends_at = WALL_NONE;
	else if (!wall_is_set(alert->ends_at))
		alert->ends_at = wall_sub(now, DUR_S(60));
	return 0;
}

static int
by_labels(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return alert_notify_cmp(&x->alert, &y->alert);
}

static int
read_alerts(struct preview *p, json_object *list, wall_t now, struct err *err)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	if (n == 0)
		return err_set(err, ERR_INVALID,
		    "there are no alerts: give {\"alerts\": [{\"labels\": {...}}]}");
	if (n > PREVIEW_ALERTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d alerts", PREVIEW_ALERTS_MAX);
	p->entries = ARENA_ARRAY(p->arena, n, struct entry);
	for (size_t i = 0; i < n; i++)
		if (read_alert(p, json_object_array_get_idx(list, i), now, err) < 0)
			return err_wrap(err, "alert %zu", i + 1);
	qsort(p->entries, p->n_entries, sizeof(*p->entries), by_labels);
	return 0;
}

/* ---- the group --------------------------------------------------------------------------- */

static const struct route_config *
route_to(const struct config *config, const char *receiver)
{
	for (uint32_t i = 0; i < config->n_routes; i++)
		if (strcmp(config->routes[i]->receiver->name, receiver) == 0)
			return config->routes[i];
	return config->root;
}

static struct labels *
project(const struct preview *p, const struct config *config, const char *receiver)
{
	static const struct str alertname = { "alertname", 9 };
	struct labels *first = p->entries[0].alert.labels;

	if (config == NULL)
		return labels_project(first, &alertname, 1);
	const struct route_config *route = route_to(config, receiver);
	if (route->group_by_all)
		return labels_ref(first);
	return labels_project(first, route->group_by, route->n_group_by);
}

static int
read_group(
    struct preview *p, json_object *data, const struct preview_options *options, struct err *err)
{
	json_object *labels = member(data, "groupLabels");
	struct buf key = { 0 };

	if (labels == NULL)
		labels = member(data, "labels");
	if (labels != NULL)
		p->group_labels = read_labels(p, labels, false, err);
	else
		p->group_labels = project(p, options->config, options->receiver);
	if (p->group_labels == NULL)
		return err_wrap(err, "group labels");
	const char *given = member_text(data, "groupKey");
	if (options->group_key.n > 0) {
		buf_put_str(&key, options->group_key);
	} else if (given[0] != '\0') {
		buf_puts(&key, given);
	} else {
		buf_puts(&key, options->config != NULL
				   ? route_to(options->config, options->receiver)->key
				   : "{}");
		buf_putc(&key, ':');
		labels_format(p->group_labels, &key);
	}
	p->notification.group_key = arena_str(p->arena, buf_str(&key));
	buf_fini(&key);
	return 0;
}

static void
fill_head(struct preview *p, json_object *data, const struct preview_options *options)
{
	struct notification *n = &p->notification;
	const char *url = member_text(data, "externalURL");

	if (options->external_url != NULL)
		url = options->external_url;
	n->receiver = copy(p, options->receiver).p;
	n->group_labels = p->group_labels;
	n->external_url = copy(p, url[0] != '\0' ? url : "http://localhost:9093").p;
	n->reason = "first notification";
	n->delivery_id = 1;
	n->thread = STR("");
	n->now = options->now;
	n->sending_at = options->now;
}

struct preview *
preview_new(json_object *data, const struct preview_options *options, struct err *err)
{
	struct preview *p = xcalloc(1, sizeof(*p));
	bool list = json_object_is_type(data, json_type_array);

	p->arena = arena_new(0);
	if (read_alerts(p, list ? data : member(data, "alerts"), options->now, err) < 0 ||
	    read_group(p, data, options, err) < 0) {
		preview_free(p);
		return NULL;
	}
	fill_head(p, data, options);
	return p;
}

void
preview_free(struct preview *p)
{
	if (p == NULL)
		return;
	for (uint32_t i = 0; i < p->n_entries; i++) {
		labels_unref(p->entries[i].alert.labels);
		labels_unref(p->entries[i].alert.annotations);
	}
	labels_unref(p->group_labels);
	arena_free(p->arena);
	free(p);
}

/* ---- what is shown ------------------------------------------------------------------------ */

static const struct labels *
set_of(const struct notified_alert *alert, bool annotations)
{
	return annotations ? alert->annotations : alert->labels;
}

static struct label_view *
common(struct arena *arena, const struct notified_alert *alerts, uint32_t n, bool annotations,
    uint32_t *ret_n)
{
	const struct labels *first = set_of(&alerts[0], annotations);
	struct label_view *views = ARENA_ARRAY(arena, first->n + 1, struct label_view);

	*ret_n = 0;
	for (uint32_t k = 0; k < first->n; k++) {
		uint32_t i = 1;
		while (i < n && labels_get(set_of(&alerts[i], annotations),
				    istr_str(first->l[k].name)) == first->l[k].value)
			i++;
		if (i == n)
			views[(*ret_n)++] = (struct label_view){ istr_str(first->l[k].name),
				istr_str(first->l[k].value) };
	}
	return views;
}

const struct notification *
preview_notification(struct preview *p, bool send_resolved)
{
	struct notified_alert *shown = ARENA_ARRAY(p->arena, p->n_entries, struct notified_alert);
	struct notification *n = ARENA_NEW(p->arena, struct notification);

	*n = p->notification;
	for (uint32_t i = 0; i < p->n_entries; i++) {
		const struct entry *entry = &p->entries[i];
		if (!entry->firing && !send_resolved)
			continue;
		shown[n->n_alerts++] = (struct notified_alert){
			.labels = entry->alert.labels,
			.annotations = entry->alert.annotations,
			.generator_url = entry->generator_url,
			.starts_at = entry->alert.starts_at,
			.ends_at = entry->alert.ends_at,
			.firing = entry->firing,
		};
		if (entry->firing)
			n->n_firing++;
		else
			n->n_resolved++;
	}
	if (n->n_alerts == 0)
		return NULL;
	n->alerts = shown;
	n->firing = n->n_firing > 0;
	n->common_labels = common(p->arena, shown, n->n_alerts, false, &n->n_common_labels);
	n->common_annotations =
	    common(p->arena, shown, n->n_alerts, true, &n->n_common_annotations);
	return n;
}

static void
fill_template_alert(struct preview *p, const struct notified_alert *from, struct template_alert *to)
{
	char fingerprint[FINGERPRINT_TEXT_MAX];

	message_fingerprint(from->labels, fingerprint);
	*to = (struct template_alert){
		.status = from->firing ? STR("firing") : STR("resolved"),
		.labels = { .labels = from->labels },
		.annotations = { .labels = from->annotations },
		.starts_at = from->starts_at,
		.ends_at = from->ends_at,
		.generator_url = from->generator_url,
		.fingerprint = copy(p, fingerprint),
	};
}

void
preview_template_data(struct preview *p, struct template_data *ret)
{
	const struct notification *n = preview_notification(p, true);
	struct template_alert *alerts = ARENA_ARRAY(p->arena, n->n_alerts, struct template_alert);

	for (uint32_t i = 0; i < n->n_alerts; i++)
		fill_template_alert(p, &n->alerts[i], &alerts[i]);
	*ret = (struct template_data){
		.status = n->firing ? STR("firing") : STR("resolved"),
		.receiver = str_from(n->receiver),
		.external_url = str_from(n->external_url),
		.group_labels = { .labels = n->group_labels },
		.common_labels = { .views = n->common_labels, .n_views = n->n_common_labels },
		.common_annotations = { .views = n->common_annotations,
		    .n_views = n->n_common_annotations },
		.alerts = alerts,
		.n_alerts = n->n_alerts,
		.notification_reason = str_from(n->reason),
		.now = n->now,
	};
}
