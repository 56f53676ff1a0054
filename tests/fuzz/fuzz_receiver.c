/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the settings of a receiver, payload and details among them,
 * and the message they make (config/schema.c, receiver/, template/).
 *
 * The first byte chooses the receiver's type, the rest is its settings as
 * YAML.  Beyond not crashing: settings without a finding render or say why
 * not, the same twice, and what is called JSON is JSON.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "fuzz.h"
#include "receiver/receiver.h"
#include "support.h"

#define STEPS 4 /* as many requests as a delivery has at most */

static struct labels *
intern(struct arena *arena, const struct label_view *views, uint32_t n)
{
	struct labels_builder b;
	struct err err = { 0 };
	struct labels *labels;

	labels_builder_init(&b, arena);
	for (uint32_t i = 0; i < n; i++)
		labels_builder_set(&b, views[i].name, views[i].value);
	labels = labels_intern(&b, &err);
	if (labels == NULL)
		abort();
	return labels;
}

static void
check_json(struct str body)
{
	struct json_reader r;
	struct str span;

	json_reader_init(&r, body);
	if (!json_read_span(&r, &span) || !json_finish(&r) || !str_is_utf8(body))
		abort();
}

static int
render(const struct receiver_ops *ops, const void *settings, const struct notification *n,
    struct arena *arena, struct buf *ret_body)
{
	struct xfer_request *request = xfer_request_new(XFER_HTTP);
	struct err err = { 0 };
	int rc = ops->render(settings, n, arena, request, &err);

	if (rc < 0 && err.text[0] == '\0')
		abort();
	if (rc == 0) {
		if (request->kind == XFER_HTTP && request->content_type != NULL &&
		    strcmp(request->content_type, "application/json") == 0)
			check_json(str_trim(buf_str(&request->body)));
		buf_put_str(ret_body, buf_str(&request->url));
		buf_put_str(ret_body, buf_str(&request->body));
	}
	xfer_request_free(request);
	return rc;
}

static void
check_verdicts(const struct receiver_ops *ops, const void *settings, const struct notification *n,
    struct str body)
{
	static const int statuses[] = { 200, 202, 204, 250, 301, 400, 404, 429, 500, 550 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct xfer_response response = { .status = statuses[i], .body = body,
			.content_type = STR("application/json") };
		struct verdict verdict = ops->classify(settings, n, &response);

		if (memchr(verdict.text, '\0', sizeof(verdict.text)) == NULL ||
		    memchr(verdict.thread, '\0', sizeof(verdict.thread)) == NULL ||
		    memchr(verdict.carry, '\0', sizeof(verdict.carry)) == NULL)
			abort();
	}
}

/* Another try says the same. */
static void
try_twice(const struct receiver_ops *ops, const void *settings, const struct notification *n,
    struct arena *arena, struct str text)
{
	struct buf first = { 0 }, second = { 0 };

	if (render(ops, settings, n, arena, &first) != render(ops, settings, n, arena, &second) ||
	    !str_eq(buf_str(&first), buf_str(&second)))
		abort();
	check_verdicts(ops, settings, n, text);
	buf_fini(&first);
	buf_fini(&second);
}

static void
send(const struct receiver_ops *ops, const void *settings, struct arena *arena, struct str text)
{
	struct label_view names[] = {
		{ STR("alertname"), STR("<Down> & \"out\"") },
		{ STR("instance"), STR("h\xc3\xb6st:9100\r\nX: y") },
		{ STR("severity"), STR("critical") },
	};
	struct label_view notes[] = {
		{ STR("runbook_url"), STR("https://runbooks.example/?a=1&b='2'") },
		{ STR("summary"), STR("<b>*loss*</b> {{ .Status }}\n\xe2\x80\xa8") },
	};
	struct labels *group = intern(arena, names, 1), *labels = intern(arena, names, 3);
	struct labels *annotations = intern(arena, notes, 2);
	const struct notified_alert alerts[] = {
		{ .labels = labels, .annotations = annotations,
		    .generator_url = STR("http://prom.example/g?x=<y>"),
		    .starts_at = { INT64_C(1795154400000000000) }, .firing = true },
		{ .labels = labels, .annotations = annotations, .generator_url = STR(""),
		    .starts_at = { INT64_C(1795154400000000000) },
		    .ends_at = { INT64_C(1795154700000000000) } },
	};
	struct notification n = {
		.receiver = "ops/1",
		.group_key = STR("{}:{alertname=\"<Down> & \\\"out\\\"\"}"),
		.group_labels = group,
		.common_labels = names,
		.n_common_labels = 3,
		.common_annotations = notes,
		.n_common_annotations = 2,
		.external_url = "http://tocsin.example:9093",
		.alerts = alerts,
		.n_alerts = 2,
		.n_firing = 1,
		.n_resolved = 1,
		.firing = true,
		.reason = "first notification",
		.delivery_id = 17,
		.thread = STR(""),
		.now = { INT64_C(1795154730250000000) },
	};

	/* Each step, with and without what the one before would have carried to it. */
	for (n.step = 0; n.step < STEPS; n.step++) {
		n.carried = STR("");
		try_twice(ops, settings, &n, arena, text);
		n.carried = STR("OPS-7 done");
		try_twice(ops, settings, &n, arena, text);
	}
	labels_unref(group);
	labels_unref(labels);
	labels_unref(annotations);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_global global = {
		.smtp_from = "tocsin@example.org",
		.smtp_hello = "localhost",
		.smtp_smarthost = "mail.example.org:25",
		.slack_app_url = "https://slack.com/api/chat.postMessage",
		.pagerduty_url = "https://events.pagerduty.com/v2/enqueue",
		.opsgenie_api_url = "https://api.opsgenie.com/",
		.victorops_api_url = "https://alert.victorops.com/",
		.telegram_api_url = "https://api.telegram.org",
		.webex_api_url = "https://webexapis.com/v1/messages",
		.rocketchat_api_url = "https://open.rocket.chat/",
		.wechat_api_url = "https://qyapi.weixin.qq.com/cgi-bin/",
		.jira_api_url = "https://jira.example/rest/api/2/",
	};
	struct str text = str_make((const char *)data + (size > 0), size - (size > 0));
	const struct receiver_ops *ops;
	size_t n_ops = 0;

	while (receiver_list[n_ops] != NULL)
		n_ops++;
	if (size == 0 || support_names_files(text))
		return 0;
	ops = receiver_list[data[0] % n_ops];

	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	struct schema_context ctx = { .arena = arena, .diag = diag, .dir = "/nowhere" };
	const struct yaml_node *node = yaml_parse(arena, diag, "fuzz", text);
	void *settings = arena_alloc(arena, ops->kind->schema->size);

	if (node != NULL && node->kind == YAML_MAPPING && diag_errors(diag) == 0) {
		schema_read(&ctx, ops->kind->schema, node, settings);
		((struct integration_common *)settings)->pos = node->pos;
		if (diag_errors(diag) == 0 && ops->kind->finish != NULL)
			ops->kind->finish(&ctx, settings, &global);
		if (diag_errors(diag) == 0 && ops->render != NULL)
			send(ops, settings, arena, text);
	}
	diag_free(diag);
	arena_free(arena);
	if (labels_live() != 0 || istr_live() != 0)
		abort();
	return 0;
}
