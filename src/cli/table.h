/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns for people. Cells are copied; the last column is never padded, and cut only on a terminal. */
#pragma once

#include <stdint.h>

#define TABLE_COLUMNS_MAX 10

struct table;

struct table *table_new(const char *const *headers, uint32_t n_columns);
void table_free(struct table *table);
void table_row(struct table *table, const char *const *cells);
uint32_t table_rows(const struct table *table);
void table_print(const struct table *table); /* to stdout; nothing but a note when there are no rows */
