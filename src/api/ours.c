/* SPDX-License-Identifier: Apache-2.0 */
/* /api/tocsin/v1: what neither Alertmanager nor Prometheus has. Read from the store, hence answered
 * later. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "base/xalloc.h"

#define LIMIT_DEFAULT      100
#define LIMIT_MAX          1000
#define FILTERED_PAGES_MAX 100 /* of LIMIT_MAX rows */

/* A listing under way. */
struct listing {
	struct pending pending;
	/* of the history only */
	struct store *store;
	struct history_query query;
	struct filters filters;
	uint32_t limit, shown, pages;
	struct buf body;
};

static struct listing *
listing_new(struct api *api, struct http_call *call)
{
	struct listing *listing = xcalloc(1, sizeof(*listing));

	pending_begin(api, &listing->pending, call);
	return listing;
}

static void
listing_free(struct listing *listing)
{
	pending_end(&listing->pending);
	filters_fini(&listing->filters);
	buf_fini(&listing->body);
	free(listing);
}

static const char *const state_names[DELIVERY_STATE_COUNT] = {
	[DELIVERY_PENDING] = "pending",
	[DELIVERY_SENDING] = "sending",
	[DELIVERY_DELIVERED] = "delivered",
	[DELIVERY_DEAD] = "dead",
	[DELIVERY_CANCELLED] = "cancelled",
};

static void
reply_store_error(struct http_call *call, const struct err *err)
{
	reply_code(call, 500, 500, "%s", err->text);
}

/* --- deliveries ------------------------------------------------------------------- */

static void
put_delivery(const struct delivery_row *row, struct buf *out)
{
	buf_printf(
	    out, "{\"id\":%lld,\"state\":\"%s\",", (long long)row->id, state_names[row->state]);
	put_text_member(out, "receiver", row->receiver);
	buf_putc(out, ',');
	put_text_member(out, "integration", row->integration);
	buf_putc(out, ',');
	put_text_member(out, "groupKey", row->group_key);
	buf_putc(out, ',');
	put_text_member(out, "reason", row->reason);
	buf_printf(out, ",\"attempts\":%u,", row->attempts);
	put_time_or_null(out, "createdAt", row->created_at);
	buf_putc(out, ',');
	put_time_or_null(out, "dueAt", row->state == DELIVERY_PENDING ? row->due_at : WALL_NONE);
	buf_putc(out, ',');
	put_time_or_null(out, "finishedAt", row->finished_at);
	buf_putc(out, ',');
	put_text_member(out, "error", row->error);
	buf_printf(out, ",\"alerts\":%u,\"firing\":%u,\"resolved\":%u}",
	    row->n_firing + row->n_resolved, row->n_firing, row->n_resolved);
}

static void
on_deliveries(void *arg, const struct delivery_row *rows, uint32_t n, const struct err *err)
{
	struct listing *listing = arg;
	struct http_call *call = listing->pending.call;
	struct buf body = { 0 };

	if (call == NULL) {
		; /* the server is gone */
	} else if (err != NULL) {
		reply_store_error(call, err);
	} else {
		buf_puts(&body, "{\"deliveries\":[");
		for (uint32_t i = 0; i < n; i++) {
			if (i > 0)
				buf_putc(&body, ',');
			put_delivery(&rows[i], &body);
		}
		buf_puts(&body, "]}\n");
		reply_json(call, 200, &body);
	}
	buf_fini(&body);
	listing_free(listing);
}

/* -1: any; -2: no such state, answered. */
static int
read_state(struct http_call *call)
{
	const char *text = param_text(call, "state");

	if (text == NULL)
		return -1;
	for (int i = 0; i < DELIVERY_STATE_COUNT; i++)
		if (strcmp(text, state_names[i]) == 0)
			return i;
	reply_code(
	    call, 400, 400, "state=%s: give pending, sending, delivered, dead or cancelled", text);
	return -2;
}

void
api_deliveries_get(struct api *api, struct http_call *call, struct str id)
{
	const char *receiver = param_text(call, "receiver");
	struct delivery_query query = { .receiver = str_from(receiver != NULL ? receiver : "") };

	(void)id;
	query.state = read_state(call);
	if (query.state == -2)
		return;
	query.limit = param_limit(call, LIMIT_DEFAULT, LIMIT_MAX);
	if (query.limit == 0 || !param_before(call, &query.before_id))
		return;
	store_delivery_query(api->state->store, &query, on_deliveries, listing_new(api, call));
}

/* --- history ------------------------------------------------------------------------ */

void
put_event(const struct history_row *row, const struct labels *labels, struct buf *out)
{
	buf_printf(out, "{\"id\":%lld,", (long long)row->id);
	put_time_or_null(out, "at", row->at);
	buf_putc(out, ',');
	put_text_member(out, "kind", row->kind);
	buf_puts(out, ",\"fingerprint\":");
	if (row->fingerprint != 0)
		put_fingerprint(out, row->fingerprint);
	else
		buf_puts(out, "null");
	buf_puts(out, ",\"labels\":");
	if (labels != NULL)
		labels_put_json(labels, out);
	else
		buf_puts(out, "{}");
	buf_puts(out, ",\"value\":");
	json_put_double(out, row->value); /* NaN, none: null */
	buf_putc(out, ',');
	put_text_member(out, "subject", row->subject);
	buf_putc(out, ',');
	put_text_member(out, "detail", row->detail);
	buf_putc(out, '}');
}

/* Appends those rows that the filters want, until the limit. */
static void
put_page(struct listing *listing, const struct history_row *rows, uint32_t n)
{
	for (uint32_t i = 0; i < n && listing->shown < listing->limit; i++) {
		struct labels *labels =
		    rows[i].labels.n > 0 ? labels_decode(rows[i].labels, NULL) : NULL;
		if (listing->filters.n == 0 ||
		    (labels != NULL && filters_match(&listing->filters, labels))) {
			if (listing->shown++ > 0)
				buf_putc(&listing->body, ',');
			put_event(&rows[i], labels, &listing->body);
		}
		labels_unref(labels);
	}
}

/* The store knows no matchers: with filters, page after page is read until enough are found. */
static bool
wants_next_page(const struct listing *listing, uint32_t n)
{
	return n > 0 && listing->filters.n > 0 && listing->shown < listing->limit &&
	       listing->pages < FILTERED_PAGES_MAX;
}

static void
on_history(void *arg, const struct history_row *rows, uint32_t n, const struct err *err)
{
	struct listing *listing = arg;
	struct http_call *call = listing->pending.call;

	listing->pages++;
	if (call != NULL && err == NULL)
		put_page(listing, rows, n);
	if (call != NULL && err == NULL && wants_next_page(listing, n)) {
		listing->query.before_id = rows[n - 1].id;
		store_history_query(listing->store, &listing->query, on_history, listing);
		return;
	}
	if (call != NULL && err != NULL) {
		reply_store_error(call, err);
	} else if (call != NULL) {
		buf_puts(&listing->body, "]}\n");
		reply_json(call, 200, &listing->body);
	}
	listing_free(listing);
}

void
api_history_get(struct api *api, struct http_call *call, struct str id)
{
	const char *kind = param_text(call, "kind");
	struct history_query query = { .kind = str_from(kind != NULL ? kind : "") };
	struct filters filters;

	(void)id;
	query.limit = param_limit(call, LIMIT_DEFAULT, LIMIT_MAX);
	if (query.limit == 0 || !param_before(call, &query.before_id) ||
	    !param_instant(call, "since", &query.since) ||
	    !param_instant(call, "until", &query.until) || !filters_read(call, &filters))
		return;
	struct listing *listing = listing_new(api, call);
	listing->store = api->state->store;
	listing->filters = filters;
	listing->limit = query.limit;
	if (filters.n > 0)
		query.limit = LIMIT_MAX;
	listing->query = query;
	buf_puts(&listing->body, "{\"events\":[");
	store_history_query(api->state->store, &query, on_history, listing);
}
