/* SPDX-License-Identifier: Apache-2.0 */
/* Frozen policies: what an incident began with comes back, from bytes that may be mangled. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "oncall/policy.h"
#include "suites.h"
#include "unit/route/helpers.h"

static const char yaml[] =
    "route: {receiver: ops, escalation: climb}\n"
    "receivers: [{name: ops, probe_configs: [{url: 'http://a/'}]}]\n"
    "time_intervals: [{name: day}]\n"
    "users: [{name: amy, receivers: {page: ops}}]\n"
    "schedules: [{name: ml, layers: [{users: [amy]}]}]\n"
    "escalation_policies:\n"
    "- name: climb\n"
    "  repeat: 2\n"
    "  ack_timeout: 2h\n"
    "  ack_timeouts: {critical: 30m}\n"
    "  fallback: ops\n"
    "  refire_window: 7m\n"
    "  steps:\n"
    "  - {notify: [ops]}\n"
    "  - {after: 12m, notify: [{schedule: ml, via: page}, {user: amy}], severity: "
    "[critical, page], "
    "active_time_intervals: [day]}\n";

START_TEST(a_frozen_policy_is_the_one_that_was_frozen)
{
	struct config *config = config_of(yaml);
	const struct escalation_policy *was = config->root->escalation;
	struct policies policies, later;
	struct frozen_policy *frozen, *again;

	policies_init(&policies, NULL);
	policies_init(&later, NULL);
	frozen = policies_freeze(&policies, was);
	ck_assert_ptr_eq(policies_freeze(&policies, was), frozen);
	ck_assert(policies_restore(&later, str_from(frozen->digest), frozen->bytes));
	again = policies_find(&later, str_from(frozen->digest));
	ck_assert_str_eq(again->policy.name, "climb");
	ck_assert_uint_eq(again->policy.repeat, 2);
	ck_assert_int_eq(again->policy.repeat_after.ns, DUR_S(12 * 60).ns);
	ck_assert_int_eq(again->policy.refire_window.ns, DUR_S(7 * 60).ns);
	ck_assert_str_eq(again->policy.fallback, "ops");
	ck_assert(again->policy.break_ack_on_severity_rise);
	ck_assert_int_eq(policy_ack_timeout(&again->policy, STR("critical")).ns, DUR_S(1800).ns);
	ck_assert_int_eq(policy_ack_timeout(&again->policy, STR("warning")).ns, DUR_S(7200).ns);
	ck_assert_uint_eq(again->policy.n_steps, 2);
	ck_assert_str_eq(again->policy.steps[1].notify[0].name, "ml");
	ck_assert_str_eq(again->policy.steps[1].notify[0].via, "page");
	ck_assert_ptr_null(again->policy.steps[1].notify[1].via);
	ck_assert_str_eq(again->policy.steps[1].severities[1], "page");
	ck_assert_str_eq(again->policy.steps[1].intervals[0], "day");
	config_unref(config);
	policies_fini(&policies);
	policies_fini(&later);
}
END_TEST

START_TEST(bytes_that_are_cut_or_changed_are_refused_or_read_whole)
{
	struct config *config = config_of(yaml);
	struct policies policies;
	struct frozen_policy *frozen;
	char *bytes;

	policies_init(&policies, NULL);
	frozen = policies_freeze(&policies, config->root->escalation);
	for (uint32_t n = 0; n < frozen->bytes.n; n++) {
		struct policies later;

		policies_init(&later, NULL);
		ck_assert(!policies_restore(&later, STR("x"), str_make(frozen->bytes.p, n)));
		policies_fini(&later);
	}
	bytes = xmemdup0(frozen->bytes.p, frozen->bytes.n);
	for (uint32_t i = 0; i < frozen->bytes.n; i++) {
		struct policies later;

		bytes[i] = (char)~bytes[i];
		policies_init(&later, NULL);
		(void)policies_restore(&later, STR("x"), str_make(bytes, frozen->bytes.n));
		policies_fini(&later);
		bytes[i] = (char)~bytes[i];
	}
	free(bytes);
	policies_fini(&policies);
	config_unref(config);
}
END_TEST

TCase *
policy_tests(void)
{
	TCase *tcase = tcase_create("policy");

	tcase_add_test(tcase, a_frozen_policy_is_the_one_that_was_frozen);
	tcase_add_test(tcase, bytes_that_are_cut_or_changed_are_refused_or_read_whole);
	return tcase;
}
