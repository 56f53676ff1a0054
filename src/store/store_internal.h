/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share.  Nobody outside includes it, except
 * the room's own tests.
 *
 * Two batches take turns: `filling` collects what the loop thread writes,
 * `flying` is with the store thread or waits for its next try.  A batch is
 * a run of encoded operations (store_ops.c) that is executed in order in one
 * transaction.  The writer and the reader are each used by one thread at a
 * time: by their worker while a job is out, by the loop thread otherwise.
 */
#pragma once

#include <sys/types.h>
#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "store/store.h"

enum {
	STORE_STALL_BYTES = 64 << 20,     /* waiting rows that count as stalled */
	STORE_HISTORY_BYTES = 256 << 20,  /* from here on history is dropped */
	STORE_BATCH_KEEP_BYTES = 1 << 20, /* memory an empty batch may keep */
	STORE_RETRY_MS = 1000,
	STORE_ID_BLOCK = 1000000,
	STORE_CHECKPOINT_FRAMES = 4000, /* 16 MiB of write-ahead log */
	STORE_PRUNE_ROWS = 500,         /* deleted by one operation */
	STORE_QUERY_ROWS = 1000,
	STORE_QUERY_BYTES = 8 << 20, /* of one answer; paging gets the rest */
	STORE_QUERY_STEPS = 100000,  /* virtual machine steps between checks */
	STORE_QUERY_CHECKS = 500,    /* checks until a query is too broad */
	STORE_QUERIES_WAITING = 64
};

/* ---- operations (store_ops.c) ------------------------------------------ */

/* One row: name, parameters (i integer, d double, t text, b bytes), SQL. */
struct store_op {
	const char *name;
	const char *params;
	const char *sql;
};

enum store_op_code {
	OP_ALERT_PUT,
	OP_ALERT_TIMES,
	OP_ALERT_DELETE,
	OP_RULE_PUT,
	OP_RULE_DELETE,
	OP_RULE_ALERTS_DELETE,
	OP_RULE_ALERT_PUT,
	OP_RULE_ALERT_DELETE,
	OP_RULE_PAST_DELETE,
	OP_RULE_SERIES_DELETE,
	OP_PAST_SERIES_PUT,
	OP_PAST_SERIES_DELETE,
	OP_PAST_CHUNK_PUT,
	OP_PAST_CHUNKS_DELETE,
	OP_GROUP_PUT,
	OP_GROUP_TIMER,
	OP_GROUP_DELETE,
	OP_NFLOG_PUT,
	OP_NFLOG_DELETE,
	OP_DELIVERY_PUT,
	OP_DELIVERY_UPDATE,
	OP_INCIDENT_PUT,
	OP_INCIDENT_DELETE,
	OP_POLICY_PUT,
	OP_POLICY_DELETE,
	OP_OVERRIDE_PUT,
	OP_OVERRIDE_DELETE,
	OP_RECEIPT_PUT,
	OP_RECEIPT_DELETE,
	OP_SILENCE_PUT,
	OP_SILENCE_DELETE,
	OP_HISTORY_ADD,
	OP_AUDIT_ADD,
	OP_DECISION_PUT,
	OP_DECISION_CLOSE,
	OP_HEARTBEAT_PUT,
	OP_HEARTBEAT_DELETE,
	OP_FLAP_PUT,
	OP_FLAP_DELETE,
	OP_META_PUT,
	OP_PRUNE_HISTORY,
	OP_PRUNE_DELIVERIES,
	OP_PRUNE_SILENCES,
	OP_PRUNE_INCIDENTS,
	OP_PRUNE_OVERRIDES,
	OP_PRUNE_DECISIONS,
	OP_PRUNE_AUDIT,
	OP_COUNT
};

extern const struct store_op store_ops[OP_COUNT];

static inline bool
store_op_prunes(enum store_op_code code)
{
	return code >= OP_PRUNE_HISTORY;
}

/* Keys of meta that are the store's own begin with "store.". */
#define META_IDS "store.ids"

struct batch {
	struct buf ops;
	uint64_t rows;
	struct link waiters;
};

/* Binds the operation at p and moves p behind it. */
const char *store_op_bind(sqlite3_stmt *stmt, enum store_op_code code, const char *p);
void store_put_ids(struct store *store, int64_t reserved);
void store_put_prune(struct store *store, wall_t before);

/* ---- the two connections ------------------------------------------------ */

struct writer {
	sqlite3 *db;
	sqlite3_stmt *begin, *commit, *rollback;
	sqlite3_stmt *ops[OP_COUNT];
	bool used[OP_COUNT]; /* since their bindings were forgotten */
	int wal_frames; /* after the last commit */
	bool abandoned; /* store_abandon() */
};

/* store_schema.c: connections, PRAGMAs, migrations */
enum { STORE_SCHEMA_VERSION = 10, STORE_APPLICATION_ID = 0x746f6373 }; /* "tocs" */
int store_connect(sqlite3 **ret_db, const char *path, bool read_only, struct err *err);
int store_migrate(sqlite3 *db, const char *path, int to_version, struct err *err);
int store_sql_error(struct err *err, sqlite3 *db, const char *what);
int store_exec(sqlite3 *db, const char *sql, struct err *err);
/* The single integer a query answers. */
int store_integer(sqlite3 *db, const char *sql, int64_t *ret_value, struct err *err);
int store_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_stmt, struct err *err);
void store_disconnect(sqlite3 **db);

/* store_lock.c */
int store_lock(const char *dir, int *ret_fd, struct err *err);
void store_unlock(int *fd);

/* ---- jobs --------------------------------------------------------------- */

/* store_thread.c */
struct commit_job {
	struct job job;
	struct store *store;
	struct batch *batch; /* NULL: checkpoint instead */
	bool truncate;       /* checkpoint: shrink the file too */
	bool fail;
	mono_t began;
	/* set by the store thread */
	enum { COMMIT_NOT_RUN, COMMIT_DONE, COMMIT_FAILED } result;
	bool prune_again; /* a prune operation found a full helping */
	uint64_t refused; /* rows the database would never accept */
	struct err err;
};

int writer_open(struct writer *writer, const char *path, struct err *err);
void writer_close(struct writer *writer);
void writer_run(struct writer *writer, struct commit_job *job);

/* store_query.c */
enum { QUERY_HISTORY, QUERY_HISTORY_FINGERPRINT, QUERY_BOUNDS, QUERY_DELIVERIES, QUERY_DELIVERIES_STATE,
	QUERY_DELIVERIES_RECEIVER, QUERY_COUNT };

struct reader {
	sqlite3 *db;
	sqlite3_stmt *queries[QUERY_COUNT];
	int checks_max, checks_left;
};

int reader_open(struct reader *reader, const char *path, struct err *err);
void reader_close(struct reader *reader);
/*
 * One listing: run() reads on the reader's thread, into the arena; answer()
 * hands the rows out on the loop thread and frees itself.  err is NULL, or
 * says why there are none.
 */
struct store_read {
	struct job job;
	struct link link; /* in store->refused */
	struct store *store;
	void (*run)(struct store_read *read, sqlite3 *db);
	void (*answer)(struct store_read *read, const struct err *err);
	/* kept by store_query.c */
	struct arena *arena;
	bool ran;
	struct err err;
};
/* run and answer are set.  answer() runs exactly once, never inside this. */
void store_read_submit(struct store *store, struct store_read *read);
/* In run(): a statement failed; says in read->err why. */
void store_read_failed(struct store_read *read, sqlite3 *db);
/* The number of rows a listing gives: 1..STORE_QUERY_ROWS. */
uint32_t store_read_limit(uint32_t limit);
/* Answers the queries that found no room in the reader's queue. */
void store_queries_refuse(struct store *store);

/* store_load.c: rows from columns in the order of their SELECT */
struct str store_column_str(sqlite3_stmt *stmt, int i);
wall_t store_column_wall(sqlite3_stmt *stmt, int i);
double store_column_double(sqlite3_stmt *stmt, int i);
uint32_t store_column_u32(sqlite3_stmt *stmt, int i);
#define DELIVERY_COLUMNS \
	"id, group_key, receiver, integration, group_labels, route_id, reason, alerts, state, attempts, " \
	"n_firing, n_resolved, created_at, due_at, finished_at, error, maybe_sent, tick_at, kind, incident, place"
#define INCIDENT_COLUMNS \
	"id, group_key, route_id, labels, state, severity, runbook, opened_at, resolved_at, changed_at, " \
	"changed_by, comment, policy, told, generation, loop, step, due_at, saved_due_at, alerts, flags"
#define OVERRIDE_COLUMNS "id, schedule, user, starts_at, ends_at, created_by, comment, created_at"
struct incident_row;
void store_incident_read(sqlite3_stmt *stmt, struct incident_row *ret_row);
void store_override_read(sqlite3_stmt *stmt, struct override_row *ret_row);
void store_delivery_read(sqlite3_stmt *stmt, struct delivery_row *ret_row);

/* ---- the store ----------------------------------------------------------- */

enum store_phase {
	STORE_IDLE,
	STORE_COMMITTING,
	STORE_RETRYING, /* flying waits for the retry timer */
	STORE_CHECKPOINTING
};

struct store {
	/* immutable after store_open */
	struct loop *loop;
	char *path, *wal_path;
	dur_t retention, audit_retention;
	int lock_fd;
	ino_t file_inode;
	dev_t file_device;
	struct worker_pool *writer_pool, *reader_pool;

	/* loop thread */
	enum store_phase phase;
	bool closing, failing, stalled;
	bool lost; /* the file is no longer where it was */
	bool checkpoint_due; /* the log is long: before anything else */
	bool truncate_due;   /* when there is nothing else to do */
	struct batch batches[2];
	struct batch *filling, *flying;
	struct link ready;   /* waiters with nothing to wait for */
	struct link refused; /* queries the reader's queue had no room for */
	int64_t next_id, reserved_id;
	wall_t prune_before; /* the last cut-off; none: nothing to go on with */
	uint64_t history_dropped;
	struct loop_hook turn_end;
	struct timer wake;  /* another turn, now */
	struct timer retry; /* of the failed batch */
	struct store_stats stats;

	/* whoever runs the job */
	struct commit_job job;
	struct writer writer;
	struct reader reader;
};

/* Gives the filling batch a turn end, also when called outside of a turn. */
void store_wake(struct store *store);
