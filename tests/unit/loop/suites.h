/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of this program, one function per file. */
#pragma once

#include <check.h>

TCase *case_poll(void);
TCase *case_timers(void);
TCase *case_worker(void);
