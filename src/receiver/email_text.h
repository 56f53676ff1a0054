/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a mail, as text and as HTML. */
#pragma once

#include "receiver/receiver.h"

void email_put_text(const struct notification *n, struct buf *out);
void email_put_html(const struct notification *n, struct buf *out);
