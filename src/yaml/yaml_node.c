/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be asked of a finished tree: values by key, names for messages,
 * the position of a byte inside a scalar, and the tree as text again.
 */
#include "config.h"

#include "yaml/yaml.h"

#include <stddef.h>

#include "base/buf.h"

/* Simple keys end at 1024 characters in every reader. */
#define KEY_BYTES_MAX 1000

const struct yaml_node *
yaml_get(const struct yaml_node *mapping, const char *key)
{
	if (mapping == NULL || mapping->kind != YAML_MAPPING) {
		return NULL;
	}
	for (uint32_t i = 0; i < mapping->n; i++) {
		if (str_is(mapping->pairs[i].key->text, key)) {
			return mapping->pairs[i].value;
		}
	}
	return NULL;
}

const char *
yaml_kind_name(const struct yaml_node *node)
{
	switch (node->kind) {
	case YAML_NULL:
		return "nothing";
	case YAML_SCALAR:
		return "a string";
	case YAML_SEQUENCE:
		return "a list";
	case YAML_MAPPING:
		return "a mapping";
	}
	return "";
}

/* ---- positions inside a scalar --------------------------------------------- */

/*
 * Folding and indentation only move white space about, so a byte of the text
 * is found in the source by counting what is not white space.
 */
struct walk {
	const char *p, *end;
	uint32_t line, col;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
walk_step(struct walk *w)
{
	if (*w->p == '\n') {
		w->line++;
		w->col = 0;
	}
	do {
		w->p++;
	} while (w->p < w->end && ((unsigned char)*w->p & 0xC0) == 0x80);
	w->col++;
}

static uint32_t
hex_value(const char *p, const char *end, int digits)
{
	uint32_t v = 0;

	for (int i = 0; i < digits && p < end; i++, p++)
		v = v * 16 + (uint32_t)str_hex_digit(*p);
	return v;
}

/* The length of a double-quoted escape, and the bytes (not white space) it stands for. */
static uint32_t
escape_length(const struct walk *w, uint32_t *ret_bytes)
{
	const char c = w->p + 1 < w->end ? w->p[1] : '\0';
	const int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	uint32_t v;

	*ret_bytes = 1;
	if (digits > 0) {
		v = hex_value(w->p + 2, w->end, digits);
		*ret_bytes = v == ' ' || v == '\t' || v == '\n' || v == '\r' ?
		    0 :
		    v < 0x80	? 1 :
		    v < 0x800	? 2 :
		    v < 0x10000 ? 3 :
				  4;
		return 2 + (uint32_t)digits;
	}
	if (c == 'n' || c == 't' || c == 'r' || is_space(c)) {
		*ret_bytes = 0;
	} else if (c == 'N' || c == '_') {
		*ret_bytes = 2;
	} else if (c == 'L' || c == 'P') {
		*ret_bytes = 3;
	}
	return c == '\n' ? 1 : 2; /* a continuation's line break is walked over */
}

/* The source unit at the walk: its width, and how many solid bytes it gives. */
static uint32_t
unit_at(const struct walk *w, enum yaml_style style, uint32_t *ret_bytes)
{
	const char *p = w->p;

	if (style == YAML_DOUBLE_QUOTED && *p == '\\') {
		return escape_length(w, ret_bytes);
	}
	*ret_bytes = is_space(*p) ? 0 : 1;
	for (p++; p < w->end && ((unsigned char)*p & 0xC0) == 0x80; p++) {
		++*ret_bytes;
	}
	if (style == YAML_SINGLE_QUOTED && *w->p == '\'') {
		return 2;
	}
	return 1;
}

static void
walk_begin(struct walk *w, const struct yaml_node *scalar)
{
	if (scalar->style == YAML_LITERAL || scalar->style == YAML_FOLDED) {
		while (w->p < w->end && w->line == scalar->pos.line) {
			walk_step(w); /* past the line of the indicator */
		}
	} else if (scalar->style != YAML_PLAIN && w->p < w->end &&
	    (*w->p == '"' || *w->p == '\'')) {
		walk_step(w);
	}
}

struct pos
yaml_pos_at(const struct yaml_node *scalar, uint32_t byte)
{
	const struct str text = scalar->text;
	struct walk w = { scalar->source.p,
		scalar->source.p + scalar->source.n, scalar->pos.line,
		scalar->pos.col };
	struct walk after; /* the unit before: its end */
	uint32_t solid = 0, blanks = 0;

	if (scalar->source.n == 0 || byte > text.n || scalar->source.p[0] == '!' ||
	    scalar->source.p[0] == '&') {
		return scalar->pos;
	}
	for (uint32_t i = 0; i < byte; i++) {
		solid += !is_space(text.p[i]);
		blanks = is_space(text.p[i]) ? blanks + 1 : 0;
	}
	walk_begin(&w, scalar);
	after = w;
	while (w.p < w.end) {
		uint32_t bytes;
		uint32_t chars = unit_at(&w, scalar->style, &bytes);

		if (bytes > solid) {
			break;
		}
		solid -= bytes;
		while (chars-- > 0 && w.p < w.end) {
			walk_step(&w);
		}
		if (bytes > 0) {
			after = w;
		}
	}
	if (byte == text.n || is_space(text.p[byte])) {
		w = after; /* in a gap, or at the end */
		w.col += blanks;
	}
	return (struct pos){ scalar->pos.file, w.line, w.col, 0 };
}

/* ---- writing --------------------------------------------------------------- */

static void
put_escaped(struct buf *out, unsigned char c)
{
	switch (c) {
	case '"':
		buf_puts(out, "\\\"");
		break;
	case '\\':
		buf_puts(out, "\\\\");
		break;
	case '\n':
		buf_puts(out, "\\n");
		break;
	case '\t':
		buf_puts(out, "\\t");
		break;
	case '\r':
		buf_puts(out, "\\r");
		break;
	default:
		if (c < 0x20 || c == 0x7F) {
			buf_printf(out, "\\x%02X", c);
		} else {
			buf_putc(out, (char)c);
		}
	}
}

static void
put_quoted(struct buf *out, struct str text)
{
	/* Line breaks and marks that a reader would take for its own. */
	static const struct {
		struct str bytes;
		const char *escape;
	} special[] = {
		{ { "\xC2\x85", 2 }, "\\N" },
		{ { "\xE2\x80\xA8", 3 }, "\\L" },
		{ { "\xE2\x80\xA9", 3 }, "\\P" },
		{ { "\xEF\xBB\xBF", 3 }, "\\uFEFF" },
	};

	buf_putc(out, '"');
	for (uint32_t i = 0; i < text.n;) {
		const struct str rest = { text.p + i, text.n - i };
		size_t k = 0;

		while (k < ARRAY_LEN(special) &&
		    !str_starts(rest, special[k].bytes)) {
			k++;
		}
		if (k < ARRAY_LEN(special)) {
			buf_puts(out, special[k].escape);
			i += special[k].bytes.n;
		} else {
			put_escaped(out, (unsigned char)text.p[i++]);
		}
	}
	buf_putc(out, '"');
}

static bool
begins_plainly(struct str text)
{
	const char c = text.p[0];
	const char next = text.n > 1 ? text.p[1] : '\0';

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '$' ||
	    c == '<' || c == '(' || c == '+' ||
	    ((c == '-' || c == '.') && next >= '0' && next <= '9');
}

/*
 * What was plain where it stood (in a flow list, over several lines) need not
 * be plain in block style: only what is beyond doubt stays without quotes.
 */
static bool
is_plain_line(const struct yaml_node *node)
{
	const struct str text = node->text;

	if (node->style != YAML_PLAIN || text.n == 0 || !begins_plainly(text)) {
		return false;
	}
	for (uint32_t i = 0; i < text.n; i++) {
		const unsigned char c = (unsigned char)text.p[i];
		const char next = i + 1 < text.n ? text.p[i + 1] : ' ';

		if (c < 0x20 || c >= 0x7F || (c == ':' && next == ' ') ||
		    (c == ' ' && (next == '#' || next == ' '))) {
			return false;
		}
	}
	return true;
}

static void
put_scalar(struct buf *out, const struct yaml_node *node)
{
	if (node->kind == YAML_NULL) {
		buf_puts(out, "null");
	} else if (is_plain_line(node)) {
		buf_put_str(out, node->text);
	} else {
		put_quoted(out, node->text);
	}
}

static void
put_indent(struct buf *out, uint32_t indent)
{
	while (indent-- > 0) {
		buf_putc(out, ' ');
	}
}

static void
put_key(struct buf *out, const struct yaml_node *key, uint32_t indent)
{
	const bool is_long = key->text.n > KEY_BYTES_MAX;

	if (is_long) {
		buf_puts(out, "? ");
	}
	if (key->kind == YAML_NULL && key->text.n > 0) {
		buf_put_str(out, key->text);
	} else if (key->kind == YAML_NULL) {
		buf_puts(out, "null");
	} else {
		put_scalar(out, key);
	}
	if (is_long) {
		buf_putc(out, '\n');
		put_indent(out, indent);
	}
	buf_putc(out, ':');
}

/* Writes from the current column on; the first line is already indented. */
static void
put_node(struct buf *out, const struct yaml_node *node, uint32_t indent)
{
	if (node->n == 0) {
		if (node->kind == YAML_MAPPING || node->kind == YAML_SEQUENCE) {
			buf_puts(out, node->kind == YAML_MAPPING ? "{}" : "[]");
		} else {
			put_scalar(out, node);
		}
		buf_putc(out, '\n');
		return;
	}
	for (uint32_t i = 0; i < node->n; i++) {
		if (i > 0) {
			put_indent(out, indent);
		}
		if (node->kind == YAML_SEQUENCE) {
			buf_puts(out, "- ");
			put_node(out, node->items[i], indent + 2);
			continue;
		}
		put_key(out, node->pairs[i].key, indent);
		if (node->pairs[i].value->n > 0) {
			const bool is_list =
			    node->pairs[i].value->kind == YAML_SEQUENCE;

			buf_putc(out, '\n');
			put_indent(out, is_list ? indent : indent + 2);
			put_node(out, node->pairs[i].value,
			    is_list ? indent : indent + 2);
		} else {
			buf_putc(out, ' ');
			put_node(out, node->pairs[i].value, 0);
		}
	}
}

void
yaml_emit(const struct yaml_node *node, struct buf *out)
{
	put_node(out, node, 0);
}
