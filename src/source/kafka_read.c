/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a topic's window with librdkafka and answers from memory.
 *
 * librdkafka's own threads talk to the brokers; what they bring is taken off
 * their queue on the loop thread, a few events a turn, when an eventfd says
 * so.  Questions to the brokers that block (which partitions there are, where
 * the window begins) are jobs.  That question is repeated every CHECK_EVERY:
 * when it fails the topic cannot be known, and queries say so.
 *
 * Events are decoded once and never change; a query's job gets references to
 * them.  The window is complete once every partition has been read to its end.
 */
#include "config.h"

#include <stdlib.h>

#include "loop/loop.h"
#include "loop/worker.h"
#include "source/kafka.h"

#ifdef HAVE_RDKAFKA

#	include <sys/eventfd.h>

#	include <librdkafka/rdkafka.h>
#	include <stdio.h>
#	include <string.h>
#	include <unistd.h>

#	include "base/list.h"
#	include "base/log.h"
#	include "base/xalloc.h"
#	include "net/xfer.h"
#	include "source/backends.h"
#	include "source/points.h"
#	include "source/selector.h"

#	define CHECK_EVERY       DUR_S(10)
#	define CHECK_AGAIN       DUR_S(2) /* after a failure */
#	define CHECK_TIMEOUT_MS  5000
#	define PER_TURN_MAX      200
#	define MESSAGE_BYTES_MAX (4 << 20)
#	define MEMORY_MAX        ((size_t)256 << 20)
#	define TAIL                                                                               \
		1000 /* read where nothing is said to be in the window: it may just have come */
#	define PARTITIONS_MAX 1000

struct event {
	wall_t at;
	uint32_t refs;       /* loop thread */
	struct arena *arena; /* this struct, too */
	struct inference inference;
};

/* Asks which partitions there are and where the window begins. */
struct check {
	struct job job;
	struct kafka *kafka;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	int64_t from_ms;
	rd_kafka_topic_partition_list_t *partitions; /* NULL: failed */
	char text[200];
};

struct run {
	struct job job;
	struct link link; /* waits for the window */
	struct timer timer;
	struct kafka *kafka;
	struct source_query *query;
	struct matchers *matchers;
	struct kafka_question question;
	const struct string_list *features;
	struct event **events;
	size_t n;
	wall_t from, to;
	struct rows rows;
	mono_t started;
	bool cancelled;
	struct err err;
	int code;
};

struct kafka {
	struct source source;
	const struct kafka_settings *settings;
	struct loop *loop;
	struct worker_pool *workers;
	struct watch watch;
	struct timer check_timer, drain_timer;
	struct link waiting; /* runs */
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *queue;
	struct check check;
	bool checking, closing, failing, assigned;
	char trouble[220];
	uint32_t n_partitions, n_caught_up;
	bool caught_up[PARTITIONS_MAX];
	struct event **events; /* by arrival */
	size_t n, cap, bytes;
	uint64_t good, bad; /* messages since the start */
	char bad_text[260];
	wall_t dropped_to; /* events up to here were dropped for want of room */
};

/* --- events ------------------------------------------------------------------------ */

static void
event_unref(struct event *event)
{
	if (--event->refs == 0)
		arena_free(event->arena);
}

static wall_t
window_start(const struct kafka *k)
{
	return wall_sub(loop_now(k->loop), k->settings->window);
}

/* Drops what is older than the window, or too much; those are the first ones, nearly. */
static void
trim(struct kafka *k)
{
	wall_t from = window_start(k);
	size_t drop = 0;

	while (drop < k->n &&
	       (wall_before(k->events[drop]->at, from) ||
		   k->n - drop > (size_t)k->settings->events_max || k->bytes > MEMORY_MAX)) {
		struct event *event = k->events[drop++];

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

static void
forget_all(struct kafka *k)
{
	for (size_t i = 0; i < k->n; i++)
		event_unref(k->events[i]);
	k->n = k->bytes = 0;
	k->dropped_to = WALL_NONE;
}

static void
take_message(struct kafka *k, const rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t type;
	int64_t ms = rd_kafka_message_timestamp(message, &type);
	wall_t at = ms > 0 ? (wall_t){ ms * 1000000 } : loop_now(k->loop);
	struct arena *arena;
	struct event *event;
	struct err err;

	if (wall_before(at, window_start(k)))
		return;
	arena = arena_new(1024);
	event = ARENA_NEW(arena, struct event);
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

	trim(k);
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
		struct event *event = k->events[i];

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

static void
start_waiting(struct kafka *k)
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
	if (run->code == 0 && wall_before(run->from, wall_sub(window_start(k), DUR_S(60))))
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

/* --- the brokers ------------------------------------------------------------------------ */

static bool
take_error(struct kafka *k, const rd_kafka_message_t *message)
{
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && message->partition >= 0 &&
	    (uint32_t)message->partition < k->n_partitions && !k->caught_up[message->partition]) {
		k->caught_up[message->partition] = true;
		k->n_caught_up++;
	}
	return true;
}

static void
drain(void *arg)
{
	struct kafka *k = arg;

	for (int i = 0; i < PER_TURN_MAX; i++) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(k->rk, 0);

		if (message == NULL) {
			trim(k);
			start_waiting(k);
			return;
		}
		if (!take_error(k, message))
			take_message(k, message);
		rd_kafka_message_destroy(message);
	}
	trim(k);
	start_waiting(k);
	loop_timer_set(k->loop, &k->drain_timer, loop_mono(k->loop));
}

static void
on_wake(void *arg, uint32_t events UNUSED)
{
	struct kafka *k = arg;
	eventfd_t ignored;

	eventfd_read(k->watch.fd, &ignored);
	drain(k);
}

static void
check_failed(struct check *check, const char *what, const char *why)
{
	snprintf(check->text, sizeof(check->text), "%s: %s", what, why);
}

/* On the worker: partitions with the offsets at which the window begins. */
static void
check_run(struct job *job)
{
	struct check *check = CONTAINER_OF(job, struct check, job);
	const struct rd_kafka_metadata *data;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t code =
	    rd_kafka_metadata(check->rk, 0, check->topic, &data, CHECK_TIMEOUT_MS);
	const char *name = rd_kafka_topic_name(check->topic);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		check_failed(check, "the brokers cannot be asked", rd_kafka_err2str(code));
		return;
	}
	if (data->topic_cnt != 1 || data->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    data->topics[0].partition_cnt == 0 || data->topics[0].partition_cnt > PARTITIONS_MAX) {
		check_failed(check, name,
		    data->topic_cnt != 1 ? "no such topic" : rd_kafka_err2str(data->topics[0].err));
		rd_kafka_metadata_destroy(data);
		return;
	}
	list = rd_kafka_topic_partition_list_new(data->topics[0].partition_cnt);
	for (int i = 0; i < data->topics[0].partition_cnt; i++)
		rd_kafka_topic_partition_list_add(list, name, data->topics[0].partitions[i].id)
		    ->offset = check->from_ms;
	rd_kafka_metadata_destroy(data);
	code = rd_kafka_offsets_for_times(check->rk, list, CHECK_TIMEOUT_MS);
	for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
		code = list->elems[i].err;
		if (list->elems[i].offset < 0)
			list->elems[i].offset = RD_KAFKA_OFFSET_TAIL(TAIL);
	}
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		check_failed(
		    check, "the brokers cannot be asked for offsets", rd_kafka_err2str(code));
		rd_kafka_topic_partition_list_destroy(list);
		return;
	}
	check->partitions = list;
}

/* Begins to read, or begins anew when there are other partitions than before. */
static void
assign(struct kafka *k, const rd_kafka_topic_partition_list_t *partitions)
{
	if (k->assigned && k->n_partitions == (uint32_t)partitions->cnt)
		return;
	if (rd_kafka_assign(k->rk, partitions) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	forget_all(k);
	k->assigned = true;
	k->n_partitions = (uint32_t)partitions->cnt;
	k->n_caught_up = 0;
	memset(k->caught_up, 0, sizeof(k->caught_up));
}

static void
check_done(struct job *job, bool cancelled)
{
	struct check *check = CONTAINER_OF(job, struct check, job);
	struct kafka *k = check->kafka;

	k->checking = false;
	if (check->partitions != NULL && !cancelled && !k->closing) {
		if (k->failing)
			log_info("source", "topic can be read again",
			    LOG_Z("source", k->source.config->name));
		k->failing = false;
		assign(k, check->partitions);
	} else if (!cancelled && !k->closing) {
		if (!k->failing)
			log_warn("source", "topic cannot be read",
			    LOG_Z("source", k->source.config->name), LOG_Z("error", check->text));
		k->failing = true;
		snprintf(k->trouble, sizeof(k->trouble), "%s", check->text);
	}
	if (check->partitions != NULL)
		rd_kafka_topic_partition_list_destroy(check->partitions);
	check->partitions = NULL;
	if (!cancelled && !k->closing) {
		loop_timer_set(k->loop, &k->check_timer,
		    mono_add(loop_mono(k->loop), k->failing ? CHECK_AGAIN : CHECK_EVERY));
		start_waiting(k);
	}
}

static void
check_start(void *arg)
{
	struct kafka *k = arg;

	k->check.job = (struct job){ .run = check_run, .done = check_done };
	k->check.from_ms = window_start(k).ns / 1000000;
	if (worker_submit(k->workers, &k->check.job))
		k->checking = true;
	else
		loop_timer_set(k->loop, &k->check_timer, mono_add(loop_mono(k->loop), CHECK_AGAIN));
}

/* --- opening and closing ------------------------------------------------------------------ */

static int
set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
	char text[160];

	if (value == NULL ||
	    rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
		return 0;
	return err_set(err, ERR_INVALID, "%s: %s", name,
	    strcmp(name, "sasl.password") == 0 ? "not accepted" : text);
}

static int
set_all(rd_kafka_conf_t *conf, const struct kafka_settings *s, struct err *err)
{
	struct buf password = { 0 };
	int code = set(conf, "bootstrap.servers", s->brokers, err);
	const struct {
		const char *name, *value;
	} fixed[] = {
		{ "client.id", "tocsin" },
		{ "group.id", "tocsin" }, /* never joined: partitions are assigned by hand */
		{ "enable.auto.commit", "false" },
		{ "enable.auto.offset.store", "false" },
		{ "enable.partition.eof", "true" },
		{ "allow.auto.create.topics", "false" },
		{ "auto.offset.reset", "earliest" },
		{ "queued.max.messages.kbytes", "16384" },
		{ "log_level", "0" },
		{ "security.protocol", kafka_protocols[s->protocol] },
		{ "sasl.mechanisms", s->username != NULL ? kafka_mechanisms[s->mechanism] : NULL },
		{ "sasl.username", s->username },
		{ "ssl.ca.location", s->ca_file },
	};

	for (size_t i = 0; i < ARRAY_LEN(fixed) && code == 0; i++)
		code = set(conf, fixed[i].name, fixed[i].value, err);
	if (code == 0 && s->username != NULL) {
		buf_init(&password, 64u << 10);
		code = secret_read(&s->password, &password, err);
		if (code == 0)
			code = set(conf, "sasl.password", password.p, err);
		buf_fini(&password);
	}
	return code;
}

struct source *
kafka_open(const struct source_config *config, struct loop *loop, struct err *err)
{
	static const uint64_t one = 1;
	const struct kafka_settings *s = config->settings;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	struct kafka *k;
	char text[160];
	rd_kafka_t *rk;

	if (set_all(conf, s, err) < 0) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (rk == NULL) {
		rd_kafka_conf_destroy(conf);
		err_set(err, ERR_INVALID, "%s", text);
		return NULL;
	}
	k = xcalloc(1, sizeof(*k));
	k->source.ops = &source_kafka;
	k->source.config = config;
	k->settings = s;
	k->loop = loop;
	k->rk = rk;
	rd_kafka_poll_set_consumer(rk);
	k->topic = rd_kafka_topic_new(rk, s->topic, NULL);
	k->queue = rd_kafka_queue_get_consumer(rk);
	k->workers = worker_pool_new(loop, "kafka", 2, 16);
	list_init(&k->waiting);
	timer_init(&k->check_timer, check_start, k);
	timer_init(&k->drain_timer, drain, k);
	k->check.kafka = k;
	k->check.rk = rk;
	k->check.topic = k->topic;
	k->watch = (struct watch){ .fd = -1, .fn = on_wake, .arg = k };
	if (!loop_is_virtual(loop)) {
		k->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		rd_kafka_queue_io_event_enable(k->queue, k->watch.fd, &one, sizeof(one));
		loop_watch(loop, &k->watch, LOOP_READ);
		check_start(k);
	}
	return &k->source;
}

void
kafka_close(struct source *source)
{
	struct kafka *k = (struct kafka *)source;

	k->closing = true;
	loop_timer_stop(k->loop, &k->check_timer);
	loop_timer_stop(k->loop, &k->drain_timer);
	worker_pool_free(k->workers);
	if (k->watch.fd >= 0) {
		rd_kafka_queue_io_event_enable(k->queue, -1, NULL, 0);
		loop_unwatch(k->loop, &k->watch);
		close(k->watch.fd);
	}
	forget_all(k);
	free(k->events);
	rd_kafka_queue_destroy(k->queue);
	rd_kafka_topic_destroy(k->topic);
	rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	free(k);
}

#else /* the settings were refused when they were read */

struct source *
kafka_open(const struct source_config *config UNUSED, struct loop *loop UNUSED, struct err *err)
{
	err_set(err, ERR_INVALID, "this tocsin was built without librdkafka");
	return NULL;
}

void
kafka_close(struct source *source UNUSED)
{
}

void
kafka_query(struct source *source UNUSED, struct source_query *query UNUSED)
{
}

void
kafka_cancel(struct source *source UNUSED, struct source_query *query UNUSED)
{
}

#endif
