/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A case goes the way of a notification: routes, silences, inhibition, time.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/xalloc.h"
#include "cli/route_case.h"
#include "cli/route_cases.h"
#include "cli/route_view.h"
#include "route/inhibit.h"
#include "route/intervals.h"
#include "route/tree.h"

#define NOBODY    "nobody"
#define SOME_TIME ((wall_t){ INT64_C(1000000000) }) /* for a case that says none */

/* What becomes of a case's alert. */
struct case_outcome {
	const struct route_config *routes[ROUTES_MATCHED_MAX];
	struct route_way way;
	const struct matchers *silence; /* the first that matches, or NULL */
	struct labels *inhibitor; /* of the first alert that inhibits it, +1 reference, or NULL */
	bool muted;
	struct buf reasons;  /* why somebody is not told: "silenced by ...; ..." */
	struct buf problems; /* "": all as expected */
};

static void
put_alert(struct alerts *alerts, struct inhibitor *inhibitor, struct labels *labels, wall_t now)
{
	struct arena *arena = arena_new(0);
	struct labels_builder none;
	enum alert_put_result result;

	labels_builder_init(&none, arena);
	struct labels *annotations = labels_intern(&none, NULL);
	struct alert_update update = {
		.labels = labels, .annotations = annotations, .starts_at = now, .ends_at = WALL_MAX
	};
	inhibitor_note(inhibitor, alerts_put(alerts, &update, now, &result));
	labels_unref(annotations);
	arena_free(arena);
}

static struct labels *
find_inhibitor(const struct config *config, const struct route_case *c)
{
	wall_t now = wall_is_set(c->at) ? c->at : SOME_TIME;
	struct alerts *alerts = alerts_new(NULL);
	struct inhibitor *inhibitor = inhibitor_new(config);

	put_alert(alerts, inhibitor, c->labels, now);
	for (uint32_t i = 0; i < c->firing.n; i++)
		put_alert(alerts, inhibitor, c->firing.items[i], now);
	const struct alert *muting = inhibitor_muting(inhibitor, c->labels, now);
	struct labels *labels = muting != NULL ? labels_ref(muting->labels) : NULL;
	inhibitor_free(inhibitor);
	alerts_free(alerts);
	return labels;
}

static void
begin_item(struct buf *out)
{
	if (out->n > 0)
		buf_puts(out, "; ");
}

static void
put_reasons(struct case_outcome *o)
{
	if (o->silence != NULL) {
		buf_puts(&o->reasons, "silenced by ");
		matchers_format(o->silence, &o->reasons);
	}
	if (o->inhibitor != NULL) {
		begin_item(&o->reasons);
		buf_puts(&o->reasons, "inhibited by ");
		labels_format(o->inhibitor, &o->reasons);
	}
	for (uint32_t i = 0; i < o->way.n; i++) {
		struct buf names = { 0 };
		if (route_put_muted_by(o->way.routes[i], o->way.at, &names)) {
			begin_item(&o->reasons);
			buf_printf(
			    &o->reasons, "%s muted: %s", o->way.routes[i]->receiver->name, names.p);
			o->muted = true;
		}
		buf_fini(&names);
	}
}

static void
decide(struct case_outcome *o, const struct config *config, const struct route_case *c)
{
	route_way_find(&o->way, config, c->labels, c->at, o->routes);
	for (uint32_t i = 0; i < c->silences.n && o->silence == NULL; i++)
		if (matchers_match(c->silences.items[i], c->labels))
			o->silence = c->silences.items[i];
	o->inhibitor = find_inhibitor(config, c);
	put_reasons(o);
}

/* Is the receiver of the i-th route told? */
static bool
is_told(const struct case_outcome *o, uint32_t i)
{
	if (o->silence != NULL || o->inhibitor != NULL)
		return false;
	return !wall_is_set(o->way.at) || route_voice(o->way.routes[i], o->way.at) == ROUTE_SPEAKS;
}

/* Names of receivers in the order of the routes; told: only those who are. */
static uint32_t
receivers_of(const struct case_outcome *o, bool told, const char **ret)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < o->way.n; i++)
		if (!told || is_told(o, i))
			ret[n++] = o->way.routes[i]->receiver->name;
	return n;
}

static void
put_names(const char *const *names, uint32_t n, struct buf *out)
{
	if (n == 0)
		buf_puts(out, NOBODY);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", names[i]);
}

static void
compare_receivers(
    struct case_outcome *o, const char *key, const struct string_list *want, bool told)
{
	const char *names[ROUTES_MATCHED_MAX];
	uint32_t n = receivers_of(o, told, names), i = 0;

	if (!want->set)
		return;
	while (i < n && i < want->n && strcmp(names[i], want->items[i]) == 0)
		i++;
	if (i == n && i == want->n)
		return;
	begin_item(&o->problems);
	buf_printf(&o->problems, "%s: expected ", key);
	put_names(want->items, want->n, &o->problems);
	buf_puts(&o->problems, ", got ");
	put_names(names, n, &o->problems);
}

static void
compare_truth(struct case_outcome *o, const char *key, int want, bool is)
{
	if (want < 0 || (want == 1) == is)
		return;
	begin_item(&o->problems);
	buf_printf(&o->problems, "%s: expected %s", key, want == 1 ? "true" : "false");
}

static bool
groups_by(const struct route_config *route, const struct string_list *want)
{
	if (route->group_by_all)
		return want->n == 1 && strcmp(want->items[0], "...") == 0;
	if (route->n_group_by != want->n)
		return false;
	/* The route's are distinct, so as many as these and all of them here are the same. */
	for (uint32_t i = 0; i < route->n_group_by; i++) {
		uint32_t k = 0;
		while (k < want->n && !str_is(route->group_by[i], want->items[k]))
			k++;
		if (k == want->n)
			return false;
	}
	return true;
}

static void
compare_group_by(struct case_outcome *o, const struct string_list *want)
{
	for (uint32_t i = 0; want->set && i < o->way.n; i++) {
		const struct route_config *route = o->way.routes[i];
		if (groups_by(route, want))
			continue;
		begin_item(&o->problems);
		buf_printf(&o->problems, "group_by: the route to %s has [", route->receiver->name);
		for (uint32_t k = 0; k < route->n_group_by; k++)
			buf_printf(
			    &o->problems, "%s%.*s", k > 0 ? ", " : "", STR_ARG(route->group_by[k]));
		buf_puts(&o->problems, route->group_by_all ? "...]" : "]");
	}
}

static void
compare_timer(struct case_outcome *o, const char *key, dur_t want, size_t offset)
{
	char text[2][DURATION_TEXT_MAX];

	for (uint32_t i = 0; dur_is_set(want) && i < o->way.n; i++) {
		const struct route_config *route = o->way.routes[i];
		dur_t is = *(const dur_t *)(const void *)((const char *)route + offset);
		if (is.ns == want.ns)
			continue;
		begin_item(&o->problems);
		buf_printf(&o->problems, "%s: expected %s, the route to %s has %s", key,
		    duration_format(want, text[0]), route->receiver->name,
		    duration_format(is, text[1]));
	}
}

static void
compare(struct case_outcome *o, const struct expectation *want)
{
	compare_receivers(o, "receivers", &want->receivers, true);
	compare_receivers(o, "routes_to", &want->routes_to, false);
	compare_truth(o, "silenced", want->silenced, o->silence != NULL);
	compare_truth(o, "inhibited", want->inhibited, o->inhibitor != NULL);
	compare_truth(o, "muted", want->muted, o->muted);
	compare_group_by(o, &want->group_by);
	compare_timer(o, "group_wait", want->group_wait, offsetof(struct route_config, group_wait));
	compare_timer(o, "group_interval", want->group_interval,
	    offsetof(struct route_config, group_interval));
	compare_timer(o, "repeat_interval", want->repeat_interval,
	    offsetof(struct route_config, repeat_interval));
	if (o->problems.n > 0 && o->reasons.n > 0)
		buf_printf(&o->problems, " (%s)", o->reasons.p);
}

/* ---- telling ------------------------------------------------------------------------------ */

static void
put_line(const struct case_outcome *o, const struct route_case *c, struct buf *out)
{
	if (o->problems.n == 0)
		buf_printf(out, "ok    %s\n", c->name);
	else
		buf_printf(out, "FAIL  %s (%s:%u): %s\n", c->name, c->pos.file, c->pos.line,
		    o->problems.p);
}

static void
add_names(json_object *object, const char *key, const struct case_outcome *o, bool told)
{
	const char *names[ROUTES_MATCHED_MAX];
	uint32_t n = receivers_of(o, told, names);
	json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < n; i++)
		json_object_array_add(list, json_object_new_string(names[i]));
	json_object_object_add(object, key, list);
}

static json_object *
outcome_json(const struct case_outcome *o, const struct route_case *c)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(c->name));
	json_object_object_add(object, "file", json_object_new_string(c->pos.file));
	json_object_object_add(object, "line", json_object_new_int64((int64_t)c->pos.line));
	json_object_object_add(object, "ok", json_object_new_boolean(o->problems.n == 0));
	add_names(object, "receivers", o, true);
	add_names(object, "routesTo", o, false);
	json_object_object_add(object, "silenced", json_object_new_boolean(o->silence != NULL));
	json_object_object_add(object, "inhibited", json_object_new_boolean(o->inhibitor != NULL));
	json_object_object_add(object, "muted", json_object_new_boolean(o->muted));
	json_object_object_add(object, "reason", json_object_new_string(buf_str(&o->reasons).p));
	json_object_object_add(object, "problem", json_object_new_string(buf_str(&o->problems).p));
	return object;
}

uint32_t
route_cases_run(const struct route_cases *cases, struct buf *out, json_object *json)
{
	uint32_t failed = 0;

	for (uint32_t i = 0; i < cases->list.n; i++) {
		const struct route_case *c = cases->list.items[i];
		struct case_outcome *o = xcalloc(1, sizeof(*o));

		decide(o, cases->config, c);
		compare(o, c->expect);
		if (o->problems.n > 0)
			failed++;
		if (json != NULL)
			json_object_array_add(json, outcome_json(o, c));
		else
			put_line(o, c, out);
		labels_unref(o->inhibitor);
		buf_fini(&o->reasons);
		buf_fini(&o->problems);
		free(o);
	}
	return failed;
}
