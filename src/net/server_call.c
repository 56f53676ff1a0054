/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, real or fake.
 *
 * A real call belongs to its connection: made at the first sight of the
 * request, freed when libmicrohttpd reports it completed.  A stream outlives
 * the call if need be; it belongs to the response, which libmicrohttpd drops
 * at the end or when the client has left.
 */
#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "net/server_impl.h"

#define STREAM_PIECE               ((size_t)64 << 10)
#define FILLS_WITHOUT_PROGRESS_MAX 1000

struct http_call *
call_new(struct http_server *server, struct MHD_Connection *connection,
    const char *path, const char *method)
{
	struct http_call *call = xcalloc(1, sizeof(*call));

	call->server = server;
	call->connection = connection;
	call->path = path;
	call->method = method;
	return call;
}

static void
lines_free(struct http_header_line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(lines[i].name);
		free(lines[i].value);
	}
	free(lines);
}

void
http_call_watch(struct http_call *call, http_call_end_fn *fn, void *arg, uint32_t tag)
{
	if (call->server == NULL)
		return;
	call->on_end = fn;
	call->on_end_arg = arg;
	call->on_end_tag = tag;
	call->watched_at = loop_mono(call->server->loop);
}

static void
tell_end(const struct http_call *call)
{
	struct http_call_end end = { .tag = call->on_end_tag };

	if (call->on_end == NULL || call->server->closing)
		return;
	end.bytes = call->sending != NULL ? call->sending->sent : call->answer_bytes;
	end.took = mono_since(loop_mono(call->server->loop), call->watched_at);
	call->on_end(call->on_end_arg, &end);
}

void
call_free(struct http_call *call)
{
	if (call == NULL)
		return;
	tell_end(call);
	list_remove(&call->suspended);
	list_remove(&call->deferred);
	unfinished_end(call);
	if (call->response != NULL)
		MHD_destroy_response(call->response);
	lines_free(call->headers, call->n_headers);
	lines_free(call->request_headers, call->n_request_headers);
	buf_fini(&call->body);
	buf_fini(&call->answer);
	free(call->params);
	if (call->url == NULL)
		free(call->query);
	free(call->url);
	free(call->form);
	free(call);
}

/* --- the request ------------------------------------------------------- */

const char *
http_method(const struct http_call *call)
{
	return call->method;
}

const char *
http_path(const struct http_call *call)
{
	return call->path;
}

struct str
http_body(const struct http_call *call)
{
	return buf_str(&call->body);
}

const char *
http_header_value(const struct http_call *call, const char *name)
{
	if (call->connection != NULL)
		return MHD_lookup_connection_value(
		    call->connection, MHD_HEADER_KIND, name);
	for (size_t i = 0; i < call->n_request_headers; i++)
		if (strcasecmp(call->request_headers[i].name, name) == 0)
			return call->request_headers[i].value;
	return NULL;
}

struct last_header {
	const char *name, *value;
};

static enum MHD_Result
on_header(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct last_header *last = arg;

	(void)kind;
	if (strcasecmp(name, last->name) == 0)
		last->value = value;
	return MHD_YES;
}

const char *
http_header_last(const struct http_call *call, const char *name)
{
	struct last_header last = { .name = name };

	if (call->connection != NULL)
		MHD_get_connection_values(
		    call->connection, MHD_HEADER_KIND, on_header, &last);
	for (size_t i = 0; i < call->n_request_headers; i++)
		(void)on_header(&last, MHD_HEADER_KIND,
		    call->request_headers[i].name,
		    call->request_headers[i].value);
	return last.value;
}

static enum MHD_Result
on_length(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	(void)value;
	if (strcasecmp(name, "Content-Length") == 0)
		++*(uint32_t *)arg;
	return MHD_YES;
}

/* A proxy before us might believe the other one of two lengths, and take the
 * rest for a request of its own. */
bool
call_length_is_ambiguous(const struct http_call *call)
{
	uint32_t n = 0;

	MHD_get_connection_values(
	    call->connection, MHD_HEADER_KIND, on_length, &n);
	return n > 1 ||
	       (n > 0 && http_header_value(call, "Transfer-Encoding") != NULL);
}

static void
read_peer(struct http_call *call)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address =
	    info != NULL ? info->client_addr : NULL;
	struct sockaddr_in six_or_four;
	struct sockaddr_in6 six;

	if (address == NULL)
		return;
	if (address->sa_family == AF_INET) {
		memcpy(&six_or_four, address, sizeof(six_or_four));
		inet_ntop(AF_INET, &six_or_four.sin_addr, call->peer,
		    sizeof(call->peer));
	} else if (address->sa_family == AF_INET6) {
		memcpy(&six, address, sizeof(six));
		inet_ntop(
		    AF_INET6, &six.sin6_addr, call->peer, sizeof(call->peer));
	}
}

const char *
http_peer(const struct http_call *call)
{
	if (call->peer[0] == '\0' && call->connection != NULL)
		read_peer((struct http_call *)(uintptr_t)call);
	return call->peer;
}

void
http_set_peer(struct http_call *call, const char *address)
{
	snprintf(call->peer, sizeof(call->peer), "%s", address);
}

const struct actor *
http_actor(const struct http_call *call)
{
	return &call->actor;
}

void
http_set_actor(struct http_call *call, const struct actor *actor)
{
	call->actor = *actor;
}

/* --- admission --------------------------------------------------------- */

void
http_hold(struct http_call *call)
{
	call->held = true;
}

void
http_release(struct http_call *call)
{
	assert(call->held);
	call->held = false;
	if (call->connection == NULL)
		return;
	/* What we made it wait for is not its own slowness. */
	connection_turns_to(call->server, connection_of(call->connection));
	server_resume(call);
}

/* --- the answer -------------------------------------------------------- */

static void
add_line(struct http_header_line **lines, size_t *n, size_t *cap,
    const char *name, const char *value)
{
	*lines = xgrow(*lines, cap, *n + 1, sizeof(**lines));
	(*lines)[(*n)++] =
	    (struct http_header_line){ xstrdup(name), xstrdup(value) };
}

void
http_add_header(struct http_call *call, const char *name, const char *value)
{
	add_line(
	    &call->headers, &call->n_headers, &call->headers_cap, name, value);
}

static void
answered(struct http_call *call, int status, const char *content_type,
    struct MHD_Response *response)
{
	bool was_suspended = call->state == CALL_SUSPENDED || call->held;

	assert(call->state != CALL_ANSWERED);
	if (content_type != NULL)
		MHD_add_response_header(response, "Content-Type", content_type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	for (size_t i = 0; i < call->n_headers; i++)
		MHD_add_response_header(
		    response, call->headers[i].name, call->headers[i].value);
	call->status = status;
	call->response = response;
	call->state = CALL_ANSWERED;
	call->held = false;
	if (was_suspended)
		server_resume(call);
}

void
http_reply(struct http_call *call, int status, const char *content_type,
    struct buf *body)
{
	size_t n = body != NULL ? body->n : 0;
	char *p = n > 0 ? buf_take(body) : NULL;

	if (body != NULL)
		buf_fini(body);
	if (call->connection == NULL) {
		assert(call->state != CALL_ANSWERED);
		buf_put(&call->answer, p, n);
		free(p);
		call->status = status;
		call->state = CALL_ANSWERED;
		call->held = false;
		if (content_type != NULL)
			http_add_header(call, "Content-Type", content_type);
		return;
	}
	call->answer_bytes = n;
	answered(call, status, content_type,
	    MHD_create_response_from_buffer(
		n, p, n > 0 ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT));
}

void
http_reply_text(struct http_call *call, int status, const char *content_type,
    const char *text)
{
	struct buf body = { 0 };

	buf_puts(&body, text);
	http_reply(call, status, content_type, &body);
}

void
http_reply_error(struct http_call *call, int status, const char *text)
{
	struct buf body = { 0 };

	buf_puts(&body, "{\"error\":");
	json_put_str(&body, str_from(text));
	buf_putc(&body, '}');
	http_reply(call, status, "application/json", &body);
}

/* --- streams ----------------------------------------------------------- */

/* Fills ahead until there are `want` bytes or the end; false: fill() does not
 * get on. */
static bool
stream_fill(struct http_stream *stream, size_t want)
{
	uint32_t idle = 0;

	while (stream->more && stream->ahead.n < want) {
		size_t before = stream->ahead.n;

		stream->more =
		    stream->fill(stream->arg, &stream->ahead, want - before);
		if (stream->ahead.n == before &&
		    ++idle > FILLS_WITHOUT_PROGRESS_MAX)
			return false;
	}
	return !stream->ahead.overflow;
}

static void
stream_free(void *arg)
{
	struct http_stream *stream = arg;

	if (stream->fini != NULL)
		stream->fini(stream->arg);
	buf_fini(&stream->ahead);
	free(stream);
}

static ssize_t
on_more(void *arg, uint64_t position, char *out, size_t room)
{
	struct http_stream *stream = arg;
	size_t n;

	(void)position;
	if (stream->taken == stream->ahead.n) {
		buf_clear(&stream->ahead);
		stream->taken = 0;
		if (!stream_fill(stream, room))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		if (stream->ahead.n == 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	n = stream->ahead.n - stream->taken;
	if (n > room)
		n = room;
	memcpy(out, stream->ahead.p + stream->taken, n);
	stream->taken += n;
	stream->sent += n;
	return (ssize_t)n;
}

void
http_reply_stream(struct http_call *call, int status, const char *content_type,
    http_fill_fn *fill, void (*fini)(void *arg), void *arg)
{
	struct http_stream *stream = xcalloc(1, sizeof(*stream));

	stream->fill = fill;
	stream->fini = fini;
	stream->arg = arg;
	stream->more = true;
	if (call->connection == NULL) {
		http_reply(call, status, content_type, NULL);
		call->stream = stream;
		return;
	}
	/* What turns out to be short goes with its length. */
	if (stream_fill(stream, STREAM_PIECE) && !stream->more) {
		http_reply(call, status, content_type, &stream->ahead);
		stream_free(stream);
		return;
	}
	call->sending = stream;
	answered(call, status, content_type,
	    MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_PIECE, on_more, stream, stream_free));
}

/* --- fakes ------------------------------------------------------------- */

struct http_call *
http_call_fake(const char *method, const char *path_and_query, struct str body)
{
	struct http_call *call = call_new(NULL, NULL, NULL, method);
	char *rest;

	call->state = CALL_HANDLING;
	call->url = xstrdup(path_and_query);
	call->path = call->url;
	buf_put_str(&call->body, body);
	snprintf(call->peer, sizeof(call->peer), "127.0.0.1");
	call->actor.role = ROLE_ADMIN;
	rest = strchr(call->url, '?');
	if (rest != NULL)
		*rest++ = '\0';
	call_unescape(call, call->url, false);
	call->query = rest;
	return call;
}

void
http_call_fake_header(
    struct http_call *call, const char *name, const char *value)
{
	add_line(&call->request_headers, &call->n_request_headers,
	    &call->request_headers_cap, name, value);
}

int
http_call_status(const struct http_call *call)
{
	return call->status;
}

struct str
http_call_answer(struct http_call *call)
{
	if (call->stream != NULL) {
		struct http_stream *stream = call->stream;

		call->stream = NULL;
		while (stream->more &&
		       stream_fill(stream, stream->ahead.n + STREAM_PIECE))
			;
		buf_put(&call->answer, stream->ahead.p, stream->ahead.n);
		stream_free(stream);
	}
	return buf_str(&call->answer);
}

const char *
http_call_answer_header(const struct http_call *call, const char *name)
{
	for (size_t i = 0; i < call->n_headers; i++)
		if (strcasecmp(call->headers[i].name, name) == 0)
			return call->headers[i].value;
	return NULL;
}

void
http_call_fake_free(struct http_call *call)
{
	if (call == NULL)
		return;
	if (call->stream != NULL)
		stream_free(call->stream);
	call_free(call);
}
