/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' query API: Prometheus, VictoriaMetrics, Thanos, Mimir.
 *
 * By GET, or as a form by POST when the URL would be long.  A range of more
 * points than the server gives at once is asked for in several requests, one
 * after the other.
 * Calls are reused: in the steady state a query allocates nothing.  The body
 * is copied into the query's arena, since samples point into it and it is
 * gone when the transfer ends.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "net/xfer.h"
#include "source/backends.h"
#include "source/remote_write.h"
#include "source/rows.h"

#define GET_URL_MAX         2048 /* longer ones go as POST: proxies cut URLs */
#define METRIC_LABELS_FIRST 16
#define CALLS_KEPT_MAX      64
#define URL_KEPT_MAX        4096  /* a kept call gives larger buffers back */
#define POINTS_PER_REQUEST  11000 /* Prometheus refuses more per series */
#define STEPS_DEFAULT       1000
#define READ_INLINE_MAX     (128u << 10) /* a larger answer is read on a worker thread */

struct prometheus_settings {
	const char *url;
	const struct http_options *http;
	struct string_map params;
	const char *remote_write_url;
	dur_t remote_write_timeout;
	bool remote_write_alerts;
	int language;
	struct pos pos;
};

struct call {
	struct prometheus *prometheus;
	struct source_query *query;
	struct xfer_request *request;
	struct call *next;   /* free list */
	struct range *range; /* NULL: an instant answer without fields */
};

/* An answer of several requests, or one that is read off the loop. */
struct range {
	struct job job;
	struct call *call;
	struct rows rows;
	bool windowed; /* query_range; else the instant endpoint */
	dur_t step;
	wall_t next; /* where the next request begins */
	wall_t end;  /* of the one under way */
	char *body;  /* a copy for the worker */
	uint32_t body_n;
	int status;
	bool reading, cancelled;
	dur_t took;
	int code;
	struct err err;
};

struct prometheus {
	struct source source;
	struct xfer *xfer;
	struct worker_pool *workers;
	struct xfer_lane lane;
	struct buf endpoint; /* URL of the instant query */
	struct buf params;   /* what every query gets: timeout and the user's own;
				begins with & */
	struct call *idle;
	uint32_t n_idle;
	struct remote_write *write; /* NULL: no remote_write_url */
};

static void
put_param(struct buf *out, struct str name, struct str value)
{
	buf_putc(out, '&');
	url_escape(out, name);
	buf_putc(out, '=');
	url_escape(out, value);
}

static void
open_write(struct prometheus *p, struct loop *loop)
{
	const struct prometheus_settings *settings = p->source.config->settings;

	if (settings->remote_write_url == NULL)
		return;
	p->source.writes = true;
	p->source.writes_alerts = settings->remote_write_alerts;
	p->write = remote_write_new(&(struct remote_write_options){
	    .loop = loop,
	    .xfer = p->xfer,
	    .url = settings->remote_write_url,
	    .http = settings->http,
	    .timeout = settings->remote_write_timeout,
	    .source = p->source.config->name,
	    .in_flight = &p->source.writing,
	    .stats = &p->source.written,
	});
}

static struct source *
prometheus_open(const struct source_config *config, struct loop *loop, struct xfer *xfer,
    struct worker_pool *workers, struct err *err UNUSED)
{
	const struct prometheus_settings *settings = config->settings;
	struct prometheus *p = xcalloc(1, sizeof(*p));
	struct str base = str_from(settings->url);
	char timeout[DURATION_TEXT_MAX];

	p->source.ops = &source_prometheus;
	p->source.config = config;
	p->xfer = xfer;
	p->workers = workers;
	xfer_lane_init(&p->lane, config->max_concurrency);
	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	buf_put_str(&p->endpoint, base);
	buf_puts(&p->endpoint, "/api/v1/query");
	put_param(&p->params, STR("timeout"), str_from(duration_format(config->timeout, timeout)));
	for (uint32_t i = 0; i < settings->params.n; i++)
		put_param(&p->params, str_from(settings->params.pairs[i].key),
		    str_from(settings->params.pairs[i].value));
	open_write(p, loop);
	return &p->source;
}

static void
call_free(struct call *call)
{
	xfer_request_free(call->request);
	free(call);
}

static void
prometheus_close(struct source *source)
{
	struct prometheus *p = (struct prometheus *)source;

	while (p->idle != NULL) {
		struct call *call = p->idle;

		p->idle = call->next;
		call_free(call);
	}
	remote_write_free(p->write);
	buf_fini(&p->endpoint);
	buf_fini(&p->params);
	free(p);
}

static struct call *
call_new(struct prometheus *p)
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
		call_free(call);
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

/* It came, whatever it says. */
static int
check_response(const struct prometheus *p, const struct xfer_response *response, struct err *err)
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

/* done() may start the next query, or free this source. */
static void
end_call(struct call *call, dur_t took, const struct vector *vector, const struct err *err)
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

static void
prometheus_done(
    struct xfer_request *request UNUSED, const struct xfer_response *response, void *arg)
{
	struct call *call = arg;
	struct source_query *query = call->query;
	struct vector vector = { NULL, 0 };
	struct err err;
	int code = check_response(call->prometheus, response, &err);

	if (code == 0)
		code = prometheus_decode(arena_str(query->arena, response->body), response->status,
		    query->at, query->arena, &vector, &err);
	end_call(call, response->took, code == 0 ? &vector : NULL, code == 0 ? NULL : &err);
}

static void
send(struct call *call, xfer_done_fn *done)
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

/* --- ranges and rows ----------------------------------------------------------- */

static xfer_done_fn range_done;

static void
range_send(struct call *call)
{
	struct range *range = call->range;
	const struct source_query *query = call->query;
	wall_t last = wall_add(range->next, (dur_t){ (POINTS_PER_REQUEST - 1) * range->step.ns });

	range->end = wall_min(query->to, last);
	buf_clear(&call->request->url);
	buf_clear(&call->request->body);
	send(call, range_done);
}

static void
range_end(struct range *range)
{
	struct call *call = range->call;
	struct vector vector = { NULL, 0 };
	struct err err = range->err;
	dur_t took = range->took;
	bool ok = range->code == 0;

	if (ok)
		rows_keep(&range->rows, call->query->arena, &vector);
	rows_fini(&range->rows);
	free(range->body);
	free(range);
	call->range = NULL;
	end_call(call, took, ok ? &vector : NULL, ok ? NULL : &err);
}

static bool
is_last(const struct range *range)
{
	return !range->windowed ||
	       !wall_before(wall_add(range->end, range->step), range->call->query->to);
}

/* On any thread: nothing but the range's own. */
static void
range_read(struct range *range, struct str body)
{
	struct arena *scratch = arena_new(0);

	range->code = prometheus_decode_rows(
	    body, range->status, range->call->query->at, &range->rows, scratch, &range->err);
	if (range->code == 0 && is_last(range))
		range->code = rows_finish(&range->rows, &range->err);
	arena_free(scratch);
}

static void
range_go_on(struct range *range)
{
	if (range->code < 0 || is_last(range)) {
		range_end(range);
		return;
	}
	range->next = wall_add(range->end, range->step);
	range_send(range->call);
}

static void
read_job(struct job *job)
{
	struct range *range = CONTAINER_OF(job, struct range, job);

	range_read(range, str_make(range->body, range->body_n));
}

static void
read_job_done(struct job *job, bool cancelled)
{
	struct range *range = CONTAINER_OF(job, struct range, job);

	range->reading = false;
	free(range->body);
	range->body = NULL;
	if (cancelled || range->cancelled)
		range->code = err_set(&range->err, ERR_CANCELLED, "cancelled");
	range_go_on(range);
}

static void
range_done(struct xfer_request *request UNUSED, const struct xfer_response *response, void *arg)
{
	struct call *call = arg;
	struct range *range = call->range;

	range->took.ns += response->took.ns;
	range->status = response->status;
	range->code = check_response(call->prometheus, response, &range->err);
	if (range->code == 0 && response->body.n >= READ_INLINE_MAX &&
	    call->prometheus->workers != NULL) {
		range->body = xmemdup0(response->body.p, response->body.n);
		range->body_n = response->body.n;
		range->job = (struct job){ .run = read_job, .done = read_job_done };
		range->reading = worker_submit(call->prometheus->workers, &range->job);
		if (range->reading)
			return;
		free(range->body);
		range->body = NULL;
	}
	if (range->code == 0)
		range_read(range, response->body);
	range_go_on(range);
}

/* The source's own step: a thousand points, in whole seconds. */
static dur_t
step_of(const struct source_query *query)
{
	const int64_t second = 1000000000;
	int64_t ns = wall_since(query->to, query->from).ns / STEPS_DEFAULT;

	if (query->step.ns > 0)
		return (dur_t){ query->step.ns < 1000000 ? 1000000 : query->step.ns };
	ns = (ns + second - 1) / second * second;
	return (dur_t){ ns < second ? second : ns };
}

static void
range_start(struct call *call)
{
	const struct source_query *query = call->query;
	struct rows_want want = rows_want_of(query);
	struct range *range = xcalloc(1, sizeof(*range));

	/*
	 * VictoriaMetrics moves a window's ends to whole steps, outwards; servers cut times to
	 * milliseconds.  The step is theirs.
	 */
	if (wall_is_set(query->from)) {
		want.from = wall_sub(query->from, DUR_MS(1));
		want.to = wall_add(query->to, DUR_MS(1));
	}
	want.step = (dur_t){ 0 };
	range->call = call;
	range->windowed = query->shape != QUERY_INSTANT && wall_is_set(query->from);
	range->step = step_of(query);
	range->next = query->from;
	rows_init_for(&range->rows, &want);
	call->range = range;
	range_send(call);
}

static void
prometheus_query(struct source *source, struct source_query *query)
{
	struct prometheus *p = (struct prometheus *)source;
	struct call *call = call_new(p);

	call->query = query;
	query->impl = call;
	source->queries++;
	source->in_flight++;
	if (query->shape != QUERY_INSTANT || query->n_fields > 0)
		range_start(call);
	else
		send(call, prometheus_done);
}

static void
prometheus_cancel(struct source *source, struct source_query *query)
{
	struct prometheus *p = (struct prometheus *)source;
	struct call *call = query->impl;

	if (call != NULL && call->range != NULL && call->range->reading)
		call->range->cancelled = true;
	else if (call != NULL)
		xfer_cancel(p->xfer, call->request);
}

static int
prometheus_labels(const struct source *source UNUSED, const struct sample *sample,
    struct arena *arena, struct label_view **ret, uint32_t *ret_n, struct err *err)
{
	struct label_view *views = NULL;
	uint32_t n = 0, cap = 0;
	struct json_reader r;
	struct str name, value;

	if (sample->key.n == 0) { /* a scalar */
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	json_reader_init(&r, sample->key);
	if (!json_enter(&r, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "labels: %s", r.err_text);
	while (json_next_key(&r, &name)) {
		if (!json_read_str(&r, arena, &value))
			break;
		if (n == LABELS_MAX)
			return err_set(
			    err, ERR_LIMIT, "a series with more than %d labels", LABELS_MAX);
		if (n == cap) {
			struct label_view *more;

			cap = cap != 0 ? cap * 2 : METRIC_LABELS_FIRST;
			more = ARENA_ARRAY(arena, cap, struct label_view);
			if (n != 0)
				memcpy(more, views, n * sizeof(*views));
			views = more;
		}
		if (memchr(name.p, '\\', name.n) != NULL)
			name = json_unescape(arena, name);
		views[n++] = (struct label_view){ name, value };
	}
	if (!json_finish(&r))
		return err_set(err, ERR_INVALID, "labels: %s", r.err_text);
	*ret = views;
	*ret_n = n;
	return 0;
}

static int
prometheus_write(struct source *source, const struct write_sample *samples, uint32_t n,
    struct source_write *write, struct err *err)
{
	struct prometheus *p = (struct prometheus *)source;

	if (p->write == NULL)
		return err_set(err, ERR_INVALID, "the source has no remote_write_url");
	return remote_write_put(p->write, samples, n, write, err);
}

static void
prometheus_adopt(struct source *source, struct source *old)
{
	struct prometheus *p = (struct prometheus *)source, *before = (struct prometheus *)old;

	if (p->write == NULL || before->write == NULL)
		return;
	remote_write_adopt(p->write, before->write);
}

static void
prometheus_stop(struct source *source)
{
	struct prometheus *p = (struct prometheus *)source;

	if (p->write != NULL)
		remote_write_stop(p->write);
}

static bool
can_write(const void *settings)
{
	return ((const struct prometheus_settings *)settings)->remote_write_url != NULL;
}

static void
settings_finish(struct schema_context *ctx, void *value)
{
	const struct prometheus_settings *settings = value;

	if (settings->url != NULL && strpbrk(settings->url, "?#") != NULL)
		diag_error(ctx->diag, settings->pos,
		    "the url of a source has no query part; put extra "
		    "parameters under 'params'");
	if (settings->remote_write_alerts && settings->remote_write_url == NULL)
		diag_error(ctx->diag, settings->pos,
		    "remote_write_alerts needs a remote_write_url, such as "
		    "http://localhost:9090/api/v1/write");
}

/* What the server is asked in: only PromQL can be read at load. */
static const char *const languages[] = { "promql", "metricsql", "logql", "none", NULL };

static bool
speaks_promql(const void *settings)
{
	return ((const struct prometheus_settings *)settings)->language == 0;
}

static const struct schema_field settings_fields[] = {
	{ .name = "url",
	    .kind = FIELD_URL,
	    .offset = offsetof(struct prometheus_settings, url),
	    .flags = FIELD_REQUIRED | FIELD_ENV,
	    .doc = "Base URL of the server, with its path prefix if it has "
		   "one; /api/v1/query is added." },
	{ .name = "http_config",
	    .kind = FIELD_SUB,
	    .offset = offsetof(struct prometheus_settings, http),
	    .sub = &schema_http_config,
	    .doc = "Credentials, TLS, proxy and headers, as in Alertmanager." },
	{ .name = "language",
	    .kind = FIELD_ENUM,
	    .offset = offsetof(struct prometheus_settings, language),
	    .choices = languages,
	    .fallback = "promql",
	    .doc = "What its queries are written in: PromQL is checked when "
		   "rules are loaded. metricsql for VictoriaMetrics, logql "
		   "for Loki." },
	{ .name = "params",
	    .kind = FIELD_STRING_MAP,
	    .offset = offsetof(struct prometheus_settings, params),
	    .flags = FIELD_ENV,
	    .doc = "Extra parameters of every query, such as dedup or "
		   "extra_label." },
	{ .name = "remote_write_url",
	    .kind = FIELD_URL,
	    .offset = offsetof(struct prometheus_settings, remote_write_url),
	    .flags = FIELD_ENV,
	    .doc = "Where recording rules write their series by remote write "
		   "1.0, such as http://localhost:9090/api/v1/write; "
		   "http_config applies." },
	{ .name = "remote_write_timeout",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct prometheus_settings, remote_write_timeout),
	    .flags = FIELD_POSITIVE,
	    .fallback = "30s",
	    .doc = "A write that takes longer has failed and is repeated." },
	{ .name = "remote_write_alerts",
	    .kind = FIELD_BOOL,
	    .offset = offsetof(struct prometheus_settings, remote_write_alerts),
	    .fallback = "false",
	    .doc = "Write ALERTS and ALERTS_FOR_STATE of the alerting rules "
		   "that ask this source, too." },
};

static const struct schema settings_schema = {
	.name = "prometheus source",
	.doc = "A server that speaks Prometheus' query API: Prometheus, "
	       "VictoriaMetrics, Thanos, Mimir (url with /prometheus), and Loki "
	       "(url with /loki, language logql, metric queries only). A tenant "
	       "is the header X-Scope-OrgID in http_config. Answers that say "
	       "that they are partial (warnings, isPartial) are errors. Verified "
	       "against real servers (Prometheus 2.42, VictoriaMetrics 1.79) and, "
	       "for the others, protocol doubles.",
	.size = sizeof(struct prometheus_settings),
	SCHEMA_FIELDS(settings_fields),
	.pos_offset = offsetof(struct prometheus_settings, pos) + 1,
};

const struct source_kind source_prometheus_kind = {
	.name = "prometheus",
	.schema = &settings_schema,
	.finish = settings_finish,
	.can_write = can_write,
	.promql = speaks_promql,
};

const struct source_ops source_prometheus = {
	.kind = &source_prometheus_kind,
	.open = prometheus_open,
	.close = prometheus_close,
	.query = prometheus_query,
	.cancel = prometheus_cancel,
	.labels = prometheus_labels,
	.check = NULL,
	.write = prometheus_write,
	.adopt = prometheus_adopt,
	.stop = prometheus_stop,
};
