/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings as text with an excerpt and a caret, or as JSON.
 *
 * Columns count characters, a terminal counts cells: the caret is placed by
 * the cells of what stands before it, so that it also fits under wide and
 * combining characters.
 */
#include "base/diag.h"
#include "base/json.h"

/* Longer lines are cut around the caret. */
#define LINE_CHARS_MAX 160
#define CUT            "..."

static const char *const level_names[] = { "error", "warning", "note" };

/* One character of the source as it is printed. */
struct glyph {
	struct str text;
	uint32_t cells;
};

static uint32_t
code_point(const char *p, uint32_t length)
{
	const unsigned char *u = (const unsigned char *)p;
	uint32_t c;

	if (length == 1)
		return u[0];
	c = u[0] & (0xffu >> (length + 1));
	for (uint32_t i = 1; i < length; i++)
		c = c << 6 | (u[i] & 0x3f);
	return c;
}

/* Cells of a terminal; the ranges that matter for text that people write. */
static uint32_t
cells_of(uint32_t c)
{
	static const struct {
		uint32_t from, to, cells;
	} ranges[] = {
		{ 0x300, 0x36f, 0 },
		{ 0x1100, 0x115f, 2 },
		{ 0x200b, 0x200f, 0 },
		{ 0x2e80, 0xa4cf, 2 },
		{ 0xac00, 0xd7a3, 2 },
		{ 0xf900, 0xfaff, 2 },
		{ 0xfe00, 0xfe0f, 0 },
		{ 0xfe30, 0xfe6f, 2 },
		{ 0xff00, 0xff60, 2 },
		{ 0xffe0, 0xffe6, 2 },
		{ 0x1f300, 0x1f64f, 2 },
		{ 0x1f900, 0x1f9ff, 2 },
		{ 0x20000, 0x3fffd, 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return ranges[i].cells;
	return 1;
}

/* Takes the first character off the line; what would disturb the terminal
 * becomes a space or '?'. */
static struct glyph
next_glyph(struct str *line)
{
	uint32_t length = str_rune_length(*line), c;
	struct glyph glyph = { STR("?"), 1 };

	if (length != 0) {
		c = code_point(line->p, length);
		if (c == '\t')
			glyph.text = STR(" ");
		else if (c >= 0x20 && (c < 0x7f || c > 0x9f))
			glyph = (struct glyph){ str_make(line->p, length), cells_of(c) };
	} else {
		length = 1;
	}
	line->p += length;
	line->n -= length;
	return glyph;
}

/* The part of a long line that is shown: characters [from, to). */
static void
choose_window(uint32_t chars, uint32_t caret, uint32_t *ret_from, uint32_t *ret_to)
{
	*ret_from = 0;
	*ret_to = chars;
	if (chars <= LINE_CHARS_MAX)
		return;
	if (caret > LINE_CHARS_MAX / 2)
		*ret_from = caret - LINE_CHARS_MAX / 2;
	if (*ret_from > chars - LINE_CHARS_MAX)
		*ret_from = chars - LINE_CHARS_MAX;
	*ret_to = *ret_from + LINE_CHARS_MAX;
}

static void
put_spaces(struct buf *out, uint32_t n)
{
	while (n-- > 0)
		buf_putc(out, ' ');
}

static void
put_excerpt(struct buf *out, const struct pos *pos, struct str line)
{
	uint32_t caret = pos->col - 1, chars = str_runes(line), from, to, before = 0, under = 0;
	uint32_t last = caret + (pos->width > 1 ? pos->width : 1);

	choose_window(chars, caret < chars ? caret : chars, &from, &to);
	buf_printf(out, "%5u | ", pos->line);
	if (from > 0) {
		buf_puts(out, CUT);
		before = sizeof(CUT) - 1;
	}
	for (uint32_t i = 0; i < to; i++) {
		struct glyph glyph = next_glyph(&line);

		if (i < from)
			continue;
		buf_put_str(out, glyph.text);
		if (i < caret)
			before += glyph.cells;
		else if (i < last)
			under += glyph.cells;
	}
	if (to < chars)
		buf_puts(out, CUT);
	buf_puts(out, "\n      | ");
	put_spaces(out, before);
	buf_putc(out, '^');
	for (uint32_t i = 1; i < under && pos->width > 1; i++)
		buf_putc(out, '~');
	buf_putc(out, '\n');
}

static void
put_finding(const struct diag *diag, const struct finding *finding, bool excerpt, struct buf *out)
{
	const struct pos *pos = &finding->pos;
	struct str line;

	if (pos->file != NULL) {
		buf_puts(out, pos->file);
		if (pos->line != 0)
			buf_printf(out, ":%u", pos->line);
		if (pos->line != 0 && pos->col != 0)
			buf_printf(out, ":%u", pos->col);
		buf_puts(out, ": ");
	}
	buf_printf(out, "%s: %s\n", level_names[finding->level], finding->text);
	if (excerpt && finding->level != DIAG_NOTE && pos->line != 0 && pos->col != 0 &&
	    diag_line(diag, pos->file, pos->line, &line))
		put_excerpt(out, pos, line);
}

static void
put_all(const struct diag *diag, bool excerpts, struct buf *out)
{
	uint32_t dropped = diag_dropped(diag);

	for (uint32_t i = 0; i < diag_count(diag); i++)
		put_finding(diag, diag_at(diag, i), excerpts, out);
	if (dropped != 0)
		buf_printf(out, "%u more finding%s not shown\n", dropped, dropped == 1 ? "" : "s");
}

void
diag_print(const struct diag *diag, struct buf *out)
{
	put_all(diag, true, out);
}

void
diag_print_brief(const struct diag *diag, struct buf *out)
{
	put_all(diag, false, out);
}

void
diag_print_json(const struct diag *diag, struct buf *out)
{
	buf_putc(out, '[');
	for (uint32_t i = 0; i < diag_count(diag); i++) {
		const struct finding *finding = diag_at(diag, i);

		buf_printf(out, "%s{\"level\":\"%s\",\"file\":", i != 0 ? "," : "",
		    level_names[finding->level]);
		json_put_str(out, str_from(finding->pos.file != NULL ? finding->pos.file : ""));
		buf_printf(out, ",\"line\":%u,\"column\":%u,\"text\":", finding->pos.line,
		    finding->pos.col);
		json_put_str(out, str_from(finding->text));
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}
