/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a topic's window with librdkafka.
 *
 * librdkafka's own threads talk to the brokers; what they bring is taken off
 * their queue on the loop thread, a few events a turn, when an eventfd says
 * so.  Questions to the brokers that block (which partitions there are, where
 * the window begins) are jobs.  That question is repeated every CHECK_EVERY:
 * when it fails the topic cannot be known, and queries say so.  The window is
 * whole once every partition has been read to its end.
 */
#include "config.h"

#include "source/kafka.h"

#ifdef HAVE_RDKAFKA

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "net/xfer.h"
#include "source/backends.h"
#include "source/kafka_internal.h"

#define CHECK_EVERY       DUR_S(10)
#define CHECK_AGAIN       DUR_S(2) /* after a failure */
#define CHECK_TIMEOUT_MS  5000
#define PER_TURN_MAX      200
#define TAIL 1000 /* read where nothing is said to be in the window: it may just have come */

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
			kafka_trim(k);
			kafka_start_waiting(k);
			return;
		}
		if (!take_error(k, message))
			kafka_take_message(k, message);
		rd_kafka_message_destroy(message);
	}
	kafka_trim(k);
	kafka_start_waiting(k);
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
check_failed(struct kafka_check *check, const char *what, const char *why)
{
	snprintf(check->text, sizeof(check->text), "%s: %s", what, why);
}

/* On the worker: partitions with the offsets at which the window begins. */
static void
check_run(struct job *job)
{
	struct kafka_check *check = CONTAINER_OF(job, struct kafka_check, job);
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
	kafka_forget_all(k);
	k->assigned = true;
	k->n_partitions = (uint32_t)partitions->cnt;
	k->n_caught_up = 0;
	memset(k->caught_up, 0, sizeof(k->caught_up));
}

static void
check_done(struct job *job, bool cancelled)
{
	struct kafka_check *check = CONTAINER_OF(job, struct kafka_check, job);
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
		kafka_start_waiting(k);
	}
}

static void
check_start(void *arg)
{
	struct kafka *k = arg;

	k->check.job = (struct job){ .run = check_run, .done = check_done };
	k->check.from_ms = kafka_window_start(k).ns / 1000000;
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
	kafka_forget_all(k);
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
