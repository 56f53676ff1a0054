/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outgoing heartbeats: somebody outside is pinged while the whole of this
 * program works, and is not when it does not, so that the silence tells.
 *
 * What "works" means is the caller's: trouble() says what is wrong, or
 * nothing.  A ping that fails is logged and made anew at the next interval.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"

struct loop;
struct xfer;
struct pings;

struct pings_options {
	struct loop *loop;
	struct xfer *xfer;
	/* Appends what is wrong; nothing when all is well. */
	void (*trouble)(void *arg, wall_t now, struct buf *out);
	void *arg;
};

struct pings *pings_new(const struct pings_options *options);
void pings_free(struct pings *pings); /* cancels what is under way */
void pings_apply(struct pings *pings, struct config *config);
void pings_start(struct pings *pings);
void pings_stop(struct pings *pings);

struct ping_look {
	const char *name;
	dur_t interval;
	wall_t last_at;      /* the last that was answered well; WALL_NONE: none yet */
	uint64_t sent, failed, withheld;
	const char *trouble; /* why the last one was withheld or failed; "" */
};
bool pings_look(const struct pings *pings, uint32_t i, struct ping_look *ret);
