/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: inline, or in a file that is read at each use, so that rotating
 * one needs no reload.  Error texts name the file, never the content.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "net/xfer.h"

#define SECRET_BYTES_MAX 65536

static int
read_all(int fd, const char *path, struct buf *out, struct err *err)
{
	char chunk[4096];
	size_t total = 0;

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, ERR_IO, "read secret file '%s': %s",
			    path, strerrordesc_np(errno));
		if (n == 0)
			break;
		total += (size_t)n;
		if (total > SECRET_BYTES_MAX)
			return err_set(err, ERR_LIMIT,
			    "secret file '%s' is larger than %d bytes", path,
			    SECRET_BYTES_MAX);
		buf_put(out, chunk, (size_t)n);
	}
	explicit_bzero(chunk, sizeof(chunk));
	return 0;
}

int
secret_read(const struct secret *secret, struct buf *out, struct err *err)
{
	size_t before = out->n;
	int fd, rc;

	if (secret->file == NULL) {
		if (secret->value != NULL)
			buf_puts(out, secret->value);
		return 0;
	}
	fd = open(secret->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, ERR_IO, "open secret file '%s': %s",
		    secret->file, strerrordesc_np(errno));
	rc = read_all(fd, secret->file, out, err);
	close(fd);
	while (out->n > before && (rc < 0 || out->p[out->n - 1] == '\n' ||
				      out->p[out->n - 1] == '\r'))
		out->p[--out->n] = '\0';
	return rc;
}
