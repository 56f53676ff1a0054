/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones by their IANA names, read from the system's compiled zone files. */
#pragma once

#include <stdint.h>

#include "base/str.h"

struct tz;

/* NULL: there is no such zone, or its file is mangled. Kept for the life of the process. */
const struct tz *tz_find(struct str name);
/* Seconds east of UTC at that time, and the abbreviation ("CET"). */
int32_t tz_offset(const struct tz *tz, int64_t sec, const char **ret_abbreviation);
const char *tz_name(const struct tz *tz);
