/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <check.h>

TCase *dedup_tests(void);
TCase *deliver_tests(void);
TCase *decision_tests(void);
TCase *flap_tests(void);
TCase *gate_tests(void);
TCase *suppressed_tests(void);
TCase *silence_watch_tests(void);
TCase *retry_tests(void);
TCase *restart_tests(void);
TCase *simulation_tests(void);
