/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of one libcurl easy handle, shared by the asynchronous client
 * (xfer_curl.c) and the blocking one (client.c).
 *
 * What a request wants is split in two: `key` names everything that is set
 * once per handle (method, TLS, proxy, user and password), `headers` is the
 * list of header lines.  A pooled handle is used again untouched for a
 * request with the same key; equal header text keeps its header list.
 */
#pragma once

#include <stdbool.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/options.h"

struct easy_request {
	const char *method;
	struct str url;
	struct str body;
	const char *content_type;
	const struct http_options *http; /* may be NULL */
	const char *authorization; /* the header's value; NULL: http's own */
	const struct http_header *headers;
	size_t n_headers;
	bool no_redirects;
	bool compressed;
	bool fresh_connection;
};

struct easy_plan {
	struct buf key;
	struct buf headers;  /* "Name: value" lines, a NUL after each */
	struct buf username, password; /* basic */
	struct buf proxy, no_proxy;
	struct buf
	    url; /* only when the URL had to be rewritten for tls.server_name */
	struct buf route; /* then: where to connect instead, else empty */
	struct buf scratch;
};

void easy_plan_fini(struct easy_plan *plan);
/* Reads secret files; ERR_INVALID with a text without secrets when the request
 * cannot be made. */
int easy_plan_make(struct easy_plan *plan, const struct easy_request *request,
    struct err *err);
/* Everything the key stands for. The list returned (or NULL) must outlive the
 * handle. */
struct curl_slist *easy_apply(CURL *easy, const struct easy_plan *plan,
    const struct easy_request *request, const char *user_agent);
void easy_apply_tls(CURL *easy, const struct tls_options *tls);
/*
 * tls.server_name, the name for SNI and for the certificate, while the
 * connection keeps the URL's host.  libcurl has no such option; a URL with
 * that name (*ret_url) connected elsewhere (*ret_route, for CONNECT_TO) is
 * the same thing.  *ret_host: "host:port" of the URL as it was.
 */
int easy_server_name(const char *url, const char *name, struct buf *ret_url,
    struct buf *ret_route, struct buf *ret_host);
struct curl_slist *easy_headers(const struct easy_plan *plan);
bool easy_line_is_clean(const char
	*text); /* no control characters: it may become a protocol line */
