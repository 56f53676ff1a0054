/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine in a world of its own: configuration in a temporary directory, a
 * virtual clock, scripted answers, and a list of the events it has emitted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rule/engine.h"
#include "source/source.h"

/* One series: labels as JSON members, value as text. */
#define SERIES(labels, value) "{\"metric\":{" labels "},\"value\":[0,\"" value "\"]}"
#define VECTOR(items)                                                                              \
	"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","                             \
	"\"result\":[" items "]}}"
#define EMPTY VECTOR("")

struct event {
	enum alert_change change;
	char labels[512], annotations[512], url[512];
	double value;
	wall_t starts_at, ends_at, now;
	bool has_rule;
};

struct world {
	char dir[64];
	struct loop *loop;
	struct xfer *xfer;
	struct worker_pool *workers;
	struct store *store;
	struct engine *engine;
	/* the answer of each query whose URL contains `match`; the first wins
	 */
	struct {
		const char *match, *body;
		int status;
		uint32_t n; /* times it was given */
		dur_t delay;
	} answers[8];
	uint32_t n_queries;
	struct buf written; /* what came by remote write, see decode_write.h; times in ms since the
			       first slot */
	uint32_t n_writes;
	char last_url[4096];
	struct event events[64];
	uint32_t n_events;
	wall_t start; /* the first slot of the first group */
};

extern struct world world;

/* Writes tocsin.yml (a Prometheus source and rules.yml) and rules.yml, and
 * starts. */
void world_open(const char *rules, bool with_store);
void world_close(void);
/* Loses everything but the database, and starts again after `down`. */
void world_crash(dur_t down);
void world_kill(dur_t down); /* with a store: as kill -9 in the middle of a commit */
void world_queue(uint32_t max);        /* before world_open: jobs that wait for a worker; 0: there is no room at all */
void world_sources(const char *yaml); /* before world_open: instead of the one Prometheus source */
/* New rules in the file only: the next start finds them. */
void world_edit(const char *rules);
/* New rules; findings fail the test. */
void world_reload(const char *rules);
void world_answer(const char *match, const char *body);
void world_answer_status(const char *match, int status, const char *body);
/* How often that answer was given since the last call. */
uint32_t world_asked(const char *match);
void world_delay(const char *match, dur_t delay);
/* Runs until just after the k-th slot (0: the first) of the first group,
 * counted from the start. */
void world_slot(int64_t k);
void world_until(int64_t seconds); /* from the first slot */
struct rule_view world_rule(uint32_t group, uint32_t rule);
/* "pending{labels} firing{labels}", ordered by label text. */
const char *world_alerts(uint32_t group, uint32_t rule);
/* What was written since the last call: "{__name__="a"} 1 @0\n". */
const char *world_written(void);
/* The events since the last call: "firing{labels} resolved{labels}", in order.
 */
const char *world_events(void);
const char *world_annotations(uint32_t group, uint32_t rule, uint32_t at);
