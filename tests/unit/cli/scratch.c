/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/cli/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#define FILES_MAX 8

static char dir[32], paths[FILES_MAX][64];
static int n_paths;

void
scratch_open(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/tocsin-cli-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	n_paths = 0;
}

void
scratch_close(void)
{
	while (n_paths > 0)
		(void)unlink(paths[--n_paths]);
	(void)rmdir(dir);
}

const char *
scratch_write(const char *name, const char *text)
{
	ck_assert_int_lt(n_paths, FILES_MAX);
	char *path = paths[n_paths++];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	return path;
}
