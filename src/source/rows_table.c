/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: which column is what, and a cell to its place. */
#include "config.h"

#include <strings.h>

#include "source/rows.h"

#define SHOWN_BYTES   60 /* of a name, in an error */
#define COLUMNS_SHOWN 10

static bool
named(struct str name, const char *wanted)
{
	return wanted != NULL && name.n == strlen(wanted) &&
	       strncasecmp(name.p, wanted, name.n) == 0;
}

static int
no_value(const struct table *table, const char *wanted, struct err *err)
{
	struct buf names = { 0 };
	int code;

	for (uint32_t i = 0; i < table->n && i < COLUMNS_SHOWN; i++)
		buf_printf(&names, "%s%.*s", i > 0 ? ", " : "",
		    STR_ARG(str_head(table->names[i], SHOWN_BYTES)));
	if (table->n > COLUMNS_SHOWN)
		buf_puts(&names, ", ...");
	code = err_set(err, ERR_INVALID, "no column is named %s, only %s; name one so (SQL: AS %s)",
	    wanted, names.p != NULL ? names.p : "none", wanted);
	buf_fini(&names);
	return code;
}

/* What the columns beside the value are for. */
static int
classify_column(struct table *table, uint32_t i, const struct table_options *options,
    const struct rows_want *want, struct err *err)
{
	const char *wanted = options->value_column != NULL ? options->value_column : "value";
	struct str name = table->names[i];
	uint32_t field = rows_field_named(want, name);

	table->fields[i] = 0;
	if (field != UINT32_MAX) {
		table->fields[i] = (uint8_t)(field + 1);
	} else if (named(name, wanted)) {
		if (table->value != UINT32_MAX)
			return err_set(err, ERR_INVALID, "two columns are named %s", wanted);
		table->value = i;
	} else if (options->time_column != NULL ? named(name, options->time_column)
						: rows_is_time(want, name)) {
		table->time = i;
	}
	return 0;
}

int
table_classify(struct table *table, const struct table_options *options, struct err *err)
{
	static const struct rows_want instant = { .shape = QUERY_INSTANT };
	const struct rows_want *want = options->want != NULL ? options->want : &instant;
	uint32_t left = UINT32_MAX, n_left = 0;
	int code;

	table->value = table->time = UINT32_MAX;
	for (uint32_t i = 0; i < table->n; i++) {
		code = classify_column(table, i, options, want, err);
		if (code < 0)
			return code;
		if (table->fields[i] == 0 && i != table->value && i != table->time &&
		    !named(table->names[i], options->ignored)) {
			left = i;
			n_left++;
		}
		for (uint32_t j = 0; j < i; j++)
			if (str_eq(table->names[i], table->names[j]))
				return err_set(err, ERR_INVALID, "two columns are named '%.*s'",
				    STR_ARG(str_head(table->names[i], SHOWN_BYTES)));
	}
	if (table->value == UINT32_MAX && options->only_one && n_left == 1)
		table->value = left;
	if (table->value != UINT32_MAX || want->n_fields > 0)
		return 0;
	return no_value(
	    table, options->value_column != NULL ? options->value_column : "value", err);
}

int
table_cell(const struct table *table, struct rows *rows, uint32_t column, const struct cell *cell,
    const struct table_options *options, struct err *err)
{
	if (column == table->value)
		return rows_value(rows, cell, err);
	if (column == table->time)
		return rows_time(rows, cell, TIME_AUTO, err);
	if (table->fields[column] != 0)
		return rows_field(rows, table->fields[column] - 1u, cell, err);
	if (named(table->names[column], options->ignored))
		return 0;
	return rows_cell_label(rows, table->names[column], cell, err);
}
