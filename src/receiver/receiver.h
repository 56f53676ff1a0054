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

/* Everything a message can say; alerts sorted as Alertmanager sorts them. Lives during render(). */
struct notification {
	const char *receiver;          /* receiver's name */
	struct str group_key;
	const struct labels *group_labels;
	struct label_view *common_labels;  /* sorted by name */
	uint32_t n_common_labels;
	struct label_view *common_annotations;
	uint32_t n_common_annotations;
	const char *external_url;
	const struct notified_alert *alerts;
	uint32_t n_alerts, n_firing, n_resolved;
	bool firing;                   /* any alert fires */
	const char *reason;            /* "first notification", ... */
	int64_t delivery_id;           /* stable over retries and restarts */
	struct str thread;             /* this integration's data from the first delivery of the group, e.g. its Message-ID; may be empty */
	wall_t now;                    /* when the flush happened: stable over retries */
};

enum delivery_kind { DELIVERY_OK, DELIVERY_RETRY, DELIVERY_REJECTED };

struct verdict {
	enum delivery_kind kind;
	bool has_retry_after;
	dur_t retry_after;
	char text[200];     /* for the operator; no secrets */
	char thread[128];   /* to be kept for the group's later messages; "" for none */
};

struct receiver_ops {
	const struct integration_kind *kind;
	/* Fills a fresh request (url, body, headers...). -ERR_INVALID: cannot be rendered, ends as a dead letter. */
	int (*render)(const void *settings, const struct notification *notification, struct arena *arena, struct xfer_request *request, struct err *err);
	struct verdict (*classify)(const void *settings, const struct notification *notification, const struct xfer_response *response);
	/* Instead of both, for local ones: writes now. */
	int (*write)(const void *settings, const struct notification *notification, struct err *err);
};

extern const struct receiver_ops *const receiver_list[]; /* NULL-terminated, from receivers.inc */
extern const struct integration_kind *const receiver_kinds[];
const struct receiver_ops *receiver_ops_of(const struct integration_kind *kind);

/* --- shared by the types (receiver/message.c) ---------------------------- */
/* Alertmanager's default subject: [FIRING:2] values (other common label values) */
void message_subject(const struct notification *n, struct buf *out);
/* The highest severity among firing alerts (critical > page > error > warning > info > others), else of all; "" when there is none. */
struct str message_severity(const struct notification *n);
/* The first alert's runbook_url annotation, firing alerts first; "" when there is none. */
struct str message_runbook(const struct notification *n);
/* The web page of this receiver's alerts: EXTERNAL_URL/#/alerts?receiver=NAME */
void message_link(const struct notification *n, struct buf *out);
/* Expands a notification-scope template; falls back to text when t is NULL. */
void message_expand(const struct template *t, const struct notification *n, struct buf *out);
/* Alertmanager's webhook body, version 4; max_alerts 0: all. */
void message_webhook_json(const struct notification *n, uint32_t max_alerts, struct buf *out);
/* 2xx ok; 5xx, 429 and no answer: retry; the rest rejected. What most types start from. */
struct verdict message_classify_http(const struct xfer_response *response);
