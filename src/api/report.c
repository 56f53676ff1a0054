/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The noise report: page after page of decisions, then of history, into sums.
 * Each page is a turn of its own; the rules of now stand beside them.
 */
#include "config.h"

#include <stdlib.h>

#include "api/handlers.h"
#include "base/xalloc.h"
#include "health/noise.h"
#include "notify/decision.h"

#define PAGE_ROWS     1000
#define PAGES_MAX     5000
#define SINCE_DEFAULT DUR_S(30 * 86400)

struct report {
	struct pending pending;
	struct store *store;
	struct noise *noise;
	wall_t since, now;
	uint32_t pages;
};

static void
report_end(struct report *report, const struct err *err)
{
	struct http_call *call = report->pending.call;
	struct buf body = { 0 };

	if (call != NULL && err != NULL) {
		reply_code(call, 500, 500, "%s", err->text);
	} else if (call != NULL) {
		noise_put_json(report->noise, report->since, report->now, &body);
		reply_json(call, 200, &body);
	}
	buf_fini(&body);
	pending_end(&report->pending);
	noise_free(report->noise);
	free(report);
}

static void on_events(void *arg, const struct history_row *rows, uint32_t n, const struct err *err);

static void
ask_events(struct report *report, int64_t before_id)
{
	store_history_query(report->store,
	    &(struct history_query){
		.since = report->since,
		.kind = STR(""),
		.limit = PAGE_ROWS,
		.before_id = before_id,
	    },
	    on_events, report);
}

static bool
goes_on(struct report *report, uint32_t n)
{
	return n > 0 && report->pending.call != NULL && ++report->pages < PAGES_MAX;
}

static void
on_events(void *arg, const struct history_row *rows, uint32_t n, const struct err *err)
{
	struct report *report = arg;

	for (uint32_t i = 0; err == NULL && i < n; i++)
		noise_event(report->noise, &rows[i], report->now);
	if (err == NULL && goes_on(report, n))
		ask_events(report, rows[n - 1].id);
	else
		report_end(report, err);
}

static void
take_decision(struct report *report, const struct decision_row *row)
{
	switch ((enum decision_verdict)row->verdict) {
	case DECISION_SENT:
		noise_told(report->noise, row);
		break;
	case DECISION_ACKNOWLEDGED:
	case DECISION_SNOOZED:
		noise_acked(report->noise, row, report->now);
		break;
	case DECISION_SILENCED:
	case DECISION_INHIBITED:
	case DECISION_MUTED:
	case DECISION_INACTIVE:
		noise_muted(report->noise, row, report->now);
		break;
	case DECISION_NOTHING_NEW:
	case DECISION_HELD:
	case DECISION_RATE_LIMITED:
	case DECISION_NOBODY:
	case DECISION_FAILED:
	case DECISION_BROKEN:
	case DECISION_FLAPPING:
	case DECISION_NOT_ASKED:
	case DECISION_SKIPPED:
	case DECISION_COUNT:
		break;
	}
}

static void
on_decisions(void *arg, const struct decision_seen *rows, uint32_t n, const struct err *err)
{
	struct report *report = arg;

	for (uint32_t i = 0; err == NULL && i < n; i++)
		take_decision(report, &rows[i].row);
	if (err != NULL)
		report_end(report, err);
	else if (goes_on(report, n))
		store_decision_query(report->store,
		    &(struct decision_query){
			.since = report->since,
			.group_key = STR(""),
			.limit = PAGE_ROWS,
			.before_id = rows[n - 1].row.id,
		    },
		    on_decisions, report);
	else
		ask_events(report, 0);
}

static bool
has_runbook(const struct rule_config *rule)
{
	for (uint32_t i = 0; i < rule->annotations.n; i++) {
		if (str_is(str_from(rule->annotations.pairs[i].key), "runbook_url"))
			return true;
	}
	return false;
}

static void
put_rules(struct report *report, const struct config *config)
{
	for (uint32_t g = 0; g < config->n_groups; g++) {
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++) {
			const struct rule_config *rule = &config->groups[g].rules[r];

			if (!rule->recording)
				noise_rule(
				    report->noise, str_from(rule->name), has_runbook(rule));
		}
	}
}

void
api_noise_get(struct api *api, struct http_call *call, struct str id)
{
	const struct api_state *state = api->state;
	struct report *report;
	wall_t since;

	(void)id;
	if (!param_instant(call, "since", &since))
		return;
	report = xcalloc(1, sizeof(*report));
	pending_begin(api, &report->pending, call);
	report->store = state->store;
	report->now = loop_now(state->loop);
	report->since = wall_is_set(since) ? since : wall_sub(report->now, SINCE_DEFAULT);
	report->noise = noise_new();
	put_rules(report, state->config);
	store_decision_query(state->store,
	    &(struct decision_query){
		.since = report->since,
		.group_key = STR(""),
		.limit = PAGE_ROWS,
	    },
	    on_decisions, report);
}
