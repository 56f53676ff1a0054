/* SPDX-License-Identifier: Apache-2.0 */
/* A server whose handler tells what it was asked, later, or in a stream: by path. */
#pragma once

#include "net_world.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

struct site {
	struct world world;
	struct http_server *server;
	struct http_call *later; /* the call that waits for an answer */
	uint32_t served, streams_ended;
	size_t stream_left;
	uint64_t fills;
};

/* What the handler is made of, for servers that are opened by hand. */
void site_handle(void *arg, struct http_call *call);
bool site_fill(void *arg, struct buf *out, size_t want);
void site_stream_ended(void *arg);

void site_open_at(struct site *site, const char *address, const struct http_limits *limits);
/* On some port of loopback. */
void site_open(struct site *site, const struct http_limits *limits);
void site_close(struct site *site);
uint16_t site_port(const struct site *site);
