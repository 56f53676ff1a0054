/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message to try a receiver with: rendered and sent as any other, clearly
 * marked, once, to each of its integrations.  It belongs to no group, is in no
 * log and no row, and says nothing about the receiver's health: who asked is
 * told what the service answered, and that is all.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

struct notifier;

enum trial_outcome { TRIAL_DELIVERED, TRIAL_FAILED, TRIAL_REFUSED };

struct trial_result {
	const char *target;  /* "ops/webhook[0]" */
	enum trial_outcome outcome;
	int status;          /* of the answer; 0: there was none */
	char text[256];      /* for the operator: why it failed, or what was answered */
	dur_t took;
};

#define TRIAL_ALERTNAME "TocsinTest"

/* Runs exactly once, after all have answered; never inside notifier_try(). */
typedef void trial_fn(void *arg, const struct trial_result *results, uint32_t n);
/* by: who asks, for the message. 0, or -ERR_NOT_FOUND: no such receiver. */
int notifier_try(struct notifier *notifier, struct str receiver, struct str by, trial_fn *fn, void *arg, struct err *err);
