/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP surface: (state, request) -> answer.
 *
 * One table of endpoints (endpoint.h) serves dispatch, 404 and 405, the check
 * of roles and the OpenAPI document.  Handlers run on the loop thread; one that changes something
 * answers after the store's commit.  Every error is JSON and names what was
 * wrong.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "config/config.h"
#include "net/server.h"
#include "notify/notify.h"
#include "oncall/incidents.h"
#include "oncall/receipts.h"
#include "route/alerts.h"
#include "route/groups.h"
#include "route/inhibit.h"
#include "route/silences.h"
#include "rule/engine.h"
#include "store/store.h"

/* What an operator may bound beyond what is bounded anyway; 0: it is not. */
struct api_limits {
	uint32_t silences;        /* stored ones, the expired too */
	uint32_t silence_bytes;   /* of matchers, comment and author */
	uint32_t alerts_per_name; /* that fire, of one alertname */
	uint32_t gets;            /* lists of alerts being sent */
};

/* What handlers may see. Pointers are kept current by the daemon; config and inhibitor change on reload. */
struct api_state {
	struct loop *loop;
	struct config *config;
	struct store *store;
	struct alerts *alerts;
	struct silences *silences;
	struct groups *groups;
	struct inhibitor *inhibitor;
	struct notifier *notifier;
	struct checkins *checkins;
	struct pings *pings;
	struct incidents *incidents;
	struct overrides *overrides;
	struct str link_key;       /* of links in mails: receiver/ack_link.h */
	struct receipts *receipts; /* callbacks and links that have been used */
	struct engine *engine;
	struct xfer *xfer;
	struct http_server *server;
	const struct guard *guard;      /* NULL: everybody is let in */
	wall_t started_at;
	struct api_limits limits;
	const char *external_url;
	const char *route_prefix;  /* "/prefix" of every path here; "" or NULL: none */
	bool ready;                /* state restored, groups started */
	uint64_t reloads_failed, reloads;
	uint64_t silences_gcs;     /* and what they took */
	double silences_gc_seconds;
	wall_t last_reload_at;
	bool last_reload_ok;
	/* Reloads; 0, or the findings as text in ret_text. */
	int (*reload)(void *arg, struct buf *ret_text);
	void *reload_arg;
};

struct api;
struct api *api_new(struct api_state *state); /* state outlives it */
void api_free(struct api *api);
/* Which role a request needs, from its head alone; arg is the struct api. */
enum role api_role_needed(void *api, const struct http_call *call);
/* The OpenAPI document of everything here, as JSON. */
void api_put_openapi(struct buf *out);
/* An http_handler_fn; arg is the struct api. */
void api_handle(void *arg, struct http_call *call);
