/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of a topic, between its two files: kafka_read.c talks to the
 * brokers, kafka_window.c keeps the events and answers from them.
 */
#pragma once

#include <librdkafka/rdkafka.h>

#include "base/list.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "source/kafka.h"

#define MESSAGE_BYTES_MAX (4 << 20)
#define PARTITIONS_MAX 1000

struct kafka_event {
	wall_t at;
	uint32_t refs;       /* loop thread */
	struct arena *arena; /* this struct, too */
	struct inference inference;
};

/* Asks which partitions there are and where the window begins. */
struct kafka_check {
	struct job job;
	struct kafka *kafka;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	int64_t from_ms;
	rd_kafka_topic_partition_list_t *partitions; /* NULL: failed */
	char text[200];
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
	struct kafka_check check;
	bool checking, closing, failing, assigned;
	char trouble[220];
	uint32_t n_partitions, n_caught_up;
	bool caught_up[PARTITIONS_MAX];
	struct kafka_event **events; /* by arrival */
	size_t n, cap, bytes;
	uint64_t good, bad; /* messages since the start */
	char bad_text[260];
	wall_t dropped_to; /* events up to here were dropped for want of room */
};

wall_t kafka_window_start(const struct kafka *k);
/* Drops what is older than the window, or too much. */
void kafka_trim(struct kafka *k);
void kafka_forget_all(struct kafka *k);
/* Keeps what the message says, when it is of the window. */
void kafka_take_message(struct kafka *k, const rd_kafka_message_t *message);
/* The queries that wait for the window, when it is whole. */
void kafka_start_waiting(struct kafka *k);
