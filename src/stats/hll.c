/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes HyperLogLog sketches into an estimate and its bounds. */
#include "config.h"

#include "stats/hll.h"

#include <assert.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"

#define FAMILY_HLL     7
#define FORMAT_VERSION 1
#define LG_K_MIN       4
#define LG_K_MAX       21
#define LG_K_TABLED    12
#define FLAG_EMPTY     (1u << 2)
#define FLAG_COMPACT   (1u << 3)
#define FLAG_MERGED    (1u << 4) /* "out of order": the accumulator means nothing */
#define PREAMBLE_LIST  2
#define PREAMBLE_SET   3
#define PREAMBLE_ARRAY 10
#define LIST_START     8
#define SET_START      12
#define ARRAY_START    40
#define ADDRESS_BITS   26
#define REGISTER_MAX   63
#define NIBBLE_ESCAPE  15             /* the register is in the list of exceptions */
#define COUPON_ERROR   (0.409 / 8192) /* of a count of coupons, one standard deviation */

enum mode {
	MODE_LIST,
	MODE_SET,
	MODE_ARRAY
};

/* Relative errors at +1 and -1 standard deviation, lg_k 4 to 12. */
static const struct {
	double lower, upper;
} errors_own[] = {
	{ 0.207316195, -0.207805347 },
	{ 0.146981579, -0.146988328 },
	{ 0.104026721, -0.103877775 },
	{ 0.073614601, -0.073452978 },
	{ 0.05205248, -0.051982806 },
	{ 0.036770852, -0.036768609 },
	{ 0.025990219, -0.025991325 },
	{ 0.018373987, -0.01834533 },
	{ 0.012936253, -0.012920332 },
}, errors_merged[] = {
	{ 0.254409839, -0.256980172 },
	{ 0.181817353, -0.182332109 },
	{ 0.129432281, -0.129314228 },
	{ 0.091640655, -0.091584836 },
	{ 0.064858051, -0.06487411 },
	{ 0.045851855, -0.04591465 },
	{ 0.032454144, -0.032433119 },
	{ 0.022921382, -0.022960633 },
	{ 0.016155679, -0.016186662 },
};
static_assert(ARRAY_LEN(errors_own) == LG_K_TABLED - LG_K_MIN + 1 &&
		  ARRAY_LEN(errors_merged) == ARRAY_LEN(errors_own),
    "one row per lg_k");

const char *
hll_type_name(enum hll_type type)
{
	static const char *const names[] = { "HLL_4", "HLL_6", "HLL_8" };

	static_assert(ARRAY_LEN(names) == HLL_TYPE_COUNT, "one name per type");
	return names[type];
}

static double
get_double(const uint8_t *p)
{
	uint64_t bits = get_u64le(p);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

/* --- coupons ------------------------------------------------------------------ */

/* Distinct coupons to expect of n values. */
static double
expected_coupons(double n)
{
	const double addresses = ldexp(1, ADDRESS_BITS);
	double sum = 0;

	for (int v = 1; v <= REGISTER_MAX - 1; v++)
		sum += addresses * -expm1(n * log1p(-ldexp(1, -ADDRESS_BITS - v)));
	return sum;
}

static double
estimate_of_coupons(uint32_t count)
{
	double n = count;

	/* The curve is all but straight there: each step gains many digits. */
	for (int i = 0; i < 20; i++)
		n += count - expected_coupons(n);
	return n > count ? n : count;
}

static enum stats_status
read_coupons(struct hll *hll, const uint8_t *p, size_t n, enum mode mode)
{
	size_t start = mode == MODE_LIST ? LIST_START : SET_START;
	bool compact = (p[5] & FLAG_COMPACT) != 0;
	uint32_t count;
	size_t slots;

	if (n < start || p[0] != (mode == MODE_LIST ? PREAMBLE_LIST : PREAMBLE_SET) || p[4] > 26)
		return STATS_INVALID;
	count = mode == MODE_LIST ? p[6] : get_u32le(p + LIST_START);
	slots = compact ? count : (size_t)1 << p[4];
	if ((p[5] & FLAG_EMPTY) != 0 && count != 0)
		return STATS_INVALID;
	if (slots > n / 4 || (n != start + 4 * slots && !(count == 0 && n >= start)))
		return STATS_INVALID;
	if (!compact) {
		uint32_t taken = 0;

		for (size_t i = 0; i < slots && start + 4 * i + 4 <= n; i++)
			taken += get_u32le(p + start + 4 * i) != 0;
		if (taken != count)
			return STATS_INVALID;
	}
	hll->estimate = estimate_of_coupons(count);
	hll->lower = fmax(hll->estimate / (1 + COUPON_ERROR), count);
	hll->upper = hll->estimate / (1 - COUPON_ERROR);
	return STATS_OK;
}

/* --- registers ----------------------------------------------------------------- */

/* How many registers have each value. */
struct registers {
	uint32_t of[REGISTER_MAX + 1];
};

static enum stats_status
count_nibbles(struct registers *r, const uint8_t *p, size_t n, uint32_t k, uint32_t lg_k)
{
	uint32_t base = p[6], exceptions = get_u32le(p + 36), escaped = 0, found = 0;
	size_t start = ARRAY_START + k / 2;
	size_t slots = exceptions == 0              ? 0
		       : (p[5] & FLAG_COMPACT) != 0 ? exceptions
						    : (size_t)1 << (p[4] & 31);

	for (uint32_t i = 0; i < k; i++) {
		uint32_t nibble = p[ARRAY_START + i / 2] >> (i % 2 != 0 ? 4 : 0) & 15;

		if (nibble == NIBBLE_ESCAPE)
			escaped++;
		else if (base + nibble > REGISTER_MAX)
			return STATS_INVALID;
		else
			r->of[base + nibble]++;
	}
	if (escaped != exceptions || slots > (n - start) / 4)
		return STATS_INVALID;
	for (size_t i = 0; i < slots; i++) {
		uint32_t pair = get_u32le(p + start + 4 * i), value = pair >> ADDRESS_BITS;

		if (pair == 0)
			continue;
		if ((pair & ((1u << ADDRESS_BITS) - 1)) >> lg_k != 0 || value > REGISTER_MAX)
			return STATS_INVALID;
		r->of[value]++;
		found++;
	}
	return found == exceptions ? STATS_OK : STATS_INVALID;
}

static enum stats_status
count_registers(struct registers *r, const struct hll *hll, const uint8_t *p, size_t n)
{
	uint32_t k = 1u << hll->lg_k;

	switch (hll->type) {
	case HLL_4:
		return count_nibbles(r, p, n, k, hll->lg_k);
	case HLL_6:
		for (uint32_t i = 0; i < k; i++) {
			size_t bit = (size_t)i * 6;
			const uint8_t *at = p + ARRAY_START + bit / 8;

			r->of[((uint32_t)at[0] | (uint32_t)at[1] << 8) >> bit % 8 & 63]++;
		}
		return STATS_OK;
	case HLL_8:
		for (uint32_t i = 0; i < k; i++) {
			if (p[ARRAY_START + i] > REGISTER_MAX)
				return STATS_INVALID;
			r->of[p[ARRAY_START + i]]++;
		}
		return STATS_OK;
	case HLL_TYPE_COUNT:
		break;
	}
	return STATS_INVALID;
}

/* sigma(x) = x + sum of x^(2^i) 2^(i-1) */
static double
ertl_sigma(double x)
{
	double y = 1, z = x, before;

	if (x == 1.0)
		return STATS_INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

/* tau(x) = (1 - x - sum of (1 - x^(2^-i))^2 2^-i) / 3 */
static double
ertl_tau(double x)
{
	double y = 1, z = 1 - x, before;

	if (x == 0.0 || x == 1.0)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

static double
ertl_estimate(const struct registers *r, double k)
{
	double z = k * ertl_tau(1 - r->of[REGISTER_MAX] / k);

	for (int v = REGISTER_MAX - 1; v >= 1; v--)
		z = 0.5 * (z + r->of[v]);
	z += k * ertl_sigma(r->of[0] / k);
	return k * k / (2 * log(2) * z);
}

static void
set_bounds(struct hll *hll, bool merged, double occupied)
{
	double k = ldexp(1, (int)hll->lg_k), lower, upper;

	if (hll->lg_k <= LG_K_TABLED) {
		lower = merged ? errors_merged[hll->lg_k - LG_K_MIN].lower
			       : errors_own[hll->lg_k - LG_K_MIN].lower;
		upper = merged ? errors_merged[hll->lg_k - LG_K_MIN].upper
			       : errors_own[hll->lg_k - LG_K_MIN].upper;
	} else {
		lower = sqrt((merged ? 3 * log(2) - 1 : log(2)) / k);
		upper = -lower;
	}
	hll->lower = fmax(hll->estimate / (1 + lower), occupied);
	hll->upper = hll->estimate / (1 + upper);
}

static enum stats_status
read_array(struct hll *hll, const uint8_t *p, size_t n)
{
	static const uint32_t bits[] = { 4, 6, 8 };
	struct registers registers = { 0 };
	uint32_t k = 1u << hll->lg_k;
	size_t array = (size_t)k * bits[hll->type] / 8 + (hll->type == HLL_6);
	bool merged = (p[5] & FLAG_MERGED) != 0;
	enum stats_status status;

	if (n < ARRAY_START + array || p[0] != PREAMBLE_ARRAY)
		return STATS_INVALID;
	status = count_registers(&registers, hll, p, n);
	if (status != STATS_OK)
		return status;
	hll->estimate = merged ? ertl_estimate(&registers, k) : get_double(p + 8);
	if (!(hll->estimate >= 0) || isinf(hll->estimate))
		return STATS_INVALID;
	set_bounds(hll, merged, k - registers.of[0]);
	return STATS_OK;
}

enum stats_status
hll_read(struct hll *hll, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	struct hll got = { 0 };
	enum stats_status status;
	uint32_t mode;

	if (n > HLL_BYTES_MAX)
		return STATS_LIMIT;
	if (n < LIST_START || p[1] != FORMAT_VERSION || p[2] != FAMILY_HLL || p[3] < LG_K_MIN ||
	    p[3] > LG_K_MAX || p[7] >> 2 >= HLL_TYPE_COUNT)
		return STATS_INVALID;
	mode = p[7] & 3;
	got.lg_k = p[3];
	got.type = (enum hll_type)(p[7] >> 2);
	status = mode == MODE_ARRAY                      ? read_array(&got, p, n)
		 : mode == MODE_LIST || mode == MODE_SET ? read_coupons(&got, p, n, (enum mode)mode)
							 : STATS_INVALID;
	if (status == STATS_OK)
		*hll = got;
	return status;
}
