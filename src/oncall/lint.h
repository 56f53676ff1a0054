/* SPDX-License-Identifier: Apache-2.0 */
/* What is probably not meant: times when a step of an escalation would find nobody on call. */
#pragma once

#include "base/diag.h"
#include "base/instant.h"
#include "config/config.h"

#define ONCALL_LINT_AHEAD DUR_S(28 * 86400)

/* Warnings at the schedules that steps name. */
void oncall_lint(const struct config *config, wall_t now, struct diag *diag);
