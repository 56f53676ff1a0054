/* SPDX-License-Identifier: Apache-2.0 */
/* The list of receiver types that are compiled in. */
#include "config.h"

#include "receiver/receiver.h"

#include "receiver/types.h"

const struct receiver_ops *const receiver_list[] = {
#define RECEIVER(name) &receiver_##name,
#include "receiver/receivers.inc"
#undef RECEIVER
	NULL,
};

const struct integration_kind *const receiver_kinds[] = {
#define RECEIVER(name) &receiver_##name##_kind,
#include "receiver/receivers.inc"
#undef RECEIVER
	NULL,
};

const struct receiver_ops *
receiver_ops_of(const struct integration_kind *kind)
{
	for (size_t i = 0; receiver_list[i] != NULL; i++)
		if (receiver_list[i]->kind == kind)
			return receiver_list[i];
	return NULL;
}
