/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into groups: one decoding of labels for each distinct key. */
#include "config.h"

#include "rule/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"

struct known_key {
	const struct source *source;
	struct str key;
	uint32_t group;
	struct str extra;
};

struct label_set {
	struct str encoded;
	uint32_t group;
};

void
cells_init(struct cells *cells, struct arena *arena, const struct cells_options *options)
{
	*cells = (struct cells){ .arena = arena, .options = *options };
}

void
cells_fini(struct cells *cells)
{
	map_fini(&cells->by_key);
	map_fini(&cells->by_labels);
}

static bool
key_is(const void *value, const void *key)
{
	const struct known_key *a = value, *b = key;

	return a->source == b->source && str_eq(a->key, b->key);
}

static bool
labels_are(const void *value, const void *key)
{
	return str_eq(((const struct label_set *)value)->encoded, *(const struct str *)key);
}

static int
by_name(const void *a, const void *b)
{
	return str_cmp(((const struct label_view *)a)->name, ((const struct label_view *)b)->name);
}

static bool
is_in(const struct string_list *list, struct str name)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (str_is(name, list->items[i]))
			return true;
	return false;
}

static bool
makes_group(const struct cells_options *options, const struct label_view *label)
{
	if (str_is(label->name, "__name__") || label->value.n == 0)
		return false;
	if (options->extra != NULL && str_is(label->name, options->extra))
		return false;
	return options->by == NULL || is_in(options->by, label->name);
}

static void
put_views(const struct label_view *views, uint32_t n, struct buf *out)
{
	for (uint32_t i = 0; i < n; i++) {
		buf_put_u32le(out, views[i].name.n);
		buf_put_str(out, views[i].name);
		buf_put_u32le(out, views[i].value.n);
		buf_put_str(out, views[i].value);
	}
}

static int
group_of(
    struct cells *cells, const struct label_view *views, uint32_t n, uint32_t *ret, struct err *err)
{
	struct buf encoded = { 0 };
	struct label_set *set;
	struct str text;
	uint64_t hash;

	put_views(views, n, &encoded);
	text = buf_str(&encoded);
	hash = hash_bytes(text.p, text.n);
	set = map_find(&cells->by_labels, hash, labels_are, &text);
	if (set == NULL && cells->n == CELLS_GROUPS_MAX) {
		buf_fini(&encoded);
		return err_set(err, ERR_LIMIT,
		    "more than %d label sets; aggregate in the query, or name fewer labels in by",
		    CELLS_GROUPS_MAX);
	}
	if (set == NULL) {
		set = ARENA_NEW(cells->arena, struct label_set);
		set->encoded = arena_str(cells->arena, text);
		set->group = cells->n;
		map_insert(&cells->by_labels, hash, set);
		if (cells->n == cells->cap) {
			uint32_t cap = cells->cap == 0 ? 16 : cells->cap * 2;
			struct cells_group *groups =
			    ARENA_ARRAY(cells->arena, cap, struct cells_group);

			if (cells->n > 0)
				memcpy(groups, cells->groups, cells->n * sizeof(*groups));
			cells->groups = groups;
			cells->cap = cap;
		}
		cells->groups[cells->n++] = (struct cells_group){ views, n };
	}
	buf_fini(&encoded);
	*ret = set->group;
	return 0;
}

/* The labels that `by` leaves over, as one text. */
static struct str
rest_of(struct cells *cells, const struct label_view *views, uint32_t n)
{
	struct buf text = { 0 };
	struct str kept;

	for (uint32_t i = 0; i < n; i++) {
		if (str_is(views[i].name, "__name__") || makes_group(&cells->options, &views[i]))
			continue;
		buf_printf(&text, "%s%.*s=%.*s", text.n > 0 ? ", " : "", STR_ARG(views[i].name),
		    STR_ARG(views[i].value));
	}
	kept = arena_str(cells->arena, buf_str(&text));
	buf_fini(&text);
	return kept;
}

static int
decode(struct cells *cells, const struct source *source, const struct sample *sample,
    uint32_t *ret_group, struct str *ret_extra, struct err *err)
{
	struct label_view *views, *kept;
	uint32_t n, n_kept = 0;
	int code;

	*ret_extra = (struct str){ NULL, 0 };
	code = sample_labels(source, sample, cells->arena, &views, &n, err);
	if (code < 0)
		return code;
	if (n > 1)
		qsort(views, n, sizeof(*views), by_name);
	kept = ARENA_ARRAY(cells->arena, n + 1, struct label_view);
	for (uint32_t i = 0; i < n; i++) {
		if (cells->options.extra != NULL && str_is(views[i].name, cells->options.extra))
			*ret_extra = arena_str(cells->arena, views[i].value);
		else if (makes_group(&cells->options, &views[i]))
			kept[n_kept++] =
			    (struct label_view){ arena_str(cells->arena, views[i].name),
				    arena_str(cells->arena, views[i].value) };
	}
	if (cells->options.extra == NULL && cells->options.rest)
		*ret_extra = rest_of(cells, views, n);
	return group_of(cells, kept, n_kept, ret_group, err);
}

int
cells_place(struct cells *cells, const struct source *source, const struct sample *sample,
    uint32_t *ret_group, struct str *ret_extra, struct err *err)
{
	struct known_key wanted = { .source = source, .key = sample->key };
	struct known_key *known;
	uint64_t hash;
	int code;

	if (cells->last_source != source || cells->n == 0 ||
	    !str_eq(cells->last_key, sample->key)) {
		hash =
		    hash_mix(hash_bytes(sample->key.p, sample->key.n), (uint64_t)(uintptr_t)source);
		known = map_find(&cells->by_key, hash, key_is, &wanted);
		if (known == NULL) {
			known = ARENA_NEW(cells->arena, struct known_key);
			*known = wanted;
			code = decode(cells, source, sample, &known->group, &known->extra, err);
			if (code < 0)
				return code;
			map_insert(&cells->by_key, hash, known);
		}
		cells->last_source = source;
		cells->last_key = sample->key;
		cells->last_group = known->group;
		cells->last_extra = known->extra;
	}
	*ret_group = cells->last_group;
	if (ret_extra != NULL)
		*ret_extra = cells->last_extra;
	return 0;
}

void
cells_put_labels(const struct cells_group *group, struct buf *out)
{
	buf_putc(out, '{');
	for (uint32_t i = 0; i < group->n_labels; i++) {
		buf_printf(out, "%s%.*s=", i > 0 ? ", " : "", STR_ARG(group->labels[i].name));
		go_quote(out, group->labels[i].value);
	}
	buf_putc(out, '}');
}

void
cells_put_json(const struct cells_group *group, struct buf *out)
{
	buf_putc(out, '{');
	for (uint32_t i = 0; i < group->n_labels; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_put_str(out, group->labels[i].name);
		buf_putc(out, ':');
		json_put_str(out, group->labels[i].value);
	}
	buf_putc(out, '}');
}

int
cells_number(const struct sample *sample, uint32_t i, const char *column, size_t row, double *ret,
    struct err *err)
{
	struct str text = cells_field(sample, i);

	if (text.p == NULL) {
		*ret = (double)NAN;
		return 0;
	}
	if (str_to_double(str_trim(text), ret))
		return 0;
	return err_set(err, ERR_INVALID, "row %zu: column %s has '%.*s', which is no number", row,
	    column, STR_ARG(str_head(text, 60)));
}
