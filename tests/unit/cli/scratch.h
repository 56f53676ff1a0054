/* SPDX-License-Identifier: Apache-2.0 */
/* Files in a directory that is gone after the test. */
#pragma once

void scratch_open(void);
void scratch_close(void);
/* The file's path, until scratch_close(). */
const char *scratch_write(const char *name, const char *text);
