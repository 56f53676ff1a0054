/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into rounds, rounds into points. */
#include "config.h"

#include "rule/score_points.h"

#include <math.h>
#include <stdlib.h>

#include "rule/cells.h"

/* --- one score ----------------------------------------------------------- */

void
scores_correct(struct score *scores, uint32_t n, enum multiple_method method, struct arena *arena)
{
	double *p;

	for (uint32_t i = 0; i < n; i++)
		scores[i].adjusted = scores[i].value;
	if (method == MULTIPLE_NONE)
		return;
	p = ARENA_ARRAY(arena, n + 1, double);
	for (uint32_t i = 0; i < n; i++) {
		const struct score *s = &scores[i];
		bool is_p = s->seen && s->direction == SCORE_LOW && !s->missing && s->value >= 0 &&
			    s->value <= 1;

		p[i] = is_p ? s->value : (double)NAN;
	}
	if (multiple_adjust(method, p, n, p) != STATS_OK)
		return;
	for (uint32_t i = 0; i < n; i++)
		if (!isnan(p[i]))
			scores[i].adjusted = p[i];
}

bool
score_is_drift(const struct score *score)
{
	double a = score->adjusted, b = score->threshold;

	if (score->direction == SCORE_LOW)
		return score->inclusive ? a <= b : a < b;
	return score->inclusive ? a >= b : a > b;
}

const char *
score_reason(const struct score *score)
{
	if (!score->seen || score->missing)
		return "the score is missing";
	return isnan(score->threshold) ? "the threshold is missing" : NULL;
}

/* --- rounds -------------------------------------------------------------- */

static int
by_time(const void *pa, const void *pb)
{
	const struct score_row *a = pa, *b = pb;

	if (a->score.at.ns != b->score.at.ns)
		return a->score.at.ns < b->score.at.ns ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* In order of time, without those that have none. */
static void
sort_rows(struct score_history *h)
{
	bool sorted = true;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		if (!wall_is_set(h->rows[i].score.at))
			continue;
		h->rows[kept] = h->rows[i];
		sorted = sorted && (kept == 0 || by_time(&h->rows[kept - 1], &h->rows[kept]) < 0);
		kept++;
	}
	h->n = kept;
	if (!sorted)
		qsort(h->rows, h->n, sizeof(*h->rows), by_time);
}

/* The first row of those of one time that end before `end`. */
static uint32_t
block_start(const struct score_row *rows, uint32_t end)
{
	uint32_t i = end - 1;

	while (i > 0 && rows[i - 1].score.at.ns == rows[end - 1].score.at.ns)
		i--;
	return i;
}

/* Where each round begins, the newest first; the newest ends with the last row. */
static uint32_t
find_rounds(const struct score_history *h, struct arena *arena, uint32_t **ret)
{
	uint32_t max = SCORE_CELLS_MAX / (h->n_series + 1), n = 0, end = h->n;
	uint32_t *start = ARENA_ARRAY(arena, SCORE_ROUNDS_MAX, uint32_t);
	uint32_t *mark = ARENA_ARRAY(arena, h->n_series + 1, uint32_t);

	max = max < 1 ? 1 : max > SCORE_ROUNDS_MAX ? SCORE_ROUNDS_MAX : max;
	while (end > 0) {
		uint32_t from = block_start(h->rows, end);
		bool again = n == 0;

		for (uint32_t i = from; i < end; i++)
			again |= mark[h->rows[i].series] == n;
		if (again && n == max)
			break;
		n += again;
		for (uint32_t i = from; i < end; i++)
			mark[h->rows[i].series] = n;
		start[n - 1] = end = from;
	}
	*ret = start;
	return n;
}

/* --- points -------------------------------------------------------------- */

static void
add_point(struct score_points *to, wall_t at, double value, bool breach)
{
	to->points[to->n++] = (struct data_point){ .at = at, .value = value, .breach = breach };
}

/* Of each series its newest judged rows among those from `first` on; of one time the last. */
static struct score_points *
points_of_series(const struct score_history *h, uint32_t first, struct arena *arena)
{
	struct score_points *ret = ARENA_ARRAY(arena, h->n_series + 1, struct score_points);
	uint32_t *count = ARENA_ARRAY(arena, h->n_series + 1, uint32_t);

	for (uint32_t i = first; i < h->n; i++)
		count[h->rows[i].series]++;
	for (uint32_t i = 0; i < h->n_series; i++)
		ret[i].points = ARENA_ARRAY(arena,
		    (count[i] < TALLY_OF_MAX ? count[i] : TALLY_OF_MAX) + 1, struct data_point);
	for (uint32_t i = h->n; i-- > first;) {
		const struct score *score = &h->rows[i].score;
		struct score_points *to = &ret[h->rows[i].series];

		if (to->n == TALLY_OF_MAX || score_reason(score) != NULL ||
		    (to->n > 0 && to->points[to->n - 1].at.ns == score->at.ns))
			continue;
		add_point(to, score->at, score->adjusted, score_is_drift(score));
	}
	for (uint32_t i = 0; i < h->n_series; i++) {
		struct data_point *p = ret[i].points;

		for (uint32_t a = 0, b = ret[i].n; a + 1 < b; a++, b--) {
			struct data_point other = p[a];

			p[a] = p[b - 1];
			p[b - 1] = other;
		}
	}
	return ret;
}

struct groups {
	uint32_t n, *of_series;
	struct aggregate_tally *tally;
	wall_t *at;
};

/* What stands at the end of a round, for each group that has something new in it. */
static void
judge_round(const struct score_history *h, const struct score *state, struct groups *g,
    struct score_points *ret)
{
	for (uint32_t i = 0; i < g->n; i++) {
		g->tally[i] = (struct aggregate_tally){ 0 };
		g->at[i] = WALL_NONE;
	}
	for (uint32_t i = 0; i < h->n_series; i++) {
		struct aggregate_tally *tally = &g->tally[g->of_series[i]];

		if (!state[i].seen)
			continue;
		if (score_reason(&state[i]) != NULL) {
			tally->insufficient++;
		} else {
			tally->judged++;
			tally->bad += score_is_drift(&state[i]);
		}
		g->at[g->of_series[i]] = wall_max(g->at[g->of_series[i]], state[i].at);
	}
	for (uint32_t i = 0; i < g->n; i++) {
		enum outcome outcome = aggregate_outcome(h->aggregate, &g->tally[i]);
		struct score_points *to = &ret[i];

		if ((outcome != OUTCOME_OK && outcome != OUTCOME_BREACH) ||
		    (to->n > 0 && to->points[to->n - 1].at.ns == g->at[i].ns))
			continue;
		add_point(to, g->at[i], aggregate_value(h->aggregate, &g->tally[i]),
		    outcome == OUTCOME_BREACH);
	}
}

static struct score_points *
make_groups(const struct score_history *h, uint32_t n_rounds, struct arena *arena, struct groups *g)
{
	struct cells_group *labels;
	struct score_points *ret;

	g->of_series = ARENA_ARRAY(arena, h->n_series + 1, uint32_t);
	g->n = aggregate_groups(arena, h->group, h->series, h->n_series, g->of_series, &labels);
	g->tally = ARENA_ARRAY(arena, g->n + 1, struct aggregate_tally);
	g->at = ARENA_ARRAY(arena, g->n + 1, wall_t);
	ret = ARENA_ARRAY(arena, g->n + 1, struct score_points);
	for (uint32_t i = 0; i < g->n; i++)
		ret[i].points = ARENA_ARRAY(arena, n_rounds + 1, struct data_point);
	return ret;
}

/* The rows from `from` to `to` become what stands. */
static void
apply(const struct score_row *rows, uint32_t from, uint32_t to, struct score *state)
{
	for (uint32_t i = from; i < to; i++)
		state[rows[i].series] = rows[i].score;
}

static struct score_points *
replay(struct score_history *h, struct arena *arena)
{
	struct score *state = ARENA_ARRAY(arena, h->n_series + 1, struct score);
	const bool each = h->aggregate->how == AGGREGATE_ANY;
	struct groups groups = { 0 };
	struct score_points *ret = NULL;
	uint32_t *start, n = find_rounds(h, arena, &start), first = n > 0 ? start[n - 1] : 0;

	if (!each)
		ret = make_groups(h, n, arena, &groups);
	apply(h->rows, 0, first, state);
	for (uint32_t r = n; r-- > 0;) {
		const uint32_t from = start[r], to = r > 0 ? start[r - 1] : h->n;

		apply(h->rows, from, to, state);
		scores_correct(state, h->n_series, h->correct, arena);
		for (uint32_t i = from; each && i < to; i++)
			h->rows[i].score.adjusted = state[h->rows[i].series].adjusted;
		if (!each)
			judge_round(h, state, &groups, ret);
	}
	if (each)
		return points_of_series(h, first, arena);
	for (uint32_t i = 0; i < groups.n; i++) {
		if (ret[i].n <= TALLY_OF_MAX)
			continue;
		ret[i].points += ret[i].n - TALLY_OF_MAX;
		ret[i].n = TALLY_OF_MAX;
	}
	return ret;
}

struct score_points *
score_points_of(struct score_history *history, struct arena *arena)
{
	sort_rows(history);
	if (history->correct != MULTIPLE_NONE || history->aggregate->how != AGGREGATE_ANY)
		return replay(history, arena);
	for (uint32_t i = 0; i < history->n; i++)
		history->rows[i].score.adjusted = history->rows[i].score.value;
	return points_of_series(history, 0, arena);
}
