/* SPDX-License-Identifier: Apache-2.0 */
/* Headers, address lists and quoted-printable text, read back. */
#include "config.h"

#include "base/rng.h"
#include "receiver/mime.h"
#include "world.h"

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c - 'A' + 10;
}

void
decode_qp(struct str text, struct buf *out)
{
	for (uint32_t i = 0; i < text.n; i++) {
		if (text.p[i] != '=') {
			buf_putc(out, text.p[i]);
		} else {
			if (text.p[i + 1] != '\r')
				buf_putc(out, (char)(hex_digit(text.p[i + 1]) * 16 +
						     hex_digit(text.p[i + 2])));
			i += 2;
		}
	}
}

void
check_lines(struct str text, uint32_t max)
{
	uint32_t column = 0;

	for (uint32_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		REQUIRE((unsigned char)c < 0x80);
		REQUIRE(c != '\n' || (i > 0 && text.p[i - 1] == '\r'));
		REQUIRE(c != '\r' || (i + 1 < text.n && text.p[i + 1] == '\n'));
		REQUIRE(c != '\r' || i == 0 || (text.p[i - 1] != ' ' && text.p[i - 1] != '\t'));
		column = c == '\n' ? 0 : column + (c != '\r' ? 1 : 0);
		if (column > max)
			ck_abort_msg("a line of %u", column);
	}
}

static const struct {
	const char *text, *want;
} qp[] = {
	{ "", "" },
	{ "a", "a\r\n" },
	{ "a\nb\r\nc\n", "a\r\nb\r\nc\r\n" },
	{ "a=b", "a=3Db\r\n" },
	{ "ä", "=C3=A4\r\n" },
	{ "trailing \nand\t\nend ", "trailing=20\r\nand=09\r\nend=20\r\n" },
	{ "a\rb", "a=0Db\r\n" },
	{ ".\n..", ".\r\n..\r\n" },
	{ "\n\n", "\r\n\r\n" },
};

START_TEST(quoted_printable_by_example)
{
	struct buf out = { 0 };

	mime_put_quoted_printable(&out, str_from(qp[_i].text));
	ck_assert_str_eq(out.p, qp[_i].want);
	buf_fini(&out);
}
END_TEST

START_TEST(quoted_printable_reads_back)
{
	struct rng rng;
	struct buf text = { 0 }, out = { 0 }, back = { 0 };

	rng_init(&rng, 1);
	for (int round = 0; round < 300; round++) {
		uint32_t n = (uint32_t)(rng_next(&rng) % 400);

		buf_clear(&text);
		buf_clear(&out);
		buf_clear(&back);
		for (uint32_t i = 0; i < n; i++) {
			static const char some[] = "a b=\t\n.\x80\xc3 zz";
			uint64_t x = rng_next(&rng);

			/* No CR: it would mean the end of a line. */
			if (x % 4 == 0 && (char)(x >> 8) != '\r')
				buf_putc(&text, (char)(x >> 8));
			else
				buf_putc(&text, some[(x >> 16) % (sizeof(some) - 1)]);
		}
		if (text.n == 0 || text.p[text.n - 1] != '\n')
			buf_putc(&text, '\n');
		mime_put_quoted_printable(&out, buf_str(&text));
		check_lines(buf_str(&out), 76);
		decode_qp(buf_str(&out), &back);
		/* Line ends are CRLF on the way. */
		buf_clear(&out);
		for (size_t i = 0; i < back.n; i++)
			if (back.p[i] != '\r' || i + 1 == back.n || back.p[i + 1] != '\n')
				buf_putc(&out, back.p[i]);
		REQUIRE(str_eq(buf_str(&out), buf_str(&text)));
	}
	buf_fini(&text);
	buf_fini(&out);
	buf_fini(&back);
}
END_TEST

/* RFC 2047 and unfolding: what a reader shows. */
static void
decode_header(struct str line, struct buf *out)
{
	bool after_word = false;

	for (uint32_t i = 0; i < line.n; i++) {
		struct str rest = str_make(line.p + i, line.n - i);

		if (str_starts(rest, STR("\r\n"))) {
			i++;
			/* White space between encoded words is not shown. */
			if (after_word && str_starts(str_make(rest.p + 2, rest.n - 2), STR(" =?")))
				i++;
			continue;
		}
		after_word = false;
		if (!str_starts(rest, STR("=?utf-8?q?"))) {
			buf_putc(out, line.p[i]);
			continue;
		}
		for (i += 10; !(line.p[i] == '?' && line.p[i + 1] == '='); i++) {
			if (line.p[i] == '=') {
				buf_putc(out, (char)(hex_digit(line.p[i + 1]) * 16 +
						     hex_digit(line.p[i + 2])));
				i += 2;
			} else {
				buf_putc(out, line.p[i] == '_' ? ' ' : line.p[i]);
			}
		}
		i++;
		after_word = true;
	}
}

static const struct {
	const char *text, *shown;
} headers[] = {
	{ "plain", "plain" },
	{ "[FIRING:1] Test (eu critical)", "[FIRING:1] Test (eu critical)" },
	{ "ends in a space ", "ends in a space" },
	{ "über", "über" },
	{ "two\r\nBcc: evil@example.org", "two  Bcc: evil@example.org" },
	{ "bell\a and nul", "bell  and nul" },
	{ "=?utf-8?q?fake?=", "=?utf-8?q?fake?=" },
	{ "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語",
	    "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語" },
	{ "many short words that go on and on until the line is full and then "
	  "some more of them until there are three lines in all, or even four",
	    "many short words that go on and on until the line is full and then "
	    "some more of them until there are three lines in all, or even "
	    "four" },
	{ "a  b   c", "a  b   c" },
	{ "? = _ mixed ü", "? = _ mixed ü" },
};

START_TEST(headers_read_back_and_cannot_be_broken_out_of)
{
	struct buf out = { 0 }, back = { 0 };

	mime_put_header(&out, "Subject", str_from(headers[_i].text));
	check_lines(buf_str(&out), 78);
	ck_assert(str_starts(buf_str(&out), STR("Subject: ")));
	ck_assert(str_ends(buf_str(&out), STR("\r\n")));
	/* Each line but the first is a continuation. */
	for (const char *p = out.p; (p = strstr(p, "\r\n")) != NULL; p += 2)
		ck_assert(p[2] == ' ' || p[2] == '\0');
	decode_header(str_make(out.p + 9, out.n - 11), &back);
	ck_assert_str_eq(back.p, headers[_i].shown);
	buf_fini(&out);
	buf_fini(&back);
}
END_TEST

START_TEST(a_header_of_one_long_word_still_folds)
{
	char word[3001];
	struct buf out = { 0 }, back = { 0 };

	memset(word, 'w', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	mime_put_header(&out, "X-Long", str_from(word));
	check_lines(buf_str(&out), 78);
	decode_header(str_make(out.p + 8, out.n - 10), &back);
	ck_assert_str_eq(back.p, word);
	buf_fini(&out);
	buf_fini(&back);
}
END_TEST

static const struct {
	const char *list, *want; /* name|address; NULL: an error */
} lists[] = {
	{ "a@b", "|a@b;" },
	{ " a@b , c@d.example ,", "|a@b;|c@d.example;" },
	{ "Ops Team <ops@x.example>", "Ops Team|ops@x.example;" },
	{ "\"Team, ML\" <ml@x>, b@y", "Team, ML|ml@x;|b@y;" },
	{ "\"q\\\"uote <x>\" <ml@x>", "q\"uote <x>|ml@x;" },
	{ "Jörg <j@x>", "Jörg|j@x;" },
	{ "<a@b>", "|a@b;" },
	{ "", NULL },
	{ " , ", NULL },
	{ "a", NULL },
	{ "@b", NULL },
	{ "a@", NULL },
	{ "a@b@c", NULL },
	{ "a b@c", NULL },
	{ "a@b\r\nRCPT TO:<evil@x>", NULL },
	{ "ä@b", NULL },
	{ "a@b <", NULL },
	{ "Name <a@b> x", NULL },
	{ "group: a@b;", NULL },
};

START_TEST(address_lists)
{
	struct arena *arena = arena_new(0);
	struct mailbox *boxes;
	uint32_t n;
	struct err err = { 0 };
	struct buf got = { 0 };
	int rc = mime_read_mailboxes(arena, str_from(lists[_i].list), &boxes, &n, &err);

	ck_assert_msg((rc == 0) == (lists[_i].want != NULL), "%s: %s", lists[_i].list, err.text);
	for (uint32_t i = 0; rc == 0 && i < n; i++)
		buf_printf(&got, "%.*s|%s;", STR_ARG(boxes[i].name), boxes[i].address);
	if (rc == 0)
		ck_assert_str_eq(got.p, lists[_i].want);
	buf_fini(&got);
	arena_free(arena);
}
END_TEST

START_TEST(too_many_addresses_are_refused)
{
	struct arena *arena = arena_new(0);
	struct buf list = { 0 };
	struct mailbox *boxes;
	struct err err;
	uint32_t n;

	for (int i = 0; i < MAILBOXES_MAX; i++)
		buf_printf(&list, "a%d@b,", i);
	ck_assert_int_eq(mime_read_mailboxes(arena, buf_str(&list), &boxes, &n, &err), 0);
	ck_assert_uint_eq(n, MAILBOXES_MAX);
	buf_puts(&list, "c@d");
	ck_assert_int_eq(mime_read_mailboxes(arena, buf_str(&list), &boxes, &n, &err), -ERR_LIMIT);
	buf_fini(&list);
	arena_free(arena);
}
END_TEST

START_TEST(address_headers)
{
	struct mailbox boxes[] = {
		{ STR("Ops Team"), "ops@x.example" },
		{ STR(""), "bare@x.example" },
		{ STR("Team, \"ML\""), "ml@x.example" },
		{ STR("Jörg\r\nBcc: x"), "j@x.example" },
	};
	struct buf out = { 0 };

	mime_put_mailboxes(&out, "To", boxes, 4);
	check_lines(buf_str(&out), 78);
	ck_assert_str_eq(out.p, "To: Ops Team <ops@x.example>,\r\n"
				" bare@x.example,\r\n"
				" \"Team, \\\"ML\\\"\" <ml@x.example>,\r\n"
				" =?utf-8?q?J=C3=B6rg__Bcc=3A_x?= <j@x.example>\r\n");
	buf_fini(&out);
}
END_TEST

TCase *
case_mime(void)
{
	TCase *tcase = tcase_create("mime");

#define TABLE(test, table)                                                                         \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))
	TABLE(quoted_printable_by_example, qp);
	tcase_add_test(tcase, quoted_printable_reads_back);
	TABLE(headers_read_back_and_cannot_be_broken_out_of, headers);
	tcase_add_test(tcase, a_header_of_one_long_word_still_folds);
	TABLE(address_lists, lists);
	tcase_add_test(tcase, too_many_addresses_are_refused);
	tcase_add_test(tcase, address_headers);
	return tcase;
}
