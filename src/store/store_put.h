/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a writer hands its row to store_ops.c: values in the order of the
 * operation's parameters.  Private to store/.
 *
 *   PUT(store, OP_THING_PUT, INT(row->id), TIME(row->at), TEXT(row->name));
 */
#pragma once

#include "store/store_internal.h"

/* What one parameter of an operation is, as the caller knows it. */
struct store_value {
	enum { VALUE_INT, VALUE_DOUBLE, VALUE_STR } kind;
	union {
		int64_t i;
		double d;
		struct str s;
	};
};

/* Appends the operation to the batch of this turn. */
void store_op_put(struct store *store, enum store_op_code code,
    const struct store_value *values, size_t n);

#define INT(v)  ((struct store_value){ .kind = VALUE_INT, .i = (int64_t)(v) })
#define REAL(v) ((struct store_value){ .kind = VALUE_DOUBLE, .d = (v) })
#define TEXT(v) ((struct store_value){ .kind = VALUE_STR, .s = (v) })
#define TIME(v) INT((v).ns)
#define PUT(store, code, ...) \
	store_op_put((store), (code), \
	    (const struct store_value[]){ __VA_ARGS__ }, \
	    sizeof((const struct store_value[]){ __VA_ARGS__ }) / \
		sizeof(struct store_value))
