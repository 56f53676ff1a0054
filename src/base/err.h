/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One failure inside the program, as a value.
 *
 * Set once at the origin, prefixed on the way up, logged by whoever stops it.
 * Success never touches *err.  Functions that take an err return 0, or the
 * negative code.
 */
#pragma once

#include <stdint.h>

#include "base/attr.h"

enum err_code {
	ERR_NONE,
	ERR_INVALID,   /* the input breaks a rule of its format */
	ERR_NOT_FOUND,
	ERR_LIMIT,     /* larger than a named limit */
	ERR_TIMEOUT,
	ERR_REMOTE,    /* the other side answered with a failure */
	ERR_IO,        /* the other side or a file could not be reached or read */
	ERR_STORE,
	ERR_CANCELLED,
	ERR_BUSY,
	ERR_CODE_COUNT
};

#define ERR_NOWHERE UINT32_MAX

struct err {
	enum err_code code;
	uint32_t at; /* byte offset in the text being parsed, or ERR_NOWHERE */
	char text[256];
};

/* Both return -code. err may be NULL: then only the code is returned. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF(3, 4);
int err_set_at(struct err *err, enum err_code code, uint32_t at, const char *fmt, ...) PRINTF(4, 5);
/* Puts "prefix: " before the text; returns -err->code. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);
const char *err_code_name(enum err_code code); /* "invalid", ... */
