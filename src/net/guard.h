/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may come in: HTTP basic authentication before the handler, and headers
 * that every answer carries.  A struct http_gate's admit() and arg.
 *
 * Checking a password costs a tenth of a second by design, so it is done on
 * worker threads, and one that was right is remembered (its keyed digest) for
 * as long as the user's hash stays the same.  An unknown user costs as much
 * as a wrong password.  Too many failures from one address are answered 429
 * without a check, for what is left of a minute.
 */
#pragma once

#include <stddef.h>

#include "net/options.h"
#include "net/server.h"

struct guard;

struct guard_user {
	const char *name, *hash; /* bcrypt */
};

struct guard_options {
	const struct guard_user *users; /* none: everybody is let in */
	size_t n_users;
	const struct http_header *headers;
	size_t n_headers;
};

#define GUARD_FAILURES_MAX 10 /* from one address within a minute */

struct guard *guard_new(struct loop *loop);
/* Copies; for requests from now on. */
void guard_set(struct guard *guard, const struct guard_options *options);
void guard_admit(void *guard, struct http_call *call);
/* Before the servers are freed: checks under way answer nobody any more. */
void guard_close(struct guard *guard);
/* After the servers. Accepts NULL. */
void guard_free(struct guard *guard);
/* How many passwords were really compared. */
uint64_t guard_checks(const struct guard *guard);
