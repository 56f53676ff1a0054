/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts per receiver integration, under our names and Alertmanager's.
 *
 * Ours tell receivers apart; Alertmanager's are summed per type, as its
 * dashboards expect.
 */
#include "config.h"

#include <assert.h>
#include <string.h>

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
};
static_assert(ARRAY_LEN(suppression_name) == SUPPRESSION_COUNT, "a name for each");

#define KINDS_MAX 64

/* A type's sums. */
struct sums {
	struct str kind;
	uint64_t notifications, failed, requests, requests_failed;
	uint64_t latency[LATENCY_BUCKETS + 1];
	double latency_sum;
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

static struct sums *
sums_of(struct sums *sums, uint32_t *n, struct str kind)
{
	for (uint32_t i = 0; i < *n; i++) {
		if (str_eq(sums[i].kind, kind))
			return &sums[i];
	}
	if (*n == KINDS_MAX)
		return NULL;
	sums[*n] = (struct sums){ .kind = kind };
	return &sums[(*n)++];
}

static uint32_t
sum_kinds(const struct notifier *notifier, struct sums *sums)
{
	const struct target *target;
	uint32_t n = 0;

	for (size_t it = 0; (target = map_next(&notifier->targets, &it)) != NULL;) {
		struct str kind = str_make(target->integration, strcspn(target->integration, "["));
		struct sums *sum = sums_of(sums, &n, kind);

		if (sum == NULL)
			continue;
		sum->notifications += target->notifications;
		sum->failed += target->failed;
		sum->requests += target->requests;
		sum->requests_failed += target->requests_failed;
		sum->latency_sum += target->latency_sum;
		for (int i = 0; i <= LATENCY_BUCKETS; i++)
			sum->latency[i] += target->latency[i];
	}
	return n;
}

static void
put_counter(struct buf *out, const char *name, const char *help, const struct sums *sums,
    uint32_t n, size_t offset)
{
	put_header(out, name, "counter", help);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&sums[i] + offset, sizeof(value));
		buf_printf(out, "%s{integration=\"%.*s\"} %llu\n", name, STR_ARG(sums[i].kind),
		    (unsigned long long)value);
	}
}

static void
put_latency(struct buf *out, const struct sums *sums, uint32_t n)
{
	static const char name[] = "alertmanager_notification_latency_seconds";

	put_header(out, name, "histogram", "The latency of notifications in seconds.");
	for (uint32_t i = 0; i < n; i++) {
		uint64_t count = 0;

		for (int k = 0; k <= LATENCY_BUCKETS; k++) {
			count += sums[i].latency[k];
			buf_printf(out, "%s_bucket{integration=\"%.*s\",le=\"%s\"} %llu\n", name,
			    STR_ARG(sums[i].kind), latency_bound[k], (unsigned long long)count);
		}
		buf_printf(out, "%s_sum{integration=\"%.*s\"} %g\n", name, STR_ARG(sums[i].kind),
		    sums[i].latency_sum);
		buf_printf(out, "%s_count{integration=\"%.*s\"} %llu\n", name,
		    STR_ARG(sums[i].kind), (unsigned long long)count);
	}
}

void
notifier_put_metrics(const struct notifier *notifier, struct buf *out)
{
	struct sums sums[KINDS_MAX];
	uint32_t n = sum_kinds(notifier, sums);

	put_deliveries(notifier, out);
	put_suppressed(notifier, out);
	put_counter(out, "alertmanager_notifications_total",
	    "The total number of attempted notifications.", sums, n,
	    offsetof(struct sums, notifications));
	put_counter(out, "alertmanager_notifications_failed_total",
	    "The total number of failed notifications.", sums, n, offsetof(struct sums, failed));
	put_counter(out, "alertmanager_notification_requests_total",
	    "The total number of attempted notification requests.", sums, n,
	    offsetof(struct sums, requests));
	put_counter(out, "alertmanager_notification_requests_failed_total",
	    "The total number of failed notification requests.", sums, n,
	    offsetof(struct sums, requests_failed));
	put_latency(out, sums, n);
}
