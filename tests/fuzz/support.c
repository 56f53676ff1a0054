/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several targets need.  The assertions of the check library, which the
 * worlds of the unit tests use, end the target: there is no test to fail.
 */
#include "config.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "base/attr.h"

const char *
support_file(struct str text)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, text.p, text.n, 0) != (ssize_t)text.n)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

bool
support_names_files(struct str text)
{
	/* The last ones could spell the others. */
	static const char *const words[] = { "rule_files", "templates", "_file", "\\x", "\\u",
		"\\U", "\\\n", "\\\r" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (memmem(text.p, text.n, words[i], strlen(words[i])) != NULL)
			return true;
	}
	return false;
}

void
_mark_point(const char *file UNUSED, int line UNUSED)
{
}

void
_ck_assert_failed(const char *file, int line, const char *expr, const char *msg UNUSED, ...)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, expr);
	abort();
}
