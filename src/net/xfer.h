/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the outside world: HTTP and SMTP through one libcurl multi
 * handle driven by the loop (curl_multi_socket_action).
 *
 * A request is admitted through its lane: at most lane->max_in_flight of a
 * lane run at once, the rest wait in order; lanes are served in turn up to
 * the global limit.  The timeout starts when the request is admitted.
 * done() runs on the loop thread exactly once per submitted request, also
 * after xfer_cancel() (with ERR_CANCELLED), never inside xfer_submit().
 *
 * Simulations use xfer_new_scripted(): a function answers instead of the
 * network, at a time of its choosing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/list.h"
#include "base/str.h"
#include "net/options.h"
#include "net/reach.h"

struct loop;
struct xfer;
struct xfer_request;
struct xfer_response;

typedef void xfer_done_fn(struct xfer_request *request, const struct xfer_response *response, void *arg);

/* Who shares a limit: one per source, one per receiver. Owned by its user, must outlive its requests. */
struct xfer_lane {
	struct link waiting;   /* kept by xfer */
	struct link active;    /* kept by xfer */
	uint32_t in_flight;    /* kept by xfer */
	uint32_t max_in_flight; /* 0: only the global limit */
};

void xfer_lane_init(struct xfer_lane *lane, uint32_t max_in_flight);

enum xfer_kind { XFER_HTTP, XFER_SMTP };

struct xfer_request {
	/* filled by the caller; strings and options must live until done() */
	enum xfer_kind kind;
	const char *method;   /* "GET", "POST", ...; HTTP only */
	struct buf url;       /* owned; smtp://host:port or smtps:// for mail */
	struct buf body;      /* owned; HTTP body or the whole mail (CRLF lines) */
	const char *content_type;
	const struct http_options *http; /* NULL: no credentials, default TLS */
	const struct http_header *headers; /* extra ones */
	size_t n_headers;
	dur_t timeout;        /* 0: 30 s */
	uint32_t response_bytes_max; /* of the decoded body; 0: 8 MiB */
	const struct reach *reach; /* where it may go; NULL: anywhere */
	bool no_redirects;    /* even when http->follow_redirects */
	/*
	 * Neither a kept connection nor one to keep: libcurl silently sends a
	 * request again when a kept connection turns out dead, and a message to
	 * people must not wait for one that a firewall forgot.
	 */
	bool fresh_connection;
	bool compressed;      /* let the server compress its answer: worth it for large ones from afar */
	struct smtp_envelope {
		const char *from;        /* bare addresses */
		const char *const *to;
		size_t n_to;
		const char *username;    /* NULL: no authentication */
		struct secret password;
		const char *identity;    /* to act as, other than username; NULL: the same */
		const char *helo;        /* NULL: this host's name */
		bool require_tls;        /* STARTTLS must succeed (smtp://) */
		struct tls_options tls;
	} smtp;
	/* kept by xfer */
	struct link link;
	struct xfer_lane *lane;
	xfer_done_fn *done;
	void *arg;
	void *impl;
	mono_t admitted;
	uint8_t state;
	bool token_renewed;   /* after a 401, once */
	char *authorization;  /* "Bearer ..." from http->oauth2 */
};

struct xfer_response {
	enum err_code failure; /* ERR_NONE: an answer arrived (whatever its status); else why none did: TIMEOUT, IO, LIMIT, CANCELLED;
	                         REMOTE: the token server of http->oauth2 gave none;
	                         INVALID: the request cannot be made (bad URL, an address out of its reach, unreadable secret, line break in a header) */
	char failure_text[256]; /* no secrets, no credentials from the URL */
	bool maybe_received;   /* after a failure: the other side may have got the request */
	int status;            /* HTTP status, or the last SMTP reply code */
	struct str body;       /* decoded; valid during done() */
	struct str content_type;
	bool has_retry_after;
	dur_t retry_after;     /* from Retry-After, seconds or date; capped at 24 h */
	dur_t took;            /* from admission */
};

struct xfer_options {
	uint32_t max_in_flight; /* 0: 512, all lanes together */
	const char *user_agent; /* NULL: "Tocsin/VERSION" */
};

struct xfer *xfer_new(struct loop *loop, const struct xfer_options *options);
void xfer_free(struct xfer *xfer); /* cancels what is left; their done() runs inside */
struct xfer_request *xfer_request_new(enum xfer_kind kind);
void xfer_request_free(struct xfer_request *request); /* not while submitted */
/* Takes no ownership of the request: done() gets it back and usually frees it. */
void xfer_submit(struct xfer *xfer, struct xfer_lane *lane, struct xfer_request *request, xfer_done_fn *done, void *arg);
void xfer_cancel(struct xfer *xfer, struct xfer_request *request); /* done() runs soon, on the loop */
uint32_t xfer_in_flight(const struct xfer *xfer);
uint32_t xfer_waiting(const struct xfer *xfer);

/*
 * The simulated network.  script() is called when a request is admitted; it
 * fills *response (its strings static or in the test's memory) and returns
 * after how long it arrives; DUR_NEVER: it hangs until the timeout.
 */
#define DUR_NEVER ((dur_t){ INT64_MAX })
typedef dur_t xfer_script_fn(void *arg, const struct xfer_request *request, struct xfer_response *response);
struct xfer *xfer_new_scripted(struct loop *loop, xfer_script_fn *script, void *arg);

/* Appends the secret's text; a file is read now, trailing newlines dropped. */
int secret_read(const struct secret *secret, struct buf *out, struct err *err);
/* Percent-encodes everything but unreserved characters (RFC 3986); space becomes %20. */
void url_escape(struct buf *out, struct str s);
/* The URL without user info and query, for logs. */
void url_redact(struct buf *out, struct str url);
/* Once, first thing in main; checks that libcurl resolves asynchronously. */
int net_init(struct err *err);
void net_fini(void);
