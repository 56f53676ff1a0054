/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deviation rule on labelled series: the Numenta Anomaly Benchmark.
 *
 * nab DIR: each series of DIR/data that DIR/windows.json names goes, point by
 * point in order of time, through the rule kind itself: judge() with what the
 * rule remembers so far, then the alert state machine.  The moment an alert
 * begins to fire is a detection.  One setting, below, for all series.
 *
 * Scores as NAB defines them (Lavin and Ahmad 2015), per profile: each window
 * counts its best detection, the earlier the better on a sigmoid; a detection
 * outside costs, less so just after a window; a window without one costs.  The
 * first 15 % of a series (750 points at most) do not count.  0 is raising
 * nothing, 100 perfect.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/civil.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "rule/kinds.h"
#include "rule/past_keep.h"
#include "yaml/yaml.h"

/* The defaults, and how often there is a point in most of the series. */
#define RULE            "{query: x, method: auto, step: 5m}"
#define KEEP_FIRING_FOR "12h"
#define KEEP_FIRING     DUR_S(12 * 3600)

#define TIME_BYTES      19 /* "2014-07-01 00:30:00" */
#define WINDOWS_MAX     32
#define LINE_BYTES      256
#define PROBATION       0.15
#define PROBATION_MAX   750

struct point {
	char text[TIME_BYTES + 1];
	wall_t at;
	double value;
	bool detected;
};

struct series {
	const char *name;
	struct point *points;
	size_t n, cap;
	struct {
		size_t first, last;
	} windows[WINDOWS_MAX];
	size_t n_windows;
};

static const struct profile {
	const char *name;
	double hit, false_alarm, miss;
} profiles[] = {
	{ "standard", 1.0, 0.11, 1.0 },
	{ "reward low FP", 1.0, 0.22, 1.0 },
	{ "reward low FN", 1.0, 0.11, 2.0 },
};

/* --- the data ---------------------------------------------------------- */

static int64_t
number_at(const char *text, size_t n)
{
	int64_t value = 0;

	str_to_i64(str_make(text, n), &value);
	return value;
}

static wall_t
read_time(const char *t)
{
	int64_t days =
	    civil_to_days(number_at(t, 4), (int)number_at(t + 5, 2), (int)number_at(t + 8, 2));
	int64_t sec =
	    number_at(t + 11, 2) * 3600 + number_at(t + 14, 2) * 60 + number_at(t + 17, 2);

	return (wall_t){ (days * 86400 + sec) * DUR_S(1).ns };
}

static void
read_series(const char *dir, struct series *series)
{
	char path[1024], line[LINE_BYTES];
	FILE *file;

	snprintf(path, sizeof(path), "%s/data/%s", dir, series->name);
	file = fopen(path, "r");
	if (file == NULL) {
		fprintf(stderr, "nab: %s cannot be read\n", path);
		exit(EXIT_FAILURE);
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		struct point point = { 0 };

		if (strlen(line) <= TIME_BYTES || line[TIME_BYTES] != ',' ||
		    !str_to_double(str_trim(str_from(line + TIME_BYTES + 1)), &point.value))
			continue; /* the heading */
		memcpy(point.text, line, TIME_BYTES);
		point.at = read_time(point.text);
		series->points =
		    xgrow(series->points, &series->cap, series->n + 1, sizeof(*series->points));
		series->points[series->n++] = point;
	}
	fclose(file);
}

/* The last point of that time: some series have two. */
static size_t
point_at(const struct series *series, const char *text)
{
	for (size_t i = series->n; i > 0; i--)
		if (strncmp(series->points[i - 1].text, text, TIME_BYTES) == 0)
			return i - 1;
	fprintf(stderr, "nab: %s has no point at %s\n", series->name, text);
	exit(EXIT_FAILURE);
}

static void
read_windows(struct json_object *list, struct series *series)
{
	for (size_t i = 0; i < json_object_array_length(list) && i < WINDOWS_MAX; i++) {
		struct json_object *pair = json_object_array_get_idx(list, i);

		series->windows[i].first =
		    point_at(series, json_object_get_string(json_object_array_get_idx(pair, 0)));
		series->windows[i].last =
		    point_at(series, json_object_get_string(json_object_array_get_idx(pair, 1)));
		series->n_windows++;
	}
}

/* --- the rule ---------------------------------------------------------- */

static int
no_labels(const struct source *source UNUSED, const struct sample *sample UNUSED,
    struct arena *arena UNUSED, struct label_view **ret, uint32_t *ret_n, struct err *err UNUSED)
{
	*ret = NULL;
	*ret_n = 0;
	return 0;
}

static const struct source_ops series_ops = { .labels = no_labels };
static const struct source series_source = { .ops = &series_ops };

static void
read_rule(struct arena *arena, const struct rule_group_config *group, struct rule_config *ret)
{
	struct diag *diag = diag_new();
	struct schema_context ctx = { .arena = arena, .diag = diag, .dir = "/" };
	const struct rule_kind_schema *kind = &rule_kind_deviation_schema;
	struct yaml_node *node = yaml_parse(arena, diag, "rule", STR(RULE));
	void *settings = arena_alloc(arena, kind->schema->size);

	*ret = (struct rule_config){ .group = group,
		.name = "nab",
		.kind = kind,
		.settings = settings,
		.max_age = DUR_UNSET,
		.keep_firing_for = KEEP_FIRING };
	schema_read(&ctx, kind->schema, node, settings);
	kind->finish(&ctx, ret);
	if (diag_errors(diag) > 0) {
		fprintf(stderr, "nab: %s\n", diag_at(diag, 0)->text);
		exit(EXIT_FAILURE);
	}
	diag_free(diag);
}

struct watch {
	const struct rule_config *rule;
	struct past *past;
	struct past_line *line;
	struct past_need need;
	struct alert_times alert;
	struct arena *arena;
};

/* One evaluation, as the engine does it; true: an alert has begun to fire. */
static bool
evaluate(struct watch *w, const struct point *point)
{
	struct alert_policy policy = { .for_ = w->rule->for_,
		.keep_firing_for = w->rule->keep_firing_for };
	struct sample sample = { .key = STR("series"), .value = point->value, .at = point->at };
	struct vector answer = { &sample, 1 };
	const struct source *source = &series_source;
	struct rule_input in = { .rule = w->rule,
		.now = point->at,
		.answers = &answer,
		.sources = &source,
		.n = 1,
		.past = w->past,
		.arena = w->arena };
	struct judgement judgement;
	struct err err = { .at = ERR_NOWHERE };
	enum alert_change change;
	bool is_firing;

	if (rule_kind_deviation.judge(&in, &judgement, &err) < 0) {
		fprintf(stderr, "nab: %s\n", err.text);
		exit(EXIT_FAILURE);
	}
	change = alert_step(&w->alert, &policy, judgement.observations[0].outcome, point->at);
	is_firing = w->alert.state == ALERT_FIRING;
	for (uint32_t i = 0; i < judgement.n_remember; i++)
		past_append(w->past, w->line, judgement.remember[i].at, judgement.remember[i].value,
		    w->need.exclude_firing && is_firing ? PAST_FIRING : 0);
	past_prune_line(w->past, w->line, point->at);
	if (change == ALERT_BECAME_RESOLVED)
		w->alert = (struct alert_times){ 0 };
	arena_reset(w->arena);
	return change == ALERT_BECAME_FIRING;
}

static void
watch_series(const struct rule_config *rule, struct series *series)
{
	struct watch w = { .rule = rule, .arena = arena_new(1 << 20) };

	rule_kind_deviation.remembers(rule, &w.need);
	w.past = past_new(&w.need);
	w.line = past_line_add(w.past, STR("series"));
	past_line_set_key(w.past, w.line, STR("series"));
	for (size_t i = 0; i < series->n; i++)
		/* A rule is evaluated once at an instant. */
		if (i == 0 || wall_before(series->points[i - 1].at, series->points[i].at))
			series->points[i].detected = evaluate(&w, &series->points[i]);
	past_unref(w.past);
	arena_free(w.arena);
}

/* --- scores ------------------------------------------------------------ */

struct scores {
	double score, nothing, perfect;
	size_t windows, found, false_alarms;
};

static double
sigmoid(double x)
{
	return x > 3.0 ? -1.0 : 2.0 / (1.0 + exp(5.0 * x)) - 1.0;
}

static void
count_window(const struct series *series, size_t w, size_t probation, const struct profile *profile,
    struct scores *scores)
{
	size_t first = series->windows[w].first, last = series->windows[w].last;
	double best = -profile->miss, width = (double)(last - first + 1);

	if (last < probation)
		return;
	for (size_t i = first > probation ? first : probation; i <= last; i++)
		if (series->points[i].detected)
			best = fmax(best, profile->hit * sigmoid(-(double)(last - i + 1) / width) /
					      sigmoid(-1.0));
	scores->score += best;
	scores->nothing -= profile->miss;
	scores->perfect += profile->hit;
	scores->windows++;
	scores->found += best > -profile->miss;
}

/* What a detection at i that no window holds costs. */
static double
cost_of(const struct series *series, size_t i)
{
	double cost = -1.0;
	size_t nearest = 0;

	for (size_t w = 0; w < series->n_windows; w++) {
		size_t first = series->windows[w].first, last = series->windows[w].last;
		double width = last > first ? (double)(last - first) : 1.0;

		if (last < i && last >= nearest) {
			nearest = last;
			cost = sigmoid((double)(i - last) / width);
		}
	}
	return cost;
}

static void
count_series(const struct series *series, const struct profile *profile, struct scores *scores)
{
	size_t probation = (size_t)floor(PROBATION * (double)series->n);

	if (probation > PROBATION_MAX)
		probation = PROBATION_MAX;
	for (size_t w = 0; w < series->n_windows; w++)
		count_window(series, w, probation, profile, scores);
	for (size_t i = probation; i < series->n; i++) {
		bool inside = false;

		for (size_t w = 0; w < series->n_windows; w++)
			inside = inside ||
				 (series->windows[w].first <= i && i <= series->windows[w].last);
		if (!series->points[i].detected || inside)
			continue;
		scores->score += profile->false_alarm * cost_of(series, i);
		scores->false_alarms++;
	}
}

static void
print_scores(const struct series *all, size_t n)
{
	printf("deviation: " RULE ", keep_firing_for: " KEEP_FIRING_FOR "\n");
	for (size_t p = 0; p < ARRAY_LEN(profiles); p++) {
		struct scores scores = { 0 };

		for (size_t i = 0; i < n; i++)
			count_series(&all[i], &profiles[p], &scores);
		if (!(scores.perfect > scores.nothing)) {
			printf("%-13s  none   no windows, false alerts %zu  series %zu\n",
			    profiles[p].name, scores.false_alarms, n);
			continue;
		}
		printf("%-13s %5.1f  windows found %zu/%zu  false alerts %zu  series %zu\n",
		    profiles[p].name,
		    100.0 * (scores.score - scores.nothing) / (scores.perfect - scores.nothing),
		    scores.found, scores.windows, scores.false_alarms, n);
	}
}

/* One line a detection, for those who want to look. */
static void
print_detections(const struct series *series)
{
	for (size_t i = 0; i < series->n; i++)
		if (series->points[i].detected)
			printf("%s,%s\n", series->name, series->points[i].text);
}

int
main(int argc, char **argv)
{
	struct arena *arena = arena_new(0);
	struct rule_group_config group = {
		.name = "nab", .interval = DUR_S(60), .query_offset = DUR_UNSET
	};
	struct rule_config rule;
	struct series *all = NULL;
	struct json_object *windows;
	size_t n = 0, cap = 0;
	char path[1024];

	if (argc < 2 || argc > 3) {
		fprintf(stderr,
		    "usage: nab DIR [--detections]\n"
		    "DIR holds data/ and windows.json of the Numenta Anomaly Benchmark\n");
		return 2;
	}
	hash_seed(1);
	read_rule(arena, &group, &rule);
	snprintf(path, sizeof(path), "%s/windows.json", argv[1]);
	windows = json_object_from_file(path);
	if (windows == NULL) {
		fprintf(stderr, "nab: %s cannot be read\n", path);
		return EXIT_FAILURE;
	}
	json_object_object_foreach(windows, name, list)
	{
		all = xgrow(all, &cap, n + 1, sizeof(*all));
		all[n] = (struct series){ .name = name };
		read_series(argv[1], &all[n]);
		read_windows(list, &all[n]);
		watch_series(&rule, &all[n]);
		if (argc == 3)
			print_detections(&all[n]);
		n++;
	}
	print_scores(all, n);
	for (size_t i = 0; i < n; i++)
		free(all[i].points);
	free(all);
	json_object_put(windows);
	arena_free(arena);
	return EXIT_SUCCESS;
}
