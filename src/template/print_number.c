/* SPDX-License-Identifier: Apache-2.0 */
/* Go's fmt: integers and floating point numbers by every verb. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "labels/labels.h"
#include "labels/rune.h"
#include "template/go_float.h"
#include "template/print_internal.h"

/* A number: zeros go behind the sign. */
static void
pad_number(struct printer *p, const struct spec *s, char sign, struct str digits)
{
	char text[PRINT_FLOAT_TEXT_MAX + 2];
	struct spec rest = *s;
	uint32_t n = 0;

	if (sign != '\0' && s->zero && !s->minus && s->has_width) {
		buf_putc(p->out, sign);
		rest.width--;
		sign = '\0';
	}
	rest.zero = s->zero && !s->minus;
	if (sign != '\0')
		text[n++] = sign;
	if (digits.n > PRINT_FLOAT_TEXT_MAX)
		digits.n = PRINT_FLOAT_TEXT_MAX;
	memcpy(text + n, digits.p, digits.n);
	print_padded(p, &rest, str_make(text, n + digits.n));
}

static char
sign_of(const struct spec *s, bool negative)
{
	if (negative)
		return '-';
	return s->plus && s->verb != 'v' ? '+' : s->space ? ' ' : '\0';
}

/* ---- numbers ---------------------------------------------------------------- */

static void
put_digits(struct printer *p, const struct spec *s, uint64_t v, bool negative,
    unsigned base, bool upper)
{
	const char *digit = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[PRINT_WIDTH_MAX + 80], *q = text + sizeof(text), *end = q;
	int least = s->has_precision ? s->precision : 1;

	if (s->has_precision && s->precision == 0 && v == 0) {
		struct spec blank = *s;

		blank.zero = false;
		print_padded(p, &blank, STR(""));
		return;
	}
	/* Zeros by width are digits too. */
	if (!s->has_precision && s->zero && s->has_width && !s->minus) {
		least = s->width;
		if (sign_of(s, negative) != '\0')
			least--;
	}
	for (; v > 0 || end - q < (least > 1 ? least : 1); v /= base)
		*--q = digit[v % base];
	if (s->sharp && base == 16) {
		*--q = upper ? 'X' : 'x';
		*--q = '0';
	} else if (s->sharp && base == 8 && *q != '0') {
		*--q = '0';
	} else if (s->sharp && base == 2) {
		*--q = 'b';
		*--q = '0';
	}
	if (s->verb == 'O') {
		*--q = 'o';
		*--q = '0';
	}
	if (sign_of(s, negative) != '\0')
		*--q = sign_of(s, negative);
	print_padded(p, &(struct spec){ .minus = s->minus, .has_width = s->has_width,
		   .width = s->width }, str_make(q, (size_t)(end - q)));
}

static void
put_quoted_rune(struct printer *p, const struct spec *s, uint32_t rune)
{
	struct buf one = { 0 }, quoted = { 0 };

	print_rune(&one, rune);
	go_quote(&quoted, buf_str(&one));
	/* Single quotes, and the other quote is the one escaped. */
	if (str_is(buf_str(&one), "'") || str_is(buf_str(&one), "\"")) {
		buf_clear(&quoted);
		buf_puts(&quoted, rune == '\'' ? "'\\''" : "'\"'");
	} else {
		quoted.p[0] = quoted.p[quoted.n - 1] = '\'';
	}
	print_padded(p, s, buf_str(&quoted));
	buf_fini(&one);
	buf_fini(&quoted);
}

static void
put_unicode(struct printer *p, const struct spec *s, uint64_t v)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "U+%04llX", (unsigned long long)v);

	print_padded(p, s, str_make(text, (size_t)n));
}

void
print_int(struct printer *p, const struct spec *s, const struct value *v)
{
	bool negative = v->i < 0;
	uint64_t u = negative ? 0 - (uint64_t)v->i : (uint64_t)v->i;
	uint32_t rune = v->i >= 0 && v->i <= 0x10FFFF ? (uint32_t)v->i
						      : RUNE_ERROR;
	struct buf one = { 0 };

	switch (s->verb) {
	case 'v':
	case 'd':
		put_digits(p, s, u, negative, 10, false);
		return;
	case 'b':
		put_digits(p, s, u, negative, 2, false);
		return;
	case 'o':
	case 'O':
		put_digits(p, s, u, negative, 8, false);
		return;
	case 'x':
	case 'X':
		put_digits(p, s, u, negative, 16, s->verb == 'X');
		return;
	case 'c':
		print_rune(&one, rune);
		print_padded(p, s, buf_str(&one));
		buf_fini(&one);
		return;
	case 'q':
		put_quoted_rune(p, s, rune);
		return;
	case 'U':
		put_unicode(p, s, (uint64_t)v->i);
		return;
	default:
		print_bad_verb(p, s, v);
	}
}

static void
put_float(struct printer *p, const struct spec *s, double v, char verb,
    int precision)
{
	char text[PRINT_FLOAT_TEXT_MAX];
	struct spec spec = *s;
	struct buf digits = { 0 };

	if (isnan(v) || isinf(v)) {
		spec.zero = false;
		pad_number(p, &spec,
		    isinf(v) && v < 0 ? '-'
			: isinf(v)    ? (s->space && !s->plus ? ' ' : '+')
			: sign_of(s, false),
		    isnan(v) ? STR("NaN") : STR("Inf"));
		return;
	}
	if (precision < 0) {
		print_float(&digits, fabs(v), verb == 'G' ? 'g' : verb, -1);
		for (size_t i = 0; i < digits.n && verb == 'G'; i++) {
			if (digits.p[i] == 'e')
				digits.p[i] = 'E';
		}
	} else {
		char format[8] = "%.*e";

		format[3] = verb;
		/* style-ok: the format is one of a few, put together above */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), format, precision, fabs(v));
#pragma GCC diagnostic pop
		buf_puts(&digits, text);
	}
	pad_number(p, &spec, sign_of(s, signbit(v) != 0), buf_str(&digits));
	buf_fini(&digits);
}

/* The shortest digits that read back, in the form of %e or %f. */
static void
shortest_as(struct buf *out, double v, char verb)
{
	char text[PRINT_FLOAT_TEXT_MAX];

	for (int precision = 0; precision < 330; precision++) {
		if (verb == 'e' || verb == 'E')
			snprintf(text, sizeof(text), "%.*e", precision, v);
		else
			snprintf(text, sizeof(text), "%.*f", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_puts(out, text);
}

void
print_float(struct buf *out, double v, char verb, int precision)
{
	struct spec s = { .verb = (unsigned char)verb };
	struct printer p = { .out = out };
	char text[GO_FLOAT_MAX];

	if (precision >= 0 || !isfinite(v)) {
		put_float(&p, &s, v, verb, precision);
	} else if (verb == 'g') {
		buf_put(out, text, (size_t)go_float(v, text));
	} else {
		shortest_as(out, v, verb);
	}
}

/* C's %a but for an exponent of two digits at least. */
static void
put_hex_float(struct printer *p, const struct spec *s, double v)
{
	char text[PRINT_FLOAT_TEXT_MAX];
	struct buf out = { 0 };
	const char *e;
	int n;

	if (!isfinite(v)) {
		put_float(p, s, v, 'g', -1);
		return;
	}
	n = s->has_precision
	    ? snprintf(text, sizeof(text), "%.*a", s->precision, fabs(v))
	    : snprintf(text, sizeof(text), "%a", fabs(v));
	e = strchr(text, 'p');
	if (e == NULL)
		e = text + n - 2;
	buf_put(&out, text, (size_t)(e - text) + 2);
	if (strlen(e) < 4)
		buf_putc(&out, '0');
	buf_puts(&out, e + 2);
	for (size_t i = 0; s->verb == 'X' && i < out.n; i++) {
		if (out.p[i] >= 'a' && out.p[i] <= 'z')
			out.p[i] = (char)(out.p[i] - 32);
	}
	pad_number(p, s, sign_of(s, signbit(v) != 0), buf_str(&out));
	buf_fini(&out);
}

void
print_float_verb(struct printer *p, const struct spec *s, const struct value *v)
{
	switch (s->verb) {
	case 'v':
	case 'g':
		put_float(p, s, v->f, 'g', s->has_precision ? s->precision : -1);
		return;
	case 'G':
		put_float(p, s, v->f, 'G', s->has_precision ? s->precision : -1);
		return;
	case 'e':
	case 'E':
	case 'f':
		put_float(p, s, v->f, (char)s->verb,
		    s->has_precision ? s->precision : 6);
		return;
	case 'x':
	case 'X':
		put_hex_float(p, s, v->f);
		return;
	case 'F':
		put_float(p, s, v->f, 'f', s->has_precision ? s->precision : 6);
		return;
	default:
		print_bad_verb(p, s, v);
	}
}
