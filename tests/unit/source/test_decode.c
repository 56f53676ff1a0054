/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of Prometheus and its kin: good, bad, and cut at every byte. */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "unit/source/test_source.h"

#define AT ((wall_t){ INT64_C(1763621040123000000) })
#define VECTOR(items)                                                                              \
	"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","                             \
	"\"result\":[" items "]}}"
#define ONE                                                                                        \
	"{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"value\":["                              \
	"1763621040.123,\"1\"]}"

static struct arena *arena;

static void
set_up(void)
{
	arena = arena_new(0);
}

static void
tear_down(void)
{
	arena_free(arena);
}

/* n: how many samples; key and value: of the last one. */
static const struct {
	const char *label, *body;
	uint32_t n;
	const char *key;
	double value;
} good[] = {
	{ "no series", VECTOR(""), 0, NULL, 0 },
	{ "one series", VECTOR(ONE), 1, "{\"__name__\":\"up\",\"job\":\"a\"}", 1 },
	{ "two series", VECTOR(ONE ",{\"metric\":{},\"value\":[1763621040.123,\"-2.5\"]}"), 2, "{}",
	    -2.5 },
	{ "white space everywhere",
	    " { \"status\" : \"success\" , \"data\" : { \"resultType\" : "
	    "\"vector\" , \"result\" : [ "
	    "{ \"metric\" : { \"a\" : \"b\" } , \"value\" : [ 1 , \"7\" ] } ] "
	    "} } \n",
	    1, "{ \"a\" : \"b\" }", 7 },
	{ "NaN is a value",
	    VECTOR("{\"metric\":{\"a\":\"b\"},\"value\":[1763621040.123,"
		   "\"NaN\"]}"),
	    1, "{\"a\":\"b\"}", (double)NAN },
	{ "+Inf is a value",
	    VECTOR("{\"metric\":{\"a\":\"b\"},\"value\":[1763621040.123,\"+"
		   "Inf\"]}"),
	    1, "{\"a\":\"b\"}", (double)INFINITY },
	{ "-Inf is a value",
	    VECTOR("{\"metric\":{\"a\":\"b\"},\"value\":[1763621040.123,\"-"
		   "Inf\"]}"),
	    1, "{\"a\":\"b\"}", -(double)INFINITY },
	{ "exponents", VECTOR("{\"metric\":{},\"value\":[1763621040.123,\"1e-07\"]}"), 1, "{}",
	    1e-7 },
	{ "brackets and quotes inside label values",
	    VECTOR("{\"metric\":{\"a\":\"}]\\\"{[\"},\"value\":[1763621040.123,"
		   "\"3\"]}"),
	    1, "{\"a\":\"}]\\\"{[\"}", 3 },
	{ "a scalar is one sample without labels",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\","
	    "\"result\":[1763621040.123,\"42\"]}}",
	    1, "", 42 },
	{ "VictoriaMetrics: a scalar as a vector, with stats and isPartial "
	  "false",
	    "{\"status\":\"success\",\"isPartial\":false,\"data\":{"
	    "\"resultType\":\"vector\",\"result\":["
	    "{\"metric\":{},\"value\":[1763621040,\"42\"]}]},\"stats\":{"
	    "\"seriesFetched\": \"0\",\"executionTimeMsec\":0}}",
	    1, "{}", 42 },
	{ "result before its type",
	    "{\"data\":{\"result\":[" ONE "],\"resultType\":\"vector\"},\"status\":\"success\"}", 1,
	    "{\"__name__\":\"up\",\"job\":\"a\"}", 1 },
	{ "infos are no warning",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","
	    "\"result\":[" ONE "]},"
	    "\"infos\":[\"PromQL info: metric might not be a counter\"]}",
	    1, "{\"__name__\":\"up\",\"job\":\"a\"}", 1 },
	{ "Prometheus 3: what the query does is no warning about the answer",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" ONE
	    "]},\"warnings\":[\"PromQL warning: quantile value should be between 0 and 1, got 2 "
	    "(1:10)\",\"3 more warning annotations omitted\"]}",
	    1, "{\"__name__\":\"up\",\"job\":\"a\"}", 1 },
	{ "no warnings after all",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","
	    "\"result\":[]},\"warnings\":[]}",
	    0, NULL, 0 },
	{ "a native histogram counts as 0",
	    VECTOR("{\"metric\":{\"a\":\"h\"},\"histogram\":[1763621040.123,{"
		   "\"count\":\"42\",\"sum\":\"1.5\","
		   "\"buckets\":[[0,\"1\",\"2\",\"42\"]]}]}"),
	    1, "{\"a\":\"h\"}", 0 },
	{ "members unknown to us",
	    VECTOR("{\"metric\":{\"a\":\"b\"},\"group\":1,\"value\":["
		   "1763621040.123,\"3\"]}"),
	    1, "{\"a\":\"b\"}", 3 },
};

START_TEST(good_answer)
{
	struct vector v;
	struct err err = { 0 };
	int code = prometheus_decode(str_from(good[_i].body), 200, AT, arena, &v, &err);

	ck_assert_msg(code == 0, "%s: %s", good[_i].label, err.text);
	ck_assert_msg(v.n == good[_i].n, "%s: %u series", good[_i].label, v.n);
	if (v.n == 0)
		return;
	ck_assert_msg(str_is(v.samples[v.n - 1].key, good[_i].key), "%s: key %.*s", good[_i].label,
	    STR_ARG(v.samples[v.n - 1].key));
	ck_assert_msg(v.samples[v.n - 1].value == good[_i].value ||
			  (isnan(good[_i].value) && isnan(v.samples[v.n - 1].value)),
	    "%s: value %g", good[_i].label, v.samples[v.n - 1].value);
	ck_assert(!v.samples[v.n - 1].missing);
}
END_TEST

static const struct {
	const char *label, *body;
	int status;
	enum err_code code;
	const char *text; /* part of the message */
} bad[] = {
	{ "bad_data",
	    "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:4: "
	    "parse error: unexpected end\"}",
	    400, ERR_REMOTE, "bad_data: 1:4: parse error: unexpected end (HTTP 400)" },
	{ "execution",
	    "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":"
	    "\"many-to-many\"}",
	    422, ERR_REMOTE, "execution: many-to-many (HTTP 422)" },
	{ "timeout of the server",
	    "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query "
	    "timed out\"}",
	    503, ERR_REMOTE, "timeout: query timed out" },
	{ "VictoriaMetrics parse error",
	    "{\"status\":\"error\",\"errorType\":\"422\",\"error\":\"cannot "
	    "parse query\"}",
	    422, ERR_REMOTE, "422: cannot parse query" },
	{ "an error with data beside it",
	    "{\"status\":\"error\",\"data\":{\"resultType\":\"vector\","
	    "\"result\":[" ONE "]},\"error\":\"half\"}",
	    200, ERR_REMOTE, "half" },
	{ "warnings",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","
	    "\"result\":[" ONE "]},\"warnings\":[\"store down\",\"b\"]}",
	    200, ERR_REMOTE, "partial answer: store down" },
	{ "a store is down, behind a warning about the query",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" ONE
	    "]},\"warnings\":[\"PromQL warning: x\",\"No StoreAPIs matched for this query\"]}",
	    200, ERR_REMOTE, "partial answer: No StoreAPIs matched" },
	{ "VictoriaMetrics cluster: partial, although there is data",
	    "{\"status\":\"success\",\"isPartial\":true,\"data\":{\"resultType\":\"vector\","
	    "\"result\":[" ONE "]},\"stats\":{\"seriesFetched\":\"1\"}}",
	    200, ERR_REMOTE, "partial answer" },
	{ "Mimir: a limit",
	    "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"the query exceeded the "
	    "maximum number of chunks (err-mimir-max-chunks-per-query)\"}",
	    422, ERR_REMOTE, "execution: the query exceeded the maximum number of chunks" },
	{ "Mimir: too many requests",
	    "{\"status\":\"error\",\"errorType\":\"too_many_requests\",\"error\":\"too many "
	    "outstanding "
	    "requests\"}",
	    429, ERR_REMOTE, "too_many_requests: too many outstanding requests (HTTP 429)" },
	{ "Mimir: no tenant", "no org id\n", 401, ERR_REMOTE, "access refused" },
	{ "isPartial",
	    "{\"status\":\"success\",\"isPartial\":true,\"data\":{"
	    "\"resultType\":\"vector\",\"result\":[]}}",
	    200, ERR_REMOTE, "partial answer" },
	{ "matrix",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\","
	    "\"result\":[{\"metric\":{},\"values\":[[1,\"1\"]]}]}}",
	    200, ERR_INVALID, "range vector" },
	{ "string",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"string\","
	    "\"result\":[1,\"x\"]}}",
	    200, ERR_INVALID, "a string" },
	{ "Loki's log lines",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\","
	    "\"result\":[]}}",
	    200, ERR_INVALID, "log lines" },
	{ "unknown type",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"table\","
	    "\"result\":[]}}",
	    200, ERR_INVALID, "unknown result type 'table'" },
	{ "no type", "{\"status\":\"success\",\"data\":{\"result\":[]}}", 200, ERR_INVALID,
	    "unknown result type" },
	{ "no result", "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\"}}", 200,
	    ERR_INVALID, "without a result" },
	{ "no data", "{\"status\":\"success\"}", 200, ERR_INVALID, "cannot read" },
	{ "two results",
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","
	    "\"result\":[],\"result\":[" ONE "]}}",
	    200, ERR_INVALID, "twice" },
	{ "success with status 500", VECTOR(ONE), 500, ERR_REMOTE, "HTTP 500" },
	{ "HTML", "<html><body>Sign in</body></html>", 200, ERR_INVALID, "HTML" },
	{ "a proxy's 502", "<html>Bad Gateway</html>", 502, ERR_REMOTE,
	    "HTTP 502: <html>Bad Gateway</html>" },
	{ "an empty 500", "", 500, ERR_REMOTE, "HTTP 500: no text" },
	{ "an empty 200", "", 200, ERR_INVALID, "empty" },
	{ "redirect", "", 302, ERR_REMOTE, "redirect" },
	{ "unauthorized", "Unauthorized", 401, ERR_REMOTE, "access refused" },
	{ "rate limit in words", "too many\nrequests", 429, ERR_REMOTE,
	    "HTTP 429: too many requests" },
	{ "garbage", "\x01\x02\xff", 200, ERR_INVALID, "cannot read the answer" },
	{ "null", "null", 200, ERR_INVALID, "cannot read the answer" },
	{ "a list", "[]", 200, ERR_INVALID, "cannot read the answer" },
	{ "text after the end", VECTOR(ONE) "x", 200, ERR_INVALID, "after the end" },
	{ "two documents", VECTOR(ONE) VECTOR(ONE), 200, ERR_INVALID, "after the end" },
	{ "value that is no number", VECTOR("{\"metric\":{},\"value\":[1,\"one\"]}"), 200,
	    ERR_INVALID, "no number" },
	{ "value without quotes", VECTOR("{\"metric\":{},\"value\":[1,1]}"), 200, ERR_INVALID,
	    "expected a string" },
	{ "empty value", VECTOR("{\"metric\":{},\"value\":[1,\"\"]}"), 200, ERR_INVALID,
	    "no number" },
	{ "value of three", VECTOR("{\"metric\":{},\"value\":[1,\"1\",2]}"), 200, ERR_INVALID,
	    "a sample is" },
	{ "series without value", VECTOR("{\"metric\":{}}"), 200, ERR_INVALID, "without a value" },
	{ "metric that is a list", VECTOR("{\"metric\":[],\"value\":[1,\"1\"]}"), 200, ERR_INVALID,
	    "no object" },
	{ "series that is a number", VECTOR("1"), 200, ERR_INVALID, "expected an object" },
	{ "comma at the end", VECTOR(ONE ","), 200, ERR_INVALID, "comma" },
};

START_TEST(bad_answer)
{
	struct vector v = { NULL, 77 };
	struct err err = { 0 };
	int code = prometheus_decode(str_from(bad[_i].body), bad[_i].status, AT, arena, &v, &err);

	ck_assert_msg(code == -(int)bad[_i].code, "%s: %d %s", bad[_i].label, code, err.text);
	ck_assert_msg(strstr(err.text, bad[_i].text) != NULL, "%s: %s", bad[_i].label, err.text);
	ck_assert_msg(v.n == 77, "%s: the result was touched", bad[_i].label);
}
END_TEST

/* In memory of exactly its size, so that AddressSanitizer sees a read past the
 * end. */
START_TEST(an_answer_cut_anywhere_is_an_error)
{
	struct str whole = str_trim(str_from(good[_i].body));

	for (uint32_t n = 0; n < whole.n; n++) {
		char *part = malloc(n != 0 ? n : 1);
		struct vector v;
		struct err err;

		memcpy(part, whole.p, n);
		ck_assert_msg(prometheus_decode(str_make(part, n), 200, AT, arena, &v, &err) < 0,
		    "%s: cut at %u", good[_i].label, n);
		free(part);
		arena_reset(arena);
	}
}
END_TEST

/* Any byte changed to any of these: never a crash; ASan watches. */
START_TEST(a_changed_byte_does_no_harm)
{
	static const char with[] = "\"\\{}[],:0x \n\x80";
	struct str whole = str_from(good[_i].body);

	for (uint32_t at = 0; at < whole.n; at++) {
		for (size_t k = 0; k < sizeof(with); k++) {
			char *copy = malloc(whole.n);
			struct vector v;
			struct err err;

			memcpy(copy, whole.p, whole.n);
			copy[at] = with[k];
			if (prometheus_decode(str_make(copy, whole.n), 200, AT, arena, &v, &err) ==
				0 &&
			    v.n > 0)
				ck_assert(v.samples[0].key.n <= whole.n);
			free(copy);
			arena_reset(arena);
		}
	}
}
END_TEST

static int
decode_series(uint32_t n, struct err *err)
{
	struct buf body = { 0 };
	struct vector v;
	int code;

	buf_puts(&body, "{\"status\":\"success\",\"data\":{\"resultType\":"
			"\"vector\",\"result\":[");
	for (uint32_t i = 0; i < n; i++)
		buf_printf(&body, "%s{\"metric\":{\"i\":\"%u\"},\"value\":[1,\"%u\"]}",
		    i > 0 ? "," : "", i, i);
	buf_puts(&body, "]}}");
	code = prometheus_decode(buf_str(&body), 200, AT, arena, &v, err);
	if (code == 0) {
		ck_assert_uint_eq(v.n, n);
		ck_assert(v.samples[n - 1].value == n - 1);
	}
	buf_fini(&body);
	return code;
}

START_TEST(series_max_is_a_limit)
{
	struct err err = { 0 };

	ck_assert_int_eq(decode_series(SERIES_MAX, &err), 0);
	ck_assert_int_eq(decode_series(SERIES_MAX + 1, &err), -ERR_LIMIT);
	ck_assert_ptr_nonnull(strstr(err.text, "50000"));
}
END_TEST

START_TEST(only_another_time_than_asked_for_is_the_datums_own)
{
	struct vector v;
	struct err err;

	ck_assert_int_eq(prometheus_decode(STR(VECTOR(ONE)), 200, AT, arena, &v, &err), 0);
	ck_assert(!wall_is_set(v.samples[0].at));
	ck_assert_int_eq(
	    prometheus_decode(STR(VECTOR("{\"metric\":{},\"value\":[1763620000.5,\"1\"]}")), 200,
		AT, arena, &v, &err),
	    0);
	ck_assert_int_eq(v.samples[0].at.ns, INT64_C(1763620000500000000));
}
END_TEST

TCase *
tcase_decode(void)
{
	TCase *t = tcase_create("decode");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, good_answer, 0, (int)ARRAY_LEN(good));
	tcase_add_loop_test(t, bad_answer, 0, (int)ARRAY_LEN(bad));
	tcase_add_loop_test(t, an_answer_cut_anywhere_is_an_error, 0, (int)ARRAY_LEN(good));
	tcase_add_loop_test(t, a_changed_byte_does_no_harm, 0, (int)ARRAY_LEN(good));
	tcase_add_test(t, series_max_is_a_limit);
	tcase_add_test(t, only_another_time_than_asked_for_is_the_datums_own);
	return t;
}
