/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is on call, who is told next, and when nobody wants to be disturbed, as
 * the configuration says it.  What it means is oncall's: oncall/schedule.h,
 * oncall/escalation.h, oncall/quiet.h.
 *
 * An escalation policy names what it refers to, and does not point to it: an
 * incident keeps the steps it began with, and looks the names up when their
 * time has come.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/instant.h"
#include "base/tz.h"
#include "config/time_intervals.h"

#define ESCALATION_STEPS_MAX   64
#define ESCALATION_TARGETS_MAX 32 /* of one step */
#define ESCALATION_REPEAT_MAX  100

struct receiver_config;

struct user_way {
	const char *word; /* "slack", "page": what `via` calls it */
	const struct receiver_config *receiver;
};

struct oncall_user {
	const char *name;
	struct user_way *ways; /* in order of the file */
	uint32_t n_ways;
	struct pos pos;
};

/* People who take turns of equal length. */
struct schedule_layer {
	const struct oncall_user **users;
	uint32_t n_users;
	int64_t start_s;  /* the first turn's hand-over as read from the zone's wall clock, seconds since 1970 */
	int64_t length_s; /* of a turn, on that clock */
	const struct time_interval **active; /* only then; none: always */
	uint32_t n_active;
	bool starts; /* nobody is on call before start_s; else the turns reach back */
	struct pos pos;
};

struct schedule_config {
	const char *name;
	const struct tz *zone; /* NULL: UTC */
	struct schedule_layer *layers; /* the first that has somebody decides */
	uint32_t n_layers;
	struct pos pos;
};

enum step_target_kind { STEP_RECEIVER, STEP_SCHEDULE, STEP_USER, STEP_TARGET_COUNT };

struct step_target {
	enum step_target_kind kind;
	const char *name;
	const char *via; /* a word of the user's, or a receiver; NULL: all of the user's */
	struct pos pos;
};

struct escalation_step {
	dur_t after; /* the step before */
	struct step_target *notify;
	uint32_t n_notify;
	const char **severities; /* only for these; none: for any */
	uint32_t n_severities;
	const char **intervals;  /* only then; none: always */
	uint32_t n_intervals;
	struct pos pos;
};

struct severity_timeout {
	const char *severity;
	dur_t timeout;
};

struct escalation_policy {
	const char *name;
	uint32_t repeat;        /* how often the steps begin anew */
	dur_t repeat_after;     /* the last step */
	dur_t ack_timeout;      /* DUR_UNSET: an acknowledgement holds */
	struct severity_timeout *severity_timeouts;
	uint32_t n_severity_timeouts;
	const char *fallback;   /* a receiver, or NULL */
	dur_t refire_window;
	bool break_ack_on_severity_rise;
	struct escalation_step *steps;
	uint32_t n_steps;
	struct pos pos;
};

struct quiet_hours {
	const struct receiver_config **receivers; /* none: all */
	uint32_t n_receivers;
	const struct time_interval **intervals;
	uint32_t n_intervals;
	const char **pass; /* severities that are sent all the same, beside the critical ones */
	uint32_t n_pass;
	struct pos pos;
};
