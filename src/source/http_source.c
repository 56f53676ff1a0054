/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a query over HTTP.
 *
 * A request that cannot be built (an unreadable key file) ends like any other,
 * later and through done().  Answers are read on the loop thread, at most
 * SOURCE_ANSWER_BYTES_MAX of them; each source has a lane of its own, so one
 * that hangs takes nobody else's place.
 */
#include "config.h"

#include "source/http_source.h"

#include <stdlib.h>

#include "base/duration.h"
#include "base/xalloc.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "source/selector.h"

#define HEAD_BYTES  160
#define HEADERS_MAX 64
#define SECRET_MAX  (64u << 10)

struct late { /* a call that never reached the network */
	struct timer timer;
	struct http_call *call;
};

struct source *
http_source_open(const struct http_backend *backend, const struct http_options *http,
    const struct source_config *config, struct loop *loop, struct xfer *xfer)
{
	struct http_source *s = xcalloc(1, sizeof(*s));

	s->source.ops = backend->ops;
	s->source.config = config;
	s->backend = backend;
	s->http = http;
	s->loop = loop;
	s->xfer = xfer;
	xfer_lane_init(&s->lane, config->max_concurrency);
	return &s->source;
}

struct source *
http_source_read_on(struct source *source, struct worker_pool *workers)
{
	((struct http_source *)source)->workers = workers;
	return source;
}

void
http_source_close(struct source *source)
{
	free(source);
}

static void
call_free(struct http_call *call)
{
	for (size_t i = 0; i < ARRAY_LEN(call->texts); i++)
		buf_fini(&call->texts[i]);
	buf_fini(&call->token);
	if (call->state_free != NULL)
		call->state_free(call->state);
	free(call->headers);
	xfer_request_free(call->request);
	free(call);
}

/* done() is the last thing: it may start the next query or free the source. */
static void
call_end(struct http_call *call, dur_t took, const struct vector *vector, const struct err *err)
{
	struct http_source *s = call->source;
	struct source_query *query = call->query;
	struct err kept;

	if (err != NULL) {
		kept = *err;
		s->source.failures++;
	}
	query->took = took;
	query->impl = NULL;
	s->source.in_flight--;
	call_free(call);
	query->done(query, vector, err != NULL ? &kept : NULL);
}

static int
no_answer(const struct http_source *s, const struct xfer_response *response, struct err *err)
{
	char timeout[DURATION_TEXT_MAX];

	if (response->failure == ERR_TIMEOUT)
		return err_set(err, ERR_TIMEOUT, "no answer within %s",
		    duration_format(s->source.config->timeout, timeout));
	if (response->failure == ERR_LIMIT)
		return err_set(err, ERR_LIMIT,
		    "an answer of more than %u bytes; aggregate in the query",
		    SOURCE_ANSWER_BYTES_MAX);
	return err_set(err, response->failure, "%s", response->failure_text);
}

static int
select_series(const struct source_query *query, struct rows *rows, struct err *err)
{
	struct matchers *matchers;
	struct str what;
	int code = selector_parse(query->text, &what, &matchers, err);

	if (code == 0)
		selector_apply(matchers, rows);
	matchers_free(matchers);
	return code;
}

static int
read_answer(struct http_call *call, const struct xfer_response *response, struct vector *ret,
    struct err *err)
{
	const struct http_source *s = call->source;
	const struct rows_want want = rows_want_of(call->query);
	struct rows rows;
	int code;

	if (response->failure != ERR_NONE)
		return no_answer(s, response, err);
	if (response->status / 100 != 2 && !s->backend->all_statuses)
		return http_refused(response->status, response->body, err);
	if (response->body.n > SOURCE_ANSWER_BYTES_MAX)
		return err_set(
		    err, ERR_LIMIT, "an answer of more than %u bytes", SOURCE_ANSWER_BYTES_MAX);
	rows_init_for(&rows, &want);
	if (s->backend->collect != NULL) {
		code = s->backend->collect(call, &rows, err);
	} else {
		code = s->backend->decode(
		    s, response->body, response->status, call->query, &rows, err);
		if (code == 0)
			code = rows_finish(&rows, err);
		if (code == 0 && s->backend->selects)
			code = select_series(call->query, &rows, err);
	}
	if (code == 0)
		rows_keep(&rows, call->query->arena, ret);
	rows_fini(&rows);
	return code;
}

/* --- large answers, on a worker ---------------------------------------------------- */

#define READ_INLINE_MAX (128u << 10)

struct http_reading {
	struct job job;
	struct http_call *call;
	struct rows rows;
	struct str body; /* a copy */
	int status, code;
	dur_t took;
	struct err err;
};

static void
read_job(struct job *job)
{
	struct http_reading *r = CONTAINER_OF(job, struct http_reading, job);
	const struct http_source *s = r->call->source;

	r->code = s->backend->decode(s, r->body, r->status, r->call->query, &r->rows, &r->err);
	if (r->code == 0)
		r->code = rows_finish(&r->rows, &r->err);
}

static void
reading_free(struct http_reading *r)
{
	rows_fini(&r->rows);
	free((char *)(uintptr_t)r->body.p);
	free(r);
}

static void
read_job_done(struct job *job, bool cancelled)
{
	struct http_reading *r = CONTAINER_OF(job, struct http_reading, job);
	struct http_call *call = r->call;
	struct vector vector = { NULL, 0 };
	struct err err = r->err;
	dur_t took = r->took;
	bool ok = r->code == 0;

	if (cancelled || call->cancelled) {
		err_set(&err, ERR_CANCELLED, "cancelled");
		ok = false;
	}
	if (ok)
		rows_keep(&r->rows, call->query->arena, &vector);
	reading_free(r);
	call->reading = NULL;
	call_end(call, took, ok ? &vector : NULL, ok ? NULL : &err);
}

/* False: it is to be read here. */
static bool
read_elsewhere(struct http_call *call, const struct xfer_response *response)
{
	const struct http_source *s = call->source;
	const struct rows_want want = rows_want_of(call->query);
	struct http_reading *r;

	if (s->workers == NULL || s->backend->collect != NULL || s->backend->selects ||
	    response->failure != ERR_NONE || response->body.n < READ_INLINE_MAX ||
	    response->body.n > SOURCE_ANSWER_BYTES_MAX || response->status / 100 != 2)
		return false;
	r = xcalloc(1, sizeof(*r));
	r->job = (struct job){ .run = read_job, .done = read_job_done };
	r->call = call;
	r->body = str_make(xmemdup0(response->body.p, response->body.n), response->body.n);
	r->status = response->status;
	r->took = response->took;
	rows_init_for(&r->rows, &want);
	if (!worker_submit(s->workers, &r->job)) {
		reading_free(r);
		return false;
	}
	call->reading = r;
	return true;
}

static xfer_done_fn call_done;

/* One of several requests: the time is that of all of them. */
static void
ask_again(void *arg)
{
	struct http_call *call = arg;
	struct http_source *s = call->source;
	dur_t left = mono_since(call->deadline, loop_mono(s->loop));
	struct err err;

	call->waiting = false;
	if (call->cancelled) {
		err_set(&err, ERR_CANCELLED, "cancelled");
		call_end(call, (dur_t){ 0 }, NULL, &err);
	} else if (left.ns <= 0) {
		err_set(&err, ERR_TIMEOUT, "the result was not complete in time");
		call_end(call, s->source.config->timeout, NULL, &err);
	} else {
		call->request->timeout = left;
		xfer_submit(s->xfer, &s->lane, call->request, call_done, call);
	}
}

/* Does the backend ask on? Negative: it cannot. */
static int
goes_on(struct http_call *call, const struct xfer_response *response, struct err *err)
{
	struct http_source *s = call->source;
	dur_t delay = { 0 }, timeout = s->source.config->timeout;
	int more;

	if (s->backend->more == NULL || response->failure != ERR_NONE ||
	    response->status / 100 != 2)
		return 0;
	if (call->asked++ == 0)
		call->deadline =
		    mono_add(loop_mono(s->loop), (dur_t){ timeout.ns - response->took.ns });
	more = s->backend->more(s, call, response->body, &delay, err);
	if (more <= 0)
		return more;
	call->waiting = true;
	timer_init(&call->timer, ask_again, call);
	loop_timer_set(s->loop, &call->timer, mono_add(loop_mono(s->loop), delay));
	return 1;
}

static void
call_done(struct xfer_request *request UNUSED, const struct xfer_response *response, void *arg)
{
	struct http_call *call = arg;
	struct vector vector = { NULL, 0 };
	struct err err;
	int code = goes_on(call, response, &err);

	if (code > 0 || (code == 0 && read_elsewhere(call, response)))
		return;
	if (code == 0)
		code = read_answer(call, response, &vector, &err);
	call_end(call, response->took, code == 0 ? &vector : NULL, code == 0 ? NULL : &err);
}

static void
late_end(void *arg)
{
	struct late *late = arg;
	struct http_call *call = late->call;

	free(late);
	call_end(call, (dur_t){ 0 }, NULL, &call->err);
}

static void
end_later(struct http_call *call)
{
	struct http_source *s = call->source;
	struct late *late = xcalloc(1, sizeof(*late));

	late->call = call;
	call->query->impl = NULL; /* nothing to cancel */
	timer_init(&late->timer, late_end, late);
	loop_timer_set(s->loop, &late->timer, loop_mono(s->loop));
}

void
http_source_query(struct source *source, struct source_query *query)
{
	struct http_source *s = (struct http_source *)source;
	struct http_call *call = xcalloc(1, sizeof(*call));
	struct xfer_request *request = xfer_request_new(XFER_HTTP);

	call->source = s;
	call->query = query;
	call->request = request;
	request->method = "GET";
	request->http = s->http;
	request->timeout = source->config->timeout;
	request->response_bytes_max = SOURCE_ANSWER_BYTES_MAX;
	source->queries++;
	source->in_flight++;
	query->impl = call;
	if (s->backend->build(s, call, &call->err) < 0) {
		end_later(call);
		return;
	}
	request->headers = call->headers;
	request->n_headers = call->n_headers;
	xfer_submit(s->xfer, &s->lane, request, call_done, call);
}

void
http_source_cancel(struct source *source, struct source_query *query)
{
	struct http_source *s = (struct http_source *)source;
	struct http_call *call = query->impl;

	if (call != NULL && call->reading != NULL) {
		call->cancelled = true;
	} else if (call != NULL && call->waiting) {
		call->cancelled = true;
		loop_timer_set(s->loop, &call->timer, loop_mono(s->loop));
	} else if (call != NULL) {
		xfer_cancel(s->xfer, call->request);
	}
}

/* --- requests ---------------------------------------------------------------- */

void
http_call_header(struct http_call *call, const char *name, const char *value)
{
	if (call->n_headers == HEADERS_MAX)
		return;
	if (call->headers == NULL)
		call->headers = xcalloc(HEADERS_MAX, sizeof(*call->headers));
	call->headers[call->n_headers++] = (struct http_header){ name, value };
}

int
http_call_secret(struct http_call *call, const char *name, const char *prefix,
    const struct secret *secret, struct err *err)
{
	struct buf *text = call->texts[0].p == NULL ? &call->texts[0] : &call->texts[1];
	int code;

	if (secret->value == NULL && secret->file == NULL)
		return 0;
	buf_init(text, SECRET_MAX);
	buf_puts(text, prefix);
	code = secret_read(secret, text, err);
	if (code < 0)
		return code;
	http_call_header(call, name, text->p);
	return 0;
}

void
put_url(struct buf *out, const char *base, const char *path)
{
	struct str b = str_from(base);

	while (b.n > 0 && b.p[b.n - 1] == '/')
		b.n--;
	buf_put_str(out, b);
	buf_puts(out, path);
}

void
put_url_param(struct buf *out, const char *name, struct str value)
{
	buf_putc(out, out->n > 0 && memchr(out->p, '?', out->n) != NULL ? '&' : '?');
	url_escape(out, str_from(name));
	buf_putc(out, '=');
	url_escape(out, value);
}

void
put_url_params(struct buf *out, const struct string_map *params)
{
	for (uint32_t i = 0; i < params->n; i++)
		put_url_param(out, params->pairs[i].key, str_from(params->pairs[i].value));
}

/* --- answers ------------------------------------------------------------------- */

const char *
text_head(struct arena *arena, struct str text)
{
	struct str head = str_head(str_trim(text), HEAD_BYTES);
	char *out = arena_alloc(arena, (size_t)head.n + 1);

	for (uint32_t i = 0; i < head.n; i++)
		out[i] = (unsigned char)head.p[i] < 0x20 ? ' ' : head.p[i];
	return out;
}

int
http_refused(int status, struct str body, struct err *err)
{
	struct arena *arena;
	int code;

	if (status >= 300 && status < 400)
		return err_set(err, ERR_REMOTE,
		    "HTTP %d: a redirect that is not followed; give the url it leads to", status);
	if (status == 429)
		return err_set(err, ERR_REMOTE,
		    "HTTP 429: the server limits the rate of queries; ask less often or "
		    "lower max_concurrency");
	arena = arena_new(0);
	body = str_trim(body);
	code = err_set(err, ERR_REMOTE, "HTTP %d%s: %s", status,
	    status == 401 || status == 403 ? " (access refused)" : "",
	    body.n == 0 || body.p[0] == '<' ? "no text" : text_head(arena, body));
	arena_free(arena);
	return code;
}

int
json_whole(struct str body, struct err *err)
{
	struct json_reader r;

	body = str_trim(body);
	if (body.n == 0)
		return err_set(err, ERR_INVALID, "an empty answer");
	if (body.p[0] == '<')
		return err_set(
		    err, ERR_INVALID, "an HTML page instead of an answer; is this the right url?");
	json_reader_init(&r, body);
	if (json_skip(&r) && json_finish(&r))
		return 0;
	return err_set(err, ERR_INVALID, "cannot read the answer: %s at byte %u of %u", r.err_text,
	    r.err_at, body.n);
}

bool
json_read_cell(struct json_reader *r, struct arena *arena, struct cell *ret)
{
	enum json_kind kind = json_peek(r);

	*ret = (struct cell){ .kind = CELL_OTHER };
	switch (kind) {
	case JSON_STRING:
		ret->kind = CELL_TEXT;
		return json_read_str(r, arena, &ret->text);
	case JSON_NULL:
		ret->kind = CELL_NULL;
		break;
	case JSON_BOOL:
		ret->kind = CELL_BOOL;
		break;
	case JSON_NUMBER:
		ret->kind = CELL_NUMBER;
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
	case JSON_END:
	case JSON_BAD:
		break;
	}
	return json_read_span(r, &ret->text);
}

void
json_cell(struct str span, struct arena *arena, struct cell *ret)
{
	struct json_reader r;

	json_reader_init(&r, span);
	json_read_cell(&r, arena, ret);
}
