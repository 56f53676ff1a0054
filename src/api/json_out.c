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
put_text_member(struct buf *out, const char *key, struct str text)
{
	put_key(out, key);
	json_put_str(out, text);
}

/* A time, or null. */
void
put_time_or_null(struct buf *out, const char *key, wall_t t)
{
	if (wall_is_set(t)) {
		put_time(out, key, t);
	} else {
		put_key(out, key);
		buf_puts(out, "null");
	}
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

/* The shortest digits are those of the plain form; only the point moves. */
void
put_prom_exponent(struct buf *out, double v)
{
	char digits[400];
	struct buf plain = { 0 };
	int n = 0, exponent = -1;
	int64_t shown;
	bool past_point = false, begun = false;

	put_prom_double(&plain, v);
	if (isnan(v) || isinf(v)) {
		buf_put_str(out, buf_str(&plain));
		buf_fini(&plain);
		return;
	}
	const char *c = plain.p;
	if (*c == '-')
		buf_putc(out, *c++);
	for (; (*c >= '0' && *c <= '9') || *c == '.'; c++) {
		if (*c == '.') {
			past_point = true;
			continue;
		}
		begun = begun || *c != '0';
		exponent += begun ? !past_point : -(int)past_point;
		if (begun && n < (int)sizeof(digits))
			digits[n++] = *c;
	}
	if (*c == 'e' && str_to_i64(str_from(c[1] == '+' ? c + 2 : c + 1), &shown))
		exponent += (int)shown;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	if (n == 0) {
		digits[n++] = '0';
		exponent = 0;
	}
	buf_fini(&plain);
	buf_putc(out, digits[0]);
	if (n > 1) {
		buf_putc(out, '.');
		buf_put(out, digits + 1, (size_t)n - 1);
	}
	buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}
