/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail over libcurl: envelope, credentials, TLS, and what the server's last
 * words mean.
 *
 * When the server answered with 4xx or 5xx that code is the status and there
 * is no failure: the receiver decides whether to try again.  response->body
 * is the server's last reply line.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "net/xfer_curl.h"

#define REPLY_LINE_MAX 512

static size_t
on_read(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *transfer = arg;
	const struct buf *mail = &transfer->request->body;
	size_t room = size * n, left = mail->n - transfer->sent;

	if (left == 0) {
		transfer->all_sent = true;
		return 0;
	}
	if (left > room)
		left = room;
	memcpy(p, mail->p + transfer->sent, left);
	transfer->sent += left;
	return left;
}

/* Every reply line of the server comes this way; the last one is kept. */
static size_t
on_reply_line(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *transfer = arg;
	struct str line = str_trim(str_make(p, size * n));

	buf_clear(&transfer->body);
	buf_put_str(&transfer->body, str_head(line, REPLY_LINE_MAX));
	return size * n;
}

static int
put_address(struct buf *out, const char *address, struct err *err)
{
	if (!easy_line_is_clean(address) || strpbrk(address, "<> ") != NULL)
		return err_set(
		    err, ERR_INVALID, "'%.60s' is no mail address", address);
	buf_putc(out, '<');
	buf_puts(out, address);
	buf_putc(out, '>');
	return 0;
}

static int
set_envelope(struct transfer *transfer, const struct smtp_envelope *mail,
    struct err *err)
{
	struct buf *text = &transfer->body;

	buf_clear(text);
	if (put_address(text, mail->from != NULL ? mail->from : "", err) < 0)
		return -ERR_INVALID;
	curl_easy_setopt(transfer->easy, CURLOPT_MAIL_FROM, text->p);
	if (mail->n_to == 0)
		return err_set(err, ERR_INVALID, "the mail has no recipient");
	for (size_t i = 0; i < mail->n_to; i++) {
		buf_clear(text);
		if (put_address(text, mail->to[i], err) < 0)
			return -ERR_INVALID;
		transfer->recipients =
		    curl_slist_append(transfer->recipients, text->p);
	}
	buf_clear(text);
	curl_easy_setopt(
	    transfer->easy, CURLOPT_MAIL_RCPT, transfer->recipients);
	return 0;
}

static int
set_login(struct transfer *transfer, const struct smtp_envelope *mail,
    struct err *err)
{
	struct buf password = { 0 };
	int rc;

	if (mail->username == NULL)
		return 0;
	rc = secret_read(&mail->password, &password, err);
	if (rc == 0) {
		curl_easy_setopt(
		    transfer->easy, CURLOPT_USERNAME, mail->username);
		curl_easy_setopt(transfer->easy, CURLOPT_PASSWORD,
		    password.n > 0 ? password.p : "");
	} else {
		err_wrap(err, "SMTP password");
	}
	if (password.p != NULL)
		explicit_bzero(password.p, password.cap);
	buf_fini(&password);
	return rc;
}

/* The name we greet with is the path of the URL, as libcurl has it. */
static void
set_url(struct transfer *transfer, const struct xfer_request *request)
{
	struct buf url = { 0 };
	struct str base = buf_str(&request->url);

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	buf_put_str(&url, base);
	if (request->smtp.helo != NULL) {
		buf_putc(&url, '/');
		url_escape(&url, str_from(request->smtp.helo));
	}
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url.p);
	buf_fini(&url);
}

int
smtp_prepare(struct transfer *transfer, const struct xfer_request *request,
    struct err *err)
{
	const struct smtp_envelope *mail = &request->smtp;
	CURL *easy = transfer->easy;
	int rc;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
	curl_easy_setopt(
	    easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_USE_SSL,
	    (long)(mail->require_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 0L);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_reply_line);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(
	    easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body.n);
	easy_apply_tls(easy, &mail->tls);
	set_url(transfer, request);
	transfer->sent = 0;
	transfer->all_sent = request->body.n == 0;
	if ((rc = set_login(transfer, mail, err)) < 0)
		return rc;
	return set_envelope(transfer, mail, err);
}

void
smtp_result(const struct transfer *transfer, CURLcode code,
    struct xfer_response *response)
{
	if (code == CURLE_OK || response->status < 400) {
		if (code != CURLE_OK)
			response->maybe_received =
			    transfer->all_sent ||
			    transfer->sent == transfer->request->body.n;
		return;
	}
	/* The server has spoken; the failure only repeats it. */
	response->failure = ERR_NONE;
	response->maybe_received = false;
}
