/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receiver type: renders a notification into a request, and tells from the
 * response what became of it.
 *
 * render() and classify() are pure: same input, same bytes.  One file per
 * type; a new one is that file and a line in receivers.inc.  A type that does
 * not go over the network (log) has write() instead.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "config/config.h"
#include "labels/labels.h"
#include "net/xfer.h"

struct notified_alert {
	const struct labels *labels, *annotations;
	struct str generator_url;
	wall_t starts_at;
	wall_t ends_at;   /* WALL_NONE while firing */
	bool firing;
};

enum notification_kind {
	NOTIFICATION_NEWS,         /* what a group's flush found */
	NOTIFICATION_ESCALATION,   /* a step of an escalation: the same shape */
	NOTIFICATION_ACKNOWLEDGED, /* how it stands is another; only for types that say so (hears_acknowledged) */
};

/* Who has its incident in hand. */
enum notification_standing { STANDING_OPEN, STANDING_ACKNOWLEDGED, STANDING_SNOOZED };

/* Everything a message can say; alerts sorted as Alertmanager sorts them. Lives during render(). */
struct notification {
	const char *receiver;          /* receiver's name */
	struct str group_key;
	const struct labels *group_labels;
	struct label_view *common_labels;  /* sorted by name */
	uint32_t n_common_labels;
	struct label_view *common_annotations;
	uint32_t n_common_annotations;
	struct label_view *route_labels;   /* sorted by name */
	uint32_t n_route_labels;
	const char *external_url;
	const struct notified_alert *alerts;
	uint32_t n_alerts, n_firing, n_resolved;
	bool firing;                   /* any alert fires */
	const char *reason;            /* "first notification", ... */
	int64_t delivery_id;           /* stable over retries and restarts */
	struct str thread;             /* this integration's data from an earlier delivery of the group, e.g. its first Message-ID; may be empty */
	enum notification_kind kind;
	int64_t incident;              /* 0: of none */
	struct str place;              /* of an escalation: "GENERATION.LOOP.STEP", the same for every attempt */
	struct str link_key;           /* of links that act (ack_link.h); empty: there are to be none */
	enum notification_standing standing;
	struct str acknowledged_by, comment; /* unless OPEN; may be empty */
	wall_t until;                  /* unless OPEN: when it goes on by itself; WALL_NONE: never */
	wall_t now;                    /* when the flush happened: stable over retries */
	wall_t sending_at;             /* when this try leaves */
	uint32_t step;                 /* requests of this delivery that were answered with verdict.more */
	struct str carried;            /* what the answer before said the next step needs; empty in the first */
};

enum delivery_kind { DELIVERY_OK, DELIVERY_RETRY, DELIVERY_REJECTED };

#define VERDICT_CARRY_MAX 768

struct verdict {
	enum delivery_kind kind;
	bool has_retry_after;
	dur_t retry_after;
	char text[200];     /* for the operator; no secrets */
	char thread[128];   /* to be kept for the group's later messages, in place of what was kept; "" for nothing new */
	bool more;          /* OK: another request belongs to this delivery; render it with the next step */
	char carry[VERDICT_CARRY_MAX]; /* more: what that step needs to know (notification.carried); may be secret */
	bool from_start;    /* RETRY: not this step once more, but all of them */
	bool thread_gone;   /* RETRY: forget what was kept, the next try does without it */
};

struct receiver_ops {
	const struct integration_kind *kind;
	/*
	 * Fills a fresh request (url, body, headers...); what it points to lives in the arena, which must outlive it.
	 * -ERR_INVALID, -ERR_LIMIT: cannot be rendered, ends as a dead letter; -ERR_IO: a secret's file cannot be read.
	 */
	int (*render)(const void *settings, const struct notification *notification, struct arena *arena, struct xfer_request *request, struct err *err);
	struct verdict (*classify)(const void *settings, const struct notification *notification, const struct xfer_response *response);
	uint32_t message_step; /* whose request says what there is to say; those before it prepare it */
	/* Wants to hear that what it was told is acknowledged: render() looks at the kind. NULL: never. */
	bool (*hears_acknowledged)(const void *settings);
	/* ... also when it was said there, and that it is snoozed or open again: only we change what is shown. */
	bool shows_acknowledged;
	/* NULL, or what the service signs its calls to us with; may be without value and file. */
	const struct secret *(*signed_with)(const void *settings);
	/* Instead of both, for local ones: writes now. */
	int (*write)(const void *settings, const struct notification *notification, struct err *err);
};

/* What the service signs its calls to us with; NULL: it does not call. */
const struct secret *receiver_callback_secret(const struct integration_config *integration);

extern const struct receiver_ops *const receiver_list[]; /* NULL-terminated, from receivers.inc */
extern const struct integration_kind *const receiver_kinds[];
const struct receiver_ops *receiver_ops_of(const struct integration_kind *kind);

/* --- shared by the types (receiver/message.c) ---------------------------- */
/* How bad it is, whatever word a team has for it; an unknown word counts as an error. */
enum message_level { LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR, LEVEL_CRITICAL, LEVEL_COUNT };
enum message_level message_level(struct str severity);
/* Alertmanager's default subject: [FIRING:2] values (other common label values) */
void message_subject(const struct notification *n, struct buf *out);
/* The highest severity among firing alerts (critical > page > error > warning > info > others), else of all; "" when there is none. */
struct str message_severity(const struct notification *n);
/* The runbook_url annotation of the worst alert that has one, firing alerts first; "" when there is none. */
struct str message_runbook(const struct notification *n);
/* The same for one alert. */
struct str message_alert_runbook(const struct notified_alert *alert);
/* What one alert says: its summary, else description, else message, else its name. */
struct str message_summary(const struct notified_alert *alert);
struct str message_label(const struct notified_alert *alert, const char *name);      /* "" when absent */
struct str message_annotation(const struct notified_alert *alert, const char *name); /* "" when absent */
struct str message_common_label(const struct notification *n, const char *name);     /* "" when absent */
/* Up to max alerts to show, firing ones first and of these the worst; returns how many. */
uint32_t message_pick(const struct notification *n, const struct notified_alert **ret, uint32_t max);
/* "2 firing, 1 resolved" */
void message_counts(const struct notification *n, struct buf *out);
/* Alertmanager's list of the firing, or of the resolved alerts in plain text ("__text_alert_list"). */
void message_alert_list(const struct notification *n, bool firing, struct buf *out);
/* Alertmanager's long text of Opsgenie and VictorOps: common annotations, then both lists. */
void message_description(const struct notification *n, struct buf *out);
/* Alertmanager's fingerprint of an alert: 16 hex digits. */
#define FINGERPRINT_TEXT_MAX 17
void message_fingerprint(const struct labels *labels, char out[FINGERPRINT_TEXT_MAX]);
/* The web page of this receiver's alerts: EXTERNAL_URL/#/alerts?receiver=NAME */
void message_link(const struct notification *n, struct buf *out);
/* http or https, and nothing in it that could end a link early. */
bool message_url_is_good(struct str url);
/* Appends s on one line: control characters and line breaks become spaces; past max_runes it ends with an ellipsis. */
void message_put_line(struct buf *out, struct str s, uint32_t max_runes);
/* As Alertmanager cuts titles: the last rune becomes an ellipsis. */
void message_put_cut(struct buf *out, struct str s, uint32_t max_runes);
/* a=b c=d without an alertname or severity that all share; without_common: without anything that all share. */
void message_put_labels(const struct notification *n, const struct notified_alert *alert, bool without_common, struct buf *out);
/* Expands a notification-scope template; nothing when t is NULL. */
void message_expand(const struct template *t, const struct notification *n, struct buf *out);
/* The same, but a failure is negative, and out is as it was: for what must not hold the words of an error. */
int message_execute(const struct template *t, const struct notification *n, struct buf *out, struct err *err);
/* The same for HTML: what is put in for {{ }} is escaped. */
void message_expand_html(const struct template *t, const struct notification *n, struct buf *out);
void message_put_html(struct buf *out, struct str s); /* escapes & < > " ' */
/* Alertmanager's webhook body, version "4"; truncated: how many alerts are left out. */
void message_webhook_json(const struct notification *n, const char *version, uint32_t truncated, struct buf *out);
/* Counts, status and what is common, from the alerts (receiver/summary.c). */
void message_sum_up(struct notification *n, struct arena *arena);
/* The route's labels, expanded for this notification. */
void message_set_route_labels(struct notification *n, const struct template_map *labels, struct arena *arena);
/* The notification as if these were all of its alerts; max_alerts 0: all. */
struct notification message_first(const struct notification *n, uint32_t max_alerts, struct arena *arena);
/* 2xx ok; 408, 429, 5xx and no answer: retry; the rest rejected. What most types start from. */
struct verdict message_classify_http(const struct xfer_response *response);
/* "status 400: text", on one line. */
void verdict_say(struct verdict *verdict, int status, struct str text);
