/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections `users`, `schedules` and `quiet_hours`.
 *
 * Turns are kept as a start and a length on the zone's wall clock: what is
 * handed over at nine is handed over at nine, summer and winter.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "config/internal.h"

#define DAY          INT64_C(86400)
#define WEEK         (7 * DAY)
#define NS_PER_S     INT64_C(1000000000)
#define FIRST_MONDAY INT64_C(4) /* days since 1970 */
#define TURN_MIN     DUR_S(3600)
#define USERS_MAX    10000

struct user_raw {
	const char *name;
	struct string_map receivers;
	const struct yaml_node *node;
};

struct layer_raw {
	struct string_list users, active;
	int rotation;
	dur_t every;
	const char *start, *handover, *handover_day;
	const struct yaml_node *node;
};

struct schedule_raw {
	const char *name, *time_zone;
	struct sub_list layers;
	const struct yaml_node *node;
};

struct quiet_raw {
	struct string_list receivers, intervals, pass;
	const struct yaml_node *node;
};

enum rotation { ROTATION_DAILY, ROTATION_WEEKLY, ROTATION_CUSTOM };
static const char *const rotations[] = { "daily", "weekly", "custom", NULL };

static const struct schema_field user_fields[] = {
	{ .name = "name", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .offset = offsetof(struct user_raw, name),
	    .doc = "What schedules call this person." },
	{ .name = "receivers", .kind = FIELD_STRING_MAP,
	    .offset = offsetof(struct user_raw, receivers),
	    .doc = "Ways to reach this person: a word of yours such as page "
		   "or chat, which `via` names, and the receiver." },
};

const struct schema schema_user = {
	.name = "user",
	.doc = "A person who is on call.",
	.size = sizeof(struct user_raw),
	SCHEMA_FIELDS(user_fields),
	.node_offset = offsetof(struct user_raw, node) + 1,
};

#define MEMBER(m) .offset = offsetof(struct layer_raw, m)

static const struct schema_field layer_fields[] = {
	{ .name = "users", .kind = FIELD_STRING_LIST,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY, MEMBER(users),
	    .doc = "Who takes turns, in this order." },
	{ .name = "rotation", .kind = FIELD_ENUM, .choices = rotations,
	    .fallback = "weekly", MEMBER(rotation),
	    .doc = "How long a turn is; custom: as `every` says." },
	{ .name = "every", .kind = FIELD_DURATION, MEMBER(every),
	    .doc = "Length of a turn of a custom rotation, such as 3d or "
		   "12h." },
	{ .name = "start", .kind = FIELD_STRING, MEMBER(start),
	    .doc = "Date (2026-11-02) on which the first of `users` begins; "
		   "nobody is on call before.  Without it the turns are "
		   "counted from Monday, 1970-01-05." },
	{ .name = "handover", .kind = FIELD_STRING, .fallback = "09:00",
	    MEMBER(handover),
	    .doc = "Time of day, in the schedule's zone, at which turns "
		   "begin." },
	{ .name = "handover_day", .kind = FIELD_STRING, MEMBER(handover_day),
	    .doc = "Weekday on which turns of a weekly rotation begin; that "
		   "of `start`, else monday." },
	{ .name = "active_time_intervals", .kind = FIELD_STRING_LIST,
	    MEMBER(active),
	    .doc = "Names of times outside of which this layer has nobody; "
		   "always when absent." },
};

static const struct schema schema_layer = {
	.name = "layer",
	.doc = "People who take turns.",
	.size = sizeof(struct layer_raw),
	SCHEMA_FIELDS(layer_fields),
	.node_offset = offsetof(struct layer_raw, node) + 1,
};

static const struct schema_field schedule_fields[] = {
	{ .name = "name", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .offset = offsetof(struct schedule_raw, name),
	    .doc = "What steps of an escalation call it." },
	{ .name = "time_zone", .kind = FIELD_STRING, .fallback = "UTC",
	    .offset = offsetof(struct schedule_raw, time_zone),
	    .doc = "IANA time zone such as Europe/Berlin, or UTC, or Local." },
	{ .name = "layers", .kind = FIELD_SUB_LIST,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .sub = &schema_layer,
	    .offset = offsetof(struct schedule_raw, layers),
	    .doc = "The first layer that has somebody decides." },
};

const struct schema schema_schedule = {
	.name = "schedule",
	.doc = "Who is on call when.  `tocsin oncall` shows it, and lets "
	       "people stand in for each other.",
	.size = sizeof(struct schedule_raw),
	SCHEMA_FIELDS(schedule_fields),
	.node_offset = offsetof(struct schedule_raw, node) + 1,
};

static const struct schema_field quiet_fields[] = {
	{ .name = "time_intervals", .kind = FIELD_STRING_LIST,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .offset = offsetof(struct quiet_raw, intervals),
	    .doc = "Names of the times that are quiet." },
	{ .name = "receivers", .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct quiet_raw, receivers),
	    .doc = "Receivers that are not to be disturbed; all when absent." },
	{ .name = "pass", .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct quiet_raw, pass),
	    .doc = "Severities that are sent all the same.  What is critical "
		   "always is." },
};

const struct schema schema_quiet_hours = {
	.name = "quiet hours",
	.doc = "What is not urgent is held, not dropped: it is sent when the "
	       "quiet hours are over, if it still is news then.",
	.size = sizeof(struct quiet_raw),
	SCHEMA_FIELDS(quiet_fields),
	.node_offset = offsetof(struct quiet_raw, node) + 1,
};

/* ---- users ---------------------------------------------------------------------- */

const struct oncall_user *
config_user(const struct config *config, struct str name)
{
	for (uint32_t i = 0; i < config->n_users; i++) {
		if (str_is(name, config->users[i].name)) {
			return &config->users[i];
		}
	}
	return NULL;
}

static void
user_make(struct loader *l, const struct user_raw *raw,
    struct oncall_user *user)
{
	user->name = raw->name;
	user->pos = raw->node->pos;
	user->ways = ARENA_ARRAY(l->ctx.arena, raw->receivers.n + 1,
	    struct user_way);
	for (uint32_t i = 0; i < raw->receivers.n; i++) {
		const struct string_pair *pair = &raw->receivers.pairs[i];
		const struct receiver_config *receiver = receiver_named(l,
		    pair->value, pair->value_pos);

		if (receiver != NULL) {
			user->ways[user->n_ways++] = (struct user_way){
				.word = pair->key, .receiver = receiver
			};
		}
	}
}

static void
users_build(struct loader *l, const struct sub_list *raws)
{
	struct config *config = &l->generation->config;

	config->users = ARENA_ARRAY(l->ctx.arena, raws->n + 1,
	    struct oncall_user);
	for (uint32_t i = 0; i < raws->n && i < USERS_MAX; i++) {
		const struct user_raw *raw = raws->items[i];
		const struct oncall_user *first;

		if (raw == NULL || raw->name == NULL || raw->name[0] == '\0') {
			continue; /* reported */
		}
		first = config_user(config, str_from(raw->name));
		if (first != NULL) {
			diag_error(l->ctx.diag, raws->pos[i],
			    "there are two users named '%s'", raw->name);
			diag_note(l->ctx.diag, first->pos,
			    "the first is here");
			continue;
		}
		user_make(l, raw, &config->users[config->n_users++]);
	}
	if (raws->n > USERS_MAX) {
		diag_error(l->ctx.diag, raws->pos[USERS_MAX],
		    "more than %d users", USERS_MAX);
	}
}

static const struct oncall_user *
user_named(struct loader *l, const char *name, struct pos pos)
{
	const struct config *config = &l->generation->config;
	const struct oncall_user *user = config_user(config, str_from(name));
	const char **names;
	const char *meant;

	if (user != NULL) {
		return user;
	}
	names = ARENA_ARRAY(l->scratch, config->n_users + 1, const char *);
	for (uint32_t i = 0; i < config->n_users; i++) {
		names[i] = config->users[i].name;
	}
	meant = schema_suggest_among(names, config->n_users, str_from(name));
	if (meant != NULL) {
		diag_error(l->ctx.diag, pos,
		    "there is no user '%s' (did you mean '%s'?)", name, meant);
	} else {
		diag_error(l->ctx.diag, pos,
		    "there is no user '%s'; add it to 'users'", name);
	}
	return NULL;
}

/* ---- turns ------------------------------------------------------------------------ */

static const char *const weekdays[] = { "sunday", "monday", "tuesday",
	"wednesday", "thursday", "friday", "saturday" };

/* A digit where the shape has 0, else what the shape has: sscanf alone takes "+9:00", too. */
static bool
has_shape(const char *text, const char *shape)
{
	for (; *shape != '\0'; shape++, text++)
		if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape)
			return false;
	return *text == '\0';
}

/* HH:MM as seconds of the day. */
static bool
read_handover(struct loader *l, const struct layer_raw *raw, int64_t *ret)
{
	int hour, minute;

	if (has_shape(raw->handover, "00:00") &&
	    sscanf(raw->handover, "%2d:%2d", &hour, &minute) == 2 && hour < 24 && minute < 60) {
		*ret = hour * 3600 + minute * 60;
		return true;
	}
	schema_expected(&l->ctx, yaml_get(raw->node, "handover"),
	    "a time of day such as 09:00");
	return false;
}

/* Days since 1970. */
static bool
read_start(struct loader *l, const struct layer_raw *raw, int64_t *ret)
{
	int year, month, day;

	if (has_shape(raw->start, "0000-00-00") &&
	    sscanf(raw->start, "%4d-%2d-%2d", &year, &month, &day) == 3 && year >= 1970 &&
	    month >= 1 && month <= 12 && day >= 1 && day <= civil_month_days(year, month)) {
		*ret = civil_to_days(year, month, day);
		return true;
	}
	schema_expected(&l->ctx, yaml_get(raw->node, "start"),
	    "a date such as 2026-11-02");
	return false;
}

/* The first day on or after it that is such a weekday. */
static bool
move_to_weekday(struct loader *l, const struct layer_raw *raw, int64_t *day)
{
	for (int i = 0; i < 7; i++) {
		if (strcmp(raw->handover_day, weekdays[i]) == 0) {
			*day += (i - civil_from_days(*day).weekday + 7) % 7;
			return true;
		}
	}
	schema_expected(&l->ctx, yaml_get(raw->node, "handover_day"),
	    "a weekday such as monday");
	return false;
}

static bool
read_length(struct loader *l, const struct layer_raw *raw, int64_t *ret)
{
	const struct yaml_node *every = yaml_get(raw->node, "every");

	if (raw->rotation != ROTATION_CUSTOM) {
		*ret = raw->rotation == ROTATION_DAILY ? DAY : WEEK;
		if (every == NULL) {
			return true;
		}
		diag_error(l->ctx.diag, every->pos,
		    "'every' is the length of a custom rotation; give "
		    "'rotation: custom'");
		return false;
	}
	if (!dur_is_set(raw->every)) {
		diag_error(l->ctx.diag, raw->node->pos,
		    "a custom rotation needs 'every', such as 'every: 3d'");
		return false;
	}
	if (dur_less(raw->every, TURN_MIN) ||
	    raw->every.ns % (60 * NS_PER_S) != 0) {
		diag_error(l->ctx.diag, every->pos,
		    "a turn must be at least 1h long, and in whole minutes");
		return false;
	}
	*ret = raw->every.ns / NS_PER_S;
	return true;
}

static void
read_turns(struct loader *l, const struct layer_raw *raw,
    struct schedule_layer *layer)
{
	int64_t day = FIRST_MONDAY, second = 0, length = DAY;

	if (raw->handover_day != NULL && raw->rotation != ROTATION_WEEKLY) {
		diag_error(l->ctx.diag,
		    yaml_get(raw->node, "handover_day")->pos,
		    "only a weekly rotation has a 'handover_day'; use "
		    "'start'");
		return;
	}
	layer->starts = raw->start != NULL;
	if ((raw->start != NULL && !read_start(l, raw, &day)) ||
	    (raw->handover_day != NULL && !move_to_weekday(l, raw, &day)) ||
	    !read_handover(l, raw, &second) || !read_length(l, raw, &length)) {
		return;
	}
	layer->start_s = day * DAY + second;
	layer->length_s = length;
}

static void
layer_make(struct loader *l, const struct layer_raw *raw,
    struct schedule_layer *layer)
{
	layer->pos = raw->node->pos;
	layer->length_s = DAY;
	layer->users = ARENA_ARRAY(l->ctx.arena, raw->users.n + 1,
	    const struct oncall_user *);
	for (uint32_t i = 0; i < raw->users.n; i++) {
		const struct oncall_user *user = user_named(l,
		    raw->users.items[i], raw->users.pos[i]);

		if (user != NULL) {
			layer->users[layer->n_users++] = user;
		}
	}
	read_turns(l, raw, layer);
	layer->active = intervals_named(l, &raw->active, &layer->n_active);
}

/* ---- schedules ---------------------------------------------------------------------- */

const struct schedule_config *
config_schedule(const struct config *config, struct str name)
{
	for (uint32_t i = 0; i < config->n_schedules; i++) {
		if (str_is(name, config->schedules[i].name)) {
			return &config->schedules[i];
		}
	}
	return NULL;
}

static const struct tz *
read_zone(struct loader *l, const struct schedule_raw *raw)
{
	const struct tz *zone;

	if (raw->time_zone[0] == '\0' || strcmp(raw->time_zone, "UTC") == 0) {
		return NULL;
	}
	zone = tz_find(str_from(raw->time_zone));
	if (zone == NULL) {
		diag_error(l->ctx.diag, yaml_get(raw->node, "time_zone")->pos,
		    "there is no time zone '%s' on this machine; names are "
		    "such as Europe/Berlin (package tzdata)",
		    raw->time_zone);
	}
	return zone;
}

static void
schedule_make(struct loader *l, const struct schedule_raw *raw,
    struct schedule_config *schedule)
{
	schedule->name = raw->name;
	schedule->pos = raw->node->pos;
	schedule->zone = read_zone(l, raw);
	schedule->layers = ARENA_ARRAY(l->ctx.arena, raw->layers.n + 1,
	    struct schedule_layer);
	for (uint32_t i = 0; i < raw->layers.n; i++) {
		const struct layer_raw *layer = raw->layers.items[i];

		if (layer != NULL && !raw->layers.failed[i]) {
			layer_make(l, layer,
			    &schedule->layers[schedule->n_layers++]);
		}
	}
}

static void
schedules_build(struct loader *l, const struct sub_list *raws)
{
	struct config *config = &l->generation->config;

	config->schedules = ARENA_ARRAY(l->ctx.arena, raws->n + 1,
	    struct schedule_config);
	for (uint32_t i = 0; i < raws->n; i++) {
		const struct schedule_raw *raw = raws->items[i];
		const struct schedule_config *first;

		if (raw == NULL || raw->name == NULL || raw->name[0] == '\0') {
			continue; /* reported */
		}
		first = config_schedule(config, str_from(raw->name));
		if (first != NULL) {
			diag_error(l->ctx.diag, raws->pos[i],
			    "there are two schedules named '%s'", raw->name);
			diag_note(l->ctx.diag, first->pos,
			    "the first is here");
			continue;
		}
		schedule_make(l, raw,
		    &config->schedules[config->n_schedules++]);
	}
}

/* ---- quiet hours ----------------------------------------------------------------------- */

static void
quiet_make(struct loader *l, const struct quiet_raw *raw,
    struct quiet_hours *quiet)
{
	quiet->pos = raw->node->pos;
	quiet->intervals = intervals_named(l, &raw->intervals,
	    &quiet->n_intervals);
	quiet->pass = raw->pass.items;
	quiet->n_pass = raw->pass.n;
	quiet->receivers = ARENA_ARRAY(l->ctx.arena, raw->receivers.n + 1,
	    const struct receiver_config *);
	for (uint32_t i = 0; i < raw->receivers.n; i++) {
		const struct receiver_config *receiver = receiver_named(l,
		    raw->receivers.items[i], raw->receivers.pos[i]);

		if (receiver != NULL) {
			quiet->receivers[quiet->n_receivers++] = receiver;
		}
	}
}

void
oncall_build(struct loader *l, const struct top_raw *raw)
{
	struct config *config = &l->generation->config;
	const struct sub_list *quiet = &raw->quiet_hours;

	users_build(l, &raw->users);
	schedules_build(l, &raw->schedules);
	config->quiet_hours = ARENA_ARRAY(l->ctx.arena, quiet->n + 1,
	    struct quiet_hours);
	for (uint32_t i = 0; i < quiet->n; i++) {
		if (quiet->items[i] != NULL && !quiet->failed[i]) {
			quiet_make(l, quiet->items[i],
			    &config->quiet_hours[config->n_quiet_hours++]);
		}
	}
}
