/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: roles, tokens, pages of other sites, proxies, reports of failures. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guarded.h"
#include "net/password.h"
#include "net/throttle.h"

/* clang-format off */
static const struct guard_token tokens[] = {
	/* SHA-256 of "reading", "sending", "of yesterday" */
	{ "reader", ROLE_VIEWER, { 0xd7, 0x0a, 0xfc, 0xa6, 0x15, 0x20, 0x38, 0x38, 0xda, 0x3d, 0x85, 0x8e, 0x60, 0xdd, 0xa1, 0x2f, 0x90, 0x0e, 0x83, 0xe4, 0xa6, 0xfb, 0x03, 0xa6, 0x3c, 0xfa, 0xdb, 0x85, 0x76, 0xca, 0x89, 0x85 }, { 0 } },
	{ "prometheus", ROLE_SENDER, { 0x86, 0x47, 0x4a, 0xe6, 0xea, 0x98, 0x4d, 0xe3, 0x47, 0x22, 0xd5, 0x8a, 0x1d, 0xe4, 0x72, 0x53, 0x3d, 0x7d, 0xfb, 0x35, 0x44, 0x58, 0x1a, 0x1b, 0xe2, 0x48, 0x6f, 0x6f, 0x65, 0x94, 0xb9, 0x04 }, { 0 } },
	{ "old", ROLE_ADMIN, { 0xa5, 0xc9, 0x85, 0xbd, 0x6a, 0xb1, 0x85, 0xf2, 0xd1, 0x54, 0x66, 0x41, 0x93, 0xcc, 0x4f, 0x74, 0xf7, 0x46, 0x92, 0xf5, 0x41, 0xf2, 0x98, 0xcc, 0x85, 0xdd, 0x22, 0xc8, 0xea, 0x87, 0xe5, 0x74 }, { 1 } },
};
static const struct guard_user staff[] = {
	{ "joe", HASH_SECRET, ROLE_RESPONDER },
};
static const struct guard_options all = { .users = staff, .n_users = 1, .tokens = tokens, .n_tokens = 3 };
static const struct guard_options half_open = { .users = staff, .n_users = 1, .anonymous = ROLE_VIEWER };

static const struct {
	const char *label;
	const struct guard_options *options;
	const char *path; /* the role it needs */
	const char *scheme, *credentials;
	int status;
	const char *says;
} asked[] = {
	{ "a token of the role", &all, "/viewer", "Bearer", "reading", 200, "token:reader viewer" },
	{ "a token of a lower role", &all, "/editor", "Bearer", "reading", 403, "token:reader has the role viewer, this needs editor" },
	{ "a sender's token to send", &all, "/sender", "Bearer", "sending", 200, "token:prometheus sender" },
	{ "a sender's token to read", &all, "/viewer", "Bearer", "sending", 403, "this needs viewer" },
	{ "a viewer's token to send", &all, "/sender", "Bearer", "reading", 403, "this needs sender" },
	{ "a token that is over", &all, "/viewer", "Bearer", "of yesterday", 401, "this token has expired" },
	{ "an unknown token", &all, "/viewer", "Bearer", "readin", 401, "no such token" },
	{ "no token at all", &all, "/viewer", "Bearer", " ", 401, "no such token" },
	{ "another scheme", &all, "/viewer", "Digest", "reading", 401, "needed" },
	{ "nothing", &all, "/viewer", NULL, NULL, 401, "user name and password, or a token, are needed" },
	{ "nothing where nothing is needed", &all, "/none", NULL, NULL, 200, " none" },
	{ "a wrong token where nothing is needed", &all, "/none", "Bearer", "x", 200, " none" },
	{ "a user who may send", &all, "/sender", "Basic", "am9lOnNlY3JldA==", 200, "joe responder" },
	{ "a user who may not", &all, "/editor", "Basic", "am9lOnNlY3JldA==", 403, "joe has the role responder, this needs editor" },
	{ "a bearer token where there are none", &half_open, "/responder", "Bearer", "reading", 401, "user name and password are needed" },
	{ "nobody, who may read", &half_open, "/viewer", NULL, NULL, 200, " viewer" },
	{ "nobody, who may not", &half_open, "/responder", NULL, NULL, 401, "needed" },
	{ "wrong credentials, where nobody could", &half_open, "/viewer", "Basic", "am9lOnNlY3JlZA==", 401, "needed" },
};
/* clang-format on */

static enum role
needed_by_path(void *arg, const struct http_call *call)
{
	enum role role = ROLE_NONE;

	(void)arg;
	(void)role_from(str_from(http_path(call) + 1), &role);
	return role;
}

static void
handle_named(void *arg, struct http_call *call)
{
	const struct actor *actor = http_actor(call);
	struct buf body = { 0 };

	(void)arg;
	buf_printf(&body, "%s %s", actor->name, role_name(actor->role));
	http_reply(call, 200, "text/plain", &body);
}

static void
open_with_roles(struct guarded *site, const struct guard_options *options)
{
	guarded_open(site, options);
	site->handle = handle_named;
	guard_hook(site->guard, &(struct guard_hooks){ .needed = needed_by_path });
}

START_TEST(a_role_decides)
{
	struct guarded site;
	struct raw raw;
	struct buf head = { 0 };

	open_with_roles(&site, asked[_i].options);
	buf_printf(&head, "GET %s HTTP/1.1\r\nHost: x\r\n", asked[_i].path);
	if (asked[_i].scheme != NULL)
		buf_printf(&head, "Authorization: %s %s\r\n", asked[_i].scheme,
		    asked[_i].credentials);
	buf_puts(&head, "\r\n");
	raw_open(&raw, http_server_port(site.server), head.p);
	DRIVE_UNTIL(&site.world, raw_has(&raw, asked[_i].says));
	buf_clear(&head);
	buf_printf(&head, "HTTP/1.1 %d ", asked[_i].status);
	ck_assert_msg(raw_has(&raw, head.p), "%s", asked[_i].label);
	ck_assert_msg(raw_has(&raw, "WWW-Authenticate: Basic") == (asked[_i].status == 401),
	    "%s", asked[_i].label);
	buf_fini(&head);
	raw_close(&raw);
	guarded_close(&site);
}
END_TEST

#define FROM(method, origin)                               \
	method " /responder HTTP/1.1\r\nOrigin: " origin \
	       "\r\nAuthorization: Basic am9lOnNlY3JldA==\r\n"

static const struct {
	const char *label, *head;
	int status;
} sites[] = {
	{ "a remembered password", "POST /responder HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\n"
				   "Authorization: Basic am9lOnNlY3JldA==\r\n",
	    403 },
	{ "what nobody has to say",
	    "DELETE /none HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\n", 403 },
	{ "a token, which no browser remembers",
	    "POST /sender HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\n"
	    "Authorization: Bearer sending\r\n",
	    200 },
	{ "the question whether it may", "OPTIONS /none HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\n",
	    200 },
	{ "reading", "GET /none HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\n", 200 },
	{ "our own page", "POST /none HTTP/1.1\r\nSec-Fetch-Site: same-origin\r\n", 200 },
	{ "a page beside ours", "POST /none HTTP/1.1\r\nSec-Fetch-Site: same-site\r\n", 200 },
	{ "an origin where browsers tell no more", FROM("POST", "http://evil.example"), 403 },
	{ "it deletes", FROM("DELETE", "http://evil.example"), 403 },
	{ "it reads", FROM("GET", "http://evil.example"), 200 },
	{ "it asks whether it may", FROM("OPTIONS", "http://evil.example"), 200 },
	{ "another port is another site", FROM("POST", "http://x:8080"), 403 },
	{ "a longer name", FROM("POST", "http://x.evil.example"), 403 },
	{ "no URL", FROM("POST", "x"), 403 },
	{ "our own page, over plain HTTP", FROM("POST", "http://X"), 200 },
	{ "with the port that goes without saying", FROM("POST", "http://x:80"), 200 },
	{ "with TLS before us", FROM("POST", "https://x:443"), 200 },
	{ "the port of the other scheme", FROM("POST", "http://x:443"), 403 },
	{ "our address before a proxy", FROM("POST", "https://tocsin.example"), 200 },
	{ "one that ends like it", FROM("POST", "https://not-tocsin.example"), 403 },
	{ "a page that hides, with its own proof", "POST /none HTTP/1.1\r\nOrigin: null\r\n", 200 },
	{ "a page that hides", FROM("POST", "null"), 403 },
};

START_TEST(a_token_that_nobody_looks_at_excuses_no_page)
{
	struct guarded site;
	struct raw raw;

	open_with_roles(&site, &(struct guard_options){ .anonymous = ROLE_ADMIN });
	raw_open(&raw, http_server_port(site.server),
	    "POST /editor HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\n"
	    "Authorization: Bearer any\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 0\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "external-url"));
	ck_assert(raw_has(&raw, "HTTP/1.1 403 "));
	raw_close(&raw);
	guarded_close(&site);
}
END_TEST

START_TEST(a_page_of_another_site_changes_nothing)
{
	struct buf head = { 0 };
	struct guarded site;
	struct raw raw;

	open_with_roles(&site, &all);
	guard_set_home(site.guard, "https://tocsin.example/alerts");
	buf_printf(&head, "%sHost: x\r\nContent-Length: 0\r\n\r\n", sites[_i].head);
	raw_open(&raw, http_server_port(site.server), head.p);
	buf_clear(&head);
	buf_printf(&head, "HTTP/1.1 %d ", sites[_i].status);
	DRIVE_UNTIL(&site.world, raw_has(&raw, "\r\n\r\n"));
	ck_assert_msg(raw_has(&raw, head.p), "%s", sites[_i].label);
	buf_fini(&head);
	raw_close(&raw);
	guarded_close(&site);
}
END_TEST

static const struct {
	const char *label, *headers, *peer;
} forwards[] = {
	{ "nobody in between", "", "127.0.0.1" },
	{ "a proxy says for whom", "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1" },
	{ "what the client wrote itself does not count",
	    "X-Forwarded-For: 198.51.100.1, 192.0.2.1\r\n", "192.0.2.1" },
	{ "not in a line of its own, either",
	    "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1" },
	{ "two of our proxies", "X-Forwarded-For: 198.51.100.1, 192.0.2.1, 10.0.0.7\r\n",
	    "192.0.2.1" },
	{ "IPv6", "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1" },
	{ "nonsense", "X-Forwarded-For: unknown\r\n", "127.0.0.1" },
	{ "nonsense behind a proxy", "X-Forwarded-For: unknown, 10.0.0.7\r\n", "10.0.0.7" },
	{ "only our own", "X-Forwarded-For: 10.0.0.8, 10.0.0.7\r\n", "10.0.0.8" },
};

static void
say_peer(void *arg, struct http_call *call)
{
	struct buf body = { 0 };

	(void)arg;
	buf_printf(&body, "<%s>", http_peer(call));
	http_reply(call, 200, "text/plain", &body);
}

START_TEST(a_trusted_proxy_says_who_asks)
{
	static const char *const trusted[] = { "127.0.0.0/8", "10.0.0.0/8" };
	struct network proxies[2];
	struct buf text = { 0 };
	struct guarded site;
	struct err err = { 0 };
	struct raw raw;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(network_parse(str_from(trusted[i]), &proxies[i], &err), 0);
	for (uint32_t n = 0; n <= 2; n += 2) {
		guarded_open(&site, &(struct guard_options){ .anonymous = ROLE_ADMIN,
				     .proxies = proxies,
				     .n_proxies = n });
		site.handle = say_peer;
		buf_clear(&text);
		buf_printf(&text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", forwards[_i].headers);
		raw_open(&raw, http_server_port(site.server), text.p);
		DRIVE_UNTIL(&site.world, raw_has(&raw, ">"));
		buf_clear(&text);
		buf_printf(&text, "<%s>", n == 0 ? "127.0.0.1" : forwards[_i].peer);
		ck_assert_msg(raw_has(&raw, text.p), "%s", forwards[_i].label);
		raw_close(&raw);
		guarded_close(&site);
	}
	buf_fini(&text);
}
END_TEST

static void
on_failed(void *arg, const char *peer, const char *user, bool throttled)
{
	ck_assert_str_eq(peer, "127.0.0.1");
	buf_printf(arg, "%s %s;", throttled ? "throttled" : "failed", user);
}

START_TEST(failures_are_reported_when_they_begin_and_when_they_close)
{
	struct buf reports = { 0 };
	struct outcome outcome;
	struct guarded site;
	char password[24];

	guarded_open(&site, &only_joe);
	guard_hook(site.guard, &(struct guard_hooks){ .arg = &reports, .failed = on_failed });
	for (int i = 0; i < 2 * THROTTLE_FAILURES_MAX; i++) {
		snprintf(password, sizeof(password), "guess %d", i);
		perform(&site.world,
		    guarded_login(&site, i < 5 ? "jim" : "joe", password), &outcome);
	}
	ck_assert_str_eq(buf_str(&reports).p, "failed ;throttled joe;");
	buf_fini(&reports);
	guarded_close(&site);
}
END_TEST

START_TEST(a_user_who_was_removed_meanwhile_is_not_let_in)
{
	struct outcome outcome;
	struct guarded site;

	static const struct guard_user slow = { "joe",
		"$2b$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u", ROLE_ADMIN };

	guarded_open(&site, &(struct guard_options){ .users = &slow, .n_users = 1 });
	submit(&site.world, guarded_login(&site, "joe", "secret"), &outcome);
	DRIVE_UNTIL(&site.world, guard_checks(site.guard) == 1);
	guard_set(site.guard, &(struct guard_options){ .tokens = tokens, .n_tokens = 1 });
	DRIVE_UNTIL(&site.world, outcome.times != 0);
	ck_assert_int_eq(outcome.response.status, 401);
	guarded_close(&site);
}
END_TEST

/* clang-format off */
static const struct { const char *label, *hash, *says; } hashes[] = {
	{ "bcrypt", HASH_SECRET, NULL },
	{ "a plain password", "secret", "no bcrypt hash" },
	{ "another kind of hash", "$6$rounds=5000$abcdefgh$ijklmnopqrstuvwxyz0123456789012345", "no bcrypt hash" },
	{ "one letter too few", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIr", "no bcrypt hash" },
	{ "a letter that is none of bcrypt's", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIr=", "no bcrypt hash" },
	{ "a cost below what there is", "$2b$03$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "cost of 3" },
	{ "a cost of minutes", "$2b$17$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "cost of 17" },
};
/* clang-format on */

START_TEST(a_hash_is_looked_at_when_it_is_read)
{
	struct err err = { .code = ERR_NONE };
	int rc = password_hash_check(hashes[_i].hash, &err);

	ck_assert_msg((rc == 0) == (hashes[_i].says == NULL), "%s",
	    hashes[_i].label);
	if (rc < 0)
		ck_assert_ptr_nonnull(strstr(err.text, hashes[_i].says));
}
END_TEST

Suite *
suite_guard_roles(void)
{
	Suite *suite = suite_create("net guard roles");
	TCase *tc = tcase_create("roles");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, a_role_decides, 0, (int)ARRAY_LEN(asked));
	tcase_add_loop_test(
	    tc, a_page_of_another_site_changes_nothing, 0, (int)ARRAY_LEN(sites));
	tcase_add_test(tc, a_token_that_nobody_looks_at_excuses_no_page);
	tcase_add_loop_test(tc, a_trusted_proxy_says_who_asks, 0, (int)ARRAY_LEN(forwards));
	tcase_add_test(tc, failures_are_reported_when_they_begin_and_when_they_close);
	tcase_add_test(tc, a_user_who_was_removed_meanwhile_is_not_let_in);
	tcase_add_loop_test(tc, a_hash_is_looked_at_when_it_is_read, 0,
	    (int)ARRAY_LEN(hashes));
	suite_add_tcase(suite, tc);
	return suite;
}
