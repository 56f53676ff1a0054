/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulation: the whole program on a virtual clock, with a scripted world
 * around it.
 *
 * world.c   what is outside: sources that answer, receivers that listen
 * house.c   the program: start, kill -9, restart, requests to its API
 * judge.c   what must hold whatever happens
 * story.c   the scenario language
 * chaos.c   random faults from a seed
 *
 * Nothing here waits: an hour of the story takes as long as its work.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/instant.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/str.h"
#include "daemon/core.h"
#include "net/xfer.h"

#define WORLD_ANSWERS_MAX   32
#define WORLD_SERIES_MAX    32
#define WORLD_SOURCES_MAX   4
#define WORLD_RECEIVERS_MAX 16
#define JUDGE_RULES_MAX     64
#define JUDGE_SERIES_MAX    256
#define NOTICE_ALERTS_MAX   128
#define SIM_UNANSWERED_MAX  256

struct sim;

/* --- world.c -------------------------------------------------------------- */

enum conduct { /* how a source or a receiver behaves */
	CONDUCT_OK,
	CONDUCT_STATUS,  /* answers with a status of its own */
	CONDUCT_HANG,    /* never answers, did not take it */
	CONDUCT_LOST,    /* took it, but the answer is lost */
	CONDUCT_REFUSE,  /* no connection */
	CONDUCT_PARTIAL, /* an answer with warnings */
	CONDUCT_GARBAGE,
	CONDUCT_KILL,       /* kill -9 while the request is on its way: lost */
	CONDUCT_KILL_TAKEN, /* the same, but the receiver got it */
};

struct peer { /* a source or a receiver */
	char name[32];
	enum conduct conduct;
	int status;
	dur_t retry_after; /* 0: none */
	dur_t latency;
	uint32_t requests; /* so far */
	wall_t failed_at;  /* the last one that was not answered well */
};

struct series {
	json_object *labels;
	double value;
	wall_t at;         /* the datum's own time; WALL_NONE: that of the evaluation */
	bool has_past;     /* a range of it has points */
	double was, swing; /* ... around this, so far up and down */
};

struct answer { /* to one query of one source */
	char source[32];
	char *query;
	struct series series[WORLD_SERIES_MAX];
	uint32_t n;
};

struct notice_alert {
	json_object *labels; /* of the notice's body, as is the next */
	const char *starts_at;
	bool firing;
};

struct notice { /* a notification that a receiver took */
	struct notice *next;
	struct notice *older;  /* the one before it, of any receiver */
	struct notice *before; /* the same receiver was told of the same group */
	wall_t at;
	char receiver[32];
	char *group_key;
	char delivery[96]; /* Idempotency-Key */
	char place[64];    /* Tocsin-Escalation: "INCIDENT/GENERATION.LOOP.STEP", or empty */
	wall_t flushed;    /* by the group, as the key says */
	json_object *body;
	struct notice_alert *alerts;
	uint32_t n;
	bool answered; /* the program heard that it arrived */
	bool lost;     /* but was killed before that was on disk */
	dur_t latency;
	bool expected; /* the story knows of it */
};

struct world {
	struct answer answers[WORLD_ANSWERS_MAX];
	uint32_t n_answers;
	struct peer sources[WORLD_SOURCES_MAX];
	uint32_t n_sources;
	struct peer receivers[WORLD_RECEIVERS_MAX];
	uint32_t n_receivers;
	struct notice *notices, **notices_end, *newest;
	struct map last; /* notices, by receiver and group */
	uint32_t n_notices;
	struct arena *bodies; /* answers under way */
};

void world_init(struct world *world);
void world_fini(struct world *world);
struct peer *world_source(struct world *world, const char *name);
struct peer *world_receiver(struct world *world, const char *name);
/* The answer to this query, made empty if there was none. */
struct answer *world_answer(struct world *world, const char *source, const char *query);
void world_clear_answer(struct answer *answer);
void world_heal(struct world *world); /* everybody behaves */
dur_t world_script(void *sim, const struct xfer_request *request, struct xfer_response *response);
/* What this receiver was last told of this group, or NULL. */
struct notice *world_last(const struct world *world, const char *receiver, const char *group_key);
void notice_print(const struct sim *sim, const struct notice *notice, struct buf *out);
/* All of want's labels are in have, with the same values. */
bool labels_json_has(json_object *have, json_object *want);
bool labels_json_equal(json_object *a, json_object *b);

/* --- judge.c -------------------------------------------------------------- */

struct judged_rule {
	char *name, *query;
	dur_t for_; /* the shortest it ever had */
	bool lenient; /* may fire without a breach: on_no_data, on_error */
};

struct judged_series { /* what the program was told of one series */
	char *query;
	json_object *labels;
	wall_t since;   /* slot of the first breach of this streak */
	dur_t longest;  /* streak */
	wall_t over_at; /* told that it is gone, arriving then; none: not told */
};

struct judge {
	struct judged_rule rules[JUDGE_RULES_MAX];
	uint32_t n_rules;
	struct judged_series series[JUDGE_SERIES_MAX];
	uint32_t n_series;
	json_object *posted; /* array of label objects */
	wall_t disk_fails_since, disk_fails_until;
	char failure[2048];  /* the first one; "" while all is well */
};

void judge_init(struct judge *judge);
void judge_fini(struct judge *judge);
void judge_rules(struct judge *judge, const struct config *config);
void judge_posted(struct judge *judge, json_object *labels);
/* The program has been told this, effective (if it lives) at arrives. */
void judge_told(struct sim *sim, const struct answer *answer, wall_t slot, wall_t arrives);
void judge_killed(struct sim *sim);
void judge_leap(struct sim *sim, dur_t by); /* before the clock moves */
void judge_disk(struct sim *sim, bool fails);
void judge_notice(struct sim *sim, struct notice *notice);
/* What must hold of incidents whenever nothing is under way. */
void judge_incidents(struct sim *sim);
/* After the end: everybody behaves again; nothing may be left undone. */
void judge_epilogue(struct sim *sim);

/* --- house.c -------------------------------------------------------------- */

struct sim {
	struct world world;
	struct judge judge;
	struct core core;
	struct daemon_options options;
	char storage[32]; /* where the running program's database is */
	uint32_t life;    /* 1 for the first start */
	bool is_open;
	bool is_dying;       /* killed; what it still does counts for nothing */
	bool stop_on_notice; /* return from sim_run_* when one arrives */
	wall_t start, end;   /* of the story; end: now while nothing runs */
	uint32_t kills;
	struct http_call *unanswered[SIM_UNANSWERED_MAX]; /* until the program ends */
	uint32_t n_unanswered;
};

void sim_fail(struct sim *sim, const char *fmt, ...) PRINTF(2, 3); /* keeps the first */
bool sim_failed(const struct sim *sim);
void sim_init(struct sim *sim);
void sim_fini(struct sim *sim);
void sim_align(struct sim *sim); /* before the first start */
wall_t sim_now(const struct sim *sim);
/* Starts the program if it is down. */
void sim_open(struct sim *sim);
void sim_close(struct sim *sim); /* as SIGTERM does */
void sim_run_until(struct sim *sim, wall_t until);
void sim_settle(struct sim *sim); /* what is due now */
/* kill -9: what the disk holds at this instant is what remains. */
void sim_kill(struct sim *sim);
void sim_mark_killed(struct sim *sim); /* the same, from inside a callback */
/* The machine slept (or its clock was set): wall time moves, nothing else. */
void sim_leap(struct sim *sim, dur_t by);
/* A request to the API; the status, 0 when there is no answer (killed, or the disk fails). */
int sim_call(struct sim *sim, const char *method, const char *path, const char *body, struct buf *ret_answer);
/* Writes text to a file of the working directory. */
void sim_write(struct sim *sim, const char *name, struct str text);
/* POST /api/v2/alerts; labels is taken. ends WALL_NONE: open. Returns the status. */
int sim_post(struct sim *sim, json_object *labels, wall_t ends);
int sim_silence(struct sim *sim, json_object *labels, wall_t starts, wall_t ends, char ret_id[37]);
/* POST /api/tocsin/v1/alerts/FINGERPRINT/VERB; the status, 404 when there is no such alert. */
int sim_act(struct sim *sim, json_object *labels, const char *verb, const char *body);
/* The incident that the alert is in, or NULL. */
struct incident *sim_incident(struct sim *sim, json_object *labels);
int sim_unsilence(struct sim *sim, const char *id);
/* The rule's alert with these labels; NULL when there is none. */
const struct rule_alert *sim_rule_alert(struct sim *sim, json_object *labels);
struct alert *sim_routed(struct sim *sim, json_object *labels);
json_object *labels_to_json(const struct labels *labels);

/* --- story.c, chaos.c ------------------------------------------------------ */

/* 0, or 1 with the reason printed as TAP comments. */
int story_run(const char *path);
int chaos_run(uint64_t seed, uint32_t steps);
