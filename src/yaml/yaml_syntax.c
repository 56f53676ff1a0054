/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's complaints, turned into findings with a position and a remedy.
 *
 * Reader errors come without line and column, only with a byte offset; marks
 * count from 0.  The commonest mistakes (tabs, an unquoted colon, a missing
 * quote, lost indentation) get words of their own.
 */
#include "config.h"

#include "yaml/internal.h"

#include <string.h>

#include "base/attr.h"

struct pos
yaml_mark_pos(const struct reader *r, yaml_mark_t mark)
{
	return (struct pos){ r->file, (uint32_t)mark.line + 1,
		(uint32_t)mark.column + 1, 0 };
}

/* Line and column of a byte; invalid bytes count as one character each. */
static struct pos
byte_pos(const struct reader *r, size_t offset)
{
	struct pos pos = { r->file, 1, 1, 0 };
	size_t line_start = 0;

	if (offset > r->text.n) {
		offset = r->text.n;
	}
	for (size_t i = 0; i < offset; i++) {
		if (r->text.p[i] == '\n') {
			pos.line++;
			line_start = i + 1;
		}
	}
	pos.col = 1 + str_runes(str_make(r->text.p + line_start,
	    offset - line_start));
	return pos;
}

/*
 * The first byte that begins no character; the text's length if there is none.
 * libyaml points at the byte where it gave up, which may be a good one.
 */
static size_t
first_bad_byte(struct str text)
{
	size_t i = 0;

	while (i < text.n) {
		const unsigned char c = (unsigned char)text.p[i];
		const size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;

		if (n > text.n - i || !str_is_utf8(str_make(text.p + i, n))) {
			return i;
		}
		i += n;
	}
	return i;
}

static void
report_reader(struct reader *r)
{
	const size_t bad = first_bad_byte(r->text);
	const size_t at = bad < r->text.n ? bad : r->parser.problem_offset;
	const struct pos pos = byte_pos(r, at);
	const unsigned byte = at < r->text.n ? (unsigned char)r->text.p[at] : 0;

	if (bad == r->text.n) {
		diag_error(r->diag, pos,
		    "the control character 0x%02X is not allowed in YAML; "
		    "write it as an escape in double quotes",
		    byte);
	} else {
		diag_error(r->diag, pos,
		    "the byte 0x%02X is not valid UTF-8; "
		    "save the file as UTF-8",
		    byte);
	}
}

/* The line of a mark, from its first byte to the end of the text. */
static struct str
line_at(const struct reader *r, yaml_mark_t mark)
{
	struct str rest = r->text;

	for (size_t line = 0; line < mark.line; line++) {
		const char *end = memchr(rest.p, '\n', rest.n);

		if (end == NULL) {
			return str_make(rest.p + rest.n, 0);
		}
		rest = str_make(end + 1,
		    rest.n - (size_t)(end + 1 - rest.p));
	}
	return rest;
}

/* The column of a tab among a line's leading white space; 0: none. */
static uint32_t
tab_in_indentation(struct str line)
{
	for (uint32_t i = 0; i < line.n; i++) {
		if (line.p[i] == '\t') {
			return i + 1;
		}
		if (line.p[i] != ' ') {
			break;
		}
	}
	return 0;
}

static char
char_at(const struct reader *r, yaml_mark_t mark)
{
	const struct str line = line_at(r, mark);
	const char *p = line.p;
	const char *end = line.p + line.n;

	for (size_t col = 0; p < end; p++) {
		if (((unsigned char)*p & 0xC0) == 0x80) {
			continue;
		}
		if (col++ == mark.column) {
			return *p;
		}
	}
	return '\0';
}

static const struct {
	const char *problem, *text;
} hints[] = {
	{ "mapping values are not allowed in this context",
	    "a ':' is not allowed here; quote a text that holds ': ', or check "
	    "the indentation" },
	{ "did not find expected key",
	    "expected a key here; check the indentation and the quotes" },
	{ "did not find expected '-' indicator",
	    "expected '- ' here: the lines of one list begin in the same "
	    "column" },
	{ "could not find expected ':'",
	    "this is no 'key: value'; a ':' is missing, or an indentation is "
	    "wrong" },
	{ "found unexpected end of stream", "a closing quote is missing" },
	{ "found unexpected document indicator", "a closing quote is missing" },
	{ "did not find expected ',' or ']'", "expected ',' or ']' here" },
	{ "did not find expected ',' or '}'", "expected ',' or '}' here" },
	{ "found unknown escape character",
	    "unknown escape in a double-quoted text; write '\\\\' for a "
	    "backslash, or use single quotes" },
	{ "block sequence entries are not allowed in this context",
	    "a list is not allowed here; begin it on a line of its own" },
	{ "did not find expected <document start>",
	    "expected the end of the file here; check the indentation" },
};

void
yaml_report_syntax(struct reader *r)
{
	const yaml_parser_t *parser = &r->parser;
	const struct pos pos = yaml_mark_pos(r, parser->problem_mark);
	const char *problem = parser->problem != NULL ? parser->problem :
							"not valid YAML";
	const struct str line = line_at(r, parser->problem_mark);
	const uint32_t tab = tab_in_indentation(line);
	const char c = char_at(r, parser->problem_mark);

	if (parser->error == YAML_READER_ERROR) {
		report_reader(r);
		return;
	}
	if (tab > 0 || c == '\t') {
		struct pos tab_pos = pos;

		tab_pos.col = tab > 0 ? tab : pos.col;
		diag_error(r->diag, tab_pos,
		    "a tab is used as indentation; YAML wants spaces");
		return;
	}
	if (strstr(problem, "cannot start any token") != NULL && c > ' ') {
		diag_error(r->diag, pos,
		    "a value cannot begin with '%c'; put it in quotes", c);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		if (strcmp(problem, hints[i].problem) == 0) {
			problem = hints[i].text;
			break;
		}
	}
	diag_error(r->diag, pos, "%s", problem);
	if (parser->context != NULL &&
	    (parser->context_mark.line != parser->problem_mark.line ||
		parser->context_mark.column != parser->problem_mark.column)) {
		diag_note(r->diag, yaml_mark_pos(r, parser->context_mark),
		    "%s that begins here", parser->context);
	}
}
