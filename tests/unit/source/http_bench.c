/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/source/http_bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "net/xfer.h"

static struct arena *arena;
static struct loop *loop;
static struct xfer *xfer;
static struct source *source;
static struct bench_answer seen;
static struct xfer_response reply;
static uint32_t calls;

wall_t bench_at;
struct source_query bench_query;
bool bench_workers;
static struct worker_pool *pool;
dur_t bench_delay, bench_cancel_after;
struct str bench_later[BENCH_LATER_MAX];

static dur_t
script(void *arg UNUSED, const struct xfer_request *request, struct xfer_response *response)
{
	struct buf headers = { 0 };

	seen.url = arena_strdup(arena, request->url.p);
	seen.method = request->method;
	seen.body = arena_str(arena, buf_str(&request->body)).p;
	seen.content_type = request->content_type;
	for (size_t i = 0; i < request->n_headers; i++)
		buf_printf(
		    &headers, "%s: %s\n", request->headers[i].name, request->headers[i].value);
	seen.headers = arena_str(arena, buf_str(&headers)).p;
	buf_fini(&headers);
	*response = reply;
	if (seen.requests > 0) {
		uint32_t i = seen.requests - 1;

		while (i > 0 && (i >= BENCH_LATER_MAX || bench_later[i].n == 0))
			i--;
		if (bench_later[i].n > 0)
			response->body = bench_later[i];
	}
	seen.requests++;
	return bench_delay;
}

void
bench_set_up(void)
{
	bench_at = (wall_t){ INT64_C(1795155840500000000) };
	bench_delay = DUR_MS(5);
	bench_workers = false;
	pool = NULL;
	bench_query = (struct source_query){ .shape = QUERY_INSTANT };
	bench_cancel_after = (dur_t){ 0 };
	memset(bench_later, 0, sizeof(bench_later));
	arena = arena_new(0);
	loop = loop_new_virtual(bench_at);
	xfer = xfer_new_scripted(loop, script, NULL);
}

void
bench_tear_down(void)
{
	if (source != NULL)
		source->ops->close(source);
	source = NULL;
	worker_pool_free(pool);
	xfer_free(xfer);
	loop_free(loop);
	arena_free(arena);
}

static void
on_done(struct source_query *query, const struct vector *vector, const struct err *err)
{
	struct bench_answer *answer = query->arg;

	calls++;
	answer->failed = err != NULL;
	if (err != NULL)
		answer->err = *err;
	else
		answer->vector = *vector;
}

static void
cancel(void *arg)
{
	source->ops->cancel(source, arg);
}

struct bench_answer
bench_ask(const char *kind, const char *yaml, const char *query, int status, struct str body)
{
	struct bench_answer answer = { 0 };
	struct timer timer;
	struct source_query q = bench_query;
	const struct source_config *config = source_config_from(arena, kind, "/", yaml);

	q.text = str_from(query);
	q.at = bench_at;
	q.arena = arena;
	q.done = on_done;
	q.arg = &answer;
	if (source != NULL)
		source->ops->close(source);
	if (bench_workers && pool == NULL)
		pool = worker_pool_new(loop, "sql", 1, 16);
	source = source_ops_of(config->kind)->open(config, loop, xfer, pool, NULL);
	seen = (struct bench_answer){ 0 };
	reply = (struct xfer_response){ .status = status, .body = body };
	calls = 0;
	source->ops->query(source, &q);
	ck_assert_msg(calls == 0, "done() inside query()");
	if (bench_cancel_after.ns != 0) {
		timer_init(&timer, cancel, &q);
		loop_timer_set(loop, &timer, mono_add(loop_mono(loop), bench_cancel_after));
	}
	loop_run(loop);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(source->in_flight, 0);
	ck_assert_uint_eq(source->failures, answer.failed ? 1 : 0);
	seen.failed = answer.failed;
	seen.err = answer.err;
	seen.vector = answer.vector;
	return seen;
}

int
bench_check(const char *kind, const char *yaml, const char *query, struct err *err)
{
	const struct source_config *config = source_config_from(arena, kind, "/", yaml);

	const struct source_query q = { .text = str_from(query), .at = bench_at };

	return source_ops_of(config->kind)->check(config, &q, err);
}

static int
by_name(const void *a, const void *b)
{
	return str_cmp(((const struct label_view *)a)->name, ((const struct label_view *)b)->name);
}

const char *
bench_row(const struct bench_answer *answer, uint32_t i)
{
	const struct sample *sample = &answer->vector.samples[i];
	struct label_view *views;
	struct buf out = { 0 };
	struct err err;
	const char *text;
	uint32_t n;

	ck_assert_uint_lt(i, answer->vector.n);
	ck_assert_int_eq(sample_labels(source, sample, arena, &views, &n, &err), 0);
	if (n > 0)
		qsort(views, n, sizeof(*views), by_name);
	for (uint32_t j = 0; j < n; j++)
		buf_printf(&out, "%s%.*s=%.*s", j > 0 ? "," : "", STR_ARG(views[j].name),
		    STR_ARG(views[j].value));
	buf_putc(&out, ' ');
	if (sample->missing)
		buf_puts(&out, "missing");
	else
		put_prom_double(&out, sample->value);
	if (wall_is_set(sample->at))
		buf_printf(&out, " @%.3f", wall_seconds(sample->at));
	text = arena_str(arena, buf_str(&out)).p;
	buf_fini(&out);
	return text;
}

void
bench_truncate(const char *kind, const char *yaml, const char *query, struct str body)
{
	struct bench_answer whole = bench_ask(kind, yaml, query, 200, body);

	ck_assert_msg(!whole.failed, "%s", whole.err.text);
	for (uint32_t n = 0; n < body.n; n++) {
		/* A copy without a byte to spare, so that a sanitizer sees a step too far. */
		char *exact = malloc(n > 0 ? n : 1);
		struct bench_answer cut;

		memcpy(exact, body.p, n);
		cut = bench_ask(kind, yaml, query, 200, str_make(exact, n));
		ck_assert_msg(cut.failed, "cut at byte %u of %u it is still an answer", n, body.n);
		ck_assert_msg(cut.err.text[0] != '\0', "an error without a text at byte %u", n);
		free(exact);
	}
}
