/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label sets as bytes and as text: the encoding that goes to disk, the text
 * of group keys, JSON, and Go's quoting.
 */
#include "config.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "labels/labels.h"
#include "labels/labels_internal.h"
#include "labels/rune.h"

#define DECODE_FEW 32u /* labels decoded without an allocation */

static void
encode_str(struct str s, struct buf *out)
{
	buf_put_u32le(out, s.n);
	buf_put_str(out, s);
}

void
labels_encode(const struct labels *labels, struct buf *out)
{
	buf_put_u32le(out, labels->n);
	for (uint32_t i = 0; i < labels->n; i++) {
		encode_str(istr_str(labels->l[i].name), out);
		encode_str(istr_str(labels->l[i].value), out);
	}
}

static bool
decode_u32(struct str bytes, uint32_t *at, uint32_t *ret)
{
	if (bytes.n - *at < 4)
		return false;
	*ret = get_u32le(bytes.p + *at);
	*at += 4;
	return true;
}

static bool
decode_str(struct str bytes, uint32_t *at, struct str *ret)
{
	uint32_t n;

	if (!decode_u32(bytes, at, &n) || bytes.n - *at < n)
		return false;
	*ret = (struct str){ bytes.p + *at, n };
	*at += n;
	return true;
}

/* Reads n pairs that must be canonical: sorted and distinct. */
static int
decode_pairs(struct str bytes, uint32_t n, struct label_view *views,
    struct err *err)
{
	uint32_t at = 4;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t start = at;

		if (!decode_str(bytes, &at, &views[i].name) ||
		    !decode_str(bytes, &at, &views[i].value))
			return err_set_at(err, ERR_INVALID, at,
			    "encoded label set is cut short");
		if (i > 0 && str_cmp(views[i - 1].name, views[i].name) >= 0)
			return err_set_at(err, ERR_INVALID, start,
			    "encoded label set is not canonical");
	}
	if (at != bytes.n)
		return err_set_at(err, ERR_INVALID, at,
		    "bytes after the end of an encoded label set");
	return 0;
}

struct labels *
labels_decode(struct str bytes, struct err *err)
{
	struct label_view few[DECODE_FEW], *views = few;
	struct labels *labels = NULL;
	uint32_t n = 0, at = 0;

	if (!decode_u32(bytes, &at, &n)) {
		err_set_at(err, ERR_INVALID, 0,
		    "encoded label set is cut short");
		return NULL;
	}
	if (n > LABELS_MAX) {
		err_set_at(err, ERR_LIMIT, 0,
		    "encoded label set claims %u labels, at most %d are "
		    "possible", n, LABELS_MAX);
		return NULL;
	}
	if (n > DECODE_FEW)
		views = xmalloc(n * sizeof(*views));
	if (decode_pairs(bytes, n, views, err) == 0)
		labels = labels_intern_sorted(views, n, err);
	if (views != few)
		free(views);
	return labels;
}

void
labels_format(const struct labels *labels, struct buf *out)
{
	buf_putc(out, '{');
	for (uint32_t i = 0; i < labels->n; i++) {
		if (i > 0)
			buf_puts(out, ", ");
		buf_put_str(out, istr_str(labels->l[i].name));
		buf_putc(out, '=');
		go_quote(out, istr_str(labels->l[i].value));
	}
	buf_putc(out, '}');
}

void
labels_put_json(const struct labels *labels, struct buf *out)
{
	buf_putc(out, '{');
	for (uint32_t i = 0; i < labels->n; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_put_str_html(out, istr_str(labels->l[i].name));
		buf_putc(out, ':');
		json_put_str_html(out, istr_str(labels->l[i].value));
	}
	buf_putc(out, '}');
}

bool
label_name_is_classic(struct str name)
{
	if (name.n == 0)
		return false;
	for (uint32_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    c == '_' || (i > 0 && c >= '0' && c <= '9'))
			continue;
		return false;
	}
	return true;
}

/* The letter of the short escape, or 0. */
static char
short_escape(uint32_t rune)
{
	static const char letters[] = "abtnvfr"; /* U+0007 and on */

	if (rune == '"' || rune == '\\')
		return (char)rune;
	return rune >= 7 && rune <= 13 ? letters[rune - 7] : 0;
}

void
go_quote(struct buf *out, struct str s)
{
	uint32_t n;

	buf_putc(out, '"');
	for (uint32_t i = 0; i < s.n; i += n) {
		uint32_t rune = rune_decode(s, i, &n);
		char letter = short_escape(rune);

		if (rune == RUNE_ERROR && n == 1) {
			buf_printf(out, "\\x%02x", (uint8_t)s.p[i]);
		} else if (letter != 0) {
			buf_putc(out, '\\');
			buf_putc(out, letter);
		} else if (rune_is_print(rune)) {
			buf_put(out, s.p + i, n);
		} else if (rune < ' ' || rune == 0x7F) {
			buf_printf(out, "\\x%02x", rune);
		} else if (rune < 0x10000) {
			buf_printf(out, "\\u%04x", rune);
		} else {
			buf_printf(out, "\\U%08x", rune);
		}
	}
	buf_putc(out, '"');
}
