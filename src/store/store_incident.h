/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of incidents, of the escalation policies they began with, and of those
 * who stand in for each other on call.
 */
#pragma once

#include "store/store.h"

/* Resolved, and too long ago to be opened again: not read back at start. */
#define INCIDENT_ROW_CLOSED 1u

struct incident_row {
	int64_t id;
	struct str group_key, route_id, labels; /* the group's; labels: canonical encoding */
	uint32_t state;          /* oncall's enum incident_state */
	struct str severity, runbook;
	wall_t opened_at, resolved_at, changed_at;
	struct str changed_by, comment; /* of the last acknowledgement, snooze or end by hand */
	struct str policy;       /* digest, or empty */
	struct str told;         /* targets beside the route's own, one a line */
	uint32_t generation, loop, step;
	wall_t due_at, saved_due_at;
	uint32_t alerts;         /* that fire now, or did at last */
	uint32_t flags;
};
void store_incident_put(struct store *store, const struct incident_row *row);
void store_incident_delete(struct store *store, int64_t id);
void store_policy_put(struct store *store, struct str digest, struct str body);
void store_policy_delete(struct store *store, struct str digest);

struct override_row {
	int64_t id;
	struct str schedule, user;
	wall_t starts_at, ends_at;
	struct str created_by, comment;
	wall_t created_at;
};
void store_override_put(struct store *store, const struct override_row *row);
void store_override_delete(struct store *store, int64_t id);

/* What has been used up, until it would be refused as too old anyway: see oncall/receipts.h. */
void store_receipt_put(struct store *store, struct str key, wall_t expires_at);
void store_receipt_delete(struct store *store, struct str key);

struct incident_query {
	int64_t id;        /* 0: any */
	int state;         /* -1: any */
	uint32_t limit;
	int64_t before_id; /* 0: from the newest; else the last id of the page before */
};
/* As store_history_fn: newest first, exactly once, never inside the call. */
typedef void store_incident_fn(void *arg, const struct incident_row *rows, uint32_t n, const struct err *err);
void store_incident_query(struct store *store, const struct incident_query *query, store_incident_fn *fn, void *arg);
