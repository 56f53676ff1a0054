/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: answers now, later and in pieces; clients that leave; addresses. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "server_site.h"

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

static const char *const nuls[] = { GET("/p%00q"), GET("/p?a=%00"), GET("/p?%00=b"),
	"POST /p HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	"Content-Length: 5\r\n\r\na=%00" };

START_TEST(a_nul_where_texts_are_is_noticed)
{
	struct site site;
	struct raw raw;

	site_open(&site, NULL);
	raw_open(&raw, site_port(&site), nuls[_i]);
	DRIVE_UNTIL(&site.world, raw_has(&raw, "\r\n\r\n"));
	ck_assert_msg(raw_has(&raw, " with a NUL"), "%s: %s", nuls[_i], raw.in.p);
	raw_send(&raw, GET("/p%2500?a=%%2500"));
	DRIVE_UNTIL(&site.world, raw_has(&raw, "[a]=[%%00]"));
	raw_close(&raw);
	site_close(&site);
}
END_TEST

START_TEST(a_bare_nul_in_a_form_is_noticed)
{
	struct http_call *call = http_call_fake("POST", "/p", str_make("a=b\0c", 5));

	http_call_fake_header(call, "Content-Type", "application/x-www-form-urlencoded");
	ck_assert(http_has_nul(call));
	ck_assert_str_eq(http_param(call, "a", 0), "b");
	http_call_fake_free(call);
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
	http_reply_stream(site.later, 200, NULL, site_fill, site_stream_ended, &site);
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
	    world.loop, bad_addresses[_i].address, NULL, site_handle, NULL, &err));
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
	    site.world.loop, address, NULL, site_handle, NULL, &err));
	ck_assert_str_eq(err.text, want);
	/* "localhost" is refused although ::1 may be free. */
	snprintf(address, sizeof(address), "localhost:%u", site_port(&site));
	ck_assert_ptr_null(http_server_new(
	    site.world.loop, address, NULL, site_handle, NULL, &err));
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
	    site.world.loop, "127.0.0.1:0", NULL, site_handle, &site, &err);
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
	TCase *answer = tcase_create("answers");
	TCase *address = tcase_create("addresses");

	tcase_set_timeout(answer, 30);
	tcase_add_test(answer, a_request_arrives_decoded_and_in_order);
	tcase_add_test(answer, two_requests_in_one_packet_are_two_requests);
	tcase_add_loop_test(answer, a_nul_where_texts_are_is_noticed, 0, (int)ARRAY_LEN(nuls));
	tcase_add_test(answer, a_bare_nul_in_a_form_is_noticed);
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
	tcase_add_loop_test(address, every_form_of_address_reaches_loopback, 0,
	    (int)ARRAY_LEN(addresses));
	tcase_add_loop_test(address, a_bad_address_says_what_is_wrong, 0,
	    (int)ARRAY_LEN(bad_addresses));
	tcase_add_test(address, a_taken_port_says_who_might_have_it);
	tcase_add_test(address, two_servers_live_on_one_loop);
	suite_add_tcase(suite, address);
	return suite;
}
