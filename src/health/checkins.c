/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that check in: see checkins.h. */
#include "config.h"

#include "health/checkins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "base/xalloc.h"
#include "loop/loop.h"

struct job {
	struct checkins *checkins;
	char *name;
	const struct expected_heartbeat *config; /* NULL: no longer expected */
	struct labels *labels;                   /* of its alert */
	wall_t first_at, last_at;
	wall_t due_at;
	bool missing;
	struct timer timer;
};

struct checkins {
	struct loop *loop;
	struct store *store;
	struct alerts *alerts;
	struct config *config; /* referenced: the jobs point into it */
	struct job **jobs;     /* those configured come first, in that order */
	size_t n, cap;
	wall_t started_at;
	bool started;
};

/* ---- the alert --------------------------------------------------------------------- */

static void
set_pairs(struct labels_builder *builder, const struct string_map *map)
{
	for (uint32_t i = 0; i < map->n; i++)
		labels_builder_set(
		    builder, str_from(map->pairs[i].key), str_from(map->pairs[i].value));
}

/* External labels where the job's own do not say otherwise, as rules' alerts have them. */
static struct labels *
labels_of(const struct config *config, const struct expected_heartbeat *beat)
{
	const struct labels *external = config->external_labels;
	struct arena *arena = arena_new(0);
	struct labels_builder builder;
	struct labels *labels;
	struct err err;

	labels_builder_init(&builder, arena);
	for (uint32_t i = 0; external != NULL && i < external->n; i++)
		labels_builder_set(
		    &builder, istr_str(external->l[i].name), istr_str(external->l[i].value));
	labels_builder_set(&builder, STR("alertname"), STR(CHECKIN_ALERTNAME));
	labels_builder_set(&builder, STR("severity"), str_from(beat->severity));
	set_pairs(&builder, &beat->labels);
	labels_builder_set(&builder, STR("heartbeat"), str_from(beat->name));
	labels = labels_intern(&builder, &err);
	arena_free(arena);
	return labels;
}

static struct labels *
annotations_of(const struct job *job)
{
	char interval[DURATION_TEXT_MAX], grace[DURATION_TEXT_MAX], last[TIMESTAMP_TEXT_MAX];
	const struct expected_heartbeat *beat = job->config;
	struct arena *arena = arena_new(0);
	struct labels_builder builder;
	struct labels *labels;
	struct err err;

	duration_format(beat->interval, interval);
	duration_format(beat->grace, grace);
	labels_builder_init(&builder, arena);
	builder.keep_empty = true;
	labels_builder_set(&builder, STR("summary"),
	    str_from(wall_is_set(job->last_at)
			 ? arena_printf(arena, "%s has not checked in since %s", job->name,
			       timestamp_format_ms(job->last_at, last))
			 : arena_printf(arena, "%s has never checked in", job->name)));
	labels_builder_set(&builder, STR("description"),
	    str_from(arena_printf(arena, "It is expected every %s, and may be %s late.", interval,
		grace)));
	set_pairs(&builder, &beat->annotations);
	labels = labels_intern(&builder, &err);
	arena_free(arena);
	return labels;
}

static void
note_history(struct job *job, struct str kind, wall_t now)
{
	struct buf encoded = { 0 };

	labels_encode(job->labels, &encoded);
	store_history_add(job->checkins->store,
	    &(struct history_row){
		.at = now,
		.kind = kind,
		.labels = buf_str(&encoded),
		.fingerprint = labels_fingerprint(job->labels),
		.value = NAN,
		.subject = str_from(job->name),
		.detail = STR("heartbeat"),
	    });
	buf_fini(&encoded);
}

static void
raise_alert(struct job *job, wall_t now)
{
	struct labels *annotations = annotations_of(job);
	struct alert_update update = {
		.labels = job->labels,
		.annotations = annotations,
		.starts_at = now,
		.ends_at = WALL_MAX,
		.flags = ALERT_FROM_RULE,
	};

	if (job->labels == NULL || annotations == NULL) {
		labels_unref(annotations);
		return;
	}
	job->missing = true;
	log_warn("heartbeat", "a job has not checked in", LOG_Z("name", job->name));
	note_history(job, STR("firing"), now);
	alerts_put(job->checkins->alerts, &update, now, NULL);
	labels_unref(annotations);
}

static void
end_alert(struct job *job, wall_t now)
{
	struct alert *alert =
	    job->labels != NULL ? alerts_find(job->checkins->alerts, job->labels) : NULL;

	job->missing = false;
	if (alert == NULL || alert_is_resolved(alert, now))
		return;
	note_history(job, STR("resolved"), now);
	alerts_resolve(job->checkins->alerts, alert, now, now);
}

/* ---- due times --------------------------------------------------------------------- */

static void
arm(struct job *job)
{
	struct checkins *checkins = job->checkins;
	wall_t from = wall_max(job->first_at, job->last_at), least;

	job->due_at = wall_add(wall_add(from, job->config->interval), job->config->grace);
	/* It may have tried while nobody was there to answer. */
	least = wall_add(checkins->started_at, job->config->grace);
	job->due_at = wall_max(job->due_at, least);
	if (checkins->started && !job->missing)
		loop_timer_set_wall(checkins->loop, &job->timer, job->due_at);
}

static void
on_due(void *arg)
{
	struct job *job = arg;

	if (job->config != NULL && !job->missing)
		raise_alert(job, loop_now(job->checkins->loop));
}

static void
write_row(struct job *job)
{
	store_heartbeat_put(job->checkins->store,
	    &(struct heartbeat_row){ str_from(job->name), job->first_at, job->last_at });
}

/* ---- jobs ----------------------------------------------------------------------------- */

static struct job *
job_find(const struct checkins *checkins, struct str name)
{
	for (size_t i = 0; i < checkins->n; i++) {
		if (str_is(name, checkins->jobs[i]->name))
			return checkins->jobs[i];
	}
	return NULL;
}

static struct job *
job_add(struct checkins *checkins, struct str name)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->checkins = checkins;
	job->name = xmemdup0(name.p, name.n);
	timer_init(&job->timer, on_due, job);
	checkins->jobs =
	    xgrow(checkins->jobs, &checkins->cap, checkins->n + 1, sizeof(struct job *));
	checkins->jobs[checkins->n++] = job;
	return job;
}

static void
job_free(struct job *job)
{
	loop_timer_stop(job->checkins->loop, &job->timer);
	labels_unref(job->labels);
	free(job->name);
	free(job);
}

static void
job_expect(
    struct job *job, const struct config *config, const struct expected_heartbeat *beat, wall_t now)
{
	struct labels *labels = labels_of(config, beat);
	const struct alert *alert;

	if (job->labels != NULL && job->labels != labels)
		end_alert(job, now);
	labels_unref(job->labels);
	job->labels = labels;
	job->config = beat;
	if (!wall_is_set(job->first_at)) {
		job->first_at = now;
		write_row(job);
	}
	alert = labels != NULL ? alerts_find(job->checkins->alerts, labels) : NULL;
	job->missing = alert != NULL && !alert_is_resolved(alert, now);
	arm(job);
}

/* Nobody waits for it any more. */
static void
job_drop(struct checkins *checkins, size_t at, wall_t now)
{
	struct job *job = checkins->jobs[at];

	end_alert(job, now);
	store_heartbeat_delete(checkins->store, str_from(job->name));
	job_free(job);
	checkins->jobs[at] = checkins->jobs[--checkins->n];
}

void
checkins_apply(struct checkins *checkins, const struct config *config, wall_t now)
{
	struct config *old = checkins->config;

	checkins->config = config_ref((struct config *)(uintptr_t)config);
	for (size_t i = 0; i < checkins->n; i++)
		checkins->jobs[i]->config = NULL;
	for (uint32_t i = 0; i < config->n_expected; i++) {
		const struct expected_heartbeat *beat = &config->expected[i];
		struct job *job = job_find(checkins, str_from(beat->name));

		if (job == NULL)
			job = job_add(checkins, str_from(beat->name));
		job_expect(job, config, beat, now);
	}
	for (size_t i = checkins->n; i-- > 0;) {
		if (checkins->jobs[i]->config == NULL)
			job_drop(checkins, i, now);
	}
	config_unref(old);
}

int
checkin(struct checkins *checkins, struct str name, wall_t now, struct err *err)
{
	struct job *job = job_find(checkins, name);

	if (job == NULL)
		return err_set(err, ERR_NOT_FOUND,
		    "no heartbeat '%.*s' is expected; add it to expected_heartbeats",
		    STR_ARG(str_head(name, 200)));
	job->last_at = now;
	write_row(job);
	if (job->missing)
		end_alert(job, now);
	arm(job);
	return 0;
}

/* ---- life ------------------------------------------------------------------------------- */

void
checkins_restore(void *arg, const struct heartbeat_row *row)
{
	struct job *job = job_add(arg, row->name);

	job->first_at = row->first_at;
	job->last_at = row->last_at;
}

struct checkins *
checkins_new(struct loop *loop, struct store *store, struct alerts *alerts)
{
	struct checkins *checkins = xcalloc(1, sizeof(*checkins));

	checkins->loop = loop;
	checkins->store = store;
	checkins->alerts = alerts;
	return checkins;
}

void
checkins_start(struct checkins *checkins, wall_t now)
{
	checkins->started = true;
	checkins->started_at = now;
	for (size_t i = 0; i < checkins->n; i++)
		arm(checkins->jobs[i]);
}

void
checkins_stop(struct checkins *checkins)
{
	checkins->started = false;
	for (size_t i = 0; i < checkins->n; i++)
		loop_timer_stop(checkins->loop, &checkins->jobs[i]->timer);
}

void
checkins_free(struct checkins *checkins)
{
	if (checkins == NULL)
		return;
	for (size_t i = 0; i < checkins->n; i++)
		job_free(checkins->jobs[i]);
	free(checkins->jobs);
	config_unref(checkins->config);
	free(checkins);
}

bool
checkins_look(const struct checkins *checkins, uint32_t i, struct checkin_look *ret)
{
	const struct job *job;

	if (checkins == NULL || i >= checkins->n)
		return false;
	job = checkins->jobs[i];
	*ret = (struct checkin_look){
		.name = job->name,
		.interval = job->config->interval,
		.grace = job->config->grace,
		.first_at = job->first_at,
		.last_at = job->last_at,
		.due_at = job->due_at,
		.missing = job->missing,
	};
	return true;
}
