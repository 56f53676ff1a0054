/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a group's flush to a message that has arrived.
 *
 * flush:   drop inhibited and silenced alerts, or all of them at a time when
 *          the route is mute; for each integration of the receiver apply the five-rule dedup against
 *          its notification log entry; where something is to be said, write
 *          an intent (a delivery row) in the same transaction as the group's
 *          timer.
 * send:    after the commit, never before; one delivery of a group and
 *          integration at a time.  An intent that is still waiting when the
 *          next flush has something newer to say is replaced by it.
 * outcome: delivered: the log entry and the row in one transaction; retry:
 *          due_at with backoff and jitter, or Retry-After, kept over
 *          restarts; rejected: a dead letter, and the next flush tries anew.
 *
 * At least once: after kill -9 a delivery that was being sent is sent again
 * with the same delivery id.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/rng.h"
#include "config/config.h"
#include "net/xfer.h"
#include "oncall/incidents.h"
#include "route/alerts.h"
#include "route/groups.h"
#include "route/inhibit.h"
#include "route/silences.h"
#include "store/store.h"

struct notifier;
struct receiver_ops; /* receiver/receiver.h */

struct notifier_options {
	struct loop *loop;
	struct xfer *xfer;
	struct store *store;
	struct alerts *alerts;
	struct silences *silences;
	struct incidents *incidents; /* NULL: none are kept, nobody escalates */
	const char *external_url;
	struct str link_key;       /* receiver/ack_link.h; empty: no links; its bytes may be filled until it starts */
	uint64_t seed;             /* of the jitter */
	bool receiver_names;       /* in the metrics of Alertmanager's names, too */
	/* Which code serves a type; NULL: receiver_ops_of(). Tests bring their own. */
	const struct receiver_ops *(*ops_of)(const struct integration_kind *kind);
};

struct notifier *notifier_new(const struct notifier_options *options);
void notifier_free(struct notifier *notifier); /* cancels what is being sent; its rows stay pending */
/* A new generation: deliveries whose receiver or integration is gone are cancelled (history says so), others use the new settings. */
void notifier_apply(struct notifier *notifier, struct config *config, struct inhibitor *inhibitor);
/* Startup, before groups_start(): after alerts, silences and groups have been restored. */
void notifier_restore_meta(struct notifier *notifier, struct str key, struct str value); /* passes over what is not its own */
void notifier_restore_nflog(struct notifier *notifier, const struct nflog_row *row);
void notifier_restore_delivery(struct notifier *notifier, const struct delivery_row *row);
void notifier_start(struct notifier *notifier, wall_t now);
/* Hooks for groups_new(); arg is the notifier. */
void notifier_flush(void *arg, struct alert_group *group, wall_t now);
void notifier_group_gone(void *arg, struct alert_group *group);
/* Where everybody notes why somebody was told or not: notify/decision.h. Owned by the notifier. */
struct decisions;
struct flaps;
struct flaps *notifier_flaps(const struct notifier *notifier); /* notify/flap.h */
struct decisions *notifier_decisions(const struct notifier *notifier);
/* Shutdown: starts nothing new; idle when nothing is being sent. */
void notifier_stop(struct notifier *notifier);
bool notifier_idle(const struct notifier *notifier);
/* Called (once) when a delivery reached its receiver; for quickstart and tests. May be NULL. */
void notifier_on_delivered(struct notifier *notifier, void (*fn)(void *arg), void *arg);

/* Pure: the five rules. Arrays of fingerprints, ascending. */
enum notify_reason {
	NOTIFY_NOTHING, NOTIFY_FIRST, NOTIFY_NEW_ALERTS, NOTIFY_ALL_RESOLVED, NOTIFY_SOME_RESOLVED, NOTIFY_REPEAT,
	/* ours, where the five rules find nothing to say: see held_decide() */
	NOTIFY_UNSUPPRESSED, NOTIFY_HELD_RESOLVED,
	/* on call */
	NOTIFY_ESCALATED, NOTIFY_ACKNOWLEDGED,
	/* ours: the receiver of the group does not answer; messages about other messages (notice.c) */
	NOTIFY_FALLBACK, NOTIFY_SUMMARY, NOTIFY_FLAPPING, NOTIFY_REPLAY,
	NOTIFY_REASON_COUNT
};
struct fingerprints {
	const uint64_t *fp;
	uint32_t n;
};
struct nflog_entry_view {
	bool present;
	struct fingerprints firing, resolved;
	wall_t at;
};
enum notify_reason dedup_decide(const struct nflog_entry_view *entry, struct fingerprints firing, struct fingerprints resolved,
    bool send_resolved, dur_t repeat_interval, wall_t tick);
/*
 * Pure: what the keys `notify_on_unsilence` and `deliver_held_resolves` add.
 * held: told firing, suppressed at a later flush, not told since.
 */
struct held_options {
	bool notify_on_unsilence, deliver_held_resolves;
};
enum notify_reason held_decide(struct fingerprints held, struct fingerprints firing, struct fingerprints resolved,
    bool send_resolved, struct held_options options);
const char *notify_reason_text(enum notify_reason reason); /* "first notification", "new alerts added", "all alerts resolved", "some alerts resolved", "repeat interval elapsed" */
/* Pure: when to try again. attempt counts from 1; 0.5 s x 1.5^n, +-50 % jitter, cap 60 s; Retry-After wins when longer. */
dur_t retry_delay(uint32_t attempt, const dur_t *retry_after, struct rng *rng);

/*
 * A dead letter once more: a new delivery with the same alerts as they are now; the row must be in the store as dead.
 * 0 and the new delivery's id; it is durable when everything written so far is.
 * -ERR_NOT_FOUND: nothing is left to tell, or nobody to tell it to; -ERR_BUSY: a newer one is under way.
 */
int notifier_replay(struct notifier *notifier, const struct delivery_row *row, int64_t *ret_id, struct err *err);

/* --- looking ------------------------------------------------------------ */
struct notifier_stats {
	uint32_t pending, sending, dead;   /* deliveries now; dead: since start */
	uint64_t notifications_total, failed_total, requests_total, requests_failed_total;
};
struct notifier_stats notifier_stats(const struct notifier *notifier);
/* Writes metrics per receiver and integration: tocsin_deliveries_total{receiver,integration,outcome}, and Alertmanager's names. */
void notifier_put_metrics(const struct notifier *notifier, struct buf *out);
