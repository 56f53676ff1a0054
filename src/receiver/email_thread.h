/* SPDX-License-Identifier: Apache-2.0 */
/* Message-IDs, and what makes the mails of a group a thread. */
#pragma once

#include "receiver/receiver.h"

#define MAIL_GROUP_HEX_DIGITS 16

enum thread_by { THREAD_BY_NONE, THREAD_BY_DAY };

struct email_threading {
	bool enabled;
	int by_date; /* enum thread_by */
};

struct mail_ids {
	const char *message, *root; /* with < and > */
	char group[MAIL_GROUP_HEX_DIGITS + 1];
};

extern const struct schema email_schema_threading; /* of a struct email_threading */

/* from: the sender's address. */
struct mail_ids email_ids(const struct email_threading *threading, const struct notification *n, const char *from, struct arena *arena);
/* In-Reply-To and References. */
void email_put_thread(const struct email_threading *threading, const struct notification *n, const struct mail_ids *ids, struct buf *out);
