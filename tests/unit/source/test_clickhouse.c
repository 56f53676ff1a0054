/* SPDX-License-Identifier: Apache-2.0 */
/* ClickHouse: the request, its tables, and the ways in which it breaks off. */
#include "config.h"

#include <string.h>

#include "unit/source/http_bench.h"

#define YAML "url: http://ch:8123/\n"
#define TABLE                                                                                      \
	"{\"meta\":[{\"name\":\"host\",\"type\":\"String\"},{\"name\":\"value\",\"type\":"         \
	"\"Nullable(Float64)\"},{\"name\":\"n\",\"type\":\"UInt64\"}],\n\"data\":[[\"a\",1.5,"     \
	"\"7\"],[\"b\",\"nan\",\"8\"],[\"c\",\"-inf\",\"9\"],[\"d\\u00e9\",null,\"10\"]],\n"       \
	"\"rows\":4,\"statistics\":{\"elapsed\":0.001}}"

START_TEST(a_query_may_only_read_and_has_limits)
{
	struct bench_answer a = bench_ask("clickhouse",
	    "url: http://ch:8123\ndatabase: ml db\nparams: {max_threads: '2'}\n",
	    "SELECT ':now' AS x, :now AS value", 200, STR(TABLE));

	ck_assert(!a.failed);
	ck_assert_str_eq(a.method, "POST");
	ck_assert_str_eq(a.url,
	    "http://ch:8123/?default_format=JSONCompact&database=ml%20db&readonly=2"
	    "&max_execution_time=10&max_result_rows=50001&result_overflow_mode=throw"
	    "&output_format_json_quote_denormals=1&wait_end_of_query=1&max_threads=2");
	ck_assert_str_eq(a.body, "SELECT ':now' AS x, 1795155840.500 AS value");
}
END_TEST

START_TEST(without_limits_no_setting_is_sent)
{
	struct bench_answer a = bench_ask(
	    "clickhouse", "url: http://ch:8123\nlimits: false\n", "SELECT 1", 200, STR(TABLE));

	ck_assert_str_eq(a.url, "http://ch:8123/?default_format=JSONCompact");
}
END_TEST

START_TEST(null_is_missing_and_quoted_nan_is_nan)
{
	struct bench_answer a = bench_ask("clickhouse", YAML, "SELECT 1", 200, STR(TABLE));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_uint_eq(a.vector.n, 4);
	ck_assert_str_eq(bench_row(&a, 0), "host=a,n=7 1.5");
	ck_assert_str_eq(bench_row(&a, 1), "host=b,n=8 NaN");
	ck_assert_str_eq(bench_row(&a, 2), "host=c,n=9 -Inf");
	ck_assert_str_eq(bench_row(&a, 3), "host=d\xc3\xa9,n=10 missing");
}
END_TEST

START_TEST(the_time_column_is_the_rows_time)
{
	struct bench_answer a = bench_ask("clickhouse", YAML "time_column: t\n", "SELECT 1", 200,
	    STR("{\"meta\":[{\"name\":\"t\"},{\"name\":\"value\"}],\"data\":[[1763621040,1],"
		"[\"2025-11-20 06:44:00\",2],[null,3]],\"rows\":3}"));

	ck_assert_str_eq(bench_row(&a, 0), " 1 @1763621040.000");
	ck_assert_str_eq(bench_row(&a, 1), " 2 @1763621040.000");
	ck_assert_str_eq(bench_row(&a, 2), " 3");
}
END_TEST

static const struct {
	int status;
	const char *body;
	enum err_code code;
	const char *text;
} bad[] = {
	{ 404, "Code: 60, e.displayText() = DB::Exception: Table default.x doesn't exist.\n",
	    ERR_REMOTE, "DB::Exception: Table default.x doesn't exist. (HTTP 404)" },
	{ 500, "oops", ERR_REMOTE, "HTTP 500: oops" },
	{ 403, "", ERR_REMOTE, "HTTP 403 (access refused): no text" },
	{ 429, "slow down", ERR_REMOTE, "limits the rate" },
	{ 200,
	    "{\"meta\":[{\"name\":\"value\"}],\"data\":[[1],\nCode: 241. DB::Exception: Memory "
	    "limit exceeded",
	    ERR_REMOTE, "Code: 241. DB::Exception: Memory limit" },
	{ 200,
	    "{\"meta\":[{\"name\":\"value\"}],\"data\":[[1]],\"rows\":1,\"exception\":\"Code: "
	    "159. DB::Exception: Timeout\"}",
	    ERR_REMOTE, "Timeout" },
	{ 200, "{\"meta\":[{\"name\":\"value\"}],\"data\":[[1]],\"rows\":2}", ERR_REMOTE,
	    "partial answer: 1 rows of 2" },
	{ 200, "{\"meta\":[{\"name\":\"value\"}],\"data\":[[1]]}", ERR_REMOTE, "partial answer" },
	{ 200, "{\"meta\":[{\"name\":\"v\"}],\"data\":[],\"rows\":0}", ERR_INVALID,
	    "no column is named value, only v" },
	{ 200, "{\"meta\":[{\"name\":\"value\"}],\"data\":[[1,2]],\"rows\":1}", ERR_INVALID,
	    "more cells than columns" },
	{ 200, "{\"meta\":[{\"name\":\"value\"},{\"name\":\"b\"}],\"data\":[[1]],\"rows\":1}",
	    ERR_INVALID, "1 cells for 2 columns" },
	{ 200, "{\"meta\":[{\"name\":\"value\"}],\"data\":[[\"x\"]],\"rows\":1}", ERR_INVALID,
	    "value 'x' is no number" },
	{ 200, "{\"meta\":[{\"name\":\"value\"}],\"data\":[[[1]]],\"rows\":1}", ERR_INVALID,
	    "value is no number" },
	{ 200, "{\"meta\":[{\"name\":\"value\"},{\"name\":\"value\"}],\"data\":[],\"rows\":0}",
	    ERR_INVALID, "two columns" },
	{ 200, "value\n1\n", ERR_INVALID, "cannot read the answer" },
	{ 200, "[]", ERR_INVALID, "no JSONCompact" },
	{ 200, "", ERR_INVALID, "an empty answer" },
	{ 200, "<html>", ERR_INVALID, "an HTML page" },
	{ 307, "", ERR_REMOTE, "redirect" },
};

START_TEST(what_is_no_whole_answer_is_an_error)
{
	struct bench_answer a =
	    bench_ask("clickhouse", YAML, "SELECT 1", bad[_i].status, str_from(bad[_i].body));

	ck_assert(a.failed);
	ck_assert_msg(strstr(a.err.text, bad[_i].text) != NULL, "%s", a.err.text);
	ck_assert_int_eq((int)a.err.code, (int)bad[_i].code);
}
END_TEST

START_TEST(an_answer_cut_anywhere_is_an_error)
{
	bench_truncate("clickhouse", YAML, "SELECT 1", STR(TABLE));
}
END_TEST

START_TEST(a_window_parameter_is_refused_before_it_is_sent)
{
	struct err err;
	struct bench_answer a = bench_ask("clickhouse", YAML, "SELECT :from", 200, STR(TABLE));

	ck_assert(a.failed);
	ck_assert_ptr_null(a.url);
	ck_assert_int_eq(bench_check("clickhouse", YAML, "SELECT :from", &err), -ERR_INVALID);
	ck_assert_int_eq(bench_check("clickhouse", YAML, "SELECT :now", &err), 0);
}
END_TEST

START_TEST(a_server_that_does_not_answer_is_a_timeout)
{
	struct bench_answer a;

	bench_delay = (dur_t){ INT64_MAX };
	a = bench_ask("clickhouse", YAML, "SELECT 1", 200, STR(TABLE));
	ck_assert(a.failed);
	ck_assert_int_eq((int)a.err.code, ERR_TIMEOUT);
	ck_assert_str_eq(a.err.text, "no answer within 10s");
}
END_TEST

TCase *
tcase_clickhouse(void)
{
	TCase *tc = tcase_create("clickhouse");

	tcase_add_checked_fixture(tc, bench_set_up, bench_tear_down);
	tcase_add_test(tc, a_query_may_only_read_and_has_limits);
	tcase_add_test(tc, without_limits_no_setting_is_sent);
	tcase_add_test(tc, null_is_missing_and_quoted_nan_is_nan);
	tcase_add_test(tc, the_time_column_is_the_rows_time);
	tcase_add_loop_test(tc, what_is_no_whole_answer_is_an_error, 0, ARRAY_LEN(bad));
	tcase_add_test(tc, an_answer_cut_anywhere_is_an_error);
	tcase_add_test(tc, a_window_parameter_is_refused_before_it_is_sent);
	tcase_add_test(tc, a_server_that_does_not_answer_is_a_timeout);
	return tc;
}
