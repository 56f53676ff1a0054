/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of xfer: what admission (xfer.c) and the transports (xfer_curl.c,
 * xfer_scripted.c) know of each other.  Nobody outside this room includes it.
 */
#pragma once

#include "base/map.h"
#include "loop/loop.h"
#include "net/xfer.h"

struct xfer_ops {
	/*
	 * Sets an admitted request going.  Never calls xfer_finish(); what
	 * cannot even start goes to xfer_fail_later().
	 */
	void (*start)(struct xfer *xfer, struct xfer_request *request);
	/* Takes an admitted request off the wire; true: the other side may have
	 * got it. */
	bool (*abort)(struct xfer *xfer, struct xfer_request *request);
	void (*free)(void *transport);
};

enum xfer_state {
	XFER_IDLE,
	XFER_TOKEN, /* waits for an oauth2 token: xfer_token.c */
	XFER_WAITING,
	XFER_RUNNING,
	XFER_ENDED
};

struct xfer {
	/* immutable after _new */
	struct loop *loop;
	const struct xfer_ops *ops;
	void *transport;
	uint32_t max_in_flight;
	/* loop thread */
	struct link lanes;   /* lanes that wait and are below their own limit */
	struct link running; /* admitted requests */
	struct link
	    ended; /* their done() is due: cancelled, or never started */
	struct timer deliver;
	struct map tokens;
	uint32_t in_flight;
	uint32_t waiting;
	bool closing;
};

struct xfer *xfer_new_with(struct loop *loop, const struct xfer_ops *ops,
    void *transport, uint32_t max_in_flight);
/* Ends a running request: done() runs inside, then the next ones are admitted.
 */
void xfer_finish(struct xfer *xfer, struct xfer_request *request,
    struct xfer_response *response);
/* Ends it from the loop's next callback instead. */
void xfer_fail_later(struct xfer *xfer, struct xfer_request *request,
    enum err_code code, bool maybe_received, const char *text);
dur_t xfer_timeout(const struct xfer_request *request);
/* Into its lane; it has the token it needs. */
void xfer_enqueue(struct xfer *xfer, struct xfer_request *request);
void xfer_authorization_free(char *authorization);

/* xfer_token.c: the request goes on, now or later, or fails later. */
void token_want(struct xfer *xfer, struct xfer_request *request);
/* The server did not want the token that the request brought. */
void token_refused(struct xfer *xfer, struct xfer_request *request);
void token_leave(struct xfer *xfer, struct xfer_request *request);
void tokens_free(struct xfer *xfer);
