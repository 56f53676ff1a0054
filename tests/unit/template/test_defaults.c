/* SPDX-License-Identifier: Apache-2.0 */
/* The stock names are there, and titles read as those of Alertmanager 0.25 for the same alerts. */
#include "config.h"

#include <check.h>

#include "suites.h"

static const struct label_view group[] = { { { "alertname", 9 }, { "HighLag", 7 } } };
static const struct label_view common[] = {
	{ { "alertname", 9 }, { "HighLag", 7 } },
	{ { "severity", 8 }, { "critical", 8 } },
	{ { "topic", 5 }, { "orders", 6 } },
};

/* What amtool 0.25 template render prints with the stock default.tmpl for these data. */
static const struct {
	const char *name, *status, *want;
} stock[] = {
	{ "__subject", "firing", "[FIRING:2] HighLag (critical orders)" },
	{ "slack.default.title", "firing", "[FIRING:2] HighLag (critical orders)" },
	{ "slack.default.title", "resolved", "[RESOLVED] HighLag (critical orders)" },
	{ "email.default.subject", "firing", "[FIRING:2] HighLag (critical orders)" },
	{ "pagerduty.default.description", "firing", "[FIRING:2] HighLag (critical orders)" },
	{ "opsgenie.default.message", "firing", "[FIRING:2] HighLag (critical orders)" },
	{ "pushover.default.title", "firing", "[FIRING:2] HighLag (critical orders)" },
	{ "slack.default.titlelink", "firing", "http://am.example/#/alerts?receiver=on+call" },
	{ "slack.default.username", "firing", "Alertmanager" },
	{ "slack.default.pretext", "firing", "" },
};

START_TEST(titles_read_as_the_stock_ones)
{
	struct arena *arena = arena_new(0);
	struct template_set *set = template_set_new(arena);
	struct template_alert alerts[2] = { 0 };
	struct template_data data = {
		.status = str_from(stock[_i].status),
		.receiver = STR("on call"),
		.external_url = STR("http://am.example"),
		.group_labels = { .views = group, .n_views = 1 },
		.common_labels = { .views = common, .n_views = 3 },
		.alerts = alerts,
		.n_alerts = 2,
	};
	struct err err = { 0 };
	struct buf out = { 0 };
	struct str file = { 0 };
	const char *text = arena_printf(arena, "{{ template \"%s\" . }}", stock[_i].name);

	for (uint32_t i = 0; i < 2; i++)
		alerts[i].status = str_from(stock[_i].status);
	template_set_add_defaults(set);
	ck_assert_msg(
	    template_set_check(set, &file, &err) == 0, "%.*s: %s", STR_ARG(file), err.text);
	struct template *t = template_parse_with(arena, str_from(text), set, &err);
	ck_assert_msg(t != NULL, "%s: %s", text, err.text);
	ck_assert_msg(template_execute(t, &data, &out, &err) == 0, "%s: %s", text, err.text);
	ck_assert_str_eq(buf_str(&out).p, stock[_i].want);
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

Suite *
suite_defaults(void)
{
	Suite *suite = suite_create("defaults");
	TCase *tcase = tcase_create("defaults");

	tcase_add_loop_test(
	    tcase, titles_read_as_the_stock_ones, 0, sizeof(stock) / sizeof(stock[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}
