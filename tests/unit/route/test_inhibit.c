/* SPDX-License-Identifier: Apache-2.0 */
/* Inhibition: who mutes whom. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "route/inhibit.h"
#include "suites.h"
#include "unit/route/helpers.h"

#define HEAD "route: {receiver: r}\nreceivers: [{name: r}]\ninhibit_rules:\n"

/* Two rules: s1=1 mutes t1=1 with equal e; s2=1 mutes t2=1 with equal e. */
static const char two_rules[] =
    HEAD "- {source_matchers: ['s1=1'], target_matchers: ['t1=1'], equal: [e]}\n"
	 "- {source_matchers: ['s2=1'], target_matchers: ['t2=1'], equal: [e]}\n";
static const char both_sides[] =
    HEAD "- {source_matchers: ['s=1'], target_matchers: ['t=1'], equal: [e]}\n";
static const char indexed_by_nothing[] =
    HEAD "- {source_matchers: ['s=~\"1|2\"'], target_matchers: ['t!=\"\"'], equal: [e, f]}\n";

/* Sources fire; an f= that ends in ! has ended already. */
static const struct {
	const char *label, *rules;
	const char *sources[3];
	const char *target;
	bool want;
} cases[] = {
	{ "a firing source with the same equal value", two_rules, { "s1=1,e=1" }, "t1=1,e=1",
	    true },
	{ "another equal value", two_rules, { "s1=1,e=1" }, "t1=1,e=2", false },
	{ "no target", two_rules, { "s1=1,e=1" }, "t1=0,e=1", false },
	{ "no source", two_rules, { "s1=0,e=1" }, "t1=1,e=1", false },
	{ "the source of another rule", two_rules, { "s1=1,e=1" }, "t2=1,e=1", false },
	{ "the second rule", two_rules, { "s1=1,e=1", "s2=1,e=1" }, "t2=1,e=1", true },
	{ "absent on both sides is equal", two_rules, { "s1=1" }, "t1=1", true },
	{ "absent on one side is not", two_rules, { "s1=1" }, "t1=1,e=1", false },
	{ "an ended source does not count", two_rules, { "!s1=1,e=1" }, "t1=1,e=1", false },
	{ "an ended one beside a firing one", two_rules, { "!s1=1,e=1,x=1", "s1=1,e=1" },
	    "t1=1,e=1", true },
	{ "an alert does not mute itself", both_sides, { "s=1,t=1,e=1" }, "s=1,t=1,e=1", false },
	{ "two that are both sides do not mute each other", both_sides,
	    { "s=1,t=1,e=1,x=1", "s=1,t=1,e=1,x=2" }, "s=1,t=1,e=1,x=1", false },
	{ "a pure source still counts", both_sides, { "s=1,t=1,e=1,x=1", "s=1,e=1", "s=1,t=1,e=1" },
	    "s=1,t=1,e=1,x=1", true },
	{ "a pure target is muted by a source of both sides", both_sides, { "s=1,t=1,e=1" },
	    "t=1,e=1", true },
	{ "regexes, two equal labels", indexed_by_nothing, { "s=2,e=1,f=2" }, "t=x,e=1,f=2", true },
	{ "one of two equal labels differs", indexed_by_nothing, { "s=2,e=1,f=2" }, "t=x,e=1",
	    false },
};

static struct alert *
source(const char *text)
{
	struct alert *alert = calloc(1, sizeof(*alert));

	alert->ends_at = *text == '!' ? AT(10) : AT(100);
	alert->labels = labels_of(*text == '!' ? text + 1 : text);
	return alert;
}

static void
alert_end(struct alert *alert)
{
	labels_unref(alert->labels);
	free(alert);
}

START_TEST(inhibition)
{
	struct config *config = config_of(cases[_i].rules);
	struct inhibitor *inhibitor = inhibitor_new(config);
	struct labels *target = labels_of(cases[_i].target);
	struct alert *alerts[3] = { NULL };

	for (int i = 0; i < 3 && cases[_i].sources[i] != NULL; i++) {
		alerts[i] = source(cases[_i].sources[i]);
		inhibitor_note(inhibitor, alerts[i]);
		inhibitor_note(inhibitor, alerts[i]);
	}
	for (int again = 0; again < 2; again++) {
		struct config *old = config;

		ck_assert_msg(
		    (inhibitor_muting(inhibitor, target, AT(50)) != NULL) == cases[_i].want, "%s",
		    cases[_i].label);
		/* A reload that leaves the rules as they are changes nothing. */
		config = config_of(cases[_i].rules);
		ck_assert(inhibitor_adopt(inhibitor, config));
		config_unref(old);
	}
	ck_assert_msg(
	    inhibitor_muting(inhibitor, target, AT(100)) == NULL, "%s: all ended", cases[_i].label);
	for (int i = 0; i < 3 && alerts[i] != NULL; i++)
		inhibitor_forget(inhibitor, alerts[i]);
	ck_assert_msg(
	    inhibitor_muting(inhibitor, target, AT(50)) == NULL, "%s: all gone", cases[_i].label);
	for (int i = 0; i < 3 && alerts[i] != NULL; i++)
		alert_end(alerts[i]);
	labels_unref(target);
	inhibitor_free(inhibitor);
	config_unref(config);
}
END_TEST

START_TEST(a_refreshed_source_goes_on_muting)
{
	struct config *config = config_of(two_rules);
	struct inhibitor *inhibitor = inhibitor_new(config);
	struct labels *target = labels_of("t1=1,e=1");
	struct alert *alert = source("s1=1,e=1");

	inhibitor_note(inhibitor, alert);
	ck_assert_ptr_null(inhibitor_muting(inhibitor, target, AT(150)));
	alert->ends_at = AT(200);
	inhibitor_note(inhibitor, alert);
	ck_assert_ptr_eq(inhibitor_muting(inhibitor, target, AT(150)), alert);
	inhibitor_free(inhibitor);
	alert_end(alert);
	labels_unref(target);
	config_unref(config);
}
END_TEST

static const char *const other_rules[] = {
	HEAD "- {source_matchers: ['s1=1'], target_matchers: ['t1=1'], equal: [e]}\n",
	HEAD "- {source_matchers: ['s1=1'], target_matchers: ['t1=1'], equal: [e]}\n"
	     "- {source_matchers: ['s2=1'], target_matchers: ['t2=1'], equal: [f]}\n",
	HEAD "- {source_matchers: ['s1=1'], target_matchers: ['t1=2'], equal: [e]}\n"
	     "- {source_matchers: ['s2=1'], target_matchers: ['t2=1'], equal: [e]}\n",
	HEAD "- {source_matchers: ['s1!=1'], target_matchers: ['t1=1'], equal: [e]}\n"
	     "- {source_matchers: ['s2=1'], target_matchers: ['t2=1'], equal: [e]}\n",
	HEAD "- {source_matchers: ['s2=1'], target_matchers: ['t2=1'], equal: [e]}\n"
	     "- {source_matchers: ['s1=1'], target_matchers: ['t1=1'], equal: [e]}\n",
	HEAD "- {source_matchers: ['s1=1'], target_matchers: ['t1=1'], equal: [e]}\n"
	     "- {source_matchers: ['s2=1'], target_matchers: ['t2=1'], equal: [e]}\n"
	     "- {source_matchers: ['s3=1'], target_matchers: ['t3=1'], equal: [e]}\n",
};

START_TEST(other_rules_are_not_adopted)
{
	struct config *config = config_of(two_rules), *other = config_of(other_rules[_i]);
	struct inhibitor *inhibitor = inhibitor_new(config);
	struct labels *target = labels_of("t1=1,e=1");
	struct alert *alert = source("s1=1,e=1");

	inhibitor_note(inhibitor, alert);
	ck_assert(!inhibitor_adopt(inhibitor, other));
	config_unref(other);
	ck_assert_ptr_eq(inhibitor_muting(inhibitor, target, AT(50)), alert);
	inhibitor_free(inhibitor);
	alert_end(alert);
	labels_unref(target);
	config_unref(config);
}
END_TEST

TCase *
inhibit_tests(void)
{
	TCase *tcase = tcase_create("inhibit");

	tcase_add_loop_test(tcase, inhibition, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tcase, a_refreshed_source_goes_on_muting);
	tcase_add_loop_test(tcase, other_rules_are_not_adopted, 0,
	    (int)(sizeof(other_rules) / sizeof(other_rules[0])));
	return tcase;
}
