/* SPDX-License-Identifier: Apache-2.0 */
/* Methods of points in time and of durations, as Go's have them: part of member.c's table. */
#include "config.h"

#include "template/member.h"

#include <stdlib.h>

#include "base/tz.h"

#define SECOND 1000000000ll

__extension__ typedef __int128 wide_t;

static int
put_int(struct value *ret, enum type type, int64_t i)
{
	*ret = (struct value){ .type = type };
	ret->i = i;
	return 0;
}

static int
put_time(struct value *ret, struct time time)
{
	*ret = (struct value){ .type = TYPE_TIME };
	while (time.nsec < 0) {
		time.nsec += (int32_t)SECOND;
		time.sec--;
	}
	ret->time = time;
	return 0;
}

#define GET_CIVIL(name, type, field)                                          \
	GET(name)                                                             \
	{                                                                     \
		UNUSED_ALL;                                                   \
		return put_int(                                               \
		    ret, type, gotime_civil(args[0].time, NULL, NULL).field); \
	}

GET_CIVIL(time_year, TYPE_INT, year)
GET_CIVIL(time_month, TYPE_MONTH, month)
GET_CIVIL(time_day, TYPE_INT, day)
GET_CIVIL(time_hour, TYPE_INT, hour)
GET_CIVIL(time_minute, TYPE_INT, minute)
GET_CIVIL(time_second, TYPE_INT, second)
GET_CIVIL(time_weekday, TYPE_WEEKDAY, weekday)
GET_CIVIL(time_yearday, TYPE_INT, yearday)

#define GET_INT(name, type, value)                        \
	GET(name)                                         \
	{                                                 \
		UNUSED_ALL;                               \
		return put_int(ret, type, (int64_t)(value)); \
	}
#define NS(t) ((int64_t)((uint64_t)(t).sec * 1000000000u + (uint64_t)(t).nsec))

GET_INT(time_nanosecond, TYPE_INT, args[0].time.nsec)
GET_INT(time_unix, TYPE_INT64, args[0].time.sec)
GET_INT(time_unix_nano, TYPE_INT64, NS(args[0].time))
GET_INT(time_unix_milli, TYPE_INT64,
    (uint64_t)args[0].time.sec * 1000u + (uint64_t)args[0].time.nsec / 1000000u)

GET_INT(time_unix_micro, TYPE_INT64,
    (uint64_t)args[0].time.sec * 1000000u + (uint64_t)args[0].time.nsec / 1000u)

static int
time_cmp(struct time a, struct time b)
{
	if (a.sec != b.sec)
		return a.sec < b.sec ? -1 : 1;
	return (a.nsec > b.nsec) - (a.nsec < b.nsec);
}

#define GET_BOOL(name, value)                 \
	GET(name)                             \
	{                                     \
		UNUSED_ALL;                   \
		*ret = VALUE_B(value);        \
		return 0;                     \
	}

GET_BOOL(time_before, time_cmp(args[0].time, args[1].time) < 0)
GET_BOOL(time_after, time_cmp(args[0].time, args[1].time) > 0)
GET_BOOL(time_equal, time_cmp(args[0].time, args[1].time) == 0)
GET_BOOL(time_is_zero, args[0].time.sec == GO_ZERO_SECONDS &&
    args[0].time.nsec == 0)

GET(time_utc)
{
	struct time t = args[0].time;

	UNUSED_ALL;
	t.zone = NULL;
	return put_time(ret, t);
}

/* The machine's own zone. */
GET(time_local)
{
	struct time t = args[0].time;

	UNUSED_ALL;
	t.zone = tz_find(STR("Local"));
	return put_time(ret, t);
}

GET(time_sub)
{
	struct time a = args[0].time, b = args[1].time;
	int64_t sec, ns;

	UNUSED_ALL;
	/* As far as a duration reaches. */
	if (__builtin_sub_overflow(a.sec, b.sec, &sec) ||
	    __builtin_mul_overflow(sec, SECOND, &ns) ||
	    __builtin_add_overflow(ns, (int64_t)(a.nsec - b.nsec), &ns))
		ns = time_cmp(a, b) < 0 ? INT64_MIN : INT64_MAX;
	return put_int(ret, TYPE_DURATION, ns);
}

GET(time_add)
{
	struct time t = args[0].time;
	int64_t ns = t.nsec + args[1].i % SECOND;

	UNUSED_ALL;
	t.sec += args[1].i / SECOND + ns / SECOND;
	t.nsec = (int32_t)(ns % SECOND);
	return put_time(ret, t);
}

GET(time_add_date)
{
	struct time t = args[0].time;
	int32_t offset;
	struct civil c = gotime_civil(t, &offset, NULL);
	int64_t days;

	UNUSED_ALL;
	for (int i = 1; i <= 3; i++) {
		if (args[i].i > 1000000 || args[i].i < -1000000)
			return exec_fail(x, "AddDate takes at most a million");
	}
	days = gotime_days(c.year + args[1].i, c.month + (int)args[2].i, 1) +
	    c.day - 1 + args[3].i;
	t.sec = days * 86400 + c.hour * 3600 + c.minute * 60 + c.second -
	    offset;
	return put_time(ret, t);
}

/* To a multiple of by, counted from year 1, as Go counts: the last one, or the nearest. */
static struct time
to_multiple(struct time t, int64_t by, bool nearest)
{
	wide_t ns = (wide_t)(t.sec - GO_ZERO_SECONDS) * SECOND + t.nsec, rest;

	if (by <= 0)
		return t;
	rest = ns % by;
	ns -= rest;
	if (nearest && rest + rest >= by)
		ns += by;
	t.sec = (int64_t)(ns / SECOND) + GO_ZERO_SECONDS;
	t.nsec = (int32_t)(ns % SECOND);
	return t;
}

GET(time_truncate)
{
	UNUSED_ALL;
	return put_time(ret, to_multiple(args[0].time, args[1].i, false));
}

GET(time_round)
{
	UNUSED_ALL;
	return put_time(ret, to_multiple(args[0].time, args[1].i, true));
}

GET(time_format)
{
	struct buf buf = { .max = TEMPLATE_OUTPUT_MAX };

	UNUSED_ALL;
	gotime_format(&buf, args[0].time, args[1].s);
	return exec_take(x, &buf, ret);
}

#define GET_FLOAT(name, value)                \
	GET(name)                             \
	{                                     \
		UNUSED_ALL;                   \
		*ret = VALUE_F(value);        \
		return 0;                     \
	}
#define SPLIT(unit) ((double)(args[0].i / (unit)) + (double)(args[0].i % (unit)) / (double)(unit))

GET_FLOAT(duration_seconds, SPLIT(SECOND))
GET_FLOAT(duration_minutes, SPLIT(60 * SECOND))
GET_FLOAT(duration_hours, SPLIT(3600 * SECOND))
GET_INT(duration_milli, TYPE_INT64, args[0].i / 1000000)
GET_INT(duration_micro, TYPE_INT64, args[0].i / 1000)
GET_INT(duration_nano, TYPE_INT64, args[0].i)
GET_INT(duration_truncate, TYPE_DURATION,
    args[1].i > 0 ? args[0].i - args[0].i % args[1].i : args[0].i)
GET_INT(duration_abs, TYPE_DURATION,
    args[0].i < 0 ? 0 - (uint64_t)args[0].i : (uint64_t)args[0].i)

GET(duration_round)
{
	int64_t d = args[0].i, by = args[1].i, rest, up;

	UNUSED_ALL;
	if (by <= 0)
		return put_int(ret, TYPE_DURATION, d);
	rest = d % by;
	if (llabs(rest) < by - llabs(rest))
		return put_int(ret, TYPE_DURATION, d - rest);
	if (__builtin_add_overflow(d - rest, d < 0 ? -by : by, &up))
		up = d < 0 ? INT64_MIN : INT64_MAX;
	return put_int(ret, TYPE_DURATION, up);
}

/* ---- the table -------------------------------------------------------------- */

const struct member member_time_table[] = {
	{ TYPE_TIME, "String", "", TYPE_STRING, member_string },
	{ TYPE_TIME, "Format", "s", TYPE_STRING, time_format },
	{ TYPE_TIME, "Year", "", TYPE_INT, time_year },
	{ TYPE_TIME, "Month", "", TYPE_MONTH, time_month },
	{ TYPE_TIME, "Day", "", TYPE_INT, time_day },
	{ TYPE_TIME, "Hour", "", TYPE_INT, time_hour },
	{ TYPE_TIME, "Minute", "", TYPE_INT, time_minute },
	{ TYPE_TIME, "Second", "", TYPE_INT, time_second },
	{ TYPE_TIME, "Nanosecond", "", TYPE_INT, time_nanosecond },
	{ TYPE_TIME, "Weekday", "", TYPE_WEEKDAY, time_weekday },
	{ TYPE_TIME, "YearDay", "", TYPE_INT, time_yearday },
	{ TYPE_TIME, "Unix", "", TYPE_INT64, time_unix },
	{ TYPE_TIME, "UnixMilli", "", TYPE_INT64, time_unix_milli },
	{ TYPE_TIME, "UnixNano", "", TYPE_INT64, time_unix_nano },
	{ TYPE_TIME, "UTC", "", TYPE_TIME, time_utc },
	{ TYPE_TIME, "UnixMicro", "", TYPE_INT64, time_unix_micro },
	{ TYPE_TIME, "Local", "", TYPE_TIME, time_local },
	{ TYPE_TIME, "Sub", "T", TYPE_DURATION, time_sub },
	{ TYPE_TIME, "Add", "D", TYPE_TIME, time_add },
	{ TYPE_TIME, "AddDate", "iii", TYPE_TIME, time_add_date },
	{ TYPE_TIME, "Truncate", "D", TYPE_TIME, time_truncate },
	{ TYPE_TIME, "Round", "D", TYPE_TIME, time_round },
	{ TYPE_TIME, "Before", "T", TYPE_BOOL, time_before },
	{ TYPE_TIME, "After", "T", TYPE_BOOL, time_after },
	{ TYPE_TIME, "Equal", "T", TYPE_BOOL, time_equal },
	{ TYPE_TIME, "IsZero", "", TYPE_BOOL, time_is_zero },
	{ TYPE_DURATION, "String", "", TYPE_STRING, member_string },
	{ TYPE_DURATION, "Seconds", "", TYPE_FLOAT, duration_seconds },
	{ TYPE_DURATION, "Minutes", "", TYPE_FLOAT, duration_minutes },
	{ TYPE_DURATION, "Hours", "", TYPE_FLOAT, duration_hours },
	{ TYPE_DURATION, "Milliseconds", "", TYPE_INT64, duration_milli },
	{ TYPE_DURATION, "Microseconds", "", TYPE_INT64, duration_micro },
	{ TYPE_DURATION, "Nanoseconds", "", TYPE_INT64, duration_nano },
	{ TYPE_DURATION, "Round", "D", TYPE_DURATION, duration_round },
	{ TYPE_DURATION, "Truncate", "D", TYPE_DURATION, duration_truncate },
	{ TYPE_DURATION, "Abs", "", TYPE_DURATION, duration_abs },
	{ .name = NULL },
};
