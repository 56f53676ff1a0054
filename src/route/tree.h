/* SPDX-License-Identifier: Apache-2.0 */
/* Which routes an alert takes. Pure. */
#pragma once

#include <stdint.h>

#include "config/config.h"
#include "labels/labels.h"

#define ROUTES_MATCHED_MAX 256

/* Matching routes in order; returns how many (at most max are written). The root always matches, so at least 1. */
uint32_t tree_match(const struct route_config *root, const struct labels *labels, const struct route_config **ret, uint32_t max);
