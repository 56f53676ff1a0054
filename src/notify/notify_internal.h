/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share.  Nobody outside includes it, except the
 * room's own tests.
 *
 * target    one receiver integration, "ops/webhook[0]": settings, lane, counts.
 *           Made when first named, kept until the end.
 * channel   one group told through one target: the log entry (what it was
 *           last told) and at most one delivery that is not finished.
 *           Outlives the group while its log entry says something.
 * delivery  an intent and its row, until it ends: delivered, dead, cancelled.
 * outgoing  a delivery while it is on the wire, with all that its bytes point to.
 */
#pragma once

#include "base/histogram.h"
#include "base/map.h"
#include "loop/loop.h"
#include "notify/decision.h"
#include "notify/flap.h"
#include "notify/gate.h"
#include "notify/notify.h"
#include "notify/silence_watch.h"
#include "receiver/receiver.h"

#define TARGET_IN_FLIGHT_MAX 16u
#define NFLOG_RETENTION DUR_S(120 * 3600)
#define LATENCY_BUCKETS 5

enum target_outcome { OUTCOME_DELIVERED, OUTCOME_RETRY, OUTCOME_DEAD, OUTCOME_CANCELLED, OUTCOME_COUNT };

/* Why a notification failed, in Alertmanager's words. */
enum failed_reason {
	FAILED_OTHER,
	FAILED_CLIENT,      /* the receiver found fault with the request */
	FAILED_AUTH,
	FAILED_RATE_LIMIT,
	FAILED_SERVER,
	FAILED_CANCELED,    /* given up: the group has other news, or none */
	FAILED_DEADLINE,    /* no answer in time */
	FAILED_COUNT
};

struct target {
	struct notifier *notifier;
	char *name;              /* "RECEIVER/webhook[0]" */
	uint64_t hash;           /* of the name */
	char *receiver;
	const char *integration; /* "webhook[0]", in name */
	struct link ready;       /* deliveries that may be sent now */
	struct link busy;        /* in notifier->busy while ready is not empty */
	struct xfer_lane lane;
	uint32_t in_flight;
	/* of the current configuration; NULL: not in it */
	const struct receiver_config *of;
	const struct integration_config *config;
	const struct receiver_ops *ops;
	struct gate gate;
	struct histogram arrival; /* from the decision to the arrival, seconds */
	bool falls; /* its fallback is to be told of what waits */
	/* counts */
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t notifications, requests, requests_failed;
	uint64_t failed[FAILED_COUNT]; /* by the last attempt's failure */
	uint64_t latency[LATENCY_BUCKETS + 1];
	double latency_sum;
};

/* Owned arrays of fingerprints, ascending. */
struct fingerprint_set {
	uint64_t *fp;
	uint32_t n;
};

struct log_entry {
	int64_t id; /* of the row; 0: there is none */
	struct fingerprint_set firing, resolved;
	struct fingerprint_set held; /* told firing, then suppressed, not told since; only for routes that ask */
	wall_t at, expires_at;
	char *thread; /* may be NULL */
};

struct channel {
	struct target *target;
	char *group_key;
	struct alert_group *group; /* NULL: no such group now; of several, the one that was flushed last */
	uint32_t holders;          /* groups that have it: routes with the same matchers share it, as Alertmanager's log */
	dur_t repeat_interval;     /* of its route when last flushed; 0: never flushed here */
	struct log_entry entry;
	struct delivery *out;      /* the unfinished one, or NULL */
	int64_t dead_id;           /* the last delivery, if it ended dead */
	bool done;                 /* nothing left to say about the last flush */
	bool recheck;              /* a flush came while `out` was on the wire */
	bool is_extra;             /* not of the route's receiver: an escalation told it */
	bool ack_after;            /* hears how its incident stands once `out` has left */
	bool fallback;             /* of the group's receiver's fallback */
	struct notice *notice;     /* it tells of this, and of no group; or NULL */
	bool noted;                /* the decision log says that there is nothing new */
};

/* One alert of a delivery, as the flush saw it. */
struct item {
	struct alert *alert; /* pinned by the delivery */
	wall_t ends_at;
	bool firing;
};

enum intent_state {
	INTENT_COMMITTING, /* its row is not durable yet */
	INTENT_WAITING,    /* for due_at */
	INTENT_READY,      /* in target->ready */
	INTENT_SENDING,
};

/* What a delivery is for. Stored. */
enum intent_kind { INTENT_NEWS, INTENT_ESCALATION, INTENT_ACKNOWLEDGED };

#define INTENT_PLACE_MAX 40

struct intent_origin {
	enum intent_kind kind;
	int64_t incident;             /* 0: of none */
	char place[INTENT_PLACE_MAX]; /* of an escalation: "GENERATION.LOOP.STEP" */
};

struct outgoing;

struct delivery {
	struct notifier *notifier;
	struct channel *channel;
	struct link link;
	enum intent_state state;
	int64_t id;
	struct labels *group_labels;
	char *route_id;
	struct item *items;
	uint32_t n_items;
	struct fingerprint_set firing, resolved;
	enum notify_reason reason;
	struct intent_origin origin;
	bool held;               /* by quiet hours, until due_at */
	uint32_t attempts;
	uint32_t step; /* not kept over a restart: then all of its requests are sent again */
	char *carried; /* of the step before; NULL: nothing */
	wall_t created_at, due_at, tick_at;
	bool maybe_sent;
	enum failed_reason failed;
	bool aside; /* waits in its target's gate */
	char error[200];
	const char *abandoned; /* why its outcome no longer matters; NULL: it does */
	struct store_waiter waiter;
	struct timer timer;
	struct outgoing *outgoing;
};

struct outgoing {
	struct notifier *notifier;
	struct target *target;
	struct delivery *delivery; /* NULL: nobody waits for the outcome */
	const struct receiver_ops *ops;
	const void *settings;
	struct config *config;     /* the settings' generation */
	struct arena *arena;
	struct xfer_request *request;
	struct notification notification;
	struct labels *group_labels;
	struct labels **held;      /* annotations: those of the alert may be replaced meanwhile */
	struct istr **held_urls;
	uint32_t n_held;
};

/* A group's channels: in the order of its receiver's integrations, then those that escalations have told. */
struct group_state {
	struct link link;
	struct alert_group *group;
	struct incident *incident; /* NULL: there is none */
	uint64_t generation;
	uint32_t n, n_own; /* behind the receiver's own: those of its fallback */
	struct channel *channels[];
};

/* Why an alert is left out of a flush, in the order in which it is asked. */
enum suppression {
	SUPPRESSED_NOT, SUPPRESSED_INHIBITED, SUPPRESSED_INACTIVE, SUPPRESSED_MUTED, SUPPRESSED_SILENCED, SUPPRESSED_FLAPPING,
	SUPPRESSION_COUNT
};

/* One alert that is left out, and by whom. */
struct absence {
	uint64_t fingerprint;
	enum suppression why;
	bool firing;
	const void *by; /* struct silence, struct alert (inhibiting), or NULL */
};

/* What a group has to say at one moment. Memory belongs to the notifier. */
struct view {
	struct item *items;
	uint32_t n_items;
	struct fingerprints firing, resolved;
	struct fingerprints suppressed; /* the group's other alerts */
	struct absence *absences;       /* the same ones, in no order */
	struct held_options options;    /* of the group's route */
	wall_t tick;
};

struct notifier {
	struct notifier_options options;
	struct config *config;
	struct inhibitor *inhibitor;
	struct silence_watch *silence_watch;
	struct decisions *decisions;
	struct flaps *flaps;
	struct alerts *notices; /* what our own messages are about */
	struct timer fallback;  /* goes on looking at channels */
	struct target *falling; /* whose channels they are */
	size_t fallback_at;
	uint64_t generation;
	struct map targets;  /* by name */
	struct map channels; /* by group key and target */
	struct link states;
	struct link busy;    /* targets with something to send, in order of arrival */
	struct rng rng;
	bool stopping, closing;
	uint32_t in_flight;  /* messages on the wire */
	uint32_t pending;    /* deliveries that are not finished */
	uint32_t dead;
	uint64_t suppressed[SUPPRESSION_COUNT]; /* alerts dropped from a flush */
	struct histogram nflog_queries, silence_queries; /* seconds each */
	uint64_t nflog_gcs;
	double nflog_gc_seconds;
	size_t sweep_at;
	int64_t noted_second; /* posted.c: so many in this one */
	uint32_t noted;
	struct timer pump;
	mono_t turn, turn_sends;
	void (*on_delivered)(void *arg);
	void *on_delivered_arg;
	/* the view's memory */
	struct item *items;
	uint64_t *firing, *resolved, *absent;
	struct absence *absences;
	size_t cap_items, cap_firing, cap_resolved, cap_absent, cap_absences;
	struct buf scratch, scratch2, scratch3;
};

/* ---- channel.c: targets, channels, the notification log ---------------------- */
struct target *target_get(struct notifier *notifier, struct str name);
void target_free(struct target *target);
struct channel *channel_find(struct notifier *notifier, struct str group_key, struct target *target); /* or NULL */
struct channel *channel_get(struct notifier *notifier, struct str group_key, struct target *target);
void channel_free(struct channel *channel); /* the caller has taken it out of the map */
/* Forgets the channel if neither a group, a delivery nor its log entry needs it. */
void channel_release(struct notifier *notifier, struct channel *channel);
/* Looks at a few channels; frees those whose entry has expired. */
void channels_sweep(struct notifier *notifier, wall_t now);
/* Writes what was told; thread NULL: as it was, "": none. */
void nflog_set(struct notifier *notifier, struct channel *channel, struct fingerprints firing,
    struct fingerprints resolved, wall_t at, const char *thread);
/*
 * A delivery that may have arrived ends without anybody knowing: what it said
 * fires counts as told, but at no time.  So it is told again if it still
 * fires, and told over if it does not.
 */
void nflog_set_unsure(struct notifier *notifier, struct channel *channel, const struct delivery *delivery);
void nflog_set_thread(struct notifier *notifier, struct channel *channel, const char *thread);
/* New sets, the caller's. */
struct fingerprint_set fingerprints_union(struct fingerprints a, struct fingerprints b);
struct fingerprint_set fingerprints_minus(struct fingerprints a, struct fingerprints b);
struct fingerprint_set fingerprints_keep(struct fingerprints set);
struct fingerprints fingerprints_of(const struct fingerprint_set *set);
struct fingerprint_set fingerprints_both(struct fingerprints a, struct fingerprints b);
bool fingerprints_have(struct fingerprints set, uint64_t fp);
bool fingerprints_equal(struct fingerprints a, struct fingerprints b);

/* Replaces what the entry holds (taken); writes the row if that changes it. */
void nflog_set_held(struct notifier *notifier, struct channel *channel, struct fingerprint_set held);

/* ---- view.c: who is suppressed, and what is left ------------------------------- */
struct view view_of(struct notifier *notifier, const struct alert_group *group, wall_t now);

/* ---- notice.c: messages of our own ------------------------------------------------- */
#define NOTICE_KEY "notice:"
struct notice;
/* What it is about: labels and key are the same for the same matter, whatever the summary says. */
struct notice_text {
	const char *key;
	const struct label_view *labels;
	uint32_t n_labels;
	const char *summary;
};
bool notice_is_key(const char *group_key);
/* It fires; again: also if that was told already. */
void notice_tell(struct notifier *notifier, struct target *via, const struct notice_text *text, enum notify_reason reason,
    bool again);
void notice_over(struct notifier *notifier, struct target *via, const struct notice_text *text, enum notify_reason reason);
/* Wherever it was told. */
void notice_over_everywhere(struct notifier *notifier, const struct notice_text *text, enum notify_reason reason);
void notice_push(struct notifier *notifier, struct notice *notice);
struct labels *notice_labels(const struct notice *notice);
bool notice_is_wanted(const struct notice *notice);
void notice_free(struct notice *notice);

extern const struct histogram_bounds arrival_bounds; /* send.c */

/* ---- gate.c ------------------------------------------------------------------------ */
void gate_stop(struct target *target);

/* ---- fallback.c: who is told instead ------------------------------------------------- */
void fallback_begin(struct target *target);
void fallback_end(struct target *target);
void fallback_go_on(void *arg); /* arg: the notifier */
bool fallback_is_on(struct notifier *notifier, const struct receiver_config *receiver);
struct view fallback_view(const struct channel *channel, const struct view *view);
void fallback_view_fini(struct view *part);

/* ---- reasons.c: what the decision log hears of a flush -------------------------- */
/* Who is left out and why, and that there is nobody to tell. Changes the order of absences. */
void reasons_of_view(struct notifier *notifier, const struct alert_group *group, const struct view *view);
/* The channel was told to send its `out`, or decided that it has nothing to say. */
void reasons_sent(struct notifier *notifier, struct channel *channel);
void reasons_nothing(struct notifier *notifier, struct channel *channel, const struct view *view);
void reasons_waits(struct notifier *notifier, const struct delivery *delivery, enum decision_verdict verdict,
    const char *cause, wall_t next_at);
void reasons_not_asked(struct notifier *notifier, struct channel *channel, const struct view *view);

/* ---- held.c: what is told when a suppression is over ----------------------------- */
/* Before the channel decides and after: remembers what was told to it and is suppressed now. */
void held_note(struct notifier *notifier, struct channel *channel, const struct view *view);
/* A message that may have arrived is about to be replaced by the view's. */
void held_note_replaced(struct notifier *notifier, struct channel *channel, const struct view *view);
/* Alerts whose end somebody is still to be told of stay in the group. */
void held_keep(const struct group_state *state, const struct view *view);

/* ---- intent.c: deliveries and their rows --------------------------------------- */
/* The channel's new delivery with the view's contents; replaces the unfinished one. */
void intent_set(struct channel *channel, struct notifier *notifier, const struct view *view, enum notify_reason reason);
/* Ends the unfinished delivery without an outcome; no-op without one or while it is on the wire. */
void intent_cancel(struct notifier *notifier, struct channel *channel, const char *why);
/* The same for another purpose than the group's news. */
void intent_set_as(struct channel *channel, struct notifier *notifier, const struct view *view, enum notify_reason reason,
    const struct intent_origin *origin);
/* Quiet hours have changed: what they hold is looked at again. */
void intent_reconsider(struct delivery *delivery, wall_t now);
/* Writes the end of a delivery and frees it; its channel has none then. */
void intent_end(struct delivery *delivery, enum delivery_state state, const char *error);
void intent_update(struct delivery *delivery, enum delivery_state state, wall_t finished_at); /* the row */
void intent_free(struct delivery *delivery); /* neither row nor pins: shutdown */
void intent_start(struct delivery *delivery, wall_t now); /* of a restored one */
bool intent_is(const struct delivery *delivery, const struct view *view); /* says the same */
void intent_history(const struct delivery *delivery, const char *kind, const char *text);

/* ---- look.c ------------------------------------------------------------------------ */
/* When what it was told and still fires is said again; WALL_NONE: it is not, as things are. */
wall_t channel_repeats_at(const struct channel *channel, const struct group_state *state);

/* ---- posted.c ---------------------------------------------------------------------- */
/* What a flush sees of senders' alerts, if the history does not know it yet. */
void posted_note(struct notifier *notifier, const struct alert_group *group, wall_t now);

/* ---- outgoing.c --------------------------------------------------------------------- */
struct outgoing *outgoing_new(struct delivery *delivery);
void outgoing_free(struct outgoing *outgoing);
/* A request to a receiver, to be rendered into; config outlives it. Nothing leaves by any other. */
struct xfer_request *outgoing_request(const struct config *config);

/* The channels of the group's fallback, now. May free the group. */
void flush_fallback(struct notifier *notifier, struct alert_group *group);

/* ---- send.c ------------------------------------------------------------------------ */
void send_ready(struct delivery *delivery); /* queues it with its target */
void send_soon(struct target *target);      /* it may have become possible to send what is queued */
void send_pump(void *arg);                  /* arg: the notifier */
void send_abandon(struct delivery *delivery); /* shutdown: what is on the wire ends alone */
void notifier_destroy(struct notifier *notifier);

/* ---- escalate.c: what incidents ask for ------------------------------------------ */
const struct incidents_hooks *escalate_hooks(void); /* but their arg */
/* What an incident is to know of a view. */
struct incident_facts escalate_facts(const struct alert_group *group, const struct view *view);
struct str view_severity(const struct view *view);
/* NOTIFY_NOTHING where the state of the incident forbids the reason. */
enum notify_reason escalate_withhold(const struct channel *channel, const struct view *view, enum notify_reason reason);
/* An outcome is here: what was put off for it. */
void escalate_resume(struct notifier *notifier, struct channel *channel);
/* The decision log's conditions of the group: acknowledged, snoozed, held. */
void escalate_note_conditions(struct notifier *notifier, const struct alert_group *group, wall_t now);

/* ---- flush.c ------------------------------------------------------------------------ */
/* After an outcome: decides again if a flush came meanwhile, and lets go of alerts that everybody was told of. */
void flush_resume(struct notifier *notifier, struct channel *channel);
/* The group's state goes, its channels stay as long as they are needed. */
void flush_forget_group(struct notifier *notifier, struct group_state *state);
struct group_state *flush_state(struct notifier *notifier, struct alert_group *group);
/* The group's channel of this target, made an extra one if it is new to the group. May move the state. */
struct channel *flush_add_channel(struct notifier *notifier, struct alert_group *group, struct target *target);
void flush_drop_extra(struct notifier *notifier, struct group_state *state, struct channel *channel, const char *why);
