/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the store back at start: every row goes to the room that owns it.
 *
 * Nothing is sent or evaluated meanwhile.  A row that a room cannot take (a
 * silence whose matcher this version refuses) is logged and left in the store.
 */
#include "config.h"

#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "daemon/core.h"
#include "notify/decision.h"
#include "notify/flap.h"

#define LINK_KEY "oncall.link_key"

static void
restore_alert(void *arg, const struct alert_row *row)
{
	struct core *core = arg;
	struct alert *alert = alerts_restore(core->alerts, row, loop_now(core->loop));

	if (alert == NULL)
		log_error("store", "alert row cannot be read", LOG_INT("id", row->id));
}

static void
restore_rule(void *arg, int64_t id, struct str identity, struct str name)
{
	struct core *core = arg;

	engine_restore_rule(core->engine, id, identity, name);
}

static void
restore_rule_alert(void *arg, const struct rule_alert_row *row)
{
	struct core *core = arg;

	engine_restore_alert(core->engine, row);
}

static void
restore_past_series(void *arg, const struct past_series_row *row)
{
	struct core *core = arg;

	engine_restore_past_series(core->engine, row);
}

static void
restore_past_chunk(void *arg, const struct past_chunk_row *row)
{
	struct core *core = arg;

	engine_restore_past_chunk(core->engine, row);
}

static void
restore_group(void *arg, const struct group_row *row)
{
	struct core *core = arg;

	groups_restore(core->groups, row);
}

static void
restore_nflog(void *arg, const struct nflog_row *row)
{
	struct core *core = arg;

	notifier_restore_nflog(core->notifier, row);
}

static void
restore_delivery(void *arg, const struct delivery_row *row)
{
	struct core *core = arg;

	notifier_restore_delivery(core->notifier, row);
}

static void
restore_silence(void *arg, const struct silence_row *row)
{
	struct core *core = arg;
	struct err err = { 0 };

	if (silences_restore(core->silences, row, &err) < 0)
		log_error("store", "silence row cannot be read", LOG_STR("id", row->id),
		    LOG_Z("err", err.text));
}

static void
restore_policy(void *arg, struct str digest, struct str body)
{
	struct core *core = arg;

	incidents_restore_policy(core->incidents, digest, body);
}

static void
restore_incident(void *arg, const struct incident_row *row)
{
	struct core *core = arg;

	incidents_restore(core->incidents, row);
}

static void
restore_override(void *arg, const struct override_row *row)
{
	struct core *core = arg;

	overrides_restore(core->overrides, row);
}

static void
restore_receipt(void *arg, struct str key, wall_t expires_at)
{
	struct core *core = arg;

	receipts_restore(core->receipts, key, expires_at);
}

static void
restore_heartbeat(void *arg, const struct heartbeat_row *row)
{
	struct core *core = arg;

	checkins_restore(core->checkins, row);
}

static void
restore_flap(void *arg, const struct flap_row *row)
{
	struct core *core = arg;

	flaps_restore(notifier_flaps(core->notifier), row);
}

static void
restore_meta(void *arg, struct str key, struct str value)
{
	struct core *core = arg;

	if (str_is(key, LINK_KEY) && value.n == sizeof(core->link_key)) {
		memcpy(core->link_key, value.p, value.n);
		core->has_link_key = true;
	}
	notifier_restore_meta(core->notifier, key, value);
}

void
core_keep_link_key(struct core *core)
{
	if (core->has_link_key)
		return;
	random_bytes(core->link_key, sizeof(core->link_key));
	store_meta_put(core->store, LINK_KEY, core->state.link_key);
}

int
core_restore(struct core *core, struct err *err)
{
	const struct store_sink sink = {
		.arg = core,
		.meta = restore_meta,
		.alert = restore_alert,
		.rule = restore_rule,
		.rule_alert = restore_rule_alert,
		.past_series = restore_past_series,
		.past_chunk = restore_past_chunk,
		.group = restore_group,
		.nflog = restore_nflog,
		.delivery = restore_delivery,
		.silence = restore_silence,
		.policy = restore_policy,
		.incident = restore_incident,
		.override = restore_override,
		.receipt = restore_receipt,
	};

	const struct health_sink health = {
		.arg = core,
		.heartbeat = restore_heartbeat,
		.flap = restore_flap,
	};

	if (store_load(core->store, &sink, err) < 0 ||
	    store_health_load(core->store, &health, err) < 0)
		return -(int)err->code;
	return store_decision_load(
	    core->store, decisions_restore, notifier_decisions(core->notifier), err);
}
