/* SPDX-License-Identifier: Apache-2.0 */
/* --enable-feature, with Alertmanager's names. */
#pragma once

#include "cli/args.h"

#define FEATURES_DOC "classic-mode or utf8-strict-mode"

struct features {
	bool receiver_names; /* receiver-name-in-metrics */
};

/* Each value is a list with commas.  Before the configuration is read.  EXIT_OK, or EXIT_USAGE and it is said. */
int features_enable(const struct command *command, const struct arg_list *enabled, struct features *ret);
