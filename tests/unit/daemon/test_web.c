/* SPDX-License-Identifier: Apache-2.0 */
/* The web configuration: what it says, and where its mistakes are. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mac.h"
#include "daemon/web.h"
#include "daemon/web_config.h"
#include "loop/loop.h"
#include "pki.h"
#include "suites.h"

#define HASH "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"
#define USERS "basic_auth_users:\n  joe: " HASH "\n  jim: " HASH "\n"
#define SHA  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff"
#define TLS  "tls_server_config: {cert_file: server.pem, key_file: server.key"

static const char *
write_file(const char *text)
{
	const char *path = pki_path("web.yml");
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	return path;
}

/* The first finding without its file's folder, or "" ; free(). */
static char *
first_finding(const char *text)
{
	struct diag *diag = diag_new();
	struct web_config *config = web_config_load(write_file(text), diag);
	struct buf out = { 0 };

	ck_assert_int_eq(config == NULL, diag_errors(diag) > 0);
	if (config == NULL) {
		const struct finding *f = diag_at(diag, 0);

		buf_printf(&out, "%u:%u: %s", f->pos.line, f->pos.col, f->text);
		diag_print(diag, &out);
	}
	web_config_free(config);
	diag_free(diag);
	return buf_take(&out);
}

/* clang-format off */
static const struct { const char *label, *text, *says; } files[] = {
	{ "an empty file asks for nothing", "", "" },
	{ "users alone", "basic_auth_users:\n  joe: " HASH "\n", "" },
	{ "users of other bcrypt dialects", "basic_auth_users:\n  joe: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi\n", "" },
	{ "TLS alone", TLS "}\n", "" },
	{ "all of TLS", TLS ", client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert, min_version: TLS12, max_version: TLS13, prefer_server_cipher_suites: false,\n cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305, TLS_AES_256_GCM_SHA384], curve_preferences: [X25519, CurveP256]}\n", "" },
	{ "suites of TLS 1.3 alone", TLS ", min_version: TLS13, cipher_suites: [TLS_AES_128_GCM_SHA256]}\n", "" },
	{ "headers", "http_server_config: {http2: true, headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=1, X-Content-Type-Options: nosniff}}\n", "" },
	{ "an unknown key", "basic_auth_user: {}\n", "1:1: unknown key 'basic_auth_user' in the web configuration (did you mean 'basic_auth_users'?)" },
	{ "an unknown key of TLS", TLS ", key_fil: x}\n", "unknown key 'key_fil' in tls_server_config" },
	{ "a plain password", "basic_auth_users:\n  joe: " HASH "\n  jim: secret\n", "line 3: user 'jim': no bcrypt hash" },
	{ "a colon in a name", "basic_auth_users:\n  'a:b': " HASH "\n", "2:3: 'a:b' cannot be a user's name" },
	{ "no key", "tls_server_config: {cert_file: server.pem}\n", "TLS needs a certificate and its key" },
	{ "no such file", "tls_server_config: {cert_file: server.pem, key_file: none.key}\n", "cannot read '" },
	{ "a key of somebody else", "tls_server_config: {cert_file: server.pem, key_file: client.key}\n", "1:20: tls_server_config: certificate and key: " },
	{ "two certificates", TLS ", cert: x}\n", "only one of 'cert_file' and 'cert' can be given" },
	{ "authorities that nobody asks", TLS ", client_ca_file: ca.pem}\n", "'client_ca_file' without a 'client_auth_type'" },
	{ "nothing to verify by", TLS ", client_auth_type: RequireAndVerifyClientCert}\n", "no client_ca_file" },
	{ "an unknown policy", TLS ", client_auth_type: Require}\n", "RequireAndVerifyClientCert" },
	{ "versions the wrong way round", TLS ", min_version: TLS13, max_version: TLS12}\n", "'min_version' is above 'max_version'" },
	{ "an unknown suite", TLS ", cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}\n", "unknown cipher suite 'TLS_RSA_WITH_RC4_128_SHA'" },
	{ "suites that let in another one", TLS ", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_256_GCM_SHA384]}\n", "cannot be had without 'TLS_RSA_WITH_AES_128_GCM_SHA256'" },
	{ "an unknown curve", TLS ", curve_preferences: [P256]}\n", "unknown curve 'P256'" },
	{ "an unknown header", "http_server_config: {headers: {X-Mine: a}}\n", "unknown key 'X-Mine' in headers" },
	{ "a header's wrong value", "http_server_config: {headers: {X-Frame-Options: never}}\n", "X-Frame-Options can only be deny or sameorigin" },
	{ "a header with a line break", "http_server_config: {headers: {Content-Security-Policy: \"a\\nb\"}}\n", "cannot hold a line break" },
	{ "roles", USERS "roles: {joe: viewer, jim: admin}\n", "" },
	{ "a user without a role among others", USERS "roles: {joe: viewer}\n", "line 3: user 'jim' has no role: add one to 'roles'" },
	{ "a role of nobody", USERS "roles: {joe: viewer, jim: admin, jane: viewer}\n", "4:34: there is no user 'jane' in basic_auth_users" },
	{ "an unknown role", USERS "roles: {joe: reader, jim: admin}\n", "4:14: unknown role 'reader', give viewer, responder" },
	{ "the role none", USERS "roles: {joe: none, jim: admin}\n", "unknown role 'none'" },
	{ "tokens", "tokens:\n- {name: ci, role: editor, sha256: " SHA "0}\n- {name: prometheus, role: sender, sha256: " SHA "1, expires: '2027-01-01T00:00:00Z'}\n", "" },
	{ "a token without a name", "tokens: [{role: editor, sha256: " SHA "0}]\n", "1:10: missing key 'name' in tokens" },
	{ "a token without a role", "tokens: [{name: ci, sha256: " SHA "0}]\n", "missing key 'role' in tokens" },
	{ "a token that may do nothing", "tokens: [{name: ci, role: none, sha256: " SHA "0}]\n", "may do nothing" },
	{ "a token that is not there", "tokens: [{name: ci, role: editor}]\n", "token 'ci' has neither 'sha256' nor 'token_file'" },
	{ "a token itself", "tokens: [{name: ci, role: editor, sha256: secret}]\n", "line 1: the sha256 of token 'ci' is not 64 hex digits" },
	{ "two ways to a token", "tokens: [{name: ci, role: editor, sha256: " SHA "0, token_file: x}]\n", "only one of 'sha256' and 'token_file' can be given" },
	{ "a token's file that is not there", "tokens: [{name: ci, role: editor, token_file: none}]\n", "cannot read '" },
	{ "two tokens of a name", "tokens:\n- {name: ci, role: editor, sha256: " SHA "0}\n- {name: ci, role: viewer, sha256: " SHA "1}\n", "3:3: there is a token 'ci' already" },
	{ "a token twice", "tokens:\n- {name: ci, role: editor, sha256: " SHA "0}\n- {name: cd, role: viewer, sha256: " SHA "0}\n", "'ci' and 'cd' are the same token" },
	{ "a date that is none", "tokens: [{name: ci, role: editor, sha256: " SHA "0, expires: tomorrow}]\n", "'expires' is no time" },
	{ "readers without credentials", "anonymous: viewer\n", "" },
	{ "proxies", "trusted_proxies: [127.0.0.1, 10.0.0.0/8, 'fd00::/8']\n", "" },
	{ "a proxy by name", "trusted_proxies: [localhost]\n", "1:19: 'localhost': no network such as 10.0.0.0/8" },
	{ "an unknown role of everybody", "anonymous: reader\n", "anonymous" },
	{ "no mapping", "[]\n", "mapping" },
};
/* clang-format on */

/* As the daemon does it. */
static int
reload(struct web *web, struct buf *text)
{
	struct web_change *change;
	int rc = web_read(web, &change, text);

	if (rc == 0)
		web_commit(web, change);
	return rc;
}

START_TEST(a_file_gives_its_first_finding)
{
	char *finding;

	pki_open();
	finding = first_finding(files[_i].text);
	ck_assert_msg(files[_i].says[0] == '\0' ? finding[0] == '\0'
						: strstr(finding, files[_i].says) != NULL,
	    "%s: %s", files[_i].label, finding);
	/* Not even when it is the mistake. */
	ck_assert_ptr_null(strstr(finding, "secret"));
	free(finding);
	pki_close();
}
END_TEST

START_TEST(the_schema_in_the_tree_is_current)
{
	FILE *file = fopen(TEST_SRCDIR "/schemas/web.schema.json", "r");
	struct buf made = { 0 }, committed = { 0 };
	char piece[4096];
	size_t n;

	ck_assert_ptr_nonnull(file);
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_put(&committed, piece, n);
	fclose(file);
	web_config_put_json_schema(&made);
	ck_assert_msg(str_eq(buf_str(&made), buf_str(&committed)),
	    "run: src/tocsin schema web >schemas/web.schema.json");
	buf_fini(&made);
	buf_fini(&committed);
}
END_TEST

static void
write_token(const char *text)
{
	FILE *file = fopen(pki_path("token"), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

START_TEST(a_token_may_stand_in_a_file)
{
	static const char text[] = "anonymous: viewer\ntokens: [{name: ci, role: editor, "
				   "token_file: token, expires: '2027-01-01T00:00:00Z'}]\n"
				   "basic_auth_users: {joe: " HASH "}\nroles: {joe: responder}\n";
	struct diag *diag = diag_new();
	struct web_config *config;
	char hex[MAC_HEX_BYTES], *finding;

	pki_open();
	write_token("long enough for us\n");
	config = web_config_load(write_file(text), diag);
	ck_assert_ptr_nonnull(config);
	ck_assert_int_eq(config->guard.anonymous, ROLE_VIEWER);
	ck_assert_int_eq(config->guard.users[0].role, ROLE_RESPONDER);
	ck_assert_uint_eq(config->guard.n_tokens, 1);
	ck_assert_str_eq(config->guard.tokens[0].name, "ci");
	ck_assert_int_eq(config->guard.tokens[0].role, ROLE_EDITOR);
	ck_assert_int_eq(config->guard.tokens[0].expires_at.ns / 1000000000, 1798761600);
	mac_to_hex(config->guard.tokens[0].sha256, hex);
	ck_assert_str_eq(hex, "f370ed5ff34c4b02f1d898e6fa7b94229b3b1ff6"
			      "b939422fe68860a874e48f37");
	web_config_free(config);
	diag_free(diag);
	write_token("too short\n");
	finding = first_finding(text);
	ck_assert_ptr_nonnull(strstr(finding, "is shorter than 16 characters"));
	free(finding);
	pki_close();
}
END_TEST

static const struct {
	const char *label, *text;
	enum role anonymous, joe;
} defaults[] = {
	{ "an empty file", "", ROLE_ADMIN, ROLE_NONE },
	{ "users as Prometheus knows them", USERS, ROLE_NONE, ROLE_ADMIN },
	{ "tokens", "tokens: [{name: ci, role: editor, sha256: " SHA "0}]\n", ROLE_NONE,
	    ROLE_NONE },
	{ "what is said", USERS "anonymous: admin\n", ROLE_ADMIN, ROLE_ADMIN },
};

START_TEST(what_is_not_said_is_safe_or_as_it_was)
{
	struct diag *diag = diag_new();
	struct web_config *config;

	pki_open();
	config = web_config_load(write_file(defaults[_i].text), diag);
	ck_assert_ptr_nonnull(config);
	ck_assert_msg(config->guard.anonymous == defaults[_i].anonymous, "%s", defaults[_i].label);
	if (config->guard.n_users > 0)
		ck_assert_int_eq(config->guard.users[0].role, defaults[_i].joe);
	web_config_free(config);
	diag_free(diag);
	pki_close();
}
END_TEST

START_TEST(what_a_file_says_is_there)
{
	struct diag *diag = diag_new();
	struct web_config *config;

	pki_open();
	config = web_config_load(write_file(TLS ", cipher_suites: [TLS_AES_128_GCM_SHA256, "
						"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}\n"
						"http_server_config:\n"
						"  headers: {X-XSS-Protection: '0'}\n"
						"basic_auth_users: {joe: " HASH "}\n"),
	    diag);
	ck_assert_ptr_nonnull(config);
	ck_assert(config->has_tls);
	ck_assert_str_eq(config->tls.cert.file, pki_path("server.pem"));
	ck_assert_str_eq(config->tls.priorities,
	    "SECURE128:-RSA:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:-CIPHER-ALL:-MAC-ALL"
	    ":+AES-128-GCM:+AEAD:+ECDHE-RSA:%SERVER_PRECEDENCE");
	ck_assert_uint_eq(config->guard.n_users, 1);
	ck_assert_str_eq(config->guard.users[0].name, "joe");
	ck_assert_uint_eq(config->guard.n_headers, 1);
	ck_assert_str_eq(config->guard.headers[0].name, "X-XSS-Protection");
	ck_assert_str_eq(config->guard.headers[0].value, "0");
	web_config_free(config);
	diag_free(diag);
	pki_close();
}
END_TEST

START_TEST(a_reload_takes_all_or_nothing_and_never_tls_itself)
{
	struct loop *loop = loop_new_virtual((wall_t){ INT64_C(1700000000000000000) });
	struct buf text = { 0 };
	struct web web;

	pki_open();
	ck_assert_int_eq(web_open(&web, loop, write_file("basic_auth_users: {}\n"), &text), 0);
	ck_assert_ptr_null(web_gate(&web).tls);
	ck_assert_int_lt((write_file(TLS "}\n"), reload(&web, &text)), 0);
	ck_assert_ptr_nonnull(strstr(text.p, "TLS cannot be switched on by a reload"));
	buf_clear(&text);
	ck_assert_int_lt((write_file("nonsense: 1\n"), reload(&web, &text)), 0);
	ck_assert_ptr_nonnull(strstr(text.p, "unknown key 'nonsense'"));
	buf_clear(&text);
	ck_assert_int_eq(
	    (write_file("basic_auth_users: {joe: " HASH "}\n"), reload(&web, &text)), 0);
	ck_assert_uint_eq(text.n, 0);
	web_close(&web);
	web_free(&web);
	ck_assert_int_eq(web_open(&web, loop, NULL, &text), 0);
	ck_assert_ptr_nonnull(web.guard); /* who comes is an admin, but known as one */
	ck_assert_int_eq(reload(&web, &text), 0);
	web_close(&web);
	web_free(&web);
	buf_fini(&text);
	loop_free(loop);
	pki_close();
}
END_TEST

/* clang-format off */
static const struct { const char *given, *external, *want; } prefixes[] = {
	{ NULL, NULL, "" },
	{ NULL, "http://host:9093", "" },
	{ NULL, "http://host:9093/", "" },
	{ NULL, "https://host/am/x/", "/am/x" },
	{ NULL, "https://host/am?x=/y", "/am" },
	{ "/", "https://host/am", "" },
	{ "", "https://host/am", "" },
	{ "am", NULL, "/am" },
	{ "/am/", "https://host/other", "/am" },
	{ "//am//x//", NULL, "/am//x" },
};
/* clang-format on */

START_TEST(a_route_prefix_is_given_or_that_of_the_external_url)
{
	char *got = web_route_prefix(prefixes[_i].given, prefixes[_i].external);

	ck_assert_str_eq(got, prefixes[_i].want);
	free(got);
}
END_TEST

Suite *
suite_web(void)
{
	Suite *suite = suite_create("daemon web");
	TCase *tc = tcase_create("web");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, a_file_gives_its_first_finding, 0, (int)ARRAY_LEN(files));
	tcase_add_test(tc, a_token_may_stand_in_a_file);
	tcase_add_test(tc, the_schema_in_the_tree_is_current);
	tcase_add_loop_test(tc, what_is_not_said_is_safe_or_as_it_was, 0, ARRAY_LEN(defaults));
	tcase_add_test(tc, what_a_file_says_is_there);
	tcase_add_test(tc, a_reload_takes_all_or_nothing_and_never_tls_itself);
	tcase_add_loop_test(tc, a_route_prefix_is_given_or_that_of_the_external_url, 0,
	    (int)ARRAY_LEN(prefixes));
	suite_add_tcase(suite, tc);
	return suite;
}
