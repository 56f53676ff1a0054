/* SPDX-License-Identifier: Apache-2.0 */
/* A random story: what chaos.c has done so far, and what chaos_check.c holds it to. */
#pragma once

#include "base/rng.h"
#include "sim.h"

#define CHAOS_INSTANCES     6
#define CHAOS_QUERIES       3
#define CHAOS_POSTED        4
#define CHAOS_SILENCED      "i5" /* CHAOS_INSTANCES - 1 */
#define CHAOS_KNOWN_MAX     64
#define CHAOS_INCIDENTS_MAX 256

struct chaos_alert { /* a rule's alert as it was before a kill */
	json_object *labels;
	struct alert_times times;
};

struct chaos_incident { /* as it was before a kill */
	int64_t id;
	uint8_t state;
	uint32_t generation, loop, step;
	wall_t due_at;
};

struct chaos {
	struct sim sim;
	struct rng rng;
	uint32_t step;
	bool present[CHAOS_QUERIES][CHAOS_INSTANCES];
	enum {
		POSTED_RESOLVED,
		POSTED_FIRING,
		POSTED_UNKNOWN
	} posted[CHAOS_POSTED];
	char silence[37]; /* acknowledged, in force */
	wall_t silence_ends;
	struct chaos_alert known[CHAOS_KNOWN_MAX];
	uint32_t n_known;
	struct chaos_incident incidents[CHAOS_INCIDENTS_MAX];
	uint32_t n_incidents;
	bool disk_fails;
	char last[64]; /* what the step did */
};

/* instance="iI", and alertname unless that is NULL; owned. */
json_object *chaos_labels(const char *alertname, uint32_t i);

/* Before a kill: what must be there after it. */
void chaos_note(struct chaos *chaos);
void chaos_forget(struct chaos *chaos);
/* Right after the start: it is. */
void chaos_check_kept(struct chaos *chaos);
void chaos_check_acknowledged(struct chaos *chaos);
/* Everybody is well, and comes to know what is true. */
void chaos_check_end(struct chaos *chaos);
