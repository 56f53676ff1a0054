/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounds: announce, then show every firing alert to the silences that are
 * until_resolved, then judge those.  A walk over the alert table that spans
 * turns may miss an alert when the table grows meanwhile; the next round sees
 * it, long before a silence would end for it.
 *
 * An announcement is an alert that nobody posts: it fires until this file
 * resolves it, as a rule's alert does, and it is found again in the table
 * after a restart.  It carries no external labels, so that the silence it is
 * about does not easily silence it.
 */
#include "config.h"

#include "notify/silence_watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "base/xalloc.h"

/* Alerts shown per turn. */
#define ROUND_BATCH 2000

struct notice {
	char silence_id[37];
	struct labels *labels;
};

struct silence_watch {
	struct loop *loop;
	struct alerts *alerts;
	struct silences *silences;
	struct timer timer;
	dur_t lead; /* 0: nothing is announced */
	struct notice *notices;
	size_t n, cap;
	uint32_t round;
	size_t at; /* in the alert table */
	bool walking;
};

/* ---- announcements -------------------------------------------------------------- */

/* One that lasts no longer than the notice was short enough to remember. */
static bool
wants_notice(const struct silence_watch *watch, const struct silence *silence, wall_t now)
{
	wall_t from;

	if (watch->lead.ns <= 0 || silence_state(silence, now) != SILENCE_ACTIVE)
		return false;
	from = wall_sub(silence->ends_at, watch->lead);
	return wall_before(silence->starts_at, from) && !wall_before(now, from);
}

static struct labels *
notice_labels(const struct silence *silence, struct arena *arena)
{
	struct labels_builder builder;
	struct err err;

	labels_builder_init(&builder, arena);
	labels_builder_set(&builder, STR("alertname"), STR(SILENCE_NOTICE_ALERT));
	labels_builder_set(&builder, STR("silence_id"), str_from(silence->id));
	labels_builder_set(
	    &builder, STR("created_by"), str_head(str_from(silence->created_by), 256));
	return labels_intern(&builder, &err);
}

static struct labels *
notice_annotations(const struct silence *silence, struct arena *arena)
{
	char ends[TIMESTAMP_TEXT_MAX];
	struct labels_builder builder;
	struct buf matchers = { 0 };
	struct labels *labels;
	struct err err;

	matchers_format(silence->matchers, &matchers);
	timestamp_format_ms(silence->ends_at, ends);
	labels_builder_init(&builder, arena);
	labels_builder_set(&builder, STR("summary"),
	    str_from(arena_printf(arena, "The silence of %.*s by %.*s ends at %s",
		STR_ARG(str_head(buf_str(&matchers), 1024)),
		STR_ARG(str_head(str_from(silence->created_by), 256)), ends)));
	labels_builder_set(
	    &builder, STR("description"), str_head(str_from(silence->comment), 4096));
	labels = labels_intern(&builder, &err);
	buf_fini(&matchers);
	return labels;
}

static void
notice_add(struct silence_watch *watch, const char *id, struct labels *labels)
{
	struct notice *notice;

	watch->notices = xgrow(watch->notices, &watch->cap, watch->n + 1, sizeof(*watch->notices));
	notice = &watch->notices[watch->n++];
	memcpy(notice->silence_id, id, sizeof(notice->silence_id));
	notice->labels = labels;
}

static void
announce(struct silence_watch *watch, const struct silence *silence, wall_t now)
{
	struct arena *arena = arena_new(0);
	struct alert_update update = {
		.labels = notice_labels(silence, arena),
		.annotations = notice_annotations(silence, arena),
		.starts_at = now,
		.ends_at = WALL_MAX,
		.flags = ALERT_FROM_RULE,
	};

	if (update.labels != NULL && update.annotations != NULL) {
		alerts_put(watch->alerts, &update, now, NULL);
		notice_add(watch, silence->id, labels_ref(update.labels));
	}
	silences_set_announced(watch->silences, silence, true);
	labels_unref(update.labels);
	labels_unref(update.annotations);
	arena_free(arena);
}

static void
withdraw_some(struct silence_watch *watch, wall_t now)
{
	for (size_t i = watch->n; i-- > 0;) {
		struct notice *notice = &watch->notices[i];
		const struct silence *silence =
		    silences_get(watch->silences, str_from(notice->silence_id));
		struct alert *alert = alerts_find(watch->alerts, notice->labels);

		if (silence != NULL && wants_notice(watch, silence, now))
			continue;
		if (silence != NULL)
			silences_set_announced(watch->silences, silence, false);
		if (alert != NULL && !alert_is_resolved(alert, now))
			alerts_resolve(watch->alerts, alert, now, now);
		labels_unref(notice->labels);
		*notice = watch->notices[--watch->n];
	}
}

/* Says whether any silence is to end with what it silences. */
static bool
look_at_silences(struct silence_watch *watch, wall_t now)
{
	const struct silence *silence;
	bool any = false;

	withdraw_some(watch, now);
	for (size_t it = 0; (silence = silences_next(watch->silences, &it)) != NULL;) {
		if (!silence->announced && wants_notice(watch, silence, now))
			announce(watch, silence, now);
		any = any ||
		      (silence->until_resolved && silence_state(silence, now) == SILENCE_ACTIVE);
	}
	return any;
}

/* ---- rounds ----------------------------------------------------------------------- */

static void
judge_all(struct silence_watch *watch, wall_t now)
{
	const struct silence *silence;

	for (size_t it = 0; (silence = silences_next(watch->silences, &it)) != NULL;) {
		if (silence->until_resolved)
			silences_judge(watch->silences, silence, watch->round, now);
	}
}

/* False when the table has been walked to its end. */
static bool
walk_some(struct silence_watch *watch, wall_t now)
{
	for (int i = 0; i < ROUND_BATCH; i++) {
		const struct alert *alert = alerts_next(watch->alerts, &watch->at);

		if (alert == NULL)
			return false;
		if (!alert_is_resolved(alert, now))
			silences_mark(watch->silences, alert->labels, watch->round, now);
	}
	return true;
}

static void
on_timer(void *arg)
{
	struct silence_watch *watch = arg;
	wall_t now = loop_now(watch->loop);
	dur_t wait = SILENCE_WATCH_INTERVAL;

	if (!watch->walking && look_at_silences(watch, now)) {
		watch->walking = true;
		watch->at = 0;
		watch->round = watch->round == UINT32_MAX ? 1 : watch->round + 1;
	}
	if (watch->walking) {
		watch->walking = walk_some(watch, now);
		if (watch->walking)
			wait = DUR_S(0);
		else
			judge_all(watch, now);
	}
	loop_timer_set(watch->loop, &watch->timer, mono_add(loop_mono(watch->loop), wait));
}

/* ---- life --------------------------------------------------------------------------- */

struct silence_watch *
silence_watch_new(struct loop *loop, struct alerts *alerts, struct silences *silences)
{
	struct silence_watch *watch = xcalloc(1, sizeof(*watch));

	watch->loop = loop;
	watch->alerts = alerts;
	watch->silences = silences;
	timer_init(&watch->timer, on_timer, watch);
	return watch;
}

void
silence_watch_free(struct silence_watch *watch)
{
	if (watch == NULL)
		return;
	silence_watch_stop(watch);
	for (size_t i = 0; i < watch->n; i++)
		labels_unref(watch->notices[i].labels);
	free(watch->notices);
	free(watch);
}

void
silence_watch_apply(struct silence_watch *watch, const struct config *config)
{
	watch->lead = config->global.silence_expiry_notice;
}

/* What an earlier run announced. */
static void
find_notices(struct silence_watch *watch)
{
	const struct alert *alert;

	for (size_t it = 0; (alert = alerts_next(watch->alerts, &it)) != NULL;) {
		struct str id = labels_value(alert->labels, STR("silence_id"));
		const struct silence *silence;

		if (!(alert->flags & ALERT_FROM_RULE) || alert->ends_at.ns != WALL_MAX.ns ||
		    id.n != sizeof(((struct notice *)NULL)->silence_id) - 1 ||
		    !str_is(labels_value(alert->labels, STR("alertname")), SILENCE_NOTICE_ALERT))
			continue;
		notice_add(watch, id.p, labels_ref(alert->labels));
		silence = silences_get(watch->silences, id);
		if (silence != NULL)
			silences_set_announced(watch->silences, silence, true);
	}
}

void
silence_watch_start(struct silence_watch *watch)
{
	find_notices(watch);
	loop_timer_set(
	    watch->loop, &watch->timer, mono_add(loop_mono(watch->loop), SILENCE_WATCH_INTERVAL));
}

void
silence_watch_stop(struct silence_watch *watch)
{
	loop_timer_stop(watch->loop, &watch->timer);
}
