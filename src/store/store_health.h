/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that check in, and alerts that begin again and again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

struct store;

struct heartbeat_row {
	struct str name;
	wall_t first_at; /* since when it is expected */
	wall_t last_at;  /* the last check-in; WALL_NONE: none yet */
};
void store_heartbeat_put(struct store *store, const struct heartbeat_row *row);
void store_heartbeat_delete(struct store *store, struct str name);

struct flap_row { /* see notify/flap.h */
	int64_t id;
	struct str group_key;
	uint64_t fingerprint;
	bool fires;
	wall_t since;       /* flapping since then; WALL_NONE: not, or not yet */
	struct str changes; /* i64le times, oldest first */
};
void store_flap_put(struct store *store, const struct flap_row *row);
void store_flap_delete(struct store *store, int64_t id);

/* At start, on the loop thread. */
struct health_sink {
	void *arg;
	void (*heartbeat)(void *arg, const struct heartbeat_row *row);
	void (*flap)(void *arg, const struct flap_row *row);
};
int store_health_load(struct store *store, const struct health_sink *sink, struct err *err);
