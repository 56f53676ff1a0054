/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens for requests whose options have oauth2: fetched once for all that
 * want the same one, kept until they expire or are refused.
 *
 * A request that needs a token waits here (XFER_TOKEN) before it waits in its
 * lane; its own timeout has not begun then.  Tokens are found by what makes
 * them (oauth2_identity), so that they outlive a reload.  A fetch borrows the
 * options of the request it was begun for; when that one leaves, another
 * one's are taken.  Owned by the loop thread.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "net/oauth2.h"
#include "net/xfer_impl.h"

#define TOKENS_MAX    256
#define FETCH_TIMEOUT DUR_S(30)

struct token {
	struct xfer *xfer;
	uint64_t hash;
	struct buf identity;
	struct link waiting; /* requests, in order */
	char *authorization; /* NULL: none now */
	bool expires;
	mono_t expires_at;
	bool in_form; /* what this server turned out to want */
	/* while one is being fetched */
	struct xfer_request *fetch, *borrowed_from;
	uint32_t fetches; /* with those given up, whose done() is still to come */
	bool tries_form;
	struct oauth2_ask ask;
	struct xfer_lane lane;
};

static void fetch_begin(struct token *token);

static struct xfer_request *
request_of(struct link *link)
{
	return CONTAINER_OF(link, struct xfer_request, link);
}

static const struct oauth2_options *
options_of(const struct xfer_request *request)
{
	return request->http->oauth2;
}

static bool
token_is(const void *value, const void *key)
{
	const struct token *token = value;
	const struct buf *want = key;

	return token->identity.n == want->n &&
	       memcmp(token->identity.p, want->p, want->n) == 0;
}

static void
forget(struct token *token)
{
	xfer_authorization_free(token->authorization);
	token->authorization = NULL;
}

static void
token_free(struct token *token)
{
	forget(token);
	explicit_bzero(token->identity.p, token->identity.cap);
	buf_fini(&token->identity);
	oauth2_ask_fini(&token->ask);
	free(token);
}

/* Secrets that were rotated leave tokens behind that nobody asks for again. */
static void
tokens_trim(struct xfer *xfer)
{
	struct token *token;

	if (xfer->tokens.n < TOKENS_MAX)
		return;
	for (size_t it = 0; (token = map_next(&xfer->tokens, &it)) != NULL;) {
		if (token->fetches > 0 || !list_empty(&token->waiting))
			continue;
		map_remove_at(&xfer->tokens, &it);
		token_free(token);
	}
}

static struct token *
token_for(
    struct xfer *xfer, const struct oauth2_options *options, struct err *err)
{
	struct buf identity = { 0 };
	struct token *token;
	uint64_t hash;

	if (oauth2_identity(options, &identity, err) < 0) {
		buf_fini(&identity);
		return NULL;
	}
	hash = hash_bytes(identity.p, identity.n);
	token = map_find(&xfer->tokens, hash, token_is, &identity);
	if (token == NULL) {
		tokens_trim(xfer);
		token = xcalloc(1, sizeof(*token));
		token->xfer = xfer;
		token->hash = hash;
		token->identity = identity;
		list_init(&token->waiting);
		xfer_lane_init(&token->lane, 0);
		map_insert(&xfer->tokens, hash, token);
	} else {
		explicit_bzero(identity.p, identity.cap);
		buf_fini(&identity);
	}
	return token;
}

static bool
token_is_good(const struct token *token)
{
	return token->authorization != NULL &&
	       (!token->expires ||
		   mono_before(
		       loop_mono(token->xfer->loop), token->expires_at));
}

/* --- fetching ---------------------------------------------------------------- */

static void
fail_waiting(struct token *token, enum err_code code, const char *text)
{
	while (!list_empty(&token->waiting))
		xfer_fail_later(token->xfer, request_of(token->waiting.next),
		    code, false, text);
}

static void
serve_waiting(struct token *token)
{
	while (!list_empty(&token->waiting)) {
		struct xfer_request *request = request_of(token->waiting.next);

		list_remove(&request->link);
		request->impl = NULL;
		xfer_authorization_free(request->authorization);
		request->authorization = xstrdup(token->authorization);
		xfer_enqueue(token->xfer, request);
	}
}

static void
fetch_answered(struct token *token, const struct oauth2_options *options,
    const struct xfer_response *response)
{
	struct err err = { .code = ERR_NONE };
	dur_t lifetime;

	if (response->failure != ERR_NONE) {
		err_set(&err, response->failure, "%s", response->failure_text);
		oauth2_wrap(options, &err);
	} else if (oauth2_may_want_form(response->status) &&
		   !token->tries_form) {
		token->tries_form = true;
		fetch_begin(token);
		return;
	} else if (oauth2_answer_read(options, response->status, response->body,
		       &token->authorization, &lifetime, &err) == 0) {
		token->in_form = token->tries_form;
		token->expires = lifetime.ns > 0;
		token->expires_at =
		    mono_add(loop_mono(token->xfer->loop), lifetime);
		serve_waiting(token);
		return;
	}
	fail_waiting(token, err.code, err.text);
}

static void
fetch_done(struct xfer_request *fetch, const struct xfer_response *response,
    void *arg)
{
	struct token *token = arg;
	struct xfer_request *from = token->borrowed_from;

	token->fetches--;
	if (token->fetch == fetch) {
		token->fetch = NULL;
		token->borrowed_from = NULL;
		oauth2_ask_fini(&token->ask);
		/* The one it was begun for has not left, or it would have been
		 * cancelled and disowned. */
		fetch_answered(token, options_of(from), response);
	}
	xfer_request_free(fetch);
}

static void
fetch_begin(struct token *token)
{
	struct xfer_request *from = request_of(token->waiting.next);
	struct err err = { .code = ERR_NONE };
	struct xfer_request *fetch;

	if (oauth2_ask_make(&token->ask, options_of(from), token->tries_form,
		&err) < 0) {
		fail_waiting(token, ERR_INVALID, err.text);
		return;
	}
	fetch = xfer_request_new(XFER_HTTP);
	fetch->method = "POST";
	fetch->content_type = "application/x-www-form-urlencoded";
	fetch->http = &token->ask.http;
	fetch->timeout = FETCH_TIMEOUT;
	fetch->reach = from->reach;
	fetch->response_bytes_max = OAUTH2_ANSWER_BYTES_MAX;
	buf_puts(&fetch->url, options_of(from)->token_url);
	buf_put(&fetch->body, token->ask.body.p, token->ask.body.n);
	token->fetch = fetch;
	token->borrowed_from = from;
	token->fetches++;
	xfer_submit(token->xfer, &token->lane, fetch, fetch_done, token);
}

/* --- what xfer.c asks for ------------------------------------------------------ */

void
token_want(struct xfer *xfer, struct xfer_request *request)
{
	struct err err = { .code = ERR_NONE };
	struct token *token = token_for(xfer, options_of(request), &err);

	if (token == NULL) {
		request->state = XFER_TOKEN;
		xfer_fail_later(xfer, request, ERR_INVALID, false, err.text);
		return;
	}
	request->state = XFER_TOKEN;
	request->impl = token;
	list_append(&token->waiting, &request->link);
	if (token_is_good(token)) {
		serve_waiting(token);
	} else if (token->fetch == NULL) {
		forget(token);
		token->tries_form = token->in_form;
		fetch_begin(token);
	}
}

void
token_refused(struct xfer *xfer, struct xfer_request *request)
{
	struct err err = { .code = ERR_NONE };
	struct token *token = token_for(xfer, options_of(request), &err);

	/* Perhaps a newer one is there already. */
	if (token != NULL && token->authorization != NULL &&
	    strcmp(token->authorization, request->authorization) == 0)
		forget(token);
	request->token_renewed = true;
	token_want(xfer, request);
}

void
token_leave(struct xfer *xfer, struct xfer_request *request)
{
	struct token *token = request->impl;

	list_remove(&request->link);
	request->impl = NULL;
	if (token->borrowed_from != request)
		return;
	struct xfer_request *fetch = token->fetch;

	token->fetch = NULL;
	token->borrowed_from = NULL;
	xfer_cancel(xfer, fetch);
	oauth2_ask_fini(&token->ask);
	if (list_empty(&token->waiting))
		return;
	if (xfer->closing)
		fail_waiting(token, ERR_CANCELLED, "cancelled");
	else
		fetch_begin(token);
}

void
tokens_free(struct xfer *xfer)
{
	struct token *token;

	for (size_t it = 0; (token = map_next(&xfer->tokens, &it)) != NULL;)
		token_free(token);
	map_fini(&xfer->tokens);
}
