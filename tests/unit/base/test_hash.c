/* SPDX-License-Identifier: Apache-2.0 */
/* Published vectors for what leaves the program; spread for what does not. */
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/hash.h"
#include "base/mac.h"
#include "base/str.h"
#include "suites.h"

/* FIPS 180-4 examples and the NIST byte vectors. */
static const struct {
	const char *text, *want;
} shas[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"
	      "5" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2001"
		 "5ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c"
	    "1" },
	{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
	  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
	    "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d"
	    "1" },
	{ "\xbd", "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe"
		  "732b" },
	{ "\xc9\x8c\x8e\x55", "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65"
			      "bd56c61ccccd9504" },
};

START_TEST(sha256_vectors)
{
	char hex[65];

	sha256_hex(shas[_i].text, strlen(shas[_i].text), hex);
	ck_assert_str_eq(hex, shas[_i].want);
}
END_TEST

/* RFC 4231; the key of 131 bytes is hashed first. */
static const struct {
	char key_byte; /* repeated, or the text */
	size_t key_bytes;
	const char *key, *text, *want;
} macs[] = {
	{ 0x0b, 20, NULL, "Hi There",
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ 0, 4, "Jefe", "what do ya want for nothing?",
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ (char)0xaa, 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	{ 0, 0, "", "",
	    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
};

START_TEST(mac_vectors)
{
	uint8_t got[MAC_BYTES], want[MAC_BYTES];
	char key[200], hex[MAC_HEX_BYTES];
	struct mac mac;

	if (macs[_i].key != NULL)
		memcpy(key, macs[_i].key, macs[_i].key_bytes);
	else
		memset(key, macs[_i].key_byte, macs[_i].key_bytes);
	mac_init(&mac, key, macs[_i].key_bytes);
	for (const char *p = macs[_i].text; *p != '\0'; p++)
		mac_put(&mac, p, 1);
	mac_end(&mac, got);
	mac_to_hex(got, hex);
	ck_assert_str_eq(hex, macs[_i].want);
	ck_assert(mac_from_hex(hex, strlen(hex), want));
	ck_assert(mac_same(got, want, MAC_BYTES));
	for (size_t i = 0; i < MAC_BYTES; i += 31) {
		want[i] ^= 0x80;
		ck_assert(!mac_same(got, want, MAC_BYTES));
		want[i] ^= 0x80;
	}
	ck_assert(mac_same(got, got + 1, 0));
}
END_TEST

START_TEST(a_mac_is_64_hex_digits)
{
	static const char hex[] =
	    "B0344C61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
	uint8_t out[MAC_BYTES];

	ck_assert(mac_from_hex(hex, 64, out));
	ck_assert_uint_eq(out[0], 0xb0);
	ck_assert_uint_eq(out[31], 0xf7);
	ck_assert(!mac_from_hex(hex, 63, out));
	ck_assert(!mac_from_hex(hex, 65, out));
	for (size_t i = 0; i < 64; i += 21) {
		char bad[65];

		memcpy(bad, hex, sizeof(bad));
		bad[i] = i == 0 ? 'g' : i == 21 ? ' ' : '/';
		ck_assert(!mac_from_hex(bad, 64, out));
	}
}
END_TEST

START_TEST(sha256_of_a_million_in_pieces)
{
	static const char want[] =
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
	char piece[130], hex[65] = "";
	struct sha256 s;
	uint8_t digest[32];
	size_t left = 1000000;

	memset(piece, 'a', sizeof(piece));
	sha256_init(&s);
	for (size_t n = 0; left > 0; n = (n + 1) % sizeof(piece)) {
		size_t take = n < left ? n : left;

		sha256_put(&s, piece, take);
		left -= take;
	}
	sha256_end(&s, digest);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	ck_assert_str_eq(hex, want);
}
END_TEST

static const struct {
	const char *text;
	uint64_t want;
} fnvs[] = {
	{ "", UINT64_C(0xcbf29ce484222325) },
	{ "a", UINT64_C(0xaf63dc4c8601ec8c) },
	{ "foobar", UINT64_C(0x85944171f73967e8) },
};

START_TEST(fnv1a_vectors)
{
	const char *text = fnvs[_i].text;
	uint64_t h = fnv1a64(FNV1A64_INIT, text, strlen(text));

	ck_assert(h == fnvs[_i].want);
	/* In pieces, the same. */
	h = FNV1A64_INIT;
	for (; *text != '\0'; text++)
		h = fnv1a64(h, text, 1);
	ck_assert(h == fnvs[_i].want);
}
END_TEST

/* Flipping one bit changes about half of the hash, at every length. */
START_TEST(bucket_hash_avalanches)
{
	unsigned char data[100];
	double total = 0;
	int trials = 0;

	memset(data, 0x5a, sizeof(data));
	for (size_t n = 1; n <= sizeof(data); n++) {
		uint64_t base = hash_bytes(data, n);

		for (size_t bit = 0; bit < n * 8; bit++) {
			uint64_t flipped;
			int changed;

			data[bit / 8] ^= (unsigned char)(1u << bit % 8);
			flipped = hash_bytes(data, n);
			data[bit / 8] ^= (unsigned char)(1u << bit % 8);
			changed = __builtin_popcountll(base ^ flipped);
			REQUIRE(changed > 8);
			total += changed;
			trials++;
		}
		ck_assert(hash_bytes(data, n) != hash_bytes(data, n - 1));
	}
	ck_assert_double_gt(total / trials, 31.5);
	ck_assert_double_lt(total / trials, 32.5);
}
END_TEST

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(bucket_hash_of_counters_does_not_collide)
{
	enum {
		N = 100000
	};
	uint64_t *seen = malloc(N * sizeof(*seen));

	for (size_t i = 0; i < N; i++) {
		char text[32];
		int n = snprintf(text, sizeof(text), "instance-%zu", i);

		seen[i] = _i == 0 ? hash_bytes(text, (size_t)n)
				  : hash_mix(i % 300, i / 300);
	}
	qsort(seen, N, sizeof(*seen), compare_u64);
	for (size_t i = 1; i < N; i++)
		REQUIRE(seen[i] != seen[i - 1]);
	free(seen);
}
END_TEST

START_TEST(bucket_hash_follows_the_seed)
{
	uint64_t before = hash_bytes("x", 1), mixed = hash_mix(1, 2);

	ck_assert(before == hash_bytes("x", 1));
	hash_seed(99);
	ck_assert(before != hash_bytes("x", 1));
	ck_assert(mixed != hash_mix(1, 2));
	hash_seed(0);
	ck_assert(before == hash_bytes("x", 1));
}
END_TEST

TCase *
case_hash(void)
{
	TCase *tcase = tcase_create("hash");

	tcase_add_loop_test(tcase, sha256_vectors, 0, ARRAY_LEN(shas));
	tcase_add_test(tcase, sha256_of_a_million_in_pieces);
	tcase_add_loop_test(tcase, mac_vectors, 0, ARRAY_LEN(macs));
	tcase_add_test(tcase, a_mac_is_64_hex_digits);
	tcase_add_loop_test(tcase, fnv1a_vectors, 0, ARRAY_LEN(fnvs));
	tcase_add_test(tcase, bucket_hash_avalanches);
	tcase_add_loop_test(
	    tcase, bucket_hash_of_counters_does_not_collide, 0, 2);
	tcase_add_test(tcase, bucket_hash_follows_the_seed);
	return tcase;
}
