/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: templates.  The first byte chooses the scope; what is accepted
 * is expanded and stays within its limit.
 */
#include "config.h"

#include <stdlib.h>

#include "base/arena.h"
#include "fuzz.h"
#include "template/template.h"

static void
expand(const struct template *t, struct str text)
{
	struct label_view view = { STR("job"), text };
	struct template_labels labels = { .views = &view, .n_views = 1 };
	struct template_data data = {
		.labels = labels,
		.value = (double)text.n / 7,
		.external_labels = labels,
		.group_labels = labels,
		.common_labels = labels,
		.common_annotations = labels,
		.external_url = text,
		.status = text,
		.receiver = text,
	};
	struct buf out = { 0 };

	template_expand(t, &data, &out);
	if (out.n > TEMPLATE_OUTPUT_MAX ||
	    (template_is_constant(t) && template_uses_value(t)))
		abort();
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena;
	struct template *t;
	struct err err = { 0 };
	struct str text;

	if (size == 0)
		return 0;
	text = str_make((const char *)data + 1, size - 1);
	arena = arena_new(0);
	t = template_parse(arena, text,
	    (data[0] & 1) != 0 ? TEMPLATE_NOTIFICATION : TEMPLATE_RULE, &err);
	if (t != NULL)
		expand(t, text);
	else if (err.at > text.n)
		abort();
	arena_free(arena);
	return 0;
}
