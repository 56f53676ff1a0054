/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that hold rows of the table of members. */
#pragma once

#include "template/func.h"

#define GET(name) static int name(struct exec *x, \
    const struct value *args, uint32_t n, struct value *ret)
#define UNUSED_ALL (void)x, (void)args, (void)n

/* Of TYPE_TIME and TYPE_DURATION; the last has no name. */
extern const struct member member_time_table[];
/* The method String of whatever prints itself. */
int member_string(struct exec *x, const struct value *args, uint32_t n, struct value *ret);
