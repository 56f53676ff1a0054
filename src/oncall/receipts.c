/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oncall/receipts.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "store/store_incident.h"

struct entry {
	wall_t expires_at;
	uint32_t n;
	char key[];
};

struct receipts {
	struct store *store;
	struct map entries;
};

static bool
entry_is(const void *value, const void *key)
{
	const struct entry *entry = value;
	const struct str *s = key;

	return entry->n == s->n && memcmp(entry->key, s->p, s->n) == 0;
}

struct receipts *
receipts_new(struct store *store)
{
	struct receipts *receipts = xcalloc(1, sizeof(*receipts));

	receipts->store = store;
	return receipts;
}

void
receipts_free(struct receipts *receipts)
{
	struct entry *entry;
	size_t it = 0;

	if (receipts == NULL)
		return;
	while ((entry = map_next(&receipts->entries, &it)) != NULL)
		free(entry);
	map_fini(&receipts->entries);
	free(receipts);
}

static void
insert(struct receipts *receipts, struct str key, wall_t expires_at)
{
	struct entry *entry = xmalloc(sizeof(*entry) + key.n);

	entry->expires_at = expires_at;
	entry->n = (uint32_t)key.n;
	memcpy(entry->key, key.p, key.n);
	map_insert(&receipts->entries, hash_bytes(key.p, key.n), entry);
}

bool
receipts_has(const struct receipts *receipts, struct str key)
{
	return map_find(&receipts->entries, hash_bytes(key.p, key.n), entry_is, &key) != NULL;
}

void
receipts_restore(struct receipts *receipts, struct str key, wall_t expires_at)
{
	if (key.n > 0 && key.n <= RECEIPT_KEY_MAX && !receipts_has(receipts, key))
		insert(receipts, key, expires_at);
}

enum receipt
receipts_take(struct receipts *receipts, struct str key, wall_t expires_at)
{
	if (key.n == 0 || key.n > RECEIPT_KEY_MAX)
		return RECEIPT_REFUSED;
	if (receipts_has(receipts, key))
		return RECEIPT_USED;
	if (receipts->entries.n >= RECEIPTS_MAX)
		return RECEIPT_REFUSED;
	insert(receipts, key, expires_at);
	if (receipts->store != NULL)
		store_receipt_put(receipts->store, key, expires_at);
	return RECEIPT_TAKEN;
}

void
receipts_gc(struct receipts *receipts, wall_t now)
{
	struct entry *entry;
	size_t it = 0;

	while ((entry = map_next(&receipts->entries, &it)) != NULL) {
		if (wall_before(now, entry->expires_at))
			continue;
		map_remove_at(&receipts->entries, &it);
		if (receipts->store != NULL)
			store_receipt_delete(receipts->store, str_make(entry->key, entry->n));
		free(entry);
	}
}
