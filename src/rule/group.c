/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group: its slots, and one run of its rules after the other.
 *
 * The timer is monotonic and set anew after each run for the next slot on the
 * wall clock; what the wall clock did meanwhile shows when it fires: slots
 * passed are counted as missed and one evaluation makes up for them, and when
 * the clock stepped back the group goes on from the slot it finds.
 * A run evaluates one rule at a time (run.c).
 */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "rule/run.h"

wall_t
slot_at(wall_t now, dur_t interval, uint64_t phase_hash)
{
	int64_t phase = (int64_t)(phase_hash % (uint64_t)interval.ns);
	int64_t past = (now.ns - phase) % interval.ns;

	if (past < 0)
		past += interval.ns;
	return (wall_t){ now.ns - past };
}

/* --- slots ------------------------------------------------------------- */

static void
set_timer(struct group *group, wall_t due)
{
	struct loop *loop = group->engine->options.loop;
	dur_t wait = wall_since(due, loop_now(loop));

	if (wait.ns < 0)
		wait = (dur_t){ 0 };
	loop_timer_set(loop, &group->timer, mono_add(loop_mono(loop), wait));
}

static void
end_run(struct group *group)
{
	struct engine *engine = group->engine;

	group->running = false;
	group->iterations++;
	engine->stats.iterations++;
	group->last_evaluation = loop_now(engine->options.loop);
	group->evaluation_time = mono_since(loop_mono_exact(engine->options.loop), group->started);
	engine->stats.iteration_seconds += dur_seconds(group->evaluation_time);
	group->samples = group->samples_so_far;
	group->samples_so_far = 0;
	set_timer(group, wall_add(group->slot, group->config->interval));
}

void
group_advance(struct group *group)
{
	while (group->at < group->config->n_rules)
		if (run_start(group))
			return;
	end_run(group);
}

void
group_cut_short(struct group *group)
{
	group->running = false;
	if (group->retired) {
		list_remove(&group->link);
		group_free(group);
	}
}

static void
tick(void *arg)
{
	struct group *group = arg;
	struct engine *engine = group->engine;
	dur_t interval = group->config->interval;
	wall_t slot = slot_at(loop_now(engine->options.loop), interval, group->phase_hash);
	int64_t passed;

	if (wall_is_set(group->slot)) {
		passed = wall_since(slot, group->slot).ns / interval.ns;
		if (passed == 0 &&
		    slot.ns == group->slot.ns) { /* the clock is a little behind the timer */
			set_timer(group, wall_add(slot, interval));
			return;
		}
		/* "missed = floor((now - lastSlot)/interval) - 1;
		 * iterations_missed and iterations both += missed" */
		if (passed > 1) {
			group->missed += (uint64_t)passed - 1;
			group->iterations += (uint64_t)passed - 1;
			engine->stats.missed += (uint64_t)passed - 1;
			engine->stats.iterations += (uint64_t)passed - 1;
			log_warn("rule", "slots missed", LOG_Z("group", group->config->name),
			    LOG_INT("missed", passed - 1));
		} else if (passed < 0) {
			log_warn("rule", "the clock stepped back, slots start anew",
			    LOG_Z("group", group->config->name));
		}
	}
	group->slot = slot;
	group->running = true;
	group->at = 0;
	group->started = loop_mono(engine->options.loop);
	group_advance(group);
}

void
group_schedule(struct group *group)
{
	struct loop *loop = group->engine->options.loop;
	wall_t slot = slot_at(loop_now(loop), group->config->interval, group->phase_hash);

	if (!wall_is_set(group->slot) || slot.ns != group->slot.ns)
		loop_timer_set(loop, &group->timer, loop_mono(loop));
	else
		set_timer(group, wall_add(slot, group->config->interval));
}

/* --- life -------------------------------------------------------------- */

/* The same over restarts: `for` and the load on the source depend on it. */
static uint64_t
phase_hash_of(const struct rule_group_config *config)
{
	uint64_t h = fnv1a64(FNV1A64_INIT, config->file, strlen(config->file));

	h = fnv1a64(h, ";", 1);
	return fnv1a64(h, config->name, strlen(config->name));
}

struct group *
group_new(struct engine *engine, const struct rule_group_config *config)
{
	struct group *group = xcalloc(1, sizeof(*group));

	group->engine = engine;
	group->config = config;
	group->phase_hash = phase_hash_of(config);
	group->rules = xcalloc((size_t)config->n_rules + 1, sizeof(struct rule_state *));
	timer_init(&group->timer, tick, group);
	return group;
}

void
group_free(struct group *group)
{
	config_unref(group->generation);
	free(group->rules);
	free(group);
}

void
group_cancel(struct group *group)
{
	loop_timer_stop(group->engine->options.loop, &group->timer);
	if (group->running)
		run_cancel(group->run);
}

void
group_retire(struct group *group)
{
	group->retired = true;
	if (!group->running) {
		loop_timer_stop(group->engine->options.loop, &group->timer);
		group_free(group);
		return;
	}
	list_append(&group->engine->retired_groups, &group->link);
	group_cancel(group);
}
