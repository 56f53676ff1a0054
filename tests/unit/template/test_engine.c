/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The template engine where no peer can be observed: limits, errors of the
 * run, sets of named templates, newer functions, time zones.
 */
#include "config.h"

#include "suites.h"

#include <stdlib.h>

#include "template/template.h"

#define N(a) (int)(sizeof(a) / sizeof((a)[0]))

static void
check_text(const char *text, enum template_scope scope,
    const struct template_data *data, const char *want)
{
	struct arena *arena = arena_new(0);
	struct err err = { 0 };
	struct buf out = { 0 };
	struct template *t = template_parse(arena, str_from(text), scope, &err);

	ck_assert_msg(t != NULL, "%s: %s", text, err.text);
	template_expand(t, data, &out);
	ck_assert_msg(str_is(buf_str(&out), want), "%s\n got: %.*s\nwant: %s",
	    text, STR_ARG(buf_str(&out)), want);
	buf_fini(&out);
	arena_free(arena);
}

static const struct {
	const char *text, *want;
} rule_only[] = {
	{ "{{ externalURL }} {{ pathPrefix }}", "http://prom:9090/base /base" },
	{ "{{ now }}", "1.7000000005e+09" },
	{ "{{ now | humanizeTimestamp }}", "2023-11-14 22:13:20.5 +0000 UTC" },
	{ "{{ toDuration 90.5 }} {{ (toDuration 90).Minutes }}", "1m30.5s 1.5" },
	{ "{{ toDuration 3 | humanizeDuration }}", "3s" },
	{ "{{ parseDuration \"-5m\" }}", "-300" },
	{ "{{ urlQueryEscape \"a b&c\" }}", "a+b%26c" },
	{ "{{ range $i := 3 }}{{ $i }}{{ end }}", "012" },
	{ "{{ range 0 }}x{{ else }}none{{ end }}", "none" },
	{ "{{ with 0 }}a{{ else with 2 }}{{ . }}{{ end }}", "2" },
	{ "{{ args 0 1 2 3 4 5 6 7 8 9 10 }}", "map[arg0:0 arg1:1 arg10:10 "
	    "arg2:2 arg3:3 arg4:4 arg5:5 arg6:6 arg7:7 arg8:8 arg9:9]" },
	{ "{{ $a := args 1 }}{{ $a.nope }}{{ $a.arg0 }}", "<no value>1" },
	{ "{{ humanize \"NaN\" }} {{ humanizeDuration \"+Inf\" }} "
	  "{{ humanizePercentage \"-Inf\" }}", "NaN +Inf -Inf%" },
	/* failures become text, with the place */
	{ "a{{ index \"abc\" 5 }}b", "<error expanding template: 1:5: error "
	    "calling index: index out of range: 5>" },
	{ "\n {{ toUpper $value }}", "<error expanding template: 2:5: wrong "
	    "type for value; expected string; got float64>" },
	{ "{{ define \"x\" }}{{ len . }}{{ end }}{{ template \"x\" 3 }}",
	    "<error expanding template: 1:20: in template \"x\": error calling "
	    "len: len of type int>" },
	{ "{{ match (print \"(\") \"\" }}", "<error expanding template: 1:4: "
	    "error calling match: regular expression: missing closing "
	    "parenthesis>" },
};

START_TEST(rule_functions_beyond_the_observed)
{
	struct template_data data = observed_rule_data();

	check_text(rule_only[_i].text, TEMPLATE_RULE, &data, rule_only[_i].want);
}
END_TEST

static const struct {
	const char *text, *want;
} notification_only[] = {
	{ "{{ .CommonLabels }}", "alertname=Drift, job=api, severity=critical" },
	{ "{{ .CommonLabels.SortedPairs }}",
	    "alertname=Drift, job=api, severity=critical" },
	{ "{{ (.CommonLabels.Remove .GroupLabels.Names).String }}",
	    "job=api, severity=critical" },
	{ "{{ trimSpace \"  a b\\n\" }}|", "a b|" },
	{ "{{ (index .Alerts 0).StartsAt | date \"15:04 MST\" }}", "05:06 UTC" },
	{ "{{ (index .Alerts 0).StartsAt | tz \"Europe/Paris\" | date "
	  "\"2006-01-02 15:04:05 MST -07:00\" }}",
	    "2026-03-04 06:06:07 CET +01:00" },
	{ "{{ (index .Alerts 2).StartsAt | tz \"Europe/Paris\" }}",
	    "2026-07-08 21:20:21 +0200 CEST" },
	{ "{{ (index .Alerts 2).StartsAt | tz \"Asia/Kolkata\" | date "
	  "\"15:04 Z0700\" }}", "00:50 +0530" },
	{ "{{ (toDate \"2006-01-02\" \"2060-07-01\") | tz \"America/New_York\" "
	  "| date \"2006-01-02 15:04 MST\" }}", "2060-06-30 20:00 EDT" },
	{ "{{ (toDate \"2006\" \"1900\") | tz \"Europe/Paris\" | date "
	  "\"15:04 MST\" }}", "00:09 PMT" },
	{ "{{ now | date \"15:04\" }} {{ since (index .Alerts 0).StartsAt }}",
	    "06:06 1h0m0s" },
	{ "{{ since (index .Alerts 0).StartsAt | humanizeDuration }}",
	    "1h 0m 0s" },
	{ "{{ (mustToDate \"Jan 2, 2006 at 3:04pm (MST)\" "
	  "\"Feb 3, 2013 at 7:54pm (UTC)\").Unix }}", "1359921240" },
	{ "{{ toDate \"2006\" \"x\" }}", "0001-01-01 00:00:00 +0000 UTC" },
	{ "{{ base64encode \"ab\" }} {{ base64encode \"abc\" }} "
	  "{{ base64decode \"YWI=\" }} {{ base64decode \"YWJj\" }}",
	    "YWI= YWJj ab abc" },
	{ "{{ urlUnescape \"a%20b+c\" }}", "a b c" },
	{ "{{ list 1 \"a\" 2.5 | toJson }} {{ append (list 1) 2 | len }}",
	    "[1,\"a\",2.5] 2" },
	{ "{{ dict \"b\" 1 \"a\" (list) | toJson }}", "{\"a\":[],\"b\":1}" },
	{ "{{ (dict \"a\" (dict \"b\" 7)).a.b }}", "7" },
	{ "{{ .GroupLabels | toJson }} {{ toJson \"<&>\" }}",
	    "{\"alertname\":\"Drift\"} \"\\u003c\\u0026\\u003e\"" },
	{ "{{ (index .Alerts 1) | toJson }}",
	    "{\"status\":\"resolved\",\"labels\":{\"alertname\":\"Drift\","
	    "\"instance\":\"b:2\",\"job\":\"api\",\"severity\":\"critical\"},"
	    "\"annotations\":{},\"startsAt\":\"2026-01-31T23:59:30Z\","
	    "\"endsAt\":\"2026-02-01T00:10:00.5Z\",\"generatorURL\":\"\","
	    "\"fingerprint\":\"def456\"}" },
	{ "{{ .RouteLabels.x }}{{ routeLabels.x }}{{ .NotificationReason }}|",
	    "|" },
	{ "{{ (index .Alerts 1).StartsAt | tz \"Mars/Olympus\" }}",
	    "<error expanding template: 1:33: error calling tz: unknown time "
	    "zone Mars/Olympus>" },
	{ "{{ (index .Alerts 1).StartsAt | tz \"../../etc/passwd\" }}",
	    "<error expanding template: 1:33: error calling tz: unknown time "
	    "zone ../../etc/passwd>" },
	{ "{{ dict \"a\" }}", "<error expanding template: 1:4: error calling "
	    "dict: invalid dict call: a key has no value>" },
	{ "{{ base64decode \"a\" }}", "<error expanding template: 1:4: error "
	    "calling base64decode: illegal base64 data>" },
};

START_TEST(notification_functions_beyond_the_observed)
{
	struct template_alert alerts[3];
	struct template_data data = observed_notification_data(alerts);

	check_text(notification_only[_i].text, TEMPLATE_NOTIFICATION, &data,
	    notification_only[_i].want);
}
END_TEST

START_TEST(local_is_the_zone_of_the_machine)
{
	struct template_alert alerts[3];
	struct template_data data = observed_notification_data(alerts);

	ck_assert_int_eq(setenv("TZ", "Asia/Shanghai", 1), 0);
	check_text("{{ (index .Alerts 1).StartsAt.Local }} "
		   "{{ (index .Alerts 1).StartsAt.Local.UTC }}",
	    TEMPLATE_NOTIFICATION, &data,
	    "2026-02-01 07:59:30 +0800 CST 2026-01-31 23:59:30 +0000 UTC");
}
END_TEST

START_TEST(plain_text_of_a_page_is_escaped_too)
{
	static const char *const texts[][2] = {
		{ "<b>plain</b><!-- c -->", "<b>plain</b>" },
		{ "<a href=\"{{ .ExternalURL }}\">{{ .Receiver }}</a>",
		    "<a href=\"#ZgotmplZ\">&lt;x&gt;</a>" },
	};
	struct template_data data = { .html = true,
		.external_url = STR("javascript:x"), .receiver = STR("<x>") };

	for (int i = 0; i < N(texts); i++)
		check_text(texts[i][0], TEMPLATE_NOTIFICATION, &data,
		    texts[i][1]);
}
END_TEST

/* ---- limits ----------------------------------------------------------------- */

static const struct {
	const char *text, *words;
} endless[] = {
	{ "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
	    "call one another too deeply" },
	{ "{{ range 1000000000 }}{{ end }}", "too much work" },
	{ "{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}",
	    "too much work" },
	{ "{{ $x := \"aaaaaaaaaaaaaaaa\" }}{{ range 40 }}{{ $x = print $x $x }}"
	  "{{ end }}", "the result is longer than" },
	{ "{{ range 300000 }}{{ printf \"%1000d\" 1 | len }}{{ end }}",
	    "too much work" },
	{ "{{ match \"(a*)*(a*)*(a*)*[bc]\" \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" "
	  "}}", "takes too long" },
};

START_TEST(no_template_runs_without_end)
{
	struct arena *arena = arena_new(0);
	struct template_data data = observed_rule_data();
	struct err err = { 0 };
	struct buf out = { 0 };
	struct template *t = template_parse(
	    arena, str_from(endless[_i].text), TEMPLATE_RULE, &err);

	ck_assert_msg(t != NULL, "%s: %s", endless[_i].text, err.text);
	buf_puts(&out, "before");
	ck_assert_int_lt(template_execute(t, &data, &out, &err), 0);
	ck_assert_msg(strstr(err.text, endless[_i].words) != NULL, "%s: %s",
	    endless[_i].text, err.text);
	ck_assert(str_is(buf_str(&out), "before"));
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

START_TEST(output_of_a_loop_is_cut_at_the_limit)
{
	struct arena *arena = arena_new(0);
	struct template_data data = observed_rule_data();
	struct buf out = { 0 };
	struct template *t = template_parse(arena,
	    STR("{{ range 70000 }}\u00e9{{ end }}"), TEMPLATE_RULE, NULL);

	ck_assert_int_eq(template_execute(t, &data, &out, NULL), 0);
	ck_assert_uint_eq(out.n, TEMPLATE_OUTPUT_MAX);
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

START_TEST(nesting_has_a_limit)
{
	struct arena *arena = arena_new(0);
	struct buf text = { 0 };
	struct err err = { 0 };

	buf_puts(&text, "{{ ");
	for (int i = 0; i < 5000; i++)
		buf_putc(&text, '(');
	ck_assert_ptr_null(template_parse(
	    arena, buf_str(&text), TEMPLATE_RULE, &err));
	ck_assert(strstr(err.text, "nested too deeply") != NULL);
	buf_clear(&text);
	for (int i = 0; i < 5000; i++)
		buf_puts(&text, "{{ if 1 }}");
	ck_assert_ptr_null(template_parse(
	    arena, buf_str(&text), TEMPLATE_RULE, &err));
	ck_assert(strstr(err.text, "nested too deeply") != NULL);
	buf_fini(&text);
	arena_free(arena);
}
END_TEST

/* ---- sets ------------------------------------------------------------------- */

START_TEST(texts_use_the_templates_of_files)
{
	struct arena *arena = arena_new(0);
	struct template_set *set = template_set_new(arena);
	struct template_alert alerts[3];
	struct template_data data = observed_notification_data(alerts);
	struct buf out = { 0 };
	struct err err = { 0 };
	struct str file;
	struct template *t;

	ck_assert_int_eq(template_set_add(set, STR("a.tmpl"),
	    STR("ignored {{ define \"who\" }}{{ .Receiver }}{{ end }}"
		"{{ define \"x\" }}[{{ template \"inner\" . }}]{{ end }}"),
	    &err), 0);
	ck_assert_int_lt(template_set_check(set, &file, &err), 0);
	ck_assert(str_is(file, "a.tmpl"));
	ck_assert(strstr(err.text, "\"inner\" is not defined") != NULL);
	ck_assert_int_eq(template_set_add(set, STR("b.tmpl"),
	    STR("{{ define \"inner\" }}{{ .Status }}{{ end }}"), &err), 0);
	ck_assert_int_eq(template_set_check(set, &file, &err), 0);
	ck_assert(template_set_has(set, STR("who")));
	ck_assert(!template_set_has(set, STR("whom")));
	t = template_parse_with(arena, STR("{{ template \"x\" . }} "
	    "{{ template \"who\" . }}"), set, &err);
	ck_assert_msg(t != NULL, "%s", err.text);
	template_expand(t, &data, &out);
	ck_assert(str_is(buf_str(&out), "[firing] team a"));
	/* A definition in the text goes before, for what calls it too. */
	buf_clear(&out);
	t = template_parse_with(arena, STR("{{ template \"x\" . }}"
	    "{{ define \"inner\" }}mine{{ end }}"), set, &err);
	template_expand(t, &data, &out);
	ck_assert(str_is(buf_str(&out), "[mine]"));
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

START_TEST(later_files_win_unless_they_say_nothing)
{
	struct arena *arena = arena_new(0);
	struct template_set *set = template_set_new(arena);
	struct template_alert alerts[3];
	struct template_data data = observed_notification_data(alerts);
	struct buf out = { 0 };
	struct err err = { 0 };

	template_set_add(set, STR("a"), STR("{{ define \"x\" }}1{{ end }}"
	    "{{ define \"y\" }}1{{ end }}"), &err);
	template_set_add(set, STR("b"), STR("{{ define \"x\" }}2{{ end }}"
	    "{{ define \"y\" }} {{/* */}}{{ end }}"), &err);
	template_expand(template_parse_with(arena,
	    STR("{{ template \"x\" }}{{ template \"y\" }}"), set, &err), &data,
	    &out);
	ck_assert(str_is(buf_str(&out), "21"));
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

START_TEST(mistake_in_a_file_is_shown_at_the_call)
{
	struct arena *arena = arena_new(0);
	struct template_set *set = template_set_new(arena);
	struct err err = { 0 };

	ck_assert_int_eq(template_set_add(set, STR("a.tmpl"),
	    STR("{{ define \"x\" }}\n\n{{ .Statuss }}{{ end }}"), &err), 0);
	/* What the dot is only the call tells. */
	ck_assert_int_eq(template_set_check(set, NULL, &err), 0);
	ck_assert_ptr_null(template_parse_with(
	    arena, STR("ab {{ template \"x\" . }}"), set, &err));
	ck_assert_uint_eq(err.at, 3);
	ck_assert_msg(strstr(err.text, "template \"x\", line 3 of a.tmpl: "
	    "unknown field \".Statuss\"") != NULL, "%s", err.text);
	ck_assert_int_lt(template_set_add(
	    set, STR("b.tmpl"), STR("x {{ nope }}"), &err), 0);
	ck_assert_uint_eq(err.at, 5);
	arena_free(arena);
}
END_TEST

Suite *
suite_engine(void)
{
	Suite *suite = suite_create("template/engine");
	TCase *tcase = tcase_create("functions");

	tcase_add_loop_test(
	    tcase, rule_functions_beyond_the_observed, 0, N(rule_only));
	tcase_add_loop_test(tcase, notification_functions_beyond_the_observed,
	    0, N(notification_only));
	tcase_add_test(tcase, local_is_the_zone_of_the_machine);
	tcase_add_test(tcase, plain_text_of_a_page_is_escaped_too);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("limits");
	tcase_add_loop_test(
	    tcase, no_template_runs_without_end, 0, N(endless));
	tcase_add_test(tcase, output_of_a_loop_is_cut_at_the_limit);
	tcase_add_test(tcase, nesting_has_a_limit);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("sets");
	tcase_add_test(tcase, texts_use_the_templates_of_files);
	tcase_add_test(tcase, later_files_win_unless_they_say_nothing);
	tcase_add_test(tcase, mistake_in_a_file_is_shown_at_the_call);
	suite_add_tcase(suite, tcase);
	return suite;
}
