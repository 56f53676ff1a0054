/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks, and what that allows: set by the guard at admission, carried by
 * the request, read by handlers.
 *
 * Roles are a ladder: viewer, responder, editor, admin; each may what those
 * below may.  Sender stands beside it: a program that posts alerts and
 * heartbeats and may read nothing; responders may post, too.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum role {
	ROLE_NONE,      /* of an endpoint: needs no credentials; of an actor: may nothing else */
	ROLE_SENDER,    /* posts alerts and heartbeats */
	ROLE_VIEWER,    /* reads */
	ROLE_RESPONDER, /* silences, acknowledges */
	ROLE_EDITOR,    /* overrides schedules, replays deliveries, tests receivers, reloads */
	ROLE_ADMIN,     /* all of it */
	ROLE_COUNT
};

#define ACTOR_NAME_MAX 128

struct actor {
	enum role role;
	char name[ACTOR_NAME_MAX]; /* "alice", "token:ci"; "": nobody said who */
};

const char *role_name(enum role role);
bool role_from(struct str name, enum role *ret); /* "none" is no role to give */
bool role_may(enum role has, enum role needed);
