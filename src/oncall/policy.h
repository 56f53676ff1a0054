/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escalation policies as incidents keep them: the steps they began with, by
 * digest, in memory and in the store, whatever the configuration says later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/str.h"
#include "config/config.h"
#include "store/store_incident.h"

#define POLICY_DIGEST_MAX 33
#define POLICY_BYTES_MAX (1u << 20)

struct frozen_policy {
	uint32_t refs;
	char digest[POLICY_DIGEST_MAX];
	struct escalation_policy policy; /* names point into bytes */
	struct arena *arena;
	struct str bytes;  /* what the digest is of, in the arena */
	bool stored;       /* it has a row */
};

struct policies {
	struct store *store; /* may be NULL */
	struct map by_digest;
	struct buf scratch;
};

void policies_init(struct policies *policies, struct store *store);
void policies_fini(struct policies *policies);
/* The frozen twin, +1 reference; its row is written when it is new. */
struct frozen_policy *policies_freeze(struct policies *policies, const struct escalation_policy *policy);
/* What an earlier run froze; false: cannot be read. */
bool policies_restore(struct policies *policies, struct str digest, struct str bytes);
struct frozen_policy *policies_find(const struct policies *policies, struct str digest); /* +1 reference, or NULL */
/* The row goes with the last reference. Accepts NULL. */
void policies_unref(struct policies *policies, struct frozen_policy *frozen);
/* After everything was restored: rows that nobody needs go. */
void policies_sweep(struct policies *policies);

/* An acknowledgement of such an incident holds for; DUR_UNSET: for ever. */
dur_t policy_ack_timeout(const struct escalation_policy *policy, struct str severity);
