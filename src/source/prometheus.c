/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' query API: Prometheus, VictoriaMetrics, Thanos, Mimir.
 *
 * Instant queries by GET, or as a form by POST when the URL would be long.
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
#include "net/xfer.h"
#include "source/backends.h"
#include "source/remote_write.h"

#define GET_URL_MAX         2048 /* longer ones go as POST: proxies cut URLs */
#define METRIC_LABELS_FIRST 16
#define CALLS_KEPT_MAX      64
#define URL_KEPT_MAX        4096 /* a kept call gives larger buffers back */

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
	struct call *next; /* free list */
};

struct prometheus {
	struct source source;
	struct xfer *xfer;
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
    struct worker_pool *workers UNUSED, struct err *err UNUSED)
{
	const struct prometheus_settings *settings = config->settings;
	struct prometheus *p = xcalloc(1, sizeof(*p));
	struct str base = str_from(settings->url);
	char timeout[DURATION_TEXT_MAX];

	p->source.ops = &source_prometheus;
	p->source.config = config;
	p->xfer = xfer;
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

/* query=...&time=...&timeout=... */
static void
put_query(const struct prometheus *p, const struct source_query *query, struct buf *out)
{
	int64_t ms = query->at.ns / 1000000;

	buf_puts(out, "query=");
	url_escape(out, query->text);
	buf_puts(out, "&time=");
	buf_put_i64(out, ms / 1000);
	if (ms % 1000 != 0)
		buf_put(out,
		    (char[]){ '.', (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10),
			(char)('0' + ms % 10) },
		    4);
	buf_put_str(out, buf_str(&p->params));
}

static int
read_response(const struct prometheus *p, struct source_query *query,
    const struct xfer_response *response, struct vector *ret, struct err *err)
{
	struct str body;

	switch (response->failure) {
	case ERR_NONE:
		break;
	case ERR_TIMEOUT: {
		char timeout[DURATION_TEXT_MAX];

		return err_set(err, ERR_TIMEOUT, "no answer within %s",
		    duration_format(p->source.config->timeout, timeout));
	}
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
		return err_set(err, response->failure, "%s", response->failure_text);
	}
	body = arena_str(query->arena, response->body);
	return prometheus_decode(body, response->status, query->at, query->arena, ret, err);
}

static void
prometheus_done(
    struct xfer_request *request UNUSED, const struct xfer_response *response, void *arg)
{
	struct call *call = arg;
	struct prometheus *p = call->prometheus;
	struct source_query *query = call->query;
	struct vector vector = { NULL, 0 };
	struct err err;
	bool ok = read_response(p, query, response, &vector, &err) == 0;

	query->took = response->took;
	query->impl = NULL;
	p->source.in_flight--;
	if (!ok)
		p->source.failures++;
	/* done() may start the next query, or free this source. */
	call_keep(p, call);
	query->done(query, ok ? &vector : NULL, ok ? NULL : &err);
}

static void
prometheus_query(struct source *source, struct source_query *query)
{
	struct prometheus *p = (struct prometheus *)source;
	const struct prometheus_settings *settings = source->config->settings;
	struct call *call = call_new(p);
	struct xfer_request *request = call->request;

	call->query = query;
	query->impl = call;
	source->queries++;
	source->in_flight++;
	buf_put_str(&request->url, buf_str(&p->endpoint));
	buf_putc(&request->url, '?');
	put_query(p, query, &request->url);
	request->method = "GET";
	request->content_type = NULL;
	if (request->url.n > GET_URL_MAX) {
		buf_put(&request->body, request->url.p + p->endpoint.n + 1,
		    request->url.n - p->endpoint.n - 1);
		buf_clear(&request->url);
		buf_put_str(&request->url, buf_str(&p->endpoint));
		request->method = "POST";
		request->content_type = "application/x-www-form-urlencoded";
	}
	request->http = settings->http;
	request->timeout = source->config->timeout;
	request->response_bytes_max = SOURCE_ANSWER_BYTES_MAX;
	xfer_submit(p->xfer, &p->lane, request, prometheus_done, call);
}

static void
prometheus_cancel(struct source *source, struct source_query *query)
{
	struct prometheus *p = (struct prometheus *)source;
	struct call *call = query->impl;

	if (call != NULL)
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
	       "VictoriaMetrics, Thanos, Mimir.",
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
