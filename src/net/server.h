/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server: libmicrohttpd in external epoll mode inside the loop.
 *
 * The handler runs on the loop thread once the whole request body is here.
 * It answers now (http_reply*) or later: when it returns without having
 * answered, the connection is suspended until somebody calls http_reply*().
 * A call lives until it has been answered or the server is freed; if the
 * client goes away earlier, the answer is dropped silently.
 *
 * A burst of requests does not hold up the loop: handlers begin for some
 * milliseconds in a turn, the others' turns come later, at least one in each.
 * Paths that begin with "/-/", the questions of supervisors, never wait.
 *
 * Limits (struct http_limits) answer 408, 413, 431, 503 by themselves, as JSON.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"
#include "net/actor.h"

struct loop;
struct http_server;
struct http_call;

typedef void http_handler_fn(void *arg, struct http_call *call);

struct http_limits {
	uint32_t body_bytes_max;    /* 0: 32 MiB */
	uint32_t connections_max;   /* 0: 512 */
	uint32_t per_address_max;   /* 0: three quarters of connections_max */
	uint32_t header_bytes_max;  /* 0: 32 KiB */
	dur_t idle_timeout;         /* 0: 60 s */
	dur_t request_timeout;      /* 0: 30 s; for a head, and for a body on top of body_rate_min */
	uint32_t body_rate_min;     /* 0: 10 KiB; bytes in a second */
	size_t unfinished_bytes_max; /* 0: 256 MiB; of all bodies that are arriving */
};

/* address: "host:port", ":port", "[v6]:port"; port 0 picks a free one. Every address the host name gives is bound. */
/* 0, or an error if no server could ever listen on this: no port, a port that is no number. Resolves nothing. */
int http_server_address_check(const char *address, struct err *err);
struct http_server *http_server_new(struct loop *loop, const char *address, const struct http_limits *limits,
    http_handler_fn *handler, void *arg, struct err *err);
/*
 * What stands before the handler.  admit() runs when a request's head is here
 * and before its body: it returns (let in), replies (refused, the body is not
 * kept), or calls http_hold(): nothing more is read until http_release() or a
 * reply.  The gate's content outlives the server.
 */
struct tls_server;
struct http_gate {
	http_handler_fn *admit; /* NULL: everybody is let in */
	void *arg;
	struct tls_server *tls; /* NULL: plain HTTP */
};
struct http_server *http_server_new_gated(struct loop *loop, const char *address, const struct http_limits *limits,
    const struct http_gate *gate, http_handler_fn *handler, void *arg, struct err *err);
void http_hold(struct http_call *call);
void http_release(struct http_call *call);
void http_server_free(struct http_server *server);
/* Stops accepting; calls under way go on. */
void http_server_quiesce(struct http_server *server);
uint16_t http_server_port(const struct http_server *server);
uint32_t http_server_connections(const struct http_server *server);

/* --- the request: valid until answered --------------------------------- */
const char *http_method(const struct http_call *call);
const char *http_path(const struct http_call *call); /* decoded, without the query */
struct str http_body(const struct http_call *call);
const char *http_header_value(const struct http_call *call, const char *name); /* NULL: absent */
/*
 * Query parameters, decoded; repeated ones by index.  NULL: no such.  "x" and
 * "x=" give "".  Those of a body of type application/x-www-form-urlencoded
 * come first.
 */
const char *http_param(const struct http_call *call, const char *name, uint32_t index);
/* Walks all of them: false at the end. */
bool http_param_at(const struct http_call *call, uint32_t i, const char **ret_name, const char **ret_value);
/* A NUL (%00) in the path or a parameter: what follows it is not seen there. */
bool http_has_nul(const struct http_call *call);
const char *http_peer(const struct http_call *call); /* "127.0.0.1" */
void http_set_peer(struct http_call *call, const char *address); /* the gate's, behind a proxy */
/* The last header of this name: what the nearest proxy has added. NULL: absent. */
const char *http_header_last(const struct http_call *call, const char *name);
/* Who asks, as the gate found; without a gate, and in fakes, an admin without a name. */
const struct actor *http_actor(const struct http_call *call);
void http_set_actor(struct http_call *call, const struct actor *actor); /* the gate's, and tests' */

/* --- the answer: exactly one of these per call -------------------------- */
void http_add_header(struct http_call *call, const char *name, const char *value); /* before replying; copied */
/* Takes the content of body (may be NULL or empty); content_type is static or NULL. */
void http_reply(struct http_call *call, int status, const char *content_type, struct buf *body);
void http_reply_text(struct http_call *call, int status, const char *content_type, const char *text);
void http_reply_error(struct http_call *call, int status, const char *text); /* {"error":text}, as the limits answer */
/*
 * A long answer in pieces: fill() appends about `want` bytes to out and
 * returns true while there is more.  Called on the loop thread whenever the
 * connection can take more; fini() once at the end or when the client left.
 */
typedef bool http_fill_fn(void *arg, struct buf *out, size_t want);
void http_reply_stream(struct http_call *call, int status, const char *content_type, http_fill_fn *fill, void (*fini)(void *arg), void *arg);
/* For statistics: told once when the answer has been sent or the client has left; not for fakes. */
struct http_call_end {
	uint32_t tag; /* the watcher's */
	uint64_t bytes; /* of the answer's body */
	dur_t took;     /* since it was watched */
};
typedef void http_call_end_fn(void *arg, const struct http_call_end *end);
void http_call_watch(struct http_call *call, http_call_end_fn *fn, void *arg, uint32_t tag);
/* Tests: a call without a connection; what was replied is kept for reading. */
struct http_call *http_call_fake(const char *method, const char *path_and_query, struct str body);
void http_call_fake_header(struct http_call *call, const char *name, const char *value); /* of the request */
int http_call_status(const struct http_call *call);        /* 0: not answered yet */
struct str http_call_answer(struct http_call *call);       /* streams are drained first */
const char *http_call_answer_header(const struct http_call *call, const char *name); /* NULL: absent */
void http_call_fake_free(struct http_call *call);
