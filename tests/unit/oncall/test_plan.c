/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a step tells, and why somebody is passed over; who may stand in. */
#include <string.h>

#include "base/attr.h"
#include "oncall/lint.h"
#include "oncall/overrides.h"
#include "oncall/plan.h"
#include "suites.h"
#include "unit/route/helpers.h"

static const char yaml[] =
    "route: {receiver: ops, escalation: climb}\n"
    "receivers: [{name: ops, probe_configs: [{url: 'http://a/'}]}, {name: amy-page, "
    "probe_configs: [{url: "
    "'http://b/'}]}, {name: amy-chat, probe_configs: [{url: 'http://c/'}]}, {name: "
    "desk, probe_configs: "
    "[{url: 'http://d/'}]}]\n"
    "time_intervals: [{name: morning, time_intervals: [{times: [{start_time: '06:00', "
    "end_time: '12:00'}]}]}]\n"
    "users: [{name: amy, receivers: {page: amy-page, chat: amy-chat}}]\n"
    "schedules: [{name: ml, layers: [{users: [amy], start: 2026-11-02}]}]\n"
    "escalation_policies:\n"
    "- name: climb\n"
    "  fallback: desk\n"
    "  steps:\n"
    "  - {notify: [ops]}\n"
    "  - {notify: [{schedule: ml, via: page}]}\n"
    "  - {notify: [{user: amy}]}\n"
    "  - {notify: [{schedule: ml, via: ops}]}\n"
    "  - {notify: [ops], severity: [critical]}\n"
    "  - {notify: [ops], active_time_intervals: [morning]}\n";

static const struct {
	const char *label;
	uint32_t step;
	const char *severity, *now, *want;
} plans[] = {
	{ "a receiver", 0, "warning", "2026-11-20T09:00:00Z", "ops" },
	{ "whoever is on call, by the word for it", 1, "warning", "2026-11-20T09:00:00Z",
	    "amy-page" },
	{ "nobody on call: the fallback", 1, "warning", "2026-11-01T09:00:00Z", "-nobody desk" },
	{ "without a word every way", 2, "warning", "2026-11-20T09:00:00Z", "amy-page amy-chat" },
	{ "a word that is a receiver's name is that receiver", 3, "warning",
	    "2026-11-20T09:00:00Z", "ops" },
	{ "not for this severity", 4, "warning", "2026-11-20T09:00:00Z", "-severity" },
	{ "for this one", 4, "critical", "2026-11-20T09:00:00Z", "ops" },
	{ "not at this time", 5, "warning", "2026-11-20T13:00:00Z", "-time" },
	{ "at this one", 5, "warning", "2026-11-20T09:00:00Z", "ops" },
};

START_TEST(a_step_tells_whom_it_names_now)
{
	static const char *const skips[] = { "", "-severity", "-time", "-nobody", "-unknown" };
	static struct plan plan;
	struct config *config = config_of(yaml);
	const struct plan_context context = { .config = config };
	struct buf got = { 0 };

	plan_step(&context, config->root->escalation, plans[_i].step,
	    str_from(plans[_i].severity), at(plans[_i].now), &plan);
	for (uint32_t i = 0; i < plan.n; i++)
		buf_printf(&got, "%s%s", i > 0 ? " " : "",
		    plan.lines[i].skipped != PLAN_NOT_SKIPPED ? skips[plan.lines[i].skipped]
							      : plan.lines[i].receiver->name);
	ck_assert_msg(strcmp(got.p, plans[_i].want) == 0, "%s: got %s", plans[_i].label, got.p);
	buf_fini(&got);
	config_unref(config);
}
END_TEST

START_TEST(what_is_no_longer_configured_goes_to_the_fallback)
{
	static struct plan plan;
	struct config *config = config_of(yaml);
	struct step_target gone[] = { { .kind = STEP_RECEIVER, .name = "gone" },
		{ .kind = STEP_USER, .name = "zoe" }, { .kind = STEP_SCHEDULE, .name = "none" } };
	struct escalation_step step = { .notify = gone, .n_notify = ARRAY_LEN(gone) };
	const struct escalation_policy policy = { .name = "p",
		.fallback = "desk",
		.steps = &step,
		.n_steps = 1 };
	const struct plan_context context = { .config = config };

	plan_step(&context, &policy, 0, STR(""), at("2026-11-20T09:00:00Z"), &plan);
	ck_assert_uint_eq(plan.n, 4);
	ck_assert_int_eq(plan.lines[0].skipped, PLAN_UNKNOWN);
	ck_assert_int_eq(plan.lines[1].skipped, PLAN_UNKNOWN);
	ck_assert_int_eq(plan.lines[2].skipped, PLAN_NOBODY_ON_CALL);
	ck_assert(plan.lines[3].is_fallback);
	ck_assert_str_eq(plan.lines[3].receiver->name, "desk");
	config_unref(config);
}
END_TEST

static const struct {
	const char *label;
	const char *schedule, *user, *from, *until;
	bool good;
} entries[] = {
	{ "somebody for an hour", "ml", "amy", "2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z",
	    true },
	{ "an unknown schedule", "mx", "amy", "2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z",
	    false },
	{ "an unknown person", "ml", "zoe", "2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z",
	    false },
	{ "an end before its beginning", "ml", "amy", "2026-11-20T09:00:00Z",
	    "2026-11-20T09:00:00Z", false },
	{ "an end in the past", "ml", "amy", "2026-11-19T09:00:00Z", "2026-11-20T08:00:00Z",
	    false },
	{ "longer than a year", "ml", "amy", "2026-11-20T09:00:00Z", "2027-12-20T09:00:00Z",
	    false },
};

START_TEST(a_stand_in_is_checked)
{
	struct config *config = config_of(yaml);
	struct overrides *overrides = overrides_new(NULL);
	struct err err = { 0 };
	int64_t id = 0;
	uint32_t n;
	int rc = overrides_add(overrides, config,
	    &(struct override_input){ .schedule = entries[_i].schedule,
		.user = entries[_i].user,
		.created_by = "eve",
		.starts_at = at(entries[_i].from),
		.ends_at = at(entries[_i].until) },
	    at("2026-11-20T08:30:00Z"), &id, &err);

	ck_assert_msg((rc == 0) == entries[_i].good, "%s: %s", entries[_i].label, err.text);
	overrides_list(overrides, &n);
	ck_assert_uint_eq(n, entries[_i].good);
	ck_assert(overrides_remove(overrides, id, at("2026-11-20T08:40:00Z")) == entries[_i].good);
	overrides_list(overrides, &n);
	ck_assert_uint_eq(n, 0);
	overrides_free(overrides);
	config_unref(config);
}
END_TEST

START_TEST(times_when_nobody_is_on_call_are_warned_of)
{
	struct config *config = config_of(yaml);
	struct diag *diag = diag_new();

	oncall_lint(config, at("2026-11-20T00:00:00Z"), diag);
	ck_assert_uint_eq(diag_warnings(diag), 0);
	oncall_lint(config, at("2026-10-20T00:00:00Z"), diag);
	ck_assert_uint_eq(diag_warnings(diag), 1);
	diag_free(diag);
	config_unref(config);
}
END_TEST

TCase *
plan_tests(void)
{
	TCase *tcase = tcase_create("plan");

	tcase_add_loop_test(tcase, a_step_tells_whom_it_names_now, 0, (int)ARRAY_LEN(plans));
	tcase_add_test(tcase, what_is_no_longer_configured_goes_to_the_fallback);
	tcase_add_loop_test(tcase, a_stand_in_is_checked, 0, (int)ARRAY_LEN(entries));
	tcase_add_test(tcase, times_when_nobody_is_on_call_are_warned_of);
	return tcase;
}
