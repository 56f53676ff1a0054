/* SPDX-License-Identifier: Apache-2.0 */
/* The writer by table; the pull reader against json-c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/rng.h"
#include "suites.h"

/* --- writing ------------------------------------------------------------ */

static const struct {
	struct str text;
	const char *plain, *html;
} written[] = {
	{ { "", 0 }, "\"\"", "\"\"" },
	{ { NULL, 0 }, "\"\"", "\"\"" },
	{ { "a\"b\\c/", 6 }, "\"a\\\"b\\\\c/\"", "\"a\\\"b\\\\c/\"" },
	{ { "\n\r\t\b\f", 5 }, "\"\\n\\r\\t\\b\\f\"", "\"\\n\\r\\t\\b\\f\"" },
	{ { "\0\x1f\x7f", 3 }, "\"\\u0000\\u001f\x7f\"",
	    "\"\\u0000\\u001f\x7f\"" },
	{ { "<a & b>", 7 }, "\"<a & b>\"", "\"\\u003ca \\u0026 b\\u003e\"" },
	{ { "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", 9 },
	    "\"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\"",
	    "\"\\u2028\\u2029\xe2\x80\xaa\"" },
	{ { "a\xffz\xc3", 4 }, "\"a\xef\xbf\xbdz\xef\xbf\xbd\"",
	    "\"a\\ufffdz\\ufffd\"" },
	{ { "\xc3\xa9\xf0\x9f\x94\x94", 6 }, "\"\xc3\xa9\xf0\x9f\x94\x94\"",
	    "\"\xc3\xa9\xf0\x9f\x94\x94\"" },
};

START_TEST(strings_are_quoted)
{
	struct buf buf = { 0 };

	json_put_str(&buf, written[_i].text);
	ck_assert_str_eq(buf.p, written[_i].plain);
	buf_clear(&buf);
	json_put_str_html(&buf, written[_i].text);
	ck_assert_str_eq(buf.p, written[_i].html);
	buf_fini(&buf);
}
END_TEST

/* A special byte at each place around the 16 bytes that are scanned at once. */
START_TEST(special_bytes_are_found_at_every_place)
{
	static const char specials[] = "\"\\\n\x1f<>&\xc3\xff";

	for (size_t n = 1; n < 40; n++) {
		for (size_t at = 0; at < n; at++) {
			char text[40], want[64];
			char c = specials[(n + at) % (sizeof(specials) - 1)];
			struct buf buf = { 0 }, one = { 0 };

			memset(text, 'x', n);
			text[at] = c;
			json_put_str_html(&one, str_make(&c, 1));
			snprintf(want, sizeof(want), "\"%.*s%.*s%.*s\"",
			    (int)at, text, (int)one.n - 2, one.p + 1,
			    (int)(n - at - 1),
			    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			    "xxxxxxxxxxxxxxxxxxxx");
			json_put_str_html(&buf, str_make(text, n));
			ck_assert_str_eq(buf.p, want);
			buf_fini(&buf);
			buf_fini(&one);
		}
	}
}
END_TEST

/* --- reading ------------------------------------------------------------ */

/* Both print what they read in the same way; equal text is equal meaning. */
static void
canon_tree(struct buf *out, struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_object: {
		/* json-c keeps one of equal keys, so the corpus has none. */
		json_object_object_foreach(o, key, value)
		{
			json_put_str(out, str_from(key));
			canon_tree(out, value);
		}
		buf_putc(out, '}');
		break;
	}
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(o); i++) {
			canon_tree(out, json_object_array_get_idx(o, i));
			buf_putc(out, ',');
		}
		buf_putc(out, ']');
		break;
	case json_type_string:
		json_put_str(out, str_make(json_object_get_string(o),
				      (size_t)json_object_get_string_len(o)));
		break;
	case json_type_int:
	case json_type_double:
		put_prom_double(out, json_object_get_double(o));
		break;
	case json_type_boolean:
		buf_puts(out, json_object_get_boolean(o) ? "T" : "F");
		break;
	case json_type_null:
		buf_puts(out, "N");
		break;
	}
}

static void canon_value(
    struct buf *out, struct json_reader *r, struct arena *arena);

static void
canon_container(struct buf *out, struct json_reader *r, struct arena *arena)
{
	struct str key;

	if (json_peek(r) == JSON_OBJECT) {
		json_enter(r, JSON_OBJECT);
		while (json_next_key(r, &key)) {
			json_put_str(out, json_unescape(arena, key));
			canon_value(out, r, arena);
		}
		buf_putc(out, '}');
		return;
	}
	json_enter(r, JSON_ARRAY);
	while (json_next_item(r)) {
		canon_value(out, r, arena);
		buf_putc(out, ',');
	}
	buf_putc(out, ']');
}

/* Skipping must end where reading ends. */
static void
canon_value(struct buf *out, struct json_reader *r, struct arena *arena)
{
	struct json_reader ahead = *r;
	bool skipped = json_skip(&ahead), flag;
	struct str s;
	double v;

	switch (json_peek(r)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		canon_container(out, r, arena);
		break;
	case JSON_STRING:
		if (json_read_str(r, arena, &s))
			json_put_str(out, s);
		break;
	case JSON_NUMBER:
		if (json_read_double(r, &v))
			put_prom_double(out, v);
		break;
	case JSON_BOOL:
		if (json_read_bool(r, &flag))
			buf_puts(out, flag ? "T" : "F");
		break;
	case JSON_NULL:
		if (json_read_null(r))
			buf_puts(out, "N");
		break;
	case JSON_END:
	case JSON_BAD:
		json_fail(r, "no value");
		break;
	}
	if (r->err_text == NULL) {
		REQUIRE(skipped);
		REQUIRE(ahead.p == r->p);
	}
}

/* The text in its own allocation, so that a sanitizer sees any overrun. */
static bool
read_ours(struct buf *out, struct str text)
{
	char *copy = malloc((size_t)text.n + (text.n == 0));
	struct arena *arena = arena_new(0);
	struct json_reader r;
	bool ok;

	if (text.n != 0)
		memcpy(copy, text.p, text.n);
	json_reader_init(&r, str_make(copy, text.n));
	canon_value(out, &r, arena);
	ok = json_finish(&r);
	REQUIRE(ok == (r.err_text == NULL));
	REQUIRE(r.err_at <= text.n);
	arena_free(arena);
	free(copy);
	return ok;
}

static bool
read_theirs(struct buf *out, struct str text)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
	struct json_object *o;
	bool ok;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tokener, text.p, (int)text.n);
	/* A number at the end of the text needs to hear that it is the end. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		o = json_tokener_parse_ex(tokener, "", 1);
	ok = json_tokener_get_error(tokener) == json_tokener_success;
	if (ok)
		canon_tree(out, o);
	json_object_put(o);
	json_tokener_free(tokener);
	return ok;
}

static const char *const good[] = {
	"{}",
	"[]",
	" [ ] ",
	"[1,-2,0.5,1e3,1E-2,1234567890123456789]",
	"{\"a\":[true,false,null,{\"b\":\"c\"}]}",
	"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\"]",
	"[\"\\ud83d\\udd14\",\"\\uD834\\uDD1E x\"]",
	"[\"\\u0000\"]",
	"{\"k\\u0065y\":1,\"\":2}",
	"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
	"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\","
	"\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},"
	"\"value\":[1700000000.123,\"1\"]},{\"metric\":{},"
	"\"value\":[1700000000.123,\"NaN\"]}]}}",
	"[NaN,Infinity,-Infinity]",
	"{\"drift\":NaN}",
	"\n\t{ \"a\" :\r\n1 , \"b\" : [ 1 , 2 ] }\n",
	"[\"caf\xc3\xa9 \xf0\x9f\x94\x94\"]",
	"[\"a long string without escapes, over several loads\"]",
	"[\"a long string with its escape at the end of it\\n\"]",
	"[\"0123456789abcd\\\"ef\",\"}]{[\"]",
};

START_TEST(good_documents_read_as_json_c_reads_them)
{
	struct buf ours = { 0 }, theirs = { 0 };

	ck_assert_msg(read_ours(&ours, str_from(good[_i])), "%s", good[_i]);
	ck_assert_msg(read_theirs(&theirs, str_from(good[_i])), "%s", good[_i]);
	ck_assert_str_eq(ours.p, theirs.p);
	buf_fini(&ours);
	buf_fini(&theirs);
}
END_TEST

/* Trailing white space may go; every other prefix is an error for both. */
START_TEST(truncated_documents_are_refused)
{
	struct str whole = str_trim(str_from(good[_i]));

	for (uint32_t n = 0; n < whole.n; n++) {
		struct buf out = { 0 };

		ck_assert_msg(!read_ours(&out, str_make(whole.p, n)), "%.*s",
		    (int)n, whole.p);
		ck_assert_msg(!read_theirs(&out, str_make(whole.p, n)), "%.*s",
		    (int)n, whole.p);
		buf_fini(&out);
	}
}
END_TEST

static const char *const bad[] = {
	"",
	" ",
	"{",
	"[",
	"]",
	"}",
	"[1",
	"[1,]",
	"{\"a\":1,}",
	"[,1]",
	"[1 2]",
	"{\"a\" 1}",
	"{\"a\":}",
	"{a:1}",
	"{1:2}",
	"{\"a\":1 \"b\":2}",
	"[1]]",
	"[1]x",
	"{}{}",
	"[1}",
	"{\"a\":[}]",
	"[01]",
	"[+1]",
	"[1.]",
	"[.5]",
	"[1e]",
	"[1e+]",
	"[-]",
	"[--1]",
	"[tru]",
	"[truex]",
	"[nul]",
	"[nan]",
	"[Inf]",
	"[-NaN]",
	"[\"a]",
	"[\"\\x\"]",
	"[\"\\u12\"]",
	"[\"\\u12g4\"]",
	"[\"a\nb\"]",
	"[\"a\tb\"]",
	"[\"\\",
	"[\"\\u",
	"['a']",
	"[1]//c",
	"/**/[1]",
	"[0x10]",
	"\xef\xbb\xbf[1]",
};

START_TEST(bad_documents_are_refused)
{
	struct buf out = { 0 };

	ck_assert_msg(!read_ours(&out, str_from(bad[_i])), "%s", bad[_i]);
	buf_fini(&out);
}
END_TEST

/*
 * Where both accept a damaged document, both must read the same.  Not so with
 * \u: json-c takes some pairs of surrogates for lone ones.
 */
START_TEST(damaged_documents_never_read_differently)
{
	static const char bytes[] = "\"\\{}[],:0123456789.eE+-u nutrfalsNI";
	struct rng rng;
	int agreed = 0;

	rng_init(&rng, 11);
	for (int i = 0; i < 30000; i++) {
		const char *base = good[rng_below(&rng, ARRAY_LEN(good))];
		struct buf ours = { 0 }, theirs = { 0 };
		size_t n = strlen(base);
		char text[512];

		memcpy(text, base, n + 1);
		for (uint64_t k = rng_below(&rng, 3) + 1; k > 0; k--)
			text[rng_below(&rng, n)] =
			    bytes[rng_below(&rng, sizeof(bytes) - 1)];
		if (read_ours(&ours, str_from(text)) &&
		    read_theirs(&theirs, str_from(text)) &&
		    strstr(text, "\\u") == NULL) {
			ck_assert_msg(
			    strcmp(ours.p, theirs.p) == 0, "%s", text);
			agreed++;
		}
		buf_fini(&ours);
		buf_fini(&theirs);
	}
	ck_assert_int_gt(agreed, 1000);
}
END_TEST

static struct str
nested(char *text, size_t depth)
{
	for (size_t i = 0; i < depth; i++) {
		text[i] = '[';
		text[2 * depth - 1 - i] = ']';
	}
	return str_make(text, 2 * depth);
}

START_TEST(nesting_has_a_limit_for_reading_and_skipping)
{
	char text[2 * JSON_DEPTH_MAX + 2];
	struct buf out = { 0 };
	struct json_reader r;
	struct str s;

	ck_assert(read_ours(&out, nested(text, JSON_DEPTH_MAX)));
	ck_assert(!read_ours(&out, nested(text, JSON_DEPTH_MAX + 1)));
	json_reader_init(&r, nested(text, JSON_DEPTH_MAX));
	ck_assert(json_read_span(&r, &s) && json_finish(&r));
	json_reader_init(&r, nested(text, JSON_DEPTH_MAX + 1));
	ck_assert(!json_read_span(&r, &s));
	ck_assert_str_eq(r.err_text, "nested too deeply");
	/* Inside a container the rest of the depth counts. */
	json_reader_init(&r, nested(text, JSON_DEPTH_MAX + 1));
	ck_assert(json_enter(&r, JSON_ARRAY) && json_next_item(&r));
	ck_assert(!json_skip(&r));
	buf_fini(&out);
}
END_TEST

static const struct {
	const char *raw, *want;
	uint32_t n;
} escapes[] = {
	{ "plain", "plain", 5 },
	{ "a\\nb", "a\nb", 3 },
	{ "\\ud83d\\udd14", "\xf0\x9f\x94\x94", 4 },
	{ "\\ud83d", "\xef\xbf\xbd", 3 },
	{ "\\ud83dx", "\xef\xbf\xbdx", 4 },
	{ "\\udd14\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd", 6 },
	{ "\\ud83d\\ud83d\\udd14", "\xef\xbf\xbd\xf0\x9f\x94\x94", 7 },
	{ "\\ud83d\\u0041",
	    "\xef\xbf\xbd"
	    "A",
	    4 },
	{ "\\u0000\\u007f\\u07ff\\uffff", "\0\x7f\xdf\xbf\xef\xbf\xbf", 7 },
};

START_TEST(escapes_are_undone)
{
	struct arena *arena = arena_new(0);
	struct str got = json_unescape(arena, str_from(escapes[_i].raw));

	ck_assert_uint_eq(got.n, escapes[_i].n);
	ck_assert_mem_eq(got.p, escapes[_i].want, got.n);
	arena_free(arena);
}
END_TEST

START_TEST(plain_strings_are_not_copied)
{
	struct str text = STR("[\"plain\",\"a\\\\b\"]"), s;
	struct arena *arena = arena_new(0);
	struct json_reader r;
	bool escaped;

	json_reader_init(&r, text);
	ck_assert(json_enter(&r, JSON_ARRAY) && json_next_item(&r));
	ck_assert(json_read_str(&r, arena, &s));
	ck_assert_ptr_eq(s.p, text.p + 2);
	ck_assert(json_next_item(&r) && json_read_raw(&r, &s, &escaped));
	ck_assert(escaped && str_is(s, "a\\\\b"));
	ck_assert(!json_next_item(&r) && json_finish(&r));
	arena_free(arena);
}
END_TEST

START_TEST(first_error_sticks_with_its_place)
{
	struct json_reader r;
	struct str key;
	double v = 7;

	json_reader_init(&r, STR("{\"a\": tru}"));
	ck_assert(json_enter(&r, JSON_OBJECT) && json_next_key(&r, &key));
	ck_assert(!json_read_double(&r, &v));
	ck_assert_str_eq(r.err_text, "expected a number");
	ck_assert_uint_eq(r.err_at, 6);
	ck_assert(!json_fail(&r, "later"));
	ck_assert(!json_skip(&r) && !json_next_key(&r, &key));
	ck_assert(!json_finish(&r) && json_peek(&r) == JSON_BAD);
	ck_assert_str_eq(r.err_text, "expected a number");
	ck_assert_double_eq(v, 7);
}
END_TEST

static const struct {
	const char *text, *span;
} spans[] = {
	{ " {\"a\":\"}\\\"\",\"b\":[1]} ,", "{\"a\":\"}\\\"\",\"b\":[1]}" },
	{ "-1.5e3]", "-1.5e3" },
	{ "\"x\\\\\" ", "\"x\\\\\"" },
	{ "1e999,", "1e999" },
	{ "NaN}", "NaN" },
	{ "null", "null" },
	{ "{\"a\":[}", NULL },
	{ "{]", NULL },
	{ "[\"", NULL },
	{ "nope", NULL },
	{ "Nope", NULL },
	{ "", NULL },
	{ "]", NULL },
};

START_TEST(spans_are_one_value_unparsed)
{
	struct json_reader r;
	struct str s = STR("untouched");

	json_reader_init(&r, str_from(spans[_i].text));
	ck_assert(json_read_span(&r, &s) == (spans[_i].span != NULL));
	ck_assert(
	    str_is(s, spans[_i].span != NULL ? spans[_i].span : "untouched"));
}
END_TEST

START_TEST(out_of_range_numbers_are_errors)
{
	struct json_reader r;
	double v = 7;

	json_reader_init(&r, STR("1e999"));
	ck_assert(!json_read_double(&r, &v));
	ck_assert_str_eq(r.err_text, "number out of range");
	json_reader_init(&r, STR("[1"));
	json_enter(&r, JSON_ARRAY);
	json_next_item(&r);
	json_read_double(&r, &v);
	ck_assert(!json_finish(&r));
}
END_TEST

TCase *
case_json(void)
{
	TCase *tcase = tcase_create("json");

	tcase_add_loop_test(tcase, strings_are_quoted, 0, ARRAY_LEN(written));
	tcase_add_test(tcase, special_bytes_are_found_at_every_place);
	tcase_add_loop_test(tcase, good_documents_read_as_json_c_reads_them, 0,
	    ARRAY_LEN(good));
	tcase_add_loop_test(
	    tcase, truncated_documents_are_refused, 0, ARRAY_LEN(good));
	tcase_add_loop_test(
	    tcase, bad_documents_are_refused, 0, ARRAY_LEN(bad));
	tcase_add_test(tcase, damaged_documents_never_read_differently);
	tcase_add_test(tcase, nesting_has_a_limit_for_reading_and_skipping);
	tcase_add_loop_test(tcase, escapes_are_undone, 0, ARRAY_LEN(escapes));
	tcase_add_test(tcase, plain_strings_are_not_copied);
	tcase_add_test(tcase, first_error_sticks_with_its_place);
	tcase_add_loop_test(
	    tcase, spans_are_one_value_unparsed, 0, ARRAY_LEN(spans));
	tcase_add_test(tcase, out_of_range_numbers_are_errors);
	return tcase;
}
