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
	put_key(out, key);
	put_time_text(out, t);
}

void
put_time_text(struct buf *out, wall_t t)
{
	char text[TIMESTAMP_TEXT_MAX];

	buf_putc(out, '"');
	buf_puts(out, timestamp_format_ms(t, text));
	buf_putc(out, '"');
}

void
put_fingerprint(struct buf *out, uint64_t fingerprint)
{
	static const char hex[] = "0123456789abcdef";
	char text[18];

	text[0] = text[17] = '"';
	for (int i = 16; i > 0; i--, fingerprint >>= 4)
		text[i] = hex[fingerprint & 15];
	buf_put(out, text, sizeof(text));
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
