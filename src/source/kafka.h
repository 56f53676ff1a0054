/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A topic of detectors' answers: its settings and questions, which need no
 * library, and the reader, which does.
 */
#pragma once

#include "base/rng.h"
#include "config/schema.h"
#include "source/inference.h"
#include "source/source.h"

struct kafka_settings {
	const char *brokers, *topic, *username;
	struct secret password;
	int protocol, mechanism;
	const char *ca_file;
	struct string_list features;
	dur_t window;
	int64_t events_max;
	struct pos pos;
};

extern const char *const kafka_protocols[]; /* security.protocol, NULL-terminated */
extern const char *const kafka_mechanisms[];

enum kafka_aggregate { KAFKA_NONE, KAFKA_COUNT, KAFKA_LAST, KAFKA_MAX, KAFKA_MEAN, KAFKA_MIN, KAFKA_SUM };

struct kafka_question {
	enum kafka_aggregate aggregate;
	struct str output; /* empty: of count() */
};

/* mean(is_drift), count(), p_val */
int kafka_question_parse(struct str what, struct kafka_question *ret, struct err *err);
/*
 * One number for each series (and, in a range, each step of it) of points;
 * its time is that of the last.  rows: points_init()'s; they are replaced.
 */
int kafka_aggregate_rows(struct rows *rows, enum kafka_aggregate aggregate, const struct source_query *query,
    struct err *err);
/* kafka_read.c; NULL and err where the program was built without. */
struct source *kafka_open(const struct source_config *config, struct loop *loop, struct err *err);
void kafka_close(struct source *source);
void kafka_query(struct source *source, struct source_query *query);
void kafka_cancel(struct source *source, struct source_query *query);
