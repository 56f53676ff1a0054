/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the server: what its files (server.c: connections and daemon,
 * server_call.c: requests and answers, server_params.c: their parameters,
 * server_bounds.c: what unfinished requests may take, listen.c: addresses) know
 * of each other.
 */
#pragma once

#include <sys/socket.h>

#include <microhttpd.h>

#include "base/list.h"
#include "loop/loop.h"
#include "net/server.h"

#define LISTENERS_MAX 8

enum call_state {
	CALL_READING,   /* the body is arriving */
	CALL_HANDLING,  /* inside the handler */
	CALL_SUSPENDED, /* the handler returned without an answer */
	CALL_ANSWERED,
};

struct http_param {
	const char *name, *value;
};

struct http_stream {
	http_fill_fn *fill;
	void (*fini)(void *arg);
	void *arg;
	struct buf ahead; /* filled, not yet taken */
	size_t taken;
	uint64_t sent;
	bool more;
};

struct http_call {
	enum call_state state;
	struct http_server *server;        /* NULL: fake */
	struct MHD_Connection *connection; /* NULL: fake */
	struct link suspended;
	struct link deferred; /* whole, but its turn has not come */
	const char *method;
	const char *path;
	struct buf body;
	size_t body_bytes_max;
	size_t body_announced; /* by Content-Length, within body_bytes_max */
	bool held;      /* suspended before its body, by http_hold() */
	bool was_held;  /* its head will be shown once more */
	bool begun;     /* its head is here */
	bool too_large; /* the body is read and thrown away, then 413 */
	bool no_room;   /* the same, then 503 */
	size_t counted; /* of server->unfinished_bytes */
	size_t discarded;
	struct http_param *params;
	uint32_t n_params;
	size_t params_cap;
	bool params_known;
	bool has_nul; /* somewhere in what was decoded so far */
	char *form; /* the decoded body, when it is a form */
	char peer[64];
	struct actor actor;
	/* the answer */
	struct http_header_line {
		char *name, *value;
	} * headers;
	size_t n_headers, headers_cap;
	int status;
	struct MHD_Response *response; /* real calls */
	uint64_t answer_bytes;              /* of an answer that was whole */
	const struct http_stream *sending;  /* lives as long as response; NULL: it was whole */
	http_call_end_fn *on_end;           /* NULL: nobody watches */
	void *on_end_arg;
	uint32_t on_end_tag;
	mono_t watched_at;
	char *query; /* a copy, or in url; split when it is asked for */
	/* fake calls */
	char *url;
	struct buf answer;
	struct http_stream *stream;
	struct http_header_line *request_headers;
	size_t n_request_headers, request_headers_cap;
};

/* One client, from accept to close. */
struct http_connection {
	struct link link; /* in server->connections */
	struct MHD_Connection *connection;
	struct tls_identity *identity; /* NULL: plain HTTP */
	struct http_call *call; /* NULL: the next request's first line is not here */
	mono_t since;           /* accepted, answered, or its request's head came */
	bool served;            /* has had an answer */
	bool dropped;           /* too slow: its socket is shut */
};

struct listener {
	struct watch watch;
	struct http_server *server;
};

struct http_server {
	/* immutable after _new */
	struct loop *loop;
	http_handler_fn *handler;
	void *arg;
	struct http_gate gate;
	struct http_limits limits;
	uint16_t port;
	/* loop thread */
	struct MHD_Daemon *daemon;
	struct watch watch; /* the daemon's epoll descriptor */
	struct timer timer; /* the daemon's own timeouts */
	struct timer accept_again;
	struct timer slow; /* the next look at who is too slow */
	struct link connections;
	size_t unfinished_bytes; /* of bodies that are arriving */
	struct listener listeners[LISTENERS_MAX];
	uint32_t n_listeners;
	struct link suspended;
	struct link deferred; /* calls that wait for their handler */
	mono_t handled_until; /* this turn's handlers may begin until then */
	bool closing; /* every request is refused: none may wait any more */
};

/* listen.c: opens up to max sockets; their number, or -ERR_*. */
int listen_open(const char *address, int *ret_fds, uint32_t max,
    uint16_t *ret_port, struct err *err);

/* server_call.c */
struct http_call *call_new(struct http_server *server,
    struct MHD_Connection *connection, const char *path, const char *method);
void call_free(struct http_call *call);
bool call_length_is_ambiguous(const struct http_call *call);

/* server_params.c: "%41" to "A", in place; notes a NUL. */
void call_unescape(struct http_call *call, char *text, bool plus_is_space);

/* server_bounds.c */
struct http_limits limits_with_defaults(const struct http_limits *limits);
struct http_connection *connection_of(struct MHD_Connection *connection);
void connection_began(struct http_server *server,
    struct MHD_Connection *connection, struct http_connection *client);
/* How many clients there are at this address, whatever their port. */
uint32_t connections_from(const struct http_server *server, const struct sockaddr_storage *address);
/* A turn of handlers begins. */
void turn_begin(struct http_server *server);
void connection_ended(struct http_connection *client);
/* What it is to do next has its time from now on. */
void connection_turns_to(
    struct http_server *server, struct http_connection *client);
void slow_check(void *server);
/* May n more bytes of the call's body be kept?  Then they are counted. */
bool unfinished_add(
    struct http_server *server, struct http_call *call, size_t n);
void unfinished_end(struct http_call *call);
/* Would a body of n bytes find room now? */
bool unfinished_room(const struct http_server *server, size_t n);

/* Has this turn been long enough for this call to wait for the next one? */
bool turn_is_over(
    const struct http_server *server, const struct http_call *call);

/* server.c */
void server_resume(struct http_call *call);
