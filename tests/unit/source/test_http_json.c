/* SPDX-License-Identifier: Apache-2.0 */
/* http_json: placeholders, paths, findings, and the presets' requests and answers. */
#include "config.h"

#include <string.h>

#include "unit/source/http_bench.h"

#define YAML                                                                                       \
	"url: 'http://h/q?x={{query}}&t={{now_s}}'\nrows: $.series[*]\nlabels: {model: m}\n"       \
	"labels_from: tags\ntime: t\nrequire: {status: ok}\nerrors: [error, 'warnings[*]']\n"      \
	"partial: [isPartial, failed]\n"
#define BODY                                                                                       \
	"{\"status\":\"ok\",\"series\":[{\"m\":\"a\",\"tags\":{\"k\":\"v\",\"n\":7,\"deep\":{}},"  \
	"\"value\":1.5,\"t\":1763621040},{\"m\":\"b\",\"tags\":[\"env:prod\",\"gpu\"],\"value\":"  \
	"\"NaN\"},{\"tags\":[{\"name\":\"p\",\"value\":\"q\"},{\"key\":{\"name\":\"r\"},"          \
	"\"value\":"                                                                               \
	"{\"stringValue\":\"s\"}}],\"value\":null}]}"

START_TEST(rows_have_values_labels_and_times)
{
	struct bench_answer a = bench_ask("http_json", YAML, "a b&c", 200, STR(BODY));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_str_eq(a.method, "GET");
	ck_assert_str_eq(a.url, "http://h/q?x=a%20b%26c&t=1795155840");
	ck_assert_uint_eq(a.vector.n, 3);
	ck_assert_str_eq(bench_row(&a, 0), "k=v,model=a,n=7 1.5 @1763621040.000");
	ck_assert_str_eq(bench_row(&a, 1), "env=prod,gpu=true,model=b NaN");
	ck_assert_str_eq(bench_row(&a, 2), "p=q,r=s missing");
}
END_TEST

static const struct {
	const char *yaml, *query, *body;
} bodies[] = {
	{ "url: http://h\nbody: '{\"q\":\"{{query}}\"}'\n", "a\"b\n", "{\"q\":\"a\\\"b\\n\"}" },
	{ "url: http://h\nbody: '{\"q\":{{query:json}}}'\n", "a\"b", "{\"q\":\"a\\\"b\"}" },
	{ "url: http://h\nbody: '{\"q\":{{query:raw}}}'\n", "[1]", "{\"q\":[1]}" },
	{ "url: http://h\nbody: 'q={{query}}'\ncontent_type: application/x-www-form-urlencoded\n",
	    "a&b", "q=a%26b" },
	{ "url: http://h\nbody: '{{query}}'\ncontent_type: text/plain\n", "a&\"b", "a&\"b" },
	{ "url: http://h\nwindow: 1m\nbody: '{{query}} {{now}} {{from_s}} {{now_ms}} {{window_s}} "
	  "{{ now_ns }} {{from_rfc3339}} {{v}}'\nvariables: {v: w}\n",
	    "x",
	    "x 1795155840.500 1795155780 1795155840500 60 1795155840500000000 "
	    "2026-11-20T06:23:00.500Z w" },
};

START_TEST(placeholders_are_escaped_for_their_place)
{
	struct bench_answer a =
	    bench_ask("http_json", bodies[_i].yaml, bodies[_i].query, 200, STR("{\"value\":1}"));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_str_eq(a.method, "POST");
	ck_assert_str_eq(a.body, bodies[_i].body);
}
END_TEST

START_TEST(without_a_placeholder_the_query_is_the_values_path)
{
	static const char yaml[] = "url: http://h/status.json\nheaders: {Accept: text/json}\n";
	struct err err;
	struct bench_answer a = bench_ask(
	    "http_json", yaml, "$.drift[0].score", 200, STR("{\"drift\":[{\"score\":3}]}"));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_str_eq(a.headers, "Accept: text/json\n");
	ck_assert_str_eq(bench_row(&a, 0), " 3");
	ck_assert_int_eq(bench_check("http_json", yaml, "a..b", &err), -ERR_INVALID);
	ck_assert_int_eq(bench_check("http_json", yaml, "a.b", &err), 0);
}
END_TEST

static const struct {
	int status;
	const char *body, *text;
} bad[] = {
	{ 200, "{\"status\":\"error\",\"error\":\"no such metric\",\"series\":[]}",
	    "no such metric" },
	{ 200, "{\"status\":\"busy\",\"series\":[]}", "says 'busy' where 'ok' is required" },
	{ 200, "{\"series\":[]}", "has nothing where 'ok'" },
	{ 200, "{\"status\":\"ok\",\"warnings\":[\"half\"],\"series\":[]}", "half" },
	{ 200, "{\"status\":\"ok\",\"isPartial\":true,\"series\":[]}", "partial answer: true" },
	{ 200, "{\"status\":\"ok\",\"failed\":2,\"series\":[]}", "partial answer: 2" },
	{ 200, "{\"status\":\"ok\"}", "the path of `rows` leads nowhere" },
	{ 200, "{\"status\":\"ok\",\"series\":7}", "the path of `rows` leads nowhere" },
	{ 200, "{\"status\":\"ok\",\"series\":[{\"v\":1},{}]}", "nowhere in any of 2 rows" },
	{ 200, "{\"status\":\"ok\",\"series\":[{\"value\":\"x\"}]}", "value 'x' is no number" },
	{ 200, "{\"status\":\"ok\",\"series\":[{\"value\":{}}]}", "value is no number" },
	{ 200, "{\"status\":\"ok\",\"series\":[{\"value\":1,\"m\":[]}]}", "'model' is no plain" },
	{ 200, "{\"status\":\"ok\",\"series\":[{\"value\":1,\"t\":\"x\"}]}", "'x' is no time" },
	{ 200, "{\"status\":\"ok\",\"series\":[{\"value\":1,\"tags\":5}]}",
	    "no object and no list" },
	{ 200, "{\"status\":\"ok\",\"series\":[{\"value\":1,\"tags\":[{}]}]}",
	    "no name and value" },
	{ 500, "{\"status\":\"ok\"}", "HTTP 500: {" },
	{ 401, "no", "HTTP 401 (access refused): no" },
	{ 429, "", "limits the rate" },
	{ 200, "<html>", "an HTML page" },
	{ 200, "", "an empty answer" },
};

START_TEST(what_the_paths_do_not_find_is_an_error)
{
	struct bench_answer a =
	    bench_ask("http_json", YAML, "q", bad[_i].status, str_from(bad[_i].body));

	ck_assert_msg(a.failed, "%s", bad[_i].body);
	ck_assert_msg(strstr(a.err.text, bad[_i].text) != NULL, "%s", a.err.text);
}
END_TEST

START_TEST(empty_lists_and_null_are_an_empty_vector)
{
	struct bench_answer a =
	    bench_ask("http_json", YAML, "q", 200, STR("{\"status\":\"ok\",\"series\":[]}"));

	ck_assert_msg(!a.failed && a.vector.n == 0, "%s", a.err.text);
	a = bench_ask("http_json", YAML, "q", 200, STR("{\"status\":\"ok\",\"series\":null}"));
	ck_assert_msg(!a.failed && a.vector.n == 0, "%s", a.err.text);
}
END_TEST

START_TEST(an_answer_cut_anywhere_is_an_error)
{
	bench_truncate("http_json", YAML, "q", STR(BODY));
}
END_TEST

static const struct {
	const char *yaml, *query, *url, *body, *headers, *answer, *row;
} presets[] = {
	{ "preset: datadog\napi_key: k\napp_key: a\n", "avg:system.load.1{*}.rollup(avg,60)",
	    "https://api.datadoghq.com/api/v1/query?from=1795155540&to=1795155840&query=avg%3A"
	    "system.load.1%7B%2A%7D.rollup%28avg%2C60%29",
	    "", "DD-API-KEY: k\nDD-APPLICATION-KEY: a\n",
	    "{\"status\":\"ok\",\"series\":[{\"metric\":\"m\",\"scope\":\"*\",\"tag_set\":[\"host:"
	    "a\"],\"pointlist\":[[1763621000000,1],[1763621040000,2.5]]}]}",
	    "host=a,metric=m 2.5 @1763621040.000" },
	{ "preset: newrelic\napi_key: k\nvariables: {account: '12'}\n", "SELECT 1 AS \"value\"",
	    "https://api.newrelic.com/graphql",
	    "{\"query\":\"query($account: Int!, $nrql: Nrql!) { actor { account(id: $account) { "
	    "nrql(query: $nrql) { results } } } }\",\"variables\":{\"account\":12,\"nrql\":"
	    "\"SELECT 1 AS \\\"value\\\"\"}}",
	    "API-Key: k\n",
	    "{\"data\":{\"actor\":{\"account\":{\"nrql\":{\"results\":[{\"facet\":\"x\",\"value\":"
	    "4}]}}}}}",
	    "facet=x 4" },
	/* Two facets, and the one percentile that was asked for. */
	{ "preset: newrelic\nvariables: {account: '12'}\n", "SELECT 1",
	    "https://api.newrelic.com/graphql",
	    "{\"query\":\"query($account: Int!, $nrql: Nrql!) { actor { account(id: $account) { "
	    "nrql(query: $nrql) { results } } } }\",\"variables\":{\"account\":12,\"nrql\":"
	    "\"SELECT 1\"}}",
	    "",
	    "{\"data\":{\"actor\":{\"account\":{\"nrql\":{\"results\":[{\"facet\":[\"x\",7],"
	    "\"appName\":\"x\",\"value\":{\"95\":0.5}}]}}}}}",
	    "facet=x, 7 0.5" },
	{ "preset: signoz\nurl: http://signoz:8080\napi_key: k\n", "up",
	    "http://signoz:8080/api/v5/query_range",
	    "{\"start\":1795155540500,\"end\":1795155840500,\"requestType\":\"time_series\","
	    "\"compositeQuery\":{\"queries\":[{\"type\":\"promql\",\"spec\":{\"name\":\"A\","
	    "\"query\":\"up\",\"step\":60}}]}}",
	    "SIGNOZ-API-KEY: k\n",
	    "{\"status\":\"success\",\"data\":{\"type\":\"time_series\",\"data\":{\"results\":[{"
	    "\"aggregations\":[{\"series\":[{\"labels\":[{\"key\":{\"name\":\"svc\"},\"value\":"
	    "\"a\"}],\"values\":[{\"timestamp\":1763621040000,\"value\":\"Inf\"},{\"timestamp\":"
	    "1763621100000,\"value\":1,\"partial\":true}]}]}]}]}}}",
	    "svc=a +Inf @1763621040.000" },
	{ "preset: jaeger\nurl: http://jaeger:16686/\n", "latencies?service=a&quantile=0.95",
	    "http://jaeger:16686/api/metrics/latencies?service=a&quantile=0.95&endTs=1795155840500",
	    "", "",
	    "{\"name\":\"x\",\"type\":\"GAUGE\",\"metrics\":[{\"labels\":[{\"name\":"
	    "\"service_name\",\"value\":\"a\"}],\"metricPoints\":[{\"gaugeValue\":{"
	    "\"doubleValue\":0.5},\"timestamp\":\"2025-11-20T06:44:00Z\"}]}]}",
	    "service_name=a 0.5 @1763621040.000" },
	{ "preset: wandb\nvariables: {entity: e, project: p}\n", "node.summaryMetrics@json.loss",
	    "https://api.wandb.ai/graphql",
	    "{\"query\":\"query($entity: String!, $project: String!, $filters: JSONString) { "
	    "project(name: $project, entityName: $entity) { runs(filters: $filters, first: 1000) { "
	    "edges { node { name displayName state heartbeatAt summaryMetrics } } pageInfo { "
	    "hasNextPage } } } }\",\"variables\":{\"entity\":\"e\",\"project\":\"p\",\"filters\":"
	    "\"{}\"}}",
	    "",
	    "{\"data\":{\"project\":{\"runs\":{\"edges\":[{\"node\":{\"name\":\"r1\","
	    "\"displayName\":\"fast\",\"state\":\"running\",\"heartbeatAt\":\"2025-11-20T06:44:00"
	    "\",\"summaryMetrics\":\"{\\\"loss\\\": \\\"NaN\\\"}\"}}],\"pageInfo\":{"
	    "\"hasNextPage\":false}}}}}",
	    "run=r1,run_name=fast,state=running NaN @1763621040.000" },
	{ "preset: langsmith\napi_key: k\nvariables: {session: s1}\n", "error_rate",
	    "https://api.smith.langchain.com/api/v1/runs/stats",
	    "{\"session\":[\"s1\"],\"start_time\":\"2026-11-20T06:19:00.500Z\",\"end_time\":"
	    "\"2026-11-20T06:24:00.500Z\",\"is_root\":true}",
	    "x-api-key: k\n", "{\"run_count\":4,\"error_rate\":0.25,\"total_cost\":\"0.1\"}",
	    " 0.25" },
};

START_TEST(a_preset_knows_request_and_answer)
{
	struct bench_answer a = bench_ask(
	    "http_json", presets[_i].yaml, presets[_i].query, 200, str_from(presets[_i].answer));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_str_eq(a.url, presets[_i].url);
	ck_assert_str_eq(a.body, presets[_i].body);
	ck_assert_str_eq(a.headers, presets[_i].headers);
	ck_assert_uint_eq(a.vector.n, 1);
	ck_assert_str_eq(bench_row(&a, 0), presets[_i].row);
}
END_TEST

START_TEST(a_presets_answer_cut_anywhere_is_an_error)
{
	bench_truncate(
	    "http_json", presets[_i].yaml, presets[_i].query, str_from(presets[_i].answer));
}
END_TEST

static const struct {
	const char *yaml, *answer, *text;
} preset_errors[] = {
	{ "preset: datadog\n", "{\"status\":\"error\",\"error\":\"Rate\",\"series\":[]}", "Rate" },
	{ "preset: newrelic\nvariables: {account: '1'}\n",
	    "{\"data\":{\"actor\":{\"account\":{\"nrql\":null}}},\"errors\":[{\"message\":\"NRQL "
	    "Syntax Error\"}]}",
	    "NRQL Syntax Error" },
	{ "preset: newrelic\nvariables: {account: '1'}\n",
	    "{\"data\":{\"actor\":{\"account\":{\"nrql\":{\"results\":[{\"value\":{\"50\":1,\"95\":"
	    "2}"
	    "}]}}}}}",
	    "the value has 2 members: {\"50\":1,\"95\":2}; let the path go on to one of them" },
	{ "preset: newrelic\nvariables: {account: '1'}\n",
	    "{\"data\":{\"actor\":{\"account\":{\"nrql\":{\"results\":[{\"count\":5}]}}}}}",
	    "leads nowhere in any of 1 rows, such as {\"count\":5}" },
	{ "preset: wandb\nvariables: {project: p, entity: e}\n",
	    "{\"data\":{\"project\":{\"runs\":{\"edges\":[],\"pageInfo\":{\"hasNextPage\":true}}}}"
	    "}",
	    "partial answer" },
	{ "preset: signoz\nurl: http://s\n",
	    "{\"status\":\"error\",\"error\":{\"message\":\"m1\"}}", "m1" },
};

START_TEST(a_vendors_error_with_status_200_is_one)
{
	struct bench_answer a = bench_ask(
	    "http_json", preset_errors[_i].yaml, "q", 200, str_from(preset_errors[_i].answer));

	ck_assert(a.failed);
	ck_assert_msg(strstr(a.err.text, preset_errors[_i].text) != NULL, "%s", a.err.text);
}
END_TEST

static const struct {
	const char *yaml, *text;
} misconfigured[] = {
	{ "method: GET\n", "missing key 'url'" },
	{ "url: ftp://h\n", "expected http://" },
	{ "url: 'http://h/{{nowish}}'\n", "{{nowish}}: known are query" },
	{ "url: 'http://h/{{query:html}}'\n", "expected :raw, :url or :json" },
	{ "url: 'http://h/{{query'\n", "{{ without }}" },
	{ "url: 'http://h/{{query}}'\nrows: 'a[b]'\n", "rows: path 'a[b]'" },
	{ "url: 'http://h/{{query}}'\nlabels: {x: 'a..b'}\n", "labels: path" },
	{ "url: http://h/\nvalue: a.b\n", "a rule's query is the path of the value" },
	{ "url: 'http://h/{{query}}'\napi_key: k\n", "api_key needs api_key_header" },
	{ "url: 'http://h/{{query}}'\npoll_url: 'http://h/{{oid}}'\n", "poll: {{oid}}" },
	{ "preset: newrelic\n", "the preset needs variables: {account: ...}" },
	{ "preset: signoz\n", "missing key 'url'" },
	{ "preset: honeycom\nurl: http://h\n", "none" },
};

START_TEST(a_mistake_in_the_settings_is_told)
{
	struct arena *arena = arena_new(0);
	char text[256];

	ck_assert_uint_ge(
	    source_config_errors(arena, "http_json", misconfigured[_i].yaml, text), 1);
	ck_assert_msg(strstr(text, misconfigured[_i].text) != NULL, "%s", text);
	arena_free(arena);
}
END_TEST

#define HONEYCOMB "preset: honeycomb\napi_key: k\nvariables: {dataset: 'd s'}\nlabels: {svc: svc}\n"

START_TEST(a_result_is_asked_for_until_it_is_complete)
{
	struct bench_answer a;

	bench_later[0] = STR("{\"id\":\"r/1\",\"complete\":false}");
	bench_later[1] = STR("{\"id\":\"r/1\",\"complete\":true,\"data\":{\"results\":[{\"data\":"
			     "{\"svc\":\"a\",\"COUNT\":5}}]}}");
	a = bench_ask(
	    "http_json", HONEYCOMB, "q7", 201, STR("{\"id\":\"r/1\",\"complete\":false}"));
	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_uint_eq(a.requests, 3);
	ck_assert_str_eq(a.method, "GET");
	ck_assert_str_eq(a.url, "https://api.honeycomb.io/1/query_results/d%20s/r%2F1");
	ck_assert_str_eq(a.headers, "X-Honeycomb-Team: k\n");
	ck_assert_str_eq(bench_row(&a, 0), "svc=a 5");
}
END_TEST

START_TEST(a_result_that_is_complete_at_once_is_not_asked_for)
{
	struct bench_answer a = bench_ask("http_json", HONEYCOMB, "q7", 200,
	    STR("{\"complete\":true,\"data\":{\"results\":[]}}"));

	ck_assert_msg(!a.failed, "%s", a.err.text);
	ck_assert_uint_eq(a.requests, 1);
	ck_assert_str_eq(a.url, "https://api.honeycomb.io/1/query_results/d%20s");
	ck_assert_str_eq(a.body, "{\"query_id\":\"q7\",\"disable_series\":true}");
}
END_TEST

START_TEST(a_result_that_is_never_complete_is_a_timeout)
{
	struct bench_answer a =
	    bench_ask("http_json", HONEYCOMB, "q7", 201, STR("{\"id\":\"r\",\"complete\":false}"));

	ck_assert(a.failed);
	ck_assert_int_eq((int)a.err.code, ERR_TIMEOUT);
	/* One each second of the ten. */
	ck_assert_uint_ge(a.requests, 9);
	ck_assert_uint_le(a.requests, 11);
}
END_TEST

static const int64_t cancel_ms[] = { 2, 500, 1007 };

/* During the first request, between two, during the second. */
START_TEST(a_cancelled_query_ends_at_once)
{
	struct bench_answer a;

	bench_cancel_after = DUR_MS(cancel_ms[_i]);
	a = bench_ask("http_json", HONEYCOMB, "q7", 201, STR("{\"id\":\"r\",\"complete\":false}"));
	ck_assert(a.failed);
	ck_assert_int_eq((int)a.err.code, ERR_CANCELLED);
	ck_assert_uint_eq(a.requests, _i == 2 ? 2 : 1);
}
END_TEST

START_TEST(an_answer_without_an_id_is_an_error)
{
	struct bench_answer a = bench_ask("http_json", HONEYCOMB, "q7", 201, STR("{}"));

	ck_assert(a.failed);
	ck_assert_ptr_nonnull(strstr(a.err.text, "no id"));
	ck_assert_uint_eq(a.requests, 1);
}
END_TEST

TCase *
tcase_http_json(void)
{
	TCase *tc = tcase_create("http_json");

	tcase_add_checked_fixture(tc, bench_set_up, bench_tear_down);
	tcase_add_test(tc, rows_have_values_labels_and_times);
	tcase_add_loop_test(tc, placeholders_are_escaped_for_their_place, 0, ARRAY_LEN(bodies));
	tcase_add_test(tc, without_a_placeholder_the_query_is_the_values_path);
	tcase_add_loop_test(tc, what_the_paths_do_not_find_is_an_error, 0, ARRAY_LEN(bad));
	tcase_add_test(tc, empty_lists_and_null_are_an_empty_vector);
	tcase_add_test(tc, an_answer_cut_anywhere_is_an_error);
	tcase_add_loop_test(tc, a_preset_knows_request_and_answer, 0, ARRAY_LEN(presets));
	tcase_add_loop_test(tc, a_presets_answer_cut_anywhere_is_an_error, 0, ARRAY_LEN(presets));
	tcase_add_loop_test(
	    tc, a_vendors_error_with_status_200_is_one, 0, ARRAY_LEN(preset_errors));
	tcase_add_test(tc, a_result_is_asked_for_until_it_is_complete);
	tcase_add_test(tc, a_result_that_is_complete_at_once_is_not_asked_for);
	tcase_add_test(tc, a_result_that_is_never_complete_is_a_timeout);
	tcase_add_loop_test(tc, a_cancelled_query_ends_at_once, 0, ARRAY_LEN(cancel_ms));
	tcase_add_test(tc, an_answer_without_an_id_is_an_error);
	tcase_add_loop_test(tc, a_mistake_in_the_settings_is_told, 0, ARRAY_LEN(misconfigured));
	return tc;
}
