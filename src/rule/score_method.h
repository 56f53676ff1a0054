/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which way a stored score points, by the name of the method that made it.
 *
 * A drift score is a p-value (low is drift) or a distance (high is drift), and
 * the number does not say which.  The names are those of Evidently (both its
 * method names and its display names, 0.4 to 0.7) and Tocsin's own.  A name
 * that is not known is not guessed at.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum score_direction { SCORE_HIGH, SCORE_LOW };

struct score_method {
	const char *name; /* letters and digits alone, in lower case */
	enum score_direction direction;
	bool inclusive; /* is a score equal to its threshold drift? */
};

/* NULL: not known. */
const struct score_method *score_method_find(struct str name);
