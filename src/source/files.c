/* SPDX-License-Identifier: Apache-2.0 */
/* Walks folders that somebody else writes to: what vanishes meanwhile is not there. */
#include "config.h"

#include "source/files.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"

#define READ_BYTES (64u << 10)

static int
add(struct file_list *list, const char *path, const struct stat *st, struct err *err)
{
	if (list->n == FILES_MAX)
		return err_set(err, ERR_LIMIT,
		    "more than %d files; give a smaller folder, or "
		    "remove old ones",
		    FILES_MAX);
	if (list->n == list->cap)
		list->items = xgrow(list->items, &list->cap, list->n + 1, sizeof(*list->items));
	list->items[list->n++] = (struct file_entry){
		.path = xstrdup(path),
		.size = st->st_size,
		.changed_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
	};
	return 0;
}

static bool
has_suffix(const char *name, const char *suffix)
{
	return str_ends(str_from(name), str_from(suffix));
}

static int
walk(const char *folder, const char *suffix, int depth, struct file_list *list, struct err *err)
{
	DIR *dir = opendir(folder);
	const struct dirent *item;
	int code = 0;

	if (dir == NULL)
		return depth > 0 && errno == ENOENT
			   ? 0
			   : err_set(err, ERR_IO, "cannot open '%s': %s", folder, strerror(errno));
	while (code == 0 && (item = readdir(dir)) != NULL) {
		struct buf path = { 0 };
		struct stat st;

		if (item->d_name[0] == '.')
			continue;
		buf_printf(&path, "%s/%s", folder, item->d_name);
		if (lstat(path.p, &st) != 0)
			; /* gone again */
		else if (S_ISDIR(st.st_mode) && depth < FILES_DEPTH_MAX)
			code = walk(path.p, suffix, depth + 1, list, err);
		else if (has_suffix(item->d_name, suffix) &&
			 (S_ISREG(st.st_mode) || (S_ISLNK(st.st_mode) && stat(path.p, &st) == 0 &&
						     S_ISREG(st.st_mode))))
			code = add(list, path.p, &st, err);
		buf_fini(&path);
	}
	closedir(dir);
	return code;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct file_entry *)a)->path, ((const struct file_entry *)b)->path);
}

int
files_list(const char *path, const char *suffix, struct file_list *ret, struct err *err)
{
	struct file_list list = { 0 };
	struct stat st;
	int code;

	if (stat(path, &st) != 0)
		return err_set(err, ERR_IO, "cannot open '%s': %s", path, strerror(errno));
	code = S_ISDIR(st.st_mode) ? walk(path, suffix, 0, &list, err) : add(&list, path, &st, err);
	if (code < 0) {
		files_fini(&list);
		return code;
	}
	if (list.n > 1)
		qsort(list.items, list.n, sizeof(*list.items), by_path);
	*ret = list;
	return 0;
}

void
files_fini(struct file_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].path);
	free(list->items);
	*list = (struct file_list){ 0 };
}

int
file_read(const char *path, size_t bytes_max, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *chunk;
	ssize_t n;
	int code = 0;

	if (fd < 0)
		return err_set(err, ERR_IO, "cannot open '%s': %s", path, strerror(errno));
	chunk = xmalloc(READ_BYTES);
	buf_init(out, bytes_max);
	while ((n = read(fd, chunk, READ_BYTES)) != 0 && !out->overflow) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			code = err_set(err, ERR_IO, "cannot read '%s': %s", path, strerror(errno));
			break;
		}
		buf_put(out, chunk, (size_t)n);
	}
	free(chunk);
	close(fd);
	if (code == 0 && out->overflow)
		code = err_set(err, ERR_LIMIT, "'%s' has more than %zu bytes", path, bytes_max);
	if (code < 0)
		buf_fini(out);
	return code;
}

size_t
file_head(const char *path, char *out, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, out, n) : 0;

	if (fd >= 0)
		close(fd);
	return got > 0 ? (size_t)got : 0;
}

struct str
file_folder(const char *root, const struct file_entry *entry)
{
	size_t n = strlen(root);
	const char *rest, *slash;

	while (n > 0 && root[n - 1] == '/')
		n--;
	if (strncmp(entry->path, root, n) != 0 || entry->path[n] != '/')
		return str_make(entry->path, 0);
	rest = entry->path + n + 1;
	slash = strrchr(rest, '/');
	return slash != NULL ? str_make(rest, (size_t)(slash - rest)) : str_make(rest, 0);
}
