/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to talk to an HTTP server: Alertmanager's and Prometheus' http_config,
 * as plain data.  Filled by config from YAML, read by net.  Strings are
 * NUL-terminated and live as long as the configuration generation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum tls_version {
	TLS_VERSION_DEFAULT, /* lowest: 1.2; highest: what there is */
	TLS_VERSION_1_0,
	TLS_VERSION_1_1,
	TLS_VERSION_1_2,
	TLS_VERSION_1_3,
	TLS_VERSION_COUNT
};

struct tls_options {
	const char *ca_file, *cert_file, *key_file, *server_name;
	const char *ca, *cert, *key; /* PEM texts in place of files */
	enum tls_version min_version, max_version;
	bool insecure_skip_verify;
};

struct http_header {
	const char *name, *value;
};

/* A secret given inline or read from a file at each use. Both NULL: none. */
struct secret {
	const char *value;
	const char *file;
};

struct oauth2_options;

struct http_options {
	const char *basic_username;
	const char *basic_username_file;
	struct secret basic_password;
	const char *auth_type; /* "Bearer" unless told otherwise */
	struct secret auth_credentials;
	const struct oauth2_options *oauth2; /* NULL: none */
	struct tls_options tls;
	const char *proxy_url;
	const char *no_proxy; /* hosts, domains, networks; comma between them */
	bool proxy_from_environment;
	const struct http_header *proxy_headers; /* for CONNECT */
	size_t n_proxy_headers;
	bool follow_redirects;
	const struct http_header *headers;
	size_t n_headers;
	const struct http_header *header_files; /* value: the file that has it, read at each use */
	size_t n_header_files;
};

/* Client credentials: a token is asked for and sent along (RFC 6749, 4.4). */
struct oauth2_options {
	const char *client_id;
	struct secret client_secret;
	const char *token_url;
	const char *const *scopes;
	size_t n_scopes;
	const struct http_header *params; /* of the token request's form */
	size_t n_params;
	struct http_options http; /* how to talk to the token server */
};
