/* SPDX-License-Identifier: Apache-2.0 */
/* What unfinished, crowded and ambiguous requests may take of the server. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "net_world.h"

#define HEAD "GET /x HTTP/1.1\r\nHost: x\r\n"
#define POST "POST /x HTTP/1.1\r\nHost: x\r\n"

struct site {
	struct world world;
	struct http_server *server;
	struct http_call *held;
	bool holds;
	uint32_t served;
	char order[16]; /* what each served path ends with */
};

static void
handle(void *arg, struct http_call *call)
{
	struct site *site = arg;
	struct buf body = { 0 };
	const char *name, *value, *last = "";
	uint32_t n = 0;

	if (site->served < sizeof(site->order) - 1)
		site->order[site->served] = strrchr(http_path(call), '/')[1];
	site->served++;
	if (strncmp(http_path(call), "/busy", 5) == 0) {
		mono_t end = mono_add(
		    loop_mono_exact(site->world.loop), DUR_MS(25));

		while (mono_before(loop_mono_exact(site->world.loop), end))
			;
	}
	while (http_param_at(call, n, &name, &value)) {
		last = value;
		n++;
	}
	buf_printf(&body, "%s has %u, last %s, body %u.", http_path(call), n,
	    last, http_body(call).n);
	http_reply(call, 200, "text/plain", &body);
}

static void
admit(void *arg, struct http_call *call)
{
	struct site *site = arg;

	if (!site->holds)
		return;
	site->held = call;
	http_hold(call);
}

static void
site_open(struct site *site, const struct http_limits *limits)
{
	struct http_gate gate = { .admit = admit, .arg = site };
	struct err err = { .code = ERR_NONE };

	*site = (struct site){ 0 };
	world_open(&site->world);
	site->server = http_server_new_gated(site->world.loop, "127.0.0.1:0",
	    limits, &gate, handle, site, &err);
	ck_assert_msg(site->server != NULL, "%s", err.text);
}

static void
site_close(struct site *site)
{
	http_server_free(site->server);
	world_close(&site->world);
}

static uint16_t
site_port(const struct site *site)
{
	return http_server_port(site->server);
}

static void
expect_healthy(struct site *site)
{
	struct raw raw;

	raw_open(&raw, site_port(site), HEAD "\r\n");
	DRIVE_UNTIL(&site->world, raw_has(&raw, "body 0."));
	raw_close(&raw);
}

/* --- crowded heads ----------------------------------------------------- */

static const unsigned crowds[] = { 1, 500, 1000, 3000, 5000 };

START_TEST(any_number_of_parameters_within_the_header_is_taken)
{
	struct buf text = { 0 };
	struct site site;
	struct raw raw;
	char want[64];

	site_open(&site, NULL);
	buf_puts(&text, "GET /x?");
	for (unsigned i = 0; i < crowds[_i]; i++)
		buf_printf(&text, "%sa=%%2%u", i > 0 ? "&" : "", i % 10);
	buf_puts(&text, " HTTP/1.1\r\nHost: x\r\n\r\n");
	snprintf(want, sizeof(want), "/x has %u, last %c, body 0.", crowds[_i],
	    (char)(0x20 + (crowds[_i] - 1) % 10));
	raw_open(&raw, site_port(&site), text.p);
	DRIVE_UNTIL(&site.world, raw_has(&raw, want));
	raw_send(&raw, "GET /y HTTP/1.1\r\nHost: x\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "/y has 0, last , body 0."));
	raw_close(&raw);
	buf_fini(&text);
	site_close(&site);
}
END_TEST

START_TEST(too_many_header_lines_are_refused_at_once)
{
	struct buf text = { 0 };
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	buf_puts(&text, HEAD);
	for (unsigned i = 0; i < crowds[_i]; i++)
		buf_puts(&text, "a:1\r\n");
	buf_puts(&text, "\r\n");
	raw_open(&raw, site_port(&site), text.p);
	DRIVE_UNTIL(&site.world,
	    raw_has(&raw, "HTTP/1.1 200") || raw_has(&raw, "HTTP/1.1 431") ||
		raw_ended(&raw));
	ck_assert(raw_has(&raw, "HTTP/1.1 200") == (crowds[_i] <= 500));
	raw_close(&raw);
	expect_healthy(&site);
	buf_fini(&text);
	site_close(&site);
}
END_TEST

/* A head that breaks off after its first line is forgotten with its client. */
START_TEST(a_request_that_ends_in_its_head_leaks_nothing)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site), "GET /x?a=1 HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 5; i++)
		loop_turn(site.world.loop, DUR_MS(1));
	raw_close(&raw);
	DRIVE_UNTIL(&site.world, http_server_connections(site.server) == 0);
	ck_assert_uint_eq(site.served, 0);
	site_close(&site);
}
END_TEST

/* --- time -------------------------------------------------------------- */

static const struct http_limits hurried = {
	.request_timeout = { .ns = 200 * 1000000 },
	.body_rate_min = 1 << 20,
};

/* clang-format off */
static const struct { const char *label, *begin; bool told; } slow[] = {
	{ "a silent client", "", false },
	{ "a first line that does not end", "GET /", false },
	{ "a header that does not end", HEAD "X: ", true },
	{ "a body that does not end", POST "Content-Length: 100000\r\n\r\n", true },
	{ "a chunk that does not end", POST "Transfer-Encoding: chunked\r\n\r\nffff\r\n", true },
};
/* clang-format on */

START_TEST(a_request_that_drips_is_over_in_time)
{
	struct site site;
	struct raw raw;
	bool drips = slow[_i].begin[0] != '\0';
	mono_t began;

	site_open(&site, &hurried);
	began = loop_mono_exact(site.world.loop);
	raw_open(&raw, site_port(&site), slow[_i].begin);
	while (!raw_ended(&raw)) {
		mono_t now = loop_mono_exact(site.world.loop);

		ck_assert_msg(mono_before(now, mono_add(began, DUR_S(60))),
		    "%s: still here", slow[_i].label);
		/* The last one may meet a socket that has just been closed. */
		if (drips && http_server_connections(site.server) > 0 &&
		    mono_before(now, mono_add(began, DUR_MS(150))))
			raw_send(&raw, "a");
		loop_turn(site.world.loop, DUR_MS(10));
	}
	ck_assert_msg(!mono_before(loop_mono_exact(site.world.loop),
			  mono_add(began, DUR_MS(190))),
	    "%s: too early", slow[_i].label);
	ck_assert_msg(raw_has(&raw, "HTTP/1.1 408 ") == slow[_i].told, "%s",
	    slow[_i].label);
	if (slow[_i].told)
		ck_assert(
		    raw_has(&raw, "{\"error\":\"the request took too long\"}"));
	ck_assert_uint_eq(site.served, 0);
	DRIVE_UNTIL(&site.world, http_server_connections(site.server) == 0);
	raw_close(&raw);
	expect_healthy(&site);
	site_close(&site);
}
END_TEST

static void
wait_for(struct site *site, dur_t d)
{
	mono_t end = mono_add(loop_mono_exact(site->world.loop), d);

	while (mono_before(loop_mono_exact(site->world.loop), end))
		loop_turn(site->world.loop, DUR_MS(10));
}

START_TEST(a_body_that_keeps_the_rate_has_all_its_time)
{
	const struct http_limits limits = { .request_timeout = DUR_MS(200),
		.body_rate_min = 10 };
	struct site site;
	struct raw raw;
	char half[51];

	memset(half, 'b', 50);
	half[50] = '\0';
	site_open(&site, &limits);
	raw_open(&raw, site_port(&site), POST "Content-Length: 150\r\n\r\n");
	raw_send(&raw, half);
	raw_send(&raw, half);
	/* Its hundred bytes have earned it ten seconds. */
	wait_for(&site, DUR_MS(500));
	ck_assert(!raw_ended(&raw));
	raw_send(&raw, half);
	DRIVE_UNTIL(&site.world, raw_has(&raw, "body 150."));
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(what_the_server_holds_is_not_the_clients_slowness)
{
	/* Enough for the rest of the body, less than it is held. */
	const struct http_limits limits = { .request_timeout = DUR_S(1), .body_rate_min = 1 << 20 };
	struct site site;
	struct raw raw;

	site_open(&site, &limits);
	site.holds = true;
	raw_open(&raw, site_port(&site), POST "Content-Length: 2\r\n\r\na");
	DRIVE_UNTIL(&site.world, site.held != NULL);
	wait_for(&site, DUR_MS(1500));
	ck_assert(!raw_ended(&raw));
	http_release(site.held);
	loop_turn(site.world.loop, DUR_MS(1));
	raw_send(&raw, "b");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "body 2."));
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(a_connection_kept_alive_may_idle_longer_than_a_head_may_take)
{
	struct site site;
	struct raw raw;

	site_open(&site, &hurried);
	raw_open(&raw, site_port(&site), HEAD "\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "body 0."));
	wait_for(&site, DUR_MS(400));
	buf_clear(&raw.in);
	raw_send(&raw, HEAD "\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "body 0."));
	expect_quiet(&site.world);
	raw_close(&raw);
	site_close(&site);
}
END_TEST

/* --- bursts ------------------------------------------------------------ */

enum {
	BURST = 5
};

static void
burst(struct site *site, struct raw *raw)
{
	char text[64];

	for (int i = 0; i < BURST; i++) {
		snprintf(text, sizeof(text),
		    "GET /busy/%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
		raw_open(&raw[i], site_port(site), text);
	}
}

START_TEST(a_burst_is_handled_in_turns)
{
	struct site site;
	struct raw raw[BURST], urgent;
	uint32_t before = 0, turns = 0;

	site_open(&site, NULL);
	burst(&site, raw);
	while (site.served == 0)
		loop_turn(site.world.loop, DUR_MS(1));
	raw_open(&urgent, site_port(&site),
	    "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
	while (site.served < BURST + 1) {
		before = site.served;
		loop_turn(site.world.loop, DUR_MS(1));
		ck_assert_uint_le(site.served, before + 3);
		turns++;
	}
	ck_assert_uint_ge(turns, 2);
	ck_assert_msg(site.order[BURST] != 'h', "%s", site.order);
	for (int i = 0; i < BURST; i++) {
		DRIVE_UNTIL(&site.world, raw_has(&raw[i], "has 0, last"));
		raw_close(&raw[i]);
	}
	DRIVE_UNTIL(&site.world, raw_has(&urgent, "/-/healthy has 0"));
	expect_quiet(&site.world);
	raw_close(&urgent);
	site_close(&site);
}
END_TEST

START_TEST(freeing_the_server_ends_calls_whose_turn_has_not_come)
{
	struct site site;
	struct raw raw[BURST];

	site_open(&site, NULL);
	burst(&site, raw);
	while (site.served == 0)
		loop_turn(site.world.loop, DUR_MS(1));
	site_close(&site);
	ck_assert_uint_lt(site.served, BURST);
	for (int i = 0; i < BURST; i++)
		raw_close(&raw[i]);
}
END_TEST

/* --- places and memory ------------------------------------------------- */

START_TEST(by_default_one_address_leaves_places_for_others)
{
	const struct http_limits limits = { .connections_max = 4 };
	struct site site;
	struct raw raw[4];

	site_open(&site, &limits);
	for (int i = 0; i < 4; i++)
		raw_open(&raw[i], site_port(&site), HEAD);
	DRIVE_UNTIL(&site.world, raw_ended(&raw[3]));
	ck_assert_uint_eq(http_server_connections(site.server), 3);
	for (int i = 0; i < 3; i++)
		ck_assert(!raw_ended(&raw[i]));
	for (int i = 0; i < 4; i++)
		raw_close(&raw[i]);
	site_close(&site);
}
END_TEST

static void
send_body(struct raw *raw, size_t n)
{
	char *body = xcalloc(1, n + 1);

	memset(body, 'b', n);
	raw_send(raw, body);
	free(body);
}

/* clang-format off */
static const char *const lengths[] = {
	"Content-Length: 100000\r\n\r\n",
	"Transfer-Encoding: chunked\r\n\r\n186a0\r\n",
};
/* clang-format on */

START_TEST(bodies_that_arrive_share_one_sum)
{
	const struct http_limits limits = { .unfinished_bytes_max = 150000 };
	struct site site;
	struct raw first, second, small;

	site_open(&site, &limits);
	raw_open(
	    &first, site_port(&site), POST "Content-Length: 100001\r\n\r\n");
	send_body(&first, 100000);
	for (int i = 0; i < 20; i++)
		loop_turn(site.world.loop, DUR_MS(1));
	raw_open(&second, site_port(&site), POST);
	raw_send(&second, lengths[_i]);
	send_body(&second, 100000);
	if (_i == 1)
		raw_send(&second, "\r\n0\r\n\r\n");
	DRIVE_UNTIL(&site.world,
	    raw_has(&second, "{\"error\":\"too much is arriving at once\"}"));
	ck_assert(raw_has(&second, "HTTP/1.1 503 "));
	ck_assert(raw_has(&second, "Retry-After: "));
	ck_assert_uint_eq(site.served, 0);
	/* Small ones are let in whatever the sum. */
	raw_open(&small, site_port(&site), POST "Content-Length: 60000\r\n\r\n");
	send_body(&small, 60000);
	DRIVE_UNTIL(&site.world, raw_has(&small, "body 60000."));
	/* The first one was not harmed, and gives its part back. */
	raw_send(&first, "b");
	DRIVE_UNTIL(&site.world, raw_has(&first, "body 100001."));
	raw_send(&second, POST);
	raw_send(&second, lengths[_i]);
	send_body(&second, 100000);
	if (_i == 1)
		raw_send(&second, "\r\n0\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&second, "body 100000."));
	raw_close(&first);
	raw_close(&second);
	raw_close(&small);
	site_close(&site);
}
END_TEST

START_TEST(a_client_that_leaves_gives_its_part_back)
{
	const struct http_limits limits = { .unfinished_bytes_max = 150000 };
	struct site site;
	struct raw raw;

	site_open(&site, &limits);
	for (int i = 0; i < 3; i++) {
		raw_open(&raw, site_port(&site),
		    POST "Content-Length: 100001\r\n\r\n");
		send_body(&raw, 100000);
		for (int turn = 0; turn < 20; turn++)
			loop_turn(site.world.loop, DUR_MS(1));
		ck_assert(!raw_has(&raw, "HTTP/1.1"));
		raw_close(&raw);
		DRIVE_UNTIL(
		    &site.world, http_server_connections(site.server) == 0);
	}
	raw_open(&raw, site_port(&site), POST "Content-Length: 100000\r\n\r\n");
	send_body(&raw, 100000);
	DRIVE_UNTIL(&site.world, raw_has(&raw, "body 100000."));
	raw_close(&raw);
	site_close(&site);
}
END_TEST

/* --- lengths ----------------------------------------------------------- */

/* clang-format off */
static const char *const ambiguous[] = {
	POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
	POST "Content-Length: 3\r\ncontent-length: 30\r\n\r\nabc",
	POST "Content-Length: 0\r\nContent-Length: 3\r\n\r\nabc",
	HEAD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
	POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
};
/* clang-format on */

START_TEST(a_length_given_twice_is_400_and_the_end)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site), ambiguous[_i]);
	DRIVE_UNTIL(&site.world, raw_ended(&raw));
	ck_assert(raw_has(&raw, "HTTP/1.1 400 "));
	ck_assert(raw_has(&raw, "length is given more than once"));
	ck_assert_uint_eq(site.served, 0);
	raw_close(&raw);
	site_close(&site);
}
END_TEST

Suite *
suite_server_bounds(void)
{
	Suite *suite = suite_create("net server bounds");
	TCase *head = tcase_create("heads"), *time = tcase_create("time");
	TCase *room = tcase_create("room");

	tcase_set_timeout(head, 30);
	tcase_add_loop_test(head,
	    any_number_of_parameters_within_the_header_is_taken, 0,
	    (int)ARRAY_LEN(crowds));
	tcase_add_loop_test(head, too_many_header_lines_are_refused_at_once, 0,
	    (int)ARRAY_LEN(crowds));
	tcase_add_test(head, a_request_that_ends_in_its_head_leaks_nothing);
	tcase_add_loop_test(head, a_length_given_twice_is_400_and_the_end, 0,
	    (int)ARRAY_LEN(ambiguous));
	suite_add_tcase(suite, head);
	tcase_set_timeout(time, 30);
	tcase_add_loop_test(time, a_request_that_drips_is_over_in_time, 0,
	    (int)ARRAY_LEN(slow));
	tcase_add_test(time, a_body_that_keeps_the_rate_has_all_its_time);
	tcase_add_test(time, what_the_server_holds_is_not_the_clients_slowness);
	tcase_add_test(time,
	    a_connection_kept_alive_may_idle_longer_than_a_head_may_take);
	suite_add_tcase(suite, time);
	tcase_set_timeout(room, 30);
	tcase_add_test(room, a_burst_is_handled_in_turns);
	tcase_add_test(
	    room, freeing_the_server_ends_calls_whose_turn_has_not_come);
	tcase_add_test(room, by_default_one_address_leaves_places_for_others);
	tcase_add_loop_test(room, bodies_that_arrive_share_one_sum, 0,
	    (int)ARRAY_LEN(lengths));
	tcase_add_test(room, a_client_that_leaves_gives_its_part_back);
	suite_add_tcase(suite, room);
	return suite;
}
