/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: timestamps, RFC 3339 and HTTP.
 *
 * Beyond not crashing: what is accepted prints as a text that reads back the
 * same.
 */
#include "config.h"

#include <stdlib.h>

#include "base/timestamp.h"
#include "fuzz.h"

static void
check_printed(wall_t t)
{
	char text[TIMESTAMP_TEXT_MAX];
	wall_t back;

	timestamp_format_rfc5322(t, text);
	timestamp_format_ns(t, text);
	/* An offset can carry the first and last day out of the range. */
	if (timestamp_parse(str_from(text), &back) && back.ns != t.ns)
		abort();
	timestamp_format_ms(t, text);
	if (timestamp_parse(str_from(text), &back) &&
	    (back.ns > t.ns || t.ns - back.ns >= 1000000))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	wall_t t;

	if (timestamp_parse(text, &t))
		check_printed(t);
	if (timestamp_parse_http(text, &t))
		check_printed(t);
	return 0;
}
