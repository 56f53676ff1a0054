/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "api/audit.h"

#include <stdarg.h>

#include "loop/loop.h"
#include "store/store_audit.h"

static void
note(struct api_state *state, struct audit_row *row, const char *fmt, va_list ap)
{
	struct buf detail = { 0 };

	buf_vprintf(&detail, fmt, ap);
	row->at = loop_now(state->loop);
	row->detail = buf_str(&detail);
	store_audit_add(state->store, row);
	buf_fini(&detail);
}

void
audit_note(struct api_state *state, const struct http_call *call, const char *action,
    struct str object, const char *fmt, ...)
{
	struct audit_row row = {
		.actor = str_from(http_actor(call)->name),
		.source = str_from(http_peer(call)),
		.action = str_from(action),
		.object = object,
	};
	va_list ap;

	va_start(ap, fmt);
	note(state, &row, fmt, ap);
	va_end(ap);
}

void
audit_note_as(struct api_state *state, const char *actor, const char *source, const char *action,
    struct str object, const char *fmt, ...)
{
	struct audit_row row = {
		.actor = str_from(actor),
		.source = str_from(source),
		.action = str_from(action),
		.object = object,
	};
	va_list ap;

	va_start(ap, fmt);
	note(state, &row, fmt, ap);
	va_end(ap);
}
