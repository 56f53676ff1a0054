/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zone files as zic(8) compiles them (RFC 8536): the 64-bit block, and the
 * POSIX rule behind it for what comes after the last transition listed.
 *
 * A zone once asked for is kept: there are a few hundred at most.
 */
#include "config.h"

#include "template/tz.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "template/func.h"

#define ZONE_DIR "/usr/share/zoneinfo/"
#define ZONE_NAME_MAX 64
#define ZONE_FILE_MAX (64u << 10)
#define HEADER 44
#define ABBREVIATION_MAX 8
#define DAY 86400

struct kind {
	int32_t offset;
	uint32_t abbreviation; /* in names */
};

/* The n-th weekday of a month, at a second of that day. */
struct rule {
	int month, week, weekday;
	int32_t at;
};

struct tz {
	struct tz *next;
	char name[ZONE_NAME_MAX];
	int64_t *at; /* n transitions, to kinds[to[i]] */
	uint8_t *to;
	struct kind kinds[256];
	uint32_t n, n_kinds;
	char names[512];
	/* what holds after the last */
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
read_abbreviation(const char **p, char ret[ABBREVIATION_MAX])
{
	bool angle = **p == '<';
	uint32_t n = 0;

	*p += angle;
	while (**p != '\0' && n + 1 < ABBREVIATION_MAX &&
	    (angle ? **p != '>' : ((**p | 32) >= 'a' && (**p | 32) <= 'z')))
		ret[n++] = *(*p)++;
	ret[n] = '\0';
	if (angle && **p != '>')
		return false;
	*p += angle;
	return n > 0;
}

/* ,M3.5.0/2 */
static bool
read_rule(const char **p, struct rule *ret)
{
	ret->at = 2 * 3600;
	if ((*p)[0] != ',' || (*p)[1] != 'M')
		return false;
	*p += 2;
	if (!read_number(p, &ret->month) || *(*p)++ != '.' ||
	    !read_number(p, &ret->week) || *(*p)++ != '.' ||
	    !read_number(p, &ret->weekday) || ret->month < 1 ||
	    ret->month > 12 || ret->week < 1 || ret->week > 5 ||
	    ret->weekday > 6)
		return false;
	if (**p != '/')
		return true;
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
	tz->has_summer =
	    read_rule(&p, &tz->starts) && read_rule(&p, &tz->ends);
}

/* Seconds since 1970 of the rule in that year, by a wall clock of that offset. */
static int64_t
rule_time(const struct rule *rule, int64_t year, int32_t offset)
{
	int64_t first = gotime_days(year, rule->month, 1);
	int64_t next = gotime_days(year, rule->month + 1, 1);
	int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970 began on a Thursday */
	int64_t day = first + (rule->weekday - weekday + 7) % 7 +
	    (rule->week - 1) * 7;

	while (day >= next)
		day -= 7;
	return day * DAY + rule->at - offset;
}

static int32_t
by_rule(const struct tz *tz, int64_t sec, const char **ret_abbreviation)
{
	struct time t = { .sec = sec };
	int64_t starts, ends, year;
	bool summer = false;

	if (tz->has_summer) {
		t.sec += tz->standard_offset;
		year = gotime_civil(t, NULL, NULL).year;
		starts = rule_time(&tz->starts, year, tz->standard_offset);
		ends = rule_time(&tz->ends, year, tz->summer_offset);
		summer = starts < ends ? sec >= starts && sec < ends
				       : sec >= starts || sec < ends;
	}
	*ret_abbreviation = summer ? tz->summer : tz->standard;
	return summer ? tz->summer_offset : tz->standard_offset;
}

/* ---- the file --------------------------------------------------------------- */

static uint32_t
be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static bool
read_header(const unsigned char *p, size_t n, struct counts *ret)
{
	if (n < HEADER || memcmp(p, "TZif", 4) != 0)
		return false;
	*ret = (struct counts){ be32(p + 20), be32(p + 24), be32(p + 28),
		be32(p + 32), be32(p + 36), be32(p + 40) };
	return ret->isut <= 256 && ret->isstd <= 256 && ret->leap <= 1000 &&
	    ret->time <= 5000 && ret->type <= 256 && ret->type > 0 &&
	    ret->chars < 512;
}

static size_t
block_size(const struct counts *c, size_t time_bytes)
{
	return c->time * (time_bytes + 1) + c->type * 6 + c->chars +
	    c->leap * (time_bytes + 4) + c->isstd + c->isut;
}

static bool
read_block(struct tz *tz, const unsigned char *p, const struct counts *c)
{
	tz->at = xcalloc(c->time + 1, sizeof(*tz->at));
	tz->to = xcalloc(c->time + 1, 1);
	tz->n = c->time;
	tz->n_kinds = c->type;
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
	/* A line feed on both sides of the rule. */
	if (second + 2 < n && p[second] == '\n') {
		end = memchr(p + second + 1, '\n', n - second - 1);
		if (end != NULL) {
			*end = '\0';
			read_footer(tz, (const char *)p + second + 1);
		}
	}
	return true;
}

static bool
is_zone_name(struct str name)
{
	if (name.n == 0 || name.n >= ZONE_NAME_MAX || name.p[0] == '/')
		return false;
	for (uint32_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c | 32) >= 'a' && (c | 32) <= 'z') &&
		    !(c >= '0' && c <= '9') && c != '_' && c != '-' &&
		    c != '+' && c != '/')
			return false; /* no dots: no way out of the folder */
	}
	return true;
}

const struct tz *
tz_find(struct str name)
{
	char path[sizeof(ZONE_DIR) + ZONE_NAME_MAX];
	unsigned char *bytes;
	struct tz *tz;
	bool good;
	FILE *file;
	size_t n;

	for (tz = zones; tz != NULL; tz = tz->next) {
		if (str_is(name, tz->name))
			return tz;
	}
	if (!is_zone_name(name))
		return NULL;
	snprintf(path, sizeof(path), ZONE_DIR "%.*s", STR_ARG(name));
	file = fopen(path, "rbe");
	if (file == NULL)
		return NULL;
	bytes = xmalloc(ZONE_FILE_MAX);
	n = fread(bytes, 1, ZONE_FILE_MAX, file);
	fclose(file);
	tz = xcalloc(1, sizeof(*tz));
	memcpy(tz->name, name.p, name.n);
	good = read_zone(tz, bytes, n);
	free(bytes);
	if (!good) {
		free(tz->at);
		free(tz->to);
		free(tz);
		return NULL;
	}
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

const char *
tz_name(const struct tz *tz)
{
	return tz->name;
}
