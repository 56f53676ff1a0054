/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a mail message: headers that cannot be broken out of (RFC
 * 5322, 2047), address lists, quoted-printable text (RFC 2045).
 *
 * Everything written is ASCII with CRLF at the end of each line.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define MIME_LINE_MAX      76
#define MIME_HEADER_MAX    4000 /* bytes of a header's text; more is cut */
#define MAILBOXES_MAX      100  /* in one list */
#define MAIL_ADDRESS_MAX   254

struct mailbox {
	struct str name;     /* may be empty */
	const char *address; /* bare: a@b */
};

/* a@b, "Name" <c@d>, Name <e@f>; in the arena. -ERR_INVALID or -ERR_LIMIT with the piece at fault. */
int mime_read_mailboxes(struct arena *arena, struct str list, struct mailbox **ret, uint32_t *ret_n, struct err *err);
bool mime_header_name_is_good(struct str name);
/* "Name: text", folded; line breaks become spaces, what is not ASCII becomes encoded words. */
void mime_put_header(struct buf *out, const char *name, struct str text);
void mime_put_mailboxes(struct buf *out, const char *name, const struct mailbox *mailboxes, uint32_t n);
void mime_put_quoted_printable(struct buf *out, struct str text);
