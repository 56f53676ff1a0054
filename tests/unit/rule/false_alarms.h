/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of false_alarms: rules over samples, and a series against its past. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Deviation rules: the table; and as TAP from number `first` on, the number that failed. */
void deviation_table(uint32_t values, const char *only);
size_t deviation_cases(void);
size_t deviation_tap(size_t first);
