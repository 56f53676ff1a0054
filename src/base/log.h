/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's log: logfmt or JSON lines on stderr.
 *
 *   log_info("rule", "group evaluated", LOG_STR("group", name), LOG_DUR("took", d));
 *
 * Subject and event name are stable: log lines are read by programs.
 * ERROR: an operator must act.  WARN: degraded, says what happens next.
 * INFO: state changes.  DEBUG: per evaluation.  Secrets are never passed.
 * Thread-safe.  A repeat limiter keyed by (subject, event) prints the first
 * LOG_BURST per minute, then one line with the count.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/str.h"

#define LOG_BURST 30 /* per minute, subject and event; LOG_DEBUG is not limited */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
	const char *key; /* NULL ends the list */
	enum { LOG_F_STR, LOG_F_INT, LOG_F_DOUBLE, LOG_F_DUR, LOG_F_WALL } kind;
	struct str s;
	int64_t i;
	double d;
};

/* clang-format off */
#define LOG_Z(k, z)    ((struct log_field){ .key = (k), .kind = LOG_F_STR, .s = str_from(z) })
#define LOG_STR(k, v)  ((struct log_field){ .key = (k), .kind = LOG_F_STR, .s = (v) })
#define LOG_INT(k, v)  ((struct log_field){ .key = (k), .kind = LOG_F_INT, .i = (int64_t)(v) })
#define LOG_NUM(k, v)  ((struct log_field){ .key = (k), .kind = LOG_F_DOUBLE, .d = (v) })
#define LOG_DUR(k, v)  ((struct log_field){ .key = (k), .kind = LOG_F_DUR, .i = (v).ns })
#define LOG_WALL(k, v) ((struct log_field){ .key = (k), .kind = LOG_F_WALL, .i = (v).ns })
#define LOG_AT(level, subject, event, ...) \
	log_write((level), (subject), (event), (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,) { .key = NULL } })
#define log_debug(subject, event, ...) LOG_AT(LOG_DEBUG, subject, event __VA_OPT__(,) __VA_ARGS__)
#define log_info(subject, event, ...)  LOG_AT(LOG_INFO, subject, event __VA_OPT__(,) __VA_ARGS__)
#define log_warn(subject, event, ...)  LOG_AT(LOG_WARN, subject, event __VA_OPT__(,) __VA_ARGS__)
#define log_error(subject, event, ...) LOG_AT(LOG_ERROR, subject, event __VA_OPT__(,) __VA_ARGS__)
/* clang-format on */

void log_write(enum log_level level, const char *subject, const char *event, const struct log_field *fields);
void log_configure(enum log_level level, enum log_format format);
bool log_level_from(struct str text, enum log_level *ret);   /* debug info warn error */
bool log_format_from(struct str text, enum log_format *ret); /* logfmt json */
bool log_enabled(enum log_level level);
/* Where lines get their time from (set by the program's main to the loop's clock); without it no time is printed. */
void log_set_clock(wall_t (*now)(void));
