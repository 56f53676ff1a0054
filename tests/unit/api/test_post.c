/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v2/alerts: status codes as Alertmanager has them, what is taken, and when the answer
 * comes. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/api/world.h"

#define A "/api/v2/alerts"

static const struct {
	const char *label;
	const char *body; /* ' for " */
	int status, code; /* code 0: a JSON string, or nothing for 200 */
	const char *says; /* part of the answer */
} rows[] = {
	{ "an empty list", "[]", 200, 0, "" },
	{ "null", "null", 200, 0, "" },
	{ "white space around", " \n[ ]\t\n", 200, 0, "" },
	{ "an object", "{}", 400, 400, "a list of alerts is wanted" },
	{ "a string", "'a'", 400, 400, "a list of alerts is wanted" },
	{ "broken JSON", "[{'labels':", 400, 400, "parsing alerts body" },
	{ "no JSON at all", "alerts!", 400, 400, "parsing alerts body" },
	{ "a NUL in a label", "[{'labels':{'a':'b\\u0000c'}}]", 400, 400,
	    "parsing alerts body: a NUL character, \\\\u0000, at byte 18" },
	{ "a backslash before what would be one", "[{'labels':{'a':'b\\\\u0000c'}}]", 200, 0, "" },
	{ "no body", "", 422, 602, "alerts in body is required" },
	{ "no labels", "[{'annotations':{}}]", 422, 602, "0.labels in body is required" },
	{ "labels null", "[{'labels':null}]", 422, 602, "0.labels in body is required" },
	{ "the second has no labels", "[{'labels':{'a':'b'}},{}]", 422, 602,
	    "1.labels in body is required" },
	{ "no label in labels", "[{'labels':{}}]", 400, 0, "at least one label pair required" },
	{ "only empty labels", "[{'labels':{'a':''}}]", 400, 0,
	    "at least one label pair required" },
	{ "null is an empty label", "[{'labels':{'a':null}}]", 400, 0,
	    "at least one label pair required" },
	{ "null beside another label", "[{'labels':{'a':null,'b':'x'}}]", 200, 0, "" },
	{ "an alert that is null", "[null]", 400, 400, "an alert is an object" },
	{ "an alert that is a string", "['a']", 400, 400, "an alert is an object" },
	{ "labels that are a list", "[{'labels':[]}]", 400, 400,
	    "labels and annotations are objects" },
	{ "a label value that is a number", "[{'labels':{'a':1}}]", 400, 400, "is a string" },
	{ "an annotation that is an object", "[{'labels':{'a':'b'},'annotations':{'c':{}}}]", 400,
	    400, "is a string" },
	{ "annotations null", "[{'labels':{'a':'b'},'annotations':null}]", 200, 0, "" },
	{ "a time that is none", "[{'labels':{'a':'b'},'startsAt':'yesterday'}]", 400, 400,
	    "a time is written as" },
	{ "a time that is a number", "[{'labels':{'a':'b'},'endsAt':5}]", 400, 400,
	    "a time is written as" },
	{ "a date alone", "[{'labels':{'a':'b'},'endsAt':'2023-11-14'}]", 400, 400,
	    "a time is written as" },
	{ "an empty time", "[{'labels':{'a':'b'},'startsAt':''}]", 200, 0, "" },
	{ "a time that is null", "[{'labels':{'a':'b'},'startsAt':null}]", 200, 0, "" },
	{ "the year 1",
	    "[{'labels':{'a':'b'},'startsAt':'0001-01-01T00:00:00.000Z','endsAt':'0001-01-01T00:00:"
	    "00Z'}]",
	    200, 0, "" },
	{ "end before start",
	    "[{'labels':{'a':'b'},'startsAt':'2026-01-02T00:00:00Z','endsAt':'2026-01-01T00:00:00Z'"
	    "}]",
	    400, 0, "start time must be before end time" },
	{ "a URL without a scheme", "[{'labels':{'a':'b'},'generatorURL':'foo'}]", 422, 601,
	    "0.generatorURL in body must be of type uri" },
	{ "a scheme that begins with a digit", "[{'labels':{'a':'b'},'generatorURL':'1http://x'}]",
	    422, 601, "1http://x" },
	{ "a URL of two words", "[{'labels':{'a':'b'},'generatorURL':'not a url'}]", 422, 601,
	    "not a url" },
	{ "a URL with a scheme alone", "[{'labels':{'a':'b'},'generatorURL':'foo:bar'}]", 200, 0,
	    "" },
	{ "a path as URL", "[{'labels':{'a':'b'},'generatorURL':'/graph?x=1'}]", 200, 0, "" },
	{ "an empty URL", "[{'labels':{'a':'b'},'generatorURL':''}]", 200, 0, "" },
	{ "a URL that is a number", "[{'labels':{'a':'b'},'generatorURL':5}]", 400, 400,
	    "generatorURL is a string" },
	{ "a field nobody knows", "[{'labels':{'a':'b'},'surprise':[1,{'x':null}]}]", 200, 0, "" },
	{ "an empty label name", "[{'labels':{'':'b'}}]", 400, 0, "name" },
	{ "a value that is no UTF-8", "[{'labels':{'a':'\xff'}}]", 400, 0, "UTF-8" },
	{ "nested too deep",
	    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 400,
	    400, "" },
};

START_TEST(answers_a_post_as_alertmanager_does)
{
	int status = ask("POST", A, quoted(rows[_i].body));
	json_object *code;

	ck_assert_msg(status == rows[_i].status, "%s: %d %s", rows[_i].label, status, said());
	ck_assert_msg(strstr(said(), rows[_i].says) != NULL ||
			  (rows[_i].code == 601 &&
			      strstr(text_at(said_json(), "message"), rows[_i].says) != NULL),
	    "%s: %s", rows[_i].label, said());
	if (rows[_i].status == 200) {
		ck_assert_str_eq(said(), "");
		return;
	}
	json_object_object_get_ex(said_json(), "code", &code);
	if (rows[_i].code == 0)
		ck_assert_msg(json_object_is_type(said_json(), json_type_string), "%s: %s",
		    rows[_i].label, said());
	else
		ck_assert_int_eq(json_object_get_int(at(said_json(), "code")), rows[_i].code);
}
END_TEST

static const struct {
	const char *type;
	int status;
} types[] = {
	{ "application/json", 200 },
	{ "application/json; charset=utf-8", 200 },
	{ "Application/JSON", 200 },
	{ "text/plain", 415 },
	{ "application/jsonx", 415 },
	{ NULL, 415 },
};

START_TEST(takes_json_and_nothing_else)
{
	ck_assert_int_eq(ask_as("POST", A, types[_i].type, "[]"), types[_i].status);
	if (types[_i].status == 415)
		ck_assert_ptr_nonnull(strstr(said(), "only [application/json] are allowed"));
}
END_TEST

START_TEST(takes_the_good_ones_and_names_the_bad)
{
	ck_assert_int_eq(ask("POST", A,
			     quoted("[{'labels':{'alertname':'Good'}},{'labels':{'a':''}},{'labels'"
				    ":{'':'x'}},{'labels':{'alertname':'Fine'}}]")),
	    400);
	ck_assert_ptr_nonnull(strstr(said(), "at least one label pair required; "));
	ck_assert_int_eq(ask("GET", A, NULL), 200);
	ck_assert_uint_eq(json_object_array_length(said_json()), 2);
}
END_TEST

START_TEST(takes_nothing_when_the_shape_is_wrong)
{
	ck_assert_int_eq(
	    ask("POST", A, quoted("[{'labels':{'alertname':'Good'}},{'labels':{'a':1}}]")), 400);
	ck_assert_int_eq(ask("GET", A, NULL), 200);
	ck_assert_str_eq(said(), "[]\n");
}
END_TEST

START_TEST(answers_after_the_commit)
{
	struct http_call *call = ask_only("POST", A, quoted("[{'labels':{'alertname':'A'}}]"));
	uint64_t before = store_stats(w.state.store).commits;

	ck_assert_int_eq(http_call_status(call), 0);
	while (http_call_status(call) == 0)
		(void)loop_turn(w.loop, DUR_MS(0));
	ck_assert_int_eq(http_call_status(call), 200);
	ck_assert_uint_gt(store_stats(w.state.store).commits, before);
	world_restart();
	ck_assert_int_eq(ask("GET", A, NULL), 200);
	ck_assert_str_eq(names_of(said_json(), "alertname"), "A");
}
END_TEST

START_TEST(waits_while_the_disk_fails_and_refuses_the_next)
{
	store_set_failing(w.state.store, true);
	struct http_call *first =
	    http_call_fake("POST", A, str_from(quoted("[{'labels':{'alertname':'A'}}]")));
	http_call_fake_header(first, "Content-Type", "application/json");
	api_handle(w.api, first);
	for (int i = 0; i < 10; i++)
		(void)loop_turn(w.loop, DUR_MS(0));
	ck_assert_int_eq(http_call_status(first), 0);
	ck_assert_int_eq(ask("POST", A, quoted("[{'labels':{'alertname':'B'}}]")), 503);
	ck_assert_ptr_nonnull(strstr(said(), "nothing was taken"));
	ck_assert_str_eq(header("Retry-After"), "5");
	ck_assert_int_eq(ask("GET", A, NULL), 200);
	store_set_failing(w.state.store, false);
	world_advance(DUR_S(5));
	ck_assert_int_eq(http_call_status(first), 200);
	ck_assert_int_eq(ask("POST", A, quoted("[{'labels':{'alertname':'B'}}]")), 200);
	http_call_fake_free(first);
}
END_TEST

START_TEST(a_waiting_answer_outlives_its_call)
{
	struct http_call *call = ask_only("POST", A, quoted("[{'labels':{'alertname':'A'}}]"));

	/* As at a shutdown: the server is gone before the commit. */
	api_free(w.api);
	w.api = api_new(&w.state);
	http_call_fake_free(call);
	w.call = NULL;
	(void)loop_turn(w.loop, DUR_MS(0));
	(void)loop_turn(w.loop, DUR_MS(0));
	ck_assert_int_eq(ask("GET", A, NULL), 200);
	ck_assert_str_eq(names_of(said_json(), "alertname"), "A");
}
END_TEST

static const struct {
	const char *label, *body, *starts, *ends;
} times[] = {
	{ "none given: now, and resolve_timeout from now", "[{'labels':{'a':'b'}}]",
	    "2023-11-14T22:13:20.000Z", "2023-11-14T22:18:20.000Z" },
	{ "only an end: it starts then", "[{'labels':{'a':'b'},'endsAt':'2023-11-14T22:30:00Z'}]",
	    "2023-11-14T22:30:00.000Z", "2023-11-14T22:30:00.000Z" },
	{ "only a start", "[{'labels':{'a':'b'},'startsAt':'2023-11-14T22:00:00Z'}]",
	    "2023-11-14T22:00:00.000Z", "2023-11-14T22:18:20.000Z" },
	{ "another offset, a finer fraction",
	    "[{'labels':{'a':'b'},'startsAt':'2023-11-14T23:00:00.1234567+01:00'}]",
	    "2023-11-14T22:00:00.123Z", "2023-11-14T22:18:20.000Z" },
	{ "the year 1 counts as none",
	    "[{'labels':{'a':'b'},'startsAt':'0001-01-01T00:00:00Z','endsAt':'0001-01-01T00:00:00Z'"
	    "}]",
	    "2023-11-14T22:13:20.000Z", "2023-11-14T22:18:20.000Z" },
};

START_TEST(fills_in_times)
{
	must_post(times[_i].body);
	ck_assert_int_eq(ask("GET", A, NULL), 200);
	ck_assert_msg(strcmp(text_at(said_json(), "0.startsAt"), times[_i].starts) == 0, "%s: %s",
	    times[_i].label, said());
	ck_assert_msg(strcmp(text_at(said_json(), "0.endsAt"), times[_i].ends) == 0, "%s: %s",
	    times[_i].label, said());
}
END_TEST

START_TEST(an_end_that_has_passed_resolves)
{
	must_post("[{'labels':{'a':'b'}},{'labels':{'a':'c'}}]");
	must_post("[{'labels':{'a':'b'},'startsAt':'2023-11-14T22:00:00Z','endsAt':'2023-11-14T22:"
		  "13:19Z'}]");
	ck_assert_int_eq(ask("GET", A, NULL), 200);
	ck_assert_str_eq(names_of(said_json(), "a"), "c");
	world_advance(DUR_S(301));
	ck_assert_int_eq(ask("GET", A, NULL), 200);
	ck_assert_str_eq(said(), "[]\n");
}
END_TEST

START_TEST(refuses_more_than_its_limits)
{
	struct buf body = { 0 };

	buf_puts(&body, "[{\"labels\":{");
	for (int i = 0; i <= 1024; i++)
		buf_printf(&body, "%s\"l%d\":\"v\"", i > 0 ? "," : "", i);
	buf_puts(&body, "}}]");
	ck_assert_int_eq(ask("POST", A, body.p), 400);
	ck_assert_ptr_nonnull(strstr(said(), "more than 1024"));
	buf_clear(&body);
	for (int i = 0; i <= 100000; i++)
		buf_puts(&body, i > 0 ? ",{\"labels\":{}}" : "[{\"labels\":{}}");
	buf_puts(&body, "]");
	ck_assert_int_eq(ask("POST", A, body.p), 400);
	ck_assert_ptr_nonnull(strstr(said(), "more than 100000 alerts"));
	buf_fini(&body);
}
END_TEST

TCase *
post_tests(void)
{
	TCase *tc = tcase_create("post");

	tcase_add_checked_fixture(tc, world_open, world_close);
	tcase_add_loop_test(tc, answers_a_post_as_alertmanager_does, 0, (int)ARRAY_LEN(rows));
	tcase_add_loop_test(tc, takes_json_and_nothing_else, 0, (int)ARRAY_LEN(types));
	tcase_add_test(tc, takes_the_good_ones_and_names_the_bad);
	tcase_add_test(tc, takes_nothing_when_the_shape_is_wrong);
	tcase_add_test(tc, answers_after_the_commit);
	tcase_add_test(tc, waits_while_the_disk_fails_and_refuses_the_next);
	tcase_add_test(tc, a_waiting_answer_outlives_its_call);
	tcase_add_loop_test(tc, fills_in_times, 0, (int)ARRAY_LEN(times));
	tcase_add_test(tc, an_end_that_has_passed_resolves);
	tcase_add_test(tc, refuses_more_than_its_limits);
	return tc;
}
