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

/* Less than a day and a bit from the first or the last day of all. */
static bool
is_edge(wall_t t, wall_t back)
{
	const int64_t day = INT64_C(86400000000000);
	wall_t first, last;

	return timestamp_parse(STR("0002-01-01T00:00:00Z"), &first) &&
	       timestamp_parse(STR("9999-01-01T00:00:00Z"), &last) &&
	       ((back.ns == first.ns && t.ns < first.ns && first.ns - t.ns < day) ||
		   (back.ns == last.ns && t.ns >= last.ns && t.ns - last.ns < 2 * day));
}

static void
check_printed(wall_t t)
{
	char text[TIMESTAMP_TEXT_MAX];
	wall_t back;

	timestamp_format_rfc5322(t, text);
	timestamp_format_ns(t, text);
	/*
	 * An offset can carry the first and last day out of the range, for
	 * which the nearest time inside is given.
	 */
	if (!timestamp_parse(str_from(text), &back))
		abort();
	if (back.ns != t.ns && !is_edge(t, back))
		abort();
	timestamp_format_ms(t, text);
	if (!timestamp_parse(str_from(text), &back))
		abort();
	if ((back.ns > t.ns || t.ns - back.ns >= 1000000) && !is_edge(t, back))
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
