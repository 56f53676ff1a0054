/* SPDX-License-Identifier: Apache-2.0 */
/* Users before the handler: who gets in, at what price, and when nobody does. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/guard.h"
#include "net/password.h"
#include "net_world.h"

/* "secret", at the lowest cost. */
#define HASH_SECRET "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"

struct site {
	struct world world;
	struct guard *guard;
	struct http_server *server;
	uint32_t served;
};

static void
handle(void *arg, struct http_call *call)
{
	struct site *site = arg;
	struct buf body = { 0 };

	site->served++;
	buf_printf(&body, "in, %u bytes", http_body(call).n);
	http_reply(call, 200, "text/plain", &body);
}

static void
site_open(struct site *site, const struct guard_options *options)
{
	struct err err = { .code = ERR_NONE };
	struct http_gate gate = { 0 };

	*site = (struct site){ 0 };
	world_open(&site->world);
	site->guard = guard_new(site->world.loop);
	guard_set(site->guard, options);
	gate = (struct http_gate){ .admit = guard_admit, .arg = site->guard };
	site->server = http_server_new_gated(site->world.loop, "127.0.0.1:0",
	    &(struct http_limits){ .body_bytes_max = 1000 }, &gate, handle,
	    site, &err);
	ck_assert_msg(site->server != NULL, "%s", err.text);
}

static void
site_close(struct site *site)
{
	guard_close(site->guard);
	http_server_free(site->server);
	guard_free(site->guard);
	world_close(&site->world);
}

/* The options of several may be in use at once. */
static struct xfer_request *
login(const struct site *site, const char *user, const char *password)
{
	static struct http_options http[32];
	static int turn;
	struct http_options *mine = &http[turn++ % 32];
	struct xfer_request *request =
	    get("http://127.0.0.1:%u/", http_server_port(site->server));

	*mine = (struct http_options){ .basic_username = user,
		.basic_password.value = password };
	request->http = mine;
	return request;
}

static const struct guard_user joe[] = { { "joe", HASH_SECRET } };
static const struct guard_options only_joe = { .users = joe, .n_users = 1 };

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
	struct site site;

	site_open(&site, &only_joe);
	perform(&site.world,
	    login(&site, logins[_i].user, logins[_i].password), &outcome);
	ck_assert_msg(outcome.response.status == logins[_i].status, "%s: %d",
	    logins[_i].label, outcome.response.status);
	ck_assert_uint_eq(site.served, logins[_i].status == 200);
	/* An unknown user costs what a wrong password costs. */
	ck_assert_uint_eq(guard_checks(site.guard), logins[_i].user != NULL);
	site_close(&site);
}
END_TEST

START_TEST(a_refusal_says_how_to_come_in)
{
	struct site site;
	struct raw raw;

	site_open(&site, &only_joe);
	raw_open(&raw, http_server_port(site.server),
	    "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "needed\"}"));
	ck_assert(raw_has(&raw, "HTTP/1.1 401 "));
	ck_assert(raw_has(&raw, "\r\nWWW-Authenticate: Basic realm="));
	ck_assert(raw_has(&raw, "\r\nContent-Type: application/json\r\n"));
	raw_close(&raw);
	site_close(&site);
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
	struct site site;

	site_open(&site, &only_joe);
	for (size_t i = 0; i < ARRAY_LEN(outcomes_of); i++)
		submit(&site.world, login(&site, "joe", "secret"),
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
		    "AAA" },
		.n_users = 1 });
	perform(&site.world, login(&site, "joe", "secret"), &outcome);
	ck_assert_int_eq(outcome.response.status, 401);
	ck_assert_uint_eq(guard_checks(site.guard), 2);
	site_close(&site);
}
END_TEST

START_TEST(too_many_failures_are_not_compared_any_more)
{
	char passwords[GUARD_FAILURES_MAX][16];
	struct outcome outcome;
	struct site site;

	site_open(&site, &only_joe);
	perform(&site.world, login(&site, "joe", "secret"), &outcome);
	for (int i = 0; i < GUARD_FAILURES_MAX; i++) {
		snprintf(passwords[i], sizeof(passwords[i]), "guess %d", i);
		perform(
		    &site.world, login(&site, "joe", passwords[i]), &outcome);
		ck_assert_int_eq(outcome.response.status, 401);
	}
	perform(&site.world, login(&site, "joe", "one more"), &outcome);
	ck_assert_int_eq(outcome.response.status, 429);
	ck_assert(outcome.response.has_retry_after);
	ck_assert(outcome.response.retry_after.ns <= DUR_S(61).ns);
	ck_assert_uint_eq(guard_checks(site.guard), 1 + GUARD_FAILURES_MAX);
	/* Who has been in comes in again. */
	perform(&site.world, login(&site, "joe", "secret"), &outcome);
	ck_assert_int_eq(outcome.response.status, 200);
	site_close(&site);
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
	struct site site;

	site_open(&site, &only_joe);
	request = login(&site, "joe", posts[_i].password);
	request->method = "POST";
	for (uint32_t i = 0; i < posts[_i].bytes; i++)
		buf_putc(&request->body, 'b');
	perform(&site.world, request, &outcome);
	ck_assert_msg(outcome.response.status == posts[_i].status, "%s: %d",
	    posts[_i].label, outcome.response.status);
	ck_assert_msg(strstr(outcome.body, posts[_i].says) != NULL, "%s: %s",
	    posts[_i].label, outcome.body);
	site_close(&site);
}
END_TEST

START_TEST(a_shutdown_while_passwords_are_compared_answers_nobody_twice)
{
	struct outcome outcome[3];
	struct site site;

	site_open(&site, &only_joe);
	submit(&site.world, login(&site, "joe", "secret"), &outcome[0]);
	submit(&site.world, login(&site, "joe", "wrong"), &outcome[1]);
	submit(&site.world, login(&site, "jim", "secret"), &outcome[2]);
	DRIVE_UNTIL(&site.world, guard_checks(site.guard) == 3);
	site_close(&site); /* the sanitizers look on */
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(outcome[i].times, 1);
}
END_TEST

START_TEST(headers_are_on_every_answer_also_on_refusals)
{
	static const struct http_header headers[] = { { "X-Frame-Options",
	    "deny" } };
	const struct guard_options options = { .users = joe,
		.n_users = 1,
		.headers = headers,
		.n_headers = 1 };
	const struct guard_options open = { .headers = headers,
		.n_headers = 1 };
	struct site site;
	struct raw raw;

	site_open(&site, &options);
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
	site_close(&site);
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
	tcase_add_loop_test(tc, a_hash_is_looked_at_when_it_is_read, 0,
	    (int)ARRAY_LEN(hashes));
	suite_add_tcase(suite, tc);
	return suite;
}
