/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin alert explain: why an alert is as it is, for people. */
#pragma once

#include "cli/args.h"
#include "cli/remote.h"

int alert_explain(
    const struct command *command, const struct remote *remote, const struct arg_words *words);
