/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message-IDs, and what makes the mails of a group a thread.
 *
 * A mail's own identifier is made from its delivery, so that another try has
 * the same.  All mails of a group refer to a root that was never sent, and
 * to the first one that was.
 */
#include "config.h"

#include "receiver/email_thread.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "receiver/mime.h"

#define DAY_NS         (INT64_C(86400) * 1000000000)
#define HOST_BYTES_MAX 50 /* of the right side of a Message-ID */

/* The domain of the sender, as far as it can stand in a Message-ID. */
static const char *
host_of(struct arena *arena, const char *address)
{
	struct str host = str_from(strrchr(address, '@') + 1);

	if (host.n > HOST_BYTES_MAX) {
		host.p += host.n - HOST_BYTES_MAX;
		host.n = HOST_BYTES_MAX;
		while (host.n > 1 && (host.p[0] == '.' || host.p[0] == '-')) {
			host.p++;
			host.n--;
		}
	}
	return arena_str(arena, host).p;
}

struct mail_ids
email_ids(const struct email_threading *threading, const struct notification *n, const char *from,
    struct arena *arena)
{
	const char *host = host_of(arena, from);
	struct mail_ids ids;
	char digest[65];

	sha256_hex(n->group_key.p, n->group_key.n, digest);
	memcpy(ids.group, digest, MAIL_GROUP_HEX_DIGITS);
	ids.group[MAIL_GROUP_HEX_DIGITS] = '\0';
	ids.message = arena_printf(arena, "<tocsin.%" PRId64 ".%s.%" PRId64 "@%s>", n->delivery_id,
	    ids.group, n->now.ns / 1000000000, host);
	if (threading->by_date == THREAD_BY_DAY)
		ids.root = arena_printf(arena, "<tocsin.group.%s.%" PRId64 "@%s>", ids.group,
		    n->now.ns / DAY_NS, host);
	else
		ids.root = arena_printf(arena, "<tocsin.group.%s@%s>", ids.group, host);
	return ids;
}

void
email_put_thread(const struct email_threading *threading, const struct notification *n,
    const struct mail_ids *ids, struct buf *out)
{
	bool daily = threading->by_date == THREAD_BY_DAY;
	struct buf line = { 0 };

	if (!threading->enabled)
		return;
	/* The first mail answers to nobody; the root has never been sent. */
	buf_puts(&line, ids->root);
	if (daily) {
		/* The last mail may be of another day; the root is this day's. */
		mime_put_header(out, "In-Reply-To", str_from(ids->root));
	} else if (n->thread.n > 0 && !str_is(n->thread, ids->message)) {
		mime_put_header(out, "In-Reply-To", n->thread);
		buf_putc(&line, ' ');
		buf_put_str(&line, n->thread);
	}
	mime_put_header(out, "References", buf_str(&line));
	buf_fini(&line);
}

/* clang-format off */
static const char *const thread_by_names[] = { "none", "daily", NULL };

static const struct schema_field threading_fields[] = {
	{ .name = "enabled", .kind = FIELD_BOOL, .fallback = "true",
	    .offset = offsetof(struct email_threading, enabled),
	    .doc = "Mails of a group refer to its first one." },
	{ .name = "thread_by_date", .kind = FIELD_ENUM, .choices = thread_by_names, .fallback = "none",
	    .offset = offsetof(struct email_threading, by_date),
	    .doc = "daily: each day (UTC) begins a thread of its own." },
};

const struct schema email_schema_threading = {
	.name = "email_configs.threading",
	.doc = "How mails of one group form a thread.",
	.size = sizeof(struct email_threading),
	SCHEMA_FIELDS(threading_fields),
};
/* clang-format on */
