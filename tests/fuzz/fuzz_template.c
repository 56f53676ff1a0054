/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: templates.  The bits of the first byte choose the scope, whether
 * a page is written, and whether the text is a file of named templates; what
 * is accepted is executed and stays within its limits.  A comment at the end
 * changes nothing, though it keeps a plain text from its shortcut.
 */
#include "config.h"

#include <stdlib.h>

#include "base/arena.h"
#include "fuzz.h"
#include "template/template.h"

static void
run(const struct template *t, const struct template *same, struct str text,
    bool html)
{
	struct label_view views[] = {
		{ STR("job"), text }, { STR("alertname"), STR("x<y>") },
		{ STR("a"), STR("1.5") },
	};
	struct template_labels labels = { .views = views, .n_views = 3 };
	struct template_alert alerts[] = {
		{ .status = STR("firing"), .labels = labels,
		    .annotations = labels, .starts_at = { 1700000000000000000 } },
		{ .status = STR("resolved"), .labels = labels,
		    .ends_at = { 1 }, .generator_url = text },
	};
	struct template_data data = {
		.labels = labels,
		.value = (double)text.n / 7,
		.external_labels = labels,
		.group_labels = labels,
		.common_labels = labels,
		.common_annotations = labels,
		.external_url = text,
		.status = STR("firing"),
		.receiver = text,
		.alerts = alerts,
		.n_alerts = 2,
		.html = html,
	};
	struct err err = { 0 };
	struct buf out = { 0 };
	int rc = template_execute(t, &data, &out, &err);

	if (out.n > TEMPLATE_OUTPUT_MAX || (rc < 0 && out.n > 0) ||
	    (rc < 0 && err.at != ERR_NOWHERE &&
		err.at > template_text(t).n) ||
	    (template_is_constant(t) && template_uses_value(t)))
		abort();
	if (same != NULL) {
		struct buf again = { 0 };

		if (template_execute(same, &data, &again, &err) != rc ||
		    !str_eq(buf_str(&out), buf_str(&again)))
			abort();
		buf_fini(&again);
	}
	template_expand(t, &data, &out);
	buf_fini(&out);
}

static struct template *
parse_slow(struct arena *arena, struct str text, enum template_scope scope)
{
	struct buf longer = { 0 };
	struct template *t;

	buf_put_str(&longer, text);
	buf_puts(&longer, "{{/**/}}");
	t = template_parse(arena, buf_str(&longer), scope, NULL);
	buf_fini(&longer);
	return t;
}

static struct template *
parse_file(struct arena *arena, struct str text, struct err *err)
{
	struct template_set *set = template_set_new(arena);

	if (template_set_add(set, STR("file"), text, err) < 0) {
		if (err->at > text.n)
			abort();
		return NULL;
	}
	if (template_set_check(set, NULL, err) < 0)
		return NULL;
	return template_parse_with(arena, STR("{{ template \"a\" . }}"), set,
	    err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena;
	enum template_scope scope;
	struct template *t, *same = NULL;
	struct err err = { 0 };
	struct str text;

	if (size == 0)
		return 0;
	text = str_make((const char *)data + 1, size - 1);
	arena = arena_new(0);
	scope = (data[0] & 1) != 0 ? TEMPLATE_NOTIFICATION : TEMPLATE_RULE;
	if ((data[0] & 4) != 0) {
		t = parse_file(arena, text, &err);
	} else {
		t = template_parse(arena, text, scope, &err);
		same = t != NULL ? parse_slow(arena, text, scope) : NULL;
	}
	if (t != NULL)
		run(t, same, text, (data[0] & 2) != 0);
	else if ((data[0] & 4) == 0 && err.at > text.n)
		abort();
	arena_free(arena);
	return 0;
}
