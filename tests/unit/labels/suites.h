/* SPDX-License-Identifier: Apache-2.0 */
/* The suites of this program; each case leaves the tables empty. */
#pragma once

#include <check.h>

#include "base/buf.h"
#include "base/str.h"

Suite *matcher_suite(void);
Suite *regex_suite(void);

/* A case whose end proves that nothing stayed interned. */
TCase *interning_tcase(const char *name);

/* A struct str in a static table. */
#define LIT(lit) { (lit), (uint32_t)(sizeof(lit) - 1) }

#define ck_assert_str_is(s, z)                                                                     \
	ck_assert_msg(str_is((s), (z)), "got %.*s, want %s", STR_ARG(s), (z))
