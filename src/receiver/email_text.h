/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a mail, as text and as HTML. */
#pragma once

#include "receiver/receiver.h"

void email_put_text(const struct notification *n, struct buf *out);
/* The links by which recipients act on the incident, for text or for a page. to: who they are. */
void email_put_links(const struct notification *n, struct str to, bool html, struct buf *out);
void email_put_html(const struct notification *n, struct buf *out);
