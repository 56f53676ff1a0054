/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a folder, as sources read them: names first, bytes when needed.
 * Works on any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define FILES_MAX       20000 /* of one source */
#define FILES_DEPTH_MAX 4

struct file_entry {
	char *path;
	int64_t size, changed_ns; /* what tells that it is another now */
};

struct file_list {
	struct file_entry *items; /* by path */
	size_t n, cap;
};

/*
 * The regular files under path whose names end in `suffix`, at most FILES_MAX
 * and FILES_DEPTH_MAX folders deep; a path that is a file is the only one,
 * whatever its name.  Links to folders are not followed.
 */
int files_list(const char *path, const char *suffix, struct file_list *ret, struct err *err);
void files_fini(struct file_list *list);
/* The whole file, at most bytes_max. */
int file_read(const char *path, size_t bytes_max, struct buf *out, struct err *err);
/* The first n bytes, or fewer; how many. */
size_t file_head(const char *path, char *out, size_t n);
/* The part between the folder and the file's own name ("" for none); points into entry->path. */
struct str file_folder(const char *root, const struct file_entry *entry);
