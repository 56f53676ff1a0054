/* SPDX-License-Identifier: Apache-2.0 */
/* Small conversions that several commands share. */
#pragma once

#include <json-c/json_object.h>

#include "base/buf.h"
#include "base/instant.h"

/* Without what a terminal obeys: control characters, those of Latin-1 as well, are spaces. */
void text_put_plain(struct buf *out, const char *text);
/* {"a":"b","c":"d"} as a=b c=d, names in `skip` (NULL-terminated) left out. */
void text_put_labels(struct buf *out, json_object *labels, const char *const *skip);
/* Who runs the command, for --by and --author; empty: nobody knows. */
const char *text_user(void);
/* What an event of the history says, with whom it was told where it is about a delivery. */
void text_put_detail(struct buf *out, json_object *event);
/* "3h ago" of an RFC 3339 text, "" when it is empty. */
void text_put_ago(struct buf *out, const char *timestamp, wall_t now);
/* "--start": RFC 3339, or a duration before now ("2h"). 0, or negative with a message on stderr. */
int text_parse_time(const char *text, wall_t now, wall_t *ret);
