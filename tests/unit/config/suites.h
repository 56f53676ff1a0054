/* SPDX-License-Identifier: Apache-2.0 */
/* Each file of this folder adds its cases to one program. */
#pragma once

#include <check.h>

void add_bad_config(Suite *suite);
void add_schema(Suite *suite);
void add_load(Suite *suite);
void add_rules(Suite *suite);
