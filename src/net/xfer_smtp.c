/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail: each one is a blocking libcurl transfer on a worker thread.
 *
 * Not on the loop's multi handle, because libcurl waits for the answer to
 * QUIT when it closes an SMTP connection, for up to two minutes, whatever
 * thread that is.  A job owns copies of all it needs: a cancelled request may
 * be freed while its mail is still on the way out.
 *
 * When the server answered with 4xx or 5xx that code is the status and there
 * is no failure: the receiver decides whether to try again.  response->body
 * is the server's last reply line.
 */
#include "config.h"

#include <sys/socket.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "loop/clock.h"
#include "loop/worker.h"
#include "net/xfer_curl.h"

#define REPLY_LINE_MAX     512
#define CONNECT_TIMEOUT_MS 10000L
#define THREADS            4
#define GOODBYE_TIMEOUT_S  2L /* for the answer to QUIT after a refusal */

struct mail_job {
	struct job job;
	struct curl_transport *transport;
	struct xfer_request *request; /* loop thread; NULL: cancelled */
	/* the worker's, once submitted */
	CURL *easy;
	struct curl_slist *recipients, *route;
	struct buf mail;
	size_t sent;
	mono_t deadline;
	struct buf reply; /* the server's last line */
	CURLcode code;
	long status;
	char error[CURL_ERROR_SIZE];
	struct reach reach; /* a copy: the request may leave first */
	char out_of_reach[INET6_ADDRSTRLEN];
	/* shared */
	atomic_bool cancelled, all_sent;
};

/* --- on the worker ----------------------------------------------------- */

static size_t
on_read(char *p, size_t size, size_t n, void *arg)
{
	struct mail_job *mail = arg;
	size_t room = size * n, left = mail->mail.n - mail->sent;

	if (left > room)
		left = room;
	if (left > 0)
		memcpy(p, mail->mail.p + mail->sent, left);
	mail->sent += left;
	if (mail->sent == mail->mail.n)
		atomic_store(&mail->all_sent, true);
	return left;
}

/* Every reply line of the server comes this way. */
static size_t
on_reply_line(char *p, size_t size, size_t n, void *arg)
{
	struct mail_job *mail = arg;
	struct str line = str_trim(str_make(p, size * n));

	buf_clear(&mail->reply);
	buf_put_str(&mail->reply, str_head(line, REPLY_LINE_MAX));
	/* What follows a refusal is at most a goodbye. */
	if (line.n > 0 && line.p[0] >= '4')
		curl_easy_setopt(mail->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
		    GOODBYE_TIMEOUT_S);
	return size * n;
}

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct mail_job *mail = arg;

	(void)purpose;
	if (!reach_allows(&mail->reach, &address->addr)) {
		address_text(address, mail->out_of_reach);
		return CURL_SOCKET_BAD;
	}
	mail->out_of_reach[0] = '\0';
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

static int
on_progress(void *arg, curl_off_t down_total, curl_off_t down,
    curl_off_t up_total, curl_off_t up)
{
	struct mail_job *mail = arg;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	return atomic_load(&mail->cancelled) ? 1 : 0;
}

static void
close_without_waiting(CURL *easy)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	/* QUIT still goes out; its answer is not waited for. */
	if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK &&
	    fd != CURL_SOCKET_BAD)
		shutdown(fd, SHUT_RD);
	curl_easy_cleanup(easy);
}

static void
run(struct job *job)
{
	struct mail_job *mail = CONTAINER_OF(job, struct mail_job, job);
	int64_t ms = mono_since(mail->deadline, clock_mono()).ns / 1000000;

	mail->code = CURLE_OPERATION_TIMEDOUT;
	if (ms > 0 && !atomic_load(&mail->cancelled)) {
		curl_easy_setopt(mail->easy, CURLOPT_TIMEOUT_MS, (long)ms);
		mail->code = curl_easy_perform(mail->easy);
		curl_easy_getinfo(
		    mail->easy, CURLINFO_RESPONSE_CODE, &mail->status);
	}
	close_without_waiting(mail->easy);
	mail->easy = NULL;
}

/* --- on the loop ------------------------------------------------------- */

static void
mail_free(struct mail_job *mail)
{
	if (mail->easy != NULL)
		curl_easy_cleanup(mail->easy);
	curl_slist_free_all(mail->recipients);
	curl_slist_free_all(mail->route);
	buf_fini(&mail->mail);
	buf_fini(&mail->reply);
	free(mail);
}

static void
fill_result(struct mail_job *mail, struct xfer_response *response)
{
	*response = (struct xfer_response){
		.status = (int)mail->status,
		.body = buf_str(&mail->reply),
		.content_type = STR(""),
	};
	if (mail->code == CURLE_OK)
		return;
	snprintf(response->failure_text, sizeof(response->failure_text), "%s",
	    mail->error[0] != '\0' ? mail->error
				   : curl_easy_strerror(mail->code));
	/* The server has spoken; the failure only repeats it. */
	if (mail->status >= 400)
		return;
	response->failure = mail->code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT
			    : mail->code == CURLE_URL_MALFORMAT    ? ERR_INVALID
								   : ERR_IO;
	response->maybe_received = atomic_load(&mail->all_sent);
	if (mail->out_of_reach[0] != '\0')
		say_out_of_reach(mail->out_of_reach, response);
}

static void
done(struct job *job, bool cancelled)
{
	struct mail_job *mail = CONTAINER_OF(job, struct mail_job, job);
	struct xfer_response response;

	(void)cancelled; /* the pool ends after the last request has */
	if (mail->request != NULL) {
		fill_result(mail, &response);
		xfer_finish(mail->transport->xfer, mail->request, &response);
	}
	mail_free(mail);
}

static int
put_address(struct buf *out, const char *address, struct err *err)
{
	if (!easy_line_is_clean(address) || strpbrk(address, "<> ") != NULL)
		return err_set(
		    err, ERR_INVALID, "'%.60s' is no mail address", address);
	buf_clear(out);
	buf_putc(out, '<');
	buf_puts(out, address);
	buf_putc(out, '>');
	return 0;
}

static int
set_envelope(struct mail_job *mail, const struct smtp_envelope *envelope,
    struct err *err)
{
	struct buf *text = &mail->reply; /* scratch until there is a reply */
	int rc;

	rc = put_address(
	    text, envelope->from != NULL ? envelope->from : "", err);
	if (rc == 0)
		curl_easy_setopt(mail->easy, CURLOPT_MAIL_FROM, text->p);
	if (rc == 0 && envelope->n_to == 0)
		rc = err_set(err, ERR_INVALID, "the mail has no recipient");
	for (size_t i = 0; rc == 0 && i < envelope->n_to; i++) {
		rc = put_address(text, envelope->to[i], err);
		if (rc == 0)
			mail->recipients =
			    curl_slist_append(mail->recipients, text->p);
	}
	buf_clear(text);
	curl_easy_setopt(mail->easy, CURLOPT_MAIL_RCPT, mail->recipients);
	return rc;
}

static int
set_login(struct mail_job *mail, const struct smtp_envelope *envelope,
    struct err *err)
{
	struct buf password = { 0 };
	int rc;

	if (envelope->username == NULL)
		return 0;
	rc = secret_read(&envelope->password, &password, err);
	if (rc == 0) {
		curl_easy_setopt(
		    mail->easy, CURLOPT_USERNAME, envelope->username);
		if (envelope->identity != NULL)
			curl_easy_setopt(mail->easy, CURLOPT_SASL_AUTHZID,
			    envelope->identity);
		curl_easy_setopt(mail->easy, CURLOPT_PASSWORD,
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
static int
set_url(
    struct mail_job *mail, const struct xfer_request *request, struct err *err)
{
	const char *server_name = request->smtp.tls.server_name;
	struct buf url = { 0 }, named = { 0 }, route = { 0 }, host = { 0 };
	struct str base = buf_str(&request->url);
	int rc = 0;

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	buf_put_str(&url, base);
	buf_putc(&url, '/');
	if (request->smtp.helo != NULL)
		url_escape(&url, str_from(request->smtp.helo));
	if (server_name != NULL &&
	    easy_server_name(url.p, server_name, &named, &route, &host) < 0)
		rc = err_set(err, ERR_INVALID,
		    "the URL does not go with the server_name '%s'",
		    server_name);
	if (route.n > 0) {
		mail->route = curl_slist_append(NULL, route.p);
		curl_easy_setopt(mail->easy, CURLOPT_CONNECT_TO, mail->route);
	}
	curl_easy_setopt(
	    mail->easy, CURLOPT_URL, named.n > 0 ? named.p : url.p);
	buf_fini(&url);
	buf_fini(&named);
	buf_fini(&route);
	buf_fini(&host);
	return rc;
}

static void
set_transport(struct mail_job *mail, const struct smtp_envelope *envelope)
{
	CURL *easy = mail->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_USE_SSL,
	    (long)(envelope->require_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 0L);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(
	    easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->mail.n);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, mail);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_reply_line);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, mail);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, mail);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, mail->error);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, mail);
	easy_apply_tls(easy, &envelope->tls);
}

void
mail_start(struct curl_transport *transport, struct xfer_request *request)
{
	struct xfer *xfer = transport->xfer;
	struct mail_job *mail = xcalloc(1, sizeof(*mail));
	struct err err = { .code = ERR_NONE };
	int rc;

	mail->transport = transport;
	mail->request = request;
	mail->job.run = run;
	mail->job.done = done;
	mail->deadline = mono_add(request->admitted, xfer_timeout(request));
	mail->easy = curl_easy_init();
	if (request->reach != NULL)
		mail->reach = *request->reach;
	buf_put(&mail->mail, request->body.p, request->body.n);
	request->impl = mail;
	if (mail->easy == NULL) {
		rc = err_set(&err, ERR_IO, "libcurl gave no handle");
	} else {
		set_transport(mail, &request->smtp);
		rc = set_url(mail, request, &err);
		if (rc == 0)
			rc = set_login(mail, &request->smtp, &err);
		if (rc == 0)
			rc = set_envelope(mail, &request->smtp, &err);
	}
	if (rc == 0 && transport->mailers == NULL)
		transport->mailers = worker_pool_new(
		    xfer->loop, "mail", THREADS, xfer->max_in_flight);
	if (rc == 0 && !worker_submit(transport->mailers, &mail->job))
		rc = err_set(&err, ERR_BUSY, "too many mails under way");
	if (rc < 0) {
		xfer_fail_later(xfer, request,
		    err.code == ERR_INVALID ? ERR_INVALID : ERR_IO, false,
		    err.text);
		mail_free(mail);
	}
}

bool
mail_abort(struct xfer_request *request)
{
	struct mail_job *mail = request->impl;

	mail->request = NULL;
	atomic_store(&mail->cancelled, true);
	return atomic_load(&mail->all_sent);
}
