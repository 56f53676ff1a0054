/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /api/v2/alerts and /alerts/groups, streamed.
 *
 * The answer may be 50 MB and the loop must go on meanwhile, so it is made in
 * pieces.  What is listed is fixed at the start: alerts are pinned (nobody
 * frees them until the answer is done), groups are copied as label set,
 * receiver and the range of their alerts.
 */
#include "config.h"

#include <stdlib.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "route/intervals.h"

struct listed_group {
	struct labels *labels;
	const struct receiver_config *receiver; /* of the generation held by the listing, */
	const struct route_config *route;       /* this too */
	size_t first, n;                        /* in alerts */
};

struct listing {
	struct api *api;
	const struct api_state *state;
	struct alert_view view;
	struct config *config;
	wall_t now;
	struct alert **alerts;
	size_t n_alerts;
	struct listed_group *groups;
	size_t n_groups;
	size_t at;
	bool begun, any;
};

/*
 * A walk over alerts meets each object in memory that the cache has never
 * seen, one after another: alert, label set, strings.  Asking for them some
 * alerts ahead makes it several times faster.
 */
enum {
	AHEAD_ALERT = 64,
	AHEAD_LABELS = 32,
	AHEAD_STRINGS = 8
};

static void
prefetch_strings(const struct labels *labels)
{
	for (uint32_t i = 0; i < labels->n; i++)
		__builtin_prefetch(labels->l[i].value);
}

static inline void
prefetch_alert(struct alert *const *alerts, size_t n, size_t i)
{
	if (i + AHEAD_ALERT < n)
		__builtin_prefetch(alerts[i + AHEAD_ALERT]);
	if (i + AHEAD_LABELS < n) {
		const struct labels *labels = alerts[i + AHEAD_LABELS]->labels;
		__builtin_prefetch(labels);
		__builtin_prefetch((const char *)labels + 64);
		__builtin_prefetch((const char *)labels + 128);
	}
}

/* The same when the alert is about to be shown whole. */
static inline void
prefetch_whole(struct alert *const *alerts, size_t n, size_t i)
{
	prefetch_alert(alerts, n, i);
	if (i + AHEAD_LABELS < n) {
		const struct alert *alert = alerts[i + AHEAD_LABELS];
		__builtin_prefetch(&alert->group);
		__builtin_prefetch(alert->annotations);
		__builtin_prefetch(alert->annotations->l);
	}
	if (i + AHEAD_STRINGS < n) {
		const struct alert *alert = alerts[i + AHEAD_STRINGS];
		__builtin_prefetch(alert->group); /* or the block of them */
		__builtin_prefetch(alert->generator_url);
		prefetch_strings(alert->labels);
		prefetch_strings(alert->annotations);
	}
}

struct keyed { /* the fingerprint beside the alert: sorting touches nothing else */
	uint64_t fingerprint;
	struct alert *alert;
};

static int
by_fingerprint(const void *a, const void *b)
{
	uint64_t x = ((const struct keyed *)a)->fingerprint,
		 y = ((const struct keyed *)b)->fingerprint;

	return (x > y) - (x < y);
}

static int
by_notify_order(const void *a, const void *b)
{
	return alert_notify_cmp(*(struct alert *const *)a, *(struct alert *const *)b);
}

static int
by_labels_and_receiver(const void *a, const void *b)
{
	const struct listed_group *x = a, *y = b;
	int order = labels_cmp(x->labels, y->labels);

	return order != 0 ? order
			  : str_cmp(str_from(x->receiver->name), str_from(y->receiver->name));
}

static struct listing *
listing_new(struct api *api, struct http_call *call)
{
	const struct api_state *state = api->state;
	struct listing *l;

	if (!limit_gets(api, call))
		return NULL;
	l = xcalloc(1, sizeof(*l));
	l->api = api;
	l->state = state;
	l->now = loop_now(state->loop);
	if (!alert_view_read(call, &l->view)) {
		free(l);
		return NULL;
	}
	l->config = config_ref(state->config);
	api->gets++;
	return l;
}

static void
listing_fini(void *arg)
{
	struct listing *l = arg;

	l->api->gets--;
	for (size_t i = 0; i < l->n_alerts; i++) {
		prefetch_alert(l->alerts, l->n_alerts, i);
		l->alerts[i]->pins--;
		alerts_release(l->state->alerts, l->alerts[i], loop_now(l->state->loop));
	}
	for (size_t i = 0; i < l->n_groups; i++)
		labels_unref(l->groups[i].labels);
	filters_fini(&l->view.filters);
	config_unref(l->config);
	free(l->alerts);
	free(l->groups);
	free(l);
}

static bool
fill_alerts(void *arg, struct buf *out, size_t want)
{
	struct listing *l = arg;
	size_t begin = out->n;

	if (!l->begun)
		buf_putc(out, '[');
	l->begun = true;
	while (l->at < l->n_alerts && out->n - begin < want) {
		size_t before = out->n;
		prefetch_whole(l->alerts, l->n_alerts, l->at);
		if (l->any)
			buf_putc(out, ',');
		if (alert_view_put(&l->view, l->state, l->alerts[l->at++], NULL, l->now, out)) {
			l->any = true;
		} else {
			out->n = before;
		}
	}
	if (l->at < l->n_alerts)
		return true;
	buf_puts(out, "]\n");
	return false;
}

/* Keeps those of the n alerts that are wanted, in order, pinned. */
static void
list_alerts(struct listing *l, size_t n)
{
	struct keyed *keyed = xcalloc(n + 1, sizeof(*keyed));

	for (size_t i = 0; i < n; i++) {
		struct alert *alert = l->alerts[i];
		prefetch_alert(l->alerts, n, i);
		if (alert->ends_at.ns < l->now.ns ||
		    !filters_match(&l->view.filters, alert->labels))
			continue;
		alert->pins++;
		keyed[l->n_alerts++] = (struct keyed){ alert->labels->fingerprint, alert };
	}
	qsort(keyed, l->n_alerts, sizeof(*keyed), by_fingerprint);
	for (size_t i = 0; i < l->n_alerts; i++)
		l->alerts[i] = keyed[i].alert;
	free(keyed);
}

void
api_alerts_get(struct api *api, struct http_call *call, struct str id)
{
	struct listing *l = listing_new(api, call);
	struct alert *alert;
	size_t n = 0;

	(void)id;
	if (l == NULL)
		return;
	l->alerts = xcalloc(alerts_count(api->state->alerts) + 1, sizeof(struct alert *));
	for (size_t it = 0; (alert = alerts_next(api->state->alerts, &it)) != NULL;)
		l->alerts[n++] = alert;
	list_alerts(l, n);
	http_reply_stream(call, 200, "application/json", fill_alerts, listing_fini, l);
}

/* --- groups --------------------------------------------------------------- */

static void
put_group_head(const struct listed_group *group, bool first, struct buf *out)
{
	(void)group;
	buf_puts(out, first ? "{\"alerts\":[" : ",{\"alerts\":[");
}

/* As they are configured: what they expand to depends on the message. */
static void
put_route_labels(const struct route_config *route, struct buf *out)
{
	for (uint32_t i = 0; i < route->labels.n; i++) {
		buf_puts(out, i == 0 ? ",\"routeLabels\":{" : ",");
		json_put_str_html(out, str_from(route->labels.pairs[i].key));
		buf_putc(out, ':');
		json_put_str_html(out, template_text(route->labels.pairs[i].template));
	}
	if (route->labels.n > 0)
		buf_putc(out, '}');
}

static void
put_group_tail(const struct listed_group *group, struct buf *out)
{
	buf_puts(out, "],\"labels\":");
	labels_put_json(group->labels, out);
	buf_puts(out, ",\"receiver\":{\"name\":");
	json_put_str_html(out, str_from(group->receiver->name));
	buf_putc(out, '}');
	put_route_labels(group->route, out);
	buf_putc(out, '}');
}

/* A group whole; nothing when no alert of it is wanted. */
static void
put_group(struct listing *l, const struct listed_group *group, struct buf *out)
{
	size_t before = out->n;
	bool any = false;

	put_group_head(group, !l->any, out);
	for (size_t i = 0; i < group->n; i++) {
		size_t here = out->n;
		prefetch_whole(l->alerts, l->n_alerts, group->first + i);
		if (any)
			buf_putc(out, ',');
		if (alert_view_put(
			&l->view, l->state, l->alerts[group->first + i], group->route, l->now, out))
			any = true;
		else
			out->n = here;
	}
	if (!any) {
		out->n = before;
		return;
	}
	put_group_tail(group, out);
	l->any = true;
}

static bool
fill_groups(void *arg, struct buf *out, size_t want)
{
	struct listing *l = arg;
	size_t begin = out->n;

	if (!l->begun)
		buf_putc(out, '[');
	l->begun = true;
	while (l->at < l->n_groups && out->n - begin < want)
		put_group(l, &l->groups[l->at++], out);
	if (l->at < l->n_groups)
		return true;
	buf_puts(out, "]\n");
	return false;
}

static void
list_group(struct listing *l, struct alert_group *group, size_t *cap)
{
	struct listed_group *listed = &l->groups[l->n_groups++];

	*listed = (struct listed_group){
		.labels = labels_ref(group->labels),
		.receiver = group->route->receiver,
		.route = group->route,
		.first = l->n_alerts,
		.n = group->n_alerts,
	};
	l->alerts = xgrow(l->alerts, cap, l->n_alerts + group->n_alerts, sizeof(struct alert *));
	for (uint32_t i = 0; i < group->n_alerts; i++) {
		group->alerts[i]->pins++;
		l->alerts[l->n_alerts++] = group->alerts[i];
	}
	if (listed->n > 1)
		qsort(
		    &l->alerts[listed->first], listed->n, sizeof(struct alert *), by_notify_order);
}

/* receiver= selects groups here, not alerts. */
static bool
group_wanted(const struct listing *l, const struct alert_group *group)
{
	if (!l->view.muted && route_voice(group->route, l->now) != ROUTE_SPEAKS)
		return false;
	return filters_want_receiver(&l->view.filters, group->route->receiver);
}

void
api_groups_get(struct api *api, struct http_call *call, struct str id)
{
	struct listing *l = listing_new(api, call);
	struct alert_group *group;
	size_t cap = 0;

	(void)id;
	if (l == NULL)
		return;
	l->groups = xcalloc(groups_count(api->state->groups) + 1, sizeof(*l->groups));
	for (size_t it = 0; (group = groups_next(api->state->groups, &it)) != NULL;)
		if (group_wanted(l, group))
			list_group(l, group, &cap);
	qsort(l->groups, l->n_groups, sizeof(*l->groups), by_labels_and_receiver);
	http_reply_stream(call, 200, "application/json", fill_groups, listing_fini, l);
}
