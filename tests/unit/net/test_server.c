/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: answers now, later and in pieces; limits; clients that
 * leave. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "net_world.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

struct site {
	struct world world;
	struct http_server *server;
	struct http_call *later; /* the call that waits for an answer */
	uint32_t served, streams_ended;
	size_t stream_left;
	uint64_t fills;
};

static bool
fill(void *arg, struct buf *out, size_t want)
{
	struct site *site = arg;
	size_t n = want < site->stream_left ? want : site->stream_left;

	site->fills++;
	buf_reserve(out, n);
	for (size_t i = 0; i < n; i++)
		buf_putc(out, 's');
	site->stream_left -= n;
	return site->stream_left > 0;
}

static void
stream_ended(void *arg)
{
	((struct site *)arg)->streams_ended++;
}

static void
describe(struct http_call *call)
{
	struct buf body = { 0 };
	const char *name, *value;

	buf_printf(&body, "%s %s from %s:", http_method(call), http_path(call),
	    http_peer(call));
	for (uint32_t i = 0; http_param_at(call, i, &name, &value); i++)
		buf_printf(&body, " [%s]=[%s]", name, value);
	buf_printf(&body, " body %u", http_body(call).n);
	http_add_header(call, "X-Extra", "yes");
	http_reply(call, 200, "text/plain", &body);
}

static void
handle(void *arg, struct http_call *call)
{
	struct site *site = arg;
	const char *path = http_path(call);

	site->served++;
	if (strcmp(path, "/later") == 0)
		site->later = call;
	else if (strncmp(path, "/stream", 7) == 0)
		http_reply_stream(
		    call, 200, "text/plain", fill, stream_ended, site);
	else
		describe(call);
}

static void
site_open_at(
    struct site *site, const char *address, const struct http_limits *limits)
{
	struct err err = { .code = ERR_NONE };

	*site = (struct site){ 0 };
	world_open(&site->world);
	site->server = http_server_new(
	    site->world.loop, address, limits, handle, site, &err);
	ck_assert_msg(site->server != NULL, "%s", err.text);
}

static void
site_open(struct site *site, const struct http_limits *limits)
{
	site_open_at(site, "127.0.0.1:0", limits);
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

START_TEST(a_request_arrives_decoded_and_in_order)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site),
	    "GET /a%20b?filter=x%3D1&m[]=2&filter=c+d&flag&e= "
	    "HTTP/1.1\r\nHost: x\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "body 0"));
	ck_assert(
	    raw_has(&raw, "GET /a b from 127.0.0.1: [filter]=[x=1] [m[]]=[2] "
			  "[filter]=[c d] [flag]=[] [e]=[] body 0"));
	ck_assert(raw_has(&raw, "Cache-Control: no-store\r\n"));
	ck_assert(raw_has(&raw, "X-Extra: yes\r\n"));
	ck_assert(raw_has(&raw, "Content-Type: text/plain\r\n"));
	ck_assert_uint_eq(http_server_connections(site.server), 1);
	raw_close(&raw);
	DRIVE_UNTIL(&site.world, http_server_connections(site.server) == 0);
	site_close(&site);
}
END_TEST

START_TEST(two_requests_in_one_packet_are_two_requests)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site), GET("/one") GET("/two"));
	DRIVE_UNTIL(&site.world, raw_has(&raw, "GET /two from"));
	ck_assert(raw_has(&raw, "GET /one from"));
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(an_answer_may_come_later)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site),
	    "POST /later?x=1 HTTP/1.1\r\nHost: x\r\nContent-Length: "
	    "3\r\n\r\nabc");
	DRIVE_UNTIL(&site.world, site.later != NULL);
	for (int i = 0; i < 5; i++)
		loop_turn(site.world.loop, DUR_MS(1));
	ck_assert(!raw_has(&raw, "HTTP/1.1"));
	expect_quiet(&site.world);
	/* The request stays readable until it is answered. */
	ck_assert_str_eq(http_param(site.later, "x", 0), "1");
	ck_assert(str_is(http_body(site.later), "abc"));
	http_reply_text(site.later, 202, "text/plain", "at last");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "at last"));
	ck_assert(raw_has(&raw, "HTTP/1.1 202"));
	raw_send(&raw, GET("/again"));
	DRIVE_UNTIL(&site.world, raw_has(&raw, "GET /again from"));
	ck_assert_uint_eq(site.served, 2);
	expect_quiet(&site.world);
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(a_later_answer_may_be_a_stream)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	site.stream_left = 300000;
	raw_open(&raw, site_port(&site), GET("/later"));
	DRIVE_UNTIL(&site.world, site.later != NULL);
	http_reply_stream(site.later, 200, NULL, fill, stream_ended, &site);
	DRIVE_UNTIL(&site.world, raw_has(&raw, "\r\n0\r\n\r\n"));
	ck_assert_uint_gt(raw.in.n, 300000);
	ck_assert_uint_eq(site.streams_ended, 1);
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(a_client_that_leaves_while_it_waits_leaks_nothing)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site), GET("/later"));
	DRIVE_UNTIL(&site.world, site.later != NULL);
	raw_close(&raw);
	for (int i = 0; i < 5; i++)
		loop_turn(site.world.loop, DUR_MS(1));
	http_reply_text(site.later, 200, NULL, "nobody there");
	DRIVE_UNTIL(&site.world, http_server_connections(site.server) == 0);
	site_close(&site);
}
END_TEST

START_TEST(freeing_the_server_ends_calls_that_wait)
{
	struct site site;
	struct raw raw, streaming;

	site_open(&site, NULL);
	site.stream_left = (size_t)1 << 30;
	raw_open(&raw, site_port(&site), GET("/later"));
	raw_open(&streaming, site_port(&site), GET("/stream"));
	DRIVE_UNTIL(&site.world, site.later != NULL && site.fills > 0);
	site_close(&site);
	ck_assert_uint_eq(site.streams_ended, 1);
	raw_close(&raw);
	raw_close(&streaming);
}
END_TEST

/* Freeing lets the daemon run once more: what it then reads must not wait. */
START_TEST(freeing_the_server_refuses_what_has_just_arrived)
{
	struct site site;
	struct raw waiting, fresh;

	site_open(&site, NULL);
	raw_open(&waiting, site_port(&site), GET("/later") GET("/later"));
	raw_open(&fresh, site_port(&site), GET("/"));
	DRIVE_UNTIL(&site.world, site.later != NULL && raw_has(&fresh, "GET /"));
	raw_send(&fresh, GET("/later"));
	site_close(&site);
	ck_assert_uint_eq(site.served, 2);
	raw_close(&waiting);
	raw_close(&fresh);
}
END_TEST

START_TEST(a_short_stream_goes_with_its_length)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	site.stream_left = 5;
	raw_open(&raw, site_port(&site), GET("/stream"));
	DRIVE_UNTIL(&site.world, raw_has(&raw, "sssss"));
	ck_assert(raw_has(&raw, "Content-Length: 5\r\n"));
	ck_assert_uint_eq(site.streams_ended, 1);
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(a_long_stream_waits_for_a_slow_reader)
{
	enum {
		LENGTH = 64 << 20
	};
	struct site site;
	struct raw raw;
	size_t got = 0;

	site_open(&site, NULL);
	site.stream_left = LENGTH;
	raw_open(&raw, site_port(&site), "GET /stream HTTP/1.0\r\n\r\n");
	for (int i = 0; i < 200; i++)
		loop_turn(site.world.loop, DUR_MS(1));
	expect_quiet(&site.world);
	/* It was produced as far as sockets take it, not whole. */
	ck_assert_uint_gt(site.stream_left, LENGTH / 2);
	while (!raw_ended(&raw)) {
		got += raw.in.n;
		buf_clear(&raw.in);
		loop_turn(site.world.loop, DUR_MS(1));
	}
	got += raw.in.n;
	ck_assert_uint_gt(got, LENGTH);
	ck_assert_uint_lt(got, LENGTH + 1000);
	ck_assert_uint_eq(site.streams_ended, 1);
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(a_client_that_leaves_during_a_stream_ends_it)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	site.stream_left = (size_t)1 << 30;
	raw_open(&raw, site_port(&site), GET("/stream"));
	DRIVE_UNTIL(&site.world, raw_has(&raw, "ssss"));
	raw_close(&raw);
	DRIVE_UNTIL(&site.world, site.streams_ended == 1);
	ck_assert_uint_gt(site.stream_left, 0);
	DRIVE_UNTIL(&site.world, http_server_connections(site.server) == 0);
	site_close(&site);
}
END_TEST

START_TEST(head_gets_the_header_and_no_body)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site),
	    "HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_ended(&raw));
	ck_assert(raw_has(&raw, "Content-Length: 30\r\n"));
	ck_assert_str_eq(raw.in.p + raw.in.n - 4, "\r\n\r\n");
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(head_of_a_long_stream_ends_it_without_sending_it)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	site.stream_left = (size_t)1 << 30;
	raw_open(
	    &raw, site_port(&site), "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	DRIVE_UNTIL(&site.world, site.streams_ended == 1);
	raw_send(&raw, GET("/next"));
	DRIVE_UNTIL(&site.world, raw_has(&raw, "GET /next from"));
	ck_assert_uint_gt(site.stream_left, (size_t)1 << 29);
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(parameters_of_a_form_come_before_those_of_the_url)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site),
	    "POST /f?q=2 HTTP/1.1\r\nHost: x\r\n"
	    "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
	    "Content-Length: 12\r\n\r\nq=a%3Db+c&&r");
	DRIVE_UNTIL(
	    &site.world, raw_has(&raw, "[q]=[a=b c] [r]=[] [q]=[2] body 12"));
	raw_close(&raw);
	site_close(&site);
}
END_TEST

/* --- limits ------------------------------------------------------------ */

static void
body_of(struct raw *raw, size_t n, size_t declared)
{
	char head[200];
	char *body = xcalloc(1, n + 1);

	memset(body, 'b', n);
	snprintf(head, sizeof(head),
	    "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
	    declared);
	raw_send(raw, head);
	raw_send(raw, body);
	free(body);
}

START_TEST(a_body_up_to_the_limit_is_taken)
{
	const struct http_limits limits = { .body_bytes_max = 200000 };
	struct site site;
	struct raw raw;

	site_open(&site, &limits);
	raw_open(&raw, site_port(&site), "");
	body_of(&raw, 200000, 200000);
	DRIVE_UNTIL(&site.world, raw_has(&raw, "body 200000"));
	raw_close(&raw);
	site_close(&site);
}
END_TEST

/* clang-format off */
static const struct { const char *label; size_t sent, declared; } too_much[] = {
	{ "one byte too much", 1001, 1001 },
	{ "far too much, declared only", 10, 1000000 },
};
/* clang-format on */

START_TEST(a_larger_body_is_413_and_never_handled)
{
	const struct http_limits limits = { .body_bytes_max = 1000 };
	struct site site;
	struct raw raw;

	site_open(&site, &limits);
	raw_open(&raw, site_port(&site), "");
	body_of(&raw, too_much[_i].sent, too_much[_i].declared);
	DRIVE_UNTIL(&site.world,
	    raw_has(&raw, "{\"error\":\"the request's body is too large\"}"));
	ck_assert(raw_has(&raw, "HTTP/1.1 413 "));
	ck_assert(raw_has(&raw, "Content-Type: application/json\r\n"));
	ck_assert_uint_eq(site.served, 0);
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(a_chunked_body_is_held_to_the_limit_too)
{
	const struct http_limits limits = { .body_bytes_max = 8 };
	struct site site;
	struct raw raw;

	site_open(&site, &limits);
	raw_open(&raw, site_port(&site),
	    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "413"));
	raw_send(&raw,
	    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nabcde\r\n3\r\nabc\r\n0\r\n\r\n");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "body 8"));
	ck_assert_uint_eq(site.served, 1);
	raw_close(&raw);
	site_close(&site);
}
END_TEST

static void
send_header_of(struct raw *raw, size_t n)
{
	char *value = xcalloc(1, n + 1);

	memset(value, 'h', n);
	raw_send(raw, "GET /x HTTP/1.1\r\nHost: x\r\nX-Long: ");
	raw_send(raw, value);
	raw_send(raw, "\r\n\r\n");
	free(value);
}

static const size_t header_sizes[] = { 9000, 100000 };

START_TEST(a_header_over_the_limit_is_431)
{
	const struct http_limits limits = { .header_bytes_max = 8192 };
	struct site site;
	struct raw raw;

	site_open(&site, &limits);
	raw_open(&raw, site_port(&site), "");
	send_header_of(&raw, header_sizes[_i]);
	DRIVE_UNTIL(
	    &site.world, raw_has(&raw, "HTTP/1.1 431") || raw_ended(&raw));
	ck_assert_msg(raw_has(&raw, "HTTP/1.1 431"), "%zu bytes: %s",
	    header_sizes[_i], raw.in.p != NULL ? raw.in.p : "nothing");
	ck_assert_uint_eq(site.served, 0);
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(a_header_below_the_limit_is_taken)
{
	const struct http_limits limits = { .header_bytes_max = 8192 };
	struct site site;
	struct raw raw;

	site_open(&site, &limits);
	raw_open(&raw, site_port(&site), "");
	send_header_of(&raw, 8000);
	DRIVE_UNTIL(&site.world, raw_has(&raw, "HTTP/1.1 200"));
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(a_full_house_answers_503_and_recovers)
{
	const struct http_limits limits = { .connections_max = 3 };
	struct site site;
	struct raw raw[3], extra;

	site_open(&site, &limits);
	for (int i = 0; i < 3; i++)
		raw_open(&raw[i], site_port(&site), GET("/in"));
	for (int i = 0; i < 3; i++)
		DRIVE_UNTIL(&site.world, raw_has(&raw[i], "GET /in"));
	raw_open(&extra, site_port(&site), GET("/extra"));
	DRIVE_UNTIL(&site.world, raw_ended(&extra));
	ck_assert(raw_has(&extra, "HTTP/1.1 503 "));
	ck_assert(raw_has(&extra, "{\"error\":\"too many connections\"}"));
	raw_close(&extra);
	raw_close(&raw[0]);
	DRIVE_UNTIL(&site.world, http_server_connections(site.server) == 2);
	raw_open(&extra, site_port(&site), GET("/extra"));
	DRIVE_UNTIL(&site.world, raw_has(&extra, "GET /extra from"));
	raw_close(&extra);
	raw_close(&raw[1]);
	raw_close(&raw[2]);
	site_close(&site);
}
END_TEST

START_TEST(one_address_may_not_take_all_places)
{
	const struct http_limits limits = { .connections_max = 10,
		.per_address_max = 2 };
	struct site site;
	struct raw raw[3];

	site_open(&site, &limits);
	for (int i = 0; i < 2; i++) {
		raw_open(&raw[i], site_port(&site), GET("/in"));
		DRIVE_UNTIL(&site.world, raw_has(&raw[i], "GET /in"));
	}
	raw_open(&raw[2], site_port(&site), "");
	DRIVE_UNTIL(&site.world, raw_ended(&raw[2]));
	ck_assert_uint_eq(http_server_connections(site.server), 2);
	for (int i = 0; i < 3; i++)
		raw_close(&raw[i]);
	site_close(&site);
}
END_TEST

START_TEST(an_idle_connection_is_closed)
{
	const struct http_limits limits = { .idle_timeout = DUR_S(1) };
	struct site site;
	struct raw silent, half;

	site_open(&site, &limits);
	raw_open(&silent, site_port(&site), "");
	raw_open(&half, site_port(&site),
	    "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
	DRIVE_UNTIL(&site.world, raw_ended(&silent) && raw_ended(&half));
	ck_assert_uint_eq(site.served, 0);
	raw_close(&silent);
	raw_close(&half);
	site_close(&site);
}
END_TEST

/* clang-format off */
static const char *const broken[] = {
	"\r\n\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x01 binary \xff\r\n\r\n",
	"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost x\r\n : :\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\nx",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\nx",
	"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
	"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n",
	"GET /%zz%0?%=%&&==&a=%f HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort",
};
/* clang-format on */

START_TEST(broken_requests_leave_the_server_standing)
{
	struct site site;
	struct raw raw, after;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site), broken[_i]);
	for (int i = 0; i < 20; i++)
		loop_turn(site.world.loop, DUR_MS(1));
	raw_close(&raw);
	raw_open(&after, site_port(&site), GET("/after"));
	DRIVE_UNTIL(&site.world, raw_has(&after, "GET /after from"));
	raw_close(&after);
	site_close(&site);
}
END_TEST

/* --- addresses --------------------------------------------------------- */

static const char *const addresses[] = { "localhost:0", ":0", "127.0.0.1:0" };

START_TEST(every_form_of_address_reaches_loopback)
{
	struct site site;
	struct raw raw;
	struct outcome outcome;

	site_open_at(&site, addresses[_i], NULL);
	ck_assert_uint_gt(site_port(&site), 0);
	raw_open(&raw, site_port(&site), GET("/four"));
	DRIVE_UNTIL(&site.world, raw_has(&raw, "GET /four from 127.0.0.1"));
	raw_close(&raw);
	perform(&site.world, get("http://localhost:%u/name", site_port(&site)),
	    &outcome);
	ck_assert_int_eq(outcome.response.status, 200);
	site_close(&site);
}
END_TEST

/* clang-format off */
static const struct { const char *address, *text; } bad_addresses[] = {
	{ "9093", "no port" },
	{ "localhost:", "no port number" },
	{ "localhost:http", "no port number" },
	{ "localhost:70000", "no port number" },
	{ "::1:9093", "in brackets" },
	{ "no.such.host.invalid:9093", "listen on no.such.host.invalid:9093: " },
};
/* clang-format on */

START_TEST(a_bad_address_says_what_is_wrong)
{
	struct world world;
	struct err err = { .code = ERR_NONE };

	world_open(&world);
	ck_assert_ptr_null(http_server_new(
	    world.loop, bad_addresses[_i].address, NULL, handle, NULL, &err));
	ck_assert_msg(
	    strstr(err.text, bad_addresses[_i].text) != NULL, "%s", err.text);
	world_close(&world);
}
END_TEST

START_TEST(a_taken_port_says_who_might_have_it)
{
	struct site site;
	struct err err = { .code = ERR_NONE };
	char address[64], want[200];

	site_open(&site, NULL);
	snprintf(address, sizeof(address), "127.0.0.1:%u", site_port(&site));
	snprintf(want, sizeof(want),
	    "listen on %s: address already in use (is another Tocsin or "
	    "Alertmanager running?)",
	    address);
	ck_assert_ptr_null(http_server_new(
	    site.world.loop, address, NULL, handle, NULL, &err));
	ck_assert_str_eq(err.text, want);
	/* "localhost" is refused although ::1 may be free. */
	snprintf(address, sizeof(address), "localhost:%u", site_port(&site));
	ck_assert_ptr_null(http_server_new(
	    site.world.loop, address, NULL, handle, NULL, &err));
	site_close(&site);
}
END_TEST

START_TEST(two_servers_live_on_one_loop)
{
	struct site site;
	struct err err = { .code = ERR_NONE };
	struct http_server *second;
	struct raw one, two;

	site_open(&site, NULL);
	second = http_server_new(
	    site.world.loop, "127.0.0.1:0", NULL, handle, &site, &err);
	ck_assert_msg(second != NULL, "%s", err.text);
	raw_open(&one, site_port(&site), GET("/one"));
	raw_open(&two, http_server_port(second), GET("/two"));
	DRIVE_UNTIL(&site.world,
	    raw_has(&one, "GET /one") && raw_has(&two, "GET /two"));
	raw_close(&one);
	raw_close(&two);
	http_server_free(second);
	site_close(&site);
}
END_TEST

START_TEST(a_quiesced_server_finishes_what_it_has)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site), GET("/later"));
	DRIVE_UNTIL(&site.world, site.later != NULL);
	http_server_quiesce(site.server);
	http_reply_text(site.later, 200, NULL, "finished");
	DRIVE_UNTIL(&site.world, raw_has(&raw, "finished"));
	raw_close(&raw);
	site_close(&site);
}
END_TEST

Suite *
suite_server(void)
{
	Suite *suite = suite_create("net server");
	TCase *answer = tcase_create("answers"),
	      *limit = tcase_create("limits");
	TCase *address = tcase_create("addresses");

	tcase_set_timeout(answer, 30);
	tcase_add_test(answer, a_request_arrives_decoded_and_in_order);
	tcase_add_test(answer, two_requests_in_one_packet_are_two_requests);
	tcase_add_test(answer, an_answer_may_come_later);
	tcase_add_test(answer, a_later_answer_may_be_a_stream);
	tcase_add_test(
	    answer, a_client_that_leaves_while_it_waits_leaks_nothing);
	tcase_add_test(answer, freeing_the_server_ends_calls_that_wait);
	tcase_add_test(answer, freeing_the_server_refuses_what_has_just_arrived);
	tcase_add_test(answer, a_short_stream_goes_with_its_length);
	tcase_add_test(answer, a_long_stream_waits_for_a_slow_reader);
	tcase_add_test(answer, a_client_that_leaves_during_a_stream_ends_it);
	tcase_add_test(answer, head_gets_the_header_and_no_body);
	tcase_add_test(answer, a_quiesced_server_finishes_what_it_has);
	tcase_add_test(
	    answer, head_of_a_long_stream_ends_it_without_sending_it);
	tcase_add_test(
	    answer, parameters_of_a_form_come_before_those_of_the_url);
	suite_add_tcase(suite, answer);
	tcase_add_test(limit, a_body_up_to_the_limit_is_taken);
	tcase_add_loop_test(limit, a_larger_body_is_413_and_never_handled, 0,
	    (int)ARRAY_LEN(too_much));
	tcase_add_test(limit, a_chunked_body_is_held_to_the_limit_too);
	tcase_add_loop_test(limit, a_header_over_the_limit_is_431, 0,
	    (int)ARRAY_LEN(header_sizes));
	tcase_add_test(limit, a_header_below_the_limit_is_taken);
	tcase_add_test(limit, a_full_house_answers_503_and_recovers);
	tcase_add_test(limit, one_address_may_not_take_all_places);
	tcase_add_test(limit, an_idle_connection_is_closed);
	tcase_add_loop_test(limit, broken_requests_leave_the_server_standing, 0,
	    (int)ARRAY_LEN(broken));
	suite_add_tcase(suite, limit);
	tcase_add_loop_test(address, every_form_of_address_reaches_loopback, 0,
	    (int)ARRAY_LEN(addresses));
	tcase_add_loop_test(address, a_bad_address_says_what_is_wrong, 0,
	    (int)ARRAY_LEN(bad_addresses));
	tcase_add_test(address, a_taken_port_says_who_might_have_it);
	tcase_add_test(address, two_servers_live_on_one_loop);
	suite_add_tcase(suite, address);
	return suite;
}
