/* SPDX-License-Identifier: Apache-2.0 */
/* CSV: what is read, and what is said of what cannot be. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/csv.h"
#include "suites.h"

/* Rows as line:cell|cell, then the error. */
static const struct {
	const char *text, *want;
} cases[] = {
	{ "", "" },
	{ "\n\r\n\n", "" },
	{ "a,b\n1,2\n", "1:a|b 2:1|2 " },
	{ "a,b\r\n1,2", "1:a|b 2:1|2 " },
	{ "\xef\xbb\xbf"
	  "a\n1\n",
	    "1:a 2:1 " },
	{ "a,b\n\n\n1,\n", "1:a|b 4:1| " },
	{ "a,b\n,\n", "1:a|b 2:| " },
	{ "\"a,x\",\"b\"\"c\"\n\"1\n2\",3\n4,5\n", "1:a,x|b\"c 2:1\n2|3 4:4|5 " },
	{ "\"\"\n\"x\"\r", "1: 2:x " },
	{ "a b , c\n", "1:a b | c " },
	{ "a,b\n1\n", "1:a|b line 2: 1 cells, and the header has 2" },
	{ "a\n1,2\n", "1:a line 2: 2 cells, and the header has 1" },
	{ "a\n\"x\ny\nz", "1:a line 2: a quoted cell begins here and does not end" },
	{ "a\n\"x\"y\n",
	    "1:a line 2: text after the closing quote; a quote inside a quoted cell is doubled" },
	{ "\"a\"\rb\n",
	    "line 1: text after the closing quote; a quote inside a quoted cell is doubled" },
	{ "a\nx\"y\n",
	    "1:a line 2: a quote inside a cell that is not quoted; quote the cell and double the "
	    "quote" },
};

START_TEST(rows_and_errors)
{
	struct err err = { .text = "" };
	struct buf got = { 0 };
	struct csv csv;
	int code;

	csv_init(&csv, str_from(cases[_i].text), ',');
	while ((code = csv_next(&csv, &err)) > 0) {
		buf_printf(&got, "%u:", (unsigned)csv.line);
		for (uint32_t i = 0; i < csv.n; i++)
			buf_printf(&got, "%s%.*s", i > 0 ? "|" : "", STR_ARG(csv.cells[i]));
		buf_putc(&got, ' ');
	}
	if (code < 0)
		buf_puts(&got, err.text);
	ck_assert_msg(str_is(buf_str(&got), cases[_i].want), "'%s': '%.*s'", cases[_i].text,
	    STR_ARG(buf_str(&got)));
	csv_fini(&csv);
	buf_fini(&got);
}
END_TEST

START_TEST(sizes_have_limits)
{
	struct buf text = { 0 };
	struct err err;
	struct csv csv;

	for (int i = 0; i < CSV_COLUMNS_MAX; i++)
		buf_putc(&text, ',');
	csv_init(&csv, buf_str(&text), ',');
	ck_assert_int_eq(csv_next(&csv, &err), -ERR_LIMIT);
	csv_fini(&csv);
	csv_init(&csv, str_make(text.p, text.n - 1), ',');
	ck_assert_int_eq(csv_next(&csv, &err), 1);
	ck_assert_uint_eq(csv.n, CSV_COLUMNS_MAX);
	csv_fini(&csv);
	buf_clear(&text);
	for (unsigned i = 0; i < CSV_CELL_BYTES_MAX; i++)
		buf_putc(&text, 'x');
	csv_init(&csv, buf_str(&text), ',');
	ck_assert_int_eq(csv_next(&csv, &err), 1);
	csv_fini(&csv);
	buf_putc(&text, 'x');
	csv_init(&csv, buf_str(&text), ',');
	ck_assert_int_eq(csv_next(&csv, &err), -ERR_LIMIT);
	csv_fini(&csv);
	buf_fini(&text);
}
END_TEST

TCase *
case_csv(void)
{
	TCase *tc = tcase_create("csv");

	tcase_add_loop_test(tc, rows_and_errors, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(tc, sizes_have_limits);
	return tc;
}
