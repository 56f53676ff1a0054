/* SPDX-License-Identifier: Apache-2.0 */
/* What several targets need: an input as a file, and what an input may not name. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* A file of this text, gone with the process: its path. The next call overwrites it. */
const char *support_file(struct str text);
/* Could these settings make the program read other files? Such an input would depend on the machine. */
bool support_names_files(struct str text);
