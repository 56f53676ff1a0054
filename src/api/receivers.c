/* SPDX-License-Identifier: Apache-2.0 */
/* Receivers as they are doing, trials of them, and dead letters once more. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/audit.h"
#include "api/handlers.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "notify/flap.h"
#include "notify/look.h"
#include "notify/trial.h"

/* ---- how they are doing ---------------------------------------------------------- */

static void
put_circuit(const struct target_look *look, struct buf *out)
{
	buf_printf(out,
	    "\"circuit\":{\"state\":\"%s\",\"enabled\":%s,\"failures\":%u,\"fallbackActive\":%s,",
	    look->circuit, look->has_breaker ? "true" : "false", look->failures,
	    look->fallback_on ? "true" : "false");
	put_time_or_null(out, "openedAt", look->opened_at);
	buf_putc(out, ',');
	put_time_or_null(out, "probeAt", look->probe_at);
	buf_putc(out, ',');
	put_text_member(out, "error", str_from(look->error));
	buf_putc(out, '}');
}

static void
put_integration(const struct target_look *look, struct buf *out)
{
	buf_putc(out, '{');
	put_text_member(out, "target", str_from(look->target));
	buf_putc(out, ',');
	put_circuit(look, out);
	buf_puts(out, ",\"budget\":");
	if (look->budget_n > 0)
		buf_printf(out, "{\"n\":%u,\"interval\":%.15g,\"waiting\":%u}", look->budget_n,
		    dur_seconds(look->budget_interval), look->waiting);
	else
		buf_puts(out, "null");
	buf_printf(out,
	    ",\"queued\":%u,\"sending\":%u,\"delivered\":%llu,\"retries\":%llu,\"dead\":%llu,"
	    "\"cancelled\":%llu}",
	    look->queued, look->sending, (unsigned long long)look->delivered,
	    (unsigned long long)look->retries, (unsigned long long)look->dead,
	    (unsigned long long)look->cancelled);
}

static void
put_receiver(
    const struct api_state *state, const struct receiver_config *receiver, struct buf *out)
{
	struct target_look look;

	buf_putc(out, '{');
	put_text_member(out, "name", str_from(receiver->name));
	buf_puts(out, ",\"fallback\":");
	if (receiver->fallback != NULL)
		json_put_str(out, str_from(receiver->fallback->name));
	else
		buf_puts(out, "null");
	buf_puts(out, ",\"integrations\":[");
	for (uint32_t i = 0; notifier_look_target(state->notifier, receiver, i, &look); i++) {
		if (i > 0)
			buf_putc(out, ',');
		put_integration(&look, out);
	}
	buf_puts(out, "]}");
}

void
api_receivers_health_get(struct api *api, struct http_call *call, struct str id)
{
	const struct config *config = api->state->config;
	struct buf body = { 0 };

	(void)id;
	buf_puts(&body, "{\"receivers\":[");
	for (uint32_t i = 0; i < config->n_receivers; i++) {
		if (i > 0)
			buf_putc(&body, ',');
		put_receiver(api->state, &config->receivers[i], &body);
	}
	buf_puts(&body, "]}\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
}

/* ---- alerts that flap --------------------------------------------------------------- */

struct flapping {
	const struct api_state *state;
	struct buf *out;
	bool any;
};

static void
put_flapping(void *arg, const struct flap_look *look)
{
	struct flapping *flapping = arg;
	const struct alert *alert =
	    alerts_by_fingerprint(flapping->state->alerts, look->fingerprint);
	struct buf *out = flapping->out;

	buf_puts(out, flapping->any ? ",{\"fingerprint\":" : "{\"fingerprint\":");
	flapping->any = true;
	put_fingerprint(out, look->fingerprint);
	buf_puts(out, ",\"labels\":");
	if (alert != NULL)
		labels_put_json(alert->labels, out);
	else
		buf_puts(out, "null");
	buf_putc(out, ',');
	put_text_member(out, "groupKey", str_from(look->group_key));
	buf_putc(out, ',');
	put_time(out, "since", look->since);
	buf_putc(out, ',');
	put_time(out, "changedAt", look->changed_at);
	buf_printf(out, ",\"changes\":%u,\"fires\":%s}", look->changes,
	    look->fires ? "true" : "false");
}

void
api_flapping_get(struct api *api, struct http_call *call, struct str id)
{
	struct buf body = { 0 };
	struct flapping flapping = { .state = api->state, .out = &body };

	(void)id;
	buf_puts(&body, "{\"flapping\":[");
	flaps_each(notifier_flaps(api->state->notifier), put_flapping, &flapping);
	buf_puts(&body, "]}\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
}

/* ---- trials ------------------------------------------------------------------------ */

static const char *const trial_name[] = {
	[TRIAL_DELIVERED] = "delivered",
	[TRIAL_FAILED] = "failed",
	[TRIAL_REFUSED] = "refused",
};

static void
on_tried(void *arg, const struct trial_result *results, uint32_t n)
{
	struct pending *pending = arg;
	struct http_call *call = pending->call;
	struct buf body = { 0 };

	buf_puts(&body, "{\"results\":[");
	for (uint32_t i = 0; i < n; i++) {
		buf_puts(&body, i > 0 ? ",{" : "{");
		put_text_member(&body, "target", str_from(results[i].target));
		buf_printf(&body, ",\"outcome\":\"%s\",\"status\":%d,\"seconds\":%.6g,",
		    trial_name[results[i].outcome], results[i].status,
		    dur_seconds(results[i].took));
		put_text_member(&body, "text", str_from(results[i].text));
		buf_putc(&body, '}');
	}
	buf_puts(&body, "]}\n");
	if (call != NULL)
		reply_json(call, 200, &body);
	buf_fini(&body);
	pending_end(pending);
	free(pending);
}

void
api_receiver_test_post(struct api *api, struct http_call *call, struct str id)
{
	struct pending *pending;
	struct err err = { 0 };
	struct str by = str_from(http_actor(call)->name);

	pending = xcalloc(1, sizeof(*pending));
	pending_begin(api, pending, call);
	if (notifier_try(api->state->notifier, id, by, on_tried, pending, &err) < 0) {
		pending_end(pending);
		free(pending);
		reply_code(call, 404, 404, "%s", err.text);
	} else {
		audit_note(api->state, call, "receiver.test", id, "%s", "");
	}
}

/* ---- dead letters -------------------------------------------------------------------- */

struct replay {
	struct pending pending;
	struct api *api;
	int64_t id;
};

static void
replay_row(struct replay *replay, const struct delivery_row *row)
{
	struct http_call *call = replay->pending.call;
	struct api_state *state = replay->api->state;
	struct buf body = { 0 };
	struct err err = { 0 };
	char object[24];
	int64_t id;
	int rc;

	if (row->state != DELIVERY_DEAD) {
		reply_code(call, 409, 409,
		    "delivery %lld is not dead: only what failed for good can be replayed",
		    (long long)replay->id);
		return;
	}
	rc = notifier_replay(state->notifier, row, &id, &err);
	if (rc < 0) {
		reply_code(call, 409, 409, "%s", err.text);
		return;
	}
	snprintf(object, sizeof(object), "%lld", (long long)replay->id);
	audit_note(state, call, "delivery.replay", str_from(object), "as delivery %lld",
	    (long long)id);
	buf_printf(&body, "{\"id\":%lld}\n", (long long)id);
	reply_durable(replay->api, call, 200, &body);
	buf_fini(&body);
}

static void
on_row(void *arg, const struct delivery_row *rows, uint32_t n, const struct err *err)
{
	struct replay *replay = arg;
	struct http_call *call = replay->pending.call;

	pending_end(&replay->pending);
	replay->pending.call = call;
	if (call != NULL && err != NULL)
		reply_code(call, 500, 500, "%s", err->text);
	else if (call != NULL && (n == 0 || rows[0].id != replay->id))
		reply_code(call, 404, 404, "there is no delivery %lld", (long long)replay->id);
	else if (call != NULL)
		replay_row(replay, &rows[0]);
	free(replay);
}

void
api_delivery_replay_post(struct api *api, struct http_call *call, struct str id)
{
	struct delivery_query query = { .state = -1, .limit = 1, .receiver = STR("") };
	struct replay *replay;
	int64_t number;

	if (!str_to_i64(id, &number) || number <= 0 || number == INT64_MAX) {
		reply_code(call, 400, 400, "'%.*s' is not the id of a delivery", STR_ARG(id));
		return;
	}
	if (refused_by_store(api, call))
		return;
	replay = xcalloc(1, sizeof(*replay));
	pending_begin(api, &replay->pending, call);
	replay->api = api;
	replay->id = number;
	query.before_id = number + 1;
	store_delivery_query(api->state->store, &query, on_row, replay);
}
