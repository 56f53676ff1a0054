/* SPDX-License-Identifier: Apache-2.0 */
/* InfluxDB: series of InfluxQL, rows of SQL, and errors that come with status 200. */
#include "config.h"

#include <string.h>

#include "unit/source/http_bench.h"

#define ONE   "url: http://influx:8086/\ndatabase: tele\n"
#define THREE "url: http://influx:8181\ndatabase: tele\nversion: 3\n"
#define SERIES                                                                                     \
	"{\"results\":[{\"statement_id\":0,\"series\":[{\"name\":\"cpu\",\"tags\":{\"host\":"      \
	"\"a\",\"zone\":\"\"},\"columns\":[\"time\",\"mean\"],\"values\":[[1763621040500,1.5]]},"  \
	"{\"name\":\"cpu\",\"tags\":{\"host\":\"b\",\"zone\":\"x\"},\"columns\":[\"time\","        \
	"\"mean\"],\"values\":[[0,null]]}]}]}\n"

START_TEST(influxql_goes_by_get)
{
	struct bench_answer a = bench_ask("influxdb", ONE "params: {rp: autogen}\n",
	    "SELECT last(x) FROM cpu WHERE time > :now - 5m", 200, STR(SERIES));

	ck_assert(!a.failed);
	ck_assert_str_eq(a.method, "GET");
	ck_assert_str_eq(a.url,
	    "http://influx:8086/query?db=tele&epoch=ms&rp=autogen&q=SELECT%20last%28x%29%20FROM"
	    "%20cpu%20WHERE%20time%20%3E%201795155840500ms%20-%205m");
}
END_TEST

START_TEST(tags_and_the_measurement_are_labels)
{
	struct bench_answer a = bench_ask("influxdb", ONE, "SELECT x FROM m", 200, STR(SERIES));

	ck_assert_uint_eq(a.vector.n, 2);
	ck_assert_str_eq(bench_row(&a, 0), "host=a,measurement=cpu 1.5");
	ck_assert_str_eq(bench_row(&a, 1), "host=b,measurement=cpu,zone=x missing");
}
END_TEST

START_TEST(time_counts_only_when_asked_for)
{
	struct bench_answer a =
	    bench_ask("influxdb", ONE "time_column: time\n", "SELECT x FROM m", 200,
		STR("{\"results\":[{\"series\":[{\"name\":\"m\",\"columns\":[\"time\",\"value\","
		    "\"unit\"],\"values\":[[1763621040500,1,\"s\"]]}]}]}"));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_str_eq(bench_row(&a, 0), "measurement=m,unit=s 1 @1763621040.500");
}
END_TEST

START_TEST(an_unknown_measurement_is_an_empty_vector)
{
	struct bench_answer a = bench_ask(
	    "influxdb", ONE, "SELECT x FROM m", 200, STR("{\"results\":[{\"statement_id\":0}]}"));

	ck_assert(!a.failed);
	ck_assert_uint_eq(a.vector.n, 0);
}
END_TEST

START_TEST(sql_is_posted_as_json)
{
	struct bench_answer a = bench_ask("influxdb", THREE, "SELECT \"a\", :now AS value", 200,
	    STR("[{\"host\":\"a\",\"value\":1.5,\"time\":\"2025-11-20T06:44:00\"},{\"host\":\"b\"}"
		"]"));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_str_eq(a.url, "http://influx:8181/api/v3/query_sql");
	ck_assert_str_eq(a.body,
	    "{\"db\":\"tele\",\"format\":\"json\",\"q\":\"SELECT \\\"a\\\", 1795155840.500 AS "
	    "value\"}");
	ck_assert_str_eq(a.content_type, "application/json");
	ck_assert_str_eq(bench_row(&a, 0), "host=a 1.5");
	ck_assert_str_eq(bench_row(&a, 1), "host=b missing");
}
END_TEST

static const struct {
	const char *yaml;
	int status;
	const char *body, *text;
} bad[] = {
	{ ONE, 200, "{\"results\":[{\"statement_id\":0,\"error\":\"database not found: x\"}]}",
	    "database not found: x" },
	{ ONE, 400, "{\"error\":\"error parsing query: found X\"}",
	    "error parsing query: found X (HTTP 400)" },
	{ ONE, 401, "{\"error\":\"authorization failed\"}", "authorization failed (HTTP 401)" },
	{ ONE, 503, "busy", "HTTP 503: busy" },
	{ ONE, 429, "{\"error\":\"x\"}", "limits the rate" },
	{ ONE, 200, "{\"results\":[{\"partial\":true,\"series\":[]}]}", "partial answer" },
	{ ONE, 200,
	    "{\"results\":[{\"series\":[{\"columns\":[\"time\",\"x\"],\"partial\":true}]}]}",
	    "partial answer" },
	{ ONE, 200,
	    "{\"results\":[{\"series\":[{\"columns\":[\"time\",\"a\",\"b\"],\"values\":["
	    "[1,2,3]]}]}]}",
	    "no column is named value, only time, a, b" },
	{ ONE, 200, "{\"results\":[]}{\"results\":[]}", "text after the end" },
	{ ONE, 200, "{}", "without results" },
	{ ONE, 200, "[]", "not an answer of InfluxDB" },
	{ ONE, 200, "{\"results\":[1]}", "a result that is no object" },
	{ ONE, 200, "{\"results\":[{\"series\":1}]}", "is no list" },
	{ ONE, 200, "{\"results\":[{\"series\":[{}]}]}", "without columns" },
	{ THREE, 200, "[{\"a\":1}]", "no column is named value" },
	{ THREE, 200, "[1]", "row 1 is no object" },
	{ THREE, 200, "{}", "not a list of rows" },
	{ THREE, 400, "{\"error\":\"Error during planning\"}", "Error during planning (HTTP 400)" },
	{ THREE, 200, "[{\"value\":{}}]", "value is no number" },
	{ THREE, 200, "[{\"value\":1,\"l\":[1]}]", "label 'l' is no plain value" },
};

START_TEST(an_error_is_one_whatever_its_status)
{
	struct bench_answer a = bench_ask(
	    "influxdb", bad[_i].yaml, "SELECT x FROM m", bad[_i].status, str_from(bad[_i].body));

	ck_assert_msg(a.failed, "%s", bad[_i].body);
	ck_assert_msg(strstr(a.err.text, bad[_i].text) != NULL, "%s", a.err.text);
}
END_TEST

START_TEST(an_answer_cut_anywhere_is_an_error)
{
	bench_truncate("influxdb", ONE, "SELECT x FROM m",
	    str_make(SERIES, sizeof(SERIES) - 2)); /* its newline may be missing */
	bench_truncate("influxdb", THREE, "q", STR("[{\"h\":\"a\",\"value\":1.5},{\"value\":2}]"));
}
END_TEST

static const struct {
	const char *query;
	bool reads;
} statements[] = {
	{ "SELECT x FROM m", true },
	{ " select x from m ; ", true },
	{ "SELECT intox, x_into FROM m", true },
	{ "DROP MEASUREMENT m", false },
	{ "", false },
	{ "SELECTED", false },
	{ "SHOW DATABASES", false },
	{ "SELECT x INTO y FROM m", false },
	{ "SELECT x FROM m; DROP MEASUREMENT m", false },
	{ "SELECT x FROM m WHERE h =~ /'/; DROP MEASUREMENT m --'", false },
	{ "/**/ DROP MEASUREMENT m", false },
	{ "SELECT x/**/INTO/**/y FROM m", false },
};

START_TEST(only_one_select_without_into_is_sent)
{
	struct err err;
	struct bench_answer a = bench_ask("influxdb", ONE, statements[_i].query, 200, STR(SERIES));

	ck_assert_int_eq(a.failed, !statements[_i].reads);
	ck_assert_int_eq(a.url != NULL, statements[_i].reads);
	ck_assert_int_eq(bench_check("influxdb", ONE, statements[_i].query, &err),
	    statements[_i].reads ? 0 : -ERR_INVALID);
}
END_TEST

TCase *
tcase_influxdb(void)
{
	TCase *tc = tcase_create("influxdb");

	tcase_add_checked_fixture(tc, bench_set_up, bench_tear_down);
	tcase_add_test(tc, influxql_goes_by_get);
	tcase_add_test(tc, tags_and_the_measurement_are_labels);
	tcase_add_test(tc, time_counts_only_when_asked_for);
	tcase_add_test(tc, an_unknown_measurement_is_an_empty_vector);
	tcase_add_test(tc, sql_is_posted_as_json);
	tcase_add_loop_test(tc, only_one_select_without_into_is_sent, 0, ARRAY_LEN(statements));
	tcase_add_loop_test(tc, an_error_is_one_whatever_its_status, 0, ARRAY_LEN(bad));
	tcase_add_test(tc, an_answer_cut_anywhere_is_an_error);
	return tc;
}
