/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to talk to an HTTP server: Alertmanager's and Prometheus' http_config,
 * as plain data.  Filled by config from YAML, read by net.  Strings are
 * NUL-terminated and live as long as the configuration generation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct tls_options {
	const char *ca_file, *cert_file, *key_file, *server_name;
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

struct http_options {
	const char *basic_username;
	struct secret basic_password;
	const char *auth_type; /* "Bearer" unless told otherwise */
	struct secret auth_credentials;
	struct tls_options tls;
	const char *proxy_url;
	bool follow_redirects;
	const struct http_header *headers;
	size_t n_headers;
};
