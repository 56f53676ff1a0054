/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The storage directory: made if missing, and held by one process.
 *
 * The lock is flock() on DIR/lock, so it ends with the process however that
 * dies; the process id inside is for the error message only.  The file is
 * never removed: a lock on a removed file would guard nothing.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "store/store_internal.h"

/* Parents as usual, the directory itself for its owner only. */
static int
make_dir(const char *dir, struct err *err)
{
	char *path = xstrdup(dir);
	int rc = 0;

	for (char *slash = path; rc == 0 && (slash = strchr(slash + 1, '/')) != NULL;) {
		if (slash[1] == '\0') /* a trailing slash ends the path */
			break;
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			rc = -1;
		*slash = '/';
	}
	if (rc == 0 && mkdir(dir, 0700) < 0 && errno != EEXIST)
		rc = -1;
	if (rc < 0)
		rc = err_set(err, ERR_IO, "cannot create storage directory %s: %s",
		    dir, strerror(errno));
	free(path);
	return rc;
}

static int
say_who_holds(int fd, const char *dir, struct err *err)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n > 1 && text[n - 1] == '\n') {
		text[n - 1] = '\0';
		return err_set(err, ERR_BUSY, "storage %s is in use by process %s",
		    dir, text);
	}
	return err_set(err, ERR_BUSY, "storage %s is in use by another process",
	    dir);
}

int
store_lock(const char *dir, int *ret_fd, struct err *err)
{
	char path[PATH_MAX], text[32];
	int fd, n, rc = make_dir(dir, err);

	if (rc < 0)
		return rc;
	n = snprintf(path, sizeof(path), "%s/lock", dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(err, ERR_LIMIT, "storage path is too long");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, ERR_IO, "cannot open %s: %s", path,
		    strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = errno == EWOULDBLOCK ? say_who_holds(fd, dir, err) :
		    err_set(err, ERR_IO, "cannot lock %s: %s", path, strerror(errno));
		(void)close(fd);
		return rc;
	}
	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n) {
		rc = err_set(err, ERR_IO, "cannot write %s: %s", path,
		    strerror(errno));
		(void)close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

void
store_unlock(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
