/* SPDX-License-Identifier: Apache-2.0 */
/* Counting breaches: see the header. */
#include "config.h"

#include "rule/tally.h"

static void
push(struct tally *tally, bool breach)
{
	tally->breaches = tally->breaches << 1 | (breach ? 1 : 0);
	if (tally->n < TALLY_OF_MAX)
		tally->n++;
}

bool
tally_take(struct tally *tally, bool breach, wall_t at)
{
	if (tally->n > 0 && !wall_before(tally->last, at))
		return false;
	push(tally, breach);
	tally->last = at;
	return true;
}

bool
tally_follow(struct tally *tally, const struct data_point *points, uint32_t n, uint32_t of)
{
	const bool reach_back = n >= of || tally->n == 0;
	struct tally anew = { 0 };
	bool news = false;

	if (n == 0 || (tally->n > 0 && wall_before(points[n - 1].at, tally->last)))
		return false;
	if (!reach_back) {
		for (uint32_t i = 0; i < n; i++)
			news |= tally_take(tally, points[i].breach, points[i].at);
		return news;
	}
	for (uint32_t i = n > of ? n - of : 0; i < n; i++)
		tally_take(&anew, points[i].breach, points[i].at);
	news = tally->n == 0 || anew.last.ns != tally->last.ns ||
	       tally_breaches(&anew, of) != tally_breaches(tally, of);
	*tally = anew;
	return news;
}

void
tally_pass(struct tally *tally)
{
	push(tally, false);
}

uint32_t
tally_breaches(const struct tally *tally, uint32_t of)
{
	uint64_t mask = of < TALLY_OF_MAX ? (UINT64_C(1) << of) - 1 : UINT64_MAX;

	return (uint32_t)__builtin_popcountll(tally->breaches & mask);
}
