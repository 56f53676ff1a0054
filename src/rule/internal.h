/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the evaluator: what engine.c (configuration, restore), group.c
 * (slots), run.c (one rule's turn), eval.c (one evaluation), rule_state.c (a
 * rule's alerts) and view.c (looking) know of each other.  Nobody outside includes it.
 *
 * Lifetimes: a rule_state and its alerts live over reloads (state); a group
 * belongs to one generation of the configuration; observations live in an
 * arena until the rule's evaluation ends (cycle).
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "loop/loop.h"
#include "rule/ask.h"
#include "rule/engine.h"
#include "rule/explain.h"
#include "rule/kind.h"
#include "rule/past_keep.h"
#include "rule/tally.h"
#include "source/source.h"
#include "store/store_past.h"

enum {
	TRACKED_KEYED = 1u << 0,   /* its series' key bytes are known */
	TRACKED_ABSENT = 1u << 1,  /* was looked for by labels and is not there */
	TRACKED_NO_DATA = 1u << 2, /* raised by on_no_data: alert */
	TRACKED_ERROR = 1u << 3,   /* raised by on_error: alert */
};
#define TRACKED_OWN (TRACKED_NO_DATA | TRACKED_ERROR)

/* What only some rules' alerts have. */
struct tracked_more {
	struct tally tally;      /* of for_points */
	struct explained *explained; /* why it is as it is; NULL: nothing is known */
};

/*
 * An alert with what finds it again.  Keys of one rule's series are much
 * alike, so only the bytes that differ from the rule's base key are kept:
 * key = base[0, head) + middle + the last tail bytes of base.
 */
struct tracked {
	struct rule_alert alert;      /* first member: what others see */
	struct labels *sample_labels; /* with __name__; NULL: the alert's own do */
	struct labels *annotations;   /* of a rule that asks: as answered when it began or fired */
	uint32_t index;               /* in rule_state.tracked */
	struct tracked_more *more;    /* NULL: none of that is asked for */
	uint32_t mark;                /* the evaluation that saw it last */
	uint32_t observed;            /* ... as which observation */
	uint32_t key_middle_n;
	uint16_t key_head, key_tail;
	uint8_t flags;
	char key_middle[];
};

struct rule_state {
	/* of the present generation; NULL between restart and engine_apply() */
	const struct rule_config *config;
	const struct rule_kind *kind;
	bool labels_fixed;         /* labels do not change with $value */
	bool labels_external;      /* labels may change with external labels */
	bool asks;                 /* labels or annotations call query */
	bool explains;             /* they mention $explain */
	bool keeps_samples;        /* annotations need labels that the alert's own hide
				    */
	struct labels *own_labels; /* of the alert that on_no_data and on_error raise */
	char *generator_url;       /* NULL: not needed yet */
	/* state */
	char *identity, *name;
	int64_t id; /* in the store; 0: not there */
	struct tracked **tracked;
	size_t n, cap;
	struct map by_key;
	char *base_key;
	uint32_t base_n, n_keyed;
	uint32_t n_pending, n_firing;
	uint32_t mark;
	/* series written at the last evaluation, and those that it ended: until
	 * they have been put */
	struct map written, ended; /* of struct labels, +1 reference each */
	struct past *past;         /* NULL: the kind remembers nothing */
	struct restored_past *restored_past; /* rows of the store, until the rule is bound */
	struct kept_answer **kept; /* of each query, answers that may be used again (kept.h); NULL: none */
	wall_t written_at;         /* what time the samples carried */
	/* the last evaluation */
	char *last_error; /* NULL: none */
	bool evaluated;
	wall_t last_evaluation;
	dur_t evaluation_time;
	uint32_t outcomes[OUTCOME_COUNT];
};

struct group {
	struct link link; /* retired ones */
	struct engine *engine;
	struct config *generation; /* +1 reference */
	const struct rule_group_config *config;
	struct rule_state **rules; /* borrowed from the engine's state */
	struct timer timer;
	uint64_t phase_hash;
	wall_t slot; /* evaluated last, or being evaluated; WALL_NONE: never */
	bool running, retired;
	uint32_t at;     /* the rule of the run under way */
	mono_t started;
	struct run *run; /* rule/run.h; NULL: none is under way */
	/* counters, kept over reloads */
	wall_t last_evaluation;
	dur_t evaluation_time;
	uint64_t iterations, missed, evaluations, failures;
	uint64_t samples, samples_so_far; /* of the last run, of the one under way */
};

struct retired_source {
	struct link link;
	struct source *source;
	struct config *generation;
};

struct engine {
	struct engine_options options;
	struct config *config;   /* NULL before the first engine_apply() */
	struct source **sources; /* by source_config.index */
	struct group **groups;   /* by rule_group_config.index */
	struct map restored;     /* rule_state by identity, until they are adopted
				    or dropped */
	struct map restored_by_id;
	struct rule_state *restored_series; /* whose past was read last */
	struct link retired_groups, retired_sources;
	struct timer reap;
	struct arena *scratch;  /* one evaluation's; also the answer of single queries */
	struct arena *look;     /* one expansion of annotations */
	struct asking *asking;  /* of the evaluation being done; NULL: texts cannot ask */
	struct run *idle_runs;
	struct rule_lookup lookup; /* arg is the engine */
	struct buf text, bytes; /* expansions; encodings and keys */
	struct engine_stats stats;
	int64_t next_id; /* without a store */
	bool started, stopping;
};

/* --- engine.c ------------------------------------------------------------ */
void write_stats_add(struct source_write_stats *sum, const struct source_write_stats *more);

/* --- rule_state.c -------------------------------------------------------- */
struct rule_state *rule_state_new(struct str identity, struct str name, int64_t id);
void rule_state_free(struct rule_state *rule); /* accepts NULL */
/* Takes the rule's present meaning from config. */
void rule_state_bind(
    struct engine *engine, struct rule_state *rule, const struct rule_config *config);
/* Found by the bytes of its series; guess: where it probably is. */
struct tracked *rule_find(
    const struct rule_state *rule, struct str key, uint8_t level, uint32_t guess);
/* Adds an inactive alert; takes the reference of labels. */
struct tracked *rule_add(
    struct engine *engine, struct rule_state *rule, struct labels *labels, uint8_t level);
/* From now on this alert is found by key; it may move in memory. */
struct tracked *rule_set_key(
    struct engine *engine, struct rule_state *rule, struct tracked *t, struct str key);
void rule_forget_key(struct engine *engine, struct rule_state *rule, struct tracked *t);
void rule_forget_keys(struct engine *engine, struct rule_state *rule);
/* Frees the alert; its place in rule->tracked is the caller's to close. */
void rule_drop(struct engine *engine, struct rule_state *rule, struct tracked *t);
void rule_count(
    struct engine *engine, struct rule_state *rule, enum alert_state from, enum alert_state to);
const char *rule_generator_url(struct engine *engine, struct rule_state *rule);
struct labels *rule_own_labels(struct engine *engine, struct rule_state *rule); /* borrowed */

/* The severity of the level; NULL: the rule has no such level. */
const char *rule_level_severity(
    const struct rule_kind *kind, const struct rule_config *config, uint8_t level);

/* --- eval.c --------------------------------------------------------------- */
#define EVAL_ASKS 1
struct run;
/* One evaluation of a judged run. 0; EVAL_ASKS when answers for its texts are lacking, or an
 * error: then nothing is changed. */
int eval_rule(struct engine *engine, struct rule_state *rule, struct run *run, struct err *err);
/* The evaluation failed: freezes, or raises the rule's own alert under
 * on_error: alert. */
void eval_failed(struct engine *engine, struct rule_state *rule, wall_t now, struct arena *arena);
/* The rule is gone: what it had raised is resolved and its rows deleted. */
void eval_vanished(struct engine *engine, struct rule_state *rule, wall_t now);
/* Expanded, +1 reference. views NULL: the alert's own labels, or its kept
 * sample's. */
struct labels *eval_annotations(struct engine *engine, const struct rule_state *rule,
    const struct tracked *t, const struct label_view *views, uint32_t n, struct arena *arena);

/* --- eval_past.c ---------------------------------------------------------- */
/*
 * Before judging: the series of the answers are known to the past by their keys, versions that
 * have been followed by others leave the answers, and a new version starts its series anew.
 */
int eval_meet_past(
    struct engine *engine, struct rule_state *rule, struct run *run, struct err *err);
/* Everything that is not in the store yet, at the end. */
void rule_past_save(struct engine *engine, struct rule_state *rule);
/* Rows of the store; the rule owns what becomes of them. */
void rule_past_restore_series(struct rule_state *rule, const struct past_series_row *row);
bool rule_past_restore_chunk(struct rule_state *rule, const struct past_chunk_row *row);
/* The kind's need has to be met from now on; what was restored goes there. */
void rule_past_bind(struct engine *engine, struct rule_state *rule);
void rule_past_free(struct rule_state *rule);

/* --- group.c ----------------------------------------------------------- */
struct group *group_new(struct engine *engine, const struct rule_group_config *config);
void group_schedule(struct group *group); /* at once when its slot has not been
					     evaluated, else at its next */
/* Its rule is done: the next. */
void group_advance(struct group *group);
/* Its run ended before its time. */
void group_cut_short(struct group *group);
/* No further slots; its queries are cancelled and it frees itself after the
 * last. */
void group_retire(struct group *group);
void group_cancel(struct group *group);
void group_free(struct group *group);
