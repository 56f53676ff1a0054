/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client of the command line: one request, one answer, no loop. */
#include "config.h"

#include "net/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/easy.h"
#include "net/oauth2.h"
#include "net/xfer.h"

#define ANSWER_BYTES_MAX ((size_t)1 << 30)
#define TIMEOUT_MS       60000L

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct buf *body = arg;

	buf_put(body, p, size * n);
	return body->overflow ? CURL_WRITEFUNC_ERROR : size * n;
}

static int
perform(
    CURL *easy, struct client_answer *answer, const char *url, struct err *err)
{
	char error[CURL_ERROR_SIZE] = "";
	struct buf where = { 0 };
	CURLcode code;
	long status = 0;

	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer->body);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	code = curl_easy_perform(easy);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	if (code == CURLE_OK) {
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		answer->status = (int)status;
		return 0;
	}
	url_redact(&where, str_from(url));
	err_set(err, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO,
	    "%s: %s", where.p != NULL ? where.p : "",
	    error[0] != '\0' ? error : curl_easy_strerror(code));
	buf_fini(&where);
	return code == CURLE_OPERATION_TIMEDOUT ? -ERR_TIMEOUT : -ERR_IO;
}

static int
request_with(const struct easy_request *request, struct client_answer *ret,
    struct err *err)
{
	struct client_answer answer = { 0 };
	struct curl_slist *headers = NULL, *route = NULL, *proxy_headers = NULL;
	const char *url = request->url.p;
	struct easy_plan plan = { 0 };
	CURL *easy = curl_easy_init();
	int rc;

	if (easy == NULL)
		return err_set(err, ERR_IO, "libcurl gave no handle");
	buf_init(&answer.body, ANSWER_BYTES_MAX);
	rc = easy_plan_make(&plan, request, err);
	if (rc == 0) {
		proxy_headers = easy_apply(
		    easy, &plan, request, "Tocsin/" PACKAGE_VERSION);
		headers = easy_headers(&plan);
		curl_easy_setopt(
		    easy, CURLOPT_URL, plan.url.n > 0 ? plan.url.p : url);
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
		if (plan.route.n > 0)
			route = curl_slist_append(NULL, plan.route.p);
		curl_easy_setopt(easy, CURLOPT_CONNECT_TO, route);
		if (request->body.n > 0 ||
		    str_is(str_from(request->method), "POST")) {
			curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			    (curl_off_t)request->body.n);
			curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
			    request->body.n > 0 ? request->body.p : "");
		}
		rc = perform(easy, &answer, url, err);
	}
	if (rc == 0)
		*ret = answer;
	else
		buf_fini(&answer.body);
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	curl_slist_free_all(route);
	curl_slist_free_all(proxy_headers);
	easy_plan_fini(&plan);
	return rc;
}

/* First as the standard prefers, then the way that some servers want. */
static int
ask_token(const struct oauth2_options *options, bool in_form,
    char **ret_authorization, struct err *err)
{
	struct client_answer answer = { 0 };
	struct oauth2_ask ask = { 0 };
	bool again = false;
	dur_t lifetime;
	int rc = oauth2_ask_make(&ask, options, in_form, err);

	if (rc == 0) {
		const struct easy_request request = {
			.method = "POST",
			.url = str_from(options->token_url),
			.body = buf_str(&ask.body),
			.content_type = "application/x-www-form-urlencoded",
			.http = &ask.http,
		};

		rc = request_with(&request, &answer, err);
	}
	if (rc == 0) {
		again = !in_form && oauth2_may_want_form(answer.status);
		if (!again)
			rc = oauth2_answer_read(options, answer.status,
			    buf_str(&answer.body), ret_authorization, &lifetime,
			    err);
	}
	oauth2_ask_fini(&ask);
	buf_fini(&answer.body);
	return again ? ask_token(options, true, ret_authorization, err) : rc;
}

int
client_request(const char *method, const char *url, const char *content_type,
    struct str body, const struct http_options *http, struct client_answer *ret,
    struct err *err)
{
	struct easy_request request = {
		.method = method,
		.url = str_from(url),
		.body = body,
		.content_type = content_type,
		.http = http,
		.compressed = true,
	};
	char *authorization = NULL;
	int rc = 0;

	if (http != NULL && http->oauth2 != NULL)
		rc = ask_token(http->oauth2, false, &authorization, err);
	if (rc == 0) {
		request.authorization = authorization;
		rc = request_with(&request, ret, err);
	}
	if (authorization != NULL)
		explicit_bzero(authorization, strlen(authorization));
	free(authorization);
	return rc;
}
