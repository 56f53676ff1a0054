/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to Prometheus' query API, and how they end.
 *
 * By GET, or as a form by POST when the URL would be long.  Calls are reused:
 * in the steady state a query allocates nothing.  The body is copied into the
 * query's arena, since samples point into it and it is gone when the transfer
 * ends.
 */
#include "config.h"

#include <stdlib.h>

#include "base/duration.h"
#include "base/xalloc.h"
#include "source/prometheus_internal.h"

#define GET_URL_MAX    2048 /* longer ones go as POST: proxies cut URLs */
#define CALLS_KEPT_MAX 64
#define URL_KEPT_MAX   4096 /* a kept call gives larger buffers back */

void
prometheus_call_free(struct call *call)
{
	xfer_request_free(call->request);
	free(call);
}

struct call *
prometheus_call_new(struct prometheus *p)
{
	struct call *call = p->idle;

	if (call != NULL) {
		p->idle = call->next;
		p->n_idle--;
		buf_clear(&call->request->url);
		buf_clear(&call->request->body);
		return call;
	}
	call = xcalloc(1, sizeof(*call));
	call->prometheus = p;
	call->request = xfer_request_new(XFER_HTTP);
	return call;
}

static void
call_keep(struct prometheus *p, struct call *call)
{
	if (p->n_idle >= CALLS_KEPT_MAX || call->request->url.cap > URL_KEPT_MAX ||
	    call->request->body.cap > URL_KEPT_MAX) {
		prometheus_call_free(call);
		return;
	}
	call->query = NULL;
	call->next = p->idle;
	p->idle = call;
	p->n_idle++;
}

static void
put_time(struct buf *out, const char *name, int64_t ns)
{
	int64_t ms = ns / 1000000;

	buf_putc(out, '&');
	buf_puts(out, name);
	buf_putc(out, '=');
	buf_put_i64(out, ms / 1000);
	if (ms % 1000 != 0)
		buf_put(out,
		    (char[]){ '.', (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10),
			(char)('0' + ms % 10) },
		    4);
}

/* query=...&time=...&timeout=... */
static void
put_query(const struct prometheus *p, const struct call *call, struct buf *out)
{
	const struct source_query *query = call->query;
	const struct range *range = call->range;

	buf_puts(out, "query=");
	url_escape(out, query->text);
	if (range != NULL && range->windowed) {
		put_time(out, "start", range->next.ns);
		put_time(out, "end", range->end.ns);
		put_time(out, "step", range->step.ns);
	} else {
		put_time(out, "time", query->at.ns);
	}
	buf_put_str(out, buf_str(&p->params));
}

int
prometheus_call_check(
    const struct prometheus *p, const struct xfer_response *response, struct err *err)
{
	char timeout[DURATION_TEXT_MAX];

	switch (response->failure) {
	case ERR_NONE:
		return 0;
	case ERR_TIMEOUT:
		return err_set(err, ERR_TIMEOUT, "no answer within %s",
		    duration_format(p->source.config->timeout, timeout));
	case ERR_LIMIT:
		return err_set(err, ERR_LIMIT,
		    "an answer of more than %u bytes; aggregate in the query",
		    SOURCE_ANSWER_BYTES_MAX);
	case ERR_INVALID:
	case ERR_NOT_FOUND:
	case ERR_REMOTE:
	case ERR_IO:
	case ERR_STORE:
	case ERR_CANCELLED:
	case ERR_BUSY:
	case ERR_CODE_COUNT:
		break;
	}
	return err_set(err, response->failure, "%s", response->failure_text);
}

void
prometheus_call_end(
    struct call *call, dur_t took, const struct vector *vector, const struct err *err)
{
	struct prometheus *p = call->prometheus;
	struct source_query *query = call->query;

	query->took = took;
	query->impl = NULL;
	p->source.in_flight--;
	if (err != NULL)
		p->source.failures++;
	call_keep(p, call);
	query->done(query, vector, err);
}

void
prometheus_call_send(struct call *call, xfer_done_fn *done)
{
	struct prometheus *p = call->prometheus;
	const struct prometheus_settings *settings = p->source.config->settings;
	struct xfer_request *request = call->request;
	size_t base;

	buf_put_str(&request->url, buf_str(&p->endpoint));
	if (call->range != NULL && call->range->windowed)
		buf_puts(&request->url, "_range");
	base = request->url.n;
	buf_putc(&request->url, '?');
	put_query(p, call, &request->url);
	request->method = "GET";
	request->content_type = NULL;
	if (request->url.n > GET_URL_MAX) {
		buf_put(&request->body, request->url.p + base + 1, request->url.n - base - 1);
		request->url.n = base;
		request->url.p[base] = '\0';
		request->method = "POST";
		request->content_type = "application/x-www-form-urlencoded";
	}
	request->http = settings->http;
	request->timeout = p->source.config->timeout;
	request->response_bytes_max = SOURCE_ANSWER_BYTES_MAX;
	xfer_submit(p->xfer, &p->lane, request, done, call);
}

static void
instant_done(
    struct xfer_request *request UNUSED, const struct xfer_response *response, void *arg)
{
	struct call *call = arg;
	struct source_query *query = call->query;
	struct vector vector = { NULL, 0 };
	struct err err;
	int code = prometheus_call_check(call->prometheus, response, &err);

	if (code == 0)
		code = prometheus_decode(arena_str(query->arena, response->body), response->status,
		    query->at, query->arena, &vector, &err);
	prometheus_call_end(
	    call, response->took, code == 0 ? &vector : NULL, code == 0 ? NULL : &err);
}

void
prometheus_instant_start(struct call *call)
{
	prometheus_call_send(call, instant_done);
}
