/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats: jobs check in here, and both directions can be looked at. */
#include "config.h"

#include "api/handlers.h"
#include "base/json.h"
#include "health/checkins.h"
#include "health/pings.h"

static void
put_expected(const struct checkin_look *look, struct buf *out)
{
	buf_putc(out, '{');
	put_text_member(out, "name", str_from(look->name));
	buf_printf(out, ",\"state\":\"%s\",\"interval\":%.15g,\"grace\":%.15g,",
	    look->missing		 ? "missing"
	    : wall_is_set(look->last_at) ? "ok"
					 : "waiting",
	    dur_seconds(look->interval), dur_seconds(look->grace));
	put_time_or_null(out, "lastAt", look->last_at);
	buf_putc(out, ',');
	put_time_or_null(out, "dueAt", look->due_at);
	buf_putc(out, '}');
}

static void
put_outgoing(const struct ping_look *look, struct buf *out)
{
	buf_putc(out, '{');
	put_text_member(out, "name", str_from(look->name));
	buf_printf(out, ",\"interval\":%.15g,\"sent\":%llu,\"failed\":%llu,\"withheld\":%llu,",
	    dur_seconds(look->interval), (unsigned long long)look->sent,
	    (unsigned long long)look->failed, (unsigned long long)look->withheld);
	put_time_or_null(out, "lastAt", look->last_at);
	buf_putc(out, ',');
	put_text_member(out, "trouble", str_from(look->trouble));
	buf_putc(out, '}');
}

void
api_heartbeats_get(struct api *api, struct http_call *call, struct str id)
{
	const struct api_state *state = api->state;
	struct checkin_look job;
	struct ping_look ping;
	struct buf body = { 0 };

	(void)id;
	buf_puts(&body, "{\"expected\":[");
	for (uint32_t i = 0; checkins_look(state->checkins, i, &job); i++) {
		if (i > 0)
			buf_putc(&body, ',');
		put_expected(&job, &body);
	}
	buf_puts(&body, "],\"outgoing\":[");
	for (uint32_t i = 0; pings_look(state->pings, i, &ping); i++) {
		if (i > 0)
			buf_putc(&body, ',');
		put_outgoing(&ping, &body);
	}
	buf_puts(&body, "]}\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
}

static void
take(struct api *api, struct http_call *call, struct str name)
{
	struct api_state *state = api->state;
	struct err err = { 0 };
	struct buf body = { 0 };

	if (refused_by_store(api, call))
		return;
	if (checkin(state->checkins, name, loop_now(state->loop), &err) < 0) {
		reply_code(call, 404, 404, "%s", err.text);
		return;
	}
	buf_puts(&body, "{\"status\":\"ok\"}\n");
	reply_durable(api, call, 200, &body);
	buf_fini(&body);
}

void
api_heartbeat_post(struct api *api, struct http_call *call, struct str id)
{
	take(api, call, id);
}

/* The same by GET: what a cron job can do with any tool. HEAD asks, and is no sign of life. */
void
api_heartbeat_get(struct api *api, struct http_call *call, struct str id)
{
	struct checkin_look job;

	if (strcmp(http_method(call), "HEAD") != 0) {
		take(api, call, id);
		return;
	}
	for (uint32_t i = 0; checkins_look(api->state->checkins, i, &job); i++) {
		if (str_is(id, job.name)) {
			http_reply_text(call, 200, "application/json", "");
			return;
		}
	}
	reply_code(call, 404, 404, "no heartbeat of this name is expected");
}

void
heartbeats_put_metrics(const struct api_state *state, struct buf *out)
{
	struct checkin_look job;
	struct ping_look ping;

	buf_puts(out,
	    "# HELP tocsin_heartbeat_missing Whether an expected job has not checked in.\n"
	    "# TYPE tocsin_heartbeat_missing gauge\n");
	for (uint32_t i = 0; checkins_look(state->checkins, i, &job); i++) {
		buf_puts(out, "tocsin_heartbeat_missing{name=");
		go_quote(out, str_from(job.name));
		buf_printf(out, "} %d\n", job.missing);
	}
	buf_puts(out,
	    "# HELP tocsin_heartbeat_last_success_timestamp_seconds The last outgoing "
	    "heartbeat that was answered well.\n"
	    "# TYPE tocsin_heartbeat_last_success_timestamp_seconds gauge\n");
	for (uint32_t i = 0; pings_look(state->pings, i, &ping); i++) {
		buf_puts(out, "tocsin_heartbeat_last_success_timestamp_seconds{name=");
		go_quote(out, str_from(ping.name));
		buf_printf(out, "} %.3f\n", wall_seconds(ping.last_at));
	}
	buf_puts(out,
	    "# HELP tocsin_heartbeat_up Whether all is well, as outgoing heartbeats say.\n"
	    "# TYPE tocsin_heartbeat_up gauge\n");
	for (uint32_t i = 0; pings_look(state->pings, i, &ping); i++) {
		buf_puts(out, "tocsin_heartbeat_up{name=");
		go_quote(out, str_from(ping.name));
		buf_printf(out, "} %d\n", ping.trouble[0] == '\0');
	}
}
