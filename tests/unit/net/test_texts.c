/* SPDX-License-Identifier: Apache-2.0 */
/* URLs, secrets, fake calls and the simulated network: no socket anywhere. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net_world.h"

/* clang-format off */
static const struct { const char *in, *out; } escapes[] = {
	{ "", "" },
	{ "azAZ09-._~", "azAZ09-._~" },
	{ "a b", "a%20b" },
	{ "rate(x{a=\"b\"}[5m])", "rate%28x%7Ba%3D%22b%22%7D%5B5m%5D%29" },
	{ "\xc3\xa9+%&/", "%C3%A9%2B%25%26%2F" },
};

static const struct { const char *in, *out; } redactions[] = {
	{ "http://host:1/path", "http://host:1/path" },
	{ "http://user:secret@host/path?token=1#f", "http://host/path" },
	{ "https://us@er:sec@ret@host/p@th", "https://host/p@th" },
	{ "user:secret@host?x", "host" },
	{ "", "" },
};
/* clang-format on */

START_TEST(everything_but_unreserved_characters_is_escaped)
{
	struct buf out = { 0 };

	url_escape(&out, str_from(escapes[_i].in));
	ck_assert_str_eq(out.p != NULL ? out.p : "", escapes[_i].out);
	buf_fini(&out);
}
END_TEST

START_TEST(a_redacted_url_has_neither_user_info_nor_query)
{
	struct buf out = { 0 };

	url_redact(&out, str_from(redactions[_i].in));
	ck_assert_str_eq(out.p != NULL ? out.p : "", redactions[_i].out);
	buf_fini(&out);
}
END_TEST

static void
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

START_TEST(a_secret_file_is_read_at_each_use_without_its_last_newlines)
{
	char path[64];
	struct secret secret = { .file = path };
	struct buf out = { 0 };
	struct err err = { .code = ERR_NONE };

	snprintf(path, sizeof(path), "secret-%ld", (long)getpid());
	write_file(path, "one\n\r\n");
	ck_assert_int_eq(secret_read(&secret, &out, &err), 0);
	ck_assert_str_eq(out.p, "one");
	write_file(path, "tw\no");
	ck_assert_int_eq(secret_read(&secret, &out, &err), 0);
	ck_assert_str_eq(out.p, "onetw\no");
	unlink(path);
	ck_assert_int_eq(secret_read(&secret, &out, &err), -ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	ck_assert_str_eq(out.p, "onetw\no");
	buf_fini(&out);
}
END_TEST

START_TEST(an_inline_secret_is_appended_and_none_gives_nothing)
{
	struct buf out = { 0 };

	ck_assert_int_eq(
	    secret_read(&(struct secret){ .value = "s" }, &out, NULL), 0);
	ck_assert_int_eq(secret_read(&(struct secret){ 0 }, &out, NULL), 0);
	ck_assert_str_eq(out.p, "s");
	buf_fini(&out);
}
END_TEST

START_TEST(a_fake_call_decodes_path_and_parameters)
{
	struct http_call *call = http_call_fake("GET",
	    "/a%20b?filter=x%3D%221%22&x&filter=b+c&m[]=1&e=", STR("body"));
	const char *name, *value;

	ck_assert_str_eq(http_path(call), "/a b");
	ck_assert_str_eq(http_param(call, "filter", 0), "x=\"1\"");
	ck_assert_str_eq(http_param(call, "filter", 1), "b c");
	ck_assert_ptr_null(http_param(call, "filter", 2));
	ck_assert_str_eq(http_param(call, "x", 0), "");
	ck_assert_str_eq(http_param(call, "e", 0), "");
	ck_assert_str_eq(http_param(call, "m[]", 0), "1");
	ck_assert(http_param_at(call, 1, &name, &value));
	ck_assert_str_eq(name, "x");
	ck_assert(!http_param_at(call, 5, &name, &value));
	ck_assert(str_is(http_body(call), "body"));
	http_call_fake_header(call, "X-A", "1");
	ck_assert_str_eq(http_header_value(call, "x-a"), "1");
	ck_assert_int_eq(http_call_status(call), 0);
	http_add_header(call, "X-B", "2");
	http_reply_text(call, 201, "text/plain", "done");
	ck_assert_int_eq(http_call_status(call), 201);
	ck_assert(str_is(http_call_answer(call), "done"));
	ck_assert_str_eq(http_call_answer_header(call, "x-b"), "2");
	ck_assert_str_eq(
	    http_call_answer_header(call, "content-type"), "text/plain");
	http_call_fake_free(call);
}
END_TEST

struct counting {
	uint32_t left, ended;
};

static bool
count_down(void *arg, struct buf *out, size_t want)
{
	struct counting *counting = arg;

	(void)want;
	buf_puts(out, "x");
	return --counting->left > 0;
}

static void
count_end(void *arg)
{
	((struct counting *)arg)->ended++;
}

START_TEST(a_fake_call_drains_its_stream_when_asked)
{
	struct counting read = { .left = 3 }, unread = { .left = 3 };
	struct http_call *call = http_call_fake("GET", "/", STR(""));

	http_reply_stream(call, 200, NULL, count_down, count_end, &read);
	ck_assert(str_is(http_call_answer(call), "xxx"));
	ck_assert_uint_eq(read.ended, 1);
	http_call_fake_free(call);
	call = http_call_fake("GET", "/", STR(""));
	http_reply_stream(call, 200, NULL, count_down, count_end, &unread);
	http_call_fake_free(call);
	ck_assert_uint_eq(unread.ended, 1);
}
END_TEST

static dur_t
answer_by_url(void *arg, const struct xfer_request *request,
    struct xfer_response *response)
{
	(void)arg;
	if (strstr(request->url.p, "hang") != NULL)
		return DUR_NEVER;
	response->status = 200;
	response->body = STR("scripted");
	return DUR_MS(1500);
}

START_TEST(a_scripted_network_answers_and_times_out_on_virtual_time)
{
	wall_t start = { INT64_C(1700000000) * 1000000000 };
	struct loop *loop = loop_new_virtual(start);
	struct world world = { .loop = loop,
		.xfer = xfer_new_scripted(loop, answer_by_url, NULL) };
	struct outcome fine, hung, cancelled, refused;
	struct xfer_request *request;

	xfer_lane_init(&world.lane, 3);
	submit(&world, get("http://x/fine"), &fine);
	submit(&world, get("http://x/hang"), &hung);
	request = get("http://x/hang");
	submit(&world, request, &cancelled);
	xfer_cancel(world.xfer, request);
	ck_assert_uint_eq(cancelled.times, 0);
	request = get("http://x/large");
	request->response_bytes_max = 4;
	submit(&world, request, &refused);
	loop_run_until(loop, wall_add(start, DUR_MS(1499)));
	ck_assert_uint_eq(fine.times, 0);
	ck_assert_uint_eq(cancelled.times, 1);
	ck_assert_int_eq(cancelled.response.failure, ERR_CANCELLED);
	loop_run_until(loop, wall_add(start, DUR_MS(1500)));
	ck_assert_uint_eq(fine.times, 1);
	ck_assert_str_eq(fine.body, "scripted");
	ck_assert_int_eq(fine.response.took.ns, DUR_MS(1500).ns);
	ck_assert_int_eq(refused.response.failure, ERR_LIMIT);
	ck_assert_uint_eq(hung.times, 0);
	loop_run_until(loop, wall_add(start, DUR_S(60)));
	ck_assert_uint_eq(hung.times, 1);
	ck_assert_int_eq(hung.response.failure, ERR_TIMEOUT);
	xfer_free(world.xfer);
	loop_free(loop);
}
END_TEST

Suite *
suite_texts(void)
{
	Suite *suite = suite_create("net texts");
	TCase *tcase = tcase_create("texts");

	tcase_add_loop_test(tcase,
	    everything_but_unreserved_characters_is_escaped, 0,
	    (int)ARRAY_LEN(escapes));
	tcase_add_loop_test(tcase,
	    a_redacted_url_has_neither_user_info_nor_query, 0,
	    (int)ARRAY_LEN(redactions));
	tcase_add_test(
	    tcase, a_secret_file_is_read_at_each_use_without_its_last_newlines);
	tcase_add_test(
	    tcase, an_inline_secret_is_appended_and_none_gives_nothing);
	tcase_add_test(tcase, a_fake_call_decodes_path_and_parameters);
	tcase_add_test(tcase, a_fake_call_drains_its_stream_when_asked);
	tcase_add_test(
	    tcase, a_scripted_network_answers_and_times_out_on_virtual_time);
	suite_add_tcase(suite, tcase);
	return suite;
}
