/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every source asked over HTTP shares: the life of a call, its limits,
 * and what an answer that is none is called.  A backend only builds the
 * request and reads the body.
 */
#pragma once

#include "base/json.h"
#include "loop/loop.h"
#include "net/xfer.h"
#include "source/rows.h"

struct http_source;

/* One query under way. */
struct http_call {
	struct http_source *source;
	struct source_query *query;
	struct xfer_request *request;
	struct http_header *headers; /* malloc; values from `texts` */
	size_t n_headers;
	struct buf texts[2]; /* secrets of headers */
	struct err err;      /* it could not be built */
	/* of a backend that asks more than once */
	struct buf token; /* the backend's, kept between its requests */
	void *state;      /* the same, of any kind */
	void (*state_free)(void *state);
	uint32_t asked;   /* answers so far */
	struct timer timer;
	mono_t deadline;
	bool waiting, cancelled;
	struct http_reading *reading; /* on a worker; NULL: it is not */
};

struct http_backend {
	const struct source_ops *ops;
	/* Fills url, method, body, content_type, headers of call->request; negative: it cannot be sent. */
	int (*build)(const struct http_source *source, struct http_call *call, struct err *err);
	/* body: of an answer with status 2xx, or any when all_statuses; complete. Nothing may point into it. */
	int (*decode)(const struct http_source *source, struct str body, int status,
	    const struct source_query *query, struct rows *rows, struct err *err);
	/* 0: body is the answer; 1: call->request was refilled and goes out after *ret_delay. May be NULL. */
	int (*more)(const struct http_source *source, struct http_call *call, struct str body, dur_t *ret_delay,
	    struct err *err);
	/* Instead of decode(): the rows of all answers, which more() has seen, finished. May be NULL. */
	int (*collect)(struct http_call *call, struct rows *rows, struct err *err);
	bool selects;      /* its queries end in {matchers} over the answer's labels */
	bool all_statuses; /* error answers have a text that decode() finds */
};

struct http_source {
	struct source source;
	const struct http_backend *backend;
	const struct http_options *http;
	struct loop *loop;
	struct xfer *xfer;
	struct xfer_lane lane;
	struct worker_pool *workers; /* NULL: answers are read on the loop */
};

struct source *http_source_open(const struct http_backend *backend, const struct http_options *http,
    const struct source_config *config, struct loop *loop, struct xfer *xfer);
/*
 * Large answers are read on a worker from now on: decode() of the backend needs nothing but its
 * arguments and the source's settings.  Gives the source back.
 */
struct source *http_source_read_on(struct source *source, struct worker_pool *workers);
void http_source_close(struct source *source);
void http_source_query(struct source *source, struct source_query *query);
void http_source_cancel(struct source *source, struct source_query *query);

/* "Name: value of the secret" for this call; the secret is read now. At most two. */
int http_call_secret(struct http_call *call, const char *name, const char *prefix,
    const struct secret *secret, struct err *err);
void http_call_header(struct http_call *call, const char *name, const char *value);

/* The URL and a path with exactly one slash between them. */
void put_url(struct buf *out, const char *base, const char *path);
/* "&name=value" or "?name=value" */
void put_url_param(struct buf *out, const char *name, struct str value);
void put_url_params(struct buf *out, const struct string_map *params);
/* An answer with another status than 2xx, in one line. */
int http_refused(int status, struct str body, struct err *err);
/* The whole text is one JSON value. */
int json_whole(struct str body, struct err *err);
/* The next value as a cell; the reader must stand before one. */
bool json_read_cell(struct json_reader *r, struct arena *arena, struct cell *ret);
/* A span as a cell. */
void json_cell(struct str span, struct arena *arena, struct cell *ret);
/* The first n printable bytes of text, in the arena. */
const char *text_head(struct arena *arena, struct str text);
