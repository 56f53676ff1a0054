/* SPDX-License-Identifier: Apache-2.0 */
/* One store in a directory of its own, on a virtual or a real loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <check.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "store/store.h"
#include "store/store_internal.h"

#define START_AT ((wall_t){ INT64_C(1700000000000000000) })

/* STR() is no constant, which a static table needs. */
#define LIT(z) { (z), sizeof(z) - 1 }

struct fixture {
	char dir[256];
	bool real;
	struct loop *loop;
	struct store *store;
	struct store_options options;
};

extern struct fixture fx;

void fixture_virtual(void); /* a directory, a virtual loop, no store yet */
void fixture_real(void);
void fixture_fini(void); /* closes what is open, removes the directory */

void fixture_open(void);
void fixture_close(void);
void fixture_reopen(void);
const char *fixture_path(const char *name); /* DIR/name, until the next call */

/* Until all that is written so far is committed. */
void fixture_commit(void);
void fixture_turns(int n);

/* What another process would see; -1 if the query fails. */
int64_t fixture_count(const char *sql);
/* Runs SQL on the database as a stranger would. */
void fixture_sql(const char *sql);

void fixture_put_alert(int64_t id, int64_t mark);
void fixture_put_history(int64_t id, wall_t at, const char *kind, uint64_t fingerprint);

TCase *rows_tests(void);
TCase *batch_tests(void);
TCase *thread_tests(void);
TCase *schema_tests(void);
TCase *audit_tests(void);
TCase *health_tests(void);
TCase *listing_tests(void);
TCase *crash_tests(void);
