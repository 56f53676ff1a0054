/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that may be used again: a reference that takes long to read and does
 * not change while a model is served.
 *
 * A copy that stands alone, shared by reference: the rule keeps it for as long
 * as the query says (rule_query.cache), a run holds it while it judges.  Loop
 * thread; a worker only reads.
 */
#pragma once

#include "config/config.h"
#include "rule/kind.h"
#include "source/source.h"

struct kept_answer {
	uint32_t refs;
	struct arena *arena;
	struct vector vector;
	struct str text, source; /* what was asked, and whom */
	wall_t at;               /* the slot in which it was */
	char generation[sizeof(((struct config *)NULL)->hash)];
};

struct kept_answer *kept_answer_new(const struct vector *vector, const struct rule_query *query, const char *source,
    wall_t slot, const struct config *generation);
struct kept_answer *kept_answer_ref(struct kept_answer *kept);
void kept_answer_unref(struct kept_answer *kept); /* accepts NULL */
/* Those of a rule, one for each query of its plan. */
void kept_answers_free(struct kept_answer **kept); /* accepts NULL */
/* Is it an answer to this query still? kept may be NULL. */
bool kept_answer_is_good(const struct kept_answer *kept, const struct rule_query *query, const char *source, wall_t slot,
    const struct config *generation);
