/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/table.h"

#include <sys/ioctl.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "cli/text.h"

struct table {
	uint32_t n_columns, n_rows;
	size_t cap;
	char **cells; /* row by row, the header first */
	uint32_t width[TABLE_COLUMNS_MAX];
};

struct table *
table_new(const char *const *headers, uint32_t n_columns)
{
	struct table *table = xcalloc(1, sizeof(*table));

	table->n_columns = n_columns < TABLE_COLUMNS_MAX ? n_columns : TABLE_COLUMNS_MAX;
	table_row(table, headers);
	return table;
}

void
table_free(struct table *table)
{
	for (size_t i = 0; i < (size_t)table->n_rows * table->n_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

void
table_row(struct table *table, const char *const *cells)
{
	size_t at = (size_t)table->n_rows * table->n_columns;

	table->cells = xgrow(table->cells, &table->cap, at + table->n_columns, sizeof(char *));
	for (uint32_t i = 0; i < table->n_columns; i++) {
		struct buf plain = { 0 };
		uint32_t runes;

		text_put_plain(&plain, cells[i]);
		runes = str_runes(buf_str(&plain));
		table->cells[at + i] = buf_take(&plain);
		if (runes > table->width[i])
			table->width[i] = runes;
	}
	table->n_rows++;
}

uint32_t
table_rows(const struct table *table)
{
	return table->n_rows - 1;
}

/* Columns of the terminal, or no limit. */
static uint32_t
terminal_width(void)
{
	struct winsize size;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col > 0)
		return size.ws_col;
	return UINT32_MAX;
}

static void
print_row(const struct table *table, uint32_t row, uint32_t room)
{
	char *const *cells = &table->cells[(size_t)row * table->n_columns];
	uint32_t last = table->n_columns - 1, used = 0;

	for (uint32_t i = 0; i < last; i++) {
		uint32_t pad = table->width[i] - str_runes(str_from(cells[i])) + 2;
		printf("%s%*s", cells[i], (int)pad, "");
		used += table->width[i] + 2;
	}
	struct str text = str_from(cells[last]);
	if (room != UINT32_MAX && room > used + 10)
		text = str_head_runes(text, room - used);
	printf("%.*s\n", STR_ARG(text));
}

void
table_print(const struct table *table)
{
	uint32_t room = terminal_width();

	if (table_rows(table) == 0) {
		puts("none");
		return;
	}
	for (uint32_t row = 0; row < table->n_rows; row++)
		print_row(table, row, room);
}
