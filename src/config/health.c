/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of receivers about their health, `flap_detection` of routes, and the
 * sections `heartbeats` and `expected_heartbeats`.
 */
#include <config.h>

#include <string.h>

#include "config/internal.h"

/* ---- receivers -------------------------------------------------------------------- */

static const struct schema_field budget_fields[] = {
	{ .name = "n", .kind = FIELD_INT, .flags = FIELD_REQUIRED, .min = 1,
	    .max = BUDGET_MAX, .offset = offsetof(struct budget_config, n),
	    .doc = "So many messages..." },
	{ .name = "interval", .kind = FIELD_DURATION,
	    .flags = FIELD_REQUIRED | FIELD_POSITIVE,
	    .offset = offsetof(struct budget_config, interval),
	    .doc = "...in any stretch of this length." },
};

const struct schema schema_budget = {
	.name = "max_per_interval",
	.doc = "A bound on messages.  Beyond it groups wait, one message sums up "
	       "how many, and each is told when there is room.  A group in which "
	       "something critical fires never waits.",
	.size = sizeof(struct budget_config),
	SCHEMA_FIELDS(budget_fields),
};

static const struct schema_field breaker_fields[] = {
	{ .name = "failures", .kind = FIELD_INT, .fallback = "5", .min = 1,
	    .max = 1000, .offset = offsetof(struct breaker_config, failures),
	    .doc = "Failures in a row after which the receiver counts as down." },
	{ .name = "probe_interval", .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE, .fallback = "1m",
	    .offset = offsetof(struct breaker_config, probe_interval),
	    .doc = "While it is down, one message is tried so often; the others "
		   "wait." },
};

const struct schema schema_breaker = {
	.name = "circuit_breaker",
	.doc = "When to stop asking a server that does not answer.",
	.size = sizeof(struct breaker_config),
	SCHEMA_FIELDS(breaker_fields),
};

static const struct breaker_config breaker_default = { .failures = 5,
	.probe_interval = { INT64_C(60000000000) } };

void
receiver_health_build(struct loader *l, const struct receiver_health_raw *raw,
    struct receiver_config *receiver)
{
	const struct receiver_config *fallback;

	receiver->budget = raw->budget;
	receiver->breaker = raw->breaker;
	receiver->fallback_after = raw->fallback_after;
	if (raw->fallback == NULL) {
		return;
	}
	if (receiver->breaker == NULL) {
		receiver->breaker = &breaker_default;
	}
	fallback = config_receiver(&l->generation->config, raw->fallback);
	if (fallback == receiver) {
		diag_error(l->ctx.diag, receiver->pos,
		    "receiver '%s' cannot be its own fallback_receiver",
		    receiver->name);
	} else if (fallback == NULL) {
		diag_error(l->ctx.diag, receiver->pos,
		    "fallback_receiver of '%s': there is no receiver '%s'",
		    receiver->name, raw->fallback);
	} else if (fallback->n_integrations == 0) {
		diag_error(l->ctx.diag, receiver->pos,
		    "fallback_receiver of '%s': '%s' has no integrations and "
		    "would tell nobody",
		    receiver->name, raw->fallback);
	}
	receiver->fallback = fallback;
}

/* ---- routes ------------------------------------------------------------------------ */

static const struct schema_field flap_fields[] = {
	{ .name = "changes", .kind = FIELD_INT, .fallback = "6", .min = 2,
	    .max = FLAP_CHANGES_MAX,
	    .offset = offsetof(struct flap_config, changes),
	    .doc = "An alert that begins and ends so often (both count)..." },
	{ .name = "within", .kind = FIELD_DURATION, .flags = FIELD_POSITIVE,
	    .fallback = "1h", .offset = offsetof(struct flap_config, within),
	    .doc = "...in this time is flapping." },
	{ .name = "quiet", .kind = FIELD_DURATION, .flags = FIELD_POSITIVE,
	    .fallback = "30m", .offset = offsetof(struct flap_config, quiet),
	    .doc = "It is so no longer after so long without a change." },
};

const struct schema schema_flap = {
	.name = "flap_detection",
	.doc = "An alert that flaps is told of once, and not at each change.  "
	       "Changes are counted where a message would be sent: at the "
	       "group's flush.  Implies deliver_held_resolves.",
	.size = sizeof(struct flap_config),
	SCHEMA_FIELDS(flap_fields),
};

/* ---- heartbeats ---------------------------------------------------------------------- */

static const struct schema_field heartbeat_fields[] = {
	{ .name = "name", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .offset = offsetof(struct heartbeat_config, name),
	    .doc = "Name in metrics and the log; unique." },
	{ .name = "url", .kind = FIELD_URL,
	    .flags = FIELD_REQUIRED | FIELD_HIDDEN,
	    .offset = offsetof(struct heartbeat_config, url),
	    .doc = "What is asked for (GET) while all is well." },
	{ .name = "interval", .kind = FIELD_DURATION, .flags = FIELD_POSITIVE,
	    .fallback = "1m",
	    .offset = offsetof(struct heartbeat_config, interval),
	    .doc = "How often." },
	{ .name = "http_config", .kind = FIELD_SUB, .sub = &schema_http_config,
	    .offset = offsetof(struct heartbeat_config, http),
	    .doc = "How to talk to the server; replaces the global one as a "
		   "whole." },
};

const struct schema schema_heartbeat = {
	.name = "heartbeat",
	.doc = "A sign of life for somebody outside: sent while rules are "
	       "evaluated, state is written and messages arrive.",
	.size = sizeof(struct heartbeat_config),
	SCHEMA_FIELDS(heartbeat_fields),
	.pos_offset = offsetof(struct heartbeat_config, pos) + 1,
};

static const struct schema_field expected_fields[] = {
	{ .name = "name", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .offset = offsetof(struct expected_heartbeat, name),
	    .doc = "Name in /api/tocsin/v1/heartbeats/NAME; unique; the alert's "
		   "label heartbeat." },
	{ .name = "interval", .kind = FIELD_DURATION,
	    .flags = FIELD_REQUIRED | FIELD_POSITIVE,
	    .offset = offsetof(struct expected_heartbeat, interval),
	    .doc = "How often the job checks in." },
	{ .name = "grace", .kind = FIELD_DURATION, .fallback = "1m",
	    .offset = offsetof(struct expected_heartbeat, grace),
	    .doc = "How much later than that it may be." },
	{ .name = "severity", .kind = FIELD_STRING, .fallback = "critical",
	    .offset = offsetof(struct expected_heartbeat, severity),
	    .doc = "The alert's label severity." },
	{ .name = "labels", .kind = FIELD_STRING_MAP,
	    .offset = offsetof(struct expected_heartbeat, labels),
	    .doc = "Labels of the alert; alertname is HeartbeatMissing unless "
		   "given here." },
	{ .name = "annotations", .kind = FIELD_STRING_MAP,
	    .offset = offsetof(struct expected_heartbeat, annotations),
	    .doc = "Annotations of the alert, such as runbook_url." },
};

const struct schema schema_expected_heartbeat = {
	.name = "expected heartbeat",
	.doc = "A job that must check in; when it does not, an alert fires.",
	.size = sizeof(struct expected_heartbeat),
	SCHEMA_FIELDS(expected_fields),
	.pos_offset = offsetof(struct expected_heartbeat, pos) + 1,
};

/* Every item of both lists begins with its name. */
static const char *
name_of(const void *item)
{
	return *(const char *const *)item;
}

static bool
check_names(struct loader *l, const struct sub_list *raws, const char *what)
{
	bool ok = raws->n <= HEARTBEATS_MAX;

	if (!ok) {
		diag_error(l->ctx.diag, raws->pos[0], "more than %d %s", HEARTBEATS_MAX,
		    what);
	}
	for (uint32_t i = 0; i < raws->n && ok; i++) {
		for (uint32_t k = 0; k < i && name_of(raws->items[i]) != NULL; k++) {
			if (name_of(raws->items[k]) != NULL &&
			    strcmp(name_of(raws->items[i]), name_of(raws->items[k])) == 0) {
				diag_error(l->ctx.diag, raws->pos[i],
				    "there are two %s named '%s'", what,
				    name_of(raws->items[i]));
				diag_note(l->ctx.diag, raws->pos[k], "the first is here");
				ok = false;
			}
		}
	}
	return ok;
}

/* One segment of a path. */
static void
check_expected(struct loader *l, const struct expected_heartbeat *beat)
{
	if (beat->name != NULL && strpbrk(beat->name, "/?#% ") != NULL) {
		diag_error(l->ctx.diag, beat->pos,
		    "'%s' is part of a URL and cannot have '/', '?', '#', '%%' or "
		    "spaces",
		    beat->name);
	}
}

void
heartbeats_build(struct loader *l, const struct sub_list *outgoing,
    const struct sub_list *expected)
{
	struct config *config = &l->generation->config;

	config->heartbeats = ARENA_ARRAY(l->ctx.arena, outgoing->n + 1,
	    struct heartbeat_config);
	config->expected = ARENA_ARRAY(l->ctx.arena, expected->n + 1,
	    struct expected_heartbeat);
	if (!check_names(l, outgoing, "heartbeats") ||
	    !check_names(l, expected, "expected heartbeats")) {
		return;
	}
	for (uint32_t i = 0; i < outgoing->n; i++) {
		struct heartbeat_config *beat = outgoing->items[i];

		if (beat->http == NULL) {
			beat->http = config->global.http;
		}
		config->heartbeats[config->n_heartbeats++] = *beat;
	}
	for (uint32_t i = 0; i < expected->n; i++) {
		check_expected(l, expected->items[i]);
		config->expected[config->n_expected++] =
		    *(const struct expected_heartbeat *)expected->items[i];
	}
}
