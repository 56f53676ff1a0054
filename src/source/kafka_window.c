/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A topic's window in memory, and the queries of it.
 *
 * Events are decoded once and never change; a query's job gets references to
 * them.  A query waits until the window is whole.
 */
#include "config.h"

#include "source/kafka.h"

#ifdef HAVE_RDKAFKA

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "source/kafka_internal.h"
#include "source/points.h"
#include "source/selector.h"

#define MEMORY_MAX        ((size_t)256 << 20)

struct run {
	struct job job;
	struct link link; /* waits for the window */
	struct timer timer;
	struct kafka *kafka;
	struct source_query *query;
	struct matchers *matchers;
	struct kafka_question question;
	const struct string_list *features;
	struct kafka_event **events;
	size_t n;
	wall_t from, to;
	struct rows rows;
	mono_t started;
	bool cancelled;
	struct err err;
	int code;
};

/* --- events ------------------------------------------------------------------------ */

static void
event_unref(struct kafka_event *event)
{
	if (--event->refs == 0)
		arena_free(event->arena);
}

wall_t
kafka_window_start(const struct kafka *k)
{
	return wall_sub(loop_now(k->loop), k->settings->window);
}

/* Drops what is older than the window, or too much; those are the first ones, nearly. */
void
kafka_trim(struct kafka *k)
{
	wall_t from = kafka_window_start(k);
	size_t drop = 0;

	while (drop < k->n &&
	       (wall_before(k->events[drop]->at, from) ||
		   k->n - drop > (size_t)k->settings->events_max || k->bytes > MEMORY_MAX)) {
		struct kafka_event *event = k->events[drop++];

		if (!wall_before(event->at, from) && wall_before(k->dropped_to, event->at))
			k->dropped_to = event->at;
		k->bytes -= arena_bytes(event->arena);
		event_unref(event);
	}
	if (drop > 0) {
		k->n -= drop;
		memmove(k->events, k->events + drop, k->n * sizeof(*k->events));
	}
}

void
kafka_forget_all(struct kafka *k)
{
	for (size_t i = 0; i < k->n; i++)
		event_unref(k->events[i]);
	k->n = k->bytes = 0;
	k->dropped_to = WALL_NONE;
}

void
kafka_take_message(struct kafka *k, const rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t type;
	int64_t ms = rd_kafka_message_timestamp(message, &type);
	wall_t at = ms > 0 ? (wall_t){ ms * 1000000 } : loop_now(k->loop);
	struct arena *arena;
	struct kafka_event *event;
	struct err err;

	if (wall_before(at, kafka_window_start(k)))
		return;
	arena = arena_new(1024);
	event = ARENA_NEW(arena, struct kafka_event);
	event->at = at;
	event->refs = 1;
	event->arena = arena;
	if (message->len > MESSAGE_BYTES_MAX ||
	    inference_read(arena_str(arena, str_make(message->payload, message->len)), arena,
		&event->inference, &err) < 0) {
		if (k->bad++ == 0)
			log_warn("source", "message not understood",
			    LOG_Z("source", k->source.config->name),
			    LOG_Z("error",
				message->len > MESSAGE_BYTES_MAX ? "too large" : err.text));
		snprintf(k->bad_text, sizeof(k->bad_text), "%s",
		    message->len > MESSAGE_BYTES_MAX ? "too large" : err.text);
		arena_free(arena);
		return;
	}
	k->good++;
	if (k->n == k->cap)
		k->events = xgrow(k->events, &k->cap, k->n + 1, sizeof(*k->events));
	k->events[k->n++] = event;
	k->bytes += arena_bytes(arena);
}

/* --- queries ------------------------------------------------------------------------- */

static bool
is_complete(const struct kafka *k)
{
	return k->assigned && k->n_caught_up == k->n_partitions;
}

static void
run_end(struct run *run)
{
	struct kafka *k = run->kafka;
	struct source_query *query = run->query;
	struct vector vector = { NULL, 0 };
	struct err err = run->err;
	bool ok = run->code == 0;

	if (ok) {
		selector_apply(run->matchers, &run->rows);
		rows_keep(&run->rows, query->arena, &vector);
	} else {
		k->source.failures++;
	}
	for (size_t i = 0; i < run->n; i++)
		event_unref(run->events[i]);
	free(run->events);
	rows_fini(&run->rows);
	matchers_free(run->matchers);
	query->took = mono_since(loop_mono_exact(k->loop), run->started);
	query->impl = NULL;
	k->source.in_flight--;
	free(run);
	query->done(query, ok ? &vector : NULL, ok ? NULL : &err);
}

/* On a worker: events into rows. */
static void
run_job(struct job *job)
{
	static double one[1] = { 1 };
	struct run *run = CONTAINER_OF(job, struct run, job);
	struct inference_output event_itself = { .name = { "", 0 }, .values = one, .n = 1 };

	for (size_t i = 0; i < run->n && run->code == 0; i++) {
		struct inference inference = run->events[i]->inference;

		if (run->question.aggregate == KAFKA_COUNT) {
			inference.outputs = &event_itself;
			inference.n = 1;
		}
		run->code = inference_rows(&inference, run->question.output, run->features,
		    run->events[i]->at, &run->rows, &run->err);
	}
	if (run->code == 0 && run->question.aggregate != KAFKA_NONE)
		run->code = kafka_aggregate_rows(
		    &run->rows, run->question.aggregate, run->query, &run->err);
	if (run->code == 0)
		run->code = points_finish(&run->rows, run->query->shape, false, run->query->at,
		    run->from, run->to, &run->err);
}

static void
run_done(struct job *job, bool cancelled)
{
	struct run *run = CONTAINER_OF(job, struct run, job);

	if (cancelled || run->cancelled)
		run->code = err_set(&run->err, ERR_CANCELLED, "cancelled");
	run_end(run);
}

static void
run_later(void *arg)
{
	struct run *run = arg;

	list_remove(&run->link);
	if (run->cancelled)
		run->code = err_set(&run->err, ERR_CANCELLED, "cancelled");
	else if (run->code == 0)
		run->code = err_set(&run->err, ERR_TIMEOUT,
		    "the topic's window could not be read in time%s%s",
		    run->kafka->failing ? ": " : "",
		    run->kafka->failing ? run->kafka->trouble : "");
	run_end(run);
}

static void
end_later(struct run *run)
{
	loop_timer_set(run->kafka->loop, &run->timer, loop_mono(run->kafka->loop));
}

/* The events of the query's time; what is not known any more is an error. */
static int
take_events(struct run *run)
{
	struct kafka *k = run->kafka;

	kafka_trim(k);
	if (k->failing)
		return err_set(&run->err, ERR_IO, "%s", k->trouble);
	if (wall_is_set(k->dropped_to) && !wall_before(k->dropped_to, run->from))
		return err_set(&run->err, ERR_LIMIT,
		    "more than %lld events in the window; give a shorter window or a larger "
		    "events_max",
		    (long long)k->settings->events_max);
	if (k->good == 0 && k->bad > 0)
		return err_set(&run->err, ERR_INVALID, "none of %llu messages was understood: %s",
		    (unsigned long long)k->bad, k->bad_text);
	run->events = xcalloc(k->n + 1, sizeof(*run->events));
	for (size_t i = 0; i < k->n; i++) {
		struct kafka_event *event = k->events[i];

		if (wall_before(event->at, run->from) || wall_before(run->to, event->at))
			continue;
		event->refs++;
		run->events[run->n++] = event;
	}
	return 0;
}

static void
start(struct run *run)
{
	struct kafka *k = run->kafka;

	loop_timer_stop(k->loop, &run->timer);
	run->code = take_events(run);
	if (run->code == 0 && !worker_submit(k->workers, &run->job))
		run->code =
		    err_set(&run->err, ERR_BUSY, "too many queries wait for a worker thread");
	else if (run->code == 0)
		return;
	end_later(run);
}

void
kafka_start_waiting(struct kafka *k)
{
	while (is_complete(k) && !list_empty(&k->waiting)) {
		struct run *run = CONTAINER_OF(k->waiting.next, struct run, link);

		list_remove(&run->link);
		start(run);
	}
}

void
kafka_query(struct source *source, struct source_query *query)
{
	struct kafka *k = (struct kafka *)source;
	struct run *run = xcalloc(1, sizeof(*run));
	struct str what;

	run->job = (struct job){ .run = run_job, .done = run_done };
	run->kafka = k;
	run->query = query;
	run->features = &k->settings->features;
	run->started = loop_mono(k->loop);
	timer_init(&run->timer, run_later, run);
	query->impl = run;
	source->queries++;
	source->in_flight++;
	points_init(&run->rows, query);
	query_window(query, k->settings->window, &run->from, &run->to);
	run->code = selector_parse(query->text, &what, &run->matchers, &run->err);
	if (run->code == 0)
		run->code = kafka_question_parse(what, &run->question, &run->err);
	if (run->code == 0 && wall_before(run->from, wall_sub(kafka_window_start(k), DUR_S(60))))
		run->code = err_set(&run->err, ERR_LIMIT,
		    "the source keeps less time than the query asks for: raise its 'window'");
	if (run->code < 0) {
		end_later(run);
	} else if (is_complete(k)) {
		start(run);
	} else {
		list_append(&k->waiting, &run->link);
		loop_timer_set(
		    k->loop, &run->timer, mono_add(run->started, source->config->timeout));
	}
}

void
kafka_cancel(struct source *source UNUSED, struct source_query *query)
{
	struct run *run = query->impl;

	if (run == NULL || run->cancelled)
		return;
	run->cancelled = true;
	if (run->link.next != NULL) {
		list_remove(&run->link);
		end_later(run);
	}
}

#endif
