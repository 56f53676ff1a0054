/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges and rows from Prometheus, in pieces.
 *
 * A range of more points than the server gives at once is asked for in
 * several requests, one after the other, and their rows are gathered.  A
 * large answer is read on a worker thread, which touches nothing but the
 * range.
 */
#include "config.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "source/prometheus_internal.h"

#define POINTS_PER_REQUEST 11000 /* Prometheus refuses more per series */
#define STEPS_DEFAULT      1000
#define READ_INLINE_MAX    (128u << 10) /* a larger answer is read on a worker thread */

static xfer_done_fn range_done;

static void
range_send(struct call *call)
{
	struct range *range = call->range;
	const struct source_query *query = call->query;
	wall_t last = wall_add(range->next, (dur_t){ (POINTS_PER_REQUEST - 1) * range->step.ns });

	range->end = wall_min(query->to, last);
	buf_clear(&call->request->url);
	buf_clear(&call->request->body);
	prometheus_call_send(call, range_done);
}

static void
range_end(struct range *range)
{
	struct call *call = range->call;
	struct vector vector = { NULL, 0 };
	struct err err = range->err;
	dur_t took = range->took;
	bool ok = range->code == 0;

	if (ok)
		rows_keep(&range->rows, call->query->arena, &vector);
	rows_fini(&range->rows);
	free(range->body);
	free(range);
	call->range = NULL;
	prometheus_call_end(call, took, ok ? &vector : NULL, ok ? NULL : &err);
}

static bool
is_last(const struct range *range)
{
	return !range->windowed ||
	       !wall_before(wall_add(range->end, range->step), range->call->query->to);
}

/* On any thread: nothing but the range's own. */
static void
range_read(struct range *range, struct str body)
{
	struct arena *scratch = arena_new(0);

	range->code = prometheus_decode_rows(
	    body, range->status, range->call->query->at, &range->rows, scratch, &range->err);
	if (range->code == 0 && is_last(range))
		range->code = rows_finish(&range->rows, &range->err);
	arena_free(scratch);
}

static void
range_go_on(struct range *range)
{
	if (range->code < 0 || is_last(range)) {
		range_end(range);
		return;
	}
	range->next = wall_add(range->end, range->step);
	range_send(range->call);
}

static void
read_job(struct job *job)
{
	struct range *range = CONTAINER_OF(job, struct range, job);

	range_read(range, str_make(range->body, range->body_n));
}

static void
read_job_done(struct job *job, bool cancelled)
{
	struct range *range = CONTAINER_OF(job, struct range, job);

	range->reading = false;
	free(range->body);
	range->body = NULL;
	if (cancelled || range->cancelled)
		range->code = err_set(&range->err, ERR_CANCELLED, "cancelled");
	range_go_on(range);
}

static void
range_done(struct xfer_request *request UNUSED, const struct xfer_response *response, void *arg)
{
	struct call *call = arg;
	struct range *range = call->range;

	range->took.ns += response->took.ns;
	range->status = response->status;
	range->code = prometheus_call_check(call->prometheus, response, &range->err);
	if (range->code == 0 && response->body.n >= READ_INLINE_MAX &&
	    call->prometheus->workers != NULL) {
		range->body = xmemdup0(response->body.p, response->body.n);
		range->body_n = response->body.n;
		range->job = (struct job){ .run = read_job, .done = read_job_done };
		range->reading = worker_submit(call->prometheus->workers, &range->job);
		if (range->reading)
			return;
		free(range->body);
		range->body = NULL;
	}
	if (range->code == 0)
		range_read(range, response->body);
	range_go_on(range);
}

/* The source's own step: a thousand points, in whole seconds. */
static dur_t
step_of(const struct source_query *query)
{
	const int64_t second = 1000000000;
	int64_t ns = wall_since(query->to, query->from).ns / STEPS_DEFAULT;

	if (query->step.ns > 0)
		return (dur_t){ query->step.ns < 1000000 ? 1000000 : query->step.ns };
	ns = (ns + second - 1) / second * second;
	return (dur_t){ ns < second ? second : ns };
}

void
prometheus_range_start(struct call *call)
{
	const struct source_query *query = call->query;
	struct rows_want want = rows_want_of(query);
	struct range *range = xcalloc(1, sizeof(*range));

	/*
	 * VictoriaMetrics moves a window's ends to whole steps, outwards; servers cut times to
	 * milliseconds.  The step is theirs.
	 */
	if (wall_is_set(query->from)) {
		want.from = wall_sub(query->from, DUR_MS(1));
		want.to = wall_add(query->to, DUR_MS(1));
	}
	want.step = (dur_t){ 0 };
	range->call = call;
	range->windowed = query->shape != QUERY_INSTANT && wall_is_set(query->from);
	range->step = step_of(query);
	range->next = query->from;
	rows_init_for(&range->rows, &want);
	call->range = range;
	range_send(call);
}
