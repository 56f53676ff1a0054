/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route tree of a configuration, and the way of one alert through it, for
 * people and for programs.  Reads the configuration, changes nothing.
 */
#pragma once

#include <json-c/json_object.h>

#include "base/buf.h"
#include "base/instant.h"
#include "config/config.h"
#include "labels/labels.h"

/* A generation with routes, or NULL with the findings on stderr; those of a good file are not shown. */
struct config *route_load_config(const char *path);

/*
 * "name=value" words (quoted values as amtool takes them); the first may be
 * the alert's name alone.  Interned, +1 reference; NULL with a message in err.
 */
struct labels *route_read_labels(const char *const *words, uint32_t n, struct err *err);

void route_put_tree(const struct route_config *root, struct buf *out);
json_object *route_tree_json(const struct route_config *root);

/* Where an alert goes; all of it belongs to the configuration but `labels`. */
struct route_way {
	const struct route_config **routes;
	uint32_t n;
	struct labels *labels;
	wall_t at; /* WALL_NONE: the time does not matter */
};

/* routes has room for ROUTES_MATCHED_MAX. */
void route_way_find(
    struct route_way *way, const struct config *config, struct labels *labels, wall_t at, const struct route_config **routes);
/* "a,b": as amtool prints it. */
void route_way_put_receivers(const struct route_way *way, struct buf *out);
/* The receivers, then each route with its path, group and timers. */
void route_way_put(const struct route_way *way, struct buf *out);
json_object *route_way_json(const struct route_way *way);
/* The labels by which the route groups the alert, +1 reference. */
struct labels *route_group_labels(const struct route_config *route, struct labels *labels);
/* "nights, weekends": what keeps the route silent at the time; false when nothing does. */
bool route_put_muted_by(const struct route_config *route, wall_t at, struct buf *out);
