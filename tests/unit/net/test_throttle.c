/* SPDX-License-Identifier: Apache-2.0 */
/* Failed logins by address: how many, for how long, and who is the same. */
#include "config.h"

#include <stdio.h>

#include <check.h>

#include "net/throttle.h"
#include "net_world.h"

static mono_t
at(int64_t s)
{
	return (mono_t){ (1000 + s) * INT64_C(1000000000) };
}

static void
fails(struct throttle *throttle, const char *address, int times, int64_t s)
{
	for (int i = 0; i < times; i++)
		(void)throttle_failed(throttle, address, at(s));
}

START_TEST(the_tenth_failure_closes_until_the_window_is_over)
{
	struct throttle *t = throttle_new();

	ck_assert_int_eq(throttle_wait(t, "10.0.0.1", at(0)), 0);
	fails(t, "10.0.0.1", THROTTLE_FAILURES_MAX - 1, 0);
	ck_assert_int_eq(throttle_wait(t, "10.0.0.1", at(1)), 0);
	ck_assert_uint_eq(throttle_failed(t, "10.0.0.1", at(10)), THROTTLE_FAILURES_MAX);
	ck_assert_int_eq(throttle_wait(t, "10.0.0.1", at(10)), 50);
	ck_assert_int_eq(throttle_wait(t, "10.0.0.1", at(59)), 1);
	ck_assert_int_eq(throttle_wait(t, "10.0.0.1", at(60)), 0);
	/* A new window counts from its own first failure. */
	ck_assert_uint_eq(throttle_failed(t, "10.0.0.1", at(60)), 1);
	throttle_free(t);
}
END_TEST

START_TEST(a_login_that_was_right_is_taken_back)
{
	struct throttle *t = throttle_new();

	for (int i = 0; i < 3 * THROTTLE_FAILURES_MAX; i++) {
		(void)throttle_failed(t, "10.0.0.1", at(0));
		throttle_forgive(t, "10.0.0.1", at(0));
	}
	ck_assert_int_eq(throttle_wait(t, "10.0.0.1", at(0)), 0);
	throttle_forgive(t, "10.0.0.2", at(0)); /* was never there */
	ck_assert_uint_eq(throttle_failed(t, "10.0.0.2", at(0)), 1);
	throttle_free(t);
}
END_TEST

static const struct {
	const char *label, *a, *b;
	bool same;
} pairs[] = {
	{ "one address", "10.0.0.1", "10.0.0.1", true },
	{ "two addresses", "10.0.0.1", "10.0.0.2", false },
	{ "one written in IPv6", "10.0.0.1", "::ffff:10.0.0.1", true },
	{ "two of one /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::2", true },
	{ "two networks", "2001:db8:1:2::1", "2001:db8:1:3::1", false },
	{ "IPv6 that looks like IPv4", "::10.0.0.1", "10.0.0.1", false },
};

START_TEST(addresses_are_the_same)
{
	struct throttle *t = throttle_new();

	fails(t, pairs[_i].a, THROTTLE_FAILURES_MAX, 0);
	ck_assert_int_gt(throttle_wait(t, pairs[_i].a, at(0)), 0);
	ck_assert_msg((throttle_wait(t, pairs[_i].b, at(0)) > 0) == pairs[_i].same, "%s",
	    pairs[_i].label);
	throttle_free(t);
}
END_TEST

START_TEST(a_spray_of_addresses_lets_nobody_out)
{
	struct throttle *t = throttle_new();
	char address[32];

	fails(t, "10.0.0.1", THROTTLE_FAILURES_MAX, 0);
	for (int i = 0; i < 4 * THROTTLE_PEERS_MAX; i++) {
		snprintf(address, sizeof(address), "11.0.%d.%d", i / 256, i % 256);
		fails(t, address, 1, 1);
	}
	ck_assert_int_gt(throttle_wait(t, "10.0.0.1", at(1)), 0);
	/* Who comes last is counted all the same. */
	ck_assert_uint_eq(throttle_failed(t, address, at(1)), 2);
	throttle_free(t);
}
END_TEST

Suite *
suite_throttle(void)
{
	Suite *suite = suite_create("net throttle");
	TCase *tc = tcase_create("throttle");

	tcase_add_test(tc, the_tenth_failure_closes_until_the_window_is_over);
	tcase_add_test(tc, a_login_that_was_right_is_taken_back);
	tcase_add_loop_test(tc, addresses_are_the_same, 0, sizeof(pairs) / sizeof(pairs[0]));
	tcase_add_test(tc, a_spray_of_addresses_lets_nobody_out);
	suite_add_tcase(suite, tc);
	return suite;
}
