/* SPDX-License-Identifier: Apache-2.0 */
/* The log receiver: text for people, lines for programs. */
#include "config.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "receiver/types.h"
#include "world.h"

static char *
temporary(struct story *s)
{
	char *path = arena_strdup(s->arena, "/tmp/receiver-log-XXXXXX");
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return path;
}

static struct str
content(struct story *s, const char *path)
{
	FILE *file = fopen(path, "rb");
	struct buf text = { 0 };
	struct str copy;
	int c;

	ck_assert_ptr_nonnull(file);
	while ((c = getc(file)) != EOF)
		buf_putc(&text, (char)c);
	fclose(file);
	copy = arena_str(s->arena, buf_str(&text));
	buf_fini(&text);
	return copy;
}

/* What the receiver writes to standard output. */
static struct str
printed(struct story *s)
{
	const void *settings = settings_read(s, &receiver_log, "{}");
	char *path = temporary(s);
	int saved, fd = open(path, O_WRONLY);
	struct err err = { 0 };
	struct str text;
	int rc;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	rc = receiver_log.write(settings, &s->n, &err);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	ck_assert_msg(rc == 0, "%s", err.text);
	text = content(s, path);
	remove(path);
	return text;
}

START_TEST(text_is_as_agreed)
{
	struct story s = story_load(story_names[_i]);
	struct str text = printed(&s);

	same_as_golden(s.arena, arena_printf(s.arena, "%s.log.txt", story_names[_i]), text);
	for (uint32_t i = 0; i < text.n; i++)
		REQUIRE(
		    text.p[i] == '\n' || ((unsigned char)text.p[i] >= ' ' && text.p[i] != 0x7f));
	story_free(&s);
}
END_TEST

START_TEST(ten_alerts_are_shown_and_the_rest_counted)
{
	struct story s = story_make(25, "alertname=Test n=#", "summary=s#.");
	struct str text = printed(&s);

	ck_assert_ptr_nonnull(strstr(text.p, "s9."));
	ck_assert_ptr_null(strstr(text.p, "s10."));
	ck_assert_ptr_nonnull(strstr(text.p, "and 15 more"));
	story_free(&s);
}
END_TEST

START_TEST(a_file_gets_the_webhooks_line_for_each_notification)
{
	struct story s = story_load("one");
	char *path = temporary(&s);
	const void *settings =
	    settings_read(&s, &receiver_log, arena_printf(s.arena, "path: %s", path));
	struct str line = file_text(s.arena, "one.alertmanager-webhook.json");
	struct err err = { 0 };
	struct str text;

	ck_assert_int_eq(receiver_log.write(settings, &s.n, &err), 0);
	ck_assert_int_eq(receiver_log.write(settings, &s.n, &err), 0);
	text = content(&s, path);
	ck_assert_uint_eq(text.n, 2 * line.n);
	ck_assert(str_starts(text, line) && str_ends(text, line));
	remove(path);
	story_free(&s);
}
END_TEST

START_TEST(what_cannot_be_written_is_told_and_never_waits)
{
	struct story s = story_load("one");
	char *path = temporary(&s);
	struct err err = { 0 };
	const void *settings = settings_read(&s, &receiver_log, "path: /nonexistent/x.log");

	ck_assert_int_eq(receiver_log.write(settings, &s.n, &err), -ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/x.log"));
	settings = settings_read(&s, &receiver_log, "path: /dev/full");
	ck_assert_int_eq(receiver_log.write(settings, &s.n, &err), -ERR_IO);
	remove(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	settings = settings_read(&s, &receiver_log, arena_printf(s.arena, "path: %s", path));
	ck_assert_int_eq(receiver_log.write(settings, &s.n, &err), -ERR_IO);
	remove(path);
	story_free(&s);
}
END_TEST

START_TEST(a_relative_path_starts_at_the_configuration)
{
	struct story s = story_load("one");
	const void *settings = settings_read(&s, &receiver_log, "path: no/such/place.log");
	struct err err = { 0 };

	ck_assert_int_eq(receiver_log.write(settings, &s.n, &err), -ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.text, "'/etc/tocsin/no/such/place.log'"));
	ck_assert_str_eq(
	    settings_complaint(&s, &receiver_log, "path: ''"), "'path' must not be empty");
	story_free(&s);
}
END_TEST

TCase *
case_log(void)
{
	TCase *tcase = tcase_create("log");

	tcase_add_loop_test(tcase, text_is_as_agreed, 0, STORIES);
	tcase_add_test(tcase, ten_alerts_are_shown_and_the_rest_counted);
	tcase_add_test(tcase, a_file_gets_the_webhooks_line_for_each_notification);
	tcase_add_test(tcase, what_cannot_be_written_is_told_and_never_waits);
	tcase_add_test(tcase, a_relative_path_starts_at_the_configuration);
	return tcase;
}
