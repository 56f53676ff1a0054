/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: history, finished deliveries and expired silences go when they
 * are older than the retention; what was done by whom has a retention of its own.
 *
 * A prune is a few operations in the batch, each of which deletes at most
 * STORE_PRUNE_ROWS rows, so that no transaction grows long.  When one of them
 * found a full helping, store.c puts the same into a later batch.
 */
#include "store/store_internal.h"

void
store_prune(struct store *store, wall_t now)
{
	store->prune_before = wall_sub(now, store->retention);
	store_put_prune(store, store->prune_before);
	/* Pruning comes round now and then: the time to shrink the log too. */
	store->truncate_due = true;
}
