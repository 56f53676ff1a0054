/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Presets of http_json: where vendors keep rows, values and errors.
 *
 * Written from the vendors' published request and answer shapes and checked
 * against doubles that hold to them, not against the services.  Each row may
 * be replaced by the user's own setting of the same name.
 */
#include "config.h"

#include <assert.h>

#include "source/http_json.h"

enum {
	PRESET_NONE,
	PRESET_DATADOG,
	PRESET_NEWRELIC,
	PRESET_SIGNOZ,
	PRESET_JAEGER,
	PRESET_WANDB,
	PRESET_LANGSMITH,
	PRESET_HONEYCOMB,
	PRESET_COUNT
};

const char *const http_json_preset_names[] = { "none", "datadog", "newrelic", "signoz", "jaeger",
	"wandb", "langsmith", "honeycomb", NULL };
static_assert(ARRAY_LEN(http_json_preset_names) == PRESET_COUNT + 1, "each preset has a name");

#define MAP(array)                                                                                 \
	{                                                                                          \
		.pairs = (array), .n = ARRAY_LEN(array), .set = true                               \
	}
#define LIST(array)                                                                                \
	{                                                                                          \
		.items = (array), .n = ARRAY_LEN(array), .set = true                               \
	}

static struct string_pair datadog_labels[] = { { .key = "metric", .value = "metric" } };
static struct string_pair datadog_require[] = { { .key = "status", .value = "ok" } };
static const char *datadog_errors[] = { "error", "errors[*]" };

static const char *graphql_errors[] = { "errors[*].message" };
static const char *honeycomb_errors[] = { "error" };
static struct string_pair newrelic_labels[] = { { .key = "facet", .value = "facet" } };

static struct string_pair signoz_require[] = { { .key = "status", .value = "success" } };
static const char *signoz_errors[] = { "error.message" };
static const struct string_pair signoz_variables[] = { { .key = "query_type", .value = "promql" },
	{ .key = "step", .value = "60" } };

static struct string_pair wandb_labels[] = { { .key = "run", .value = "node.name" },
	{ .key = "run_name", .value = "node.displayName" },
	{ .key = "state", .value = "node.state" } };
static const char *wandb_partial[] = { "data.project.runs.pageInfo.hasNextPage" };
static const struct string_pair wandb_variables[] = { { .key = "filters", .value = "{}" } };

static const struct http_json_preset presets[] = {
	[PRESET_DATADOG] = {
		.url = "https://api.datadoghq.com",
		.path = "/api/v1/query?from={{from_s}}&to={{now_s}}&query={{query}}",
		.api_key_header = "DD-API-KEY", .app_key_header = "DD-APPLICATION-KEY",
		.paths = { .rows = "$.series[*]", .value = "pointlist[-1][1]",
		    .time = "pointlist[-1][0]", .time_unit = TIME_MS, .labels_from = "tag_set",
		    .labels = MAP(datadog_labels), .require = MAP(datadog_require),
		    .errors = LIST(datadog_errors) },
	},
	[PRESET_NEWRELIC] = {
		.url = "https://api.newrelic.com", .path = "/graphql", .method = "POST",
		.body = "{\"query\":\"query($account: Int!, $nrql: Nrql!) { actor { account(id: "
			"$account) { nrql(query: $nrql) { results } } } }\",\"variables\":"
			"{\"account\":{{account}},\"nrql\":{{query:json}}}}",
		.api_key_header = "API-Key",
		.paths = { .rows = "$.data.actor.account.nrql.results[*]", .value = "value",
		    .labels = MAP(newrelic_labels), .errors = LIST(graphql_errors) },
		.needs = "account",
	},
	[PRESET_SIGNOZ] = {
		.path = "/api/v5/query_range", .method = "POST",
		.body = "{\"start\":{{from_ms}},\"end\":{{now_ms}},\"requestType\":\"time_series\","
			"\"compositeQuery\":{\"queries\":[{\"type\":\"{{query_type}}\",\"spec\":"
			"{\"name\":\"A\",\"query\":{{query:json}},\"step\":{{step}}}}]}}",
		.api_key_header = "SIGNOZ-API-KEY",
		.paths = { .rows = "$.data.data.results[*].aggregations[*].series[*]",
		    .value = "values[-1!partial].value", .time = "values[-1!partial].timestamp",
		    .time_unit = TIME_MS, .labels_from = "labels",
		    .require = MAP(signoz_require), .errors = LIST(signoz_errors) },
		.variables = signoz_variables, .n_variables = ARRAY_LEN(signoz_variables),
	},
	[PRESET_JAEGER] = {
		.path = "/api/metrics/{{query:raw}}&endTs={{now_ms}}",
		.paths = { .rows = "$.metrics[*]",
		    .value = "metricPoints[-1].gaugeValue.doubleValue",
		    .time = "metricPoints[-1].timestamp", .labels_from = "labels" },
	},
	[PRESET_WANDB] = {
		.url = "https://api.wandb.ai", .path = "/graphql", .method = "POST",
		.body = "{\"query\":\"query($entity: String!, $project: String!, $filters: "
			"JSONString) { project(name: $project, entityName: $entity) { runs("
			"filters: $filters, first: 1000) { edges { node { name displayName state "
			"heartbeatAt summaryMetrics } } pageInfo { hasNextPage } } } }\","
			"\"variables\":{"
			"\"entity\":{{entity:json}},\"project\":{{project:json}},"
			"\"filters\":{{filters:json}}}}",
		.paths = { .rows = "$.data.project.runs.edges[*]", .time = "node.heartbeatAt",
		    .labels = MAP(wandb_labels), .errors = LIST(graphql_errors),
		    .partial = LIST(wandb_partial) },
		.variables = wandb_variables, .n_variables = ARRAY_LEN(wandb_variables),
		.needs = "project",
	},
	[PRESET_LANGSMITH] = {
		.url = "https://api.smith.langchain.com", .path = "/api/v1/runs/stats",
		.method = "POST",
		.body = "{\"session\":[{{session:json}}],\"start_time\":\"{{from_rfc3339}}\","
			"\"end_time\":\"{{now_rfc3339}}\",\"is_root\":true}",
		.api_key_header = "x-api-key",
		.paths = { .rows = "$" },
		.needs = "session",
	},
	[PRESET_HONEYCOMB] = {
		.url = "https://api.honeycomb.io", .path = "/1/query_results/{{dataset}}",
		.method = "POST", .poll_path = "/1/query_results/{{dataset}}/{{id}}",
		.body = "{\"query_id\":{{query:json}},\"disable_series\":true}",
		.api_key_header = "X-Honeycomb-Team",
		.paths = { .rows = "$.data.results[*].data", .value = "COUNT",
		    .errors = LIST(honeycomb_errors) },
		.needs = "dataset",
	},
};
static_assert(ARRAY_LEN(presets) == PRESET_COUNT, "each preset has its rows");

const struct http_json_preset *
http_json_preset(int index)
{
	return index > PRESET_NONE && index < PRESET_COUNT ? &presets[index] : NULL;
}
