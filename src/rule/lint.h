/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What works but is probably not what was meant: warnings about rules, for
 * `tocsin check`.  Pure: configuration in, findings out.
 */
#pragma once

#include "base/diag.h"
#include "config/config.h"

/* Warnings about every rule of config. */
void rule_lint(const struct config *config, struct diag *diag);
