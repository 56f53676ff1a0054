/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queries that one evaluation's labels and annotations ask: {{ query }}.
 *
 * An evaluation is tried with the answers there are.  What it lacks is noted
 * here, asked side by side, and then the evaluation is done again from its
 * start, until nothing is lacking: nothing has moved before that, so what
 * happens meanwhile (a reload, the end of the program) finds the rule as it
 * was, and events leave in the turn, and with the times, of an evaluation that
 * asked nothing.
 */
#pragma once

#include "source/source.h"
#include "template/template.h"

#define ASK_QUERIES_MAX 1000    /* different ones of one evaluation */
#define ASK_PER_ALERT_MAX 16

struct asked;

struct asking { /* lives as long as the run of the rule */
	struct source *source;
	struct arena *arena; /* of the run */
	wall_t at;           /* the slot: query_offset does not apply */
	struct asked *first;
	uint32_t n, n_of_alert;
	uint32_t lacking; /* noted, not asked yet */
	uint32_t waiting; /* asked, not answered yet */
	void (*done)(void *arg); /* all answers are there */
	void *arg;
};

void asking_begin(struct asking *asking, struct source *source, wall_t at, struct arena *arena);
/* template_query_fn; arg is the struct asking, NULL when nothing can be asked. */
void asking_answer(void *arg, struct str query, struct template_answer *ret);
/* From here on the texts are those of another alert. */
void asking_next_alert(struct asking *asking);
/* Asks what is lacking; done() runs later, on the loop. The number of queries. */
uint32_t asking_send(struct asking *asking);
/* Queries under way end soon, then done() runs. */
void asking_cancel(struct asking *asking);
