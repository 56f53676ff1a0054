/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real loop's file descriptors: epoll, the eventfd that other threads
 * ring, the signalfd, and a timerfd that the kernel cancels when the wall
 * clock is set.
 *
 * A callback may remove any watch and close its descriptor while an event of
 * it is still in the batch: loop_unwatch() strikes it out there.
 */
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/loop_private.h"

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#	if __GLIBC_PREREQ(2, 35)
#		define HAVE_PWAIT2 1
#	endif
#endif

static NORETURN COLD void
die(const char *what)
{
	fprintf(stderr, "tocsin: event loop: %s: %s\n", what, strerror(errno));
	abort();
}

/* Adds or changes; libraries close and reopen descriptors between the two. */
static void
control(struct loop *loop, struct watch *watch, uint32_t events, bool known)
{
	struct epoll_event event = { .data.ptr = watch };
	int op = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if ((events & LOOP_READ) != 0)
		event.events |= EPOLLIN;
	if ((events & LOOP_WRITE) != 0)
		event.events |= EPOLLOUT;
	if (epoll_ctl(loop->poll.epoll_fd, op, watch->fd, &event) < 0) {
		if (op == EPOLL_CTL_MOD && errno == ENOENT)
			op = EPOLL_CTL_ADD;
		else if (op == EPOLL_CTL_ADD && errno == EEXIST)
			op = EPOLL_CTL_MOD;
		else
			die("epoll_ctl");
		if (epoll_ctl(loop->poll.epoll_fd, op, watch->fd, &event) < 0)
			die("epoll_ctl");
	}
	watch->events = events;
}

static void
need_real(const struct loop *loop)
{
	if (loop->is_virtual) {
		fprintf(
		    stderr, "tocsin: a virtual loop has no file descriptors\n");
		abort();
	}
}

void
loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
	need_real(loop);
	if (events == 0) {
		loop_unwatch(loop, watch);
		return;
	}
	if (watch->events == events)
		return;
	if (watch->events == 0)
		loop->poll.n_watches++;
	control(loop, watch, events, watch->events != 0);
}

static void
drop_watch(struct loop *loop, struct watch *watch)
{
	struct loop_poll *poll = &loop->poll;

	/* It may be closed already: then the kernel has dropped it. */
	epoll_ctl(poll->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->events = 0;
	for (int i = poll->ready_next; i < poll->ready_n; i++)
		if (poll->ready[i].data.ptr == watch)
			poll->ready[i].data.ptr = NULL;
}

void
loop_unwatch(struct loop *loop, struct watch *watch)
{
	need_real(loop);
	if (watch->events == 0)
		return;
	drop_watch(loop, watch);
	loop->poll.n_watches--;
}

/* --- our own descriptors ----------------------------------------------- */

static void
inbox_ready(void *arg, uint32_t events UNUSED)
{
	struct loop *loop = arg;
	uint64_t count;

	/* Only empties the counter; loop.c runs the messages in every turn. */
	if (read(loop->poll.inbox.fd, &count, sizeof(count)) < 0 &&
	    errno != EAGAIN && errno != EINTR)
		die("eventfd");
}

void
loop_poll_wake(struct loop *loop)
{
	uint64_t one = 1;

	while (
	    write(loop->poll.inbox.fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* Armed for the end of time; setting the clock makes it readable with
 * ECANCELED. */
static void
arm_steps(struct loop *loop)
{
	struct itimerspec never = { .it_value.tv_sec = INT64_C(1) << 33 };

	timerfd_settime(loop->poll.steps.fd,
	    TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void
steps_ready(void *arg, uint32_t events UNUSED)
{
	struct loop *loop = arg;
	uint64_t count;

	if (read(loop->poll.steps.fd, &count, sizeof(count)) < 0 &&
	    errno == ECANCELED)
		arm_steps(loop);
}

static void
signals_ready(void *arg, uint32_t events UNUSED)
{
	struct loop *loop = arg;
	struct signalfd_siginfo info;

	/* One per turn: the descriptor stays readable while there are more. */
	if (read(loop->poll.signals.fd, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info))
		loop->poll.signal_fn(
		    loop->poll.signal_arg, (int)info.ssi_signo);
}

int
loop_signals(struct loop *loop, const int *signals, loop_signal_fn *fn,
    void *arg, struct err *err)
{
	struct loop_poll *poll = &loop->poll;
	sigset_t set;
	int fd;

	need_real(loop);
	if (poll->signal_fn != NULL)
		return err_set(err, ERR_INVALID, "signals are already taken");
	sigemptyset(&set);
	for (; *signals != 0; signals++)
		if (sigaddset(&set, *signals) < 0)
			return err_set(
			    err, ERR_INVALID, "no such signal: %d", *signals);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return err_set(err, ERR_IO, "blocking signals failed");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_set(err, ERR_IO, "signalfd: %s", strerror(errno));
	poll->signal_fn = fn;
	poll->signal_arg = arg;
	poll->signals =
	    (struct watch){ .fd = fd, .fn = signals_ready, .arg = loop };
	control(loop, &poll->signals, LOOP_READ, false);
	return 0;
}

void
loop_poll_init(struct loop *loop)
{
	struct loop_poll *poll = &loop->poll;
	int inbox = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int steps = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	poll->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (poll->epoll_fd < 0 || inbox < 0 || steps < 0)
		die("cannot start");
	poll->inbox =
	    (struct watch){ .fd = inbox, .fn = inbox_ready, .arg = loop };
	poll->steps =
	    (struct watch){ .fd = steps, .fn = steps_ready, .arg = loop };
	poll->signals.fd = -1;
	control(loop, &poll->inbox, LOOP_READ, false);
	control(loop, &poll->steps, LOOP_READ, false);
	arm_steps(loop);
}

void
loop_poll_fini(struct loop *loop)
{
	struct loop_poll *poll = &loop->poll;

	assert(poll->n_watches == 0);
	close(poll->inbox.fd);
	close(poll->steps.fd);
	if (poll->signals.fd >= 0)
		close(poll->signals.fd);
	close(poll->epoll_fd);
}

/* --- waiting ----------------------------------------------------------- */

/* Milliseconds, rounded up: a timer may be late but not early. */
static int
wait_ms(struct loop_poll *poll, dur_t wait)
{
	int64_t ms;

	if (wait.ns == INT64_MAX)
		return epoll_wait(
		    poll->epoll_fd, poll->ready, LOOP_EVENTS_MAX, -1);
	ms = wait.ns / 1000000 + (wait.ns % 1000000 != 0);
	return epoll_wait(poll->epoll_fd, poll->ready, LOOP_EVENTS_MAX,
	    ms < INT_MAX ? (int)ms : INT_MAX);
}

static int
wait_exactly(struct loop_poll *poll, dur_t wait)
{
#ifdef HAVE_PWAIT2
	static bool missing; /* an old kernel, or a sandbox that does not know
				the call */

	if (!missing) {
		struct timespec ts = { .tv_sec = (time_t)(wait.ns / 1000000000),
			.tv_nsec = (long)(wait.ns % 1000000000) };
		int n = epoll_pwait2(poll->epoll_fd, poll->ready,
		    LOOP_EVENTS_MAX, wait.ns == INT64_MAX ? NULL : &ts, NULL);

		if (n >= 0 || (errno != ENOSYS && errno != EPERM))
			return n;
		missing = true;
	}
#endif
	return wait_ms(poll, wait);
}

void
loop_poll_wait(struct loop *loop, dur_t wait)
{
	struct loop_poll *poll = &loop->poll;
	int n = wait_exactly(poll, wait.ns > 0 ? wait : (dur_t){ 0 });

	if (n < 0 && errno != EINTR)
		die("epoll_wait");
	poll->ready_n = n > 0 ? n : 0;
	poll->ready_next = 0;
}

bool
loop_poll_dispatch(struct loop *loop)
{
	struct loop_poll *poll = &loop->poll;
	bool ran = false;

	while (poll->ready_next < poll->ready_n) {
		const struct epoll_event *event =
		    &poll->ready[poll->ready_next++];
		struct watch *watch = event->data.ptr;
		uint32_t events = 0;

		if (watch == NULL)
			continue;
		if ((event->events & EPOLLIN) != 0)
			events |= LOOP_READ;
		if ((event->events & EPOLLOUT) != 0)
			events |= LOOP_WRITE;
		/* A callback before this one may have narrowed what is wanted.
		 */
		events &= watch->events;
		if ((event->events & (EPOLLHUP | EPOLLERR)) != 0)
			events |= LOOP_HANGUP;
		if (events == 0)
			continue;
		ran = ran || (watch != &poll->inbox && watch != &poll->steps);
		watch->fn(watch->arg, events);
	}
	return ran;
}
