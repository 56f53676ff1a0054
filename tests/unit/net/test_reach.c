/* SPDX-License-Identifier: Apache-2.0 */
/* Where messages may not go: by address, by name, by redirect, by mail. */
#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "net/reach.h"
#include "net_world.h"

static const struct reach outside = { .forbid_private = true };

static struct reach
reach_with(const char *network)
{
	struct reach reach = { .forbid_private = true, .n_allow = 1 };
	struct err err = { 0 };

	ck_assert_msg(network_parse(str_from(network), &reach.allow[0], &err) == 0, "%s", err.text);
	return reach;
}

/* clang-format off */
static const struct { const char *address; bool allowed; } addresses[] = {
	{ "1.1.1.1", true }, { "8.8.8.8", true }, { "2606:4700::1111", true }, { "2001:db8::1", true },
	{ "11.0.0.0", true }, { "9.255.255.255", true }, { "172.15.255.255", true }, { "172.32.0.0", true },
	{ "100.63.255.255", true }, { "100.128.0.0", true }, { "223.255.255.255", true },
	{ "0.0.0.0", false }, { "0.1.2.3", false }, { "10.0.0.1", false }, { "10.255.255.255", false },
	{ "100.64.0.1", false }, { "100.100.100.200", false }, { "127.0.0.1", false }, { "127.255.0.1", false },
	{ "169.254.169.254", false }, { "172.16.0.1", false }, { "172.31.255.255", false }, { "192.0.0.192", false },
	{ "192.168.1.1", false }, { "198.18.0.1", false }, { "224.0.0.1", false }, { "255.255.255.255", false },
	{ "::", false }, { "::1", false }, { "fc00::1", false }, { "fd00:ec2::254", false }, { "fe80::1", false },
	{ "fec0::1", false }, { "ff02::1", false }, { "2001::1", false },
	{ "::ffff:127.0.0.1", false }, { "::ffff:169.254.169.254", false }, { "::ffff:1.1.1.1", true },
	{ "::127.0.0.1", false }, { "64:ff9b::10.0.0.1", false }, { "64:ff9b::1.1.1.1", true },
	{ "64:ff9b:1::1.1.1.1", false }, { "2002:a00:1::", false }, { "2002:101:101::", true },
	{ "localhost", false }, { "", false },
};
/* clang-format on */

START_TEST(what_is_near_is_private)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	const char *text = addresses[_i].address;

	ck_assert_msg(reach_allows_text(&outside, text) == addresses[_i].allowed, "%s", text);
	ck_assert(reach_allows_text(NULL, text));
	ck_assert(reach_allows_text(&(struct reach){ 0 }, text));
	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		memcpy(&storage, &four, sizeof(four));
	else if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1)
		memcpy(&storage, &six, sizeof(six));
	else
		storage.ss_family = AF_UNIX;
	ck_assert_msg(reach_allows(&outside, (struct sockaddr *)&storage) == addresses[_i].allowed,
	    "%s", text);
}
END_TEST

/* clang-format off */
static const struct { const char *network, *says; } networks[] = {
	{ "10.0.0.0/8", NULL }, { "10.1.2.3", NULL }, { "0.0.0.0/0", NULL }, { "::1", NULL }, { "fd00::/8", NULL }, { "::/0", NULL },
	{ "10.0.0.1/8", "bits behind its /8" }, { "10.0.0.0/33", "give /0 to /32" }, { "fd00::/129", "give /0 to /128" },
	{ "10.0.0.0/", "give /0" }, { "10.0.0.0/-1", "give /0" }, { "10.0.0/8", "no network" }, { "", "no network" }, { "/8", "no network" },
	{ "example.com", "no network" }, { "10.0.0.0/8/8", "give /0" },
	{ "1111111111111111111111111111111111111111111111111111", "no network" },
};
/* clang-format on */

START_TEST(a_network_is_an_address_and_a_length)
{
	struct network network;
	struct err err = { 0 };
	int rc = network_parse(str_from(networks[_i].network), &network, &err);

	ck_assert_msg((rc == 0) == (networks[_i].says == NULL), "%s", networks[_i].network);
	if (rc < 0)
		ck_assert_msg(
		    strstr(err.text, networks[_i].says) != NULL, "%s", err.text);
}
END_TEST

/* clang-format off */
static const struct { const char *network, *address; bool allowed; } exceptions[] = {
	{ "10.1.0.0/16", "10.1.2.3", true }, { "10.1.0.0/16", "10.2.2.3", false }, { "10.1.2.3", "10.1.2.3", true },
	{ "10.1.2.3", "10.1.2.4", false }, { "10.1.2.2/31", "10.1.2.3", true }, { "fd00::/8", "fdff::1", true },
	{ "fd00::/8", "fc00::1", false }, { "127.0.0.0/8", "::ffff:127.0.0.1", true }, { "0.0.0.0/0", "10.0.0.1", true },
	{ "0.0.0.0/0", "::1", false }, { "10.1.0.0/16", "1.1.1.1", true },
};
/* clang-format on */

START_TEST(exceptions_are_allowed)
{
	struct reach reach = reach_with(exceptions[_i].network);

	ck_assert_msg(
	    reach_allows_text(&reach, exceptions[_i].address) == exceptions[_i].allowed,
	    "%s in %s", exceptions[_i].address, exceptions[_i].network);
}
END_TEST

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static const struct line answers[] = { { "\r\n\r\n", ANSWER, STAY }, { "\r\n\r\n", ANSWER, STAY },
	{ 0 } };

START_TEST(nothing_reaches_a_private_address)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "[::ffff:127.0.0.1]",
		"0.0.0.0", "2130706433", "0x7f.1" };
	struct xfer_request *request;
	struct outcome outcome;
	struct puppet puppet;
	struct world world;

	world_open(&world);
	puppet_open(&puppet, &world, answers);
	request = get("http://%s:%u/", hosts[_i], puppet.port);
	request->reach = &outside;
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_INVALID);
	ck_assert_msg(strstr(outcome.response.failure_text, "is private") != NULL, "%s",
	    outcome.response.failure_text);
	ck_assert(!outcome.response.maybe_received);
	ck_assert_uint_eq(puppet.accepted, 0);
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

START_TEST(an_exception_is_reached_and_a_source_anything)
{
	struct reach reach = reach_with("127.0.0.0/8");
	struct xfer_request *request;
	struct outcome outcome;
	struct puppet puppet;
	struct world world;

	world_open(&world);
	puppet_open(&puppet, &world, answers);
	for (int i = 0; i < 2; i++) {
		request = get("http://127.0.0.1:%u/", puppet.port);
		request->reach = i == 0 ? &reach : NULL;
		perform(&world, request, &outcome);
		ck_assert_int_eq(outcome.response.status, 200);
	}
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

static void
count(void *arg, struct http_call *call)
{
	++*(uint32_t *)arg;
	http_reply_text(call, 200, NULL, "ok");
}

/* 127.0.0.1 is allowed and sends to 127.0.0.2, to which a connection is open already. */
START_TEST(a_redirect_leads_nowhere_private_nor_to_an_open_connection)
{
	struct http_options follow = { .follow_redirects = true };
	struct reach reach = reach_with("127.0.0.1");
	struct line redirects[] = { { "\r\n\r\n", NULL, STAY }, { 0 } };
	struct xfer_request *request;
	struct http_server *near;
	struct puppet far;
	struct outcome outcome;
	struct world world;
	struct err err = { 0 };
	uint32_t served = 0;
	char text[200];

	world_open(&world);
	near = http_server_new(world.loop, "127.0.0.2:0", NULL, count, &served, &err);
	ck_assert_msg(near != NULL, "%s", err.text);
	snprintf(text, sizeof(text),
	    "HTTP/1.1 307 See\r\nLocation: http://127.0.0.2:%u/\r\nContent-Length: 0\r\n\r\n",
	    http_server_port(near));
	redirects[0].send = text;
	puppet_open(&far, &world, redirects);
	perform(&world, get("http://127.0.0.2:%u/", http_server_port(near)), &outcome);
	ck_assert_int_eq(outcome.response.status, 200);
	ck_assert_uint_eq(http_server_connections(near), 1);
	request = get("http://127.0.0.1:%u/", far.port);
	request->http = &follow;
	request->reach = &reach;
	request->fresh_connection = _i == 1;
	perform(&world, request, &outcome);
	ck_assert_uint_eq(served, 1);
	ck_assert_int_eq(outcome.response.failure, ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(outcome.response.failure_text, "127.0.0.2 is private"));
	ck_assert_uint_eq(far.accepted, 1);
	puppet_close(&far);
	http_server_free(near);
	world_close(&world);
}
END_TEST

START_TEST(a_mail_is_kept_from_private_addresses)
{
	static const struct line greeting[] = { { NULL, "220 hi\r\n", STAY }, { 0 } };
	struct xfer_request *request = xfer_request_new(XFER_SMTP);
	struct outcome outcome;
	struct puppet puppet;
	struct world world;

	world_open(&world);
	puppet_open(&puppet, &world, greeting);
	buf_printf(&request->url, "smtp://localhost:%u", puppet.port);
	buf_puts(&request->body, "Subject: x\r\n\r\nx\r\n");
	request->smtp.from = "a@b.example";
	request->smtp.to = (const char *const[]){ "c@d.example" };
	request->smtp.n_to = 1;
	request->reach = &outside;
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(outcome.response.failure_text, "is private"));
	ck_assert_uint_eq(puppet.accepted, 0);
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

Suite *
suite_reach(void)
{
	Suite *suite = suite_create("net reach");
	TCase *tc = tcase_create("reach");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, what_is_near_is_private, 0, ARRAY_LEN(addresses));
	tcase_add_loop_test(tc, a_network_is_an_address_and_a_length, 0, ARRAY_LEN(networks));
	tcase_add_loop_test(tc, exceptions_are_allowed, 0, ARRAY_LEN(exceptions));
	tcase_add_loop_test(tc, nothing_reaches_a_private_address, 0, 6);
	tcase_add_test(tc, an_exception_is_reached_and_a_source_anything);
	tcase_add_loop_test(
	    tc, a_redirect_leads_nowhere_private_nor_to_an_open_connection, 0, 2);
	tcase_add_test(tc, a_mail_is_kept_from_private_addresses);
	suite_add_tcase(suite, tc);
	return suite;
}
