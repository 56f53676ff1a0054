/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus remote write 1.0: samples on their way to a server.
 *
 * One request is under way at a time, since a series' samples have to arrive
 * in order; what comes meanwhile is gathered and sent together.  A server
 * that cannot (no connection, 5xx, 429) is asked again, later and later; what
 * it refuses (other 4xx) is dropped, but first the writes that shared the
 * request are sent one by one, so that only the bad one is lost.  The queue
 * is in memory and bounded: when it is full the oldest samples go.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "source/source.h"

#define REMOTE_WRITE_QUEUE_BYTES_MAX (64u << 20) /* encoded, before they are packed */
#define REMOTE_WRITE_REQUEST_BYTES   (1u << 20)  /* a request is closed when it has that much */
#define REMOTE_WRITE_RETRY_FIRST     DUR_MS(500)
#define REMOTE_WRITE_RETRY_MAX       DUR_S(30)

struct remote_write;

struct remote_write_options {
	struct loop *loop;
	struct xfer *xfer;
	const char *url;
	const struct http_options *http;
	dur_t timeout;
	const char *source;  /* its name, for the log */
	uint32_t *in_flight; /* counts the request under way */
	struct source_write_stats *stats;
};

struct remote_write *remote_write_new(const struct remote_write_options *options);
/* Drops what is queued, and says so; no request is under way. */
void remote_write_free(struct remote_write *rw); /* accepts NULL */
/* As source_ops.write. */
int remote_write_put(struct remote_write *rw, const struct write_sample *samples, uint32_t n,
    struct source_write *write, struct err *err);
/* What old has not sent yet is rw's from now on; old sends nothing any more. */
void remote_write_adopt(struct remote_write *rw, struct remote_write *old);
/* Cancels what is under way and sends nothing any more. */
void remote_write_stop(struct remote_write *rw);

/* Pure, for tests: one prompb.TimeSeries as a field of a WriteRequest. */
void remote_write_encode(const struct write_sample *sample, struct buf *out);
