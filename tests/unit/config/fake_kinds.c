/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/config/fake_kinds.h"

#define AT(T, m) .offset = offsetof(struct T, m)

/* ---- receivers ----------------------------------------------------------------- */

static const struct schema_field webhook_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "url", .kind = FIELD_URL,
	    .flags = FIELD_REQUIRED | FIELD_HIDDEN, AT(fake_webhook, url),
	    .doc = "Where to post." },
	{ .name = "max_alerts", .kind = FIELD_INT, .fallback = "0", .min = 0,
	    .max = 1000000, AT(fake_webhook, max_alerts),
	    .doc = "At most so many alerts in one message; 0: all." },
};

static const struct schema webhook_schema = { .name = "webhook_configs",
	.doc = "HTTP POST.", .size = sizeof(struct fake_webhook),
	SCHEMA_FIELDS(webhook_fields) };

static const struct integration_kind webhook = { .name = "webhook",
	.schema = &webhook_schema };

static const struct schema_field slack_fields[] = {
	INTEGRATION_FIELDS("false"),
	{ .name = "api_url", .kind = FIELD_SECRET, AT(fake_slack, api_url),
	    .doc = "Incoming webhook." },
	{ .name = "channel", .kind = FIELD_TEMPLATE,
	    .flags = FIELD_NOTIFICATION, AT(fake_slack, channel),
	    .doc = "Channel or user." },
};

static const struct schema slack_schema = { .name = "slack_configs",
	.doc = "Slack.", .size = sizeof(struct fake_slack),
	SCHEMA_FIELDS(slack_fields) };

static void
slack_finish(struct schema_context *ctx, void *settings,
    const struct config_global *global)
{
	struct fake_slack *slack = settings;

	if (slack->api_url.value == NULL && slack->api_url.file == NULL) {
		slack->api_url = global->slack_api_url;
	}
	if (slack->api_url.value == NULL && slack->api_url.file == NULL) {
		diag_error(ctx->diag, slack->common.pos,
		    "no api_url here and no slack_api_url in global");
	}
}

static const struct integration_kind slack = { .name = "slack",
	.schema = &slack_schema, .finish = slack_finish };

static const struct schema_field log_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "path", .kind = FIELD_STRING, .flags = FIELD_PATH,
	    AT(fake_log, path), .doc = "File; default: stderr." },
};

static const struct schema log_schema = { .name = "log_configs",
	.doc = "Lines in a file.", .size = sizeof(struct fake_log),
	SCHEMA_FIELDS(log_fields) };

static const struct integration_kind log_kind = { .name = "log",
	.schema = &log_schema, .ours = true };

/* ---- sources -------------------------------------------------------------------- */

static const struct schema_field prometheus_fields[] = {
	{ .name = "url", .kind = FIELD_URL, .flags = FIELD_REQUIRED,
	    AT(fake_prometheus, url), .doc = "Base URL." },
	{ .name = "http_config", .kind = FIELD_SUB,
	    .sub = &schema_http_config, AT(fake_prometheus, http),
	    .doc = "Credentials and TLS." },
	{ .name = "remote_write_url", .kind = FIELD_URL,
	    AT(fake_prometheus, remote_write_url),
	    .doc = "Where recorded series go." },
};

static bool
can_write(const void *settings)
{
	return ((const struct fake_prometheus *)settings)->remote_write_url !=
	    NULL;
}

static bool
speaks_promql(const void *settings)
{
	(void)settings;
	return true;
}

static const struct schema prometheus_schema = { .name = "prometheus",
	.doc = "Prometheus.", .size = sizeof(struct fake_prometheus),
	SCHEMA_FIELDS(prometheus_fields),
	.pos_offset = offsetof(struct fake_prometheus, pos) + 1 };

static const struct source_kind prometheus = { .name = "prometheus",
	.schema = &prometheus_schema, .can_write = can_write,
	.promql = speaks_promql };

static const struct schema_field sqlite_fields[] = {
	{ .name = "path", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY | FIELD_PATH,
	    AT(fake_sqlite, path), .doc = "Database." },
};

static const struct schema sqlite_schema = { .name = "sqlite",
	.doc = "SQLite.", .size = sizeof(struct fake_sqlite),
	SCHEMA_FIELDS(sqlite_fields) };

static const struct source_kind sqlite = { .name = "sqlite",
	.schema = &sqlite_schema };

/* By name only: messages list all that the program has. */
static const struct source_kind further[] = {
	{ .name = "postgres", .schema = &sqlite_schema },
	{ .name = "clickhouse", .schema = &sqlite_schema },
	{ .name = "influxdb", .schema = &sqlite_schema },
	{ .name = "elasticsearch", .schema = &sqlite_schema },
	{ .name = "http_json", .schema = &sqlite_schema },
	{ .name = "whylogs", .schema = &sqlite_schema },
	{ .name = "evidently", .schema = &sqlite_schema },
	{ .name = "mlflow", .schema = &sqlite_schema },
	{ .name = "alibi", .schema = &sqlite_schema },
	{ .name = "kafka", .schema = &sqlite_schema },
	{ .name = "tempo", .schema = &sqlite_schema },
};

/* ---- rules ----------------------------------------------------------------------- */

static void
expr_scalar(struct schema_context *ctx, const struct yaml_node *node,
    void *value)
{
	((struct fake_expr *)value)->query = schema_scalar(ctx, node, "a query");
}

static void
expr_identity(const struct rule_config *rule, struct buf *out)
{
	config_normalize_query(str_from(rule->query_text), out);
}

static void
expr_finish(struct schema_context *ctx, struct rule_config *rule)
{
	(void)ctx;
	rule->query_text = ((const struct fake_expr *)rule->settings)->query;
}

static const struct schema expr_schema = { .name = "expr",
	.doc = "A query.", .size = sizeof(struct fake_expr),
	.scalar = expr_scalar };

static const struct rule_kind_schema expr = { .name = "expr",
	.schema = &expr_schema, .finish = expr_finish,
	.identity = expr_identity };

static const char *const ops[] = { ">", ">=", "<", "<=", "==", "!=", NULL };

static const struct schema_field threshold_fields[] = {
	{ .name = "query", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    AT(fake_threshold, query), .doc = "A query." },
	{ .name = "op", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED,
	    .choices = ops, AT(fake_threshold, op), .doc = "Comparison." },
	{ .name = "value", .kind = FIELD_DOUBLE, .exclusive = "value",
	    AT(fake_threshold, value), .doc = "The threshold." },
	{ .name = "levels", .kind = FIELD_NUMBER_MAP, .exclusive = "value",
	    .flags = FIELD_NONEMPTY, AT(fake_threshold, levels),
	    .doc = "Thresholds by name." },
};

static const struct schema threshold_schema = { .name = "threshold",
	.doc = "A comparison.", .size = sizeof(struct fake_threshold),
	SCHEMA_FIELDS(threshold_fields) };

static void
threshold_identity(const struct rule_config *rule, struct buf *out)
{
	const struct fake_threshold *t = rule->settings;

	config_normalize_query(str_from(t->query), out);
	buf_printf(out, " %d %.17g", t->op, t->value);
}

static void
threshold_finish(struct schema_context *ctx, struct rule_config *rule)
{
	(void)ctx;
	rule->query_text = ((const struct fake_threshold *)rule->settings)->query;
}

static const struct rule_kind_schema threshold = { .name = "threshold",
	.schema = &threshold_schema, .finish = threshold_finish,
	.identity = threshold_identity };

/* By name only, in the program's order. */
static const struct rule_kind_schema further_rules[] = {
	{ .name = "drift", .schema = &expr_schema },
	{ .name = "score", .schema = &expr_schema },
	{ .name = "compare", .schema = &expr_schema },
	{ .name = "compare_groups", .schema = &expr_schema },
	{ .name = "rate_of_change", .schema = &expr_schema },
	{ .name = "burn_rate", .schema = &expr_schema },
	{ .name = "absent", .schema = &expr_schema },
	{ .name = "composite", .schema = &expr_schema },
	{ .name = "freshness", .schema = &expr_schema },
	{ .name = "quality", .schema = &expr_schema },
	{ .name = "deviation", .schema = &expr_schema },
	{ .name = "forecast", .schema = &expr_schema },
};

/* ---- all ---------------------------------------------------------------------------- */

static const struct integration_kind *const integrations[] = { &log_kind,
	&slack, &webhook, NULL };
static const struct source_kind *const sources[] = { &prometheus, &sqlite,
	&further[0], &further[1], &further[2], &further[3], &further[4],
	NULL };
static const struct rule_kind_schema *const rules[] = { &expr, &threshold,
	&further_rules[0], &further_rules[1], &further_rules[2],
	&further_rules[3], &further_rules[4], &further_rules[5],
	&further_rules[6], &further_rules[7], &further_rules[8],
	&further_rules[9], &further_rules[10], &further_rules[11], NULL };

const struct config_kinds fake_kinds = { integrations, sources, rules };
