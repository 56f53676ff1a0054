/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/v2/alerts (alertmanager.md 2.2, 3.3).
 *
 * First the whole body is read; anything wrong with its shape refuses it
 * whole.  Then each alert is checked by itself: good ones are taken even if
 * others are not, and the answer names the bad ones.  The answer comes after
 * the commit.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "base/xalloc.h"

#define PAIRS_MAX 1024 /* labels or annotations of one alert */
#define SAID_BYTES_MAX (16u << 10)

struct pairs {
	struct label_view *views;
	uint32_t n, cap;
	bool present;
};

struct posted {
	struct pairs labels, annotations;
	struct str generator_url;
	wall_t starts_at, ends_at;
};

struct post {
	struct arena *arena;
	struct json_reader reader;
	struct posted *alerts;
	size_t n, cap;
	/* why the body as a whole is refused */
	int status, code;
	char said[300];
};

static bool
refuse(struct post *post, int status, int code, const char *fmt, const char *arg)
{
	post->status = status;
	post->code = code;
	snprintf(post->said, sizeof(post->said), fmt, arg);
	return false;
}

static bool
read_pairs(struct post *post, struct pairs *pairs)
{
	struct json_reader *r = &post->reader;
	struct label_view view;

	if (json_peek(r) == JSON_NULL)
		return json_read_null(r);
	if (json_peek(r) != JSON_OBJECT)
		return refuse(post, 400, 400, "parsing alerts body: %s", "labels and annotations are objects");
	json_enter(r, JSON_OBJECT);
	pairs->present = true;
	while (json_next_key(r, &view.name)) {
		view.name = json_unescape(post->arena, view.name);
		if (json_peek(r) != JSON_STRING)
			return refuse(post, 400, 400, "parsing alerts body: %s",
			    "the value of a label or annotation is a string");
		if (!json_read_str(r, post->arena, &view.value))
			return false;
		if (pairs->n == PAIRS_MAX)
			return refuse(post, 400, 400, "%s", "more than 1024 labels or annotations in one alert");
		if (pairs->n == pairs->cap) {
			uint32_t cap = pairs->cap != 0 ? pairs->cap * 2 : 8;
			struct label_view *views = ARENA_ARRAY(post->arena, cap, struct label_view);
			if (pairs->n > 0)
				memcpy(views, pairs->views, pairs->n * sizeof(*views));
			pairs->views = views;
			pairs->cap = cap;
		}
		pairs->views[pairs->n++] = view;
	}
	return true;
}

static bool
read_time(struct post *post, wall_t *ret)
{
	struct str text;

	if (json_peek(&post->reader) == JSON_NULL)
		return json_read_null(&post->reader);
	if (json_peek(&post->reader) != JSON_STRING || !json_read_str(&post->reader, post->arena, &text) ||
	    (text.n > 0 && !timestamp_parse(text, ret)))
		return refuse(post, 400, 400, "parsing alerts body: %s",
		    "a time is written as 2026-11-20T06:00:00.000Z");
	return true;
}

/* go-swagger wants a URI with a scheme or an absolute path; an empty one is fine. */
static bool
is_uri(struct str text)
{
	for (uint32_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return false;
	if (text.n == 0 || text.p[0] == '/')
		return true;
	const char *colon = memchr(text.p, ':', text.n);
	return colon != NULL && colon != text.p;
}

static bool
read_url(struct post *post, struct posted *alert)
{
	char where[40];

	if (json_peek(&post->reader) == JSON_NULL)
		return json_read_null(&post->reader);
	if (json_peek(&post->reader) != JSON_STRING ||
	    !json_read_str(&post->reader, post->arena, &alert->generator_url))
		return refuse(post, 400, 400, "parsing alerts body: %s", "generatorURL is a string");
	snprintf(where, sizeof(where), "%zu", post->n - 1);
	if (!is_uri(alert->generator_url))
		return refuse(post, 422, 601, "%s.generatorURL in body must be of type uri", where);
	return true;
}

static bool
read_alert(struct post *post)
{
	struct json_reader *r = &post->reader;
	char where[40];
	struct str key;

	if (json_peek(r) != JSON_OBJECT)
		return refuse(post, 400, 400, "parsing alerts body: %s", "an alert is an object");
	if (post->n == API_ALERTS_PER_POST_MAX)
		return refuse(post, 400, 400, "%s", "more than 100000 alerts in one request");
	post->alerts = xgrow(post->alerts, &post->cap, post->n + 1, sizeof(*post->alerts));
	struct posted *alert = &post->alerts[post->n++];
	*alert = (struct posted){ 0 };
	json_enter(r, JSON_OBJECT);
	while (json_next_key(r, &key)) {
		bool ok = str_is(key, "labels") ? read_pairs(post, &alert->labels)
		    : str_is(key, "annotations") ? read_pairs(post, &alert->annotations)
		    : str_is(key, "startsAt") ? read_time(post, &alert->starts_at)
		    : str_is(key, "endsAt") ? read_time(post, &alert->ends_at)
		    : str_is(key, "generatorURL") ? read_url(post, alert)
		    : json_skip(r);
		if (!ok)
			return false;
	}
	snprintf(where, sizeof(where), "%zu", post->n - 1);
	if (r->err_text == NULL && !alert->labels.present)
		return refuse(post, 422, 602, "%s.labels in body is required", where);
	return r->err_text == NULL;
}

static bool
read_body(struct post *post, struct str body)
{
	struct json_reader *r = &post->reader;

	json_reader_init(r, body);
	if (json_peek(r) == JSON_NULL) {
		json_read_null(r);
	} else if (json_peek(r) != JSON_ARRAY) {
		if (json_peek(r) != JSON_BAD && json_peek(r) != JSON_END)
			return refuse(post, 400, 400, "parsing alerts body: %s", "a list of alerts is wanted");
	} else {
		json_enter(r, JSON_ARRAY);
		while (json_next_item(r))
			if (!read_alert(post))
				break;
	}
	if (post->status != 0)
		return false;
	if (!json_finish(r)) {
		char text[200];
		snprintf(text, sizeof(text), "%s at byte %u",
		    r->err_text != NULL ? r->err_text : "trailing text", r->err_at);
		return refuse(post, 400, 400, "parsing alerts body: %s", text);
	}
	return true;
}

/* --- taking them ----------------------------------------------------------- */

static struct labels *
intern(struct post *post, const struct pairs *pairs, bool keep_empty, struct err *err)
{
	struct labels_builder builder;

	labels_builder_init(&builder, post->arena);
	builder.keep_empty = keep_empty;
	for (uint32_t i = 0; i < pairs->n; i++)
		labels_builder_set(&builder, pairs->views[i].name, pairs->views[i].value);
	return labels_intern(&builder, err);
}

static void
default_times(struct posted *alert, dur_t resolve_timeout, wall_t now, uint32_t *flags)
{
	if (!wall_is_set(alert->starts_at))
		alert->starts_at = wall_is_set(alert->ends_at) ? alert->ends_at : now;
	if (!wall_is_set(alert->ends_at)) {
		alert->ends_at = wall_add(now, resolve_timeout);
		*flags |= ALERT_TIMEOUT;
	}
}

/* What is wrong with an alert that has the right shape; NULL: nothing. */
static const char *
fault_of(const struct posted *alert, const struct labels *labels, const struct err *err)
{
	if (labels == NULL)
		return err->text;
	if (labels->n == 0)
		return "at least one label pair required";
	if (wall_before(alert->ends_at, alert->starts_at))
		return "start time must be before end time";
	return NULL;
}

static bool
take_alert(struct api *api, struct post *post, struct posted *alert, wall_t now, struct buf *faults)
{
	struct err err = { 0 };
	struct alert_update update = { .flags = 0, .generator_url = alert->generator_url };

	default_times(alert, api->state->config->global.resolve_timeout, now, &update.flags);
	update.starts_at = alert->starts_at;
	update.ends_at = alert->ends_at;
	update.labels = intern(post, &alert->labels, false, &err);
	const char *fault = fault_of(alert, update.labels, &err);
	if (fault == NULL && (update.annotations = intern(post, &alert->annotations, true, &err)) == NULL)
		fault = err.text;
	if (fault == NULL)
		alerts_put(api->state->alerts, &update, now, NULL);
	else if (!faults->overflow)
		buf_printf(faults, "%s%s", faults->n > 0 ? "; " : "", fault);
	labels_unref(update.labels);
	labels_unref(update.annotations);
	return fault == NULL;
}

static void
take_all(struct api *api, struct post *post, struct http_call *call)
{
	wall_t now = loop_now(api->state->loop);
	struct buf faults, body = { 0 };
	uint32_t bad = 0;

	buf_init(&faults, SAID_BYTES_MAX);
	for (size_t i = 0; i < post->n; i++)
		if (!take_alert(api, post, &post->alerts[i], now, &faults))
			bad++;
	api->alerts_received += post->n - bad;
	api->alerts_invalid += bad;
	if (bad > 0) {
		json_put_str(&body, buf_str(&faults));
		buf_putc(&body, '\n');
	}
	reply_durable(api, call, bad > 0 ? 400 : 200, bad > 0 ? &body : NULL);
	buf_fini(&body);
	buf_fini(&faults);
}

static bool
is_json_type(const char *content_type)
{
	struct str type = str_from(content_type != NULL ? content_type : "");
	const char *semicolon = type.n > 0 ? memchr(type.p, ';', type.n) : NULL;

	if (semicolon != NULL)
		type.n = (uint32_t)(semicolon - type.p);
	return str_is(str_trim(type), "application/json");
}

bool
body_is_json(struct http_call *call, const char *what)
{
	const char *type = http_header_value(call, "Content-Type");

	if (http_body(call).n == 0) {
		reply_code(call, 422, 602, "%s in body is required", what);
		return false;
	}
	if (is_json_type(type))
		return true;
	reply_code(call, 415, 415, "unsupported media type \"%s\", only [application/json] are allowed",
	    type != NULL ? type : "");
	return false;
}

void
api_alerts_post(struct api *api, struct http_call *call, struct str id)
{
	struct post post = { 0 };

	(void)id;
	if (!body_is_json(call, "alerts") || refused_by_store(api, call))
		return;
	post.arena = arena_new(64u << 10);
	if (read_body(&post, http_body(call)))
		take_all(api, &post, call);
	else
		reply_code(call, post.status, post.code, "%s", post.said);
	free(post.alerts);
	arena_free(post.arena);
}
