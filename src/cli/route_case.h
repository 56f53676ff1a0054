/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of cases as read, shared by route_cases.c (reads) and
 * route_cases_run.c (runs).  An expectation that is absent is told from one
 * that is there by -1, an unset duration or `set`.
 */
#pragma once

#include "base/arena.h"
#include "cli/route_cases.h"
#include "config/schema.h"
#include "labels/labels.h"
#include "labels/matcher.h"

struct label_sets {
	struct labels **items; /* +1 reference each */
	uint32_t n;
};

struct case_silences {
	struct matchers **items;
	uint32_t n;
};

struct expectation {
	struct string_list receivers, routes_to, group_by;
	int silenced, inhibited, muted; /* -1: not mentioned */
	dur_t group_wait, group_interval, repeat_interval;
	struct pos pos;
};

struct route_case {
	const char *name;
	struct labels *labels;
	struct label_sets firing;
	struct case_silences silences;
	wall_t at; /* WALL_NONE: no time */
	struct expectation *expect;
	struct pos pos;
};

struct route_cases {
	const char *config_path;
	struct sub_list list; /* of struct route_case */
	struct pos pos;
	struct arena *arena;
	struct config *config;
};
