/* SPDX-License-Identifier: Apache-2.0 */
/* /api/tocsin/v1/audit: who changed what, read from the store. */
#include "config.h"

#include <stdlib.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "store/store_audit.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000

static void
put_text(struct buf *out, const char *key, struct str text)
{
	buf_putc(out, ',');
	put_key(out, key);
	json_put_str(out, text);
}

static void
put_entry(const struct audit_row *row, struct buf *out)
{
	buf_printf(out, "{\"id\":%lld,", (long long)row->id);
	put_time(out, "at", row->at);
	put_text(out, "actor", row->actor);
	put_text(out, "source", row->source);
	put_text(out, "action", row->action);
	put_text(out, "object", row->object);
	put_text(out, "detail", row->detail);
	buf_putc(out, '}');
}

static void
on_rows(void *arg, const struct audit_row *rows, uint32_t n, const struct err *err)
{
	struct pending *pending = arg;
	struct http_call *call = pending->call;
	struct buf body = { 0 };

	pending_end(pending);
	free(pending);
	if (call == NULL)
		return;
	if (err != NULL) {
		reply_code(call, err->code == ERR_BUSY ? 503 : 500,
		    err->code == ERR_BUSY ? 503 : 500, "%s", err->text);
		return;
	}
	buf_puts(&body, "{\"entries\":[");
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&body, ',');
		put_entry(&rows[i], &body);
	}
	buf_puts(&body, "]}\n");
	reply_json(call, 200, &body);
}

static struct str
text_of(const struct http_call *call, const char *name)
{
	const char *text = param_text(call, name);

	return str_from(text != NULL ? text : "");
}

void
api_audit_get(struct api *api, struct http_call *call, struct str id)
{
	struct audit_query query = {
		.actor = text_of(call, "actor"),
		.action = text_of(call, "action"),
		.object = text_of(call, "object"),
	};
	struct pending *pending;

	(void)id;
	query.limit = param_limit(call, LIMIT_DEFAULT, LIMIT_MAX);
	if (query.limit == 0 || !param_before(call, &query.before_id) ||
	    !param_instant(call, "since", &query.since) ||
	    !param_instant(call, "until", &query.until))
		return;
	pending = xcalloc(1, sizeof(*pending));
	pending_begin(api, pending, call);
	store_audit_query(api->state->store, &query, on_rows, pending);
}
