/* SPDX-License-Identifier: Apache-2.0 */
/* CSV, a row at a time. */
#include "config.h"

#include "base/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void
csv_init(struct csv *csv, struct str text, char delimiter)
{
	*csv = (struct csv){
		.text = text,
		.next_line = 1,
		.delimiter = delimiter,
		.all = xcalloc(CSV_COLUMNS_MAX, sizeof(struct str)),
		.scratch = arena_new(0),
	};
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		csv->at = 3;
}

void
csv_fini(struct csv *csv)
{
	free(csv->all);
	arena_free(csv->scratch);
	*csv = (struct csv){ 0 };
}

static int
fail(const struct csv *csv, enum err_code code, const char *text, struct err *err)
{
	return err_set(err, code, "line %llu: %s", (unsigned long long)csv->next_line, text);
}

/* Doubled quotes become one. */
static struct str
unquote(struct csv *csv, const char *p, size_t n)
{
	char *out = arena_alloc(csv->scratch, n + 1);
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		out[to++] = p[i];
		if (p[i] == '"')
			i++;
	}
	return str_make(out, to);
}

/* Does the row end here, or a cell? */
static bool
is_end(const struct csv *csv)
{
	const char *p = csv->text.p + csv->at;
	uint32_t left = csv->text.n - csv->at;

	return left == 0 || *p == csv->delimiter || *p == '\n' ||
	       (*p == '\r' && (left == 1 || p[1] == '\n'));
}

/* After the opening quote. */
static int
read_quoted(struct csv *csv, struct str *ret, struct err *err)
{
	const char *start = csv->text.p + csv->at, *end = csv->text.p + csv->text.n;
	const char *p = start;
	uint64_t lines = 0;
	bool doubled = false;

	for (; p < end; p++) {
		if (*p == '\n')
			lines++;
		if (*p != '"')
			continue;
		if (p + 1 == end || p[1] != '"')
			break;
		doubled = true;
		p++;
	}
	if (p >= end)
		return fail(csv, ERR_INVALID, "a quoted cell begins here and does not end", err);
	if ((size_t)(p - start) > CSV_CELL_BYTES_MAX)
		return fail(csv, ERR_LIMIT, "a cell of more than 1 MiB", err);
	*ret = doubled ? unquote(csv, start, (size_t)(p - start))
		       : str_make(start, (size_t)(p - start));
	csv->next_line += lines;
	csv->at = (uint32_t)(p + 1 - csv->text.p);
	if (!is_end(csv))
		return fail(csv, ERR_INVALID,
		    "text after the closing quote; a quote inside a quoted cell is doubled", err);
	return 0;
}

static int
read_plain(struct csv *csv, struct str *ret, struct err *err)
{
	const char *start = csv->text.p + csv->at, *end = csv->text.p + csv->text.n;
	const char *p = start;

	while (p < end && *p != csv->delimiter && *p != '\n') {
		if (*p == '"')
			return fail(csv, ERR_INVALID,
			    "a quote inside a cell that is not quoted; quote the cell and double "
			    "the quote",
			    err);
		p++;
	}
	if ((size_t)(p - start) > CSV_CELL_BYTES_MAX)
		return fail(csv, ERR_LIMIT, "a cell of more than 1 MiB", err);
	csv->at = (uint32_t)(p - csv->text.p);
	if (p > start && p[-1] == '\r' && (p == end || *p == '\n'))
		p--;
	*ret = str_make(start, (size_t)(p - start));
	return 0;
}

static char
peek(const struct csv *csv)
{
	return csv->at < csv->text.n ? csv->text.p[csv->at] : '\0';
}

static void
skip_empty_lines(struct csv *csv)
{
	for (;;) {
		uint32_t more = peek(csv) == '\r' && csv->at + 1 < csv->text.n &&
				csv->text.p[csv->at + 1] == '\n';

		if (csv->at >= csv->text.n || csv->text.p[csv->at + more] != '\n')
			return;
		csv->at += 1 + more;
		csv->next_line++;
	}
}

/* At the end of a row: past its line break. */
static void
end_row(struct csv *csv)
{
	if (peek(csv) == '\r')
		csv->at++;
	if (csv->at < csv->text.n && csv->text.p[csv->at] == '\n') {
		csv->at++;
		csv->next_line++;
	}
}

int
csv_next(struct csv *csv, struct err *err)
{
	uint32_t n = 0;
	int code;

	skip_empty_lines(csv);
	if (csv->at >= csv->text.n)
		return 0;
	arena_reset(csv->scratch);
	csv->line = csv->next_line;
	for (;;) {
		if (n == CSV_COLUMNS_MAX)
			return fail(csv, ERR_LIMIT, "more than 4096 cells", err);
		if (peek(csv) == '"') {
			csv->at++;
			code = read_quoted(csv, &csv->all[n], err);
		} else {
			code = read_plain(csv, &csv->all[n], err);
		}
		if (code < 0)
			return code;
		n++;
		if (csv->at >= csv->text.n || csv->text.p[csv->at] != csv->delimiter)
			break;
		csv->at++;
	}
	end_row(csv);
	if (csv->columns == 0)
		csv->columns = n;
	else if (n != csv->columns)
		return err_set(err, ERR_INVALID, "line %llu: %u cells, and the header has %u",
		    (unsigned long long)csv->line, n, csv->columns);
	csv->cells = csv->all;
	csv->n = n;
	return 1;
}
