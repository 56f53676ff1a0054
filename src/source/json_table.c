/* SPDX-License-Identifier: Apache-2.0 */
/* Reads such tables out of a text whose form was checked as a whole. */
#include "config.h"

#include "source/json_table.h"

#include "source/http_source.h"

bool
json_members(struct str object, const struct json_member *wanted, size_t n)
{
	struct json_reader r;
	struct str key, span;

	json_reader_init(&r, object);
	if (json_peek(&r) != JSON_OBJECT)
		return false;
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key) && json_read_span(&r, &span))
		for (size_t i = 0; i < n; i++)
			if (str_is(key, wanted[i].name))
				*wanted[i].ret = span;
	return r.err_text == NULL;
}

static bool
column_name(struct str span, struct arena *scratch, struct str *ret)
{
	struct str name = span;
	struct cell cell;

	if (span.p[0] == '{') {
		name = STR("");
		if (!json_members(span, (struct json_member[]){ { "name", &name } }, 1) ||
		    name.n == 0)
			return false;
	}
	json_cell(name, scratch, &cell);
	*ret = cell.text;
	return cell.kind == CELL_TEXT;
}

int
json_table_columns(struct str span, struct arena *scratch, struct table *ret, struct err *err)
{
	struct json_reader r;
	struct str item;

	json_reader_init(&r, span);
	if (json_peek(&r) != JSON_ARRAY)
		return err_set(err, ERR_INVALID, "an answer without columns");
	json_enter(&r, JSON_ARRAY);
	ret->n = 0;
	while (json_next_item(&r) && json_read_span(&r, &item)) {
		if (ret->n == LABELS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d columns", LABELS_MAX);
		if (!column_name(item, scratch, &ret->names[ret->n++]))
			return err_set(err, ERR_INVALID, "a column without a name");
	}
	return 0;
}

static int
read_row(struct json_reader *r, const struct table *table, const struct table_options *options,
    struct arena *scratch, struct rows *rows, struct err *err)
{
	struct cell cell;
	uint32_t n = 0;
	int code = 0;

	if (json_peek(r) != JSON_ARRAY)
		return err_set(err, ERR_INVALID, "row %zu is no list", rows->n);
	json_enter(r, JSON_ARRAY);
	while (code == 0 && json_next_item(r) && json_read_cell(r, scratch, &cell)) {
		if (n == table->n)
			return err_set(
			    err, ERR_INVALID, "row %zu has more cells than columns", rows->n);
		code = table_cell(table, rows, n++, &cell, options, err);
	}
	if (code == 0 && n != table->n)
		return err_set(
		    err, ERR_INVALID, "row %zu has %u cells for %u columns", rows->n, n, table->n);
	return code;
}

int
json_table_rows(struct str span, const struct table *table, const struct table_options *options,
    json_table_labels_fn *labels, void *arg, struct arena *scratch, struct rows *rows,
    struct err *err)
{
	struct json_reader r;
	int code = 0;

	json_reader_init(&r, span);
	if (json_peek(&r) != JSON_ARRAY)
		return err_set(err, ERR_INVALID, "an answer without rows");
	json_enter(&r, JSON_ARRAY);
	while (code == 0 && json_next_item(&r)) {
		code = rows_begin(rows, err);
		if (code == 0 && labels != NULL)
			code = labels(arg, rows, err);
		if (code == 0)
			code = read_row(&r, table, options, scratch, rows, err);
	}
	return code;
}
