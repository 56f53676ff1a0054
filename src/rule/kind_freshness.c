/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `freshness:` when was it written last?  Feature tables, uploads, batch jobs.
 *
 * The datum is a time: a column of a table, or a metric's value in Unix
 * seconds.  Time that the calendar excepts does not count, so a table that is
 * loaded on working days is not late on Monday morning.  What is expected and
 * not there at all is stale, too.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/duration.h"
#include "base/tz.h"
#include "config/calendar.h"
#include "rule/arm.h"
#include "rule/cells.h"
#include "rule/kinds.h"
#include "rule/verdicts.h"
#include "source/rows.h"

#define EXPECT_MAX    10000
#define INTERVALS_MAX 32
#define NS_PER_S      1e9

struct freshness_calendar {
	struct string_list except, intervals;
	const char *time_zone;
	struct pos pos;
	/* from the above */
	const struct time_interval **list;
	uint32_t n;
};

struct freshness_settings {
	const char *query, *column;
	struct string_list by, expect;
	dur_t max_age;
	struct freshness_calendar *calendar;
	struct pos pos;
	/* from the above */
	const char *fields[1];
};

static int
freshness_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct freshness_settings *s = rule->settings;

	rule_plan_one(rule, now, s->query, ret);
	ret->queries[0].fields = s->fields;
	ret->queries[0].n_fields = 1;
	return 0;
}

/* --- judging ------------------------------------------------------------- */

struct dataset {
	wall_t at; /* WALL_NONE: not known */
};

/* A metric's value: seconds, or what else is plausible for a time of our days. */
static wall_t
time_of_number(double value)
{
	double seconds = value > 1e17   ? value / 1e9
			 : value > 1e14 ? value / 1e6
			 : value > 1e11 ? value / 1e3
					: value;

	return seconds > 0 && seconds < 9e9 ? (wall_t){ (int64_t)(seconds * NS_PER_S) } : WALL_NONE;
}

static int
read_time(const struct freshness_settings *s, const struct sample *sample, size_t row, wall_t *ret,
    struct err *err)
{
	struct str text = cells_field(sample, 0);

	*ret = WALL_NONE;
	if (text.p != NULL) {
		if (!time_parse(str_trim(text), TIME_AUTO, ret))
			return err_set(err, ERR_INVALID,
			    "row %zu: column %s has '%.*s', which is "
			    "no time",
			    row, s->column, STR_ARG(str_head(text, 60)));
	} else if (!sample->missing && isfinite(sample->value)) {
		*ret = time_of_number(sample->value);
	} else {
		*ret = sample->at;
	}
	return 0;
}

/* Has more than max_age gone by since then, excepted time left out? */
static bool
is_late(const struct freshness_settings *s, wall_t at, wall_t now, double *ret_counted)
{
	const struct freshness_calendar *calendar = s->calendar;
	dur_t counted = { 0 };

	if (calendar == NULL || calendar->n == 0) {
		*ret_counted = dur_seconds(wall_since(now, at));
		return dur_less(s->max_age, wall_since(now, at));
	}
	while (wall_before(at, now) && !dur_less(s->max_age, counted)) {
		wall_t next = intervals_change(calendar->list, calendar->n, at, now);

		if (!intervals_contain(calendar->list, calendar->n, at))
			counted.ns += wall_since(next, at).ns;
		at = next;
	}
	*ret_counted = dur_seconds(counted);
	return dur_less(s->max_age, counted);
}

static bool
is_expected(const struct freshness_settings *s, const struct cells_group *labels)
{
	for (uint32_t i = 0; i < s->expect.n; i++)
		if (labels->n_labels == 1 && str_is(labels->labels[0].value, s->expect.items[i]))
			return true;
	return false;
}

/* "3d2h old, 2d is allowed": to the second, since nobody asks for less. */
static struct str
say_age(const struct freshness_settings *s, double age, double counted, struct arena *arena)
{
	char old[DURATION_TEXT_MAX], counts[DURATION_TEXT_MAX], allowed[DURATION_TEXT_MAX];
	const char *said;

	duration_format(s->max_age, allowed);
	duration_format(DUR_S((int64_t)(isnan(age) ? 0 : age)), old);
	duration_format(DUR_S((int64_t)(isnan(counted) ? 0 : counted)), counts);
	if (isnan(age))
		said = arena_printf(arena, "expected, and not there or without a time");
	else if (s->calendar != NULL && s->calendar->n > 0)
		said = arena_printf(
		    arena, "%s old, of which %s count, %s is allowed", old, counts, allowed);
	else
		said = arena_printf(arena, "%s old, %s is allowed", old, allowed);
	return str_from(said);
}

static void
set_verdict(const struct freshness_settings *s, wall_t at, wall_t now, struct arena *arena,
    struct verdict *ret)
{
	struct explain *e = &ret->explain;
	struct buf more = { 0 };
	double counted = (double)NAN;

	*e = explain_none;
	e->method = "age";
	e->threshold = dur_seconds(s->max_age);
	ret->value = (double)NAN;
	if (wall_is_set(at)) {
		ret->outcome = is_late(s, at, now, &counted) ? OUTCOME_BREACH : OUTCOME_OK;
		ret->value = fmax(0.0, dur_seconds(wall_since(now, at)));
		verdict_put_number(&more, "counted", counted);
	} else if (is_expected(s, ret->labels)) {
		ret->outcome = OUTCOME_BREACH;
		buf_puts(&more, "\"missing\":true");
	} else {
		ret->outcome = OUTCOME_INSUFFICIENT;
		ret->reason = "the time is missing";
	}
	e->value = ret->value;
	e->said = say_age(s, ret->value, counted, arena);
	ret->more = verdict_keep(arena, &more);
}

/* What is expected and has no row gets one without a time. */
static uint32_t
add_expected(const struct rule_input *in, const struct freshness_settings *s,
    const struct cells *cells, struct verdict *verdicts)
{
	uint32_t n = cells->n;

	for (uint32_t i = 0; i < s->expect.n; i++) {
		struct cells_group *group;
		struct label_view *label;
		bool found = false;

		for (uint32_t k = 0; k < cells->n && !found; k++)
			found = cells->groups[k].n_labels == 1 &&
				str_is(cells->groups[k].labels[0].value, s->expect.items[i]);
		if (found)
			continue;
		group = ARENA_NEW(in->arena, struct cells_group);
		label = ARENA_NEW(in->arena, struct label_view);
		*label =
		    (struct label_view){ str_from(s->by.items[0]), str_from(s->expect.items[i]) };
		*group = (struct cells_group){ label, 1 };
		verdicts[n].labels = group;
		set_verdict(s, WALL_NONE, in->now, in->arena, &verdicts[n++]);
	}
	return n;
}

static int
gather(const struct rule_input *in, const struct freshness_settings *s, struct cells *cells,
    struct dataset **ret, struct err *err)
{
	struct dataset *datasets = NULL;
	uint32_t cap = 0;

	for (uint32_t i = 0; i < in->answers->n; i++) {
		const struct sample *sample = &in->answers->samples[i];
		uint32_t at;
		wall_t time;
		int code = cells_place(cells, in->sources[0], sample, &at, NULL, err);

		if (code == 0)
			code = read_time(s, sample, i + 1, &time, err);
		if (code < 0)
			return code;
		if (at >= cap) {
			struct dataset *more;

			cap = cap == 0 ? 64 : cap * 2;
			more = ARENA_ARRAY(in->arena, cap, struct dataset);
			if (datasets != NULL)
				memcpy(more, datasets, at * sizeof(*more));
			datasets = more;
		}
		/* Several rows of one dataset: the latest is its time. */
		datasets[at].at = wall_max(datasets[at].at, time);
	}
	*ret = datasets;
	return 0;
}

static int
freshness_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	static const struct aggregate each = { .how = AGGREGATE_ANY };
	static const struct string_list no_group;
	const struct freshness_settings *s = in->rule->settings;
	const struct cells_options options = { .by = s->by.set ? &s->by : NULL };
	struct dataset *datasets = NULL;
	struct verdict *verdicts;
	struct cells cells;
	uint32_t n;
	int code;

	cells_init(&cells, in->arena, &options);
	code = gather(in, s, &cells, &datasets, err);
	if (code == 0) {
		verdicts = ARENA_ARRAY(in->arena, cells.n + s->expect.n + 1, struct verdict);
		for (uint32_t i = 0; i < cells.n; i++) {
			verdicts[i].labels = &cells.groups[i];
			set_verdict(s, datasets[i].at, in->now, in->arena, &verdicts[i]);
		}
		n = add_expected(in, s, &cells, verdicts);
		*ret = (struct judgement){ .absent = OUTCOME_OK };
		verdicts_observe(in->arena, verdicts, n, &each, &no_group, &explain_none, ret);
	}
	cells_fini(&cells);
	return code;
}

/* --- settings ------------------------------------------------------------ */

/* "Sat" and "saturday" are 6; -1: none. */
static int
weekday_of(const char *name)
{
	static const char *const days[] = { "sunday", "monday", "tuesday", "wednesday", "thursday",
		"friday", "saturday" };
	size_t n = strlen(name);

	for (int i = 0; i < 7; i++) {
		bool same = n == 3 || n == strlen(days[i]);

		for (size_t k = 0; same && k < n; k++)
			same = (name[k] | 0x20) == days[i][k];
		if (same)
			return i;
	}
	return -1;
}

static void
check_calendar(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	struct freshness_calendar *c = value;
	struct time_range *days;
	struct time_interval *interval = ARENA_NEW(ctx->arena, struct time_interval);
	struct time_spec *spec = ARENA_NEW(ctx->arena, struct time_spec);
	uint32_t n = 0;

	if (c->intervals.n > INTERVALS_MAX || c->except.n > INTERVALS_MAX) {
		diag_error(ctx->diag, c->pos, "more than %d days or intervals", INTERVALS_MAX);
		return;
	}
	days = ARENA_ARRAY(ctx->arena, c->except.n + 1, struct time_range);
	c->list = ARENA_ARRAY(ctx->arena, c->intervals.n + 1, const struct time_interval *);
	for (uint32_t i = 0; i < c->except.n; i++) {
		int day = weekday_of(c->except.items[i]);

		if (day < 0)
			diag_error(ctx->diag, c->except.pos[i],
			    "'%s' is no day of the week, as Sat or saturday", c->except.items[i]);
		else
			days[n++] = (struct time_range){ day, day };
	}
	if (c->time_zone != NULL) {
		spec->zone = tz_find(str_from(c->time_zone));
		if (spec->zone == NULL)
			diag_error(ctx->diag, rule_key_pos(node, "time_zone"),
			    "there is no time zone '%s'; give an IANA name, as Europe/Berlin",
			    c->time_zone);
	}
	if (n > 0) {
		spec->weekdays = (struct time_ranges){ .r = days, .n = n, .set = true };
		*interval = (struct time_interval){ .name = "except", .specs = spec, .n_specs = 1 };
		c->list[c->n++] = interval;
	}
	for (uint32_t i = 0; i < c->intervals.n && ctx->config != NULL; i++) {
		const struct time_interval *named =
		    config_time_interval(ctx->config, c->intervals.items[i]);

		if (named == NULL)
			diag_error(ctx->diag, c->intervals.pos[i],
			    "there is no time interval '%s' in time_intervals",
			    c->intervals.items[i]);
		else
			c->list[c->n++] = named;
	}
}

static void
freshness_check(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	struct freshness_settings *s = value;

	if (s->query != NULL)
		s->query = rule_query_text(ctx, s->query, s->pos, "query");
	s->fields[0] = s->column;
	if (s->expect.n > 0 && s->by.n != 1)
		diag_error(ctx->diag, rule_key_pos(node, "expect"),
		    "expect needs by with one label, the one whose values are listed, as by: "
		    "[dataset]");
	if (s->expect.n > EXPECT_MAX)
		diag_error(ctx->diag, rule_key_pos(node, "expect"), "expect has more than %d names",
		    EXPECT_MAX);
}

static void
freshness_finish(struct schema_context *ctx UNUSED, struct rule_config *rule)
{
	rule->query_text = ((const struct freshness_settings *)rule->settings)->query;
}

static void
freshness_identity(const struct rule_config *rule, struct buf *out)
{
	const struct freshness_settings *s = rule->settings;

	config_normalize_query(str_from(s->query), out);
	buf_printf(out, "%c%s %lld", '\0', s->column, (long long)s->max_age.ns);
	for (uint32_t i = 0; i < s->by.n; i++)
		buf_printf(out, " %s", s->by.items[i]);
}

static const struct schema_field calendar_fields[] = {
	{ .name = "except",
	    .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct freshness_calendar, except),
	    .doc = "Days of the week that do not count, as [Sat, Sun]." },
	{ .name = "intervals",
	    .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct freshness_calendar, intervals),
	    .doc = "Names of time_intervals of the configuration that do not count, e.g. "
		   "holidays." },
	{ .name = "time_zone",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct freshness_calendar, time_zone),
	    .flags = FIELD_NONEMPTY,
	    .doc = "Where the days of except begin, as Europe/Berlin; default UTC." },
};

static const struct schema calendar_schema = {
	.name = "calendar",
	.doc = "Time that does not count towards the age.",
	.size = sizeof(struct freshness_calendar),
	SCHEMA_FIELDS(calendar_fields),
	.pos_offset = offsetof(struct freshness_calendar, pos) + 1,
	.check = check_calendar,
};

#define FRESHNESS(m) .offset = offsetof(struct freshness_settings, m)

static const struct schema_field freshness_fields[] = {
	{ .name = "query",
	    .kind = FIELD_STRING,
	    FRESHNESS(query),
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .doc = "One row for each dataset with the time of its last change, as SELECT "
		   "table_name AS dataset, max(loaded_at) AS ts ... GROUP BY 1; or a metric "
		   "whose value is that time in Unix seconds." },
	{ .name = "column",
	    .kind = FIELD_STRING,
	    FRESHNESS(column),
	    .flags = FIELD_NONEMPTY,
	    .fallback = "ts",
	    .doc = "The column that has the time: RFC 3339, YYYY-MM-DD HH:MM:SS (UTC), or a Unix "
		   "time." },
	{ .name = "max_age",
	    .kind = FIELD_DURATION,
	    FRESHNESS(max_age),
	    .flags = FIELD_REQUIRED | FIELD_POSITIVE,
	    .doc = "What is older than this is stale." },
	{ .name = "by",
	    .kind = FIELD_STRING_LIST,
	    FRESHNESS(by),
	    .doc = "Labels that tell the datasets apart; of rows with equal ones the latest "
		   "counts. Default: all there are." },
	{ .name = "expect",
	    .kind = FIELD_STRING_LIST,
	    FRESHNESS(expect),
	    .doc = "Datasets that must be there: one without a row, or without a time, is stale. "
		   "They are values of the label that by names." },
	{ .name = "calendar",
	    .kind = FIELD_SUB,
	    .sub = &calendar_schema,
	    FRESHNESS(calendar),
	    .doc = "Time that does not count towards the age." },
};

static const struct schema freshness_schema = {
	.name = "freshness",
	.doc = "Alerts when a dataset has not been written for too long.",
	.size = sizeof(struct freshness_settings),
	SCHEMA_FIELDS(freshness_fields),
	.pos_offset = offsetof(struct freshness_settings, pos) + 1,
	.check = freshness_check,
};

const struct rule_kind_schema rule_kind_freshness_schema = {
	.name = "freshness",
	.schema = &freshness_schema,
	.finish = freshness_finish,
	.identity = freshness_identity,
};

const struct rule_kind rule_kind_freshness = {
	.schema = &rule_kind_freshness_schema,
	.plan = freshness_plan,
	.judge = freshness_judge,
};
