/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of texts: noted, asked, answered; see the header. */
#include "config.h"

#include "rule/ask.h"

enum asked_state { ASKED_LACKING, ASKED_WAITING, ASKED_DONE };

struct asked {
	struct asked *next;
	struct asking *asking;
	struct source_query query;
	enum asked_state state;
	struct template_sample *samples;
	uint32_t n;
	const char *error; /* NULL: none */
};

void
asking_begin(struct asking *asking, struct source *source, wall_t at, struct arena *arena)
{
	asking->source = source;
	asking->arena = arena;
	asking->at = at;
	asking->first = NULL;
	asking->n = asking->n_of_alert = asking->lacking = asking->waiting = 0;
}

void
asking_next_alert(struct asking *asking)
{
	if (asking != NULL)
		asking->n_of_alert = 0;
}

static struct asked *
find(const struct asking *asking, struct str query)
{
	struct asked *asked = asking->first;

	while (asked != NULL && !str_eq(asked->query.text, query))
		asked = asked->next;
	return asked;
}

/* --- answers ----------------------------------------------------------- */

/* Before the arena is used by anyone else: labels may point into the answer. */
static void
keep(struct asked *asked, const struct vector *vector)
{
	struct asking *asking = asked->asking;
	struct err err;

	asked->samples = ARENA_ARRAY(asking->arena, vector->n + 1, struct template_sample);
	for (uint32_t i = 0; i < vector->n; i++) {
		const struct sample *sample = &vector->samples[i];
		struct template_sample *kept = &asked->samples[asked->n];
		struct label_view *views;
		uint32_t n;

		if (sample->missing)
			continue;
		if (sample_labels(asking->source, sample, asking->arena, &views, &n, &err) < 0) {
			asked->error = arena_strdup(asking->arena, err.text);
			return;
		}
		*kept = (struct template_sample){
			.labels = { .views = views, .n_views = n },
			.value = sample->value,
		};
		asked->n++;
	}
}

static void
on_answer(struct source_query *query, const struct vector *vector, const struct err *err)
{
	struct asked *asked = query->arg;
	struct asking *asking = asked->asking;

	asked->state = ASKED_DONE;
	if (err == NULL)
		keep(asked, vector);
	else
		asked->error = arena_strdup(asking->arena, err->text);
	if (--asking->waiting == 0)
		asking->done(asking->arg);
}

/* --- asking ------------------------------------------------------------ */

static void
note(struct asking *asking, struct str query)
{
	struct asked *asked = ARENA_NEW(asking->arena, struct asked);

	asked->asking = asking;
	asked->query.text = arena_str(asking->arena, query);
	asked->query.at = asking->at;
	asked->query.arena = asking->arena;
	asked->query.done = on_answer;
	asked->query.arg = asked;
	asked->next = asking->first;
	asking->first = asked;
	asking->n++;
	asking->lacking++;
}

void
asking_answer(void *arg, struct str query, struct template_answer *ret)
{
	struct asking *asking = arg;
	const struct asked *asked;

	*ret = (struct template_answer){ .state = TEMPLATE_FAILED };
	if (asking == NULL) {
		ret->error = "the source cannot be asked at present";
		return;
	}
	if (++asking->n_of_alert > ASK_PER_ALERT_MAX) {
		ret->error = "more than 16 queries for one alert";
		return;
	}
	asked = find(asking, query);
	if (asked == NULL && asking->n == ASK_QUERIES_MAX) {
		ret->error = "more than 1000 queries in one evaluation";
		return;
	}
	if (asked == NULL)
		note(asking, query);
	if (asked == NULL || asked->state != ASKED_DONE) {
		ret->state = TEMPLATE_PENDING;
	} else if (asked->error != NULL) {
		ret->error = asked->error;
	} else {
		ret->state = TEMPLATE_ANSWERED;
		ret->samples = asked->samples;
		ret->n = asked->n;
	}
}

uint32_t
asking_send(struct asking *asking)
{
	const uint32_t n = asking->lacking;

	asking->waiting = n;
	asking->lacking = 0;
	for (struct asked *asked = asking->first; asked != NULL; asked = asked->next) {
		if (asked->state != ASKED_LACKING)
			continue;
		asked->state = ASKED_WAITING;
		asking->source->ops->query(asking->source, &asked->query);
	}
	return n;
}

void
asking_cancel(struct asking *asking)
{
	for (struct asked *asked = asking->first; asked != NULL; asked = asked->next)
		if (asked->state == ASKED_WAITING)
			asking->source->ops->cancel(asking->source, &asked->query);
}
