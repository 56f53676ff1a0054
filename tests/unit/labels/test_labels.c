/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label sets: interning, order, projection, encoding, and the values that
 * leave the program.  Fingerprints and group labels were taken from a running
 * Alertmanager.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#include "base/arena.h"
#include "base/rng.h"
#include "labels/labels.h"
#include "suites.h"

static void
nothing_stays(void)
{
	ck_assert_uint_eq(labels_live(), 0);
	ck_assert_uint_eq(istr_live(), 0);
	ck_assert_uint_eq(labels_bytes(), 0);
}

static void
nothing(void)
{
}

TCase *
interning_tcase(const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, nothing, nothing_stays);
	return tcase;
}

/* "a", "1", "b", "2", NULL */
static struct labels *
make(const char *const *pairs)
{
	struct arena *arena = arena_new(0);
	struct labels_builder b;
	struct labels *labels;
	struct err err = { 0 };

	labels_builder_init(&b, arena);
	for (; pairs[0] != NULL; pairs += 2)
		labels_builder_set(&b, str_from(pairs[0]), str_from(pairs[1]));
	labels = labels_intern(&b, &err);
	ck_assert_msg(labels != NULL, "%s", err.text);
	arena_free(arena);
	return labels;
}

#define MAKE(...) make((const char *const[]){ __VA_ARGS__, NULL })

static const struct {
	const char *pairs[16];
	uint64_t fingerprint;
	const char *text;
} golden[] = {
	{ { "a", "b" }, UINT64_C(0xd2b371819297f98a), "{a=\"b\"}" },
	{ { "zz", "a b", "sev", "a", "job", "tab\t\"q\" \u00e9", "a1", "2",
	      "alertname", "x", "a", "1" },
	    UINT64_C(0xbacbea50fc0d5604),
	    "{a=\"1\", a1=\"2\", alertname=\"x\", "
	    "job=\"tab\\t\\\"q\\\" \u00e9\", sev=\"a\", zz=\"a b\"}" },
	{ { "alertname", "x", "job", "z", "zz", "a b" },
	    UINT64_C(0xc90d4d0e1eb12680),
	    "{alertname=\"x\", job=\"z\", zz=\"a b\"}" },
	{ { "alertname", "HighErrorRate", "instance", "10.0.0.1:9100",
	      "severity", "critical", "path",
	      "C:\\x\n\u00a0\u00ad\u200b\u20ac\U0001f600\x01\x7f" },
	    UINT64_C(0xff7e59a2df317f44),
	    "{alertname=\"HighErrorRate\", instance=\"10.0.0.1:9100\", "
	    "path=\"C:\\\\x\\n\\u00a0\\u00ad\\u200b\u20ac\U0001f600"
	    "\\x01\\x7f\", severity=\"critical\"}" },
	{ { "a", "\xef\xbf\xbd\xc2\x85\u2028 <&>'`" },
	    UINT64_C(0x939adcaad0516655),
	    "{a=\"\xef\xbf\xbd\\u0085\\u2028 <&>'`\"}" },
	{ { "alertname", "\u65e5\u672c\u8a9e", "z", "\U000e0001\u0378" },
	    UINT64_C(0x5362afe7808a0a01),
	    "{alertname=\"\u65e5\u672c\u8a9e\", z=\"\\U000e0001\\u0378\"}" },
};

START_TEST(fingerprint_and_text_are_alertmanagers)
{
	struct labels *labels = make(golden[_i].pairs);
	struct buf out = { 0 };

	ck_assert_uint_eq(
	    labels_fingerprint(labels), golden[_i].fingerprint);
	labels_format(labels, &out);
	ck_assert_str_is(buf_str(&out), golden[_i].text);
	buf_fini(&out);
	labels_unref(labels);
}
END_TEST

START_TEST(same_labels_in_any_order_are_the_same_pointer)
{
	struct labels *a = MAKE("x", "1", "y", "2");
	struct labels *b = MAKE("y", "2", "x", "1", "z", "");
	struct labels *c = MAKE("x", "0", "y", "2", "x", "1");
	struct labels *d = MAKE("x", "2", "y", "1");

	ck_assert_ptr_eq(a, b);
	ck_assert_ptr_eq(a, c);
	ck_assert_ptr_ne(a, d);
	ck_assert_uint_eq(labels_live(), 2);
	ck_assert_uint_eq(istr_live(), 4);
	labels_unref(a);
	labels_unref(b);
	ck_assert_uint_eq(labels_live(), 2);
	labels_unref(c);
	ck_assert_uint_eq(labels_live(), 1);
	labels_unref(d);
	labels_unref(NULL);
}
END_TEST

START_TEST(lookup_finds_only_what_is_interned)
{
	struct arena *arena = arena_new(0);
	struct labels *labels = MAKE("x", "1", "y", "2");
	struct labels_builder b;
	size_t bytes = labels_bytes();

	labels_builder_init(&b, arena);
	labels_builder_set(&b, STR("y"), STR("2"));
	ck_assert_ptr_null(labels_lookup(&b));
	labels_builder_set(&b, STR("x"), STR("1"));
	ck_assert_ptr_eq(labels_lookup(&b), labels);
	ck_assert_uint_eq(labels->refs, 1);
	ck_assert_uint_eq(labels_bytes(), bytes);
	arena_free(arena);
	labels_unref(labels);
}
END_TEST

START_TEST(missing_labels_read_as_empty)
{
	struct labels *labels = MAKE("job", "api");

	ck_assert_str_is(labels_value(labels, STR("job")), "api");
	ck_assert_str_is(labels_value(labels, STR("jo")), "");
	ck_assert_ptr_null(labels_get(labels, STR("instance")));
	ck_assert_str_is(istr_str(NULL), "");
	labels_unref(labels);
}
END_TEST

START_TEST(large_sets_are_searched_as_small_ones)
{
	struct arena *arena = arena_new(0);
	struct labels_builder b;
	struct labels *labels;

	labels_builder_init(&b, arena);
	for (int i = LABELS_MAX; i-- > 0;)
		labels_builder_set(&b, str_from(arena_printf(arena, "n%d", i)),
		    str_from(arena_printf(arena, "v%d", i)));
	labels = labels_intern(&b, NULL);
	ck_assert_ptr_nonnull(labels);
	ck_assert_uint_eq(labels->n, LABELS_MAX);
	for (int i = 0; i < LABELS_MAX; i++)
		ck_assert_str_is(labels_value(labels,
		    str_from(arena_printf(arena, "n%d", i))),
		    arena_printf(arena, "v%d", i));
	ck_assert_ptr_null(labels_get(labels, STR("n")));
	ck_assert_ptr_null(labels_get(labels, STR("zzz")));
	labels_unref(labels);
	arena_free(arena);
}
END_TEST

static const struct {
	const char *rule;
	uint32_t names, name_bytes, value_bytes;
	const char *name, *value;
	enum err_code want;
} limits[] = {
	{ "as many labels as allowed", LABELS_MAX, 0, 0, NULL, NULL, ERR_NONE },
	{ "one label too many", LABELS_MAX + 1, 0, 0, NULL, NULL, ERR_LIMIT },
	{ "far too many labels", 100000, 0, 0, NULL, NULL, ERR_LIMIT },
	{ "longest name", 0, LABEL_NAME_BYTES_MAX, 1, NULL, NULL, ERR_NONE },
	{ "name too long", 0, LABEL_NAME_BYTES_MAX + 1, 1, NULL, NULL,
	    ERR_LIMIT },
	{ "longest value", 0, 1, LABEL_VALUE_BYTES_MAX, NULL, NULL, ERR_NONE },
	{ "value too long", 0, 1, LABEL_VALUE_BYTES_MAX + 1, NULL, NULL,
	    ERR_LIMIT },
	{ "empty name", 0, 0, 0, "", "v", ERR_INVALID },
	{ "name not UTF-8", 0, 0, 0, "\xc3", "v", ERR_INVALID },
	{ "value not UTF-8", 0, 0, 0, "n", "a\xff", ERR_INVALID },
	{ "name outside of ASCII", 0, 0, 0, "\u00fc", "v", ERR_NONE },
	{ "the empty set", 0, 0, 0, "n", "", ERR_NONE },
};

START_TEST(limits_are_errors)
{
	struct arena *arena = arena_new(0);
	struct labels_builder b;
	struct labels *labels;
	struct err err = { 0 };

	labels_builder_init(&b, arena);
	for (uint32_t i = 0; i < limits[_i].names; i++)
		labels_builder_set(&b,
		    str_from(arena_printf(arena, "n%u", i)), STR("v"));
	if (limits[_i].value_bytes > 0) {
		char *name = arena_alloc(arena, limits[_i].name_bytes);
		char *value = arena_alloc(arena, limits[_i].value_bytes);

		memset(name, 'n', limits[_i].name_bytes);
		memset(value, 'v', limits[_i].value_bytes);
		labels_builder_set(&b, str_make(name, limits[_i].name_bytes),
		    str_make(value, limits[_i].value_bytes));
	}
	if (limits[_i].name != NULL)
		labels_builder_set(&b, str_from(limits[_i].name),
		    str_from(limits[_i].value));
	labels = labels_intern(&b, &err);
	ck_assert_msg(err.code == limits[_i].want &&
	    (labels != NULL) == (limits[_i].want == ERR_NONE),
	    "%s: %s", limits[_i].rule, err.text);
	labels_unref(labels);
	arena_free(arena);
}
END_TEST

static const struct {
	const char *a[8], *b[8];
	int want;
} order[] = {
	{ { "a", "1" }, { "a", "1" }, 0 },
	{ { "a", "1" }, { "a", "2" }, -1 },
	{ { "z", "9" }, { "a", "1", "b", "2" }, -1 }, /* fewer labels first */
	{ { "a", "1" }, { "b", "1" }, 1 }, /* who lacks the first name is first */
	{ { "a", "1", "c", "3" }, { "a", "1", "b", "3" }, -1 },
	{ { "a", "2", "b", "1" }, { "a", "1", "b", "2" }, 1 },
	{ { NULL }, { "a", "1" }, -1 },
};

START_TEST(order_is_alertmanagers)
{
	struct labels *a = make(order[_i].a), *b = make(order[_i].b);
	int cmp = labels_cmp(a, b), back = labels_cmp(b, a);

	ck_assert_int_eq((cmp > 0) - (cmp < 0), order[_i].want);
	ck_assert_int_eq((back > 0) - (back < 0), -order[_i].want);
	labels_unref(a);
	labels_unref(b);
}
END_TEST

START_TEST(projection_is_the_interned_subset)
{
	static const struct str names[] = { LIT("sev"), LIT("absent"),
		LIT("alertname"), LIT("sev") };
	struct labels *all =
	    MAKE("alertname", "x", "instance", "i", "sev", "warning");
	struct labels *want = MAKE("sev", "warning", "alertname", "x");
	struct labels *a = labels_project(all, names, 4);
	struct labels *b, *none = labels_project(all, names, 0);

	ck_assert_ptr_eq(a, want);
	ck_assert_uint_eq(none->n, 0);
	labels_unref(want);
	labels_unref(a);
	/* And when the projection comes first. */
	b = labels_project(all, names, 4);
	want = MAKE("alertname", "x", "sev", "warning");
	ck_assert_ptr_eq(b, want);
	ck_assert_uint_eq(b->fingerprint, labels_fingerprint(want));
	labels_unref(all);
	labels_unref(b);
	labels_unref(want);
	labels_unref(none);
}
END_TEST

START_TEST(encoding_comes_back)
{
	struct labels *labels = make(golden[_i].pairs), *back;
	struct buf out = { 0 };
	struct err err = { 0 };

	labels_encode(labels, &out);
	back = labels_decode(buf_str(&out), &err);
	ck_assert_msg(back == labels, "%s", err.text);
	/* Cut anywhere, it is refused. */
	for (uint32_t n = 0; n < out.n; n++) {
		err = (struct err){ 0 };
		ck_assert_ptr_null(
		    labels_decode((struct str){ out.p, n }, &err));
		ck_assert_int_eq(err.code, ERR_INVALID);
	}
	buf_putc(&out, 'x');
	ck_assert_ptr_null(labels_decode(buf_str(&out), NULL));
	buf_fini(&out);
	labels_unref(labels);
	labels_unref(back);
}
END_TEST

static const struct {
	const char *rule;
	struct str bytes;
	enum err_code want;
} mangled[] = {
	{ "names out of order",
	    LIT("\2\0\0\0\1\0\0\0b\1\0\0\0x\1\0\0\0a\1\0\0\0x"), ERR_INVALID },
	{ "a name twice",
	    LIT("\2\0\0\0\1\0\0\0a\1\0\0\0x\1\0\0\0a\1\0\0\0y"), ERR_INVALID },
	{ "an empty name", LIT("\1\0\0\0\0\0\0\0\1\0\0\0a"), ERR_INVALID },
	{ "an absurd count", LIT("\xff\xff\xff\xff"), ERR_LIMIT },
	{ "an absurd length", LIT("\1\0\0\0\xff\xff\xff\xff"), ERR_INVALID },
	{ "a value that is not UTF-8",
	    LIT("\1\0\0\0\1\0\0\0a\1\0\0\0\xff"), ERR_INVALID },
};

START_TEST(annotations_keep_empty_values)
{
	struct arena *arena = arena_new(0);
	struct labels_builder b;
	struct labels *kept, *without, *back;
	struct buf out = { 0 };

	labels_builder_init(&b, arena);
	b.keep_empty = true;
	labels_builder_set(&b, STR("summary"), STR("x"));
	labels_builder_set(&b, STR("summary"), STR(""));
	labels_builder_set(&b, STR("gone"), STR(""));
	labels_builder_unset(&b, STR("gone"));
	kept = labels_intern(&b, NULL);
	without = MAKE("summary", "");
	ck_assert_uint_eq(kept->n, 1);
	ck_assert_uint_eq(without->n, 0);
	ck_assert_ptr_nonnull(labels_get(kept, STR("summary")));
	labels_encode(kept, &out);
	back = labels_decode(buf_str(&out), NULL);
	ck_assert_ptr_eq(back, kept);
	buf_fini(&out);
	arena_free(arena);
	labels_unref(kept);
	labels_unref(without);
	labels_unref(back);
}
END_TEST

START_TEST(mangled_encodings_are_refused)
{
	struct err err = { 0 };

	ck_assert_ptr_null(labels_decode(mangled[_i].bytes, &err));
	ck_assert_msg(err.code == mangled[_i].want, "%s: %s",
	    mangled[_i].rule, err.text);
}
END_TEST

START_TEST(json_escapes_as_go_does)
{
	struct labels *labels = MAKE("b", "<&>\"\\\n", "a", "\u00e9");
	struct buf out = { 0 };

	labels_put_json(labels, &out);
	ck_assert_str_is(buf_str(&out),
	    "{\"a\":\"\u00e9\",\"b\":\"\\u003c\\u0026\\u003e\\\"\\\\\\n\"}");
	buf_fini(&out);
	labels_unref(labels);
}
END_TEST

static const struct {
	struct str in;
	const char *want;
} quotes[] = {
	{ LIT(""), "\"\"" },
	{ LIT("a'b\"c\\"), "\"a'b\\\"c\\\\\"" },
	{ LIT("\a\b\f\n\r\t\v"), "\"\\a\\b\\f\\n\\r\\t\\v\"" },
	{ LIT("\0\x1f\x7f"), "\"\\x00\\x1f\\x7f\"" },
	{ LIT("\xff\xc3(\xe2\x82"), "\"\\xff\\xc3(\\xe2\\x82\"" },
	{ LIT("\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80"),
	    "\"\\xc0\\x80\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\"" },
	{ LIT("\u00e9\u3000\ufeff\U0001f600\U0010ffff"),
	    "\"\u00e9\\u3000\\ufeff\U0001f600\\U0010ffff\"" },
};

START_TEST(quoting_is_gos)
{
	struct buf out = { 0 };

	go_quote(&out, quotes[_i].in);
	ck_assert_str_is(buf_str(&out), quotes[_i].want);
	buf_fini(&out);
}
END_TEST

START_TEST(classic_names)
{
	ck_assert(label_name_is_classic(STR("_a9")));
	ck_assert(label_name_is_classic(STR("A")));
	ck_assert(!label_name_is_classic(STR("")));
	ck_assert(!label_name_is_classic(STR("9a")));
	ck_assert(!label_name_is_classic(STR("a-b")));
	ck_assert(!label_name_is_classic(STR("a:b")));
	ck_assert(!label_name_is_classic(STR("\u00e9")));
}
END_TEST

/* ---- the builder against a table of 8 x 4 possibilities -------------------- */

enum { NAMES = 8, VALUES = 4 };
static const char *const model_names[NAMES] = { "a", "aa", "ab", "b", "B",
	"\u00e9", "job", "a1" };
static const char *const model_values[VALUES] = { "", "x", "xx", "\u65e5" };

static void
check_model(struct labels_builder *b, const int *model)
{
	struct labels *labels = labels_intern(b, NULL);
	uint32_t n = 0;

	ck_assert_ptr_nonnull(labels);
	for (int i = 0; i < NAMES; i++) {
		struct str name = str_from(model_names[i]);

		n += model[i] > 0;
		ck_assert_str_is(
		    labels_builder_get(b, name), model_values[model[i]]);
		ck_assert_str_is(
		    labels_value(labels, name), model_values[model[i]]);
	}
	ck_assert_uint_eq(labels->n, n);
	for (uint32_t i = 1; i < n; i++)
		ck_assert_int_lt(str_cmp(istr_str(labels->l[i - 1].name),
				     istr_str(labels->l[i].name)), 0);
	ck_assert_ptr_eq(labels_lookup(b), labels);
	labels_unref(labels);
	ck_assert_ptr_null(labels_lookup(b));
}

START_TEST(builder_behaves_as_a_naive_model)
{
	struct arena *arena = arena_new(0);
	struct rng rng;

	rng_init(&rng, (uint64_t)_i + 1);
	for (int round = 0; round < 200; round++) {
		struct labels_builder b;
		int model[NAMES] = { 0 };

		arena_reset(arena);
		labels_builder_init(&b, arena);
		for (uint64_t ops = rng_below(&rng, 30); ops > 0; ops--) {
			uint64_t i = rng_below(&rng, NAMES);
			int v = (int)rng_below(&rng, VALUES);

			if (rng_below(&rng, 5) == 0) {
				labels_builder_unset(
				    &b, str_from(model_names[i]));
				v = 0;
			} else {
				labels_builder_set(&b,
				    str_from(model_names[i]),
				    str_from(model_values[v]));
			}
			model[i] = v;
			if (rng_below(&rng, 8) == 0)
				labels_builder_sort(&b);
		}
		check_model(&b, model);
	}
	arena_free(arena);
}
END_TEST

START_TEST(bytes_count_everything_and_go_back)
{
	struct labels *a = MAKE("a", "1");
	size_t one = labels_bytes();
	struct labels *b = MAKE("a", "1", "b", "2");

	ck_assert_uint_ge(one, 2 * sizeof(struct istr) + sizeof(*a));
	ck_assert_uint_gt(labels_bytes(), one);
	labels_unref(b);
	ck_assert_uint_eq(labels_bytes(), one);
	labels_unref(a);
}
END_TEST

static Suite *
labels_suite(void)
{
	Suite *suite = suite_create("labels");
	TCase *tcase = interning_tcase("sets");

	tcase_add_test(tcase, same_labels_in_any_order_are_the_same_pointer);
	tcase_add_test(tcase, lookup_finds_only_what_is_interned);
	tcase_add_test(tcase, missing_labels_read_as_empty);
	tcase_add_test(tcase, large_sets_are_searched_as_small_ones);
	tcase_add_loop_test(tcase, limits_are_errors, 0,
	    (int)(sizeof(limits) / sizeof(limits[0])));
	tcase_add_loop_test(tcase, order_is_alertmanagers, 0,
	    (int)(sizeof(order) / sizeof(order[0])));
	tcase_add_test(tcase, projection_is_the_interned_subset);
	tcase_add_loop_test(tcase, builder_behaves_as_a_naive_model, 0, 4);
	tcase_add_test(tcase, bytes_count_everything_and_go_back);
	suite_add_tcase(suite, tcase);

	tcase = interning_tcase("codec");
	tcase_add_loop_test(tcase, fingerprint_and_text_are_alertmanagers, 0,
	    (int)(sizeof(golden) / sizeof(golden[0])));
	tcase_add_loop_test(tcase, encoding_comes_back, 0,
	    (int)(sizeof(golden) / sizeof(golden[0])));
	tcase_add_loop_test(tcase, mangled_encodings_are_refused, 0,
	    (int)(sizeof(mangled) / sizeof(mangled[0])));
	tcase_add_test(tcase, annotations_keep_empty_values);
	tcase_add_test(tcase, json_escapes_as_go_does);
	tcase_add_loop_test(tcase, quoting_is_gos, 0,
	    (int)(sizeof(quotes) / sizeof(quotes[0])));
	tcase_add_test(tcase, classic_names);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(labels_suite());
	int failed;

	srunner_add_suite(runner, matcher_suite());
	srunner_add_suite(runner, regex_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
