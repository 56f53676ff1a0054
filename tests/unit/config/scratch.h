/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of files for one case. */
#pragma once

#include "config/config.h"

/* Makes the directory; the same one until scratch_remove(). */
const char *scratch_path(const char *name);
void scratch_write(const char *name, const char *text);
void scratch_remove(void);
/* Loads NAME there with the fake kinds; the findings' text is printed when it fails. */
struct config *scratch_load(const char *name);
/* The first finding of a load that must fail, or of one that warns; free() it. */
char *scratch_finding(const char *name);
