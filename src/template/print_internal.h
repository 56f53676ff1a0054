/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that print values share: one verb with its flags, and padding. */
#pragma once

#include "template/func.h"

#define PRINT_WIDTH_MAX 1000
#define PRINT_FLOAT_TEXT_MAX 1400 /* 309 digits and PRINT_WIDTH_MAX behind the point */

struct spec {
	bool plus, minus, sharp, space, zero;
	bool has_width, has_precision;
	int width, precision;
	uint32_t verb; /* a rune */
};

struct printer {
	struct exec *x;
	struct buf *out;
	uint32_t depth;
};

void print_any(struct printer *p, const struct spec *s, const struct value *v);
void print_padded(struct printer *p, const struct spec *s, struct str text);
void print_bad_verb(struct printer *p, const struct spec *s, const struct value *v);
void print_rune(struct buf *out, uint32_t rune);
/* print_number.c */
void print_int(struct printer *p, const struct spec *s, const struct value *v);
void print_float_verb(struct printer *p, const struct spec *s, const struct value *v);
