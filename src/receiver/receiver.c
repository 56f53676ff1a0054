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

const struct secret *
receiver_callback_secret(const struct integration_config *integration)
{
	const struct receiver_ops *ops = receiver_ops_of(integration->kind);
	const struct secret *secret;

	if (ops == NULL || ops->signed_with == NULL)
		return NULL;
	secret = ops->signed_with(integration->settings);
	return secret->value != NULL || secret->file != NULL ? secret : NULL;
}
