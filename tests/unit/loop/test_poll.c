/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors, other threads and signals on a real loop. */
#include <sys/socket.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop/loop.h"
#include "suites.h"

#define WAIT_MAX DUR_S(10)

struct end {
	struct watch watch;
	struct loop *loop;
	struct end *other;
	uint32_t seen;
	int calls;
	bool drop_other, reuse;
};

/* Removes and closes the other one, whose event may be next in the batch. */
static void
drop_other(struct end *end)
{
	int fd = end->other->watch.fd, pipe_fds[2];

	loop_unwatch(end->loop, &end->other->watch);
	loop_unwatch(end->loop, &end->other->watch);
	close(fd);
	end->drop_other = false;
	if (!end->reuse)
		return;
	/* The same number, now another file, watched by the same struct. */
	ck_assert_int_eq(pipe(pipe_fds), 0);
	ck_assert_int_eq(pipe_fds[0], fd);
	loop_watch(end->loop, &end->other->watch, LOOP_READ);
	close(pipe_fds[1]); /* hangs up, in the next turn */
}

static void
see(void *arg, uint32_t events)
{
	struct end *end = arg;
	char piece[16];

	end->seen |= events;
	end->calls++;
	if ((events & LOOP_READ) != 0 &&
	    read(end->watch.fd, piece, sizeof(piece)) < 0)
		ck_abort_msg("read");
	if (end->drop_other)
		drop_other(end);
	if ((events & LOOP_HANGUP) != 0)
		loop_unwatch(end->loop, &end->watch);
}

static void
end_init(struct end *end, struct loop *loop, int fd)
{
	*end = (struct end){ .loop = loop };
	end->watch = (struct watch){ .fd = fd, .fn = see, .arg = end };
}

static void
make_pair(int fds[2])
{
	int ok = socketpair(
	    AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);

	ck_assert_int_eq(ok, 0);
}

START_TEST(watches_follow_their_events)
{
	struct loop *loop = loop_new();
	struct end end;
	int fds[2];

	make_pair(fds);
	end_init(&end, loop, fds[0]);
	loop_watch(loop, &end.watch, LOOP_READ);
	ck_assert(!loop_turn(loop, DUR_MS(0)));
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert(loop_turn(loop, WAIT_MAX));
	ck_assert_uint_eq(end.seen, LOOP_READ);
	ck_assert(!loop_turn(loop, DUR_MS(0)));
	loop_watch(loop, &end.watch, LOOP_READ | LOOP_WRITE);
	ck_assert(loop_turn(loop, WAIT_MAX));
	ck_assert_uint_eq(end.seen, LOOP_READ | LOOP_WRITE);
	loop_watch(loop, &end.watch, 0);
	ck_assert(!loop_turn(loop, DUR_MS(0)));
	ck_assert_int_eq(end.calls, 2);
	loop_watch(loop, &end.watch, LOOP_READ);
	close(fds[1]);
	ck_assert(loop_turn(loop, WAIT_MAX));
	ck_assert_uint_ne(end.seen & LOOP_HANGUP, 0);
	ck_assert_uint_eq(end.watch.events, 0);
	close(fds[0]);
	loop_free(loop);
}
END_TEST

/* 0: only closed; 1: the number and the watch are used again at once. */
START_TEST(closed_descriptors_get_no_event_of_the_same_batch)
{
	struct loop *loop = loop_new();
	struct end ends[2];
	int a[2], b[2], spare;

	make_pair(a);
	make_pair(b);
	spare = b[1];
	end_init(&ends[0], loop, a[0]);
	end_init(&ends[1], loop, b[0]);
	for (int i = 0; i < 2; i++) {
		ends[i].other = &ends[1 - i];
		ends[i].drop_other = true;
		ends[i].reuse = _i == 1;
		loop_watch(loop, &ends[i].watch, LOOP_READ);
	}
	ck_assert_int_eq(write(a[1], "x", 1), 1);
	ck_assert_int_eq(write(b[1], "x", 1), 1);
	ck_assert(loop_turn(loop, WAIT_MAX));
	ck_assert_int_eq(ends[0].calls + ends[1].calls, 1);
	for (int i = 0; i < 2; i++) {
		ends[i].drop_other = false;
		if (_i == 1 && ends[i].calls == 0) {
			loop_turn(loop, WAIT_MAX);
			ck_assert_int_eq(ends[i].calls, 1);
			ck_assert_uint_ne(ends[i].seen & LOOP_HANGUP, 0);
			close(ends[i].watch.fd);
		} else if (ends[i].watch.events != 0) {
			loop_unwatch(loop, &ends[i].watch);
			close(ends[i].watch.fd);
		}
	}
	close(a[1]);
	close(spare);
	loop_free(loop);
}
END_TEST

#define SENDERS 4
#define EACH    500

struct parcel {
	struct message message;
	int sender, number;
};

static struct parcel parcels[SENDERS][EACH];
static int next_number[SENDERS], arrived;
static struct loop *target;

static void
receive(void *arg)
{
	struct parcel *parcel = arg;

	if (parcel->number != next_number[parcel->sender])
		ck_abort_msg("out of order");
	next_number[parcel->sender]++;
	if (++arrived == SENDERS * EACH)
		loop_stop(target);
}

static void *
send_all(void *arg)
{
	struct parcel *mine = arg;

	for (int i = 0; i < EACH; i++)
		loop_post(target, &mine[i].message);
	return NULL;
}

START_TEST(threads_post_in_order)
{
	pthread_t threads[SENDERS];

	target = loop_new();
	for (int s = 0; s < SENDERS; s++)
		for (int i = 0; i < EACH; i++)
			parcels[s][i] = (struct parcel){
				.message = { .fn = receive,
				    .arg = &parcels[s][i] },
				.sender = s,
				.number = i,
			};
	for (int s = 0; s < SENDERS; s++)
		ck_assert_int_eq(
		    pthread_create(&threads[s], NULL, send_all, parcels[s]), 0);
	loop_run(target);
	for (int s = 0; s < SENDERS; s++) {
		pthread_join(threads[s], NULL);
		ck_assert_int_eq(next_number[s], EACH);
	}
	loop_free(target);
}
END_TEST

static void
remember_signal(void *arg, int number)
{
	*(int *)arg = *(int *)arg * 100 + number;
}

START_TEST(signals_arrive_as_callbacks)
{
	static const int signals[] = { SIGUSR1, SIGHUP, 0 };
	struct loop *loop = loop_new();
	struct err err = { 0 };
	int seen = 0;

	ck_assert_int_eq(
	    loop_signals(loop, signals, remember_signal, &seen, &err), 0);
	ck_assert_int_eq(
	    loop_signals(loop, signals, remember_signal, &seen, &err),
	    -ERR_INVALID);
	raise(SIGUSR1);
	ck_assert(loop_turn(loop, WAIT_MAX));
	ck_assert_int_eq(seen, SIGUSR1);
	raise(SIGHUP);
	ck_assert(loop_turn(loop, WAIT_MAX));
	ck_assert_int_eq(seen, SIGUSR1 * 100 + SIGHUP);
	loop_free(loop);
}
END_TEST

START_TEST(virtual_loops_have_no_descriptors)
{
	struct loop *loop = loop_new_virtual((wall_t){ 1 });
	struct watch watch = { .fd = 0 };

	loop_watch(loop, &watch, LOOP_READ);
}
END_TEST

TCase *
case_poll(void)
{
	TCase *tcase = tcase_create("poll");

	tcase_add_test(tcase, watches_follow_their_events);
	tcase_add_loop_test(
	    tcase, closed_descriptors_get_no_event_of_the_same_batch, 0, 2);
	tcase_add_test(tcase, threads_post_in_order);
	tcase_add_test(tcase, signals_arrive_as_callbacks);
	tcase_add_test_raise_signal(
	    tcase, virtual_loops_have_no_descriptors, SIGABRT);
	return tcase;
}
