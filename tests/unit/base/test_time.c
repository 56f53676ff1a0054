/* SPDX-License-Identifier: Apache-2.0 */
/* duration and timestamp. */
#include "base/attr.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "suites.h"

#define DAY INT64_C(86400)

static const struct {
	const char *text;
	int64_t ms;
	const char *printed;
} durations[] = {
	{ "0", 0, "0s" },
	{ "0s", 0, "0s" },
	{ "5m", 300000, "5m" },
	{ "1h30m", 5400000, "1h30m" },
	{ "90m", 5400000, "1h30m" },
	{ "15ms", 15, "15ms" },
	{ "1s500ms", 1500, "1s500ms" },
	{ "7d", 7 * DAY * 1000, "1w" },
	{ "8d", 8 * DAY * 1000, "8d" },
	{ "90d", 90 * DAY * 1000, "90d" },
	{ "365d", 365 * DAY * 1000, "1y" },
	{ "2y", 730 * DAY * 1000, "2y" },
	{ "1w1h", 7 * DAY * 1000 + 3600000, "7d1h" },
	{ "1y2w3d4h5m6s7ms", (365 + 14 + 3) * DAY * 1000 + 14706007,
	    "382d4h5m6s7ms" },
	{ "292y", 292 * 365 * DAY * 1000, "292y" },
};

START_TEST(durations_read_and_print)
{
	char text[DURATION_TEXT_MAX];
	struct err err = { .code = ERR_BUSY };
	dur_t d = { -1 };

	ck_assert_int_eq(
	    duration_parse(str_from(durations[_i].text), &d, &err), 0);
	ck_assert_int_eq(err.code, ERR_BUSY);
	ck_assert_int_eq(d.ns, durations[_i].ms * 1000000);
	ck_assert_str_eq(duration_format(d, text), durations[_i].printed);
}
END_TEST

static const struct {
	const char *text;
	uint32_t at;
	const char *says;
} bad_durations[] = {
	{ "", 0, "empty duration (write 30s" },
	{ "5", 1, "'5' has no unit (write 5s, 5m, 5h, ...)" },
	{ "1h5", 3, "'1h5' has no unit (write 5s, 5m, 5h, ...)" },
	{ "m", 0, "not a duration: 'm' (write" },
	{ "-5m", 0, "not a duration: '-5m' (write" },
	{ "5x", 1, "unknown unit 'x' in '5x' (units are y, w, d" },
	{ "5 m", 1, "unknown unit ' m'" },
	{ "1.5h", 1, "unknown unit '.'" },
	{ "5M", 1, "unknown unit 'M'" },
	{ "1m1h", 3, "the unit h comes after m" },
	{ "1m1m", 3, "each unit once" },
	{ "00", 2, "has no unit" },
	{ "293y", 0, "too long (at most 292y)" },
	{ "99999999999999999999s", 0, "too long" },
	{ "292y52w", 4, "too long" },
};

START_TEST(bad_durations_say_the_remedy)
{
	struct err err = { 0 };
	dur_t d = { -1 };

	ck_assert_int_eq(
	    duration_parse(str_from(bad_durations[_i].text), &d, &err),
	    -ERR_INVALID);
	ck_assert_int_eq(d.ns, -1);
	ck_assert_msg(strstr(err.text, bad_durations[_i].says) != NULL,
	    "'%s': %s", bad_durations[_i].text, err.text);
	ck_assert_msg(err.at == bad_durations[_i].at, "'%s': at %u",
	    bad_durations[_i].text, err.at);
}
END_TEST

static const struct {
	const char *text;
	int64_t ns; /* -1: refused */
} go_durations[] = {
	{ "0", 0 },
	{ "1.5s", 1500000000 },
	{ "1h30m", INT64_C(5400) * 1000000000 },
	{ "1h0.5m", INT64_C(3630) * 1000000000 },
	{ "250ms", 250000000 },
	{ "100us", 100000 },
	{ "100µs", 100000 },
	{ "7ns", 7 },
	{ ".5s", 500000000 },
	{ "30s1m", INT64_C(90) * 1000000000 },
	{ "", -1 },
	{ "5", -1 },
	{ "s", -1 },
	{ ".s", -1 },
	{ "1.2.3s", -1 },
	{ "1d", -1 },
	{ "1m ", -1 },
	{ "-1m", -1 },
	{ "99999999999h", -1 },
};

START_TEST(durations_of_go_are_read)
{
	struct err err = { 0 };
	dur_t d = { -1 };
	int rc = duration_parse_go(str_from(go_durations[_i].text), &d, &err);

	ck_assert_msg(d.ns == go_durations[_i].ns, "'%s': %lld", go_durations[_i].text,
	    (long long)d.ns);
	ck_assert_int_eq(rc, d.ns < 0 ? -ERR_INVALID : 0);
	ck_assert_int_eq(err.text[0] != '\0', d.ns < 0);
}
END_TEST

START_TEST(negative_durations_print_a_sign)
{
	char text[DURATION_TEXT_MAX];

	ck_assert_str_eq(duration_format(DUR_S(-90), text), "-1m30s");
	duration_format((dur_t){ INT64_MIN }, text);
	ck_assert_int_eq(text[0], '-');
}
END_TEST

static const struct {
	const char *text;
	int64_t s, ns;
	const char *printed; /* as RFC3339Nano */
} stamps[] = {
	{ "1970-01-01T00:00:01Z", 1, 0, "1970-01-01T00:00:01Z" },
	{ "1969-12-31T23:59:59.25Z", -1, 250000000, "1969-12-31T23:59:59.25Z" },
	{ "2026-11-20T06:24:00.123Z", 1795155840, 123000000,
	    "2026-11-20T06:24:00.123Z" },
	{ "2026-11-20T08:24:00+02:00", 1795155840, 0, "2026-11-20T06:24:00Z" },
	{ "2026-11-20 00:54:00-05:30", 1795155840, 0, "2026-11-20T06:24:00Z" },
	{ "2024-02-29T00:00:00Z", 1709164800, 0, "2024-02-29T00:00:00Z" },
	{ "2000-02-29T12:00:00z", 951825600, 0, "2000-02-29T12:00:00Z" },
	{ "2100-03-01T00:00:00Z", 4107542400, 0, "2100-03-01T00:00:00Z" },
	{ "2026-12-31T23:59:59.999999999999Z", 1798761599, 999999999,
	    "2026-12-31T23:59:59.999999999Z" },
	{ "1678-01-01T00:00:00Z", -9214560000, 0, "1678-01-01T00:00:00Z" },
	{ "2261-12-31T23:59:59Z", 9214646399, 0, "2261-12-31T23:59:59Z" },
	{ "0001-01-01T00:00:00Z", 0, 0, "0001-01-01T00:00:00Z" },
	{ "0001-01-01T00:00:00.000Z", 0, 0, "0001-01-01T00:00:00Z" },
};

START_TEST(timestamps_read_and_print)
{
	char text[TIMESTAMP_TEXT_MAX];
	wall_t t = { -7 };

	ck_assert(timestamp_parse(str_from(stamps[_i].text), &t));
	ck_assert_int_eq(t.ns, stamps[_i].s * 1000000000 + stamps[_i].ns);
	ck_assert_str_eq(timestamp_format_ns(t, text), stamps[_i].printed);
}
END_TEST

static const char *const bad_stamps[] = {
	"",
	"2026-11-20",
	"2026-11-20T06:24:00",
	"2026-11-20T06:24Z",
	"2026-13-01T00:00:00Z",
	"2026-00-01T00:00:00Z",
	"2026-02-29T00:00:00Z",
	"2100-02-29T00:00:00Z",
	"2026-04-31T00:00:00Z",
	"2026-11-20T24:00:00Z",
	"2026-11-20T06:60:00Z",
	"2026-11-20T06:24:60Z",
	"2026-11-20T06:24:00.Z",
	"2026-11-20T06:24:00+0200",
	"2026-11-20T06:24:00+24:00",
	"2026-11-20T06:24:00Zx",
	"2026-11-20T06:24:00",
	" 2026-11-20T06:24:00Z",
	"26-11-20T06:24:00Z",
};

START_TEST(years_that_cannot_be_said_give_the_nearest)
{
	char text[TIMESTAMP_TEXT_MAX];
	wall_t t;

	ck_assert(timestamp_parse(STR("9999-12-31T23:59:59Z"), &t));
	ck_assert_str_eq(timestamp_format_ns(t, text), "2261-12-31T23:59:59.999999999Z");
	ck_assert(timestamp_parse(STR("0002-01-01T00:00:00Z"), &t));
	ck_assert_str_eq(timestamp_format_ns(t, text), "1678-01-01T00:00:00Z");
}
END_TEST

START_TEST(bad_timestamps_are_refused)
{
	wall_t t = { -7 };

	ck_assert_msg(!timestamp_parse(str_from(bad_stamps[_i]), &t), "%s",
	    bad_stamps[_i]);
	ck_assert_int_eq(t.ns, -7);
}
END_TEST

/* Each day of 1678 to 2261, against counting. */
START_TEST(every_day_follows_the_one_before)
{
	char text[TIMESTAMP_TEXT_MAX];
	wall_t t;
	int64_t count = 0;

	ck_assert(timestamp_parse(STR("1678-01-01T00:00:00Z"), &t));
	for (int year = 1678; year <= 2261; year++) {
		bool leap =
		    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

		count += 365 + leap;
	}
	for (int64_t i = 0; i < count; i++) {
		wall_t day = wall_add(t, (dur_t){ 1 }), back;

		timestamp_format_ns(day, text);
		REQUIRE(timestamp_parse(str_from(text), &back));
		REQUIRE(back.ns == day.ns);
		t = wall_add(t, DUR_S(DAY));
	}
	ck_assert_str_eq(text, "2261-12-31T00:00:00.000000001Z");
}
END_TEST

START_TEST(other_formats)
{
	char text[TIMESTAMP_TEXT_MAX];
	wall_t t = { INT64_C(1795155840) * 1000000000 + 5999999 };

	ck_assert_str_eq(
	    timestamp_format_ms(t, text), "2026-11-20T06:24:00.005Z");
	ck_assert_str_eq(
	    timestamp_format_ms(WALL_NONE, text), "0001-01-01T00:00:00.000Z");
	ck_assert_str_eq(timestamp_format_rfc5322(t, text),
	    "Fri, 20 Nov 2026 06:24:00 +0000");
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} http_dates[] = {
	{ "Sun, 06 Nov 1994 08:49:37 GMT", true },
	{ "Sunday, 06-Nov-94 08:49:37 GMT", true },
	{ "Sun Nov  6 08:49:37 1994", true },
	{ "Sun, 06 Nov 1994 08:49:37 CET", false },
	{ "Sun, 6 Nov 1994 08:49:37 GMT", false },
	{ "Sun, 31 Feb 1994 08:49:37 GMT", false },
	{ "Sun, 06 Nov 1994 08:49:37 GMT ", false },
	{ "Sunday Nov  6 08:49:37 1994", false },
	{ "120", false },
	{ "", false },
};

START_TEST(time_stops_at_its_ends)
{
	const wall_t first = { INT64_MIN };
	const mono_t late = { INT64_MAX - 1 };

	ck_assert_int_eq(wall_add(WALL_MAX, (dur_t){ 1 }).ns, INT64_MAX);
	ck_assert_int_eq(wall_add(first, (dur_t){ -1 }).ns, INT64_MIN);
	ck_assert_int_eq(wall_sub(first, (dur_t){ 1 }).ns, INT64_MIN);
	ck_assert_int_eq(wall_sub(WALL_MAX, (dur_t){ -1 }).ns, INT64_MAX);
	ck_assert_int_eq(wall_since(WALL_MAX, first).ns, INT64_MAX);
	ck_assert_int_eq(wall_since(first, WALL_MAX).ns, INT64_MIN);
	ck_assert_int_eq(mono_add(late, DUR_S(1)).ns, INT64_MAX);
	ck_assert_int_eq(wall_add((wall_t){ 5 }, (dur_t){ -7 }).ns, -2);
}
END_TEST

START_TEST(http_dates_in_their_three_forms)
{
	wall_t t = { -7 };

	ck_assert_msg(timestamp_parse_http(str_from(http_dates[_i].text), &t) ==
			  http_dates[_i].ok,
	    "%s", http_dates[_i].text);
	ck_assert_int_eq(
	    t.ns, http_dates[_i].ok ? INT64_C(784111777) * 1000000000 : -7);
}
END_TEST

TCase *
case_time(void)
{
	TCase *tcase = tcase_create("time");

	tcase_add_loop_test(
	    tcase, durations_read_and_print, 0, ARRAY_LEN(durations));
	tcase_add_loop_test(
	    tcase, bad_durations_say_the_remedy, 0, ARRAY_LEN(bad_durations));
	tcase_add_loop_test(tcase, durations_of_go_are_read, 0,
	    sizeof(go_durations) / sizeof(go_durations[0]));
	tcase_add_test(tcase, negative_durations_print_a_sign);
	tcase_add_loop_test(
	    tcase, timestamps_read_and_print, 0, ARRAY_LEN(stamps));
	tcase_add_loop_test(
	    tcase, bad_timestamps_are_refused, 0, ARRAY_LEN(bad_stamps));
	tcase_add_test(tcase, years_that_cannot_be_said_give_the_nearest);
	tcase_add_test(tcase, every_day_follows_the_one_before);
	tcase_add_test(tcase, other_formats);
	tcase_add_test(tcase, time_stops_at_its_ends);
	tcase_add_loop_test(
	    tcase, http_dates_in_their_three_forms, 0, ARRAY_LEN(http_dates));
	return tcase;
}
