/* SPDX-License-Identifier: Apache-2.0 */
/* Who is on call by the schedules, and who stands in. */
#include "config.h"

#include <stdio.h>

#include <json-c/json_object.h>

#include "api/audit.h"
#include "api/handlers.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "oncall/schedule.h"

#define TURNS_MAX 2000
#define AHEAD_MAX DUR_S(366 * 86400)
#define TURN_SEEN DUR_S(60 * 86400) /* so far ahead a turn's end is looked for */

/* ---- who is on call ------------------------------------------------------------------ */

static void
put_user(struct buf *out, const struct oncall_turn *turn)
{
	if (turn->user == NULL) {
		buf_puts(out, "\"user\":null");
		return;
	}
	put_text_member(out, "user", str_from(turn->user->name));
}

static void
put_turn(struct buf *out, const struct oncall_turn *turn, wall_t from, wall_t until, wall_t limit)
{
	buf_putc(out, '{');
	put_time(out, "from", from);
	buf_putc(out, ',');
	put_time_or_null(out, "until", wall_before(until, limit) ? until : WALL_NONE);
	buf_putc(out, ',');
	put_user(out, turn);
	if (turn->override_id != 0)
		buf_printf(out, ",\"override\":%lld}", (long long)turn->override_id);
	else
		buf_puts(out, ",\"override\":null}");
}

static void
put_schedule(const struct schedule_view *view, wall_t at, wall_t limit, struct buf *out)
{
	const struct schedule_config *schedule = view->schedule;
	struct oncall_turn turn = schedule_at(view, at);
	uint32_t n = 0;

	buf_putc(out, '{');
	put_text_member(out, "schedule", str_from(schedule->name));
	buf_putc(out, ',');
	put_text_member(out, "timeZone",
	    str_from(schedule->zone != NULL ? tz_name(schedule->zone) : "UTC"));
	buf_putc(out, ',');
	put_user(out, &turn);
	buf_puts(out, ",\"turns\":[");
	do {
		wall_t seen = wall_max(limit, wall_add(at, TURN_SEEN));
		wall_t next = schedule_change(view, at, seen);

		turn = schedule_at(view, at);
		if (n > 0)
			buf_putc(out, ',');
		put_turn(out, &turn, at, next, seen);
		at = next;
	} while (wall_before(at, limit) && ++n < TURNS_MAX);
	buf_puts(out, "]}");
}

void
api_oncall_get(struct api *api, struct http_call *call, struct str id)
{
	const struct config *config = api->state->config;
	const char *name = param_text(call, "schedule");
	struct schedule_view view = { .config = config };
	struct buf body = { 0 };
	const char *comma = "";
	wall_t at, until;

	(void)id;
	if (!param_instant(call, "at", &at) || !param_instant(call, "until", &until))
		return;
	if (!wall_is_set(at))
		at = loop_now(api->state->loop);
	until = wall_min(wall_max(until, wall_add(at, DUR_S(1))), wall_add(at, AHEAD_MAX));
	if (name != NULL && config_schedule(config, str_from(name)) == NULL) {
		reply_code(call, 404, 404, "there is no schedule '%s'", name);
		return;
	}
	view.overrides = overrides_list(api->state->overrides, &view.n_overrides);
	buf_putc(&body, '{');
	put_time(&body, "at", at);
	buf_puts(&body, ",\"schedules\":[");
	for (uint32_t i = 0; i < config->n_schedules; i++) {
		view.schedule = &config->schedules[i];
		if (name != NULL && !str_is(str_from(name), view.schedule->name))
			continue;
		buf_puts(&body, comma);
		put_schedule(&view, at, until, &body);
		comma = ",";
	}
	buf_puts(&body, "]}\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
}

/* ---- stand-ins ---------------------------------------------------------------------------- */

static void
put_override(const struct oncall_override *override, struct buf *out)
{
	buf_printf(out, "{\"id\":%lld,", (long long)override->id);
	put_text_member(out, "schedule", str_from(override->schedule));
	buf_putc(out, ',');
	put_text_member(out, "user", str_from(override->user));
	buf_putc(out, ',');
	put_time(out, "from", override->starts_at);
	buf_putc(out, ',');
	put_time(out, "until", override->ends_at);
	buf_putc(out, ',');
	put_text_member(out, "by", str_from(override->created_by));
	buf_putc(out, ',');
	put_text_member(out, "comment", str_from(override->comment));
	buf_putc(out, ',');
	put_time(out, "createdAt", override->created_at);
	buf_putc(out, '}');
}

void
api_overrides_get(struct api *api, struct http_call *call, struct str id)
{
	uint32_t n;
	const struct oncall_override *const *list = overrides_list(api->state->overrides, &n);
	wall_t now = loop_now(api->state->loop);
	struct buf body = { 0 };
	const char *comma = "";

	(void)id;
	buf_puts(&body, "{\"overrides\":[");
	for (uint32_t i = 0; i < n; i++) {
		if (!wall_before(now, list[i]->ends_at))
			continue;
		buf_puts(&body, comma);
		put_override(list[i], &body);
		comma = ",";
	}
	buf_puts(&body, "]}\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
}

/* False: answered. */
static bool
read_override(
    struct http_call *call, json_object *object, wall_t now, struct override_input *ret)
{
	const char *from = body_text(call, object, "from"), *by;

	*ret = (struct override_input){ .starts_at = now };
	if (from == NULL || (ret->schedule = body_text(call, object, "schedule")) == NULL ||
	    (ret->user = body_text(call, object, "user")) == NULL ||
	    (ret->comment = body_text(call, object, "comment")) == NULL ||
	    (by = body_text(call, object, "by")) == NULL)
		return false;
	if (from[0] != '\0' && !timestamp_parse(str_from(from), &ret->starts_at)) {
		reply_code(
		    call, 400, 400, "from: '%s' is no time such as 2026-11-20T06:00:00Z", from);
		return false;
	}
	if (!body_until(call, object, ret->starts_at, &ret->ends_at))
		return false;
	if (!wall_is_set(ret->ends_at)) {
		reply_code(call, 400, 400, "until when? give 'for' (8h) or 'until' (a time)");
		return false;
	}
	ret->created_by = http_actor(call)->name[0] != '\0' ? http_actor(call)->name
			  : by[0] != '\0'		    ? by
							    : "somebody";
	return true;
}

static void
add_override(struct api *api, struct http_call *call, const struct override_input *input)
{
	struct buf body = { 0 };
	struct err err = { 0 };
	char number[24], until[TIMESTAMP_TEXT_MAX];
	int64_t id;

	if (overrides_add(api->state->overrides, api->state->config, input,
		loop_now(api->state->loop), &id, &err) < 0) {
		reply_code(call, 400, 400, "%s", err.text);
		return;
	}
	snprintf(number, sizeof(number), "%lld", (long long)id);
	audit_note(api->state, call, "override.create", str_from(number), "%s in %s until %s by %s",
	    input->user, input->schedule, timestamp_format_ms(input->ends_at, until),
	    input->created_by);
	buf_printf(&body, "{\"id\":%s}\n", number);
	reply_durable(api, call, 200, &body);
	buf_fini(&body);
}

void
api_overrides_post(struct api *api, struct http_call *call, struct str id)
{
	struct override_input input;
	json_object *object;

	(void)id;
	if (refused_by_store(api, call))
		return;
	object = body_object(call, "override");
	if (object != NULL && read_override(call, object, loop_now(api->state->loop), &input))
		add_override(api, call, &input);
	json_object_put(object);
}

void
api_override_delete(struct api *api, struct http_call *call, struct str id)
{
	int64_t number;

	if (refused_by_store(api, call))
		return;
	if (!str_to_i64(id, &number) || number <= 0) {
		reply_code(call, 400, 400, "'%.*s' is no stand-in's number", STR_ARG(id));
	} else if (!overrides_remove(api->state->overrides, number, loop_now(api->state->loop))) {
		reply_code(call, 404, 404, "there is no stand-in %lld", (long long)number);
	} else {
		audit_note(api->state, call, "override.remove", id, "%s", "");
		reply_durable(api, call, 200, NULL);
	}
}
