/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's fmt over the values of a template: texts, lists, maps and structs, and
 * the notes it leaves where a verb does not fit ("%!d(string=x)").
 */
#include "config.h"

#include <stdio.h>

#include "labels/labels.h"
#include "labels/rune.h"
#include "template/print_internal.h"

#define NESTING_MAX 20u

/* ---- padding ---------------------------------------------------------------- */

void
print_padded(struct printer *p, const struct spec *s, struct str text)
{
	int fill = s->has_width ? s->width - (int)str_runes(text) : 0;

	for (int i = 0; i < fill && !s->minus; i++)
		buf_putc(p->out, s->zero ? '0' : ' ');
	buf_put_str(p->out, text);
	for (int i = 0; i < fill && s->minus; i++)
		buf_putc(p->out, ' ');
}

/* ---- bad verbs -------------------------------------------------------------- */

void
print_rune(struct buf *out, uint32_t rune)
{
	char utf8[4];

	buf_put(out, utf8,
	    rune_encode(rune_is_valid(rune) ? rune : RUNE_ERROR, utf8));
}

void
print_bad_verb(struct printer *p, const struct spec *s, const struct value *v)
{
	struct spec plain = { .verb = 'v' };

	buf_puts(p->out, "%!");
	print_rune(p->out, s->verb);
	buf_putc(p->out, '(');
	if (v->type == TYPE_NONE) {
		buf_puts(p->out, "<nil>");
	} else {
		buf_puts(p->out, type_name(v->type));
		buf_putc(p->out, '=');
		print_any(p, &plain, v);
	}
	buf_putc(p->out, ')');
}

/* ---- texts ------------------------------------------------------------------ */

static void
put_hex(struct printer *p, const struct spec *s, struct str text)
{
	struct buf hex = { 0 };
	uint32_t n = text.n;

	if (s->has_precision && (uint32_t)s->precision < n)
		n = (uint32_t)s->precision;
	if (s->sharp && n > 0 && !s->space)
		buf_puts(&hex, s->verb == 'X' ? "0X" : "0x");
	for (uint32_t i = 0; i < n; i++) {
		if (s->space && i > 0)
			buf_putc(&hex, ' ');
		if (s->space && s->sharp)
			buf_puts(&hex, s->verb == 'X' ? "0X" : "0x");
		buf_printf(&hex, s->verb == 'X' ? "%02X" : "%02x",
		    (unsigned)(unsigned char)text.p[i]);
	}
	print_padded(p, s, buf_str(&hex));
	buf_fini(&hex);
}

/* What is quoted and printable, without letters beyond ASCII. */
static void
to_ascii(struct buf *quoted)
{
	struct buf out = { 0 };
	uint32_t n;

	for (uint32_t i = 0; i < quoted->n; i += n) {
		uint32_t rune = rune_decode(buf_str(quoted), i, &n);

		if (rune < 0x80)
			buf_putc(&out, (char)rune);
		else
			buf_printf(&out, rune < 0x10000 ? "\\u%04x"
							: "\\U%08x", rune);
	}
	buf_fini(quoted);
	*quoted = out;
}

static void
put_quoted(struct printer *p, const struct spec *s, struct str text)
{
	struct buf quoted = { 0 };

	if (s->sharp && memchr(text.p, '`', text.n) == NULL &&
	    memchr(text.p, '\n', text.n) == NULL) {
		buf_putc(&quoted, '`');
		buf_put_str(&quoted, text);
		buf_putc(&quoted, '`');
	} else {
		go_quote(&quoted, text);
	}
	if (s->plus)
		to_ascii(&quoted);
	print_padded(p, s, buf_str(&quoted));
	buf_fini(&quoted);
}

/* false: the verb is none for text. */
static bool
print_text(struct printer *p, const struct spec *s, struct str text)
{
	struct str head = text;

	if (s->has_precision && s->precision >= 0)
		head = str_head_runes(text, (uint32_t)s->precision);
	switch (s->verb) {
	case 'v':
		if (s->sharp)
			go_quote(p->out, text);
		else
			print_padded(p, s, head);
		return true;
	case 's':
		print_padded(p, s, head);
		return true;
	case 'q':
		put_quoted(p, s, head);
		return true;
	case 'x':
	case 'X':
		put_hex(p, s, text);
		return true;
	default:
		return false;
	}
}

/* a=b, c=d */
static void
put_pairs(struct exec *x, const struct value *v, struct buf *out)
{
	struct value pairs = *v;

	if (v->type == TYPE_KV &&
	    member_find(TYPE_KV, STR("SortedPairs"))->get(x, v, 1, &pairs) < 0)
		return;
	for (uint32_t i = 0; i < pairs.list.n; i++) {
		struct value pair = value_item(&pairs, i);

		if (i > 0)
			buf_puts(out, ", ");
		buf_put_str(out, *pair.pair.name);
		buf_putc(out, '=');
		buf_put_str(out, *pair.pair.value);
	}
}

bool
print_string_of(struct exec *x, const struct value *v, struct buf *out)
{
	switch ((int)v->type) {
	case TYPE_TIME:
		gotime_format(out, v->time, STR(
		    "2006-01-02 15:04:05.999999999 -0700 MST"));
		return true;
	case TYPE_DURATION:
		gotime_duration(out, v->i);
		return true;
	case TYPE_KV:
	case TYPE_PAIRS:
		put_pairs(x, v, out);
		return true;
	case TYPE_MONTH:
		buf_puts(out, v->i >= 1 && v->i <= 12
			? gotime_months[v->i - 1] : "%!Month");
		return true;
	case TYPE_WEEKDAY:
		buf_puts(out, gotime_weekdays[(uint64_t)v->i % 7]);
		return true;
	default:
		return false;
	}
}

/* ---- composites ------------------------------------------------------------- */

static void
print_list(struct printer *p, const struct spec *s, const struct value *v)
{
	if (s->verb == 'v' && s->sharp)
		buf_puts(p->out, type_name(v->type));
	buf_putc(p->out, s->verb == 'v' && s->sharp ? '{' : '[');
	for (uint32_t i = 0; i < v->list.n; i++) {
		struct value item = value_item(v, i);

		if (i > 0)
			buf_puts(p->out,
			    s->verb == 'v' && s->sharp ? ", " : " ");
		print_any(p, s, &item);
	}
	buf_putc(p->out, s->verb == 'v' && s->sharp ? '}' : ']');
}

static void
print_map(struct printer *p, const struct spec *s, const struct value *v)
{
	bool sharp = s->verb == 'v' && s->sharp;

	buf_puts(p->out, sharp ? type_name(v->type) : "map");
	buf_putc(p->out, sharp ? '{' : '[');
	if (value_map_sort(p->x, v->map) == 0) {
		for (uint32_t i = 0; i < v->map->n; i++) {
			struct value key = VALUE_STR(v->map->entries[i].key);

			if (i > 0)
				buf_puts(p->out, sharp ? ", " : " ");
			print_any(p, s, &key);
			buf_putc(p->out, ':');
			print_any(p, s, v->map->entries[i].value);
		}
	}
	buf_putc(p->out, sharp ? '}' : ']');
}

static void
print_struct(struct printer *p, const struct spec *s, const struct value *v)
{
	static const char *const fields[TYPE_COUNT][8] = {
		[TYPE_RULE_DATA] = { "Labels", "ExternalLabels", "ExternalURL",
		    "Value" },
		[TYPE_DATA] = { "Receiver", "Status", "Alerts", "GroupLabels",
		    "CommonLabels", "CommonAnnotations", "ExternalURL" },
		[TYPE_ALERT] = { "Status", "Labels", "Annotations", "StartsAt",
		    "EndsAt", "GeneratorURL", "Fingerprint" },
		[TYPE_PAIR] = { "Name", "Value" },
		[TYPE_SAMPLE] = { "Labels", "Value" },
		[TYPE_EXPLAIN] = { "text" },
	};
	const char *const *names = fields[v->type];

	buf_putc(p->out, '{');
	for (uint32_t i = 0; i < 8 && names[i] != NULL; i++) {
		struct value field = value_field(p->x, v, str_from(names[i]));

		if (i > 0)
			buf_putc(p->out, ' ');
		if (s->plus || s->sharp)
			buf_printf(p->out, "%s:", names[i]);
		print_any(p, s, &field);
	}
	buf_putc(p->out, '}');
}

static void
print_nested(struct printer *p, const struct spec *s, const struct value *v)
{
	if (p->depth >= NESTING_MAX || exec_charge(p->x, 1) < 0)
		return;
	p->depth++;
	if (type_is_list(v->type))
		print_list(p, s, v);
	else if (type_is_map(v->type))
		print_map(p, s, v);
	else
		print_struct(p, s, v);
	p->depth--;
}

static void
print_stringer(struct printer *p, const struct spec *s, const struct value *v)
{
	struct buf text = { 0 };

	if ((s->verb == 'v' && s->sharp) || s->verb > 0x7F ||
	    strchr("vsqxX", (int)s->verb) == NULL) {
		if (value_is_int(v))
			print_int(p, s, v);
		else if (v->type == TYPE_TIME)
			print_bad_verb(p, s, v);
		else
			print_nested(p, s, v);
		return;
	}
	(void)print_string_of(p->x, v, &text);
	(void)print_text(p, s, buf_str(&text));
	buf_fini(&text);
}

static void
print_none(struct printer *p, const struct spec *s)
{
	if (s->verb == 'v')
		print_padded(p, s, STR("<nil>"));
	else
		print_bad_verb(p, s, &(struct value){ .type = TYPE_NONE });
}

void
print_any(struct printer *p, const struct spec *s, const struct value *v)
{
	if (s->verb == 'T') {
		print_padded(p, s, str_from(type_name(v->type)));
	} else if (v->type == TYPE_NONE || v->type == TYPE_ANY) {
		print_none(p, s);
	} else if (v->type == TYPE_BOOL) {
		if (s->verb == 't' || s->verb == 'v')
			print_padded(p, s, v->i != 0 ? STR("true") : STR("false"));
		else
			print_bad_verb(p, s, v);
	} else if (value_is_text(v)) {
		if (!print_text(p, s, v->s))
			print_bad_verb(p, s, v);
	} else if (v->type == TYPE_FLOAT) {
		print_float_verb(p, s, v);
	} else if (v->type == TYPE_INT || v->type == TYPE_INT64 ||
	    v->type == TYPE_BYTE) {
		print_int(p, s, v);
	} else if (v->type == TYPE_TIME || value_is_int(v) ||
	    v->type == TYPE_KV || v->type == TYPE_PAIRS) {
		print_stringer(p, s, v);
	} else {
		print_nested(p, s, v);
	}
}

void
print_value(struct exec *x, struct buf *out, const struct value *v)
{
	struct printer p = { .x = x, .out = out };

	print_any(&p, &(struct spec){ .verb = 'v' }, v);
}

/* A space between two operands neither of which is text. */
void
print_args(struct exec *x, struct buf *out, const struct value *args, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0 && !value_is_text(&args[i]) &&
		    !value_is_text(&args[i - 1]))
			buf_putc(out, ' ');
		print_value(x, out, &args[i]);
	}
}
