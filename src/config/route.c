/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routing tree: Alertmanager's rules of inheritance, and the keys of its
 * nodes, byte for byte, because receivers' deduplication hangs on them.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "config/internal.h"

#define ROUTES_MAX 100000

struct route_raw {
	const char *receiver, *escalation;
	struct string_list matchers, group_by;
	struct string_map match, match_re;
	struct template_map labels;
	bool continue_;
	dur_t group_wait, group_interval, repeat_interval;
	struct string_list mute, active;
	bool deliver_held_resolves, notify_on_unsilence;
	const struct flap_config *flap;
	struct sub_list routes;
	const struct yaml_node *node; /* for the place of a single key */
};

#define MEMBER(m) .offset = offsetof(struct route_raw, m)

static const struct schema_field route_fields[] = {
	{ .name = "receiver", .kind = FIELD_STRING, MEMBER(receiver),
	    .doc = "Name of a receiver; inherited." },
	{ .name = "matchers", .kind = FIELD_STRING_LIST, MEMBER(matchers),
	    .doc = "What an alert's labels must satisfy to enter: "
		   "name=\"value\", !=, =~ or !~." },
	{ .name = "match", .kind = FIELD_STRING_MAP, .flags = FIELD_DEPRECATED,
	    MEMBER(match), .doc = "Old form of matchers: equality." },
	{ .name = "match_re", .kind = FIELD_STRING_MAP,
	    .flags = FIELD_DEPRECATED | FIELD_NONEMPTY, MEMBER(match_re),
	    .doc = "Old form of matchers: regular expressions." },
	{ .name = "continue", .kind = FIELD_BOOL, .fallback = "false",
	    MEMBER(continue_),
	    .doc = "Go on with the next sibling after a match." },
	{ .name = "group_by", .kind = FIELD_STRING_LIST, MEMBER(group_by),
	    .doc = "Labels that make a group; ['...'] for all; inherited." },
	{ .name = "group_wait", .kind = FIELD_DURATION, MEMBER(group_wait),
	    .doc = "How long a new group waits for company; inherited, "
		   "default 30s." },
	{ .name = "group_interval", .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE, MEMBER(group_interval),
	    .doc = "How long a group waits before news is sent; inherited, "
		   "default 5m." },
	{ .name = "repeat_interval", .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE, MEMBER(repeat_interval),
	    .doc = "How long before an unchanged group is sent again; "
		   "inherited, default 4h." },
	{ .name = "mute_time_intervals", .kind = FIELD_STRING_LIST,
	    MEMBER(mute),
	    .doc = "Names of times when nothing is sent; not inherited." },
	{ .name = "active_time_intervals", .kind = FIELD_STRING_LIST,
	    MEMBER(active),
	    .doc = "Names of times outside of which nothing is sent; not "
		   "inherited." },
	{ .name = "labels", .kind = FIELD_TEMPLATE_MAP,
	    .flags = FIELD_NOTIFICATION, MEMBER(labels),
	    .doc = "Labels of the route for receivers (.RouteLabels in "
		   "templates); inherited, a child's values win." },
	{ .name = "deliver_held_resolves", .kind = FIELD_BOOL,
	    .flags = FIELD_OURS, .fallback = "false",
	    MEMBER(deliver_held_resolves),
	    .doc = "What ended while it was silenced, inhibited or muted is "
		   "told when that is over, to whom it was told to fire; "
		   "inherited." },
	{ .name = "notify_on_unsilence", .kind = FIELD_BOOL,
	    .flags = FIELD_OURS, .fallback = "false",
	    MEMBER(notify_on_unsilence),
	    .doc = "What still fires when its silence, inhibition or mute "
		   "time is over is told again at once; inherited." },
	{ .name = "labels", .kind = FIELD_UNSUPPORTED,
	    .doc = "Labels of the route for templates." },
	{ .name = "escalation", .kind = FIELD_STRING, .flags = FIELD_OURS,
	    MEMBER(escalation),
	    .doc = "Name of an escalation policy: who is told further while "
		   "nobody acknowledges; inherited, an empty text ends that." },
	{ .name = "flap_detection", .kind = FIELD_SUB, .flags = FIELD_OURS,
	    .sub = &schema_flap, MEMBER(flap),
	    .doc = "When an alert counts as flapping, and is told of once "
		   "instead of at each change; inherited; off by default." },
	{ .name = "routes", .kind = FIELD_SUB_LIST, .sub = &schema_route,
	    MEMBER(routes), .doc = "Children, tried in order." },
};

const struct schema schema_route = {
	.name = "route",
	.doc = "A node of the routing tree.",
	.size = sizeof(struct route_raw),
	SCHEMA_FIELDS(route_fields),
	.node_offset = offsetof(struct route_raw, node) + 1,
};

struct tree {
	struct loader *l;
	struct route_config **routes; /* pre-order */
	size_t n, cap;
	struct map keys; /* of struct key_count */
};

struct key_count {
	const char *key;
	uint32_t n;
};

/* ---- one node ------------------------------------------------------------------ */

const struct receiver_config *
receiver_named(struct loader *l, const char *name, struct pos pos)
{
	const struct config *config = &l->generation->config;
	const struct receiver_config *receiver = config_receiver(config, name);
	const char **names;
	const char *meant;

	if (receiver != NULL) {
		return receiver;
	}
	names = ARENA_ARRAY(l->scratch, config->n_receivers + 1, const char *);
	for (uint32_t i = 0; i < config->n_receivers; i++) {
		names[i] = config->receivers[i].name;
	}
	meant = schema_suggest_among(names, config->n_receivers,
	    str_from(name));
	if (meant != NULL) {
		diag_error(l->ctx.diag, pos,
		    "there is no receiver '%s' (did you mean '%s'?)", name,
		    meant);
	} else {
		diag_error(l->ctx.diag, pos, "there is no receiver '%s'",
		    name);
	}
	return NULL;
}

static void
set_receiver(struct tree *tree, const struct route_raw *raw,
    struct route_config *route)
{
	/* An empty one is inherited like none. */
	if (raw->receiver != NULL && raw->receiver[0] != '\0') {
		route->receiver = receiver_named(tree->l, raw->receiver,
		    yaml_get(raw->node, "receiver")->pos);
	}
}

/* An empty name ends what would be inherited. */
static void
set_escalation(struct tree *tree, const struct route_raw *raw,
    struct route_config *route)
{
	if (raw->escalation == NULL) {
		return;
	}
	route->escalation = raw->escalation[0] == '\0' ?
	    NULL :
	    escalation_named(tree->l, raw->escalation,
		yaml_get(raw->node, "escalation")->pos);
}

static int
compare_strs(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void
set_group_by(struct tree *tree, const struct route_raw *raw,
    struct route_config *route)
{
	const struct string_list *list = &raw->group_by;
	struct loader *l = tree->l;

	if (!list->set) {
		return;
	}
	route->group_by_all = false;
	route->n_group_by = 0;
	route->group_by = ARENA_ARRAY(l->ctx.arena, list->n + 1, struct str);
	for (uint32_t i = 0; i < list->n; i++) {
		const struct str name = str_from(list->items[i]);
		bool seen = false;

		if (str_is(name, "...")) {
			route->group_by_all = true;
		}
		for (uint32_t k = 0; k < route->n_group_by; k++) {
			seen = seen || str_eq(route->group_by[k], name);
		}
		if (seen) {
			diag_error(l->ctx.diag, list->pos[i],
			    "'%s' is twice in group_by", name.p);
		} else if (name.n == 0 || !str_is_utf8(name)) {
			diag_error(l->ctx.diag, list->pos[i],
			    "a label name in group_by must not be empty");
		} else if (!route->group_by_all && !label_name_is_allowed(name)) {
			diag_error(l->ctx.diag, list->pos[i],
			    "'%s' is no label name in classic mode", name.p);
		}
		route->group_by[route->n_group_by++] = name;
	}
	if (route->group_by_all) {
		if (list->n > 1) {
			diag_error(l->ctx.diag, list->pos[0],
			    "'...' in group_by means every label and must "
			    "stand alone");
		}
		route->n_group_by = 0;
	}
	if (route->n_group_by > 1) {
		qsort(route->group_by, route->n_group_by, sizeof(struct str),
		    compare_strs);
	}
}

static bool
key_count_is(const void *value, const void *key)
{
	return strcmp(((const struct key_count *)value)->key, key) == 0;
}

/* The key, and the id that tells routes of the same key apart. */
static void
set_key(struct tree *tree, struct route_config *route)
{
	struct arena *arena = tree->l->ctx.arena;
	struct buf buf = { 0 };
	struct key_count *count;
	uint64_t hash;

	if (route->parent != NULL) {
		buf_printf(&buf, "%s/", route->parent->key);
	}
	if (route->matchers != NULL) {
		matchers_format(route->matchers, &buf);
	} else {
		buf_puts(&buf, "{}");
	}
	route->key = arena_str(arena, buf_str(&buf)).p;
	hash = hash_bytes(buf.p, buf.n);
	buf_fini(&buf);
	count = map_find(&tree->keys, hash, key_count_is, route->key);
	if (count == NULL) {
		count = ARENA_NEW(tree->l->scratch, struct key_count);
		count->key = route->key;
		map_insert(&tree->keys, hash, count);
	}
	count->n++;
	route->id = count->n == 1 ? route->key :
				    arena_printf(arena, "%s#%u", route->key,
					count->n);
}

static void
set_times(const struct route_raw *raw, struct route_config *route)
{
	if (dur_is_set(raw->group_wait)) {
		route->group_wait = raw->group_wait;
	}
	if (dur_is_set(raw->group_interval)) {
		route->group_interval = raw->group_interval;
	}
	if (dur_is_set(raw->repeat_interval)) {
		route->repeat_interval = raw->repeat_interval;
	}
}

static const char *
suggest_interval(struct loader *l, const char *name)
{
	const struct config *config = &l->generation->config;
	const char **names = ARENA_ARRAY(l->scratch,
	    config->n_time_intervals + 1, const char *);

	for (uint32_t i = 0; i < config->n_time_intervals; i++) {
		names[i] = config->time_intervals[i].name;
	}
	return schema_suggest_among(names, config->n_time_intervals,
	    str_from(name));
}

const struct time_interval **
intervals_named(struct loader *l, const struct string_list *list,
    uint32_t *ret_n)
{
	const struct config *config = &l->generation->config;
	const struct time_interval **found = ARENA_ARRAY(l->ctx.arena,
	    list->n + 1, const struct time_interval *);

	*ret_n = 0;
	for (uint32_t i = 0; i < list->n; i++) {
		const char *name = list->items[i];
		const struct time_interval *interval = config_time_interval(
		    config, name);
		const char *meant;

		if (interval != NULL) {
			found[(*ret_n)++] = interval;
			continue;
		}
		meant = suggest_interval(l, name);
		if (meant != NULL) {
			diag_error(l->ctx.diag, list->pos[i],
			    "there is no time interval '%s' (did you mean "
			    "'%s'?)",
			    name, meant);
		} else {
			diag_error(l->ctx.diag, list->pos[i],
			    "there is no time interval '%s'", name);
		}
	}
	return found;
}

static void
set_intervals(struct tree *tree, const struct route_raw *raw,
    struct route_config *route)
{
	route->mute_intervals = intervals_named(tree->l, &raw->mute,
	    &route->n_mute_intervals);
	route->active_intervals = intervals_named(tree->l, &raw->active,
	    &route->n_active_intervals);
}

static void
set_ours(const struct route_raw *raw, struct route_config *route)
{
	if (yaml_get(raw->node, "deliver_held_resolves") != NULL) {
		route->deliver_held_resolves = raw->deliver_held_resolves;
	}
	if (yaml_get(raw->node, "notify_on_unsilence") != NULL) {
		route->notify_on_unsilence = raw->notify_on_unsilence;
	}
	if (raw->flap != NULL) {
		route->flap = raw->flap;
	}
}

/* Those of the parent and its own, which win; both are sorted. */
static void
set_labels(struct tree *tree, const struct route_raw *raw, struct route_config *route)
{
	const struct template_map *own = &raw->labels, above = route->labels;
	struct template_map *both = &route->labels;
	uint32_t i = 0, k = 0;

	if (own->n == 0) {
		return;
	}
	both->n = 0;
	both->pairs = ARENA_ARRAY(tree->l->ctx.arena, own->n + above.n, struct template_pair);
	while (i < own->n || k < above.n) {
		int order = i == own->n ? 1 :
		    k == above.n	? -1 :
					  strcmp(own->pairs[i].key, above.pairs[k].key);

		both->pairs[both->n++] = order <= 0 ? own->pairs[i] : above.pairs[k];
		i += order <= 0;
		k += order >= 0;
	}
	for (i = 0; i < own->n; i++) {
		if (own->pairs[i].key[0] == '\0') {
			diag_error(tree->l->ctx.diag, own->pairs[i].key_pos,
			    "a label of a route needs a name");
		}
	}
}

/* Recursion is bounded by the depth of the YAML tree. */
static struct route_config *
route_make(struct tree *tree, const struct route_raw *raw,
    const struct route_config *parent)
{
	struct loader *l = tree->l;
	struct route_config *route = ARENA_NEW(l->ctx.arena,
	    struct route_config);

	if (parent != NULL) {
		*route = *parent; /* what is inherited; the rest is set below */
	} else {
		route->group_wait = DUR_S(30);
		route->group_interval = DUR_S(5 * 60);
		route->repeat_interval = DUR_S(4 * 3600);
	}
	route->index = (uint32_t)tree->n;
	route->parent = parent;
	route->children = NULL;
	route->n_children = 0;
	route->continue_ = raw->continue_;
	route->pos = raw->node->pos;
	route->matchers = parent == NULL ?
	    NULL :
	    matchers_build(l, raw->node, "matchers", "match", "match_re");
	set_receiver(tree, raw, route);
	set_escalation(tree, raw, route);
	set_group_by(tree, raw, route);
	set_times(raw, route);
	set_intervals(tree, raw, route);
	set_labels(tree, raw, route);
	set_ours(raw, route);
	set_key(tree, route);
	tree->routes = xgrow(tree->routes, &tree->cap, tree->n + 1,
	    sizeof(struct route_config *));
	tree->routes[tree->n++] = route;
	if (raw->routes.n > 0) {
		route->children = ARENA_ARRAY(l->ctx.arena, raw->routes.n,
		    struct route_config *);
	}
	for (uint32_t i = 0; i < raw->routes.n; i++) {
		const struct route_raw *child = raw->routes.items[i];

		if (child->node->kind != YAML_SEQUENCE &&
		    child->node->kind != YAML_SCALAR && tree->n < ROUTES_MAX) {
			route->children[route->n_children++] = route_make(tree,
			    child, route);
		}
	}
	return route;
}

/* ---- the root ------------------------------------------------------------------- */

static void
check_root(struct loader *l, const struct route_raw *root)
{
	static const char *const forbidden[] = { "matchers", "match",
		"match_re" };
	static const char *const timed[] = { "mute_time_intervals",
		"active_time_intervals" };

	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
		const struct yaml_node *node = yaml_get(root->node,
		    forbidden[i]);

		if (node != NULL && node->n > 0) {
			diag_error(l->ctx.diag, node->pos,
			    "the root route takes every alert and cannot have "
			    "'%s'; put it on a route below",
			    forbidden[i]);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(timed); i++) {
		const struct yaml_node *node = yaml_get(root->node, timed[i]);

		if (node != NULL && node->n > 0) {
			diag_error(l->ctx.diag, node->pos,
			    "the root route is never muted and cannot have "
			    "'%s'; put it on a route below",
			    timed[i]);
		}
	}
	if (root->continue_) {
		diag_error(l->ctx.diag, yaml_get(root->node, "continue")->pos,
		    "the root route has no siblings and cannot have "
		    "'continue'");
	}
	if (root->receiver == NULL || root->receiver[0] == '\0') {
		diag_error(l->ctx.diag, root->node->pos,
		    "the root route needs a 'receiver'");
	}
}

void
route_build(struct loader *l, const struct route_raw *root,
    const struct yaml_node *top)
{
	struct config *config = &l->generation->config;
	struct tree tree = { .l = l };

	if (root == NULL) {
		if (config->n_receivers > 0 ||
		    yaml_get(top, "receivers") != NULL) {
			diag_error(l->ctx.diag, top->pos,
			    "no route provided; add 'route' with a 'receiver'");
		}
		return;
	}
	if (root->node->kind != YAML_MAPPING) {
		return; /* reported */
	}
	check_root(l, root);
	config->root = route_make(&tree, root, NULL);
	if (tree.n >= ROUTES_MAX) {
		diag_error(l->ctx.diag, root->node->pos,
		    "more than %d routes", ROUTES_MAX);
	}
	config->n_routes = (uint32_t)tree.n;
	config->routes = ARENA_ARRAY(l->ctx.arena, tree.n,
	    struct route_config *);
	memcpy(config->routes, tree.routes,
	    tree.n * sizeof(struct route_config *));
	free(tree.routes);
	map_fini(&tree.keys);
}
