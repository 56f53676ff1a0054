/* SPDX-License-Identifier: Apache-2.0 */
/* http_config and tls_config, as in Alertmanager and Prometheus. */
#include <config.h>

#include <string.h>

#include "config/schema.h"
#include "net/options.h"

static const struct schema_field tls_fields[] = {
	{ .name = "ca_file", .kind = FIELD_STRING,
	    .flags = FIELD_PATH | FIELD_READABLE,
	    .offset = offsetof(struct tls_options, ca_file),
	    .doc = "PEM file of the authorities to trust instead of the "
		   "system's." },
	{ .name = "cert_file", .kind = FIELD_STRING,
	    .flags = FIELD_PATH | FIELD_READABLE,
	    .offset = offsetof(struct tls_options, cert_file),
	    .doc = "PEM file of the client certificate." },
	{ .name = "key_file", .kind = FIELD_STRING,
	    .flags = FIELD_PATH | FIELD_READABLE,
	    .offset = offsetof(struct tls_options, key_file),
	    .doc = "PEM file of the client certificate's key." },
	{ .name = "server_name", .kind = FIELD_STRING,
	    .offset = offsetof(struct tls_options, server_name),
	    .doc = "Name to expect in the server's certificate." },
	{ .name = "insecure_skip_verify", .kind = FIELD_BOOL,
	    .fallback = "false",
	    .offset = offsetof(struct tls_options, insecure_skip_verify),
	    .doc = "Do not check the server's certificate." },
	{ .name = "ca", .kind = FIELD_UNSUPPORTED, .doc = "Inline authorities." },
	{ .name = "cert", .kind = FIELD_UNSUPPORTED,
	    .doc = "Inline certificate." },
	{ .name = "key", .kind = FIELD_UNSUPPORTED, .doc = "Inline key." },
	{ .name = "min_version", .kind = FIELD_UNSUPPORTED,
	    .doc = "Lowest TLS version." },
	{ .name = "max_version", .kind = FIELD_UNSUPPORTED,
	    .doc = "Highest TLS version." },
};

/* A certificate without its key, or the other way round, is a mistake. */
static void
check_tls(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	const struct tls_options *tls = value;

	if ((tls->cert_file != NULL) != (tls->key_file != NULL)) {
		diag_error(ctx->diag, node->pos,
		    "'cert_file' and 'key_file' must be given together");
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
	{ .name = "username", .kind = FIELD_STRING,
	    .offset = offsetof(struct http_options, basic_username),
	    .doc = "User name." },
	{ .name = "username_file", .kind = FIELD_UNSUPPORTED,
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
	    .flags = FIELD_NONEMPTY,
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
	struct string_list values, secrets;
};

static const struct schema_field header_fields[] = {
	{ .name = "values", .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct header_values, values),
	    .doc = "Values; the header is sent once for each." },
	{ .name = "secrets", .kind = FIELD_STRING_LIST, .flags = FIELD_HIDDEN,
	    .offset = offsetof(struct header_values, secrets),
	    .doc = "Values that are never shown." },
	{ .name = "files", .kind = FIELD_UNSUPPORTED,
	    .doc = "Files with values." },
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
headers_add(struct schema_context *ctx, struct http_header *headers,
    const char *name, const struct string_list *list)
{
	for (uint32_t i = 0; i < list->n; i++) {
		if (strpbrk(list->items[i], "\r\n") != NULL) {
			diag_error(ctx->diag, list->pos[i],
			    "a header's value cannot hold a line break");
		}
		headers[i] = (struct http_header){ name, list->items[i] };
	}
	return list->n;
}

static void
read_headers(struct schema_context *ctx, const struct yaml_node *node,
    void *member)
{
	struct http_options *http = member;
	struct http_header *headers;
	size_t max = 0, n = 0;

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
	}
	http->headers = headers;
	http->n_headers = n;
}

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
	{ .name = "oauth2", .kind = FIELD_UNSUPPORTED,
	    .doc = "OAuth 2.0 client credentials." },
	{ .name = "tls_config", .kind = FIELD_EMBED, .sub = &schema_tls_config,
	    .offset = offsetof(struct http_options, tls),
	    .doc = "TLS of the connection." },
	{ .name = "proxy_url", .kind = FIELD_URL, .flags = FIELD_HIDDEN,
	    .offset = offsetof(struct http_options, proxy_url),
	    .doc = "Proxy to go through." },
	{ .name = "no_proxy", .kind = FIELD_UNSUPPORTED,
	    .doc = "Hosts that the proxy is not for." },
	{ .name = "proxy_from_environment", .kind = FIELD_UNSUPPORTED,
	    .doc = "Proxy from HTTP_PROXY and its like." },
	{ .name = "proxy_connect_header", .kind = FIELD_UNSUPPORTED,
	    .doc = "Headers for the proxy." },
	{ .name = "follow_redirects", .kind = FIELD_BOOL, .fallback = "true",
	    .offset = offsetof(struct http_options, follow_redirects),
	    .doc = "Follow redirects." },
	{ .name = "enable_http2", .kind = FIELD_ACCEPTED,
	    .doc = "HTTP/2 is negotiated when the server offers it." },
	/* Older Alertmanagers lack it, and it may hold secrets: not projected. */
	{ .name = "http_headers", .kind = FIELD_CUSTOM, .custom = read_headers,
	    .flags = FIELD_OURS,
	    .doc = "Headers to send along.",
	    .json_schema = "{\"type\": \"object\", \"additionalProperties\": "
			   "{\"type\": \"object\"}}" },
};

const struct schema schema_http_config = {
	.name = "http_config",
	.doc = "How to talk to an HTTP server.",
	.size = sizeof(struct http_options),
	SCHEMA_FIELDS(http_fields),
};
