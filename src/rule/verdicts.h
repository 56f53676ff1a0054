/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From verdicts on label sets (features, scores, groups) to observations: one
 * alert each, or together by an aggregate, with an explanation that lists them.
 */
#pragma once

#include "rule/aggregate.h"
#include "rule/kind.h"

#define VERDICTS_LISTED_MAX 50 /* in an alert's explanation; the worst first */

struct verdict {
	const struct cells_group *labels;
	enum outcome outcome;
	double value;           /* of an alert of its own */
	double rank;            /* the smaller, the worse: a p-value, a distance's negative; NaN: last */
	wall_t data_at;
	struct explain explain; /* without detail */
	const char *reason;     /* why it is not judged, static; NULL: it is */
	struct str more;        /* further members of its JSON object: `"missing_current":3`; empty: none */
};

/* base: method, window and such of the alert for many. */
void verdicts_observe(struct arena *arena, const struct verdict *verdicts, uint32_t n,
    const struct aggregate *aggregate, const struct string_list *group, const struct explain *base,
    struct judgement *ret);
/* ,"name":1.5, without the comma at the start; nothing for NaN. */
void verdict_put_number(struct buf *out, const char *name, double value);
struct str verdict_keep(struct arena *arena, struct buf *text); /* and frees text */
