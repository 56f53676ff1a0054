/* SPDX-License-Identifier: Apache-2.0 */
/* Links in mails: what was made is read back, and nothing else. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "receiver/ack_link.h"
#include "world.h"

/* Made elsewhere: HMAC-SHA-256 over "tocsin link " and what stands before the last dot. */
#define KNOWN                                                        \
	"a.42.7.1795432765.6361726f6c406578616d706c652e6f7267."      \
	"49e6c20a539e2719fca02a36203f5ac75c211c699951ebe47514ede05f6abe1a"

static const char key_bytes[ACK_LINK_KEY_BYTES] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
	14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

static const struct ack_link known = {
	.action = ACK_LINK_ACK,
	.incident = 42,
	.delivery = 7,
	.expires_at = { INT64_C(1795432765000000000) },
	.to = "carol@example.org",
};

static struct str
key(void)
{
	return str_make(key_bytes, sizeof(key_bytes));
}

static bool
reads(struct str text)
{
	struct ack_link link;

	return ack_link_read(key(), text, &link);
}

START_TEST(a_link_is_as_agreed)
{
	struct buf text = { 0 };

	ack_link_put(key(), &known, &text);
	ck_assert_str_eq(text.p, KNOWN);
	buf_fini(&text);
}
END_TEST

START_TEST(what_was_put_is_read_back)
{
	static const int64_t numbers[] = { 0, 1, 1000000, INT64_MAX };
	struct ack_link link = known, got;
	struct buf text = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(numbers) * ACK_LINK_ACTION_COUNT; i++) {
		link.action = (enum ack_link_action)(i % ACK_LINK_ACTION_COUNT);
		link.incident = numbers[i / ACK_LINK_ACTION_COUNT];
		link.delivery = INT64_MAX - link.incident;
		snprintf(link.to, sizeof(link.to), "%.*s", (int)(i * 8), "\xc3\xbc\"<>&'%./@ \t"
			"0123456789012345678901234567890123456789012345678901234567890123456789");
		buf_clear(&text);
		buf_puts(&text, "https://t/");
		ack_link_put(key(), &link, &text);
		ck_assert_uint_le(text.n - 10, ACK_LINK_TEXT_MAX);
		ck_assert(ack_link_read(key(), str_make(text.p + 10, text.n - 10), &got));
		ck_assert_int_eq(got.action, link.action);
		ck_assert_int_eq(got.incident, link.incident);
		ck_assert_int_eq(got.delivery, link.delivery);
		ck_assert_int_eq(got.expires_at.ns, link.expires_at.ns);
		ck_assert_str_eq(got.to, link.to);
	}
	buf_fini(&text);
}
END_TEST

START_TEST(no_bit_of_it_can_be_changed)
{
	char text[] = KNOWN;

	ck_assert(reads(str_from(text)));
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (int bit = 0; bit < 8; bit++) {
			bool same_digit;

			text[i] = (char)(text[i] ^ 1 << bit);
			/* The MAC's hex digits may be capitals. */
			same_digit = bit == 5 && i > sizeof(text) - 1 - 64 &&
				     text[i] >= 'A' && text[i] <= 'F';
			if (reads(str_make(text, sizeof(text) - 1)) != same_digit)
				ck_abort_msg("byte %zu, bit %d", i, bit);
			text[i] = (char)(text[i] ^ 1 << bit);
		}
	}
}
END_TEST

START_TEST(no_part_of_it_can_be_left_out_or_added)
{
	static const char *const others[] = { "", ".", ".....", "a.42.7.1795432765.61.",
		KNOWN ".", "." KNOWN, KNOWN "00", " " KNOWN, KNOWN "\n" };

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		ck_assert_msg(!reads(str_from(others[i])), "'%s'", others[i]);
	for (uint32_t n = 0; n < sizeof(KNOWN) - 1; n++) {
		REQUIRE(!reads(str_make(KNOWN, n)));
		REQUIRE(!reads(str_make(KNOWN + n + 1, sizeof(KNOWN) - 2 - n)));
	}
}
END_TEST

START_TEST(another_servers_key_does_not_fit)
{
	char other[ACK_LINK_KEY_BYTES];
	struct ack_link link;

	for (size_t i = 0; i < sizeof(other); i++) {
		memcpy(other, key_bytes, sizeof(other));
		other[i] ^= 1;
		ck_assert(!ack_link_read(str_make(other, sizeof(other)), str_from(KNOWN), &link));
	}
	ck_assert(!ack_link_read(STR(""), str_from(KNOWN), &link));
}
END_TEST

TCase *
case_ack_link(void)
{
	TCase *c = tcase_create("links in mails");

	tcase_add_test(c, a_link_is_as_agreed);
	tcase_add_test(c, what_was_put_is_read_back);
	tcase_add_test(c, no_bit_of_it_can_be_changed);
	tcase_add_test(c, no_part_of_it_can_be_left_out_or_added);
	tcase_add_test(c, another_servers_key_does_not_fit);
	return c;
}
