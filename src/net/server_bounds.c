/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What unfinished requests may take of the house: time and memory.
 *
 * libmicrohttpd knows only silence: a client that sends a byte now and then
 * keeps its place for ever.  Here a request's head has its time in all, its
 * body as much again and what its bytes earn at the least rate.  Who is later
 * finds its socket shut.  The bodies that are arriving share one sum; small
 * ones are always let in, there being only so many connections.
 */
#include "config.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "net/server_impl.h"

#define BODY_BYTES_DEFAULT   (32u << 20)
#define CONNECTIONS_DEFAULT  512
#define HEADER_BYTES_DEFAULT (32u << 10)
#define IDLE_DEFAULT         DUR_S(60)
#define REQUEST_DEFAULT      DUR_S(30)
#define BODY_RATE_DEFAULT    (10u << 10)
#define UNFINISHED_DEFAULT   ((size_t)256 << 20)
#define SMALL_BODY           ((size_t)64 << 10)
#define CHECKS_IN_A_TIME     8 /* how exactly deadlines are kept */
#define HANDLERS_BEGIN_FOR   DUR_MS(20)
#define URGENT               "/-/"

struct http_limits
limits_with_defaults(const struct http_limits *limits)
{
	struct http_limits l = { 0 };

	if (limits != NULL)
		l = *limits;
	if (l.body_bytes_max == 0)
		l.body_bytes_max = BODY_BYTES_DEFAULT;
	if (l.connections_max == 0)
		l.connections_max = CONNECTIONS_DEFAULT;
	if (l.header_bytes_max == 0)
		l.header_bytes_max = HEADER_BYTES_DEFAULT;
	if (l.idle_timeout.ns <= 0)
		l.idle_timeout = IDLE_DEFAULT;
	if (l.per_address_max == 0)
		l.per_address_max = l.connections_max - l.connections_max / 4;
	if (l.request_timeout.ns <= 0)
		l.request_timeout = REQUEST_DEFAULT;
	if (l.body_rate_min == 0)
		l.body_rate_min = BODY_RATE_DEFAULT;
	if (l.unfinished_bytes_max == 0)
		l.unfinished_bytes_max = UNFINISHED_DEFAULT;
	return l;
}

struct http_connection *
connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

/* --- time -------------------------------------------------------------- */

void
connection_turns_to(struct http_server *server, struct http_connection *client)
{
	client->since = loop_mono(server->loop);
	/* No deadline is nearer than this one. */
	if (!timer_is_set(&server->slow))
		loop_timer_set(server->loop, &server->slow,
		    mono_add(client->since, server->limits.request_timeout));
}

void
connection_began(struct http_server *server, struct MHD_Connection *connection,
    struct http_connection *client)
{
	client->connection = connection;
	list_append(&server->connections, &client->link);
	connection_turns_to(server, client);
}

void
connection_ended(struct http_connection *client)
{
	list_remove(&client->link);
	free(client);
}

static bool
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return memcmp(&((const struct sockaddr_in *)(const void *)a)->sin_addr,
			   &((const struct sockaddr_in *)(const void *)b)->sin_addr,
			   sizeof(struct in_addr)) == 0;
	return a->sa_family == AF_INET6 &&
	       memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
		   &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr,
		   sizeof(struct in6_addr)) == 0;
}

uint32_t
connections_from(const struct http_server *server, const struct sockaddr_storage *address)
{
	uint32_t n = 0;

	LIST_FOREACH(link, &server->connections)
	{
		const struct http_connection *client =
		    CONTAINER_OF(link, struct http_connection, link);
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		    client->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

		if (info != NULL && info->client_addr != NULL &&
		    same_address(info->client_addr, (const struct sockaddr *)address))
			n++;
	}
	return n;
}

/* False: it is not the client we wait for. */
static bool
deadline_of(const struct http_server *server,
    const struct http_connection *client, mono_t *ret)
{
	const struct http_limits *limits = &server->limits;
	const struct http_call *call = client->call;
	dur_t time = limits->request_timeout;

	if (client->dropped)
		return false;
	if (call == NULL || !call->begun) {
		/* It may have been idle before. */
		if (client->served)
			time.ns += limits->idle_timeout.ns;
	} else {
		if (call->state != CALL_READING || call->held)
			return false;
		time.ns += DUR_S(1).ns *
			   (int64_t)((call->counted + call->discarded) /
				     limits->body_rate_min);
	}
	*ret = mono_add(client->since, time);
	return true;
}

/* The end of the socket is what libmicrohttpd closes a connection for. */
static void
drop(struct http_connection *client)
{
	static const char answer[] =
	    "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
	    "Content-Type: application/json\r\nCache-Control: no-store\r\n"
	    "Content-Length: 37\r\n\r\n{\"error\":\"the request took too long\"}";
	int fd = MHD_get_connection_info(
	    client->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
		     ->connect_fd;

	/* Somebody who has said nothing yet expects no answer either. */
	if (client->identity == NULL && client->call != NULL)
		(void)!send(fd, answer, sizeof(answer) - 1,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_RDWR);
	client->dropped = true;
}

void
slow_check(void *arg)
{
	struct http_server *server = arg;
	dur_t time = server->limits.request_timeout;
	mono_t now = loop_mono(server->loop), next = mono_add(now, time);
	mono_t soon = mono_add(now, (dur_t){ time.ns / CHECKS_IN_A_TIME });

	if (list_empty(&server->connections))
		return;
	LIST_FOREACH(link, &server->connections) {
		struct http_connection *client =
		    CONTAINER_OF(link, struct http_connection, link);
		mono_t deadline;

		if (!deadline_of(server, client, &deadline))
			continue;
		if (!mono_before(now, deadline))
			drop(client);
		else if (mono_before(deadline, next))
			next = deadline;
	}
	loop_timer_set(server->loop, &server->slow,
	    mono_before(next, soon) ? soon : next);
}

bool
turn_is_over(const struct http_server *server, const struct http_call *call)
{
	if (strncmp(call->path, URGENT, sizeof(URGENT) - 1) == 0)
		return false;
	return !mono_before(
	    loop_mono_exact(server->loop), server->handled_until);
}

void
turn_begin(struct http_server *server)
{
	server->handled_until =
	    mono_add(loop_mono_exact(server->loop), HANDLERS_BEGIN_FOR);
}

/* --- memory ------------------------------------------------------------ */

bool
unfinished_room(const struct http_server *server, size_t n)
{
	size_t max = server->limits.unfinished_bytes_max;

	return n <= SMALL_BODY ||
	       (server->unfinished_bytes < max &&
		   n <= max - server->unfinished_bytes);
}

bool
unfinished_add(struct http_server *server, struct http_call *call, size_t n)
{
	size_t max = server->limits.unfinished_bytes_max;

	if (call->counted + n > SMALL_BODY &&
	    (server->unfinished_bytes >= max ||
		n > max - server->unfinished_bytes)) {
		unfinished_end(call);
		return false;
	}
	server->unfinished_bytes += n;
	call->counted += n;
	return true;
}

void
unfinished_end(struct http_call *call)
{
	if (call->server != NULL)
		call->server->unfinished_bytes -= call->counted;
	call->counted = 0;
}
