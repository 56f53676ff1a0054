/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' query API: Prometheus, VictoriaMetrics, Thanos, Mimir.
 *
 * Owns the source: its settings, its life, which way a query is asked, and
 * the labels of its samples.  Requests are in prometheus_request.c, answers
 * in pieces in prometheus_range.c.
 */
#include "config.h"

#include <stdlib.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "source/backends.h"
#include "source/prometheus_internal.h"
#include "source/remote_write.h"

#define METRIC_LABELS_FIRST 16

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
prometheus_close(struct source *source)
{
	struct prometheus *p = (struct prometheus *)source;

	while (p->idle != NULL) {
		struct call *call = p->idle;

		p->idle = call->next;
		prometheus_call_free(call);
	}
	remote_write_free(p->write);
	buf_fini(&p->endpoint);
	buf_fini(&p->params);
	free(p);
}

static void
prometheus_query(struct source *source, struct source_query *query)
{
	struct prometheus *p = (struct prometheus *)source;
	struct call *call = prometheus_call_new(p);

	call->query = query;
	query->impl = call;
	source->queries++;
	source->in_flight++;
	if (query->shape != QUERY_INSTANT || query->n_fields > 0)
		prometheus_range_start(call);
	else
		prometheus_instant_start(call);
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
	.series = true,
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
