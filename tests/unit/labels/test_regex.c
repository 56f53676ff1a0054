/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions: RE2's syntax and meaning, what is refused, that the
 * ways around the engine answer as the engine does, and that work is bounded.
 */
#include "config.h"

#include <stdlib.h>

#include <check.h>

#include "base/buf.h"

#include "base/rng.h"
#include "labels/matcher.h"
#include "labels/regex_internal.h"
#include "suites.h"

#define N(a) (int)(sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *pattern;
	struct str text;
	bool want;
} cases[] = {
	{ "", LIT(""), true },
	{ "", LIT("a"), false },
	{ "foo", LIT("foo"), true },
	{ "foo", LIT("xfoo"), false },
	{ "foo", LIT("foox"), false },
	{ "foo|bar", LIT("bar"), true },
	{ "foo|bar", LIT("foo|bar"), false },
	{ "^foo$", LIT("foo"), true },
	{ "^(?:foo|bar)$", LIT("bar"), true },
	{ "(foo|bar)", LIT("foo"), true },
	{ "^foo|bar$", LIT("bar"), true },
	{ "^foo|bar$", LIT("foo bar"), false },
	{ "foo\\.bar", LIT("foo.bar"), true },
	{ "foo\\.bar", LIT("fooxbar"), false },
	{ "a\\|b", LIT("a|b"), true },
	{ "foo.*", LIT("foo"), true },
	{ "foo.*", LIT("foobar"), true },
	{ "foo.+", LIT("foo"), false },
	{ ".*foo", LIT("xfoo"), true },
	{ ".+foo", LIT("foo"), false },
	{ ".+foo.+", LIT("foofoofoo"), true },
	{ ".+foo.+", LIT("foofoo"), false },
	{ ".*", LIT(""), true },
	{ ".+", LIT(""), false },
	{ "a|", LIT(""), true },
	{ "a|.*z", LIT("xyz"), true },
	{ "Foo", LIT("foo"), false },
	{ "(?i)FOO", LIT("foo"), true },
	{ "(?i:F)oo", LIT("foo"), true },
	{ "(?i)\u00c9", LIT("\u00e9"), true },
	/* a dot is not a line feed, nor is the dollar before one */
	{ "a.b", LIT("a\nb"), false },
	{ ".*", LIT("a\nb"), false },
	{ "foo.*", LIT("foo\n"), false },
	{ "(?s).*", LIT("a\nb"), true },
	{ "(?s:a.b)", LIT("a\nb"), true },
	{ "a$", LIT("a\n"), false },
	{ "fo+$", LIT("foo\n"), false },
	{ "(?m)a$\\nb", LIT("a\nb"), true },
	{ "a.b", LIT("a\rb"), true },
	{ "a.b", LIT("a\u2028b"), true },
	/* code points */
	{ ".", LIT("\u00e9"), true },
	{ "..", LIT("\u00e9"), false },
	{ "\\pL+", LIT("\u00e9\u65e5"), true },
	{ "\\p{Greek}", LIT("\u03b1"), true },
	{ "\\p{^Greek}", LIT("a"), true },
	{ "\\x{65e5}\\x41", LIT("\u65e5A"), true },
	/* classes are ASCII */
	{ "\\d+", LIT("42"), true },
	{ "\\d", LIT("\u0663"), false },
	{ "\\w+", LIT("a_9"), true },
	{ "\\w", LIT("\u00e9"), false },
	{ "[[:alpha:]]+", LIT("ab"), true },
	{ "[[:^alpha:]]+", LIT("12"), true },
	{ "[^[:space:]]+", LIT("ab"), true },
	{ "[]a]+", LIT("]a"), true },
	{ "[^]a]", LIT("b"), true },
	{ "[[a]+", LIT("[a"), true },
	{ "[a\\]]+", LIT("a]"), true },
	/* read differently by PCRE2 */
	{ "\\s", LIT("\v"), false },
	{ "[\\s]", LIT("\v"), false },
	{ "\\S", LIT("\v"), true },
	{ "[\\S]", LIT("\v"), true },
	{ "\\s+", LIT(" \t\n\f\r"), true },
	{ "\\v", LIT("\v"), true },
	{ "\\v", LIT("\n"), false },
	{ "\\101\\07", LIT("A\a"), true },
	{ "(a)\\12", LIT("a\n"), true },
	/* repetition and groups */
	{ "a{2}", LIT("aa"), true },
	{ "a{2,3}?", LIT("aaa"), true },
	{ "a{", LIT("a{"), true },
	{ "a{,2}", LIT("a{,2}"), true },
	{ "(?P<x>a)(?<y>b)(?:c)", LIT("abc"), true },
	{ "\\Qa.b\\E.", LIT("a.bc"), true },
	{ "\\Qa.b", LIT("a.b"), true },
	{ "\\Aab\\z", LIT("ab"), true },
	{ "\\bab\\b", LIT("ab"), true },
	{ "a+?b*?c??", LIT("aab"), true },
	{ "5..", LIT("503"), true },
	{ "10\\.0\\.\\d+\\.\\d+:9100", LIT("10.0.3.4:9100"), true },
};

/* The bound on steps is for traps, not for long values. */
START_TEST(long_texts_match)
{
	struct regex *regex = regex_new(STR(".*(foo|ba[rz]).*"), NULL);
	struct buf text = { 0 };

	ck_assert_ptr_nonnull(regex);
	buf_puts(&text, "foo");
	for (int i = 0; i < 60000; i++)
		buf_putc(&text, 'x');
	ck_assert(regex_matches(regex, buf_str(&text)));
	buf_fini(&text);
	regex_free(regex);
}
END_TEST

START_TEST(patterns_mean_what_re2_means)
{
	struct err err = { 0 };
	struct regex *regex = regex_new(str_from(cases[_i].pattern), &err);

	ck_assert_msg(
	    regex != NULL, "%s: %s", cases[_i].pattern, err.text);
	ck_assert_msg(regex_matches(regex, cases[_i].text) == cases[_i].want,
	    "%s on %.*s", cases[_i].pattern, STR_ARG(cases[_i].text));
	regex_free(regex);
}
END_TEST

static const struct {
	const char *pattern;
	uint32_t at;
	const char *words;
} refused[] = {
	{ "(a)\\1", 3, "back-reference" },
	{ "(?P<n>a)(?P=n)", 8, "back-reference" },
	{ "(?P<n>a)\\k<n>", 8, "back-reference" },
	{ "(a)\\g1", 3, "back-reference" },
	{ "x\\9", 1, "back-reference" },
	{ "a(?=b)", 1, "look-ahead" },
	{ "a(?!b)", 1, "look-ahead" },
	{ "(?<=a)b", 0, "look-behind" },
	{ "(?<!a)b", 0, "look-behind" },
	{ "(?>a)b", 0, "atomic" },
	{ "a++", 2, "possessive" },
	{ "a*+", 2, "possessive" },
	{ "a?+", 2, "possessive" },
	{ "a{2}+", 4, "possessive" },
	{ "a**", 2, "cannot be repeated" },
	{ "a{2}{3}", 4, "cannot be repeated" },
	{ "a+?*", 3, "cannot be repeated" },
	{ "a{1001}", 1, "1000" },
	{ "a{1,99999999999}", 1, "1000" },
	{ "(a)(?1)", 3, "recursion" },
	{ "(?R)", 0, "recursion" },
	{ "(?P<n>a)(?P>n)", 8, "recursion" },
	{ "(?&n)", 0, "recursion" },
	{ "(a)?(?(1)b|c)", 4, "conditions" },
	{ "a(?C1)", 1, "callouts" },
	{ "(?#c)a", 0, "comments" },
	{ "(?|a)", 0, "branch reset" },
	{ "(?x)a b", 0, "flags" },
	{ "(?-)a", 0, "flags" },
	{ "(?", 0, "flags" },
	{ "(*UTF)a", 1, "verbs" },
	{ "a(*ACCEPT)b", 2, "verbs" },
	{ "\\C", 0, "single byte" },
	{ "a\\Kb", 1, "\\K" },
	{ "\\R", 0, "\\R" },
	{ "\\X", 0, "\\X" },
	{ "\\h", 0, "\\h" },
	{ "\\Z", 0, "\\Z" },
	{ "[\\b]", 1, "\\b" },
	{ "\\\u00e9", 0, "cannot be escaped" },
	{ "ab\\", 2, "trailing backslash" },
	{ "\\x1", 0, "\\x" },
	{ "\\x{}", 0, "\\x{" },
	{ "a[bc", 1, "missing ]" },
	{ "[[:foo:]]", 1, "no such character class" },
	{ "a)b", 1, "unmatched closing parenthesis" },
	{ "(a", 2, "missing closing parenthesis" },
	{ "*a", 0, "quantifier" },
	{ "a|*", 2, "quantifier" },
	{ "[b-a]", 3, "range out of order" },
	{ "\\p{Klingon}", 11, "unknown property" },
	/* the offset is the pattern's although the translation is longer */
	{ "\\s\\s\\s[b-a]", 9, "range out of order" },
	{ "\xff", 0, "not valid UTF-8" },
};

START_TEST(what_re2_lacks_is_refused_with_its_place)
{
	struct err err = { 0 };
	struct regex *regex = regex_new(str_from(refused[_i].pattern), &err);

	ck_assert_msg(regex == NULL, "%s was accepted", refused[_i].pattern);
	ck_assert_msg(err.code == ERR_INVALID &&
	    strstr(err.text, refused[_i].words) != NULL &&
	    err.at <= refused[_i].at + 1 && err.at + 1 >= refused[_i].at,
	    "%s: at %u: %s", refused[_i].pattern, err.at, err.text);
}
END_TEST

START_TEST(plain_patterns_bypass_the_engine)
{
	static const struct {
		const char *pattern;
		bool plain;
	} table[] = {
		{ "", true }, { "a", true }, { "a|b|c", true },
		{ "^(?:a|b)$", true }, { "^a\\.b$", true }, { "foo.*", true },
		{ ".+foo|x", true }, { "(a|b)", true }, { ".*", true },
		{ "a.b", false }, { "(?i)a", false }, { "(a|b)c", false },
		{ "(a)|(b)", false }, { ".*?", false }, { "a\\d", false },
		{ "[a]", false }, { "a$b", false }, { "(a\\)", false },
	};

	for (int i = 0; i < N(table); i++) {
		struct regex_plain *plain =
		    regex_plain_new(str_from(table[i].pattern));

		ck_assert_msg((plain != NULL) == table[i].plain, "%s",
		    table[i].pattern);
		regex_plain_free(plain);
	}
}
END_TEST

/* A pattern and the same one that only the engine takes: (?:) in front. */
START_TEST(the_bypass_answers_as_the_engine_does)
{
	static const char pattern_bytes[] = "ab.*+|^$\\()?:.*|";
	static const char text_bytes[] = "aab.\n|";
	struct rng rng;
	int plain = 0;

	rng_init(&rng, (uint64_t)_i + 7);
	for (int round = 0; round < 4000; round++) {
		char pattern[16] = "(?:)(?:", text[6];
		struct regex *a, *b;
		struct str p = { pattern + 7, 0 }, t = { text, 0 };

		p.n = (uint32_t)rng_below(&rng, 8);
		for (uint32_t i = 0; i < p.n; i++)
			pattern[7 + i] = pattern_bytes[rng_below(
			    &rng, sizeof(pattern_bytes) - 1)];
		pattern[7 + p.n] = ')';
		a = regex_new(p, NULL);
		if (a == NULL)
			continue;
		b = regex_new((struct str){ pattern, p.n + 8 }, NULL);
		ck_assert_msg(b != NULL, "%.*s", STR_ARG(p));
		for (int k = 0; k < 8; k++) {
			t.n = (uint32_t)rng_below(&rng, sizeof(text) + 1);
			for (uint32_t i = 0; i < t.n; i++)
				text[i] = text_bytes[rng_below(
				    &rng, sizeof(text_bytes) - 1)];
			ck_assert_msg(
			    regex_matches(a, t) == regex_matches(b, t),
			    "%.*s on %.*s", STR_ARG(p), STR_ARG(t));
		}
		plain++;
		regex_free(a);
		regex_free(b);
	}
	ck_assert_int_gt(plain, 200);
}
END_TEST

START_TEST(a_match_that_hits_the_limit_is_no_match_and_counted)
{
	struct regex *regex = regex_new(STR("(a|a?)+[^!]"), NULL);
	uint64_t before = matcher_limit_hits();

	ck_assert_ptr_nonnull(regex);
	ck_assert(regex_matches(regex, STR("aaab")));
	ck_assert_uint_eq(matcher_limit_hits(), before);
	ck_assert(
	    !regex_matches(regex, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")));
	ck_assert_uint_eq(matcher_limit_hits(), before + 1);
	regex_free(regex);
}
END_TEST

START_TEST(long_patterns_are_refused)
{
	struct buf text = { 0 };
	struct err err = { 0 };

	while (text.n <= MATCHER_TEXT_MAX)
		buf_puts(&text, "aaaaaaaa");
	ck_assert_ptr_null(regex_new(buf_str(&text), &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	buf_fini(&text);
	regex_free(NULL);
}
END_TEST

Suite *
regex_suite(void)
{
	Suite *suite = suite_create("regex");
	TCase *tcase = interning_tcase("regex");

	tcase_add_loop_test(tcase, patterns_mean_what_re2_means, 0, N(cases));
	tcase_add_loop_test(
	    tcase, what_re2_lacks_is_refused_with_its_place, 0, N(refused));
	tcase_add_test(tcase, plain_patterns_bypass_the_engine);
	tcase_add_loop_test(
	    tcase, the_bypass_answers_as_the_engine_does, 0, 3);
	tcase_add_test(
	    tcase, a_match_that_hits_the_limit_is_no_match_and_counted);
	tcase_add_test(tcase, long_patterns_are_refused);
	tcase_add_test(tcase, long_texts_match);
	suite_add_tcase(suite, tcase);
	return suite;
}
