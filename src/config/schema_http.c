/* SPDX-License-Identifier: Apache-2.0 */
/* http_config and tls_config, as in Alertmanager and Prometheus. */
#include <config.h>

#include <assert.h>
#include <string.h>

#include "config/schema.h"
#include "net/options.h"

/* ---- tls_config ------------------------------------------------------------------ */

static void
read_version(struct schema_context *ctx, const struct yaml_node *node,
    void *member)
{
	static const char *const names[] = { "", "TLS10", "TLS11", "TLS12",
		"TLS13" };
	const char *text = schema_scalar(ctx, node, "TLS12 or TLS13");
	enum tls_version version = TLS_VERSION_DEFAULT;

	static_assert(ARRAY_LEN(names) == TLS_VERSION_COUNT, "one each");
	if (text == NULL || *text == '\0') {
		return;
	}
	while (++version < TLS_VERSION_COUNT) {
		if (strcmp(text, names[version]) == 0) {
			*(enum tls_version *)member = version;
			return;
		}
	}
	diag_error(ctx->diag, node->pos,
	    "'%.40s' is no TLS version, give TLS10, TLS11, TLS12 or TLS13",
	    text);
}

#define VERSION_JSON "{\"enum\": [\"TLS10\", \"TLS11\", \"TLS12\", \"TLS13\"]}"

static const struct schema_field tls_fields[] = {
	{ .name = "ca_file", .kind = FIELD_STRING,
	    .flags = FIELD_PATH | FIELD_READABLE, .exclusive = "ca",
	    .offset = offsetof(struct tls_options, ca_file),
	    .doc = "PEM file of the authorities to trust instead of the "
		   "system's." },
	{ .name = "cert_file", .kind = FIELD_STRING,
	    .flags = FIELD_PATH | FIELD_READABLE, .exclusive = "cert",
	    .offset = offsetof(struct tls_options, cert_file),
	    .doc = "PEM file of the client certificate." },
	{ .name = "key_file", .kind = FIELD_STRING,
	    .flags = FIELD_PATH | FIELD_READABLE, .exclusive = "key",
	    .offset = offsetof(struct tls_options, key_file),
	    .doc = "PEM file of the client certificate's key." },
	{ .name = "server_name", .kind = FIELD_STRING,
	    .offset = offsetof(struct tls_options, server_name),
	    .doc = "Name to expect in the server's certificate." },
	{ .name = "insecure_skip_verify", .kind = FIELD_BOOL,
	    .fallback = "false",
	    .offset = offsetof(struct tls_options, insecure_skip_verify),
	    .doc = "Do not check the server's certificate." },
	/* What Alertmanager 0.25 does not know is not projected. */
	{ .name = "ca", .kind = FIELD_STRING, .flags = FIELD_OURS,
	    .exclusive = "ca", .offset = offsetof(struct tls_options, ca),
	    .doc = "The authorities themselves, as PEM text." },
	{ .name = "cert", .kind = FIELD_STRING, .flags = FIELD_OURS,
	    .exclusive = "cert", .offset = offsetof(struct tls_options, cert),
	    .doc = "The client certificate itself, as PEM text." },
	{ .name = "key", .kind = FIELD_STRING,
	    .flags = FIELD_OURS | FIELD_HIDDEN, .exclusive = "key",
	    .offset = offsetof(struct tls_options, key),
	    .doc = "The client certificate's key itself, as PEM text." },
	{ .name = "min_version", .kind = FIELD_CUSTOM, .custom = read_version,
	    .offset = offsetof(struct tls_options, min_version),
	    .doc = "Lowest TLS version; TLS12 when absent.",
	    .json_schema = VERSION_JSON },
	{ .name = "max_version", .kind = FIELD_CUSTOM, .custom = read_version,
	    .flags = FIELD_OURS,
	    .offset = offsetof(struct tls_options, max_version),
	    .doc = "Highest TLS version; the newest there is when absent.",
	    .json_schema = VERSION_JSON },
};

/* A certificate without its key, or the other way round, is a mistake. */
static void
check_tls(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	const struct tls_options *tls = value;
	const bool has_cert = tls->cert_file != NULL || tls->cert != NULL;
	const bool has_key = tls->key_file != NULL || tls->key != NULL;

	if (has_cert != has_key) {
		diag_error(ctx->diag, node->pos,
		    "'cert_file' and 'key_file' must be given together");
	}
	if (tls->max_version != TLS_VERSION_DEFAULT &&
	    tls->min_version > tls->max_version) {
		diag_error(ctx->diag, node->pos,
		    "'min_version' is above 'max_version'");
	}
}

const struct schema schema_tls_config = {
	.name = "tls_config",
	.doc = "TLS of outgoing connections.",
	.size = sizeof(struct tls_options),
	SCHEMA_FIELDS(tls_fields),
	.check = check_tls,
};

/* Both write into struct http_options itself. */
static const struct schema_field basic_auth_fields[] = {
	{ .name = "username", .kind = FIELD_STRING, .exclusive = "username",
	    .offset = offsetof(struct http_options, basic_username),
	    .doc = "User name." },
	{ .name = "username_file", .kind = FIELD_STRING,
	    .flags = FIELD_OURS | FIELD_PATH | FIELD_READABLE,
	    .exclusive = "username",
	    .offset = offsetof(struct http_options, basic_username_file),
	    .doc = "File with the user name." },
	{ .name = "password", .kind = FIELD_SECRET,
	    .offset = offsetof(struct http_options, basic_password),
	    .doc = "Password." },
};

static const struct schema schema_basic_auth = {
	.name = "basic_auth",
	.doc = "HTTP basic authentication.",
	.size = sizeof(struct http_options),
	SCHEMA_FIELDS(basic_auth_fields),
};

static const struct schema_field authorization_fields[] = {
	{ .name = "type", .kind = FIELD_STRING, .fallback = "Bearer",
	    .offset = offsetof(struct http_options, auth_type),
	    .doc = "Scheme of the Authorization header." },
	{ .name = "credentials", .kind = FIELD_SECRET,
	    .offset = offsetof(struct http_options, auth_credentials),
	    .doc = "Credentials behind the scheme." },
};

static const struct schema schema_authorization = {
	.name = "authorization",
	.doc = "The Authorization header.",
	.size = sizeof(struct http_options),
	SCHEMA_FIELDS(authorization_fields),
};

/* ---- http_headers --------------------------------------------------------------- */

struct header_values {
	struct string_list values, secrets, files;
};

static const struct schema_field header_fields[] = {
	{ .name = "values", .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct header_values, values),
	    .doc = "Values; the header is sent once for each." },
	{ .name = "secrets", .kind = FIELD_STRING_LIST, .flags = FIELD_HIDDEN,
	    .offset = offsetof(struct header_values, secrets),
	    .doc = "Values that are never shown." },
	{ .name = "files", .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct header_values, files),
	    .doc = "Files with values, read at each use." },
};

static const struct schema schema_header = {
	.name = "http_headers",
	.doc = "One header.",
	.size = sizeof(struct header_values),
	SCHEMA_FIELDS(header_fields),
};

static bool
header_name_is_good(struct str name)
{
	static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz";

	for (uint32_t i = 0; i < name.n; i++) {
		if (memchr(allowed, name.p[i], sizeof(allowed) - 1) == NULL) {
			return false;
		}
	}
	return name.n > 0;
}

static size_t
header_files_add(struct schema_context *ctx, struct http_header *headers,
    const char *name, const struct string_list *files)
{
	for (uint32_t i = 0; i < files->n; i++) {
		headers[i] = (struct http_header){ .name = name,
			.value = schema_path(ctx, files->items[i]) };
	}
	return files->n;
}

static size_t
headers_add(struct schema_context *ctx, struct http_header *headers,
    const char *name, const struct string_list *list)
{
	for (uint32_t i = 0; i < list->n; i++) {
		if (strpbrk(list->items[i], "\r\n") != NULL) {
			diag_error(ctx->diag, list->pos[i],
			    "a header's value cannot hold a line break");
		}
		headers[i] = (struct http_header){ .name = name,
			.value = list->items[i] };
	}
	return list->n;
}

static void
read_headers(struct schema_context *ctx, const struct yaml_node *node,
    void *member)
{
	struct http_options *http = member;
	struct http_header *headers, *files;
	size_t max = 0, n = 0, n_files = 0;

	if (node->kind != YAML_MAPPING) {
		schema_expected(ctx, node,
		    "a mapping such as {X-Name: {values: [a]}}");
		return;
	}
	for (uint32_t i = 0; i < node->n; i++) {
		const struct yaml_node *v = node->pairs[i].value;

		for (uint32_t k = 0; k < v->n; k++) {
			max += v->kind == YAML_MAPPING ? v->pairs[k].value->n : 0;
		}
	}
	headers = ARENA_ARRAY(ctx->arena, max + 1, struct http_header);
	files = ARENA_ARRAY(ctx->arena, max + 1, struct http_header);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct yaml_node *key = node->pairs[i].key;
		struct header_values values = { 0 };
		const char *name = arena_str(ctx->arena, key->text).p;

		if (!header_name_is_good(key->text)) {
			diag_error(ctx->diag, key->pos,
			    "'%.*s' is no name of a header",
			    STR_ARG(str_head(key->text, 60)));
		}
		schema_read(ctx, &schema_header, node->pairs[i].value, &values);
		n += headers_add(ctx, headers + n, name, &values.values);
		n += headers_add(ctx, headers + n, name, &values.secrets);
		n_files +=
		    header_files_add(ctx, files + n_files, name, &values.files);
	}
	http->headers = headers;
	http->n_headers = n;
	http->header_files = files;
	http->n_header_files = n_files;
}

/* ---- proxies ---------------------------------------------------------------------- */

/* {Name: [value, ...]}: what a CONNECT brings along. */
static void
read_proxy_headers(struct schema_context *ctx, const struct yaml_node *node,
    void *member)
{
	struct http_options *http = member;
	struct http_header *headers;
	size_t max = 0;

	if (node->kind != YAML_MAPPING) {
		schema_expected(ctx, node, "a mapping such as {X-Name: [a]}");
		return;
	}
	for (uint32_t i = 0; i < node->n; i++) {
		max += node->pairs[i].value->n;
	}
	headers = ARENA_ARRAY(ctx->arena, max + 1, struct http_header);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct yaml_node *key = node->pairs[i].key;
		const struct yaml_node *values = node->pairs[i].value;

		if (!header_name_is_good(key->text)) {
			diag_error(ctx->diag, key->pos,
			    "'%.*s' is no name of a header",
			    STR_ARG(str_head(key->text, 60)));
		}
		if (!schema_is_list(ctx, values, "[a]")) {
			continue;
		}
		for (uint32_t k = 0; k < values->n; k++) {
			const char *value = schema_scalar(ctx, values->items[k],
			    "a header's value");

			if (value != NULL && strpbrk(value, "\r\n") == NULL) {
				headers[http->n_proxy_headers++] =
				    (struct http_header){
					    .name = arena_str(ctx->arena,
						key->text)
							.p,
					    .value = value };
			} else if (value != NULL) {
				diag_error(ctx->diag, values->items[k]->pos,
				    "a header's value cannot hold a line "
				    "break");
			}
		}
	}
	http->proxy_headers = headers;
}

#define PROXY_HEADERS_JSON \
	"{\"type\": \"object\", \"additionalProperties\": " \
	"{\"type\": \"array\", \"items\": {\"type\": \"string\"}}}"

/* AT: where the struct http_options begins. */
#define PROXY_FIELDS(AT) \
	{ .name = "proxy_url", .kind = FIELD_URL, .flags = FIELD_HIDDEN | FIELD_PROXY, \
	    .offset = (AT) + offsetof(struct http_options, proxy_url), \
	    .doc = "Proxy to go through; also socks5://HOST:PORT." }, \
	{ .name = "no_proxy", .kind = FIELD_STRING, .flags = FIELD_OURS, \
	    .offset = (AT) + offsetof(struct http_options, no_proxy), \
	    .doc = "Hosts, domains and networks that the proxy is not for; comma between them." }, \
	{ .name = "proxy_from_environment", .kind = FIELD_BOOL, .flags = FIELD_OURS, \
	    .offset = (AT) + offsetof(struct http_options, proxy_from_environment), \
	    .doc = "Proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY." }, \
	{ .name = "proxy_connect_header", .kind = FIELD_CUSTOM, .flags = FIELD_OURS, \
	    .custom = read_proxy_headers, .offset = (AT), \
	    .doc = "Headers for the proxy when a tunnel is asked for.", \
	    .json_schema = PROXY_HEADERS_JSON }

static void
check_proxy(struct schema_context *ctx, const struct http_options *http,
    const struct yaml_node *node)
{
	if (http->proxy_from_environment &&
	    (http->proxy_url != NULL || http->no_proxy != NULL)) {
		diag_error(ctx->diag, node->pos,
		    "'proxy_from_environment' goes with neither 'proxy_url' "
		    "nor 'no_proxy'");
	} else if (http->no_proxy != NULL && http->proxy_url == NULL) {
		diag_error(ctx->diag, node->pos,
		    "'no_proxy' without 'proxy_url'");
	} else if (http->n_proxy_headers > 0 && http->proxy_url == NULL &&
	    !http->proxy_from_environment) {
		diag_error(ctx->diag, node->pos,
		    "'proxy_connect_header' without a proxy");
	}
}

/* ---- oauth2 ------------------------------------------------------------------------- */

/* What the room of net/ sees comes first. */
struct oauth2_raw {
	struct oauth2_options options;
	struct string_list scopes;
	struct string_map params;
};

static const struct schema_field oauth2_fields[] = {
	{ .name = "client_id", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .offset = offsetof(struct oauth2_raw, options.client_id),
	    .doc = "Who asks for the token." },
	{ .name = "client_secret", .kind = FIELD_SECRET,
	    .offset = offsetof(struct oauth2_raw, options.client_secret),
	    .doc = "The client's secret." },
	{ .name = "token_url", .kind = FIELD_URL,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .offset = offsetof(struct oauth2_raw, options.token_url),
	    .doc = "Where the token is asked for." },
	{ .name = "scopes", .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct oauth2_raw, scopes),
	    .doc = "What the token shall be good for." },
	{ .name = "endpoint_params", .kind = FIELD_STRING_MAP,
	    .offset = offsetof(struct oauth2_raw, params),
	    .doc = "More parameters of the token request." },
	{ .name = "tls_config", .kind = FIELD_EMBED, .sub = &schema_tls_config,
	    .offset = offsetof(struct oauth2_raw, options.http.tls),
	    .doc = "TLS of the connection to the token server." },
	PROXY_FIELDS(offsetof(struct oauth2_raw, options.http)),
};

static void
check_oauth2(struct schema_context *ctx, void *value,
    const struct yaml_node *node)
{
	struct oauth2_raw *raw = value;
	struct oauth2_options *options = &raw->options;
	struct http_header *params = ARENA_ARRAY(ctx->arena,
	    (size_t)raw->params.n + 1, struct http_header);

	for (uint32_t i = 0; i < raw->params.n; i++) {
		params[i] = (struct http_header){
			.name = raw->params.pairs[i].key,
			.value = raw->params.pairs[i].value };
	}
	options->params = params;
	options->n_params = raw->params.n;
	options->scopes = raw->scopes.items;
	options->n_scopes = raw->scopes.n;
	options->http.follow_redirects = true;
	check_proxy(ctx, &options->http, node);
}

static const struct schema schema_oauth2 = {
	.name = "oauth2",
	.doc = "OAuth 2.0 client credentials.",
	.size = sizeof(struct oauth2_raw),
	SCHEMA_FIELDS(oauth2_fields),
	.check = check_oauth2,
};

/* ---- http_config ------------------------------------------------------------------ */

static const struct schema_field http_fields[] = {
	{ .name = "basic_auth", .kind = FIELD_EMBED, .sub = &schema_basic_auth,
	    .exclusive = "auth", .doc = "HTTP basic authentication." },
	{ .name = "authorization", .kind = FIELD_EMBED,
	    .sub = &schema_authorization, .exclusive = "auth",
	    .doc = "The Authorization header." },
	{ .name = "bearer_token", .kind = FIELD_SECRET,
	    .flags = FIELD_DEPRECATED, .exclusive = "auth",
	    .offset = offsetof(struct http_options, auth_credentials),
	    .doc = "Old form of authorization." },
	{ .name = "oauth2", .kind = FIELD_SUB, .sub = &schema_oauth2,
	    .exclusive = "auth",
	    .offset = offsetof(struct http_options, oauth2),
	    .doc = "A token by OAuth 2.0 client credentials." },
	{ .name = "tls_config", .kind = FIELD_EMBED, .sub = &schema_tls_config,
	    .offset = offsetof(struct http_options, tls),
	    .doc = "TLS of the connection." },
	PROXY_FIELDS(0),
	{ .name = "follow_redirects", .kind = FIELD_BOOL, .fallback = "true",
	    .offset = offsetof(struct http_options, follow_redirects),
	    .doc = "Follow redirects." },
	{ .name = "enable_http2", .kind = FIELD_ACCEPTED,
	    .doc = "Accepted; requests are HTTP/1.1 either way." },
	/* Older Alertmanagers lack it, and it may hold secrets: not projected. */
	{ .name = "http_headers", .kind = FIELD_CUSTOM, .custom = read_headers,
	    .flags = FIELD_OURS,
	    .doc = "Headers to send along.",
	    .json_schema = "{\"type\": \"object\", \"additionalProperties\": "
			   "{\"type\": \"object\"}}" },
};

static void
check_http(struct schema_context *ctx, void *value,
    const struct yaml_node *node)
{
	check_proxy(ctx, value, node);
}

const struct schema schema_http_config = {
	.name = "http_config",
	.doc = "How to talk to an HTTP server.",
	.size = sizeof(struct http_options),
	SCHEMA_FIELDS(http_fields),
	.check = check_http,
};
