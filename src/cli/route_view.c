/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/route_view.h"

#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/timestamp.h"
#include "daemon/core.h"
#include "labels/matcher.h"
#include "route/intervals.h"
#include "route/tree.h"

/* ---- what is looked at -------------------------------------------------------------- */

struct config *
route_load_config(const char *path)
{
	struct diag *diag = diag_new();
	struct config *config = config_load(path, core_kinds(), diag);
	struct buf findings = { 0 };

	if (config == NULL) {
		diag_sort(diag);
		diag_print(diag, &findings);
	} else if (config->root == NULL) {
		buf_printf(&findings, "tocsin: %s has no routes\n", path);
		config_unref(config);
		config = NULL;
	}
	fputs(buf_str(&findings).p, stderr);
	buf_fini(&findings);
	diag_free(diag);
	return config;
}

static int
add_label(struct labels_builder *builder, const char *word, bool first, struct err *err)
{
	struct matcher m;

	if (first && strchr(word, '=') == NULL) {
		labels_builder_set(builder, STR("alertname"), str_from(word));
		return 0;
	}
	if (matcher_parse(str_from(word), &m, err) < 0)
		return err_wrap(err, "'%s' is no label: give name=value", word);
	if (m.op == MATCH_EQUAL)
		labels_builder_set(builder, arena_str(builder->arena, istr_str(m.name)),
		    arena_str(builder->arena, istr_str(m.value)));
	else
		err_set(err, ERR_INVALID, "'%s' is no label: give name=value", word);
	int rc = m.op == MATCH_EQUAL ? 0 : -ERR_INVALID;
	matcher_fini(&m);
	return rc;
}

struct labels *
route_read_labels(const char *const *words, uint32_t n, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct labels_builder builder;
	struct labels *labels = NULL;
	uint32_t i = 0;

	labels_builder_init(&builder, arena);
	while (i < n && add_label(&builder, words[i], i == 0, err) == 0)
		i++;
	if (i == n)
		labels = labels_intern(&builder, err);
	arena_free(arena);
	return labels;
}

/* ---- pieces --------------------------------------------------------------------------- */

static void
put_matchers(const struct route_config *route, struct buf *out)
{
	if (route->matchers != NULL)
		matchers_format(route->matchers, out);
	else
		buf_puts(out, "{}");
}

static void
put_group_by(const struct route_config *route, struct buf *out)
{
	if (route->group_by_all)
		buf_puts(out, "all labels");
	else if (route->n_group_by == 0)
		buf_puts(out, "nothing");
	for (uint32_t i = 0; !route->group_by_all && i < route->n_group_by; i++)
		buf_printf(out, "%s%.*s", i > 0 ? ", " : "", STR_ARG(route->group_by[i]));
}

static void
put_duration(const char *before, dur_t d, struct buf *out)
{
	char text[DURATION_TEXT_MAX];

	buf_printf(out, "%s%s", before, duration_format(d, text));
}

static void
put_timers(const struct route_config *route, struct buf *out)
{
	put_duration("wait ", route->group_wait, out);
	put_duration(", interval ", route->group_interval, out);
	put_duration(", repeat ", route->repeat_interval, out);
}

static void
put_interval_names(
    const char *before, const struct time_interval *const *intervals, uint32_t n, struct buf *out)
{
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : before, intervals[i]->name);
}

/* ---- the tree ------------------------------------------------------------------------- */

static bool
same_group_by(const struct route_config *a, const struct route_config *b)
{
	if (a->group_by_all != b->group_by_all || a->n_group_by != b->n_group_by)
		return false;
	for (uint32_t i = 0; i < a->n_group_by; i++)
		if (!str_eq(a->group_by[i], b->group_by[i]))
			return false;
	return true;
}

static bool
same_timers(const struct route_config *a, const struct route_config *b)
{
	return a->group_wait.ns == b->group_wait.ns &&
	       a->group_interval.ns == b->group_interval.ns &&
	       a->repeat_interval.ns == b->repeat_interval.ns;
}

/* What differs from the parent; the root says all. */
static void
put_node(const struct route_config *route, struct buf *out)
{
	const struct route_config *parent = route->parent;

	put_matchers(route, out);
	buf_printf(out, "  receiver: %s", route->receiver->name);
	if (route->continue_)
		buf_puts(out, "  continue");
	if (parent == NULL || !same_group_by(route, parent)) {
		buf_puts(out, "  by ");
		put_group_by(route, out);
	}
	if (parent == NULL || !same_timers(route, parent)) {
		buf_puts(out, "  ");
		put_timers(route, out);
	}
	put_interval_names("  muted in ", route->mute_intervals, route->n_mute_intervals, out);
	put_interval_names("  only in ", route->active_intervals, route->n_active_intervals, out);
	buf_putc(out, '\n');
}

static void
put_children(const struct route_config *route, struct buf *indent, struct buf *out)
{
	for (uint32_t i = 0; i < route->n_children; i++) {
		bool last = i + 1 == route->n_children;
		size_t before = indent->n;

		buf_put_str(out, buf_str(indent));
		buf_puts(out, last ? "└── " : "├── ");
		put_node(route->children[i], out);
		buf_puts(indent, last ? "    " : "│   ");
		put_children(route->children[i], indent, out);
		indent->n = before;
	}
}

void
route_put_tree(const struct route_config *root, struct buf *out)
{
	struct buf indent = { 0 };

	put_node(root, out);
	put_children(root, &indent, out);
	buf_fini(&indent);
}

/* ---- JSON ------------------------------------------------------------------------------ */

static json_object *
json_text(const struct buf *text)
{
	return json_object_new_string_len(buf_str(text).p, (int)text->n);
}

static void
add_duration(json_object *object, const char *name, dur_t d)
{
	char text[DURATION_TEXT_MAX];

	json_object_object_add(object, name, json_object_new_string(duration_format(d, text)));
}

static void
add_interval_names(
    json_object *object, const char *name, const struct time_interval *const *intervals, uint32_t n)
{
	json_object *names = json_object_new_array();

	for (uint32_t i = 0; i < n; i++)
		json_object_array_add(names, json_object_new_string(intervals[i]->name));
	json_object_object_add(object, name, names);
}

static void
add_group_by(json_object *object, const struct route_config *route)
{
	json_object *names = json_object_new_array();

	if (route->group_by_all)
		json_object_array_add(names, json_object_new_string("..."));
	for (uint32_t i = 0; !route->group_by_all && i < route->n_group_by; i++)
		json_object_array_add(names,
		    json_object_new_string_len(route->group_by[i].p, (int)route->group_by[i].n));
	json_object_object_add(object, "groupBy", names);
}

/* What a route is by itself. */
static json_object *
route_json(const struct route_config *route)
{
	json_object *object = json_object_new_object();
	struct buf text = { 0 };

	put_matchers(route, &text);
	json_object_object_add(object, "receiver", json_object_new_string(route->receiver->name));
	json_object_object_add(object, "matchers", json_text(&text));
	json_object_object_add(object, "continue", json_object_new_boolean(route->continue_));
	add_group_by(object, route);
	add_duration(object, "groupWait", route->group_wait);
	add_duration(object, "groupInterval", route->group_interval);
	add_duration(object, "repeatInterval", route->repeat_interval);
	add_interval_names(
	    object, "muteTimeIntervals", route->mute_intervals, route->n_mute_intervals);
	add_interval_names(
	    object, "activeTimeIntervals", route->active_intervals, route->n_active_intervals);
	if (route->pos.line > 0) {
		json_object_object_add(object, "file", json_object_new_string(route->pos.file));
		json_object_object_add(
		    object, "line", json_object_new_int64((int64_t)route->pos.line));
	}
	buf_fini(&text);
	return object;
}

json_object *
route_tree_json(const struct route_config *root)
{
	json_object *object = route_json(root), *children = json_object_new_array();

	for (uint32_t i = 0; i < root->n_children; i++)
		json_object_array_add(children, route_tree_json(root->children[i]));
	json_object_object_add(object, "routes", children);
	return object;
}

/* ---- one alert ------------------------------------------------------------------------- */

void
route_way_find(struct route_way *way, const struct config *config, struct labels *labels, wall_t at,
    const struct route_config **routes)
{
	uint32_t n = tree_match(config->root, labels, routes, ROUTES_MATCHED_MAX);

	*way = (struct route_way){
		.routes = routes,
		.n = n < ROUTES_MATCHED_MAX ? n : ROUTES_MATCHED_MAX,
		.labels = labels,
		.at = at,
	};
}

struct labels *
route_group_labels(const struct route_config *route, struct labels *labels)
{
	if (route->group_by_all)
		return labels_ref(labels);
	return labels_project(labels, route->group_by, route->n_group_by);
}

bool
route_put_muted_by(const struct route_config *route, wall_t at, struct buf *out)
{
	const char *name;

	if (!wall_is_set(at) || route_voice(route, at) == ROUTE_SPEAKS)
		return false;
	if (route_voice(route, at) == ROUTE_INACTIVE)
		buf_puts(out, "not in ");
	for (uint32_t i = 0; (name = route_muted_by(route, at, i)) != NULL; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", name);
	return true;
}

void
route_way_put_receivers(const struct route_way *way, struct buf *out)
{
	for (uint32_t i = 0; i < way->n; i++)
		buf_printf(out, "%s%s", i > 0 ? "," : "", way->routes[i]->receiver->name);
}

static void
put_path(const struct route_config *route, struct buf *out)
{
	if (route->parent != NULL) {
		put_path(route->parent, out);
		buf_puts(out, " > ");
	}
	put_matchers(route, out);
}

static void
put_group_key(const struct route_config *route, struct labels *labels, struct buf *out)
{
	struct labels *group = route_group_labels(route, labels);

	buf_printf(out, "%s:", route->key);
	labels_format(group, out);
	labels_unref(group);
}

static void
put_time(const struct route_config *route, wall_t at, struct buf *out)
{
	char text[TIMESTAMP_TEXT_MAX];

	if (!wall_is_set(at) || route->n_mute_intervals + route->n_active_intervals == 0)
		return;
	size_t before = out->n;
	buf_printf(out, "    muted     at %s: ", timestamp_format_ns(at, text));
	if (route_put_muted_by(route, at, out)) {
		buf_putc(out, '\n');
		return;
	}
	out->n = before;
	buf_printf(out, "    muted     not at %s\n", text);
}

static void
put_route(const struct route_config *route, const struct route_way *way, struct buf *out)
{
	buf_printf(out, "  %s\n    route     ", route->receiver->name);
	put_path(route, out);
	if (route->pos.line > 0)
		buf_printf(out, "  (%s:%u)", route->pos.file, route->pos.line);
	buf_puts(out, "\n    group     ");
	put_group_key(route, way->labels, out);
	buf_puts(out, "\n    group by  ");
	put_group_by(route, out);
	buf_puts(out, "\n    timers    ");
	put_timers(route, out);
	buf_putc(out, '\n');
	put_time(route, way->at, out);
}

void
route_way_put(const struct route_way *way, struct buf *out)
{
	route_way_put_receivers(way, out);
	buf_putc(out, '\n');
	for (uint32_t i = 0; i < way->n; i++)
		put_route(way->routes[i], way, out);
}

static void
add_path(json_object *path, const struct route_config *route)
{
	struct buf text = { 0 };

	if (route->parent != NULL)
		add_path(path, route->parent);
	put_matchers(route, &text);
	json_object_array_add(path, json_text(&text));
	buf_fini(&text);
}

static void
add_muted_by(json_object *object, const struct route_config *route, wall_t at)
{
	json_object *names = json_object_new_array();
	bool muted = wall_is_set(at) && route_voice(route, at) != ROUTE_SPEAKS;
	const char *name;

	for (uint32_t i = 0; muted && (name = route_muted_by(route, at, i)) != NULL; i++)
		json_object_array_add(names, json_object_new_string(name));
	json_object_object_add(object, "muted", json_object_new_boolean(muted));
	json_object_object_add(object, "mutedBy", names);
}

static json_object *
way_route_json(const struct route_config *route, const struct route_way *way)
{
	json_object *object = route_json(route), *path = json_object_new_array();
	struct buf text = { 0 };

	add_path(path, route);
	json_object_object_add(object, "path", path);
	put_group_key(route, way->labels, &text);
	json_object_object_add(object, "groupKey", json_text(&text));
	add_muted_by(object, route, way->at);
	buf_fini(&text);
	return object;
}

json_object *
route_way_json(const struct route_way *way)
{
	json_object *object = json_object_new_object(), *receivers = json_object_new_array();
	json_object *routes = json_object_new_array(), *labels = json_object_new_object();
	char text[TIMESTAMP_TEXT_MAX];

	for (uint32_t i = 0; i < way->labels->n; i++)
		json_object_object_add(labels, way->labels->l[i].name->p,
		    json_object_new_string(way->labels->l[i].value->p));
	for (uint32_t i = 0; i < way->n; i++) {
		json_object_array_add(
		    receivers, json_object_new_string(way->routes[i]->receiver->name));
		json_object_array_add(routes, way_route_json(way->routes[i], way));
	}
	json_object_object_add(object, "labels", labels);
	json_object_object_add(object, "receivers", receivers);
	json_object_object_add(object, "routes", routes);
	json_object_object_add(
	    object, "at", json_object_new_string(timestamp_format_ns(way->at, text)));
	return object;
}
