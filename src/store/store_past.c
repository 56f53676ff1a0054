/* SPDX-License-Identifier: Apache-2.0 */
/* Writes of what rules remember: see store_past.h. Read back by store_load.c. */
#include "store/store_past.h"

#include "store/store_put.h"

void
store_past_series_put(struct store *store, const struct past_series_row *row)
{
	PUT(store, OP_PAST_SERIES_PUT, INT(row->id), INT(row->rule_id), TEXT(row->labels),
	    TEXT(row->versions));
}

void
store_past_series_delete(struct store *store, int64_t id)
{
	store_past_chunks_delete(store, id, INT64_MAX);
	PUT(store, OP_PAST_SERIES_DELETE, INT(id));
}

void
store_past_chunk_put(struct store *store, const struct past_chunk_row *row)
{
	PUT(store, OP_PAST_CHUNK_PUT, INT(row->series_id), INT(row->n), TEXT(row->points));
}

void
store_past_chunks_delete(struct store *store, int64_t series_id, int64_t n)
{
	PUT(store, OP_PAST_CHUNKS_DELETE, INT(series_id), INT(n));
}
