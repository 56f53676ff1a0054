/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a connection is opened, and what is in the database.
 *
 * A schema version is a step that never changes once it has been released;
 * the next version is a further step.  Each runs in a transaction of its own
 * together with the new user_version, forward only.
 *
 * Times are INTEGER nanoseconds since 1970, label sets their canonical
 * encoding.  Uniqueness of labels, identities and keys is guarded in memory,
 * where it is needed anyway: an index here would only cost.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/log.h"
#include "store/store_internal.h"

static const char tables[] =
    "PRAGMA application_id = 0x746f6373;"
    "CREATE TABLE meta ("
    "  key TEXT PRIMARY KEY,"
    "  value BLOB NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE alert ("
    "  id INTEGER PRIMARY KEY,"
    "  labels BLOB NOT NULL,"
    "  annotations BLOB NOT NULL,"
    "  generator_url TEXT NOT NULL,"
    "  starts_at INTEGER NOT NULL,"
    "  ends_at INTEGER NOT NULL,"
    "  updated_at INTEGER NOT NULL,"
    "  flags INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE rule ("
    "  id INTEGER PRIMARY KEY,"
    "  identity BLOB NOT NULL,"
    "  name TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE rule_alert ("
    "  id INTEGER PRIMARY KEY,"
    "  rule_id INTEGER NOT NULL,"
    "  labels BLOB NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  active_at INTEGER NOT NULL,"
    "  fired_at INTEGER NOT NULL,"
    "  resolved_at INTEGER NOT NULL,"
    "  keep_firing_since INTEGER NOT NULL,"
    "  value REAL" /* NULL is NaN, here and in history */
    ") STRICT;"
    "CREATE TABLE agg_group ("
    "  id INTEGER PRIMARY KEY,"
    "  route_id TEXT NOT NULL,"
    "  labels BLOB NOT NULL,"
    "  next_flush_at INTEGER NOT NULL,"
    "  flushed INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE nflog ("
    "  id INTEGER PRIMARY KEY,"
    "  group_key TEXT NOT NULL,"
    "  integration TEXT NOT NULL,"
    "  firing BLOB NOT NULL,"
    "  resolved BLOB NOT NULL,"
    "  at INTEGER NOT NULL,"
    "  expires_at INTEGER NOT NULL,"
    "  thread TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE delivery ("
    "  id INTEGER PRIMARY KEY,"
    "  group_key TEXT NOT NULL,"
    "  receiver TEXT NOT NULL,"
    "  integration TEXT NOT NULL,"
    "  group_labels BLOB NOT NULL,"
    "  route_id TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  alerts BLOB NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL,"
    "  n_firing INTEGER NOT NULL,"
    "  n_resolved INTEGER NOT NULL,"
    "  created_at INTEGER NOT NULL,"
    "  due_at INTEGER NOT NULL,"
    "  finished_at INTEGER NOT NULL,"
    "  error TEXT NOT NULL,"
    "  maybe_sent INTEGER NOT NULL,"
    "  tick_at INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE silence ("
    "  id TEXT PRIMARY KEY,"
    "  matchers BLOB NOT NULL,"
    "  starts_at INTEGER NOT NULL,"
    "  ends_at INTEGER NOT NULL,"
    "  updated_at INTEGER NOT NULL,"
    "  created_by TEXT NOT NULL,"
    "  comment TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE history ("
    "  id INTEGER PRIMARY KEY,"
    "  at INTEGER NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  labels BLOB NOT NULL,"
    "  fingerprint INTEGER NOT NULL,"
    "  value REAL,"
    "  subject TEXT NOT NULL,"
    "  detail TEXT NOT NULL"
    ") STRICT;";

/*
 * For listings and pruning only.  Fingerprints are random: an index on them
 * alone would dirty a page per row.  Behind a block of 4096 ids it grows at
 * its end, a dozen pages at a time; a query looks into each block.
 */
static const char indexes[] =
    "CREATE INDEX rule_alert_rule ON rule_alert (rule_id);"
    "CREATE INDEX delivery_state ON delivery (state);"
    "CREATE INDEX delivery_receiver ON delivery (receiver);"
    "CREATE INDEX delivery_finished ON delivery (finished_at)"
    "  WHERE state >= 2;"
    "CREATE INDEX history_at ON history (at);"
    "CREATE INDEX history_fingerprint"
    "  ON history (id >> 12, fingerprint)"
    "  WHERE fingerprint <> 0;";

/* What was told and then suppressed; silences that end with what they silence. */
static const char suppression[] =
    "ALTER TABLE nflog ADD COLUMN held BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE silence ADD COLUMN until_resolved INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE silence ADD COLUMN matched_at INTEGER NOT NULL DEFAULT 0;";

/* Who changed what. */
static const char audit[] =
    "CREATE TABLE audit ("
    "  id INTEGER PRIMARY KEY,"
    "  at INTEGER NOT NULL,"
    "  actor TEXT NOT NULL,"
    "  source TEXT NOT NULL,"
    "  action TEXT NOT NULL,"
    "  object TEXT NOT NULL,"
    "  detail TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX audit_at ON audit (at);";

/*
 * What fires as one matter: who has it in hand, how far its escalation is.
 * The steps it began with stand apart, by their digest.
 */
static const char incidents[] =
    "CREATE TABLE incident ("
    "  id INTEGER PRIMARY KEY,"
    "  group_key TEXT NOT NULL,"
    "  route_id TEXT NOT NULL,"
    "  labels BLOB NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  severity TEXT NOT NULL,"
    "  runbook TEXT NOT NULL,"
    "  opened_at INTEGER NOT NULL,"
    "  resolved_at INTEGER NOT NULL,"
    "  changed_at INTEGER NOT NULL,"
    "  changed_by TEXT NOT NULL,"
    "  comment TEXT NOT NULL,"
    "  policy TEXT NOT NULL,"
    "  told TEXT NOT NULL,"
    "  generation INTEGER NOT NULL,"
    "  loop INTEGER NOT NULL,"
    "  step INTEGER NOT NULL,"
    "  due_at INTEGER NOT NULL,"
    "  saved_due_at INTEGER NOT NULL,"
    "  alerts INTEGER NOT NULL,"
    "  flags INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX incident_resolved ON incident (resolved_at);"
    "CREATE TABLE escalation_policy ("
    "  digest TEXT PRIMARY KEY,"
    "  body BLOB NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE oncall_override ("
    "  id INTEGER PRIMARY KEY,"
    "  schedule TEXT NOT NULL,"
    "  user TEXT NOT NULL,"
    "  starts_at INTEGER NOT NULL,"
    "  ends_at INTEGER NOT NULL,"
    "  created_by TEXT NOT NULL,"
    "  comment TEXT NOT NULL,"
    "  created_at INTEGER NOT NULL"
    ") STRICT;"
    "ALTER TABLE delivery ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivery ADD COLUMN incident INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivery ADD COLUMN place TEXT NOT NULL DEFAULT '';";

/* Why somebody was told or not.  The index serves listings by alert: see store_decision.h. */
static const char decisions[] =
    "CREATE TABLE decision ("
    "  id INTEGER PRIMARY KEY,"
    "  first_at INTEGER NOT NULL,"
    "  lasts INTEGER NOT NULL,"
    "  until INTEGER NOT NULL,"
    "  verdict INTEGER NOT NULL,"
    "  group_key TEXT NOT NULL,"
    "  target TEXT NOT NULL,"
    "  ref TEXT NOT NULL,"
    "  cause TEXT NOT NULL,"
    "  delivery_id INTEGER NOT NULL,"
    "  next_at INTEGER NOT NULL,"
    "  n_firing INTEGER NOT NULL,"
    "  n_named INTEGER NOT NULL,"
    "  mask INTEGER NOT NULL,"
    "  fingerprints BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX decision_at ON decision (first_at, mask, n_named);"
    "CREATE INDEX decision_open ON decision (id) WHERE lasts <> 0 AND until = 0;"
    "CREATE TABLE heartbeat (" /* jobs that check in */
    "  name TEXT PRIMARY KEY,"
    "  first_at INTEGER NOT NULL," /* since when it is expected */
    "  last_at INTEGER NOT NULL"   /* the last check-in, or 0 */
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE flap (" /* alerts that began again and again, by group */
    "  id INTEGER PRIMARY KEY,"
    "  group_key TEXT NOT NULL,"
    "  fingerprint INTEGER NOT NULL,"
    "  fires INTEGER NOT NULL,"
    "  since INTEGER NOT NULL," /* flapping since then, or 0 */
    "  changes BLOB NOT NULL"   /* i64le times, oldest first */
    ") STRICT;";

/* What rules remember of their series, and the outcomes that for_points counts. */
static const char past[] =
    "CREATE TABLE past_series ("
    "  id INTEGER PRIMARY KEY,"
    "  rule_id INTEGER NOT NULL,"
    "  labels BLOB NOT NULL,"
    "  versions BLOB NOT NULL" /* u32le length and bytes of each, the present one first */
    ") STRICT;"
    "CREATE INDEX past_series_rule ON past_series (rule_id);"
    "CREATE TABLE past_chunk ("
    "  series_id INTEGER NOT NULL,"
    "  n INTEGER NOT NULL,"
    "  points BLOB NOT NULL," /* rule/past_keep.h */
    "  PRIMARY KEY (series_id, n)"
    ") STRICT, WITHOUT ROWID;"
    "ALTER TABLE rule_alert ADD COLUMN points INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rule_alert ADD COLUMN points_n INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rule_alert ADD COLUMN points_at INTEGER NOT NULL DEFAULT 0;";

/* What has been used up and must not be taken twice: links, callbacks. */
static const char receipts[] =
    "CREATE TABLE receipt ("
    "  key TEXT PRIMARY KEY,"
    "  expires_at INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;";

/* What silences carry beside their comment. */
static const char silence_notes[] =
    "ALTER TABLE silence ADD COLUMN annotations TEXT NOT NULL DEFAULT '';";

/* Most incidents have not ended yet: only those that have are looked for by their end. */
static const char incidents_ended[] =
    "DROP INDEX incident_resolved;"
    "CREATE INDEX incident_resolved ON incident (resolved_at) WHERE resolved_at > 0;";

static const char *const steps[] = { tables, indexes, suppression, audit, incidents,
	decisions, past, receipts, silence_notes, incidents_ended };
_Static_assert(ARRAY_LEN(steps) == STORE_SCHEMA_VERSION, "a step per version");

int
store_sql_error(struct err *err, sqlite3 *db, const char *what)
{
	int primary = sqlite3_errcode(db) & 0xff;

	if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
		return err_set(err, ERR_STORE,
		    "%s: damaged or not a database (%s); move the file away or "
		    "restore a copy, it was left as it is",
		    what, sqlite3_errmsg(db));
	return err_set(err, ERR_STORE, "%s: %s", what, sqlite3_errmsg(db));
}

int
store_exec(sqlite3 *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_sql_error(err, db, "database");
	return 0;
}

int
store_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_stmt,
    struct err *err)
{
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_stmt,
	    NULL) != SQLITE_OK)
		return store_sql_error(err, db, "database");
	return 0;
}

int
store_integer(sqlite3 *db, const char *sql, int64_t *ret_value, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = store_prepare(db, sql, &stmt, err);

	if (rc < 0)
		return rc;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*ret_value = sqlite3_column_int64(stmt, 0);
	else
		rc = store_sql_error(err, db, "database");
	(void)sqlite3_finalize(stmt);
	return rc;
}

/* Before anything is written: a file that is not ours stays untouched. */
static int
check_identity(sqlite3 *db, struct err *err)
{
	int64_t application, version, objects;
	int rc = store_integer(db, "PRAGMA application_id", &application, err);

	if (rc == 0)
		rc = store_integer(db, "PRAGMA user_version", &version, err);
	if (rc == 0)
		rc = store_integer(db, "SELECT count(*) FROM sqlite_schema",
		    &objects, err);
	if (rc < 0)
		return rc;
	if (application == STORE_APPLICATION_ID ?
	    version == 0 : application != 0 || version != 0 || objects != 0)
		return err_set(err, ERR_STORE, "not Tocsin's database; move the "
		    "file away or choose another --storage.path");
	if (version > STORE_SCHEMA_VERSION)
		return err_set(err, ERR_STORE, "written by a newer Tocsin (schema "
		    "%lld, this one knows %d); run that version or a newer one",
		    (long long)version, STORE_SCHEMA_VERSION);
	return 0;
}

static int
use_wal(sqlite3 *db, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = store_prepare(db, "PRAGMA journal_mode = WAL", &stmt, err);

	if (rc < 0)
		return rc;
	if (sqlite3_step(stmt) != SQLITE_ROW)
		rc = store_sql_error(err, db, "write-ahead log");
	else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") != 0)
		rc = err_set(err, ERR_STORE, "this file system has no shared "
		    "memory for SQLite's write-ahead log; use a local one");
	(void)sqlite3_finalize(stmt);
	return rc;
}

static int
set_up_writer(sqlite3 *db, struct err *err)
{
	int rc = check_identity(db, err);

	if (rc == 0)
		rc = store_exec(db, "PRAGMA page_size = 4096", err);
	if (rc == 0)
		rc = use_wal(db, err);
	if (rc == 0)
		rc = store_exec(db,
		    "PRAGMA synchronous = FULL;"
		    "PRAGMA wal_autocheckpoint = 0;"
		    "PRAGMA journal_size_limit = 33554432;"
		    "PRAGMA cache_size = -2048;",
		    err);
	return rc;
}

/* SQLite would create the file as the umask says; its companions follow it. */
static int
create_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "cannot create: %s", strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return 0;
}

int
store_connect(sqlite3 **ret_db, const char *path, bool read_only,
    struct err *err)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
	    (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	sqlite3 *db = NULL;
	int rc = read_only ? 0 : create_file(path, err);

	if (rc == 0 && sqlite3_threadsafe() == 0)
		rc = err_set(err, ERR_STORE, "SQLite is built without threads");
	if (rc == 0 && sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK)
		rc = db == NULL ? err_set(err, ERR_STORE, "out of memory") :
				  store_sql_error(err, db, "open");
	if (rc == 0)
		rc = store_exec(db,
		    "PRAGMA busy_timeout = 5000;"
		    "PRAGMA trusted_schema = OFF;"
		    "PRAGMA foreign_keys = ON;"
		    "PRAGMA mmap_size = 0;"
		    "PRAGMA temp_store = MEMORY;"
		    "PRAGMA cache_size = -1024;",
		    err);
	if (rc == 0 && !read_only)
		rc = set_up_writer(db, err);
	if (rc < 0) {
		store_disconnect(&db);
		return err_wrap(err, "%s", path);
	}
	*ret_db = db;
	return 0;
}

static int
migrate_step(sqlite3 *db, int from, struct err *err)
{
	char version[64];
	int rc = store_exec(db, "BEGIN IMMEDIATE", err);

	if (rc < 0)
		return rc;
	(void)snprintf(version, sizeof(version), "PRAGMA user_version = %d",
	    from + 1);
	rc = store_exec(db, steps[from], err);
	if (rc == 0)
		rc = store_exec(db, version, err);
	if (rc == 0)
		rc = store_exec(db, "COMMIT", err);
	if (rc < 0 && sqlite3_get_autocommit(db) == 0)
		(void)store_exec(db, "ROLLBACK", NULL);
	return rc;
}

int
store_migrate(sqlite3 *db, const char *path, int to_version, struct err *err)
{
	int64_t version = 0;
	int rc = store_integer(db, "PRAGMA user_version", &version, err);

	for (; rc == 0 && version < to_version; version++)
		rc = migrate_step(db, (int)version, err);
	return rc < 0 ? err_wrap(err, "%s", path) : 0;
}

void
store_disconnect(sqlite3 **db)
{
	/* Not _v2: a statement somebody kept must show. */
	if (sqlite3_close(*db) != SQLITE_OK)
		log_error("store", "connection closed with work left",
		    LOG_Z("error", sqlite3_errmsg(*db)));
	*db = NULL;
}
