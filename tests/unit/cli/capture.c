/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output and error go to files while capturing. */
#include "config.h"

#include "unit/cli/capture.h"

#include <stdio.h>
#include <unistd.h>

#include <check.h>

#define TEXT_MAX 32768

static struct stream {
	FILE *file;
	int saved;
	char text[TEXT_MAX];
} streams[2];

void
capture_begin(void)
{
	(void)fflush(stdout);
	(void)fflush(stderr);
	for (int i = 0; i < 2; i++) {
		streams[i].file = tmpfile();
		ck_assert_ptr_nonnull(streams[i].file);
		streams[i].saved = dup(i + 1);
		ck_assert_int_ge(dup2(fileno(streams[i].file), i + 1), 0);
	}
}

void
capture_end(const char **ret_stdout, const char **ret_stderr)
{
	(void)fflush(stdout);
	(void)fflush(stderr);
	for (int i = 0; i < 2; i++) {
		struct stream *s = &streams[i];
		ck_assert_int_ge(dup2(s->saved, i + 1), 0);
		(void)close(s->saved);
		rewind(s->file);
		s->text[fread(s->text, 1, TEXT_MAX - 1, s->file)] = '\0';
		(void)fclose(s->file);
	}
	*ret_stdout = streams[0].text;
	*ret_stderr = streams[1].text;
}
