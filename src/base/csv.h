/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV as RFC 4180 has it: a header, rows of as many cells, "quoted" ones with
 * doubled quotes and line breaks inside.
 *
 * Lines end with LF or CRLF; empty lines are passed over; a byte order mark is,
 * too.  Cells point into the text, except quoted ones that had quotes inside.
 *
 *   csv_init(&csv, text, ',');
 *   while ((code = csv_next(&csv, &err)) > 0) ... csv.cells[i], csv.n, csv.line
 *   csv_fini(&csv);
 *
 * The first row is the header; every later one must have as many cells.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define CSV_COLUMNS_MAX 4096
#define CSV_CELL_BYTES_MAX (1u << 20)

struct csv {
	const struct str *cells; /* of the row at hand, until the next one */
	uint32_t n;
	uint64_t line;           /* that it began on, from 1 */
	/* private */
	struct str text;
	uint32_t at, columns;
	uint64_t next_line;
	char delimiter;
	struct str *all;
	struct arena *scratch;
};

void csv_init(struct csv *csv, struct str text, char delimiter);
void csv_fini(struct csv *csv);
/* 1: a row; 0: the end; negative and err ("line 3: ..."). */
int csv_next(struct csv *csv, struct err *err);
