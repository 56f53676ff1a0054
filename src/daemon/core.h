/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All rooms of a running server, and how they are wired.  Private to daemon/.
 */
#pragma once

#include "api/api.h"
#include "base/diag.h"
#include "daemon/daemon.h"
#include "daemon/web.h"
#include "loop/loop.h"
#include "health/checkins.h"
#include "health/pings.h"
#include "loop/worker.h"
#include "receiver/ack_link.h"

#define LISTENERS_MAX 16

struct core {
	const struct daemon_options *options;
	struct loop *loop; /* made by the caller: real, or virtual in a simulation */
	struct xfer *xfer; /* the caller may have made one (scripted); closed here */
	struct worker_pool *workers;
	struct store *store;
	struct config *config;
	struct alerts *alerts;
	struct silences *silences;
	struct inhibitor *inhibitor;
	struct groups *groups;
	struct checkins *checkins;
	struct pings *pings;
	struct notifier *notifier;
	struct incidents *incidents;
	struct overrides *overrides;
	struct receipts *receipts;
	uint8_t link_key[ACK_LINK_KEY_BYTES];
	bool has_link_key;
	struct engine *engine;
	struct web web;
	struct http_server *servers[LISTENERS_MAX];
	uint32_t n_servers;
	struct api *api;
	struct api_state state;  /* what the API sees of all this */
	char *external_url;
	char *route_prefix;
	struct timer upkeep;     /* retention, sweeping: once a minute */
	struct timer start_delay; /* until groups are flushed */
	struct timer stop_check; /* while stopping */
	mono_t stop_deadline;
	mono_t opened;
	bool stopping;
};

/* core.c: makes everything up to, but not including, the first flush and slot. Findings go to diag, other failures to err. */
int core_open(struct core *core, const struct daemon_options *options, struct diag *diag, struct err *err);
/* NULL with findings; refused queries are warnings. */
struct config *core_load(const char *path, struct diag *diag);
void core_start(struct core *core);
void core_close(struct core *core); /* of whatever core_open got to */
/* The receiver, source and rule tables of this program. */
const struct config_kinds *core_kinds(void);

/*
 * check_queries.c: lets each rule's source look at its query without running
 * it.  What the source refuses is an error (strict) or a warning at the rule; a
 * source that is not there now (a database to be made later) is passed over.
 */
void core_check_queries(const struct config *config, bool strict, struct diag *diag);

/* trouble.c: appends what does not work, nothing when all is well; arg is the core. */
void core_trouble(void *arg, wall_t now, struct buf *out);

/* restore.c: reads the store back into the rooms. */
int core_restore(struct core *core, struct err *err);
/* restore.c: the key of links in mails, made once for a database. */
void core_keep_link_key(struct core *core);
/* reload.c: swaps in a new generation, or changes nothing and says why in ret_text. */
int core_reload(void *core, struct buf *ret_text);
/* Hands the rooms core->config; also at start. */
int core_apply(struct core *core, struct config *config, struct err *err);
