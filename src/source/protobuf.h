/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading protobuf's wire format: fields one after another, nothing copied.
 *
 *   struct pb_reader r = pb_reader_of(bytes);
 *   while (pb_next(&r, &field))
 *       if (field.number == 4 && field.type == PB_VARINT) ... field.value
 *   if (r.failed) ...
 *
 * Errors are sticky.  Groups (deprecated) are an error.  Depends on base alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum pb_type { PB_VARINT = 0, PB_I64 = 1, PB_BYTES = 2, PB_I32 = 5 };

struct pb_reader {
	struct str rest;
	bool failed;
};

struct pb_field {
	uint32_t number;
	enum pb_type type;
	uint64_t value;   /* of PB_VARINT, PB_I64 and PB_I32 */
	struct str bytes; /* of PB_BYTES */
};

struct pb_reader pb_reader_of(struct str bytes);
/* The next field; false at the end, or when the bytes are none (failed). */
bool pb_next(struct pb_reader *r, struct pb_field *ret);
bool pb_varint(struct pb_reader *r, uint64_t *ret);
/* A run of bytes with its length before it, as in a delimited message. */
bool pb_delimited(struct pb_reader *r, struct str *ret);
double pb_double(uint64_t bits); /* of PB_I64 */
double pb_float(uint64_t bits);  /* of PB_I32 */
/* A map's entry: key (varint or bytes) and value. */
bool pb_entry(struct str bytes, struct pb_field *ret_key, struct pb_field *ret_value);
