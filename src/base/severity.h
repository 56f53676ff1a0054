/* SPDX-License-Identifier: Apache-2.0 */
/* How bad a word says it is, whatever word a team has for it. */
#pragma once

#include <stdint.h>

#include "base/str.h"

enum severity_level { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_CRITICAL, SEVERITY_LEVEL_COUNT };

/* The worst is 0; unknown words come after all known ones, no word after these. */
uint32_t severity_rank(struct str word);
/* An unknown word counts as an error. */
enum severity_level severity_level(struct str word);
/* 0 critical, 1 error, 2 warning, 3 info, 4 unknown words, 5 none: words of one level are alike. */
#define SEVERITY_GRADE_NONE 5
uint32_t severity_grade(struct str word);
