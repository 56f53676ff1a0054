/* SPDX-License-Identifier: Apache-2.0 */
/* What each type's file exports, for the list in receiver.c. */
#pragma once

#include "receiver/receiver.h"

#define RECEIVER(name)                                                         \
	extern const struct integration_kind receiver_##name##_kind;           \
	extern const struct receiver_ops receiver_##name;
#include "receiver/receivers.inc"
#undef RECEIVER

#define RESPONSE_BYTES_MAX (64u << 10) /* of a receiver's answer */
#define TEXT_BYTES_MAX     (64u << 20) /* of a rendered request */
