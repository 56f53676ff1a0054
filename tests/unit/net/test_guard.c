/* SPDX-License-Identifier: Apache-2.0 */
/* Users before the handler: who gets in, at what price, and when nobody does. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guarded.h"
#include "net/password.h"
#include "net/throttle.h"

static const struct {
	const char *label, *user, *password;
	int status;
} logins[] = {
	{ "the right password", "joe", "secret", 200 },
	{ "a wrong one", "joe", "Secret", 401 },
	{ "an empty one", "joe", "", 401 },
	{ "an unknown user with a known password", "jim", "secret", 401 },
	{ "no user", "", "secret", 401 },
	{ "no credentials", NULL, NULL, 401 },
};

START_TEST(only_a_known_user_with_the_right_password_gets_in)
{
	struct outcome outcome;
	struct guarded site;

	guarded_open(&site, &only_joe);
	perform(&site.world,
	    guarded_login(&site, logins[_i].user, logins[_i].password), &outcome);
	ck_assert_msg(outcome.response.status == logins[_i].status, "%s: %d",
	    logins[_i].label, outcome.response.status);
	ck_assert_uint_eq(site.served, logins[_i].status == 200);
	/* An unknown user costs what a wrong password costs. */
	ck_assert_uint_eq(guard_checks(site.guard), logins[_i].user != NULL);
	guarded_close(&site);
}
END_TEST

START_TEST(a_refusal_says_how_to_come_in)
{
	struct guarded site;
	struct raw raw;

	guarded_open(&site, &only_joe);
	raw_open(&raw, http_server_port(site.server),
	    "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "needed\"}"));
	ck_assert(raw_has(&raw, "HTTP/1.1 401 "));
	ck_assert(raw_has(&raw, "\r\nWWW-Authenticate: Basic realm="));
	ck_assert(raw_has(&raw, "\r\nContent-Type: application/json\r\n"));
	raw_close(&raw);
	guarded_close(&site);
}
END_TEST

/* clang-format off */
static const struct { const char *label, *header; } malformed[] = {
	{ "another scheme", "Bearer am9lOnNlY3JldA==" },
	{ "nothing behind the scheme", "Basic " },
	{ "no base64", "Basic am9l!nNlY3JldA=" },
	{ "base64 cut short", "Basic am9lOnNlY3JldA=" },
	{ "padding alone", "Basic ====" },
	{ "no colon", "Basic am9l" },
	{ "a NUL inside", "Basic am9lOgBzZWNyZXQ=" },
};
/* clang-format on */

START_TEST(malformed_credentials_are_refused_without_a_check)
{
	char *user = NULL, *password = NULL;

	ck_assert_msg(
	    !password_read_basic(malformed[_i].header, &user, &password), "%s",
	    malformed[_i].label);
	ck_assert_ptr_null(user);
}
END_TEST

START_TEST(credentials_are_split_at_the_first_colon)
{
	char *user, *password;

	ck_assert(
	    password_read_basic("basic am9lOmE6Yg==", &user, &password));
	ck_assert_str_eq(user, "joe");
	ck_assert_str_eq(password, "a:b");
	free(user);
	free(password);
}
END_TEST

START_TEST(a_right_password_is_compared_once)
{
	static struct outcome outcomes_of[20]; /* too much for a stack */
	struct outcome outcome;
	struct guarded site;

	guarded_open(&site, &only_joe);
	for (size_t i = 0; i < ARRAY_LEN(outcomes_of); i++)
		submit(&site.world, guarded_login(&site, "joe", "secret"),
		    &outcomes_of[i]);
	for (size_t i = 0; i < ARRAY_LEN(outcomes_of); i++) {
		DRIVE_UNTIL(&site.world, outcomes_of[i].times != 0);
		ck_assert_int_eq(outcomes_of[i].response.status, 200);
	}
	ck_assert_uint_eq(guard_checks(site.guard), 1);
	/* The same user with another hash is another password. */
	guard_set(site.guard,
	    &(struct guard_options){
		.users = &(struct guard_user){ "joe",
		    "$2b$04$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		    "AAA", ROLE_ADMIN },
		.n_users = 1 });
	perform(&site.world, guarded_login(&site, "joe", "secret"), &outcome);
	ck_assert_int_eq(outcome.response.status, 401);
	ck_assert_uint_eq(guard_checks(site.guard), 2);
	guarded_close(&site);
}
END_TEST

START_TEST(too_many_failures_are_not_compared_any_more)
{
	char passwords[THROTTLE_FAILURES_MAX][24];
	struct outcome outcome;
	struct guarded site;

	guarded_open(&site, &only_joe);
	perform(&site.world, guarded_login(&site, "joe", "secret"), &outcome);
	for (int i = 0; i < THROTTLE_FAILURES_MAX; i++) {
		snprintf(passwords[i], sizeof(passwords[i]), "guess %d", i);
		perform(
		    &site.world, guarded_login(&site, "joe", passwords[i]), &outcome);
		ck_assert_int_eq(outcome.response.status, 401);
	}
	perform(&site.world, guarded_login(&site, "joe", "one more"), &outcome);
	ck_assert_int_eq(outcome.response.status, 429);
	ck_assert(outcome.response.has_retry_after);
	ck_assert(outcome.response.retry_after.ns <= DUR_S(61).ns);
	ck_assert_uint_eq(guard_checks(site.guard), 1 + THROTTLE_FAILURES_MAX);
	/* Who has been in comes in again. */
	perform(&site.world, guarded_login(&site, "joe", "secret"), &outcome);
	ck_assert_int_eq(outcome.response.status, 200);
	guarded_close(&site);
}
END_TEST

static const struct {
	const char *label, *password;
	uint32_t bytes;
	int status;
	const char *says;
} posts[] = {
	{ "a body waits for its password", "secret", 900, 200, "in, 900 bytes" },
	{ "a request without a body", "secret", 0, 200, "in, 0 bytes" },
	{ "a refused body is not kept", "wrong", 900, 401, "needed" },
	{ "a body that is too large is said so to a user", "secret", 2000, 413,
	    "too large" },
	{ "and to nobody else", "wrong", 2000, 401, "needed" },
};

START_TEST(a_body_comes_after_its_password)
{
	struct xfer_request *request;
	struct outcome outcome;
	struct guarded site;

	guarded_open(&site, &only_joe);
	request = guarded_login(&site, "joe", posts[_i].password);
	request->method = "POST";
	for (uint32_t i = 0; i < posts[_i].bytes; i++)
		buf_putc(&request->body, 'b');
	perform(&site.world, request, &outcome);
	ck_assert_msg(outcome.response.status == posts[_i].status, "%s: %d",
	    posts[_i].label, outcome.response.status);
	ck_assert_msg(strstr(outcome.body, posts[_i].says) != NULL, "%s: %s",
	    posts[_i].label, outcome.body);
	guarded_close(&site);
}
END_TEST

START_TEST(a_shutdown_while_passwords_are_compared_answers_nobody_twice)
{
	struct outcome outcome[3];
	struct guarded site;

	guarded_open(&site, &only_joe);
	submit(&site.world, guarded_login(&site, "joe", "secret"), &outcome[0]);
	submit(&site.world, guarded_login(&site, "joe", "wrong"), &outcome[1]);
	submit(&site.world, guarded_login(&site, "jim", "secret"), &outcome[2]);
	DRIVE_UNTIL(&site.world, guard_checks(site.guard) == 3);
	guarded_close(&site); /* the sanitizers look on */
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(outcome[i].times, 1);
}
END_TEST

START_TEST(headers_are_on_every_answer_also_on_refusals)
{
	static const struct http_header headers[] = { { "X-Frame-Options",
	    "deny" } };
	const struct guard_options options = { .users = only_joe.users,
		.n_users = 1,
		.headers = headers,
		.n_headers = 1 };
	const struct guard_options open = { .headers = headers,
		.n_headers = 1,
		.anonymous = ROLE_ADMIN };
	struct guarded site;
	struct raw raw;

	guarded_open(&site, &options);
	raw_open(&raw, http_server_port(site.server),
	    "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "needed\"}"));
	ck_assert(raw_has(&raw, "\r\nX-Frame-Options: deny\r\n"));
	raw_close(&raw);
	/* Without users everybody is let in. */
	guard_set(site.guard, &open);
	raw_open(&raw, http_server_port(site.server),
	    "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "in, 0 bytes"));
	ck_assert(raw_has(&raw, "\r\nX-Frame-Options: deny\r\n"));
	raw_close(&raw);
	guarded_close(&site);
}
END_TEST

Suite *
suite_guard(void)
{
	Suite *suite = suite_create("net guard");
	TCase *tc = tcase_create("guard");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc,
	    only_a_known_user_with_the_right_password_gets_in, 0,
	    (int)ARRAY_LEN(logins));
	tcase_add_test(tc, a_refusal_says_how_to_come_in);
	tcase_add_loop_test(tc,
	    malformed_credentials_are_refused_without_a_check, 0,
	    (int)ARRAY_LEN(malformed));
	tcase_add_test(tc, credentials_are_split_at_the_first_colon);
	tcase_add_test(tc, a_right_password_is_compared_once);
	tcase_add_test(tc, too_many_failures_are_not_compared_any_more);
	tcase_add_loop_test(tc, a_body_comes_after_its_password, 0,
	    (int)ARRAY_LEN(posts));
	tcase_add_test(tc,
	    a_shutdown_while_passwords_are_compared_answers_nobody_twice);
	tcase_add_test(tc, headers_are_on_every_answer_also_on_refusals);
	suite_add_tcase(suite, tc);
	return suite;
}
