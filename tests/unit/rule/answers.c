/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/rule/answers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "rule/cells.h"
#include "source/rows.h"
#include "yaml/yaml.h"

/* Not check's own: programs without it use this file, too. */
#define REQUIRE(what, ...)                                                                         \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const struct source_ops by_hand = { .labels = rows_labels };
static const struct source_kind by_hand_kind = { .name = "by-hand" };
static const struct source_config by_hand_config = { .name = "by-hand", .kind = &by_hand_kind };
static const struct source source = { .ops = &by_hand, .config = &by_hand_config };

void
answers_init(struct answers *a)
{
	*a = (struct answers){ .arena = arena_new(0), .err = { .at = ERR_NOWHERE } };
	a->group.name = "g";
	for (size_t i = 0; i < ANSWERS_MAX; i++)
		a->sources[i] = &source;
}

void
answers_fini(struct answers *a)
{
	for (size_t i = 0; i < ANSWERS_MAX; i++)
		free(a->vectors[i].samples);
	arena_free(a->arena);
}

void
answers_clear(struct answers *a)
{
	for (size_t i = 0; i < ANSWERS_MAX; i++)
		a->vectors[i].n = 0;
}

static void
put_key(struct buf *out, const char *labels)
{
	while (*labels != '\0') {
		size_t n = strcspn(labels, " ");
		const char *equal = memchr(labels, '=', n);
		size_t n_name = (size_t)(equal - labels);

		buf_put_u32le(out, (uint32_t)n_name);
		buf_put(out, labels, n_name);
		buf_put_u32le(out, (uint32_t)(n - n_name - 1));
		buf_put(out, equal + 1, n - n_name - 1);
		labels += n + (labels[n] == ' ');
	}
}

struct sample *
answers_row(struct answers *a, uint32_t at, const char *labels, double value)
{
	struct vector *vector = &a->vectors[at];
	struct buf key = { 0 };
	struct sample *sample;

	if (vector->n == a->cap[at]) {
		a->cap[at] = a->cap[at] == 0 ? 64 : a->cap[at] * 2;
		vector->samples = realloc(vector->samples, a->cap[at] * sizeof(*vector->samples));
	}
	put_key(&key, labels);
	sample = &vector->samples[vector->n++];
	*sample = (struct sample){ .key = arena_str(a->arena, buf_str(&key)), .value = value };
	buf_fini(&key);
	return sample;
}

struct sample *
answers_cells(
    struct answers *a, uint32_t at, const char *labels, const char *const *fields, uint32_t n)
{
	struct sample *sample = answers_row(a, at, labels, (double)NAN);
	struct str *cells = ARENA_ARRAY(a->arena, n, struct str);

	for (uint32_t i = 0; i < n; i++)
		cells[i] = str_from(fields[i]);
	sample->fields = cells;
	sample->missing = true;
	return sample;
}

static const struct rule_kind *
kind_named(const char *name)
{
	for (size_t i = 0; rule_kind_list[i] != NULL; i++)
		if (strcmp(rule_kind_list[i]->schema->name, name) == 0)
			return rule_kind_list[i];
	REQUIRE(false, "no kind %s", name);
	return NULL;
}

const char *
answers_finding(struct answers *a, const char *kind, const char *yaml)
{
	struct diag *diag = diag_new();
	struct schema_context ctx = { .arena = a->arena, .diag = diag, .dir = "/" };
	struct yaml_node *node = yaml_parse(a->arena, diag, "test.yml", str_from(yaml));
	const char *text = "";

	a->kind = kind_named(kind);
	REQUIRE(node != NULL, "no YAML: %s", yaml);
	a->rule = (struct rule_config){
		.group = &a->group, .name = "r", .kind = a->kind->schema, .max_age = DUR_UNSET
	};
	a->group.query_offset = DUR_UNSET;
	a->rule.settings = arena_alloc(a->arena, a->kind->schema->schema->size);
	schema_read(&ctx, a->kind->schema->schema, node, (void *)(uintptr_t)a->rule.settings);
	if (diag_errors(diag) == 0)
		a->kind->schema->finish(&ctx, &a->rule);
	if (diag_errors(diag) > 0)
		text = arena_strdup(a->arena, diag_at(diag, 0)->text);
	diag_free(diag);
	return text;
}

void
answers_rule(struct answers *a, const char *kind, const char *yaml)
{
	const char *text = answers_finding(a, kind, yaml);

	REQUIRE(text[0] == '\0', "%s: %s", yaml, text);
}

void
answers_plan(struct answers *a, wall_t now, struct rule_plan *ret)
{
	REQUIRE(a->kind->plan(&a->rule, a->past, now, ret, &a->err) == 0, "plan: %s", a->err.text);
}

int
answers_judge(struct answers *a, wall_t now)
{
	struct rule_plan plan;
	struct rule_input in = { .rule = &a->rule,
		.now = now,
		.answers = a->vectors,
		.sources = a->sources,
		.others = a->others,
		.past = a->past,
		.arena = a->arena };

	answers_plan(a, now, &plan);
	in.n = plan.n;
	a->judgement = (struct judgement){ 0 };
	return a->kind->judge(&in, &a->judgement, &a->err);
}

static void
put_observation(const struct observation *o, struct buf *out)
{
	struct cells_group group = { o->labels, o->n_labels };

	cells_put_labels(&group, out);
}

const char *
answers_outcomes(struct answers *a)
{
	struct buf out = { 0 };
	const char *text;

	for (uint32_t i = 0; i < a->judgement.n; i++) {
		const struct observation *o = &a->judgement.observations[i];

		buf_printf(&out, "%s%s", i > 0 ? " " : "", outcome_name(o->outcome));
		put_observation(o, &out);
	}
	text = arena_str(a->arena, buf_str(&out)).p;
	buf_fini(&out);
	return text;
}

const struct observation *
answers_of(struct answers *a, const char *labels)
{
	for (uint32_t i = 0; i < a->judgement.n; i++) {
		struct buf out = { 0 };
		bool same;

		put_observation(&a->judgement.observations[i], &out);
		same = strcmp(out.p, labels) == 0;
		buf_fini(&out);
		if (same)
			return &a->judgement.observations[i];
	}
	REQUIRE(false, "no %s among %s", labels, answers_outcomes(a));
	return NULL;
}

double
random_normal(struct rng *rng)
{
	double u = 1.0 - rng_unit(rng), v = rng_unit(rng);

	return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);
}
