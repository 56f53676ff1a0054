/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenario language: one file, one story.
 *
 *   # comment
 *   config [FILE]       tocsin.yml; without FILE the indented lines below
 *   rules               rules.yml: the indented lines below
 *   [TIME] STATEMENT    TIME counts from the start; what is due by then, and
 *                       at that very instant, happens first
 *   within D STATEMENT  (expect only) as soon as it happens, in D at most
 *
 * The program starts at the first line that needs it.  Minutes of the story
 * are slots of the first rule group.  The statements are in statements[],
 * each with its form.  A notification that no line expects ends the story.
 */
#include "config.h"

#include "sim.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/xalloc.h"

#define SILENCES_NAMED_MAX 16
#define LINE_MAX_BYTES     4096

struct story {
	struct sim sim;
	const char *path;
	FILE *file;
	char line[LINE_MAX_BYTES];
	unsigned number;
	const char *p; /* the rest of the line */
	bool has_within;
	wall_t deadline; /* of within */
	bool aligned;
	struct {
		char name[32], id[37];
	} silences[SILENCES_NAMED_MAX];
	uint32_t n_silences;
};

/* --- words ------------------------------------------------------------------- */

static void
skip_space(struct story *story)
{
	while (isspace((unsigned char)*story->p))
		story->p++;
}

static bool
at_end(struct story *story)
{
	skip_space(story);
	return *story->p == '\0' || *story->p == '#';
}

static bool
read_word(struct story *story, char *out, size_t size)
{
	size_t n;

	if (at_end(story))
		return false;
	n = strcspn(story->p, " \t\n{");
	snprintf(out, size, "%.*s", (int)n, story->p);
	story->p += n;
	return n > 0;
}

/* Takes the word if it comes next. */
static bool
accept(struct story *story, const char *word)
{
	size_t n = strlen(word);

	if (at_end(story) || strncmp(story->p, word, n) != 0 ||
	    (story->p[n] != '\0' && !isspace((unsigned char)story->p[n])))
		return false;
	story->p += n;
	return true;
}

static void
expect_word(struct story *story, const char *word)
{
	if (!accept(story, word))
		sim_fail(&story->sim, "'%s' should be here: %s", word, story->p);
}

static dur_t
read_duration(struct story *story)
{
	char word[64] = "";
	dur_t d = DUR_S(0);
	struct err err;

	if (!read_word(story, word, sizeof(word)))
		sim_fail(&story->sim, "a duration should be here");
	else if (duration_parse(str_from(word[0] == '-' ? word + 1 : word), &d, &err) < 0)
		sim_fail(&story->sim, "'%s': %s", word, err.text);
	return word[0] == '-' ? (dur_t){ -d.ns } : d;
}

static bool
read_quoted(struct story *story, struct buf *out)
{
	if (at_end(story) || *story->p != '"')
		return false;
	for (story->p++; *story->p != '\0' && *story->p != '"'; story->p++) {
		if (*story->p == '\\' && story->p[1] != '\0')
			story->p++;
		buf_putc(out, *story->p);
	}
	if (*story->p == '"')
		story->p++;
	buf_puts(out, "");
	return true;
}

/* Name{a="b", c="d"}; the name is alertname. NULL at the end of the line. */
static json_object *
read_labels(struct story *story)
{
	char name[128];
	json_object *labels;

	if (at_end(story))
		return NULL;
	labels = json_object_new_object();
	if (*story->p != '{' && read_word(story, name, sizeof(name)))
		json_object_object_add(labels, "alertname", json_object_new_string(name));
	if (*story->p != '{')
		return labels;
	for (story->p++; !at_end(story) && *story->p != '}';) {
		struct buf value = { 0 };
		size_t n = strcspn(story->p, "=");

		snprintf(name, sizeof(name), "%.*s", (int)n, story->p);
		story->p += n + (story->p[n] == '=');
		if (!read_quoted(story, &value))
			break;
		json_object_object_add(labels, name,
		    json_object_new_string(value.p != NULL ? value.p : ""));
		buf_fini(&value);
		skip_space(story);
		if (*story->p == ',')
			story->p++;
		skip_space(story);
	}
	if (*story->p == '}')
		story->p++;
	else
		sim_fail(&story->sim, "labels without end");
	return labels;
}

/* The indented lines that follow. */
static void
read_block(struct story *story, struct buf *out)
{
	long at = ftell(story->file);

	while (fgets(story->line, sizeof(story->line), story->file) != NULL &&
	    (isspace((unsigned char)story->line[0]))) {
		story->number++;
		buf_puts(out, strncmp(story->line, "    ", 4) == 0 ? story->line + 4 : "\n");
		at = ftell(story->file);
	}
	fseek(story->file, at, SEEK_SET);
	story->line[0] = '\0';
	story->p = story->line;
}

/* --- the world ------------------------------------------------------------------ */

static void
read_file(struct story *story, const char *name, struct buf *out)
{
	const char *dir = getenv("SIM_DIR");
	char path[600], block[4096];
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : ".", name);

	FILE *file = fopen(path, "re");

	if (file == NULL) {
		sim_fail(&story->sim, "%s: %s", path, strerror(errno));
		return;
	}
	while ((n = fread(block, 1, sizeof(block), file)) > 0)
		buf_put(out, block, n);
	fclose(file);
}

static void
do_config(struct story *story)
{
	struct buf text = { 0 };
	char name[128];

	if (read_word(story, name, sizeof(name)))
		read_file(story, name, &text);
	else
		read_block(story, &text);
	sim_write(&story->sim, "tocsin.yml", buf_str(&text));
	buf_fini(&text);
}

static void
do_rules(struct story *story)
{
	struct buf text = { 0 };

	read_block(story, &text);
	sim_write(&story->sim, "rules.yml", buf_str(&text));
	buf_fini(&text);
}

static bool
read_conduct(struct story *story, struct peer *peer)
{
	static const struct {
		const char *word;
		enum conduct conduct;
	} conducts[] = {
		{ "ok", CONDUCT_OK },
		{ "hang", CONDUCT_HANG },
		{ "lost", CONDUCT_LOST },
		{ "refuse", CONDUCT_REFUSE },
		{ "partial", CONDUCT_PARTIAL },
		{ "garbage", CONDUCT_GARBAGE },
		{ "kill", CONDUCT_KILL },
		{ "kill-taken", CONDUCT_KILL_TAKEN },
	};
	char number[16] = "";
	int64_t status = 0;

	for (size_t i = 0; i < ARRAY_LEN(conducts); i++)
		if (accept(story, conducts[i].word)) {
			peer->conduct = conducts[i].conduct;
			return true;
		}
	if (accept(story, "slow")) {
		peer->latency = read_duration(story);
		return true;
	}
	if (!accept(story, "status") || !read_word(story, number, sizeof(number)) ||
	    !str_to_i64(str_from(number), &status))
		return false;
	peer->conduct = CONDUCT_STATUS;
	peer->status = (int)status;
	peer->retry_after = accept(story, "retry-after") ? read_duration(story) : DUR_S(0);
	return true;
}

static void
read_series(struct story *story, struct answer *answer)
{
	world_clear_answer(answer);
	if (accept(story, "none"))
		return;
	while (!at_end(story) && !sim_failed(&story->sim)) {
		struct series *series = &answer->series[answer->n];
		char number[64] = "";

		if (answer->n == WORLD_SERIES_MAX)
			abort();
		series->labels = *story->p == '{' ? read_labels(story) : json_object_new_object();
		answer->n++;
		if (!read_word(story, number, sizeof(number)) ||
		    !str_to_double(str_from(number), &series->value))
			sim_fail(&story->sim, "a value should be here: %s", story->p);
	}
}

static void
do_source(struct story *story)
{
	struct buf query = { 0 };
	char name[32] = "";

	read_word(story, name, sizeof(name));
	if (read_quoted(story, &query)) {
		expect_word(story, "=");
		read_series(story, world_answer(&story->sim.world, name, query.p));
	} else if (!read_conduct(story, world_source(&story->sim.world, name))) {
		sim_fail(&story->sim, "no conduct: %s", story->p);
	}
	buf_fini(&query);
}

static void
do_receiver(struct story *story)
{
	char name[32] = "";

	read_word(story, name, sizeof(name));
	if (!read_conduct(story, world_receiver(&story->sim.world, name)))
		sim_fail(&story->sim, "no conduct: %s", story->p);
}

static void
do_disk(struct story *story)
{
	bool fails = accept(story, "fails");

	if (!fails)
		expect_word(story, "ok");
	sim_open(&story->sim);
	judge_disk(&story->sim, fails);
}

/* --- the program -------------------------------------------------------------------- */

static void
align(struct story *story)
{
	if (!story->aligned)
		sim_align(&story->sim);
	story->aligned = true;
}

static void
run_until(struct story *story, wall_t until)
{
	align(story);
	sim_run_until(&story->sim, until);
}

static void
run_now(struct story *story)
{
	align(story); /* may move now */
	sim_settle(&story->sim);
}

static void
do_reload(struct story *story)
{
	bool fails = accept(story, "fails");
	struct buf text = { 0 };
	bool failed = core_reload(&story->sim.core, &text) < 0;

	if (failed != fails)
		sim_fail(&story->sim, "the reload %s\n%s", failed ? "failed:" : "succeeded",
		    text.p != NULL ? text.p : "");
	else if (!failed)
		judge_rules(&story->sim.judge, story->sim.core.config);
	buf_fini(&text);
	sim_settle(&story->sim);
}

static void
stay_down(struct story *story)
{
	if (accept(story, "down"))
		story->sim.end = wall_add(story->sim.end, read_duration(story));
	sim_settle(&story->sim);
}

static void
do_crash(struct story *story)
{
	sim_kill(&story->sim);
	stay_down(story);
}

static void
do_stop(struct story *story)
{
	sim_close(&story->sim);
	stay_down(story);
}

static void
do_leap(struct story *story)
{
	sim_leap(&story->sim, read_duration(story));
	sim_settle(&story->sim);
}

static void
do_post(struct story *story)
{
	struct sim *sim = &story->sim;
	json_object *labels = read_labels(story);
	wall_t ends = WALL_NONE;

	if (accept(story, "for"))
		ends = wall_add(sim_now(sim), read_duration(story));
	else if (accept(story, "resolved"))
		ends = sim_now(sim);
	int status = sim_post(sim, labels, ends);

	if (status != 200)
		sim_fail(sim, "POST /api/v2/alerts: %d", status);
	json_object_put(labels);
	sim_settle(sim);
}

static void
do_silence(struct story *story)
{
	struct sim *sim = &story->sim;
	char id[37] = "", name[32] = "";
	wall_t from = sim_now(sim), to;

	read_word(story, name, sizeof(name));
	skip_space(story);
	json_object *labels = read_labels(story);

	if (accept(story, "after"))
		from = wall_add(from, read_duration(story));
	expect_word(story, "for");
	to = wall_add(from, read_duration(story));
	int status = labels != NULL ? sim_silence(sim, labels, from, to, id) : 0;

	if (status != 200 || story->n_silences == SILENCES_NAMED_MAX)
		sim_fail(sim, "POST /api/v2/silences: %d", status);
	else {
		memcpy(story->silences[story->n_silences].name, name, sizeof(name));
		memcpy(story->silences[story->n_silences++].id, id, sizeof(id));
	}
	json_object_put(labels);
	sim_settle(sim);
}

static const char *
silence_id(struct story *story)
{
	char name[32] = "";

	read_word(story, name, sizeof(name));
	for (uint32_t i = 0; i < story->n_silences; i++)
		if (strcmp(story->silences[i].name, name) == 0)
			return story->silences[i].id;
	sim_fail(&story->sim, "no silence was called '%s'", name);
	return "";
}

static void
do_unsilence(struct story *story)
{
	int status = sim_unsilence(&story->sim, silence_id(story));

	if (status != 200)
		sim_fail(&story->sim, "DELETE /api/v2/silence: %d", status);
	sim_settle(&story->sim);
}

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
static void
check_leftovers(struct story *story, wall_t before)
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
	read_word(story, wanted->receiver, sizeof(wanted->receiver));
	while (!at_end(story) && wanted->n < WANTED_MAX) {
		if (accept(story, "firing"))
			firing = true;
		else if (accept(story, "resolved"))
			firing = false;
		else {
			wanted->firing[wanted->n] = firing;
			wanted->labels[wanted->n++] = read_labels(story);
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
	check_leftovers(story, sim_now(sim));
}

static void
expect_no_notify(struct story *story)
{
	accept(story, "other");
	expect_word(story, "notify");
	if (story->has_within)
		sim_run_until(&story->sim, story->deadline);
	check_leftovers(story, WALL_MAX);
}

static void
expect_alert(struct story *story)
{
	struct sim *sim = &story->sim;
	json_object *labels = read_labels(story);
	const struct rule_alert *alert = labels != NULL ? sim_rule_alert(sim, labels) : NULL;
	enum alert_state state = alert != NULL ? alert->times.state : ALERT_INACTIVE;
	char want[32] = "";

	read_word(story, want, sizeof(want));
	if (state == ALERT_RESOLVED)
		state = ALERT_INACTIVE;
	if (strcmp(want, alert_state_name(state)) != 0)
		sim_fail(sim, "the alert is %s", alert_state_name(state));
	if (accept(story, "since")) {
		dur_t since = read_duration(story);
		char text[DURATION_TEXT_MAX];

		if (alert == NULL ||
		    wall_since(alert->times.active_at, sim->start).ns != since.ns)
			sim_fail(sim, "active since %s",
			    alert == NULL ? "never" :
				duration_format(
				    wall_since(alert->times.active_at, sim->start), text));
	}
	json_object_put(labels);
}

static void
expect_routed(struct story *story)
{
	struct sim *sim = &story->sim;
	json_object *labels = read_labels(story);
	struct alert *alert = labels != NULL ? sim_routed(sim, labels) : NULL;
	const char *state = alert == NULL ? "none" :
	    alert_is_resolved(alert, sim_now(sim)) ? "resolved" : "firing";
	char want[32] = "";

	read_word(story, want, sizeof(want));
	if (strcmp(want, state) != 0)
		sim_fail(sim, "the routed alert is %s", state);
	json_object_put(labels);
}

static void
expect_silence(struct story *story)
{
	static const char *const names[] = { "pending", "active", "expired" };
	const struct silence *silence =
	    silences_get(story->sim.core.silences, str_from(silence_id(story)));
	const char *state =
	    silence != NULL ? names[silence_state(silence, sim_now(&story->sim))] : "none";
	char want[32] = "";

	read_word(story, want, sizeof(want));
	if (strcmp(want, state) != 0)
		sim_fail(&story->sim, "the silence is %s", state);
}

static uint32_t
read_count(struct story *story)
{
	char word[16] = "";
	int64_t n = -1;

	if (!read_word(story, word, sizeof(word)) || !str_to_i64(str_from(word), &n))
		sim_fail(&story->sim, "a count should be here");
	return (uint32_t)n;
}

/* How often a receiver or source was asked since this was last expected. */
static void
expect_requests(struct story *story)
{
	char name[32] = "";
	bool to_source = accept(story, "source");

	read_word(story, name, sizeof(name));
	struct peer *peer = to_source ? world_source(&story->sim.world, name) :
					world_receiver(&story->sim.world, name);
	uint32_t got = peer->requests, least = 0, most;

	peer->requests = 0;
	least = most = read_count(story);
	if (accept(story, "to"))
		most = read_count(story);
	if (got < least || got > most)
		sim_fail(&story->sim, "%u requests", got);
}

static void
expect_deliveries(struct story *story)
{
	struct notifier_stats stats = notifier_stats(story->sim.core.notifier);
	bool dead = accept(story, "dead");
	uint32_t got = dead ? stats.dead : stats.pending + stats.sending;

	if (!dead)
		expect_word(story, "pending");
	if (got != read_count(story))
		sim_fail(&story->sim, "%u deliveries", got);
}

static void
do_expect(struct story *story)
{
	if (accept(story, "notify"))
		expect_notify(story);
	else if (accept(story, "no"))
		expect_no_notify(story);
	else if (accept(story, "alert"))
		expect_alert(story);
	else if (accept(story, "routed"))
		expect_routed(story);
	else if (accept(story, "silence"))
		expect_silence(story);
	else if (accept(story, "requests"))
		expect_requests(story);
	else if (accept(story, "deliveries"))
		expect_deliveries(story);
	else
		sim_fail(&story->sim, "what to expect? %s", story->p);
}

/* --- lines ------------------------------------------------------------------------------ */

/* clang-format off */
static const struct statement {
	const char *name;
	void (*run)(struct story *story);
	bool starts; /* the program runs when this happens */
	const char *form;
} statements[] = {
	{ "config", do_config, false, "config [FILE]" },
	{ "rules", do_rules, false, "rules" },
	{ "source", do_source, false, "source NAME \"QUERY\" = none | {LABELS} VALUE ..., source NAME CONDUCT" },
	{ "receiver", do_receiver, false, "receiver NAME CONDUCT: ok, slow D, hang, lost, refuse, status N [retry-after D], kill, kill-taken" },
	{ "disk", do_disk, true, "disk fails|ok" },
	{ "reload", do_reload, true, "reload [fails]" },
	{ "crash", do_crash, true, "crash [down D]: kill -9, and a new start" },
	{ "stop", do_stop, true, "stop [down D]: a clean end, and a new start" },
	{ "leap", do_leap, true, "leap [-]D: the wall clock alone moves" },
	{ "post", do_post, true, "post NAME{LABELS} [for D|resolved]" },
	{ "silence", do_silence, true, "silence ID {LABELS} [after D] for D" },
	{ "unsilence", do_unsilence, true, "unsilence ID" },
	{ "expect", do_expect, true, "expect alert A pending|firing|inactive [since T] | routed A firing|resolved|none | "
	    "notify RECEIVER firing A ... resolved B ... | no [other] notify | silence ID STATE | requests [source] NAME N [to M] | deliveries pending|dead N" },
};
/* clang-format on */

static void
run_line(struct story *story)
{
	struct sim *sim = &story->sim;

	story->p = story->line;
	story->has_within = false;
	if (at_end(story))
		return;
	if (isdigit((unsigned char)*story->p)) {
		align(story);
		wall_t at = wall_add(sim->start, read_duration(story));

		if (wall_before(at, sim_now(sim)))
			sim_fail(sim, "this time has passed");
		/* What the world is like at the start, the program finds. */
		if (sim->is_open || wall_before(sim->start, at))
			run_until(story, at);
		check_leftovers(story, at);
	} else if (accept(story, "within")) {
		run_now(story);
		story->has_within = true;
		story->deadline = wall_add(sim_now(sim), read_duration(story));
	}
	for (size_t i = 0; i < ARRAY_LEN(statements) && !sim_failed(sim); i++) {
		if (!accept(story, statements[i].name))
			continue;
		if (statements[i].starts)
			run_now(story);
		if (!sim_failed(sim))
			statements[i].run(story);
		if (!sim_failed(sim) && !at_end(story))
			sim_fail(sim, "what is this: %s  the form: %s", story->p,
			    statements[i].form);
		return;
	}
	sim_fail(sim, "no such statement: %s", story->p);
}

int
story_run(const char *path)
{
	struct story *story = xcalloc(1, sizeof(*story));
	int rc;

	story->path = path;
	story->file = fopen(path, "re");
	sim_init(&story->sim);
	if (story->file == NULL)
		sim_fail(&story->sim, "%s", strerror(errno));
	while (!sim_failed(&story->sim) &&
	    fgets(story->line, sizeof(story->line), story->file) != NULL) {
		story->number++;
		run_line(story);
	}
	check_leftovers(story, WALL_MAX);
	judge_epilogue(&story->sim);
	rc = sim_failed(&story->sim) ? 1 : 0;
	if (rc != 0)
		printf("%s:%u: %s\n", path, story->number, story->sim.judge.failure);
	if (story->file != NULL)
		fclose(story->file);
	sim_fini(&story->sim);
	free(story);
	return rc;
}
