/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drift detectors' answers from a Kafka topic: settings, and what can be asked.
 * Without librdkafka the settings are known and refused.
 */
#include "config.h"

#include "source/kafka.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "source/backends.h"
#include "source/points.h"
#include "source/selector.h"

#define NAME_BYTES_MAX 200

const char *const kafka_protocols[] = { "plaintext", "ssl", "sasl_plaintext", "sasl_ssl", NULL };
const char *const kafka_mechanisms[] = { "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", NULL };

static const char *const aggregates[] = { "", "count", "last", "max", "mean", "min", "sum" };

/* --- questions --------------------------------------------------------------------- */

int
kafka_question_parse(struct str what, struct kafka_question *ret, struct err *err)
{
	struct kafka_question question = { .output = what };
	uint32_t open = 0;

	while (open < what.n && what.p[open] != '(')
		open++;
	if (open < what.n) {
		struct str name = str_trim(str_make(what.p, open));

		for (size_t i = KAFKA_COUNT; i < ARRAY_LEN(aggregates); i++)
			if (str_is(name, aggregates[i]))
				question.aggregate = (enum kafka_aggregate)i;
		if (question.aggregate == KAFKA_NONE || what.p[what.n - 1] != ')')
			return err_set(err, ERR_INVALID,
			    "expected mean(output), max, min, sum, last, count() or an output's "
			    "name, "
			    "such as mean(is_drift)");
		question.output = str_trim(str_make(what.p + open + 1, what.n - open - 2));
	}
	if ((question.output.n == 0) != (question.aggregate == KAFKA_COUNT) ||
	    question.output.n > NAME_BYTES_MAX)
		return err_set(err, ERR_INVALID, "%s",
		    question.aggregate == KAFKA_COUNT
			? "count() is of events: it has nothing in its parentheses"
			: "expected the name of an output, such as is_drift or p_val");
	for (uint32_t i = 0; i < question.output.n; i++)
		if (strchr(" \t\n=<>(){}'\",;", question.output.p[i]) != NULL)
			return err_set(err, ERR_INVALID,
			    "expected the name of an output and matchers, such as "
			    "mean(is_drift) {model=\"income\"}");
	*ret = question;
	return 0;
}

struct point {
	uint32_t series, index;
	int64_t at;
	double value;
};

static int
by_series_and_time(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->series != y->series)
		return x->series < y->series ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static double
aggregate_of(const struct point *points, size_t n, enum kafka_aggregate aggregate)
{
	double sum = 0, least = points[0].value, most = points[0].value;

	for (size_t i = 0; i < n; i++) {
		sum += points[i].value;
		/* NaN is neither: it stays out of both unless there is nothing else. */
		least = fmin(least, points[i].value);
		most = fmax(most, points[i].value);
	}
	switch (aggregate) {
	case KAFKA_COUNT:
	case KAFKA_SUM:
		return sum;
	case KAFKA_MEAN:
		return sum / (double)n;
	case KAFKA_MIN:
		return least;
	case KAFKA_MAX:
		return most;
	case KAFKA_LAST:
	case KAFKA_NONE:
		break;
	}
	return points[n - 1].value;
}

static bool
is_same_piece(const struct point *a, const struct point *b, const struct source_query *query)
{
	int64_t step = query->step.ns;

	if (a->series != b->series)
		return false;
	if (query->shape != QUERY_RANGE)
		return true;
	return step > 0 ? (a->at - query->from.ns) / step == (b->at - query->from.ns) / step
			: a->at == b->at;
}

int
kafka_aggregate_rows(struct rows *rows, enum kafka_aggregate aggregate,
    const struct source_query *query, struct err *err)
{
	struct point *points;
	struct rows out;
	size_t n = rows->n;
	int code = rows_close(rows, err);

	if (code < 0)
		return code;
	points = xcalloc(n + 1, sizeof(*points));
	for (size_t i = 0; i < n; i++)
		points[i] = (struct point){ rows->items[i].series, (uint32_t)i,
			rows->items[i].at.ns, rows->items[i].value };
	qsort(points, n, sizeof(*points), by_series_and_time);
	points_init(&out, query);
	for (size_t i = 0, end; i < n && code == 0; i = end) {
		const struct row *row = &rows->items[points[i].index];
		struct str key = str_make(rows->keys.p + row->key_at, row->key_n);

		for (end = i + 1; end < n && is_same_piece(&points[i], &points[end], query);)
			end++;
		code = rows_begin_key(&out, key, err);
		if (code < 0)
			break;
		out.items[out.n - 1].value = aggregate_of(points + i, end - i, aggregate);
		out.items[out.n - 1].missing = false;
		out.items[out.n - 1].at = (wall_t){ points[end - 1].at };
	}
	free(points);
	rows_fini(rows);
	*rows = out;
	return code;
}

/* --- settings ------------------------------------------------------------------------- */

static struct source *
open_reader(const struct source_config *config, struct loop *loop, struct xfer *xfer UNUSED,
    struct worker_pool *workers UNUSED, struct err *err)
{
	return kafka_open(config, loop, err);
}

static int
kafka_check(
    const struct source_config *config UNUSED, const struct source_query *query, struct err *err)
{
	struct kafka_question question;
	struct matchers *matchers;
	struct str what;
	int code = selector_parse(query->text, &what, &matchers, err);

	if (code < 0)
		return code;
	matchers_free(matchers);
	return kafka_question_parse(what, &question, err);
}

static void
settings_finish(struct schema_context *ctx, void *value)
{
	struct kafka_settings *s = value;

	if ((s->username != NULL) != (s->password.value != NULL || s->password.file != NULL))
		diag_error(ctx->diag, s->pos, "'username' and 'password' belong together");
	if (s->username != NULL && s->protocol < 2)
		diag_error(ctx->diag, s->pos,
		    "a username needs security_protocol sasl_ssl or sasl_plaintext");
#ifndef HAVE_RDKAFKA
	diag_error(ctx->diag, s->pos,
	    "this tocsin was built without librdkafka: configure it with --with-kafka (Debian: "
	    "librdkafka-dev)");
#endif
}

#define MEMBER(m) .offset = offsetof(struct kafka_settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "brokers",
	    .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(brokers),
	    .doc = "Where to begin, such as kafka-1:9092,kafka-2:9092." },
	{ .name = "topic",
	    .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(topic),
	    .doc = "The topic, such as seldon.default.model.income-drift.outputs." },
	{ .name = "window",
	    .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE,
	    .fallback = "1h",
	    MEMBER(window),
	    .doc = "Events of this time are kept in memory, and read again at each start; "
		   "aggregates are of them." },
	{ .name = "events_max",
	    .kind = FIELD_INT,
	    .fallback = "20000",
	    .min = 1,
	    .max = 200000,
	    MEMBER(events_max),
	    .doc = "More events than this in one window are an error of each query; give a shorter "
		   "window." },
	{ .name = "features",
	    .kind = FIELD_STRING_LIST,
	    MEMBER(features),
	    .doc = "Names of the features in the detector's order, for the label feature; their "
		   "numbers from 0 when absent." },
	{ .name = "security_protocol",
	    .kind = FIELD_ENUM,
	    .choices = kafka_protocols,
	    .fallback = "plaintext",
	    MEMBER(protocol),
	    .doc = "How the brokers are spoken to, as in Kafka." },
	{ .name = "sasl_mechanism",
	    .kind = FIELD_ENUM,
	    .choices = kafka_mechanisms,
	    .fallback = "PLAIN",
	    MEMBER(mechanism),
	    .doc = "How a user shows who it is." },
	{ .name = "username",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV,
	    MEMBER(username),
	    .doc = "User for SASL." },
	{ .name = "password",
	    .kind = FIELD_SECRET,
	    .flags = FIELD_ENV,
	    MEMBER(password),
	    .doc = "Its password." },
	{ .name = "ca_file",
	    .kind = FIELD_STRING,
	    .flags = FIELD_PATH | FIELD_READABLE,
	    MEMBER(ca_file),
	    .doc = "Certificates that the brokers' must lead to; the system's when absent." },
};

static const struct schema settings_schema = {
	.name = "kafka source",
	.doc =
	    "Drift detectors' answers from a Kafka topic, as Seldon Core 2 writes them "
	    "(ModelInferResponse as protobuf) or as JSON (the V2 protocol's, Alibi Detect's). A "
	    "query is an output's name (is_drift, p_val, distance: the last event's), an aggregate "
	    "of the window: mean(is_drift) is the share of batches flagged; max, min, sum, last; "
	    "or "
	    "count(), the number of events; with matchers over the labels model, model_version, "
	    "detector, feature. No offsets are committed and no group is joined: the window is "
	    "read again at each start, and until that is done queries wait. Events without outputs "
	    "are counted and say nothing else. Failures that Seldon writes to its errors topic are "
	    "not read. Verified against librdkafka's mock broker. An optional part of the build "
	    "(--with-kafka).",
	.size = sizeof(struct kafka_settings),
	SCHEMA_FIELDS(settings_fields),
	.pos_offset = offsetof(struct kafka_settings, pos) + 1,
};

const struct source_kind source_kafka_kind = {
	.name = "kafka",
	.schema = &settings_schema,
	.finish = settings_finish,
	.series = true,
};

const struct source_ops source_kafka = {
	.kind = &source_kafka_kind,
	.open = open_reader,
	.close = kafka_close,
	.query = kafka_query,
	.cancel = kafka_cancel,
	.labels = rows_labels,
	.check = kafka_check,
};
