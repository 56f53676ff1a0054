/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strconv.FormatFloat(v, 'g', -1, 64): the fewest digits that read back to the
 * same number, with an exponent when it is below -4 or at least 6, however
 * many digits there are (1234567 is 1.234567e+06).
 */
#include "config.h"

#include "template/go_float.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_MIN 6 /* of the shortest form, written with an exponent */

struct digits {
	bool negative;
	char d[20];
	int n, exponent; /* d[0].d[1]... x 10^exponent */
};

/* The first precision whose text reads back is the shortest. */
static void
shortest(double v, struct digits *ret)
{
	/*
	 * Any 15 digits survive the way to a double and back, so a shorter form
	 * shows as zeros at the end; not so for subnormals.
	 */
	int precision = fabs(v) < 2.3e-308 ? 1 : 15;
	char text[GO_FLOAT_MAX];
	const char *p = text, *e;

	for (; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision - 1, v);
		if (precision == 17 || strtod(text, NULL) == v)
			break;
	}
	*ret = (struct digits){ .negative = *p == '-' };
	e = strchr(text, 'e');
	for (; p < e && ret->n < 20; p++) {
		if (*p >= '0' && *p <= '9')
			ret->d[ret->n++] = *p;
	}
	while (ret->n > 1 && ret->d[ret->n - 1] == '0')
		ret->n--;
	for (p = e + 2; *p != '\0'; p++)
		ret->exponent = ret->exponent * 10 + (*p - '0');
	if (e[1] == '-')
		ret->exponent = -ret->exponent;
}

static int
put_plain(const struct digits *g, char *out)
{
	int n = 0;

	if (g->exponent < 0) {
		out[n++] = '0';
		out[n++] = '.';
		for (int i = -1; i > g->exponent; i--)
			out[n++] = '0';
	}
	for (int i = 0; i < g->n || i <= g->exponent; i++) {
		out[n++] = i < g->n ? g->d[i] : '0';
		if (i == g->exponent && i + 1 < g->n)
			out[n++] = '.';
	}
	return n;
}

static int
put_exponent(const struct digits *g, char *out, size_t cap)
{
	int n = 0;

	out[n++] = g->d[0];
	if (g->n > 1) {
		out[n++] = '.';
		memcpy(out + n, g->d + 1, (size_t)g->n - 1);
		n += g->n - 1;
	}
	return n + snprintf(out + n, cap - (size_t)n, "e%c%02d",
		       g->exponent < 0 ? '-' : '+', abs(g->exponent));
}

int
go_float(double v, char out[GO_FLOAT_MAX])
{
	struct digits g;
	int n = 0;

	if (isnan(v))
		return snprintf(out, GO_FLOAT_MAX, "NaN");
	if (isinf(v))
		return snprintf(out, GO_FLOAT_MAX, v < 0 ? "-Inf" : "+Inf");
	shortest(v, &g);
	if (g.negative)
		out[n++] = '-';
	if (g.exponent < -4 || g.exponent >= EXPONENT_MIN)
		n += put_exponent(&g, out + n, (size_t)(GO_FLOAT_MAX - n));
	else
		n += put_plain(&g, out + n);
	out[n] = '\0';
	return n;
}
