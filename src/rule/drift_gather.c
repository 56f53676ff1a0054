/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows into features: numbers, categories or buckets of either side.
 *
 * More numbers than max_rows are thinned as they come (Vitter's algorithm R,
 * from a fixed seed), so memory is bounded by what is compared.
 */
#include "config.h"

#include "rule/drift_gather.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/xalloc.h"

#define SEED UINT64_C(0x746f6373696e)

enum {
	REFERENCE,
	CURRENT,
	SIDES
};

struct bucket {
	double bound, count;
};

struct side {
	double *values;
	size_t n, cap;
	double seen, nulls;
	wall_t at;      /* of the newest row */
	struct rng rng; /* from the first value that has no room */
	struct bucket *buckets;
	size_t n_buckets, cap_buckets;
};

struct feature {
	struct side sides[SIDES];
	double *counts[SIDES];
	size_t k, cap;
};

struct category {
	uint32_t feature;
	size_t index;
	struct str name;
};

struct gathering {
	const struct rule_input *in;
	const struct drift_settings *settings;
	struct cells cells;
	struct feature *features;
	size_t n, cap;
	struct map categories;
	size_t n_categories;
};

/* --- numbers ----------------------------------------------------------- */

/* Whose place the next one takes when there are max already; SIZE_MAX: nobody's. */
static size_t
place_of(struct side *side, size_t max, uint64_t seed)
{
	uint64_t at;

	if (side->seen == (double)max + 1)
		rng_init(&side->rng, SEED + seed);
	at = rng_below(&side->rng, (uint64_t)side->seen);
	return at < max ? (size_t)at : SIZE_MAX;
}

static void
add_value(struct side *side, double value, size_t max, uint64_t seed)
{
	size_t at;

	side->seen++;
	if (side->n < max) {
		if (side->n == side->cap)
			side->values =
			    xgrow(side->values, &side->cap, side->n + 1, sizeof(*side->values));
		side->values[side->n++] = value;
		return;
	}
	at = place_of(side, max, seed);
	if (at != SIZE_MAX)
		side->values[at] = value;
}

/* --- points ------------------------------------------------------------ */

/* A row without one of the columns is no point. */
static int
add_point(struct gathering *g, struct side *side, const struct sample *sample, size_t row,
    uint64_t seed, struct err *err)
{
	const struct string_list *columns = &g->settings->columns;
	const size_t max = (size_t)fmin((double)g->settings->max_rows, DRIFT_MMD_POINTS);
	double point[DRIFT_COLUMNS_MAX];
	size_t at;

	for (uint32_t i = 0; i < columns->n; i++) {
		int code = cells_number(sample, i, columns->items[i], row, &point[i], err);

		if (code < 0)
			return code;
		if (isnan(point[i])) {
			side->nulls++;
			return 0;
		}
	}
	side->seen++;
	if (side->values == NULL)
		side->values = xmalloc(max * columns->n * sizeof(*side->values));
	at = side->n < max ? side->n++ : place_of(side, max, seed);
	if (at != SIZE_MAX)
		memcpy(side->values + at * columns->n, point, columns->n * sizeof(*point));
	return 0;
}

/* --- categories -------------------------------------------------------- */

static bool
category_is(const void *value, const void *key)
{
	const struct category *a = value, *b = key;

	return a->feature == b->feature && str_eq(a->name, b->name);
}

static int
add_category(
    struct gathering *g, uint32_t feature, int side, struct str name, double count, struct err *err)
{
	struct category wanted = { .feature = feature, .name = name };
	uint64_t hash = hash_mix(hash_bytes(name.p, name.n), feature);
	struct category *category = map_find(&g->categories, hash, category_is, &wanted);
	struct feature *f = &g->features[feature];

	if (category == NULL) {
		if (g->n_categories++ == DRIFT_CATEGORIES_MAX)
			return err_set(err, ERR_LIMIT,
			    "more than %u categories; numbers need bins, e.g. "
			    "{ref_quantiles: 10}",
			    DRIFT_CATEGORIES_MAX);
		category = ARENA_NEW(g->in->arena, struct category);
		*category = wanted;
		category->index = f->k;
		map_insert(&g->categories, hash, category);
		if (f->k == f->cap) {
			size_t cap = f->cap;

			f->counts[REFERENCE] =
			    xgrow(f->counts[REFERENCE], &f->cap, f->k + 1, sizeof(*f->counts[0]));
			f->counts[CURRENT] =
			    xgrow(f->counts[CURRENT], &cap, f->k + 1, sizeof(*f->counts[0]));
		}
		f->counts[REFERENCE][f->k] = f->counts[CURRENT][f->k] = 0.0;
		f->k++;
	}
	f->counts[side][category->index] += count;
	return 0;
}

/* --- buckets ----------------------------------------------------------- */

static int
add_bucket(struct side *side, struct str le, double count, struct err *err)
{
	struct bucket bucket = { .count = count };

	if (le.p == NULL)
		return err_set(err, ERR_INVALID,
		    "a row without the label le: cumulative_buckets are a histogram's _bucket "
		    "series; write `sum by (le) (...)`");
	if (!str_to_double(le, &bucket.bound) || isnan(bucket.bound))
		return err_set(err, ERR_INVALID, "label le is '%.*s', which is no number",
		    STR_ARG(str_head(le, 60)));
	if (side->n_buckets == side->cap_buckets)
		side->buckets = xgrow(
		    side->buckets, &side->cap_buckets, side->n_buckets + 1, sizeof(*side->buckets));
	side->buckets[side->n_buckets++] = bucket;
	return 0;
}

static int
by_bound(const void *a, const void *b)
{
	double x = ((const struct bucket *)a)->bound, y = ((const struct bucket *)b)->bound;

	return (x > y) - (x < y);
}

/*
 * Ascending, equal bounds added up (series that `by` put together), never less
 * than before (rates are a little out of step), and the last one infinite.
 */
static void
tidy_buckets(struct side *side)
{
	struct bucket *b = side->buckets;
	size_t n = 0;

	if (side->n_buckets == 0)
		return;
	qsort(b, side->n_buckets, sizeof(*b), by_bound);
	for (size_t i = 0; i < side->n_buckets; i++) {
		if (n > 0 && b[n - 1].bound == b[i].bound)
			b[n - 1].count += b[i].count;
		else
			b[n++] = b[i];
	}
	for (size_t i = 1; i < n; i++)
		b[i].count = fmax(b[i].count, b[i - 1].count);
	b[n - 1].bound = (double)INFINITY;
	side->n_buckets = n;
}

/* The bounds that both sides have; cumulative counts at other bounds say nothing of each other. */
static void
join_buckets(struct feature *f, struct drift_pair *pair)
{
	struct side *ref = &f->sides[REFERENCE], *cur = &f->sides[CURRENT];
	size_t n = ref->n_buckets, m = cur->n_buckets, i = 0, j = 0;
	double *bounds = xmalloc((n + m + 1) * sizeof(*bounds));

	tidy_buckets(ref);
	tidy_buckets(cur);
	n = ref->n_buckets;
	m = cur->n_buckets;
	pair->ref_counts = xcalloc(n + m + 1, sizeof(double));
	pair->cur_counts = xcalloc(n + m + 1, sizeof(double));
	if (n == 0 || m == 0) {
		/* One total is all there is: enough to say which side is empty. */
		bounds[0] = (double)INFINITY;
		pair->ref_counts[0] = n > 0 ? ref->buckets[n - 1].count : 0.0;
		pair->cur_counts[0] = m > 0 ? cur->buckets[m - 1].count : 0.0;
		pair->k = 1;
	}
	while (i < n && j < m) {
		if (ref->buckets[i].bound < cur->buckets[j].bound) {
			i++;
		} else if (cur->buckets[j].bound < ref->buckets[i].bound) {
			j++;
		} else {
			bounds[pair->k] = ref->buckets[i].bound;
			pair->ref_counts[pair->k] = ref->buckets[i++].count;
			pair->cur_counts[pair->k++] = cur->buckets[j++].count;
		}
	}
	pair->bounds = bounds;
}

/* --- rows -------------------------------------------------------------- */

static int
add_row(struct gathering *g, int side, size_t row, const struct sample *sample, struct err *err)
{
	const struct drift_spec *spec = &g->settings->spec;
	bool missing = sample->missing || isnan(sample->value);
	uint32_t feature;
	struct str extra;
	struct side *s;
	int code;

	code = cells_place(&g->cells, g->in->sources[side], sample, &feature, &extra, err);
	if (code < 0)
		return code;
	if (feature >= g->cap)
		g->features = xgrow(g->features, &g->cap, feature + 1, sizeof(*g->features));
	while (g->n <= feature)
		g->features[g->n++] = (struct feature){ 0 };
	s = &g->features[feature].sides[side];
	s->at = wall_max(s->at, sample->at);
	switch (spec->form) {
	case DRIFT_SAMPLES:
		if (spec->n_columns > 0)
			return add_point(
			    g, s, sample, row, feature * (uint64_t)SIDES + (uint64_t)side, err);
		if (!spec->categories) {
			if (missing)
				s->nulls++;
			else
				add_value(s, sample->value, (size_t)g->settings->max_rows,
				    feature * (uint64_t)SIDES + (uint64_t)side);
			return 0;
		}
		s->seen++;
		if (cells_field(sample, 0).p == NULL) {
			s->nulls++;
			return 0;
		}
		return add_category(g, feature, side, cells_field(sample, 0), 1.0, err);
	case DRIFT_COUNTS:
		if (missing)
			return 0;
		if (!(sample->value >= 0.0) || isinf(sample->value))
			return err_set(
			    err, ERR_INVALID, "row %zu: a count of %g", row, sample->value);
		s->seen += sample->value;
		return add_category(
		    g, feature, side, extra.p != NULL ? extra : STR(""), sample->value, err);
	case DRIFT_BUCKETS:
		return missing ? 0 : add_bucket(s, extra, sample->value, err);
	case DRIFT_FORM_COUNT:
		break;
	}
	return 0;
}

/* --- pairs ------------------------------------------------------------- */

static int
make_values(const struct side *side, struct sample_set *ret, struct err *err)
{
	if (sample_init(ret, side->values, side->n) != STATS_OK)
		return err_set(err, ERR_LIMIT, "more than %zu values", SAMPLE_VALUES_MAX);
	return 0;
}

static struct drift_points
take_points(struct side *side)
{
	struct drift_points ret = { side->values, side->n };

	side->values = NULL;
	return ret;
}

static int
make_pair(struct gathering *g, struct feature *f, struct drift_pair *pair, struct err *err)
{
	const struct drift_spec *spec = &g->settings->spec;
	int code = 0;

	pair->ref_nulls = f->sides[REFERENCE].nulls;
	pair->cur_nulls = f->sides[CURRENT].nulls;
	pair->ref_rows = f->sides[REFERENCE].seen;
	pair->cur_rows = f->sides[CURRENT].seen;
	pair->cur_at = f->sides[CURRENT].at;
	if (spec->n_columns > 0) {
		pair->ref_points = take_points(&f->sides[REFERENCE]);
		pair->cur_points = take_points(&f->sides[CURRENT]);
	} else if (spec->form == DRIFT_SAMPLES && !spec->categories) {
		code = make_values(&f->sides[REFERENCE], &pair->ref, err);
		if (code == 0)
			code = make_values(&f->sides[CURRENT], &pair->cur, err);
	} else if (spec->form == DRIFT_BUCKETS) {
		join_buckets(f, pair);
		pair->ref_rows = pair->ref_counts[pair->k - 1];
		pair->cur_rows = pair->cur_counts[pair->k - 1];
	} else {
		pair->k = f->k;
		pair->ref_counts = f->counts[REFERENCE];
		pair->cur_counts = f->counts[CURRENT];
		f->counts[REFERENCE] = f->counts[CURRENT] = NULL;
	}
	return code;
}

static void
gathering_fini(struct gathering *g)
{
	for (size_t i = 0; i < g->n; i++) {
		for (int side = 0; side < SIDES; side++) {
			free(g->features[i].sides[side].values);
			free(g->features[i].sides[side].buckets);
			free(g->features[i].counts[side]);
		}
	}
	free(g->features);
	map_fini(&g->categories);
	cells_fini(&g->cells);
}

int
drift_gather(const struct rule_input *in, const struct drift_settings *settings,
    struct drift_gathered *ret, struct err *err)
{
	static const char *const side_names[] = { "reference", "current" };
	struct gathering g = { .in = in, .settings = settings };
	struct cells_options options = { .by = &settings->by };
	int code = 0;

	*ret = (struct drift_gathered){ 0 };
	if (settings->form == DRIFT_BUCKETS)
		options.extra = "le";
	else if (settings->form == DRIFT_COUNTS) {
		options.extra = settings->category;
		options.rest = true;
	}
	cells_init(&g.cells, in->arena, &options);
	for (int side = 0; side < SIDES && code == 0; side++) {
		for (uint32_t i = 0; i < in->answers[side].n && code == 0; i++)
			code = add_row(&g, side, i + 1, &in->answers[side].samples[i], err);
		if (code < 0)
			code = err_wrap(err, "%s", side_names[side]);
	}
	if (code == 0) {
		ret->n = (uint32_t)g.n;
		ret->pairs = xcalloc(g.n + 1, sizeof(*ret->pairs));
		for (size_t i = 0; i < g.n && code == 0; i++)
			code = make_pair(&g, &g.features[i], &ret->pairs[i], err);
	}
	ret->features = g.cells.groups;
	gathering_fini(&g);
	if (code < 0)
		drift_gathered_fini(ret);
	return code;
}

void
drift_gathered_fini(struct drift_gathered *gathered)
{
	for (uint32_t i = 0; i < gathered->n; i++) {
		struct drift_pair *pair = &gathered->pairs[i];

		sample_fini(&pair->ref);
		sample_fini(&pair->cur);
		free(pair->ref_points.x);
		free(pair->cur_points.x);
		free(pair->ref_counts);
		free(pair->cur_counts);
		free((void *)(uintptr_t)pair->bounds);
	}
	free(gathered->pairs);
	*gathered = (struct drift_gathered){ 0 };
}
