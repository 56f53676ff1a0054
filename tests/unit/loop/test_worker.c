/* SPDX-License-Identifier: Apache-2.0 */
/* The worker pool with threads and, on a virtual loop, without. */
#include <pthread.h>

#include "base/attr.h"
#include "loop/worker.h"
#include "suites.h"

#define JOBS 50

struct task {
	struct job job;
	struct loop *loop;
	bool ran, cancelled;
	int done;
	wall_t ran_at, done_at;
	pthread_t ran_on;
};

static struct task tasks[JOBS];
static int done_total, stop_after;
/* Holds back the workers of the tests that need a job to be running. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static bool open_gate;
static int waiting;

static void
run_task(struct job *job)
{
	struct task *task = CONTAINER_OF(job, struct task, job);

	task->ran = true;
	task->ran_on = pthread_self();
	if (loop_is_virtual(task->loop))
		task->ran_at = loop_now(task->loop);
}

static void
run_behind_gate(struct job *job)
{
	pthread_mutex_lock(&gate);
	waiting++;
	pthread_cond_broadcast(&moved);
	while (!open_gate)
		pthread_cond_wait(&moved, &gate);
	pthread_mutex_unlock(&gate);
	run_task(job);
}

static void
task_done(struct job *job, bool cancelled)
{
	struct task *task = CONTAINER_OF(job, struct task, job);

	task->done++;
	task->cancelled = cancelled;
	task->done_at = loop_now(task->loop);
	if (++done_total == stop_after)
		loop_stop(task->loop);
}

static void
tasks_init(struct loop *loop)
{
	done_total = 0;
	for (int i = 0; i < JOBS; i++) {
		tasks[i] = (struct task){ .loop = loop };
		tasks[i].job.run = run_task;
		tasks[i].job.done = task_done;
	}
}

START_TEST(every_job_runs_elsewhere_and_is_handed_back_once)
{
	struct loop *loop = loop_new();
	struct worker_pool *pool = worker_pool_new(loop, "test", 3, JOBS);

	tasks_init(loop);
	stop_after = JOBS;
	for (int i = 0; i < JOBS; i++)
		ck_assert(worker_submit(pool, &tasks[i].job));
	loop_run(loop);
	for (int i = 0; i < JOBS; i++) {
		ck_assert(tasks[i].ran && !tasks[i].cancelled);
		ck_assert_int_eq(tasks[i].done, 1);
		ck_assert(!pthread_equal(tasks[i].ran_on, pthread_self()));
	}
	worker_pool_free(pool);
	loop_free(loop);
}
END_TEST

START_TEST(full_queue_refuses_and_freeing_hands_all_back)
{
	struct loop *loop = loop_new();
	struct worker_pool *pool = worker_pool_new(loop, "test", 1, 2);
	int taken = 0;

	tasks_init(loop);
	stop_after = 0;
	open_gate = false;
	waiting = 0;
	tasks[0].job.run = run_behind_gate;
	ck_assert(worker_submit(pool, &tasks[0].job));
	pthread_mutex_lock(&gate);
	while (waiting == 0)
		pthread_cond_wait(&moved, &gate);
	pthread_mutex_unlock(&gate);
	/* One is running, so the queue has room for two. */
	for (int i = 1; i < 6; i++)
		taken += worker_submit(pool, &tasks[i].job);
	ck_assert_int_eq(taken, 2);
	pthread_mutex_lock(&gate);
	open_gate = true;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&gate);
	worker_pool_free(pool);
	ck_assert(tasks[0].ran);
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(tasks[i].done, i <= 2);
		ck_assert(tasks[i].cancelled == (i <= 2));
	}
	ck_assert(!loop_turn(loop, DUR_MS(0)));
	loop_free(loop);
}
END_TEST

START_TEST(virtual_jobs_are_done_in_the_next_turn_of_the_same_time)
{
	wall_t start = { INT64_C(1795155840) * 1000000000 };
	struct loop *loop = loop_new_virtual(start);
	struct worker_pool *pool = worker_pool_new(loop, "test", 2, 3);

	tasks_init(loop);
	stop_after = 0;
	for (int i = 0; i < 5; i++)
		ck_assert(worker_submit(pool, &tasks[i].job));
	ck_assert(!worker_submit(pool, &tasks[5].job));
	ck_assert(!tasks[0].ran);
	loop_turn(loop, DUR_MS(0));
	ck_assert(tasks[0].ran && tasks[4].ran);
	ck_assert_int_eq(done_total, 0);
	loop_turn(loop, DUR_MS(0));
	ck_assert_int_eq(done_total, 5);
	ck_assert(!loop_turn(loop, DUR_MS(0)));
	ck_assert_int_eq(tasks[4].done_at.ns, start.ns);
	worker_pool_free(pool);
	loop_free(loop);
}
END_TEST

/* A hook registered after the pool submits when the pool's has already run. */
struct submitter {
	struct loop_hook hook;
	struct worker_pool *pool;
};

static void
submit_at_end(void *arg)
{
	struct submitter *submitter = arg;

	if (tasks[0].job.pool == NULL)
		worker_submit(submitter->pool, &tasks[0].job);
}

START_TEST(virtual_jobs_submitted_late_in_a_turn_still_run)
{
	wall_t start = { INT64_C(1795155840) * 1000000000 };
	struct loop *loop = loop_new_virtual(start);
	struct submitter submitter = { 0 };

	tasks_init(loop);
	stop_after = 0;
	submitter.pool = worker_pool_new(loop, "test", 1, 1);
	submitter.hook =
	    (struct loop_hook){ .fn = submit_at_end, .arg = &submitter };
	loop_hook_turn_end(loop, &submitter.hook);
	loop_run_until(loop, wall_add(start, DUR_S(60)));
	ck_assert_int_eq(tasks[0].done, 1);
	ck_assert_int_eq(tasks[0].done_at.ns, start.ns);
	loop_hook_remove(&submitter.hook);
	worker_pool_free(submitter.pool);
	loop_free(loop);
}
END_TEST

START_TEST(virtual_pool_freed_early_hands_back_cancelled)
{
	struct loop *loop = loop_new_virtual((wall_t){ 1000000000 });
	struct worker_pool *pool = worker_pool_new(loop, "test", 1, 4);

	tasks_init(loop);
	stop_after = 0;
	worker_submit(pool, &tasks[0].job);
	loop_turn(loop, DUR_MS(0)); /* has run, is not done */
	worker_submit(pool, &tasks[1].job);
	worker_pool_free(pool);
	worker_pool_free(NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(tasks[i].done, 1);
		ck_assert(tasks[i].cancelled);
		ck_assert(tasks[i].ran == (i == 0));
	}
	loop_run(loop);
	ck_assert_int_eq(done_total, 2);
	loop_free(loop);
}
END_TEST

TCase *
case_worker(void)
{
	TCase *tcase = tcase_create("worker");

	tcase_add_test(tcase, every_job_runs_elsewhere_and_is_handed_back_once);
	tcase_add_test(tcase, full_queue_refuses_and_freeing_hands_all_back);
	tcase_add_test(
	    tcase, virtual_jobs_are_done_in_the_next_turn_of_the_same_time);
	tcase_add_test(tcase, virtual_jobs_submitted_late_in_a_turn_still_run);
	tcase_add_test(tcase, virtual_pool_freed_early_hands_back_cancelled);
	return tcase;
}
