/* SPDX-License-Identifier: Apache-2.0 */
/* What a scenario expects, and what it got instead. */
#include "config.h"

#include <string.h>

#include "base/duration.h"
#include "oncall/incidents_internal.h"
#include "story.h"

/* --- expectations ---------------------------------------------------------------------- */

static void
fail_with_notices(struct story *story, const char *what)
{
	struct buf text = { 0 };

	for (struct notice *n = story->sim.world.notices; n != NULL; n = n->next)
		if (!n->expected)
			notice_print(&story->sim, n, &text);
	sim_fail(&story->sim, "%s%s", what, text.n > 0 ? text.p : "\n  (none)");
	buf_fini(&text);
}

/* A line that came and went without being expected. */
void
story_check_leftovers(struct story *story, wall_t before)
{
	for (struct notice *n = story->sim.world.notices; n != NULL; n = n->next)
		if (!n->expected && wall_before(n->at, before)) {
			fail_with_notices(story, "nobody expected this notification:");
			return;
		}
}

#define WANTED_MAX 16

struct wanted {
	char receiver[32];
	json_object *labels[WANTED_MAX];
	bool firing[WANTED_MAX];
	uint32_t n;
};

static void
read_wanted(struct story *story, struct wanted *wanted)
{
	bool firing = true;

	wanted->n = 0;
	story_read_word(story, wanted->receiver, sizeof(wanted->receiver));
	while (!story_at_end(story) && wanted->n < WANTED_MAX) {
		if (story_accept(story, "firing"))
			firing = true;
		else if (story_accept(story, "resolved"))
			firing = false;
		else {
			wanted->firing[wanted->n] = firing;
			wanted->labels[wanted->n++] = story_read_labels(story);
		}
	}
}

/* Exactly these alerts. */
static bool
is_wanted(const struct notice *notice, const struct wanted *wanted)
{
	if (notice->expected || notice->n != wanted->n ||
	    strcmp(notice->receiver, wanted->receiver) != 0)
		return false;
	for (uint32_t w = 0; w < wanted->n; w++) {
		bool found = false;

		for (uint32_t i = 0; i < notice->n && !found; i++)
			found = notice->alerts[i].firing == wanted->firing[w] &&
				labels_json_has(notice->alerts[i].labels, wanted->labels[w]);
		if (!found)
			return false;
	}
	return true;
}

static struct notice *
find_wanted(struct story *story, const struct wanted *wanted)
{
	for (struct notice *n = story->sim.world.notices; n != NULL; n = n->next)
		if (is_wanted(n, wanted))
			return n;
	return NULL;
}

static void
expect_notify(struct story *story)
{
	struct sim *sim = &story->sim;
	struct wanted wanted;
	struct notice *found;

	read_wanted(story, &wanted);
	found = find_wanted(story, &wanted);
	sim->stop_on_notice = story->has_within;
	while (found == NULL && story->has_within && !sim_failed(sim) &&
	       wall_before(sim_now(sim), story->deadline)) {
		uint32_t before = sim->world.n_notices;

		sim_run_until(sim, story->deadline);
		if (sim->world.n_notices != before)
			sim_settle(sim);
		found = find_wanted(story, &wanted);
	}
	sim->stop_on_notice = false;
	sim_settle(sim);
	if (found == NULL)
		fail_with_notices(story, "no such notification; unexpected so far:");
	else
		found->expected = true;
	for (uint32_t i = 0; i < wanted.n; i++)
		json_object_put(wanted.labels[i]);
	story_check_leftovers(story, sim_now(sim));
}

static void
expect_no_notify(struct story *story)
{
	story_accept(story, "other");
	story_expect_word(story, "notify");
	if (story->has_within)
		sim_run_until(&story->sim, story->deadline);
	story_check_leftovers(story, WALL_MAX);
}

static void
expect_alert(struct story *story)
{
	struct sim *sim = &story->sim;
	json_object *labels = story_read_labels(story);
	const struct rule_alert *alert = labels != NULL ? sim_rule_alert(sim, labels) : NULL;
	enum alert_state state = alert != NULL ? alert->times.state : ALERT_INACTIVE;
	char want[32] = "";

	story_read_word(story, want, sizeof(want));
	if (state == ALERT_RESOLVED)
		state = ALERT_INACTIVE;
	if (strcmp(want, alert_state_name(state)) != 0)
		sim_fail(sim, "the alert is %s", alert_state_name(state));
	if (story_accept(story, "since")) {
		dur_t since = story_read_duration(story);
		char text[DURATION_TEXT_MAX];

		if (alert == NULL || wall_since(alert->times.active_at, sim->start).ns != since.ns)
			sim_fail(sim, "active since %s",
			    alert == NULL
				? "never"
				: duration_format(
				      wall_since(alert->times.active_at, sim->start), text));
	}
	json_object_put(labels);
}

static void
expect_routed(struct story *story)
{
	struct sim *sim = &story->sim;
	json_object *labels = story_read_labels(story);
	struct alert *alert = labels != NULL ? sim_routed(sim, labels) : NULL;
	const char *state = alert == NULL                            ? "none"
			    : alert_is_resolved(alert, sim_now(sim)) ? "resolved"
								     : "firing";
	char want[32] = "";

	story_read_word(story, want, sizeof(want));
	if (strcmp(want, state) != 0)
		sim_fail(sim, "the routed alert is %s", state);
	json_object_put(labels);
}

static void
expect_silence(struct story *story)
{
	static const char *const names[] = { "pending", "active", "expired" };
	const struct silence *silence =
	    silences_get(story->sim.core.silences, str_from(story_silence_id(story)));
	const char *state =
	    silence != NULL ? names[silence_state(silence, sim_now(&story->sim))] : "none";
	char want[32] = "";

	story_read_word(story, want, sizeof(want));
	if (strcmp(want, state) != 0)
		sim_fail(&story->sim, "the silence is %s", state);
}

static uint32_t
read_count(struct story *story)
{
	char word[16] = "";
	int64_t n = -1;

	if (!story_read_word(story, word, sizeof(word)) || !str_to_i64(str_from(word), &n))
		sim_fail(&story->sim, "a count should be here");
	return (uint32_t)n;
}

static void
expect_incident(struct story *story)
{
	struct sim *sim = &story->sim;
	json_object *labels = story_read_labels(story);
	const struct incident *incident = labels != NULL ? sim_incident(sim, labels) : NULL;
	const char *state =
	    incident != NULL ? incident_state_name((enum incident_state)incident->state) : "none";
	char want[32] = "", by[64] = "";

	story_read_word(story, want, sizeof(want));
	if (strcmp(want, state) != 0)
		sim_fail(sim, "the incident is %s", state);
	if (story_accept(story, "by")) {
		const char *who = incident != NULL && incident->work != NULL &&
					  incident->work->changed_by != NULL
				      ? incident->work->changed_by
				      : "nobody";

		story_read_word(story, by, sizeof(by));
		if (strcmp(by, who) != 0)
			sim_fail(sim, "it was %s", who);
	}
	json_object_put(labels);
}

/* Since the program's last start. */
static void
expect_exhausted(struct story *story)
{
	uint64_t got = story->sim.core.incidents->exhausted;

	if (got != read_count(story))
		sim_fail(&story->sim, "%llu are exhausted", (unsigned long long)got);
}

/* How often a receiver or source was asked since this was last expected. */
static void
expect_requests(struct story *story)
{
	char name[32] = "";
	bool to_source = story_accept(story, "source");

	story_read_word(story, name, sizeof(name));
	struct peer *peer = to_source ? world_source(&story->sim.world, name)
				      : world_receiver(&story->sim.world, name);
	uint32_t got = peer->requests, least = 0, most;

	peer->requests = 0;
	least = most = read_count(story);
	if (story_accept(story, "to"))
		most = read_count(story);
	if (got < least || got > most)
		sim_fail(&story->sim, "%u requests", got);
}

static void
expect_deliveries(struct story *story)
{
	struct notifier_stats stats = notifier_stats(story->sim.core.notifier);
	bool dead = story_accept(story, "dead");
	uint32_t got = dead ? stats.dead : stats.pending + stats.sending;

	if (!dead)
		story_expect_word(story, "pending");
	if (got != read_count(story))
		sim_fail(&story->sim, "%u deliveries", got);
}

void
story_do_expect(struct story *story)
{
	if (story_accept(story, "notify"))
		expect_notify(story);
	else if (story_accept(story, "no"))
		expect_no_notify(story);
	else if (story_accept(story, "alert"))
		expect_alert(story);
	else if (story_accept(story, "routed"))
		expect_routed(story);
	else if (story_accept(story, "incident"))
		expect_incident(story);
	else if (story_accept(story, "exhausted"))
		expect_exhausted(story);
	else if (story_accept(story, "silence"))
		expect_silence(story);
	else if (story_accept(story, "requests"))
		expect_requests(story);
	else if (story_accept(story, "deliveries"))
		expect_deliveries(story);
	else
		sim_fail(&story->sim, "what to expect? %s", story->p);
}
