/* SPDX-License-Identifier: Apache-2.0 */
/* Paths: what they mean, and what is none. */
#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "source/json_path.h"
#include "unit/source/test_source.h"

static const char document[] =
    "{\"a\":{\"b\":[10,20,30],\"c.d\":{\"e\":\"x\"},\"k\\u00e9\":7},"
    "\"s\":\"{\\\"loss\\\": 0.5}\",\"none\":null,\"list\":[{\"n\":1,\"p\":[1,2]},"
    "{\"n\":2},{\"m\":3,\"n\":null}],\"points\":[{\"v\":1},{\"v\":2,\"partial\":true}]}";

static int
collect(void *arg, const struct json_place *place, struct err *err UNUSED)
{
	struct buf *out = arg;

	buf_printf(out, "%s%.*s", out->n > 0 ? " " : "", STR_ARG(place->span));
	return 0;
}

static const struct {
	const char *path, *found;
	bool absent;
} walks[] = {
	{ "$.a.b[0]", "10", false },
	{ "a.b[-1]", "30", false },
	{ "a['b'][1]", "20", false },
	{ "a[\"c.d\"].e", "\"x\"", false },
	{ "a.k\xc3\xa9", "7", false },
	{ "[\"none\"]", "null", false },
	{ "s@json.loss", "0.5", false },
	{ "s.@json.loss", "0.5", false },
	{ "list[*].n", "1 2 null", false },
	{ "list[*].p[1]", "2", false },
	{ "a.b[*]", "10 20 30", false },
	{ "a.b[*]@key", "\"0\" \"1\" \"2\"", false },
	{ "a.*@key", "\"b\" \"c.d\" \"k\xc3\xa9\"", false },
	{ "none[*].x", "", false },
	{ "points[-1!partial].v", "1", false },
	{ "points[*!partial].v", "1", false },
	{ "points[-1].v", "2", false },
	{ "a.x", "", true },
	{ "a.b[3]", "", true },
	{ "a.b[-4]", "", true },
	{ "a.b.c", "", true },
	{ "a[0]", "", true },
	{ "a.b[0][*]", "", true },
	{ "a.c@json", "", true },
	{ "^", "", true },
};

START_TEST(a_path_leads_to_its_places)
{
	struct arena *arena = arena_new(0);
	struct json_place top = { .span = STR(document) };
	struct json_path path;
	struct buf out = { 0 };
	struct err err;
	bool absent;

	ck_assert_msg(
	    json_path_parse(arena, str_from(walks[_i].path), &path, &err) == 0, "%s", err.text);
	ck_assert_int_eq(json_path_walk(&path, &top, arena, collect, &out, &absent, &err), 0);
	ck_assert_str_eq(out.p != NULL ? out.p : "", walks[_i].found);
	ck_assert_int_eq(absent, walks[_i].absent);
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

static int
climb(void *arg, const struct json_place *place, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct json_path path;
	struct str span;

	ck_assert_int_eq(json_path_parse(arena, STR("^^.name"), &path, err), 0);
	ck_assert(json_path_first(&path, place, arena, &span));
	buf_put_str(arg, span);
	ck_assert_int_eq(json_path_parse(arena, STR("$.top"), &path, err), 0);
	ck_assert(json_path_first(&path, place, arena, &span));
	buf_put_str(arg, span);
	arena_free(arena);
	return 0;
}

START_TEST(a_caret_goes_back_and_a_dollar_to_the_top)
{
	struct arena *arena = arena_new(0);
	struct json_place top = { .span = STR("{\"top\":9,\"r\":[{\"name\":\"a\",\"v\":[1]},"
					      "{\"name\":\"b\",\"v\":[2]}]}") };
	struct json_path path;
	struct buf out = { 0 };
	struct err err;
	bool absent;

	ck_assert_int_eq(json_path_parse(arena, STR("$.r[*].v[*]"), &path, &err), 0);
	ck_assert_int_eq(json_path_walk(&path, &top, arena, climb, &out, &absent, &err), 0);
	ck_assert_str_eq(out.p, "\"a\"9\"b\"9");
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

static const struct {
	const char *path;
	uint32_t at;
} broken[] = {
	{ "", 0 },
	{ "a..b", 2 },
	{ "a[", 2 },
	{ "a[x]", 2 },
	{ "a['b", 4 },
	{ "a[1", 3 },
	{ "a@jsn", 5 },
	{ "a b", 1 },
	{ "a.b@key.c", 9 },
	{ "a[99999999999]", 13 },
	{ "$x", 1 },
};

START_TEST(what_is_no_path_says_where)
{
	struct arena *arena = arena_new(0);
	struct json_path path;
	struct err err;

	ck_assert_int_eq(
	    json_path_parse(arena, str_from(broken[_i].path), &path, &err), -ERR_INVALID);
	ck_assert_msg(err.at == broken[_i].at, "%s: at %u: %s", broken[_i].path, err.at, err.text);
	arena_free(arena);
}
END_TEST

START_TEST(a_path_has_a_limit)
{
	struct arena *arena = arena_new(0);
	struct json_path path;
	struct buf text = { 0 };
	struct err err;

	for (int i = 0; i <= JSON_PATH_STEPS_MAX; i++)
		buf_puts(&text, "[0]");
	ck_assert_int_eq(json_path_parse(arena, buf_str(&text), &path, &err), -ERR_LIMIT);
	buf_fini(&text);
	arena_free(arena);
}
END_TEST

START_TEST(broken_json_in_a_string_is_an_error)
{
	struct arena *arena = arena_new(0);
	struct json_place top = { .span = STR("{\"s\":\"{\\\"a\\\":\"}") };
	struct json_path path;
	struct buf out = { 0 };
	struct err err;
	bool absent;

	ck_assert_int_eq(json_path_parse(arena, STR("s@json.a"), &path, &err), 0);
	ck_assert_int_eq(
	    json_path_walk(&path, &top, arena, collect, &out, &absent, &err), -ERR_INVALID);
	arena_free(arena);
}
END_TEST

TCase *
tcase_json_path(void)
{
	TCase *tc = tcase_create("json_path");

	tcase_add_loop_test(tc, a_path_leads_to_its_places, 0, ARRAY_LEN(walks));
	tcase_add_test(tc, a_caret_goes_back_and_a_dollar_to_the_top);
	tcase_add_loop_test(tc, what_is_no_path_says_where, 0, ARRAY_LEN(broken));
	tcase_add_test(tc, a_path_has_a_limit);
	tcase_add_test(tc, broken_json_in_a_string_is_an_error);
	return tc;
}
