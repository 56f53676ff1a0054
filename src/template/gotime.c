/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time and durations as Go prints them: layouts written as the
 * reference time, Mon Jan 2 15:04:05 MST 2006.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "template/func.h"

#define DAY 86400

const char *const gotime_months[12] = { "January", "February", "March",
	"April", "May", "June", "July", "August", "September", "October",
	"November", "December" };
const char *const gotime_weekdays[7] = { "Sunday", "Monday", "Tuesday",
	"Wednesday", "Thursday", "Friday", "Saturday" };

/* ---- the calendar ----------------------------------------------------------- */

int64_t
gotime_days(int64_t year, int month, int day)
{
	int64_t m = month - 1, era, of_era, of_year;

	year += m / 12;
	m %= 12;
	if (m < 0) {
		m += 12;
		year--;
	}
	/* Years that begin in March, eras of 400 of them. */
	m = m >= 2 ? m - 2 : m + 10;
	if (m >= 10)
		year--;
	era = (year >= 0 ? year : year - 399) / 400;
	of_era = year - era * 400;
	of_year = (153 * m + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - 719468;
}

static void
civil_date(int64_t days, struct civil *ret)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	ret->day = (int)(doy - (153 * mp + 2) / 5) + 1;
	ret->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	ret->year = yoe + era * 400 + (ret->month <= 2);
	ret->weekday = (int)(((days + 4) % 7 + 7) % 7);
	ret->yearday = (int)(days - gotime_days(ret->year, 1, 1)) + 1;
}

struct civil
gotime_civil(struct time t, int32_t *ret_offset, const char **ret_abbreviation)
{
	const char *abbreviation = "UTC";
	int32_t offset = t.zone == NULL
	    ? 0
	    : tz_offset(t.zone, t.sec, &abbreviation);
	int64_t sec = t.sec + offset, days = sec / DAY, rest = sec % DAY;
	struct civil c = { 0 };

	if (rest < 0) {
		rest += DAY;
		days--;
	}
	civil_date(days, &c);
	c.hour = (int)(rest / 3600);
	c.minute = (int)(rest / 60 % 60);
	c.second = (int)(rest % 60);
	if (ret_offset != NULL)
		*ret_offset = offset;
	if (ret_abbreviation != NULL)
		*ret_abbreviation = abbreviation;
	return c;
}

/* ---- layouts ---------------------------------------------------------------- */

enum piece {
	LONG_MONTH, SHORT_MONTH, LONG_WEEKDAY, SHORT_WEEKDAY, ZONE_NAME,
	ISO_ZONE_SECONDS_COLON, ISO_ZONE_COLON, ISO_ZONE, ISO_ZONE_HOUR,
	ZONE_SECONDS_COLON, ZONE_COLON, ZONE_SECONDS, ZONE, ZONE_HOUR,
	LONG_YEAR, YEARDAY, YEARDAY_SPACE, DAY_SPACE, ZERO_MONTH, ZERO_DAY,
	ZERO_HOUR12, ZERO_MINUTE, ZERO_SECOND, YEAR, HOUR, MONTH, DAY_PLAIN,
	HOUR12, MINUTE, SECOND, UPPER_PM, LOWER_PM, FRACTION_ZERO, FRACTION_NINE,
	NO_PIECE
};

/* In the order they must be tried: the longer before its beginning. */
static const struct { const char *text; enum piece piece; } pieces[] = {
	{ "January", LONG_MONTH }, { "Jan", SHORT_MONTH },
	{ "Monday", LONG_WEEKDAY }, { "Mon", SHORT_WEEKDAY },
	{ "MST", ZONE_NAME }, { "Z07:00:00", ISO_ZONE_SECONDS_COLON },
	{ "Z07:00", ISO_ZONE_COLON }, { "Z0700", ISO_ZONE },
	{ "Z07", ISO_ZONE_HOUR }, { "-07:00:00", ZONE_SECONDS_COLON },
	{ "-07:00", ZONE_COLON }, { "-070000", ZONE_SECONDS },
	{ "-0700", ZONE }, { "-07", ZONE_HOUR }, { "2006", LONG_YEAR },
	{ "002", YEARDAY }, { "__2", YEARDAY_SPACE }, { "_2006", NO_PIECE },
	{ "_2", DAY_SPACE }, { "01", ZERO_MONTH }, { "02", ZERO_DAY },
	{ "03", ZERO_HOUR12 }, { "04", ZERO_MINUTE }, { "05", ZERO_SECOND },
	{ "06", YEAR }, { "15", HOUR }, { "1", MONTH }, { "2", DAY_PLAIN },
	{ "3", HOUR12 }, { "4", MINUTE }, { "5", SECOND }, { "PM", UPPER_PM },
	{ "pm", LOWER_PM },
};

/* .000 or .999 with no digit behind: the digits, else 0. */
static uint32_t
fraction_length(struct str rest)
{
	uint32_t n = 1;

	if (rest.n < 2 || (rest.p[0] != '.' && rest.p[0] != ',') ||
	    (rest.p[1] != '0' && rest.p[1] != '9'))
		return 0;
	while (n < rest.n && rest.p[n] == rest.p[1])
		n++;
	if (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
		return 0;
	return n - 1;
}

static enum piece
next_piece(struct str rest, uint32_t *ret_n)
{
	uint32_t digits = fraction_length(rest);

	if (digits > 0) {
		*ret_n = digits + 1;
		return rest.p[1] == '0' ? FRACTION_ZERO : FRACTION_NINE;
	}
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		uint32_t n = (uint32_t)strlen(pieces[i].text);

		if (!str_starts(rest, str_from(pieces[i].text)))
			continue;
		/* "Jan" is no month within "Janet". */
		if (pieces[i].piece == SHORT_MONTH && n < rest.n &&
		    rest.p[n] >= 'a' && rest.p[n] <= 'z')
			continue;
		if (pieces[i].piece == SHORT_WEEKDAY && n < rest.n &&
		    rest.p[n] >= 'a' && rest.p[n] <= 'z')
			continue;
		if (pieces[i].piece == NO_PIECE) {
			*ret_n = 1;
			return NO_PIECE;
		}
		*ret_n = n;
		return pieces[i].piece;
	}
	*ret_n = 1;
	return NO_PIECE;
}

static void
put_zone(struct buf *out, enum piece piece, int32_t offset)
{
	bool iso = piece <= ISO_ZONE_HOUR;
	bool colon = piece == ISO_ZONE_COLON || piece == ZONE_COLON ||
	    piece == ISO_ZONE_SECONDS_COLON || piece == ZONE_SECONDS_COLON;
	int32_t by = abs(offset);

	if (iso && offset == 0) {
		buf_putc(out, 'Z');
		return;
	}
	buf_printf(out, "%c%02d", offset < 0 ? '-' : '+', by / 3600);
	if (piece == ISO_ZONE_HOUR || piece == ZONE_HOUR)
		return;
	buf_printf(out, colon ? ":%02d" : "%02d", by / 60 % 60);
	if (piece == ISO_ZONE_SECONDS_COLON || piece == ZONE_SECONDS_COLON)
		buf_printf(out, ":%02d", by % 60);
	else if (piece == ZONE_SECONDS)
		buf_printf(out, "%02d", by % 60);
}

static void
put_fraction(struct buf *out, struct str layout, int32_t nsec, bool nines)
{
	char digits[16];
	uint32_t n = layout.n - 1;

	snprintf(digits, sizeof(digits), "%09d", nsec);
	if (n > 9)
		n = 9;
	while (nines && n > 0 && digits[n - 1] == '0')
		n--;
	if (n == 0)
		return;
	buf_putc(out, layout.p[0]);
	buf_put(out, digits, n);
}

static void
put_zone_name(struct buf *out, const char *name, int32_t offset)
{
	/* A zone without a name has its offset for one. */
	if (name[0] == '+' || name[0] == '-') {
		buf_printf(out, "%c%02d", offset < 0 ? '-' : '+',
		    abs(offset) / 3600);
		if (offset % 3600 != 0)
			buf_printf(out, "%02d", abs(offset) / 60 % 60);
		return;
	}
	buf_puts(out, name);
}

static void
put_date(struct buf *out, enum piece piece, const struct civil *c)
{
	switch ((int)piece) {
	case LONG_MONTH: buf_puts(out, gotime_months[c->month - 1]); break;
	case SHORT_MONTH: buf_put(out, gotime_months[c->month - 1], 3); break;
	case LONG_WEEKDAY: buf_puts(out, gotime_weekdays[c->weekday]); break;
	case SHORT_WEEKDAY: buf_put(out, gotime_weekdays[c->weekday], 3); break;
	case LONG_YEAR: buf_printf(out, "%04lld", (long long)c->year); break;
	case YEAR: buf_printf(out, "%02d", (int)(llabs(c->year) % 100)); break;
	case YEARDAY: buf_printf(out, "%03d", c->yearday); break;
	case YEARDAY_SPACE: buf_printf(out, "%3d", c->yearday); break;
	case ZERO_MONTH: buf_printf(out, "%02d", c->month); break;
	case MONTH: buf_printf(out, "%d", c->month); break;
	case ZERO_DAY: buf_printf(out, "%02d", c->day); break;
	case DAY_SPACE: buf_printf(out, "%2d", c->day); break;
	case DAY_PLAIN: buf_printf(out, "%d", c->day); break;
	default: break;
	}
}

static void
put_clock(struct buf *out, enum piece piece, const struct civil *c)
{
	int hour12 = c->hour % 12 == 0 ? 12 : c->hour % 12;

	switch ((int)piece) {
	case HOUR: buf_printf(out, "%02d", c->hour); break;
	case ZERO_HOUR12: buf_printf(out, "%02d", hour12); break;
	case HOUR12: buf_printf(out, "%d", hour12); break;
	case ZERO_MINUTE: buf_printf(out, "%02d", c->minute); break;
	case MINUTE: buf_printf(out, "%d", c->minute); break;
	case ZERO_SECOND: buf_printf(out, "%02d", c->second); break;
	case SECOND: buf_printf(out, "%d", c->second); break;
	case UPPER_PM: buf_puts(out, c->hour >= 12 ? "PM" : "AM"); break;
	case LOWER_PM: buf_puts(out, c->hour >= 12 ? "pm" : "am"); break;
	default: break;
	}
}

void
gotime_format(struct buf *out, struct time t, struct str layout)
{
	const char *name;
	int32_t offset;
	struct civil c = gotime_civil(t, &offset, &name);

	while (layout.n > 0) {
		uint32_t n;
		enum piece piece = next_piece(layout, &n);

		if (piece == NO_PIECE)
			buf_put(out, layout.p, n);
		else if (piece == ZONE_NAME)
			put_zone_name(out, name, offset);
		else if (piece > ZONE_NAME && piece <= ZONE_HOUR)
			put_zone(out, piece, offset);
		else if (piece == FRACTION_ZERO || piece == FRACTION_NINE)
			put_fraction(out, str_make(layout.p, n), t.nsec,
			    piece == FRACTION_NINE);
		else if (piece == HOUR || piece == HOUR12 || piece >= MINUTE ||
		    piece == ZERO_HOUR12 || piece == ZERO_MINUTE ||
		    piece == ZERO_SECOND)
			put_clock(out, piece, &c);
		else
			put_date(out, piece, &c);
		layout = str_make(layout.p + n, layout.n - n);
	}
}

/* ---- reading ---------------------------------------------------------------- */

struct reader {
	struct str s;
	struct civil c;
	int32_t nsec, offset;
	bool pm, am, good;
};

/* least to most digits, leading spaces when space. */
static int
take_digits(struct reader *r, uint32_t least, uint32_t most, bool space)
{
	uint32_t n = 0;
	int v = 0;

	while (space && r->s.n > 0 && r->s.p[0] == ' ')
		r->s = str_make(r->s.p + 1, r->s.n - 1);
	while (n < most && n < r->s.n && r->s.p[n] >= '0' && r->s.p[n] <= '9')
		v = v * 10 + (r->s.p[n++] - '0');
	if (n < least)
		r->good = false;
	r->s = str_make(r->s.p + n, r->s.n - n);
	return v;
}

static int
take_name(struct reader *r, const char *const *names, int count, uint32_t length)
{
	for (int i = 0; i < count; i++) {
		uint32_t n = length != 0 ? length : (uint32_t)strlen(names[i]);

		if (r->s.n >= n && strncasecmp(r->s.p, names[i], n) == 0) {
			r->s = str_make(r->s.p + n, r->s.n - n);
			return i;
		}
	}
	r->good = false;
	return 0;
}

static void
take_zone(struct reader *r, enum piece piece)
{
	bool colon = piece == ISO_ZONE_COLON || piece == ZONE_COLON;
	int sign, hours, minutes = 0;

	if (piece <= ISO_ZONE_HOUR && r->s.n > 0 && r->s.p[0] == 'Z') {
		r->s = str_make(r->s.p + 1, r->s.n - 1);
		return;
	}
	if (r->s.n == 0 || (r->s.p[0] != '+' && r->s.p[0] != '-')) {
		r->good = false;
		return;
	}
	sign = r->s.p[0] == '-' ? -1 : 1;
	r->s = str_make(r->s.p + 1, r->s.n - 1);
	hours = take_digits(r, 2, 2, false);
	if (colon && r->s.n > 0 && r->s.p[0] == ':')
		r->s = str_make(r->s.p + 1, r->s.n - 1);
	if (piece != ISO_ZONE_HOUR && piece != ZONE_HOUR)
		minutes = take_digits(r, 2, 2, false);
	r->offset = sign * (hours * 3600 + minutes * 60);
}

static void
take_fraction(struct reader *r)
{
	int32_t unit = 100000000;

	r->nsec = 0;
	if (r->s.n == 0 || (r->s.p[0] != '.' && r->s.p[0] != ','))
		return;
	r->s = str_make(r->s.p + 1, r->s.n - 1);
	while (r->s.n > 0 && r->s.p[0] >= '0' && r->s.p[0] <= '9') {
		r->nsec += (r->s.p[0] - '0') * unit;
		unit /= 10;
		r->s = str_make(r->s.p + 1, r->s.n - 1);
	}
}

static void
take_piece(struct reader *r, enum piece piece)
{
	struct civil *c = &r->c;

	switch ((int)piece) {
	case LONG_MONTH: c->month = take_name(r, gotime_months, 12, 0) + 1; break;
	case SHORT_MONTH: c->month = take_name(r, gotime_months, 12, 3) + 1; break;
	case LONG_WEEKDAY: take_name(r, gotime_weekdays, 7, 0); break;
	case SHORT_WEEKDAY: take_name(r, gotime_weekdays, 7, 3); break;
	case LONG_YEAR: c->year = take_digits(r, 4, 4, false); break;
	case YEAR:
		c->year = take_digits(r, 2, 2, false);
		c->year += c->year >= 69 ? 1900 : 2000;
		break;
	case ZERO_MONTH: c->month = take_digits(r, 2, 2, false); break;
	case MONTH: c->month = take_digits(r, 1, 2, false); break;
	case ZERO_DAY: c->day = take_digits(r, 2, 2, false); break;
	case DAY_SPACE:
	case DAY_PLAIN: c->day = take_digits(r, 1, 2, true); break;
	case HOUR:
	case ZERO_HOUR12: c->hour = take_digits(r, 2, 2, false); break;
	case HOUR12: c->hour = take_digits(r, 1, 2, false); break;
	case ZERO_MINUTE: c->minute = take_digits(r, 2, 2, false); break;
	case MINUTE: c->minute = take_digits(r, 1, 2, false); break;
	case ZERO_SECOND:
		c->second = take_digits(r, 2, 2, false);
		if (r->s.n > 1 && r->s.p[0] == '.' && r->s.p[1] >= '0' &&
		    r->s.p[1] <= '9')
			take_fraction(r); /* also where the layout has none */
		break;
	case SECOND: c->second = take_digits(r, 1, 2, false); break;
	case FRACTION_ZERO:
	case FRACTION_NINE:
		if (r->s.n > 0 && (r->s.p[0] == '.' || r->s.p[0] == ','))
			take_fraction(r);
		break;
	case UPPER_PM:
	case LOWER_PM:
		r->pm = r->s.n > 0 && (r->s.p[0] | 32) == 'p';
		r->am = !r->pm;
		take_name(r, (const char *const[]){ "AM", "PM" }, 2, 0);
		break;
	case ZONE_NAME:
		take_name(r, (const char *const[]){ "UTC", "GMT" }, 2, 0);
		break;
	default: take_zone(r, piece); break;
	}
}

bool
gotime_parse(struct str layout, struct str text, struct time *ret)
{
	struct reader r = { .s = text, .good = true,
		.c = { .month = 1, .day = 1 } };
	struct civil *c = &r.c;

	while (layout.n > 0 && r.good) {
		uint32_t n;
		enum piece piece = next_piece(layout, &n);

		if (piece != NO_PIECE) {
			take_piece(&r, piece);
		} else if (r.s.n >= n && memcmp(r.s.p, layout.p, n) == 0) {
			r.s = str_make(r.s.p + n, r.s.n - n);
		} else {
			return false;
		}
		layout = str_make(layout.p + n, layout.n - n);
	}
	if (r.pm && c->hour < 12)
		c->hour += 12;
	else if (r.am && c->hour == 12)
		c->hour = 0;
	if (!r.good || r.s.n > 0 || c->month < 1 || c->month > 12 ||
	    c->day < 1 || c->hour > 23 || c->minute > 59 || c->second > 59 ||
	    gotime_days(c->year, c->month, c->day) >=
		gotime_days(c->year, c->month + 1, 1))
		return false;
	*ret = (struct time){ .nsec = r.nsec };
	ret->sec = gotime_days(c->year, c->month, c->day) * DAY +
	    c->hour * 3600 + c->minute * 60 + c->second - r.offset;
	return true;
}

/* ---- durations -------------------------------------------------------------- */

/* The digits of v / 10^places without zeros at the end. */
static void
put_decimal(struct buf *out, uint64_t v, int places)
{
	char digits[32];
	uint64_t unit = 1;
	int n;

	for (int i = 0; i < places; i++)
		unit *= 10;
	buf_printf(out, "%llu", (unsigned long long)(v / unit));
	if (v % unit == 0)
		return;
	n = snprintf(digits, sizeof(digits), ".%0*llu", places,
	    (unsigned long long)(v % unit));
	while (n > 0 && digits[n - 1] == '0')
		n--;
	buf_put(out, digits, (size_t)n);
}

void
gotime_duration(struct buf *out, int64_t ns)
{
	uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	const uint64_t second = 1000000000u;

	if (v == 0) {
		buf_puts(out, "0s");
		return;
	}
	if (ns < 0)
		buf_putc(out, '-');
	if (v < 1000) {
		buf_printf(out, "%lluns", (unsigned long long)v);
	} else if (v < 1000000) {
		put_decimal(out, v, 3);
		buf_puts(out, "\u00b5s");
	} else if (v < second) {
		put_decimal(out, v, 6);
		buf_puts(out, "ms");
	} else {
		if (v >= 3600 * second)
			buf_printf(out, "%lluh",
			    (unsigned long long)(v / second / 3600));
		if (v >= 60 * second)
			buf_printf(out, "%llum",
			    (unsigned long long)(v / second / 60 % 60));
		put_decimal(out, v % (60 * second), 9);
		buf_putc(out, 's');
	}
}
