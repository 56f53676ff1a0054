/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of this program, one function per file. */
#pragma once

#include <check.h>

/* For inner loops: check writes a record for every ck_assert() that holds. */
#define REQUIRE(what)                                                          \
	do {                                                                   \
		if (!(what))                                                   \
			ck_abort_msg("%s", #what);                             \
	} while (0)

TCase *case_containers(void);
TCase *case_csv(void);
TCase *case_diag(void);
TCase *case_hash(void);
TCase *case_json(void);
TCase *case_log(void);
TCase *case_memory(void);
TCase *case_text(void);
TCase *case_time(void);
TCase *case_tz(void);
