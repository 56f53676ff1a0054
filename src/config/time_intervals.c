/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections `time_intervals` and `mute_time_intervals` (the older name of
 * the same thing): times of day, weekdays, days of the month, months and years
 * as lists of ranges, Alertmanager's way.  No range wraps around.
 */
#include <config.h>

#include <string.h>

#include "config/internal.h"

struct clock_raw {
	const char *start, *end;
	const struct yaml_node *node;
};

struct spec_raw {
	struct sub_list times;
	struct string_list weekdays, days_of_month, months, years;
	const char *location;
	const struct yaml_node *node;
};

struct interval_raw {
	const char *name;
	struct sub_list specs;
	const struct yaml_node *node;
};

static const struct schema_field clock_fields[] = {
	{ .name = "start_time", .kind = FIELD_STRING, .flags = FIELD_REQUIRED,
	    .offset = offsetof(struct clock_raw, start),
	    .doc = "HH:MM; the interval begins then." },
	{ .name = "end_time", .kind = FIELD_STRING, .flags = FIELD_REQUIRED,
	    .offset = offsetof(struct clock_raw, end),
	    .doc = "HH:MM, up to 24:00; the interval is over then." },
};

static const struct schema schema_clock_range = {
	.name = "times",
	.doc = "A part of the day that does not go past midnight.",
	.size = sizeof(struct clock_raw),
	SCHEMA_FIELDS(clock_fields),
	.node_offset = offsetof(struct clock_raw, node) + 1,
};

#define MEMBER(m) .offset = offsetof(struct spec_raw, m)

static const struct schema_field spec_fields[] = {
	{ .name = "times", .kind = FIELD_SUB_LIST, .sub = &schema_clock_range,
	    MEMBER(times), .doc = "Times of day." },
	{ .name = "weekdays", .kind = FIELD_STRING_LIST, MEMBER(weekdays),
	    .doc = "Names or ranges such as monday:friday; the week begins "
		   "on Sunday." },
	{ .name = "days_of_month", .kind = FIELD_STRING_LIST,
	    MEMBER(days_of_month),
	    .doc = "Numbers or ranges such as 1:5 or -3:-1; -1 is the last "
		   "day." },
	{ .name = "months", .kind = FIELD_STRING_LIST, MEMBER(months),
	    .doc = "Names, numbers or ranges such as june:august." },
	{ .name = "years", .kind = FIELD_STRING_LIST, MEMBER(years),
	    .doc = "Numbers or ranges such as 2026:2028." },
	{ .name = "location", .kind = FIELD_STRING, MEMBER(location),
	    .fallback = "UTC",
	    .doc = "IANA time zone such as Europe/Berlin, or UTC, or Local." },
};

static const struct schema schema_time_spec = {
	.name = "time interval",
	.doc = "Everything given must hold; nothing given: always.",
	.size = sizeof(struct spec_raw),
	SCHEMA_FIELDS(spec_fields),
	.node_offset = offsetof(struct spec_raw, node) + 1,
};

static const struct schema_field interval_fields[] = {
	{ .name = "name", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .offset = offsetof(struct interval_raw, name),
	    .doc = "What routes call it." },
	{ .name = "time_intervals", .kind = FIELD_SUB_LIST,
	    .sub = &schema_time_spec,
	    .offset = offsetof(struct interval_raw, specs),
	    .doc = "One of these must hold." },
};

const struct schema schema_time_interval = {
	.name = "named time interval",
	.doc = "A name for times.",
	.size = sizeof(struct interval_raw),
	SCHEMA_FIELDS(interval_fields),
	.node_offset = offsetof(struct interval_raw, node) + 1,
};

/* ---- ranges ------------------------------------------------------------------- */

static const char *const weekday_names[] = { "sunday", "monday", "tuesday",
	"wednesday", "thursday", "friday", "saturday" };
static const char *const month_names[] = { "january", "february", "march",
	"april", "may", "june", "july", "august", "september", "october",
	"november", "december" };

struct unit {
	const char *want; /* in the message */
	const char *const *names;
	size_t n_names;
	int first_name;
	int64_t min, max; /* as a number; min > max: names only */
};

static const struct unit weekday_unit = { "a weekday such as monday",
	weekday_names, ARRAY_LEN(weekday_names), 0, 1, 0 };
static const struct unit month_unit = { "a month such as june or 6",
	month_names, ARRAY_LEN(month_names), 1, 1, 12 };
static const struct unit day_unit = {
	"a day of the month, 1 to 31 or -31 to -1", NULL, 0, 0, -31, 31
};
static const struct unit year_unit = { "a year such as 2026", NULL, 0, 0,
	-99999, 99999 };

static char *
lower_case(struct arena *arena, struct str text)
{
	char *lower = ARENA_ARRAY(arena, text.n + 1, char);

	for (uint32_t i = 0; i < text.n; i++) {
		const char c = text.p[i];

		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
	}
	return lower;
}

static bool
read_member(struct loader *l, const struct unit *unit, struct str text,
    struct pos pos, int *ret)
{
	const char *lower = lower_case(l->scratch, text);
	const char *meant;
	int64_t number;

	for (size_t i = 0; i < unit->n_names; i++) {
		if (strcmp(unit->names[i], lower) == 0) {
			*ret = unit->first_name + (int)i;
			return true;
		}
	}
	if (str_to_i64(text, &number) && number >= unit->min &&
	    number <= unit->max && (number != 0 || unit == &year_unit)) {
		*ret = (int)number;
		return true;
	}
	meant = unit->names == NULL ?
	    NULL :
	    schema_suggest_among(unit->names, unit->n_names, str_from(lower));
	if (meant != NULL) {
		diag_error(l->ctx.diag, pos,
		    "expected %s, got '%.*s' (did you mean '%s'?)", unit->want,
		    STR_ARG(str_head(text, 40)), meant);
	} else {
		diag_error(l->ctx.diag, pos, "expected %s, got '%.*s'",
		    unit->want, STR_ARG(str_head(text, 40)));
	}
	return false;
}

/*
 * Counted in the shortest month, as Alertmanager does: a range that is the
 * wrong way round in February is taken for a mistake.
 */
static bool
is_backwards(const struct unit *unit, const struct time_range *range)
{
	int first = range->first, last = range->last;

	if (unit == &day_unit) {
		first += first < 0 ? 28 : 0;
		last += last < 0 ? 28 : 0;
	}
	return first > last;
}

static bool
read_range(struct loader *l, const struct unit *unit, const char *text,
    struct pos pos, struct time_range *ret)
{
	const char *colon = strchr(text, ':');
	const size_t n = strcspn(text, ":");

	if (!read_member(l, unit, str_make(text, n), pos, &ret->first)) {
		return false;
	}
	ret->last = ret->first;
	if (colon != NULL &&
	    !read_member(l, unit, str_from(colon + 1), pos, &ret->last)) {
		return false;
	}
	if (unit == &day_unit && ret->first < 0 && ret->last > 0) {
		diag_error(l->ctx.diag, pos,
		    "'%s' begins before the end of the month and ends in the "
		    "next; the end must be negative too",
		    text);
		return false;
	}
	if (is_backwards(unit, ret)) {
		diag_error(l->ctx.diag, pos,
		    "'%s' ends before it begins; ranges do not wrap around, "
		    "give two",
		    text);
		return false;
	}
	return true;
}

static struct time_ranges
read_ranges(struct loader *l, const struct unit *unit,
    const struct string_list *list)
{
	struct time_range *r = ARENA_ARRAY(l->ctx.arena, list->n + 1,
	    struct time_range);
	struct time_ranges ranges = { .r = r, .set = list->set };

	for (uint32_t i = 0; i < list->n; i++) {
		if (read_range(l, unit, list->items[i], list->pos[i],
			&r[ranges.n])) {
			ranges.n++;
		}
	}
	return ranges;
}

/* ---- times of day ---------------------------------------------------------------- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Minutes of the day; two digits, a colon, two digits. */
static bool
clock_parse(const char *text, int *ret)
{
	int hour, minute;

	if (strlen(text) != 5 || !is_digit(text[0]) || !is_digit(text[1]) ||
	    text[2] != ':' || !is_digit(text[3]) || !is_digit(text[4])) {
		return false;
	}
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	*ret = hour * 60 + minute;
	return minute < 60 && *ret <= 24 * 60;
}

static bool
read_clock(struct loader *l, const struct clock_raw *raw, const char *key,
    const char *text, int *ret)
{
	if (text == NULL) {
		return false; /* reported */
	}
	if (clock_parse(text, ret)) {
		return true;
	}
	schema_expected(&l->ctx, yaml_get(raw->node, key),
	    "a time of day from 00:00 to 24:00");
	return false;
}

static struct time_ranges
read_times(struct loader *l, const struct sub_list *list)
{
	struct time_range *r = ARENA_ARRAY(l->ctx.arena, list->n + 1,
	    struct time_range);
	struct time_ranges ranges = { .r = r, .set = list->set };

	for (uint32_t i = 0; i < list->n; i++) {
		const struct clock_raw *raw = list->items[i];
		struct time_range *range = &r[ranges.n];

		if (raw == NULL || list->failed[i] ||
		    !read_clock(l, raw, "start_time", raw->start,
			&range->first) ||
		    !read_clock(l, raw, "end_time", raw->end, &range->last)) {
			continue;
		}
		if (range->first >= range->last) {
			diag_error(l->ctx.diag,
			    yaml_get(raw->node, "end_time")->pos,
			    "end_time must be after start_time; past midnight "
			    "takes two ranges, up to 24:00 and from 00:00");
			continue;
		}
		ranges.n++;
	}
	return ranges;
}

/* ---- whole intervals ----------------------------------------------------------------- */

static const struct tz *
read_location(struct loader *l, const struct spec_raw *raw)
{
	const struct str name = str_from(raw->location);
	const struct tz *zone;

	if (raw->location == NULL || name.n == 0 || str_is(name, "UTC")) {
		return NULL;
	}
	zone = tz_find(name);
	if (zone == NULL) {
		diag_error(l->ctx.diag, yaml_get(raw->node, "location")->pos,
		    "there is no time zone '%s' on this machine; names are "
		    "such as Europe/Berlin (package tzdata)",
		    raw->location);
	}
	return zone;
}

static void
interval_make(struct loader *l, const struct interval_raw *raw,
    struct time_interval *interval)
{
	interval->name = raw->name;
	interval->pos = raw->node->pos;
	interval->specs = ARENA_ARRAY(l->ctx.arena, raw->specs.n + 1,
	    struct time_spec);
	for (uint32_t i = 0; i < raw->specs.n; i++) {
		const struct spec_raw *spec = raw->specs.items[i];

		if (spec == NULL || spec->node == NULL) {
			continue; /* reported */
		}
		interval->specs[interval->n_specs++] = (struct time_spec){
			.times = read_times(l, &spec->times),
			.weekdays = read_ranges(l, &weekday_unit,
			    &spec->weekdays),
			.days_of_month = read_ranges(l, &day_unit,
			    &spec->days_of_month),
			.months = read_ranges(l, &month_unit, &spec->months),
			.years = read_ranges(l, &year_unit, &spec->years),
			.zone = read_location(l, spec),
		};
	}
}

const struct time_interval *
config_time_interval(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->n_time_intervals; i++) {
		if (strcmp(config->time_intervals[i].name, name) == 0) {
			return &config->time_intervals[i];
		}
	}
	return NULL;
}

static void
add_intervals(struct loader *l, const struct sub_list *raws)
{
	struct config *config = &l->generation->config;

	for (uint32_t i = 0; i < raws->n; i++) {
		const struct interval_raw *raw = raws->items[i];
		const struct time_interval *first;

		if (raw == NULL || raw->name == NULL ||
		    raw->name[0] == '\0') {
			continue; /* reported */
		}
		first = config_time_interval(config, raw->name);
		if (first != NULL) {
			diag_error(l->ctx.diag, raws->pos[i],
			    "there are two time intervals named '%s'",
			    raw->name);
			diag_note(l->ctx.diag, first->pos,
			    "the first is here");
			continue;
		}
		interval_make(l, raw,
		    &config->time_intervals[config->n_time_intervals++]);
	}
}

void
time_intervals_build(struct loader *l, const struct sub_list *raws,
    const struct sub_list *older)
{
	struct config *config = &l->generation->config;

	config->time_intervals = ARENA_ARRAY(l->ctx.arena,
	    raws->n + older->n + 1, struct time_interval);
	add_intervals(l, older);
	add_intervals(l, raws);
}
