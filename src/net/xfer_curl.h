/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the libcurl transport: what its files (xfer_curl.c: handles and
 * answers, xfer_sockets.c: file descriptors and time, xfer_smtp.c: mail)
 * know of each other.
 */
#pragma once

#include <arpa/inet.h>

#include "base/map.h"
#include "loop/worker.h"
#include "net/easy.h"
#include "net/xfer_impl.h"

/*
 * The file descriptors curl works with, indexed by number.  When curl has no
 * use for one of its own sockets between two requests, the socket stays in
 * epoll ("parked"): the next request on that connection then costs no
 * epoll_ctl.  A parked socket that stirs was closed by the server and leaves
 * epoll.
 */
struct socket_slot {
	struct watch watch;
	struct sockets *sockets;
	bool is_ours; /* opened by us, so that we hear of its end and may park
			 it */
	bool is_parked;
};

struct transfer;
struct sockets {
	struct loop *loop;
	CURLM *multi;
	struct socket_slot **slots;
	size_t n;
	struct timer timer;
	/* after curl was told of something: collect what has ended */
	void (*acted)(void *arg);
	void *arg;
};

void sockets_init(struct sockets *sockets, struct loop *loop, CURLM *multi,
    void (*acted)(void *arg), void *arg);
void sockets_fini(struct sockets *sockets); /* after the multi handle is gone */
void sockets_attach(struct transfer *transfer);

/* Handles that need no other options than their next URL and body. */
struct handle_pool {
	struct link by_use; /* least recently used first */
	struct link idle;
	uint64_t hash;
	char *key;
	size_t key_bytes;
	uint32_t n_handles; /* idle or in use */
};

/* One easy handle and what surrounds it while a request uses it. */
struct transfer {
	CURL *easy;
	struct link link; /* pool->idle */
	struct handle_pool *pool;
	struct curl_transport *transport;
	struct xfer_request *request;
	struct buf body;
	size_t body_max;
	bool too_large;
	char out_of_reach[INET6_ADDRSTRLEN]; /* an address it was kept from; "": none */
	bool head_ended; /* the blank line after the header has come */
	/* set on the handle now */
	struct buf header_text;
	struct curl_slist *headers;
	struct curl_slist *route;
	struct curl_slist *proxy_headers; /* as long as the handle */
	int64_t timeout_ms;
	char error[CURL_ERROR_SIZE];
};

struct curl_transport {
	struct xfer *xfer;
	CURLM *multi;
	struct sockets sockets;
	struct map pools;
	struct link pools_by_use;
	uint32_t n_pools;
	uint32_t n_idle;
	uint32_t idle_max;
	struct easy_plan plan; /* scratch of start */
	char *user_agent;
	struct worker_pool *mailers; /* made with the first mail */
};

/* xfer_curl.c */
/* For messages; address: of IPv4 or IPv6. */
void address_text(const struct curl_sockaddr *address, char out[INET6_ADDRSTRLEN]);
void say_out_of_reach(const char *address, struct xfer_response *response);

/* xfer_smtp.c */
void mail_start(struct curl_transport *transport, struct xfer_request *request);
/* done() will not run for it any more; true: the mail may have gone out. */
bool mail_abort(struct xfer_request *request);
