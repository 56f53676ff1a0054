/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links in mails by which somebody acknowledges or snoozes an incident
 * without logging in: what is to be done to which incident, in which delivery
 * and to whom it was sent, until when it holds, and a MAC of all that with a
 * key that never leaves the server.
 *
 *   ACTION.INCIDENT.DELIVERY.UNIX-SECONDS.RECIPIENT-IN-HEX.MAC-IN-HEX
 *
 * That it counts once is up to whoever takes it (oncall/receipts.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/str.h"

#define ACK_LINK_KEY_BYTES 32
#define ACK_LINK_TO_MAX    64 /* bytes of the recipient that are kept */
#define ACK_LINK_TEXT_MAX  400
#define ACK_LINK_LIFE      DUR_S(72 * 3600)

enum ack_link_action { ACK_LINK_ACK, ACK_LINK_SNOOZE, ACK_LINK_ACTION_COUNT };

struct ack_link {
	enum ack_link_action action;
	int64_t incident, delivery;
	wall_t expires_at; /* whole seconds */
	char to[ACK_LINK_TO_MAX + 1];
};

/* key: ACK_LINK_KEY_BYTES bytes. Appends the text that stands for the link. */
void ack_link_put(struct str key, const struct ack_link *link, struct buf *out);
/* False: it was not made with this key, or has been changed. Says nothing of its time. */
bool ack_link_read(struct str key, struct str text, struct ack_link *ret);
