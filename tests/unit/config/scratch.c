/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/config/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "unit/config/fake_kinds.h"

static char dir[256];

const char *
scratch_path(const char *name)
{
	static char path[4][512];
	static unsigned turn;
	const char *tmp = getenv("TMPDIR");

	if (dir[0] == '\0') {
		snprintf(dir, sizeof(dir), "%.200s/tocsin-config-XXXXXX",
		    tmp != NULL ? tmp : "/tmp");
		ck_assert_ptr_nonnull(mkdtemp(dir));
	}
	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

void
scratch_write(const char *name, const char *text)
{
	FILE *file = fopen(scratch_path(name), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert(fputs(text, file) >= 0);
	ck_assert_int_eq(fclose(file), 0);
}

static int
remove_entry(const char *path, const struct stat *st, int type,
    struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

void
scratch_remove(void)
{
	if (dir[0] != '\0') {
		nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
		dir[0] = '\0';
	}
}

struct config *
scratch_load(const char *name)
{
	struct diag *diag = diag_new();
	struct config *config = config_load(scratch_path(name), &fake_kinds,
	    diag);
	struct buf out = { 0 };

	diag_print(diag, &out);
	ck_assert_msg(config != NULL, "%s", out.p);
	ck_assert_uint_eq(diag_errors(diag), 0);
	buf_fini(&out);
	diag_free(diag);
	return config;
}

char *
scratch_finding(const char *name)
{
	struct diag *diag = diag_new();
	struct config *config = config_load(scratch_path(name), &fake_kinds,
	    diag);
	const struct finding *first = diag_at(diag, 0);
	struct buf out = { 0 };

	ck_assert((config == NULL) == (diag_errors(diag) > 0));
	if (first != NULL) {
		buf_printf(&out, "%u:%u: %s", first->pos.line, first->pos.col,
		    first->text);
	} else {
		buf_puts(&out, "nothing found");
	}
	config_unref(config);
	diag_free(diag);
	return buf_take(&out);
}
