/* SPDX-License-Identifier: Apache-2.0 */
/* The suites of the room's one test program. */
#pragma once

#include <check.h>

Suite *suite_web(void);
