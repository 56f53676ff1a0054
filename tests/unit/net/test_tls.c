/* SPDX-License-Identifier: Apache-2.0 */
/* The server with TLS: who may shake hands, and certificates that are renewed. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/tls.h"
#include "net_world.h"
#include "pki.h"

#define BIG_BYTES (3u << 20)

struct site {
	struct world world;
	struct tls_server *tls;
	struct http_server *server;
	struct http_call *later;
};

static void
handle(void *arg, struct http_call *call)
{
	struct site *site = arg;
	struct buf body = { 0 };

	if (strcmp(http_path(call), "/later") == 0) {
		site->later = call;
		return;
	}
	buf_printf(&body, "%u bytes", http_body(call).n);
	if (strcmp(http_path(call), "/big") == 0)
		for (uint32_t i = 0; i < BIG_BYTES; i++)
			buf_putc(&body, 'x');
	http_reply(call, 200, "text/plain", &body);
}

static struct tls_server_options
server_files(enum tls_client_auth client_auth)
{
	return (struct tls_server_options){
		.cert.file = pki_path("server.pem"),
		.key.file = pki_path("server.key"),
		.client_ca.file = client_auth != TLS_NO_CLIENT_CERT
				      ? pki_path("ca.pem")
				      : NULL,
		.client_auth = client_auth,
	};
}

static void
site_open(struct site *site, const struct tls_server_options *options)
{
	struct err err = { .code = ERR_NONE };
	struct http_gate gate = { 0 };

	*site = (struct site){ 0 };
	world_open(&site->world);
	site->tls = tls_server_new(options, &err);
	ck_assert_msg(site->tls != NULL, "%s", err.text);
	gate.tls = site->tls;
	site->server = http_server_new_gated(site->world.loop, "127.0.0.1:0",
	    NULL, &gate, handle, site, &err);
	ck_assert_msg(site->server != NULL, "%s", err.text);
}

static void
site_close(struct site *site)
{
	http_server_free(site->server);
	tls_server_free(site->tls);
	world_close(&site->world);
}

static struct xfer_request *
secure_get(
    const struct site *site, const char *path, const struct http_options *http)
{
	struct xfer_request *request =
	    get("https://127.0.0.1:%u%s", http_server_port(site->server), path);

	request->http = http;
	return request;
}

START_TEST(large_bodies_and_late_answers_pass_through_tls)
{
	struct http_options http = { .tls.ca_file = NULL };
	struct tls_server_options options;
	struct xfer_request *request;
	struct outcome outcome;
	struct site site;

	pki_open();
	http.tls.ca_file = pki_path("ca.pem");
	options = server_files(TLS_NO_CLIENT_CERT);
	site_open(&site, &options);
	request = secure_get(&site, "/big", &http);
	request->method = "POST";
	for (uint32_t i = 0; i < BIG_BYTES; i++)
		buf_putc(&request->body, 'b');
	perform(&site.world, request, &outcome);
	ck_assert_msg(outcome.response.status == 200, "%s",
	    outcome.response.failure_text);
	ck_assert_ptr_nonnull(strstr(outcome.body, "3145728 bytesxxx"));
	ck_assert_uint_eq(outcome.response.body.n, BIG_BYTES + 13);

	submit(&site.world, secure_get(&site, "/later", &http), &outcome);
	DRIVE_UNTIL(&site.world, site.later != NULL);
	http_reply_text(site.later, 200, NULL, "at last");
	DRIVE_UNTIL(&site.world, outcome.times != 0);
	ck_assert_str_eq(outcome.body, "at last");
	expect_quiet(&site.world);
	site_close(&site);
	pki_close();
}
END_TEST

static const struct {
	const char *label;
	enum tls_client_auth client_auth;
	const char *client; /* its certificate; NULL: none */
	bool gets_in;
} handshakes[] = {
	{ "a server that asks for none", TLS_NO_CLIENT_CERT, NULL, true },
	{ "none where one is asked for", TLS_REQUEST_CLIENT_CERT, NULL, true },
	{ "a strange one where any will do", TLS_REQUIRE_ANY_CLIENT_CERT,
	    "stranger", true },
	{ "none where any is needed", TLS_REQUIRE_ANY_CLIENT_CERT, NULL,
	    false },
	{ "none where only what is shown must be good",
	    TLS_VERIFY_CLIENT_CERT_IF_GIVEN, NULL, true },
	{ "a strange one where what is shown must be good",
	    TLS_VERIFY_CLIENT_CERT_IF_GIVEN, "stranger", false },
	{ "a good one where a good one is needed",
	    TLS_REQUIRE_AND_VERIFY_CLIENT_CERT, "client", true },
	{ "none where a good one is needed", TLS_REQUIRE_AND_VERIFY_CLIENT_CERT,
	    NULL, false },
	{ "a strange one where a good one is needed",
	    TLS_REQUIRE_AND_VERIFY_CLIENT_CERT, "stranger", false },
};

START_TEST(a_client_certificate)
{
	struct http_options http = { .tls.ca_file = NULL };
	struct tls_server_options options;
	char cert[64], key[64];
	struct outcome outcome;
	struct site site;

	pki_open();
	pki_authority("elsewhere");
	pki_issue("stranger", "elsewhere");
	http.tls.ca_file = pki_path("ca.pem");
	if (handshakes[_i].client != NULL) {
		snprintf(cert, sizeof(cert), "%s.pem", handshakes[_i].client);
		snprintf(key, sizeof(key), "%s.key", handshakes[_i].client);
		http.tls.cert_file = pki_path(cert);
		http.tls.key_file = pki_path(key);
	}
	options = server_files(handshakes[_i].client_auth);
	site_open(&site, &options);
	perform(&site.world, secure_get(&site, "/", &http), &outcome);
	ck_assert_msg(
	    handshakes[_i].gets_in
		? outcome.response.status == 200
		: outcome.response.failure == ERR_IO,
	    "%s: status %d, failure %d %s", handshakes[_i].label,
	    outcome.response.status, (int)outcome.response.failure,
	    outcome.response.failure_text);
	site_close(&site);
	pki_close();
}
END_TEST

START_TEST(versions_that_do_not_meet_end_in_a_failure)
{
	struct http_options http = { .tls.max_version = TLS_VERSION_1_2 };
	struct tls_server_options options;
	struct outcome outcome;
	struct site site;

	pki_open();
	http.tls.ca_file = pki_path("ca.pem");
	options = server_files(TLS_NO_CLIENT_CERT);
	options.priorities = "SECURE128:-VERS-ALL:+VERS-TLS1.3";
	site_open(&site, &options);
	perform(&site.world, secure_get(&site, "/", &http), &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_IO);
	http.tls.max_version = TLS_VERSION_DEFAULT;
	http.tls.min_version = TLS_VERSION_1_3;
	perform(&site.world, secure_get(&site, "/", &http), &outcome);
	ck_assert_int_eq(outcome.response.status, 200);
	site_close(&site);
	pki_close();
}
END_TEST

static char *
content_of(const char *path)
{
	struct buf text = { 0 };
	FILE *file = fopen(path, "r");
	char chunk[4096];
	size_t n;

	ck_assert_ptr_nonnull(file);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_put(&text, chunk, n);
	fclose(file);
	return buf_take(&text);
}

START_TEST(certificates_may_be_given_as_texts_on_both_sides)
{
	struct http_options http = { 0 };
	struct tls_server_options options = { 0 };
	struct outcome outcome;
	struct site site;
	char *texts[5];

	pki_open();
	texts[0] = content_of(pki_path("ca.pem"));
	texts[1] = content_of(pki_path("server.pem"));
	texts[2] = content_of(pki_path("server.key"));
	texts[3] = content_of(pki_path("client.pem"));
	texts[4] = content_of(pki_path("client.key"));
	pki_close();
	options.client_ca.text = texts[0];
	options.cert.text = texts[1];
	options.key.text = texts[2];
	options.client_auth = TLS_REQUIRE_AND_VERIFY_CLIENT_CERT;
	http.tls.ca = texts[0];
	http.tls.cert = texts[3];
	http.tls.key = texts[4];
	site_open(&site, &options);
	perform(&site.world, secure_get(&site, "/", &http), &outcome);
	ck_assert_msg(outcome.response.status == 200, "%s",
	    outcome.response.failure_text);
	site_close(&site);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
}
END_TEST

START_TEST(a_renewed_certificate_is_used_without_a_reload)
{
	struct http_options old = { 0 }, new = { 0 };
	struct tls_server_options options;
	struct xfer_request *request;
	struct outcome outcome;
	struct site site;

	pki_open();
	pki_authority("other");
	old.tls.ca_file = pki_path("ca.pem");
	options = server_files(TLS_NO_CLIENT_CERT);
	site_open(&site, &options);
	perform(&site.world, secure_get(&site, "/", &old), &outcome);
	ck_assert_int_eq(outcome.response.status, 200);

	/* Half of it is there: the old pair stays in force. */
	ck_assert_int_eq(
	    rename(pki_path("client.key"), pki_path("server.key")), 0);
	request = secure_get(&site, "/", &old);
	request->fresh_connection = true;
	perform(&site.world, request, &outcome);
	ck_assert_int_eq(outcome.response.status, 200);

	pki_issue("server", "other");
	new.tls.ca_file = pki_path("other.pem");
	perform(&site.world, secure_get(&site, "/", &new), &outcome);
	ck_assert_msg(outcome.response.status == 200, "%s",
	    outcome.response.failure_text);
	request = secure_get(&site, "/", &old);
	request->fresh_connection = true;
	perform(&site.world, request, &outcome);
	ck_assert_int_eq(outcome.response.failure, ERR_IO);
	site_close(&site);
	pki_close();
}
END_TEST

/* clang-format off */
static const struct {
	const char *label, *cert, *key, *client_ca, *priorities, *says;
	enum tls_client_auth client_auth;
} unusable[] = {
	{ "no key", "server.pem", NULL, NULL, NULL, "needs a certificate and its key", 0 },
	{ "no such file", "nothing.pem", "server.key", NULL, NULL, "nothing.pem': No such file", 0 },
	{ "another one's key", "server.pem", "client.key", NULL, NULL, "certificate and key: ", 0 },
	{ "no certificate in it", "server.key", "server.key", NULL, NULL, "certificate and key: ", 0 },
	{ "no authority in it", "server.pem", "server.key", "server.key", NULL, "client authorities: ", TLS_REQUIRE_AND_VERIFY_CLIENT_CERT },
	{ "nothing to verify by", "server.pem", "server.key", NULL, NULL, "no client_ca_file", TLS_REQUIRE_AND_VERIFY_CLIENT_CERT },
	{ "unknown priorities", "server.pem", "server.key", NULL, "NORMAL:+NONSENSE", "+NONSENSE", 0 },
};
/* clang-format on */

START_TEST(options_that_cannot_work_are_refused)
{
	struct tls_server_options options = { 0 };
	struct err err = { .code = ERR_NONE };

	pki_open();
	options.cert.file = pki_path(unusable[_i].cert);
	if (unusable[_i].key != NULL)
		options.key.file = pki_path(unusable[_i].key);
	if (unusable[_i].client_ca != NULL)
		options.client_ca.file = pki_path(unusable[_i].client_ca);
	options.client_auth = unusable[_i].client_auth;
	options.priorities = unusable[_i].priorities;
	ck_assert_msg(tls_server_new(&options, &err) == NULL, "%s",
	    unusable[_i].label);
	ck_assert_msg(strstr(err.text, unusable[_i].says) != NULL, "%s: %s",
	    unusable[_i].label, err.text);
	pki_close();
}
END_TEST

Suite *
suite_tls(void)
{
	Suite *suite = suite_create("net tls");
	TCase *tc = tcase_create("tls");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, large_bodies_and_late_answers_pass_through_tls);
	tcase_add_loop_test(
	    tc, a_client_certificate, 0, (int)ARRAY_LEN(handshakes));
	tcase_add_test(tc, versions_that_do_not_meet_end_in_a_failure);
	tcase_add_test(tc, certificates_may_be_given_as_texts_on_both_sides);
	tcase_add_test(tc, a_renewed_certificate_is_used_without_a_reload);
	tcase_add_loop_test(tc, options_that_cannot_work_are_refused, 0,
	    (int)ARRAY_LEN(unusable));
	suite_add_tcase(suite, tc);
	return suite;
}
