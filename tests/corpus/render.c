/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render FILE...: expands every label and annotation of the files' alerting
 * rules for an alert of which each label that a text names is a number, and
 * for queries that are answered with one series.
 *
 * Prints "FILE:LINE: why" for a text that cannot be expanded and, at the end,
 * how many could.  The exit status is 1 when any could not.
 */
#include "config.h"

#include <stdio.h>

#include "config/config.h"
#include "daemon/core.h"

#define NAMES_MAX 64
#define NUMBER    "42"

struct names {
	struct label_view views[NAMES_MAX];
	uint32_t n;
};

static void
add_name(struct names *names, struct str name)
{
	for (uint32_t i = 0; i < names->n; i++)
		if (str_eq(names->views[i].name, name))
			return;
	if (names->n < NAMES_MAX && name.n > 0)
		names->views[names->n++] = (struct label_view){ name, STR(NUMBER) };
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* $labels.NAME, .Labels.NAME, label "NAME": what follows these words. */
static void
collect_names(struct str text, const char *word, struct names *names)
{
	struct str rest = text;
	const char *found;

	while ((found = memmem(rest.p, rest.n, word, strlen(word))) != NULL) {
		const char *begin = found + strlen(word), *end = begin;

		while (end < text.p + text.n && is_word(*end))
			end++;
		add_name(names, str_make(begin, (size_t)(end - begin)));
		rest = str_make(end, (size_t)(text.p + text.n - end));
	}
}

static void
answer(void *arg, struct str query, struct template_answer *ret)
{
	static struct template_sample sample;
	const struct names *names = arg;

	(void)query;
	sample = (struct template_sample){ .labels = { .views = names->views,
					       .n_views = names->n },
		.value = 42 };
	*ret = (struct template_answer){ .state = TEMPLATE_ANSWERED, .samples = &sample, .n = 1 };
}

/* 1: it could be expanded. */
static int
render(const struct template_pair *pair)
{
	struct names names = { .n = 0 };
	struct template_data data = { .value = 42, .query = answer, .query_arg = &names };
	struct err err = { .at = ERR_NOWHERE };
	struct buf out = { 0 };
	struct str text = template_text(pair->template);
	int rc;

	collect_names(text, "$labels.", &names);
	collect_names(text, ".Labels.", &names);
	collect_names(text, "label \"", &names);
	data.labels = (struct template_labels){ .views = names.views, .n_views = names.n };
	data.external_labels = data.labels;
	data.now = (wall_t){ INT64_C(1700000000) * 1000000000 };
	rc = template_execute(pair->template, &data, &out, &err);
	if (rc < 0)
		printf("%s:%u: %s: %s\n", pair->value_pos.file, pair->value_pos.line, err.text,
		    text.p);
	buf_fini(&out);
	return rc >= 0;
}

static uint32_t
render_all(const struct template_map *map, uint32_t *good)
{
	for (uint32_t i = 0; i < map->n; i++)
		*good += (uint32_t)render(&map->pairs[i]);
	return map->n;
}

static void
render_file(const char *path, uint32_t *texts, uint32_t *good)
{
	struct diag *diag = diag_new();
	struct config *config = NULL;

	if (config_check_file(path, core_kinds(), NULL, diag, &config) >= 0) {
		for (uint32_t g = 0; g < config->n_groups; g++) {
			for (uint32_t r = 0; r < config->groups[g].n_rules; r++) {
				const struct rule_config *rule = &config->groups[g].rules[r];

				*texts += render_all(&rule->labels, good);
				*texts += render_all(&rule->annotations, good);
			}
		}
	}
	config_unref(config);
	diag_free(diag);
}

int
main(int argc, char **argv)
{
	uint32_t texts = 0, good = 0;

	for (int i = 1; i < argc; i++)
		render_file(argv[i], &texts, &good);
	printf("%u of %u texts expanded\n", good, texts);
	return good == texts ? 0 : 1;
}
