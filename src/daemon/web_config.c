/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the web configuration by tables, as the main one is read: every
 * mistake of the file in one run, with its place.
 *
 * Cipher suites are named as Go names them.  GnuTLS is told key exchanges,
 * ciphers and MACs instead and offers all their combinations, so a list that
 * would let in a suite it does not name is refused.
 */
#include "config.h"

#include "daemon/web_config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/schema.h"
#include "daemon/web_access.h"

/* --- raw values ---------------------------------------------------------------- */

enum {
	TLS10,
	TLS11,
	TLS12,
	TLS13
};

static const char *const version_names[] = { "TLS10", "TLS11", "TLS12", "TLS13", NULL };
static const char *const version_priorities[] = { "+VERS-TLS1.0", "+VERS-TLS1.1", "+VERS-TLS1.2",
	"+VERS-TLS1.3" };
static const char *const client_auth_names[] = { "NoClientCert", "RequestClientCert",
	"RequireAnyClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert", NULL };

static_assert(ARRAY_LEN(client_auth_names) == TLS_CLIENT_AUTH_COUNT + 1, "one each");

struct tls_raw {
	struct pos pos;
	struct tls_server_options options;
	int client_auth, min_version, max_version;
	struct string_list cipher_suites, curves;
	bool prefer_server;
};

enum {
	HEADER_HSTS,
	HEADER_CONTENT_TYPE,
	HEADER_FRAME,
	HEADER_XSS,
	HEADER_CSP,
	HEADER_COUNT
};

struct http_raw {
	struct headers_raw {
		const char *values[HEADER_COUNT];
	} headers;
	bool http2;
};

struct web_raw {
	struct tls_raw *tls;
	struct http_raw *http;
	struct web_access_raw access;
};

/* --- tls_server_config ------------------------------------------------------------ */

static const struct suite {
	const char *name, *exchange, *cipher, *mac; /* no exchange: TLS 1.3's own */
} suites[] = {
#define SUITE(exchange, kx, cipher, gnutls, mac)                                                   \
	{                                                                                          \
		exchange cipher, kx, gnutls, mac                                                   \
	}
#define SUITES(exchange, kx)                                                                       \
	SUITE(exchange, kx, "AES_128_CBC_SHA", "+AES-128-CBC", "+SHA1"),                           \
	    SUITE(exchange, kx, "AES_256_CBC_SHA", "+AES-256-CBC", "+SHA1"),                       \
	    SUITE(exchange, kx, "AES_128_GCM_SHA256", "+AES-128-GCM", "+AEAD"),                    \
	    SUITE(exchange, kx, "AES_256_GCM_SHA384", "+AES-256-GCM", "+AEAD")
#define CHACHA(exchange, kx)                                                                       \
	SUITE(exchange, kx, "CHACHA20_POLY1305_SHA256", "+CHACHA20-POLY1305", "+AEAD")
	SUITES("TLS_RSA_WITH_", "+RSA"),
	SUITES("TLS_ECDHE_RSA_WITH_", "+ECDHE-RSA"),
	SUITES("TLS_ECDHE_ECDSA_WITH_", "+ECDHE-ECDSA"),
	CHACHA("TLS_ECDHE_RSA_WITH_", "+ECDHE-RSA"),
	CHACHA("TLS_ECDHE_ECDSA_WITH_", "+ECDHE-ECDSA"),
	SUITE("TLS_", NULL, "AES_128_GCM_SHA256", "+AES-128-GCM", "+AEAD"),
	SUITE("TLS_", NULL, "AES_256_GCM_SHA384", "+AES-256-GCM", "+AEAD"),
	CHACHA("TLS_", NULL),
#undef CHACHA
#undef SUITES
#undef SUITE
};

static const struct {
	const char *name, *priority;
} curves[] = {
	{ "CurveP256", "+GROUP-SECP256R1" },
	{ "CurveP384", "+GROUP-SECP384R1" },
	{ "CurveP521", "+GROUP-SECP521R1" },
	{ "X25519", "+GROUP-X25519" },
};

static const struct suite *
suite_find(const char *name)
{
	static const char old[] = "_CHACHA20_POLY1305";
	size_t n = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		size_t have = strlen(suites[i].name);

		if (strcmp(suites[i].name, name) == 0)
			return &suites[i];
		/* Go knows these without the hash, too. */
		if (n > sizeof(old) && strcmp(name + n - (sizeof(old) - 1), old) == 0 && have > n &&
		    strncmp(suites[i].name, name, n) == 0)
			return &suites[i];
	}
	return NULL;
}

static bool
is_in(const struct buf *priorities, const char *word)
{
	size_t n = strlen(word);
	const char *at = priorities->p;

	while (at != NULL && (at = strstr(at, word)) != NULL) {
		if (at[n] == ':' || at[n] == '\0')
			return true;
		at += n;
	}
	return false;
}

static void
add_word(struct buf *priorities, const char *word)
{
	if (word != NULL && !is_in(priorities, word))
		buf_printf(priorities, ":%s", word);
}

static bool
names_suite(const struct string_list *list, const struct suite *suite)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (suite_find(list->items[i]) == suite)
			return true;
	return false;
}

static void
check_combinations(
    struct schema_context *ctx, const struct string_list *list, const struct buf *priorities)
{
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		const struct suite *suite = &suites[i];

		if (suite->exchange != NULL && is_in(priorities, suite->exchange) &&
		    is_in(priorities, suite->cipher) && is_in(priorities, suite->mac) &&
		    !names_suite(list, suite)) {
			diag_error(ctx->diag, list->pos[0],
			    "these cipher_suites cannot be had without '%s': name it too, or fewer "
			    "of them",
			    suite->name);
			return;
		}
	}
}

static void
put_ciphers(struct schema_context *ctx, const struct tls_raw *raw, struct buf *priorities)
{
	const struct string_list *list = &raw->cipher_suites;

	buf_puts(priorities, ":-KX-ALL:-CIPHER-ALL:-MAC-ALL");
	for (uint32_t i = 0; i < list->n; i++) {
		const struct suite *suite = suite_find(list->items[i]);

		if (suite == NULL) {
			diag_error(ctx->diag, list->pos[i],
			    "unknown cipher suite '%.60s' (insecure ones are not to be had)",
			    list->items[i]);
			continue;
		}
		add_word(priorities, suite->exchange);
		add_word(priorities, suite->cipher);
		add_word(priorities, suite->mac);
	}
	check_combinations(ctx, list, priorities);
}

static void
put_curves(struct schema_context *ctx, const struct tls_raw *raw, struct buf *priorities)
{
	buf_puts(priorities, ":-GROUP-ALL");
	for (uint32_t i = 0; i < raw->curves.n; i++) {
		const char *word = NULL;

		for (size_t k = 0; k < ARRAY_LEN(curves); k++)
			if (strcmp(raw->curves.items[i], curves[k].name) == 0)
				word = curves[k].priority;
		if (word == NULL)
			diag_error(ctx->diag, raw->curves.pos[i],
			    "unknown curve '%.40s', give CurveP256, CurveP384, CurveP521 or X25519",
			    raw->curves.items[i]);
		add_word(priorities, word);
	}
}

static void
check_tls(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	struct tls_raw *raw = value;
	struct buf priorities = { 0 };

	(void)node;
	if (raw->min_version > raw->max_version)
		diag_error(ctx->diag, raw->pos, "'min_version' is above 'max_version'");
	if (raw->client_auth == TLS_NO_CLIENT_CERT &&
	    (raw->options.client_ca.file != NULL || raw->options.client_ca.text != NULL))
		diag_error(ctx->diag, raw->pos,
		    "'client_ca_file' without a 'client_auth_type' that looks at it");
	raw->options.client_auth = (enum tls_client_auth)raw->client_auth;
	buf_puts(&priorities, "SECURE128:-RSA:-VERS-ALL");
	for (int v = raw->max_version; v >= raw->min_version; v--)
		add_word(&priorities, version_priorities[v]);
	if (raw->cipher_suites.n > 0)
		put_ciphers(ctx, raw, &priorities);
	if (raw->curves.n > 0)
		put_curves(ctx, raw, &priorities);
	if (raw->prefer_server)
		add_word(&priorities, "%SERVER_PRECEDENCE");
	raw->options.priorities = arena_strdup(ctx->arena, priorities.p);
	buf_fini(&priorities);
}

/* clang-format off */
#define TLS(member) .offset = offsetof(struct tls_raw, member)
#define PEM_FILE .kind = FIELD_STRING, .flags = FIELD_PATH | FIELD_READABLE
static const struct schema_field tls_fields[] = {
	{ .name = "cert_file", PEM_FILE, .exclusive = "cert", TLS(options.cert.file), .doc = "PEM file of the certificate and its chain." },
	{ .name = "key_file", PEM_FILE, .exclusive = "key", TLS(options.key.file), .doc = "PEM file of the certificate's key." },
	{ .name = "client_ca_file", PEM_FILE, .exclusive = "ca", TLS(options.client_ca.file), .doc = "PEM file of the authorities of client certificates." },
	{ .name = "cert", .kind = FIELD_STRING, .exclusive = "cert", TLS(options.cert.text), .doc = "The certificate itself." },
	{ .name = "key", .kind = FIELD_STRING, .flags = FIELD_HIDDEN, .exclusive = "key", TLS(options.key.text), .doc = "The key itself." },
	{ .name = "client_ca", .kind = FIELD_STRING, .exclusive = "ca", TLS(options.client_ca.text), .doc = "The authorities themselves." },
	{ .name = "client_auth_type", .kind = FIELD_ENUM, .choices = client_auth_names, .fallback = "NoClientCert", TLS(client_auth), .doc = "Whether clients show a certificate." },
	{ .name = "min_version", .kind = FIELD_ENUM, .choices = version_names, .fallback = "TLS12", TLS(min_version), .doc = "Lowest TLS version." },
	{ .name = "max_version", .kind = FIELD_ENUM, .choices = version_names, .fallback = "TLS13", TLS(max_version), .doc = "Highest TLS version." },
	{ .name = "cipher_suites", .kind = FIELD_STRING_LIST, TLS(cipher_suites), .doc = "Cipher suites in the names of the standard." },
	{ .name = "curve_preferences", .kind = FIELD_STRING_LIST, TLS(curves), .doc = "Curves, the preferred one first." },
	{ .name = "prefer_server_cipher_suites", .kind = FIELD_BOOL, .fallback = "true", TLS(prefer_server), .doc = "Our order of ciphers counts, not the client's." },
	{ .name = "client_allowed_sans", .kind = FIELD_UNSUPPORTED, .doc = "Names that client certificates may have." },
};
/* clang-format on */

static const struct schema schema_tls_server = {
	.name = "tls_server_config",
	.doc = "TLS of the server.",
	.size = sizeof(struct tls_raw),
	.pos_offset = offsetof(struct tls_raw, pos) + 1,
	SCHEMA_FIELDS(tls_fields),
	.check = check_tls,
};

/* --- http_server_config ------------------------------------------------------------ */

/* clang-format off */
#define HEADER(i) .kind = FIELD_STRING, .offset = offsetof(struct headers_raw, values) + (i) * sizeof(const char *)
static const struct schema_field header_fields[HEADER_COUNT] = {
	[HEADER_HSTS] = { .name = "Strict-Transport-Security", HEADER(HEADER_HSTS), .doc = "That browsers come by TLS only." },
	[HEADER_CONTENT_TYPE] = { .name = "X-Content-Type-Options", HEADER(HEADER_CONTENT_TYPE), .doc = "nosniff" },
	[HEADER_FRAME] = { .name = "X-Frame-Options", HEADER(HEADER_FRAME), .doc = "deny or sameorigin" },
	[HEADER_XSS] = { .name = "X-XSS-Protection", HEADER(HEADER_XSS), .doc = "What old browsers filter." },
	[HEADER_CSP] = { .name = "Content-Security-Policy", HEADER(HEADER_CSP), .doc = "What pages may load." },
};
/* clang-format on */

static void
check_headers(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	const struct headers_raw *raw = value;
	const char *type = raw->values[HEADER_CONTENT_TYPE], *frame = raw->values[HEADER_FRAME];

	if (type != NULL && strcmp(type, "nosniff") != 0)
		diag_error(ctx->diag, node->pos, "X-Content-Type-Options can only be nosniff");
	if (frame != NULL && strcmp(frame, "deny") != 0 && strcmp(frame, "sameorigin") != 0)
		diag_error(ctx->diag, node->pos, "X-Frame-Options can only be deny or sameorigin");
	for (int i = 0; i < HEADER_COUNT; i++)
		if (raw->values[i] != NULL && strpbrk(raw->values[i], "\r\n") != NULL)
			diag_error(
			    ctx->diag, node->pos, "a header's value cannot hold a line break");
}

static const struct schema schema_headers = {
	.name = "headers",
	.doc = "Headers of every answer.",
	.size = sizeof(struct headers_raw),
	SCHEMA_FIELDS(header_fields),
	.check = check_headers,
};

static const struct schema_field http_fields[] = {
	{ .name = "http2",
	    .kind = FIELD_BOOL,
	    .fallback = "true",
	    .offset = offsetof(struct http_raw, http2),
	    .doc = "Accepted; this server speaks HTTP/1.1." },
	{ .name = "headers",
	    .kind = FIELD_EMBED,
	    .sub = &schema_headers,
	    .offset = offsetof(struct http_raw, headers),
	    .doc = "Headers of every answer." },
};

static const struct schema schema_http_server = {
	.name = "http_server_config",
	.doc = "HTTP of the server.",
	.size = sizeof(struct http_raw),
	SCHEMA_FIELDS(http_fields),
};

/* --- the whole ------------------------------------------------------------------------ */

static const struct schema_field web_fields[] = {
	{ .name = "tls_server_config",
	    .kind = FIELD_SUB,
	    .sub = &schema_tls_server,
	    .offset = offsetof(struct web_raw, tls),
	    .doc = "TLS; plain HTTP without it." },
	{ .name = "http_server_config",
	    .kind = FIELD_SUB,
	    .sub = &schema_http_server,
	    .offset = offsetof(struct web_raw, http),
	    .doc = "Headers." },
	{ .name = "basic_auth_users",
	    .kind = FIELD_STRING_MAP,
	    .flags = FIELD_HIDDEN,
	    .offset = offsetof(struct web_raw, access.users),
	    .doc = "Users and the bcrypt hashes of their passwords." },
	{ .name = "roles",
	    .kind = FIELD_STRING_MAP,
	    .flags = FIELD_OURS,
	    .offset = offsetof(struct web_raw, access.roles),
	    .doc = "What each user may do: viewer, responder, editor, admin; or sender. Every user "
		   "is in it; without it all are admins." },
	{ .name = "tokens",
	    .kind = FIELD_SUB_LIST,
	    .sub = &schema_web_token,
	    .flags = FIELD_OURS,
	    .offset = offsetof(struct web_raw, access.tokens),
	    .doc = "Bearer tokens, each with its role." },
	{ .name = "anonymous",
	    .kind = FIELD_ENUM,
	    .choices = web_role_names,
	    .flags = FIELD_OURS,
	    .offset = offsetof(struct web_raw, access.anonymous),
	    .doc = "The role of requests without credentials: none when there are users or tokens, "
		   "else admin." },
	{ .name = "trusted_proxies",
	    .kind = FIELD_STRING_LIST,
	    .flags = FIELD_OURS,
	    .offset = offsetof(struct web_raw, access.proxies),
	    .doc = "Addresses and networks of proxies before this server, whose X-Forwarded-For "
		   "says who asks: for failed logins and the audit log." },
	{ .name = "rate_limit", .kind = FIELD_UNSUPPORTED, .doc = "Limit of requests." },
};

static const struct schema schema_web = {
	.name = "the web configuration",
	.doc = "The file of --web.config.file.",
	.size = sizeof(struct web_raw),
	SCHEMA_FIELDS(web_fields),
};

void
web_config_put_manual(struct buf *out)
{
	static const struct schema *const tables[] = { &schema_web, &schema_tls_server,
		&schema_http_server, &schema_headers, &schema_web_token };

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		buf_putc(out, '\n');
		schema_put_manual(tables[i], out);
	}
}

void
web_config_put_json_schema(struct buf *out)
{
	schema_put_json_schema(&schema_web, out, 0);
	buf_putc(out, '\n');
}

static void
build_headers(struct schema_context *ctx, const struct http_raw *raw, struct guard_options *guard)
{
	struct http_header *headers = ARENA_ARRAY(ctx->arena, HEADER_COUNT, struct http_header);

	for (int i = 0; raw != NULL && i < HEADER_COUNT; i++)
		if (raw->headers.values[i] != NULL)
			headers[guard->n_headers++] = (struct http_header){
				.name = header_fields[i].name,
				.value = raw->headers.values[i],
			};
	guard->headers = headers;
}

/* A certificate that cannot be used is a mistake of the file that names it. */
static void
try_tls(struct schema_context *ctx, const struct tls_raw *raw)
{
	struct err err = { .code = ERR_NONE };
	struct tls_server *tls = tls_server_new(&raw->options, &err);

	if (tls == NULL)
		diag_error(ctx->diag, raw->pos, "tls_server_config: %s", err.text);
	tls_server_free(tls);
}

static void
build(struct schema_context *ctx, const struct yaml_node *root, struct web_config *config)
{
	struct web_raw *raw = ARENA_NEW(ctx->arena, struct web_raw);

	schema_read(ctx, &schema_web, root, raw);
	web_access_build(ctx, &raw->access, &config->guard);
	build_headers(ctx, raw->http, &config->guard);
	if (raw->tls == NULL || diag_errors(ctx->diag) > 0)
		return;
	config->has_tls = true;
	config->tls = raw->tls->options;
	try_tls(ctx, raw->tls);
}

struct web_config *
web_config_load(const char *path, struct diag *diag)
{
	struct arena *arena = arena_new(0);
	struct web_config *config = ARENA_NEW(arena, struct web_config);
	const char *slash = strrchr(path, '/');
	struct schema_context ctx = {
		.arena = arena,
		.diag = diag,
		.check_files = true,
		.dir = slash == NULL ? "."
				     : arena_printf(arena, "%.*s",
					   slash == path ? 1 : (int)(slash - path), path),
	};
	struct yaml_node *root = yaml_parse_file(arena, diag, path);

	config->arena = arena;
	if (root != NULL)
		build(&ctx, root, config);
	if (root != NULL && diag_errors(diag) == 0)
		return config;
	arena_free(arena);
	return NULL;
}

void
web_config_free(struct web_config *config)
{
	if (config != NULL)
		arena_free(config->arena);
}
