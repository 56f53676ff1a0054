/* SPDX-License-Identifier: Apache-2.0 */
/* The log as a reader of stderr sees it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/log.h"
#include "suites.h"

static int saved_fd;
static FILE *captured;
static wall_t fake_now;

static wall_t
read_fake_now(void)
{
	return fake_now;
}

static void
capture(void)
{
	captured = tmpfile();
	ck_assert_ptr_nonnull(captured);
	saved_fd = dup(STDERR_FILENO);
	dup2(fileno(captured), STDERR_FILENO);
}

/* What was written since capture(). */
static struct buf
release(void)
{
	struct buf out = { 0 };
	char piece[4096];
	size_t n;

	dup2(saved_fd, STDERR_FILENO);
	close(saved_fd);
	rewind(captured);
	while ((n = fread(piece, 1, sizeof(piece), captured)) > 0)
		buf_put(&out, piece, n);
	fclose(captured);
	return out;
}

static void
write_each_kind(void)
{
	log_info("rule", "group evaluated", LOG_Z("group", "web"),
	    LOG_STR("q", STR("a=b \"c\"\n")), LOG_INT("n", -3),
	    LOG_NUM("v", 0.5), LOG_DUR("took", ((dur_t){ 1500000 })),
	    LOG_WALL("at", ((wall_t){ 1000000000 })), LOG_Z("none", ""));
}

START_TEST(logfmt_quotes_what_needs_it)
{
	struct buf out;

	capture();
	write_each_kind();
	log_debug("rule", "hidden");
	log_error("x", "y");
	out = release();
	ck_assert_str_eq(out.p,
	    "level=info subject=rule event=\"group evaluated\" group=web "
	    "q=\"a=b \\\"c\\\"\\n\" n=-3 v=0.5 took=1.5ms "
	    "at=1970-01-01T00:00:01.000Z none=\"\"\n"
	    "level=error subject=x event=y\n");
	buf_fini(&out);
}
END_TEST

START_TEST(json_lines_with_time)
{
	struct buf out;

	fake_now = (wall_t){ 2000000000 };
	log_set_clock(read_fake_now);
	log_configure(LOG_DEBUG, LOG_JSON);
	capture();
	write_each_kind();
	out = release();
	ck_assert_str_eq(out.p,
	    "{\"time\":\"1970-01-01T00:00:02.000Z\",\"level\":\"info\","
	    "\"subject\":\"rule\",\"event\":\"group evaluated\","
	    "\"group\":\"web\",\"q\":\"a=b \\\"c\\\"\\n\",\"n\":-3,\"v\":0.5,"
	    "\"took\":0.0015,\"at\":\"1970-01-01T00:00:01.000Z\","
	    "\"none\":\"\"}\n");
	buf_fini(&out);
}
END_TEST

static uint32_t
count_lines(const struct buf *buf, const char *with)
{
	uint32_t n = 0;

	for (const char *p = buf->p; p != NULL && (p = strstr(p, with)) != NULL;
	     p++)
		n++;
	return n;
}

START_TEST(repeats_are_held_back_and_counted)
{
	struct buf out;

	fake_now = (wall_t){ INT64_C(1000) * 1000000000 };
	log_set_clock(read_fake_now);
	log_configure(LOG_DEBUG, LOG_LOGFMT);
	capture();
	for (int i = 0; i < LOG_BURST + 12; i++) {
		log_warn("net", "slow");
		log_debug("net", "detail");
		log_info("net", "other", LOG_INT("i", i));
		if (i == LOG_BURST)
			log_info("api", "unrelated");
	}
	fake_now = wall_add(fake_now, DUR_S(61));
	log_info("api", "later");
	log_warn("net", "slow");
	out = release();
	ck_assert_uint_eq(count_lines(&out, "event=slow\n"), LOG_BURST + 1);
	ck_assert_uint_eq(count_lines(&out, "event=slow suppressed=12\n"), 1);
	ck_assert_uint_eq(count_lines(&out, "event=other suppressed=12\n"), 1);
	ck_assert_uint_eq(count_lines(&out, "event=detail\n"), LOG_BURST + 12);
	ck_assert_uint_eq(count_lines(&out, "event=unrelated\n"), 1);
	ck_assert_uint_eq(count_lines(&out, "event=later\n"), 1);
	buf_fini(&out);
}
END_TEST

START_TEST(without_a_clock_nothing_is_held_back)
{
	struct buf out;

	capture();
	for (int i = 0; i < 3 * LOG_BURST; i++)
		log_info("a", "b");
	out = release();
	ck_assert_uint_eq(count_lines(&out, "event=b\n"), 3 * LOG_BURST);
	buf_fini(&out);
}
END_TEST

START_TEST(lines_have_a_maximum)
{
	static char big[20000];
	struct buf out;

	memset(big, 'x', sizeof(big));
	log_configure(LOG_INFO, _i == 0 ? LOG_LOGFMT : LOG_JSON);
	capture();
	log_info("a", "b", LOG_STR("big", str_make(big, sizeof(big))),
	    LOG_INT("after", 1));
	out = release();
	ck_assert_str_eq(out.p,
	    _i == 0 ? "level=info subject=a event=b truncated=big\n"
		    : "{\"level\":\"info\",\"subject\":\"a\",\"event\":\"b\","
		      "\"truncated\":\"big\"}\n");
	buf_fini(&out);
}
END_TEST

static void *
write_many(void *arg)
{
	for (int i = 0; i < 200; i++)
		log_info("thread", arg, LOG_INT("i", i),
		    LOG_Z("pad", "....................................."));
	return NULL;
}

START_TEST(threads_do_not_tear_lines)
{
	static char names[4][2] = { "a", "b", "c", "d" };
	pthread_t threads[4];
	struct buf out;
	const char *p;
	int lines = 0;

	capture();
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, write_many, names[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	out = release();
	for (p = out.p; *p != '\0'; p = strchr(p, '\n') + 1) {
		ck_assert(strncmp(p, "level=info subject=thread", 25) == 0);
		lines++;
	}
	ck_assert_int_eq(lines, 800);
	buf_fini(&out);
}
END_TEST

START_TEST(names_are_read)
{
	enum log_level level = LOG_DEBUG;
	enum log_format format = LOG_LOGFMT;

	ck_assert(log_level_from(STR("warn"), &level) && level == LOG_WARN);
	ck_assert(!log_level_from(STR("loud"), &level) && level == LOG_WARN);
	ck_assert(log_format_from(STR("json"), &format) && format == LOG_JSON);
	ck_assert(!log_format_from(STR("xml"), &format) && format == LOG_JSON);
	log_configure(LOG_WARN, LOG_LOGFMT);
	ck_assert(!log_enabled(LOG_INFO) && log_enabled(LOG_WARN));
}
END_TEST

/* Settings are the process's: also without fork each case starts the same. */
static void
reset(void)
{
	log_configure(LOG_INFO, LOG_LOGFMT);
	log_set_clock(NULL);
}

TCase *
case_log(void)
{
	TCase *tcase = tcase_create("log");

	tcase_add_checked_fixture(tcase, reset, reset);
	tcase_add_test(tcase, logfmt_quotes_what_needs_it);
	tcase_add_test(tcase, json_lines_with_time);
	tcase_add_test(tcase, repeats_are_held_back_and_counted);
	tcase_add_test(tcase, without_a_clock_nothing_is_held_back);
	tcase_add_loop_test(tcase, lines_have_a_maximum, 0, 2);
	tcase_add_test(tcase, threads_do_not_tear_lines);
	tcase_add_test(tcase, names_are_read);
	return tcase;
}
