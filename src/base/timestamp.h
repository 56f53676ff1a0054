/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 text to wall_t and back.  Proleptic Gregorian, UTC, no time zone data. */
#pragma once

#include <stdbool.h>

#include "base/instant.h"
#include "base/str.h"

#define TIMESTAMP_TEXT_MAX 40

/* Any offset, any fraction (cut to ns). Year 1 (Go's zero time) gives WALL_NONE. Years 1678 to 2261; others give the nearest end of that. */
bool timestamp_parse(struct str text, wall_t *ret);
/* "2026-11-20T06:24:00.123Z"; WALL_NONE gives Go's zero time "0001-01-01T00:00:00.000Z" */
const char *timestamp_format_ms(wall_t t, char out[TIMESTAMP_TEXT_MAX]);
/* Go's RFC3339Nano as encoding/json prints it: trailing zeros of the fraction dropped; WALL_NONE: "0001-01-01T00:00:00Z" */
const char *timestamp_format_ns(wall_t t, char out[TIMESTAMP_TEXT_MAX]);
/* "Fri, 20 Nov 2026 06:24:00 +0000" for mail */
const char *timestamp_format_rfc5322(wall_t t, char out[TIMESTAMP_TEXT_MAX]);
/* HTTP-date as in Retry-After; false when it is none. */
bool timestamp_parse_http(struct str text, wall_t *ret);
