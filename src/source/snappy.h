/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snappy's block format, the way in only: what remote write asks for.
 *
 * Blocks of 64 KiB, a hash table of four-byte runs, copies with two-byte
 * offsets.  Any decoder understands it; it packs a little less than the
 * original, which also has shorter copies.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

/* Appends in packed. */
void snappy_compress(struct str in, struct buf *out);
