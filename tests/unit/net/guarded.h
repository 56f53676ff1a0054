/* SPDX-License-Identifier: Apache-2.0 */
/* A server behind a guard, whose handler tells of the body, or what the test wants. */
#pragma once

#include "net/guard.h"
#include "net_world.h"

/* "secret", at the lowest cost. */
#define HASH_SECRET "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"

struct guarded {
	struct world world;
	struct guard *guard;
	struct http_server *server;
	uint32_t served;
	http_handler_fn *handle; /* NULL: says how long the body is */
};

extern const struct guard_options only_joe; /* an admin whose password is "secret" */

void guarded_open(struct guarded *site, const struct guard_options *options);
void guarded_close(struct guarded *site);
/* The options of several may be in use at once. */
struct xfer_request *guarded_login(const struct guarded *site, const char *user, const char *password);
