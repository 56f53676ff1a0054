/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule kind: turns settings and a source's answers into observations.
 *
 * plan() says what to ask at `now`; judge() looks at the answers and, for kinds
 * that learn, at what the rule remembers of its series.  Both are pure; the
 * engine does the asking and the remembering.  One file per kind, one line in
 * kinds.inc.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"
#include "config/config.h"
#include "rule/alert_step.h"
#include "rule/tally.h"
#include "source/source.h"

#define RULE_QUERIES_MAX 16
#define RULE_LEVELS_MAX  8

struct past; /* rule/past.h */

struct rule_query {
	struct str text;
	const struct source_config *source; /* NULL: the rule's own */
	enum query_shape shape;
	wall_t at;       /* evaluation instant of this query */
	wall_t from, to; /* source.h */
	dur_t step;
	const char *const *fields; /* lives as long as the configuration */
	uint32_t n_fields;
	dur_t cache; /* an answer no older than this may be used again; 0: none */
	bool for_window; /* its text was made for its window: $window of burn_rate */
};

struct rule_plan {
	struct rule_query queries[RULE_QUERIES_MAX];
	uint32_t n; /* 0: nothing is asked, judge() runs at once */
};

/*
 * Why an evaluation came out as it did: kept with the transition, $explain in
 * texts, GET .../explain.  NaN, NULL, 0, "": does not apply.
 */
struct explain {
	struct str said;            /* the verdict in words, where the numbers below do not say it */
	const char *method;         /* "robust", "ks", "two_proportions" */
	double value;               /* what was compared with the threshold */
	double threshold;
	double baseline, low, high; /* what was expected, and the band around it */
	double n_reference, n_current;
	double statistic, p_value, effect;
	dur_t window;
	struct str detail;          /* a JSON object of what the kind has besides: features, pairs */
};
extern const struct explain explain_none; /* all of it does not apply */

/* One judged series. */
struct observation {
	const struct sample *sample; /* of an answer of the rule's own source; NULL with made labels */
	enum outcome outcome;
	double value;
	uint8_t level; /* index into the kind's levels, 0 when it has none */
	bool made;     /* the labels are these (sorted by name), not the sample's; no two observations share them */
	const struct label_view *labels;
	uint32_t n_labels;
	wall_t data_at; /* the data's own time, for max_age and for_points; WALL_NONE: the sample's, else the slot */
	const struct explain *explain; /* in the arena; NULL: none */
	/* What for_points counts, ascending by time, the newest included; none: this one, of data_at. */
	const struct data_point *points;
	uint32_t n_points;
};

/* A point that is to be remembered. */
struct remembered {
	const struct sample *series; /* whose; of the rule's own source */
	wall_t at;
	double value;
};

struct judgement {
	struct observation *observations; /* in the arena */
	uint32_t n;
	/* What a known alert gets whose series is not among the observations: OK for expr; the
	 * engine applies on_no_data. */
	enum outcome absent;
	bool no_data; /* nothing of what is watched was answered, though what it is compared with may be */
	struct remembered *remember; /* appended to the rule's past when everything else went well; by series and
					time; what is not newer than the series' last point is passed over */
	uint32_t n_remember;
};

/* What a composite sees of other rules. */
struct rule_lookup {
	void *arg;
	/* Calls fn for each pending or firing alert of the rules of that name (alertname). */
	void (*alerts)(void *arg, struct str rule,
	    void (*fn)(void *fn_arg, const struct labels *labels, enum alert_state state), void *fn_arg);
};

struct rule_input {
	const struct rule_config *rule;
	wall_t now;                   /* the slot */
	const struct vector *answers; /* of the plan's queries, in their order */
	const struct source *const *sources; /* of each answer, for sample_labels() */
	uint32_t n;
	const struct past *past;      /* NULL: the kind remembers nothing */
	const struct rule_lookup *others;
	struct arena *arena;
};

/* What of its series a rule must remember. */
struct past_need {
	dur_t window;        /* how far back */
	dur_t step;          /* one point in so long at most */
	bool exclude_firing; /* points of a series whose alert fires are marked and stay out of its baseline */
	const char *reset_on; /* label that tells a model's version; NULL: none. It is not part of the alert's
				identity; a new value of it starts the series' past anew. */
};

struct rule_kind {
	const struct rule_kind_schema *schema;
	int (*plan)(const struct rule_config *rule, const struct past *past, wall_t now,
	    struct rule_plan *ret, struct err *err);
	/* Touches nothing but its input and the arena: may run on a worker thread. */
	int (*judge)(const struct rule_input *in, struct judgement *ret, struct err *err);
	/* The severity label that level carries; NULL: the rule has no levels. */
	const char *(*level_severity)(const struct rule_config *rule, uint8_t level);
	/* What the level's value is compared with; NULL: that is not one number. For kinds without explain. */
	double (*threshold)(const struct rule_config *rule, uint8_t level);
	/* NULL: remembers nothing. */
	void (*remembers)(const struct rule_config *rule, struct past_need *ret);
	bool heavy;     /* judge() on a worker thread when there are many points (RULE_HEAVY_POINTS) */
	bool heavy_always; /* with heavy: however few there are */
	bool no_source; /* asks nobody */
};
#define RULE_HEAVY_POINTS 20000

extern const struct rule_kind *const rule_kind_list[]; /* NULL-terminated, from kinds.inc */
extern const struct rule_kind_schema *const rule_kind_schemas[];
const struct rule_kind *rule_kind_of(const struct rule_kind_schema *schema);
/* One that is not in the list, for tests; NULL: none. */
extern const struct rule_kind *rule_kind_of_tests;
