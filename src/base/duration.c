/* SPDX-License-Identifier: Apache-2.0 */
/* The one duration syntax: parse and print. */
#include "base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct unit {
	const char *name;
	int64_t ms;
	bool only_whole; /* printed only when nothing is left over */
} units[] = {
	{ "y", INT64_C(365) * 86400000, true },
	{ "w", INT64_C(7) * 86400000, true },
	{ "d", 86400000, false },
	{ "h", 3600000, false },
	{ "m", 60000, false },
	{ "s", 1000, false },
	{ "ms", 1, false },
};

#define REMEDY "(write 30s, 5m, 1h30m, 7d, ...)"

static const struct unit *
unit_at(struct str text, uint32_t at, uint32_t *ret_len)
{
	uint32_t n = 0;

	while (
	    at + n < text.n && (text.p[at + n] < '0' || text.p[at + n] > '9'))
		n++;
	*ret_len = n;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (str_is(str_make(text.p + at, n), units[i].name))
			return &units[i];
	return NULL;
}

static int
bad_unit(struct str text, uint32_t number_at, uint32_t at, uint32_t n,
    struct err *err)
{
	struct str shown = str_head(text, 40), unit;

	if (n == 0) {
		int digits = at - number_at > 12 ? 12 : (int)(at - number_at);
		const char *number = text.p + number_at;

		return err_set_at(err, ERR_INVALID, at,
		    "not a duration: '%.*s' has no unit (write %.*ss, %.*sm, "
		    "%.*sh, ...)",
		    STR_ARG(shown), digits, number, digits, number, digits,
		    number);
	}
	unit = str_head(str_make(text.p + at, n), 16);
	return err_set_at(err, ERR_INVALID, at,
	    "not a duration: unknown unit '%.*s' in '%.*s' (units are y, w, d, "
	    "h, m, s, ms)",
	    STR_ARG(unit), STR_ARG(shown));
}

int
duration_parse(struct str text, dur_t *ret, struct err *err)
{
	struct str shown = str_head(text, 40);
	const struct unit *last = NULL;
	int64_t total = 0;
	uint32_t at = 0;

	if (text.n == 0)
		return err_set_at(
		    err, ERR_INVALID, 0, "empty duration " REMEDY);
	if (str_eq(text, STR("0"))) {
		*ret = (dur_t){ 0 };
		return 0;
	}
	while (at < text.n) {
		uint32_t number_at = at, n;
		const struct unit *unit;
		int64_t value = 0;
		bool fits = true;

		for (; at < text.n && text.p[at] >= '0' && text.p[at] <= '9';
		     at++)
			fits = fits &&
			       !__builtin_mul_overflow(value, 10, &value) &&
			       !__builtin_add_overflow(
				   value, text.p[at] - '0', &value);
		if (at == number_at)
			return err_set_at(err, ERR_INVALID, at,
			    "not a duration: '%.*s' " REMEDY, STR_ARG(shown));
		unit = unit_at(text, at, &n);
		if (unit == NULL)
			return bad_unit(text, number_at, at, n, err);
		if (last != NULL && unit <= last)
			return err_set_at(err, ERR_INVALID, at,
			    "not a duration: in '%.*s' the unit %s comes after "
			    "%s (each unit once, in the order y w d h m s ms)",
			    STR_ARG(shown), unit->name, last->name);
		fits =
		    fits && !__builtin_mul_overflow(value, unit->ms, &value) &&
		    !__builtin_mul_overflow(value, INT64_C(1000000), &value) &&
		    !__builtin_add_overflow(total, value, &total);
		if (!fits)
			return err_set_at(err, ERR_INVALID, number_at,
			    "duration '%.*s' is too long (at most 292y)",
			    STR_ARG(shown));
		last = unit;
		at += n;
	}
	*ret = (dur_t){ total };
	return 0;
}

/* Nanoseconds of the unit at text; 0: none. */
static double
go_unit_at(struct str text, uint32_t *ret_len)
{
	static const struct {
		const char *name;
		double ns;
	} go_units[] = {
		{ "ns", 1 },
		{ "us", 1e3 },
		{ "\xc2\xb5s", 1e3 },
		{ "\xce\xbcs", 1e3 },
		{ "ms", 1e6 },
		{ "s", 1e9 },
		{ "m", 60e9 },
		{ "h", 3600e9 },
	};

	for (size_t i = 0; i < ARRAY_LEN(go_units); i++) {
		struct str name = str_from(go_units[i].name);

		if (!str_starts(text, name))
			continue;
		*ret_len = name.n;
		return go_units[i].ns;
	}
	return 0;
}

int
duration_parse_go(struct str text, dur_t *ret, struct err *err)
{
	double total = 0;
	uint32_t at = 0;

	if (str_eq(text, STR("0"))) {
		*ret = (dur_t){ 0 };
		return 0;
	}
	do {
		uint32_t start = at, n = 0;
		double number = 0, unit;

		while (at < text.n && text.p[at] != '\0' &&
		       strchr("0123456789.", text.p[at]) != NULL)
			at++;
		unit = go_unit_at(str_make(text.p + at, text.n - at), &n);
		if (unit == 0 ||
		    !str_to_double(str_make(text.p + start, at - start), &number))
			return err_set_at(err, ERR_INVALID, start,
			    "not a duration: '%.*s' (write 30s, 1.5s, 500ms, ...)",
			    STR_ARG(str_head(text, 40)));
		total += number * unit;
		at += n;
	} while (at < text.n);
	if (total >= 9.2e18)
		return err_set_at(err, ERR_INVALID, 0, "duration '%.*s' is too long (at most 292y)",
		    STR_ARG(str_head(text, 40)));
	*ret = (dur_t){ (int64_t)(total + 0.5) };
	return 0;
}

const char *
duration_format(dur_t d, char out[DURATION_TEXT_MAX])
{
	int64_t ms = d.ns / 1000000;
	size_t n = 0;

	if (ms == 0)
		return memcpy(out, "0s", sizeof("0s"));
	if (ms < 0) {
		out[n++] = '-';
		ms = -ms;
	}
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (ms < units[i].ms ||
		    (units[i].only_whole && ms % units[i].ms != 0))
			continue;
		n += (size_t)snprintf(out + n, DURATION_TEXT_MAX - n,
		    "%" PRId64 "%s", ms / units[i].ms, units[i].name);
		ms %= units[i].ms;
	}
	return out;
}
