/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: listening sockets of our own, libmicrohttpd for HTTP.
 *
 * One daemon in external epoll mode serves all addresses: we accept and hand
 * the connection over, so that one set of limits covers both families and a
 * full house is told so.  The daemon runs when its epoll descriptor stirs,
 * when its timeout is due, and after a resume (which stirs the descriptor).
 *
 * What libmicrohttpd itself cannot read (no HTTP, no Host, a head larger than
 * the connection's memory) it answers by itself, in HTML: it asks nobody.
 */
#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "net/server_impl.h"
#include "net/tls.h"

#define RETRY_AFTER "5" /* seconds, until bodies have come or gone */
#define RESERVE_MAX                                                            \
	((size_t)4 << 20) /* what a Content-Length alone makes us allocate */
#define DISCARD_FACTOR   4
#define ACCEPTS_PER_TURN 64

static void run_daemon(void *arg);

static void
arm(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(server->daemon, &ms) != MHD_YES) {
		loop_timer_stop(server->loop, &server->timer);
		return;
	}
	loop_timer_set(server->loop, &server->timer,
	    mono_add(loop_mono(server->loop), DUR_MS(ms)));
}

static void
run_daemon(void *arg)
{
	struct http_server *server = arg;

	turn_begin(server);
	MHD_run(server->daemon);
	arm(server);
	for (bool any = false; !list_empty(&server->deferred); any = true) {
		struct http_call *call = CONTAINER_OF(
		    server->deferred.next, struct http_call, deferred);

		if (any && turn_is_over(server, call))
			break;
		list_remove(&call->deferred);
		server->handler(server->arg, call);
	}
	if (!list_empty(&server->deferred))
		loop_timer_set(server->loop, &server->timer,
		    loop_mono(server->loop));
}

static void
on_daemon_event(void *arg, uint32_t events)
{
	(void)events;
	run_daemon(arg);
}

/* --- accepting --------------------------------------------------------- */

static void
refuse(int fd, const char *why)
{
	char answer[512], drop[4096];
	int n = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
	    "Content-Type: application/json\r\nCache-Control: no-store\r\n"
	    "Content-Length: %zu\r\n\r\n{\"error\":\"%s\"}",
	    strlen("{\"error\":\"\"}") + strlen(why), why);

	/* Reading what has arrived keeps the kernel from answering with a
	 * reset. */
	while (recv(fd, drop, sizeof(drop), MSG_DONTWAIT) > 0)
		;
	(void)!send(fd, answer, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void
watch_listeners(struct http_server *server, bool on)
{
	for (uint32_t i = 0; i < server->n_listeners; i++) {
		struct watch *watch = &server->listeners[i].watch;

		if (on && watch->events == 0)
			loop_watch(server->loop, watch, LOOP_READ);
		else if (!on && watch->events != 0)
			loop_unwatch(server->loop, watch);
	}
}

static void
accept_again(void *arg)
{
	watch_listeners(arg, true);
}

/* Out of descriptors: the backlog keeps the clients for a moment. */
static void
pause_accepting(struct http_server *server, int error)
{
	log_error("http", "cannot accept connections",
	    LOG_Z("reason", strerrordesc_np(error)));
	watch_listeners(server, false);
	loop_timer_set(server->loop, &server->accept_again,
	    mono_add(loop_mono(server->loop), DUR_MS(100)));
}

static void
on_connection(void *arg, uint32_t events)
{
	struct listener *listener = arg;
	struct http_server *server = listener->server;

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage address = { 0 };
		socklen_t n = sizeof(address);
		int fd =
		    accept4(listener->watch.fd, (struct sockaddr *)&address, &n,
			SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOBUFS || errno == ENOMEM)
				pause_accepting(server, errno);
			if (errno == ECONNABORTED || errno == EINTR)
				continue;
			break;
		}
		if (http_server_connections(server) >=
		    server->limits.connections_max)
			refuse(fd, "too many connections");
		else if (connections_from(server, &address) >=
			 server->limits.per_address_max)
			refuse(fd, "too many connections from this address");
		else /* closes fd itself when it declines */
			MHD_add_connection(
			    server->daemon, fd, (struct sockaddr *)&address, n);
	}
	arm(server);
}

/* --- requests ---------------------------------------------------------- */

static enum MHD_Result
send_answer(struct http_call *call)
{
	enum MHD_Result rc = MHD_queue_response(
	    call->connection, (unsigned int)call->status, call->response);

	MHD_destroy_response(call->response);
	call->response = NULL;
	return rc;
}

/* Who may not come in is told so before anything is read or kept of a body. */
static enum MHD_Result
admit(struct http_server *server, struct http_call *call)
{
	if (server->gate.admit == NULL) {
		call->actor.role = ROLE_ADMIN;
		return MHD_YES;
	}
	server->gate.admit(server->gate.arg, call);
	if (call->state == CALL_ANSWERED)
		return send_answer(call);
	if (call->held) {
		call->was_held = true;
		list_append(&server->suspended, &call->suspended);
		MHD_suspend_connection(call->connection);
	}
	return MHD_YES;
}

/* The first sight of a request: only its head is here. */
static enum MHD_Result
begin(struct http_server *server, struct http_call *call)
{
	const char *length = http_header_value(call, "Content-Length");
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    call->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	int64_t bytes;

	call->body_bytes_max = server->limits.body_bytes_max;
	if (info != NULL &&
	    info->header_size > server->limits.header_bytes_max) {
		http_reply_error(
		    call, 431, "the request's header is too large");
		return send_answer(call);
	}
	if (call_length_is_ambiguous(call)) {
		http_add_header(call, "Connection", "close");
		http_reply_error(
		    call, 400, "the request's length is given more than once");
		return send_answer(call);
	}
	if (length == NULL || !str_to_i64(str_from(length), &bytes) ||
	    bytes <= 0)
		return admit(server, call);
	if ((uint64_t)bytes <= call->body_bytes_max) {
		call->body_announced = (size_t)bytes;
		call->no_room = !unfinished_room(server, (size_t)bytes);
		return admit(server, call);
	}
	/* A little too much is read and dropped, so that the client gets to see
	 * why; far too much is not. */
	call->too_large = true;
	if ((uint64_t)bytes / DISCARD_FACTOR <= call->body_bytes_max)
		return admit(server, call);
	http_reply_error(call, 413, "the request's body is too large");
	return send_answer(call);
}

static enum MHD_Result
discard(struct http_call *call, size_t n)
{
	call->discarded += n;
	return call->discarded / DISCARD_FACTOR <= call->body_bytes_max
		   ? MHD_YES
		   : MHD_NO;
}

static enum MHD_Result
take_body(struct http_call *call, const char *data, size_t n)
{
	if (call->state == CALL_ANSWERED)
		return discard(call, n);
	if (call->no_room)
		return discard(call, n);
	if (!call->too_large && n <= call->body_bytes_max - call->body.n) {
		if (!unfinished_add(call->server, call, n)) {
			n += call->body.n;
			call->no_room = true;
			buf_fini(&call->body);
			return discard(call, n);
		}
		if (call->body.n == 0)
			buf_reserve(&call->body, call->body_announced < RESERVE_MAX
						     ? call->body_announced
						     : RESERVE_MAX);
		buf_put(&call->body, data, n);
		return MHD_YES;
	}
	n += call->body.n;
	call->too_large = true;
	buf_fini(&call->body);
	unfinished_end(call);
	return discard(call, n);
}

static enum MHD_Result
handle(struct http_server *server, struct http_call *call)
{
	call->state = CALL_HANDLING;
	unfinished_end(call);
	if (server->closing)
		http_reply_error(call, 503, "shutting down");
	else if (call->too_large)
		http_reply_error(call, 413, "the request's body is too large");
	else if (call->no_room) {
		http_add_header(call, "Retry-After", RETRY_AFTER);
		http_reply_error(call, 503, "too much is arriving at once");
	} else if (turn_is_over(server, call))
		list_append(&server->deferred, &call->deferred);
	else
		server->handler(server->arg, call);
	if (call->state == CALL_ANSWERED)
		return send_answer(call);
	call->state = CALL_SUSPENDED;
	list_append(&server->suspended, &call->suspended);
	MHD_suspend_connection(call->connection);
	return MHD_YES;
}

static bool
has_body(const struct http_call *call)
{
	return call->body_announced > 0 || call->too_large ||
	       http_header_value(call, "Transfer-Encoding") != NULL;
}

/*
 * The first line of a request.  The query is kept here and hidden from
 * libmicrohttpd, which would need 64 bytes of the connection's memory for
 * each parameter, and hangs when it runs out of them in this place.
 */
static void *
on_first_line(void *arg, const char *url, struct MHD_Connection *connection)
{
	struct http_server *server = arg;
	struct http_connection *client = connection_of(connection);
	struct http_call *call = call_new(server, connection, NULL, NULL);
	char *query = strchr(url, '?');

	if (query != NULL && *++query != '\0') {
		call->query = xstrdup(query);
		*query = '\0'; /* the connection's own buffer */
	}
	call->has_nul = strstr(url, "%00") != NULL; /* not decoded yet */
	if (client != NULL)
		client->call = call;
	return call;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_bytes, void **request)
{
	struct http_server *server = arg;
	struct http_call *call = *request;

	(void)version;
	if (!call->begun) {
		struct http_connection *client = connection_of(connection);

		call->begun = true;
		call->path = url;
		call->method = method;
		if (client != NULL)
			connection_turns_to(server, client);
		return begin(server, call);
	}
	/* libmicrohttpd shows the head again to whom it suspended there; only
	 * now can a refusal go out before the body. */
	if (call->was_held && *upload_bytes == 0) {
		call->was_held = false;
		if (call->state == CALL_READING && has_body(call))
			return MHD_YES;
	}
	if (*upload_bytes > 0) {
		size_t n = *upload_bytes;

		*upload_bytes = 0;
		return take_body(call, upload, n);
	}
	switch (call->state) {
	case CALL_READING:
		return handle(server, call);
	case CALL_ANSWERED:
		return call->response != NULL ? send_answer(call) : MHD_YES;
	case CALL_HANDLING:
	case CALL_SUSPENDED:
		break;
	}
	return MHD_YES;
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **request,
    enum MHD_RequestTerminationCode why)
{
	struct http_connection *client = connection_of(connection);

	(void)why;
	if (client != NULL) {
		client->call = NULL;
		client->served = true;
		connection_turns_to(arg, client);
	}
	call_free(*request);
	*request = NULL;
}

/* With TLS each connection keeps the identity it began with: see tls.h. */
static void
on_connection_change(void *arg, struct MHD_Connection *connection,
    void **context, enum MHD_ConnectionNotificationCode what)
{
	struct http_server *server = arg;
	struct http_connection *client = *context;
	const union MHD_ConnectionInfo *info;

	switch (what) {
	case MHD_CONNECTION_NOTIFY_STARTED:
		client = xcalloc(1, sizeof(*client));
		info = MHD_get_connection_info(
		    connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
		if (info != NULL)
			client->identity = tls_server_attach(
			    server->gate.tls, info->tls_session);
		connection_began(server, connection, client);
		*context = client;
		break;
	case MHD_CONNECTION_NOTIFY_CLOSED:
		*context = NULL;
		if (client == NULL)
			break;
		tls_identity_unref(client->identity);
		connection_ended(client);
		break;
	}
}

void
server_resume(struct http_call *call)
{
	list_remove(&call->suspended);
	list_remove(&call->deferred);
	MHD_resume_connection(call->connection);
	loop_timer_set(call->server->loop, &call->server->timer,
	    loop_mono(call->server->loop));
}

static void
on_log(void *arg, const char *fmt, va_list ap)
{
	struct buf text = { 0 };

	(void)arg;
	if (!log_enabled(LOG_DEBUG))
		return;
	buf_vprintf(&text, fmt, ap);
	log_debug(
	    "http", "libmicrohttpd", LOG_STR("text", str_trim(buf_str(&text))));
	buf_fini(&text);
}

/* --- life -------------------------------------------------------------- */

/* A connection's memory: its header, the answer's header and the buffers to
 * read and write. */
static size_t
connection_bytes(const struct http_limits *limits)
{
	return (size_t)limits->header_bytes_max + (32u << 10);
}

static struct MHD_Daemon *
start_daemon(struct http_server *server)
{
	const struct http_limits *limits = &server->limits;
	int64_t idle_s =
	    (limits->idle_timeout.ns + DUR_S(1).ns - 1) / DUR_S(1).ns;

	bool has_tls = server->gate.tls != NULL;
	/* What each connection uses is set when it begins; the daemon alone
	 * would keep what it was started with. */
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
		    tls_no_certificate() },
		{ MHD_OPTION_END, 0, NULL },
	};

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
				    MHD_ALLOW_SUSPEND_RESUME |
				    MHD_USE_ERROR_LOG |
				    (has_tls ? (unsigned int)MHD_USE_TLS : 0),
	    0, NULL, NULL, on_request, server,
	    /* first, so that messages of the start come here too */
	    MHD_OPTION_EXTERNAL_LOGGER, on_log, server,
	    MHD_OPTION_URI_LOG_CALLBACK, on_first_line, server,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection_change, server,
	    MHD_OPTION_ARRAY, has_tls ? tls : tls + 1,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned int)limits->connections_max,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)idle_s,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_bytes(limits),
	    MHD_OPTION_END);
}

struct http_server *
http_server_new_gated(struct loop *loop, const char *address,
    const struct http_limits *limits, const struct http_gate *gate,
    http_handler_fn *handler, void *arg, struct err *err)
{
	struct http_server *server;
	int fds[LISTENERS_MAX];
	uint16_t port = 0;
	int n = listen_open(address, fds, LISTENERS_MAX, &port, err);

	if (n < 0)
		return NULL;
	server = xcalloc(1, sizeof(*server));
	server->loop = loop;
	server->handler = handler;
	server->arg = arg;
	if (gate != NULL)
		server->gate = *gate;
	server->limits = limits_with_defaults(limits);
	server->port = port;
	list_init(&server->suspended);
	list_init(&server->deferred);
	list_init(&server->connections);
	timer_init(&server->slow, slow_check, server);
	timer_init(&server->timer, run_daemon, server);
	timer_init(&server->accept_again, accept_again, server);
	server->n_listeners = (uint32_t)n;
	for (int i = 0; i < n; i++)
		server->listeners[i] = (struct listener){
			.watch = { .fd = fds[i],
			    .fn = on_connection,
			    .arg = &server->listeners[i] },
			.server = server,
		};
	server->daemon = start_daemon(server);
	if (server->daemon == NULL) {
		err_set(err, ERR_IO,
		    "listen on %s: libmicrohttpd did not start", address);
		http_server_free(server);
		return NULL;
	}
	server->watch.fd =
	    MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
		->epoll_fd;
	server->watch.fn = on_daemon_event;
	server->watch.arg = server;
	loop_watch(loop, &server->watch, LOOP_READ);
	watch_listeners(server, true);
	return server;
}

struct http_server *
http_server_new(struct loop *loop, const char *address,
    const struct http_limits *limits, http_handler_fn *handler, void *arg,
    struct err *err)
{
	return http_server_new_gated(
	    loop, address, limits, NULL, handler, arg, err);
}

void
http_server_quiesce(struct http_server *server)
{
	loop_timer_stop(server->loop, &server->accept_again);
	watch_listeners(server, false);
	for (uint32_t i = 0; i < server->n_listeners; i++)
		close(server->listeners[i].watch.fd);
	server->n_listeners = 0;
}

void
http_server_free(struct http_server *server)
{
	if (server == NULL)
		return;
	http_server_quiesce(server);
	if (server->daemon != NULL) {
		/* The daemon may not stop while a connection is suspended, and
		 * what it still reads may not become such a one. */
		server->closing = true;
		while (!list_empty(&server->suspended))
			http_reply_error(CONTAINER_OF(server->suspended.next,
					     struct http_call, suspended),
			    503, "shutting down");
		MHD_run(server->daemon);
		if (server->watch.events != 0)
			loop_unwatch(server->loop, &server->watch);
		MHD_stop_daemon(server->daemon);
	}
	loop_timer_stop(server->loop, &server->timer);
	loop_timer_stop(server->loop, &server->slow);
	free(server);
}

uint16_t
http_server_port(const struct http_server *server)
{
	return server->port;
}

uint32_t
http_server_connections(const struct http_server *server)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(
	    server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info != NULL ? info->num_connections : 0;
}
