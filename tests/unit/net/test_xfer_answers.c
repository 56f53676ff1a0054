/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client: answers good and bad, and none. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "net_world.h"

#define BIG "0123456789012345678901234567890123456789012345678901234567890123"

/* clang-format off */
static const struct {
	const char *label;
	const char *answer;
	int then;
	enum err_code failure;
	int status;
} answers[] = {
	{ "a status of any kind is an answer", "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", STAY, ERR_NONE, 500 },
	{ "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", STAY, ERR_NONE, 200 },
	{ "until the connection closes", "HTTP/1.1 200 OK\r\n\r\nabc", CLOSE, ERR_NONE, 200 },
	{ "a body cut short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", CLOSE, ERR_IO, 200 },
	{ "a chunk cut short", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc", CLOSE, ERR_IO, 200 },
	{ "a header cut short", "HTTP/1.1 200 OK\r\nContent-Le", CLOSE, ERR_IO, -1 },
	{ "nothing", NULL, CLOSE, ERR_IO, -1 },
	{ "a reset", NULL, RESET, ERR_IO, -1 },
	{ "garbage", "\x16\x03\x01\x02 what?\r\n\r\n", CLOSE, ERR_IO, -1 },
	{ "an old protocol", "220 mail.test ESMTP\r\n", CLOSE, ERR_IO, -1 },
	{ "more than the limit, announced", "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" BIG, STAY, ERR_LIMIT, 200 },
	{ "more than the limit, unannounced", "HTTP/1.1 200 OK\r\n\r\n" BIG, STAY, ERR_LIMIT, 200 },
	{ "a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", CLOSE, ERR_IO, 200 },
};
/* clang-format on */

START_TEST(an_answer_is_whole_or_a_failure)
{
	struct line lines[2] = { { "\r\n\r\n", answers[_i].answer, 0 }, { 0 } };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;
	struct xfer_request *request;

	lines[0].then = answers[_i].then == CLOSE   ? CLOSE
			: answers[_i].then == RESET ? RESET
						    : STAY;
	world_open(&world);
	puppet_open(&puppet, &world, lines);
	request = get("http://127.0.0.1:%u/", puppet.port);
	request->response_bytes_max = 63;
	perform(&world, request, &outcome);
	ck_assert_msg(outcome.response.failure == answers[_i].failure,
	    "%s: %s (%s)", answers[_i].label,
	    err_code_name(outcome.response.failure),
	    outcome.response.failure_text);
	if (answers[_i].status >= 0)
		ck_assert_msg(outcome.response.status == answers[_i].status,
		    "%s: %d", answers[_i].label, outcome.response.status);
	if (answers[_i].failure != ERR_NONE) {
		ck_assert_msg(
		    outcome.response.maybe_received, "%s", answers[_i].label);
		ck_assert_uint_gt(strlen(outcome.response.failure_text), 0);
	}
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

START_TEST(a_closed_port_is_a_failure_that_nobody_received)
{
	static const struct line lines[] = { { 0 } };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;

	world_open(&world);
	puppet_open(&puppet, &world, lines);
	puppet_close(&puppet);
	perform(&world, get("http://user:hunter2@127.0.0.1:%u/", puppet.port),
	    &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_IO);
	ck_assert(!outcome.response.maybe_received);
	ck_assert_ptr_null(strstr(outcome.response.failure_text, "hunter2"));
	world_close(&world);
}
END_TEST

static const char *const bad_urls[] = { "http://", "ftp://127.0.0.1/",
	"file:///etc/passwd", "http://a b/", "" };

START_TEST(a_bad_url_fails_without_a_connection)
{
	struct world world;
	struct outcome outcome;

	world_open(&world);
	perform(&world, get("%s", bad_urls[_i]), &outcome);
	ck_assert_msg(outcome.response.failure == ERR_INVALID, "'%s': %s",
	    bad_urls[_i], err_code_name(outcome.response.failure));
	world_close(&world);
}
END_TEST

/* clang-format off */
static const struct { const char *status, *value; bool has; int64_t low_s, high_s; } retries[] = {
	{ "429 Slow", "7", true, 7, 7 },
	{ "503 Busy", "0", true, 0, 0 },
	{ "503 Busy", "99999999", true, 86400, 86400 },
	{ "429 Slow", "Fri, 01 Jan 2038 00:00:00 GMT", true, 86400, 86400 },
	{ "429 Slow", "Sat, 01 Jan 2000 00:00:00 GMT", true, 0, 0 },
	{ "429 Slow", "-1", false, 0, 0 },
	{ "429 Slow", "soon", false, 0, 0 },
};
/* clang-format on */

START_TEST(retry_after_is_understood_in_both_forms)
{
	char text[200];
	struct line lines[2] = { { "\r\n\r\n", text, STAY }, { 0 } };
	struct world world;
	struct puppet puppet;
	struct outcome outcome;

	snprintf(text, sizeof(text),
	    "HTTP/1.1 %s\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
	    retries[_i].status, retries[_i].value);
	world_open(&world);
	puppet_open(&puppet, &world, lines);
	perform(&world, get("http://127.0.0.1:%u/", puppet.port), &outcome);
	ck_assert_msg(outcome.response.has_retry_after == retries[_i].has, "%s",
	    retries[_i].value);
	ck_assert_int_ge(
	    outcome.response.retry_after.ns, DUR_S(retries[_i].low_s).ns);
	ck_assert_int_le(
	    outcome.response.retry_after.ns, DUR_S(retries[_i].high_s).ns);
	puppet_close(&puppet);
	world_close(&world);
}
END_TEST

Suite *
suite_xfer_answers(void)
{
	Suite *suite = suite_create("net xfer answers");
	TCase *answer = tcase_create("answers");

	tcase_set_timeout(answer, 30);
	tcase_add_loop_test(answer, an_answer_is_whole_or_a_failure, 0,
	    (int)ARRAY_LEN(answers));
	tcase_add_test(answer, a_closed_port_is_a_failure_that_nobody_received);
	tcase_add_loop_test(answer, a_bad_url_fails_without_a_connection, 0,
	    (int)ARRAY_LEN(bad_urls));
	tcase_add_loop_test(answer, retry_after_is_understood_in_both_forms, 0,
	    (int)ARRAY_LEN(retries));
	suite_add_tcase(suite, answer);
	return suite;
}
