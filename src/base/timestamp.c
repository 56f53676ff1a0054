/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339, RFC 5322 and HTTP dates, by day arithmetic on the proleptic
 * Gregorian calendar. */
#include "base/timestamp.h"

#include <stdio.h>

#define NS_PER_S  INT64_C(1000000000)
#define S_PER_DAY 86400
/* Whole years that fit an int64_t of nanoseconds. */
#define YEAR_MIN 1678
#define YEAR_MAX 2261

static const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
	"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char day_names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };

struct civil {
	int year, month, day; /* month and day from 1 */
	int hour, minute, second;
	int64_t ns;
	int weekday; /* 0 is Sunday; only set by to_civil() */
};

/* Days since 1970-01-01; years begin in March so that the leap day comes last.
 */
static int64_t
days_from_civil(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400,
		of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static void
to_civil(wall_t t, struct civil *c)
{
	int64_t s = t.ns / NS_PER_S, ns = t.ns % NS_PER_S, days, of_day, era,
		of_era, year, of_year, month;

	if (ns < 0) {
		ns += NS_PER_S;
		s--;
	}
	days = s / S_PER_DAY;
	of_day = s % S_PER_DAY;
	if (of_day < 0) {
		of_day += S_PER_DAY;
		days--;
	}
	c->ns = ns;
	c->hour = (int)(of_day / 3600);
	c->minute = (int)(of_day / 60 % 60);
	c->second = (int)(of_day % 60);
	c->weekday = (int)(((days + 4) % 7 + 7) % 7);
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = days - era * 146097;
	year =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	c->day = (int)(of_year - (153 * month + 2) / 5 + 1);
	c->month = (int)(month < 10 ? month + 3 : month - 9);
	c->year = (int)(year + era * 400 + (c->month <= 2));
}

static int
days_in_month(int year, int month)
{
	static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static bool
to_wall(const struct civil *c, int64_t offset_s, wall_t *ret)
{
	int64_t s;

	if (c->month < 1 || c->month > 12 || c->day < 1 ||
	    c->day > days_in_month(c->year, c->month) || c->hour > 23 ||
	    c->minute > 59 || c->second > 59)
		return false;
	if (c->year == 1) {
		*ret = WALL_NONE;
		return true;
	}
	/* "Never ends", written as the year 9999, means as late as can be said. */
	if (c->year < YEAR_MIN || c->year > YEAR_MAX) {
		bool late = c->year > YEAR_MAX;

		s = days_from_civil(late ? YEAR_MAX + 1 : YEAR_MIN, 1, 1) *
		    S_PER_DAY;
		*ret = (wall_t){ s * NS_PER_S - late };
		return true;
	}
	s = days_from_civil(c->year, c->month, c->day) * S_PER_DAY +
	    c->hour * 3600 + c->minute * 60 + c->second;
	*ret = (wall_t){ (s - offset_s) * NS_PER_S + c->ns };
	return true;
}

/* Exactly n digits. */
static bool
take_digits(struct str *s, uint32_t n, int *ret)
{
	int v = 0;

	if (s->n < n)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->n -= n;
	*ret = v;
	return true;
}

/* One character out of a set. */
static bool
take_one(struct str *s, const char *set, char *ret)
{
	if (s->n == 0 || s->p[0] == '\0' || strchr(set, s->p[0]) == NULL)
		return false;
	if (ret != NULL)
		*ret = s->p[0];
	s->p++;
	s->n--;
	return true;
}

static bool
take(struct str *s, struct str text)
{
	if (!str_starts(*s, text))
		return false;
	s->p += text.n;
	s->n -= text.n;
	return true;
}

static bool
take_time(struct str *s, struct civil *c)
{
	return take_digits(s, 2, &c->hour) && take(s, STR(":")) &&
	       take_digits(s, 2, &c->minute) && take(s, STR(":")) &&
	       take_digits(s, 2, &c->second);
}

static bool
take_fraction(struct str *s, int64_t *ret_ns)
{
	int64_t scale = NS_PER_S;
	uint32_t i = 0;

	*ret_ns = 0;
	if (!take_one(s, ".,", NULL))
		return true;
	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
		scale /= 10;
		*ret_ns += (s->p[i] - '0') * scale;
	}
	s->p += i;
	s->n -= i;
	return i != 0;
}

static bool
take_offset(struct str *s, int64_t *ret_s)
{
	int hours, minutes;
	char sign;

	*ret_s = 0;
	if (take_one(s, "Zz", NULL))
		return true;
	if (!take_one(s, "+-", &sign) || !take_digits(s, 2, &hours) ||
	    !take(s, STR(":")) || !take_digits(s, 2, &minutes) || hours > 23 ||
	    minutes > 59)
		return false;
	*ret_s = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

bool
timestamp_parse(struct str text, wall_t *ret)
{
	struct civil c = { 0 };
	int64_t offset_s;

	return take_digits(&text, 4, &c.year) && take(&text, STR("-")) &&
	       take_digits(&text, 2, &c.month) && take(&text, STR("-")) &&
	       take_digits(&text, 2, &c.day) && take_one(&text, "Tt ", NULL) &&
	       take_time(&text, &c) && take_fraction(&text, &c.ns) &&
	       take_offset(&text, &offset_s) && text.n == 0 &&
	       to_wall(&c, offset_s, ret);
}

/* v in `digits` decimal digits. */
static char *
put_digits(char *p, int64_t v, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		p[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return p + digits;
}

/* Up to the seconds: every list of alerts prints thousands of these. */
static char *
put_civil(char *p, const struct civil *c)
{
	p = put_digits(p, c->year, 4);
	*p++ = '-';
	p = put_digits(p, c->month, 2);
	*p++ = '-';
	p = put_digits(p, c->day, 2);
	*p++ = 'T';
	p = put_digits(p, c->hour, 2);
	*p++ = ':';
	p = put_digits(p, c->minute, 2);
	*p++ = ':';
	return put_digits(p, c->second, 2);
}

const char *
timestamp_format_ms(wall_t t, char out[TIMESTAMP_TEXT_MAX])
{
	struct civil c;
	char *p;

	if (!wall_is_set(t))
		return memcpy(out, "0001-01-01T00:00:00.000Z",
		    sizeof("0001-01-01T00:00:00.000Z"));
	to_civil(t, &c);
	p = put_civil(out, &c);
	*p++ = '.';
	p = put_digits(p, c.ns / 1000000, 3);
	*p++ = 'Z';
	*p = '\0';
	return out;
}

const char *
timestamp_format_ns(wall_t t, char out[TIMESTAMP_TEXT_MAX])
{
	struct civil c;
	char *p;

	if (!wall_is_set(t))
		return memcpy(out, "0001-01-01T00:00:00Z",
		    sizeof("0001-01-01T00:00:00Z"));
	to_civil(t, &c);
	p = put_civil(out, &c);
	if (c.ns != 0) {
		*p++ = '.';
		p = put_digits(p, c.ns, 9);
		while (p[-1] == '0')
			p--;
	}
	*p++ = 'Z';
	*p = '\0';
	return out;
}

const char *
timestamp_format_rfc5322(wall_t t, char out[TIMESTAMP_TEXT_MAX])
{
	struct civil c;

	to_civil(t, &c);
	snprintf(out, TIMESTAMP_TEXT_MAX,
	    "%s, %02d %s %04d %02d:%02d:%02d +0000", day_names[c.weekday],
	    c.day, month_names[c.month - 1], c.year, c.hour, c.minute,
	    c.second);
	return out;
}

static bool
take_month(struct str *s, int *ret)
{
	for (int i = 0; i < 12; i++) {
		if (take(s, str_from(month_names[i]))) {
			*ret = i + 1;
			return true;
		}
	}
	return false;
}

/* "Sun" or, for the obsolete form, "Sunday". */
static bool
take_weekday(struct str *s, bool *ret_long)
{
	static const char *const rest[7] = { "day", "day", "sday", "nesday",
		"rsday", "day", "urday" };

	for (int i = 0; i < 7; i++) {
		if (take(s, str_from(day_names[i]))) {
			*ret_long = take(s, str_from(rest[i]));
			return true;
		}
	}
	return false;
}

/* "Sun Nov  6 08:49:37 1994", after the day of the week */
static bool
take_asctime(struct str *s, struct civil *c)
{
	return take(s, STR(" ")) && take_month(s, &c->month) &&
	       take(s, STR(" ")) &&
	       (take(s, STR(" ")) ? take_digits(s, 1, &c->day)
				  : take_digits(s, 2, &c->day)) &&
	       take(s, STR(" ")) && take_time(s, c) && take(s, STR(" ")) &&
	       take_digits(s, 4, &c->year);
}

/* RFC 9110 5.6.7: the three forms a recipient has to understand. */
bool
timestamp_parse_http(struct str text, wall_t *ret)
{
	struct civil c = { 0 };
	bool is_long;

	if (!take_weekday(&text, &is_long))
		return false;
	if (!take(&text, STR(", ")))
		return !is_long && take_asctime(&text, &c) && text.n == 0 &&
		       to_wall(&c, 0, ret);
	if (is_long) {
		if (!take_digits(&text, 2, &c.day) || !take(&text, STR("-")) ||
		    !take_month(&text, &c.month) || !take(&text, STR("-")) ||
		    !take_digits(&text, 2, &c.year))
			return false;
		c.year += c.year < 70 ? 2000 : 1900;
	} else if (!take_digits(&text, 2, &c.day) || !take(&text, STR(" ")) ||
		   !take_month(&text, &c.month) || !take(&text, STR(" ")) ||
		   !take_digits(&text, 4, &c.year)) {
		return false;
	}
	return take(&text, STR(" ")) && take_time(&text, &c) &&
	       take(&text, STR(" GMT")) && text.n == 0 && to_wall(&c, 0, ret);
}
