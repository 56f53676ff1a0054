/* SPDX-License-Identifier: Apache-2.0 */
/* Who stands in for whoever is on call: entered by people, kept in the store. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "oncall/plan.h"
#include "oncall/schedule.h"
#include "store/store_incident.h"

#define OVERRIDES_MAX 10000
#define OVERRIDE_LENGTH_MAX DUR_S(366 * 86400)

struct overrides;

struct override_input {
	const char *schedule, *user, *created_by, *comment; /* comment may be NULL */
	wall_t starts_at, ends_at;
};

struct overrides *overrides_new(struct store *store); /* store may be NULL */
void overrides_free(struct overrides *overrides);     /* accepts NULL */
void overrides_restore(struct overrides *overrides, const struct override_row *row);
/* 0 and the id; -ERR_INVALID, -ERR_LIMIT with the reason. */
int overrides_add(struct overrides *overrides, const struct config *config, const struct override_input *input, wall_t now,
    int64_t *ret_id, struct err *err);
/* What lies ahead of it goes; what has begun ends now. False: there is none. */
bool overrides_remove(struct overrides *overrides, int64_t id, wall_t now);
void overrides_gc(struct overrides *overrides, wall_t now); /* those that are over */
const struct oncall_override *const *overrides_list(const struct overrides *overrides, uint32_t *ret_n);
