/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is on call at a moment, and when that changes.  Pure.
 *
 * Who stands in comes first (the one who was entered last, if several); then
 * the first layer that has somebody.  Turns change hands at a time of the
 * zone's wall clock: once, also on the day on which that time comes twice, and
 * on the day on which it is left out, when it is passed over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "config/config.h"

/* Somebody stands in. */
struct oncall_override {
	int64_t id; /* later ones are larger */
	char *schedule, *user;
	wall_t starts_at, ends_at;
	char *created_by, *comment;
	wall_t created_at;
};

/* A schedule, and everybody who stands in for somebody in any schedule. */
struct schedule_view {
	const struct config *config;
	const struct schedule_config *schedule;
	const struct oncall_override *const *overrides;
	uint32_t n_overrides;
};

struct oncall_turn {
	const struct oncall_user *user; /* NULL: nobody */
	int64_t override_id;            /* 0: by a layer */
	int layer;                      /* from 0; -1: by none */
};

struct oncall_turn schedule_at(const struct schedule_view *view, wall_t at);
/* The first moment after `at` at which somebody else is on call; `limit` when that is not before it. */
wall_t schedule_change(const struct schedule_view *view, wall_t at, wall_t limit);
