/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bad-config: each broken file against its first line of error.  The
 * same files are put to the program by tests/bad-config/run.  What only the
 * kinds of the program know is in files called kind-*: those are put to the
 * program alone.
 */
#include "config.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "base/buf.h"
#include "unit/config/fake_kinds.h"
#include "unit/config/suites.h"

static glob_t expects;

/* The first line of a text, without its end. */
static void
first_line(char *text)
{
	text[strcspn(text, "\n")] = '\0';
}

static void
read_line(const char *path, char *line, size_t bytes)
{
	FILE *file = fopen(path, "r");

	ck_assert_msg(file != NULL, "%s", path);
	ck_assert_msg(fgets(line, (int)bytes, file) != NULL, "%s", path);
	fclose(file);
	first_line(line);
}

START_TEST(broken_file_gives_its_first_line)
{
	struct diag *diag = diag_new();
	const char *expect = expects.gl_pathv[_i];
	struct buf out = { 0 };
	char want[1024], name[512];

	if (strncmp(expect, "kind-", 5) == 0)
		goto out;
	ck_assert_int_eq(chdir(TEST_SRCDIR "/tests/bad-config"), 0);
	read_line(expect, want, sizeof(want));
	snprintf(name, sizeof(name), "%.*s.yml",
	    (int)(strlen(expect) - strlen(".expect")), expect);
	ck_assert_int_eq(config_check_file(name, &fake_kinds, NULL, diag, NULL), -1);
	ck_assert_uint_gt(diag_errors(diag), 0);
	diag_print(diag, &out);
	first_line(out.p);
	ck_assert_msg(strcmp(out.p, want) == 0, "%s\n got %s\nwant %s", name,
	    out.p, want);
out:
	buf_fini(&out);
	diag_free(diag);
}
END_TEST

void
add_bad_config(Suite *suite)
{
	TCase *tcase = tcase_create("bad config");
	char here[4096];

	if (getcwd(here, sizeof(here)) == NULL ||
	    chdir(TEST_SRCDIR "/tests/bad-config") != 0 ||
	    glob("*.expect", 0, NULL, &expects) != 0 || chdir(here) != 0) {
		abort(); /* a suite of no cases must not pass */
	}
	tcase_add_loop_test(tcase, broken_file_gives_its_first_line, 0,
	    (int)expects.gl_pathc);
	suite_add_tcase(suite, tcase);
}
