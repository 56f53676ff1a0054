/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts per receiver integration, under our names and Alertmanager's.
 *
 * Ours tell receivers apart; Alertmanager's are summed per type, as its
 * dashboards expect.
 */
#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "notify/notify_internal.h"

static const char *const outcome_name[] = {
	[OUTCOME_DELIVERED] = "delivered",
	[OUTCOME_RETRY] = "retry",
	[OUTCOME_DEAD] = "dead",
	[OUTCOME_CANCELLED] = "cancelled",
};
static_assert(ARRAY_LEN(outcome_name) == OUTCOME_COUNT, "a name for each outcome");

static const char *const latency_bound[LATENCY_BUCKETS + 1] = { "1", "5", "10", "15", "20",
	"+Inf" };

static const char *const suppression_name[] = {
	[SUPPRESSED_NOT] = "",
	[SUPPRESSED_INHIBITED] = "inhibition",
	[SUPPRESSED_INACTIVE] = "active_time_interval",
	[SUPPRESSED_MUTED] = "mute_time_interval",
	[SUPPRESSED_SILENCED] = "silence",
	[SUPPRESSED_FLAPPING] = "flapping",
};
static_assert(ARRAY_LEN(suppression_name) == SUPPRESSION_COUNT, "a name for each");

static const char *const failed_name[] = {
	[FAILED_OTHER] = "other",
	[FAILED_CLIENT] = "clientError",
	[FAILED_AUTH] = "authError",
	[FAILED_RATE_LIMIT] = "rateLimited",
	[FAILED_SERVER] = "serverError",
	[FAILED_CANCELED] = "contextCanceled",
	[FAILED_DEADLINE] = "contextDeadlineExceeded",
};
static_assert(ARRAY_LEN(failed_name) == FAILED_COUNT, "a name for each reason");

/* The sums of a type, or of a type and a receiver. */
struct sums {
	char *labels; /* integration="slack" */
	uint64_t notifications, requests, requests_failed;
	uint64_t failed[FAILED_COUNT];
	uint64_t latency[LATENCY_BUCKETS + 1];
	double latency_sum;
};

struct sums_list {
	struct sums *p;
	size_t n, cap;
};

static void
put_header(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_label(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "%s=\"", name);
	for (uint32_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\n') {
			buf_puts(out, "\\n");
			continue;
		}
		if (c == '"' || c == '\\')
			buf_putc(out, '\\');
		buf_putc(out, c);
	}
	buf_putc(out, '"');
}

static void
put_deliveries(const struct notifier *notifier, struct buf *out)
{
	const struct target *target;

	put_header(out, "tocsin_deliveries_total", "counter",
	    "Deliveries by receiver, integration and outcome; retry counts attempts.");
	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;) {
		for (int i = 0; i < OUTCOME_COUNT; i++) {
			buf_puts(out, "tocsin_deliveries_total{");
			put_label(out, "receiver", str_from(target->receiver));
			buf_putc(out, ',');
			put_label(out, "integration", str_from(target->integration));
			buf_printf(out, ",outcome=\"%s\"} %llu\n", outcome_name[i],
			    (unsigned long long)target->outcomes[i]);
		}
	}
	put_header(out, "tocsin_deliveries_pending", "gauge",
	    "Deliveries that wait for their commit, their turn or their next attempt.");
	buf_printf(out, "tocsin_deliveries_pending %u\n", notifier->pending - notifier->in_flight);
	put_header(out, "tocsin_deliveries_sending", "gauge", "Deliveries on the wire.");
	buf_printf(out, "tocsin_deliveries_sending %u\n", notifier->in_flight);
}

static void
put_target(struct buf *out, const char *name, const struct target *target, double value)
{
	buf_printf(out, "%s{", name);
	put_label(out, "receiver", str_from(target->receiver));
	buf_putc(out, ',');
	put_label(out, "integration", str_from(target->integration));
	buf_printf(out, "} %.15g\n", value);
}

static void
put_gates(const struct notifier *notifier, struct buf *out)
{
	static const struct {
		const char *name, *type, *help;
	} metrics[] = {
		{ "tocsin_receiver_circuit_open", "gauge",
		    "Whether the integration does not answer and its messages wait." },
		{ "tocsin_receiver_circuit_opened_total", "counter", "How often that happened." },
		{ "tocsin_receiver_fallback_active", "gauge",
		    "Whether the receiver's fallback is told instead." },
		{ "tocsin_receiver_failures_in_a_row", "gauge",
		    "Attempts that failed since something arrived." },
		{ "tocsin_receiver_waiting_for_budget", "gauge",
		    "Messages over max_per_interval." },
		{ "tocsin_receiver_over_budget_total", "counter",
		    "Messages that had to wait for max_per_interval." },
	};
	const struct target *target;

	for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
		put_header(out, metrics[i].name, metrics[i].type, metrics[i].help);
		for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;) {
			const struct gate *gate = &target->gate;
			const double values[] = {
				gate->circuit != CIRCUIT_CLOSED,
				(double)gate->opened_total,
				gate->fallback_on,
				gate->failures,
				gate->n_held,
				(double)gate->held_total,
			};

			put_target(out, metrics[i].name, target, values[i]);
		}
	}
	put_header(out, "tocsin_alerts_flapping", "gauge", "Alerts that flap now.");
	buf_printf(out, "tocsin_alerts_flapping %u\n", flaps_count(notifier->flaps));
	put_header(out, "tocsin_decisions_held", "gauge",
	    "Conditions in the decision log that last: silenced, muted, acknowledged, ...");
	buf_printf(out, "tocsin_decisions_held %u\n", decisions_held(notifier->decisions));
}

/* From the flush that decided to tell to the answer that says it arrived. */
static void
put_arrivals(const struct notifier *notifier, struct buf *out)
{
	static const char name[] = "tocsin_delivery_seconds";
	const struct target *target;

	put_header(out, name, "histogram",
	    "From the decision to tell a receiver until the message has arrived.");
	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;) {
		struct buf labels = { 0 };

		put_label(&labels, "receiver", str_from(target->receiver));
		buf_putc(&labels, ',');
		put_label(&labels, "integration", str_from(target->integration));
		histogram_put(&target->arrival, &arrival_bounds, name, labels.p, out);
		buf_fini(&labels);
	}
}

/* Alertmanager's name and values; it counts notifications that were suppressed, as we do. */
static void
put_suppressed(const struct notifier *notifier, struct buf *out)
{
	static const char name[] = "alertmanager_notifications_suppressed_total";

	put_header(out, name, "counter",
	    "Alerts left out of a flush for being silenced, inhibited or outside active time "
	    "intervals.");
	for (int why = SUPPRESSED_NOT + 1; why < SUPPRESSION_COUNT; why++)
		buf_printf(out, "%s{reason=\"%s\"} %llu\n", name, suppression_name[why],
		    (unsigned long long)notifier->suppressed[why]);
}

/* receiver empty: the type alone. */
static struct sums *
sums_of(struct sums_list *list, struct str kind, struct str receiver)
{
	struct buf labels = { 0 };

	put_label(&labels, "integration", kind);
	if (receiver.n > 0) {
		buf_putc(&labels, ',');
		put_label(&labels, "receiver_name", receiver);
	}
	for (size_t i = 0; i < list->n; i++) {
		if (str_is(buf_str(&labels), list->p[i].labels)) {
			buf_fini(&labels);
			return &list->p[i];
		}
	}
	list->p = xgrow(list->p, &list->cap, list->n + 1, sizeof(*list->p));
	list->p[list->n] = (struct sums){ .labels = xmemdup0(labels.p, labels.n) };
	buf_fini(&labels);
	return &list->p[list->n++];
}

/* Also types without a receiver: what is counted from zero can be watched from the start. */
static void
sum_up(const struct notifier *notifier, struct sums_list *list)
{
	bool names = notifier->options.receiver_names;
	const struct target *target;

	for (size_t i = 0; !names && receiver_kinds[i] != NULL; i++) {
		if (!receiver_kinds[i]->ours)
			sums_of(list, str_from(receiver_kinds[i]->name), STR(""));
	}
	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;) {
		struct str kind = str_make(target->integration, strcspn(target->integration, "["));
		struct sums *sum =
		    sums_of(list, kind, names ? str_from(target->receiver) : STR(""));

		sum->notifications += target->notifications;
		sum->requests += target->requests;
		sum->requests_failed += target->requests_failed;
		sum->latency_sum += target->latency_sum;
		for (int i = 0; i < FAILED_COUNT; i++)
			sum->failed[i] += target->failed[i];
		for (int i = 0; i <= LATENCY_BUCKETS; i++)
			sum->latency[i] += target->latency[i];
	}
}

static void
put_counter(struct buf *out, const char *name, const char *help, const struct sums_list *list,
    size_t offset)
{
	put_header(out, name, "counter", help);
	for (size_t i = 0; i < list->n; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&list->p[i] + offset, sizeof(value));
		buf_printf(out, "%s{%s} %llu\n", name, list->p[i].labels,
		    (unsigned long long)value);
	}
}

static void
put_failed(struct buf *out, const struct sums_list *list)
{
	static const char name[] = "alertmanager_notifications_failed_total";

	put_header(out, name, "counter", "The total number of failed notifications.");
	for (size_t i = 0; i < list->n; i++) {
		for (int why = 0; why < FAILED_COUNT; why++)
			buf_printf(out, "%s{%s,reason=\"%s\"} %llu\n", name, list->p[i].labels,
			    failed_name[why], (unsigned long long)list->p[i].failed[why]);
	}
}

static void
put_latency(struct buf *out, const struct sums_list *list)
{
	static const char name[] = "alertmanager_notification_latency_seconds";

	put_header(out, name, "histogram", "The latency of notifications in seconds.");
	for (size_t i = 0; i < list->n; i++) {
		const struct sums *sum = &list->p[i];
		uint64_t count = 0;

		for (int k = 0; k <= LATENCY_BUCKETS; k++) {
			count += sum->latency[k];
			buf_printf(out, "%s_bucket{%s,le=\"%s\"} %llu\n", name, sum->labels,
			    latency_bound[k], (unsigned long long)count);
		}
		buf_printf(out, "%s_sum{%s} %g\n", name, sum->labels, sum->latency_sum);
		buf_printf(out, "%s_count{%s} %llu\n", name, sum->labels,
		    (unsigned long long)count);
	}
}

static void
put_queries(struct buf *out, const char *of, const struct histogram *queries)
{
	char name[64];

	snprintf(name, sizeof(name), "alertmanager_%s_queries_total", of);
	put_header(out, name, "counter", "Lookups when groups were flushed.");
	buf_printf(out, "%s %llu\n", name, (unsigned long long)histogram_count(queries));
	snprintf(name, sizeof(name), "alertmanager_%s_query_duration_seconds", of);
	put_header(out, name, "histogram", "How long they took.");
	histogram_put(queries, &histogram_seconds, name, "", out);
}

static void
put_log(const struct notifier *notifier, struct buf *out)
{
	static const char name[] = "alertmanager_nflog_gc_duration_seconds";

	put_queries(out, "nflog", &notifier->nflog_queries);
	put_queries(out, "silences", &notifier->silence_queries);
	put_header(out, name, "summary", "Dropping entries of groups that are no more.");
	buf_printf(out, "%s_sum %.9g\n%s_count %llu\n", name, notifier->nflog_gc_seconds, name,
	    (unsigned long long)notifier->nflog_gcs);
}

void
notifier_put_metrics(const struct notifier *notifier, struct buf *out)
{
	struct sums_list list = { 0 };

	sum_up(notifier, &list);
	put_deliveries(notifier, out);
	put_gates(notifier, out);
	put_arrivals(notifier, out);
	put_suppressed(notifier, out);
	put_counter(out, "alertmanager_notifications_total",
	    "The total number of attempted notifications.", &list,
	    offsetof(struct sums, notifications));
	put_failed(out, &list);
	put_counter(out, "alertmanager_notification_requests_total",
	    "The total number of attempted notification requests.", &list,
	    offsetof(struct sums, requests));
	put_counter(out, "alertmanager_notification_requests_failed_total",
	    "The total number of failed notification requests.", &list,
	    offsetof(struct sums, requests_failed));
	put_latency(out, &list);
	put_log(notifier, out);
	for (size_t i = 0; i < list.n; i++)
		free(list.p[i].labels);
	free(list.p);
}
