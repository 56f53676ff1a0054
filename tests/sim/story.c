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

#include "story.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

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

	if (story_read_word(story, name, sizeof(name)))
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
		if (story_accept(story, conducts[i].word)) {
			peer->conduct = conducts[i].conduct;
			return true;
		}
	if (story_accept(story, "slow")) {
		peer->latency = story_read_duration(story);
		return true;
	}
	if (!story_accept(story, "status") || !story_read_word(story, number, sizeof(number)) ||
	    !str_to_i64(str_from(number), &status))
		return false;
	peer->conduct = CONDUCT_STATUS;
	peer->status = (int)status;
	peer->retry_after = DUR_S(0);
	if (story_accept(story, "retry-after"))
		peer->retry_after = story_read_duration(story);
	return true;
}

static void
read_series(struct story *story, struct answer *answer)
{
	world_clear_answer(answer);
	if (story_accept(story, "none"))
		return;
	while (!story_at_end(story) && !sim_failed(&story->sim)) {
		struct series *series = &answer->series[answer->n];
		char number[64] = "";

		*series = (struct series){ .at = WALL_NONE };

		if (answer->n == WORLD_SERIES_MAX)
			abort();
		series->labels =
		    *story->p == '{' ? story_read_labels(story) : json_object_new_object();
		answer->n++;
		if (!story_read_word(story, number, sizeof(number)) ||
		    !str_to_double(str_from(number), &series->value))
			sim_fail(&story->sim, "a value should be here: %s", story->p);
		if (story_accept(story, "at"))
			series->at =
			    wall_add(story->sim.start, story_read_duration(story));
		series->has_past = story_accept(story, "was");
		if (series->has_past &&
		    (!story_read_word(story, number, sizeof(number)) ||
			!str_to_double(str_from(number), &series->was) ||
			!story_read_word(story, number, sizeof(number)) ||
			!str_to_double(str_from(number), &series->swing)))
			sim_fail(&story->sim, "was VALUE SWING should be here: %s", story->p);
	}
}

static void
do_source(struct story *story)
{
	struct buf query = { 0 };
	char name[32] = "";

	story_read_word(story, name, sizeof(name));
	if (story_read_quoted(story, &query)) {
		story_expect_word(story, "=");
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

	story_read_word(story, name, sizeof(name));
	if (!read_conduct(story, world_receiver(&story->sim.world, name)))
		sim_fail(&story->sim, "no conduct: %s", story->p);
}

static void
do_disk(struct story *story)
{
	bool fails = story_accept(story, "fails");

	if (!fails)
		story_expect_word(story, "ok");
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
	bool fails = story_accept(story, "fails");
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
	if (story_accept(story, "down"))
		story->sim.end = wall_add(story->sim.end, story_read_duration(story));
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
	sim_leap(&story->sim, story_read_duration(story));
	sim_settle(&story->sim);
}

static void
do_post(struct story *story)
{
	struct sim *sim = &story->sim;
	json_object *labels = story_read_labels(story);
	wall_t ends = WALL_NONE;

	if (story_accept(story, "for"))
		ends = wall_add(sim_now(sim), story_read_duration(story));
	else if (story_accept(story, "resolved"))
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

	story_read_word(story, name, sizeof(name));
	json_object *labels = story_read_labels(story);

	if (story_accept(story, "after"))
		from = wall_add(from, story_read_duration(story));
	story_expect_word(story, "for");
	to = wall_add(from, story_read_duration(story));
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

static void
do_unsilence(struct story *story)
{
	int status = sim_unsilence(&story->sim, story_silence_id(story));

	if (status != 200)
		sim_fail(&story->sim, "DELETE /api/v2/silence: %d", status);
	sim_settle(&story->sim);
}

/* --- incidents -------------------------------------------------------------------------- */

static void
act(struct story *story, const char *verb)
{
	struct sim *sim = &story->sim;
	json_object *labels = story_read_labels(story);
	struct buf body = { 0 };
	bool fails;

	buf_puts(&body, "{\"by\":\"sim\"");
	if (story_accept(story, "for"))
		buf_printf(&body, ",\"for\":\"%.0fs\"", dur_seconds(story_read_duration(story)));
	buf_puts(&body, "}");
	fails = story_accept(story, "fails");

	int status = labels != NULL ? sim_act(sim, labels, verb, body.p) : 0;

	if (status == 200 ? fails : !fails || status < 400 || status > 499)
		sim_fail(sim, "%s: %d", verb, status);
	buf_fini(&body);
	json_object_put(labels);
	sim_settle(sim);
}

static void
do_ack(struct story *story)
{
	act(story, "ack");
}

static void
do_unack(struct story *story)
{
	act(story, "unack");
}

static void
do_snooze(struct story *story)
{
	act(story, "snooze");
}

static void
do_override(struct story *story)
{
	char schedule[64] = "", user[64] = "";
	struct buf body = { 0 };

	story_read_word(story, schedule, sizeof(schedule));
	story_read_word(story, user, sizeof(user));
	story_expect_word(story, "for");
	buf_printf(&body, "{\"schedule\":\"%s\",\"user\":\"%s\",\"for\":\"%.0fs\"}", schedule,
	    user, dur_seconds(story_read_duration(story)));

	int status = sim_call(&story->sim, "POST", "/api/tocsin/v1/overrides", body.p, NULL);

	if (status != 200)
		sim_fail(&story->sim, "POST /api/tocsin/v1/overrides: %d", status);
	buf_fini(&body);
	sim_settle(&story->sim);
}

static void
do_checkin(struct story *story)
{
	char name[64] = "";
	struct buf path = { 0 };
	int status;

	story_read_word(story, name, sizeof(name));
	buf_printf(&path, "/api/tocsin/v1/heartbeats/%s", name);
	status = sim_call(&story->sim, "POST", path.p, NULL, NULL);
	if (status != 200)
		sim_fail(&story->sim, "POST %s: %d", path.p, status);
	buf_fini(&path);
	sim_settle(&story->sim);
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
	{ "source", do_source, false, "source NAME \"QUERY\" = none | {LABELS} VALUE [at T] [was VALUE SWING] ..., source NAME CONDUCT" },
	{ "receiver", do_receiver, false, "receiver NAME CONDUCT: ok, slow D, hang, lost, refuse, status N [retry-after D], kill, kill-taken" },
	{ "disk", do_disk, true, "disk fails|ok" },
	{ "reload", do_reload, true, "reload [fails]" },
	{ "crash", do_crash, true, "crash [down D]: kill -9, and a new start" },
	{ "stop", do_stop, true, "stop [down D]: a clean end, and a new start" },
	{ "leap", do_leap, true, "leap [-]D: the wall clock alone moves" },
	{ "post", do_post, true, "post NAME{LABELS} [for D|resolved]" },
	{ "silence", do_silence, true, "silence ID {LABELS} [after D] for D" },
	{ "unsilence", do_unsilence, true, "unsilence ID" },
	{ "ack", do_ack, true, "ack A [for D] [fails]" },
	{ "unack", do_unack, true, "unack A [fails]" },
	{ "snooze", do_snooze, true, "snooze A for D [fails]" },
	{ "checkin", do_checkin, true, "checkin NAME" },
	{ "override", do_override, true, "override SCHEDULE USER for D" },
	{ "expect", story_do_expect, true, "expect alert A pending|firing|inactive [since T] | routed A firing|resolved|none | "
	    "notify RECEIVER firing A ... resolved B ... | no [other] notify | incident A STATE [by WHO] | exhausted N | silence ID STATE | requests [source] NAME N [to M] | deliveries pending|dead N" },
};
/* clang-format on */

static void
run_line(struct story *story)
{
	struct sim *sim = &story->sim;

	story->p = story->line;
	story->has_within = false;
	if (story_at_end(story))
		return;
	if (isdigit((unsigned char)*story->p)) {
		align(story);
		wall_t at = wall_add(sim->start, story_read_duration(story));

		if (wall_before(at, sim_now(sim)))
			sim_fail(sim, "this time has passed");
		/* What the world is like at the start, the program finds. */
		if (sim->is_open || wall_before(sim->start, at))
			run_until(story, at);
		story_check_leftovers(story, at);
	} else if (story_accept(story, "within")) {
		run_now(story);
		story->has_within = true;
		story->deadline = wall_add(sim_now(sim), story_read_duration(story));
	}
	judge_incidents(sim);
	for (size_t i = 0; i < ARRAY_LEN(statements) && !sim_failed(sim); i++) {
		if (!story_accept(story, statements[i].name))
			continue;
		if (statements[i].starts)
			run_now(story);
		if (!sim_failed(sim))
			statements[i].run(story);
		if (!sim_failed(sim) && !story_at_end(story))
			sim_fail(
			    sim, "what is this: %s  the form: %s", story->p, statements[i].form);
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
	story_check_leftovers(story, WALL_MAX);
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
