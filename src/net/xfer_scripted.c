/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated network: a function answers when a request is admitted, a
 * timer delivers the answer.  Works on a virtual loop.  The timeout is the
 * request's own, counted from admission as on the wire.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "net/xfer_impl.h"

struct script {
	xfer_script_fn *answer;
	void *arg;
};

struct performance {
	struct xfer *xfer;
	struct xfer_request *request;
	struct timer timer;
	struct xfer_response response;
};

static void
arrive(void *arg)
{
	struct performance *performance = arg;
	struct xfer_response response = performance->response;
	struct xfer_request *request = performance->request;
	struct xfer *xfer = performance->xfer;

	free(performance);
	xfer_finish(xfer, request, &response);
}

static void
scripted_start(struct xfer *xfer, struct xfer_request *request)
{
	struct script *script = xfer->transport;
	struct performance *performance = xcalloc(1, sizeof(*performance));
	dur_t timeout = xfer_timeout(request), after;

	performance->xfer = xfer;
	performance->request = request;
	performance->response.body = STR("");
	performance->response.content_type = STR("");
	request->impl = performance;
	after = script->answer(script->arg, request, &performance->response);
	if (!dur_less(after, timeout)) {
		performance->response = (struct xfer_response){
			.failure = ERR_TIMEOUT,
			.failure_text = "no answer in time",
			.maybe_received = true,
			.body = STR(""),
			.content_type = STR(""),
		};
		after = timeout;
	} else if (performance->response.failure == ERR_NONE &&
		   performance->response.body.n > 0 &&
		   request->response_bytes_max != 0 &&
		   performance->response.body.n > request->response_bytes_max) {
		performance->response.failure = ERR_LIMIT;
		performance->response.maybe_received = true;
		snprintf(performance->response.failure_text,
		    sizeof(performance->response.failure_text),
		    "the answer is larger than %u bytes",
		    request->response_bytes_max);
	}
	timer_init(&performance->timer, arrive, performance);
	loop_timer_set(xfer->loop, &performance->timer,
	    mono_add(loop_mono(xfer->loop), after));
}

static bool
scripted_abort(struct xfer *xfer, struct xfer_request *request)
{
	struct performance *performance = request->impl;

	loop_timer_stop(xfer->loop, &performance->timer);
	free(performance);
	request->impl = NULL;
	return true;
}

static const struct xfer_ops scripted_ops = {
	.start = scripted_start,
	.abort = scripted_abort,
	.free = free,
};

struct xfer *
xfer_new_scripted(struct loop *loop, xfer_script_fn *answer, void *arg)
{
	struct script *script = xcalloc(1, sizeof(*script));

	script->answer = answer;
	script->arg = arg;
	return xfer_new_with(loop, &scripted_ops, script, 0);
}
