/* SPDX-License-Identifier: Apache-2.0 */
/* What drift stores' formats mean, without files, servers or databases. */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/attr.h"
#include "source/evidently_format.h"
#include "source/inference.h"
#include "source/kafka.h"
#include "source/points.h"
#include "source/protobuf.h"
#include "source/selector.h"
#include "source/whylogs_query.h"
#include "unit/source/test_source.h"

/* --- points ------------------------------------------------------------------------ */

/* Series a and b, in no order; b has one without a time. */
static const struct {
	const char *series;
	int64_t at_s;
	double value;
} stored[] = {
	{ "a", 30, 3 },
	{ "b", 10, 11 },
	{ "a", 10, 1 },
	{ "b", 0, 19 },
	{ "a", 20, 2 },
	{ "a", 20, 2.5 },
	{ "b", 50, 15 },
};

static const struct {
	const char *label, *want;
	enum query_shape shape;
	bool ties;
	int64_t at_s, from_s, to_s, step_s;
} arranged[] = {
	{ "instant: the newest not after the evaluation", "a=3 b=19", QUERY_INSTANT, false, 40, 0,
	    0, 0 },
	{ "instant: later ones do not exist yet", "a=2.5 b=19", QUERY_INSTANT, false, 25, 0, 0, 0 },
	{ "instant with ties: all of the newest time", "a=2 a=2.5 b=19", QUERY_INSTANT, true, 25, 0,
	    0, 0 },
	{ "rows: in order of time, then as they came", "b=11 a=1 a=2 a=2.5 a=3", QUERY_ROWS, false,
	    60, 5, 40, 0 },
	{ "rows: both ends are inside", "a=2 a=2.5 a=3", QUERY_ROWS, false, 60, 20, 30, 0 },
	{ "range: series together, one of each time", "a=1 a=2.5 a=3 b=11", QUERY_RANGE, false, 99,
	    5, 40, 0 },
	{ "range: the last of each step", "a=2.5 a=3 b=11", QUERY_RANGE, false, 99, 5, 40, 20 },
	{ "range: no time is the evaluation's", "b=19", QUERY_RANGE, false, 45, 42, 48, 0 },
};

START_TEST(points_become_what_was_asked_for)
{
	const wall_t at = { arranged[_i].at_s * 1000000000 };
	const struct source_query query = { .shape = arranged[_i].shape,
		.at = at,
		.from = { arranged[_i].from_s * 1000000000 },
		.to = { arranged[_i].to_s * 1000000000 },
		.step = DUR_S(arranged[_i].step_s) };
	struct arena *arena = arena_new(0);
	struct buf got = { 0 };
	struct vector vector;
	struct rows rows;
	struct err err;

	points_init(&rows, &query);
	for (size_t i = 0; i < ARRAY_LEN(stored); i++) {
		ck_assert_int_eq(rows_begin(&rows, &err), 0);
		ck_assert_int_eq(rows_label(&rows, STR("s"), str_from(stored[i].series), &err), 0);
		rows.items[rows.n - 1].value = stored[i].value;
		rows.items[rows.n - 1].missing = false;
		rows.items[rows.n - 1].at = (wall_t){ stored[i].at_s * 1000000000 };
	}
	ck_assert_int_eq(
	    points_finish(&rows, query.shape, arranged[_i].ties, at, query.from, query.to, &err),
	    0);
	rows_keep(&rows, arena, &vector);
	for (uint32_t i = 0; i < vector.n; i++)
		buf_printf(&got, "%s%c=%g", i > 0 ? " " : "",
		    vector.samples[i].key.p[vector.samples[i].key.n - 1], vector.samples[i].value);
	ck_assert_msg(str_is(buf_str(&got), arranged[_i].want), "%s: got %s, want %s",
	    arranged[_i].label, got.p, arranged[_i].want);
	buf_fini(&got);
	rows_fini(&rows);
	arena_free(arena);
}
END_TEST

/* --- selectors ----------------------------------------------------------------------- */

static const struct {
	const char *text, *what;
	int matchers; /* -1: an error */
} selectors[] = {
	{ "mean", "mean", 0 },
	{ " a / b {x=\"y\"} ", "a / b", 1 },
	{ "frequency(\"{\") / n {column=\"age\", p=~\"a|b\"}", "frequency(\"{\") / n", 2 },
	{ "{x=\"y\"}", "", 1 },
	{ "mean {x=}", "", 1 },
	{ "mean {x==\"y\"}", NULL, -1 },
	{ "mean }", "mean }", 0 },
	{ "", "", 0 },
};

START_TEST(a_query_ends_in_matchers)
{
	struct matchers *matchers = NULL;
	struct err err = { 0 };
	struct str what;
	int code = selector_parse(str_from(selectors[_i].text), &what, &matchers, &err);

	ck_assert_msg(
	    (code < 0) == (selectors[_i].matchers < 0), "%s: %s", selectors[_i].text, err.text);
	if (code == 0 && strcmp(selectors[_i].text, "mean {x=}") != 0) {
		ck_assert_msg(str_is(what, selectors[_i].what), "%s: got '%.*s'",
		    selectors[_i].text, STR_ARG(what));
		ck_assert_int_eq(matchers != NULL ? (int)matchers->n : 0, selectors[_i].matchers);
	}
	matchers_free(matchers);
}
END_TEST

/* --- protobuf --------------------------------------------------------------------------- */

static const struct {
	const char *label, *bytes;
	uint32_t n;
	bool fails;
} messages[] = {
	{ "a varint of ten bytes", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, false },
	{ "a varint of more than 64 bits", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11,
	    true },
	{ "a varint that does not end", "\x08\x80", 2, true },
	{ "a length beyond the end",
	    "\x0a\x05"
	    "abc",
	    5, true },
	{ "eight bytes that are seven",
	    "\x09"
	    "1234567",
	    8, true },
	{ "four bytes",
	    "\x0d"
	    "1234",
	    5, false },
	{ "field 0", "\x00\x01", 2, true },
	{ "a group", "\x0b", 1, true },
	{ "nothing", "", 0, false },
};

START_TEST(protobuf_believes_no_length)
{
	struct pb_reader r = pb_reader_of(str_make(messages[_i].bytes, messages[_i].n));
	struct pb_field field;

	while (pb_next(&r, &field))
		;
	ck_assert_msg(r.failed == messages[_i].fails, "%s", messages[_i].label);
}
END_TEST

/* --- Evidently ---------------------------------------------------------------------------- */

static const struct {
	const char *label, *text, *zone;
	int64_t want_s; /* 0: no time */
} times[] = {
	{ "without a zone it is the source's", "2026-07-01 12:00:00", "Europe/Berlin", 1782900000 },
	{ "with a zone it is what it says", "2026-07-01T12:00:00Z", "Europe/Berlin", 1782907200 },
	{ "an offset counts", "2026-07-01 12:00:00+05:30", "Europe/Berlin", 1782887400 },
	{ "winter time", "2026-01-15 12:00:00.25", "Europe/Berlin", 1768474800 },
	{ "in autumn's doubled hour the first", "2026-10-25 02:30:00", "Europe/Berlin",
	    1792888200 },
	{ "in spring's missing hour as if it had been", "2026-03-29 02:30:00", "Europe/Berlin",
	    1774747800 },
	{ "west of Greenwich", "2026-11-01 01:30:00", "America/New_York", 1793511000 },
	{ "a number has no zone", "1782900000000000000", "Europe/Berlin", 1782900000 },
	{ "no time", "yesterday", "UTC", 0 },
};

START_TEST(evidentlys_times_have_a_zone)
{
	const struct tz *tz = tz_find(str_from(times[_i].zone));
	wall_t at = WALL_NONE;
	bool is = evidently_time(str_from(times[_i].text), tz, &at);

	ck_assert_msg(is == (times[_i].want_s != 0), "%s", times[_i].label);
	ck_assert_msg(!is || at.ns / 1000000000 == times[_i].want_s, "%s: got %lld, want %lld",
	    times[_i].label, (long long)(at.ns / 1000000000), (long long)times[_i].want_s);
}
END_TEST

START_TEST(directions_follow_from_methods)
{
	static const char *const low[] = { "K-S p_value", "ks", "chi-square p_value",
		"Z-test p_value", "Anderson-Darling", "Cramer-von Mises", "Epps-Singleton",
		"Fisher's Exact test", "g_test", "Mann-Whitney U-rank test", "t_test",
		"empirical_mmd", "Total-Variation-Distance", "TVD" };
	static const char *const high[] = { "PSI", "psi", "Jensen-Shannon distance",
		"Kullback-Leibler divergence", "Hellinger distance",
		"Wasserstein distance (normed)", "Energy-distance", "ed",
		"Absolute text content drift" };
	struct string_pair own = { .key = "ks", .value = "high" };
	const struct string_map map = { .pairs = &own, .n = 1 };
	struct evidently_options options = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(low); i++)
		ck_assert_str_eq(evidently_direction(&options, str_from(low[i])), "low");
	for (size_t i = 0; i < ARRAY_LEN(high); i++)
		ck_assert_str_eq(evidently_direction(&options, str_from(high[i])), "high");
	ck_assert_ptr_null(evidently_direction(&options, STR("None")));
	ck_assert_ptr_null(evidently_direction(&options, STR("k-s p_value")));
	options.methods = &map;
	ck_assert_str_eq(evidently_direction(&options, STR("ks")), "high");
}
END_TEST

/* --- detectors ------------------------------------------------------------------------------- */

static const struct {
	const char *label, *bytes;
	uint32_t n;
	const char *output;
	double want[3];
	uint32_t values;
} tensors[] = {
	/* outputs {name "x", datatype, contents {...}} */
	{ "packed INT64", "\x2a\x12\x0a\x01x\x12\x05INT64\x2a\x06\x1a\x04\x01\x02\xac\x02", 20, "x",
	    { 1, 2, 300 }, 3 },
	{ "INT64 one by one", "\x2a\x10\x0a\x01x\x12\x05INT64\x2a\x04\x18\x01\x18\x02", 18, "x",
	    { 1, 2 }, 2 },
	{ "packed FP32",
	    "\x2a\x15\x0a\x01x\x12\x04"
	    "FP32\x2a\x0a\x32\x08\0\0\x80\x3f\0\0\0\xbf",
	    23, "x", { 1, -0.5 }, 2 },
	{ "raw INT32 beside it", "\x2a\x0a\x0a\x01x\x12\x05INT32\x32\x08\xff\xff\xff\xff\x07\0\0\0",
	    22, "x", { -1, 7 }, 2 },
	{ "raw FP64",
	    "\x2a\x09\x0a\x01x\x12\x04"
	    "FP64\x32\x08\0\0\0\0\0\0\xf8\x3f",
	    21, "x", { 1.5 }, 1 },
	{ "texts are left out",
	    "\x2a\x0a\x0a\x01x\x12\x05"
	    "BYTES",
	    12, "x", { 0 }, 0 },
	{ "no outputs are no data", "\x0a\x01m", 3, "x", { 0 }, 0 },
};

START_TEST(tensors_of_protobuf)
{
	struct arena *arena = arena_new(0);
	const struct inference_output *out;
	struct inference inference;
	struct err err = { 0 };

	ck_assert_msg(inference_read(
			  str_make(tensors[_i].bytes, tensors[_i].n), arena, &inference, &err) == 0,
	    "%s: %s", tensors[_i].label, err.text);
	out = inference_find(&inference, str_from(tensors[_i].output));
	ck_assert_msg((out != NULL ? out->n : 0) == tensors[_i].values, "%s: %u values",
	    tensors[_i].label, out != NULL ? out->n : 0);
	for (uint32_t i = 0; i < tensors[_i].values; i++)
		ck_assert_msg(out->values[i] == tensors[_i].want[i], "%s: value %u is %g",
		    tensors[_i].label, i, out->values[i]);
	arena_free(arena);
}
END_TEST

START_TEST(a_message_cut_short_is_none)
{
	struct str whole = str_make(tensors[0].bytes, tensors[0].n);

	for (uint32_t n = 0; n < whole.n; n++) {
		struct arena *arena = arena_new(0);
		struct inference inference;
		struct err err = { 0 };

		ck_assert_msg(inference_read(str_make(whole.p, n), arena, &inference, &err) < 0,
		    "%u of %u bytes were believed", n, whole.n);
		arena_free(arena);
	}
}
END_TEST

static const struct {
	const char *text;
	enum kafka_aggregate aggregate;
	const char *output; /* NULL: an error */
} questions[] = {
	{ "is_drift", KAFKA_NONE, "is_drift" },
	{ "mean(is_drift)", KAFKA_MEAN, "is_drift" },
	{ "max( p_val )", KAFKA_MAX, "p_val" },
	{ "count()", KAFKA_COUNT, "" },
	{ "count(p_val)", KAFKA_NONE, NULL },
	{ "mean()", KAFKA_NONE, NULL },
	{ "median(p_val)", KAFKA_NONE, NULL },
	{ "mean(p_val) > 1", KAFKA_NONE, NULL },
	{ "", KAFKA_NONE, NULL },
	{ "a b", KAFKA_NONE, NULL },
};

START_TEST(questions_of_a_topic)
{
	struct kafka_question question = { 0 };
	struct err err = { 0 };
	int code = kafka_question_parse(str_from(questions[_i].text), &question, &err);

	ck_assert_msg(
	    (code < 0) == (questions[_i].output == NULL), "%s: %s", questions[_i].text, err.text);
	if (code < 0)
		return;
	ck_assert_int_eq(question.aggregate, questions[_i].aggregate);
	ck_assert(str_is(question.output, questions[_i].output));
}
END_TEST

/* --- whylogs ------------------------------------------------------------------------------------
 */

static const struct {
	const char *text;
	double want;      /* NAN: the column has not what is asked for */
	int32_t error_at; /* -1: none */
} expressions[] = {
	{ "counts/n", 10, -1 },
	{ "counts/null / counts/n", 0.25, -1 },
	{ "counts/null/counts/n", NAN, -1 },
	{ "1 + 2 * 3 - -4", 11, -1 },
	{ "(1 + 2) * (3 - 1) / 4", 1.5, -1 },
	{ "2e1 + .5", 20.5, -1 },
	{ "null_ratio * 100", 25, -1 },
	{ "mean", NAN, -1 },
	{ "reference(counts/n) - counts/n", 10, -1 },
	{ "1 +", 0, 3 },
	{ "(1", 0, 2 },
	{ "1 2", 0, 2 },
	{ "avg", 0, 0 },
	{ "counts/n + bad", 0, 11 },
	{ "median(1)", 0, 7 },
	{ "frequency(gold)", 0, 10 },
	{ "reference(reference(n))", 0, 20 },
	{ "", 0, 0 },
};

static int
begin(void *arg UNUSED, struct rows *rows, struct err *err)
{
	return rows_begin(rows, err);
}

START_TEST(expressions_over_a_column)
{
	struct whylogs_component parts[] = {
		{ .path = STR("counts/n"), .kind = WHYLOGS_INTEGER, .number = 10 },
		{ .path = STR("counts/null"), .kind = WHYLOGS_INTEGER, .number = 2.5 },
	};
	struct whylogs_component before[] = {
		{ .path = STR("counts/n"), .kind = WHYLOGS_INTEGER, .number = 20 },
	};
	const struct whylogs_column column = { STR("c"), parts, 2 },
				    reference = { STR("c"), before, 1 };
	const struct whylogs_question question = { .text = str_from(expressions[_i].text),
		.column = &column,
		.reference = &reference,
		.has_reference = true,
		.begin = begin };
	struct err err = { .at = ERR_NOWHERE };
	struct rows rows;
	bool absent;
	int code;

	rows_init(&rows);
	code = whylogs_ask(&question, &rows, &absent, &err);
	if (expressions[_i].error_at >= 0) {
		ck_assert_msg(code < 0 && (int32_t)err.at == expressions[_i].error_at,
		    "'%s': %d at %u: %s", expressions[_i].text, code, err.at, err.text);
	} else {
		ck_assert_msg(code == 0, "'%s': %s", expressions[_i].text, err.text);
		ck_assert_msg(absent == isnan(expressions[_i].want), "'%s'", expressions[_i].text);
		ck_assert_uint_eq(rows.n, absent ? 0 : 1);
		if (!absent)
			ck_assert_msg(rows.items[0].value == expressions[_i].want, "'%s': got %g",
			    expressions[_i].text, rows.items[0].value);
	}
	rows_fini(&rows);
}
END_TEST

TCase *
tcase_stores(void)
{
	TCase *tcase = tcase_create("stores");

	tcase_add_loop_test(tcase, points_become_what_was_asked_for, 0, (int)ARRAY_LEN(arranged));
	tcase_add_loop_test(tcase, a_query_ends_in_matchers, 0, (int)ARRAY_LEN(selectors));
	tcase_add_loop_test(tcase, protobuf_believes_no_length, 0, (int)ARRAY_LEN(messages));
	tcase_add_loop_test(tcase, evidentlys_times_have_a_zone, 0, (int)ARRAY_LEN(times));
	tcase_add_test(tcase, directions_follow_from_methods);
	tcase_add_loop_test(tcase, tensors_of_protobuf, 0, (int)ARRAY_LEN(tensors));
	tcase_add_test(tcase, a_message_cut_short_is_none);
	tcase_add_loop_test(tcase, questions_of_a_topic, 0, (int)ARRAY_LEN(questions));
	tcase_add_loop_test(tcase, expressions_over_a_column, 0, (int)ARRAY_LEN(expressions));
	return tcase;
}
