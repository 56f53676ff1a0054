/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts that flap: see flap.h. */
#include "config.h"

#include "notify/flap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "notify/notify_internal.h"

#define SWEEP_INTERVAL DUR_S(30)

struct flapper {
	uint64_t fingerprint;
	int64_t id;   /* of its row */
	bool fires;   /* as the last flush saw it */
	wall_t since; /* flapping since then, or WALL_NONE */
	uint32_t n;
	wall_t changes[FLAP_CHANGES_MAX]; /* the last ones, oldest first */
};

/* A group's, also when the group is no more. */
struct flap_group {
	char *group_key;
	struct flap_config config; /* of its route when last flushed */
	struct flapper *members;
	size_t n, cap;
};

struct flaps {
	struct notifier *notifier;
	struct map groups;
	struct timer sweep;
	uint32_t flapping;
};

/* ---- the table --------------------------------------------------------------------- */

static bool
group_is(const void *value, const void *key)
{
	return str_is(*(const struct str *)key, ((const struct flap_group *)value)->group_key);
}

static struct flap_group *
group_find(const struct flaps *flaps, struct str key)
{
	return flaps->groups.n > 0
		   ? map_find(&flaps->groups, hash_bytes(key.p, key.n), group_is, &key)
		   : NULL;
}

static struct flap_group *
group_get(struct flaps *flaps, struct str key)
{
	struct flap_group *group = group_find(flaps, key);

	if (group == NULL) {
		group = xcalloc(1, sizeof(*group));
		group->group_key = xmemdup0(key.p, key.n);
		/* Until its route has been seen: what was restored must not be forgotten. */
		group->config =
		    (struct flap_config){ FLAP_CHANGES_MAX, DUR_S(86400), DUR_S(86400) };
		map_insert(&flaps->groups, hash_bytes(key.p, key.n), group);
	}
	return group;
}

static void
group_free(struct flap_group *group)
{
	free(group->group_key);
	free(group->members);
	free(group);
}

static struct flapper *
member_find(const struct flap_group *group, uint64_t fingerprint)
{
	for (size_t i = 0; group != NULL && i < group->n; i++) {
		if (group->members[i].fingerprint == fingerprint)
			return &group->members[i];
	}
	return NULL;
}

static struct flapper *
member_add(struct flaps *flaps, struct flap_group *group, uint64_t fingerprint)
{
	struct flapper *flapper;

	if (group->n == FLAPS_PER_GROUP_MAX)
		return NULL;
	group->members =
	    xgrow(group->members, &group->cap, group->n + 1, sizeof(*group->members));
	flapper = &group->members[group->n++];
	*flapper = (struct flapper){
		.fingerprint = fingerprint,
		.id = store_next_id(flaps->notifier->options.store),
		.fires = true,
	};
	return flapper;
}

/* ---- rows ---------------------------------------------------------------------------- */

static void
write_row(struct flaps *flaps, const struct flap_group *group, const struct flapper *flapper)
{
	struct buf changes = { 0 };

	for (uint32_t i = 0; i < flapper->n; i++)
		buf_put_u64le(&changes, (uint64_t)flapper->changes[i].ns);
	store_flap_put(flaps->notifier->options.store,
	    &(struct flap_row){
		.id = flapper->id,
		.group_key = str_from(group->group_key),
		.fingerprint = flapper->fingerprint,
		.fires = flapper->fires,
		.since = flapper->since,
		.changes = buf_str(&changes),
	    });
	buf_fini(&changes);
}

void
flaps_restore(struct flaps *flaps, const struct flap_row *row)
{
	struct flap_group *group = group_get(flaps, row->group_key);
	struct flapper *flapper = member_find(group, row->fingerprint);

	if (flapper != NULL)
		return;
	flapper = member_add(flaps, group, row->fingerprint);
	if (flapper == NULL)
		return;
	flapper->id = row->id;
	flapper->fires = row->fires;
	flapper->since = row->since;
	flaps->flapping += wall_is_set(row->since);
	for (uint32_t i = 0; i + 8 <= row->changes.n && flapper->n < FLAP_CHANGES_MAX; i += 8)
		flapper->changes[flapper->n++] =
		    (wall_t){ (int64_t)get_u64le(row->changes.p + i) };
}

/* ---- notices -------------------------------------------------------------------------- */

struct matter {
	struct label_view labels[3];
	char fingerprint[20];
	struct buf key, summary;
	struct notice_text text;
};

static void
matter_init(struct matter *matter, const char *group_key, uint64_t fingerprint)
{
	*matter = (struct matter){ 0 };
	snprintf(matter->fingerprint, sizeof(matter->fingerprint), "%016llx",
	    (unsigned long long)fingerprint);
	buf_printf(&matter->key, "flap:%s:%s", matter->fingerprint, group_key);
	matter->labels[0] = (struct label_view){ STR("alertname"), STR("TocsinFlapping") };
	matter->labels[1] =
	    (struct label_view){ STR("fingerprint"), str_from(matter->fingerprint) };
	matter->labels[2] = (struct label_view){ STR("severity"), STR("warning") };
}

static const struct notice_text *
matter_text(struct matter *matter)
{
	matter->text = (struct notice_text){ matter->key.p, matter->labels, 3,
		matter->summary.p != NULL ? matter->summary.p : "" };
	return &matter->text;
}

static void
matter_fini(struct matter *matter)
{
	buf_fini(&matter->key);
	buf_fini(&matter->summary);
}

static void
tell_begin(struct flaps *flaps, const struct alert_group *group, const struct alert *alert,
    const struct flapper *flapper)
{
	const struct flap_config *config = group->route->flap;
	const struct receiver_config *receiver = group->route->receiver;
	char within[DURATION_TEXT_MAX], quiet[DURATION_TEXT_MAX];
	struct matter matter;
	struct buf target = { 0 };

	duration_format(config->within, within);
	duration_format(config->quiet, quiet);
	matter_init(&matter, group->key, flapper->fingerprint);
	buf_put_str(&matter.summary, labels_value(alert->labels, STR("alertname")));
	labels_format(alert->labels, &matter.summary);
	buf_printf(&matter.summary,
	    " is flapping: it began or ended %u times within %s. It is told of no more until it "
	    "has kept still for %s; now it %s.",
	    flapper->n, within, quiet, flapper->fires ? "fires" : "is over");
	for (uint32_t i = 0; receiver != NULL && i < receiver->n_integrations; i++) {
		const struct integration_config *integration = &receiver->integrations[i];

		buf_clear(&target);
		buf_printf(&target, "%s/%s[%u]", receiver->name, integration->kind->name,
		    integration->index);
		notice_tell(flaps->notifier, target_get(flaps->notifier, buf_str(&target)),
		    matter_text(&matter), NOTIFY_FLAPPING, false);
	}
	buf_fini(&target);
	matter_fini(&matter);
}

static void
tell_end(struct flaps *flaps, const struct flap_group *group, const struct flapper *flapper)
{
	struct matter matter;

	matter_init(&matter, group->group_key, flapper->fingerprint);
	notice_over_everywhere(flaps->notifier, matter_text(&matter), NOTIFY_FLAPPING);
	matter_fini(&matter);
}

/* ---- changes ---------------------------------------------------------------------------- */

static void
push_change(struct flapper *flapper, wall_t at)
{
	if (flapper->n == FLAP_CHANGES_MAX) {
		memmove(flapper->changes, flapper->changes + 1,
		    (FLAP_CHANGES_MAX - 1) * sizeof(flapper->changes[0]));
		flapper->n--;
	}
	flapper->changes[flapper->n++] = at;
}

static uint32_t
recent(const struct flapper *flapper, dur_t within, wall_t now)
{
	wall_t from = wall_sub(now, within);
	uint32_t n = 0;

	for (uint32_t i = 0; i < flapper->n; i++)
		n += !wall_before(flapper->changes[i], from);
	return n;
}

static void
on_change(struct flaps *flaps, struct flap_group *group, struct flapper *flapper,
    const struct alert_group *of, const struct alert *alert, wall_t now)
{
	push_change(flapper, now);
	if (!wall_is_set(flapper->since) &&
	    recent(flapper, group->config.within, now) >= (uint32_t)group->config.changes) {
		flapper->since = now;
		flaps->flapping++;
		log_warn("notify", "alert is flapping: told of no more until it keeps still",
		    LOG_STR("alert", labels_value(alert->labels, STR("alertname"))),
		    LOG_Z("group", of->key), LOG_INT("changes", flapper->n));
		tell_begin(flaps, of, alert, flapper);
	}
	if (!timer_is_set(&flaps->sweep))
		flaps_start(flaps);
	write_row(flaps, group, flapper);
}

void
flaps_observe(struct flaps *flaps, const struct alert_group *of, wall_t now)
{
	struct flap_group *group = group_find(flaps, str_from(of->key));

	if (of->route->flap == NULL)
		return;
	if (group != NULL)
		group->config = *of->route->flap;
	for (uint32_t i = 0; i < of->n_alerts; i++) {
		const struct alert *alert = of->alerts[i];
		uint64_t fingerprint = labels_fingerprint(alert->labels);
		bool fires = !alert_is_resolved(alert, now);
		struct flapper *flapper = member_find(group, fingerprint);

		if (flapper == NULL && fires)
			continue; /* nothing is remembered of what has never ended */
		if (flapper == NULL) {
			group = group_get(flaps, str_from(of->key));
			group->config = *of->route->flap;
			flapper = member_add(flaps, group, fingerprint);
			if (flapper == NULL)
				continue;
			push_change(flapper, alert->starts_at);
		}
		if (flapper->fires == fires)
			continue;
		flapper->fires = fires;
		on_change(flaps, group, flapper, of, alert, now);
	}
}

bool
flaps_is_flapping(
    const struct flaps *flaps, const struct alert_group *of, uint64_t fingerprint)
{
	const struct flapper *flapper;

	if (of->route->flap == NULL || flaps->flapping == 0)
		return false;
	flapper = member_find(group_find(flaps, str_from(of->key)), fingerprint);
	return flapper != NULL && wall_is_set(flapper->since);
}

/* ---- keeping still ------------------------------------------------------------------------ */

/* True when there is nothing more to remember. */
static bool
sweep_member(
    struct flaps *flaps, const struct flap_group *group, struct flapper *flapper, wall_t now)
{
	wall_t last = flapper->n > 0 ? flapper->changes[flapper->n - 1] : WALL_NONE;
	dur_t keep = group->config.within;

	if (wall_is_set(flapper->since) &&
	    !wall_before(now, wall_add(last, group->config.quiet))) {
		flapper->since = WALL_NONE;
		flapper->n = 0;
		flaps->flapping--;
		log_info("notify", "alert no longer flaps", LOG_Z("group", group->group_key));
		tell_end(flaps, group, flapper);
		return true;
	}
	if (wall_is_set(flapper->since))
		return false;
	return !wall_before(now, wall_add(last, keep));
}

static void
sweep_group(struct flaps *flaps, struct flap_group *group, wall_t now)
{
	for (size_t i = group->n; i-- > 0;) {
		if (!sweep_member(flaps, group, &group->members[i], now))
			continue;
		store_flap_delete(flaps->notifier->options.store, group->members[i].id);
		group->members[i] = group->members[--group->n];
	}
}

static void
on_sweep(void *arg)
{
	struct flaps *flaps = arg;
	wall_t now = loop_now(flaps->notifier->options.loop);
	struct flap_group *group;

	for (size_t it = 0; (group = map_next(&flaps->groups, &it)) != NULL;) {
		sweep_group(flaps, group, now);
		if (group->n > 0)
			continue;
		map_remove_at(&flaps->groups, &it);
		group_free(group);
	}
	flaps_start(flaps);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct flaps *
flaps_new(struct notifier *notifier)
{
	struct flaps *flaps = xcalloc(1, sizeof(*flaps));

	flaps->notifier = notifier;
	timer_init(&flaps->sweep, on_sweep, flaps);
	return flaps;
}

/* The timer runs while there is something to forget. */
void
flaps_start(struct flaps *flaps)
{
	struct loop *loop = flaps->notifier->options.loop;

	if (flaps->groups.n > 0 && !flaps->notifier->stopping)
		loop_timer_set(loop, &flaps->sweep, mono_add(loop_mono(loop), SWEEP_INTERVAL));
}

void
flaps_stop(struct flaps *flaps)
{
	loop_timer_stop(flaps->notifier->options.loop, &flaps->sweep);
}

void
flaps_free(struct flaps *flaps)
{
	struct flap_group *group;

	if (flaps == NULL)
		return;
	flaps_stop(flaps);
	for (size_t it = 0; (group = map_next(&flaps->groups, &it)) != NULL;)
		group_free(group);
	map_fini(&flaps->groups);
	free(flaps);
}

void
flaps_each(
    const struct flaps *flaps, void (*fn)(void *arg, const struct flap_look *look), void *arg)
{
	const struct flap_group *group;

	for (size_t it = 0; (group = map_next(&flaps->groups, &it)) != NULL;) {
		for (size_t i = 0; i < group->n; i++) {
			const struct flapper *flapper = &group->members[i];

			if (!wall_is_set(flapper->since))
				continue;
			fn(arg, &(struct flap_look){
				    .group_key = group->group_key,
				    .fingerprint = flapper->fingerprint,
				    .since = flapper->since,
				    .changed_at = flapper->changes[flapper->n - 1],
				    .changes = flapper->n,
				    .fires = flapper->fires,
				});
		}
	}
}

uint32_t
flaps_count(const struct flaps *flaps)
{
	return flaps->flapping;
}
