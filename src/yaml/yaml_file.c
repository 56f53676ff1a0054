/* SPDX-License-Identifier: Apache-2.0 */
/* Files of YAML: their text within its limit, and their names, which findings refer to. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "yaml/internal.h"

/*
 * Positions outlive both the findings and the generation that failed to load,
 * so the names of files are kept for good: there are few, and reloads meet the
 * same ones again.  Loop thread only.
 */
const char *
yaml_name_keep(const char *name)
{
	static struct kept {
		struct kept *next;
		char *name;
	} *names;

	for (const struct kept *k = names; k != NULL; k = k->next) {
		if (strcmp(k->name, name) == 0) {
			return k->name;
		}
	}
	struct kept *kept = xmalloc(sizeof(*kept));

	*kept = (struct kept){ names, xstrdup(name) };
	names = kept;
	return kept->name;
}

static bool
fd_read(int fd, struct buf *out)
{
	char chunk[4096];

	for (;;) {
		const ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return n == 0;
		}
		buf_put(out, chunk, (size_t)n);
		if (out->overflow) {
			errno = EFBIG;
			return false;
		}
	}
}

bool
yaml_read_file(struct arena *arena, struct diag *diag, const char *path,
    struct str *ret_text)
{
	struct buf buf;
	struct stat st;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ok = fd >= 0 && fstat(fd, &st) == 0;
	int why = errno;

	buf_init(&buf, YAML_FILE_BYTES_MAX);
	if (ok && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) &&
	    !S_ISCHR(st.st_mode)) {
		ok = false;
		why = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	} else if (ok) {
		ok = fd_read(fd, &buf);
		why = errno;
	}
	if (fd >= 0) {
		close(fd);
	}
	if (ok) {
		*ret_text = arena_str(arena, buf_str(&buf));
	} else {
		const struct pos pos = { .file = yaml_name_keep(path) };

		diag_add_file(diag, path, STR(""));
		if (why == EFBIG) {
			diag_error(diag, pos,
			    "the file is larger than %u MiB; split it",
			    YAML_FILE_BYTES_MAX >> 20);
		} else {
			diag_error(diag, pos, "cannot read the file: %s",
			    strerrordesc_np(why));
		}
	}
	buf_fini(&buf);
	return ok;
}

struct yaml_node *
yaml_parse_file(struct arena *arena, struct diag *diag, const char *path)
{
	struct str text;

	if (!yaml_read_file(arena, diag, path, &text)) {
		return NULL;
	}
	return yaml_parse(arena, diag, path, text);
}
