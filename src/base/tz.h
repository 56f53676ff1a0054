/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones by their IANA names, read from the system's compiled zone files.
 *
 * A zone once found stays for the life of the process: it may be kept by
 * pointer.  One thread, as everything that is looked up by name.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

struct tz;

/*
 * "Europe/Berlin"; "UTC" needs no file; "Local" is the machine's own zone (TZ,
 * else /etc/localtime, else UTC).  NULL: there is no such zone, or its file is
 * mangled.
 */
const struct tz *tz_find(struct str name);
/* Seconds east of UTC at that time (seconds since 1970), and the abbreviation ("CET") unless NULL. */
int32_t tz_offset(const struct tz *tz, int64_t sec, const char **ret_abbreviation);
/*
 * When the zone's clock first shows this local time (seconds since 1970 as read from it); of a time that is left out
 * when the clocks go forward, the moment when they do.
 */
int64_t tz_instant(const struct tz *tz, int64_t local);
const char *tz_name(const struct tz *tz);
