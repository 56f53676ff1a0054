/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one duration syntax of the program, Prometheus': 1y2w3d4h5m6s7ms,
 * integers, units in that order, each at most once, or a bare 0.
 * A year is 365 days, a week 7.
 */
#pragma once

#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

#define DURATION_TEXT_MAX 48

/* 0, or -ERR_INVALID with err->at the offending byte and a text that shows the right form. */
int duration_parse(struct str text, dur_t *ret, struct err *err);
/* As Go writes it: 1.5s, 1h0.5m, 250us; not below 0. */
int duration_parse_go(struct str text, dur_t *ret, struct err *err);
/* Canonical text, "1d2h" (weeks and years only when they divide evenly, as Prometheus prints them), "0s" for zero. */
const char *duration_format(dur_t d, char out[DURATION_TEXT_MAX]);
