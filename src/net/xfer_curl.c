/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real transport: one libcurl multi handle on the loop, easy handles in
 * pools.
 *
 * Setting up an easy handle costs as much as a small request, so handles
 * keep their options: a pool holds the handles of one option key (easy.h)
 * and only URL, body and what really differs is set per request.
 * Connections belong to the multi handle and are shared by all.
 */
#include "config.h"

#include "net/xfer_curl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/timestamp.h"
#include "base/xalloc.h"

#define RESPONSE_BYTES_DEFAULT ((size_t)8 << 20)
#define BODY_KEPT_MAX                                                          \
	((size_t)64 << 10) /* memory an idle handle keeps for the next answer  \
			    */
#define POOLS_MAX       512
#define READ_BYTES      (64L << 10) /* of one read: large answers in fewer calls */
#define RETRY_AFTER_MAX DUR_S(86400)

/* --- handles ----------------------------------------------------------- */

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *transfer = arg;
	size_t bytes = size * n;

	if (bytes > transfer->body_max - transfer->body.n) {
		transfer->too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	buf_put(&transfer->body, p, bytes);
	return bytes;
}

/* libcurl takes a header that was cut short for a whole one. */
static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *transfer = arg;
	size_t bytes = size * n;

	if (bytes <= 2 && (p[0] == '\r' || p[0] == '\n'))
		transfer->head_ended = true;
	else if (bytes > 5 && memcmp(p, "HTTP/", 5) == 0)
		transfer->head_ended = false;
	return bytes;
}

static struct transfer *
transfer_new(struct curl_transport *transport, struct handle_pool *pool)
{
	struct transfer *transfer = xcalloc(1, sizeof(*transfer));

	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL) {
		free(transfer);
		return NULL;
	}
	transfer->transport = transport;
	transfer->pool = pool;
	pool->n_handles++;
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(transfer->easy, CURLOPT_BUFFERSIZE, READ_BYTES);
	curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(transfer->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA, transfer);
	/* A name that is being looked up when its request ends must not be waited
	 * for: that is seconds of the loop thread when the name server is silent. */
	curl_easy_setopt(transfer->easy, CURLOPT_QUICK_EXIT, 1L);
	sockets_attach(transfer);
	return transfer;
}

static void
transfer_free(struct transfer *transfer)
{
	transfer->pool->n_handles--;
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->route);
	curl_slist_free_all(transfer->proxy_headers);
	buf_fini(&transfer->body);
	buf_fini(&transfer->header_text);
	free(transfer);
}

static bool
pool_is(const void *value, const void *key)
{
	const struct handle_pool *pool = value;
	const struct buf *want = key;

	return pool->key_bytes == want->n &&
	       memcmp(pool->key, want->p, want->n) == 0;
}

static void
pool_free(struct curl_transport *transport, struct handle_pool *pool)
{
	while (!list_empty(&pool->idle)) {
		struct transfer *transfer =
		    CONTAINER_OF(pool->idle.next, struct transfer, link);

		list_remove(&transfer->link);
		transport->n_idle--;
		transfer_free(transfer);
	}
	list_remove(&pool->by_use);
	map_remove_value(&transport->pools, pool->hash, pool);
	transport->n_pools--;
	explicit_bzero(pool->key, pool->key_bytes);
	free(pool->key);
	free(pool);
}

/* Old generations of the configuration leave pools behind that nobody asks for
 * again. */
static void
pools_trim(struct curl_transport *transport)
{
	LIST_FOREACH_SAFE(link, next, &transport->pools_by_use)
	{
		struct handle_pool *pool =
		    CONTAINER_OF(link, struct handle_pool, by_use);
		uint32_t idle = 0;

		if (transport->n_pools < POOLS_MAX)
			return;
		/* With every handle idle nothing points at the pool. */
		LIST_FOREACH(l, &pool->idle)
		idle++;
		if (idle == pool->n_handles)
			pool_free(transport, pool);
	}
}

static struct handle_pool *
pool_for(struct curl_transport *transport, const struct buf *key)
{
	uint64_t hash = hash_bytes(key->p, key->n);
	struct handle_pool *pool =
	    map_find(&transport->pools, hash, pool_is, key);

	if (pool == NULL) {
		pools_trim(transport);
		pool = xcalloc(1, sizeof(*pool));
		pool->hash = hash;
		pool->key = xmemdup0(key->p, key->n);
		pool->key_bytes = key->n;
		list_init(&pool->idle);
		map_insert(&transport->pools, hash, pool);
		transport->n_pools++;
	} else {
		list_remove(&pool->by_use);
	}
	list_append(&transport->pools_by_use, &pool->by_use);
	return pool;
}

/* The request is done with it. */
static void
transfer_release(struct transfer *transfer)
{
	struct curl_transport *transport = transfer->transport;

	transfer->request = NULL;
	if (transfer->pool == NULL ||
	    transport->n_idle >= transport->idle_max) {
		transfer_free(transfer);
		return;
	}
	if (transfer->body.cap > BODY_KEPT_MAX)
		buf_fini(&transfer->body);
	/* The most recently used one is taken first: its memory is warm. */
	list_append(transfer->pool->idle.next, &transfer->link);
	transport->n_idle++;
}

/* --- start ------------------------------------------------------------- */

static void
set_headers(struct transfer *transfer, const struct easy_plan *plan)
{
	const struct buf *text = &plan->headers;

	if (text->n == transfer->header_text.n &&
	    (text->n == 0 ||
		memcmp(text->p, transfer->header_text.p, text->n) == 0))
		return;
	curl_slist_free_all(transfer->headers);
	transfer->headers = easy_headers(plan);
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	buf_clear(&transfer->header_text);
	buf_put(&transfer->header_text, text->p, text->n);
}

static void
set_route(struct transfer *transfer, const struct easy_plan *plan)
{
	if (plan->route.n == 0 && transfer->route == NULL)
		return;
	curl_slist_free_all(transfer->route);
	transfer->route =
	    plan->route.n > 0 ? curl_slist_append(NULL, plan->route.p) : NULL;
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->route);
}

static struct transfer *
prepare_http(struct curl_transport *transport, struct xfer_request *request,
    struct err *err)
{
	struct easy_plan *plan = &transport->plan;
	const struct easy_request easy = {
		.method = request->method,
		.url = buf_str(&request->url),
		.body = buf_str(&request->body),
		.content_type = request->content_type,
		.http = request->http,
		.authorization = request->authorization,
		.headers = request->headers,
		.n_headers = request->n_headers,
		.no_redirects = request->no_redirects,
		.compressed = request->compressed,
		.fresh_connection = request->fresh_connection,
	};
	struct handle_pool *pool;
	struct transfer *transfer;

	if (easy_plan_make(plan, &easy, err) < 0)
		return NULL;
	pool = pool_for(transport, &plan->key);
	if (!list_empty(&pool->idle)) {
		transfer = CONTAINER_OF(pool->idle.next, struct transfer, link);
		list_remove(&transfer->link);
		transport->n_idle--;
	} else {
		transfer = transfer_new(transport, pool);
		if (transfer == NULL) {
			err_set(err, ERR_IO, "libcurl gave no handle");
			return NULL;
		}
		transfer->proxy_headers = easy_apply(
		    transfer->easy, plan, &easy, transport->user_agent);
	}
	curl_easy_setopt(transfer->easy, CURLOPT_URL,
	    plan->url.n > 0 ? plan->url.p : easy.url.p);
	if (request->body.n > 0 || strcmp(request->method, "POST") == 0) {
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)request->body.n);
		curl_easy_setopt(
		    transfer->easy, CURLOPT_POSTFIELDS, easy.body.p);
	}
	set_headers(transfer, plan);
	set_route(transfer, plan);
	return transfer;
}

static void
curl_start(struct xfer *xfer, struct xfer_request *request)
{
	struct curl_transport *transport = xfer->transport;
	struct err err = { .code = ERR_NONE };
	struct transfer *transfer;
	int64_t ms = (xfer_timeout(request).ns + 999999) / 1000000;

	if (request->kind == XFER_SMTP) {
		mail_start(transport, request);
		return;
	}
	transfer = prepare_http(transport, request, &err);
	if (transfer == NULL) {
		xfer_fail_later(xfer, request,
		    err.code == ERR_IO ? ERR_IO : ERR_INVALID, false, err.text);
		return;
	}
	transfer->request = request;
	transfer->too_large = false;
	transfer->out_of_reach[0] = '\0';
	transfer->head_ended = false;
	transfer->error[0] = '\0';
	transfer->body_max = request->response_bytes_max != 0
				 ? request->response_bytes_max
				 : RESPONSE_BYTES_DEFAULT;
	buf_clear(&transfer->body);
	if (ms != transfer->timeout_ms) {
		curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, (long)ms);
		transfer->timeout_ms = ms;
	}
	request->impl = transfer;
	if (curl_multi_add_handle(transport->multi, transfer->easy) !=
	    CURLM_OK) {
		xfer_fail_later(xfer, request, ERR_IO, false,
		    "libcurl refused the transfer");
		transfer_release(transfer);
	}
}

/* --- end --------------------------------------------------------------- */

/* Was the whole request handed to the kernel? */
static bool
was_sent(const struct transfer *transfer)
{
	const struct xfer_request *request = transfer->request;
	curl_off_t uploaded = 0;
	long head_bytes = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &head_bytes);
	curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
	return head_bytes > 0 && (uint64_t)uploaded >= request->body.n;
}

static void
read_retry_after(
    const struct transfer *transfer, struct xfer_response *response)
{
	struct curl_header *header;
	struct str text;
	int64_t seconds;
	wall_t at;

	if (curl_easy_header(transfer->easy, "Retry-After", 0, CURLH_HEADER, -1,
		&header) != CURLHE_OK)
		return;
	text = str_trim(str_from(header->value));
	if (str_to_i64(text, &seconds)) {
		if (seconds < 0)
			return;
		response->retry_after =
		    seconds < RETRY_AFTER_MAX.ns / DUR_S(1).ns
			? DUR_S(seconds)
			: RETRY_AFTER_MAX;
	} else if (timestamp_parse_http(text, &at)) {
		response->retry_after =
		    wall_since(at, loop_now(transfer->transport->xfer->loop));
		if (response->retry_after.ns < 0)
			response->retry_after.ns = 0;
		if (dur_less(RETRY_AFTER_MAX, response->retry_after))
			response->retry_after = RETRY_AFTER_MAX;
	} else {
		return;
	}
	response->has_retry_after = true;
}

void
address_text(const struct curl_sockaddr *address, char out[INET6_ADDRSTRLEN])
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	out[0] = '?';
	out[1] = '\0';
	if (address->family == AF_INET) {
		memcpy(&four, &address->addr, sizeof(four));
		(void)inet_ntop(
		    AF_INET, &four.sin_addr, out, INET6_ADDRSTRLEN);
	} else if (address->family == AF_INET6) {
		memcpy(&six, &address->addr, sizeof(six));
		(void)inet_ntop(
		    AF_INET6, &six.sin6_addr, out, INET6_ADDRSTRLEN);
	}
}

void
say_out_of_reach(const char *address, struct xfer_response *response)
{
	response->failure = ERR_INVALID;
	snprintf(response->failure_text, sizeof(response->failure_text),
	    "the address %s is private, which delivery.forbid_private_addresses "
	    "keeps messages from (delivery.allow_addresses has exceptions)",
	    address);
}

static enum err_code
failure_of(const struct transfer *transfer, CURLcode code)
{
	long sent = 0;

	if (code == CURLE_OPERATION_TIMEDOUT)
		return ERR_TIMEOUT;
	/* Also the name for an answer that is not HTTP. */
	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
	if (sent == 0 &&
	    (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL))
		return ERR_INVALID;
	return ERR_IO;
}

static void
describe_failure(const struct transfer *transfer, CURLcode code,
    struct xfer_response *response)
{
	response->failure = failure_of(transfer, code);
	snprintf(response->failure_text, sizeof(response->failure_text), "%s",
	    transfer->error[0] != '\0' ? transfer->error
				       : curl_easy_strerror(code));
	if (transfer->too_large) {
		response->failure = ERR_LIMIT;
		snprintf(response->failure_text, sizeof(response->failure_text),
		    "the answer is larger than %zu bytes", transfer->body_max);
	}
	response->maybe_received = was_sent(transfer);
	if (transfer->out_of_reach[0] != '\0')
		say_out_of_reach(transfer->out_of_reach, response);
}

static void
fill_response(const struct transfer *transfer, CURLcode code,
    struct xfer_response *response)
{
	const char *type = NULL;
	long status = 0;

	if (code == CURLE_OK && !transfer->head_ended)
		code = CURLE_PARTIAL_FILE;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	*response = (struct xfer_response){ .status = (int)status,
		.body = buf_str(&transfer->body) };
	if (code != CURLE_OK)
		describe_failure(transfer, code, response);
	curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
	response->content_type = type != NULL ? str_from(type) : STR("");
	if (status >= 300)
		read_retry_after(transfer, response);
}

/* After each action: whatever has ended. */
static void
collect(void *arg)
{
	struct curl_transport *transport = arg;
	struct xfer_response response;
	CURLMsg *message;
	int left;

	while (
	    (message = curl_multi_info_read(transport->multi, &left)) != NULL) {
		CURLcode code = message->data.result;
		CURL *easy = message->easy_handle;
		struct transfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
		curl_multi_remove_handle(transport->multi, easy);
		fill_response(transfer, code, &response);
		xfer_finish(transport->xfer, transfer->request, &response);
		transfer_release(transfer);
	}
}

static bool
curl_abort(struct xfer *xfer, struct xfer_request *request)
{
	struct curl_transport *transport = xfer->transport;
	struct transfer *transfer = request->impl;
	bool sent;

	if (request->kind == XFER_SMTP)
		return mail_abort(request);
	sent = was_sent(transfer);
	curl_multi_remove_handle(transport->multi, transfer->easy);
	request->impl = NULL;
	transfer_release(transfer);
	return sent;
}

static void
curl_free_transport(void *arg)
{
	struct curl_transport *transport = arg;

	while (!list_empty(&transport->pools_by_use))
		pool_free(transport, CONTAINER_OF(transport->pools_by_use.next,
					 struct handle_pool, by_use));
	curl_multi_cleanup(transport->multi);
	worker_pool_free(transport->mailers);
	sockets_fini(&transport->sockets);
	map_fini(&transport->pools);
	easy_plan_fini(&transport->plan);
	free(transport->user_agent);
	free(transport);
}

static const struct xfer_ops curl_ops = {
	.start = curl_start,
	.abort = curl_abort,
	.free = curl_free_transport,
};

struct xfer *
xfer_new(struct loop *loop, const struct xfer_options *options)
{
	struct curl_transport *transport = xcalloc(1, sizeof(*transport));
	struct xfer *xfer = xfer_new_with(loop, &curl_ops, transport,
	    options != NULL ? options->max_in_flight : 0);

	transport->xfer = xfer;
	transport->user_agent =
	    xstrdup(options != NULL && options->user_agent != NULL
			? options->user_agent
			: "Tocsin/" PACKAGE_VERSION);
	transport->multi = curl_multi_init();
	if (transport->multi == NULL)
		abort();
	transport->idle_max = xfer->max_in_flight;
	list_init(&transport->pools_by_use);
	curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS,
	    (long)xfer->max_in_flight + 16);
	curl_multi_setopt(
	    transport->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	sockets_init(
	    &transport->sockets, loop, transport->multi, collect, transport);
	return xfer;
}
