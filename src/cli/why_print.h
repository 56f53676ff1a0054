/* SPDX-License-Identifier: Apache-2.0 */
/* `tocsin why` in words: from the server's JSON to lines for people. */
#pragma once

#include <json-c/json_object.h>

#include "base/buf.h"
#include "base/instant.h"

/* An answer of /api/tocsin/v1/alerts/FINGERPRINT/decisions; at WALL_NONE: now. */
void why_put_alert(struct buf *out, json_object *answer, wall_t at, wall_t now);
/* What rules of that name are doing: /api/v1/rules' groups. */
void why_put_rules(struct buf *out, json_object *groups, wall_t now);
/* Labels as Name{a="b"}; control characters become spaces. */
void why_put_labels(struct buf *out, json_object *labels);
/* "02:41:30" of today, else "2026-11-19 02:41:30", in UTC; "" gives "?". */
void why_put_time(struct buf *out, const char *timestamp, wall_t now);
