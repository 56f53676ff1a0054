/* SPDX-License-Identifier: Apache-2.0 */
/* What was printed meanwhile. */
#pragma once

void capture_begin(void);
/* Texts until the next capture_begin(). */
void capture_end(const char **ret_stdout, const char **ret_stderr);
