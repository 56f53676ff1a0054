/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `delivery:`: what holds for every message to a receiver.
 *
 * Sources are not part of it: they are where the operator says, and mostly
 * inside.
 */
#include <config.h>

#include "config/internal.h"

static const struct schema_field delivery_fields[] = {
	{ .name = "forbid_private_addresses", .kind = FIELD_BOOL,
	    .fallback = "false",
	    .offset = offsetof(struct delivery_raw, forbid_private_addresses),
	    .doc = "Messages and pings of heartbeats go to no loopback, private, "
		   "link-local or cloud metadata address, whatever a name or a redirect says; "
		   "behind a proxy, the proxy's address counts." },
	{ .name = "allow_addresses", .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct delivery_raw, allow_addresses),
	    .doc = "Networks that messages may go to all the same: "
		   "10.1.2.0/24, fd00::/8." },
};

const struct schema schema_delivery = {
	.name = "delivery",
	.doc = "What holds for every message to a receiver.",
	.size = sizeof(struct delivery_raw),
	.pos_offset = offsetof(struct delivery_raw, pos) + 1,
	SCHEMA_FIELDS(delivery_fields),
};

void
delivery_build(struct loader *l, const struct delivery_raw *raw)
{
	struct reach *reach = &l->generation->config.reach;
	const struct string_list *list = &raw->allow_addresses;

	reach->forbid_private = raw->forbid_private_addresses;
	if (list->n > REACH_ALLOW_MAX) {
		diag_error(l->ctx.diag, list->pos[REACH_ALLOW_MAX],
		    "more than %d allow_addresses", REACH_ALLOW_MAX);
		return;
	}
	if (list->n > 0 && !raw->forbid_private_addresses)
		diag_error(l->ctx.diag, list->pos[0],
		    "'allow_addresses' means something only with "
		    "'forbid_private_addresses: true'");
	for (uint32_t i = 0; i < list->n; i++) {
		struct err err = { .at = ERR_NOWHERE };

		if (network_parse(str_from(list->items[i]),
			&reach->allow[reach->n_allow], &err) < 0)
			diag_error(l->ctx.diag, list->pos[i], "'%.60s': %s",
			    list->items[i], err.text);
		else
			reach->n_allow++;
	}
}
