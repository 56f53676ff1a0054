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
