/* SPDX-License-Identifier: Apache-2.0 */
/* Go's fmt: format strings, with flags, widths, precisions and indexes. */
#include "config.h"

#include "labels/rune.h"
#include "template/print_internal.h"

/* ---- formats ---------------------------------------------------------------- */

struct format {
	struct printer p;
	struct str text;
	uint32_t i;
	const struct value *args;
	uint32_t n, next;
	bool reordered, bad_index;
};

static int
read_number(struct format *f, bool *ret_found)
{
	int n = 0;

	*ret_found = false;
	while (f->i < f->text.n && f->text.p[f->i] >= '0' &&
	    f->text.p[f->i] <= '9') {
		if (n <= PRINT_WIDTH_MAX)
			n = n * 10 + (f->text.p[f->i] - '0');
		*ret_found = true;
		f->i++;
	}
	return n > PRINT_WIDTH_MAX ? PRINT_WIDTH_MAX : n;
}

/* [3]: the next argument is the third. */
static void
read_index(struct format *f)
{
	bool found;
	uint32_t start = f->i;
	int n;

	if (f->i >= f->text.n || f->text.p[f->i] != '[')
		return;
	f->i++;
	f->reordered = true;
	n = read_number(f, &found);
	if (!found || f->i >= f->text.n || f->text.p[f->i] != ']' || n < 1 ||
	    (uint32_t)n > f->n) {
		const char *close = memchr(
		    f->text.p + start, ']', f->text.n - start);

		f->bad_index = true;
		f->i = close != NULL ? (uint32_t)(close - f->text.p) + 1
				     : start + 1;
		return;
	}
	f->i++;
	f->next = (uint32_t)n - 1;
}

static bool
read_star(struct format *f, int *ret, const char *bad)
{
	const struct value *v = f->next < f->n ? &f->args[f->next] : NULL;

	if (f->i >= f->text.n || f->text.p[f->i] != '*')
		return false;
	f->i++;
	*ret = 0;
	if (v == NULL || !value_is_int(v) || v->i > 1000000 || v->i < -1000000) {
		buf_puts(f->p.out, bad);
		if (v != NULL)
			f->next++;
		*ret = INT32_MIN;
		return true;
	}
	f->next++;
	*ret = v->i > PRINT_WIDTH_MAX ? PRINT_WIDTH_MAX
	    : v->i < -PRINT_WIDTH_MAX ? -PRINT_WIDTH_MAX
				: (int)v->i;
	return true;
}

static void
read_flags(struct format *f, struct spec *s)
{
	for (; f->i < f->text.n; f->i++) {
		switch (f->text.p[f->i]) {
		case '+': s->plus = true; break;
		case '-': s->minus = true; s->zero = false; break;
		case '#': s->sharp = true; break;
		case ' ': s->space = true; break;
		case '0': s->zero = !s->minus; break;
		default: return;
		}
	}
}

static void
read_spec(struct format *f, struct spec *s)
{
	bool star;

	read_flags(f, s);
	read_index(f);
	star = read_star(f, &s->width, "%!(BADWIDTH)");
	if (!star)
		s->width = read_number(f, &s->has_width);
	else
		s->has_width = s->width != INT32_MIN;
	if (star && s->has_width && s->width < 0) {
		s->width = -s->width;
		s->minus = true;
		s->zero = false;
	}
	if (f->i < f->text.n && f->text.p[f->i] == '.') {
		bool digits;

		f->i++;
		read_index(f);
		star = read_star(f, &s->precision, "%!(BADPREC)");
		if (!star)
			s->precision = read_number(f, &digits);
		else if (s->precision < 0 && s->precision != INT32_MIN)
			buf_puts(f->p.out, "%!(BADPREC)");
		s->has_precision = !star || s->precision >= 0;
	}
	read_index(f);
}

static void
print_verb(struct format *f)
{
	struct spec s = { 0 };
	uint32_t n;

	read_spec(f, &s);
	if (f->i >= f->text.n) {
		buf_puts(f->p.out, "%!(NOVERB)");
		return;
	}
	s.verb = rune_decode(f->text, f->i, &n);
	f->i += n;
	if (s.verb == '%') {
		buf_putc(f->p.out, '%');
	} else if (f->bad_index || f->next >= f->n) {
		buf_puts(f->p.out, "%!");
		print_rune(f->p.out, s.verb);
		buf_puts(f->p.out, f->bad_index ? "(BADINDEX)" : "(MISSING)");
	} else {
		print_any(&f->p, &s, &f->args[f->next++]);
	}
	f->bad_index = false;
}

int
print_format(struct exec *x, struct str format, const struct value *args,
    uint32_t n, struct buf *out)
{
	struct format f = { .p = { .x = x, .out = out }, .text = format,
		.args = args, .n = n };

	while (f.i < format.n) {
		if (format.p[f.i] != '%') {
			buf_putc(out, format.p[f.i++]);
			continue;
		}
		if (exec_charge(x, 1) < 0)
			return -ERR_LIMIT;
		f.i++;
		print_verb(&f);
	}
	if (f.reordered || f.next >= n)
		return 0;
	buf_puts(out, "%!(EXTRA ");
	for (uint32_t i = f.next; i < n; i++) {
		if (i > f.next)
			buf_puts(out, ", ");
		if (args[i].type == TYPE_NONE) {
			buf_puts(out, "<nil>");
			continue;
		}
		buf_printf(out, "%s=", type_name(args[i].type));
		print_value(x, out, &args[i]);
	}
	buf_putc(out, ')');
	return 0;
}
