/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /metrics.  One row per metric: name, type, help, value.  Names under
 * alertmanager_ are those that dashboards and mixins already read.
 */
#include "config.h"

#include <sys/resource.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/handlers.h"
#include "base/json.h"
#include "net/guard.h"
#include "net/xfer.h"

struct numbers { /* gathered once per request */
	struct engine_stats engine;
	struct store_stats store;
	struct loop_stats loop;
	struct guard_stats guard;
	uint32_t silences[3]; /* by enum silence_state */
	uint32_t alerts, firing, suppressed;
	const struct api *api;
	const struct api_state *state;
};

/* clang-format off */
#define METRICS(X) \
	X("tocsin_rule_evaluations_total", "counter", "Rule evaluations.", n->engine.evaluations) \
	X("tocsin_rule_evaluation_failures_total", "counter", "Rule evaluations that failed.", n->engine.failures) \
	X("tocsin_rule_group_iterations_total", "counter", "Slots of rule groups that were due.", n->engine.iterations) \
	X("tocsin_rule_group_iterations_missed_total", "counter", "Slots missed because the one before took too long.", n->engine.missed) \
	X("tocsin_rule_evaluation_duration_seconds_sum", "counter", "Time spent on evaluations, waiting for sources included.", n->engine.evaluation_seconds) \
	X("tocsin_rule_evaluation_duration_seconds_count", "counter", "Evaluations in the sum.", n->engine.evaluations) \
	X("tocsin_source_queries_total", "counter", "Queries sent to sources.", n->engine.queries) \
	X("tocsin_source_queries_in_flight", "gauge", "Queries waiting for their answer.", n->engine.queries_in_flight) \
	X("tocsin_remote_write_samples_total", "counter", "Samples written to sources.", n->engine.written.samples) \
	X("tocsin_remote_write_samples_dropped_total", "counter", "Samples that were refused or found no place in the queue.", n->engine.written.dropped) \
	X("tocsin_remote_write_failures_total", "counter", "Remote writes that failed or were refused.", n->engine.written.failures) \
	X("tocsin_remote_write_samples_pending", "gauge", "Samples waiting to be written.", n->engine.written.pending) \
	X("tocsin_rules", "gauge", "Rules configured.", n->engine.rules) \
	X("tocsin_rule_groups", "gauge", "Rule groups configured.", n->engine.groups) \
	X("tocsin_rule_alerts_pending", "gauge", "Alerts of rules that wait for their for.", n->engine.alerts_pending) \
	X("tocsin_rule_alerts_firing", "gauge", "Alerts of rules that fire.", n->engine.alerts_firing) \
	X("tocsin_requests_in_flight", "gauge", "Outgoing requests under way.", xfer_in_flight(n->state->xfer)) \
	X("tocsin_requests_waiting", "gauge", "Outgoing requests waiting for a place.", xfer_waiting(n->state->xfer)) \
	X("tocsin_store_commits_total", "counter", "Transactions committed.", n->store.commits) \
	X("tocsin_store_commit_failures_total", "counter", "Commits that failed and were tried again.", n->store.commit_failures) \
	X("tocsin_store_rows_total", "counter", "Rows written.", n->store.rows) \
	X("tocsin_store_commit_seconds_max", "gauge", "Longest commit since the start.", dur_seconds(n->store.commit_max)) \
	X("tocsin_store_queue_bytes", "gauge", "Changes not yet committed.", n->store.queue_bytes) \
	X("tocsin_store_database_bytes", "gauge", "Size of the database file.", n->store.db_bytes) \
	X("tocsin_loop_turns_total", "counter", "Turns of the event loop.", n->loop.turns) \
	X("tocsin_loop_turn_seconds_max", "gauge", "Longest turn since the last scrape.", dur_seconds(n->loop.turn_max)) \
	X("tocsin_http_requests_total", "counter", "Requests taken.", n->api->requests) \
	X("tocsin_http_logins_failed_total", "counter", "Requests with wrong credentials.", n->guard.failed) \
	X("tocsin_http_logins_throttled_total", "counter", "Logins that were not looked at after too many failures.", n->guard.throttled) \
	X("tocsin_http_forbidden_total", "counter", "Requests of a role that is not enough, or of none.", n->guard.forbidden) \
	X("tocsin_http_connections", "gauge", "Open connections of the first listener.", n->state->server != NULL ? http_server_connections(n->state->server) : 0) \
	X("tocsin_label_sets", "gauge", "Label sets in memory.", labels_live()) \
	X("tocsin_label_bytes", "gauge", "Memory of label sets and their strings.", labels_bytes()) \
	X("tocsin_matcher_limit_hits_total", "counter", "Regular expressions stopped at their match limit.", matcher_limit_hits()) \
	X("tocsin_store_trouble", "gauge", "Whether what is written now may be lost or late.", store_trouble(n->state->store) != NULL) \
	X("tocsin_config_reloads_failed_total", "counter", "Reloads refused.", n->state->reloads_failed) \
	X("alertmanager_config_last_reload_successful", "gauge", "Whether the last reload worked.", n->state->last_reload_ok) \
	X("alertmanager_config_last_reload_success_timestamp_seconds", "gauge", "When the configuration was last loaded.", wall_seconds(n->state->last_reload_at)) \
	X("alertmanager_dispatcher_aggregation_groups", "gauge", "Aggregation groups.", groups_count(n->state->groups)) \
	X("alertmanager_alerts_limited_total", "counter", "Posted alerts that were dropped for --alerts.per-alertname-limit.", n->api->alerts_limited) \
	X("alertmanager_config_hash", "gauge", "Changes with the configuration.", config_hash(n->state->config)) \
	X("alertmanager_integrations", "gauge", "Integrations configured.", integrations(n->state->config)) \
	X("alertmanager_receivers", "gauge", "Receivers configured.", n->state->config->n_receivers) \
	X("alertmanager_inhibition_rules", "gauge", "Inhibition rules configured.", n->state->config->n_inhibit_rules) \
	X("alertmanager_cluster_enabled", "gauge", "Always 0: a single server.", 0) \
	X("alertmanager_cluster_members", "gauge", "Always 1: a single server.", 1) \
	X("alertmanager_cluster_failed_peers", "gauge", "Always 0: a single server.", 0) \
	X("alertmanager_peer_position", "gauge", "Always 0: a single server.", 0) \
	X("process_start_time_seconds", "gauge", "When this process started.", wall_seconds(n->state->started_at)) \
	X("process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes()) \
	X("process_virtual_memory_bytes", "gauge", "Address space.", virtual_bytes()) \
	X("process_open_fds", "gauge", "Open file descriptors.", open_fds()) \
	X("process_max_fds", "gauge", "How many may be open.", max_fds()) \
	X("process_cpu_seconds_total", "counter", "User and system CPU time.", cpu_seconds())
/* clang-format on */

/* 48 bits, which a double holds: FNV-1a of the text that /api/v2/status shows. */
static double
config_hash(const struct config *config)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (uint32_t i = 0; i < config->original.n; i++)
		hash = (hash ^ (unsigned char)config->original.p[i]) * UINT64_C(1099511628211);
	return (double)(hash >> 16);
}

static uint32_t
integrations(const struct config *config)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < config->n_receivers; i++)
		n += config->receivers[i].n_integrations;
	return n;
}

struct memory {
	double size, resident;
};

static struct memory
memory_bytes(void)
{
	double page = (double)sysconf(_SC_PAGESIZE);
	long long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file == NULL)
		return (struct memory){ 0 };
	if (fscanf(file, "%lld %lld", &size, &resident) != 2)
		size = resident = 0;
	fclose(file);
	return (struct memory){ (double)size * page, (double)resident * page };
}

static double
resident_bytes(void)
{
	return memory_bytes().resident;
}

static double
virtual_bytes(void)
{
	return memory_bytes().size;
}

static double
open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	double n = -3; /* ".", ".." and this one */

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static double
max_fds(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : 0;
}

static double
cpu_seconds(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_metric(struct buf *out, const char *name, const char *type, const char *help, double value)
{
	put_head(out, name, type, help);
	buf_printf(out, "%s ", name);
	put_prom_double(out, value);
	buf_putc(out, '\n');
}

/* An alert is routed in the turn in which it comes: none is unprocessed. */
static void
put_states(struct buf *out, const char *name, const struct numbers *n)
{
	put_head(out, name, "gauge", "Alerts that fire, by state.");
	buf_printf(out, "%s{state=\"active\"} %u\n", name, n->firing - n->suppressed);
	buf_printf(out, "%s{state=\"suppressed\"} %u\n", name, n->suppressed);
	buf_printf(out, "%s{state=\"unprocessed\"} 0\n", name);
}

static void
put_summary(struct buf *out, const char *name, const char *help, double sum, uint64_t count)
{
	put_head(out, name, "summary", help);
	buf_printf(out, "%s_sum %.9g\n%s_count %llu\n", name, sum, name,
	    (unsigned long long)count);
}

/*
 * What Alertmanager says of its two files.  Here silences and the notification
 * log are rows that are written as they change: there are no snapshots.
 */
static void
put_state_metrics(struct buf *out, const struct numbers *n)
{
	static const char *const of[] = { "nflog", "silences" };
	char name[80];

	for (size_t i = 0; i < ARRAY_LEN(of); i++) {
		snprintf(name, sizeof(name), "alertmanager_%s_snapshot_duration_seconds", of[i]);
		put_summary(out, name, "Always empty: there are no snapshots.", 0, 0);
		snprintf(name, sizeof(name), "alertmanager_%s_snapshot_size_bytes", of[i]);
		put_metric(out, name, "gauge", "Always 0: there are no snapshots.", 0);
		snprintf(name, sizeof(name), "alertmanager_%s_query_errors_total", of[i]);
		put_metric(out, name, "counter", "Always 0: a lookup in memory cannot fail.", 0);
	}
	put_summary(out, "alertmanager_silences_gc_duration_seconds",
	    "Dropping silences that expired long ago.", n->state->silences_gc_seconds,
	    n->state->silences_gcs);
	put_summary(out, "alertmanager_dispatcher_alert_processing_duration_seconds",
	    "Routing of posted alerts.", n->api->alerts_processing, n->api->alerts_processed);
}

static void
put_labelled(struct buf *out, const struct numbers *n)
{
	put_states(out, "alertmanager_alerts", n);
	put_states(out, "alertmanager_marked_alerts", n);
	put_head(out, "tocsin_alerts_resolved", "gauge", "Alerts that are over and still held.");
	buf_printf(out, "tocsin_alerts_resolved %u\n", n->alerts - n->firing);
	put_head(out, "alertmanager_alerts_invalid_total", "counter",
	    "Posted alerts that were refused.");
	buf_printf(out, "alertmanager_alerts_invalid_total{version=\"v2\"} %llu\n",
	    (unsigned long long)n->api->alerts_invalid);
	put_head(out, "alertmanager_alerts_received_total", "counter", "Alerts posted and taken.");
	for (int over = 0; over < 2; over++)
		buf_printf(out,
		    "alertmanager_alerts_received_total{status=\"%s\",version=\"v2\"} %llu\n",
		    over ? "resolved" : "firing",
		    (unsigned long long)n->api->alerts_received[over]);
	put_head(out, "alertmanager_silences", "gauge", "Silences by state.");
	buf_printf(
	    out, "alertmanager_silences{state=\"pending\"} %u\n", n->silences[SILENCE_PENDING]);
	buf_printf(
	    out, "alertmanager_silences{state=\"active\"} %u\n", n->silences[SILENCE_ACTIVE]);
	buf_printf(
	    out, "alertmanager_silences{state=\"expired\"} %u\n", n->silences[SILENCE_EXPIRED]);
	put_head(out, "alertmanager_http_requests_in_flight", "gauge", "Lists being sent.");
	buf_printf(out, "alertmanager_http_requests_in_flight{method=\"get\"} %u\n", n->api->gets);
	put_head(out, "alertmanager_http_concurrency_limit_exceeded_total", "counter",
	    "GET requests refused for --web.get-concurrency.");
	buf_printf(out, "alertmanager_http_concurrency_limit_exceeded_total{method=\"get\"} %llu\n",
	    (unsigned long long)n->api->gets_refused);
	put_head(out, "tocsin_build_info", "gauge", "The version.");
	buf_puts(out, "tocsin_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
	put_head(out, "alertmanager_build_info", "gauge", "The Alertmanager whose API is spoken.");
	buf_puts(out, "alertmanager_build_info{branch=\"\",goarch=\"\",goos=\"linux\","
		      "goversion=\"\",revision=\"tocsin\",tags=\"\","
		      "version=\"" ALERTMANAGER_COMPAT_VERSION "\"} 1\n");
}

static void
gather(struct api *api, struct numbers *n)
{
	const struct api_state *state = api->state;
	wall_t now = loop_now(state->loop);
	struct alert *alert;

	*n = (struct numbers){
		.engine = engine_stats(state->engine),
		.store = store_stats(state->store),
		.loop = loop_stats(state->loop),
		.guard = state->guard != NULL ? guard_stats(state->guard)
					      : (struct guard_stats){ 0 },
		.alerts = alerts_count(state->alerts),
		.api = api,
		.state = state,
	};
	for (size_t it = 0; (alert = alerts_next(state->alerts, &it)) != NULL;)
		n->firing += !alert_is_resolved(alert, now);
	n->suppressed = alert_counts_suppressed(api);
	if (n->suppressed > n->firing)
		n->suppressed = n->firing; /* the count may be a little old */
	for (int s = SILENCE_PENDING; s <= SILENCE_EXPIRED; s++)
		n->silences[s] = silences_count(state->silences, (enum silence_state)s, now);
}

void
api_metrics_get(struct api *api, struct http_call *call, struct str id)
{
	struct numbers numbers, *n = &numbers;
	struct buf body = { 0 };

	(void)id;
	gather(api, n);
#define X(name, type, help, value) put_metric(&body, (name), (type), (help), (double)(value));
	METRICS(X)
#undef X
	put_labelled(&body, n);
	put_state_metrics(&body, n);
	http_metrics_put(api, &body);
	metrics_rules_put(api->state->engine, &body);
	notifier_put_metrics(api->state->notifier, &body);
	heartbeats_put_metrics(api->state, &body);
	if (api->state->incidents != NULL)
		incidents_put_metrics(api->state->incidents, loop_now(api->state->loop), &body);
	loop_stats_reset_max(api->state->loop);
	http_reply(call, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
	buf_fini(&body);
}
