/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS of the HTTP server: certificate, key, client authorities, versions.
 *
 * A tls_server holds the identity that new connections begin with.  It is
 * replaced whole by tls_server_set(), and by itself when a file it was read
 * from has changed: a renewed certificate needs no reload.  A connection
 * keeps the identity it began with.  Loop thread only.
 */
#pragma once

#include "base/err.h"

enum tls_client_auth {
	TLS_NO_CLIENT_CERT,
	TLS_REQUEST_CLIENT_CERT,
	TLS_REQUIRE_ANY_CLIENT_CERT,
	TLS_VERIFY_CLIENT_CERT_IF_GIVEN,
	TLS_REQUIRE_AND_VERIFY_CLIENT_CERT,
	TLS_CLIENT_AUTH_COUNT
};

/* A PEM text, or the file that has it. Both NULL: none. */
struct tls_pem {
	const char *text, *file;
};

struct tls_server_options {
	struct tls_pem cert, key, client_ca;
	enum tls_client_auth client_auth;
	const char *priorities; /* in GnuTLS' language; NULL: TLS 1.2 and newer */
};

struct tls_server;
struct tls_identity;

/* NULL when what the options name cannot be read or used. */
struct tls_server *tls_server_new(
    const struct tls_server_options *options, struct err *err);
void tls_server_free(struct tls_server *tls); /* accepts NULL */
/* For new connections; on failure nothing changes. */
int tls_server_set(struct tls_server *tls,
    const struct tls_server_options *options, struct err *err);

/* Inside net/: session is a gnutls_session_t that has not shaken hands yet. */
struct tls_identity *tls_server_attach(struct tls_server *tls, void *session);
void tls_identity_unref(struct tls_identity *identity); /* accepts NULL */
/* A retrieve function that finds none: the daemon must be given one. */
void *tls_no_certificate(void);
