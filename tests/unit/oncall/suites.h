/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <check.h>

#include "base/instant.h"

TCase *escalation_tests(void);
TCase *plan_tests(void);
TCase *policy_tests(void);
TCase *schedule_tests(void);

wall_t at(const char *timestamp); /* RFC 3339 */
