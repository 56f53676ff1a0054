/* SPDX-License-Identifier: Apache-2.0 */
/* See net_world.h. */
#include "config.h"

#include "net_world.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

uint32_t outcomes;

void
world_open(struct world *world)
{
	struct err err = { .code = ERR_NONE };

	*world = (struct world){ 0 };
	ck_assert_msg(net_init(&err) == 0, "%s", err.text);
	outcomes = 0;
	world->loop = loop_new();
	world->xfer = xfer_new(world->loop, NULL);
	xfer_lane_init(&world->lane, 64);
}

void
world_close(struct world *world)
{
	xfer_free(world->xfer);
	loop_free(world->loop);
	net_fini();
}

void
expect_quiet(struct world *world)
{
	mono_t end = mono_add(loop_mono_exact(world->loop), DUR_MS(100));
	uint64_t turns = loop_stats(world->loop).turns;

	while (mono_before(loop_mono_exact(world->loop), end))
		loop_turn(world->loop, DUR_MS(20));
	turns = loop_stats(world->loop).turns - turns;
	ck_assert_msg(
	    turns < 20, "%llu turns in 100 ms", (unsigned long long)turns);
}

void
outcome_done(struct xfer_request *request, const struct xfer_response *response,
    void *arg)
{
	struct outcome *outcome = arg;

	outcome->times++;
	outcome->order = outcomes++;
	outcome->response = *response;
	snprintf(outcome->body, sizeof(outcome->body), "%.*s",
	    STR_ARG(response->body));
	snprintf(outcome->type, sizeof(outcome->type), "%.*s",
	    STR_ARG(response->content_type));
	xfer_request_free(request);
}

struct xfer_request *
get(const char *fmt, ...)
{
	struct xfer_request *request = xfer_request_new(XFER_HTTP);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&request->url, fmt, ap);
	va_end(ap);
	request->timeout = DUR_S(60);
	return request;
}

void
submit(
    struct world *world, struct xfer_request *request, struct outcome *outcome)
{
	*outcome = (struct outcome){ 0 };
	xfer_submit(world->xfer, &world->lane, request, outcome_done, outcome);
}

void
perform(
    struct world *world, struct xfer_request *request, struct outcome *outcome)
{
	submit(world, request, outcome);
	ck_assert_uint_eq(outcome->times, 0);
	DRIVE_UNTIL(world, outcome->times != 0);
	ck_assert_uint_eq(outcome->times, 1);
}

/* --- puppet ------------------------------------------------------------ */

static int
listen_loopback(uint16_t *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, n), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void
client_close(struct puppet_client *client, bool reset)
{
	struct linger linger = { .l_onoff = 1 };

	if (client->puppet == NULL)
		return;
	if (reset)
		setsockopt(client->watch.fd, SOL_SOCKET, SO_LINGER, &linger,
		    sizeof(linger));
	loop_unwatch(client->puppet->loop, &client->watch);
	close(client->watch.fd);
	buf_fini(&client->in);
	client->puppet = NULL;
}

/* Plays the lines whose cue has come. */
static void
client_play(struct puppet_client *client)
{
	for (;;) {
		const struct line *line = &client->puppet->lines[client->line];
		const char *cue;

		if (line->expect == NULL && line->send == NULL &&
		    line->then == STAY)
			return;
		if (line->expect != NULL) {
			cue = client->in.p != NULL
				  ? strstr(client->in.p, line->expect)
				  : NULL;
			if (cue == NULL)
				return;
			buf_clear(&client->in);
		}
		if (line->send != NULL)
			ck_assert_int_gt(send(client->watch.fd, line->send,
					     strlen(line->send), MSG_NOSIGNAL),
			    0);
		client->line++;
		if (line->then != STAY) {
			client_close(client, line->then == RESET);
			return;
		}
	}
}

static void
client_ready(void *arg, uint32_t events)
{
	struct puppet_client *client = arg;
	char chunk[4096];
	ssize_t n = recv(client->watch.fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	(void)events;
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			client_close(client, false);
		return;
	}
	buf_put(&client->in, chunk, (size_t)n);
	buf_put(&client->puppet->seen, chunk, (size_t)n);
	client_play(client);
}

static void
puppet_ready(void *arg, uint32_t events)
{
	struct puppet *puppet = arg;
	int fd =
	    accept4(puppet->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct puppet_client *client;

	(void)events;
	if (fd < 0)
		return;
	ck_assert_uint_lt(puppet->accepted, PUPPET_CLIENTS_MAX);
	client = &puppet->clients[puppet->accepted++];
	*client = (struct puppet_client){
		.puppet = puppet,
		.watch = { .fd = fd, .fn = client_ready, .arg = client },
	};
	loop_watch(puppet->loop, &client->watch, LOOP_READ);
	client_play(client);
}

void
puppet_open(
    struct puppet *puppet, struct world *world, const struct line *lines)
{
	*puppet = (struct puppet){ .loop = world->loop, .lines = lines };
	puppet->watch.fd = listen_loopback(&puppet->port);
	puppet->watch.fn = puppet_ready;
	puppet->watch.arg = puppet;
	loop_watch(world->loop, &puppet->watch, LOOP_READ);
}

void
puppet_close(struct puppet *puppet)
{
	for (uint32_t i = 0; i < puppet->accepted; i++)
		client_close(&puppet->clients[i], false);
	loop_unwatch(puppet->loop, &puppet->watch);
	close(puppet->watch.fd);
	buf_fini(&puppet->seen);
}

/* --- raw client -------------------------------------------------------- */

void
raw_open(struct raw *raw, uint16_t port, const char *text)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};

	*raw = (struct raw){ .fd = socket(
				 AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	ck_assert_int_ge(raw->fd, 0);
	ck_assert_int_eq(
	    connect(raw->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	raw_send(raw, text);
}

void
raw_send(struct raw *raw, const char *text)
{
	size_t n = strlen(text);

	if (n > 0)
		ck_assert_int_eq(
		    send(raw->fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void
raw_take(struct raw *raw)
{
	char chunk[4096];
	ssize_t n;

	while (!raw->ended &&
	       (n = recv(raw->fd, chunk, sizeof(chunk), MSG_DONTWAIT)) != 0) {
		if (n < 0) {
			raw->ended = errno != EAGAIN;
			return;
		}
		buf_put(&raw->in, chunk, (size_t)n);
	}
	raw->ended = true;
}

bool
raw_has(struct raw *raw, const char *text)
{
	raw_take(raw);
	return raw->in.n > 0 &&
	       memmem(raw->in.p, raw->in.n, text, strlen(text)) != NULL;
}

bool
raw_ended(struct raw *raw)
{
	raw_take(raw);
	return raw->ended;
}

void
raw_close(struct raw *raw)
{
	close(raw->fd);
	buf_fini(&raw->in);
}
