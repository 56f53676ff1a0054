/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the rows of two answers to pairs that can be compared, one for each
 * feature.
 */
#pragma once

#include "base/err.h"
#include "rule/cells.h"
#include "rule/drift_judge.h"

struct drift_gathered {
	struct drift_pair *pairs;           /* owned, with what they point to */
	const struct cells_group *features; /* in the arena: their labels */
	uint32_t n;
};

/* in->answers[0] is the reference, [1] what is current. */
int drift_gather(const struct rule_input *in, const struct drift_settings *settings, struct drift_gathered *ret,
    struct err *err);
void drift_gathered_fini(struct drift_gathered *gathered);
