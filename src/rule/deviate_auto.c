/* SPDX-License-Identifier: Apache-2.0 */
/*
 * method: auto: several views of one series, and how rare what each sees is.
 *
 *   level   the value itself
 *   step    its difference from the one before
 *   season  how far the last hour lies from the same hour of the other days (seasons)
 *
 * For each view the past says how rare the present is (stats/tail.h), in powers of ten.  What is
 * more than EVIDENCE_FREE powers is evidence.  Level and step see the same value, and in a series
 * with a long tail what is far out for one is as far out for the other: of these two the stronger
 * counts, for a sum would count one surprise twice (the smallest of several p-values holds under
 * any dependence, Bonferroni; a product of them does not).  The season looks at an hour; its
 * evidence is added.  So a view that is sure is enough, and so are two that find
 * the same time odd.  Nothing about the series has to be normal, symmetric, seasonal or smooth for
 * that; a view that its past does not bear out says nothing.
 *
 * EVIDENCE_COST is set so that series of independent values breach about as often as `sigmas`
 * says, whatever their law: `make false-alarms` prints it.
 */
#include "config.h"

#include <math.h>

#include "rule/deviate.h"
#include "stats/dist.h"
#include "stats/sample.h"
#include "stats/tail.h"

#define TAIL_SHARE      0.02
#define EVIDENCE_FREE   1.5
#define EVIDENCE_COST   0.3 /* for looking three times */
#define SEASONS_MAX     64
#define SEASONS_MIN     2    /* others than the one looked at */
#define BINS_MIN        8    /* a season of fewer points has no shape */
#define SMOOTH          3600 /* seconds that the season view takes together ... */
#define SMOOTH_MIN      6    /* ... and points at the least */
#define STEPS_APART_MAX 4    /* points further apart are no neighbours */
#define FLOOR_SHARE     1e-3

enum {
	VIEW_LEVEL,
	VIEW_STEP,
	VIEW_SEASON,
	VIEW_COUNT
};
static const char *const view_names[] = { "level", "step", "season" };

struct view {
	double *x; /* what the view saw in the past */
	uint32_t n;
	double cluster;  /* so many of x in a row are far out together */
	double now;      /* NaN: it sees nothing now */
	double expected; /* in the units of the series */
};

struct scene {
	const struct deviate *d;
	struct view views[VIEW_COUNT];
	dur_t step; /* the usual distance of points */
};

static bool
is_normal(const struct points *p, uint32_t i)
{
	return (p->flags[i] & PAST_FIRING) == 0;
}

/* The middle one of the distances: gaps do not count. */
static dur_t
usual_step(const struct points *p, struct arena *arena)
{
	double *gaps = ARENA_ARRAY(arena, p->n, double);

	for (uint32_t i = 1; i < p->n; i++)
		gaps[i - 1] = (double)wall_since(p->at[i], p->at[i - 1]).ns;
	sample_sort(gaps, p->n - 1);
	return (dur_t){ (int64_t)gaps[(p->n - 1) / 2] };
}

static bool
are_neighbours(const struct scene *s, wall_t before, wall_t after)
{
	return wall_since(after, before).ns <= STEPS_APART_MAX * s->step.ns;
}

static void
see_level(struct scene *s)
{
	const struct points *b = s->d->baseline;
	struct view *view = &s->views[VIEW_LEVEL];

	memcpy(view->x, b->value, b->n * sizeof(*view->x));
	view->n = b->n;
	view->now = s->d->value;
}

static void
see_steps(struct scene *s)
{
	const struct points *all = s->d->all;
	struct view *view = &s->views[VIEW_STEP];
	uint32_t last = all->n - 1;

	for (uint32_t i = 1; i < all->n; i++)
		if (is_normal(all, i) && is_normal(all, i - 1) &&
		    are_neighbours(s, all->at[i - 1], all->at[i]))
			view->x[view->n++] = all->value[i] - all->value[i - 1];
	if (!are_neighbours(s, all->at[last], s->d->at))
		return;
	view->expected = all->value[last];
	view->now = s->d->value - view->expected;
}

/* --- season ------------------------------------------------------------ */

/* Seasons by rows, times of the season by columns. */
struct grid {
	uint32_t rows, columns;
	double *value;       /* NaN: nothing there */
	double *other;       /* the median of the other rows at that time; NaN: too few */
	int64_t first;       /* season number of row 0 */
	int64_t season, bin; /* seconds */
};

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* False: before the first row. */
static bool
cell_of(const struct scene *s, const struct grid *g, wall_t at, uint32_t *ret)
{
	int64_t local = deviate_local(s->d->zone, at), row = floor_div(local, g->season);
	int64_t column = (local - row * g->season) / g->bin;

	if (row < g->first || row >= g->first + g->rows)
		return false;
	if (column >= g->columns)
		column = g->columns - 1;
	*ret = (uint32_t)((row - g->first) * g->columns + column);
	return true;
}

/* One value stands for its neighbours, too: the middle one of three. */
static double
middle_of_three(const struct grid *g, uint32_t cell)
{
	double x[3];
	uint32_t n = 0, total = g->rows * g->columns;

	for (uint32_t i = cell > 0 ? cell - 1 : 0; i <= cell + 1 && i < total; i++)
		if (!isnan(g->value[i]))
			x[n++] = g->value[i];
	if (n == 3)
		return fmax(fmin(x[0], x[1]), fmin(fmax(x[0], x[1]), x[2]));
	return n == 2 ? (x[0] + x[1]) / 2.0 : n == 1 ? x[0] : (double)NAN;
}

/* For each row of a column: the median of what the other rows have there. */
static void
compare_rows(struct grid *g, uint32_t column)
{
	double x[SEASONS_MAX];
	uint32_t row_of[SEASONS_MAX], n = 0, rank[SEASONS_MAX];

	for (uint32_t row = 0; row < g->rows; row++) {
		double value = middle_of_three(g, row * g->columns + column);
		uint32_t at = n;

		rank[row] = UINT32_MAX;
		if (isnan(value))
			continue;
		for (; at > 0 && x[at - 1] > value; at--) {
			x[at] = x[at - 1];
			row_of[at] = row_of[at - 1];
		}
		x[at] = value;
		row_of[at] = row;
		n++;
	}
	for (uint32_t i = 0; i < n; i++)
		rank[row_of[i]] = i;
	for (uint32_t row = 0; row < g->rows; row++) {
		bool has_own = rank[row] != UINT32_MAX;
		uint32_t others = has_own ? n - 1 : n;
		uint32_t low = others > 0 ? (others - 1) / 2 : 0, high = others / 2;

		if (others < SEASONS_MIN)
			continue;
		/* Without the row's own value those after it move up. */
		low += has_own && low >= rank[row];
		high += has_own && high >= rank[row];
		g->other[row * g->columns + column] = (x[low] + x[high]) / 2.0;
	}
}

static bool
make_grid(struct scene *s, struct grid *g)
{
	const struct points *b = s->d->baseline;
	int64_t now, rows;
	uint32_t cells, cell;

	g->season = s->d->season.ns / DUR_S(1).ns;
	g->bin = s->step.ns / DUR_S(1).ns;
	if (b->n == 0 || g->bin < 1 || g->season / g->bin < BINS_MIN ||
	    g->season / g->bin > PAST_POINTS_MAX)
		return false;
	now = floor_div(deviate_local(s->d->zone, s->d->at), g->season);
	rows = now - floor_div(deviate_local(s->d->zone, b->at[0]), g->season) + 1;
	if (rows <= SEASONS_MIN)
		return false;
	g->rows = (uint32_t)(rows < SEASONS_MAX ? rows : SEASONS_MAX);
	g->first = now - g->rows + 1;
	g->columns = (uint32_t)((g->season + g->bin - 1) / g->bin);
	cells = g->rows * g->columns;
	g->value = ARENA_ARRAY(s->d->arena, cells, double);
	g->other = ARENA_ARRAY(s->d->arena, cells, double);
	for (uint32_t i = 0; i < cells; i++)
		g->value[i] = g->other[i] = (double)NAN;
	for (uint32_t i = 0; i < b->n; i++)
		if (cell_of(s, g, b->at[i], &cell))
			g->value[cell] = b->value[i];
	for (uint32_t i = 0; i < g->columns; i++)
		compare_rows(g, i);
	return true;
}

/* The sum of the last residuals, as it goes along the series. */
struct rolling {
	double *residual;
	uint32_t width, n; /* n: residuals in the sum */
	double sum;
};

static void
roll(struct rolling *r, uint32_t i, double residual)
{
	r->residual[i] = residual;
	if (!isnan(residual)) {
		r->sum += residual;
		r->n++;
	}
	if (i >= r->width && !isnan(r->residual[i - r->width])) {
		r->sum -= r->residual[i - r->width];
		r->n--;
	}
}

static void
see_season(struct scene *s)
{
	const struct points *all = s->d->all;
	struct view *view = &s->views[VIEW_SEASON];
	int64_t width = SMOOTH / (s->step.ns / DUR_S(1).ns > 0 ? s->step.ns / DUR_S(1).ns : 1);
	struct rolling r = { .width = (uint32_t)(width > SMOOTH_MIN ? width : SMOOTH_MIN) };
	struct grid g = { 0 };
	uint32_t cell;

	if (!make_grid(s, &g))
		return;
	/* One value far out is in as many sums, in half of them beyond the threshold. */
	view->cluster = 1.0 + r.width / 2.0;
	r.residual = ARENA_ARRAY(s->d->arena, all->n + 1, double);
	for (uint32_t i = 0; i < all->n; i++) {
		bool found = cell_of(s, &g, all->at[i], &cell);

		roll(&r, i, found ? all->value[i] - g.other[cell] : (double)NAN);
		if (r.n == r.width && is_normal(all, i))
			view->x[view->n++] = r.sum / r.width;
	}
	if (!cell_of(s, &g, s->d->at, &cell) || isnan(g.other[cell]))
		return;
	roll(&r, all->n, s->d->value - g.other[cell]);
	if (r.n < r.width)
		return;
	view->now = r.sum / r.width;
	view->expected = g.other[cell];
}

/* --- evidence ---------------------------------------------------------- */

struct sight {
	double evidence; /* >= 0 */
	int sign;
	double low, high; /* where the view would be sure by itself */
};

static double
floor_of(const struct scene *s, const struct view *view)
{
	double spread = view->x[(size_t)(view->n * 0.9)] - view->x[(size_t)(view->n * 0.1)];

	if (spread > 0.0)
		return fmax(FLOOR_SHARE * spread, 0.0);
	return fmax(FLOOR_SHARE * fabs(view->x[view->n / 2]), deviate_floor(s->d));
}

static struct sight
look(const struct scene *s, struct view *view)
{
	struct sight f = { .low = (double)NAN, .high = (double)NAN };
	double floor_, sure = EVIDENCE_FREE + deviate_auto_limit(s->d->sigmas), up, down;
	struct tail above, below;

	if (isnan(view->now) || view->n < TAIL_POINTS_MIN)
		return f;
	sample_sort(view->x, view->n);
	/* Never anything else: only a least deviation that matters can say what is much. */
	if (!(view->x[view->n - 1] > view->x[0]) && !(deviate_floor(s->d) > 0.0))
		return f;
	floor_ = floor_of(s, view);
	above = tail_fit(view->x, view->n, 1, TAIL_SHARE, floor_, view->cluster);
	below = tail_fit(view->x, view->n, -1, TAIL_SHARE, floor_, view->cluster);
	up = s->d->direction >= 0 ? tail_surprise(&above, view->now) - EVIDENCE_FREE : 0.0;
	down = s->d->direction <= 0 ? tail_surprise(&below, view->now) - EVIDENCE_FREE : 0.0;
	f.evidence = fmax(0.0, fmax(up, down));
	f.sign = up >= down ? 1 : -1;
	f.low = tail_value(&below, sure);
	f.high = tail_value(&above, sure);
	return f;
}

/* The season view's band lies around what it expects of the last hour. */
static void
describe(struct deviation *out, const struct scene *s, uint32_t i, const struct sight *f)
{
	const struct view *view = &s->views[i];
	double offset = i == VIEW_LEVEL ? 0.0 : view->expected;

	out->view = view_names[i];
	out->expected = i == VIEW_LEVEL ? view->x[view->n / 2] : view->expected;
	out->low = f->low + offset;
	out->high = f->high + offset;
	out->dev = i == VIEW_SEASON ? view->now : s->d->value - out->expected;
}

double
deviate_auto_limit(double sigmas)
{
	return fmax(0.1, -log10(2.0 * dist_normal_sf(sigmas)) - EVIDENCE_FREE + EVIDENCE_COST);
}

struct deviation
deviate_auto(const struct deviate *d)
{
	struct scene s = { .d = d };
	struct deviation out = { .status = STATS_FEW, .n = d->baseline->n, .spread = (double)NAN };
	double most = -1.0, sudden = 0.0;
	int sign = 1;

	if (d->baseline->n < TAIL_POINTS_MIN)
		return out;
	s.step = usual_step(d->all, d->arena);
	for (uint32_t i = 0; i < VIEW_COUNT; i++)
		s.views[i] = (struct view){ .x = ARENA_ARRAY(d->arena, d->all->n, double),
			.cluster = 1.0,
			.now = (double)NAN };
	see_level(&s);
	see_steps(&s);
	see_season(&s);
	out.status = STATS_OK;
	for (uint32_t i = 0; i < VIEW_COUNT; i++) {
		struct sight f = look(&s, &s.views[i]);

		if (i == VIEW_SEASON)
			out.score = f.evidence;
		else
			sudden = fmax(sudden, f.evidence);
		if (isnan(f.low) || f.evidence <= most)
			continue;
		most = f.evidence;
		sign = f.sign;
		describe(&out, &s, i, &f);
	}
	out.score = (out.score + sudden) * sign;
	if (most < 0.0)
		out.status = STATS_CONSTANT;
	return out;
}
