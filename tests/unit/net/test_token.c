/* SPDX-License-Identifier: Apache-2.0 */
/* OAuth 2.0 tokens: asked for once, kept, renewed; what comes of refusals. */
#include "config.h"

#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/client.h"
#include "net/oauth2.h"
#include "net_world.h"

#define START ((wall_t){ INT64_C(1700000000000000000) })

/* A simulated network: a token server and what it protects. */
struct stage {
	struct world world;
	uint32_t asked;        /* tokens */
	uint32_t served;       /* other requests */
	int token_status;      /* 0: 200 */
	const char *token_body; /* NULL: {"access_token":"t<asked>",...} */
	bool wants_form;
	bool unreachable;
	const char *good; /* the one token that is accepted; NULL: any */
	dur_t delay;
	char form[512], user[64], said[256], seen[64];
};

static struct oauth2_options options = {
	.client_id = "me & you",
	.client_secret.value = "s3cr3t",
	.token_url = "https://user:pw@auth.example/token?x=1",
	.scopes = (const char *const[]){ "read", "write:all" },
	.n_scopes = 2,
	.params = (const struct http_header[]){ { "audience", "a/b" } },
	.n_params = 1,
};

static const struct http_options http = { .oauth2 = &options };

static void
answer_token(struct stage *stage, const struct xfer_request *request,
    struct xfer_response *response)
{
	const char *user = request->http->basic_username;

	stage->asked++;
	snprintf(stage->form, sizeof(stage->form), "%s", request->body.p);
	snprintf(
	    stage->user, sizeof(stage->user), "%s", user != NULL ? user : "");
	snprintf(stage->said, sizeof(stage->said),
	    "{\"access_token\":\"t%u\",\"token_type\":\"bearer\","
	    "\"expires_in\":100}",
	    stage->asked);
	response->status = stage->token_status != 0 ? stage->token_status : 200;
	response->body = str_from(
	    stage->token_body != NULL ? stage->token_body : stage->said);
	if (stage->wants_form && user != NULL) {
		response->status = 401;
		response->body = STR("{\"error\":\"invalid_client\"}");
	}
	if (stage->unreachable) {
		response->failure = ERR_IO;
		snprintf(response->failure_text, sizeof(response->failure_text),
		    "connection refused");
	}
}

static dur_t
play(void *arg, const struct xfer_request *request,
    struct xfer_response *response)
{
	struct stage *stage = arg;

	if (strstr(request->url.p, "/token") != NULL) {
		answer_token(stage, request, response);
		return stage->delay;
	}
	stage->served++;
	snprintf(stage->seen, sizeof(stage->seen), "%s",
	    request->authorization != NULL ? request->authorization : "none");
	response->status =
	    stage->good == NULL || strcmp(stage->good, stage->seen) == 0 ? 200
									 : 401;
	return DUR_MS(10);
}

static void
stage_open(struct stage *stage)
{
	*stage = (struct stage){ .delay = DUR_MS(20) };
	outcomes = 0;
	stage->world.loop = loop_new_virtual(START);
	stage->world.xfer = xfer_new_scripted(stage->world.loop, play, stage);
	xfer_lane_init(&stage->world.lane, 64);
}

static void
stage_close(struct stage *stage)
{
	xfer_free(stage->world.xfer);
	loop_free(stage->world.loop);
}

static struct xfer_request *
ask(void)
{
	struct xfer_request *request = get("https://api.example/");

	request->http = &http;
	return request;
}

static void
advance(struct stage *stage, dur_t by)
{
	loop_run_until(stage->world.loop, wall_add(loop_now(stage->world.loop), by));
}

static void
ask_and_wait(struct stage *stage, struct outcome *outcome)
{
	submit(&stage->world, ask(), outcome);
	advance(stage, DUR_S(1));
	ck_assert_uint_eq(outcome->times, 1);
}

START_TEST(one_token_serves_all_that_wait_and_all_that_come)
{
	struct outcome outcome[5];
	struct stage stage;

	stage_open(&stage);
	for (int i = 0; i < 4; i++)
		submit(&stage.world, ask(), &outcome[i]);
	ck_assert_uint_eq(stage.served, 0);
	advance(&stage, DUR_S(1));
	ask_and_wait(&stage, &outcome[4]);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(outcome[i].response.status, 200);
	ck_assert_uint_eq(stage.asked, 1);
	ck_assert_uint_eq(stage.served, 5);
	ck_assert_str_eq(stage.seen, "Bearer t1");
	ck_assert_str_eq(stage.user, "me%20%26%20you");
	ck_assert_str_eq(stage.form,
	    "grant_type=client_credentials&scope=read%20write%3Aall&"
	    "audience=a%2Fb");
	stage_close(&stage);
}
END_TEST

START_TEST(a_token_is_renewed_before_it_expires)
{
	struct outcome outcome;
	struct stage stage;

	stage_open(&stage);
	ask_and_wait(&stage, &outcome);
	advance(&stage, DUR_S(87));
	ask_and_wait(&stage, &outcome);
	ck_assert_uint_eq(stage.asked, 1);
	advance(&stage, DUR_S(2));
	ask_and_wait(&stage, &outcome);
	ck_assert_uint_eq(stage.asked, 2);
	ck_assert_str_eq(stage.seen, "Bearer t2");
	stage_close(&stage);
}
END_TEST

START_TEST(a_refused_token_is_renewed_once)
{
	struct outcome outcome;
	struct stage stage;

	stage_open(&stage);
	stage.good = "Bearer t2";
	ask_and_wait(&stage, &outcome);
	ck_assert_int_eq(outcome.response.status, 200);
	ck_assert_uint_eq(stage.asked, 2);
	ck_assert_uint_eq(stage.served, 2);
	stage.good = "nothing";
	ask_and_wait(&stage, &outcome);
	ck_assert_int_eq(outcome.response.status, 401);
	ck_assert_uint_eq(stage.asked, 3);
	ck_assert_uint_eq(stage.served, 4);
	stage_close(&stage);
}
END_TEST

START_TEST(a_server_that_wants_the_secret_in_the_form_gets_it_there)
{
	struct outcome outcome;
	struct stage stage;

	stage_open(&stage);
	stage.wants_form = true;
	ask_and_wait(&stage, &outcome);
	ck_assert_int_eq(outcome.response.status, 200);
	ck_assert_uint_eq(stage.asked, 2);
	ck_assert_ptr_nonnull(strstr(
	    stage.form, "&client_id=me%20%26%20you&client_secret=s3cr3t"));
	advance(&stage, DUR_S(100));
	ask_and_wait(&stage, &outcome); /* it is known by now */
	ck_assert_uint_eq(stage.asked, 3);
	stage_close(&stage);
}
END_TEST

/* clang-format off */
static const struct {
	const char *label;
	bool unreachable;
	int status;
	const char *body;
	enum err_code failure;
	const char *says;
} refusals[] = {
	{ "the server cannot be reached", true, 0, NULL, ERR_IO, "token from https://auth.example/token: connection refused" },
	{ "it says why", false, 400, "{\"error\":\"invalid_scope\",\"error_description\":\"no\\nsuch\"}", ERR_REMOTE, "token from https://auth.example/token: status 400: invalid_scope: no such" },
	{ "it says nothing useful", false, 502, "<html>", ERR_REMOTE, "status 502" },
	{ "there is no token in it", false, 200, "{\"token\":\"x\"}", ERR_REMOTE, "no access_token" },
	{ "an empty token", false, 200, "{\"access_token\":\"\"}", ERR_REMOTE, "no access_token" },
	{ "no JSON", false, 200, "access_token=x", ERR_REMOTE, "no JSON object" },
	{ "JSON cut short", false, 200, "{\"access_token\":\"x\"", ERR_REMOTE, "no JSON object" },
	{ "a line break in the token", false, 200, "{\"access_token\":\"x\\r\\nHost: y\"}", ERR_REMOTE, "control characters" },
	{ "a NUL in the token", false, 200, "{\"access_token\":\"x\\u0000y\"}", ERR_REMOTE, "control characters" },
};
/* clang-format on */

START_TEST(without_a_token_nothing_is_sent)
{
	struct outcome outcome[2];
	struct stage stage;

	stage_open(&stage);
	stage.unreachable = refusals[_i].unreachable;
	stage.token_status = refusals[_i].status;
	stage.token_body = refusals[_i].body;
	submit(&stage.world, ask(), &outcome[0]);
	submit(&stage.world, ask(), &outcome[1]);
	advance(&stage, DUR_S(1));
	for (int i = 0; i < 2; i++) {
		const char *text = outcome[i].response.failure_text;

		ck_assert_uint_eq(outcome[i].times, 1);
		ck_assert_msg(
		    outcome[i].response.failure == refusals[_i].failure,
		    "%s: %d", refusals[_i].label,
		    (int)outcome[i].response.failure);
		ck_assert_msg(strstr(text, refusals[_i].says) != NULL,
		    "%s: %s", refusals[_i].label, text);
		ck_assert_ptr_null(strstr(text, "s3cr3t"));
		ck_assert_ptr_null(strstr(text, "pw@"));
		ck_assert(!outcome[i].response.maybe_received);
	}
	ck_assert_uint_eq(stage.served, 0);
	/* The next one tries again. */
	stage.unreachable = false;
	stage.token_status = 0;
	stage.token_body = NULL;
	ask_and_wait(&stage, &outcome[0]);
	ck_assert_int_eq(outcome[0].response.status, 200);
	stage_close(&stage);
}
END_TEST

START_TEST(who_leaves_takes_no_token_from_the_others)
{
	struct xfer_request *requests[3];
	struct outcome outcome[3];
	struct stage stage;

	stage_open(&stage);
	for (int i = 0; i < 3; i++) {
		requests[i] = ask();
		submit(&stage.world, requests[i], &outcome[i]);
	}
	xfer_cancel(stage.world.xfer, requests[0]); /* the fetch was for it */
	xfer_cancel(stage.world.xfer, requests[2]);
	advance(&stage, DUR_S(1));
	ck_assert_int_eq(outcome[0].response.failure, ERR_CANCELLED);
	ck_assert_int_eq(outcome[1].response.status, 200);
	ck_assert_int_eq(outcome[2].response.failure, ERR_CANCELLED);
	ck_assert_uint_eq(stage.served, 1);
	stage_close(&stage);
}
END_TEST

START_TEST(the_end_cancels_those_that_wait_for_a_token)
{
	struct xfer_request *first = ask();
	struct outcome outcome[3];
	struct stage stage;

	stage_open(&stage);
	submit(&stage.world, first, &outcome[0]);
	submit(&stage.world, ask(), &outcome[1]);
	submit(&stage.world, ask(), &outcome[2]);
	xfer_cancel(stage.world.xfer, first);
	stage_close(&stage);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(outcome[i].times, 1);
		ck_assert_int_eq(outcome[i].response.failure, ERR_CANCELLED);
	}
}
END_TEST

START_TEST(an_unreadable_secret_is_said)
{
	struct oauth2_options unreadable = options;
	struct http_options with = { .oauth2 = &unreadable };
	struct xfer_request *request = ask();
	struct outcome outcome;
	struct stage stage;

	stage_open(&stage);
	unreadable.client_secret = (struct secret){ .file = "/nonexistent/s" };
	request->http = &with;
	submit(&stage.world, request, &outcome);
	advance(&stage, DUR_S(1));
	ck_assert_int_eq(outcome.response.failure, ERR_INVALID);
	ck_assert_ptr_nonnull(
	    strstr(outcome.response.failure_text, "/nonexistent/s"));
	stage_close(&stage);
}
END_TEST

/* clang-format off */
static const struct { const char *label, *body, *header; int64_t seconds; } answers[] = {
	{ "no type is Bearer", "{\"access_token\":\"x\"}", "Bearer x", 0 },
	{ "types have no case", "{\"access_token\":\"x\",\"token_type\":\"BEARER\"}", "Bearer x", 0 },
	{ "a type of its own", "{\"token_type\":\"GenieKey\",\"access_token\":\"x\"}", "GenieKey x", 0 },
	{ "a margin is kept", "{\"access_token\":\"x\",\"expires_in\":3600}", "Bearer x", 3590 },
	{ "seconds as a text", "{\"access_token\":\"x\",\"expires_in\":\"3600\"}", "Bearer x", 3590 },
	{ "half of a short life", "{\"access_token\":\"x\",\"expires_in\":8}", "Bearer x", 4 },
	{ "no number is none", "{\"access_token\":\"x\",\"expires_in\":null}", "Bearer x", 0 },
	{ "a negative one is none", "{\"access_token\":\"x\",\"expires_in\":-5}", "Bearer x", 0 },
	{ "forever is a year", "{\"access_token\":\"x\",\"expires_in\":1e300}", "Bearer x", 365 * 86400 - 10 },
};
/* clang-format on */

START_TEST(an_answer_is_read)
{
	struct err err = { .code = ERR_NONE };
	char *header = NULL;
	dur_t lifetime;

	ck_assert_int_eq(oauth2_answer_read(&options, 200,
			     str_from(answers[_i].body), &header, &lifetime,
			     &err),
	    0);
	ck_assert_str_eq(header, answers[_i].header);
	ck_assert_msg(lifetime.ns / DUR_S(1).ns == answers[_i].seconds,
	    "%s: %lld", answers[_i].label, (long long)lifetime.ns);
	free(header);
}
END_TEST

/* --- on the wire --------------------------------------------------------------- */

struct site {
	struct world world;
	struct http_server *server;
	uint32_t asked;
};

static void
handle(void *arg, struct http_call *call)
{
	struct site *site = arg;
	const char *authorization = http_header_value(call, "Authorization");

	if (strcmp(http_path(call), "/token") == 0) {
		site->asked++;
		/* client:s3cr3t */
		ck_assert_str_eq(authorization, "Basic Y2xpZW50OnMzY3IzdA==");
		ck_assert_str_eq(http_param(call, "grant_type", 0),
		    "client_credentials");
		http_reply_text(call, 200, "application/json",
		    "{\"access_token\":\"abc\",\"expires_in\":60}");
	} else {
		http_reply_text(call, 200, NULL,
		    authorization != NULL ? authorization : "none");
	}
}

START_TEST(both_clients_bring_a_token_over_the_wire)
{
	char token_url[64], url[64];
	struct oauth2_options small = { .client_id = "client",
		.client_secret.value = "s3cr3t",
		.token_url = token_url };
	struct http_options with = { .oauth2 = &small };
	struct client_answer answer = { 0 };
	struct err err = { .code = ERR_NONE };
	struct xfer_request *request;
	struct site site = { 0 };
	struct outcome outcome;
	int status = -1;
	pid_t pid;

	world_open(&site.world);
	site.server = http_server_new(
	    site.world.loop, "127.0.0.1:0", NULL, handle, &site, &err);
	ck_assert_ptr_nonnull(site.server);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/x",
	    http_server_port(site.server));
	snprintf(token_url, sizeof(token_url), "http://127.0.0.1:%u/token",
	    http_server_port(site.server));
	request = get("%s", url);
	request->http = &with;
	perform(&site.world, request, &outcome);
	ck_assert_str_eq(outcome.body, "Bearer abc");

	pid = fork(); /* the blocking client, while this side serves */
	if (pid == 0) {
		int rc = client_request(
		    "GET", url, NULL, STR(""), &with, &answer, &err);

		_exit(rc == 0 && strcmp(answer.body.p, "Bearer abc") == 0 ? 0
									  : 1);
	}
	DRIVE_UNTIL(&site.world, waitpid(pid, &status, WNOHANG) == pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(site.asked, 2);
	http_server_free(site.server);
	world_close(&site.world);
}
END_TEST

Suite *
suite_token(void)
{
	Suite *suite = suite_create("net token");
	TCase *tc = tcase_create("token");

	tcase_add_test(tc, one_token_serves_all_that_wait_and_all_that_come);
	tcase_add_test(tc, a_token_is_renewed_before_it_expires);
	tcase_add_test(tc, a_refused_token_is_renewed_once);
	tcase_add_test(
	    tc, a_server_that_wants_the_secret_in_the_form_gets_it_there);
	tcase_add_loop_test(tc, without_a_token_nothing_is_sent, 0,
	    (int)ARRAY_LEN(refusals));
	tcase_add_test(tc, who_leaves_takes_no_token_from_the_others);
	tcase_add_test(tc, the_end_cancels_those_that_wait_for_a_token);
	tcase_add_test(tc, an_unreadable_secret_is_said);
	tcase_add_loop_test(
	    tc, an_answer_is_read, 0, (int)ARRAY_LEN(answers));
	tcase_add_test(tc, both_clients_bring_a_token_over_the_wire);
	suite_add_tcase(suite, tc);
	return suite;
}
