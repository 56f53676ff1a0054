/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <check.h>

TCase *tree_tests(void);
TCase *alerts_tests(void);
TCase *silences_tests(void);
TCase *inhibit_tests(void);
TCase *groups_tests(void);
TCase *intervals_tests(void);
