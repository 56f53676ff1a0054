/* SPDX-License-Identifier: Apache-2.0 */
/* buf, arena, xalloc, err. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "suites.h"

START_TEST(buf_grows_and_stays_terminated)
{
	struct buf buf = { 0 };

	for (int i = 0; i < 1000; i++) {
		buf_putc(&buf, (char)('a' + i % 26));
		ck_assert_uint_eq(buf.n, (size_t)i + 1);
		ck_assert_int_eq(buf.p[buf.n], '\0');
	}
	buf_clear(&buf);
	buf_printf(&buf, "%s-%d", "x", 42);
	buf_puts(&buf, "");
	buf_put_i64(&buf, INT64_MIN);
	buf_put_i64(&buf, 0);
	ck_assert_str_eq(buf.p, "x-42-92233720368547758080");
	buf_fini(&buf);
	ck_assert_str_eq(buf_str(&buf).p, "");
}
END_TEST

/* Each append of `piece` bytes into a maximum of 100. */
START_TEST(buf_overflow_drops_whole_pieces_and_sticks)
{
	static const size_t pieces[] = { 1, 3, 64, 99, 100, 101 };
	size_t piece = pieces[_i], fits = 100 / piece * piece;
	char text[128] = { 0 };
	struct buf buf;

	buf_init(&buf, 100);
	for (size_t n = 0; n < fits; n += piece)
		buf_put(&buf, text, piece);
	ck_assert(!buf.overflow);
	ck_assert_uint_eq(buf.n, fits);
	buf_printf(&buf, "%0*d", (int)(101 - fits), 0);
	ck_assert(buf.overflow);
	buf_putc(&buf, 'x');
	buf_put(&buf, text, 0);
	ck_assert_uint_eq(buf.n, fits);
	buf_clear(&buf);
	ck_assert(!buf.overflow);
	buf_fini(&buf);
}
END_TEST

START_TEST(buf_take_gives_the_content_away)
{
	struct buf buf = { 0 };
	char *text = buf_take(&buf);

	ck_assert_str_eq(text, "");
	free(text);
	buf_puts(&buf, "mine");
	text = buf_take(&buf);
	ck_assert_uint_eq(buf.n, 0);
	ck_assert_ptr_null(buf.p);
	ck_assert_str_eq(text, "mine");
	free(text);
}
END_TEST

START_TEST(buf_binary_reads_back)
{
	struct buf buf = { 0 };

	buf_put_u32le(&buf, 0x01020304);
	buf_put_u64le(&buf, UINT64_C(0x1122334455667788));
	ck_assert_mem_eq(buf.p, "\4\3\2\1\x88\x77", 6);
	ck_assert_uint_eq(get_u32le(buf.p), 0x01020304);
	ck_assert(get_u64le(buf.p + 4) == UINT64_C(0x1122334455667788));
	buf_fini(&buf);
}
END_TEST

START_TEST(arena_gives_zeroed_aligned_memory_again_and_again)
{
	struct arena *arena = arena_new(256);

	for (int round = 0; round < 3; round++) {
		for (size_t n = 0; n < 700; n += 7) {
			unsigned char *p = arena_alloc(arena, n);

			ck_assert_uint_eq((uintptr_t)p % 16, 0);
			for (size_t i = 0; i < n; i++) {
				REQUIRE(p[i] == 0);
				p[i] = 0xff;
			}
		}
		arena_reset(arena);
	}
	ck_assert_str_eq(arena_printf(arena, "%d:%s", 7, "x"), "7:x");
	ck_assert_str_eq(arena_strdup(arena, "dup"), "dup");
	ck_assert_str_eq(arena_str(arena, str_make("abcdef", 3)).p, "abc");
	ck_assert_uint_eq(arena_str(arena, str_make(NULL, 0)).n, 0);
	arena_free(arena);
	arena_free(NULL);
}
END_TEST

START_TEST(arena_reset_keeps_only_the_first_chunk)
{
	struct arena *arena = arena_new(0);
	size_t before;

	arena_alloc(arena, 1);
	before = arena_bytes(arena);
	arena_alloc(arena, 100000);
	ck_assert_uint_gt(arena_bytes(arena), before + 100000 - 1);
	arena_reset(arena);
	ck_assert_uint_le(arena_bytes(arena), before);
	arena_free(arena);
}
END_TEST

START_TEST(absurd_sizes_abort)
{
	struct arena *arena = arena_new(0);
	size_t cap = 0;

	switch (_i) {
	case 0:
		arena_array(arena, SIZE_MAX / 2, 3);
		break;
	case 1:
		arena_alloc(arena, SIZE_MAX - 3);
		break;
	case 2:
		free(xrealloc(NULL, SIZE_MAX / 2, 4));
		break;
	default:
		free(xgrow(NULL, &cap, SIZE_MAX / 2 + 2, 1));
		break;
	}
}
END_TEST

START_TEST(err_keeps_code_place_and_prefixes)
{
	struct err err = { 0 };
	char longer[400];

	ck_assert_int_eq(err_set(NULL, ERR_IO, "x"), -ERR_IO);
	ck_assert_int_eq(
	    err_set_at(&err, ERR_LIMIT, 7, "%d is too big", 12), -ERR_LIMIT);
	ck_assert_uint_eq(err.at, 7);
	ck_assert_int_eq(err_wrap(&err, "loading '%s'", "r"), -ERR_LIMIT);
	ck_assert_str_eq(err.text, "loading 'r': 12 is too big");
	ck_assert_str_eq(err_code_name(err.code), "limit");
	err_set(&err, ERR_IO, "again %s", err.text);
	ck_assert_str_eq(err.text, "again loading 'r': 12 is too big");
	ck_assert_uint_eq(err.at, ERR_NOWHERE);
	/* "é" is cut whole, not through its middle, at every alignment. */
	for (size_t skip = 0; skip < 2; skip++) {
		memset(longer, 'x', sizeof(longer));
		for (size_t i = skip; i + 2 < sizeof(longer); i += 2)
			memcpy(longer + i, "\xc3\xa9", 2);
		longer[sizeof(longer) - 1] = '\0';
		err_set(&err, ERR_IO, "%s", longer);
		ck_assert(str_is_utf8(str_from(err.text)));
		ck_assert_uint_gt(strlen(err.text), 250);
		err_wrap(&err, "p");
		ck_assert(str_is_utf8(str_from(err.text)));
	}
}
END_TEST

TCase *
case_memory(void)
{
	TCase *tcase = tcase_create("memory");

	tcase_add_test(tcase, buf_grows_and_stays_terminated);
	tcase_add_loop_test(
	    tcase, buf_overflow_drops_whole_pieces_and_sticks, 0, 6);
	tcase_add_test(tcase, buf_take_gives_the_content_away);
	tcase_add_test(tcase, buf_binary_reads_back);
	tcase_add_test(
	    tcase, arena_gives_zeroed_aligned_memory_again_and_again);
	tcase_add_test(tcase, arena_reset_keeps_only_the_first_chunk);
	tcase_add_loop_test_raise_signal(tcase, absurd_sizes_abort, 6, 0, 4);
	tcase_add_test(tcase, err_keeps_code_place_and_prefixes);
	return tcase;
}
