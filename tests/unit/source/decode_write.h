/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of remote write, for tests: unpacks and reads a request as
 * its specification has it; anything else fails the test.
 */
#pragma once

#include "base/buf.h"

/* Snappy's block format. */
void unpack(struct str packed, struct buf *out);
/* One line a sample: {__name__="up", job="a"} 1 @1763621040000; the value may be "stale" or "NaN".
 */
void decode_write(struct str body, struct buf *out);
