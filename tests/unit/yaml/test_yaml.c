/* SPDX-License-Identifier: Apache-2.0 */
/* YAML: trees, strictness, limits, positions, and writing it back. */
#include "config.h"

#include "yaml/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/buf.h"

/* The tree as one line: {key: value, ...}, [a, b], 'text', ~ for nothing. */
static void
show(const struct yaml_node *node, struct buf *out)
{
	if (node->kind == YAML_NULL) {
		buf_putc(out, '~');
	} else if (node->kind == YAML_SCALAR) {
		buf_printf(out, "'%.*s'", STR_ARG(node->text));
	}
	if (node->kind == YAML_SEQUENCE) {
		buf_putc(out, '[');
		for (uint32_t i = 0; i < node->n; i++) {
			buf_puts(out, i > 0 ? ", " : "");
			show(node->items[i], out);
		}
		buf_putc(out, ']');
	}
	if (node->kind == YAML_MAPPING) {
		buf_putc(out, '{');
		for (uint32_t i = 0; i < node->n; i++) {
			buf_printf(out, "%s%.*s: ", i > 0 ? ", " : "",
			    STR_ARG(node->pairs[i].key->text));
			show(node->pairs[i].value, out);
		}
		buf_putc(out, '}');
	}
}

static const struct {
	const char *label, *text, *want;
} good[] = {
	{ "an empty file is nothing", "", "~" },
	{ "a comment alone is nothing", "# hello\n", "~" },
	{ "values stay text", "a: 1\nb: yes\nc: 0x10\n",
	    "{a: '1', b: 'yes', c: '0x10'}" },
	{ "nothing, ~ and null are null",
	    "a:\nb: ~\nc: null\nd: ''\ne: 'null'\n",
	    "{a: ~, b: ~, c: ~, d: '', e: 'null'}" },
	{ "flow style", "{a: [1, 2], b: {c: d}}",
	    "{a: ['1', '2'], b: {c: 'd'}}" },
	{ "an alias stands for its anchor", "a: &x {k: v}\nb: *x\n",
	    "{a: {k: 'v'}, b: {k: 'v'}}" },
	{ "a later anchor of the same name wins",
	    "a: &x 1\nb: &x 2\nc: *x\n", "{a: '1', b: '2', c: '2'}" },
	{ "own keys win over merged ones",
	    "a: &x {k: v, l: w}\nb:\n  <<: *x\n  k: own\n",
	    "{a: {k: 'v', l: 'w'}, b: {k: 'own', l: 'w'}}" },
	{ "the earlier of merged mappings wins",
	    "a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y]}\n",
	    "{a: {k: '1'}, b: {k: '2', m: '3'}, c: {k: '1', m: '3'}}" },
	{ "a quoted << is an ordinary key", "a: {'<<': b}\n",
	    "{a: {<<: 'b'}}" },
	{ "core tags are accepted", "a: !!str null\nb: !!int 5\nc: !!map {}\n",
	    "{a: 'null', b: '5', c: {}}" },
	{ "a byte order mark is skipped", "\xEF\xBB\xBF" "a: 1\nb: 2\n",
	    "{a: '1', b: '2'}" },
	{ "lines may end as on Windows", "a: 1\r\nb: 2\r\n",
	    "{a: '1', b: '2'}" },
	{ "literal blocks keep lines", "a: |\n  x\n   y\nb: 1\n",
	    "{a: 'x\n y\n', b: '1'}" },
	{ "more keys than a linear search is good for",
	    "{a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1, "
	    "k: 1, l: 1, m: 1, n: 1, o: 1, p: 1, q: 1, r: 2}",
	    "{a: '1', b: '1', c: '1', d: '1', e: '1', f: '1', g: '1', h: '1', "
	    "i: '1', j: '1', k: '1', l: '1', m: '1', n: '1', o: '1', p: '1', "
	    "q: '1', r: '2'}" },
};

START_TEST(text_becomes_a_tree)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	const struct yaml_node *root = yaml_parse(arena, diag, "t.yml",
	    str_from(good[_i].text));
	struct buf out = { 0 };

	ck_assert_msg(root != NULL, "%s", good[_i].label);
	show(root, &out);
	ck_assert_msg(strcmp(out.p, good[_i].want) == 0, "%s: %s",
	    good[_i].label, out.p);
	ck_assert_uint_eq(diag_errors(diag), 0);
	buf_fini(&out);
	diag_free(diag);
	arena_free(arena);
}
END_TEST

/* What yaml_emit() writes is read back as the same tree. */
START_TEST(tree_survives_writing)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	const struct yaml_node *root = yaml_parse(arena, diag, "t.yml",
	    str_from(good[_i].text));
	struct buf text = { 0 }, out = { 0 };

	ck_assert_ptr_nonnull(root);
	yaml_emit(root, &text);
	root = yaml_parse(arena, diag, "again.yml", buf_str(&text));
	ck_assert_msg(root != NULL, "%s: %s", good[_i].label, text.p);
	show(root, &out);
	ck_assert_msg(strcmp(out.p, good[_i].want) == 0, "%s: %s",
	    good[_i].label, text.p);
	buf_fini(&text);
	buf_fini(&out);
	diag_free(diag);
	arena_free(arena);
}
END_TEST

static const struct {
	const char *text, *want;
} bad[] = {
	{ "a: 1\nb: 2\na: 3\n", "3:1: duplicate key 'a'" },
	{ "{a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1, k: 1, "
	  "l: 1, m: 1, n: 1, o: 1, p: 1, q: 1, r: 1,\n c: 2}",
	    "2:2: duplicate key 'c'" },
	{ "a:\n\tb: 1\n",
	    "2:1: a tab is used as indentation; YAML wants spaces" },
	{ "a: 1\n  \tb: 1\n",
	    "2:3: a tab is used as indentation; YAML wants spaces" },
	{ "a: b: c\n",
	    "1:5: a ':' is not allowed here; quote a text that holds ': ', or "
	    "check the indentation" },
	{ "a: 'x\n", "2:1: a closing quote is missing" },
	{ "a: @x\n", "1:4: a value cannot begin with '@'; put it in quotes" },
	{ "a: {{ $labels.x }}\n",
	    "1:5: a key cannot be a mapping; put a text that begins with '{{' "
	    "in quotes" },
	{ "? [a]\n: b\n", "1:3: a key cannot be a list" },
	{ "a: !ruby x\n", "1:4: the tag '!ruby' is not known; remove it" },
	{ "a: !x {}\n", "1:4: the tag '!x' is not known; remove it" },
	{ "a: *x\n",
	    "1:4: the alias '*x' has no anchor '&x' above it (a value that "
	    "begins with '*' needs quotes)" },
	{ "a: &x [*x]\n",
	    "1:8: the alias '*x' is inside the value it stands for" },
	{ "a: 1\n---\nb: 2\n",
	    "2:1: a second document begins here; put each document into a file "
	    "of its own" },
	{ "a: {<<: x}\n",
	    "1:9: '<<' takes a mapping or a list of mappings, not a string" },
	{ "a: {<<: {}, <<: {}}\n",
	    "1:13: duplicate key '<<'; give it a list of mappings" },
	{ "a: caf\xC3\xA9\nb: \xC3\xA9 \xFF\n",
	    "2:6: the byte 0xFF is not valid UTF-8; save the file as UTF-8" },
	{ "a: 1\nb: \x01\n",
	    "2:4: the control character 0x01 is not allowed in YAML; write it "
	    "as an escape in double quotes" },
	{ "a: [1, 2\nb: 3\n", "2:2: expected ',' or ']' here" },
	{ "- a\nb: c\n",
	    "2:1: expected '- ' here: the lines of one list begin in the same "
	    "column" },
	{ "a: \"x\\0y\"\n", "1:4: a text cannot hold a NUL" },
	{ "a: \"\\q\"\n",
	    "1:5: unknown escape in a double-quoted text; write '\\\\' for a "
	    "backslash, or use single quotes" },
};

START_TEST(mistake_is_found_where_it_is)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	const struct finding *first;
	char got[512];

	yaml_parse(arena, diag, "t.yml", str_from(bad[_i].text));
	ck_assert_uint_gt(diag_errors(diag), 0);
	first = diag_at(diag, 0);
	snprintf(got, sizeof(got), "%u:%u: %s", first->pos.line, first->pos.col,
	    first->text);
	ck_assert_str_eq(got, bad[_i].want);
	diag_free(diag);
	arena_free(arena);
}
END_TEST

START_TEST(duplicate_key_leaves_the_rest_of_the_tree)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	const struct yaml_node *root = yaml_parse(arena, diag, "t.yml",
	    STR("a: 1\na: 2\nb: 3\n"));

	ck_assert_ptr_nonnull(root);
	ck_assert(str_is(yaml_get(root, "a")->text, "1"));
	ck_assert(str_is(yaml_get(root, "b")->text, "3"));
	ck_assert_ptr_null(yaml_get(root, "c"));
	ck_assert_uint_eq(diag_errors(diag), 1);
	ck_assert_uint_eq(diag_count(diag), 2); /* and a note at the first */
	ck_assert_uint_eq(diag_at(diag, 1)->pos.line, 1);
	diag_free(diag);
	arena_free(arena);
}
END_TEST

/* first, then n times the middle, then last */
static void
expect_refused(const char *first, const char *middle, uint32_t n,
    const char *last, const char *want)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	struct buf text = { 0 };

	buf_puts(&text, first);
	for (uint32_t i = 0; i < n; i++) {
		buf_puts(&text, middle);
	}
	buf_puts(&text, last);
	ck_assert_ptr_null(yaml_parse(arena, diag, "t.yml", buf_str(&text)));
	ck_assert_uint_eq(diag_errors(diag), 1);
	ck_assert_msg(strstr(diag_at(diag, 0)->text, want) != NULL, "%s",
	    diag_at(diag, 0)->text);
	buf_fini(&text);
	diag_free(diag);
	arena_free(arena);
}

START_TEST(limits_hold)
{
	expect_refused("", "[", 200000, "", "nested deeper than 64 levels");
	expect_refused("", "{a: ", 100, "", "nested deeper than 64 levels");
	expect_refused("", "- ", 100, "x\n", "nested deeper than 64 levels");
	expect_refused("a: &a [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[x"
		       "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
		       "b: ",
	    "[", 40, "*a", "nested deeper than 64 levels");
	expect_refused("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
		       "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
		       "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
		       "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
		       "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
		       "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
	    "", 0, "", "more than 1000000 values");
	expect_refused("a: &a '", "0123456789abcdef", 65536,
	    "'\nb: [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,"
	    "*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,"
	    "*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]",
	    "more than 64 MiB");
	expect_refused("# ", "0123456789abcdef", 300000, "\n",
	    "the file is larger than 4 MiB");
}
END_TEST

/* The position of the first '@' in the text. */
static const struct {
	const char *label, *text;
	uint32_t line, col;
} inside[] = {
	{ "plain", "k: ab @\n", 1, 7 },
	{ "plain after wide characters", "k: \xC3\xA9\xC3\xA9 @\n", 1, 7 },
	{ "plain over lines", "k: ab\n   cd @\n", 2, 7 },
	{ "single quotes", "k: 'a @'\n", 1, 7 },
	{ "doubled single quotes", "k: 'it''s @'\n", 1, 11 },
	{ "single quotes over lines", "k: 'a\n\n  b @'\n", 3, 5 },
	{ "double quotes", "k: \"a @\"\n", 1, 7 },
	{ "escapes", "k: \"a\\n\\\"\\t\\u00e9\\x41 @\"\n", 1, 23 },
	{ "escaped white space", "k: \"\\x20\\ \\u0009 @\"\n", 1, 18 },
	{ "an escaped line break", "k: \"ab\\\n   cd @\"\n", 2, 7 },
	{ "a literal block", "k: |\n  ab\n    cd @\n", 3, 8 },
	{ "a literal block with indicators", "k: |2- # note @\n  ab\n  @\n", 3,
	    3 },
	{ "a folded block", "k: >-\n  ab\n  cd @\n\n  x\n", 3, 6 },
	{ "a list item", "- - ab @\n", 1, 8 },
};

START_TEST(byte_in_a_scalar_has_a_position)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	const struct yaml_node *node = yaml_parse(arena, diag, "t.yml",
	    str_from(inside[_i].text));
	struct pos pos;

	ck_assert_ptr_nonnull(node);
	while (node->kind == YAML_SEQUENCE) {
		node = node->items[0];
	}
	if (node->kind == YAML_MAPPING) {
		node = yaml_get(node, "k");
	}
	pos = yaml_pos_at(node,
	    (uint32_t)(strchr(node->text.p, '@') - node->text.p));
	ck_assert_msg(pos.line == inside[_i].line && pos.col == inside[_i].col,
	    "%s: %u:%u", inside[_i].label, pos.line, pos.col);
	diag_free(diag);
	arena_free(arena);
}
END_TEST

START_TEST(end_of_a_scalar_is_behind_its_last_character)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	const struct yaml_node *root = yaml_parse(arena, diag, "t.yml",
	    STR("a: xy\nb: 'xy '\nc: |\n  xy\n"));
	struct pos pos = yaml_pos_at(yaml_get(root, "a"), 2);

	ck_assert_uint_eq(pos.col, 6);
	pos = yaml_pos_at(yaml_get(root, "b"), 3);
	ck_assert_uint_eq(pos.col, 8);
	pos = yaml_pos_at(yaml_get(root, "c"), 2);
	ck_assert_uint_eq(pos.line, 4);
	ck_assert_uint_eq(pos.col, 5);
	/* Past the end: the scalar itself. */
	pos = yaml_pos_at(yaml_get(root, "a"), 99);
	ck_assert_uint_eq(pos.col, 4);
	diag_free(diag);
	arena_free(arena);
}
END_TEST

START_TEST(written_text_is_the_plain_form)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	const struct yaml_node *root = yaml_parse(arena, diag, "t.yml",
	    STR("a: {b: [1, {c: d, e: [f]}], 'g h': \"x\\ny\"}\n"
		"m: |\n  one\n  \"two\"\nn: []\no: {}\np:\nq: [[r]]\n"));
	struct buf out = { 0 };

	ck_assert_ptr_nonnull(root);
	yaml_emit(root, &out);
	ck_assert_str_eq(out.p,
	    "a:\n"
	    "  b:\n"
	    "  - 1\n"
	    "  - c: d\n"
	    "    e:\n"
	    "    - f\n"
	    "  \"g h\": \"x\\ny\"\n"
	    "m: \"one\\n\\\"two\\\"\\n\"\n"
	    "n: []\n"
	    "o: {}\n"
	    "p: null\n"
	    "q:\n"
	    "- - r\n");
	buf_fini(&out);
	diag_free(diag);
	arena_free(arena);
}
END_TEST

START_TEST(unreadable_file_is_a_finding)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();

	ck_assert_ptr_null(yaml_parse_file(arena, diag, "no/such/file.yml"));
	ck_assert_str_eq(diag_at(diag, 0)->text,
	    "cannot read the file: No such file or directory");
	ck_assert_ptr_null(yaml_parse_file(arena, diag, "."));
	ck_assert_str_eq(diag_at(diag, 1)->text,
	    "cannot read the file: Is a directory");
	ck_assert_ptr_null(yaml_parse_file(arena, diag, "/dev/zero"));
	ck_assert_str_eq(diag_at(diag, 2)->text,
	    "the file is larger than 4 MiB; split it");
	diag_free(diag);
	arena_free(arena);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("yaml");
	TCase *tcase = tcase_create("yaml");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, text_becomes_a_tree, 0, ARRAY_LEN(good));
	tcase_add_loop_test(tcase, tree_survives_writing, 0, ARRAY_LEN(good));
	tcase_add_loop_test(tcase, mistake_is_found_where_it_is, 0,
	    ARRAY_LEN(bad));
	tcase_add_test(tcase, duplicate_key_leaves_the_rest_of_the_tree);
	tcase_add_test(tcase, limits_hold);
	tcase_add_loop_test(tcase, byte_in_a_scalar_has_a_position, 0,
	    ARRAY_LEN(inside));
	tcase_add_test(tcase, end_of_a_scalar_is_behind_its_last_character);
	tcase_add_test(tcase, written_text_is_the_plain_form);
	tcase_add_test(tcase, unreadable_file_is_a_finding);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
