/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v2/silences and /silence/{id}: status codes and words as Alertmanager has them, order,
 * filters, editing. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/api/world.h"

#define S            "/api/v2/silences"
#define UNKNOWN      "00000000-0000-4000-8000-000000000000"
#define TIMES        "'startsAt':'2023-11-14T22:00:00Z','endsAt':'2023-11-15T22:00:00Z'"
#define BY           "'createdBy':'me','comment':'why'"
#define MATCHERS     "'matchers':[{'name':'a','value':'b','isRegex':false}]"
#define ONE(matcher) "{'matchers':[" matcher "]," TIMES "," BY "}"

static const struct {
	const char *label;
	const char *body; /* ' for " */
	int status, code;
	const char *says;
} rows[] = {
	{ "whole", "{" MATCHERS "," TIMES "," BY "}", 200, 0, "silenceID" },
	{ "unknown fields", "{" MATCHERS "," TIMES "," BY ",'x':1}", 200, 0, "silenceID" },
	{ "an empty id is none", "{'id':''," MATCHERS "," TIMES "," BY "}", 200, 0, "silenceID" },
	{ "nothing said", "{" MATCHERS "," TIMES ",'createdBy':'','comment':''}", 200, 0,
	    "silenceID" },
	{ "a negative matcher alone",
	    ONE("{'name':'a','value':'b','isRegex':false,'isEqual':false}"), 200, 0, "silenceID" },
	{ "isEqual null is true", ONE("{'name':'a','value':'b','isRegex':false,'isEqual':null}"),
	    200, 0, "silenceID" },
	{ "from the year 1 is from now",
	    "{" MATCHERS
	    ",'startsAt':'0001-01-01T00:00:00.000Z','endsAt':'2023-11-15T22:00:00Z'," BY "}",
	    200, 0, "silenceID" },
	{ "no body", "", 422, 602, "silence in body is required" },
	{ "nothing", "{}", 422, 602, "comment in body is required" },
	{ "no comment", "{" MATCHERS "," TIMES ",'createdBy':'me'}", 422, 602,
	    "comment in body is required" },
	{ "comment null", "{" MATCHERS "," TIMES ",'createdBy':'me','comment':null}", 422, 602,
	    "comment in body is required" },
	{ "no creator", "{" MATCHERS "," TIMES ",'comment':'why'}", 422, 602,
	    "createdBy in body is required" },
	{ "no matchers", "{" TIMES "," BY "}", 422, 602, "matchers in body is required" },
	{ "no start", "{" MATCHERS ",'endsAt':'2023-11-15T22:00:00Z'," BY "}", 422, 602,
	    "startsAt in body is required" },
	{ "no end", "{" MATCHERS ",'startsAt':'2023-11-15T22:00:00Z'," BY "}", 422, 602,
	    "endsAt in body is required" },
	{ "a comment that is a number", "{" MATCHERS "," TIMES ",'createdBy':'me','comment':5}",
	    400, 400, "comment" },
	{ "an id that is a number", "{'id':5," MATCHERS "," TIMES "," BY "}", 400, 400, "id" },
	{ "matchers that are an object", "{'matchers':{}," TIMES "," BY "}", 400, 400, "matchers" },
	{ "no matcher in matchers", "{'matchers':[]," TIMES "," BY "}", 422, 612,
	    "matchers in body should have at least 1 items" },
	{ "a matcher that is null", ONE("null"), 400, 400, "a matcher is an object" },
	{ "a matcher without a name", ONE("{'value':'b','isRegex':false}"), 422, 602,
	    "matchers.0.name in body is required" },
	{ "a matcher without a value", ONE("{'name':'a','isRegex':false}"), 422, 602,
	    "matchers.0.value in body is required" },
	{ "a matcher without isRegex", ONE("{'name':'a','value':'b'}"), 422, 602,
	    "matchers.0.isRegex in body is required" },
	{ "the second is not whole", ONE("{'name':'a','value':'b','isRegex':false},{'name':'x'}"),
	    422, 602, "matchers.1.isRegex in body is required" },
	{ "isRegex that is a word", ONE("{'name':'a','value':'b','isRegex':'yes'}"), 400, 400,
	    "isRegex" },
	{ "isEqual that is a word", ONE("{'name':'a','value':'b','isRegex':false,'isEqual':'yes'}"),
	    400, 400, "isEqual" },
	{ "a matcher without a label name", ONE("{'name':'','value':'b','isRegex':false}"), 400, 0,
	    "silence invalid: invalid label matcher 0: " },
	{ "a regular expression that is none", ONE("{'name':'a','value':'(','isRegex':true}"), 400,
	    0, "silence invalid: invalid label matcher 0: " },
	{ "matches only the empty", ONE("{'name':'a','value':'','isRegex':false}"), 400, 0,
	    "at least one matcher must not match the empty string" },
	{ "matches the empty, too", ONE("{'name':'a','value':'.*','isRegex':true}"), 400, 0,
	    "at least one matcher must not match the empty string" },
	{ "ends before it starts",
	    "{" MATCHERS ",'startsAt':'2023-11-16T00:00:00Z','endsAt':'2023-11-15T00:00:00Z'," BY
	    "}",
	    400, 0, "start time must be before end time" },
	{ "ended already",
	    "{" MATCHERS ",'startsAt':'2023-11-13T00:00:00Z','endsAt':'2023-11-14T00:00:00Z'," BY
	    "}",
	    400, 0, "end time can't be in the past" },
	{ "never ends",
	    "{" MATCHERS ",'startsAt':'2023-11-13T00:00:00Z','endsAt':'0001-01-01T00:00:00Z'," BY
	    "}",
	    400, 0, "start time must be before end time" },
	{ "a time that is none",
	    "{" MATCHERS ",'startsAt':'soon','endsAt':'2023-11-14T00:00:00Z'," BY "}", 400, 400,
	    "startsAt is no time" },
	{ "broken JSON", "{", 400, 400, "parsing silence body: the text ends too early" },
	{ "a NUL in the comment",
	    "{" MATCHERS "," TIMES ",'createdBy':'me','comment':'a\\u0000b'}", 400, 400,
	    "parsing silence body: a NUL character" },
	{ "something after it", "{} x", 400, 400, "parsing silence body" },
	{ "a list", "[]", 400, 400, "an object is wanted" },
	{ "a word", "'a'", 400, 400, "an object is wanted" },
	{ "null", "null", 400, 400, "" },
	{ "an id nobody knows", "{'id':'" UNKNOWN "'," MATCHERS "," TIMES "," BY "}", 404, 0,
	    "not found" },
	{ "an id that is none", "{'id':'abc'," MATCHERS "," TIMES "," BY "}", 404, 0, "not found" },
};

START_TEST(answers_a_post_as_alertmanager_does)
{
	int status = ask("POST", S, quoted(rows[_i].body));

	ck_assert_msg(status == rows[_i].status, "%s: %d %s", rows[_i].label, status, said());
	ck_assert_msg(strstr(said(), rows[_i].says) != NULL, "%s: %s", rows[_i].label, said());
	if (rows[_i].code != 0)
		ck_assert_int_eq(json_object_get_int(at(said_json(), "code")), rows[_i].code);
	else if (rows[_i].status != 200)
		ck_assert(json_object_is_type(said_json(), json_type_string));
}
END_TEST

static const struct {
	const char *method, *path;
	int status;
	const char *says;
} by_id[] = {
	{ "GET", "/api/v2/silence/" UNKNOWN, 404, "not found" },
	{ "DELETE", "/api/v2/silence/" UNKNOWN, 404, "not found" },
	{ "GET", "/api/v2/silence/abc", 422,
	    "silenceID in path must be of type uuid: \\\"abc\\\"" },
	{ "DELETE", "/api/v2/silence/abc", 422,
	    "silenceID in path must be of type uuid: \\\"abc\\\"" },
	{ "GET", "/api/v2/silence/", 404, "path /api/v2/silence/ was not found" },
	{ "GET", "/api/v2/silence/a/b", 404, "was not found" },
	{ "GET", "/api/v2/silence/" UNKNOWN "%00", 400, "a NUL character, %00, in the URL" },
	{ "GET", "/api/v2/silences?filter=a%00=b", 400, "a NUL character" },
	{ "POST", "/api/v2/silence/" UNKNOWN, 405, "but [DELETE,GET] are" },
};

START_TEST(answers_for_one_silence)
{
	ck_assert_msg(
	    ask(by_id[_i].method, by_id[_i].path, NULL) == by_id[_i].status, "%s", said());
	ck_assert_msg(strstr(said(), by_id[_i].says) != NULL, "%s", said());
}
END_TEST

static const char *
one_path(const char *id)
{
	static char path[80];

	(void)snprintf(path, sizeof(path), "/api/v2/silence/%s", id);
	return path;
}

START_TEST(looks_as_alertmanager_shows_it)
{
	char want[600], id[40];
	const char *rest;

	ck_assert_int_eq(
	    ask("POST", S,
		quoted("{'matchers':[{'name':'z','value':'a|<b>','isRegex':true,'isEqual':false},"
		       "{'name':'a','value':'1','isRegex':false}]," TIMES
		       ",'createdBy':'me & you','comment':'\xc3\xa9'}")),
	    200);
	(void)snprintf(id, sizeof(id), "%s", text_at(said_json(), "silenceID"));
	rest = quoted("'status':{'state':'active'},'updatedAt':'2023-11-14T22:13:20.000Z',"
		      "'comment':'\xc3\xa9','createdBy':'me \\u0026 "
		      "you','endsAt':'2023-11-15T22:00:00.000Z','matchers':["
		      "{'isEqual':false,'isRegex':true,'name':'z','value':'a|\\u003cb\\u003e'},"
		      "{'isEqual':true,'isRegex':false,'name':'a','value':'1'}],'startsAt':'2023-"
		      "11-14T22:13:20.000Z'}\n");
	(void)snprintf(want, sizeof(want), "{\"id\":\"%s\",%s", id, rest);
	ck_assert_int_eq(ask("GET", one_path(id), NULL), 200);
	ck_assert_str_eq(said(), want);
	ck_assert_int_eq(ask("GET", S, NULL), 200);
	ck_assert_uint_eq(json_object_array_length(said_json()), 1);
}
END_TEST

/* Our member, which others pass over. */
START_TEST(until_resolved_is_kept_and_ends_with_its_alert)
{
	char id[40];

	must_post("[{'labels':{'a':'b'},'endsAt':'2023-11-14T22:23:20Z'}]");
	ck_assert_int_eq(
	    ask("POST", S, quoted("{" MATCHERS "," TIMES "," BY ",'untilResolved':'yes'}")), 400);
	ck_assert_int_eq(
	    ask("POST", S, quoted("{" MATCHERS "," TIMES "," BY ",'untilResolved':true}")), 200);
	(void)snprintf(id, sizeof(id), "%s", text_at(said_json(), "silenceID"));
	ck_assert_int_eq(ask("GET", one_path(id), NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "untilResolved"), "true");
	world_advance(DUR_S(850)); /* 250 s after the end of the alert */
	ck_assert_int_eq(ask("GET", one_path(id), NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "status.state"), "active");
	world_advance(DUR_S(100));
	ck_assert_int_eq(ask("GET", one_path(id), NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "status.state"), "expired");
}
END_TEST

START_TEST(is_kept_before_it_is_acknowledged)
{
	char id[40];

	(void)snprintf(id, sizeof(id), "%s", must_silence("a", "b"));
	world_restart();
	ck_assert_int_eq(ask("GET", one_path(id), NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "status.state"), "active");
}
END_TEST

START_TEST(is_refused_while_the_disk_fails)
{
	char id[40];

	(void)snprintf(id, sizeof(id), "%s", must_silence("a", "b"));
	store_set_failing(w.state.store, true);
	(void)ask_only("POST", "/api/v2/alerts", quoted("[{'labels':{'a':'b'}}]"));
	for (int i = 0; i < 10; i++)
		(void)loop_turn(w.loop, DUR_MS(0));
	struct http_call *waits = w.call;
	w.call = NULL;
	ck_assert_int_eq(ask("DELETE", one_path(id), NULL), 503);
	ck_assert_int_eq(ask("POST", S, quoted("{" MATCHERS "," TIMES "," BY "}")), 503);
	ck_assert_int_eq(ask("GET", one_path(id), NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "status.state"), "active");
	store_set_failing(w.state.store, false);
	world_advance(DUR_S(5));
	http_call_fake_free(waits);
}
END_TEST

START_TEST(expires_and_stays_expired)
{
	char id[40], body[600];

	(void)snprintf(id, sizeof(id), "%s", must_silence("a", "b"));
	ck_assert_int_eq(ask("DELETE", one_path(id), NULL), 200);
	ck_assert_str_eq(said(), "");
	ck_assert_int_eq(ask("DELETE", one_path(id), NULL), 200);
	ck_assert_int_eq(ask("GET", one_path(id), NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "status.state"), "expired");
	(void)snprintf(body, sizeof(body), "{'id':'%s'," MATCHERS "," TIMES "," BY "}", id);
	ck_assert_int_eq(ask("POST", S, quoted(body)), 200);
	ck_assert_str_ne(text_at(said_json(), "silenceID"), id);
}
END_TEST

START_TEST(changes_in_place_when_only_the_end_moves)
{
	char id[40], body[600];

	(void)snprintf(id, sizeof(id), "%s", must_silence("a", "b"));
	(void)snprintf(body, sizeof(body),
	    "{'id':'%s'," MATCHERS ",'startsAt':'2023-11-14T22:13:20.000Z',"
	    "'endsAt':'2023-11-20T00:00:00Z','createdBy':'me','comment':'longer'}",
	    id);
	ck_assert_int_eq(ask("POST", S, quoted(body)), 200);
	ck_assert_str_eq(text_at(said_json(), "silenceID"), id);
	ck_assert_int_eq(ask("GET", one_path(id), NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "comment"), "longer");
	(void)snprintf(body, sizeof(body),
	    "{'id':'%s','matchers':[{'name':'a','value':'c','isRegex':false}]," TIMES "," BY "}",
	    id);
	ck_assert_int_eq(ask("POST", S, quoted(body)), 200);
	ck_assert_str_ne(text_at(said_json(), "silenceID"), id);
	ck_assert_int_eq(ask("GET", one_path(id), NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "status.state"), "expired");
}
END_TEST

static void
post_silence(const char *matcher, const char *starts, const char *ends, const char *comment)
{
	char body[600];

	(void)snprintf(body, sizeof(body),
	    "{'matchers':[%s],'startsAt':'%s','endsAt':'%s','createdBy':'me','comment':'%s'}",
	    matcher, starts, ends, comment);
	ck_assert_msg(ask("POST", S, quoted(body)) == 200, "%s", said());
}

static const char *
comments(const char *query)
{
	static struct buf text;
	char path[200];

	(void)snprintf(path, sizeof(path), S "%s", query);
	ck_assert_int_eq(ask("GET", path, NULL), 200);
	buf_clear(&text);
	json_object *list = said_json();
	for (size_t i = 0; i < json_object_array_length(list); i++)
		buf_printf(&text, "%s%s", i > 0 ? " " : "",
		    text_at(json_object_array_get_idx(list, i), "comment"));
	return text.n > 0 ? text.p : "";
}

#define M(name, op, value) "{'name':'" name "','value':'" value "'," op "}"
#define EQ                 "'isRegex':false"
#define NE                 "'isRegex':false,'isEqual':false"
#define RE                 "'isRegex':true"

START_TEST(lists_by_state_and_end_and_filters_by_matchers)
{
	post_silence(M("a", EQ, "1"), "2023-11-14T22:00:00Z", "2023-11-16T00:00:00Z", "later");
	post_silence(M("a", NE, "2"), "2023-11-14T22:00:00Z", "2023-11-15T00:00:00Z", "sooner");
	post_silence(M("a", RE, "1|2") "," M("b", EQ, "x"), "2023-11-17T00:00:00Z",
	    "2023-11-18T00:00:00Z", "second");
	post_silence(M("a", EQ, "1"), "2023-11-16T00:00:00Z", "2023-11-18T00:00:00Z", "first");
	post_silence(M("a", EQ, "1"), "2023-11-14T22:00:00Z", "2023-11-14T22:14:00Z", "past");
	post_silence(M("a", EQ, "1"), "2023-11-14T22:00:00Z", "2023-11-14T22:15:00Z", "newly");
	world_advance(DUR_S(300));
	ck_assert_str_eq(comments(""), "sooner later first second newly past");
	ck_assert_str_eq(comments("?filter=a=1"), "later first newly past");
	ck_assert_str_eq(comments("?filter=a%21=2"), "sooner");
	ck_assert_str_eq(comments("?filter=a%21=1"), "");
	ck_assert_str_eq(comments("?filter=a=~%221%7C2%22"), "second");
	ck_assert_str_eq(comments("?filter=a=~%22.*%22"), "");
	ck_assert_str_eq(comments("?filter=b=x"), "second");
	ck_assert_str_eq(comments("?filter=b=x&filter=a=1"), "");
	ck_assert_str_eq(comments("?filter=nobody=%22%22"), "");
	ck_assert_int_eq(ask("GET", S "?filter=x", NULL), 400);
	ck_assert_int_eq(ask("GET", S "/", NULL), 200);
}
END_TEST

TCase *
silence_tests(void)
{
	TCase *tc = tcase_create("silences");

	tcase_add_checked_fixture(tc, world_open, world_close);
	tcase_add_loop_test(tc, answers_a_post_as_alertmanager_does, 0, (int)ARRAY_LEN(rows));
	tcase_add_loop_test(tc, answers_for_one_silence, 0, (int)ARRAY_LEN(by_id));
	tcase_add_test(tc, looks_as_alertmanager_shows_it);
	tcase_add_test(tc, until_resolved_is_kept_and_ends_with_its_alert);
	tcase_add_test(tc, is_kept_before_it_is_acknowledged);
	tcase_add_test(tc, is_refused_while_the_disk_fails);
	tcase_add_test(tc, expires_and_stays_expired);
	tcase_add_test(tc, changes_in_place_when_only_the_end_moves);
	tcase_add_test(tc, lists_by_state_and_end_and_filters_by_matchers);
	return tc;
}
