/* SPDX-License-Identifier: Apache-2.0 */
/* map, heap, list and rng, against naive models. */
#include <stdlib.h>

#include "base/attr.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "suites.h"

#define KEYS 300

struct item {
	uint32_t key;
	bool in, seen;
};

static struct item items[KEYS];

static bool
item_eq(const void *value, const void *key)
{
	return ((const struct item *)value)->key == *(const uint32_t *)key;
}

/* Good hashes, hashes that collide in groups, and all equal. */
static uint64_t
hash_of(uint32_t key, int kind)
{
	if (kind == 0)
		return hash_bytes(&key, sizeof(key));
	return kind == 1 ? key / 8 : 42;
}

static void
check_all(const struct map *map, int kind)
{
	size_t n = 0;

	for (uint32_t k = 0; k < KEYS; k++) {
		const void *got = map_find(map, hash_of(k, kind), item_eq, &k);

		REQUIRE(got == (items[k].in ? &items[k] : NULL));
		n += items[k].in;
	}
	ck_assert_uint_eq(map->n, n);
}

/* Removes about half on the way; every entry is met exactly once. */
static void
walk_and_remove(struct map *map, struct rng *rng, int kind)
{
	struct item *item;

	for (uint32_t k = 0; k < KEYS; k++)
		items[k].seen = false;
	for (size_t it = 0; (item = map_next(map, &it)) != NULL;) {
		REQUIRE(item->in && !item->seen);
		item->seen = true;
		if (rng_below(rng, 2) == 0) {
			map_remove_at(map, &it);
			item->in = false;
		}
	}
	for (uint32_t k = 0; k < KEYS; k++)
		REQUIRE(items[k].seen || !items[k].in);
	check_all(map, kind);
}

START_TEST(map_agrees_with_a_naive_model)
{
	struct map map = { 0 };
	struct rng rng;

	rng_init(&rng, (uint64_t)_i + 1);
	memset(items, 0, sizeof(items));
	check_all(&map, _i);
	for (int step = 0; step < 6000; step++) {
		uint32_t k = (uint32_t)rng_below(&rng, KEYS);
		uint64_t hash;

		items[k].key = k;
		hash = hash_of(k, _i);
		if (!items[k].in) {
			ck_assert_ptr_null(map_remove(&map, hash, item_eq, &k));
			ck_assert(!map_remove_value(&map, hash, &items[k]));
			map_insert(&map, hash, &items[k]);
		} else if (step % 2 == 0) {
			ck_assert_ptr_eq(
			    map_remove(&map, hash, item_eq, &k), &items[k]);
		} else {
			ck_assert(map_remove_value(&map, hash, &items[k]));
		}
		items[k].in = !items[k].in;
		REQUIRE(map.n * 8 <= map.cap * 7);
		if (step % 97 == 0)
			check_all(&map, _i);
		if (step % 1500 == 1499)
			walk_and_remove(&map, &rng, _i);
	}
	map_fini(&map);
	ck_assert_uint_eq(map.n, 0);
}
END_TEST

START_TEST(map_walk_meets_wrapped_entries_once)
{
	/* Many small full tables: clusters over the end are common. */
	struct rng rng;

	rng_init(&rng, 9);
	for (int round = 0; round < 300; round++) {
		struct map map = { 0 };

		memset(items, 0, sizeof(items));
		for (int i = 0; i < 12; i++) {
			uint32_t k = (uint32_t)rng_below(&rng, KEYS);

			items[k].key = k;
			if (items[k].in)
				continue;
			map_insert(&map, hash_of(k, 0), &items[k]);
			items[k].in = true;
		}
		walk_and_remove(&map, &rng, 0);
		walk_and_remove(&map, &rng, 0);
		map_fini(&map);
	}
}
END_TEST

struct job {
	struct heap_node node;
	int64_t key;
	uint64_t order;
	bool in;
};

/* The one the model says is next. */
static struct job *
model_top(struct job *jobs, size_t n)
{
	struct job *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (jobs[i].in && (best == NULL || jobs[i].key < best->key ||
				      (jobs[i].key == best->key &&
					  jobs[i].order < best->order)))
			best = &jobs[i];
	return best;
}

START_TEST(heap_gives_smallest_key_then_oldest)
{
	static struct job jobs[60];
	struct heap heap = { 0 };
	uint64_t order = 0;
	struct rng rng;

	rng_init(&rng, 3);
	for (int step = 0; step < 20000; step++) {
		struct job *job = &jobs[rng_below(&rng, ARRAY_LEN(jobs))];
		struct job *top = model_top(jobs, ARRAY_LEN(jobs));
		struct heap_node *got = heap_top(&heap);

		REQUIRE(got == (top != NULL ? &top->node : NULL));
		if (rng_below(&rng, 3) != 0) {
			job->key = (int64_t)rng_below(&rng, 20) - 10;
			job->order = order++;
			job->in = true;
			heap_set(&heap, &job->node, job->key);
		} else {
			heap_remove(&heap, &job->node);
			job->in = false;
		}
		REQUIRE(heap_has(&job->node) == job->in);
	}
	heap_fini(&heap);
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		ck_assert(!heap_has(&jobs[i].node));
}
END_TEST

START_TEST(list_keeps_order_and_forgives_removal)
{
	struct link list, l[3] = { 0 };
	size_t i = 0;

	list_init(&list);
	ck_assert(list_empty(&list));
	list_remove(&l[0]);
	for (size_t k = 0; k < 3; k++)
		list_append(&list, &l[k]);
	LIST_FOREACH_SAFE(at, next, &list)
	{
		ck_assert_ptr_eq(at, &l[i++]);
		list_remove(at);
		list_remove(at);
	}
	ck_assert_uint_eq(i, 3);
	ck_assert(list_empty(&list));
}
END_TEST

START_TEST(rng_repeats_by_seed_and_is_even)
{
	struct rng a, b;
	size_t counts[7] = { 0 };

	rng_init(&a, 5);
	rng_init(&b, 5);
	for (int i = 0; i < 70000; i++) {
		double unit;

		REQUIRE(rng_next(&a) == rng_next(&b));
		counts[rng_below(&a, 7)]++;
		unit = rng_unit(&a);
		REQUIRE(unit >= 0 && unit < 1);
		b = a;
	}
	for (size_t i = 0; i < 7; i++)
		ck_assert(counts[i] > 9500 && counts[i] < 10500);
}
END_TEST

START_TEST(uuid_is_version_4_and_new_each_time)
{
	char a[37], b[37];

	uuid_make(a);
	uuid_make(b);
	ck_assert_uint_eq(strlen(a), 36);
	ck_assert_str_ne(a, b);
	ck_assert_int_eq(a[14], '4');
	ck_assert_ptr_nonnull(strchr("89ab", a[19]));
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		ck_assert((a[i] == '-') == dash);
	}
}
END_TEST

TCase *
case_containers(void)
{
	TCase *tcase = tcase_create("containers");

	tcase_add_loop_test(tcase, map_agrees_with_a_naive_model, 0, 3);
	tcase_add_test(tcase, map_walk_meets_wrapped_entries_once);
	tcase_add_test(tcase, heap_gives_smallest_key_then_oldest);
	tcase_add_test(tcase, list_keeps_order_and_forgives_removal);
	tcase_add_test(tcase, rng_repeats_by_seed_and_is_even);
	tcase_add_test(tcase, uuid_is_version_4_and_new_each_time);
	return tcase;
}
