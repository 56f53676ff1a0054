/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdarg.h>
#include <stdlib.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/xalloc.h"

#define JSON_TYPE "application/json"

void
reply_json(struct http_call *call, int status, struct buf *body)
{
	http_reply(call, status, body->n > 0 ? JSON_TYPE : NULL, body);
}

static void
put_formatted(struct buf *out, const char *fmt, va_list ap)
{
	struct buf text = { 0 };

	buf_vprintf(&text, fmt, ap);
	json_put_str(out, buf_str(&text));
	buf_fini(&text);
}

void
reply_code(struct http_call *call, int status, int code, const char *fmt, ...)
{
	struct buf body = { 0 };
	va_list ap;

	buf_printf(&body, "{\"code\":%d,\"message\":", code);
	va_start(ap, fmt);
	put_formatted(&body, fmt, ap);
	va_end(ap);
	buf_puts(&body, "}\n");
	reply_json(call, status, &body);
}

void
reply_said(struct http_call *call, int status, const char *fmt, ...)
{
	struct buf body = { 0 };
	va_list ap;

	va_start(ap, fmt);
	put_formatted(&body, fmt, ap);
	va_end(ap);
	buf_putc(&body, '\n');
	reply_json(call, status, &body);
}

void
reply_prom_error(struct http_call *call, int status, const char *type, const char *fmt, ...)
{
	struct buf body = { 0 };
	va_list ap;

	buf_printf(&body, "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":", type);
	va_start(ap, fmt);
	put_formatted(&body, fmt, ap);
	va_end(ap);
	buf_puts(&body, "}\n");
	reply_json(call, status, &body);
}

void
pending_begin(struct api *api, struct pending *pending, struct http_call *call)
{
	pending->call = call;
	list_append(&api->pending, &pending->link);
}

void
pending_end(struct pending *pending)
{
	list_remove(&pending->link);
	pending->call = NULL;
}

/* An answer that waits for the commit; owns itself. */
struct durable {
	struct store_waiter waiter;
	struct pending pending;
	int status;
	const char *type; /* NULL: JSON */
	struct buf body;
};

static void
on_durable(void *arg, bool ok)
{
	struct durable *d = arg;
	struct http_call *call = d->pending.call;

	pending_end(&d->pending);
	if (call != NULL && ok && d->type != NULL)
		http_reply(call, d->status, d->type, &d->body);
	else if (call != NULL && ok)
		reply_json(call, d->status, &d->body);
	else if (call != NULL)
		reply_code(call, 503, 503,
		    "the server is shutting down; nothing is promised about this request");
	buf_fini(&d->body);
	free(d);
}

static void
reply_later(struct api *api, struct http_call *call, int status, const char *type, struct buf *body)
{
	struct durable *d = xcalloc(1, sizeof(*d));

	d->waiter = (struct store_waiter){ .fn = on_durable, .arg = d };
	d->status = status;
	d->type = type;
	pending_begin(api, &d->pending, call);
	if (body != NULL) {
		d->body = *body;
		*body = (struct buf){ 0 };
	}
	store_wait(api->state->store, &d->waiter);
}

void
reply_durable(struct api *api, struct http_call *call, int status, struct buf *body)
{
	reply_later(api, call, status, NULL, body);
}

void
reply_durable_page(struct api *api, struct http_call *call, int status, struct buf *body)
{
	reply_later(api, call, status, "text/html; charset=utf-8", body);
}

bool
refused_by_store(struct api *api, struct http_call *call)
{
	if (!store_is_stalled(api->state->store))
		return false;
	api->refused++;
	http_add_header(call, "Retry-After", "5");
	reply_code(call, 503, 503,
	    "state cannot be written to disk now, see the server's log; nothing was taken");
	return true;
}
