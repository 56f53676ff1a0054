/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that Prometheus and Alertmanager share. */
#include "config.h"

#include "labels/regex_replace.h"
#include "labels/rune.h"
#include "template/func_units.h"

#define FN(name) static int name(struct exec *x, \
    const struct value *args, uint32_t n, struct value *ret)

/* The other case of a letter, for the alphabets whose cases lie evenly apart. */
uint32_t
rune_case(uint32_t r, bool upper)
{
	static const struct { uint32_t low, high, by; } even[] = {
		{ 'a', 'z', 32 }, { 0xE0, 0xF6, 32 }, { 0xF8, 0xFE, 32 },
		{ 0x3B1, 0x3C1, 32 }, { 0x3C3, 0x3C9, 32 },
		{ 0x430, 0x44F, 32 }, { 0x450, 0x45F, 80 },
	};

	for (size_t i = 0; i < sizeof(even) / sizeof(even[0]); i++) {
		uint32_t by = even[i].by, low = even[i].low - (upper ? 0 : by);

		if (r >= low && r <= low + even[i].high - even[i].low)
			return upper ? r - by : r + by;
	}
	/* Pairs: the capital comes first. */
	if ((r >= 0x100 && r <= 0x137 && r != 0x130 && r != 0x131) ||
	    (r >= 0x14A && r <= 0x177) || (r >= 0x460 && r <= 0x481))
		return upper ? r & ~1u : r | 1u;
	if ((r >= 0x139 && r <= 0x148) || (r >= 0x179 && r <= 0x17E))
		return upper ? r - (1 - r % 2) : r + r % 2;
	return r;
}

void
put_case(struct buf *out, struct str s, uint32_t i, uint32_t n, uint32_t rune,
    bool upper)
{
	uint32_t changed = rune_case(rune, upper);
	char utf8[4];

	if (changed == rune)
		buf_put(out, s.p + i, n);
	else
		buf_put(out, utf8, rune_encode(changed, utf8));
}

static int
change_case(struct exec *x, struct str s, bool upper, struct value *ret)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };
	uint32_t n;

	for (uint32_t i = 0; i < s.n; i += n) {
		uint32_t rune = rune_decode(s, i, &n);

		put_case(&out, s, i, n, rune, upper);
	}
	return exec_take(x, &out, ret);
}

FN(fn_upper)
{
	(void)n;
	return change_case(x, args[0].s, true, ret);
}

FN(fn_lower)
{
	(void)n;
	return change_case(x, args[0].s, false, ret);
}

/* ---- regular expressions ---------------------------------------------------- */

static int
pattern_of(struct exec *x, struct str pattern,
    const struct regex_search **ret)
{
	*ret = x->regex;
	x->regex = NULL;
	if (*ret != NULL)
		return 0;
	if (exec_charge(x, 100 + pattern.n) < 0)
		return -ERR_LIMIT;
	*ret = regex_search_new(x->arena, pattern, x->err);
	return *ret != NULL ? 0 : -ERR_INVALID;
}

FN(fn_match)
{
	const struct regex_search *re;
	int rc = pattern_of(x, args[0].s, &re);

	(void)n;
	if (rc == 0)
		rc = exec_charge(x, 10 + args[1].s.n / 16);
	if (rc == 0)
		rc = regex_search_find(re, args[1].s, x->err);
	if (rc < 0)
		return rc;
	*ret = VALUE_B(rc);
	return 0;
}

FN(fn_replace)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };
	const struct regex_search *re;
	int rc = pattern_of(x, args[0].s, &re);

	(void)n;
	if (rc == 0)
		rc = exec_charge(x, 10 + args[2].s.n);
	if (rc == 0)
		rc = regex_search_replace(re, args[2].s, args[1].s, &out,
		    x->err);
	if (rc < 0) {
		buf_fini(&out);
		return rc;
	}
	return exec_take(x, &out, ret);
}

FN(fn_safe_html)
{
	(void)x;
	(void)n;
	*ret = args[0];
	ret->type = TYPE_HTML;
	return 0;
}

/* ---- numbers for people ----------------------------------------------------- */

int
to_float(struct exec *x, const struct value *v, double *ret)
{
	if (v->type == TYPE_FLOAT)
		*ret = v->f;
	else if (v->type == TYPE_DURATION)
		*ret = (double)v->i / 1e9;
	else if (value_is_int(v))
		*ret = (double)v->i;
	else if (v->type != TYPE_STRING)
		return exec_fail(x, "can't convert %s to float",
		    type_name(v->type));
	else if (!str_to_double(v->s, ret))
		return exec_fail(x, "strconv.ParseFloat: parsing \"%.*s\": "
		    "invalid syntax", STR_ARG(str_head(v->s, 60)));
	return 0;
}

static void
put_duration(struct buf *out, double v)
{
	static const char prefixes[] = "munpfazy";
	const char *prefix = NULL;

	if (!isfinite(v)) {
		print_float(out, v, 'g', 4);
		return;
	}
	if (fabs(v) >= 1) {
		int64_t s;

		if (v < 0)
			buf_putc(out, '-');
		v = fabs(v);
		s = v < 9.2e18 ? (int64_t)v : INT64_MIN;
		if (s / 86400 != 0)
			buf_printf(out, "%lldd ", (long long)(s / 86400));
		if (s / 3600 != 0 && (s / 86400 != 0 || s / 3600 % 24 != 0))
			buf_printf(out, "%lldh ", (long long)(s / 3600 % 24));
		if (s / 60 != 0) {
			buf_printf(out, "%lldm %llds",
			    (long long)(s / 60 % 60), (long long)(s % 60));
			return;
		}
		print_float(out, v, 'g', 4);
		buf_putc(out, 's');
		return;
	}
	for (const char *p = prefixes; v != 0 && *p != '\0' && fabs(v) < 1; p++) {
		prefix = p;
		v *= 1000;
	}
	print_float(out, v, 'g', 4);
	if (prefix != NULL)
		buf_putc(out, *prefix);
	buf_putc(out, 's');
}

FN(fn_duration)
{
	struct buf out = { 0 };
	double v;

	(void)n;
	if (to_float(x, &args[0], &v) < 0)
		return -ERR_INVALID;
	put_duration(&out, v);
	return exec_take(x, &out, ret);
}

const struct func funcs_both[] = {
	{ "toUpper", "s", TYPE_STRING, fn_upper, false, false },
	{ "toLower", "s", TYPE_STRING, fn_lower, false, false },
	{ "match", "ss", TYPE_BOOL, fn_match, true, false },
	{ "reReplaceAll", "sss", TYPE_STRING, fn_replace, true, false },
	{ "safeHtml", "s", TYPE_HTML, fn_safe_html, false, false },
	{ "humanizeDuration", "n", TYPE_STRING, fn_duration, false, false },
	{ .name = NULL },
};
