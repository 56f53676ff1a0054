/* SPDX-License-Identifier: Apache-2.0 */
/* Sketches assembled here: bounds of what is believed, and estimates whose truth is known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/buf.h"
#include "base/rng.h"
#include "stats/frequent.h"
#include "stats/hll.h"
#include "stats/kll.h"
#include "suites.h"

#define LG_K 10
#define K    (1u << LG_K)

static void
put_double(struct buf *out, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	buf_put_u64le(out, bits);
}

/* Two levels: 1 and 2 once, 3 with weight 2. */
static void
put_kll(struct buf *out)
{
	buf_put(out, "\5\1\17\0\10\0\10\0", 8);
	buf_put_u64le(out, 4);
	buf_put(out, "\10\0\2\0", 4);
	buf_put_u32le(out, 5);
	buf_put_u32le(out, 7);
	put_double(out, 1);
	put_double(out, 3);
	put_double(out, 2);
	put_double(out, 1);
	put_double(out, 3);
}

/* The values of n random hashes. */
static void
fill(uint8_t registers[K], struct rng *rng, uint32_t n)
{
	memset(registers, 0, K);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t bits = rng_next(rng), at = rng_next(rng) % K;
		uint8_t value = (uint8_t)(1 + (bits != 0 ? __builtin_clzll(bits) : 62));

		if (value > registers[at])
			registers[at] = value;
	}
}

/* A merged sketch of each type: its accumulator counts for nothing. */
static void
put_hll(struct buf *out, const uint8_t registers[K], enum hll_type type)
{
	uint32_t exceptions = 0, at_min = 0;

	for (uint32_t i = 0; i < K; i++) {
		exceptions += type == HLL_4 && registers[i] >= 15;
		at_min += registers[i] == 0;
	}
	buf_put(out, "\12\1\7", 3);
	buf_putc(out, LG_K);
	buf_put(out, "\0\30\0", 3);
	buf_putc(out, (char)(2 | (int)type << 2));
	put_double(out, 12345);
	put_double(out, 0);
	put_double(out, 0);
	buf_put_u32le(out, at_min);
	buf_put_u32le(out, exceptions);
	if (type == HLL_8) {
		buf_put(out, registers, K);
	} else if (type == HLL_6) {
		for (uint32_t i = 0; i < K; i += 4) {
			uint32_t four = registers[i] | (uint32_t)registers[i + 1] << 6 |
					(uint32_t)registers[i + 2] << 12 |
					(uint32_t)registers[i + 3] << 18;

			for (int b = 0; b < 3; b++)
				buf_putc(out, (char)(four >> 8 * b & 255));
		}
		buf_putc(out, 0);
	} else {
		for (uint32_t i = 0; i < K; i += 2) {
			uint32_t low = registers[i] >= 15 ? 15 : registers[i];
			uint32_t high = registers[i + 1] >= 15 ? 15 : registers[i + 1];

			buf_putc(out, (char)(low | high << 4));
		}
		for (uint32_t i = 0; i < K; i++)
			if (registers[i] >= 15)
				buf_put_u32le(out, (uint32_t)registers[i] << 26 | i);
	}
}

static void
put_frequent(struct buf *out)
{
	buf_put(out, "\4\1\12\12\3\0\0\0", 8);
	buf_put_u32le(out, 2);
	buf_put_u32le(out, 0);
	buf_put_u64le(out, 12);
	buf_put_u64le(out, 3);
	buf_put_u64le(out, 2);
	buf_put_u64le(out, 7);
	buf_put_u32le(out, 1);
	buf_put(out, "b", 1);
	buf_put_u32le(out, 2);
	buf_put(out, "aa", 2);
}

START_TEST(kll_answers_by_weight)
{
	struct buf bytes = { 0 };
	struct kll kll;

	put_kll(&bytes);
	ck_assert_int_eq(kll_init(&kll, bytes.p, bytes.n), STATS_OK);
	ck_assert_uint_eq(kll.n, 4);
	ck_assert_double_eq(kll_quantile(&kll, 0.5).value, 3);
	ck_assert_double_eq(kll_quantile_inclusive(&kll, 0.5).value, 2);
	ck_assert_double_eq(kll_quantile(&kll, 1).value, 3);
	ck_assert_double_eq(kll_rank(&kll, 2, false).value, 0.25);
	ck_assert_double_eq(kll_rank(&kll, 2, true).value, 0.5);
	ck_assert_double_eq(kll_rank(&kll, (double)INFINITY, true).value, 1);
	ck_assert_int_eq(kll_quantile(&kll, 1.5).status, STATS_INVALID);
	ck_assert_int_eq(kll_rank(&kll, STATS_NAN, true).status, STATS_NOT_FINITE);
	kll_fini(&kll);
	buf_fini(&bytes);
}
END_TEST

START_TEST(kll_equal_sketches_do_not_differ)
{
	struct buf bytes = { 0 };
	struct kll a, b, none;
	struct stats_test test;

	put_kll(&bytes);
	ck_assert_int_eq(kll_init(&a, bytes.p, bytes.n), STATS_OK);
	ck_assert_int_eq(kll_init(&b, bytes.p, bytes.n), STATS_OK);
	ck_assert_int_eq(kll_init(&none, "\2\1\17\1\10\0\10", 8), STATS_OK);
	test = kll_ks(&a, &b);
	ck_assert_double_eq(test.statistic, 0);
	ck_assert_double_eq(test.effect, 0);
	for (size_t i = 0; i < b.count; i++)
		b.v[i] += 10;
	test = kll_ks(&a, &b);
	ck_assert_double_eq(test.statistic, 1);
	ck_assert_double_eq_tol(test.effect, 1 - 2 * kll_error(&a, false), 1e-12);
	ck_assert_int_eq(kll_ks(&a, &none).status, STATS_FEW);
	ck_assert_int_eq(kll_quantile(&none, 0.5).status, STATS_FEW);
	kll_fini(&a);
	kll_fini(&b);
	kll_fini(&none);
	buf_fini(&bytes);
}
END_TEST

static const struct {
	const char *label;
	size_t at;
	char byte;
} mangled_kll[] = {
	{ "another family", 2, 7 }, { "another version", 1, 9 }, { "no levels", 18, 0 },
	{ "more levels than bits", 18, 62 }, { "weights that do not add up", 8, 5 },
	{ "a level that ends before it starts", 24, 4 }, { "a level beyond the items", 24, 9 },
	{ "a minimum above the maximum", 35, 0x47 },
	{ "NaN as an item", 51, 0 }, /* see below */
};

START_TEST(kll_mangled)
{
	struct buf bytes = { 0 };
	struct kll kll;

	put_kll(&bytes);
	bytes.p[mangled_kll[_i].at] = mangled_kll[_i].byte;
	if (mangled_kll[_i].at == 51)
		memset(bytes.p + 44, 0xff, 8);
	ck_assert_msg(kll_init(&kll, bytes.p, bytes.n) == STATS_INVALID, "%s was believed",
	    mangled_kll[_i].label);
	buf_fini(&bytes);
}
END_TEST

static const struct {
	uint32_t n;
	enum hll_type type;
} merged[] = {
	{ 0, HLL_8 },
	{ 30, HLL_4 },
	{ 500, HLL_6 },
	{ 2000, HLL_8 },
	{ 5000, HLL_4 },
	{ 100000, HLL_6 },
	{ 1000000, HLL_4 },
};

START_TEST(merged_hll_is_estimated_from_its_registers)
{
	uint8_t registers[K];
	double sum = 0;
	struct rng rng;
	struct hll hll;

	rng_init(&rng, 7);
	for (int round = 0; round < 12; round++) {
		struct buf bytes = { 0 };

		fill(registers, &rng, merged[_i].n);
		put_hll(&bytes, registers, merged[_i].type);
		ck_assert_int_eq(hll_read(&hll, bytes.p, bytes.n), STATS_OK);
		ck_assert(hll.lower <= hll.estimate && hll.estimate <= hll.upper);
		sum += hll.estimate / 12;
		buf_fini(&bytes);
	}
	/* 1.04 / sqrt(1024 * 12) is 0.94 %; four of them. */
	ck_assert_double_eq_tol(sum, merged[_i].n, 0.0375 * merged[_i].n + 1e-9);
}
END_TEST

static enum stats_status
read_kll(const void *p, size_t n)
{
	struct kll kll;
	enum stats_status status = kll_init(&kll, p, n);

	kll_fini(&kll);
	return status;
}

static enum stats_status
read_hll(const void *p, size_t n)
{
	struct hll hll;

	return hll_read(&hll, p, n);
}

static enum stats_status
read_frequent(const void *p, size_t n)
{
	struct frequent f;
	enum stats_status status = frequent_init(&f, p, n);

	frequent_fini(&f);
	return status;
}

START_TEST(cut_short_is_no_sketch)
{
	enum stats_status (*read)(const void *, size_t) = _i == 0   ? read_kll
							  : _i == 1 ? read_frequent
								    : read_hll;
	struct buf bytes = { 0 };
	uint8_t registers[K];
	struct rng rng;

	rng_init(&rng, 3);
	fill(registers, &rng, 40000);
	registers[5] = 40; /* an exception of HLL_4 */
	if (_i == 0)
		put_kll(&bytes);
	else if (_i == 1)
		put_frequent(&bytes);
	else
		put_hll(&bytes, registers, (enum hll_type)(_i - 2));
	ck_assert_int_eq(read(bytes.p, bytes.n), STATS_OK);
	for (size_t n = 0; n < bytes.n; n++) {
		uint8_t *exact = malloc(n > 0 ? n : 1);

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, bytes.p, n);
		ck_assert_msg(
		    read(exact, n) == STATS_INVALID, "%zu of %zu bytes were believed", n, bytes.n);
		free(exact);
	}
	buf_fini(&bytes);
}
END_TEST

START_TEST(frequent_items_by_weight)
{
	struct buf bytes = { 0 };
	struct frequent f;

	put_frequent(&bytes);
	ck_assert_int_eq(frequent_init(&f, bytes.p, bytes.n), STATS_OK);
	ck_assert_uint_eq(f.n, 2);
	ck_assert_uint_eq(f.total, 12);
	ck_assert_uint_eq(f.error, 3);
	ck_assert(str_is(f.items[0].text, "aa") && f.items[0].weight == 7);
	ck_assert(str_is(f.items[1].text, "b") && f.items[1].weight == 2);
	frequent_fini(&f);
	bytes.p[16] = 8; /* less in all than the items have */
	ck_assert_int_eq(frequent_init(&f, bytes.p, bytes.n), STATS_INVALID);
	buf_fini(&bytes);
}
END_TEST

START_TEST(too_large_is_a_limit)
{
	static uint8_t huge[KLL_BYTES_MAX + 1];
	struct hll hll;

	ck_assert_int_eq(read_kll(huge, sizeof(huge)), STATS_LIMIT);
	ck_assert_int_eq(read_frequent(huge, sizeof(huge)), STATS_LIMIT);
	ck_assert_int_eq(hll_read(&hll, huge, HLL_BYTES_MAX + 1), STATS_LIMIT);
}
END_TEST

TCase *
case_sketches(void)
{
	TCase *tcase = tcase_create("sketches");

	tcase_add_test(tcase, kll_answers_by_weight);
	tcase_add_test(tcase, kll_equal_sketches_do_not_differ);
	tcase_add_loop_test(
	    tcase, kll_mangled, 0, (int)(sizeof(mangled_kll) / sizeof(mangled_kll[0])));
	tcase_add_loop_test(tcase, merged_hll_is_estimated_from_its_registers, 0,
	    (int)(sizeof(merged) / sizeof(merged[0])));
	tcase_add_loop_test(tcase, cut_short_is_no_sketch, 0, 2 + HLL_TYPE_COUNT);
	tcase_add_test(tcase, frequent_items_by_weight);
	tcase_add_test(tcase, too_large_is_a_limit);
	return tcase;
}
