/* SPDX-License-Identifier: Apache-2.0 */
/* The section `escalation_policies`: who is told, in which order, while nobody acknowledges. */
#include <config.h>

#include <string.h>

#include "base/duration.h"
#include "config/internal.h"

#define REPEAT_AFTER_MIN DUR_S(300)

struct target_raw {
	const char *receiver, *schedule, *user, *via;
	const struct yaml_node *node;
};

struct step_raw {
	dur_t after;
	struct sub_list notify;
	struct string_list severity, intervals;
	const struct yaml_node *node;
};

struct policy_raw {
	const char *name, *fallback;
	int64_t repeat;
	dur_t repeat_after, ack_timeout, refire_window;
	struct string_map severity_timeouts;
	bool break_ack;
	struct sub_list steps;
	const struct yaml_node *node;
};

#define TARGET(m) .offset = offsetof(struct target_raw, m)

static const struct schema_field target_fields[] = {
	{ .name = "receiver", .kind = FIELD_STRING, .exclusive = "whom",
	    TARGET(receiver), .doc = "Name of a receiver." },
	{ .name = "schedule", .kind = FIELD_STRING, .exclusive = "whom",
	    TARGET(schedule),
	    .doc = "Name of a schedule: whoever is on call then." },
	{ .name = "user", .kind = FIELD_STRING, .exclusive = "whom",
	    TARGET(user), .doc = "Name of a user." },
	{ .name = "via", .kind = FIELD_STRING, TARGET(via),
	    .doc = "Which of the person's receivers: a word of the user's "
		   "`receivers`, else the name of a receiver for everybody; "
		   "all of the person's when absent." },
};

/* A bare name is a receiver's. */
static void
target_scalar(struct schema_context *ctx, const struct yaml_node *node,
    void *value)
{
	struct target_raw *raw = value;

	raw->receiver = schema_scalar(ctx, node, "a receiver's name");
	raw->node = node;
}

static const struct schema schema_target = {
	.name = "notify",
	.doc = "Whom a step tells: a receiver's name, or one of receiver, "
	       "schedule and user.",
	.size = sizeof(struct target_raw),
	SCHEMA_FIELDS(target_fields),
	.scalar = target_scalar,
	.node_offset = offsetof(struct target_raw, node) + 1,
};

#define STEP(m) .offset = offsetof(struct step_raw, m)

static const struct schema_field step_fields[] = {
	{ .name = "after", .kind = FIELD_DURATION, .fallback = "0s",
	    STEP(after),
	    .doc = "How long after the step before; after the incident's "
		   "first notification for the first." },
	{ .name = "notify", .kind = FIELD_SUB_LIST,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .sub = &schema_target,
	    STEP(notify), .doc = "Who is told then." },
	{ .name = "severity", .kind = FIELD_STRING_LIST, STEP(severity),
	    .doc = "Only incidents of these severities take this step." },
	{ .name = "active_time_intervals", .kind = FIELD_STRING_LIST,
	    STEP(intervals),
	    .doc = "Names of times outside of which this step is passed "
		   "over." },
};

static const struct schema schema_step = {
	.name = "step",
	.doc = "One step of an escalation.",
	.size = sizeof(struct step_raw),
	SCHEMA_FIELDS(step_fields),
	.node_offset = offsetof(struct step_raw, node) + 1,
};

#define POLICY(m) .offset = offsetof(struct policy_raw, m)

static const struct schema_field policy_fields[] = {
	{ .name = "name", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY, POLICY(name),
	    .doc = "What routes call it." },
	{ .name = "steps", .kind = FIELD_SUB_LIST,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .sub = &schema_step,
	    POLICY(steps),
	    .doc = "Taken one after the other until somebody acknowledges. "
		   "An incident keeps the steps it began with." },
	{ .name = "repeat", .kind = FIELD_INT, .fallback = "0", .min = 0,
	    .max = ESCALATION_REPEAT_MAX, POLICY(repeat),
	    .doc = "How often the steps begin anew after the last one." },
	{ .name = "repeat_after", .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE, POLICY(repeat_after),
	    .doc = "How long after the last step they do, or the escalation "
		   "is exhausted; the longest `after` when absent, at least "
		   "5m." },
	{ .name = "ack_timeout", .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE, POLICY(ack_timeout),
	    .doc = "An acknowledgement holds for so long; then, if it still "
		   "fires, the first step is taken again.  For ever when "
		   "absent." },
	{ .name = "ack_timeouts", .kind = FIELD_STRING_MAP,
	    POLICY(severity_timeouts),
	    .doc = "The same by severity: {critical: 30m, warning: 8h}." },
	{ .name = "fallback", .kind = FIELD_STRING, POLICY(fallback),
	    .doc = "Receiver that is told when nobody is on call for a step, "
		   "and when all steps were taken in vain." },
	{ .name = "refire_window", .kind = FIELD_DURATION, .fallback = "10m",
	    POLICY(refire_window),
	    .doc = "What fires again so soon after its end is the same "
		   "incident: acknowledged if it was, and at the step where "
		   "it was." },
	{ .name = "break_ack_on_severity_rise", .kind = FIELD_BOOL,
	    .fallback = "true", POLICY(break_ack),
	    .doc = "A higher severity ends an acknowledgement or snooze, and "
		   "the first step is taken again." },
};

const struct schema schema_escalation_policy = {
	.name = "escalation policy",
	.doc = "Who is told, step by step, until somebody acknowledges.",
	.size = sizeof(struct policy_raw),
	SCHEMA_FIELDS(policy_fields),
	.node_offset = offsetof(struct policy_raw, node) + 1,
};

/* ---- whom a step tells ----------------------------------------------------------- */

static struct pos
key_pos(const struct yaml_node *node, const char *key)
{
	const struct yaml_node *value = node->kind == YAML_MAPPING ?
	    yaml_get(node, key) :
	    NULL;

	return value != NULL ? value->pos : node->pos;
}

/* Can this person be told that way? */
static bool
user_has_way(struct loader *l, const struct oncall_user *user, const char *via)
{
	if (via == NULL) {
		return user->n_ways > 0;
	}
	for (uint32_t i = 0; i < user->n_ways; i++) {
		if (strcmp(user->ways[i].word, via) == 0) {
			return true;
		}
	}
	return config_receiver(&l->generation->config, via) != NULL;
}

static void
check_way(struct loader *l, const struct target_raw *raw,
    const struct oncall_user *user)
{
	if (user_has_way(l, user, raw->via)) {
		return;
	}
	if (raw->via == NULL) {
		diag_error(l->ctx.diag, raw->node->pos,
		    "user '%s' has no receivers: nobody would be told",
		    user->name);
	} else {
		diag_error(l->ctx.diag, key_pos(raw->node, "via"),
		    "user '%s' has no receiver for '%s', and no receiver is "
		    "named so",
		    user->name, raw->via);
	}
	diag_note(l->ctx.diag, user->pos, "the user is here");
}

static void
check_schedule(struct loader *l, const struct target_raw *raw,
    const struct schedule_config *schedule)
{
	for (uint32_t i = 0; i < schedule->n_layers; i++) {
		const struct schedule_layer *layer = &schedule->layers[i];

		for (uint32_t k = 0; k < layer->n_users; k++) {
			check_way(l, raw, layer->users[k]);
		}
	}
}

static bool
target_make(struct loader *l, const struct target_raw *raw,
    struct step_target *target)
{
	const struct config *config = &l->generation->config;
	const struct schedule_config *schedule;
	const struct oncall_user *user;

	*target = (struct step_target){ .via = raw->via,
		.pos = raw->node->pos };
	if (raw->schedule != NULL) {
		target->kind = STEP_SCHEDULE;
		target->name = raw->schedule;
		schedule = config_schedule(config, str_from(raw->schedule));
		if (schedule != NULL) {
			check_schedule(l, raw, schedule);
		} else {
			diag_error(l->ctx.diag, key_pos(raw->node, "schedule"),
			    "there is no schedule '%s'", raw->schedule);
		}
		return schedule != NULL;
	}
	if (raw->user != NULL) {
		target->kind = STEP_USER;
		target->name = raw->user;
		user = config_user(config, str_from(raw->user));
		if (user != NULL) {
			check_way(l, raw, user);
		} else {
			diag_error(l->ctx.diag, key_pos(raw->node, "user"),
			    "there is no user '%s'", raw->user);
		}
		return user != NULL;
	}
	if (raw->receiver == NULL) {
		diag_error(l->ctx.diag, raw->node->pos,
		    "give one of receiver, schedule and user");
		return false;
	}
	if (raw->via != NULL) {
		diag_error(l->ctx.diag, key_pos(raw->node, "via"),
		    "'via' chooses among a person's receivers; it goes with "
		    "schedule or user");
	}
	target->kind = STEP_RECEIVER;
	target->name = raw->receiver;
	return receiver_named(l, raw->receiver,
		   key_pos(raw->node, "receiver")) != NULL;
}

/* ---- steps ------------------------------------------------------------------------ */

static void
step_make(struct loader *l, const struct step_raw *raw,
    struct escalation_step *step)
{
	step->pos = raw->node->pos;
	step->after = raw->after;
	step->severities = raw->severity.items;
	step->n_severities = raw->severity.n;
	step->intervals = raw->intervals.items;
	(void)intervals_named(l, &raw->intervals, &step->n_intervals);
	step->notify = ARENA_ARRAY(l->ctx.arena, raw->notify.n + 1,
	    struct step_target);
	if (raw->notify.n == 0) {
		diag_error(l->ctx.diag, key_pos(raw->node, "notify"),
		    "the step names nobody to be told");
	}
	if (raw->notify.n > ESCALATION_TARGETS_MAX) {
		diag_error(l->ctx.diag, raw->notify.pos[ESCALATION_TARGETS_MAX],
		    "a step tells more than %d; put them into one receiver",
		    ESCALATION_TARGETS_MAX);
	}
	for (uint32_t i = 0; i < raw->notify.n; i++) {
		const struct target_raw *target = raw->notify.items[i];

		if (target != NULL && !raw->notify.failed[i] &&
		    target_make(l, target, &step->notify[step->n_notify])) {
			step->n_notify++;
		}
	}
}

static dur_t
longest_after(const struct escalation_policy *policy)
{
	dur_t longest = REPEAT_AFTER_MIN;

	for (uint32_t i = 0; i < policy->n_steps; i++) {
		if (dur_less(longest, policy->steps[i].after)) {
			longest = policy->steps[i].after;
		}
	}
	return longest;
}

/* ---- policies ----------------------------------------------------------------------- */

static void
read_timeouts(struct loader *l, const struct string_map *map,
    struct escalation_policy *policy)
{
	policy->severity_timeouts = ARENA_ARRAY(l->ctx.arena, map->n + 1,
	    struct severity_timeout);
	for (uint32_t i = 0; i < map->n; i++) {
		const struct string_pair *pair = &map->pairs[i];
		struct severity_timeout *timeout =
		    &policy->severity_timeouts[policy->n_severity_timeouts];
		struct err err = { 0 };

		if (duration_parse(str_from(pair->value), &timeout->timeout,
			&err) < 0 ||
		    timeout->timeout.ns <= 0) {
			diag_error(l->ctx.diag, pair->value_pos,
			    "expected a duration such as 30m, got '%s'",
			    pair->value);
			continue;
		}
		timeout->severity = pair->key;
		policy->n_severity_timeouts++;
	}
}

static void
policy_make(struct loader *l, const struct policy_raw *raw,
    struct escalation_policy *policy)
{
	policy->name = raw->name;
	policy->pos = raw->node->pos;
	policy->repeat = (uint32_t)raw->repeat;
	policy->ack_timeout = raw->ack_timeout;
	policy->refire_window = raw->refire_window;
	policy->break_ack_on_severity_rise = raw->break_ack;
	policy->fallback = raw->fallback;
	if (raw->fallback != NULL) {
		(void)receiver_named(l, raw->fallback,
		    key_pos(raw->node, "fallback"));
	}
	read_timeouts(l, &raw->severity_timeouts, policy);
	policy->steps = ARENA_ARRAY(l->ctx.arena, raw->steps.n + 1,
	    struct escalation_step);
	for (uint32_t i = 0; i < raw->steps.n; i++) {
		const struct step_raw *step = raw->steps.items[i];

		if (step != NULL && !raw->steps.failed[i]) {
			step_make(l, step, &policy->steps[policy->n_steps++]);
		}
	}
	if (raw->steps.n == 0) {
		diag_error(l->ctx.diag, key_pos(raw->node, "steps"),
		    "the policy has no steps: nobody would be told");
	}
	if (raw->steps.n > ESCALATION_STEPS_MAX) {
		diag_error(l->ctx.diag, raw->steps.pos[ESCALATION_STEPS_MAX],
		    "more than %d steps", ESCALATION_STEPS_MAX);
	}
	policy->repeat_after = dur_is_set(raw->repeat_after) ?
	    raw->repeat_after :
	    longest_after(policy);
}

const struct escalation_policy *
config_policy(const struct config *config, struct str name)
{
	for (uint32_t i = 0; i < config->n_policies; i++) {
		if (str_is(name, config->policies[i].name)) {
			return &config->policies[i];
		}
	}
	return NULL;
}

const struct escalation_policy *
escalation_named(struct loader *l, const char *name, struct pos pos)
{
	const struct config *config = &l->generation->config;
	const struct escalation_policy *policy = config_policy(config,
	    str_from(name));
	const char **names;
	const char *meant;

	if (policy != NULL) {
		return policy;
	}
	names = ARENA_ARRAY(l->scratch, config->n_policies + 1, const char *);
	for (uint32_t i = 0; i < config->n_policies; i++) {
		names[i] = config->policies[i].name;
	}
	meant = schema_suggest_among(names, config->n_policies,
	    str_from(name));
	if (meant != NULL) {
		diag_error(l->ctx.diag, pos,
		    "there is no escalation policy '%s' (did you mean '%s'?)",
		    name, meant);
	} else {
		diag_error(l->ctx.diag, pos,
		    "there is no escalation policy '%s'", name);
	}
	return NULL;
}

void
escalation_build(struct loader *l, const struct sub_list *raws)
{
	struct config *config = &l->generation->config;

	config->policies = ARENA_ARRAY(l->ctx.arena, raws->n + 1,
	    struct escalation_policy);
	for (uint32_t i = 0; i < raws->n; i++) {
		const struct policy_raw *raw = raws->items[i];
		const struct escalation_policy *first;

		if (raw == NULL || raw->name == NULL || raw->name[0] == '\0') {
			continue; /* reported */
		}
		first = config_policy(config, str_from(raw->name));
		if (first != NULL) {
			diag_error(l->ctx.diag, raws->pos[i],
			    "there are two escalation policies named '%s'",
			    raw->name);
			diag_note(l->ctx.diag, first->pos,
			    "the first is here");
			continue;
		}
		policy_make(l, raw, &config->policies[config->n_policies++]);
	}
}
