/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admission: lanes, the global limit, and the life of a request.
 *
 * A request may wait for a token first (xfer_token.c); then it is waiting
 * (in its lane), running (handed to the transport) or
 * ended (its done() is due in the next callback).  A lane is in xfer->lanes
 * exactly while it has waiting requests and room below its own limit; taking
 * from the front and putting back at the end serves lanes in turn.
 * Owned by the loop thread.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "net/xfer_impl.h"

#define IN_FLIGHT_DEFAULT 512
#define TIMEOUT_DEFAULT   DUR_S(30)

static struct xfer_request *
request_of(struct link *link)
{
	return CONTAINER_OF(link, struct xfer_request, link);
}

static bool
lane_has_room(const struct xfer_lane *lane)
{
	return lane->max_in_flight == 0 ||
	       lane->in_flight < lane->max_in_flight;
}

/* Restores the invariant of xfer->lanes after a change of lane. */
static void
lane_update(struct xfer *xfer, struct xfer_lane *lane)
{
	bool wanted = !list_empty(&lane->waiting) && lane_has_room(lane);
	bool there = lane->active.next != NULL;

	if (wanted && !there)
		list_append(&xfer->lanes, &lane->active);
	else if (!wanted && there)
		list_remove(&lane->active);
}

static void
admit(struct xfer *xfer, struct xfer_request *request)
{
	request->state = XFER_RUNNING;
	request->admitted = loop_mono(xfer->loop);
	request->lane->in_flight++;
	xfer->in_flight++;
	list_append(&xfer->running, &request->link);
	xfer->ops->start(xfer, request);
}

static void
admit_waiting(struct xfer *xfer)
{
	while (xfer->in_flight < xfer->max_in_flight && !xfer->closing &&
	       !list_empty(&xfer->lanes)) {
		struct xfer_lane *lane =
		    CONTAINER_OF(xfer->lanes.next, struct xfer_lane, active);
		struct xfer_request *request = request_of(lane->waiting.next);

		list_remove(&request->link);
		list_remove(&lane->active);
		xfer->waiting--;
		admit(xfer, request);
		lane_update(xfer, lane);
	}
}

/* Takes the request out of whatever list it is in and gives its place back. */
static void
leave(struct xfer *xfer, struct xfer_request *request)
{
	list_remove(&request->link);
	if (request->state == XFER_RUNNING) {
		request->lane->in_flight--;
		xfer->in_flight--;
	} else if (request->state == XFER_WAITING) {
		xfer->waiting--;
	}
	request->state = XFER_IDLE;
	lane_update(xfer, request->lane);
}

static void
end_later(struct xfer *xfer, struct xfer_request *request,
    const struct xfer_response *response)
{
	struct xfer_response *kept = xmalloc(sizeof(*kept));

	*kept = *response;
	leave(xfer, request);
	request->state = XFER_ENDED;
	request->impl = kept;
	list_append(&xfer->ended, &request->link);
	if (!timer_is_set(&xfer->deliver))
		loop_timer_set(
		    xfer->loop, &xfer->deliver, loop_mono(xfer->loop));
}

static void
deliver_ended(void *arg)
{
	struct xfer *xfer = arg;
	struct link batch;

	/* What is submitted and cancelled by these done() waits for the next
	 * round. */
	list_init(&batch);
	while (!list_empty(&xfer->ended)) {
		struct link *link = xfer->ended.next;

		list_remove(link);
		list_append(&batch, link);
	}
	while (!list_empty(&batch)) {
		struct xfer_request *request = request_of(batch.next);
		struct xfer_response *response = request->impl;

		list_remove(&request->link);
		request->state = XFER_IDLE;
		request->impl = NULL;
		request->done(request, response, request->arg);
		free(response);
	}
	admit_waiting(xfer);
}

struct xfer *
xfer_new_with(struct loop *loop, const struct xfer_ops *ops, void *transport,
    uint32_t max_in_flight)
{
	struct xfer *xfer = xcalloc(1, sizeof(*xfer));

	xfer->loop = loop;
	xfer->ops = ops;
	xfer->transport = transport;
	xfer->max_in_flight =
	    max_in_flight != 0 ? max_in_flight : IN_FLIGHT_DEFAULT;
	list_init(&xfer->lanes);
	list_init(&xfer->running);
	list_init(&xfer->ended);
	timer_init(&xfer->deliver, deliver_ended, xfer);
	return xfer;
}

void
xfer_finish(struct xfer *xfer, struct xfer_request *request,
    struct xfer_response *response)
{
	response->took = mono_since(loop_mono(xfer->loop), request->admitted);
	leave(xfer, request);
	request->impl = NULL;
	if (response->failure == ERR_NONE && response->status == 401 &&
	    request->authorization != NULL && !request->token_renewed &&
	    !xfer->closing)
		token_refused(xfer, request);
	else
		request->done(request, response, request->arg);
	if (!list_empty(&xfer->lanes))
		admit_waiting(xfer);
}

void
xfer_fail_later(struct xfer *xfer, struct xfer_request *request,
    enum err_code code, bool maybe_received, const char *text)
{
	struct xfer_response response = { .failure = code,
		.maybe_received = maybe_received };

	if (request->state == XFER_RUNNING)
		response.took =
		    mono_since(loop_mono(xfer->loop), request->admitted);
	snprintf(
	    response.failure_text, sizeof(response.failure_text), "%s", text);
	end_later(xfer, request, &response);
}

dur_t
xfer_timeout(const struct xfer_request *request)
{
	return request->timeout.ns > 0 ? request->timeout : TIMEOUT_DEFAULT;
}

void
xfer_lane_init(struct xfer_lane *lane, uint32_t max_in_flight)
{
	*lane = (struct xfer_lane){ .max_in_flight = max_in_flight };
	list_init(&lane->waiting);
}

struct xfer_request *
xfer_request_new(enum xfer_kind kind)
{
	struct xfer_request *request = xcalloc(1, sizeof(*request));

	request->kind = kind;
	request->method = "GET";
	return request;
}

void
xfer_request_free(struct xfer_request *request)
{
	if (request == NULL)
		return;
	buf_fini(&request->url);
	buf_fini(&request->body);
	xfer_authorization_free(request->authorization);
	free(request);
}

void
xfer_authorization_free(char *authorization)
{
	if (authorization != NULL)
		explicit_bzero(authorization, strlen(authorization));
	free(authorization);
}

void
xfer_enqueue(struct xfer *xfer, struct xfer_request *request)
{
	request->state = XFER_WAITING;
	list_append(&request->lane->waiting, &request->link);
	xfer->waiting++;
	lane_update(xfer, request->lane);
	if (xfer->closing)
		xfer_cancel(xfer, request);
	else
		admit_waiting(xfer);
}

void
xfer_submit(struct xfer *xfer, struct xfer_lane *lane,
    struct xfer_request *request, xfer_done_fn *done, void *arg)
{
	request->lane = lane;
	request->done = done;
	request->arg = arg;
	request->impl = NULL;
	request->token_renewed = false;
	if (request->kind == XFER_HTTP && request->http != NULL &&
	    request->http->oauth2 != NULL && !xfer->closing)
		token_want(xfer, request);
	else
		xfer_enqueue(xfer, request);
}

void
xfer_cancel(struct xfer *xfer, struct xfer_request *request)
{
	struct xfer_response *ended;
	bool maybe_received = false;

	switch ((enum xfer_state)request->state) {
	case XFER_IDLE:
		return;
	case XFER_ENDED:
		ended = request->impl;
		ended->failure = ERR_CANCELLED;
		return;
	case XFER_RUNNING:
		maybe_received = xfer->ops->abort(xfer, request);
		break;
	case XFER_TOKEN:
		token_leave(xfer, request);
		break;
	case XFER_WAITING:
		break;
	}
	xfer_fail_later(
	    xfer, request, ERR_CANCELLED, maybe_received, "cancelled");
	admit_waiting(xfer);
}

void
xfer_free(struct xfer *xfer)
{
	if (xfer == NULL)
		return;
	xfer->closing = true;
	while (!list_empty(&xfer->running) || !list_empty(&xfer->lanes) ||
	       !list_empty(&xfer->ended)) {
		while (!list_empty(&xfer->running))
			xfer_cancel(xfer, request_of(xfer->running.next));
		/* A lane at its limit has just come below it, so all of them
		 * are here. */
		while (!list_empty(&xfer->lanes)) {
			struct xfer_lane *lane = CONTAINER_OF(
			    xfer->lanes.next, struct xfer_lane, active);

			xfer_cancel(xfer, request_of(lane->waiting.next));
		}
		deliver_ended(xfer);
	}
	loop_timer_stop(xfer->loop, &xfer->deliver);
	tokens_free(xfer);
	xfer->ops->free(xfer->transport);
	free(xfer);
}

uint32_t
xfer_in_flight(const struct xfer *xfer)
{
	return xfer->in_flight;
}

uint32_t
xfer_waiting(const struct xfer *xfer)
{
	return xfer->waiting;
}
