/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evaluator: every group on its slots, rules of a group in order, groups
 * side by side.
 *
 * Slots: floor((now - phase) / interval) * interval + phase, the phase from
 * the group's file and name; evaluation uses the slot time, not the time of
 * arrival; a group late by k slots is evaluated once and k is counted.  One
 * evaluation of a group at a time, never queued twice.
 *
 * State (pending and firing alerts) is kept per rule identity over reloads
 * and, through the store, over restarts: exactly, so that the time in which
 * nobody evaluated counts towards `for`.  (Prometheus, which restores it from
 * series, lets it not count, and starts `for` anew below ten minutes.)  A series whose label bytes
 * are known costs no label work, and an alert that does not change renders nothing: labels are
 * expanded when a series is first seen, annotations when the alert becomes firing and when somebody
 * looks.  A mere change of the value is no event: a notification tells the value at firing time,
 * the API the present one.
 *
 * Labels and annotations may ask the source (query): such a rule is evaluated again with the answers
 * (ask.h).  Its annotations are expanded when an alert begins and when it fires, and shown like that
 * by the API from then on.
 *
 * on_no_data and on_error: alert raise one alert with the rule's constant
 * labels (and its most severe level) while the query returns no series at
 * all, or fails; `for` applies.  It carries the annotation no_data or error.
 * The other alerts of the rule are frozen meanwhile.  When an ordinary alert
 * has the same labels, that one breaches.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "config/config.h"
#include "labels/labels.h"
#include "rule/alert_step.h"
#include "source/source.h"
#include "store/store.h"

struct engine;
struct explain;
struct loop;
struct xfer;
struct worker_pool;

/* A rule's alert became firing, or stopped, or its annotations are wanted again. */
struct rule_event {
	const struct rule_config *rule; /* NULL: gone since a restart, its alert is resolved */
	struct labels *labels; /* final labels, alertname included, external labels not; borrowed */
	struct labels *annotations; /* expanded; NULL on resolve; borrowed */
	const char *generator_url;
	enum alert_change change; /* BECAME_FIRING or BECAME_RESOLVED */
	double value;
	wall_t starts_at; /* fired_at */
	wall_t ends_at;   /* resolved_at, or WALL_NONE while firing */
	wall_t now;
};

struct engine_sink {
	void *arg;
	/* In the same turn, before the batch is committed: transition, routing and store rows are
	 * one transaction. */
	void (*event)(void *arg, const struct rule_event *event);
};

struct engine_options {
	struct loop *loop;
	struct xfer *xfer;
	struct worker_pool *workers;
	struct store *store; /* NULL: nothing is kept (tests) */
	struct engine_sink sink;
	const char *external_url;
};

struct engine *engine_new(const struct engine_options *options);
void engine_free(struct engine *engine);
/* Rows of the store at start, before engine_apply(). */
void engine_restore_rule(struct engine *engine, int64_t id, struct str identity, struct str name);
void engine_restore_alert(struct engine *engine, const struct rule_alert_row *row);
/* Series after rules, chunks after series. */
struct past_series_row;
struct past_chunk_row;
void engine_restore_past_series(struct engine *engine, const struct past_series_row *row);
void engine_restore_past_chunk(struct engine *engine, const struct past_chunk_row *row);
/*
 * Takes a new configuration: rules with the same identity keep their alerts,
 * those of rules that are gone are resolved (events).  Opens new sources,
 * closes old ones when their last query has ended.  0, or an error and
 * nothing is changed.
 */
int engine_apply(struct engine *engine, struct config *config, struct err *err);
void engine_start(
    struct engine *engine); /* groups begin at their next slot, but at once the first time if the
			       last evaluation was longer ago than an interval */
void engine_stop(struct engine *engine); /* no new slots; queries under way are cancelled */
bool engine_idle(const struct engine *engine);

/* --- looking ------------------------------------------------------------ */
struct rule_state;  /* a rule with its alerts */
struct rule_alert { /* read-only outside rule/ */
	struct labels *labels;
	struct alert_times times;
	double value;
	int64_t id;
	uint8_t level;
};

struct rule_view {
	const struct rule_config *config;
	enum alert_state state; /* maximum over its alerts */
	enum {
		RULE_HEALTH_UNKNOWN,
		RULE_HEALTH_OK,
		RULE_HEALTH_ERR
	} health;
	const char *last_error; /* "" when none */
	wall_t last_evaluation; /* WALL_NONE: never */
	dur_t evaluation_time;
	uint32_t outcomes[OUTCOME_COUNT]; /* of the last evaluation */
	uint32_t n_alerts, n_pending, n_firing;
	uint32_t past_series; /* what it remembers */
	uint64_t past_points;
	const struct rule_state *rule;
};
struct group_view {
	const struct rule_group_config *config;
	wall_t last_evaluation;
	dur_t evaluation_time;
	uint64_t iterations, missed, evaluations, failures, samples;
	dur_t rules_time; /* of its rules' last evaluations, together */
};
const struct config *engine_config(const struct engine *engine);
void engine_group_view(const struct engine *engine, uint32_t group, struct group_view *ret);
void engine_rule_view(
    const struct engine *engine, uint32_t group, uint32_t rule, struct rule_view *ret);
/* Pending and firing alerts; for (uint32_t it = 0; (a = rule_alert_next(rule, &it)) != NULL; ) */
const struct rule_alert *rule_alert_next(const struct rule_state *rule, uint32_t *it);
/* Expanded annotations, +1 reference. */
struct labels *rule_alert_annotations(
    const struct engine *engine, const struct rule_state *rule, const struct rule_alert *alert);

/* Why an alert of a rule is as it is. */
struct explain_view {
	const struct rule_config *config;
	const struct rule_alert *alert;
	const struct explain *explain; /* NULL: its kind has not said, or not since the start; value and
					  threshold below are all there is */
	double threshold;              /* NaN: unknown */
	wall_t at;                     /* the evaluation that says so; WALL_NONE with explain NULL */
};
/*
 * By the fingerprint of the alert's labels; routed (may be NULL): the same with external labels,
 * as receivers know it.  False: no rule has it pending or firing.
 */
bool engine_explain(const struct engine *engine, uint64_t fingerprint, const struct labels *routed,
    struct explain_view *ret);

struct engine_stats {
	uint64_t evaluations, failures, iterations, missed, queries;
	uint32_t queries_in_flight, rules, groups, alerts_pending, alerts_firing;
	uint64_t outcomes[OUTCOME_COUNT];  /* series, of the rules' last evaluations */
	uint64_t past_series, past_points; /* remembered */
	double evaluation_seconds;         /* sum over rules */
	double iteration_seconds;          /* sum over groups */
	struct source_write_stats written; /* all sources' remote writes */
};
struct engine_stats engine_stats(const struct engine *engine);

/* Pure, for tests: the latest slot at or before now. */
wall_t slot_at(wall_t now, dur_t interval, uint64_t phase_hash);
/* One query against one source outside any rule (`tocsin query`, API); see source.h for done. */
struct source;
struct source *engine_source(struct engine *engine, const char *name); /* NULL name: the first */
