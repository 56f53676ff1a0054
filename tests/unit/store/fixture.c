/* SPDX-License-Identifier: Apache-2.0 */
/* One store in a directory of its own. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "unit/store/fixture.h"

struct fixture fx;

static void
make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(fx.dir, sizeof(fx.dir), "%s/tocsin-store-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(fx.dir));
	fx.options = (struct store_options){ .dir = fx.dir };
}

void
fixture_virtual(void)
{
	make_dir();
	fx.real = false;
	fx.loop = loop_new_virtual(START_AT);
}

void
fixture_real(void)
{
	make_dir();
	fx.real = true;
	fx.loop = loop_new();
}

static void
remove_dir(void)
{
	DIR *dir = opendir(fx.dir);
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlink(fixture_path(entry->d_name));
	(void)closedir(dir);
	ck_assert_int_eq(rmdir(fx.dir), 0);
}

void
fixture_fini(void)
{
	fixture_close();
	loop_free(fx.loop);
	fx.loop = NULL;
	remove_dir();
}

void
fixture_open(void)
{
	struct err err = { .code = ERR_NONE };

	fx.store = store_open(&fx.options, fx.loop, &err);
	ck_assert_msg(fx.store != NULL, "open: %s", err.text);
}

void
fixture_close(void)
{
	store_close(fx.store);
	fx.store = NULL;
}

void
fixture_reopen(void)
{
	fixture_close();
	fixture_open();
}

const char *
fixture_path(const char *name)
{
	static char path[sizeof(fx.dir) + 256];

	(void)snprintf(path, sizeof(path), "%s/%s", fx.dir, name);
	return path;
}

void
fixture_turns(int n)
{
	while (n-- > 0)
		(void)loop_turn(fx.loop, DUR_MS(0));
}

static void
set_flag(void *arg, bool ok)
{
	ck_assert(ok);
	*(bool *)arg = true;
}

void
fixture_commit(void)
{
	bool done = false;
	struct store_waiter waiter = { .fn = set_flag, .arg = &done };

	store_wait(fx.store, &waiter);
	for (int i = 0; !done && i < 1000; i++)
		(void)loop_turn(fx.loop, DUR_S(1));
	ck_assert_msg(done, "the commit did not come");
}

int64_t
fixture_count(const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int64_t value = -1;

	if (sqlite3_open_v2(fixture_path("tocsin.db"), &db,
	    SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return value;
}

void
fixture_sql(const char *sql)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(fixture_path("tocsin.db"), &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
	    "%s: %s", sql, sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

void
fixture_put_alert(int64_t id, int64_t mark)
{
	struct alert_row row = {
		.id = id,
		.labels = STR("labels"),
		.annotations = STR("annotations"),
		.generator_url = STR("http://prometheus/graph"),
		.starts_at = START_AT,
		.updated_at = { mark },
	};

	store_alert_put(fx.store, &row);
}

void
fixture_put_history(int64_t id, wall_t at, const char *kind,
    uint64_t fingerprint)
{
	struct history_row row = {
		.id = id,
		.at = at,
		.kind = str_from(kind),
		.labels = STR("labels"),
		.fingerprint = fingerprint,
		.value = 1.5,
		.subject = STR("ops"),
		.detail = STR("detail"),
	};

	store_history_add(fx.store, &row);
}
