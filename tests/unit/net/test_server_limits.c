/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server's limits, and what it makes of broken requests. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "server_site.h"

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
	ck_assert(raw_has(&raw[2], "HTTP/1.1 503 "));
	ck_assert(raw_has(&raw[2], "{\"error\":\"too many connections from this address\"}"));
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

Suite *
suite_server_limits(void)
{
	Suite *suite = suite_create("net server limits");
	TCase *limit = tcase_create("limits");

	tcase_set_timeout(limit, 30);
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
	return suite;
}
