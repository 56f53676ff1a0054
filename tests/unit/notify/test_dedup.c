/* SPDX-License-Identifier: Apache-2.0 */
/* The five rules of dedup, row by row, and the retry schedule. */
#include "config.h"

#include "notify/notify.h"
#include "unit/notify/suites.h"
#include "unit/route/helpers.h"

#define REPEAT  DUR_S(100)
#define SET_MAX 5

/* Sets end with 0; the tick is at second 1000. */
static const struct {
	const char *label;
	bool present;
	uint64_t told_firing[SET_MAX], told_resolved[SET_MAX];
	int told_at;
	uint64_t firing[SET_MAX], resolved[SET_MAX];
	bool send_resolved;
	enum notify_reason want;
} rows[] = {
	{ "no entry, something fires", false, { 0 }, { 0 }, 0, { 2, 3, 4 }, { 0 }, true,
	    NOTIFY_FIRST },
	{ "no entry, only resolved ones", false, { 0 }, { 0 }, 0, { 0 }, { 1 }, true,
	    NOTIFY_NOTHING },
	{ "a new alert fires", true, { 1, 2, 3 }, { 0 }, 990, { 2, 3, 4 }, { 0 }, true,
	    NOTIFY_NEW_ALERTS },
	{ "firing again after all was over", true, { 0 }, { 1, 2 }, 990, { 1 }, { 0 }, true,
	    NOTIFY_FIRST },
	{ "the same, within the repeat interval", true, { 1, 2, 3 }, { 0 }, 901, { 1, 2, 3 }, { 0 },
	    true, NOTIFY_NOTHING },
	{ "the same, exactly a repeat interval later", true, { 1, 2, 3 }, { 0 }, 900, { 1, 2, 3 },
	    { 0 }, true, NOTIFY_NOTHING },
	{ "the same, after the repeat interval", true, { 1, 2, 3 }, { 0 }, 899, { 1, 2, 3 }, { 0 },
	    true, NOTIFY_REPEAT },
	{ "one resolved, resolves are sent", true, { 1, 2 }, { 0 }, 990, { 1 }, { 2 }, true,
	    NOTIFY_SOME_RESOLVED },
	{ "one resolved, resolves are not sent", true, { 1, 2 }, { 0 }, 990, { 1 }, { 2 }, false,
	    NOTIFY_NOTHING },
	{ "the resolve was told already", true, { 1 }, { 2, 3 }, 990, { 1 }, { 2 }, true,
	    NOTIFY_NOTHING },
	{ "all resolved", true, { 1, 2 }, { 3 }, 990, { 0 }, { 1, 2, 3 }, true,
	    NOTIFY_ALL_RESOLVED },
	{ "all resolved, resolves are not sent: to clear the log", true, { 1, 2 }, { 3 }, 990,
	    { 0 }, { 1, 2, 3 }, false, NOTIFY_ALL_RESOLVED },
	{ "all resolved, told already", true, { 0 }, { 1, 2 }, 0, { 0 }, { 1, 2, 3 }, true,
	    NOTIFY_NOTHING },
	{ "fewer fire and nothing resolved (silenced)", true, { 1, 2, 3 }, { 0 }, 990, { 2 }, { 0 },
	    true, NOTIFY_NOTHING },
	{ "fewer fire, after the repeat interval", true, { 1, 2, 3 }, { 0 }, 800, { 2 }, { 0 },
	    true, NOTIFY_REPEAT },
	{ "a new alert weighs more than a resolve", true, { 1 }, { 0 }, 990, { 2 }, { 1 }, true,
	    NOTIFY_NEW_ALERTS },
};

static struct fingerprints
set_of(const uint64_t *fp)
{
	struct fingerprints set = { .fp = fp };

	while (fp[set.n] != 0)
		set.n++;
	return set;
}

START_TEST(five_rules)
{
	const struct nflog_entry_view entry = {
		.present = rows[_i].present,
		.firing = set_of(rows[_i].told_firing),
		.resolved = set_of(rows[_i].told_resolved),
		.at = AT(rows[_i].told_at),
	};
	enum notify_reason got = dedup_decide(&entry, set_of(rows[_i].firing),
	    set_of(rows[_i].resolved), rows[_i].send_resolved, REPEAT, AT(1000));

	ck_assert_msg(got == rows[_i].want, "%s: %s", rows[_i].label, notify_reason_text(got));
}
END_TEST

static const struct {
	const char *label;
	uint64_t held[4], firing[4], resolved[4];
	bool send_resolved;
	struct held_options options;
	enum notify_reason want;
} held_rows[] = {
	{ "without options nothing", { 1 }, { 1 }, { 0 }, true, { false, false }, NOTIFY_NOTHING },
	{ "it fires again, visibly", { 1 }, { 1, 2 }, { 0 }, true, { true, false },
	    NOTIFY_UNSUPPRESSED },
	{ "another fires", { 3 }, { 1, 2 }, { 0 }, true, { true, true }, NOTIFY_NOTHING },
	{ "its end is visible", { 2, 3 }, { 1 }, { 3 }, true, { true, true },
	    NOTIFY_HELD_RESOLVED },
	{ "to whom resolves are not sent", { 3 }, { 1 }, { 3 }, false, { true, true },
	    NOTIFY_NOTHING },
	{ "its end without the key", { 3 }, { 1 }, { 3 }, true, { true, false }, NOTIFY_NOTHING },
	{ "nothing is held", { 0 }, { 1 }, { 3 }, true, { true, true }, NOTIFY_NOTHING },
};

START_TEST(what_is_held_is_told_when_it_is_back)
{
	enum notify_reason got =
	    held_decide(set_of(held_rows[_i].held), set_of(held_rows[_i].firing),
		set_of(held_rows[_i].resolved), held_rows[_i].send_resolved, held_rows[_i].options);

	ck_assert_msg(
	    got == held_rows[_i].want, "%s: %s", held_rows[_i].label, notify_reason_text(got));
}
END_TEST

/* Attempt, and the delay without jitter in seconds. */
static const struct {
	uint32_t attempt;
	double middle_s;
} delays[] = { { 1, 0.5 }, { 2, 0.75 }, { 3, 1.125 }, { 5, 2.53125 }, { 12, 43.25 }, { 13, 60 },
	{ 4000000000u, 60 } };

START_TEST(backoff_grows_with_jitter_to_its_cap)
{
	double least = 1e9, most = 0, middle = delays[_i].middle_s;
	struct rng rng;

	rng_init(&rng, 42);
	for (int i = 0; i < 2000; i++) {
		double delay = dur_seconds(retry_delay(delays[_i].attempt, NULL, &rng));

		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
	}
	ck_assert_double_ge(least, middle * 0.5 * 0.999);
	ck_assert_double_le(least, middle * 0.52);
	ck_assert_double_le(most, middle * 1.5 * 1.001);
	ck_assert_double_le(most, 60);
	ck_assert_double_ge(most, middle >= 60 ? 59.99 : (middle > 40 ? 59 : middle * 1.48));
}
END_TEST

START_TEST(retry_after_wins_when_longer)
{
	const dur_t longer = DUR_S(300), shorter = DUR_MS(1);
	struct rng rng;

	rng_init(&rng, 1);
	ck_assert_int_eq(retry_delay(1, &longer, &rng).ns, longer.ns);
	ck_assert_int_gt(retry_delay(1, &shorter, &rng).ns, DUR_MS(200).ns);
}
END_TEST

TCase *
dedup_tests(void)
{
	TCase *tcase = tcase_create("dedup");

	tcase_add_loop_test(tcase, five_rules, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(tcase, what_is_held_is_told_when_it_is_back, 0,
	    (int)(sizeof(held_rows) / sizeof(held_rows[0])));
	tcase_add_loop_test(tcase, backoff_grows_with_jitter_to_its_cap, 0,
	    (int)(sizeof(delays) / sizeof(delays[0])));
	tcase_add_test(tcase, retry_after_wins_when_longer);
	return tcase;
}
