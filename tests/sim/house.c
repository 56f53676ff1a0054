/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program itself, wired by daemon/core.c as in production, with a virtual
 * loop and a scripted network; no listeners: requests to the API are handed
 * to it directly.
 *
 * kill -9 is what it is on a real machine: from that instant on nothing of
 * the old program's further doings reaches the database's files, and a new one
 * starts on them as they are.
 */
#include "config.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/timestamp.h"
#include "base/xalloc.h"
#include "loop/loop_private.h"
#include "rule/internal.h"
#include "sim.h"

/* 2026-01-01T00:00:00Z */
#define STORY_START ((wall_t){ INT64_C(1767225600) * 1000000000 })
#define STOP_GRACE  DUR_S(10)
#define RETENTION   DUR_S(120 * 3600)
#define TURNS_MAX   1000

static const char *const no_listeners[] = { NULL };

void
sim_fail(struct sim *sim, const char *fmt, ...)
{
	char *text = sim->judge.failure;
	va_list ap;

	if (*text != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(sim->judge.failure), fmt, ap);
	va_end(ap);
	if (*text == '\0')
		snprintf(text, sizeof(sim->judge.failure), "failed");
}

bool
sim_failed(const struct sim *sim)
{
	return sim->judge.failure[0] != '\0';
}

void
sim_init(struct sim *sim)
{
	memset(sim, 0, sizeof(*sim));
	hash_seed(1);
	world_init(&sim->world);
	judge_init(&sim->judge);
	sim->options = (struct daemon_options){
		.config_path = "tocsin.yml",
		.storage_path = sim->storage,
		.listen = no_listeners,
		.external_url = "http://tocsin.example",
		.retention = RETENTION,
	};
	sim->start = sim->end = STORY_START;
	snprintf(sim->storage, sizeof(sim->storage), "data-1");
}

wall_t
sim_now(const struct sim *sim)
{
	return sim->is_open ? loop_now(sim->core.loop) : sim->end;
}

void
sim_write(struct sim *sim, const char *name, struct str text)
{
	FILE *file = fopen(name, "we");

	if (file == NULL || fwrite(text.p, 1, text.n, file) != text.n)
		sim_fail(sim, "%s: cannot be written: %s", name, strerror(errno));
	if (file != NULL)
		fclose(file);
}

/* --- life and death ---------------------------------------------------------- */

static void
remove_storage(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(path);
}

static void
print_findings(struct sim *sim, struct diag *diag, const struct err *err)
{
	struct buf text = { 0 };

	diag_sort(diag);
	diag_print(diag, &text);
	sim_fail(
	    sim, "the program does not start: %s\n%s", err->text, text.p != NULL ? text.p : "");
	buf_fini(&text);
}

void
sim_open(struct sim *sim)
{
	struct diag *diag;
	struct err err = { 0 };

	if (sim->is_open)
		return;
	diag = diag_new();
	memset(&sim->core, 0, sizeof(sim->core));
	sim->core.loop = loop_new_virtual(sim->end);
	sim->core.xfer = xfer_new_scripted(sim->core.loop, world_script, sim);
	sim->is_open = true;
	sim->is_dying = false;
	sim->life++;
	if (core_open(&sim->core, &sim->options, diag, &err) < 0) {
		print_findings(sim, diag, &err);
		sim->is_dying = true; /* nothing it holds was started */
	} else {
		judge_rules(&sim->judge, sim->core.config);
		core_start(&sim->core);
	}
	diag_free(diag);
}

static void
close_core(struct sim *sim)
{
	sim->end = loop_now(sim->core.loop);
	sim->is_dying = true;
	/* Queries under way hear that they are cancelled before their owner goes. */
	if (sim->core.engine != NULL) {
		engine_stop(sim->core.engine);
		for (int i = 0; !engine_idle(sim->core.engine) && i < TURNS_MAX; i++)
			loop_turn(sim->core.loop, (dur_t){ 0 });
	}
	core_close(&sim->core);
	while (sim->n_unanswered > 0)
		http_call_fake_free(sim->unanswered[--sim->n_unanswered]);
	loop_free(sim->core.loop);
	memset(&sim->core, 0, sizeof(sim->core));
	sim->is_open = false;
	if (labels_live() != 0 && !sim_failed(sim))
		sim_fail(sim, "%zu label sets and %zu strings outlive the program", labels_live(),
		    istr_live());
}

/* Buries what sim_mark_killed() has killed; what it had committed is there for the next. */
static void
bury(struct sim *sim)
{
	close_core(sim);
	sim->is_dying = false;
}

void
sim_close(struct sim *sim)
{
	if (!sim->is_open)
		return;
	sim_settle(sim);
	/* A clean end: what is on its way may arrive first, as in daemon.c. */
	if (sim->is_open && !sim->is_dying && !sim_failed(sim)) {
		engine_stop(sim->core.engine);
		notifier_stop(sim->core.notifier);
		if (!engine_idle(sim->core.engine) || !notifier_idle(sim->core.notifier))
			loop_run_until(sim->core.loop, wall_add(sim_now(sim), STOP_GRACE));
		if (sim->is_dying) { /* killed while stopping */
			bury(sim);
			return;
		}
	}
	judge_killed(sim); /* what a failing disk did not take is lost here, too */
	close_core(sim);
}

void
sim_mark_killed(struct sim *sim)
{
	if (sim->is_dying)
		return;
	store_abandon(sim->core.store);
	judge_killed(sim);
	sim->is_dying = true;
	sim->kills++;
	loop_stop(sim->core.loop);
}

void
sim_kill(struct sim *sim)
{
	if (!sim->is_open)
		return;
	sim_mark_killed(sim);
	bury(sim);
}

void
sim_fini(struct sim *sim)
{
	if (sim->is_open)
		close_core(sim);
	remove_storage(sim->storage);
	judge_fini(&sim->judge);
	world_fini(&sim->world);
}

/*
 * Moves the story's start to a slot of the first rule group, so that minutes
 * of the story are minutes of that group.  Where the slots lie, a program
 * that is started and thrown away tells.
 */
void
sim_align(struct sim *sim)
{
	struct sim *probe = xcalloc(1, sizeof(*probe));

	sim_init(probe);
	snprintf(probe->storage, sizeof(probe->storage), "probe");
	sim_open(probe);
	if (!sim_failed(probe) && probe->core.config->n_groups > 0) {
		const struct group *group = probe->core.engine->groups[0];
		dur_t interval = group->config->interval;

		sim->start = wall_add(slot_at(sim->start, interval, group->phase_hash), interval);
		sim->end = sim->start;
	}
	sim_fini(probe);
	free(probe);
}

/* --- time ---------------------------------------------------------------------- */

void
sim_run_until(struct sim *sim, wall_t until)
{
	for (;;) {
		sim_open(sim);
		if (sim_failed(sim))
			return;
		loop_run_until(sim->core.loop, until);
		if (!sim->is_dying)
			break;
		bury(sim); /* killed by what it did; starts again at once */
	}
	sim->end = loop_now(sim->core.loop);
}

void
sim_settle(struct sim *sim)
{
	sim_run_until(sim, sim_now(sim));
}

void
sim_leap(struct sim *sim, dur_t by)
{
	struct loop *loop = sim->core.loop;

	if (!sim->is_open)
		return;
	judge_leap(sim, by);
	/* Wall time alone: monotonic time is counted from start. */
	loop->start = wall_add(loop->start, by);
	loop->now = wall_add(loop->now, by);
	sim->end = loop->now;
}

/* --- the API ---------------------------------------------------------------------- */

int
sim_call(
    struct sim *sim, const char *method, const char *path, const char *body, struct buf *ret_answer)
{
	sim_open(sim);
	if (sim_failed(sim))
		return 0;

	struct http_call *call = http_call_fake(method, path, str_from(body != NULL ? body : ""));

	http_call_fake_header(call, "Content-Type", "application/json");
	api_handle(sim->core.api, call);
	/* The answer waits for the commit, which waits for nothing but turns. */
	for (int i = 0; http_call_status(call) == 0 && i < TURNS_MAX && !sim->is_dying; i++)
		loop_turn(sim->core.loop, (dur_t){ 0 });
	int status = http_call_status(call);

	if (ret_answer != NULL)
		buf_put_str(ret_answer, http_call_answer(call));
	if (status != 0)
		http_call_fake_free(call);
	else if (sim->n_unanswered < SIM_UNANSWERED_MAX)
		sim->unanswered[sim->n_unanswered++] = call;
	else
		sim_fail(sim, "too many requests wait for an answer");
	if (sim->is_dying)
		bury(sim);
	return status;
}

int
sim_post(struct sim *sim, json_object *labels, wall_t ends)
{
	struct buf body = { 0 };
	char time[TIMESTAMP_TEXT_MAX];
	int status;

	buf_printf(&body, "[{\"labels\":%s",
	    json_object_to_json_string_ext(labels, JSON_C_TO_STRING_PLAIN));
	if (wall_is_set(ends))
		buf_printf(&body, ",\"endsAt\":\"%s\"", timestamp_format_ms(ends, time));
	buf_puts(&body, "}]");
	judge_posted(&sim->judge, labels);
	status = sim_call(sim, "POST", "/api/v2/alerts", body.p, NULL);
	buf_fini(&body);
	return status;
}

int
sim_silence(struct sim *sim, json_object *labels, wall_t starts, wall_t ends, char ret_id[37])
{
	struct buf body = { 0 }, answer = { 0 };
	char from[TIMESTAMP_TEXT_MAX], to[TIMESTAMP_TEXT_MAX];
	const char *comma = "";
	json_object *json, *id;
	int status;

	buf_puts(&body, "{\"matchers\":[");
	json_object_object_foreach(labels, name, value)
	{
		buf_printf(&body,
		    "%s{\"name\":\"%s\",\"value\":\"%s\",\"isRegex\":false,\"isEqual\":true}",
		    comma, name, json_object_get_string(value));
		comma = ",";
	}
	buf_printf(&body,
	    "],\"startsAt\":\"%s\",\"endsAt\":\"%s\",\"createdBy\":\"sim\",\"comment\":\"sim\"}",
	    timestamp_format_ms(starts, from), timestamp_format_ms(ends, to));
	status = sim_call(sim, "POST", "/api/v2/silences", body.p, &answer);
	json = answer.n > 0 ? json_tokener_parse(answer.p) : NULL;
	if (json != NULL && json_object_object_get_ex(json, "silenceID", &id))
		snprintf(ret_id, 37, "%s", json_object_get_string(id));
	json_object_put(json);
	buf_fini(&body);
	buf_fini(&answer);
	return status;
}

int
sim_act(struct sim *sim, json_object *labels, const char *verb, const char *body)
{
	const struct alert *alert = sim_routed(sim, labels);
	char path[128];

	if (alert == NULL)
		return 404;
	snprintf(path, sizeof(path), "/api/tocsin/v1/alerts/%016llx/%s",
	    (unsigned long long)labels_fingerprint(alert->labels), verb);
	return sim_call(sim, "POST", path, body, NULL);
}

struct incident *
sim_incident(struct sim *sim, json_object *labels)
{
	const struct alert *alert = sim_routed(sim, labels);

	for (uint32_t i = 0; alert != NULL && i < alert->n_groups; i++) {
		struct incident *incident =
		    incidents_of(sim->core.incidents, alert_group(alert, i));

		if (incident != NULL)
			return incident;
	}
	return NULL;
}

int
sim_unsilence(struct sim *sim, const char *id)
{
	char path[80];

	snprintf(path, sizeof(path), "/api/v2/silence/%s", id);
	return sim_call(sim, "DELETE", path, NULL, NULL);
}

/* --- looking ------------------------------------------------------------------------ */

json_object *
labels_to_json(const struct labels *labels)
{
	struct buf text = { 0 };
	json_object *json;

	labels_put_json(labels, &text);
	json = json_tokener_parse(text.p);
	buf_fini(&text);
	return json;
}

static bool
labels_match(const struct labels *have, json_object *want)
{
	json_object_object_foreach(want, name, value)
	{
		if (!str_is(labels_value(have, str_from(name)), json_object_get_string(value)))
			return false;
	}
	return true;
}

const struct rule_alert *
sim_rule_alert(struct sim *sim, json_object *labels)
{
	const struct config *config = engine_config(sim->core.engine);

	for (uint32_t g = 0; g < config->n_groups; g++)
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++) {
			const struct rule_alert *alert;
			struct rule_view view;

			engine_rule_view(sim->core.engine, g, r, &view);
			for (uint32_t it = 0; (alert = rule_alert_next(view.rule, &it)) != NULL;)
				if (labels_match(alert->labels, labels))
					return alert;
		}
	return NULL;
}

struct alert *
sim_routed(struct sim *sim, json_object *labels)
{
	struct alert *alert;

	for (size_t it = 0; (alert = alerts_next(sim->core.alerts, &it)) != NULL;)
		if (labels_match(alert->labels, labels))
			return alert;
	return NULL;
}
