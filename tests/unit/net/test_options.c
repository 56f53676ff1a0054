/* SPDX-License-Identifier: Apache-2.0 */
/* What http_config asks for beyond a URL: proxies, values from files. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/easy.h"
#include "net_world.h"

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static const struct line answers[] = { { "\r\n\r\n", ANSWER, STAY },
	{ "\r\n\r\n", ANSWER, STAY }, { 0 } };

/* clang-format off */
static const struct {
	const char *label;
	bool has_url, from_environment;
	const char *no_proxy, *variable, *host; /* NULL: this machine */
	bool is_asked;
} proxies[] = {
	{ "a proxy is gone through, also to this machine", true, false, NULL, NULL, NULL, true },
	{ "with exceptions this machine is one of them", true, false, "x.invalid", NULL, NULL, false },
	{ "an exception is for its host alone", true, false, "x.invalid", NULL, "y.invalid", true },
	{ "the environment is not looked at unasked", false, false, NULL, "http_proxy", NULL, false },
	{ "the environment's proxy", false, true, NULL, "HTTP_PROXY", "y.invalid", true },
	{ "in small letters", false, true, NULL, "http_proxy", "y.invalid", true },
	{ "but not to this machine", false, true, NULL, "HTTP_PROXY", NULL, false },
	{ "another scheme's variable is none", false, true, NULL, "HTTPS_PROXY", NULL, false },
};
/* clang-format on */

START_TEST(a_request_goes_through_its_proxy)
{
	struct http_options http = { .no_proxy = proxies[_i].no_proxy,
		.proxy_from_environment = proxies[_i].from_environment };
	struct puppet proxy, backend;
	struct xfer_request *request;
	struct outcome outcome;
	struct world world;
	char url[64];

	world_open(&world);
	puppet_open(&proxy, &world, answers);
	puppet_open(&backend, &world, answers);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", proxy.port);
	if (proxies[_i].has_url)
		http.proxy_url = url;
	if (proxies[_i].variable != NULL)
		setenv(proxies[_i].variable, url, 1);
	request = get("http://%s:%u/",
	    proxies[_i].host != NULL ? proxies[_i].host : "127.0.0.1",
	    backend.port);
	request->http = &http;
	perform(&world, request, &outcome);
	ck_assert_msg((proxy.accepted > 0) == proxies[_i].is_asked, "%s: %u",
	    proxies[_i].label, proxy.accepted);
	ck_assert_int_eq(outcome.response.status, 200);
	ck_assert_uint_eq(backend.accepted, proxies[_i].is_asked ? 0 : 1);
	puppet_close(&proxy);
	puppet_close(&backend);
	world_close(&world);
}
END_TEST

/* The proxy finds the host, as Go has it; libcurl's socks5 would find it here. */
START_TEST(a_socks_proxy_finds_the_host)
{
	const struct http_options http = { .proxy_url = "socks5://p:1080" };
	const struct easy_request request = { .method = "GET",
		.url = STR("https://y.invalid/"),
		.http = &http };
	struct easy_plan plan = { 0 };
	struct err err;

	ck_assert_int_eq(easy_plan_make(&plan, &request, &err), 0);
	ck_assert_str_eq(plan.proxy.p, "socks5h://p:1080");
	easy_plan_fini(&plan);
}
END_TEST

/* clang-format off */
static const struct {
	const char *label, *upper, *lower; /* of NO_PROXY */
	const char *want;
} exceptions[] = {
	{ "none but this machine", NULL, NULL, "localhost,127.0.0.0/8,::1" },
	{ "a list", "a.example,10.0.0.0/8", NULL, "localhost,127.0.0.0/8,::1,a.example,10.0.0.0/8" },
	{ "in small letters", NULL, "b.example", "localhost,127.0.0.0/8,::1,b.example" },
	{ "the capitals come first", "a.example", "b.example", "localhost,127.0.0.0/8,::1,a.example" },
	{ "empty capitals are none", "", "b.example", "localhost,127.0.0.0/8,::1,b.example" },
};
/* clang-format on */

START_TEST(the_environments_exceptions_are_honoured)
{
	const struct http_options http = { .proxy_from_environment = true };
	const struct easy_request request = { .method = "GET",
		.url = STR("https://y.invalid/"),
		.http = &http };
	struct easy_plan plan = { 0 };
	struct err err;

	setenv("HTTPS_PROXY", "http://p:1", 1);
	if (exceptions[_i].upper != NULL)
		setenv("NO_PROXY", exceptions[_i].upper, 1);
	if (exceptions[_i].lower != NULL)
		setenv("no_proxy", exceptions[_i].lower, 1);
	ck_assert_int_eq(easy_plan_make(&plan, &request, &err), 0);
	ck_assert_str_eq(plan.proxy.p, "http://p:1");
	ck_assert_msg(strcmp(plan.no_proxy.p, exceptions[_i].want) == 0,
	    "%s: %s", exceptions[_i].label, plan.no_proxy.p);
	easy_plan_fini(&plan);
}
END_TEST

static void
forget_proxies(void)
{
	static const char *const names[] = { "HTTP_PROXY", "http_proxy",
		"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
}

START_TEST(a_tunnel_is_asked_for_with_its_headers)
{
	static const struct line refusal[] = { { "\r\n\r\n",
						   "HTTP/1.1 403 No\r\n"
						   "Content-Length: 0\r\n\r\n",
						   CLOSE },
		{ 0 } };
	const struct http_header headers[] = { { "X-Tunnel", "a b" } };
	const struct http_header own[] = { { "X-Own", "c" } };
	struct http_options http = { .proxy_headers = headers,
		.n_proxy_headers = 1,
		.headers = own,
		.n_headers = 1 };
	struct xfer_request *request;
	struct outcome outcome;
	struct puppet proxy;
	struct world world;
	char url[64];

	world_open(&world);
	puppet_open(&proxy, &world, refusal);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", proxy.port);
	http.proxy_url = url;
	request = get("https://y.invalid/");
	request->http = &http;
	perform(&world, request, &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_IO);
	ck_assert_ptr_nonnull(
	    strstr(proxy.seen.p, "CONNECT y.invalid:443 HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(proxy.seen.p, "\r\nX-Tunnel: a b\r\n"));
	/* What is for the server is not for the proxy. */
	ck_assert_ptr_null(strstr(proxy.seen.p, "X-Own"));
	puppet_close(&proxy);
	world_close(&world);
}
END_TEST

START_TEST(names_and_headers_come_from_files_at_each_use)
{
	char path[] = "/tmp/test_options.XXXXXX";
	const struct http_header files[] = { { "X-File", path } };
	struct http_options http = { .basic_username_file = path,
		.basic_password.value = "p",
		.header_files = files,
		.n_header_files = 1 };
	struct xfer_request *request;
	struct outcome outcome;
	struct puppet server;
	struct world world;
	int fd = mkstemp(path);

	world_open(&world);
	puppet_open(&server, &world, answers);
	ck_assert_int_eq(write(fd, "u\n", 2), 2);
	request = get("http://127.0.0.1:%u/", server.port);
	request->http = &http;
	perform(&world, request, &outcome);
	ck_assert_ptr_nonnull(
	    strstr(server.seen.p, "\r\nAuthorization: Basic dTpw\r\n"));
	ck_assert_ptr_nonnull(strstr(server.seen.p, "\r\nX-File: u\r\n"));
	ck_assert_int_eq(pwrite(fd, "v\n", 2, 0), 2);
	request = get("http://127.0.0.1:%u/", server.port);
	request->http = &http;
	perform(&world, request, &outcome);
	ck_assert_ptr_nonnull(
	    strstr(server.seen.p, "\r\nAuthorization: Basic djpw\r\n"));
	ck_assert_ptr_nonnull(strstr(server.seen.p, "\r\nX-File: v\r\n"));
	close(fd);
	unlink(path);
	request = get("http://127.0.0.1:%u/", server.port);
	request->http = &http;
	perform(&world, request, &outcome);
	ck_assert(outcome.response.failure != ERR_NONE);
	ck_assert_ptr_nonnull(strstr(outcome.response.failure_text, path));
	puppet_close(&server);
	world_close(&world);
}
END_TEST

Suite *
suite_options(void)
{
	Suite *suite = suite_create("net options");
	TCase *tc = tcase_create("options");

	tcase_add_checked_fixture(tc, forget_proxies, forget_proxies);
	tcase_add_test(tc, a_socks_proxy_finds_the_host);
	tcase_add_loop_test(tc, a_request_goes_through_its_proxy, 0,
	    (int)ARRAY_LEN(proxies));
	tcase_add_loop_test(tc, the_environments_exceptions_are_honoured, 0,
	    (int)ARRAY_LEN(exceptions));
	tcase_add_test(tc, a_tunnel_is_asked_for_with_its_headers);
	tcase_add_test(tc, names_and_headers_come_from_files_at_each_use);
	suite_add_tcase(suite, tc);
	return suite;
}
