/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "pki.h"

#include <sys/wait.h>

#include <dirent.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

static char dir[64];

const char *
pki_path(const char *file)
{
	static char paths[8][PATH_MAX];
	static int turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, file);
	return path;
}

/* openssl WORD..., the words separated by spaces. */
__attribute__((format(printf, 1, 2))) static void
run_openssl(const char *fmt, ...)
{
	char text[2048], *words[40] = { NULL }, *save = text;
	posix_spawn_file_actions_t quiet;
	int n = 0, status;
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	while (n < 39 && (words[n] = strsep(&save, " ")) != NULL)
		n++;
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1, 0);
	ck_assert_int_eq(
	    posix_spawnp(&pid, "openssl", &quiet, NULL, words, environ), 0);
	posix_spawn_file_actions_destroy(&quiet);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "openssl failed: %s ...", words[1]);
}

#define NEW_KEY "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

void
pki_authority(const char *name)
{
	run_openssl("openssl req -x509 " NEW_KEY
		    " -keyout %s/%s.key -out %s/%s.pem -subj /CN=%s -days 2",
	    dir, name, dir, name, name);
}

void
pki_issue(const char *name, const char *authority)
{
	FILE *names = fopen(pki_path("names"), "w");

	ck_assert_ptr_nonnull(names);
	fputs("subjectAltName=DNS:localhost,IP:127.0.0.1\n", names);
	fclose(names);
	run_openssl("openssl req " NEW_KEY
		    " -keyout %s/%s.key -out %s/%s.csr -subj /CN=%s",
	    dir, name, dir, name, name);
	run_openssl("openssl x509 -req -in %s/%s.csr -CA %s/%s.pem -CAkey "
		    "%s/%s.key -CAcreateserial -out %s/%s.pem -days 2 "
		    "-extfile %s/names",
	    dir, name, dir, authority, dir, authority, dir, name, dir);
}

void
pki_open(void)
{
	snprintf(dir, sizeof(dir), "/tmp/test_pki.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	pki_authority("ca");
	pki_issue("server", "ca");
	pki_issue("client", "ca");
}

void
pki_close(void)
{
	DIR *files = opendir(dir);
	struct dirent *entry;

	ck_assert_ptr_nonnull(files);
	while ((entry = readdir(files)) != NULL)
		if (entry->d_name[0] != '.')
			unlink(pki_path(entry->d_name));
	closedir(files);
	rmdir(dir);
}
