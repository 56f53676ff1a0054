/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the wire, and how an exchange ends. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "loop/loop.h"
#include "net/xfer.h"
#include "unit/source/test_source.h"

static struct arena *arena;
static struct loop *loop;
static struct xfer *xfer;
static struct source *source;
static struct xfer_response answer;
static dur_t delay;
static char seen[8192], seen_body[8192], seen_method[8], seen_tenant[16];

struct outcome {
	uint32_t calls, n;
	struct err err;
	bool failed;
};

static dur_t
reply(void *arg UNUSED, const struct xfer_request *request, struct xfer_response *response)
{
	snprintf(seen_method, sizeof(seen_method), "%s", request->method);
	snprintf(seen, sizeof(seen), "%s", request->url.p);
	snprintf(seen_body, sizeof(seen_body), "%.*s", (int)request->body.n,
	    request->body.n > 0 ? request->body.p : "");
	for (size_t i = 0; request->http != NULL && i < request->http->n_headers; i++)
		if (strcmp(request->http->headers[i].name, "X-Scope-OrgID") == 0)
			snprintf(seen_tenant, sizeof(seen_tenant), "%s",
			    request->http->headers[i].value);
	*response = answer;
	return delay;
}

static void
on_done(struct source_query *query, const struct vector *vector, const struct err *err)
{
	struct outcome *outcome = query->arg;

	outcome->calls++;
	outcome->failed = err != NULL;
	if (err != NULL)
		outcome->err = *err;
	else
		outcome->n = vector->n;
}

static void
open_source(const char *yaml)
{
	struct source_config *config = source_config_from(arena, "prometheus", "/", yaml);

	source = source_ops_of(config->kind)->open(config, loop, xfer, NULL, NULL);
}

static void
set_up(void)
{
	arena = arena_new(0);
	loop = loop_new_virtual((wall_t){ INT64_C(1763621040000000000) });
	xfer = xfer_new_scripted(loop, reply, NULL);
	delay = DUR_MS(5);
	answer = (struct xfer_response){ .status = 200,
		.body = STR("{\"status\":\"success\",\"data\":{\"resultType\":"
			    "\"vector\",\"result\":["
			    "{\"metric\":{\"__name__\":\"up\",\"job\":"
			    "\"a\\u00e9\"},\"value\":[1763621040,\"1\"]}]}}") };
	open_source("url: http://prom:9090/prefix/\nparams: {dedup: 'true', "
		    "'extra label': 'a=b'}\n");
}

static void
tear_down(void)
{
	source->ops->close(source);
	xfer_free(xfer);
	loop_free(loop);
	arena_free(arena);
}

static struct outcome
ask(const char *text, wall_t at)
{
	struct outcome outcome = { 0 };
	struct source_query query = {
		.text = str_from(text), .at = at, .arena = arena, .done = on_done, .arg = &outcome
	};

	source->ops->query(source, &query);
	ck_assert_msg(outcome.calls == 0, "done() inside query()");
	loop_run(loop);
	ck_assert_uint_eq(outcome.calls, 1);
	ck_assert_uint_eq(source->in_flight, 0);
	return outcome;
}

START_TEST(a_query_is_a_get_with_time_timeout_and_params)
{
	struct outcome o = ask("up{job=\"a b\"} > 1", (wall_t){ INT64_C(1763621040123456789) });

	ck_assert(!o.failed);
	ck_assert_uint_eq(o.n, 1);
	ck_assert_str_eq(seen_method, "GET");
	ck_assert_str_eq(seen, "http://prom:9090/prefix/api/v1/"
			       "query?query=up%7Bjob%3D%22a%20b%22%7D%20%3E%201"
			       "&time=1763621040.123&timeout=10s&dedup=true&extra%20label=a%3Db");
}
END_TEST

START_TEST(a_whole_second_has_no_fraction)
{
	ask("up", (wall_t){ INT64_C(1763621040000000000) });
	ck_assert_ptr_nonnull(strstr(seen, "&time=1763621040&timeout"));
}
END_TEST

START_TEST(a_long_query_is_a_posted_form)
{
	char text[3001];

	memset(text, 'a', 3000);
	text[3000] = '\0';
	ask(text, (wall_t){ INT64_C(1763621040000000000) });
	ck_assert_str_eq(seen_method, "POST");
	ck_assert_str_eq(seen, "http://prom:9090/prefix/api/v1/query");
	ck_assert_int_eq(strncmp(seen_body, "query=aaaa", 10), 0);
	ck_assert_ptr_nonnull(strstr(seen_body, "&time=1763621040&timeout=10s"));
	/* The call is reused: nothing of the form may stay behind. */
	ask("up", (wall_t){ INT64_C(1763621040000000000) });
	ck_assert_str_eq(seen_method, "GET");
	ck_assert_str_eq(seen_body, "");
}
END_TEST

START_TEST(a_hanging_server_is_a_timeout)
{
	struct outcome o;

	delay = DUR_NEVER;
	o = ask("up", (wall_t){ INT64_C(1763621040000000000) });
	ck_assert(o.failed);
	ck_assert_int_eq(o.err.code, ERR_TIMEOUT);
	ck_assert_str_eq(o.err.text, "no answer within 10s");
	ck_assert_uint_eq(source->failures, 1);
}
END_TEST

START_TEST(no_connection_is_an_error_with_the_reason)
{
	struct outcome o;

	answer = (struct xfer_response){ .failure = ERR_IO, .failure_text = "connection refused" };
	o = ask("up", (wall_t){ INT64_C(1763621040000000000) });
	ck_assert_int_eq(o.err.code, ERR_IO);
	ck_assert_str_eq(o.err.text, "connection refused");
}
END_TEST

START_TEST(cancelled_ends_once_and_soon)
{
	struct outcome outcome = { 0 };
	struct source_query query = {
		.text = STR("up"), .at = { 1 }, .arena = arena, .done = on_done, .arg = &outcome
	};

	delay = DUR_NEVER;
	source->ops->query(source, &query);
	source->ops->cancel(source, &query);
	loop_run_until(loop, loop_now(loop));
	ck_assert_uint_eq(outcome.calls, 1);
	ck_assert_int_eq(outcome.err.code, ERR_CANCELLED);
	source->ops->cancel(source, &query);
}
END_TEST

START_TEST(labels_are_unescaped)
{
	struct sample sample = { .key =
				     STR("{\"__name__\":\"up\",\"path\":\"C:\\\\x\\\"\\u00e9\"}") };
	struct label_view *views;
	struct err err;
	uint32_t n;

	ck_assert_int_eq(sample_labels(source, &sample, arena, &views, &n, &err), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert(str_is(views[0].name, "__name__") && str_is(views[0].value, "up"));
	ck_assert(str_is(views[1].name, "path") && str_is(views[1].value, "C:\\x\"\xc3\xa9"));
	sample.key = STR("");
	ck_assert_int_eq(sample_labels(source, &sample, arena, &views, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	sample.key = STR("{\"a\":1}");
	ck_assert_int_lt(sample_labels(source, &sample, arena, &views, &n, &err), 0);
}
END_TEST

START_TEST(more_labels_than_labels_max_is_a_limit)
{
	struct buf key = { 0 };
	struct sample sample = { 0 };
	struct label_view *views;
	struct err err;
	uint32_t n;

	buf_putc(&key, '{');
	for (int i = 0; i <= LABELS_MAX; i++)
		buf_printf(&key, "%s\"l%d\":\"v\"", i > 0 ? "," : "", i);
	buf_putc(&key, '}');
	sample.key = buf_str(&key);
	ck_assert_int_eq(sample_labels(source, &sample, arena, &views, &n, &err), -ERR_LIMIT);
	buf_fini(&key);
}
END_TEST

/* Mimir's tenant, VictoriaMetrics behind a proxy: the same headers on queries and writes. */
START_TEST(headers_go_with_queries_and_writes)
{
	struct write_sample sample = { .value = 1, .at = { 1 } };
	struct labels_builder b;
	struct labels *labels;

	source->ops->close(source);
	open_source("url: http://mimir/prometheus\nremote_write_url: http://mimir/api/v1/push\n"
		    "http_config: {http_headers: {X-Scope-OrgID: {values: [ml]}}}\n");
	ask("up", (wall_t){ INT64_C(1763621040000000000) });
	ck_assert_str_eq(seen_tenant, "ml");
	seen_tenant[0] = '\0';
	labels_builder_init(&b, arena);
	labels_builder_set(&b, STR("__name__"), STR("a"));
	labels = labels_intern(&b, NULL);
	sample.labels = labels;
	source->ops->write(source, &sample, 1, NULL, NULL);
	loop_run(loop);
	labels_unref(labels);
	ck_assert_str_eq(seen, "http://mimir/api/v1/push");
	ck_assert_str_eq(seen_tenant, "ml");
}
END_TEST

START_TEST(settings_that_cannot_work_are_refused)
{
	char text[256];

	ck_assert_uint_eq(
	    source_config_errors(arena, "prometheus", "url: http://prom:9090?x=1\n", text), 1);
	ck_assert_ptr_nonnull(strstr(text, "params"));
	ck_assert_uint_gt(source_config_errors(arena, "prometheus", "params: {a: b}\n", text), 0);
}
END_TEST

/* --- ranges and rows --------------------------------------------------------- */

static char urls[16][512];
static uint32_t n_urls;
static struct buf shown;

/* A value at each step, as query_range gives them. */
static dur_t
reply_range(void *arg UNUSED, const struct xfer_request *request, struct xfer_response *response)
{
	double start = 0, end = 0, step = 0;
	struct buf body = { 0 };
	const char *p = strstr(request->url.p, "&start=");

	snprintf(urls[n_urls++], sizeof(urls[0]), "%s", request->url.p);
	*response = answer;
	if (p == NULL || answer.status != 200)
		return delay;
	ck_assert_int_eq(sscanf(p, "&start=%lf&end=%lf&step=%lf", &start, &end, &step), 3);
	buf_puts(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
	for (int s = 0; s < 2; s++) {
		buf_printf(&body, "%s{\"metric\":{\"i\":\"%d\"},\"values\":[", s > 0 ? "," : "", s);
		for (double t = start; t <= end + 1e-6; t += step)
			buf_printf(&body, "%s[%.3f,\"%d\"]", t > start ? "," : "", t, s);
		buf_puts(&body, "]}");
	}
	buf_puts(&body, "]}}");
	response->body = arena_str(arena, buf_str(&body));
	buf_fini(&body);
	return delay;
}

static void
show(struct source_query *query, const struct vector *vector, const struct err *err)
{
	on_done(query, vector, err);
	buf_clear(&shown);
	for (uint32_t i = 0; err == NULL && i < vector->n && i < 8; i++) {
		const struct sample *sample = &vector->samples[i];

		buf_printf(&shown, "%.*s %g @%.3f", STR_ARG(sample->key), sample->value,
		    wall_seconds(sample->at));
		for (uint32_t f = 0; f < query->n_fields; f++)
			buf_printf(&shown, " [%.*s]",
			    sample->fields[f].p != NULL ? (int)sample->fields[f].n : 4,
			    sample->fields[f].p != NULL ? sample->fields[f].p : "null");
		buf_puts(&shown, "\n");
	}
	if (err == NULL && vector->n > 1)
		for (uint32_t i = 1; i < vector->n; i++)
			ck_assert(!str_eq(vector->samples[i].key, vector->samples[i - 1].key) ||
				  wall_before(vector->samples[i - 1].at, vector->samples[i].at));
}

static struct outcome
ask_shaped(struct source_query query)
{
	struct outcome outcome = { 0 };

	query.at = (wall_t){ INT64_C(1763621040000000000) };
	query.arena = arena;
	query.done = show;
	query.arg = &outcome;
	n_urls = 0;
	source->ops->query(source, &query);
	loop_run(loop);
	ck_assert_uint_eq(outcome.calls, 1);
	ck_assert_uint_eq(source->in_flight, 0);
	return outcome;
}

static void
use_range_server(void)
{
	source->ops->close(source);
	xfer_free(xfer);
	xfer = xfer_new_scripted(loop, reply_range, NULL);
	open_source("url: http://prom:9090\n");
}

#define S(n) ((wall_t){ INT64_C(1000000000) * (n) })

START_TEST(a_range_is_asked_by_its_window_and_step)
{
	struct outcome o;

	use_range_server();
	o = ask_shaped((struct source_query){ .text = STR("up"),
	    .shape = QUERY_RANGE,
	    .from = S(1763620980),
	    .to = S(1763621040),
	    .step = DUR_S(30) });
	ck_assert_msg(!o.failed, "%s", o.err.text);
	ck_assert_str_eq(urls[0], "http://prom:9090/api/v1/query_range?query=up&start=1763620980"
				  "&end=1763621040&step=30&timeout=10s");
	ck_assert_uint_eq(n_urls, 1);
	ck_assert_str_eq(shown.p, "{\"i\":\"0\"} 0 @1763620980.000\n"
				  "{\"i\":\"0\"} 0 @1763621010.000\n"
				  "{\"i\":\"0\"} 0 @1763621040.000\n"
				  "{\"i\":\"1\"} 1 @1763620980.000\n"
				  "{\"i\":\"1\"} 1 @1763621010.000\n"
				  "{\"i\":\"1\"} 1 @1763621040.000\n");
	buf_fini(&shown);
}
END_TEST

/* "exceeded maximum resolution of 11,000 points per timeseries" */
START_TEST(a_long_range_is_asked_in_pieces_and_put_together)
{
	struct outcome o;

	use_range_server();
	o = ask_shaped((struct source_query){ .text = STR("up"),
	    .shape = QUERY_RANGE,
	    .from = S(1763600000),
	    .to = S(1763625000),
	    .step = DUR_S(1) });
	ck_assert_msg(!o.failed, "%s", o.err.text);
	ck_assert_uint_eq(n_urls, 3);
	ck_assert_ptr_nonnull(strstr(urls[0], "&start=1763600000&end=1763610999&step=1&"));
	ck_assert_ptr_nonnull(strstr(urls[1], "&start=1763611000&end=1763621999&step=1&"));
	ck_assert_ptr_nonnull(strstr(urls[2], "&start=1763622000&end=1763625000&step=1&"));
	ck_assert_uint_eq(o.n, 2 * 25001);
	buf_fini(&shown);
}
END_TEST

START_TEST(a_failed_piece_fails_the_range)
{
	struct outcome o;

	use_range_server();
	answer = (struct xfer_response){ .status = 503, .body = STR("overloaded") };
	o = ask_shaped((struct source_query){ .text = STR("up"),
	    .shape = QUERY_RANGE,
	    .from = S(1763600000),
	    .to = S(1763625000),
	    .step = DUR_S(1) });
	ck_assert(o.failed);
	ck_assert_uint_eq(n_urls, 1);
	buf_fini(&shown);
}
END_TEST

static const struct {
	const char *body, *expect; /* "error: ..." */
	struct source_query query;
} shaped[] = {
	{ "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
	  "{\"metric\":{\"a\":\"1\"},\"values\":[[10.5,\"1\"],[20,\"NaN\"]]}]}}",
	    "{\"a\":\"1\"} 1 @10.500\n{\"a\":\"1\"} nan @20.000\n",
	    { .text = { "m[1h]", 5 }, .shape = QUERY_ROWS } },
	{ "{\"status\":\"success\",\"data\":{\"result\":[{\"values\":[[10,\"1\"]],"
	  "\"metric\":{\"a\":\"1\"}}],\"resultType\":\"matrix\"}}",
	    "{\"a\":\"1\"} 1 @10.000\n", { .text = { "m[1h]", 5 }, .shape = QUERY_ROWS } },
	{ "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
	  "{\"metric\":{\"a\":\"1\"},\"value\":[1763621040,\"7\"]}]}}",
	    "{\"a\":\"1\"} 7 @0.000\n", { .text = { "m", 1 }, .shape = QUERY_ROWS } },
	{ "{\"status\":\"success\",\"warnings\":[\"half\"],\"data\":{\"resultType\":\"matrix\","
	  "\"result\":[]}}",
	    "error: partial answer: half", { .text = { "m", 1 }, .shape = QUERY_ROWS } },
	{ "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
	  "{\"metric\":{\"a\":\"1\"},\"values\":[[10",
	    "error: cannot read the answer", { .text = { "m", 1 }, .shape = QUERY_ROWS } },
	{ "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
	  "{\"metric\":{\"a\":\"1\",\"pred\":\"x\"},\"value\":[1763621040,\"7\"]}]}}",
	    "{\"a\":\"1\",\"pred\":\"x\"} 7 @0.000 [x] [null]\n",
	    { .text = { "m", 1 },
		.fields = (const char *const[]){ "pred", "label" },
		.n_fields = 2 } },
};

START_TEST(rows_of_an_instant_query)
{
	struct outcome o;

	use_range_server();
	answer = (struct xfer_response){ .status = 200, .body = str_from(shaped[_i].body) };
	o = ask_shaped(shaped[_i].query);
	ck_assert_ptr_nonnull(strstr(urls[0], "/api/v1/query?query=m"));
	if (strncmp(shaped[_i].expect, "error: ", 7) == 0)
		ck_assert_msg(o.failed && strstr(o.err.text, shaped[_i].expect + 7) != NULL, "%s",
		    o.err.text);
	else
		ck_assert_msg(!o.failed && strcmp(shown.p, shaped[_i].expect) == 0, "%s %s",
		    o.err.text, shown.p);
	buf_fini(&shown);
}
END_TEST

TCase *
tcase_prometheus(void)
{
	TCase *t = tcase_create("prometheus");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_query_is_a_get_with_time_timeout_and_params);
	tcase_add_test(t, a_whole_second_has_no_fraction);
	tcase_add_test(t, a_long_query_is_a_posted_form);
	tcase_add_test(t, a_hanging_server_is_a_timeout);
	tcase_add_test(t, no_connection_is_an_error_with_the_reason);
	tcase_add_test(t, cancelled_ends_once_and_soon);
	tcase_add_test(t, labels_are_unescaped);
	tcase_add_test(t, more_labels_than_labels_max_is_a_limit);
	tcase_add_test(t, headers_go_with_queries_and_writes);
	tcase_add_test(t, settings_that_cannot_work_are_refused);
	tcase_add_test(t, a_range_is_asked_by_its_window_and_step);
	tcase_add_test(t, a_long_range_is_asked_in_pieces_and_put_together);
	tcase_add_test(t, a_failed_piece_fails_the_range);
	tcase_add_loop_test(t, rows_of_an_instant_query, 0, ARRAY_LEN(shaped));
	return t;
}
