/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of functions share. */
#pragma once

#include <math.h>

#include "template/func.h"

uint32_t rune_case(uint32_t rune, bool upper);
/* The rune of n bytes at s.p[i], in that case. */
void put_case(struct buf *out, struct str s, uint32_t i, uint32_t n, uint32_t rune, bool upper);
/* A number, a duration, or text that reads as a number. */
int to_float(struct exec *x, const struct value *v, double *ret);
