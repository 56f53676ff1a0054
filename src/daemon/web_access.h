/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users, roles and tokens of the web configuration.  Private to daemon/.
 *
 * Without `roles` every user is an admin, as everybody was who had a password
 * before there were roles; with it each user must be in it, so that nobody
 * becomes an admin by being forgotten.
 */
#pragma once

#include "config/schema.h"
#include "net/guard.h"

struct web_access_raw {
	struct string_map users, roles;
	struct sub_list tokens;
	struct string_list proxies;
	int anonymous; /* index into web_role_names; -1: not given */
};

extern const char *const web_role_names[]; /* enum role; NULL-terminated */
extern const struct schema schema_web_token;

/* What the options point to lives in ctx->arena. */
void web_access_build(struct schema_context *ctx, const struct web_access_raw *raw, struct guard_options *options);
