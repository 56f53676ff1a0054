/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One alert as /api/v2/alerts and /alerts/groups show it.
 *
 * Whether it is silenced or inhibited is worked out now, from the indexes, so
 * that a silence shows in the very next read.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "base/xalloc.h"
#include "route/intervals.h"

#define SILENCES_SHOWN_MAX 64
#define RECEIVERS_FEW      16 /* of one alert, without memory for them */
/* A rule's alert has no end while it fires; clients expect one ahead of now, as Prometheus sends
 * it. */
#define RULE_ALERT_LEAD DUR_S(240)

bool
alert_view_read(struct http_call *call, struct alert_view *ret)
{
	*ret = (struct alert_view){
		.active = param_bool(call, "active", true),
		.silenced = param_bool(call, "silenced", true),
		.inhibited = param_bool(call, "inhibited", true),
		.unprocessed = param_bool(call, "unprocessed", true),
		.muted = param_bool(call, "muted", true),
	};
	return filters_read(call, &ret->filters);
}

static bool
receiver_matches(const struct filters *filters, const struct alert *alert)
{
	if (filters->receiver == NULL && filters->n_receivers == 0)
		return true;
	for (uint32_t i = 0; i < alert->n_groups; i++)
		if (filters_want_receiver(filters, alert_group(alert, i)->route->receiver))
			return true;
	return false;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * One name for each route that took the alert, a receiver of two routes twice,
 * as in Alertmanager: in the order of the routes.  In a list of groups (filters
 * not NULL) sorted, and of the receivers that are asked for.
 */
static void
put_receivers(const struct alert *alert, const struct filters *filters, struct buf *out)
{
	const char *few[RECEIVERS_FEW], **names = few;
	uint32_t n = 0;

	if (alert->n_groups > RECEIVERS_FEW)
		names = xcalloc(alert->n_groups, sizeof(*names));
	for (uint32_t i = 0; i < alert->n_groups; i++) {
		const struct receiver_config *receiver = alert_group(alert, i)->route->receiver;

		if (filters == NULL || filters_want_receiver(filters, receiver))
			names[n++] = receiver->name;
	}
	if (filters != NULL && n > 1)
		qsort(names, n, sizeof(*names), by_name);
	buf_puts(out, "\"receivers\":[");
	for (uint32_t i = 0; i < n; i++) {
		buf_puts(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		json_put_str_html(out, str_from(names[i]));
		buf_putc(out, '}');
	}
	buf_puts(out, "],");
	if (names != few)
		free(names);
}

static void
put_status(const char *state, const struct silence *const *silences, uint32_t n_silences,
    const struct alert *inhibitor, const struct route_config *route, wall_t now, struct buf *out)
{
	const char *name;

	buf_puts(out, "\"status\":{\"inhibitedBy\":[");
	if (inhibitor != NULL)
		put_fingerprint(out, inhibitor->labels->fingerprint);
	buf_puts(out, "],\"mutedBy\":[");
	for (uint32_t i = 0; route != NULL && (name = route_muted_by(route, now, i)) != NULL; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_put_str_html(out, str_from(name));
	}
	buf_puts(out, "],\"silencedBy\":[");
	for (uint32_t i = 0; i < n_silences; i++)
		buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", silences[i]->id);
	buf_puts(out, "],\"state\":\"");
	buf_puts(out, state);
	buf_puts(out, "\"},");
}

static void
put_body(const struct alert *alert, wall_t now, struct buf *out)
{
	wall_t ends =
	    alert->ends_at.ns == WALL_MAX.ns ? wall_add(now, RULE_ALERT_LEAD) : alert->ends_at;

	buf_puts(out, "{\"annotations\":");
	labels_put_json(alert->annotations, out);
	buf_puts(out, ",\"endsAt\":");
	put_time_text(out, ends);
	buf_puts(out, ",\"fingerprint\":");
	put_fingerprint(out, alert->labels->fingerprint);
	buf_putc(out, ',');
}

static void
put_rest(const struct alert *alert, struct buf *out)
{
	buf_puts(out, "\"updatedAt\":");
	put_time_text(out, alert->updated_at);
	if (alert->generator_url != NULL && alert->generator_url->n > 0) {
		buf_puts(out, ",\"generatorURL\":");
		json_put_str_html(out, istr_str(alert->generator_url));
	}
	buf_puts(out, ",\"labels\":");
	labels_put_json(alert->labels, out);
	buf_putc(out, '}');
}

bool
alert_view_put(const struct alert_view *view, const struct api_state *state,
    const struct alert *alert, const struct route_config *route, wall_t now, struct buf *out)
{
	const struct silence *silences[SILENCES_SHOWN_MAX];

	if (alert->ends_at.ns < now.ns || !filters_match(&view->filters, alert->labels) ||
	    (route == NULL && !receiver_matches(&view->filters, alert)))
		return false;
	uint32_t n =
	    silences_muting(state->silences, alert->labels, now, silences, SILENCES_SHOWN_MAX);
	const struct alert *inhibitor = inhibitor_muting(state->inhibitor, alert->labels, now);
	bool suppressed = n > 0 || inhibitor != NULL, unprocessed = alert->n_groups == 0;
	bool muted = route != NULL && route_voice(route, now) != ROUTE_SPEAKS;
	const char *word = suppressed || muted ? "suppressed"
			   : unprocessed       ? "unprocessed"
					       : "active";

	if ((!view->silenced && n > 0) || (!view->inhibited && inhibitor != NULL) ||
	    (!view->active && !suppressed && !unprocessed) ||
	    (!view->unprocessed && !suppressed && unprocessed))
		return false;
	put_body(alert, now, out);
	put_receivers(alert, route != NULL ? &view->filters : NULL, out);
	buf_puts(out, "\"startsAt\":");
	put_time_text(out, alert->starts_at);
	buf_putc(out, ',');
	put_status(word, silences, n < SILENCES_SHOWN_MAX ? n : SILENCES_SHOWN_MAX, inhibitor,
	    muted ? route : NULL, now, out);
	put_rest(alert, out);
	return true;
}
