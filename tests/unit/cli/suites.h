/* SPDX-License-Identifier: Apache-2.0 */
/* Tests in files of their own, run by test_cli.c. */
#pragma once

#include <check.h>

TCase *drift_tests(void);
TCase *route_tests(void);
TCase *preview_tests(void);
