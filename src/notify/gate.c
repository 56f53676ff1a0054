/* SPDX-License-Identifier: Apache-2.0 */
/* The circuit breaker and the budget of one target: see gate.h. */
#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "base/xalloc.h"
#include "notify/notify_internal.h"

/* How long groups may gather before they are summed up. */
#define SUMMARY_WAIT DUR_S(10)
/* Groups that a summary names. */
#define SUMMARY_GROUPS 10u
#define SUMMARY_BYTES  4000u
/* Before the target's name: since when its circuit is open, or 0. */
#define META_PREFIX "circuit:"

static const char *const state_name[] = {
	[CIRCUIT_CLOSED] = "closed",
	[CIRCUIT_OPEN] = "open",
	[CIRCUIT_PROBING] = "half_open",
};
static_assert(ARRAY_LEN(state_name) == CIRCUIT_STATE_COUNT, "a name for each state");

const char *
circuit_state_name(enum circuit_state state)
{
	return state_name[state];
}

static wall_t
now_of(const struct target *target)
{
	return loop_now(target->notifier->options.loop);
}

/* ---- the breaker ------------------------------------------------------------------- */

static void
write_circuit(struct target *target)
{
	struct store *store = target->notifier->options.store;
	struct buf key = { 0 };
	char text[24];

	buf_printf(&key, "%s%s", META_PREFIX, target->name);
	snprintf(text, sizeof(text), "%lld",
	    target->gate.circuit == CIRCUIT_CLOSED ? 0LL : (long long)target->gate.opened_at.ns);
	store_meta_put(store, key.p, str_from(text));
	buf_fini(&key);
}

static void
arm(struct target *target)
{
	struct gate *gate = &target->gate;
	struct loop *loop = target->notifier->options.loop;

	if (target->notifier->stopping)
		return;
	loop_timer_set_wall(loop, &gate->probe, gate->probe_at);
	if (target->of != NULL && target->of->fallback != NULL && !gate->fallback_on)
		loop_timer_set_wall(loop, &gate->fallback,
		    wall_add(gate->opened_at, target->of->fallback_after));
}

static void
circuit_open(struct target *target, const dur_t *retry_after)
{
	struct gate *gate = &target->gate;
	dur_t wait = gate->breaker.probe_interval;
	wall_t now = now_of(target);

	if (retry_after != NULL && dur_less(wait, *retry_after))
		wait = *retry_after;
	if (gate->circuit == CIRCUIT_CLOSED) {
		gate->opened_at = now;
		gate->opened_total++;
		log_error("notify", "receiver does not answer: its messages wait",
		    LOG_Z("receiver", target->name), LOG_INT("failures", gate->failures),
		    LOG_DUR("probe_in", wait), LOG_Z("err", gate->error));
	}
	gate->circuit = CIRCUIT_OPEN;
	gate->probe_at = wall_add(now, wait);
	write_circuit(target);
	arm(target);
}

static void
circuit_close(struct target *target)
{
	struct gate *gate = &target->gate;
	struct loop *loop = target->notifier->options.loop;

	if (gate->circuit == CIRCUIT_CLOSED)
		return;
	gate->circuit = CIRCUIT_CLOSED;
	log_info("notify", "receiver answers again", LOG_Z("receiver", target->name),
	    LOG_DUR("after", wall_since(now_of(target), gate->opened_at)));
	loop_timer_stop(loop, &gate->probe);
	loop_timer_stop(loop, &gate->fallback);
	write_circuit(target);
	fallback_end(target);
	gate->fallback_on = false;
	send_soon(target);
}

void
gate_outcome(struct target *target, bool arrived, const char *error, const dur_t *retry_after)
{
	struct gate *gate = &target->gate;

	if (arrived) {
		gate->failures = 0;
		gate->error[0] = '\0';
		if (gate->n_ring > 0) {
			gate->left_at[gate->at] = now_of(target);
			gate->at = (gate->at + 1) % gate->n_ring;
		}
		circuit_close(target);
		return;
	}
	gate->failures++;
	snprintf(gate->error, sizeof(gate->error), "%s", error);
	if (gate->breaker.failures == 0)
		return;
	if (gate->circuit == CIRCUIT_PROBING || gate->failures >= (uint32_t)gate->breaker.failures)
		circuit_open(target, retry_after);
}

static void
on_probe(void *arg)
{
	struct target *target = arg;

	if (target->gate.circuit != CIRCUIT_OPEN)
		return;
	target->gate.circuit = CIRCUIT_PROBING;
	send_soon(target);
}

static void
on_fallback(void *arg)
{
	struct target *target = arg;

	if (target->gate.circuit == CIRCUIT_CLOSED || target->gate.fallback_on)
		return;
	target->gate.fallback_on = true;
	fallback_begin(target);
}

bool
gate_is_open(const struct target *target)
{
	switch (target->gate.circuit) {
	case CIRCUIT_CLOSED:
		return true;
	case CIRCUIT_OPEN:
		return false;
	case CIRCUIT_PROBING:
		return target->in_flight == 0;
	case CIRCUIT_STATE_COUNT:
		break;
	}
	return true;
}

/* ---- the budget -------------------------------------------------------------------- */

static bool
is_urgent(const struct delivery *delivery)
{
	if (delivery->channel->notice != NULL)
		return true;
	for (uint32_t i = 0; i < delivery->n_items; i++) {
		struct str severity =
		    labels_value(delivery->items[i].alert->labels, STR("severity"));

		if (delivery->items[i].firing && severity.n > 0 &&
		    message_level(severity) == LEVEL_CRITICAL)
			return true;
	}
	return false;
}

static uint32_t
room(const struct target *target)
{
	const struct gate *gate = &target->gate;
	wall_t from = wall_sub(now_of(target), target->gate.budget.interval);
	uint32_t used = target->in_flight;

	for (uint32_t i = 0; i < gate->n_ring; i++)
		used += wall_before(from, gate->left_at[i]);
	return used < gate->n_ring ? gate->n_ring - used : 0;
}

/* When the oldest that counts no longer does. */
static wall_t
room_at(const struct target *target)
{
	const struct gate *gate = &target->gate;
	wall_t from = wall_sub(now_of(target), target->gate.budget.interval);
	wall_t oldest = WALL_MAX;

	for (uint32_t i = 0; i < gate->n_ring; i++) {
		if (wall_before(from, gate->left_at[i]))
			oldest = wall_min(oldest, gate->left_at[i]);
	}
	/* All are on the wire: their outcomes ask again. */
	return oldest.ns == WALL_MAX.ns ? wall_add(now_of(target), DUR_S(1))
					: wall_add(oldest, target->gate.budget.interval);
}

static void
put_aside(struct target *target, struct delivery *delivery)
{
	struct gate *gate = &target->gate;
	struct loop *loop = target->notifier->options.loop;
	wall_t at = room_at(target);

	delivery->aside = true;
	list_append(&gate->held, &delivery->link);
	gate->n_held++;
	gate->held_total++;
	reasons_waits(target->notifier, delivery, DECISION_RATE_LIMITED,
	    "over the receiver's max_per_interval", at);
	if (!timer_is_set(&gate->room))
		loop_timer_set_wall(loop, &gate->room, at);
	if (!timer_is_set(&gate->summary))
		loop_timer_set_wall(loop, &gate->summary,
		    wall_max(wall_add(now_of(target), SUMMARY_WAIT),
			wall_is_set(gate->summed_up_at)
			    ? wall_add(gate->summed_up_at, target->gate.budget.interval)
			    : WALL_NONE));
}

bool
gate_admits(struct target *target, struct delivery *delivery)
{
	if (target->gate.n_ring == 0 || delivery->attempts > 0 ||
	    delivery->step > 0 || room(target) > 0 || is_urgent(delivery))
		return true;
	put_aside(target, delivery);
	return false;
}

void
gate_forget(struct delivery *delivery)
{
	if (!delivery->aside)
		return;
	delivery->aside = false;
	delivery->channel->target->gate.n_held--;
}

static void
release(struct target *target, uint32_t n)
{
	struct gate *gate = &target->gate;

	while (n-- > 0 && !list_empty(&gate->held)) {
		struct delivery *delivery = CONTAINER_OF(gate->held.next, struct delivery, link);

		list_remove(&delivery->link);
		gate_forget(delivery);
		send_ready(delivery);
	}
}

static void
put_summary_text(struct target *target, struct buf *out)
{
	const struct gate *gate = &target->gate;
	const struct budget_config *budget = &gate->budget;
	char interval[DURATION_TEXT_MAX];
	uint32_t shown = 0, firing = 0;

	duration_format(budget->interval, interval);
	LIST_FOREACH(link, &gate->held)
	firing += CONTAINER_OF(link, struct delivery, link)->firing.n;
	buf_printf(out,
	    "%u more group%s with %u firing alert%s wait%s to be told to %s: more than %lld "
	    "messages per %s. Each follows when there is room, critical ones at once. ",
	    gate->n_held, gate->n_held == 1 ? "" : "s", firing, firing == 1 ? "" : "s",
	    gate->n_held == 1 ? "s" : "", target->receiver, (long long)budget->n, interval);
	LIST_FOREACH(link, &gate->held)
	{
		const struct delivery *delivery = CONTAINER_OF(link, struct delivery, link);

		if (shown == SUMMARY_GROUPS || out->n > SUMMARY_BYTES)
			break;
		buf_puts(out, shown++ > 0 ? ", " : "Groups: ");
		labels_format(delivery->group_labels, out);
	}
	if (shown < gate->n_held)
		buf_printf(out, " and %u more", gate->n_held - shown);
	buf_printf(out, ". See %s/#/alerts", target->notifier->options.external_url);
}

static struct notice_text
summary_text(const struct target *target, struct label_view labels[3], const char *key,
    const char *summary)
{
	labels[0] = (struct label_view){ STR("alertname"), STR("TocsinNotificationsWait") };
	labels[1] = (struct label_view){ STR("receiver"), str_from(target->receiver) };
	labels[2] = (struct label_view){ STR("severity"), STR("warning") };
	return (struct notice_text){ key, labels, 3, summary };
}

static void
sum_up(struct target *target, bool over)
{
	struct label_view labels[3];
	struct buf text = { 0 };
	struct notice_text notice;

	if (!over)
		put_summary_text(target, &text);
	notice = summary_text(target, labels, "budget", text.p != NULL ? text.p : "");
	if (over)
		notice_over(target->notifier, target, &notice, NOTIFY_SUMMARY);
	else
		notice_tell(target->notifier, target, &notice, NOTIFY_SUMMARY, true);
	target->gate.summed_up_at = over ? WALL_NONE : now_of(target);
	buf_fini(&text);
}

static void
on_summary(void *arg)
{
	struct target *target = arg;

	if (target->gate.n_ring == 0 || target->notifier->stopping)
		return;
	if (target->gate.n_held > 0 && target->gate.circuit == CIRCUIT_CLOSED)
		sum_up(target, false);
}

static void
on_room(void *arg)
{
	struct target *target = arg;
	struct gate *gate = &target->gate;

	if (target->notifier->stopping)
		return;
	release(target, target->gate.n_ring > 0 ? room(target) : UINT32_MAX);
	if (gate->n_held > 0)
		loop_timer_set_wall(
		    target->notifier->options.loop, &gate->room, room_at(target));
	else if (wall_is_set(gate->summed_up_at))
		sum_up(target, true);
}

/* ---- life ---------------------------------------------------------------------------- */

void
gate_init(struct target *target)
{
	struct gate *gate = &target->gate;

	list_init(&gate->held);
	timer_init(&gate->probe, on_probe, target);
	timer_init(&gate->fallback, on_fallback, target);
	timer_init(&gate->room, on_room, target);
	timer_init(&gate->summary, on_summary, target);
}

void
gate_stop(struct target *target)
{
	struct loop *loop = target->notifier->options.loop;
	struct gate *gate = &target->gate;

	loop_timer_stop(loop, &gate->probe);
	loop_timer_stop(loop, &gate->fallback);
	loop_timer_stop(loop, &gate->room);
	loop_timer_stop(loop, &gate->summary);
}

void
gate_fini(struct target *target)
{
	free(target->gate.left_at);
}

/* Another bound begins with an empty stretch. */
void
gate_apply(struct target *target)
{
	static const struct budget_config no_budget;
	static const struct breaker_config no_breaker;
	const struct receiver_config *of = target->of;
	struct gate *gate = &target->gate;
	uint32_t n;

	gate->budget = of != NULL && of->budget != NULL ? *of->budget : no_budget;
	gate->breaker = of != NULL && of->breaker != NULL ? *of->breaker : no_breaker;
	n = (uint32_t)gate->budget.n;

	if (n != gate->n_ring) {
		free(gate->left_at);
		gate->left_at = n > 0 ? xcalloc(n, sizeof(*gate->left_at)) : NULL;
		gate->n_ring = n;
		gate->at = 0;
	}
	if (gate->breaker.failures == 0 && gate->circuit != CIRCUIT_CLOSED)
		circuit_close(target);
	if (gate->n_held > 0)
		loop_timer_set(target->notifier->options.loop, &gate->room,
		    loop_mono(target->notifier->options.loop));
}

void
notifier_restore_meta(struct notifier *notifier, struct str key, struct str value)
{
	struct str prefix = STR(META_PREFIX);
	struct target *target;
	int64_t opened_ns;

	if (!str_starts(key, prefix) || !str_to_i64(value, &opened_ns) || opened_ns <= 0)
		return;
	target = target_get(notifier, str_make(key.p + prefix.n, key.n - prefix.n));
	target->gate.circuit = CIRCUIT_OPEN;
	target->gate.opened_at.ns = opened_ns;
	snprintf(target->gate.error, sizeof(target->gate.error),
	    "it did not answer before the restart");
}

void
gate_start(struct notifier *notifier)
{
	wall_t now = loop_now(notifier->options.loop);
	struct target *target;

	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;) {
		if (target->gate.circuit != CIRCUIT_CLOSED) {
			target->gate.probe_at = now;
			arm(target);
		} else if (target->config != NULL) {
			fallback_end(target);
		}
		/* What the last life summed up is summed up anew, or is over. */
		if (target->gate.n_ring > 0)
			loop_timer_set_wall(notifier->options.loop, &target->gate.room,
			    wall_add(now, SUMMARY_WAIT));
		target->gate.summed_up_at = target->gate.n_ring > 0 ? now : WALL_NONE;
	}
}
