/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule being evaluated.  Groups have one while they run; those that are not
 * used wait in the engine for the next.  Nobody outside the room includes
 * this.
 */
#pragma once

#include "loop/worker.h"
#include "rule/internal.h"

struct run {
	struct run *next_idle;
	struct group *group;
	const struct rule_kind *kind;
	struct source *source; /* the rule's own; NULL: it has none */
	mono_t started;
	struct rule_plan plan;
	struct source_query queries[RULE_QUERIES_MAX];
	struct vector answers[RULE_QUERIES_MAX];
	struct source *sources[RULE_QUERIES_MAX]; /* of each query */
	struct kept_answer *kept[RULE_QUERIES_MAX]; /* +1 reference where the answer is one */
	uint32_t waiting;                         /* queries without an answer */
	struct arena *arena; /* several answers must outlive their turns; NULL:
				engine->scratch does */
	char *failure;       /* the first that failed; NULL: none */
	/* judging */
	struct rule_input in;
	struct judgement judgement;
	struct job job;
	struct past *past; /* +1 reference while a worker reads it */
	bool judging, judged;
	int code; /* of judging */
	struct err err;
	/* the rule's texts */
	struct asking asking;
	uint32_t n_asked; /* its queries under way */
	/* what the rule wrote, when it has to be there before the next rule asks */
	struct source_write write;
	bool writing;
};

/* Begins the group's next rule. True: it is under way; false: it is finished already. */
bool run_start(struct group *group);
/* What it waited for is there. */
void run_go_on(struct run *run);
/* Ends soon, and calls group_cut_short(); perhaps at once. */
void run_cancel(struct run *run);
/* Back to the engine. */
void run_free(struct run *run);
void runs_free(struct run *idle);
