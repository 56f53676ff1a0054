/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin drift over files: what it reads, what it answers, what it refuses. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/rng.h"
#include "cli/cmd.h"
#include "unit/cli/capture.h"
#include "unit/cli/scratch.h"
#include "unit/cli/suites.h"

#define WORDS_MAX 24

static const char *out, *errors;

/* argv[0] is put before them; NULL ends them. */
static int
run(const char *const *words)
{
	const char *argv[WORDS_MAX] = { "drift" };
	int argc = 1, code;

	while (words[argc - 1] != NULL && argc < WORDS_MAX - 1) {
		argv[argc] = words[argc - 1];
		argc++;
	}
	capture_begin();
	code = cmd_drift.run(&cmd_drift, argc, (char **)(uintptr_t)argv);
	capture_end(&out, &errors);
	return code;
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

/* n rows of two columns, of which the second moves. */
static const char *
write_table(const char *name, const char *header, uint32_t n, double moved)
{
	struct buf text = { 0 };
	const char *path;
	struct rng rng;

	rng_init(&rng, n);
	buf_printf(&text, "%s\n", header);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(&text, "%.17g,%.17g\n", rng_unit(&rng), rng_unit(&rng) + moved);
	path = scratch_write(name, text.p);
	buf_fini(&text);
	return path;
}

START_TEST(columns_are_features)
{
	const char *ref = write_table("ref.csv", "a,b", 500, 0);
	const char *cur = write_table("cur.csv", "a,b", 300, 0.5);

	ck_assert_int_eq(RUN("--reference", ref, "--current", cur, "--test", "ks"), EXIT_NO);
	ck_assert(strstr(out, "a ") != NULL && strstr(out, "b ") != NULL);
	ck_assert(strstr(out, " no drift") != NULL);
	ck_assert_int_eq(
	    RUN("--reference", ref, "--current", cur, "--test", "ks", "--column", "a"), EXIT_OK);
	ck_assert(strstr(out, "b ") == NULL);
	ck_assert_int_eq(RUN("--reference", ref, "--current", cur, "--test", "psi", "--column", "b",
			     "-o", "json"),
	    EXIT_NO);
	ck_assert(
	    strstr(out, "{\"test\":\"psi\",\"drift\":true,\"features\":[{\"labels\":{}") == out);
	ck_assert(strstr(out, "\"n_reference\":500,\"n_current\":300,") != NULL);
}
END_TEST

START_TEST(too_little_data_is_no_verdict)
{
	const char *ref = write_table("ref.csv", "a,b", 500, 0);
	const char *cur = write_table("cur.csv", "a,b", 20, 0.5);

	ck_assert_int_eq(RUN("--reference", ref, "--current", cur, "--test", "ks"), EXIT_USAGE);
	ck_assert(
	    strstr(errors, "nothing could be judged: current smaller than min_samples\n") != NULL);
	ck_assert(strstr(out, "  insufficient: current smaller than min_samples\n") != NULL);
	ck_assert_int_eq(
	    RUN("--reference", ref, "--current", cur, "--test", "ks", "--min-samples", "20"),
	    EXIT_NO);
}
END_TEST

/* As programs write them: a mark at the beginning, CRLF, and numbers that are none. */
START_TEST(files_of_other_programs_are_read)
{
	struct buf text = { 0 };
	const char *path;

	buf_puts(&text, "\xef\xbb\xbf\"feat,ure\",value\r\n");
	for (int i = 0; i < 40; i++)
		buf_printf(&text, "\"a, b\",%d\r\n", i);
	buf_puts(&text, "\"a, b\",inf\r\n\"a, b\",-Infinity\r\n\"a, b\",\r\n\"a, b\",nan\r\n");
	path = scratch_write("other.csv", text.p);
	buf_fini(&text);
	ck_assert_int_eq(
	    RUN("--reference", path, "--current", path, "--test", "ks", "--by", "feat,ure"),
	    EXIT_USAGE); /* a comma parts names */
	ck_assert_int_eq(RUN("--reference", path, "--current", path, "--test", "ks", "--column",
			     "value", "-o", "json"),
	    EXIT_OK);
	ck_assert_msg(strstr(out, "\"n_reference\":42,") != NULL &&
			  strstr(out, "\"missing_current\":2}") != NULL,
	    "%s", out);
}
END_TEST

START_TEST(names_counts_and_delimiters)
{
	const char *ref =
	    scratch_write("ref.csv", "class;n\n\"yes; surely\";900\nno;90\n\"\"\"maybe\"\"\";10\n");
	const char *cur = scratch_write("cur.csv", "class;n\n\"yes; surely\";50\nno;50\n");

	ck_assert_int_eq(RUN("--reference", ref, "--current", cur, "--test", "chi2", "--form",
			     "counts", "--category", "class", "--column", "n", "--delimiter", ";"),
	    EXIT_NO);
	ck_assert(strstr(out, "1000") != NULL && strstr(out, "100 ") != NULL);
}
END_TEST

static const struct {
	const char *text, *says; /* of the current file */
} mangled[] = {
	{ "", "the file is empty" },
	{ "value\n1\nx\n",
	    "line 3: column value has 'x', which is no number; texts are compared by" },
	{ "a,b\n1,x\n", "no number; name the columns to compare with --column" },
	{ "value\n1,2\n", "line 2: 2 cells, and the header has 1" },
	{ "value\n\"1\n", "line 2: a quoted cell begins here and does not end" },
	{ "value,value\n1,1\n", "line 1: two columns are named 'value'" },
};

START_TEST(mangled_files_are_told_with_their_line)
{
	const char *ref = scratch_write("ref.csv", "value\n1\n2\n");
	const char *cur = scratch_write("cur.csv", mangled[_i].text);

	ck_assert_int_eq(RUN("--reference", ref, "--current", cur, "--test", "ks"), EXIT_USAGE);
	ck_assert_msg(strstr(errors, mangled[_i].says) != NULL &&
			  strstr(errors, "tocsin drift: current: ") == errors,
	    "'%s'", errors);
}
END_TEST

START_TEST(wrong_use_is_told)
{
	const char *ref = scratch_write("ref.csv", "value\n1\n2\n");

	ck_assert_int_eq(RUN("--reference", ref, "--test", "ks"), EXIT_USAGE);
	ck_assert(strstr(errors, "give --reference, --current and --test") != NULL);
	ck_assert_int_eq(RUN("--reference", "-", "--current", "-", "--test", "ks"), EXIT_USAGE);
	ck_assert(strstr(errors, "only one of them can be standard input") != NULL);
	ck_assert_int_eq(RUN("--reference", ref, "--current", ref, "--test", "kss"), EXIT_USAGE);
	ck_assert(strstr(errors, "--test: expected one of ks, chi2") != NULL);
	ck_assert_int_eq(
	    RUN("--reference", ref, "--current", ref, "--test", "psi", "--null-aware", "maybe"),
	    EXIT_USAGE);
	ck_assert_msg(strstr(errors, "--null-aware: null_aware is {alpha") != NULL, "%s", errors);
	ck_assert_int_eq(
	    RUN("--reference", "SELECT 1", "--current", ref, "--test", "psi"), EXIT_USAGE);
	ck_assert_msg(strstr(errors, "for a query name its --source") != NULL, "%s", errors);
	ck_assert_int_eq(
	    RUN("--reference", ref, "--current", ref, "--test", "psi", "--p-value", "0.1"),
	    EXIT_USAGE);
	ck_assert(strstr(errors, "psi is a distance and has no p_value") != NULL);
	ck_assert_int_eq(
	    RUN("--reference", ref, "--current", ref, "--test", "ks", "--by", "feature"),
	    EXIT_USAGE);
	ck_assert(strstr(errors, "there is no column 'feature', only value") != NULL);
	ck_assert_int_eq(
	    RUN("--reference", ref, "--current", "/nowhere.csv", "--test", "ks"), EXIT_USAGE);
	ck_assert(strstr(errors, "current: /nowhere.csv: No such file") != NULL);
	ck_assert_int_eq(
	    RUN("--reference", ref, "--current", ref, "--test", "ks", "--delimiter", "ab"),
	    EXIT_USAGE);
	ck_assert_int_eq(RUN("--reference", ref, "--current", ref, "--test", "ks", "--source", "s",
			     "--config.file", "/nowhere.yml"),
	    EXIT_USAGE);
	ck_assert(strstr(errors, "/nowhere.yml") != NULL);
}
END_TEST

TCase *
drift_tests(void)
{
	TCase *tc = tcase_create("drift");

	tcase_add_checked_fixture(tc, scratch_open, scratch_close);
	tcase_add_test(tc, columns_are_features);
	tcase_add_test(tc, too_little_data_is_no_verdict);
	tcase_add_test(tc, files_of_other_programs_are_read);
	tcase_add_test(tc, names_counts_and_delimiters);
	tcase_add_loop_test(tc, mangled_files_are_told_with_their_line, 0, (int)ARRAY_LEN(mangled));
	tcase_add_test(tc, wrong_use_is_told);
	return tc;
}
