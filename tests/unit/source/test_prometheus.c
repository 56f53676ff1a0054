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
	return t;
}
