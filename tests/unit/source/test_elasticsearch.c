/* SPDX-License-Identifier: Apache-2.0 */
/* Elasticsearch: tables, aggregations, and answers that are only half of one. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "unit/source/http_bench.h"

#define YAML   "url: http://es:9200\nindex: 'logs-*,x'\napi_key: s3cret\n"
#define SEARCH "{\"size\":0}"
#define WHOLE  "\"timed_out\":false,\"_shards\":{\"total\":1,\"successful\":1,\"failed\":0}"
#define TABLE                                                                                      \
	"{\"took\":3,\"is_partial\":false,\"columns\":[{\"name\":\"value\",\"type\":\"double\"},"  \
	"{\"name\":\"host\",\"type\":\"keyword\"}],\"values\":[[1.5,\"a\"],[null,\"b\"]]}"
#define AGGS                                                                                       \
	"{" WHOLE ",\"hits\":{\"total\":{\"value\":10,\"relation\":\"eq\"}},\"aggregations\":{"    \
	"\"host\":{\"doc_count_error_upper_bound\":0,\"buckets\":[{\"key\":\"a\",\"doc_count\":4," \
	"\"value\":{\"value\":1.5}},{\"key\":\"b\",\"doc_count\":6,\"value\":{\"value\":null}}]}}" \
	"}"

START_TEST(esql_goes_to_query)
{
	struct bench_answer a =
	    bench_ask("elasticsearch", YAML, "FROM logs | LIMIT 5", 200, STR(TABLE));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_str_eq(a.url, "http://es:9200/_query");
	ck_assert_str_eq(a.body, "{\"query\":\"FROM logs | LIMIT 5\"}");
	ck_assert_str_eq(a.headers, "Authorization: ApiKey s3cret\n");
	ck_assert_str_eq(bench_row(&a, 0), "host=a 1.5");
	ck_assert_str_eq(bench_row(&a, 1), "host=b missing");
}
END_TEST

START_TEST(a_search_goes_to_its_index)
{
	struct bench_answer a = bench_ask("elasticsearch", YAML, SEARCH, 200, STR(AGGS));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_str_eq(
	    a.url, "http://es:9200/logs-*,x/_search?allow_partial_search_results=false");
	ck_assert_str_eq(a.body, SEARCH);
	ck_assert_str_eq(bench_row(&a, 0), "host=a 1.5");
	ck_assert_str_eq(bench_row(&a, 1), "host=b missing");
}
END_TEST

static const struct {
	const char *aggs, *rows[4];
} trees[] = {
	{ "{\"value\":{\"value\":2}}", { " 2" } },
	{ "{\"p\":{\"value\":2},\"q\":{\"value\":3}}", { "metric=p 2", "metric=q 3" } },
	{ "{\"h\":{\"buckets\":[{\"key\":1,\"key_as_string\":\"one\",\"doc_count\":7}]}}",
	    { "h=one 7" } },
	{ "{\"h\":{\"buckets\":{\"ok\":{\"doc_count\":1},\"bad\":{\"doc_count\":2}}}}",
	    { "h=ok 1", "h=bad 2" } },
	{ "{\"a\":{\"buckets\":[{\"key\":\"x\",\"doc_count\":9,\"b\":{\"buckets\":[{\"key\":true,"
	  "\"doc_count\":1,\"m\":{\"value\":\"NaN\"}}]}}]}}",
	    { "a=x,b=true,metric=m NaN" } },
	{ "{\"f\":{\"doc_count\":3,\"value\":{\"value\":5}}}", { " 5" } },
	{ "{\"f\":{\"doc_count\":3}}", { " 3" } },
	{ "{\"c\":{\"after_key\":{\"h\":\"a\"},\"buckets\":[{\"key\":{\"h\":\"a\",\"s\":2},"
	  "\"doc_count\":4}]}}",
	    { "h=a,s=2 4" } },
	{ "{\"l\":{\"values\":{\"50.0\":1,\"95.0\":9,\"95.0_as_string\":\"9\"}}}",
	    { "metric=l,percentile=50.0 1", "metric=l,percentile=95.0 9" } },
	{ "{\"h\":{\"buckets\":[]}}", { NULL } },
};

START_TEST(buckets_become_labels)
{
	char body[1024];
	struct bench_answer a;
	uint32_t n = 0;

	snprintf(body, sizeof(body), "{" WHOLE ",\"aggregations\":%s}", trees[_i].aggs);
	a = bench_ask("elasticsearch", YAML, SEARCH, 200, str_from(body));
	ck_assert_msg(!a.failed, "%s", a.err.text);
	for (; n < 4 && trees[_i].rows[n] != NULL; n++)
		ck_assert_str_eq(bench_row(&a, n), trees[_i].rows[n]);
	ck_assert_uint_eq(a.vector.n, n);
}
END_TEST

START_TEST(without_aggregations_hits_are_counted)
{
	struct bench_answer a = bench_ask("elasticsearch", YAML, SEARCH, 200,
	    STR("{" WHOLE ",\"hits\":{\"total\":{\"value\":10,\"relation\":\"eq\"}}}"));

	ck_assert_str_eq(bench_row(&a, 0), " 10");
	a = bench_ask("elasticsearch", YAML, SEARCH, 200,
	    STR("{" WHOLE ",\"hits\":{\"total\":{\"value\":10000,\"relation\":\"gte\"}}}"));
	ck_assert(a.failed);
}
END_TEST

START_TEST(paths_say_where_values_are)
{
	struct bench_answer a = bench_ask("elasticsearch",
	    YAML "rows: aggregations.h.buckets[*]\nvalue: s.max\nlabels: {host: key}\n", SEARCH,
	    200,
	    STR("{" WHOLE ",\"aggregations\":{\"h\":{\"buckets\":[{\"key\":\"a\",\"s\":{\"max\":9,"
		"\"min\":1}}]}}}"));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_str_eq(bench_row(&a, 0), "host=a 9");
}
END_TEST

static const struct {
	const char *query;
	int status;
	const char *body, *text;
} bad[] = {
	{ SEARCH, 200, "{\"timed_out\":true,\"aggregations\":{}}", "the search timed out" },
	{ SEARCH, 200, "{\"_shards\":{\"failed\":2},\"aggregations\":{}}", "2 shards failed" },
	{ SEARCH, 200, "{\"terminated_early\":true,\"aggregations\":{}}", "ended early" },
	{ SEARCH, 200, "{\"_clusters\":{\"partial\":1},\"aggregations\":{}}", "a cluster failed" },
	{ SEARCH, 200, "{" WHOLE ",\"aggregations\":{\"s\":{\"count\":1,\"max\":2}}}",
	    "several values" },
	{ SEARCH, 200, "{" WHOLE "}", "not an answer of a search" },
	{ SEARCH, 404,
	    "{\"error\":{\"root_cause\":[],\"type\":\"index_not_found_exception\",\"reason\":\"no "
	    "such index [x]\"},\"status\":404}",
	    "no such index [x] (HTTP 404)" },
	{ SEARCH, 400, "{\"error\":\"plain\"}", "plain (HTTP 400)" },
	{ SEARCH, 429, "{\"error\":\"x\"}", "limits the rate" },
	{ SEARCH, 502, "<html>bad gateway</html>", "HTTP 502: no text" },
	{ "FROM x", 200, "{\"is_partial\":true,\"columns\":[],\"values\":[]}", "is_partial" },
	{ "FROM x", 200, "{\"columns\":[{\"name\":\"v\"}],\"values\":[]}",
	    "no column is named value, only v" },
	{ "FROM x", 200, "{\"took\":1}", "not an answer of ES|QL" },
	{ "FROM x", 200, "{\"columns\":[{\"name\":\"value\"}],\"values\":[[[1,2]]]}",
	    "value is no number" },
};

START_TEST(half_an_answer_is_an_error)
{
	struct bench_answer a =
	    bench_ask("elasticsearch", YAML, bad[_i].query, bad[_i].status, str_from(bad[_i].body));

	ck_assert_msg(a.failed, "%s", bad[_i].body);
	ck_assert_msg(strstr(a.err.text, bad[_i].text) != NULL, "%s", a.err.text);
}
END_TEST

/* A table of n rows. */
static struct bench_answer
ask_rows(const char *query, int n)
{
	struct buf body = { 0 };
	struct bench_answer a;

	buf_puts(&body, "{\"columns\":[{\"name\":\"value\"},{\"name\":\"i\"}],\"values\":[");
	for (int i = 0; i < n; i++)
		buf_printf(&body, "%s[1,%d]", i > 0 ? "," : "", i);
	buf_puts(&body, "]}");
	a = bench_ask("elasticsearch", YAML, query, 200, buf_str(&body));
	buf_fini(&body);
	return a;
}

START_TEST(a_table_that_ends_where_esql_cuts_is_partial)
{
	ck_assert(!ask_rows("FROM x", 999).failed);
	ck_assert(ask_rows("FROM x", 1000).failed);
	ck_assert(!ask_rows("FROM x | limit 2000", 1000).failed);
	ck_assert(ask_rows("FROM x | LIMIT 20000", 10000).failed);
}
END_TEST

START_TEST(an_answer_cut_anywhere_is_an_error)
{
	bench_truncate("elasticsearch", YAML, SEARCH, STR(AGGS));
	bench_truncate("elasticsearch", YAML, "FROM x", STR(TABLE));
}
END_TEST

START_TEST(a_search_is_checked_before_it_is_sent)
{
	struct err err;

	ck_assert_int_eq(bench_check("elasticsearch", YAML, "{\"a\":", &err), -ERR_INVALID);
	ck_assert_int_eq(
	    bench_check("elasticsearch", "url: http://es\n", SEARCH, &err), -ERR_INVALID);
	ck_assert_int_eq(bench_check("elasticsearch", YAML, SEARCH, &err), 0);
	ck_assert(bench_ask("elasticsearch", "url: http://es\n", SEARCH, 200, STR(AGGS)).failed);
}
END_TEST

START_TEST(a_key_file_that_is_gone_fails_the_query_alone)
{
	struct bench_answer a = bench_ask("elasticsearch",
	    "url: http://es\napi_key_file: /nonexistent/key\n", "FROM x", 200, STR(TABLE));

	ck_assert(a.failed);
	ck_assert_ptr_null(a.url);
	ck_assert_ptr_nonnull(strstr(a.err.text, "/nonexistent/key"));
}
END_TEST

TCase *
tcase_elasticsearch(void)
{
	TCase *tc = tcase_create("elasticsearch");

	tcase_add_checked_fixture(tc, bench_set_up, bench_tear_down);
	tcase_add_test(tc, esql_goes_to_query);
	tcase_add_test(tc, a_search_goes_to_its_index);
	tcase_add_loop_test(tc, buckets_become_labels, 0, ARRAY_LEN(trees));
	tcase_add_test(tc, without_aggregations_hits_are_counted);
	tcase_add_test(tc, paths_say_where_values_are);
	tcase_add_loop_test(tc, half_an_answer_is_an_error, 0, ARRAY_LEN(bad));
	tcase_add_test(tc, a_table_that_ends_where_esql_cuts_is_partial);
	tcase_add_test(tc, an_answer_cut_anywhere_is_an_error);
	tcase_add_test(tc, a_search_is_checked_before_it_is_sent);
	tcase_add_test(tc, a_key_file_that_is_gone_fails_the_query_alone);
	return tc;
}
