/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: matchers in both grammars, and their regular expressions.
 *
 * Beyond not crashing: what is accepted prints as a text that is accepted
 * again and means the same, errors point into the text, and nothing stays
 * interned.
 */
#include "config.h"

#include <stdlib.h>

#include "fuzz.h"
#include "labels/matcher.h"

static void
check_printed(const struct matchers *ms)
{
	struct buf text = { 0 };
	struct matchers *back;
	struct err err = { 0 };

	matchers_format(ms, &text);
	back = matchers_parse(buf_str(&text), &err);
	/* Escapes can make the printed text longer than what may be read. */
	if (back == NULL && err.code != ERR_LIMIT)
		abort();
	if (back != NULL && !matchers_equal(ms, back))
		abort();
	matchers_free(back);
	buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct err err = { 0 };
	struct matcher one;
	struct matchers *ms = matchers_parse(text, &err);

	if (ms == NULL && err.at > text.n && err.at != ERR_NOWHERE)
		abort();
	if (ms != NULL) {
		for (uint32_t i = 0; i < ms->n; i++)
			matcher_matches_value(&ms->m[i], text);
		check_printed(ms);
		matchers_free(ms);
	}
	if (matcher_parse(text, &one, &err) == 0) {
		matcher_matches_value(&one, text);
		matcher_fini(&one);
	} else if (err.at > text.n && err.at != ERR_NOWHERE) {
		abort();
	}
	if (istr_live() != 0)
		abort();
	return 0;
}
