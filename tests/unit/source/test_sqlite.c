/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite source against databases made on the spot, one of them being
 * written to meanwhile. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/attr.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "unit/source/test_source.h"

static char dir[64];
static struct arena *arena;
static struct loop *loop;
static struct worker_pool *pool;
static struct source *source;

struct result {
	uint32_t calls;
	bool failed;
	struct err err;
	struct vector vector;
};

static sqlite3 *
writer(const char *name, const char *sql)
{
	char path[128], *message = NULL;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s", message);
	return db;
}

static void
open_source(const char *settings, dur_t timeout)
{
	struct source_config *config = source_config_from(arena, "sqlite", dir, settings);

	config->timeout = timeout;
	source = source_ops_of(config->kind)->open(config, loop, NULL, pool, NULL);
}

static void
set_up(void)
{
	snprintf(dir, sizeof(dir), "/tmp/tocsin-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	arena = arena_new(0);
	loop = loop_new_virtual((wall_t){ INT64_C(1763621040500000000) });
	pool = worker_pool_new(loop, "sql", 2, 64);
	sqlite3_close(writer("drift.db", "PRAGMA journal_mode = WAL;"
					 "CREATE TABLE t(grp TEXT, n INTEGER, r REAL, v);"
					 "INSERT INTO t VALUES('a', 1, 0.5, 10), ('b', "
					 "NULL, 2.0, 20.25), ('c', 3, 1e30, NULL);"));
	open_source("path: drift.db\n", DUR_S(10));
}

static void
tear_down(void)
{
	char command[128];
	static const char *const names[] = { "drift.db", "drift.db-wal", "drift.db-shm",
		"other.db" };

	source->ops->close(source);
	worker_pool_free(pool);
	loop_free(loop);
	arena_free(arena);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(command, sizeof(command), "%s/%s", dir, names[i]);
		unlink(command);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}

static void
on_done(struct source_query *query, const struct vector *vector, const struct err *err)
{
	struct result *result = query->arg;

	result->calls++;
	result->failed = err != NULL;
	if (err != NULL)
		result->err = *err;
	else
		result->vector = *vector;
}

static struct result
ask(const char *text)
{
	struct result result = { 0 };
	struct source_query query = { .text = str_from(text),
		.at = loop_now(loop),
		.arena = arena,
		.done = on_done,
		.arg = &result };

	source->ops->query(source, &query);
	ck_assert_msg(result.calls == 0, "done() inside query()");
	while (result.calls == 0)
		loop_turn(loop, DUR_S(1));
	ck_assert_uint_eq(result.calls, 1);
	ck_assert_uint_eq(source->in_flight, 0);
	return result;
}

static const char *
label(const struct sample *sample, const char *name)
{
	struct label_view *views;
	struct err err;
	uint32_t n;

	ck_assert_int_eq(sample_labels(source, sample, arena, &views, &n, &err), 0);
	for (uint32_t i = 0; i < n; i++)
		if (str_is(views[i].name, name))
			return arena_str(arena, views[i].value).p;
	return NULL;
}

START_TEST(value_column_is_the_value_the_others_are_labels)
{
	struct result r = ask("SELECT grp, v AS Value, n, r FROM t ORDER BY grp");

	ck_assert_msg(!r.failed, "%s", r.err.text);
	ck_assert_uint_eq(r.vector.n, 3);
	ck_assert(r.vector.samples[0].value == 10);
	ck_assert_str_eq(label(&r.vector.samples[0], "grp"), "a");
	ck_assert_str_eq(label(&r.vector.samples[0], "n"), "1");
	ck_assert_str_eq(label(&r.vector.samples[0], "r"), "0.5");
	ck_assert_ptr_null(label(&r.vector.samples[0], "Value"));
	ck_assert_msg(label(&r.vector.samples[1], "n") == NULL, "a NULL label is absent");
	ck_assert_str_eq(label(&r.vector.samples[1], "r"), "2");
	ck_assert(r.vector.samples[2].missing);
	ck_assert(!wall_is_set(r.vector.samples[0].at));
}
END_TEST

START_TEST(now_is_bound_as_unix_seconds)
{
	struct result r = ask("SELECT :now AS value, typeof(:now) AS type");

	ck_assert_msg(!r.failed, "%s", r.err.text);
	ck_assert(fabs(r.vector.samples[0].value - 1763621040.5) < 1e-6);
	ck_assert_str_eq(label(&r.vector.samples[0], "type"), "real");
}
END_TEST

START_TEST(no_rows_are_an_empty_vector)
{
	struct result r = ask("SELECT v AS value FROM t WHERE 0");

	ck_assert(!r.failed);
	ck_assert_uint_eq(r.vector.n, 0);
}
END_TEST

START_TEST(text_that_reads_as_a_number_is_one)
{
	struct result r = ask("SELECT ' 1.5 ' AS value");

	ck_assert(!r.failed && r.vector.samples[0].value == 1.5);
}
END_TEST

static const struct {
	const char *sql;
	enum err_code code;
	const char *text;
} refused[] = {
	{ "SELECT grp, v FROM t", ERR_INVALID, "no column is named value, only grp, v" },
	{ "SELECT grp, 1 AS value, 2 AS VALUE FROM t", ERR_INVALID, "two columns are named value" },
	{ "SELECT grp, n AS grp, 2 AS value FROM t", ERR_INVALID, "two columns are named 'grp'" },
	{ "SELECT grp AS value FROM t", ERR_INVALID, "row 1: value 'a' is no number" },
	{ "SELECT x'00' AS value", ERR_INVALID, "row 1: value is a blob" },
	{ "SELECT x'00' AS l, 1 AS value", ERR_INVALID, "row 1: l is a blob" },
	{ "SELECT nope AS value FROM t", ERR_INVALID, "no such column: nope" },
	{ "SELECT 1 AS value FROM nope", ERR_INVALID, "no such table: nope" },
	{ "SELEC 1", ERR_INVALID, "syntax error" },
	{ "", ERR_INVALID, "no statement" },
	{ "-- nothing", ERR_INVALID, "no statement" },
	{ "SELECT 1 AS value; SELECT 2 AS value", ERR_INVALID, "one statement" },
	{ "SELECT 1 AS value; DROP TABLE t", ERR_INVALID, "one statement" },
	{ "INSERT INTO t VALUES(1,2,3,4)", ERR_INVALID, "only reading" },
	{ "INSERT INTO t VALUES(1,2,3,4) RETURNING n AS value", ERR_INVALID, "only reading" },
	{ "UPDATE t SET v = 1", ERR_INVALID, "only reading" },
	{ "DELETE FROM t", ERR_INVALID, "only reading" },
	{ "DROP TABLE t", ERR_INVALID, "only reading" },
	{ "CREATE TABLE x(y)", ERR_INVALID, "only reading" },
	{ "ATTACH 'x' AS y", ERR_INVALID, "only reading" },
	{ "PRAGMA journal_mode = DELETE", ERR_INVALID, "only reading" },
	{ "SELECT name AS value FROM pragma_database_list", ERR_INVALID, "only reading" },
	{ "BEGIN", ERR_INVALID, "only reading" },
	{ "VACUUM", ERR_INVALID, "only reading" },
	{ "EXPLAIN SELECT 1 AS value", ERR_INVALID, "only reading" },
	{ "SELECT load_extension('x') AS value", ERR_INVALID, "" },
	{ "SELECT v AS value FROM t WHERE n > :from", ERR_INVALID,
	    ":from belongs to queries over a window" },
	{ "SELECT v AS value FROM t WHERE n > :to", ERR_INVALID, ":to belongs" },
	{ "SELECT v AS value FROM t WHERE n > :then", ERR_INVALID,
	    "unknown parameter :then; known here: :now, :from, :to" },
	{ "SELECT v AS value FROM t WHERE n > ?", ERR_INVALID, "without a name" },
	{ "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c "
	  "LIMIT 50001) SELECT x, x AS value FROM c",
	    ERR_LIMIT, "50000" },
};

START_TEST(refused_with_the_reason)
{
	struct result r = ask(refused[_i].sql);

	ck_assert_msg(r.failed, "%s", refused[_i].sql);
	ck_assert_msg(r.err.code == refused[_i].code, "%s: %s", refused[_i].sql, r.err.text);
	ck_assert_msg(
	    strstr(r.err.text, refused[_i].text) != NULL, "%s: %s", refused[_i].sql, r.err.text);
	/* The connection survives a bad query. */
	r = ask("SELECT count(*) AS value FROM t");
	ck_assert_msg(!r.failed && r.vector.samples[0].value == 3, "after %s", refused[_i].sql);
}
END_TEST

static int
check(const char *text, struct err *err)
{
	const struct source_query query = { .text = str_from(text), .at = loop_now(loop) };

	return source->ops->check(source->config, &query, err);
}

START_TEST(check_says_the_same_without_running)
{
	static const char endless[] =
	    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
	    "SELECT count(*) AS value FROM c";
	struct err err;

	ck_assert_int_eq(check(endless, &err), 0);
	ck_assert_int_lt(check("SELECT 1 AS a", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "only a"));
	ck_assert_int_lt(check("DELETE FROM t", &err), 0);
}
END_TEST

START_TEST(a_query_without_end_is_a_timeout)
{
	struct result r;

	source->ops->close(source);
	open_source("path: drift.db\n", DUR_MS(50));
	r = ask("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM "
		"c) SELECT count(*) AS value FROM c");
	ck_assert(r.failed);
	ck_assert_int_eq(r.err.code, ERR_TIMEOUT);
	ck_assert_uint_eq(source->failures, 1);
}
END_TEST

/* On real threads, since nothing can be cancelled while a virtual worker runs.
 */
START_TEST(a_running_query_can_be_cancelled)
{
	struct result result = { 0 };
	struct source_query query = { .text =
					  STR("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT "
					      "x + 1 FROM c) SELECT count(*) AS value FROM c"),
		.arena = arena,
		.done = on_done,
		.arg = &result };

	source->ops->close(source);
	worker_pool_free(pool);
	loop_free(loop);
	loop = loop_new();
	pool = worker_pool_new(loop, "sql", 2, 64);
	open_source("path: drift.db\n", DUR_S(600));
	source->ops->query(source, &query);
	source->ops->cancel(source, &query);
	while (result.calls == 0)
		loop_turn(loop, DUR_S(10));
	ck_assert_int_eq(result.err.code, ERR_CANCELLED);
}
END_TEST

START_TEST(more_queries_than_connections_wait_in_line)
{
	enum {
		N = 30
	};
	static struct result results[N];
	static struct source_query queries[N];
	uint32_t done = 0;

	for (int i = 0; i < N; i++) {
		queries[i] = (struct source_query){ .text = STR("SELECT count(*) AS value FROM t"),
			.arena = arena,
			.done = on_done,
			.arg = &results[i] };
		source->ops->query(source, &queries[i]);
	}
	/* One of those still in line. */
	source->ops->cancel(source, &queries[N - 1]);
	while (done < N) {
		loop_turn(loop, DUR_S(1));
		done = 0;
		for (int i = 0; i < N; i++)
			done += results[i].calls;
	}
	for (int i = 0; i < N - 1; i++)
		ck_assert_msg(
		    !results[i].failed && results[i].calls == 1, "%d: %s", i, results[i].err.text);
	ck_assert_int_eq(results[N - 1].err.code, ERR_CANCELLED);
}
END_TEST

START_TEST(a_full_worker_queue_is_an_error_not_a_loss)
{
	enum {
		N = 5
	};
	struct result results[N] = { 0 };
	struct source_query queries[N];
	uint32_t done = 0, busy = 0;

	source->ops->close(source);
	worker_pool_free(pool);
	pool = worker_pool_new(loop, "sql", 1, 2);
	open_source("path: drift.db\n", DUR_S(10));
	for (int i = 0; i < N; i++) {
		queries[i] = (struct source_query){ .text = STR("SELECT 1 AS value"),
			.arena = arena,
			.done = on_done,
			.arg = &results[i] };
		source->ops->query(source, &queries[i]);
		ck_assert_uint_eq(results[i].calls, 0);
	}
	while (done < N) {
		loop_turn(loop, DUR_S(1));
		done = 0;
		for (int i = 0; i < N; i++)
			done += results[i].calls;
	}
	for (int i = 0; i < N; i++)
		busy += results[i].failed && results[i].err.code == ERR_BUSY;
	ck_assert(busy > 0 && busy < N);
}
END_TEST

START_TEST(reads_go_on_while_another_connection_writes)
{
	sqlite3 *db = writer("drift.db", "BEGIN IMMEDIATE; INSERT INTO t VALUES('d', 4, 0, 40);");
	struct result r = ask("SELECT count(*) AS value FROM t");

	ck_assert_msg(!r.failed, "%s", r.err.text);
	ck_assert_msg(r.vector.samples[0].value == 3, "uncommitted rows are not seen");
	ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	r = ask("SELECT count(*) AS value FROM t");
	ck_assert_msg(r.vector.samples[0].value == 4, "committed rows are seen at once");
	/* A finished query holds no snapshot: the writer can empty its log. */
	ck_assert_int_eq(
	    sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}
END_TEST

START_TEST(a_locked_database_is_an_error_in_time)
{
	sqlite3 *db =
	    writer("other.db", "CREATE TABLE t(v); BEGIN EXCLUSIVE; INSERT INTO t VALUES(1);");
	struct result r;

	source->ops->close(source);
	open_source("path: other.db\n", DUR_MS(50));
	r = ask("SELECT v AS value FROM t");
	ck_assert(r.failed);
	ck_assert(r.err.code == ERR_TIMEOUT || r.err.code == ERR_BUSY);
	ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	r = ask("SELECT v AS value FROM t");
	ck_assert_msg(!r.failed, "%s", r.err.text);
	sqlite3_close(db);
}
END_TEST

START_TEST(a_replaced_file_is_opened_anew)
{
	struct result r = ask("SELECT count(*) AS value FROM t");
	char from[128], to[128];

	ck_assert(!r.failed);
	sqlite3_close(writer("other.db", "CREATE TABLE t(v); INSERT INTO t VALUES(1);"));
	snprintf(from, sizeof(from), "%s/other.db", dir);
	snprintf(to, sizeof(to), "%s/drift.db", dir);
	ck_assert_int_eq(rename(from, to), 0);
	snprintf(from, sizeof(from), "%s/drift.db-wal", dir);
	unlink(from);
	r = ask("SELECT count(*) AS value FROM t");
	ck_assert_msg(!r.failed, "%s", r.err.text);
	ck_assert(r.vector.samples[0].value == 1);
	ck_assert_int_eq(unlink(to), 0);
	r = ask("SELECT count(*) AS value FROM t");
	ck_assert(r.failed);
	ck_assert_int_eq(r.err.code, ERR_IO);
	ck_assert_ptr_nonnull(strstr(r.err.text, "No such file"));
}
END_TEST

START_TEST(a_file_that_is_no_database_is_an_error)
{
	char path[128];
	struct result r;
	FILE *f;

	snprintf(path, sizeof(path), "%s/other.db", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	source->ops->close(source);
	open_source("path: other.db\n", DUR_S(1));
	r = ask("SELECT 1 AS value FROM t");
	ck_assert(r.failed);
	ck_assert_ptr_nonnull(strstr(r.err.text, "not a database"));
}
END_TEST

static const struct {
	const char *sql;
	int64_t ns; /* -1: refused */
} times[] = {
	{ "1763621040", INT64_C(1763621040000000000) },
	{ "1763621040.5", INT64_C(1763621040500000000) },
	{ "'2025-11-20 06:44:00'", INT64_C(1763621040000000000) },
	{ "'2025-11-20T06:44:00.250'", INT64_C(1763621040250000000) },
	{ "'2025-11-20T07:44:00+01:00'", INT64_C(1763621040000000000) },
	{ "NULL", 0 },
	{ "'yesterday'", -1 },
	{ "1763621040500", INT64_C(1763621040500000000) }, /* milliseconds */
	{ "x'00'", -1 },
};

START_TEST(time_column_is_the_time_and_no_label)
{
	char sql[128];
	struct result r;

	source->ops->close(source);
	open_source("path: drift.db\ntime_column: ts\n", DUR_S(1));
	snprintf(sql, sizeof(sql), "SELECT 1 AS value, %s AS ts", times[_i].sql);
	r = ask(sql);
	ck_assert_msg(r.failed == (times[_i].ns < 0), "%s: %s", times[_i].sql, r.err.text);
	if (r.failed)
		return;
	ck_assert_msg(r.vector.samples[0].at.ns == times[_i].ns, "%s: %lld", times[_i].sql,
	    (long long)r.vector.samples[0].at.ns);
	ck_assert_uint_eq(r.vector.samples[0].key.n, 0);
}
END_TEST

START_TEST(a_window_is_bound_and_a_range_comes_in_order)
{
	struct result r = { 0 };
	struct source_query query = { .text =
					  STR("SELECT n * 60 + 1763620000 AS ts, grp, v AS value "
					      "FROM w WHERE ts >= :from AND ts < :to"),
		.at = loop_now(loop),
		.shape = QUERY_RANGE,
		.from = { INT64_C(1763620060000000000) },
		.to = { INT64_C(1763620180000000000) },
		.arena = arena,
		.done = on_done,
		.arg = &r };

	sqlite3_close(writer("drift.db",
	    "CREATE TABLE w(n INTEGER, grp TEXT, v REAL);"
	    "INSERT INTO w VALUES(3, 'a', 3.3), (2, 'a', 2.5), (1, 'b', 0.1), (1, 'a', 1.25), "
	    "(0, 'a', 9);"));
	source->ops->query(source, &query);
	while (r.calls == 0)
		loop_turn(loop, DUR_S(1));
	ck_assert_msg(!r.failed, "%s", r.err.text);
	ck_assert_uint_eq(r.vector.n, 3);
	ck_assert(r.vector.samples[0].value == 1.25 && r.vector.samples[1].value == 2.5);
	ck_assert_str_eq(label(&r.vector.samples[1], "grp"), "a");
	ck_assert_int_eq(r.vector.samples[1].at.ns, INT64_C(1763620120000000000));
	ck_assert_str_eq(label(&r.vector.samples[2], "grp"), "b");
	ck_assert_msg(r.vector.samples[2].value == 0.1, "a double as it is stored");
}
END_TEST

START_TEST(equal_label_sets_have_equal_keys)
{
	struct result r = ask("SELECT 'a' AS x, NULL AS y, 1 AS value UNION ALL SELECT 'a', "
			      "NULL, 2 UNION ALL SELECT NULL, 'a', 3");

	ck_assert(!r.failed && r.vector.n == 3);
	ck_assert(str_eq(r.vector.samples[0].key, r.vector.samples[1].key));
	ck_assert(!str_eq(r.vector.samples[0].key, r.vector.samples[2].key));
}
END_TEST

TCase *
tcase_sqlite(void)
{
	TCase *t = tcase_create("sqlite");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, value_column_is_the_value_the_others_are_labels);
	tcase_add_test(t, now_is_bound_as_unix_seconds);
	tcase_add_test(t, no_rows_are_an_empty_vector);
	tcase_add_test(t, text_that_reads_as_a_number_is_one);
	tcase_add_loop_test(t, refused_with_the_reason, 0, (int)ARRAY_LEN(refused));
	tcase_add_test(t, check_says_the_same_without_running);
	tcase_add_test(t, a_query_without_end_is_a_timeout);
	tcase_add_test(t, a_running_query_can_be_cancelled);
	tcase_add_test(t, more_queries_than_connections_wait_in_line);
	tcase_add_test(t, a_full_worker_queue_is_an_error_not_a_loss);
	tcase_add_test(t, reads_go_on_while_another_connection_writes);
	tcase_add_test(t, a_locked_database_is_an_error_in_time);
	tcase_add_test(t, a_replaced_file_is_opened_anew);
	tcase_add_test(t, a_file_that_is_no_database_is_an_error);
	tcase_add_loop_test(t, time_column_is_the_time_and_no_label, 0, (int)ARRAY_LEN(times));
	tcase_add_test(t, a_window_is_bound_and_a_range_comes_in_order);
	tcase_add_test(t, equal_label_sets_have_equal_keys);
	return t;
}
