/* SPDX-License-Identifier: Apache-2.0 */
/* What is written arrives once, in order, and in the specified shape. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/rng.h"
#include "loop/loop.h"
#include "net/xfer.h"
#include "source/remote_write.h"
#include "source/snappy.h"
#include "unit/source/decode_write.h"
#include "unit/source/test_source.h"

#define START INT64_C(1763621040000000000)

static struct arena *arena;
static struct loop *loop;
static struct xfer *xfer;
static struct source *source;
static struct xfer_response answer;
static dur_t delay;
static const char *poison;     /* requests with this text are refused */
static char requests[16][512]; /* what each carried, decoded */
static wall_t times[16];
static uint32_t n_requests;

/* --- snappy -------------------------------------------------------------- */

static const uint32_t sizes[] = { 0, 1, 3, 4, 59, 60, 61, 255, 256, 257, 65535, 65536, 65537,
	200000 };

static void
round_trip(const char *p, uint32_t n, size_t *ret_packed)
{
	struct buf packed = { 0 }, plain = { 0 };

	snappy_compress(str_make(p, n), &packed);
	unpack(buf_str(&packed), &plain);
	ck_assert_uint_eq(plain.n, n);
	ck_assert(n == 0 || memcmp(plain.p, p, n) == 0);
	*ret_packed = packed.n;
	buf_fini(&packed);
	buf_fini(&plain);
}

START_TEST(packing_loses_nothing)
{
	uint32_t n = sizes[_i];
	char *text = malloc((size_t)n + 1);
	struct rng rng;
	size_t packed;

	rng_init(&rng, 7 + (uint64_t)_i);
	for (uint32_t i = 0; i < n; i++)
		text[i] = (char)rng_next(&rng);
	round_trip(text, n, &packed);
	ck_assert_uint_le(packed, n + n / 1000 + 16);
	for (uint32_t i = 0; i < n; i++)
		text[i] = "{__name__=\"up\", job=\"node\"}"[i % 27];
	round_trip(text, n, &packed);
	ck_assert_msg(n < 1000 || packed < n / 10, "%zu of %u bytes", packed, n);
	for (uint32_t i = 0; i < n; i++)
		text[i] = (char)('a' + rng_next(&rng) % 3);
	round_trip(text, n, &packed);
	free(text);
}
END_TEST

/* --- requests -------------------------------------------------------------- */

static dur_t
reply(void *arg UNUSED, const struct xfer_request *request, struct xfer_response *response)
{
	struct buf text = { 0 };

	ck_assert_uint_lt(n_requests, ARRAY_LEN(requests));
	ck_assert_str_eq(request->method, "POST");
	ck_assert_str_eq(request->url.p, "http://prom:9090/api/v1/write");
	ck_assert_str_eq(request->content_type, "application/x-protobuf");
	ck_assert_uint_eq(request->n_headers, 2);
	ck_assert_str_eq(request->headers[0].name, "Content-Encoding");
	ck_assert_str_eq(request->headers[0].value, "snappy");
	ck_assert_str_eq(request->headers[1].name, "X-Prometheus-Remote-Write-Version");
	ck_assert_str_eq(request->headers[1].value, "0.1.0");
	ck_assert_int_eq(request->timeout.ns, DUR_S(7).ns);
	decode_write(buf_str(&request->body), &text);
	snprintf(requests[n_requests], sizeof(requests[0]), "%s", text.p);
	times[n_requests++] = loop_now(loop);
	*response = answer;
	if (poison != NULL && strstr(text.p, poison) != NULL) {
		response->status = 400;
		response->body = STR("out of order sample\n");
	}
	buf_fini(&text);
	return delay;
}

static struct source *
open_source(void)
{
	struct source_config *config = source_config_from(arena, "prometheus", "/",
	    "url: http://prom:9090\nremote_write_url: http://prom:9090/api/v1/write\n"
	    "remote_write_timeout: 7s\n");

	return source_ops_of(config->kind)->open(config, loop, xfer, NULL, NULL);
}

static void
set_up(void)
{
	arena = arena_new(0);
	loop = loop_new_virtual((wall_t){ START });
	xfer = xfer_new_scripted(loop, reply, NULL);
	delay = DUR_MS(5);
	answer = (struct xfer_response){ .status = 204, .body = STR("") };
	poison = NULL;
	n_requests = 0;
	source = open_source();
}

static void
tear_down(void)
{
	source->ops->close(source);
	xfer_free(xfer);
	loop_free(loop);
	arena_free(arena);
	ck_assert_uint_eq(labels_live(), 0);
}

struct told {
	struct source_write write;
	uint32_t calls;
	char error[256];
};

static void
on_written(struct source_write *write, const struct err *err)
{
	struct told *told = CONTAINER_OF(write, struct told, write);

	told->calls++;
	snprintf(told->error, sizeof(told->error), "%s", err != NULL ? err->text : "");
}

/* One series {__name__=name}; who may be NULL. */
static int
put(struct told *who, const char *name, double value, bool stale, struct err *err)
{
	struct write_sample sample = { .value = value, .stale = stale, .at = loop_now(loop) };
	struct labels_builder b;
	struct labels *labels;
	int code;

	labels_builder_init(&b, arena);
	labels_builder_set(&b, STR("job"), STR("a"));
	labels_builder_set(&b, STR("__name__"), str_from(name));
	labels = labels_intern(&b, NULL);
	sample.labels = labels;
	if (who != NULL)
		who->write.done = on_written;
	code = source->ops->write(source, &sample, 1, who != NULL ? &who->write : NULL, err);
	labels_unref(labels);
	return code;
}

START_TEST(a_sample_has_the_specified_bytes)
{
	static const char label[] = "\x0a\x0e\x0a\x08__name__\x12\x02up";
	struct labels_builder b;
	struct labels *labels;
	struct buf out = { 0 };

	labels_builder_init(&b, arena);
	labels_builder_set(&b, STR("__name__"), STR("up"));
	labels = labels_intern(&b, NULL);
	remote_write_encode(
	    &(struct write_sample){ .labels = labels, .value = 1, .at = { 300 * 1000000 } }, &out);
	ck_assert_uint_eq(out.n, 2 + 16 + 14);
	ck_assert_mem_eq(out.p + 2, label, 16);
	ck_assert_mem_eq(out.p + 18, "\x12\x0c\x09\0\0\0\0\0\0\xf0\x3f\x10\xac\x02", 14);
	ck_assert_int_eq(out.p[1], 30);
	buf_fini(&out);
	labels_unref(labels);
}
END_TEST

START_TEST(samples_arrive_with_value_time_and_markers)
{
	struct told told = { 0 };

	ck_assert_int_eq(put(&told, "up", 0.1, false, NULL), 1);
	ck_assert_msg(told.calls == 0, "done() inside write()");
	loop_run(loop);
	put(NULL, "gone", 0, true, NULL);
	loop_run(loop);
	put(NULL, "nan", (double)NAN, false, NULL);
	loop_run(loop);
	ck_assert_uint_eq(told.calls, 1);
	ck_assert_str_eq(told.error, "");
	ck_assert_str_eq(
	    requests[0], "{__name__=\"up\", job=\"a\"} 0.10000000000000001 @1763621040000\n");
	ck_assert_str_eq(requests[1], "{__name__=\"gone\", job=\"a\"} stale @1763621040005\n");
	ck_assert_str_eq(requests[2], "{__name__=\"nan\", job=\"a\"} NaN @1763621040010\n");
	ck_assert_uint_eq(source->written.samples, 3);
	ck_assert_uint_eq(source->writing, 0);
}
END_TEST

START_TEST(what_comes_meanwhile_is_sent_together)
{
	struct told told[4] = { 0 };
	const char *names[] = { "a", "b", "c", "d" };

	for (size_t i = 0; i < 4; i++)
		put(&told[i], names[i], 1, false, NULL);
	ck_assert_uint_eq(source->writing, 1);
	loop_run(loop);
	ck_assert_uint_eq(n_requests, 2);
	ck_assert_str_eq(requests[1], "{__name__=\"b\", job=\"a\"} 1 @1763621040000\n"
				      "{__name__=\"c\", job=\"a\"} 1 @1763621040000\n"
				      "{__name__=\"d\", job=\"a\"} 1 @1763621040000\n");
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(told[i].calls, 1);
}
END_TEST

START_TEST(a_server_that_cannot_is_asked_again_later_and_later)
{
	struct told told = { 0 }, next = { 0 };
	struct err err = { 0 };

	answer.status = 503;
	answer.body = STR("starting\n");
	delay = (dur_t){ 0 };
	put(&told, "a", 1, false, NULL);
	loop_run_until(loop, wall_add((wall_t){ START }, DUR_MS(100)));
	ck_assert_str_eq(told.error, "remote write: status 503: starting");
	/* Nobody waits for a server that is known to be down; the samples do. */
	ck_assert_int_lt(put(&next, "b", 1, false, &err), 0);
	ck_assert_str_eq(err.text, "remote write: status 503: starting");
	loop_run_until(loop, wall_add((wall_t){ START }, DUR_S(4)));
	ck_assert_uint_eq(n_requests, 4);
	ck_assert_int_eq(wall_since(times[1], times[0]).ns, DUR_MS(500).ns);
	ck_assert_int_eq(wall_since(times[2], times[1]).ns, DUR_S(1).ns);
	ck_assert_int_eq(wall_since(times[3], times[2]).ns, DUR_S(2).ns);
	answer.status = 200;
	loop_run(loop);
	ck_assert_uint_eq(n_requests, 6);
	ck_assert_str_eq(requests[4], requests[0]);
	ck_assert_ptr_nonnull(strstr(requests[5], "\"b\""));
	ck_assert_uint_eq(told.calls, 1);
	ck_assert_uint_eq(next.calls, 0);
	ck_assert_uint_eq(source->written.samples, 2);
	ck_assert_uint_eq(source->written.dropped, 0);
}
END_TEST

START_TEST(retry_after_is_kept)
{
	answer = (struct xfer_response){
		.status = 429, .has_retry_after = true, .retry_after = DUR_S(20)
	};
	delay = (dur_t){ 0 };
	put(NULL, "a", 1, false, NULL);
	loop_run_until(loop, wall_add((wall_t){ START }, DUR_S(1)));
	answer = (struct xfer_response){ .status = 204 };
	loop_run(loop);
	ck_assert_uint_eq(n_requests, 2);
	ck_assert_int_eq(wall_since(times[1], times[0]).ns, DUR_S(20).ns);
}
END_TEST

START_TEST(no_connection_is_tried_again)
{
	answer = (struct xfer_response){ .failure = ERR_IO, .failure_text = "connection refused" };
	put(NULL, "a", 1, false, NULL);
	loop_run_until(loop, wall_add((wall_t){ START }, DUR_MS(200)));
	answer = (struct xfer_response){ .status = 204 };
	loop_run(loop);
	ck_assert_uint_eq(n_requests, 2);
	ck_assert_uint_eq(source->written.failures, 1);
	ck_assert_uint_eq(source->written.samples, 1);
}
END_TEST

START_TEST(one_bad_sample_does_not_take_others_with_it)
{
	struct told told[4] = { 0 };
	const char *names[] = { "a", "b", "bad", "d" };

	poison = "bad";
	for (size_t i = 0; i < 4; i++)
		put(&told[i], names[i], 1, false, NULL);
	loop_run(loop);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(told[i].calls, 1);
		ck_assert_str_eq(
		    told[i].error, i == 2 ? "remote write: status 400: out of order sample" : "");
	}
	ck_assert_uint_eq(n_requests, 5);
	ck_assert_uint_eq(source->written.samples, 3);
	ck_assert_uint_eq(source->written.dropped, 1);
	ck_assert_uint_eq(source->written.pending, 0);
}
END_TEST

START_TEST(a_full_queue_loses_its_oldest)
{
	char *name = malloc(60001);
	struct err err;
	uint64_t n = 0;

	answer.status = 500;
	put(NULL, "first", 1, false, NULL);
	loop_run_until(loop, wall_add((wall_t){ START }, DUR_MS(100)));
	memset(name, 'x', 60000);
	name[60000] = '\0';
	for (; source->written.dropped < 3; n++)
		ck_assert_int_eq(put(NULL, name, (double)n, false, &err), -(int)ERR_BUSY);
	ck_assert_uint_eq(source->written.pending, n - 3);
	ck_assert_uint_lt(n, REMOTE_WRITE_QUEUE_BYTES_MAX / 60000 + 5);
	ck_assert_uint_gt(n, REMOTE_WRITE_QUEUE_BYTES_MAX / 60100 - 5);
	free(name);
}
END_TEST

START_TEST(a_successor_sends_what_was_not_sent)
{
	struct told told = { 0 };
	struct source *old = source;

	answer.status = 500;
	put(NULL, "a", 1, false, NULL);
	loop_run_until(loop, wall_add((wall_t){ START }, DUR_MS(100)));
	put(&told, "b", 1, false, NULL);
	answer.status = 204;
	source = open_source();
	source->ops->adopt(source, old);
	ck_assert_uint_eq(old->writing, 0);
	old->ops->close(old);
	loop_run(loop);
	ck_assert_uint_eq(n_requests, 2);
	ck_assert_str_eq(requests[1], "{__name__=\"a\", job=\"a\"} 1 @1763621040000\n"
				      "{__name__=\"b\", job=\"a\"} 1 @1763621040100\n");
	ck_assert_uint_eq(source->written.samples, 2);
}
END_TEST

START_TEST(stopping_ends_at_once_and_sends_nothing_more)
{
	struct err err;

	delay = DUR_NEVER;
	put(NULL, "a", 1, false, NULL);
	loop_run_until(loop, wall_add((wall_t){ START }, DUR_MS(100)));
	source->ops->stop(source);
	loop_run_until(loop, wall_add((wall_t){ START }, DUR_MS(101)));
	ck_assert_uint_eq(source->writing, 0);
	ck_assert_int_lt(put(NULL, "b", 1, false, &err), 0);
	loop_run(loop);
	ck_assert_uint_eq(n_requests, 1);
}
END_TEST

START_TEST(who_stops_waiting_is_told_nothing)
{
	struct told told = { 0 };

	put(&told, "a", 1, false, NULL);
	list_remove(&told.write.link);
	loop_run(loop);
	ck_assert_uint_eq(told.calls, 0);
	ck_assert_uint_eq(source->written.samples, 1);
}
END_TEST

START_TEST(alerts_need_a_place_to_be_written)
{
	char text[256];

	ck_assert_uint_eq(source_config_errors(arena, "prometheus",
			      "url: http://prom:9090\nremote_write_alerts: true\n", text),
	    1);
	ck_assert_ptr_nonnull(strstr(text, "remote_write_url"));
}
END_TEST

TCase *
tcase_remote_write(void)
{
	TCase *t = tcase_create("remote_write");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, packing_loses_nothing, 0, ARRAY_LEN(sizes));
	tcase_add_test(t, a_sample_has_the_specified_bytes);
	tcase_add_test(t, samples_arrive_with_value_time_and_markers);
	tcase_add_test(t, what_comes_meanwhile_is_sent_together);
	tcase_add_test(t, a_server_that_cannot_is_asked_again_later_and_later);
	tcase_add_test(t, retry_after_is_kept);
	tcase_add_test(t, no_connection_is_tried_again);
	tcase_add_test(t, one_bad_sample_does_not_take_others_with_it);
	tcase_add_test(t, a_full_queue_loses_its_oldest);
	tcase_add_test(t, a_successor_sends_what_was_not_sent);
	tcase_add_test(t, stopping_ends_at_once_and_sends_nothing_more);
	tcase_add_test(t, who_stops_waiting_is_told_nothing);
	tcase_add_test(t, alerts_need_a_place_to_be_written);
	return t;
}
