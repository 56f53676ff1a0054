/* SPDX-License-Identifier: Apache-2.0 */
/* Findings: golden text. */
#include "base/attr.h"
#include "base/diag.h"
#include "suites.h"

static const struct {
	const char *label, *text;
	struct pos pos; /* file is filled in */
	const char *want;
} excerpts[] = {
	{ "the header's example",
	    "\n\n\n\n\n\n\n\n\n\n\n\n\n"
	    "          exprr: up == 0\n",
	    { .line = 14, .col = 11, .width = 5 },
	    "f.yml:14:11: error: text\n"
	    "   14 |           exprr: up == 0\n"
	    "      |           ^~~~~\n" },
	{ "a caret alone", "ab: c", { .line = 1, .col = 3 },
	    "f.yml:1:3: error: text\n"
	    "    1 | ab: c\n"
	    "      |   ^\n" },
	{ "tabs become single spaces", "\ta:\tb\r\n",
	    { .line = 1, .col = 5, .width = 1 },
	    "f.yml:1:5: error: text\n"
	    "    1 |  a: b\n"
	    "      |     ^\n" },
	{ "columns count characters, not bytes", "\xc3\xa9\xc3\xa9: x",
	    { .line = 1, .col = 5, .width = 1 },
	    "f.yml:1:5: error: text\n"
	    "    1 | \xc3\xa9\xc3\xa9: x\n"
	    "      |     ^\n" },
	{ "wide characters take two cells", "\xe6\x97\xa5\xe6\x9c\xac: x",
	    { .line = 1, .col = 1, .width = 2 },
	    "f.yml:1:1: error: text\n"
	    "    1 | \xe6\x97\xa5\xe6\x9c\xac: x\n"
	    "      | ^~~~\n" },
	{ "combining characters take none", "e\xcc\x81: x",
	    { .line = 1, .col = 5 },
	    "f.yml:1:5: error: text\n"
	    "    1 | e\xcc\x81: x\n"
	    "      |    ^\n" },
	{ "escape sequences do not reach the terminal", "a\x1b[31m\xff: x",
	    { .line = 1, .col = 7 },
	    "f.yml:1:7: error: text\n"
	    "    1 | a?[31m?: x\n"
	    "      |       ^\n" },
	{ "past the end of the line", "ab", { .line = 1, .col = 3, .width = 9 },
	    "f.yml:1:3: error: text\n"
	    "    1 | ab\n"
	    "      |   ^\n" },
	{ "underline ends with the line", "abc",
	    { .line = 1, .col = 2, .width = 9 },
	    "f.yml:1:2: error: text\n"
	    "    1 | abc\n"
	    "      |  ^~\n" },
	{ "no such line", "ab\n", { .line = 9, .col = 3 },
	    "f.yml:9:3: error: text\n" },
	{ "the whole file", "ab\n", { .line = 0 }, "f.yml: error: text\n" },
	{ "a line without a column", "ab\n", { .line = 1 },
	    "f.yml:1: error: text\n" },
};

START_TEST(excerpt_points_at_the_place)
{
	struct diag *diag = diag_new();
	struct pos pos = excerpts[_i].pos;
	struct buf out = { 0 };

	pos.file = diag_add_file(diag, "f.yml", str_from(excerpts[_i].text));
	diag_error(diag, pos, "%s", "text");
	diag_print(diag, &out);
	ck_assert_msg(strcmp(out.p, excerpts[_i].want) == 0, "%s:\n%s",
	    excerpts[_i].label, out.p);
	buf_fini(&out);
	diag_free(diag);
}
END_TEST

/* 400 characters; the caret's character is the only X. */
START_TEST(long_lines_are_cut_around_the_caret)
{
	static const uint32_t cols[] = { 1, 50, 81, 200, 330, 399, 400 };
	uint32_t col = cols[_i];
	struct diag *diag = diag_new();
	struct buf out = { 0 };
	char text[401];
	struct pos pos = { .line = 1, .col = col };
	const char *line, *caret;

	memset(text, '.', 400);
	text[col - 1] = 'X';
	text[400] = '\0';
	pos.file = diag_add_file(diag, "f", str_from(text));
	diag_error(diag, pos, "t");
	diag_print(diag, &out);
	line = strchr(out.p, '\n') + 1;
	caret = strchr(line, '\n') + 1;
	ck_assert_int_le(caret - line, 8 + 160 + 6 + 1);
	ck_assert_int_eq(strchr(line, 'X') - line, strchr(caret, '^') - caret);
	buf_fini(&out);
	diag_free(diag);
}
END_TEST

static struct pos
at(const char *file, uint32_t line, uint32_t col)
{
	return (struct pos){ .file = file, .line = line, .col = col };
}

START_TEST(sorted_by_place_with_notes_staying)
{
	struct diag *diag = diag_new();
	const char *a = diag_add_file(diag, "z.yml", STR("one\ntwo\n"));
	const char *b = diag_add_file(diag, "a.yml", STR("one\n"));
	struct buf out = { 0 };

	diag_error(diag, at(b, 1, 1), "third");
	diag_note(diag, at(a, 2, 1), "about third");
	diag_warning(diag, at(a, 2, 2), "second");
	diag_error(diag, at("other", 1, 1), "last");
	diag_error(diag, at(a, 1, 3), "first");
	diag_note(diag, at(NULL, 0, 0), "about first");
	diag_sort(diag);
	diag_print(diag, &out);
	ck_assert_str_eq(out.p,
	    "z.yml:1:3: error: first\n    1 | one\n      |   ^\n"
	    "note: about first\n"
	    "z.yml:2:2: warning: second\n    2 | two\n      |  ^\n"
	    "a.yml:1:1: error: third\n    1 | one\n      | ^\n"
	    "z.yml:2:1: note: about third\n"
	    "other:1:1: error: last\n");
	ck_assert_uint_eq(diag_errors(diag), 3);
	ck_assert_uint_eq(diag_warnings(diag), 1);
	ck_assert_uint_eq(diag_count(diag), 6);
	ck_assert_ptr_null(diag_at(diag, 6));
	buf_fini(&out);
	diag_free(diag);
	diag_free(NULL);
}
END_TEST

START_TEST(the_same_at_the_same_place_is_said_once)
{
	struct diag *d = diag_new();
	struct buf out = { 0 };

	for (int i = 0; i < 2; i++) {
		const char *file = diag_add_file(d, "a.yml", STR("x: 1\n"));

		diag_error(d, (struct pos){ .file = file, .line = 1, .col = 1 }, "wrong");
		diag_note(d, (struct pos){ .file = file, .line = 1, .col = 4 }, "because");
		diag_error(d, (struct pos){ .file = file, .line = 1, .col = 1 }, "odd");
		diag_warning(d, (struct pos){ .file = file, .line = 1, .col = 1 }, "wrong");
	}
	diag_sort(d);
	ck_assert_uint_eq(diag_count(d), 4);
	diag_print_brief(d, &out);
	ck_assert_str_eq(out.p, "a.yml:1:1: error: wrong\na.yml:1:4: note: because\n"
				"a.yml:1:1: error: odd\na.yml:1:1: warning: wrong\n");
	buf_fini(&out);
	diag_free(d);
}
END_TEST

START_TEST(past_the_maximum_only_counted)
{
	struct diag *diag = diag_new();
	struct buf out = { 0 };

	for (int i = 0; i < DIAG_MAX + 5; i++) {
		diag_error(diag, at("f", 1, 1), "e%d", i);
		diag_note(diag, at("f", 1, 1), "n%d", i);
	}
	ck_assert_uint_eq(diag_errors(diag), DIAG_MAX + 5);
	ck_assert_uint_eq(diag_count(diag), 2 * DIAG_MAX);
	ck_assert_uint_eq(diag_dropped(diag), 5);
	diag_print(diag, &out);
	ck_assert(str_ends(
	    buf_str(&out), STR("note: n99\n5 more findings not shown\n")));
	buf_fini(&out);
	diag_free(diag);
}
END_TEST

START_TEST(json_has_the_same_list)
{
	struct diag *diag = diag_new();
	struct buf out = { 0 };

	diag_print_json(diag, &out);
	ck_assert_str_eq(out.p, "[]");
	buf_clear(&out);
	diag_error(diag, at("a\"b", 3, 4), "say \"x\"");
	diag_note(diag, at("c", 5, 0), "n");
	diag_print_json(diag, &out);
	ck_assert_str_eq(out.p,
	    "[{\"level\":\"error\",\"file\":\"a\\\"b\",\"line\":3,"
	    "\"column\":4,\"text\":\"say \\\"x\\\"\"},"
	    "{\"level\":\"note\",\"file\":\"c\",\"line\":5,\"column\":0,"
	    "\"text\":\"n\"}]");
	buf_fini(&out);
	diag_free(diag);
}
END_TEST

TCase *
case_diag(void)
{
	TCase *tcase = tcase_create("diag");

	tcase_add_loop_test(
	    tcase, excerpt_points_at_the_place, 0, ARRAY_LEN(excerpts));
	tcase_add_loop_test(tcase, long_lines_are_cut_around_the_caret, 0, 7);
	tcase_add_test(tcase, sorted_by_place_with_notes_staying);
	tcase_add_test(tcase, the_same_at_the_same_place_is_said_once);
	tcase_add_test(tcase, past_the_maximum_only_counted);
	tcase_add_test(tcase, json_has_the_same_list);
	return tcase;
}
