/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label sets: the builder, the table of interned sets, and what can be asked
 * of a set.
 *
 * A set is looked up by the hash of its bytes before any string is interned,
 * so meeting a known set costs one probe and one comparison.  The table
 * belongs to the loop thread; an empty table holds no memory.
 */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "labels/labels.h"
#include "labels/labels_internal.h"

#define BUILDER_FIRST 16u
#define SCAN_MAX 16u /* up to here a walk beats a binary search */

static struct {
	struct map map;
	size_t bytes; /* of the sets, without the map and the strings */
} table;

/* ---- builder --------------------------------------------------------------- */

void
labels_builder_init(struct labels_builder *b, struct arena *arena)
{
	*b = (struct labels_builder){ .arena = arena };
}

static uint32_t
builder_find(const struct labels_builder *b, struct str name)
{
	for (uint32_t i = 0; i < b->n; i++) {
		if (str_eq(b->views[i].name, name))
			return i;
	}
	return b->n;
}

static void
builder_remove_at(struct labels_builder *b, uint32_t i)
{
	b->n--;
	memmove(&b->views[i], &b->views[i + 1],
	    (b->n - i) * sizeof(b->views[0]));
}

/*
 * A set that has outgrown LABELS_MAX stays so: nothing is added, found or
 * removed any more, and labels_intern() reports it.  That bounds the cost of
 * a hostile body with a million names.
 */
static bool
builder_is_full(const struct labels_builder *b)
{
	return b->n > LABELS_MAX;
}

void
labels_builder_unset(struct labels_builder *b, struct str name)
{
	uint32_t i = builder_is_full(b) ? b->n : builder_find(b, name);

	if (i < b->n)
		builder_remove_at(b, i);
}

void
labels_builder_set(struct labels_builder *b, struct str name, struct str value)
{
	uint32_t i;

	if (builder_is_full(b))
		return;
	if (value.n == 0 && !b->keep_empty) {
		labels_builder_unset(b, name);
		return;
	}
	i = builder_find(b, name);
	if (i == b->n) {
		if (b->n == b->cap) {
			uint32_t cap = b->cap > 0 ? b->cap * 2 : BUILDER_FIRST;
			struct label_view *views =
			    ARENA_ARRAY(b->arena, cap, struct label_view);

			if (b->n > 0)
				memcpy(views, b->views, b->n * sizeof(*views));
			b->views = views;
			b->cap = cap;
		}
		b->views[b->n++].name = name;
	}
	b->views[i].value = value;
}

struct str
labels_builder_get(const struct labels_builder *b, struct str name)
{
	uint32_t i = builder_find(b, name);

	return i < b->n ? b->views[i].value : (struct str){ "", 0 };
}

/* Names are distinct and mostly come sorted already. */
void
labels_builder_sort(struct labels_builder *b)
{
	for (uint32_t i = 1; i < b->n; i++) {
		struct label_view view = b->views[i];
		uint32_t k = i;

		while (k > 0 && str_cmp(b->views[k - 1].name, view.name) > 0) {
			b->views[k] = b->views[k - 1];
			k--;
		}
		if (k < i)
			b->views[k] = view;
	}
}

/* ---- the table ------------------------------------------------------------- */

struct views_key {
	const struct label_view *views;
	uint32_t n;
};

static bool
labels_are(const void *value, const void *key)
{
	const struct labels *labels = value;
	const struct views_key *k = key;

	if (labels->n != k->n)
		return false;
	for (uint32_t i = 0; i < k->n; i++) {
		if (!str_eq(istr_str(labels->l[i].value), k->views[i].value) ||
		    !str_eq(istr_str(labels->l[i].name), k->views[i].name))
			return false;
	}
	return true;
}

static uint64_t
hash_step(uint64_t hash, uint64_t name, uint64_t value)
{
	return hash_mix(hash, hash_mix(name, value));
}

/* Hash of the set; hashes[2 * i] and [2 * i + 1] of each name and value. */
static uint64_t
hash_views(const struct label_view *views, uint32_t n, uint32_t *hashes)
{
	uint64_t hash = n;

	for (uint32_t i = 0; i < n; i++) {
		hashes[2 * i] = istr_hash(views[i].name);
		hashes[2 * i + 1] = istr_hash(views[i].value);
		hash = hash_step(hash, hashes[2 * i], hashes[2 * i + 1]);
	}
	return hash;
}

static uint64_t
hash_interned(const struct label *l, uint32_t n)
{
	uint64_t hash = n;

	for (uint32_t i = 0; i < n; i++)
		hash = hash_step(hash, l[i].name->hash, l[i].value->hash);
	return hash;
}

static uint64_t
fingerprint(const struct label *l, uint32_t n)
{
	static const uint8_t separator = 0xFF;
	uint64_t h = FNV1A64_INIT;

	for (uint32_t i = 0; i < n; i++) {
		h = fnv1a64(h, l[i].name->p, l[i].name->n);
		h = fnv1a64(h, &separator, 1);
		h = fnv1a64(h, l[i].value->p, l[i].value->n);
		h = fnv1a64(h, &separator, 1);
	}
	return h;
}

static size_t
labels_size(uint32_t n)
{
	return malloc_bytes(sizeof(struct labels) + n * sizeof(struct label));
}

static struct labels *
labels_alloc(uint32_t n, uint64_t hash)
{
	struct labels *labels =
	    xmalloc(sizeof(*labels) + n * sizeof(labels->l[0]));

	labels->refs = 1;
	labels->n = n;
	labels->hash = hash;
	return labels;
}

static struct labels *
labels_add(struct labels *labels)
{
	labels->fingerprint = fingerprint(labels->l, labels->n);
	map_insert(&table.map, labels->hash, labels);
	table.bytes += labels_size(labels->n);
	return labels;
}

static int
check_views(const struct label_view *views, uint32_t n, struct err *err)
{
	if (n > LABELS_MAX)
		return err_set(err, ERR_LIMIT,
		    "more than %d labels in one set", LABELS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		struct str name = views[i].name, value = views[i].value;

		if (name.n == 0)
			return err_set(
			    err, ERR_INVALID, "a label name is empty");
		if (name.n > LABEL_NAME_BYTES_MAX)
			return err_set(err, ERR_LIMIT,
			    "label name %.*s... is longer than %d bytes",
			    STR_ARG(str_head(name, 32)), LABEL_NAME_BYTES_MAX);
		if (!str_is_utf8(name))
			return err_set(err, ERR_INVALID,
			    "a label name is not valid UTF-8");
		if (value.n > LABEL_VALUE_BYTES_MAX)
			return err_set(err, ERR_LIMIT,
			    "value of label %.*s is longer than %u bytes",
			    STR_ARG(str_head(name, 80)), LABEL_VALUE_BYTES_MAX);
		if (!str_is_utf8(value))
			return err_set(err, ERR_INVALID,
			    "value of label %.*s is not valid UTF-8",
			    STR_ARG(str_head(name, 80)));
	}
	return 0;
}

struct labels *
labels_intern_sorted(
    const struct label_view *views, uint32_t n, struct err *err)
{
	uint32_t hashes[2 * LABELS_MAX];
	uint64_t hash;
	struct views_key key = { views, n };
	struct labels *labels;

	/* The count first: the hashes have room for no more. */
	if (n > LABELS_MAX) {
		check_views(views, n, err);
		return NULL;
	}
	hash = hash_views(views, n, hashes);
	labels = map_find(&table.map, hash, labels_are, &key);
	if (labels != NULL)
		return labels_ref(labels);
	if (check_views(views, n, err) < 0)
		return NULL;
	labels = labels_alloc(n, hash);
	for (uint32_t i = 0; i < n; i++) {
		labels->l[i].name =
		    istr_intern_hashed(views[i].name, hashes[2 * i]);
		labels->l[i].value =
		    istr_intern_hashed(views[i].value, hashes[2 * i + 1]);
	}
	return labels_add(labels);
}

struct labels *
labels_intern(struct labels_builder *b, struct err *err)
{
	labels_builder_sort(b);
	return labels_intern_sorted(b->views, b->n, err);
}

struct labels *
labels_lookup(struct labels_builder *b)
{
	uint32_t hashes[2 * LABELS_MAX];
	uint64_t hash;
	struct views_key key;

	if (builder_is_full(b))
		return NULL;
	labels_builder_sort(b);
	key = (struct views_key){ b->views, b->n };
	hash = hash_views(b->views, b->n, hashes);
	return map_find(&table.map, hash, labels_are, &key);
}

struct labels *
labels_ref(struct labels *labels)
{
	labels->refs++;
	return labels;
}

void
labels_unref(struct labels *labels)
{
	if (labels == NULL || --labels->refs > 0)
		return;
	map_remove_value(&table.map, labels->hash, labels);
	table.bytes -= labels_size(labels->n);
	for (uint32_t i = 0; i < labels->n; i++) {
		istr_unref(labels->l[i].name);
		istr_unref(labels->l[i].value);
	}
	free(labels);
	if (table.map.n == 0)
		map_fini(&table.map);
}

/* ---- questions ------------------------------------------------------------- */

/* Index of the name, or n. */
static uint32_t
labels_find(const struct labels *labels, struct str name)
{
	uint32_t low = 0, high = labels->n;

	if (labels->n <= SCAN_MAX) {
		for (uint32_t i = 0; i < labels->n; i++) {
			if (str_eq(istr_str(labels->l[i].name), name))
				return i;
		}
		return labels->n;
	}
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int cmp = str_cmp(istr_str(labels->l[mid].name), name);

		if (cmp == 0)
			return mid;
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return labels->n;
}

struct istr *
labels_get(const struct labels *labels, struct str name)
{
	uint32_t i;

	if (labels == NULL)
		return NULL;
	i = labels_find(labels, name);
	return i < labels->n ? labels->l[i].value : NULL;
}

struct str
labels_value(const struct labels *labels, struct str name)
{
	return istr_str(labels_get(labels, name));
}

/*
 * Fewer labels come first; of two sets of the same size, names in order: who
 * lacks the name comes first, then the smaller value (LabelSet.Before).
 */
int
labels_cmp(const struct labels *a, const struct labels *b)
{
	if (a == b)
		return 0;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (uint32_t i = 0; i < a->n; i++) {
		int cmp;

		if (a->l[i].name != b->l[i].name)
			/* The smaller name is the one the other set lacks. */
			return str_cmp(istr_str(a->l[i].name),
				   istr_str(b->l[i].name)) < 0
			    ? 1
			    : -1;
		if (a->l[i].value == b->l[i].value)
			continue;
		cmp = str_cmp(
		    istr_str(a->l[i].value), istr_str(b->l[i].value));
		return cmp < 0 ? -1 : 1;
	}
	return 0;
}

struct interned_key {
	const struct label *l;
	uint32_t n;
};

static bool
labels_hold(const void *value, const void *key)
{
	const struct labels *labels = value;
	const struct interned_key *k = key;

	return labels->n == k->n &&
	    (k->n == 0 || memcmp(labels->l, k->l, k->n * sizeof(*k->l)) == 0);
}

struct labels *
labels_project(
    const struct labels *labels, const struct str *names, uint32_t n)
{
	bool wanted[LABELS_MAX] = { false };
	struct label l[LABELS_MAX];
	struct interned_key key = { l, 0 };
	struct labels *found;
	uint64_t hash;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = labels_find(labels, names[i]);

		if (at < labels->n)
			wanted[at] = true;
	}
	for (uint32_t i = 0; i < labels->n; i++) {
		if (wanted[i])
			l[key.n++] = labels->l[i];
	}
	hash = hash_interned(l, key.n);
	found = map_find(&table.map, hash, labels_hold, &key);
	if (found != NULL)
		return labels_ref(found);
	found = labels_alloc(key.n, hash);
	for (uint32_t i = 0; i < key.n; i++) {
		found->l[i].name = istr_ref(l[i].name);
		found->l[i].value = istr_ref(l[i].value);
	}
	return labels_add(found);
}

uint64_t
labels_fingerprint(const struct labels *labels)
{
	return labels->fingerprint;
}

size_t
labels_live(void)
{
	return table.map.n;
}

size_t
labels_bytes(void)
{
	return table.bytes + table.map.cap * sizeof(struct map_slot) +
	    istr_bytes();
}
