/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types whose delivery is several requests: what is asked, what the next one
 * is told by the answer, when it is over.
 */
#include "config.h"

#include <stdlib.h>

#include "receiver/types.h"
#include "world.h"

#define WECHAT "api_secret: ge heim\ncorp_id: 'c-{{ .Status }}'\nto_user: u\nagent_id: '7'\n"
#define JIRA   "api_url: https://jira.example/rest/api/2\nproject: 'O\"PS'\nissue_type: Bug\n"
#define CLOUD  "api_url: https://x.atlassian.net/rest/api/2/\nproject: OPS\nissue_type: Bug\n"
#define MOVES  "resolve_transition: Done\nreopen_transition: Back\nreopen_duration: 90m\n"

/* A delivery under way. */
struct walk {
	struct story s;
	const struct receiver_ops *ops;
	const void *settings;
	struct verdict verdict;
};

static struct walk
walk_of(const struct receiver_ops *ops, const char *yaml, const char *story)
{
	struct walk w = { .s = story_load(story), .ops = ops };

	w.settings = settings_read(&w.s, ops, yaml);
	return w;
}

static void
walk_end(struct walk *w)
{
	story_free(&w->s);
}

/* "METHOD URL BODY" of this step. */
static const char *
asks(struct walk *w)
{
	struct rendered r = render(&w->s, w->ops, w->settings);
	const char *text;

	ck_assert_msg(r.rc == 0, "%s", r.err.text);
	text = arena_printf(w->s.arena, "%s %s %.*s", r.request.method, r.request.url.p,
	    STR_ARG(buf_str(&r.request.body)));
	rendered_free(&r);
	return text;
}

/* The next step, when there is one. */
static bool
hears(struct walk *w, int status, const char *body)
{
	struct xfer_response response = answer(status, body);

	w->verdict = w->ops->classify(w->settings, &w->s.n, &response);
	if (w->verdict.kind != DELIVERY_OK || !w->verdict.more)
		return false;
	w->s.n.step++;
	w->s.n.carried = arena_str(w->s.arena, str_from(w->verdict.carry));
	return true;
}

#define ASKS(w, want)                                                                              \
	do {                                                                                       \
		const char *got = asks(w);                                                         \
		ck_assert_msg(strstr(got, want) != NULL, "%s", got);                               \
	} while (0)

START_TEST(wecom_sends_with_the_token_it_was_given)
{
	struct walk w = walk_of(&receiver_wechat, WECHAT, "one");

	ck_assert_str_eq(asks(&w), "GET https://qyapi.weixin.qq.com/cgi-bin/"
				   "gettoken?corpid=c-firing&corpsecret=ge%20heim ");
	ck_assert(hears(&w, 200,
	    "{\"errcode\":0,\"errmsg\":\"ok\",\"access_token\":\"a/b\",\"expires_in\":7200}"));
	ASKS(&w, "POST https://qyapi.weixin.qq.com/cgi-bin/message/send?access_token=a%2Fb {");
	ck_assert(!hears(&w, 200, "{\"errcode\":0,\"errmsg\":\"ok\"}"));
	ck_assert_int_eq(w.verdict.kind, DELIVERY_OK);
	walk_end(&w);
}
END_TEST

static const struct {
	uint32_t step;
	int status;
	const char *body;
	enum delivery_kind want;
	bool from_start, waits;
	const char *text;
} wecom[] = {
	{ 0, 200, "{\"errcode\":40001,\"errmsg\":\"invalid credential\"}", DELIVERY_REJECTED, false,
	    false, "status 200: invalid credential" },
	{ 0, 200, "{\"errcode\":0,\"errmsg\":\"ok\"}", DELIVERY_REJECTED, false, false,
	    "status 200: an answer without an access token" },
	{ 0, 200, "<html>", DELIVERY_RETRY, false, false,
	    "status 200: the answer is not WeCom's: check api_url" },
	{ 0, 502, "", DELIVERY_RETRY, false, false, "status 502" },
	{ 1, 200, "{\"errcode\":42001,\"errmsg\":\"access_token expired\"}", DELIVERY_RETRY, true,
	    false, "status 200: access_token expired" },
	{ 1, 200, "{\"errcode\":40014,\"errmsg\":\"x\"}", DELIVERY_RETRY, true, false, NULL },
	{ 1, 200, "{\"errcode\":45009,\"errmsg\":\"x\"}", DELIVERY_RETRY, false, true, NULL },
	{ 1, 200, "{\"errcode\":-1,\"errmsg\":\"busy\"}", DELIVERY_RETRY, false, true, NULL },
	{ 1, 200, "{\"errcode\":81013,\"errmsg\":\"nobody\"}", DELIVERY_REJECTED, false, false,
	    NULL },
	{ 1, 200, "{\"errcode\":\"x\"}", DELIVERY_RETRY, false, false, NULL },
};

START_TEST(wecoms_answers)
{
	struct walk w = walk_of(&receiver_wechat, WECHAT, "one");

	w.s.n.step = wecom[_i].step;
	ck_assert(!hears(&w, wecom[_i].status, wecom[_i].body));
	ck_assert_int_eq(w.verdict.kind, wecom[_i].want);
	ck_assert(w.verdict.from_start == wecom[_i].from_start);
	ck_assert(w.verdict.has_retry_after == wecom[_i].waits);
	if (wecom[_i].text != NULL)
		ck_assert_str_eq(w.verdict.text, wecom[_i].text);
	walk_end(&w);
}
END_TEST

#define NO_ISSUE "{\"issues\":[],\"isLast\":true}"
#define ISSUE(category)                                                                            \
	"{\"issues\":[{\"id\":\"1\",\"key\":\"OPS-7\",\"fields\":{\"status\":{\"name\":\"x\","     \
	"\"statusCategory\":{\"id\":2,\"key\":\"" category "\"}}}},"                               \
	"{\"key\":\"OPS-8\",\"fields\":{}}]}"
#define TRANSITIONS                                                                                \
	"{\"transitions\":[{\"id\":\"11\",\"name\":\"Start\"},{\"id\":\"21\",\"name\":\"Done\"},"  \
	"{\"id\":\"31\",\"name\":\"Back\"}]}"

START_TEST(jira_makes_an_issue_where_there_is_none)
{
	struct walk w = walk_of(&receiver_jira, JIRA, "one");

	ASKS(&w,
	    "POST https://jira.example/rest/api/2/search {\"jql\":\"statusCategory != Done and "
	    "project=\\\"O\\\\\\\"PS\\\" and labels=\\\"ALERT{");
	ck_assert(hears(&w, 200, NO_ISSUE));
	ASKS(&w, "POST https://jira.example/rest/api/2/issue {\"fields\":{\"project\":");
	ck_assert(!hears(&w, 201, "{\"id\":\"1\",\"key\":\"OPS-7\"}"));
	ck_assert_int_eq(w.verdict.kind, DELIVERY_OK);
	walk_end(&w);
}
END_TEST

START_TEST(jira_changes_the_issue_that_is_there)
{
	struct walk w = walk_of(&receiver_jira, JIRA MOVES, "one");

	ASKS(&w, "(resolutiondate is EMPTY or resolutiondate >= -90m) and project");
	ck_assert(hears(&w, 200, ISSUE("indeterminate")));
	ASKS(&w, "PUT https://jira.example/rest/api/2/issue/OPS-7 {");
	ck_assert(!hears(&w, 204, ""));
	ck_assert_int_eq(w.verdict.kind, DELIVERY_OK);
	walk_end(&w);
}
END_TEST

/* From its end to the beginning of the next. */
START_TEST(jira_moves_the_issue)
{
	static const struct {
		const char *story, *category, *id;
	} moves[] = {
		{ "resolved", ISSUE("new"), "\"21\"" },
		{ "one", ISSUE("done"), "\"31\"" },
	};
	struct walk w = walk_of(&receiver_jira, JIRA MOVES, moves[_i].story);

	ck_assert(hears(&w, 200, moves[_i].category));
	ck_assert(hears(&w, 204, ""));
	ASKS(&w, "GET https://jira.example/rest/api/2/issue/OPS-7/transitions ");
	ck_assert(hears(&w, 200, TRANSITIONS));
	ASKS(&w, "POST https://jira.example/rest/api/2/issue/OPS-7/transitions "
		 "{\"transition\":{\"id\":");
	ASKS(&w, moves[_i].id);
	ck_assert(!hears(&w, 204, ""));
	ck_assert_int_eq(w.verdict.kind, DELIVERY_OK);
	walk_end(&w);
}
END_TEST

START_TEST(jira_leaves_alone_what_is_as_it_should_be)
{
	static const struct {
		const char *yaml, *story, *issue;
		int steps;
	} cases[] = {
		{ JIRA MOVES, "resolved", NO_ISSUE, 1 }, /* nothing to close */
		{ JIRA, "resolved", ISSUE("new"), 2 },   /* nobody said how to close it */
		{ JIRA MOVES, "resolved", ISSUE("done"), 2 },
		{ JIRA MOVES, "mixed", ISSUE("new"), 2 }, /* something still fires */
		{ JIRA "resolve_transition: ''\n", "resolved", ISSUE("new"), 2 },
	};
	struct walk w = walk_of(&receiver_jira, cases[_i].yaml, cases[_i].story);
	int steps = 1;

	while (hears(&w, 200, steps == 1 ? cases[_i].issue : "{}"))
		steps++;
	ck_assert_int_eq(w.verdict.kind, DELIVERY_OK);
	ck_assert_int_eq(steps, cases[_i].steps);
	walk_end(&w);
}
END_TEST

START_TEST(jira_begins_anew_when_the_issue_is_gone)
{
	struct walk w = walk_of(&receiver_jira, JIRA MOVES, "one");

	ck_assert(hears(&w, 200, ISSUE("new")));
	ck_assert(!hears(&w, 404, "{\"errorMessages\":[\"Issue does not exist\"]}"));
	ck_assert_int_eq(w.verdict.kind, DELIVERY_RETRY);
	ck_assert(w.verdict.from_start);
	walk_end(&w);
}
END_TEST

START_TEST(jira_says_what_it_does_not_understand)
{
	struct walk w = walk_of(&receiver_jira, JIRA MOVES, "resolved");

	ck_assert(!hears(&w, 200, "<html>"));
	ck_assert_int_eq(w.verdict.kind, DELIVERY_REJECTED);
	ck_assert_str_eq(
	    w.verdict.text, "status 200: the answer is not Jira's: check api_url and api_type");
	ck_assert(!hears(&w, 404, ""));
	ck_assert_int_eq(w.verdict.kind, DELIVERY_REJECTED);
	ck_assert(hears(&w, 200, ISSUE("new")));
	ck_assert(hears(&w, 204, ""));
	ck_assert(!hears(&w, 200, "{\"transitions\":[]}"));
	ck_assert_int_eq(w.verdict.kind, DELIVERY_REJECTED);
	ck_assert_str_eq(w.verdict.text, "status 200: the issue OPS-7 has no transition 'Done'");
	walk_end(&w);
}
END_TEST

static const struct {
	const char *yaml, *want;
} searches[] = {
	{ CLOUD, "POST https://x.atlassian.net/rest/api/3/search/jql {" },
	{ CLOUD "api_type: datacenter\n", "POST https://x.atlassian.net/rest/api/2/search {" },
	{ JIRA "api_type: cloud\n", "POST https://jira.example/rest/api/3/search/jql {" },
	{ JIRA "wont_fix_resolution: Won't Do\n",
	    "\"(resolution is EMPTY or resolution != \\\"Won't Do\\\") and statusCategory" },
	/* Nothing is opened again without the one, or without the other. */
	{ JIRA "reopen_transition: Back\n", "\"statusCategory != Done and" },
	{ JIRA "reopen_duration: 1h\n", "\"statusCategory != Done and" },
};

START_TEST(jira_searches_where_the_server_wants_it)
{
	struct walk w = walk_of(&receiver_jira, searches[_i].yaml, "one");

	ASKS(&w, searches[_i].want);
	walk_end(&w);
}
END_TEST

static const struct {
	const char *yaml, *carried, *want, *not ;
} issues[] = {
	{ JIRA "labels: ['a b', 'c-{{ .Status }}', '', 5]\n", "",
	    "\"labels\":[\"a_b\",\"c-firing\",\"5\",\"ALERT{", NULL },
	{ JIRA "labels: {values: [a], enable_update: false}\n", "", "\"labels\":[\"a\",\"ALERT{",
	    NULL },
	{ JIRA "labels: {values: [a], enable_update: false}\n", "OPS-1 new", "", "\"labels\"" },
	{ JIRA "labels: {enable_update: false}\n", "OPS-1 new", "", "\"labels\"" },
	{ JIRA "summary: '{{ .Status }}'\n", "OPS-1 new", "\"summary\":\"firing\"", NULL },
	{ JIRA "summary: {template: x, enable_update: false}\n", "OPS-1 new", "", "\"summary\"" },
	{ JIRA "summary: {template: x, enable_update: false}\n", "", "\"summary\":\"x\"", NULL },
	{ JIRA "summary: {enable_update: true}\n", "", "\"summary\":\"[FIRING:", NULL },
	{ JIRA "description: {template: '{{ .Receiver }}', enable_update: false}\n", "OPS-1 new",
	    "", "\"description\"" },
	{ JIRA "priority: ''\n", "", "", "\"priority\"" },
	{ JIRA
	    "fields: {customfield_1: [{value: '{{ .Status }}'}], customfield_2: 5, project: x}\n",
	    "", ",\"customfield_1\":[{\"value\":\"firing\"}],\"customfield_2\":5}}", NULL },
	{ "api_url: http://j/rest/api/3/\nproject: P\nissue_type: T\ndescription: \"a\\n\\nb\"\n",
	    "",
	    "\"description\":{\"type\":\"doc\",\"version\":1,\"content\":["
	    "{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]},"
	    "{\"type\":\"paragraph\",\"content\":[]},"
	    "{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\",\"text\":\"b\"}]}]}",
	    NULL },
	{ "api_url: http://j/rest/api/3\nproject: P\nissue_type: T\n"
	  "description: '{\"type\": \"doc\", \"x\": {{ .Alerts | len }}}'\n",
	    "", "\"description\":{\"type\": \"doc\", \"x\": 1}", NULL },
};

START_TEST(an_issue_is_as_the_configuration_says)
{
	struct walk w = walk_of(&receiver_jira, issues[_i].yaml, "one");

	w.s.n.step = 1;
	w.s.n.carried = str_from(issues[_i].carried);
	ASKS(&w, issues[_i].want);
	if (issues[_i].not != NULL)
		ck_assert_ptr_null(strstr(asks(&w), issues[_i].not ));
	walk_end(&w);
}
END_TEST

TCase *
case_steps(void)
{
	TCase *tcase = tcase_create("steps");

#define TABLE(test, table)                                                                         \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))
	tcase_add_test(tcase, wecom_sends_with_the_token_it_was_given);
	TABLE(wecoms_answers, wecom);
	tcase_add_test(tcase, jira_makes_an_issue_where_there_is_none);
	tcase_add_test(tcase, jira_changes_the_issue_that_is_there);
	tcase_add_loop_test(tcase, jira_moves_the_issue, 0, 2);
	tcase_add_loop_test(tcase, jira_leaves_alone_what_is_as_it_should_be, 0, 5);
	tcase_add_test(tcase, jira_begins_anew_when_the_issue_is_gone);
	tcase_add_test(tcase, jira_says_what_it_does_not_understand);
	TABLE(jira_searches_where_the_server_wants_it, searches);
	TABLE(an_issue_is_as_the_configuration_says, issues);
	return tcase;
}
