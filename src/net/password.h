/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords against bcrypt hashes, and the Basic credentials they come in. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

#define BCRYPT_COST_MAX 16 /* seconds for each login; one more doubles them */

/* 0, or ERR_INVALID with what is wrong; the text does not repeat the hash. */
int password_hash_check(const char *hash, struct err *err);
/* Takes as long as the hash's cost says: not on the loop thread. */
bool password_is(const char *password, const char *hash);
/* "Basic dXNlcjpwYXNz" to user and password (free()); false: it is something
 * else. */
bool password_read_basic(
    const char *header, char **ret_user, char **ret_password);
