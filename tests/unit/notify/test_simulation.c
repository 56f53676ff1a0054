/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seeded life of everything at once: alerts come and go, silences, receivers
 * that fail in every way, power cuts, reloads.
 *
 * The receivers believe what they are told.  Held after every message:
 *  - it names no alert as firing that never fired;
 *  - a delivery that was answered "ok" is not seen again, unless the power
 *    failed after that answer;
 *  - a receiver that hears of resolves is not told the same twice running,
 *    unless the reason is the repeat interval or the power failed between.
 * Held at the end, when the receivers are well and nothing is silenced:
 *  - what fires is believed to fire by everybody;
 *  - what is over is believed to be over by those who hear of resolves;
 *  - no delivery is unfinished.
 * What is excused, because Alertmanager's rules have it so: the end of an
 * alert that was silenced or muted while it fired may go untold.  Nothing is
 * excused where the route says deliver_held_resolves.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "unit/notify/suites.h"
#include "unit/notify/world.h"

#define STEPS    2000
#define SEEDS    20 /* of each kind of life */
#define N_ALERTS 12
#define N_HOSTS  3

static const char *const urls[N_HOSTS] = { "p", "p2", "q" };

#define RECEIVERS                                                                                  \
	"receivers: [{name: r, probe_configs: [{url: p}]}, "                                       \
	"{name: s, probe_configs: [{url: p2}], quiet_configs: [{url: q}]}]\n"
/* A third of each hour: naps of 20 minutes. */
#define NAP(hour) "{start_time: '" hour ":10', end_time: '" hour ":30'}, "
#define NAPS                                                                                       \
	"time_intervals: [{name: nap, time_intervals: [{times: [" NAP("00") NAP("01") NAP("02")    \
	    NAP("03") NAP("04") NAP("05") NAP("06") NAP("07") NAP("08") NAP("09") NAP("10")        \
		NAP("11") NAP("12") NAP("13") NAP("14") NAP("15") NAP("16") NAP("17") NAP("18")    \
		    NAP("19") NAP("20") NAP("21") NAP("22")                                        \
			NAP("23") "{start_time: '00:00', end_time: '00:01'}]}]}]\n"
#define CONFIG(times, keys, to_s)                                                                  \
	"route:\n  {receiver: r, group_by: [g], " times keys                                       \
	",\n  routes: [{receiver: s, matchers: ['x=~\".+\"'], continue: true" to_s "}, "           \
	"{receiver: r, matchers: ['g!=\"\"']}]}\n" RECEIVERS NAPS
#define SLOW "group_wait: 30s, group_interval: 5m, repeat_interval: 1h"
#define FAST "group_wait: 10s, group_interval: 2m, repeat_interval: 30m"
#define HELD ", deliver_held_resolves: true, notify_on_unsilence: true"
#define MUTE ", mute_time_intervals: [nap]"

enum kind {
	KIND_PLAIN,
	KIND_MUTED,
	KIND_HELD,
	KIND_COUNT
};
static const char *const configs[KIND_COUNT][2] = {
	[KIND_PLAIN] = { CONFIG(SLOW, "", ""), CONFIG(FAST, "", "") },
	[KIND_MUTED] = { CONFIG(SLOW, "", MUTE), CONFIG(FAST, "", MUTE) },
	[KIND_HELD] = { CONFIG(SLOW, HELD, MUTE), CONFIG(FAST, HELD, MUTE) },
};

struct life {
	char labels[32];
	bool to_s; /* has an x label: goes to s as well */
	bool fires, has_fired, from_rule;
	bool excused; /* was silenced since it last began to fire */
	bool untold;  /* has ended while excused: what the log says of it may be old, or expired */
	char silence_id[37]; /* "" for none */
};

static struct rng rng;
static struct life lives[N_ALERTS];
static bool believes[N_HOSTS][N_ALERTS];
static char answered[N_HOSTS][N_ALERTS]
		    [512]; /* per host and group: the last contents answered ok */
static uint32_t answered_after[N_HOSTS][N_ALERTS]; /* so many power cuts */
static uint32_t judged;                            /* messages looked at so far */
static uint64_t seed;
static enum kind kind;

static uint64_t
below(uint64_t n)
{
	return rng_below(&rng, n);
}

static int64_t
now_s(void)
{
	return (loop_now(w.loop).ns - START_AT.ns) / 1000000000;
}

/* ---- what receivers hear ------------------------------------------------------------ */

static int
host_index(const char *url)
{
	for (int i = 0; i < N_HOSTS; i++) {
		if (strcmp(urls[i], url) == 0)
			return i;
	}
	ck_abort_msg("message to %s", url);
}

static int
life_index(const char *text, size_t n)
{
	for (int i = 0; i < N_ALERTS; i++) {
		if (strlen(lives[i].labels) == n && memcmp(lives[i].labels, text, n) == 0)
			return i;
	}
	ck_abort_msg("alert %.*s", (int)n, text);
}

static void
believe(int to, const char *set, bool firing)
{
	while (*set != '\0') {
		size_t n = strcspn(set, " ");
		int i = life_index(set, n);

		ck_assert_msg(!firing || lives[i].has_fired, "seed %llu: %s never fired",
		    (unsigned long long)seed, lives[i].labels);
		believes[to][i] = firing;
		set += n + (set[n] == ' ');
	}
}

static bool
names_untold(const char *set)
{
	while (*set != '\0') {
		size_t n = strcspn(set, " ");

		if (lives[life_index(set, n)].untold)
			return true;
		set += n + (set[n] == ' ');
	}
	return false;
}

static int
group_number(const char *group)
{
	const char *value = strstr(group, "g=\"");

	return value != NULL ? value[3] - '0' : 0;
}

static int64_t
delivery_of(const char *contents)
{
	int64_t id = 0;

	ck_assert(str_to_i64(str_make(contents, strcspn(contents, " ")), &id));
	return id;
}

static void
judge(const struct message_seen *m)
{
	int to = host_index(m->url);
	int group = group_number(m->group);
	char *last = answered[to][group];
	char contents[512];

	for (uint32_t i = 0; i < judged; i++) {
		const struct message_seen *before = &w.seen[i];

		if (before->delivery == m->delivery && before->status == 200)
			ck_assert_msg(before->crashes < m->crashes,
			    "seed %llu: delivery %lld sent again at %lld after it was answered at "
			    "%lld",
			    (unsigned long long)seed, m->delivery, (long long)m->at,
			    (long long)before->at);
	}
	/* An answer that says "failed" is believed; a gateway's, or none, leaves it open. */
	if (m->status != 200 && m->status != 504 && m->status != 0)
		return;
	believe(to, m->firing, true);
	believe(to, m->resolved, false);
	if (m->status != 200) {
		last[0] = '\0';
		return;
	}
	(void)snprintf(
	    contents, sizeof(contents), "%lld F %s R %s", m->delivery, m->firing, m->resolved);
	const char *what = strchr(contents, 'F'), *said = strchr(last, 'F');
	if (said != NULL && !names_untold(m->firing) && answered_after[to][group] == m->crashes &&
	    strcmp(urls[to], "q") != 0 && strcmp(what, said) == 0 &&
	    delivery_of(contents) != delivery_of(last))
		ck_assert_msg(
		    strcmp(m->reason, "repeat interval elapsed") == 0 ||
			(kind == KIND_HELD && strcmp(m->reason, "no longer suppressed") == 0),
		    "seed %llu: told twice at %lld (%s): %s", (unsigned long long)seed,
		    (long long)m->at, m->reason, contents);
	memcpy(last, contents, sizeof(contents));
	answered_after[to][group] = m->crashes;
}

static void
judge_all(void)
{
	for (; judged < w.n_seen; judged++)
		judge(&w.seen[judged]);
}

/* ---- what happens ------------------------------------------------------------------------ */

static void
begin_or_refresh(struct life *life)
{
	if (!life->fires) {
		life->from_rule = below(2) == 0;
		life->excused = life->silence_id[0] != '\0' || (kind == KIND_MUTED && life->to_s);
	}
	life->fires = life->has_fired = true;
	if (life->from_rule)
		fire(life->labels);
	else
		post(life->labels, now_s(), 1000000000);
}

static void
end(struct life *life)
{
	if (!life->fires)
		return;
	life->fires = false;
	life->untold = life->untold || life->excused;
	if (life->from_rule && below(2) == 0)
		resolve(life->labels);
	else
		post(life->labels, now_s() - 1, now_s());
}

static void
hush(struct life *life)
{
	char matcher[64];

	if (life->silence_id[0] != '\0')
		return;
	(void)snprintf(matcher, sizeof(matcher), "a=%s", strchr(life->labels, '=') + 1);
	matcher[strcspn(matcher, ",")] = '\0';
	silence(matcher, 1000000000, life->silence_id);
	life->excused = true;
}

static void
speak(struct life *life)
{
	if (life->silence_id[0] == '\0')
		return;
	ck_assert_int_eq(
	    silences_expire(w.silences, str_from(life->silence_id), loop_now(w.loop), NULL), 0);
	life->silence_id[0] = '\0';
}

static void
change_mood(struct host *h)
{
	static const int statuses[] = { 500, 503, 504, 429, 400, 404 };

	h->mood = (enum host_mood)below(4);
	if (below(3) == 0)
		h->mood = HOST_OK;
	h->status = statuses[below(6)];
	h->retry_after_s = below(4) == 0 ? (int)below(200) : 0;
	h->latency = below(3) == 0 ? DUR_S((int64_t)below(20)) : DUR_MS((int64_t)below(50));
}

/*
 * Sometimes the disk has refused all writes for a while before; nobody was promised anything
 * then.
 */
static void
power_cut(void)
{
	world_turns();
	if (below(2) == 0) {
		store_set_failing(w.store, true);
		world_run(now_s() + (int64_t)below(400));
		judge_all();
	}
	world_crash(now_s() + (int64_t)below(200));
}

static void
step(void)
{
	struct life *life = &lives[below(N_ALERTS)];

	switch (below(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		begin_or_refresh(life);
		break;
	case 4:
	case 5:
	case 6:
		end(life);
		break;
	case 7:
		if (below(3) == 0)
			hush(life);
		break;
	case 8:
		speak(life);
		break;
	case 9:
		change_mood(host(urls[below(N_HOSTS)]));
		break;
	case 10:
		if (below(4) == 0)
			power_cut();
		break;
	case 11:
		if (below(4) == 0)
			world_reload(configs[kind][below(2)]);
		break;
	default:
		break;
	}
	world_run(now_s() + (int64_t)below(60));
	judge_all();
}

/* ---- the end -------------------------------------------------------------------------------- */

static void
settle(void)
{
	for (int i = 0; i < N_HOSTS; i++)
		*host(urls[i]) = (struct host){ .url = urls[i] };
	for (int i = 0; i < N_ALERTS; i++)
		speak(&lives[i]);
	/* Retry-After of up to 200 s, a nap, then flushes. */
	world_run(now_s() + 3600);
	judge_all();
}

static void
check_beliefs(void)
{
	for (int i = 0; i < N_ALERTS; i++) {
		const struct life *life = &lives[i];

		for (int to = 0; to < N_HOSTS; to++) {
			if (to > 0 && !life->to_s)
				continue;
			if (life->fires)
				ck_assert_msg(believes[to][i],
				    "seed %llu: %s does not know that %s fires",
				    (unsigned long long)seed, urls[to], life->labels);
			else if (to != 2 && (kind == KIND_HELD || !life->excused))
				ck_assert_msg(!believes[to][i],
				    "seed %llu: %s still believes in %s", (unsigned long long)seed,
				    urls[to], life->labels);
		}
	}
}

START_TEST(seeded_life)
{
	seed = (uint64_t)_i / KIND_COUNT + 1;
	kind = (enum kind)(_i % KIND_COUNT);
	rng_init(&rng, seed);
	memset(lives, 0, sizeof(lives));
	memset(believes, 0, sizeof(believes));
	memset(answered, 0, sizeof(answered));
	judged = 0;
	for (int i = 0; i < N_ALERTS; i++) {
		lives[i].to_s = i % 2 == 0;
		(void)snprintf(lives[i].labels, sizeof(lives[i].labels), "a=%d,g=%d%s", i,
		    i % 4 + 1, lives[i].to_s ? ",x=1" : "");
	}
	world_open(configs[kind][0]);
	for (int i = 0; i < STEPS; i++)
		step();
	settle();
	check_beliefs();
	ck_assert_uint_eq(rows_in_state(DELIVERY_PENDING), 0);
	ck_assert_uint_eq(notifier_stats(w.notifier).pending, 0);
	ck_assert_uint_gt(w.n_seen, 100);
	world_close();
}
END_TEST

TCase *
simulation_tests(void)
{
	TCase *tcase = tcase_create("simulation");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, seeded_life, 0, SEEDS * KIND_COUNT);
	return tcase;
}
