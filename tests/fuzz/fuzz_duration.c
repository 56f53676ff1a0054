/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: durations.
 *
 * Beyond not crashing: what is accepted prints as a text that reads back the
 * same, and errors point into the text and say something.
 */
#include "config.h"

#include <stdlib.h>

#include "base/duration.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	char printed[DURATION_TEXT_MAX];
	struct err err = { 0 };
	dur_t d, back;

	if (duration_parse(text, &d, &err) < 0) {
		if (err.at > size || err.text[0] == '\0')
			abort();
		return 0;
	}
	duration_format(d, printed);
	if (d.ns < 0 || duration_parse(str_from(printed), &back, &err) < 0 ||
	    back.ns != d.ns)
		abort();
	return 0;
}
