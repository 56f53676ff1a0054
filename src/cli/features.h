/* SPDX-License-Identifier: Apache-2.0 */
/* --enable-feature, with Alertmanager's names. */
#pragma once

#include "cli/args.h"

#define FEATURES_DOC "classic-mode or utf8-strict-mode"

/* Each value is a list with commas.  Before the configuration is read.  EXIT_OK, or EXIT_USAGE and it is said. */
int features_enable(const struct command *command, const struct arg_list *enabled);
