/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/rules and /api/v1/alerts: Prometheus' shape, byte for byte where time stands still. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/api/world.h"

#define R "/api/v1/rules"

static const char rules_text[] =
    "groups:\n"
    "- name: serving\n"
    "  interval: 10s\n"
    "  rules:\n"
    "  - alert: Slow\n"
    "    expr: latency > 1 < 9\n"
    "    for: 1m\n"
    "    keep_firing_for: 2m\n"
    "    labels: {severity: warning, who: '{{ $labels.model }}'}\n"
    "    annotations: {summary: '{{ $labels.model }} needs {{ $value }} s'}\n"
    "  - alert: Down\n"
    "    expr: up == 0\n"
    "- name: data\n"
    "  interval: 1m\n"
    "  rules:\n"
    "  - {alert: Drift, expr: drift > 0.5}\n";

static const char vector_text[] =
    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
    "{\"metric\":{\"__name__\":\"latency\",\"model\":\"m1\"},\"value\":[1700000000,\"42.5\"]}]}}";

static void
open_with_rules(void)
{
	world_open_with_rules(rules_text);
	w.vector = vector_text;
}

/* The directory's name becomes DIR, times of the kind that depend on slots and on how long things
 * took become T and D. */
static const char *
settled(const char *text)
{
	static struct buf out;

	buf_clear(&out);
	while (*text != '\0') {
		if (strncmp(text, w.dir, strlen(w.dir)) == 0) {
			buf_puts(&out, "DIR");
			text += strlen(w.dir);
		} else if (strncmp(text, "\"2023-", 6) == 0) {
			buf_puts(&out, "\"T\"");
			text = strchr(text + 1, '"') + 1;
		} else if (strncmp(text, "\"evaluationTime\":", 17) == 0) {
			buf_puts(&out, "\"evaluationTime\":D");
			text += 17;
			text += strspn(text, "0123456789.e-+");
		} else {
			buf_putc(&out, *text++);
		}
	}
	return out.p;
}

#define DATA_GROUP                                                                                 \
	"{'name':'data','file':'DIR/rules.yml','rules':["                                          \
	"{'state':'inactive','name':'Drift','query':'drift \\u003e "                               \
	"0.5','duration':0,'keepFiringFor':0,'labels':{},"                                         \
	"'annotations':{},'alerts':[],'health':'unknown','evaluationTime':D,'lastEvaluation':'"    \
	"0001-01-01T00:00:00Z',"                                                                   \
	"'kind':'expr','source':'prom','type':'alerting'}],"                                       \
	"'interval':60,'limit':0,'evaluationTime':D,'lastEvaluation':'0001-01-01T00:00:00Z'}"

START_TEST(shows_rules_that_never_ran)
{
	ck_assert_int_eq(ask("GET", R "?rule_group=data", NULL), 200);
	ck_assert_str_eq(
	    settled(said()), quoted("{'status':'success','data':{'groups':[" DATA_GROUP "]}}\n"));
}
END_TEST

#define SLOW_ALERT(state)                                                                          \
	"{'labels':{'alertname':'Slow','model':'m1','severity':'warning','who':'m1'},"             \
	"'annotations':{'summary':'m1 needs 42.5 s'},'state':'" state                              \
	"','activeAt':'T','value':'4.25e+01'}"
#define SLOW_RULE(state, alerts)                                                                   \
	"{'state':'" state "','name':'Slow','query':'latency \\u003e 1 \\u003c 9','duration':60,"  \
	"'keepFiringFor':120,'labels':{'severity':'warning','who':'{{ $labels.model }}'},"         \
	"'annotations':{'summary':'{{ $labels.model }} needs {{ $value }} s'},'alerts':" alerts    \
	","                                                                                        \
	"'health':'ok','evaluationTime':D,'lastEvaluation':'T','kind':'expr','source':'prom','"    \
	"type':'alerting'}"
#define SLOW_GROUP(state, alerts)                                                                  \
	"{'status':'success','data':{'groups':[{'name':'serving','file':'DIR/"                     \
	"rules.yml','rules':[" SLOW_RULE(state,                                                    \
	    alerts) "],'interval':10,'limit':0,'evaluationTime':D,'lastEvaluation':'T'}]}}\n"

START_TEST(shows_pending_then_firing_alerts)
{
	world_advance(DUR_S(15));
	ck_assert_int_eq(ask("GET", R "?rule_name[]=Slow", NULL), 200);
	ck_assert_str_eq(
	    settled(said()), quoted(SLOW_GROUP("pending", "[" SLOW_ALERT("pending") "]")));
	world_advance(DUR_S(70));
	ck_assert_int_eq(ask("GET", R "?rule_name[]=Slow", NULL), 200);
	ck_assert_str_eq(
	    settled(said()), quoted(SLOW_GROUP("firing", "[" SLOW_ALERT("firing") "]")));
	ck_assert_int_eq(ask("GET", R "?rule_name[]=Slow&exclude_alerts=true", NULL), 200);
	ck_assert_str_eq(settled(said()), quoted(SLOW_GROUP("firing", "null")));
	/* It reaches Alertmanager's side, with an end ahead of now. */
	ck_assert_int_eq(ask("GET", "/api/v2/alerts?filter=alertname=Slow", NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "0.status.state"), "active");
	ck_assert_int_eq(strncmp(text_at(said_json(), "0.endsAt"), "2023-11-14T22:", 14), 0);
	ck_assert_str_eq(text_at(said_json(), "0.labels.who"), "m1");
}
END_TEST

START_TEST(shows_since_when_a_firing_alert_is_kept)
{
	world_advance(DUR_S(85));
	w.vector = "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}";
	world_advance(DUR_S(20));
	ck_assert_int_eq(ask("GET", "/api/v1/alerts", NULL), 200);
	ck_assert_ptr_nonnull(strstr(said(), "\"state\":\"firing\""));
	ck_assert_ptr_nonnull(strstr(said(), "\"keepFiringSince\":\"2023-11-14T22:"));
}
END_TEST

START_TEST(shows_why_a_rule_is_unhealthy)
{
	w.vector = NULL;
	world_advance(DUR_S(15));
	ck_assert_int_eq(ask("GET", R "?rule_name[]=Down", NULL), 200);
	json_object *rule = at(said_json(), "data.groups.0.rules.0");
	ck_assert_str_eq(text_at(rule, "health"), "err");
	ck_assert_ptr_nonnull(strstr(text_at(rule, "lastError"), "500"));
}
END_TEST

static const struct {
	const char *query, *rules; /* names in order */
} filters[] = {
	{ "", "Drift Slow Down" }, /* groups of a file by name */
	{ "?type=alert", "Drift Slow Down" },
	{ "?type=record", "" },
	{ "?rule_name[]=Down", "Down" },
	{ "?rule_name=Down", "Down" },
	{ "?rule_name[]=Down&rule_name[]=Drift", "Drift Down" },
	{ "?rule_name[]=Nobody", "" },
	{ "?rule_group[]=serving", "Slow Down" },
	{ "?rule_group[]=serving&rule_name[]=Drift", "" },
	{ "?file[]=other.yml", "" },
	{ "?surprise=1", "Drift Slow Down" },
	{ "?match[]={severity=%22warning%22}", "Slow" },
	{ "?match[]={severity=~%22w.*%22,who!=%22x%22}", "Slow" },
	{ "?match[]={severity=%22warning%22}&match[]={severity!~%22w.*%22,who=%22x%22}", "Slow" },
	{ "?match[]=up{severity=%22warning%22}", "" },
	{ "?match[]={severity!=%22%22}&rule_name[]=Down", "" },
};

START_TEST(filters_select)
{
	struct buf names = { 0 };
	char path[200];

	(void)snprintf(path, sizeof(path), R "%s", filters[_i].query);
	ck_assert_int_eq(ask("GET", path, NULL), 200);
	json_object *groups = at(said_json(), "data.groups");
	for (size_t g = 0; g < json_object_array_length(groups); g++) {
		json_object *rules = at(json_object_array_get_idx(groups, g), "rules");
		for (size_t r = 0; r < json_object_array_length(rules); r++) {
			buf_printf(&names, "%s%s", names.n > 0 ? " " : "",
			    text_at(json_object_array_get_idx(rules, r), "name"));
		}
	}
	ck_assert_msg(
	    str_is(buf_str(&names), filters[_i].rules), "%s: %s", path, buf_str(&names).p);
	buf_fini(&names);
}
END_TEST

START_TEST(refuses_a_type_that_is_none)
{
	ck_assert_int_eq(ask("GET", R "?type=foo", NULL), 400);
	ck_assert_str_eq(said(), quoted("{'status':'error','errorType':'bad_data','error':'not "
					"supported value \\\"foo\\\"'}\n"));
}
END_TEST

static const struct {
	const char *selector, *error;
} selectors[] = {
	{ "{a=%22b%22", "1:7: parse error: unexpected end of input inside braces" },
	{ "{}", "match[] must contain at least one non-empty matcher" },
	{ "{a=~%22x*%22}", "match[] must contain at least one non-empty matcher" },
	{ "{a=~%22(%22}", "1:2: parse error: regular expression: missing closing parenthesis" },
	{ "sum(up)", "1:1: parse error: expected a series selector" },
};

START_TEST(refuses_a_match_that_is_no_selector)
{
	char path[200], want[300];

	(void)snprintf(path, sizeof(path), R "?match[]=%s", selectors[_i].selector);
	(void)snprintf(want, sizeof(want), "invalid parameter \\\"match[]\\\": %s",
	    selectors[_i].error);
	ck_assert_int_eq(ask("GET", path, NULL), 400);
	ck_assert_msg(strstr(said(), want) != NULL, "%s", said());
}
END_TEST

START_TEST(lists_alerts_of_all_rules)
{
	ck_assert_int_eq(ask("GET", "/api/v1/alerts", NULL), 200);
	ck_assert_str_eq(said(), quoted("{'status':'success','data':{'alerts':[]}}\n"));
	world_advance(DUR_S(15));
	ck_assert_int_eq(ask("GET", "/api/v1/alerts", NULL), 200);
	json_object *alerts = at(said_json(), "data.alerts");
	ck_assert_uint_ge(json_object_array_length(alerts), 2);
	ck_assert_ptr_nonnull(strstr(names_of(alerts, "alertname"), "Slow"));
	ck_assert_ptr_nonnull(strstr(names_of(alerts, "alertname"), "Down"));
}
END_TEST

static const char other_rules_text[] = "groups:\n"
				       "- {name: other, rules: [{alert: Other, expr: up == 0}]}\n";

/* The fake call takes its first piece when the answer is read. */
START_TEST(a_reload_before_an_answer_is_read_leaves_it_whole)
{
	static const char *const paths[] = { R, "/api/v1/alerts" };

	world_advance(DUR_S(15));
	(void)ask_only("GET", paths[_i], NULL);
	world_reload(other_rules_text);
	json_object *list = at(said_json(), _i == 0 ? "data.groups" : "data.alerts");
	ck_assert_uint_eq(json_object_array_length(list), 0);
	ck_assert_int_eq(ask("GET", R, NULL), 200);
	ck_assert_str_eq(text_at(said_json(), "data.groups.0.rules.0.name"), "Other");
}
END_TEST

TCase *
rules_tests(void)
{
	TCase *tc = tcase_create("rules");

	tcase_add_checked_fixture(tc, open_with_rules, world_close);
	tcase_add_test(tc, shows_rules_that_never_ran);
	tcase_add_test(tc, shows_pending_then_firing_alerts);
	tcase_add_test(tc, shows_since_when_a_firing_alert_is_kept);
	tcase_add_test(tc, shows_why_a_rule_is_unhealthy);
	tcase_add_loop_test(tc, filters_select, 0, (int)ARRAY_LEN(filters));
	tcase_add_test(tc, refuses_a_type_that_is_none);
	tcase_add_test(tc, lists_alerts_of_all_rules);
	tcase_add_loop_test(tc, refuses_a_match_that_is_no_selector, 0, (int)ARRAY_LEN(selectors));
	tcase_add_loop_test(tc, a_reload_before_an_answer_is_read_leaves_it_whole, 0, 2);
	return tc;
}
