/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable state in SQLite, owned by one thread.
 *
 * The loop thread writes by calling store_*_put/delete/add: they append to
 * the batch of the current turn.  At the turn's end the batch goes to the
 * store thread and becomes one transaction (batches that pile up while the
 * thread is busy are merged, order kept).  Whoever must wait until its change
 * is durable registers a waiter in the same turn: it runs on the loop thread
 * after the commit.
 *
 * If a commit fails (disk full), the batch is kept and tried again every
 * second; waiters run with ok = false only when the store is closed first.
 * store_is_stalled() tells API handlers to answer 503 meanwhile.
 *
 * Rows are plain values; ids are handed out by the caller (store_next_id).
 * On a virtual loop there is no thread: the commit happens in the turn-end
 * hook and waiters run in the next turn, at the same time.
 *
 * Memory is the truth while the program runs; the store is read at start
 * (store_load) and for history and delivery listings.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/list.h"
#include "base/str.h"

struct incident_row; /* store/store_incident.h, as is the next */
struct override_row;
struct loop;
struct store;

struct store_options {
	const char *dir;      /* created if missing; the file is DIR/tocsin.db */
	dur_t retention;      /* history, finished deliveries, expired silences; 0: 120 h */
	dur_t audit_retention; /* 0: 90 days; never shorter than retention */
	bool fail_commits;    /* tests: commits fail until store_set_failing(false) */
};

/* Opens, locks (one process per directory, a clear error names the other pid), migrates. */
struct store *store_open(const struct store_options *options, struct loop *loop, struct err *err);
/* Commits what is left, joins the thread, checkpoints. */
void store_close(struct store *store);
/* Ids are unique for ever within one database, increasing, never 0. */
int64_t store_next_id(struct store *store);

/* --- waiting for durability -------------------------------------------- */
struct store_waiter {
	struct link link;
	void (*fn)(void *arg, bool ok);
	void *arg;
};
/* fn runs once everything written so far, this turn included, is committed; never inside this call. */
void store_wait(struct store *store, struct store_waiter *waiter);
void store_wait_cancel(struct store_waiter *waiter);
bool store_is_stalled(const struct store *store); /* the last commit failed, or over 64 MiB wait */
void store_check(struct store *store); /* is the file still there? now and then */
/* Why what is written now may be lost or late, for people; NULL: all is well. */
const char *store_trouble(const struct store *store);
void store_set_failing(struct store *store, bool failing); /* tests */
/* Tests, on a virtual loop: as after kill -9 nothing reaches the file any more, though commits seem to succeed. */
void store_abandon(struct store *store);

/* --- alerts as routed (route/alerts) ----------------------------------- */
struct alert_row {
	int64_t id;
	struct str labels;      /* canonical encodings */
	struct str annotations;
	struct str generator_url;
	wall_t starts_at, ends_at, updated_at;
	uint32_t flags;         /* route/alerts.h */
};
void store_alert_put(struct store *store, const struct alert_row *row);
/* Only times and flags of a known row. */
void store_alert_times(struct store *store, int64_t id, wall_t starts_at, wall_t ends_at, wall_t updated_at, uint32_t flags);
void store_alert_delete(struct store *store, int64_t id);

/* --- rules and the alerts they hold pending or firing ------------------ */
void store_rule_put(struct store *store, int64_t id, struct str identity, struct str name);
void store_rule_delete(struct store *store, int64_t id); /* with its alerts and its past */
struct rule_alert_row {
	int64_t id, rule_id;
	struct str labels;
	uint32_t state;         /* enum alert_state */
	wall_t active_at, fired_at, resolved_at, keep_firing_since;
	double value;
	uint64_t points;        /* of for_points: bit 0 is the last outcome, 1 a breach */
	uint32_t points_n;
	wall_t points_at;       /* the last datum's time */
};
void store_rule_alert_put(struct store *store, const struct rule_alert_row *row);
void store_rule_alert_delete(struct store *store, int64_t id);

/* --- groups, notification log, deliveries ------------------------------ */
struct group_row {
	int64_t id;
	struct str route_id, labels;
	wall_t next_flush_at;
	bool flushed; /* at least once: the timer is group_interval's */
};
void store_group_put(struct store *store, const struct group_row *row);
void store_group_timer(struct store *store, int64_t id, wall_t next_flush_at, bool flushed);
void store_group_delete(struct store *store, int64_t id);

struct nflog_row { /* what a receiver integration was last told about a group */
	int64_t id;
	struct str group_key, integration; /* integration: "RECEIVER/webhook[0]" */
	struct str firing, resolved;       /* u64le fingerprints, ascending */
	wall_t at, expires_at;
	struct str thread;                 /* receiver's own data: first Message-ID ... */
	struct str held;                   /* fingerprints: told firing, then suppressed, not told since */
};
void store_nflog_put(struct store *store, const struct nflog_row *row);
void store_nflog_delete(struct store *store, int64_t id);

enum delivery_state { DELIVERY_PENDING, DELIVERY_SENDING, DELIVERY_DELIVERED, DELIVERY_DEAD, DELIVERY_CANCELLED, DELIVERY_STATE_COUNT };
struct delivery_row {
	int64_t id;
	struct str group_key, receiver, integration; /* integration: "webhook[0]" */
	struct str group_labels, route_id;
	struct str reason;      /* "first notification", ... */
	struct str alerts;      /* notify's encoding: which alerts, firing or resolved */
	enum delivery_state state;
	uint32_t attempts, n_firing, n_resolved;
	wall_t created_at, due_at, finished_at;
	struct str error;       /* of the last attempt */
	bool maybe_sent;        /* an attempt may have reached the receiver */
	wall_t tick_at;         /* the flush this belongs to */
	uint32_t kind;          /* notify's: a group's news, an escalation, an acknowledgement */
	int64_t incident;       /* 0: of none */
	struct str place;       /* of an escalation: "GENERATION.LOOP.STEP" */
};
void store_delivery_put(struct store *store, const struct delivery_row *row);
/* state, attempts, due_at, finished_at, error, maybe_sent of a known row. */
void store_delivery_update(struct store *store, const struct delivery_row *row);

/* --- silences ----------------------------------------------------------- */
struct silence_row {
	struct str id;          /* UUID */
	struct str matchers;    /* route's encoding */
	wall_t starts_at, ends_at, updated_at;
	struct str created_by, comment;
	bool until_resolved;    /* ends when what it silences is over */
	wall_t matched_at;      /* when it last silenced a firing alert; WALL_NONE: never yet, WALL_MAX: it does */
	struct str annotations; /* a JSON object; empty: none */
};
void store_silence_put(struct store *store, const struct silence_row *row);
void store_silence_delete(struct store *store, struct str id);

/* --- history: append only ---------------------------------------------- */
struct history_row {
	int64_t id;             /* set by the store when 0 */
	wall_t at;
	struct str kind;        /* pending firing resolved notified retry dead silenced reload ... */
	struct str labels;      /* canonical encoding, or empty */
	uint64_t fingerprint;
	double value;
	struct str subject;     /* rule, receiver or silence id */
	struct str detail;
};
/* Detail of "firing" and "resolved" of what a sender posted; the subject is its alertname. */
#define HISTORY_POSTED "posted"
void store_history_add(struct store *store, const struct history_row *row);

/* Small facts by name: last time alive, format of others. Keys "store." are the store's own. */
void store_meta_put(struct store *store, const char *key, struct str value);

/* --- reading back at start: synchronous, before the first turn ---------- */
struct past_series_row;
struct past_chunk_row;
struct store_sink {
	void *arg;
	void (*meta)(void *arg, struct str key, struct str value);
	void (*alert)(void *arg, const struct alert_row *row);
	void (*rule)(void *arg, int64_t id, struct str identity, struct str name);
	void (*rule_alert)(void *arg, const struct rule_alert_row *row);
	void (*group)(void *arg, const struct group_row *row);
	void (*nflog)(void *arg, const struct nflog_row *row);
	void (*delivery)(void *arg, const struct delivery_row *row); /* pending and sending ones only */
	void (*silence)(void *arg, const struct silence_row *row);
	void (*policy)(void *arg, struct str digest, struct str body);
	void (*incident)(void *arg, const struct incident_row *row);
	void (*override)(void *arg, const struct override_row *row);
	void (*receipt)(void *arg, struct str key, wall_t expires_at); /* store/store_incident.h */
	void (*past_series)(void *arg, const struct past_series_row *row); /* store/store_past.h */
	void (*past_chunk)(void *arg, const struct past_chunk_row *row);   /* by series, then number */
};
/* Rows in order of id; NULL members are passed over. Called in the order of the members. */
int store_load(struct store *store, const struct store_sink *sink, struct err *err);

/* --- listings, read on the store's own read-only connection ------------- */
struct history_query {
	wall_t since, until;    /* since <= at < until; WALL_NONE: open */
	struct str kind;        /* empty: any */
	uint64_t fingerprint;   /* 0: any */
	uint32_t limit;         /* 1..1000 */
	int64_t before_id;      /* 0: from the newest; else the last id of the page before */
};
struct delivery_query {
	int state;              /* -1: any */
	struct str receiver;    /* empty: any */
	uint32_t limit;
	int64_t before_id;
};
/*
 * rows: newest first (history by time, then id; deliveries by id), valid during the call.  err is NULL on success,
 * else BUSY (too many listings at once), LIMIT (looked at too many rows), CANCELLED (closing) or STORE.  Runs on the
 * loop thread, exactly once, never inside the call.  A page may hold fewer rows than asked for when they are large.
 */
typedef void store_history_fn(void *arg, const struct history_row *rows, uint32_t n, const struct err *err);
typedef void store_delivery_fn(void *arg, const struct delivery_row *rows, uint32_t n, const struct err *err);
void store_history_query(struct store *store, const struct history_query *query, store_history_fn *fn, void *arg);
void store_delivery_query(struct store *store, const struct delivery_query *query, store_delivery_fn *fn, void *arg);

/* Deletes what is older than the retention, in small batches; call now and then. */
void store_prune(struct store *store, wall_t now);

struct store_stats {
	uint64_t commits, commit_failures, rows;
	dur_t commit_last, commit_max;
	uint32_t queue_bytes;
	int64_t db_bytes, wal_bytes;
};
struct store_stats store_stats(const struct store *store);
