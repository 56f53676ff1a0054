/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration says of receivers' health, of alerts that flap, and
 * of heartbeats, outgoing and expected.  Part of a generation; what it means
 * is notify's (budget.c, breaker.c, flap.c) and health's.
 */
#pragma once

#include "base/diag.h"
#include "base/instant.h"
#include "config/schema.h"
#include "net/options.h"

/* max_per_interval: messages of each integration. */
struct budget_config {
	int64_t n;      /* 1..BUDGET_MAX */
	dur_t interval;
};
#define BUDGET_MAX 1000

/* circuit_breaker: of each integration. */
struct breaker_config {
	int64_t failures;     /* in a row, until it opens */
	dur_t probe_interval; /* how often one message is tried while it is open */
};

/* flap_detection: of a route. */
struct flap_config {
	int64_t changes; /* of one alert, beginnings and ends, 2..FLAP_CHANGES_MAX */
	dur_t within;
	dur_t quiet;     /* no change for so long: it is over */
};
#define FLAP_CHANGES_MAX 32

struct heartbeat_config { /* we ping */
	const char *name, *url;
	dur_t interval;
	const struct http_options *http;
	struct pos pos;
};

struct expected_heartbeat { /* somebody checks in */
	const char *name;
	dur_t interval, grace;
	const char *severity;
	struct string_map labels, annotations;
	struct pos pos;
};
#define HEARTBEATS_MAX 1000
