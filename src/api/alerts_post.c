/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/v2/alerts.
 *
 * First the whole body is read; anything wrong with its shape refuses it
 * whole.  Then each alert is checked by itself: good ones are taken even if
 * others are not, and the answer names the bad ones.  The answer comes after
 * the commit.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "base/xalloc.h"

#define PAIRS_MAX      1024 /* labels or annotations of one alert */
#define SAID_BYTES_MAX (16u << 10)
#define TIME_SHAPE     "a time is written as 2026-11-20T06:00:00.000Z"

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

static bool PRINTF(4, 5) refuse(struct post *post, int status, int code, const char *fmt, ...)
{
	va_list ap;

	post->status = status;
	post->code = code;
	va_start(ap, fmt);
	vsnprintf(post->said, sizeof(post->said), fmt, ap);
	va_end(ap);
	return false;
}

static bool
misshapen(struct post *post, const char *text)
{
	return refuse(post, 400, 400, "parsing alerts body: %s", text);
}

/* Is a value of this kind next? If not, it is said what should be there, or that the JSON is
 * broken. */
static bool
expect(struct post *post, enum json_kind kind, const char *text)
{
	struct json_reader *r = &post->reader;
	enum json_kind found = json_peek(r);

	if (found == kind)
		return true;
	if (r->err_text != NULL)
		return false;
	if (found == JSON_END || found == JSON_BAD)
		return json_fail(
		    r, found == JSON_END ? "the text ends too early" : "this is no JSON");
	return misshapen(post, text);
}

static void
add_pair(struct post *post, struct pairs *pairs, struct label_view view)
{
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

/* null is the empty value. */
static bool
read_value(struct post *post, struct str *ret)
{
	struct json_reader *r = &post->reader;

	*ret = STR("");
	if (json_peek(r) == JSON_NULL)
		return json_read_null(r);
	return expect(post, JSON_STRING, "the value of a label or annotation is a string") &&
	       json_read_str(r, post->arena, ret);
}

static bool
read_pairs(struct post *post, struct pairs *pairs)
{
	struct json_reader *r = &post->reader;
	struct label_view view;

	if (json_peek(r) == JSON_NULL)
		return json_read_null(r);
	if (!expect(post, JSON_OBJECT, "labels and annotations are objects"))
		return false;
	json_enter(r, JSON_OBJECT);
	pairs->present = true;
	while (json_next_key(r, &view.name)) {
		view.name = json_unescape(post->arena, view.name);
		if (!read_value(post, &view.value))
			return false;
		if (pairs->n == PAIRS_MAX)
			return refuse(post, 400, 400,
			    "more than %d labels or annotations in one alert", PAIRS_MAX);
		add_pair(post, pairs, view);
	}
	return true;
}

static bool
read_time(struct post *post, wall_t *ret)
{
	struct str text;

	if (json_peek(&post->reader) == JSON_NULL)
		return json_read_null(&post->reader);
	if (!expect(post, JSON_STRING, TIME_SHAPE) ||
	    !json_read_str(&post->reader, post->arena, &text))
		return false;
	return text.n == 0 || timestamp_parse(text, ret) || misshapen(post, TIME_SHAPE);
}

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_scheme(struct str text)
{
	if (text.n == 0 || !is_alpha(text.p[0]))
		return false;
	for (uint32_t i = 1; i < text.n; i++)
		if (!is_alpha(text.p[i]) && strchr("0123456789+-.", text.p[i]) == NULL)
			return false;
	return true;
}

/* What go-swagger takes for a URI: a scheme, or an absolute path; nothing at all is fine, too. */
static bool
is_uri(struct str text)
{
	for (uint32_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
			return false;
	if (text.n == 0 || text.p[0] == '/')
		return true;
	const char *colon = memchr(text.p, ':', text.n);
	return colon != NULL && is_scheme(str_make(text.p, (size_t)(colon - text.p)));
}

static bool
read_url(struct post *post, struct posted *alert)
{
	if (json_peek(&post->reader) == JSON_NULL)
		return json_read_null(&post->reader);
	if (!expect(post, JSON_STRING, "generatorURL is a string") ||
	    !json_read_str(&post->reader, post->arena, &alert->generator_url))
		return false;
	if (!is_uri(alert->generator_url))
		return refuse(post, 422, 601,
		    "%zu.generatorURL in body must be of type uri: \"%.*s\"", post->n - 1,
		    STR_ARG(str_head(alert->generator_url, 200)));
	return true;
}

enum member {
	MEMBER_LABELS,
	MEMBER_ANNOTATIONS,
	MEMBER_STARTS_AT,
	MEMBER_ENDS_AT,
	MEMBER_GENERATOR_URL,
	MEMBER_COUNT /* any other */
};

/* As written in the API's description, else in any case, as Go reads it. */
static enum member
member_of(struct str key)
{
	static const struct str names[] = { { "labels", 6 }, { "annotations", 11 },
		{ "startsAt", 8 }, { "endsAt", 6 }, { "generatorURL", 12 } };
	_Static_assert(ARRAY_LEN(names) == MEMBER_COUNT, "a name for each");
	int i = 0;

	while (i < MEMBER_COUNT && !str_eq(key, names[i]))
		i++;
	if (i < MEMBER_COUNT)
		return (enum member)i;
	for (i = 0; i < MEMBER_COUNT; i++)
		if (key.n == names[i].n && strncasecmp(key.p, names[i].p, key.n) == 0)
			break;
	return (enum member)i;
}

static bool
read_member(struct post *post, struct posted *alert, struct str key)
{
	switch (member_of(key)) {
	case MEMBER_LABELS:
		return read_pairs(post, &alert->labels);
	case MEMBER_ANNOTATIONS:
		return read_pairs(post, &alert->annotations);
	case MEMBER_STARTS_AT:
		return read_time(post, &alert->starts_at);
	case MEMBER_ENDS_AT:
		return read_time(post, &alert->ends_at);
	case MEMBER_GENERATOR_URL:
		return read_url(post, alert);
	case MEMBER_COUNT:
		break;
	}
	return json_skip(&post->reader);
}

static bool
read_alert(struct post *post)
{
	struct json_reader *r = &post->reader;
	struct str key;

	if (!expect(post, JSON_OBJECT, "an alert is an object"))
		return false;
	if (post->n == API_ALERTS_PER_POST_MAX)
		return refuse(
		    post, 400, 400, "more than %d alerts in one request", API_ALERTS_PER_POST_MAX);
	post->alerts = xgrow(post->alerts, &post->cap, post->n + 1, sizeof(*post->alerts));
	struct posted *alert = &post->alerts[post->n++];
	*alert = (struct posted){ 0 };
	json_enter(r, JSON_OBJECT);
	while (json_next_key(r, &key)) {
		if (!read_member(post, alert, key))
			return false;
	}
	if (r->err_text == NULL && !alert->labels.present)
		return refuse(post, 422, 602, "%zu.labels in body is required", post->n - 1);
	return r->err_text == NULL;
}

static bool
read_body(struct post *post, struct str body)
{
	struct json_reader *r = &post->reader;

	json_reader_init(r, body);
	if (json_peek(r) == JSON_NULL) {
		json_read_null(r);
	} else if (expect(post, JSON_ARRAY, "a list of alerts is wanted")) {
		json_enter(r, JSON_ARRAY);
		while (json_next_item(r))
			if (!read_alert(post))
				break;
	}
	if (post->status != 0)
		return false;
	if (!json_finish(r))
		return refuse(post, 400, 400, "parsing alerts body: %s at byte %u",
		    r->err_text != NULL ? r->err_text : "trailing text", r->err_at);
	return true;
}

/* --- taking them ----------------------------------------------------------- */

static struct labels *
intern(struct post *post, const struct pairs *pairs, bool keep_empty, struct err *err)
{
	struct labels_builder builder;

	labels_builder_init(&builder, post->arena);
	builder.keep_empty = keep_empty;
	for (uint32_t i = 0; i < pairs->n; i++) {
		const struct label_view *view = &pairs->views[i];

		if (!label_name_is_allowed(view->name) && (keep_empty || view->value.n > 0)) {
			err_set(err, ERR_INVALID, "invalid %s: invalid name \"%.*s\"",
			    keep_empty ? "annotations" : "label set",
			    STR_ARG(str_head(view->name, 100)));
			return NULL;
		}
		labels_builder_set(&builder, view->name, view->value);
	}
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
	if (fault == NULL &&
	    (update.annotations = intern(post, &alert->annotations, true, &err)) == NULL)
		fault = err.text;
	if (fault == NULL) {
		api->alerts_received[update.ends_at.ns <= now.ns]++;
		if (limit_alert(
			api, update.labels, now)) /* if not: 200 even so, as in Alertmanager */
			alerts_put(api->state->alerts, &update, now, NULL);
	} else if (!faults->overflow) {
		buf_printf(faults, "%s%s", faults->n > 0 ? "; " : "", fault);
	}
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

	mono_t begun = loop_mono_exact(api->state->loop);

	buf_init(&faults, SAID_BYTES_MAX);
	for (size_t i = 0; i < post->n; i++)
		if (!take_alert(api, post, &post->alerts[i], now, &faults))
			bad++;
	api->alerts_processed += post->n - bad;
	api->alerts_processing +=
	    dur_seconds(mono_since(loop_mono_exact(api->state->loop), begun));
	api->alerts_invalid += bad;
	if (bad > 0) {
		json_put_str(&body, buf_str(&faults));
		buf_putc(&body, '\n');
	}
	reply_durable(api, call, bad > 0 ? 400 : 200, bad > 0 ? &body : NULL);
	buf_fini(&body);
	buf_fini(&faults);
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
