/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v2/alerts and /alerts/groups: shape, order, filters, and what happens while a long
 * answer is under way. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/api/world.h"

#define A "/api/v2/alerts"
#define G "/api/v2/alerts/groups"

/* Crit is sent to pager, inhibits Warn on the same node. Ml has a route of its own. Plain is
 * silenced where a test says so. */
static const char four[] =
    "[{'labels':{'alertname':'Crit','severity':'critical','node':'n1'},"
    "  'annotations':{'summary':'<a> & b','empty':''},'generatorURL':'http://p/graph?a=1&b=2'},"
    " {'labels':{'alertname':'Warn','severity':'warning','node':'n1'}},"
    " {'labels':{'alertname':'Warn','severity':'warning','node':'n2'}},"
    " {'labels':{'alertname':'Ml','team':'ml','ctl':'a\\tb\\u0001\\\\'}}]";

static void
open_with_four(void)
{
	world_open();
	must_post(four);
}

START_TEST(looks_as_alertmanager_shows_it)
{
	ck_assert_int_eq(ask("GET", A "?filter=alertname=Crit", NULL), 200);
	ck_assert_str_eq(said(),
	    quoted("[{'annotations':{'empty':'','summary':'\\u003ca\\u003e \\u0026 b'},"
		   "'endsAt':'2023-11-14T22:18:20.000Z','fingerprint':'51d6284fb2b511c7',"
		   "'receivers':[{'name':'pager'}],'startsAt':'2023-11-14T22:13:20.000Z',"
		   "'status':{'inhibitedBy':[],'mutedBy':[],'silencedBy':[],'state':'active'},"
		   "'updatedAt':'2023-11-14T22:13:20.000Z','generatorURL':'http://p/"
		   "graph?a=1\\u0026b=2',"
		   "'labels':{'alertname':'Crit','node':'n1','severity':'critical'}}]\n"));
	ck_assert_int_eq(ask("GET", A "?filter=alertname=Warn&filter=node=n1", NULL), 200);
	ck_assert_str_eq(
	    said(), quoted("[{'annotations':{},'endsAt':'2023-11-14T22:18:20.000Z','fingerprint':'"
			   "167eba72094c1bae',"
			   "'receivers':[{'name':'default'}],'startsAt':'2023-11-14T22:13:20.000Z',"
			   "'status':{'inhibitedBy':['51d6284fb2b511c7'],'mutedBy':[],'silencedBy':"
			   "[],'state':'suppressed'},"
			   "'updatedAt':'2023-11-14T22:13:20.000Z','labels':{'alertname':'Warn','"
			   "node':'n1','severity':'warning'}}]\n"));
}
END_TEST

/* By fingerprint: Warn n1 16.., Warn n2 17.., Crit 51.., Ml */
static const struct {
	const char *query, *names, *label;
} filters[] = {
	{ "", "Warn Warn Crit Ml", "in order of fingerprints" },
	{ "?filter=alertname=%22Warn%22", "Warn Warn", "equal" },
	{ "?filter=alertname%21%3DWarn", "Crit Ml", "not equal" },
	{ "?filter=alertname=~%22W.*%22&filter=node=%22n2%22", "Warn", "several are ANDed" },
	{ "?filter=alertname=~%22ar%22", "", "a regular expression matches the whole value" },
	{ "?filter=alertname%21~%22W.%2B%22", "Crit Ml", "not matching" },
	{ "?filter=node%21=%22%22", "Warn Warn Crit", "not empty: the label is there" },
	{ "?filter=node%21~%22%22", "Warn Warn Crit",
	    "not matching the empty: the label is there" },
	{ "?filter=node=%22%22", "Ml", "empty: the label is not there" },
	{ "?filter=node=~%22.*%22", "Warn Warn Crit Ml", "an absent label is the empty value" },
	{ "?filter=node=~%22.%2B%22", "Warn Warn Crit", "an absent label is not something" },
	{ "?filter=nobody=%22knows%22", "", "a label and a value that nobody has" },
	{ "?filter=nobody%21=%22knows%22", "Warn Warn Crit Ml",
	    "nobody has it, so everybody differs" },
	{ "?filter[]=node=n2", "Warn", "filter[] is filter" },
	{ "?filter=alertname=Warn&filter[]=node=n1", "Warn", "both spellings in one request" },
	{ "?receiver=pager", "Crit Ml", "receiver" },
	{ "?receiver=page", "", "receiver is anchored" },
	{ "?receiver=page.*%7Cdefault", "Warn Warn Crit Ml", "receiver is a regular expression" },
	{ "?receiver=", "Warn Warn Crit Ml", "an empty receiver is none" },
	{ "?active=false", "Warn", "active=false leaves the suppressed" },
	{ "?inhibited=false", "Warn Crit Ml", "inhibited=false" },
	{ "?silenced=false", "Warn Warn Crit Ml", "silenced=false hides no inhibited one" },
	{ "?active=nonsense", "Warn", "nonsense is false" },
	{ "?active=", "Warn Warn Crit Ml", "an empty value is the default" },
	{ "?active=YES", "Warn Warn Crit Ml", "many words for true" },
	{ "?active=true&active=false", "Warn", "the last one counts" },
	{ "?unprocessed=false&muted=false&other=1", "Warn Warn Crit Ml",
	    "parameters nobody knows" },
};

START_TEST(filters_select)
{
	char path[200];

	(void)snprintf(path, sizeof(path), A "%s", filters[_i].query);
	ck_assert_int_eq(ask("GET", path, NULL), 200);
	ck_assert_msg(strcmp(names_of(said_json(), "alertname"), filters[_i].names) == 0,
	    "%s (%s): %s", filters[_i].label, filters[_i].query,
	    names_of(said_json(), "alertname"));
}
END_TEST

static const struct {
	const char *query, *says;
} bad[] = {
	{ "?filter=", "bad matcher format: " },
	{ "?filter=x", "bad matcher format: x" },
	{ "?filter=%7B", "bad matcher format: {" },
	{ "?filter=%7Ba=%22b%22%7D", "bad matcher format: {a=" },
	{ "?filter=a=~(", "bad matcher format: a=~(" },
	{ "?filter=a=b&filter=c", "bad matcher format: c" },
	{ "?receiver=(", "failed to parse receiver param: " },
};

START_TEST(says_what_is_wrong_with_a_filter)
{
	static const char *const paths[] = { A, G };
	char path[200];

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", paths[i], bad[_i].query);
		ck_assert_int_eq(ask("GET", path, NULL), 400);
		ck_assert(json_object_is_type(said_json(), json_type_string));
		ck_assert_msg(strncmp(json_object_get_string(said_json()), bad[_i].says,
				  strlen(bad[_i].says)) == 0,
		    "%s: %s", path, said());
	}
}
END_TEST

START_TEST(refuses_more_filters_than_its_limit)
{
	struct buf path = { 0 };

	buf_puts(&path, A "?filter=a=b");
	for (int i = 0; i < 32; i++)
		buf_puts(&path, "&filter=a=b");
	ck_assert_int_eq(ask("GET", path.p, NULL), 400);
	buf_fini(&path);
	ck_assert_str_eq(said(), "\"more than 32 filters\"\n");
}
END_TEST

START_TEST(a_silence_shows_at_once)
{
	char id[40];

	(void)snprintf(id, sizeof(id), "%s", must_silence("node", "n2"));
	ck_assert_int_eq(ask("GET", A "?filter=node=n2", NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "0.status.silencedBy.0"), id);
	ck_assert_str_eq(text_at(said_json(), "0.status.state"), "suppressed");
	ck_assert_int_eq(ask("GET", A "?silenced=false", NULL), 200);
	ck_assert_str_eq(names_of(said_json(), "node"), "n1 n1 ");
	ck_assert_int_eq(ask("GET", A "?inhibited=false", NULL), 200);
	ck_assert_str_eq(names_of(said_json(), "node"), "n2 n1 ");
}
END_TEST

/* --- groups ------------------------------------------------------------------- */

START_TEST(groups_by_labels_then_receiver)
{
	must_post("[{'labels':{'a':'1'}},{'labels':{'b':'1'}},{'labels':{'alertname':'Crit','node':"
		  "'n9'}}]");
	ck_assert_int_eq(ask("GET", G, NULL), 200);
	json_object *groups = said_json();
	static const struct {
		const char *labels, *receiver, *alerts;
	} want[] = {
		/* fewer labels come first; a set that lacks the first name comes before one that
		   has it */
		{ "{ }", "default", "2" },
		{ "{ \"alertname\": \"Crit\" }", "default", "1" },
		{ "{ \"alertname\": \"Crit\" }", "pager", "1" },
		{ "{ \"alertname\": \"Warn\" }", "default", "2" },
		{ "{ \"alertname\": \"Ml\", \"ctl\": \"a\\tb\\u0001\\\\\", \"team\": \"ml\" }",
		    "pager", "1" },
	};
	ck_assert_uint_eq(json_object_array_length(groups), ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		json_object *group = json_object_array_get_idx(groups, i);
		char n[24];
		(void)snprintf(n, sizeof(n), "%zu", json_object_array_length(at(group, "alerts")));
		ck_assert_str_eq(json_object_get_string(at(group, "labels")), want[i].labels);
		ck_assert_str_eq(text_at(group, "receiver.name"), want[i].receiver);
		ck_assert_str_eq(n, want[i].alerts);
	}
	ck_assert_str_eq(text_at(groups, "0.alerts.0.labels.b"), "1");
	ck_assert_str_eq(text_at(groups, "3.alerts.0.labels.node"), "n1");
}
END_TEST

/* It is a Tuesday. */
START_TEST(groups_of_a_route_that_is_silent_now_say_by_what)
{
	must_post("[{'labels':{'alertname':'Night','team':'late'}}]");
	ck_assert_int_eq(ask("GET", G "?filter=team=late", NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "0.alerts.0.status.state"), "suppressed");
	ck_assert_ptr_nonnull(strstr(said(), "\"mutedBy\":[\"tuesdays\"]"));
	ck_assert_int_eq(ask("GET", G "?filter=team=late&muted=false", NULL), 200);
	ck_assert_str_eq(said(), "[]\n");
	/* Outside of its group the alert is as active as any. */
	ck_assert_int_eq(ask("GET", "/api/v2/alerts?filter=team=late", NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "0.status.state"), "active");
	ck_assert_ptr_nonnull(strstr(said(), "\"mutedBy\":[]"));
}
END_TEST

static const struct {
	const char *query, *names; /* of the groups */
} group_filters[] = {
	{ "", "Crit Warn Ml" },
	{ "?receiver=pager", "Crit Ml" },
	{ "?receiver=nobody", "" },
	{ "?filter=node=n1", "Crit Warn" },
	{ "?filter=node=n3", "" },
	{ "?active=false", "Warn" },
	{ "?inhibited=false&filter=node=n1", "Crit" },
	{ "?receiver=default&filter=team=ml", "" },
};

START_TEST(group_filters_drop_empty_groups)
{
	char path[200];

	(void)snprintf(path, sizeof(path), G "%s", group_filters[_i].query);
	ck_assert_int_eq(ask("GET", path, NULL), 200);
	ck_assert_msg(strcmp(names_of(said_json(), "alertname"), group_filters[_i].names) == 0,
	    "%s: %s", group_filters[_i].query, said());
}
END_TEST

/* --- long answers --------------------------------------------------------------- */

#define MANY 3000

static void
post_many(void)
{
	struct buf body = { 0 };

	buf_putc(&body, '[');
	for (int i = 0; i < MANY; i++)
		buf_printf(&body,
		    "%s{\"labels\":{\"alertname\":\"A%d\",\"i\":\"%d\"},\"annotations\":{\"pad\":"
		    "\"%0100d\"}}",
		    i > 0 ? "," : "", i % 7, i, i);
	buf_putc(&body, ']');
	ck_assert_int_eq(ask("POST", A, body.p), 200);
	buf_fini(&body);
}

static const char *const streamed[] = { A, G, A "?filter=i=~%22.*[05]%22" };

START_TEST(a_long_answer_is_whole_json)
{
	size_t n = 0;

	post_many();
	ck_assert_int_eq(ask("GET", streamed[_i], NULL), 200);
	json_object *list = said_json();
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *alerts = at(json_object_array_get_idx(list, i), "alerts");
		n += alerts != NULL ? json_object_array_length(alerts) : 1;
	}
	ck_assert_uint_eq(n, _i == 2 ? MANY / 5 : MANY);
}
END_TEST

START_TEST(alerts_resolved_and_swept_while_the_answer_is_under_way_stay_readable)
{
	post_many();
	struct http_call *call = ask_only("GET", streamed[_i], NULL);
	ck_assert_int_eq(http_call_status(call), 200);
	/* All end, are told about, and would be freed. */
	world_advance(DUR_S(3600));
	alerts_gc(w.state.alerts, loop_now(w.loop));
	json_object *list = said_json(); /* drains the stream */
	ck_assert_uint_gt(json_object_array_length(list), 0);
	alerts_gc(w.state.alerts, loop_now(w.loop));
	ck_assert_uint_eq(alerts_count(w.state.alerts), 0);
}
END_TEST

START_TEST(a_client_that_leaves_lets_go_of_everything)
{
	post_many();
	(void)ask_only("GET", streamed[_i], NULL);
	http_call_fake_free(w.call);
	w.call = NULL;
	world_advance(DUR_S(3600));
	alerts_gc(w.state.alerts, loop_now(w.loop));
	ck_assert_uint_eq(alerts_count(w.state.alerts), 0);
}
END_TEST

TCase *
get_tests(void)
{
	TCase *tc = tcase_create("get");

	tcase_add_checked_fixture(tc, open_with_four, world_close);
	tcase_add_test(tc, looks_as_alertmanager_shows_it);
	tcase_add_loop_test(tc, filters_select, 0, (int)ARRAY_LEN(filters));
	tcase_add_loop_test(tc, says_what_is_wrong_with_a_filter, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(tc, refuses_more_filters_than_its_limit);
	tcase_add_test(tc, a_silence_shows_at_once);
	tcase_add_test(tc, groups_by_labels_then_receiver);
	tcase_add_test(tc, groups_of_a_route_that_is_silent_now_say_by_what);
	tcase_add_loop_test(tc, group_filters_drop_empty_groups, 0, (int)ARRAY_LEN(group_filters));
	return tc;
}

TCase *
stream_tests(void)
{
	TCase *tc = tcase_create("stream");

	tcase_add_checked_fixture(tc, world_open, world_close);
	tcase_add_loop_test(tc, a_long_answer_is_whole_json, 0, (int)ARRAY_LEN(streamed));
	tcase_add_loop_test(tc,
	    alerts_resolved_and_swept_while_the_answer_is_under_way_stay_readable, 0,
	    (int)ARRAY_LEN(streamed));
	tcase_add_loop_test(
	    tc, a_client_that_leaves_lets_go_of_everything, 0, (int)ARRAY_LEN(streamed));
	return tc;
}
