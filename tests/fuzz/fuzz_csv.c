/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV: every row has as many cells as the first, cells are within bounds, lines
 * are counted up, and reading ends.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char delimiters[] = { ',', ';', '\t' };

	for (size_t i = 0; i < sizeof(delimiters); i++) {
		struct err err = { .at = ERR_NOWHERE };
		uint32_t columns = 0;
		uint64_t line = 0;
		struct csv csv;
		int code;

		csv_init(&csv, str_make((const char *)data, size), delimiters[i]);
		while ((code = csv_next(&csv, &err)) > 0) {
			uint64_t bytes = 0;

			if (csv.n == 0 || (columns != 0 && csv.n != columns) || csv.line <= line)
				abort();
			columns = csv.n;
			line = csv.line;
			for (uint32_t k = 0; k < csv.n; k++)
				for (uint32_t j = 0; j < csv.cells[k].n; j++)
					bytes += (unsigned char)csv.cells[k].p[j];
			if (bytes > UINT64_MAX / 2)
				abort();
		}
		if (code < 0 && strncmp(err.text, "line ", 5) != 0)
			abort();
		csv_fini(&csv);
	}
	return 0;
}
