/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reasons, kept with an alert, written as JSON and as a sentence.
 *
 * A field that does not apply is not there.  The JSON goes into the history
 * with each transition and out through the API; the sentence is for whoever
 * is woken up.
 */
#pragma once

#include "base/buf.h"
#include "base/instant.h"
#include "rule/kind.h"

#define EXPLAIN_METHOD_MAX 48
#define EXPLAIN_DETAIL_MAX (64u << 10)
#define EXPLAIN_SAID_MAX   1024
#define EXPLAIN_QUERY_MAX  4096 /* of the rule's query, in the history */

struct explained { /* a copy that lives with its alert */
	struct explain explain;
	wall_t at; /* the evaluation that says so */
	char method[EXPLAIN_METHOD_MAX];
	char *said, *detail;
};

/* *kept NULL: made. */
void explained_keep(struct explained **kept, const struct explain *explain, wall_t at);
void explained_free(struct explained *kept); /* accepts NULL */
/* An object: what applies, `text`, `at` and `query`. */
void explained_put_json(const struct explained *kept, struct str query, struct buf *out);
/* The members without braces; nothing when nothing applies. */
void explain_put_members(const struct explain *explain, struct buf *out);
/* As texts of the rule see it; strings live in the arena. NULL explain: nothing is said. */
struct template_explain;
const struct template_explain *explain_for_text(const struct explain *explain, struct arena *arena);
/* "0.31 is above the expected 0.1 to 0.2 (baseline 0.15, robust over 7d, 2016 reference points)" */
void explain_put_text(const struct explain *explain, struct buf *out);
