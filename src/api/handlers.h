/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers share. Private to api/. */
#pragma once

#include "api/api.h"
#include "base/histogram.h"
#include "api/endpoint.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "labels/matcher.h"
#include "loop/loop.h"

/*
 * The Alertmanager whose API v2 we speak, as karma (alertmanager_build_info)
 * and amtool (/status) are told.  karma wants at least 0.22; amtool complains
 * at every command unless it is its own version, so this is Debian 12's.
 */
#define ALERTMANAGER_COMPAT_VERSION "0.25.0"

#define API_FILTERS_MAX 32
#define API_ALERTS_PER_POST_MAX 100000

/* How many alerts are suppressed: alert_counts.c. */
struct alert_counts {
	size_t at;
	uint32_t so_far, suppressed;
	bool counting;
	struct timer timer;
};

/* Calls without a valid proof: callback.h. */
struct callback_notes {
	uint64_t refused;
	wall_t since; /* of the minute in which n were noted */
	uint32_t n;
};

struct api {
	struct api_state *state;
	uint64_t requests, refused;
	uint64_t alerts_received[2]; /* those that fire, those that are over */
	uint64_t alerts_invalid, alerts_limited;
	uint64_t gets_refused;
	uint32_t gets;               /* listings being sent */
	uint64_t alerts_processed;   /* posted and routed, in this many seconds */
	double alerts_processing;
	struct http_stats *http_stats; /* by endpoint; NULL: none was asked yet */
	struct alert_counts alert_counts;
	struct callback_notes callback_notes;
	struct map by_name;          /* struct name_count, with alerts_per_name */
	wall_t counted_at;
	struct str path_params[PATH_PARAMS_MAX]; /* of the request at hand */
	struct link pending; /* struct pending: answers that wait for the store */
};

/*
 * A call whose answer waits for the store.  It dies with the server, which at
 * a shutdown is before the store has run every callback: from then on call is
 * NULL and there is nobody to answer.
 */
struct pending {
	struct link link;
	struct http_call *call;
};
void pending_begin(struct api *api, struct pending *pending, struct http_call *call);
void pending_end(struct pending *pending);

/* What stood for the i-th {...} of the path; valid until the handler returns. */
struct str path_param(const struct api *api, uint32_t i);

/* --- reply.c: answers of a shape ----------------------------------------- */
/* {"code":N,"message":"..."}, go-swagger's error shape; code 601.. go out with status 422. */
void reply_code(struct http_call *call, int status, int code, const char *fmt, ...) PRINTF(4, 5);
/* A JSON string, as Alertmanager says what was wrong with the content. */
void reply_said(struct http_call *call, int status, const char *fmt, ...) PRINTF(3, 4);
/* {"status":"error","errorType":...,"error":...}, Prometheus' shape. */
void reply_prom_error(struct http_call *call, int status, const char *type, const char *fmt, ...) PRINTF(4, 5);
/* Takes the content of body. */
void reply_json(struct http_call *call, int status, struct buf *body);
/*
 * Answers once everything this turn wrote is durable.  Takes the content of
 * body (NULL: an empty answer).
 */
void reply_durable(struct api *api, struct http_call *call, int status, struct buf *body);
/* The same with a page of HTML. */
void reply_durable_page(struct api *api, struct http_call *call, int status, struct buf *body);
/* Answered 503 because the store cannot commit now. */
bool refused_by_store(struct api *api, struct http_call *call);

/* --- body.c: what a POST brings; `what` is the body's name in messages ---------- */
/* False: answered (422 without a body, 415 when it is not JSON, 400 with a NUL character in it). */
bool body_is_json(struct http_call *call, const char *what);
/* As an object; NULL: answered. */
struct json_object *body_object(struct http_call *call, const char *what);
/* The same, {} when there is no body. */
struct json_object *body_object_or_none(struct http_call *call, const char *what);
/* "" when absent; NULL: it is no text, answered. */
const char *body_text(struct http_call *call, struct json_object *object, const char *name);
/* `for` (a duration) or `until` (a time), WALL_NONE without both. False: answered. */
bool body_until(struct http_call *call, struct json_object *object, wall_t now, wall_t *ret);

/* --- json_out.c: pieces of answers ---------------------------------------- */
void put_time(struct buf *out, const char *key, wall_t t); /* ,"key":"2026-...Z" without the comma */
void put_time_text(struct buf *out, wall_t t);             /* "2026-...Z" */
void put_key(struct buf *out, const char *key);            /* "key": */
void put_text_member(struct buf *out, const char *key, struct str text);
void put_time_or_null(struct buf *out, const char *key, wall_t t); /* null: WALL_NONE */
void put_fingerprint(struct buf *out, uint64_t fingerprint); /* "00ff..." */
void put_prom_exponent(struct buf *out, double v);         /* Go's 'e' format, shortest: 4.25e+01 */

/* --- incidents.c ------------------------------------------------------------- */
/* One incident as listings show it. */
void put_incident(const struct api_state *state, const struct incident_row *row, struct buf *out);

/* --- ours.c: one row of the history; labels: what it is about, or NULL -------- */
void put_event(const struct history_row *row, const struct labels *labels, struct buf *out);

/* --- heartbeats.c ---------------------------------------------------------- */
void heartbeats_put_metrics(const struct api_state *state, struct buf *out);

/* --- params.c: query parameters ------------------------------------------- */
/* Alertmanager's leniency in all of them: the last of several counts, an empty one is absent, nonsense is false. */
bool param_bool(const struct http_call *call, const char *name, bool fallback);
/* NULL when absent or empty. */
const char *param_text(const struct http_call *call, const char *name);
/* Matchers of filter=, ANDed. False: answered 400 already. */
struct filters {
	struct matcher m[API_FILTERS_MAX];
	uint32_t n;
	struct matcher receivers[API_FILTERS_MAX]; /* receiver_matchers= */
	uint32_t n_receivers;
	struct regex *receiver;                    /* receiver=; NULL: any */
};
bool filters_read(struct http_call *call, struct filters *ret);
void filters_fini(struct filters *filters);
bool filters_want_receiver(const struct filters *filters, const struct receiver_config *receiver);
bool filters_match(const struct filters *filters, const struct labels *labels);
/* since=, until=: RFC 3339 or unix seconds; WALL_NONE when absent. False: answered. */
bool param_instant(struct http_call *call, const char *name, wall_t *ret);
/* before=ID: the page after the one that ended with this id; 0 when absent. False: answered. */
bool param_before(struct http_call *call, int64_t *ret);
/* 16 lower-case hexadecimal digits, as alerts have them. */
bool fingerprint_from(struct str text, uint64_t *ret);
/* 1..max; answers 400 and returns 0 when it is not. */
uint32_t param_limit(struct http_call *call, uint32_t fallback, uint32_t max);

/* --- metrics --------------------------------------------------------------- */
void http_metrics_watch(struct api *api, struct http_call *call, size_t endpoint);
void http_metrics_put(const struct api *api, struct buf *out);
uint32_t alert_counts_suppressed(struct api *api);
void alert_counts_fini(struct api *api);
void metrics_rules_put(const struct engine *engine, struct buf *out);

/* --- limits.c: what an operator bounded ------------------------------------- */
/* 0, or -ERR_LIMIT. */
int limit_silence(struct api *api, const struct silence_input *input, struct err *err);
/* False: it would be one more of its name than allowed; counted and logged. */
bool limit_alert(struct api *api, const struct labels *labels, wall_t now);
/* False: answered 503 already. */
bool limit_gets(struct api *api, struct http_call *call);
void limits_fini(struct api *api);

/* --- alert_out.c: one alert of API v2 -------------------------------------- */
struct alert_view {
	bool active, silenced, inhibited, unprocessed; /* which states are wanted */
	bool muted;                                    /* groups of routes that are silent now */
	struct filters filters;
};
/* Reads the parameters; false: answered already. */
bool alert_view_read(struct http_call *call, struct alert_view *ret);
/*
 * Appends the alert if the view wants it; says whether it did.  route: of the
 * group in which it is shown, whose times may mute it; NULL: in none.
 */
bool alert_view_put(const struct alert_view *view, const struct api_state *state, const struct alert *alert,
    const struct route_config *route, wall_t now, struct buf *out);
