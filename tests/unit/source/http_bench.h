/* SPDX-License-Identifier: Apache-2.0 */
/* One query to one source over a scripted network: what went out, what came of the answer. */
#pragma once

#include "unit/source/test_source.h"

struct bench_answer {
	bool failed;
	struct err err;
	struct vector vector;
	uint32_t requests;
	const char *url, *method, *body, *content_type, *headers; /* headers: "name: value\n" each */
};

/* What the requests after the first get; the last again and again. Empty: what the first got. */
#define BENCH_LATER_MAX 4
extern struct str bench_later[BENCH_LATER_MAX];

/* Fixture; everything answered lives until the end of the test. */
void bench_set_up(void);
void bench_tear_down(void);
/* at: the evaluation time, 2026-11-20T06:24:00.500Z unless changed. */
extern wall_t bench_at;
/* How long the answer takes; 5 ms unless changed. */
extern dur_t bench_delay;
/* The query is cancelled after this long; 0: never. */
extern dur_t bench_cancel_after;
/* Its shape, window, step and fields are asked; an instant answer unless changed. */
extern struct source_query bench_query;
extern bool bench_workers; /* the source has a pool of them */
struct bench_answer bench_ask(
    const char *kind, const char *yaml, const char *query, int status, struct str body);
/* 0, or the negative code of ops->check. */
int bench_check(const char *kind, const char *yaml, const char *query, struct err *err);
/* "name=value,..." sorted by name, then " value" ("missing" for none) and " @time" in seconds if known. */
const char *bench_row(const struct bench_answer *answer, uint32_t i);
/* Every shorter body is an error, none crashes; and the whole one is none. */
void bench_truncate(const char *kind, const char *yaml, const char *query, struct str body);
