/* SPDX-License-Identifier: Apache-2.0 */
/* Labels as words, the tree and one way through it as text, files of cases. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/timestamp.h"
#include "cli/route_cases.h"
#include "cli/route_view.h"
#include "route/tree.h"
#include "unit/cli/capture.h"
#include "unit/cli/scratch.h"
#include "unit/cli/suites.h"

#define WORDS_MAX 6

static const char config_text[] =
    "route:\n"
    "  receiver: all\n"
    "  group_by: [team, alertname]\n"
    "  routes:\n"
    "  - matchers: [team=\"ml\"]\n"
    "    receiver: ml\n"
    "    continue: true\n"
    "    group_by: ['...']\n"
    "    mute_time_intervals: [nights]\n"
    "    routes:\n"
    "    - {receiver: gpu, matchers: ['dev=~\"g|t\"'], repeat_interval: 1h, group_by: []}\n"
    "  - {receiver: boss, match: {team: ml}, active_time_intervals: [days]}\n"
    "time_intervals:\n"
    "- {name: nights, time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}]}]}\n"
    "- {name: days, time_intervals: [{times: [{start_time: '06:00', end_time: '24:00'}]}]}\n"
    "inhibit_rules:\n"
    "- {source_matchers: [alertname=\"Down\"], target_matchers: [alertname!=\"Down\"], equal: "
    "[node]}\n"
    "receivers: [{name: all}, {name: ml}, {name: gpu}, {name: boss}]\n";

static struct config *
load(void)
{
	struct config *config = route_load_config(scratch_write("c.yml", config_text));

	ck_assert_ptr_nonnull(config);
	return config;
}

/* --- labels ------------------------------------------------------------------------ */

static const struct {
	const char *words[WORDS_MAX];
	const char *want; /* NULL: refused */
	const char *says;
} label_rows[] = {
	{ { "a=b" }, "{a=\"b\"}", "" },
	{ { "z=1", "a=\"x y\"" }, "{a=\"x y\", z=\"1\"}", "" },
	{ { "Slow", "a=b" }, "{a=\"b\", alertname=\"Slow\"}", "" },
	{ { "a=b", "a=c" }, "{a=\"c\"}", "" },
	{ { "a=b", "a=" }, "{}", "" },
	{ { "a=b=c" }, "{a=\"b=c\"}", "" },
	{ { "a=b", "Slow" }, NULL, "'Slow' is no label: give name=value" },
	{ { "a=~b" }, NULL, "'a=~b' is no label: give name=value" },
	{ { "a!=b" }, NULL, "'a!=b' is no label: give name=value" },
	{ { "=b" }, NULL, "'=b' is no label: give name=value" },
};

START_TEST(labels_are_words)
{
	struct err err = { .at = ERR_NOWHERE };
	size_t before = labels_live();
	struct buf text = { 0 };
	uint32_t n = 0;

	while (label_rows[_i].words[n] != NULL)
		n++;
	struct labels *labels = route_read_labels(label_rows[_i].words, n, &err);
	if (label_rows[_i].want == NULL) {
		ck_assert_ptr_null(labels);
		ck_assert_ptr_nonnull(strstr(err.text, label_rows[_i].says));
	} else {
		ck_assert_msg(labels != NULL, "%s: %s", label_rows[_i].want, err.text);
		labels_format(labels, &text);
		ck_assert_str_eq(text.p, label_rows[_i].want);
	}
	labels_unref(labels);
	buf_fini(&text);
	ck_assert_uint_eq(labels_live(), before);
}
END_TEST

/* --- the tree ------------------------------------------------------------------------ */

START_TEST(the_tree_says_what_differs_from_the_parent)
{
	struct config *config = load();
	struct buf text = { 0 };

	route_put_tree(config->root, &text);
	ck_assert_str_eq(text.p,
	    "{}  receiver: all  by alertname, team  wait 30s, interval 5m, repeat 4h\n"
	    "├── {team=\"ml\"}  receiver: ml  continue  by all labels  muted in nights\n"
	    "│   └── {dev=~\"g|t\"}  receiver: gpu  by nothing  wait 30s, interval 5m, repeat 1h\n"
	    "└── {team=\"ml\"}  receiver: boss  only in days\n");
	buf_fini(&text);
	config_unref(config);
}
END_TEST

static const struct {
	const char *words[WORDS_MAX];
	const char *at;
	const char *receivers, *has; /* has: a part of the text */
} ways[] = {
	{ { "a=b" }, "", "all\n", "    route     {}  (" },
	{ { "Slow", "team=web" }, "", "all\n",
	    "    group     {}:{alertname=\"Slow\", team=\"web\"}\n    group by  alertname, team\n"
	    "    timers    wait 30s, interval 5m, repeat 4h\n" },
	{ { "team=ml" }, "", "ml,boss\n",
	    "    group     {}/{team=\"ml\"}:{team=\"ml\"}\n    group by  all labels\n" },
	{ { "team=ml", "dev=g" }, "", "gpu,boss\n",
	    "    route     {} > {team=\"ml\"} > {dev=~\"g|t\"}  (" },
	{ { "team=ml" }, "2026-11-20T03:00:00Z", "ml,boss\n",
	    "    muted     at 2026-11-20T03:00:00Z: nights\n" },
	{ { "team=ml" }, "2026-11-20T03:00:00Z", "ml,boss\n",
	    "    muted     at 2026-11-20T03:00:00Z: not in days\n" },
	{ { "team=ml" }, "2026-11-20T07:00:00Z", "ml,boss\n",
	    "    muted     not at 2026-11-20T07:00:00Z\n" },
};

START_TEST(the_way_of_an_alert)
{
	const struct route_config *routes[ROUTES_MATCHED_MAX];
	struct config *config = load();
	struct err err = { .at = ERR_NOWHERE };
	struct buf text = { 0 };
	struct route_way way;
	wall_t at = WALL_NONE;
	uint32_t n = 0;

	while (ways[_i].words[n] != NULL)
		n++;
	ck_assert(ways[_i].at[0] == '\0' || timestamp_parse(str_from(ways[_i].at), &at));
	struct labels *labels = route_read_labels(ways[_i].words, n, &err);
	route_way_find(&way, config, labels, at, routes);
	route_way_put(&way, &text);
	ck_assert_msg(str_starts(buf_str(&text), str_from(ways[_i].receivers)), "%s", text.p);
	ck_assert_msg(
	    strstr(text.p, ways[_i].has) != NULL, "%s instead of %s", text.p, ways[_i].has);
	ck_assert((strstr(text.p, "muted") != NULL) == (ways[_i].at[0] != '\0'));
	labels_unref(labels);
	buf_fini(&text);
	config_unref(config);
}
END_TEST

/* --- cases ----------------------------------------------------------------------------- */

static const struct {
	const char *text; /* of one case */
	const char *want; /* what its line begins with, and a part of it */
	const char *has;
} cases[] = {
	{ "alert: {a: b}, expect: {receivers: [all]}", "ok    n\n", "" },
	{ "alert: {a: b}, expect: {}", "ok    n\n", "" },
	{ "alert: {a: b}, expect: {receivers: []}", "FAIL  n (",
	    "receivers: expected nobody, got all\n" },
	{ "alert: {team: ml}, expect: {receivers: [ml]}", "FAIL",
	    "receivers: expected ml, got ml, boss" },
	{ "alert: {team: ml}, expect: {receivers: [ml, boss]}", "ok", "" },
	{ "alert: {team: ml}, expect: {receivers: [boss, ml]}", "FAIL", "expected boss, ml, got" },
	{ "alert: {team: ml}, at: 2026-11-20T03:00:00Z, expect: {receivers: [], muted: true, "
	  "routes_to: [ml, boss]}",
	    "ok", "" },
	{ "alert: {team: ml}, at: 2026-11-20T03:00:00Z, expect: {receivers: [ml]}", "FAIL",
	    "got nobody (ml muted: nights; boss muted: not in days)" },
	{ "alert: {team: ml}, at: '2026-11-20T05:00:00-03:00', expect: {receivers: [ml, boss], "
	  "muted: false}",
	    "ok", "" },
	{ "alert: {team: ml}, silences: ['x=\"y\"', team=ml], expect: {receivers: [], silenced: "
	  "true}",
	    "ok", "" },
	{ "alert: {team: ml}, silences: ['x=\"y\"', team=ml], expect: {silenced: false}", "FAIL",
	    "silenced: expected false (silenced by {team=\"ml\"})" },
	{ "alert: {team: ml}, silences: ['team=ml,x=y'], expect: {receivers: [ml, boss], silenced: "
	  "false}",
	    "ok", "" },
	{ "alert: {team: ml}, expect: {silenced: true}", "FAIL", "silenced: expected true\n" },
	{ "alert: {alertname: P, node: 1}, firing: [{alertname: Down, node: 1}], expect: "
	  "{receivers: [], inhibited: true}",
	    "ok", "" },
	{ "alert: {alertname: P, node: 1}, firing: [{alertname: Down, node: 2}], expect: "
	  "{receivers: [all], inhibited: false}",
	    "ok", "" },
	{ "alert: {alertname: Down, node: 1}, expect: {inhibited: true}", "FAIL",
	    "inhibited: expected true\n" },
	{ "alert: {a: b}, expect: {group_by: [alertname, team], group_wait: 30s, group_interval: "
	  "5m}",
	    "ok", "" },
	{ "alert: {a: b}, expect: {group_by: [team]}", "FAIL",
	    "the route to all has [alertname, team]" },
	{ "alert: {a: b}, expect: {group_by: [team, team]}", "FAIL",
	    "the route to all has [alertname, team]" },
	{ "alert: {a: b}, expect: {group_by: ['...']}", "FAIL", "the route to all has" },
	{ "alert: {team: ml}, expect: {group_by: ['...']}", "FAIL", "the route to boss has" },
	{ "alert: {a: b}, expect: {repeat_interval: 3h}", "FAIL",
	    "expected 3h, the route to all has 4h\n" },
	{ "alert: {a: b}, expect: {group_wait: 0s}", "FAIL", "group_wait: expected 0s" },
};

START_TEST(a_case_holds_or_says_what_is_different)
{
	size_t before = labels_live();
	struct buf text = { 0 }, line = { 0 };
	struct diag *diag = diag_new();

	scratch_write("c.yml", config_text);
	buf_printf(&text, "config: c.yml\ncases: [{name: n, %s}]\n", cases[_i].text);
	struct route_cases *read = route_cases_read(scratch_write("cases.yml", text.p), NULL, diag);
	buf_clear(&text);
	diag_print(diag, &text);
	ck_assert_msg(read != NULL, "%s", buf_str(&text).p);
	ck_assert_uint_eq(route_cases_count(read), 1);
	uint32_t failed = route_cases_run(read, &line, NULL);
	ck_assert_msg(
	    str_starts(buf_str(&line), str_from(cases[_i].want)), "%s: %s", cases[_i].text, line.p);
	ck_assert_msg(strstr(line.p, cases[_i].has) != NULL, "%s: %s", cases[_i].text, line.p);
	ck_assert_uint_eq(failed, cases[_i].want[0] == 'F' ? 1 : 0);
	route_cases_free(read);
	diag_free(diag);
	buf_fini(&text);
	buf_fini(&line);
	ck_assert_uint_eq(labels_live(), before);
}
END_TEST

static const struct {
	const char *text, *says; /* says begins with line:column */
} mistakes[] = {
	{ "", ":1:1: error: " },
	{ "cases: []\nconfig: c.yml\n", ":1:1: error: there is no case in it" },
	{ "cases: [{name: n, alert: {a: b}, expect: {}}]\n",
	    ":1:1: error: no configuration is named" },
	{ "config: c.yml\n", "'cases'" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: b}}\n", "'expect'" },
	{ "config: c.yml\ncases:\n- {name: n, expect: {}}\n", "'alert'" },
	{ "config: c.yml\ncases:\n- {alert: {a: b}, expect: {}}\n", "'name'" },
	{ "config: c.yml\ncases:\n- {name: n, alert: a, expect: {}}\n",
	    ":3:20: error: expected labels such as" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: [b]}, expect: {}}\n",
	    ":3:24: error: expected a label's value, got a list" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: b}, firing: {a: b}, expect: {}}\n",
	    ":3:36: error: expected a list such as" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: b}, silences: ['a=~\"(\"'], expect: {}}\n",
	    ":3:" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: b}, silences: ['a=~\".*\"'], expect: "
	  "{}}\n",
	    ":3:39: error: a silence needs a matcher that does not match the empty string" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: b}, silences: [{a: b}], expect: {}}\n",
	    ":3:39: error: expected matchers such as" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: b}, at: 3h, expect: {}}\n",
	    ":3:32: error: expected a time such as" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: b}, expect: {muted: true}}\n",
	    "'muted' needs the case's time" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: b}, expect: {silenced: perhaps}}\n",
	    ":3:47: error: expected one of false, true" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: b}, expect: {receivers: [al]}}\n",
	    ":3:49: error: there is no receiver 'al' (did you mean 'all'?)" },
	{ "config: c.yml\ncases:\n- {name: n, alert: {a: b}, expect: {routes_to: [zzzzzz]}}\n",
	    ":3:49: error: there is no receiver 'zzzzzz'\n" },
	{ "config: none.yml\ncases:\n- {name: n, alert: {a: b}, expect: {}}\n",
	    "none.yml: error: " },
};

START_TEST(a_mistake_in_a_case_has_its_place)
{
	size_t before = labels_live();
	struct diag *diag = diag_new();
	struct buf text = { 0 };

	scratch_write("c.yml", config_text);
	struct route_cases *read =
	    route_cases_read(scratch_write("cases.yml", mistakes[_i].text), NULL, diag);
	diag_print(diag, &text);
	ck_assert_msg(read == NULL, "%s", mistakes[_i].text);
	ck_assert_msg(strstr(buf_str(&text).p, mistakes[_i].says) != NULL, "%s\ninstead of %s",
	    buf_str(&text).p, mistakes[_i].says);
	buf_fini(&text);
	diag_free(diag);
	ck_assert_uint_eq(labels_live(), before);
}
END_TEST

TCase *
route_tests(void)
{
	TCase *tc = tcase_create("route");

	tcase_add_checked_fixture(tc, scratch_open, scratch_close);
	tcase_add_loop_test(tc, labels_are_words, 0, ARRAY_LEN(label_rows));
	tcase_add_test(tc, the_tree_says_what_differs_from_the_parent);
	tcase_add_loop_test(tc, the_way_of_an_alert, 0, ARRAY_LEN(ways));
	tcase_add_loop_test(tc, a_case_holds_or_says_what_is_different, 0, ARRAY_LEN(cases));
	tcase_add_loop_test(tc, a_mistake_in_a_case_has_its_place, 0, ARRAY_LEN(mistakes));
	return tc;
}
