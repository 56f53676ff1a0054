/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything from an alert put to a message received, on a virtual loop: the
 * rooms, a store in a directory of its own, and receivers that behave as told.
 */
#pragma once

#include "loop/loop.h"
#include "notify/decision.h"
#include "notify/flap.h"
#include "notify/notify.h"
#include "unit/route/helpers.h"

#define MESSAGES_MAX 20000
#define HOSTS_MAX 8

enum host_mood {
	HOST_OK,
	HOST_STATUS,  /* answers `status`, with retry_after_s if not 0 */
	HOST_HANGS,   /* gets the request, never answers */
	HOST_REFUSES, /* no connection */
};

struct host {
	const char *url;
	enum host_mood mood;
	int status, retry_after_s;
	dur_t latency;
};

struct message_seen {
	int64_t at; /* seconds */
	wall_t at_exact;
	char url[40];
	long long delivery;
	char reason[32];
	char group[80];
	char thread[32];
	char common[160];
	char *firing, *resolved; /* "a=1,b=2 c=3", in the order of the message */
	int status;              /* that was answered; 0: none */
	uint32_t crashes;        /* that had happened before */
};

struct world {
	char dir[64];
	struct loop *loop;
	struct store *store;
	struct alerts *alerts;
	struct silences *silences;
	struct inhibitor *inhibitor;
	struct groups *groups;
	struct notifier *notifier;
	struct xfer *xfer;
	struct config *config;
	struct labels *no_labels;
	struct host hosts[HOSTS_MAX];
	struct message_seen *seen;
	uint32_t n_seen, crashes;
	uint32_t on_wire, on_wire_max;
	bool scribe_fails, unrenderable;
	bool no_secret;       /* messages need one that cannot be read */
	uint32_t steps;       /* requests that make a message; 0: one */
};

extern struct world w;

void world_open(const char *yaml);
void world_close(void);
void world_crash(int64_t until_s); /* all is dropped but the directory; starts again then */
void world_reload(const char *yaml);
void world_run(int64_t seconds);   /* to that second after the start */
void world_turns(void);            /* what is due now */

struct host *host(const char *url);
void post(const char *labels, int64_t start_s, int64_t end_s);
void fire(const char *labels);    /* from now until it is resolved */
void resolve(const char *labels); /* now */
void silence(const char *matchers, int64_t end_s, char ret_id[37]);
void silence_until_resolved(const char *matchers, int64_t end_s, char ret_id[37]);
bool silenced(const char *id); /* is that silence active? */
bool in_table(const char *labels);

/* All messages so far: "30 url first notification F[a=1] R[]; ..." from the nth on. */
void saw(uint32_t from, const char *want);
/* Rows, oldest first: "1 delivered attempts error; ..." numbered by order. */
void rows_are(const char *want);
uint32_t rows_in_state(int state);
uint32_t history_count(const char *kind);
