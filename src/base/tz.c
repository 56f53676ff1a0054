/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zone files as zic(8) compiles them (RFC 8536): the 64-bit block, and the
 * POSIX rule behind it for what comes after the last transition listed.
 *
 * There are a few hundred zones at most, so none is ever given back.
 */
#include "config.h"

#include "base/tz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/xalloc.h"

#define ZONE_DIR         "/usr/share/zoneinfo/"
#define ZONE_LOCAL       "/etc/localtime"
#define ZONE_NAME_MAX    64
#define ZONE_FILE_MAX    (64u << 10)
#define HEADER           44
#define KINDS_MAX        256
#define TRANSITIONS_MAX  5000
#define ABBREVIATION_MAX 8
#define DAY              86400

struct kind {
	int32_t offset;
	uint32_t abbreviation; /* in names */
};

enum day_form {
	DAY_OF_MONTH_WEEK,
	DAY_JULIAN,
	DAY_OF_YEAR
};

/* M3.5.0/2, J60/2 or 59/2: a day of each year, and a second of that day. */
struct rule {
	enum day_form form;
	int month, week, weekday; /* the week-th weekday of the month; 5: the last */
	int day;                  /* the other two forms */
	int32_t at;
};

struct tz {
	struct tz *next;
	char name[ZONE_NAME_MAX];
	int64_t *at; /* n transitions, to kinds[to[i]] */
	uint8_t *to;
	struct kind kinds[KINDS_MAX];
	uint32_t n;
	char names[512];
	/* what holds after the last transition */
	bool has_rule, has_summer;
	char standard[ABBREVIATION_MAX], summer[ABBREVIATION_MAX];
	int32_t standard_offset, summer_offset;
	struct rule starts, ends;
};

static struct tz *zones;

/* ---- the POSIX rule --------------------------------------------------------- */

static bool
read_number(const char **p, int *ret)
{
	const char *start = *p;

	*ret = 0;
	while (**p >= '0' && **p <= '9' && *ret < 100000)
		*ret = *ret * 10 + (*(*p)++ - '0');
	return *p > start;
}

/* [+-]hh[:mm[:ss]] */
static bool
read_offset(const char **p, int32_t *ret)
{
	int sign = 1, part, unit = 3600;

	if (**p == '-' || **p == '+')
		sign = *(*p)++ == '-' ? -1 : 1;
	*ret = 0;
	for (;;) {
		if (!read_number(p, &part) || part > 1000)
			return false;
		*ret += part * unit;
		unit /= 60;
		if (**p != ':' || unit == 0)
			break;
		(*p)++;
	}
	*ret *= sign;
	return true;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
read_abbreviation(const char **p, char ret[ABBREVIATION_MAX])
{
	bool angle = **p == '<';
	uint32_t n = 0;

	*p += angle;
	while (**p != '\0' && n + 1 < ABBREVIATION_MAX && (angle ? **p != '>' : is_letter(**p)))
		ret[n++] = *(*p)++;
	ret[n] = '\0';
	if (angle && **p != '>')
		return false;
	*p += angle;
	return n > 0;
}

/* M3.5.0 */
static bool
read_month_week(const char **p, struct rule *ret)
{
	ret->form = DAY_OF_MONTH_WEEK;
	return read_number(p, &ret->month) && *(*p)++ == '.' && read_number(p, &ret->week) &&
	       *(*p)++ == '.' && read_number(p, &ret->weekday) && ret->month >= 1 &&
	       ret->month <= 12 && ret->week >= 1 && ret->week <= 5 && ret->weekday <= 6;
}

static bool
read_rule(const char **p, struct rule *ret)
{
	bool good;

	*ret = (struct rule){ .at = 2 * 3600 };
	if (*(*p)++ != ',')
		return false;
	if (**p == 'M') {
		(*p)++;
		good = read_month_week(p, ret);
	} else {
		ret->form = **p == 'J' ? DAY_JULIAN : DAY_OF_YEAR;
		*p += **p == 'J';
		good = read_number(p, &ret->day) && ret->day <= 365;
	}
	if (!good || **p != '/')
		return good;
	(*p)++;
	return read_offset(p, &ret->at);
}

static void
read_footer(struct tz *tz, const char *p)
{
	int32_t offset;

	if (!read_abbreviation(&p, tz->standard) || !read_offset(&p, &offset))
		return;
	tz->standard_offset = -offset;
	tz->has_rule = true;
	if (*p == '\0' || !read_abbreviation(&p, tz->summer))
		return;
	tz->summer_offset = tz->standard_offset + 3600;
	if (*p != ',' && *p != '\0') {
		if (!read_offset(&p, &offset))
			return;
		tz->summer_offset = -offset;
	}
	tz->has_summer = read_rule(&p, &tz->starts) && read_rule(&p, &tz->ends);
}

static int64_t
rule_day(const struct rule *rule, int64_t year)
{
	int64_t first = civil_to_days(year, rule->month > 0 ? rule->month : 1, 1);
	int64_t day, next;

	switch (rule->form) {
	case DAY_OF_YEAR:
		return first + rule->day;
	case DAY_JULIAN: /* 29 February is never counted */
		return first + rule->day - 1 + (rule->day >= 60 && civil_month_days(year, 2) == 29);
	case DAY_OF_MONTH_WEEK:
		break;
	}
	next = first + civil_month_days(year, rule->month);
	day =
	    first + (rule->weekday - civil_from_days(first).weekday + 7) % 7 + (rule->week - 1) * 7;
	while (day >= next)
		day -= 7;
	return day;
}

/* Seconds since 1970 of the rule in that year, by a wall clock of that offset. */
static int64_t
rule_time(const struct rule *rule, int64_t year, int32_t offset)
{
	return rule_day(rule, year) * DAY + rule->at - offset;
}

static int64_t
floor_days(int64_t sec)
{
	return (sec >= 0 ? sec : sec - (DAY - 1)) / DAY;
}

static int32_t
by_rule(const struct tz *tz, int64_t sec, const char **ret_abbreviation)
{
	bool summer = false;

	if (tz->has_summer) {
		int64_t year = civil_from_days(floor_days(sec + tz->standard_offset)).year;
		int64_t starts = rule_time(&tz->starts, year, tz->standard_offset);
		int64_t ends = rule_time(&tz->ends, year, tz->summer_offset);

		summer = starts < ends ? sec >= starts && sec < ends : sec >= starts || sec < ends;
	}
	*ret_abbreviation = summer ? tz->summer : tz->standard;
	return summer ? tz->summer_offset : tz->standard_offset;
}

/* ---- the file --------------------------------------------------------------- */

static uint32_t
be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static bool
read_header(const unsigned char *p, size_t n, struct counts *ret)
{
	if (n < HEADER || memcmp(p, "TZif", 4) != 0)
		return false;
	*ret = (struct counts){ be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32),
		be32(p + 36), be32(p + 40) };
	return ret->isut <= KINDS_MAX && ret->isstd <= KINDS_MAX && ret->leap <= 1000 &&
	       ret->time <= TRANSITIONS_MAX && ret->type <= KINDS_MAX && ret->type > 0 &&
	       ret->chars < sizeof(((struct tz *)NULL)->names);
}

static size_t
block_size(const struct counts *c, size_t time_bytes)
{
	return c->time * (time_bytes + 1) + c->type * 6 + c->chars + c->leap * (time_bytes + 4) +
	       c->isstd + c->isut;
}

static bool
read_block(struct tz *tz, const unsigned char *p, const struct counts *c)
{
	tz->at = xcalloc(c->time + 1, sizeof(*tz->at));
	tz->to = xcalloc(c->time + 1, 1);
	tz->n = c->time;
	for (uint32_t i = 0; i < c->time; i++, p += 8)
		tz->at[i] = (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
	for (uint32_t i = 0; i < c->time; i++, p++) {
		tz->to[i] = *p;
		if (*p >= c->type)
			return false;
	}
	for (uint32_t i = 0; i < c->type; i++, p += 6) {
		tz->kinds[i].offset = (int32_t)be32(p);
		tz->kinds[i].abbreviation = p[5];
		if (p[5] >= c->chars)
			return false;
	}
	memcpy(tz->names, p, c->chars); /* zeros follow */
	return true;
}

/* Version 2 and later: a 32-bit block nobody needs, the 64-bit one, the rule between line feeds. */
static bool
read_zone(struct tz *tz, unsigned char *p, size_t n)
{
	struct counts c;
	size_t first, second;
	char *end;

	if (!read_header(p, n, &c) || p[4] < '2')
		return false;
	first = HEADER + block_size(&c, 4);
	if (first > n || !read_header(p + first, n - first, &c))
		return false;
	second = first + HEADER + block_size(&c, 8);
	if (second > n || !read_block(tz, p + first + HEADER, &c))
		return false;
	if (second + 2 < n && p[second] == '\n') {
		end = memchr(p + second + 1, '\n', n - second - 1);
		if (end != NULL) {
			*end = '\0';
			read_footer(tz, (const char *)p + second + 1);
		}
	}
	return true;
}

/* ---- by name ---------------------------------------------------------------- */

/* No dots: no way out of the folder. */
static bool
is_zone_name(struct str name)
{
	if (name.n == 0 || name.n >= ZONE_NAME_MAX || name.p[0] == '/')
		return false;
	for (uint32_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '+' &&
		    c != '/')
			return false;
	}
	return true;
}

static void
tz_free(struct tz *tz)
{
	free(tz->at);
	free(tz->to);
	free(tz);
}

static struct tz *
tz_new(struct str name)
{
	struct tz *tz = xcalloc(1, sizeof(*tz));

	memcpy(tz->name, name.p, name.n < ZONE_NAME_MAX ? name.n : ZONE_NAME_MAX - 1);
	return tz;
}

static struct tz *
tz_utc(struct str name)
{
	struct tz *tz = tz_new(name);

	tz->has_rule = true;
	memcpy(tz->standard, "UTC", sizeof("UTC"));
	return tz;
}

static struct tz *
tz_read(struct str name, const char *path)
{
	FILE *file = fopen(path, "rbe");
	unsigned char *bytes;
	struct tz *tz;
	size_t n;

	if (file == NULL)
		return NULL;
	bytes = xmalloc(ZONE_FILE_MAX);
	n = fread(bytes, 1, ZONE_FILE_MAX, file);
	(void)fclose(file);
	tz = tz_new(name);
	if (!read_zone(tz, bytes, n)) {
		tz_free(tz);
		tz = NULL;
	}
	free(bytes);
	return tz;
}

static struct tz *
tz_load(struct str name, struct str zone)
{
	char path[sizeof(ZONE_DIR) + ZONE_NAME_MAX];

	if (!is_zone_name(zone))
		return NULL;
	snprintf(path, sizeof(path), ZONE_DIR "%.*s", STR_ARG(zone));
	return tz_read(name, path);
}

/* What every program of the machine would take. */
static struct tz *
tz_local(struct str name)
{
	const char *variable = getenv("TZ");
	struct tz *tz;

	if (variable == NULL)
		tz = tz_read(name, ZONE_LOCAL);
	else if (variable[variable[0] == ':'] == '/')
		tz = tz_read(name, variable + (variable[0] == ':'));
	else
		tz = tz_load(name, str_from(variable + (variable[0] == ':')));
	return tz != NULL ? tz : tz_utc(name);
}

const struct tz *
tz_find(struct str name)
{
	struct tz *tz;

	for (tz = zones; tz != NULL; tz = tz->next) {
		if (str_is(name, tz->name))
			return tz;
	}
	if (str_is(name, "UTC"))
		tz = tz_utc(name);
	else if (str_is(name, "Local"))
		tz = tz_local(name);
	else
		tz = tz_load(name, name);
	if (tz == NULL)
		return NULL;
	tz->next = zones;
	zones = tz;
	return tz;
}

int32_t
tz_offset(const struct tz *tz, int64_t sec, const char **ret_abbreviation)
{
	uint32_t low = 0, high = tz->n, kind = 0;
	const char *unused;

	if (ret_abbreviation == NULL)
		ret_abbreviation = &unused;
	if (tz->has_rule && (tz->n == 0 || sec >= tz->at[tz->n - 1]))
		return by_rule(tz, sec, ret_abbreviation);
	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (tz->at[middle] <= sec)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0)
		kind = tz->to[low - 1];
	*ret_abbreviation = tz->names + tz->kinds[kind].abbreviation;
	return tz->kinds[kind].offset;
}

int64_t
tz_instant(const struct tz *tz, int64_t local)
{
	int64_t before = tz_offset(tz, local - 2 * DAY, NULL);
	int64_t after = tz_offset(tz, local + 2 * DAY, NULL);
	int64_t low = local - after, high = local - before;

	if (high + tz_offset(tz, high, NULL) == local && before >= after)
		return high;
	if (before == after || low + tz_offset(tz, low, NULL) == local)
		return low;
	/* Left out: between the two the clocks go forward. */
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (middle + tz_offset(tz, middle, NULL) < local)
			low = middle;
		else
			high = middle;
	}
	return high;
}

const char *
tz_name(const struct tz *tz)
{
	return tz->name;
}
