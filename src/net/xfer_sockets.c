/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl_multi_socket_action on the loop: see struct sockets in xfer_curl.h.
 *
 * Rules kept here: curl is never called from inside its own timer or socket
 * callback; a descriptor leaves epoll before it is closed; the resolver's
 * own descriptors, which close without our hearing of it, are never parked.
 */
#include "config.h"

#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "net/xfer_curl.h"

static void
on_event(void *arg, uint32_t events)
{
	struct socket_slot *slot = arg;
	struct sockets *sockets = slot->sockets;
	int bits = 0, running;

	if (slot->is_parked) {
		slot->is_parked = false;
		loop_unwatch(sockets->loop, &slot->watch);
		return;
	}
	/* A hang-up is found by reading or writing, which tells curl more than
	 * an error bit. */
	if ((events & (LOOP_READ | LOOP_HANGUP)) != 0)
		bits |= CURL_CSELECT_IN;
	if ((events & LOOP_WRITE) != 0 ||
	    ((events & LOOP_HANGUP) != 0 &&
		(slot->watch.events & LOOP_WRITE) != 0))
		bits |= CURL_CSELECT_OUT;
	curl_multi_socket_action(
	    sockets->multi, slot->watch.fd, bits, &running);
	sockets->acted(sockets->arg);
}

static struct socket_slot *
slot_for(struct sockets *sockets, curl_socket_t fd)
{
	size_t i = (size_t)fd, before = sockets->n;

	if (i >= sockets->n) {
		sockets->slots = xgrow(sockets->slots, &sockets->n, i + 1,
		    sizeof(struct socket_slot *));
		for (size_t k = before; k < sockets->n; k++)
			sockets->slots[k] = NULL;
	}
	if (sockets->slots[i] == NULL) {
		struct socket_slot *slot = xcalloc(1, sizeof(*slot));

		slot->watch.fd = fd;
		slot->watch.fn = on_event;
		slot->watch.arg = slot;
		slot->sockets = sockets;
		sockets->slots[i] = slot;
	}
	return sockets->slots[i];
}

static void
forget(struct sockets *sockets, struct socket_slot *slot)
{
	if (slot->watch.events != 0)
		loop_unwatch(sockets->loop, &slot->watch);
	slot->is_parked = false;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct sockets *sockets = arg;
	struct socket_slot *slot = slot_for(sockets, fd);
	uint32_t events = 0;

	(void)easy;
	(void)socket_arg;
	if (what == CURL_POLL_REMOVE) {
		if (slot->is_ours && slot->watch.events == LOOP_READ)
			slot->is_parked = true;
		else
			forget(sockets, slot);
		return 0;
	}
	slot->is_parked = false;
	if ((what & CURL_POLL_IN) != 0)
		events |= LOOP_READ;
	if ((what & CURL_POLL_OUT) != 0)
		events |= LOOP_WRITE;
	if (events == 0)
		forget(sockets, slot);
	else if (slot->watch.events != events)
		loop_watch(sockets->loop, &slot->watch, events);
	return 0;
}

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;
	struct sockets *sockets = &transfer->transport->sockets;
	int fd;

	(void)purpose;
	if (transfer->request != NULL &&
	    !reach_allows(transfer->request->reach, &address->addr)) {
		address_text(address, transfer->out_of_reach);
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family,
	    address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	transfer->out_of_reach[0] = '\0'; /* another address of its name is fine */
	slot_for(sockets, fd)->is_ours = true;
	return fd;
}

static int
on_close(void *arg, curl_socket_t fd)
{
	struct sockets *sockets = arg;
	struct socket_slot *slot = slot_for(sockets, fd);

	forget(sockets, slot);
	slot->is_ours = false;
	return close(fd);
}

static void
arm(struct sockets *sockets, long ms)
{
	mono_t due;

	/* Zero means soon.  The exact clock otherwise: curl counts from now,
	 * not from the turn's begin. */
	if (ms <= 0)
		due = loop_mono(sockets->loop);
	else
		due = mono_add(loop_mono_exact(sockets->loop), DUR_MS(ms));
	loop_timer_set(sockets->loop, &sockets->timer, due);
}

static int
on_timer_change(CURLM *multi, long ms, void *arg)
{
	struct sockets *sockets = arg;

	(void)multi;
	if (ms < 0)
		loop_timer_stop(sockets->loop, &sockets->timer);
	else
		arm(sockets, ms);
	return 0;
}

static void
on_time(void *arg)
{
	struct sockets *sockets = arg;
	int running;
	long ms = -1;

	curl_multi_socket_action(
	    sockets->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	sockets->acted(sockets->arg);
	/* curl stays silent when its next due time has not changed, as when we
	 * were a little early. */
	if (!timer_is_set(&sockets->timer) &&
	    curl_multi_timeout(sockets->multi, &ms) == CURLM_OK && ms >= 0)
		arm(sockets, ms > 0 ? ms : 1);
}

void
sockets_init(struct sockets *sockets, struct loop *loop, CURLM *multi,
    void (*acted)(void *arg), void *arg)
{
	*sockets = (struct sockets){
		.loop = loop, .multi = multi, .acted = acted, .arg = arg
	};
	timer_init(&sockets->timer, on_time, sockets);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, sockets);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_change);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, sockets);
}

/* A redirect may find a connection that another request left open. */
static int
on_connected(void *arg, char *address, char *local, int port, int local_port)
{
	struct transfer *transfer = arg;

	(void)local;
	(void)port;
	(void)local_port;
	if (transfer->request == NULL ||
	    reach_allows_text(transfer->request->reach, address))
		return CURL_PREREQFUNC_OK;
	snprintf(transfer->out_of_reach, sizeof(transfer->out_of_reach), "%s",
	    address);
	return CURL_PREREQFUNC_ABORT;
}

void
sockets_attach(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	/* Connections outlive the handle they were made for. */
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(
	    easy, CURLOPT_CLOSESOCKETDATA, &transfer->transport->sockets);
}

void
sockets_fini(struct sockets *sockets)
{
	loop_timer_stop(sockets->loop, &sockets->timer);
	for (size_t i = 0; i < sockets->n; i++) {
		if (sockets->slots[i] != NULL)
			forget(sockets, sockets->slots[i]);
		free(sockets->slots[i]);
	}
	free(sockets->slots);
}
