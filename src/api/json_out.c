/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/timestamp.h"

void
put_key(struct buf *out, const char *key)
{
	buf_putc(out, '"');
	buf_puts(out, key);
	buf_puts(out, "\":");
}

void
put_time(struct buf *out, const char *key, wall_t t)
{
	char text[TIMESTAMP_TEXT_MAX];

	put_key(out, key);
	buf_putc(out, '"');
	buf_puts(out, timestamp_format_ms(t, text));
	buf_putc(out, '"');
}

void
put_prom_exponent(struct buf *out, double v)
{
	char text[40];
	double back;

	if (isnan(v) || isinf(v)) {
		buf_puts(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int digits = 0; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits, v);
		if (str_to_double(str_from(text), &back) && back == v)
			break;
	}
	buf_puts(out, text);
}
