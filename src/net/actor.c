/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/actor.h"

#include <assert.h>

#include "base/attr.h"

static const char *const names[] = { "none", "sender", "viewer", "responder", "editor", "admin" };
static_assert(ARRAY_LEN(names) == ROLE_COUNT, "a name each");

const char *
role_name(enum role role)
{
	return names[role];
}

bool
role_from(struct str name, enum role *ret)
{
	for (int i = ROLE_SENDER; i < ROLE_COUNT; i++)
		if (str_is(name, names[i])) {
			*ret = (enum role)i;
			return true;
		}
	return false;
}

bool
role_may(enum role has, enum role needed)
{
	if (needed == ROLE_SENDER)
		return has == ROLE_SENDER || has >= ROLE_RESPONDER;
	return has >= needed && (has != ROLE_SENDER || needed == ROLE_NONE);
}
