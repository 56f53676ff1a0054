/* SPDX-License-Identifier: Apache-2.0 */
/* The files of this program. */
#pragma once

#include <check.h>

void add_corpus(Suite *suite);
