/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the matchers at the end of a query, and applies them to its answer. */
#include "config.h"

#include "source/selector.h"

int
selector_parse(
    struct str text, struct str *ret_what, struct matchers **ret_matchers, struct err *err)
{
	uint32_t at = 0;
	bool quoted = false;

	text = str_trim(text);
	*ret_what = text;
	*ret_matchers = NULL;
	if (text.n == 0 || text.p[text.n - 1] != '}')
		return 0;
	for (; at < text.n && (quoted || text.p[at] != '{'); at++)
		if (text.p[at] == '"')
			quoted = !quoted;
	if (at == text.n)
		return 0;
	*ret_matchers = matchers_parse(str_make(text.p + at, text.n - at), err);
	if (*ret_matchers == NULL) {
		if (err->at != ERR_NOWHERE)
			err->at += at;
		return -(int)err->code;
	}
	*ret_what = str_trim(str_make(text.p, at));
	return 0;
}

static bool
has_label(const struct label_view *views, uint32_t n, const struct matcher *m)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_eq(views[i].name, istr_str(m->name)))
			return matcher_matches_value(m, views[i].value);
	return matcher_matches_empty(m);
}

/* Equal keys are the same bytes, and mostly stand together: each is looked at once. */
void
selector_apply(const struct matchers *matchers, struct rows *rows)
{
	struct arena *scratch = arena_new(0);
	struct str before = { NULL, 0 };
	bool matches = false;
	uint32_t kept = 0;

	for (uint32_t i = 0; matchers != NULL && i < rows->n_samples; i++) {
		const struct sample *sample = &rows->samples[i];
		struct label_view *views;
		uint32_t n;

		if (before.p == NULL || sample->key.p != before.p || sample->key.n != before.n) {
			before = sample->key;
			matches = rows_labels(NULL, sample, scratch, &views, &n, NULL) == 0;
			for (uint32_t m = 0; m < matchers->n && matches; m++)
				matches = has_label(views, n, &matchers->m[m]);
			arena_reset(scratch);
		}
		if (matches)
			rows->samples[kept++] = *sample;
	}
	if (matchers != NULL)
		rows->n_samples = kept;
	arena_free(scratch);
}

void
query_window(const struct source_query *query, dur_t lookback, wall_t *ret_from, wall_t *ret_to)
{
	bool window = query->shape != QUERY_INSTANT;

	*ret_to = window && wall_is_set(query->to) ? query->to : query->at;
	*ret_from = window && wall_is_set(query->from) ? query->from : wall_sub(*ret_to, lookback);
}
