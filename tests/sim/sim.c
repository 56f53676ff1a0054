/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim STORY...          runs the stories
 * sim --seeds N STEPS   runs N random stories of STEPS steps
 * sim --seed SEED STEPS runs one of them again
 *
 * Each in a process and a directory of its own, so that an abort fails one
 * story and not the rest.  Prints TAP.  For those that fail SIM_LOG=debug shows
 * the program's log, SIM_TRACE=1 every step and every request to a receiver.
 * SIM_JOBS=2 runs two at once.
 */
#include "config.h"

#include "sim.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define STORY_CPU_SECONDS_MAX 600  /* needs a hundredth: it runs in circles */
#define STORY_SECONDS_MAX     7200 /* may wait for the processor for long: it hangs */
#define FIRST_SEED            1
#define SAID_LINES_MAX        16

#define JOBS_MAX          64

static unsigned n_run, n_failed, n_running;

/* A story in a process of its own, and what it has said. */
static struct running {
	pid_t pid;
	FILE *said;
	char name[256], dir[512];
} jobs[JOBS_MAX];

struct task {
	const char *path; /* NULL: random */
	uint64_t seed;
	uint32_t steps;
};

static char *
work_dir(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, size, "%s/tocsin-sim-XXXXXX", tmp != NULL ? tmp : "/tmp");
	return mkdtemp(path);
}

static int
run_in_child(const struct task *task, const char *dir)
{
	const char *level = getenv("SIM_LOG");
	enum log_level log_level = LOG_ERROR;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (level != NULL)
		log_level_from(str_from(level), &log_level);
	log_configure(log_level, LOG_LOGFMT);
	(void)setrlimit(
	    RLIMIT_CPU, &(struct rlimit){ STORY_CPU_SECONDS_MAX, STORY_CPU_SECONDS_MAX });
	alarm(STORY_SECONDS_MAX);
	if (chdir(dir) < 0)
		return 1;
	int rc = task->path != NULL ? story_run(task->path) : chaos_run(task->seed, task->steps);

	unlink("tocsin.yml");
	unlink("rules.yml");
	return rc;
}

/* The last of what the child said, as TAP comments. */
static void
print_said(FILE *said)
{
	char line[4096];
	bool is_chatty = getenv("SIM_LOG") != NULL || getenv("SIM_TRACE") != NULL;
	unsigned lines = 0;

	for (rewind(said); fgets(line, sizeof(line), said) != NULL;)
		lines++;
	for (rewind(said); fgets(line, sizeof(line), said) != NULL; lines--)
		if (lines <= SAID_LINES_MAX || is_chatty)
			printf("# %.*s\n", (int)strcspn(line, "\n"), line);
}

static void
report(struct running *job, int status)
{
	n_run++;
	if (status == 0) {
		printf("ok %u - %s\n", n_run, job->name);
	} else {
		n_failed++;
		printf("not ok %u - %s\n", n_run, job->name);
		print_said(job->said);
		if (status > 0 && WIFSIGNALED(status))
			printf("# ended by signal %d\n", WTERMSIG(status));
	}
	fclose(job->said);
	if (rmdir(job->dir) < 0 && status == 0)
		printf("# %s: %s\n", job->dir, strerror(errno));
	fflush(stdout);
}

/* Until at most so many run. */
static void
wait_for_jobs(unsigned most)
{
	while (n_running > most) {
		int status = -1;
		pid_t pid = wait(&status);

		for (unsigned i = 0; i < n_running; i++) {
			if (pid > 0 && jobs[i].pid != pid)
				continue;
			report(&jobs[i], pid > 0 ? status : -1);
			jobs[i] = jobs[--n_running];
			break;
		}
	}
}

/* SIM_JOBS at once; 1 when it is not set. */
static unsigned
jobs_wanted(void)
{
	const char *text = getenv("SIM_JOBS");
	int64_t n = 1;

	if (text != NULL && (!str_to_i64(str_from(text), &n) || n < 1 || n > JOBS_MAX))
		n = 1;
	return (unsigned)n;
}

static void
run(const struct task *task, const char *name)
{
	struct running *job;

	wait_for_jobs(jobs_wanted() - 1);
	job = &jobs[n_running];
	snprintf(job->name, sizeof(job->name), "%s", name);
	job->said = tmpfile();
	if (job->said == NULL || work_dir(job->dir, sizeof(job->dir)) == NULL) {
		fprintf(stderr, "sim: no temporary directory: %s\n", strerror(errno));
		exit(2);
	}
	fflush(stdout);
	job->pid = fork();
	if (job->pid == 0) {
		dup2(fileno(job->said), STDOUT_FILENO);
		dup2(fileno(job->said), STDERR_FILENO);
		int rc = run_in_child(task, job->dir);

		exit(rc);
	}
	if (job->pid < 0)
		report(job, -1);
	else
		n_running++;
}

static void
run_seed(uint64_t seed, uint32_t steps)
{
	char name[128];

	snprintf(
	    name, sizeof(name), "random: %u steps, seed %llu", steps, (unsigned long long)seed);
	run(&(struct task){ .seed = seed, .steps = steps }, name);
}

static void
run_story(const char *path)
{
	const char *slash = strrchr(path, '/');
	char whole[PATH_MAX], name[256];

	if (realpath(path, whole) == NULL)
		snprintf(whole, sizeof(whole), "%s", path);
	snprintf(name, sizeof(name), "%s", slash != NULL ? slash + 1 : path);
	if (str_ends(str_from(name), STR(".sim")))
		name[strlen(name) - 4] = '\0';
	run(&(struct task){ .path = whole }, name);
}

static int64_t
number(const char *text)
{
	int64_t n;

	if (text == NULL || !str_to_i64(str_from(text), &n) || n < 0) {
		fprintf(stderr, "sim: '%s' is no number\n", text != NULL ? text : "");
		exit(2);
	}
	return n;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--seeds") == 0 && i + 2 < argc) {
			int64_t seeds = number(argv[i + 1]), steps = number(argv[i + 2]);

			for (int64_t s = 0; s < seeds; s++)
				run_seed((uint64_t)(FIRST_SEED + s), (uint32_t)steps);
			i += 2;
		} else if (strcmp(argv[i], "--seed") == 0 && i + 2 < argc) {
			run_seed((uint64_t)number(argv[i + 1]), (uint32_t)number(argv[i + 2]));
			i += 2;
		} else {
			run_story(argv[i]);
		}
	}
	wait_for_jobs(0);
	printf("1..%u\n", n_run);
	if (n_failed > 0)
		printf("# %u of %u failed\n", n_failed, n_run);
	return n_run > 0 && n_failed == 0 ? 0 : 1;
}
