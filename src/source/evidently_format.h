/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Evidently writes, as points: its JSON of 0.4 to 0.7 and the parameters
 * of its SQL storage.
 *
 * A point's labels: metric first (the type's short name), then column, method,
 * threshold and what else the metric was given; direction (low or high: which
 * side is drift) for drift scores, since the scores themselves do not say.
 * Nothing is guessed: a method that is not in the table is an error that
 * names it.
 *
 * Pure; works on any thread.
 */
#pragma once

#include "base/tz.h"
#include "config/schema.h"
#include "source/rows.h"

#define EVIDENTLY_FILE_BYTES_MAX (256u << 20)
#define EVIDENTLY_FIELD_DEPTH    3

struct evidently_options {
	const struct tz *tz;              /* of times without a zone */
	const struct string_map *methods; /* the user's own: name to low or high */
};

struct evidently_origin {
	struct str project, project_name; /* empty: no such label */
	wall_t at;                        /* when the text does not say */
};

/* "low" or "high"; NULL: unknown. */
const char *evidently_direction(const struct evidently_options *options, struct str method);
/* A snapshot of a workspace, or what report.json() gives; false in *ret_is when it is neither. */
int evidently_read(struct str json, const struct evidently_options *options,
    const struct evidently_origin *origin, struct rows *rows, bool *ret_is, struct err *err);
/* A row of the SQL storage: the value is the caller's to set. params: a JSON object. */
int evidently_point(struct str type, struct str params, const struct evidently_options *options,
    const struct evidently_origin *origin, struct rows *rows, struct err *err);
/* Times of Evidently: those without a zone are of the options' zone. */
bool evidently_time(struct str text, const struct tz *tz, wall_t *ret);
/* The wall clock of the zone at that time, as SQL writes it; with its offset when asked. */
void evidently_put_time(struct buf *out, wall_t at, const struct tz *tz, bool with_offset);
/* The value of the label metric of a key made here. */
struct str evidently_metric(struct str key);
