/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL without a server: settings, cells, and a server that is not there. */
#include "config.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loop/loop.h"
#include "source/postgres_read.h"
#include "unit/source/http_bench.h"

#define TYPE_BOOL    16
#define TYPE_BYTEA   17
#define TYPE_TEXT    25
#define TYPE_FLOAT8  701
#define TYPE_NUMERIC 1700

static const struct {
	uint32_t type;
	const char *text, *shown; /* shown NULL: an error */
	enum cell_kind kind;
} cells[] = {
	{ TYPE_FLOAT8, "NaN", "NaN", CELL_TEXT },
	{ TYPE_FLOAT8, "-Infinity", "-Infinity", CELL_TEXT },
	{ TYPE_NUMERIC, "123.4500", "123.4500", CELL_TEXT },
	{ TYPE_BOOL, "t", "true", CELL_BOOL },
	{ TYPE_BOOL, "f", "false", CELL_BOOL },
	{ TYPE_TEXT, NULL, "", CELL_NULL },
	{ TYPE_TEXT, "", "", CELL_TEXT },
	{ TYPE_BYTEA, NULL, "", CELL_NULL },
	{ TYPE_BYTEA, "\\x00", NULL, CELL_OTHER },
};

START_TEST(a_cell_is_told_by_its_type)
{
	struct cell cell;
	struct err err;
	int code = postgres_cell(cells[_i].type, cells[_i].text,
	    cells[_i].text != NULL ? strlen(cells[_i].text) : 0, &cell, &err);

	ck_assert_int_eq(code, cells[_i].shown != NULL ? 0 : -ERR_INVALID);
	if (cells[_i].shown == NULL)
		return;
	ck_assert_int_eq((int)cell.kind, (int)cells[_i].kind);
	ck_assert_msg(str_is(cell.text, cells[_i].shown), "%.*s", STR_ARG(cell.text));
}
END_TEST

static const struct {
	const char *yaml, *text;
} misconfigured[] = {
	{ "user: x\n", "needs 'host' or 'url'" },
	{ "url: 'postgresql://u:s3cret@h/x?nosuch=1'\n", "url: expected postgresql://" },
	{ "url: 'host=h s3cret'\n", "url: expected postgresql://" },
	{ "url: postgresql://h/db\ndbname: x\n", "the dbname is part of the url" },
	{ "host: h\nsslmode: on\n", "prefer" },
};

START_TEST(a_mistake_in_the_settings_is_told_without_the_secret)
{
	struct arena *arena = arena_new(0);
	char text[256];

	ck_assert_uint_ge(source_config_errors(arena, "postgres", misconfigured[_i].yaml, text), 1);
	ck_assert_msg(strstr(text, misconfigured[_i].text) != NULL, "%s", text);
	ck_assert_msg(strstr(text, "s3cret") == NULL, "%s", text);
	arena_free(arena);
}
END_TEST

START_TEST(a_dead_server_is_an_error_without_the_secret)
{
	/* Nothing listens on port 1 of the loopback. */
	struct bench_answer a = bench_ask("postgres", "url: postgresql://u:s3cret@127.0.0.1:1/db\n",
	    "SELECT 1 AS value", 0, STR(""));

	ck_assert(a.failed);
	ck_assert_int_eq((int)a.err.code, ERR_IO);
	ck_assert_msg(strstr(a.err.text, "refused") != NULL, "%s", a.err.text);
	ck_assert_msg(strstr(a.err.text, "s3cret") == NULL, "%s", a.err.text);
}
END_TEST

START_TEST(a_password_file_that_is_gone_fails_the_query)
{
	struct bench_answer a =
	    bench_ask("postgres", "host: 127.0.0.1\nport: 1\npassword_file: /nonexistent/p\n",
		"SELECT 1 AS value", 0, STR(""));

	ck_assert(a.failed);
	ck_assert_ptr_nonnull(strstr(a.err.text, "/nonexistent/p"));
}
END_TEST

START_TEST(a_server_that_accepts_and_is_silent_is_a_timeout)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	struct postgres_settings settings = { .host = "127.0.0.1", .user = "u", .dbname = "d" };
	struct rows rows;
	struct postgres_query query = { .settings = &settings,
		.text = STR("SELECT 1 AS value"),
		.times = { .now = bench_at },
		.timeout = DUR_MS(100),
		.wake = -1,
		.rows = &rows };
	struct postgres_conn *conn = NULL;
	struct err err;
	char port[8];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	snprintf(port, sizeof(port), "%u", ntohs(address.sin_port));
	settings.port = port;
	rows_init(&rows);
	ck_assert_int_eq(postgres_read(&conn, &query, &err), -ERR_TIMEOUT);
	ck_assert_ptr_null(conn);
	rows_fini(&rows);
	close(fd);
}
END_TEST

START_TEST(parameters_are_checked_without_a_server)
{
	struct err err;

	ck_assert_int_eq(bench_check("postgres", "host: 127.0.0.1\nport: 1\n",
			     "SELECT 1 AS value WHERE :then > 0", &err),
	    -ERR_INVALID);
	/* That the server is not there is no mistake in the query. */
	ck_assert_int_eq(
	    bench_check("postgres", "host: 127.0.0.1\nport: 1\n", "SELECT 1 AS value", &err),
	    -ERR_IO);
}
END_TEST

TCase *
tcase_postgres(void)
{
	TCase *tc = tcase_create("postgres");

	tcase_add_checked_fixture(tc, bench_set_up, bench_tear_down);
	tcase_add_loop_test(tc, a_cell_is_told_by_its_type, 0, ARRAY_LEN(cells));
	tcase_add_loop_test(
	    tc, a_mistake_in_the_settings_is_told_without_the_secret, 0, ARRAY_LEN(misconfigured));
	tcase_add_test(tc, a_dead_server_is_an_error_without_the_secret);
	tcase_add_test(tc, a_password_file_that_is_gone_fails_the_query);
	tcase_add_test(tc, a_server_that_accepts_and_is_silent_is_a_timeout);
	tcase_add_test(tc, parameters_are_checked_without_a_server);
	return tc;
}
