/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: directory, lock, foreign and broken files, migrations. */
#include <sys/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "unit/store/fixture.h"

static void
refused(const char *what)
{
	struct err err = { .code = ERR_NONE };
	struct store *store = store_open(&fx.options, fx.loop, &err);

	ck_assert_msg(store == NULL, "opened, though: %s", what);
	ck_assert_msg(strstr(err.text, what) != NULL,
	    "the message \"%s\" does not say \"%s\"", err.text, what);
}

static int64_t
version(void)
{
	return fixture_count("PRAGMA user_version");
}

static void
write_file(const char *name, const void *p, size_t n, long at)
{
	FILE *file = fopen(fixture_path(name), at == 0 ? "w" : "r+");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fseek(file, at, SEEK_SET), 0);
	ck_assert_uint_eq(fwrite(p, 1, n, file), n);
	ck_assert_int_eq(fclose(file), 0);
}

static void
read_file(const char *name, struct buf *out)
{
	FILE *file = fopen(fixture_path(name), "r");
	char piece[4096];
	size_t n;

	ck_assert_ptr_nonnull(file);
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_put(out, piece, n);
	(void)fclose(file);
}

START_TEST(an_empty_directory_becomes_a_store_of_the_newest_version)
{
	fixture_open();
	ck_assert_int_eq(version(), STORE_SCHEMA_VERSION);
	ck_assert_int_eq(fixture_count("PRAGMA application_id"),
	    STORE_APPLICATION_ID);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM pragma_table_list "
	    "WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite%'"), 0);
	ck_assert_int_gt(fixture_count("SELECT count(*) FROM pragma_table_list "
	    "WHERE schema = 'main' AND strict = 1"), 0);
}
END_TEST

START_TEST(the_writer_syncs_fully_and_logs_ahead)
{
	int64_t value = 0;

	fixture_open();
	ck_assert_int_eq(store_integer(fx.store->writer.db, "PRAGMA synchronous",
	    &value, NULL), 0);
	ck_assert_int_eq(value, 2);
	ck_assert_int_eq(fixture_count("SELECT journal_mode = 'wal' FROM "
	    "pragma_journal_mode"), 1);
}
END_TEST

START_TEST(directory_and_files_are_for_their_owner_only)
{
	static const char *const names[] = { "", "tocsin.db", "tocsin.db-wal",
		"tocsin.db-shm", "lock" };
	char dir[sizeof(fx.dir) + 16];
	struct stat st;
	mode_t mask = umask(0);

	(void)snprintf(dir, sizeof(dir), "%s/a", fx.dir);
	fx.options.dir = dir;
	fixture_open();
	(void)umask(mask);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[sizeof(dir) + 32];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		ck_assert_msg(stat(path, &st) == 0, "no %s", path);
		ck_assert_msg((st.st_mode & 077) == 0, "%s has mode %o", path,
		    st.st_mode & 0777);
	}
	fixture_close();
	for (size_t i = 1; i < ARRAY_LEN(names); i++) {
		char path[sizeof(dir) + 32];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(an_older_version_is_migrated_and_keeps_its_rows)
{
	struct err err = { .code = ERR_NONE };
	sqlite3 *db = NULL;

	ck_assert_int_eq(store_connect(&db, fixture_path("tocsin.db"), false,
	    &err), 0);
	ck_assert_int_eq(store_migrate(db, "db", 1, &err), 0);
	store_disconnect(&db);
	ck_assert_int_eq(version(), 1);
	fixture_sql("INSERT INTO rule VALUES (5, x'01', 'Old')");
	fixture_sql("INSERT INTO silence VALUES ('s', x'01', 1, 2, 3, 'a', 'b')");

	fixture_open();
	ck_assert_int_eq(version(), STORE_SCHEMA_VERSION);
	ck_assert_int_eq(fixture_count("SELECT id FROM rule WHERE name = 'Old'"), 5);
	ck_assert_int_eq(store_next_id(fx.store), 6);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM silence "
	    "WHERE until_resolved = 0 AND matched_at = 0"), 1);
	fixture_put_history(0, START_AT, "firing", 9); /* needs the indexes */
	fixture_commit();
}
END_TEST

START_TEST(a_migration_that_fails_leaves_the_old_version_whole)
{
	struct err err = { .code = ERR_NONE };
	sqlite3 *db = NULL;

	ck_assert_int_eq(store_connect(&db, fixture_path("tocsin.db"), false,
	    &err), 0);
	ck_assert_int_eq(store_migrate(db, "db", 1, &err), 0);
	store_disconnect(&db);
	/* The last index of the step is in the way of itself. */
	fixture_sql("CREATE INDEX history_fingerprint ON history (id)");
	refused("history_fingerprint already exists");
	ck_assert_int_eq(version(), 1);
	ck_assert_int_eq(fixture_count("SELECT count(*) FROM sqlite_schema "
	    "WHERE type = 'index' AND sql IS NOT NULL"), 1);
	fixture_sql("DROP INDEX history_fingerprint");
	fixture_open();
	ck_assert_int_eq(version(), STORE_SCHEMA_VERSION);
}
END_TEST

START_TEST(a_newer_version_is_refused_and_left_alone)
{
	struct buf before = { 0 }, after = { 0 };

	fixture_open();
	fixture_close();
	fixture_sql("PRAGMA user_version = 99");
	read_file("tocsin.db", &before);
	refused("newer Tocsin (schema 99, this one knows ");
	read_file("tocsin.db", &after);
	ck_assert(str_eq(buf_str(&before), buf_str(&after)));
	buf_fini(&before);
	buf_fini(&after);
}
END_TEST

START_TEST(another_programs_database_is_refused_and_left_alone)
{
	struct buf before = { 0 }, after = { 0 };

	fixture_sql("CREATE TABLE cheese (name)");
	read_file("tocsin.db", &before);
	refused("not Tocsin's database; move the file away");
	read_file("tocsin.db", &after);
	ck_assert(str_eq(buf_str(&before), buf_str(&after)));
	buf_fini(&before);
	buf_fini(&after);
}
END_TEST

START_TEST(a_file_that_is_no_database_is_refused_and_left_alone)
{
	static char text[8192];
	struct buf after = { 0 };

	memset(text, 'x', sizeof(text));
	write_file("tocsin.db", text, sizeof(text), 0);
	refused("damaged or not a database");
	refused("move the file away");
	read_file("tocsin.db", &after);
	ck_assert(str_eq(buf_str(&after), str_make(text, sizeof(text))));
	buf_fini(&after);
}
END_TEST

static void
ignore_alert(void *arg, const struct alert_row *row)
{
	(void)row;
	++*(int *)arg;
}

START_TEST(damage_found_while_loading_is_an_error_with_a_remedy)
{
	static char zeros[4096 * 16];
	struct err err = { .code = ERR_NONE };
	int n = 0;
	struct store_sink sink = { .arg = &n, .alert = ignore_alert };

	fixture_open();
	for (int64_t id = 1; id <= 5000; id++)
		fixture_put_alert(id, 0);
	fixture_close();
	memset(zeros, 0xee, sizeof(zeros));
	write_file("tocsin.db", zeros, sizeof(zeros), 4096 * 40);
	fx.store = store_open(&fx.options, fx.loop, &err);
	if (fx.store != NULL)
		ck_assert_int_lt(store_load(fx.store, &sink, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "damaged"));
	ck_assert_ptr_nonnull(strstr(err.text, "restore a copy"));
}
END_TEST

START_TEST(a_directory_in_use_names_the_process)
{
	char text[64];

	fixture_open();
	(void)snprintf(text, sizeof(text), "is in use by process %ld",
	    (long)getpid());
	refused(text);
	fixture_reopen(); /* closing gives the lock back */
}
END_TEST

START_TEST(a_path_that_is_a_file_is_refused)
{
	char path[sizeof(fx.dir) + 16];

	write_file("plain", "x", 1, 0);
	(void)snprintf(path, sizeof(path), "%s/plain", fx.dir);
	fx.options.dir = path;
	refused("Not a directory");
	(void)snprintf(path, sizeof(path), "%s/plain/sub", fx.dir);
	refused("cannot create storage directory");
}
END_TEST

TCase *
schema_tests(void)
{
	TCase *tcase = tcase_create("schema");

	tcase_add_checked_fixture(tcase, fixture_virtual, fixture_fini);
	tcase_add_test(tcase, an_empty_directory_becomes_a_store_of_the_newest_version);
	tcase_add_test(tcase, the_writer_syncs_fully_and_logs_ahead);
	tcase_add_test(tcase, directory_and_files_are_for_their_owner_only);
	tcase_add_test(tcase, an_older_version_is_migrated_and_keeps_its_rows);
	tcase_add_test(tcase, a_migration_that_fails_leaves_the_old_version_whole);
	tcase_add_test(tcase, a_newer_version_is_refused_and_left_alone);
	tcase_add_test(tcase, another_programs_database_is_refused_and_left_alone);
	tcase_add_test(tcase, a_file_that_is_no_database_is_refused_and_left_alone);
	tcase_add_test(tcase, damage_found_while_loading_is_an_error_with_a_remedy);
	tcase_add_test(tcase, a_directory_in_use_names_the_process);
	tcase_add_test(tcase, a_path_that_is_a_file_is_refused);
	return tcase;
}
