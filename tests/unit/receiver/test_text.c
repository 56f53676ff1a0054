/* SPDX-License-Identifier: Apache-2.0 */
/* Markup: nothing from an alert becomes any, and what is cut stays whole. */
#include "config.h"

#include <stdio.h>

#include "receiver/draft.h"
#include "receiver/text.h"
#include "receiver/types.h"
#include "world.h"

static const struct {
	enum markup markup;
	const char *in, *want;
} escapes[] = {
	{ MARKUP_PLAIN, "<b> *a* _b_ &amp; `c`", "<b> *a* _b_ &amp; `c`" },
	{ MARKUP_PLAIN, "two\nlines\t.", "two lines ." },
	{ MARKUP_HTML, "<a href=\"x\"> & y", "&lt;a href=\"x\"&gt; &amp; y" },
	{ MARKUP_DISCORD, "@everyone **a** [x](y) <@1> \\*",
	    "\\@everyone \\*\\*a\\*\\* \\[x\\]\\(y\\) \\<\\@1\\> \\\\\\*" },
	{ MARKUP_WEBEX, "<@all> _a_ # x", "&lt;@all&gt; \\_a\\_ \\# x" },
	{ MARKUP_CARD, "[x](y) <at>z</at>", "\\[x\\]\\(y\\) \\<at\\>z\\</at\\>" },
};

START_TEST(nothing_becomes_markup)
{
	struct buf out = { 0 };

	text_put(&out, escapes[_i].markup, str_from(escapes[_i].in), 100);
	ck_assert_str_eq(out.p, escapes[_i].want);
	buf_fini(&out);
}
END_TEST

static const struct {
	enum markup markup;
	const char *url, *want;
} links[] = {
	{ MARKUP_PLAIN, "https://r/x?a=1&b", "Runbook: https://r/x?a=1&b" },
	{ MARKUP_HTML, "https://r/x?a=1&b", "<a href=\"https://r/x?a=1&amp;b\">Runbook</a>" },
	{ MARKUP_HTML, "javascript:alert(1)", "javascript:alert(1)" },
	{ MARKUP_DISCORD, "https://r/a(b)", "[Runbook](https://r/a%28b%29)" },
	{ MARKUP_CARD, "x](https://evil", "x\\]\\(https://evil" },
};

START_TEST(a_link_leads_where_it_says)
{
	struct buf out = { 0 };

	text_put_link(&out, links[_i].markup, str_from(links[_i].url), "Runbook");
	ck_assert_str_eq(out.p, links[_i].want);
	buf_fini(&out);
}
END_TEST

/* A label cannot end the code span it stands in. */
START_TEST(labels_of_discord_stay_in_their_span)
{
	struct story s = story_make(1, "alertname=A b=`x`@here", "summary=s");
	struct buf out = { 0 };

	text_put_alerts(&s.n, MARKUP_DISCORD, (struct text_limit){ 1000, false }, &out);
	ck_assert_str_eq(out.p, "s\n`b='x'@here`");
	buf_fini(&out);
	story_free(&s);
}
END_TEST

START_TEST(what_is_left_out_is_counted)
{
	struct story s =
	    story_make(30, "n=# severity=x", "summary=alert #|runbook_url=https://r/same");
	struct buf out = { 0 };

	for (uint32_t max = 200; max < 700; max += 7) {
		uint32_t shown = 0;
		char more[40];

		buf_clear(&out);
		text_put_alerts(&s.n, MARKUP_PLAIN, (struct text_limit){ max, false }, &out);
		REQUIRE(str_runes(buf_str(&out)) <= max);
		for (const char *p = out.p; (p = strstr(p, "• ")) != NULL; p++)
			shown++;
		REQUIRE(shown > 0 && shown <= 10);
		snprintf(more, sizeof(more), "… and %u more", 30 - shown);
		REQUIRE(strstr(out.p, more) != NULL);
		/* Said once, at the end. */
		REQUIRE(str_ends(buf_str(&out), STR("\nRunbook: https://r/same")));
	}
	buf_fini(&out);
	story_free(&s);
}
END_TEST

START_TEST(runbooks_that_differ_stand_with_their_alerts)
{
	struct story s = story_make(2, "n=#", "runbook_url=https://r/#");
	struct buf out = { 0 };

	text_put_alerts(&s.n, MARKUP_HTML, (struct text_limit){ 1000, false }, &out);
	ck_assert_ptr_nonnull(strstr(out.p, "<a href=\"https://r/0\">"));
	ck_assert_ptr_nonnull(strstr(out.p, "<a href=\"https://r/1\">"));
	buf_fini(&out);
	story_free(&s);
}
END_TEST

static const struct {
	const char *in;
	uint32_t max;
	const char *want;
} cuts[] = {
	{ "short", 5, "short" },
	{ "0123456789", 5, "0123…" },
	{ "ab&amp;cd", 6, "ab…" },
	{ "a&b cdefgh", 6, "a&b c…" },
	{ "<b>0123456789</b>", 12, "<b>0123…</b>" },
	{ "<b><i>0123456789</i></b>", 18, "<b><i>012…</i></b>" },
	{ "x<a href=\"long\">word</a>", 16, "x…" },
	{ "<b>a</b><i>bcdefgh</i>", 17, "<b>a</b><i>b…</i>" },
	{ "äöüäöüäöü", 4, "äöü…" },
	{ "a < b and more of it", 10, "a < b and…" },
};

START_TEST(html_is_cut_between_tags_and_closed)
{
	struct arena *arena = arena_new(0);
	struct buf out = { 0 };
	struct draft d = draft_new(NULL, arena, &out);
	struct str got = draft_cut_html(&d, str_from(cuts[_i].in), cuts[_i].max);

	ck_assert_str_eq(got.p, cuts[_i].want);
	ck_assert_uint_le(str_runes(got), cuts[_i].max);
	draft_fini(&d);
	arena_free(arena);
}
END_TEST

START_TEST(bytes_are_cut_between_characters)
{
	struct arena *arena = arena_new(0);
	struct buf out = { 0 };
	struct draft d = draft_new(NULL, arena, &out);

	for (uint32_t max = 4; max < 30; max++) {
		struct str got = draft_cut_bytes(&d, STR("aäbö日本語日本語日本語"), max);

		REQUIRE(got.n <= max && str_is_utf8(got));
	}
	draft_fini(&d);
	arena_free(arena);
}
END_TEST

TCase *
case_text(void)
{
	TCase *tcase = tcase_create("text");

#define TABLE(test, table)                                                                         \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))
	TABLE(nothing_becomes_markup, escapes);
	TABLE(a_link_leads_where_it_says, links);
	tcase_add_test(tcase, labels_of_discord_stay_in_their_span);
	tcase_add_test(tcase, what_is_left_out_is_counted);
	tcase_add_test(tcase, runbooks_that_differ_stand_with_their_alerts);
	TABLE(html_is_cut_between_tags_and_closed, cuts);
	tcase_add_test(tcase, bytes_are_cut_between_characters);
	return tcase;
}
