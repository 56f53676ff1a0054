/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files that ask Prometheus: the source (prometheus.c), its
 * requests (prometheus_request.c) and answers in pieces (prometheus_range.c).
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "loop/worker.h"
#include "net/xfer.h"
#include "source/rows.h"
#include "source/source.h"

struct prometheus_settings {
	const char *url;
	const struct http_options *http;
	struct string_map params;
	const char *remote_write_url;
	dur_t remote_write_timeout;
	bool remote_write_alerts;
	int language;
	struct pos pos;
};

struct call {
	struct prometheus *prometheus;
	struct source_query *query;
	struct xfer_request *request;
	struct call *next;   /* free list */
	struct range *range; /* NULL: an instant answer without fields */
};

/* An answer of several requests, or one that is read off the loop. */
struct range {
	struct job job;
	struct call *call;
	struct rows rows;
	bool windowed; /* query_range; else the instant endpoint */
	dur_t step;
	wall_t next; /* where the next request begins */
	wall_t end;  /* of the one under way */
	char *body;  /* a copy for the worker */
	uint32_t body_n;
	int status;
	bool reading, cancelled;
	dur_t took;
	int code;
	struct err err;
};

struct prometheus {
	struct source source;
	struct xfer *xfer;
	struct worker_pool *workers;
	struct xfer_lane lane;
	struct buf endpoint; /* URL of the instant query */
	struct buf params;   /* what every query gets: timeout and the user's own;
				begins with & */
	struct call *idle;
	uint32_t n_idle;
	struct remote_write *write; /* NULL: no remote_write_url */
};

/* ---- prometheus_request.c ---- */
/* From the free list, or new. */
struct call *prometheus_call_new(struct prometheus *p);
void prometheus_call_free(struct call *call);
/* Asks for the query's instant, or for the part of its range that is next. */
void prometheus_call_send(struct call *call, xfer_done_fn *done);
/* It came, whatever it says. */
int prometheus_call_check(
    const struct prometheus *p, const struct xfer_response *response, struct err *err);
/* Keeps the call for reuse.  done() may start the next query, or free this source. */
void prometheus_call_end(
    struct call *call, dur_t took, const struct vector *vector, const struct err *err);
/* One request, whose answer is the whole one. */
void prometheus_instant_start(struct call *call);

/* ---- prometheus_range.c ---- */
void prometheus_range_start(struct call *call);
