/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remote write: the queue, one request after the other, and the encoding.
 *
 * The queue is a list of parts, one for each write: a request carries as many
 * from its front as fit, and a refused request is sent again part by part.
 * Invariant: parts are in `sending` exactly while a request is under way or
 * waits to be repeated.
 */
#include "config.h"

#include "source/remote_write.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "loop/loop.h"
#include "net/xfer.h"
#include "source/snappy.h"

/* "0x7ff0000000000002", and Go's own NaN for every other one */
#define STALE_NAN_BITS   UINT64_C(0x7ff0000000000002)
#define NORMAL_NAN_BITS  UINT64_C(0x7ff8000000000001)

#define ANSWER_BYTES_MAX (64u << 10)
#define REASON_BYTES_MAX 160

struct part {
	struct link link;
	struct link waiting; /* of struct source_write: who put it, unless it does not wait */
	struct buf bytes;
	uint32_t n_samples;
	bool alone; /* was refused together with others */
};

struct remote_write {
	struct remote_write_options options;
	struct xfer_lane lane;
	struct xfer_request *request;
	struct link queue, sending;
	size_t queue_bytes;
	uint32_t queue_samples;
	struct timer retry;
	dur_t delay; /* before the next retry */
	bool busy, failing, stopped;
	char reason[256]; /* while failing */
};

/* --- encoding ---------------------------------------------------------- */

static uint32_t
varint_bytes(uint64_t v)
{
	uint32_t n = 1;

	while (v >= 0x80) {
		v >>= 7;
		n++;
	}
	return n;
}

static void
put_varint(struct buf *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_putc(out, (char)(v | 0x80));
	buf_putc(out, (char)v);
}

static void
put_text(struct buf *out, char tag, const struct istr *text)
{
	buf_putc(out, tag);
	put_varint(out, text->n);
	buf_put(out, text->p, text->n);
}

static uint32_t
label_bytes(const struct label *label)
{
	return 2 + varint_bytes(label->name->n) + label->name->n + varint_bytes(label->value->n) +
	       label->value->n;
}

static uint64_t
value_bits(const struct write_sample *sample)
{
	uint64_t bits;

	if (sample->stale)
		return STALE_NAN_BITS;
	if (sample->value != sample->value)
		return NORMAL_NAN_BITS;
	memcpy(&bits, &sample->value, sizeof(bits));
	return bits;
}

/* "timeseries = 1 { labels = 1 { name = 1, value = 2 }, samples = 2 { value = 1, timestamp = 2 } }"
 */
void
remote_write_encode(const struct write_sample *sample, struct buf *out)
{
	const struct labels *labels = sample->labels;
	uint64_t ms = (uint64_t)(sample->at.ns / 1000000);
	uint32_t sample_bytes = 1 + 8 + 1 + varint_bytes(ms);
	uint32_t bytes = 2 + sample_bytes;

	for (uint32_t i = 0; i < labels->n; i++) {
		uint32_t n = label_bytes(&labels->l[i]);

		bytes += 1 + varint_bytes(n) + n;
	}
	buf_putc(out, 0x0a);
	put_varint(out, bytes);
	for (uint32_t i = 0; i < labels->n; i++) {
		buf_putc(out, 0x0a);
		put_varint(out, label_bytes(&labels->l[i]));
		put_text(out, 0x0a, labels->l[i].name);
		put_text(out, 0x12, labels->l[i].value);
	}
	buf_putc(out, 0x12);
	put_varint(out, sample_bytes);
	buf_putc(out, 0x09);
	buf_put_u64le(out, value_bits(sample));
	buf_putc(out, 0x10);
	put_varint(out, ms);
}

/* --- parts ------------------------------------------------------------- */

static struct part *
first(const struct link *list)
{
	return list_empty(list) ? NULL : CONTAINER_OF(list->next, struct part, link);
}

static void
notify(struct part *part, const struct err *err)
{
	while (!list_empty(&part->waiting)) {
		struct source_write *write =
		    CONTAINER_OF(part->waiting.next, struct source_write, link);

		list_remove(&write->link);
		write->done(write, err);
	}
}

static void
part_free(struct part *part)
{
	buf_fini(&part->bytes);
	free(part);
}

static void
enqueue(struct remote_write *rw, struct part *part)
{
	list_append(&rw->queue, &part->link);
	rw->queue_bytes += part->bytes.n;
	rw->queue_samples += part->n_samples;
	rw->options.stats->pending = rw->queue_samples;
}

static void
dequeue(struct remote_write *rw, struct part *part)
{
	list_remove(&part->link);
	rw->queue_bytes -= part->bytes.n;
	rw->queue_samples -= part->n_samples;
	rw->options.stats->pending = rw->queue_samples;
}

/* Its samples are lost; who waits is told why. */
static void
drop(struct remote_write *rw, struct part *part, const struct err *err)
{
	rw->options.stats->dropped += part->n_samples;
	notify(part, err);
	part_free(part);
}

static void
make_room(struct remote_write *rw)
{
	struct err err;

	while (rw->queue_bytes > REMOTE_WRITE_QUEUE_BYTES_MAX) {
		struct part *part = first(&rw->queue);

		err_set(&err, ERR_LIMIT, "remote write: the queue is full (%u bytes)",
		    REMOTE_WRITE_QUEUE_BYTES_MAX);
		log_warn("source", "remote write queue full, oldest samples dropped",
		    LOG_Z("source", rw->options.source), LOG_INT("samples", part->n_samples));
		dequeue(rw, part);
		drop(rw, part, &err);
	}
}

/* --- one request ------------------------------------------------------- */

static xfer_done_fn on_done;

static void
submit(struct remote_write *rw)
{
	static const struct http_header headers[] = {
		{ .name = "Content-Encoding", .value = "snappy" },
		{ .name = "X-Prometheus-Remote-Write-Version", .value = "0.1.0" },
	};
	struct xfer_request *request = rw->request;
	struct buf plain = { 0 };

	LIST_FOREACH(link, &rw->sending)
	buf_put_str(&plain, buf_str(&CONTAINER_OF(link, struct part, link)->bytes));
	buf_clear(&request->url);
	buf_puts(&request->url, rw->options.url);
	buf_clear(&request->body);
	snappy_compress(buf_str(&plain), &request->body);
	buf_fini(&plain);
	request->method = "POST";
	request->content_type = "application/x-protobuf";
	request->headers = headers;
	request->n_headers = ARRAY_LEN(headers);
	request->http = rw->options.http;
	request->timeout = rw->options.timeout;
	request->response_bytes_max = ANSWER_BYTES_MAX;
	rw->busy = true;
	rw->options.stats->requests++;
	(*rw->options.in_flight)++;
	xfer_submit(rw->options.xfer, &rw->lane, request, on_done, rw);
}

/* Sends what waits, unless something is being sent. */
static void
kick(struct remote_write *rw)
{
	size_t bytes = 0;
	struct part *part;

	if (rw->stopped || !list_empty(&rw->sending))
		return;
	while ((part = first(&rw->queue)) != NULL) {
		if (bytes > 0 &&
		    (part->alone || bytes + part->bytes.n > REMOTE_WRITE_REQUEST_BYTES))
			break;
		dequeue(rw, part);
		list_append(&rw->sending, &part->link);
		bytes += part->bytes.n;
		if (part->alone)
			break;
	}
	if (bytes > 0)
		submit(rw);
}

static void
on_retry(void *arg)
{
	submit(arg);
}

static void
move(struct link *from, struct link *to)
{
	while (!list_empty(from)) {
		struct link *link = from->next;

		list_remove(link);
		list_append(to, link);
	}
}

static void
delivered(struct remote_write *rw)
{
	struct link done;
	struct part *part;

	list_init(&done);
	move(&rw->sending, &done);
	if (rw->failing)
		log_info("source", "remote write works again", LOG_Z("source", rw->options.source));
	rw->failing = false;
	rw->delay = REMOTE_WRITE_RETRY_FIRST;
	while ((part = first(&done)) != NULL) {
		list_remove(&part->link);
		rw->options.stats->samples += part->n_samples;
		notify(part, NULL);
		part_free(part);
	}
}

/* "5xx and 429: MUST/MAY retry, with backoff" */
static void
postpone(struct remote_write *rw, const struct err *err, dur_t wait)
{
	struct loop *loop = rw->options.loop;

	if (!rw->failing)
		log_warn("source", "remote write failed, samples wait",
		    LOG_Z("source", rw->options.source), LOG_Z("error", err->text));
	rw->failing = true;
	snprintf(rw->reason, sizeof(rw->reason), "%s", err->text);
	loop_timer_set(loop, &rw->retry,
	    mono_add(loop_mono(loop), dur_less(rw->delay, wait) ? wait : rw->delay));
	rw->delay.ns = rw->delay.ns * 2 < REMOTE_WRITE_RETRY_MAX.ns ? rw->delay.ns * 2
								    : REMOTE_WRITE_RETRY_MAX.ns;
	LIST_FOREACH_SAFE(link, next, &rw->sending)
	notify(CONTAINER_OF(link, struct part, link), err);
}

/* The server refuses the whole request, although only one part may be at fault. */
static void
refused(struct remote_write *rw, const struct err *err)
{
	struct part *part = first(&rw->sending);
	struct link queue;

	rw->failing = false;
	rw->delay = REMOTE_WRITE_RETRY_FIRST;
	if (part != NULL && part->link.next == &rw->sending) {
		log_warn("source", "remote write refused, samples dropped",
		    LOG_Z("source", rw->options.source), LOG_INT("samples", part->n_samples),
		    LOG_Z("error", err->text));
		list_remove(&part->link);
		drop(rw, part, err);
		return;
	}
	list_init(&queue);
	move(&rw->queue, &queue);
	while ((part = first(&rw->sending)) != NULL) {
		list_remove(&part->link);
		part->alone = true;
		enqueue(rw, part);
	}
	move(&queue, &rw->queue);
}

static void
describe(const struct xfer_response *response, struct err *err)
{
	struct str body = str_head(str_trim(response->body), REASON_BYTES_MAX);

	if (response->failure != ERR_NONE)
		err_set(err, response->failure, "remote write: %s", response->failure_text);
	else
		err_set(err, ERR_REMOTE, "remote write: status %d%s%.*s", response->status,
		    body.n > 0 ? ": " : "", STR_ARG(body));
}

static void
on_done(struct xfer_request *request UNUSED, const struct xfer_response *response, void *arg)
{
	struct remote_write *rw = arg;
	bool answered = response->failure == ERR_NONE;
	struct err err;

	rw->busy = false;
	(*rw->options.in_flight)--;
	if (answered && response->status >= 200 && response->status < 300) {
		delivered(rw);
		kick(rw);
		return;
	}
	if (rw->stopped)
		return;
	rw->options.stats->failures++;
	describe(response, &err);
	if (!answered || response->status >= 500 || response->status == 429 ||
	    response->status == 408) {
		postpone(
		    rw, &err, response->has_retry_after ? response->retry_after : (dur_t){ 0 });
		return;
	}
	refused(rw, &err);
	kick(rw);
}

/* --- the outside -------------------------------------------------------- */

int
remote_write_put(struct remote_write *rw, const struct write_sample *samples, uint32_t n,
    struct source_write *write, struct err *err)
{
	struct part *part = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (part == NULL || part->bytes.n > REMOTE_WRITE_REQUEST_BYTES) {
			if (part != NULL)
				enqueue(rw, part);
			part = xcalloc(1, sizeof(*part));
			list_init(&part->waiting);
		}
		remote_write_encode(&samples[i], &part->bytes);
		part->n_samples++;
	}
	if (part == NULL)
		return 0;
	enqueue(rw, part);
	if (rw->failing || rw->stopped) {
		make_room(rw);
		return err_set(
		    err, ERR_BUSY, "%s", rw->stopped ? "remote write: stopped" : rw->reason);
	}
	if (write != NULL)
		list_append(&part->waiting, &write->link);
	kick(rw);
	make_room(rw);
	return write != NULL;
}

void
remote_write_adopt(struct remote_write *rw, struct remote_write *old)
{
	struct part *part;

	old->stopped = true;
	loop_timer_stop(old->options.loop, &old->retry);
	/* What is under way ends in old, told to nobody; what waits to be repeated goes first. */
	while (!old->busy && (part = first(&old->sending)) != NULL) {
		list_remove(&part->link);
		enqueue(rw, part);
	}
	while ((part = first(&old->queue)) != NULL) {
		dequeue(old, part);
		enqueue(rw, part);
	}
	kick(rw);
}

void
remote_write_stop(struct remote_write *rw)
{
	rw->stopped = true;
	loop_timer_stop(rw->options.loop, &rw->retry);
	if (rw->busy)
		xfer_cancel(rw->options.xfer, rw->request);
}

struct remote_write *
remote_write_new(const struct remote_write_options *options)
{
	struct remote_write *rw = xcalloc(1, sizeof(*rw));

	rw->options = *options;
	xfer_lane_init(&rw->lane, 1);
	rw->request = xfer_request_new(XFER_HTTP);
	list_init(&rw->queue);
	list_init(&rw->sending);
	timer_init(&rw->retry, on_retry, rw);
	rw->delay = REMOTE_WRITE_RETRY_FIRST;
	return rw;
}

void
remote_write_free(struct remote_write *rw)
{
	uint32_t lost = 0;
	struct part *part;

	if (rw == NULL)
		return;
	loop_timer_stop(rw->options.loop, &rw->retry);
	move(&rw->queue, &rw->sending);
	while ((part = first(&rw->sending)) != NULL) {
		lost += part->n_samples;
		list_remove(&part->link);
		part_free(part);
	}
	if (lost > 0)
		log_warn("source", "samples not written before the end",
		    LOG_Z("source", rw->options.source), LOG_INT("samples", lost));
	xfer_request_free(rw->request);
	free(rw);
}
