/* SPDX-License-Identifier: Apache-2.0 */
/* The aggregations of a search as rows. Pure. */
#pragma once

#include "base/arena.h"
#include "source/rows.h"

/* body: a whole answer of _search. */
int elasticsearch_aggs(struct str body, struct arena *scratch, struct rows *rows, struct err *err);
