/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client: admission, connections, requests. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/client.h"
#include "net_world.h"

#define OK_SHORT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* --- a server that counts and holds ------------------------------------ */

struct backend {
	struct http_server *server;
	uint32_t served, held, held_max;
	struct http_call *calls[512]; /* held back while hold is set */
	bool hold;
	char paths[512][32];
};

static void
serve(void *arg, struct http_call *call)
{
	struct backend *backend = arg;

	snprintf(
	    backend->paths[backend->served++ % 512], 32, "%s", http_path(call));
	if (strcmp(http_path(call), "/moved") == 0) {
		http_add_header(call, "Location", "/target");
		http_reply_text(call, 302, NULL, "");
		return;
	}
	if (strcmp(http_path(call), "/authorization") == 0) {
		const char *value = http_header_value(call, "Authorization");

		http_reply_text(
		    call, 200, "text/plain", value != NULL ? value : "none");
		return;
	}
	if (strcmp(http_path(call), "/body") == 0) {
		struct buf body = { 0 };

		buf_printf(&body, "%s %s %.*s", http_method(call),
		    http_header_value(call, "Content-Type"),
		    STR_ARG(http_body(call)));
		http_reply(call, 200, "text/plain", &body);
		return;
	}
	if (backend->hold) {
		backend->calls[backend->held++] = call;
		if (backend->held > backend->held_max)
			backend->held_max = backend->held;
		return;
	}
	http_reply_text(call, 200, "text/plain", http_path(call));
}

static void
release_one(struct backend *backend)
{
	struct http_call *call = backend->calls[0];

	backend->held--;
	memmove(&backend->calls[0], &backend->calls[1],
	    backend->held * sizeof(call));
	http_reply_text(call, 200, "text/plain", "held");
}

static void
backend_open(struct backend *backend, struct world *world)
{
	struct err err = { .code = ERR_NONE };

	*backend = (struct backend){ 0 };
	backend->server = http_server_new(
	    world->loop, "127.0.0.1:0", NULL, serve, backend, &err);
	ck_assert_msg(backend->server != NULL, "%s", err.text);
}

static uint16_t
port(const struct backend *backend)
{
	return http_server_port(backend->server);
}

/* --- admission --------------------------------------------------------- */

START_TEST(one_connection_serves_request_after_request)
{
	static const struct line lines[] = { { "\r\n\r\n", OK_SHORT, STAY },
		{ "\r\n\r\n", OK_SHORT, STAY }, { "\r\n\r\n", OK_SHORT, STAY },
		{ 0 } };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	for (int i = 0; i < 3; i++) {
		perform(
		    &world, get("http://127.0.0.1:%u/", puppet.port), &outcome);
		ck_assert_int_eq(outcome.response.failure, ERR_NONE);
		ck_assert_str_eq(outcome.body, "ok");
	}
	ck_assert_uint_eq(puppet.accepted, 1);
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

START_TEST(a_connection_the_server_closed_in_between_is_replaced)
{
	static const struct line lines[] = { { "\r\n\r\n", OK_SHORT, CLOSE },
		{ 0 } };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	perform(&world, get("http://127.0.0.1:%u/", puppet.port), &outcome);
	/* The parked socket stirs now. */
	expect_quiet(&world);
	perform(&world, get("http://127.0.0.1:%u/", puppet.port), &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_NONE);
	ck_assert_uint_eq(puppet.accepted, 2);
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

/* Only a kept connection can die unseen and make libcurl send a request again. */
START_TEST(a_fresh_connection_is_neither_kept_nor_taken)
{
	static const struct line lines[] = { { "\r\n\r\n", OK_SHORT, STAY },
		{ "\r\n\r\n", NULL, RESET }, { 0 } };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	perform(&world, get("http://127.0.0.1:%u/", puppet.port), &outcome);
	for (int i = 0; i < 2; i++) {
		struct xfer_request *request =
		    get("http://127.0.0.1:%u/", puppet.port);

		request->fresh_connection = true;
		perform(&world, request, &outcome);
		ck_assert_int_eq(outcome.response.failure, ERR_NONE);
	}
	ck_assert_uint_eq(puppet.accepted, 3);
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

START_TEST(a_lane_never_has_more_in_flight_than_its_limit)
{
	static struct outcome outcomes_of[300];
	struct world world;
	static struct backend backend;

	world_open(&world);
	backend_open(&backend, &world);
	backend.hold = true;
	xfer_lane_init(&world.lane, 32);
	for (int i = 0; i < 300; i++)
		submit(&world, get("http://127.0.0.1:%u/%d", port(&backend), i),
		    &outcomes_of[i]);
	ck_assert_uint_eq(xfer_in_flight(world.xfer), 32);
	ck_assert_uint_eq(xfer_waiting(world.xfer), 268);
	for (int i = 0; i < 300; i++) {
		DRIVE_UNTIL(&world,
		    backend.held == (300 - i < 32 ? 300u - (uint32_t)i : 32u));
		release_one(&backend);
	}
	DRIVE_UNTIL(&world, outcomes == 300);
	for (int i = 0; i < 300; i++) {
		ck_assert_uint_eq(outcomes_of[i].times, 1);
		ck_assert_int_eq(outcomes_of[i].response.status, 200);
	}
	ck_assert_uint_eq(backend.held_max, 32);
	ck_assert_uint_eq(xfer_in_flight(world.xfer), 0);
	ck_assert_uint_eq(xfer_waiting(world.xfer), 0);
	http_server_free(backend.server);
	world_close(&world);
}
END_TEST

START_TEST(a_lane_keeps_its_order)
{
	static struct outcome outcome[20];
	struct world world;
	static struct backend backend;

	world_open(&world);
	backend_open(&backend, &world);
	xfer_lane_init(&world.lane, 1);
	for (int i = 0; i < 20; i++)
		submit(&world, get("http://127.0.0.1:%u/%d", port(&backend), i),
		    &outcome[i]);
	DRIVE_UNTIL(&world, outcomes == 20);
	for (int i = 0; i < 20; i++) {
		char path[16];

		snprintf(path, sizeof(path), "/%d", i);
		ck_assert_str_eq(backend.paths[i], path);
		ck_assert_uint_eq(outcome[i].order, (uint32_t)i);
	}
	http_server_free(backend.server);
	world_close(&world);
}
END_TEST

START_TEST(lanes_take_turns_at_the_global_limit)
{
	static struct outcome outcome[9];
	struct xfer_lane lanes[3];
	struct world world;
	static struct backend backend;
	const struct xfer_options one = { .max_in_flight = 1 };

	world_open(&world);
	xfer_free(world.xfer);
	world.xfer = xfer_new(world.loop, &one);
	backend_open(&backend, &world);
	for (int lane = 0; lane < 3; lane++) {
		xfer_lane_init(&lanes[lane], 8);
		for (int i = 0; i < 3; i++) {
			struct outcome *o = &outcome[lane * 3 + i];

			*o = (struct outcome){ 0 };
			xfer_submit(world.xfer, &lanes[lane],
			    get("http://127.0.0.1:%u/%d%d", port(&backend),
				lane, i),
			    outcome_done, o);
		}
	}
	DRIVE_UNTIL(&world, outcomes == 9);
	/* The first one left before the others came; from then on they
	 * alternate. */
	static const char *const want[] = { "/00", "/01", "/10", "/20", "/02",
		"/11", "/21", "/12", "/22" };
	for (int i = 0; i < 9; i++)
		ck_assert_str_eq(backend.paths[i], want[i]);
	http_server_free(backend.server);
	world_close(&world);
}
END_TEST

START_TEST(the_timeout_starts_with_admission)
{
	struct outcome first, second;
	struct world world;
	static struct backend backend;
	struct xfer_request *request;

	world_open(&world);
	backend_open(&backend, &world);
	backend.hold = true;
	xfer_lane_init(&world.lane, 1);
	request = get("http://127.0.0.1:%u/first", port(&backend));
	request->timeout = DUR_S(2);
	submit(&world, request, &first);
	request = get("http://127.0.0.1:%u/second", port(&backend));
	request->timeout = DUR_S(2);
	submit(&world, request, &second);
	DRIVE_UNTIL(&world, first.times == 1);
	ck_assert_int_eq(first.response.failure, ERR_TIMEOUT);
	ck_assert(first.response.maybe_received);
	ck_assert_int_ge(first.response.took.ns, DUR_MS(1999).ns);
	/* Counted from submission, the second would be over by now. */
	ck_assert_uint_eq(second.times, 0);
	DRIVE_UNTIL(&world, backend.held == 2);
	release_one(&backend);
	release_one(&backend);
	DRIVE_UNTIL(&world, second.times == 1);
	ck_assert_int_eq(second.response.failure, ERR_NONE);
	ck_assert(dur_less(second.response.took, DUR_S(2)));
	http_server_free(backend.server);
	world_close(&world);
}
END_TEST

START_TEST(cancelling_ends_waiting_and_running_requests_once)
{
	struct outcome running, waiting, last;
	struct world world;
	static struct backend backend;
	struct xfer_request *first, *second;

	world_open(&world);
	backend_open(&backend, &world);
	backend.hold = true;
	xfer_lane_init(&world.lane, 1);
	first = get("http://127.0.0.1:%u/1", port(&backend));
	second = get("http://127.0.0.1:%u/2", port(&backend));
	submit(&world, first, &running);
	submit(&world, second, &waiting);
	submit(&world, get("http://127.0.0.1:%u/3", port(&backend)), &last);
	DRIVE_UNTIL(&world, backend.held == 1);
	xfer_cancel(world.xfer, second);
	xfer_cancel(world.xfer, first);
	xfer_cancel(world.xfer, first);
	ck_assert_uint_eq(running.times + waiting.times, 0);
	DRIVE_UNTIL(&world, running.times == 1 && waiting.times == 1);
	ck_assert_int_eq(running.response.failure, ERR_CANCELLED);
	ck_assert(running.response.maybe_received);
	ck_assert_int_eq(waiting.response.failure, ERR_CANCELLED);
	ck_assert(!waiting.response.maybe_received);
	DRIVE_UNTIL(&world, backend.held == 2);
	release_one(&backend);
	release_one(&backend);
	DRIVE_UNTIL(&world, last.times == 1);
	ck_assert_int_eq(last.response.failure, ERR_NONE);
	ck_assert_uint_eq(backend.served, 2);
	http_server_free(backend.server);
	world_close(&world);
	ck_assert_uint_eq(running.times + waiting.times, 2);
}
END_TEST

START_TEST(freeing_the_client_ends_what_is_left)
{
	static struct outcome outcome[10];
	struct world world;
	static struct backend backend;

	world_open(&world);
	backend_open(&backend, &world);
	backend.hold = true;
	xfer_lane_init(&world.lane, 4);
	for (int i = 0; i < 10; i++)
		submit(&world, get("http://127.0.0.1:%u/", port(&backend)),
		    &outcome[i]);
	DRIVE_UNTIL(&world, backend.held == 4);
	xfer_free(world.xfer);
	world.xfer = NULL;
	for (int i = 0; i < 10; i++) {
		ck_assert_uint_eq(outcome[i].times, 1);
		ck_assert_int_eq(outcome[i].response.failure, ERR_CANCELLED);
	}
	http_server_free(backend.server);
	world_close(&world);
}
END_TEST

/* --- requests ---------------------------------------------------------- */

START_TEST(redirects_are_followed_only_when_wanted)
{
	struct http_options follow = { .follow_redirects = true };
	struct world world;
	static struct backend backend;
	struct outcome outcome;
	struct xfer_request *request;

	world_open(&world);
	backend_open(&backend, &world);
	perform(
	    &world, get("http://127.0.0.1:%u/moved", port(&backend)), &outcome);
	ck_assert_int_eq(outcome.response.status, 302);
	request = get("http://127.0.0.1:%u/moved", port(&backend));
	request->http = &follow;
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.status, 200);
	ck_assert_str_eq(outcome.body, "/target");
	request = get("http://127.0.0.1:%u/moved", port(&backend));
	request->http = &follow;
	request->no_redirects = true;
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.status, 302);
	http_server_free(backend.server);
	world_close(&world);
}
END_TEST

static void
expect_authorization(struct world *world, const struct backend *backend,
    const struct http_options *http, const char *want)
{
	struct xfer_request *request =
	    get("http://127.0.0.1:%u/authorization", port(backend));
	struct outcome outcome;

	request->http = http;
	perform(world, request, &outcome);
	ck_assert_str_eq(outcome.body, want);
}

START_TEST(credentials_go_with_the_request_they_belong_to)
{
	char path[64];
	struct http_options basic = { .basic_username = "u",
		.basic_password.value = "p" };
	struct http_options bearer = { .auth_credentials.value = "t0ken" };
	struct http_options other = { .auth_type = "GenieKey",
		.auth_credentials.value = "k" };
	struct http_options file = { .auth_credentials.file = path };
	struct xfer_request *request;
	struct outcome outcome;
	struct world world;
	static struct backend backend;
	FILE *out;

	world_open(&world);
	backend_open(&backend, &world);
	snprintf(path, sizeof(path), "token-%ld", (long)getpid());
	for (int round = 0; round < 2; round++) {
		expect_authorization(&world, &backend, &basic, "Basic dTpw");
		expect_authorization(&world, &backend, &bearer, "Bearer t0ken");
		expect_authorization(&world, &backend, NULL, "none");
		expect_authorization(&world, &backend, &other, "GenieKey k");
		out = fopen(path, "w");
		ck_assert_ptr_nonnull(out);
		fprintf(out, "round%d\n", round);
		fclose(out);
		expect_authorization(&world, &backend, &file,
		    round == 0 ? "Bearer round0" : "Bearer round1");
		/* A generation that was replaced in place must not live on in a
		 * pooled handle. */
		basic.basic_password.value = "p";
	}
	basic.basic_password.value = "q";
	expect_authorization(&world, &backend, &basic, "Basic dTpx");
	unlink(path);
	request = get("http://127.0.0.1:%u/authorization", port(&backend));
	request->http = &file;
	perform(&world, request, &outcome);
	ck_assert(outcome.response.failure != ERR_NONE);
	ck_assert_ptr_nonnull(strstr(outcome.response.failure_text, path));
	http_server_free(backend.server);
	world_close(&world);
}
END_TEST

/* clang-format off */
static const struct { const char *method, *body, *want; } methods[] = {
	{ "POST", "hello", "POST text/x hello" },
	{ "POST", "", "POST text/x " },
	{ "PUT", "hello", "PUT text/x hello" },
	{ "PUT", "", "PUT text/x " },
	{ "DELETE", "", "DELETE text/x " },
	{ "GET", "", "GET text/x " },
	{ "PATCH", "hello", "PATCH text/x hello" },
};
/* clang-format on */

START_TEST(method_type_and_body_arrive_also_on_reused_handles)
{
	struct world world;
	static struct backend backend;
	struct outcome outcome;

	world_open(&world);
	backend_open(&backend, &world);
	for (size_t i = 0; i < 3 * ARRAY_LEN(methods); i++) {
		size_t k = i % ARRAY_LEN(methods);
		struct xfer_request *request =
		    get("http://127.0.0.1:%u/body", port(&backend));

		request->method = methods[k].method;
		request->content_type = "text/x";
		buf_puts(&request->body, methods[k].body);
		perform(&world, request, &outcome);
		ck_assert_str_eq(outcome.body, methods[k].want);
	}
	http_server_free(backend.server);
	world_close(&world);
}
END_TEST

START_TEST(headers_are_sent_and_a_line_break_in_one_is_refused)
{
	static const struct line lines[] = { { "\r\n\r\n", OK_SHORT, STAY },
		{ "\r\n\r\n", OK_SHORT, STAY }, { 0 } };
	const struct http_header fine[] = { { "X-One", "1" },
		{ "X-Empty", "" } };
	const struct http_header broken[] = { { "X-One", "1\r\nX-Two: 2" } };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;
	struct xfer_request *request;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	request = get("http://127.0.0.1:%u/", puppet.port);
	request->headers = fine;
	request->n_headers = 2;
	perform(&world, request, &outcome);
	ck_assert_ptr_nonnull(strstr(puppet.seen.p, "\r\nX-One: 1\r\n"));
	ck_assert_ptr_nonnull(strstr(puppet.seen.p, "\r\nX-Empty:\r\n"));
	ck_assert_ptr_nonnull(strstr(puppet.seen.p, "\r\nUser-Agent: Tocsin/"));
	buf_clear(&puppet.seen);
	perform(&world, get("http://127.0.0.1:%u/", puppet.port), &outcome);
	ck_assert_ptr_null(strstr(puppet.seen.p, "X-One"));
	request = get("http://127.0.0.1:%u/", puppet.port);
	request->headers = broken;
	request->n_headers = 1;
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_INVALID);
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

START_TEST(the_blocking_client_reports_where_it_could_not_go)
{
	struct client_answer answer = { 0 };
	struct err err = { .code = ERR_NONE };
	struct puppet puppet;
	struct world world;
	char url[100];

	world_open(&world);
	puppet_open(&puppet, &world, (const struct line[]){ { 0 } });
	puppet_close(&puppet);
	snprintf(
	    url, sizeof(url), "http://u:hunter2@127.0.0.1:%u/x?y", puppet.port);
	ck_assert_int_eq(
	    client_request("GET", url, NULL, STR(""), NULL, &answer, &err),
	    -ERR_IO);
	ck_assert_ptr_null(strstr(err.text, "hunter2"));
	ck_assert_ptr_nonnull(strstr(err.text, "http://127.0.0.1:"));
	world_close(&world);
}
END_TEST

Suite *
suite_xfer(void)
{
	Suite *suite = suite_create("net xfer");
	TCase *admission = tcase_create("admission");
	TCase *request = tcase_create("requests");

	tcase_set_timeout(admission, 30);
	tcase_add_test(admission, one_connection_serves_request_after_request);
	tcase_add_test(
	    admission, a_connection_the_server_closed_in_between_is_replaced);
	tcase_add_test(
	    admission, a_fresh_connection_is_neither_kept_nor_taken);
	tcase_add_test(
	    admission, a_lane_never_has_more_in_flight_than_its_limit);
	tcase_add_test(admission, a_lane_keeps_its_order);
	tcase_add_test(admission, lanes_take_turns_at_the_global_limit);
	tcase_add_test(admission, the_timeout_starts_with_admission);
	tcase_add_test(
	    admission, cancelling_ends_waiting_and_running_requests_once);
	tcase_add_test(admission, freeing_the_client_ends_what_is_left);
	suite_add_tcase(suite, admission);
	tcase_add_test(request, redirects_are_followed_only_when_wanted);
	tcase_add_test(request, credentials_go_with_the_request_they_belong_to);
	tcase_add_test(
	    request, method_type_and_body_arrive_also_on_reused_handles);
	tcase_add_test(
	    request, headers_are_sent_and_a_line_break_in_one_is_refused);
	tcase_add_test(
	    request, the_blocking_client_reports_where_it_could_not_go);
	suite_add_tcase(suite, request);
	return suite;
}
