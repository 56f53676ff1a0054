/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to the options of a libcurl handle: see easy.h.
 *
 * No secret is ever part of an error text.  The Authorization line is an
 * ordinary header for libcurl, which drops it when a redirect leaves the
 * host it was meant for.
 */
#include "config.h"

#include "net/easy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/xfer.h"

#define CONNECT_TIMEOUT_MS 10000L
#define REDIRECTS_MAX      10L

bool
easy_line_is_clean(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' && *text != '\t')
			return false;
	return true;
}

void
easy_plan_fini(struct easy_plan *plan)
{
	if (plan->password.p != NULL)
		explicit_bzero(plan->password.p, plan->password.cap);
	buf_fini(&plan->key);
	buf_fini(&plan->headers);
	buf_fini(&plan->username);
	buf_fini(&plan->password);
	buf_fini(&plan->proxy);
	buf_fini(&plan->no_proxy);
	buf_fini(&plan->url);
	buf_fini(&plan->route);
	buf_fini(&plan->scratch);
}

static void
key_put(struct buf *key, const char *text)
{
	if (text != NULL)
		buf_puts(key, text);
	buf_put(key, text != NULL ? "\0" : "\1", 1);
}

static void
key_put_tls(struct buf *key, const struct tls_options *tls)
{
	key_put(key, tls->ca_file);
	key_put(key, tls->cert_file);
	key_put(key, tls->key_file);
	key_put(key, tls->ca);
	key_put(key, tls->cert);
	key_put(key, tls->key);
	buf_putc(key, (char)('0' + tls->min_version));
	buf_putc(key, (char)('0' + tls->max_version));
	buf_putc(key, tls->insecure_skip_verify ? '1' : '0');
}

static bool
wants_redirects(const struct easy_request *request)
{
	return !request->no_redirects && request->http != NULL &&
	       request->http->follow_redirects;
}

/* HTTPS_PROXY or https_proxy, as the URL has it. */
static const char *
proxy_variable(struct str url, bool is_list)
{
	static const char *const names[3][2] = { { "HTTP_PROXY", "http_proxy" },
		{ "HTTPS_PROXY", "https_proxy" }, { "NO_PROXY", "no_proxy" } };
	int row = is_list ? 2 : str_starts(url, STR("https://"));
	const char *value = getenv(names[row][0]);

	return value != NULL && *value != '\0' ? value : getenv(names[row][1]);
}

/*
 * The proxy this request goes through, empty for none, and the hosts it is not
 * for.  Once there is such a list, or the environment decides, this machine
 * itself is never reached through a proxy, as Go has it.
 */
static int
plan_proxy(
    struct easy_plan *plan, const struct easy_request *request, struct err *err)
{
	const struct http_options *http = request->http;
	const char *proxy = http->proxy_url, *except = http->no_proxy;

	if (http->proxy_from_environment) {
		proxy = proxy_variable(request->url, false);
		except = proxy_variable(request->url, true);
		if (except == NULL)
			except = "";
	}
	if (proxy != NULL && *proxy != '\0') {
		/* The proxy finds the host, as Go has it. */
		if (strncmp(proxy, "socks5://", 9) == 0) {
			buf_puts(&plan->proxy, "socks5h://");
			proxy += 9;
		}
		buf_puts(&plan->proxy, proxy);
		if (except != NULL)
			buf_printf(&plan->no_proxy,
			    "localhost,127.0.0.0/8,::1%s%s",
			    *except != '\0' ? "," : "", except);
	}
	key_put(&plan->key, plan->proxy.p);
	key_put(&plan->key, plan->no_proxy.p);
	for (size_t i = 0; i < http->n_proxy_headers; i++) {
		const struct http_header *header = &http->proxy_headers[i];

		if (!easy_line_is_clean(header->value))
			return err_set(err, ERR_INVALID,
			    "proxy header '%.40s' holds a line break",
			    header->name);
		key_put(&plan->key, header->name);
		key_put(&plan->key, header->value);
	}
	return 0;
}

static int
plan_login(
    struct easy_plan *plan, const struct http_options *http, struct err *err)
{
	const struct secret user = { http->basic_username,
		http->basic_username_file };

	buf_putc(&plan->key, user.value != NULL || user.file != NULL ? 'U' : '-');
	if (user.value == NULL && user.file == NULL)
		return 0;
	if (secret_read(&user, &plan->username, err) < 0)
		return err_wrap(err, "basic_auth user name");
	if (secret_read(&http->basic_password, &plan->password, err) < 0)
		return err_wrap(err, "basic_auth password");
	buf_put(&plan->key, plan->username.p, plan->username.n);
	buf_put(&plan->key, "", 1);
	buf_put(&plan->key, plan->password.p, plan->password.n);
	return 0;
}

static int
plan_key(
    struct easy_plan *plan, const struct easy_request *request, struct err *err)
{
	const struct http_options *http = request->http;
	struct buf *key = &plan->key;

	key_put(key, request->method);
	buf_putc(key, request->body.n > 0 ? 'B' : '-');
	buf_putc(key, wants_redirects(request) ? 'R' : '-');
	buf_putc(key, request->compressed ? 'Z' : '-');
	buf_putc(key, request->fresh_connection ? 'F' : '-');
	if (http == NULL)
		return 0;
	key_put_tls(key, &http->tls);
	if (plan_proxy(plan, request, err) < 0)
		return -(int)err->code;
	return plan_login(plan, http, err);
}

static int
header_put(
    struct buf *out, const char *name, const char *value, struct err *err)
{
	if (!easy_line_is_clean(name) || !easy_line_is_clean(value) ||
	    strpbrk(name, ": \t") != NULL)
		return err_set(err, ERR_INVALID,
		    "header '%.40s' holds a line break or an illegal name",
		    name);
	buf_puts(out, name);
	/* The semicolon is how libcurl is told of a header without a value. */
	buf_puts(out, *value != '\0' ? ": " : ";");
	buf_puts(out, value);
	buf_put(out, "", 1);
	return 0;
}

static int
header_put_all(struct buf *out, const struct http_header *headers, size_t n,
    struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (header_put(out, headers[i].name, headers[i].value, err) < 0)
			return -ERR_INVALID;
	return 0;
}

static int
header_put_file(
    struct buf *out, const struct http_header *header, struct err *err)
{
	const struct secret secret = { .file = header->value };
	struct buf value = { 0 };
	int rc = secret_read(&secret, &value, err);

	if (rc == 0)
		rc = header_put(
		    out, header->name, value.n > 0 ? value.p : "", err);
	else
		err_wrap(err, "header '%.40s'", header->name);
	if (value.p != NULL)
		explicit_bzero(value.p, value.cap);
	buf_fini(&value);
	return rc;
}

static int
header_put_credentials(
    struct easy_plan *plan, const struct http_options *http, struct err *err)
{
	struct buf *text = &plan->scratch;
	int rc;

	if (http->auth_credentials.value == NULL &&
	    http->auth_credentials.file == NULL)
		return 0;
	buf_clear(text);
	if (http->auth_type != NULL && http->auth_type[0] != '\0')
		buf_puts(text, http->auth_type);
	else
		buf_puts(text, "Bearer");
	buf_putc(text, ' ');
	if (secret_read(&http->auth_credentials, text, err) < 0)
		return err_wrap(err, "authorization credentials");
	rc = header_put(&plan->headers, "Authorization", text->p, err);
	explicit_bzero(text->p, text->cap);
	buf_clear(text);
	return rc;
}

static int
plan_headers(
    struct easy_plan *plan, const struct easy_request *request, struct err *err)
{
	const struct http_options *http = request->http;
	struct buf *out = &plan->headers;

	if (request->content_type != NULL &&
	    header_put(out, "Content-Type", request->content_type, err) < 0)
		return -ERR_INVALID;
	/* "Expect: 100-continue" costs a round trip, and a second with servers
	 * that ignore it. */
	if (request->body.n > 0)
		buf_put(out, "Expect:", sizeof("Expect:"));
	if (http != NULL) {
		int rc = request->authorization != NULL
			     ? header_put(out, "Authorization",
				   request->authorization, err)
			     : header_put_credentials(plan, http, err);

		if (rc < 0)
			return rc;
		rc = header_put_all(out, http->headers, http->n_headers, err);
		for (size_t i = 0; rc == 0 && i < http->n_header_files; i++)
			rc = header_put_file(out, &http->header_files[i], err);
		if (rc < 0)
			return rc;
	}
	return header_put_all(out, request->headers, request->n_headers, err);
}

int
easy_server_name(const char *text, const char *name, struct buf *ret_url,
    struct buf *ret_route, struct buf *ret_host)
{
	CURLU *url = curl_url();
	char *host = NULL, *port = NULL, *whole = NULL;
	bool ok;

	ok = url != NULL &&
	     curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
	     curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	     curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
		 CURLUE_OK &&
	     curl_url_set(url, CURLUPART_HOST, name, 0) == CURLUE_OK &&
	     curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK;
	if (ok) {
		buf_puts(ret_url, whole);
		buf_printf(ret_route, "%s:%s:%s:%s", name, port, host, port);
		buf_printf(ret_host, "%s:%s", host, port);
	}
	curl_free(host);
	curl_free(port);
	curl_free(whole);
	curl_url_cleanup(url);
	return ok ? 0 : -ERR_INVALID;
}

static int
plan_server_name(
    struct easy_plan *plan, const struct easy_request *request, struct err *err)
{
	const char *name = request->http->tls.server_name;

	if (easy_server_name(request->url.p, name, &plan->url, &plan->route,
		&plan->scratch) < 0)
		return err_set(err, ERR_INVALID,
		    "the URL does not go with the server_name '%s'", name);
	return header_put(&plan->headers, "Host", plan->scratch.p, err);
}

int
easy_plan_make(
    struct easy_plan *plan, const struct easy_request *request, struct err *err)
{
	int rc;

	buf_clear(&plan->key);
	buf_clear(&plan->headers);
	buf_clear(&plan->username);
	buf_clear(&plan->password);
	buf_clear(&plan->proxy);
	buf_clear(&plan->no_proxy);
	buf_clear(&plan->url);
	buf_clear(&plan->route);
	buf_clear(&plan->scratch);
	if ((rc = plan_key(plan, request, err)) < 0 ||
	    (rc = plan_headers(plan, request, err)) < 0)
		return rc;
	if (request->http != NULL && request->http->tls.server_name != NULL &&
	    str_starts(request->url, STR("https://")))
		return plan_server_name(plan, request, err);
	return 0;
}

static void
apply_pem(CURL *easy, CURLoption file_option, const char *file,
    CURLoption text_option, const char *text)
{
	struct curl_blob blob = { .flags = CURL_BLOB_COPY };

	if (file != NULL)
		curl_easy_setopt(easy, file_option, file);
	if (text != NULL) {
		/* libcurl only reads it. */
		blob.data = (void *)(uintptr_t)text;
		blob.len = strlen(text);
		curl_easy_setopt(easy, text_option, &blob);
	}
}

static long
tls_versions(const struct tls_options *tls)
{
	static const long lowest[] = { CURL_SSLVERSION_TLSv1_2,
		CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_TLSv1_1,
		CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_TLSv1_3 };
	static const long highest[] = { CURL_SSLVERSION_MAX_DEFAULT,
		CURL_SSLVERSION_MAX_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_1,
		CURL_SSLVERSION_MAX_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_3 };
	static_assert(ARRAY_LEN(lowest) == TLS_VERSION_COUNT, "one each");
	static_assert(ARRAY_LEN(highest) == TLS_VERSION_COUNT, "one each");

	return lowest[tls->min_version] | highest[tls->max_version];
}

void
easy_apply_tls(CURL *easy, const struct tls_options *tls)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, tls_versions(tls));
	/* The system's directory of authorities would be trusted beside the
	 * named one; and libcurl keeps parsed authorities between connections
	 * only when they come from one file. */
	if (tls->ca_file != NULL || tls->ca != NULL ||
	    curl_version_info(CURLVERSION_NOW)->cainfo != NULL)
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	apply_pem(easy, CURLOPT_CAINFO, tls->ca_file, CURLOPT_CAINFO_BLOB,
	    tls->ca);
	apply_pem(easy, CURLOPT_SSLCERT, tls->cert_file, CURLOPT_SSLCERT_BLOB,
	    tls->cert);
	apply_pem(easy, CURLOPT_SSLKEY, tls->key_file, CURLOPT_SSLKEY_BLOB,
	    tls->key);
	if (tls->insecure_skip_verify) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void
apply_method(CURL *easy, const struct easy_request *request)
{
	bool has_body = request->body.n > 0;

	if (strcmp(request->method, "GET") == 0 && !has_body) {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	} else if (strcmp(request->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else {
		bool is_post = strcmp(request->method, "POST") == 0;

		if (is_post || has_body)
			curl_easy_setopt(easy, CURLOPT_POST, 1L);
		if (!is_post)
			curl_easy_setopt(
			    easy, CURLOPT_CUSTOMREQUEST, request->method);
	}
}

static struct curl_slist *
apply_proxy(CURL *easy, const struct easy_plan *plan,
    const struct http_options *http)
{
	struct curl_slist *headers = NULL;
	struct buf line = { 0 };

	/* An empty name also keeps the environment's http_proxy out. */
	curl_easy_setopt(
	    easy, CURLOPT_PROXY, plan->proxy.n > 0 ? plan->proxy.p : "");
	curl_easy_setopt(
	    easy, CURLOPT_NOPROXY, plan->no_proxy.n > 0 ? plan->no_proxy.p : "");
	for (size_t i = 0; http != NULL && i < http->n_proxy_headers; i++) {
		buf_clear(&line);
		buf_printf(&line, "%s: %s", http->proxy_headers[i].name,
		    http->proxy_headers[i].value);
		headers = curl_slist_append(headers, line.p);
	}
	buf_fini(&line);
	if (headers != NULL)
		curl_easy_setopt(easy, CURLOPT_PROXYHEADER, headers);
	return headers;
}

struct curl_slist *
easy_apply(CURL *easy, const struct easy_plan *plan,
    const struct easy_request *request, const char *user_agent)
{
	const struct http_options *http = request->http;
	struct curl_slist *proxy_headers;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(
	    easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	proxy_headers = apply_proxy(easy, plan, http);
	if (request->fresh_connection) {
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
	if (request->compressed)
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	if (wants_redirects(request)) {
		curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
		curl_easy_setopt(easy, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	}
	apply_method(easy, request);
	if (http == NULL)
		return proxy_headers;
	easy_apply_tls(easy, &http->tls);
	if (http->basic_username != NULL || http->basic_username_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME,
		    plan->username.n > 0 ? plan->username.p : "");
		curl_easy_setopt(easy, CURLOPT_PASSWORD,
		    plan->password.n > 0 ? plan->password.p : "");
	}
	return proxy_headers;
}

struct curl_slist *
easy_headers(const struct easy_plan *plan)
{
	struct curl_slist *list = NULL;

	for (size_t at = 0; at < plan->headers.n;
	     at += strlen(plan->headers.p + at) + 1)
		list = curl_slist_append(list, plan->headers.p + at);
	return list;
}
