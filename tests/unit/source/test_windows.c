/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of the backends over HTTP: where the window goes, and where times come from. */
#include "config.h"

#include <string.h>

#include "unit/source/http_bench.h"

#define FROM                                                                                       \
	{                                                                                          \
		INT64_C(1795150000000000000)                                                       \
	}
#define TO                                                                                         \
	{                                                                                          \
		INT64_C(1795150600000000000)                                                       \
	}

static const struct {
	const char *label, *kind, *yaml, *query;
	const char *asked; /* in the URL or the body */
	const char *body;
	const char *rows[3];
} windows[] = {
	{ "ClickHouse: seconds, and ts", "clickhouse", "url: http://ch",
	    "SELECT ts, a, value FROM t WHERE ts >= :from AND ts < :to",
	    "ts >= 1795150000.000 AND ts < 1795150600.000",
	    "{\"meta\":[{\"name\":\"ts\"},{\"name\":\"a\"},{\"name\":\"value\"}],\"data\":["
	    "[1795150300,\"y\",2],[1795150100,\"x\",1],[1795150200,\"x\",null]],\"rows\":3}",
	    { "a=y 2 @1795150300.000", "a=x 1 @1795150100.000", "a=x missing @1795150200.000" } },
	{ "InfluxQL: milliseconds, and time", "influxdb", "{url: 'http://influx', database: d}",
	    "SELECT v FROM m WHERE time >= :from AND time < :to GROUP BY host", "1795150000000ms",
	    "{\"results\":[{\"series\":[{\"name\":\"m\",\"tags\":{\"host\":\"h\"},\"columns\":["
	    "\"time\","
	    "\"v\"],\"values\":[[1795150000000,1],[1795150060000,2],[1795150600000,3]]}]}]}",
	    { "host=h,measurement=m 1 @1795150000.000", "host=h,measurement=m 2 @1795150060.000",
		"host=h,measurement=m 3 @1795150600.000" } },
	{ "InfluxDB 3: seconds, and time", "influxdb",
	    "{url: 'http://influx', database: d, version: 3}",
	    "SELECT time, value FROM m WHERE time >= to_timestamp(:from)",
	    "to_timestamp(1795150000.000)", "[{\"time\":\"2026-11-20T04:50:00\",\"value\":7}]",
	    { " 7 @1795150200.000" } },
	{ "ES|QL: a text, and ts", "elasticsearch", "url: http://es",
	    "FROM logs | WHERE @timestamp >= :from | EVAL ts = 1::long",
	    "@timestamp >= \\\"2026-11-20T04:46:40.000Z\\\" | EVAL ts = 1::long",
	    "{\"columns\":[{\"name\":\"ts\"},{\"name\":\"value\"}],\"values\":[[\"2026-11-20T04:50:"
	    "00.000Z\",5]]}",
	    { " 5 @1795150200.000" } },
	{ "a search: milliseconds, and a date_histogram called ts", "elasticsearch",
	    "{url: 'http://es', index: i}",
	    "{\"query\":{\"range\":{\"t\":{\"gte\":\":from\",\"lt\":\":to\"}}}}",
	    "\"gte\":1795150000000,\"lt\":1795150600000",
	    "{\"aggregations\":{\"ts\":{\"buckets\":[{\"key\":1795150200000,\"key_as_string\":\"04:"
	    "50\","
	    "\"doc_count\":3,\"value\":{\"value\":1.5}}]}}}",
	    { " 1.5 @1795150200.000" } },
	{ "placeholders", "http_json",
	    "{url: 'http://s/q?from={{from_s}}&to={{to_ms}}&w={{window_s}}&step={{step_s}}', rows: "
	    "'$[*]', "
	    "time: t, labels: {job: j}}",
	    "v", "from=1795150000&to=1795150600000&w=600&step=60",
	    "[{\"v\":4,\"t\":1795150060,\"j\":\"a\"}]", { "job=a 4 @1795150060.000" } },
};

START_TEST(a_window_is_asked_and_comes_in_order)
{
	struct bench_answer a;
	uint32_t n = 0;

	bench_query = (struct source_query){ .shape = QUERY_RANGE, .from = FROM, .to = TO };
	/* The query of http_json is a path there, and its value is given. */
	a = bench_ask(windows[_i].kind, windows[_i].yaml,
	    strcmp(windows[_i].kind, "http_json") == 0 ? "v" : windows[_i].query, 200,
	    str_from(windows[_i].body));
	ck_assert_msg(!a.failed, "%s: %s", windows[_i].label, a.err.text);
	ck_assert_msg(
	    strstr(a.url, windows[_i].asked) != NULL || strstr(a.body, windows[_i].asked) != NULL,
	    "%s: %s %s", windows[_i].label, a.url, a.body);
	while (n < 3 && windows[_i].rows[n] != NULL)
		n++;
	ck_assert_msg(a.vector.n == n, "%s: %u rows", windows[_i].label, a.vector.n);
	for (uint32_t i = 0; i < n; i++)
		ck_assert_msg(strcmp(bench_row(&a, i), windows[_i].rows[i]) == 0, "%s: %s",
		    windows[_i].label, bench_row(&a, i));
}
END_TEST

/* Asked for the newest of what is asked for over a window besides: the last minutes, with times. */
START_TEST(an_instant_with_a_step_is_of_the_last_minutes)
{
	static const struct {
		const char *kind, *yaml, *query, *asked, *body, *row;
	} cases[] = {
		{ "clickhouse", "url: http://ch",
		    "SELECT ts, value FROM t WHERE ts >= :from AND ts <= :to",
		    "ts >= 1795155540.500 AND ts <= 1795155840.500",
		    "{\"meta\":[{\"name\":\"ts\"},{\"name\":\"value\"}],\"data\":[[1795155600,2]],"
		    "\"rows\":1}",
		    " 2 @1795155600.000" },
		{ "influxdb", "{url: 'http://influx', database: d}",
		    "SELECT last(v) AS value FROM m WHERE time >= :from GROUP BY time(1m)",
		    "1795155540500ms",
		    "{\"results\":[{\"series\":[{\"name\":\"m\",\"columns\":[\"time\",\"value\"],"
		    "\"values\":["
		    "[1795155600000,1]]}]}]}",
		    "measurement=m 1 @1795155600.000" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench_answer a;

		bench_query = (struct source_query){ .shape = QUERY_INSTANT, .step = DUR_S(60) };
		a = bench_ask(
		    cases[i].kind, cases[i].yaml, cases[i].query, 200, str_from(cases[i].body));
		ck_assert_msg(!a.failed, "%s: %s", cases[i].kind, a.err.text);
		ck_assert_msg(
		    strstr(a.url, cases[i].asked) != NULL || strstr(a.body, cases[i].asked) != NULL,
		    "%s: %s %s", cases[i].kind, a.url, a.body);
		ck_assert_uint_eq(a.vector.n, 1);
		ck_assert_str_eq(bench_row(&a, 0), cases[i].row);
	}
}
END_TEST

START_TEST(a_range_without_times_is_an_error)
{
	struct bench_answer a;

	bench_query = (struct source_query){ .shape = QUERY_RANGE, .from = FROM, .to = TO };
	a = bench_ask("clickhouse", "url: http://ch", "SELECT value FROM t", 200,
	    STR("{\"meta\":[{\"name\":\"value\"}],\"data\":[[1]],\"rows\":1}"));
	ck_assert(a.failed);
	ck_assert_ptr_nonnull(strstr(a.err.text, "needs a column ts"));
}
END_TEST

/* Long enough to be read on a worker, where there are some. */
START_TEST(a_large_answer_is_read_as_a_small_one)
{
	struct buf body = { 0 };
	struct bench_answer a;

	buf_puts(&body, "{\"meta\":[{\"name\":\"ts\"},{\"name\":\"value\"}],\"data\":[");
	for (int i = 0; i < 20000; i++)
		buf_printf(&body, "%s[%d,%d]", i > 0 ? "," : "", 1795150000 + i % 500, i);
	buf_puts(&body, "],\"rows\":20000}");
	bench_workers = true;
	bench_query = (struct source_query){ .shape = QUERY_RANGE, .from = FROM, .to = TO };
	a = bench_ask("clickhouse", "url: http://ch", "SELECT 1", 200, buf_str(&body));
	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_uint_eq(a.vector.n, 500);
	ck_assert_str_eq(bench_row(&a, 499), " 19999 @1795150499.000");
	body.p[body.n - 2] = '1';
	a = bench_ask("clickhouse", "url: http://ch", "SELECT 1", 200, buf_str(&body));
	ck_assert(a.failed);
	ck_assert_ptr_nonnull(strstr(a.err.text, "partial answer"));
	buf_fini(&body);
}
END_TEST

START_TEST(columns_that_are_wanted_are_handed_over)
{
	static const char *const fields[] = { "pred", "label" };
	struct bench_answer a;

	bench_query = (struct source_query){
		.shape = QUERY_ROWS, .from = FROM, .to = TO, .fields = fields, .n_fields = 2
	};
	a = bench_ask("influxdb", "{url: 'http://influx', database: d, version: 3}", "SELECT 1",
	    200,
	    STR("[{\"pred\":0.75,\"label\":\"yes\",\"g\":\"x\"},{\"pred\":null,\"g\":\"x\"}]"));
	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_uint_eq(a.vector.n, 2);
	ck_assert_str_eq(bench_row(&a, 0), "g=x missing");
	ck_assert(str_is(a.vector.samples[0].fields[0], "0.75"));
	ck_assert(str_is(a.vector.samples[0].fields[1], "yes"));
	ck_assert_ptr_null(a.vector.samples[1].fields[0].p);
	ck_assert_ptr_null(a.vector.samples[1].fields[1].p);
}
END_TEST

TCase *
tcase_windows(void)
{
	TCase *tc = tcase_create("windows");

	tcase_add_checked_fixture(tc, bench_set_up, bench_tear_down);
	tcase_add_loop_test(tc, a_window_is_asked_and_comes_in_order, 0, ARRAY_LEN(windows));
	tcase_add_test(tc, an_instant_with_a_step_is_of_the_last_minutes);
	tcase_add_test(tc, a_range_without_times_is_an_error);
	tcase_add_test(tc, a_large_answer_is_read_as_a_small_one);
	tcase_add_test(tc, columns_that_are_wanted_are_handed_over);
	return tc;
}
