/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incoming heartbeats: jobs that must check in, and the alert that fires when
 * one does not.
 *
 * A job is due interval + grace after its last check-in, or after it was first
 * expected.  Check-ins are rows, durable before they are answered.  While this
 * program is down nobody can check in, so after a start each job has its grace
 * at least.  An alert that fired before a restart goes on firing: it is an
 * alert like any other, raised and ended here as by a rule.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "route/alerts.h"
#include "store/store_health.h"

struct loop;
struct checkins;

#define CHECKIN_ALERTNAME "HeartbeatMissing"

struct checkins *checkins_new(struct loop *loop, struct store *store, struct alerts *alerts);
void checkins_free(struct checkins *checkins);
/* At start, before checkins_apply(); arg is the checkins. */
void checkins_restore(void *arg, const struct heartbeat_row *row);
void checkins_apply(struct checkins *checkins, const struct config *config, wall_t now);
/* From here on what is overdue fires. */
void checkins_start(struct checkins *checkins, wall_t now);
void checkins_stop(struct checkins *checkins);
/* The job checks in: durable when everything written so far is. -ERR_NOT_FOUND: nobody expects it. */
int checkin(struct checkins *checkins, struct str name, wall_t now, struct err *err);

struct checkin_look {
	const char *name;
	dur_t interval, grace;
	wall_t first_at, last_at, due_at; /* last_at WALL_NONE: never yet */
	bool missing;                     /* its alert fires */
};
bool checkins_look(const struct checkins *checkins, uint32_t i, struct checkin_look *ret);
