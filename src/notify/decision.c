/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the decision log: when one is written, and when it is closed.
 *
 * A place is a group's conditions of one owner, and exists while there are
 * any.  A condition keeps its row's id and a digest of the alerts it names,
 * which is enough to know whether the row still says the truth.
 * Invariant: the open rows of the store are those of the places' conditions.
 */
#include "config.h"

#include "notify/decision.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "store/store.h"

struct condition {
	uint64_t key;    /* of target, verdict and ref */
	uint64_t digest; /* of the alerts */
	int64_t id;
	bool renewed;    /* since decisions_begin() */
};

struct place {
	char *group_key;
	uint64_t route; /* hash of its id; 0: read back, its group has not been flushed yet */
	enum decision_owner owner;
	struct condition *conditions;
	size_t n, cap;
};

struct place_key {
	enum decision_owner owner;
	struct str group_key;
	uint64_t route;
};

struct decisions {
	struct store *store;
	struct map places;
	struct place_key current; /* between begin and end */
	struct place *place;      /* current's, or NULL */
	uint32_t held;
	struct buf scratch;
};

static const char *const verdict_name[] = {
	[DECISION_SENT] = "sent",
	[DECISION_NOTHING_NEW] = "duplicate",
	[DECISION_SILENCED] = "silenced",
	[DECISION_INHIBITED] = "inhibited",
	[DECISION_MUTED] = "muted",
	[DECISION_INACTIVE] = "inactive",
	[DECISION_HELD] = "held",
	[DECISION_ACKNOWLEDGED] = "acknowledged",
	[DECISION_SNOOZED] = "snoozed",
	[DECISION_RATE_LIMITED] = "rate_limited",
	[DECISION_NOBODY] = "nobody",
	[DECISION_FAILED] = "failed",
	[DECISION_BROKEN] = "circuit_open",
	[DECISION_FLAPPING] = "flapping",
	[DECISION_NOT_ASKED] = "not_asked",
	[DECISION_SKIPPED] = "skipped",
};
static_assert(sizeof(verdict_name) / sizeof(verdict_name[0]) == DECISION_COUNT,
    "a name for each verdict");

const char *
decision_verdict_name(enum decision_verdict verdict)
{
	return verdict < DECISION_COUNT ? verdict_name[verdict] : "unknown";
}

static enum decision_owner
owner_of(uint32_t verdict)
{
	return verdict == DECISION_HELD || verdict == DECISION_ACKNOWLEDGED ||
		       verdict == DECISION_SNOOZED
		   ? DECISION_OF_ONCALL
		   : DECISION_OF_FLUSH;
}

/* ---- places -------------------------------------------------------------------- */

static bool
place_is(const void *value, const void *key)
{
	const struct place *place = value;
	const struct place_key *k = key;

	return place->owner == k->owner && place->route == k->route &&
	       str_is(k->group_key, place->group_key);
}

static uint64_t
place_hash(const struct place_key *key)
{
	return hash_mix(hash_bytes(key->group_key.p, key->group_key.n), (uint64_t)key->owner);
}

/* Rows do not say which route's group they are of: the first that is flushed after a start. */
static struct place *
place_find(const struct decisions *decisions, const struct place_key *key)
{
	struct place_key unknown = { key->owner, key->group_key, 0 };
	struct place *place;

	if (decisions->places.n == 0)
		return NULL;
	place = map_find(&decisions->places, place_hash(key), place_is, key);
	if (place == NULL &&
	    (place = map_find(&decisions->places, place_hash(key), place_is, &unknown)) != NULL)
		place->route = key->route;
	return place;
}

static struct place *
place_get(struct decisions *decisions, const struct place_key *key)
{
	struct place *place = place_find(decisions, key);

	if (place == NULL) {
		place = xcalloc(1, sizeof(*place));
		place->owner = key->owner;
		place->route = key->route;
		place->group_key = xmemdup0(key->group_key.p, key->group_key.n);
		map_insert(&decisions->places, place_hash(key), place);
	}
	return place;
}

static void
place_free(struct place *place)
{
	free(place->group_key);
	free(place->conditions);
	free(place);
}

static void
forget_if_empty(struct decisions *decisions, struct place *place)
{
	struct place_key key = { place->owner, str_from(place->group_key), place->route };

	if (place->n > 0)
		return;
	map_remove_value(&decisions->places, place_hash(&key), place);
	place_free(place);
}

/* ---- rows ------------------------------------------------------------------------ */

static uint64_t
key_of(uint32_t verdict, struct str target, struct str ref)
{
	return hash_mix(
	    hash_mix(hash_bytes(target.p, target.n), hash_bytes(ref.p, ref.n)), verdict);
}

static struct str
encode(struct buf *buf, const struct decision *decision)
{
	buf_clear(buf);
	buf_reserve(buf, 8 * ((size_t)decision->n_firing + decision->n_resolved));
	for (uint32_t i = 0; i < decision->n_firing; i++)
		buf_put_u64le(buf, decision->firing[i]);
	for (uint32_t i = 0; i < decision->n_resolved; i++)
		buf_put_u64le(buf, decision->resolved[i]);
	return buf_str(buf);
}

/* What people and quiet hours decide is another thing when it ends at another time. */
static uint64_t
digest_of(struct str fingerprints, uint32_t n_firing, uint32_t verdict, wall_t next_at)
{
	uint64_t digest = hash_mix(hash_bytes(fingerprints.p, fingerprints.n), n_firing);

	return owner_of(verdict) == DECISION_OF_ONCALL ? hash_mix(digest, (uint64_t)next_at.ns)
						       : digest;
}

static int64_t
write_row(struct decisions *decisions, const struct decision *decision, struct str fingerprints,
    bool lasts, wall_t now)
{
	int64_t id;

	if (decisions->store == NULL)
		return 0;
	id = store_next_id(decisions->store);
	store_decision_put(decisions->store, &(struct decision_row){
						 .id = id,
						 .first_at = now,
						 .lasts = lasts,
						 .verdict = decision->verdict,
						 .group_key = decision->group_key,
						 .target = decision->target,
						 .ref = decision->ref,
						 .cause = decision->cause,
						 .delivery_id = decision->delivery_id,
						 .next_at = decision->next_at,
						 .n_firing = decision->n_firing,
						 .fingerprints = fingerprints,
					     });
	return id;
}

static void
close_row(struct decisions *decisions, const struct condition *condition, wall_t now)
{
	if (decisions->store != NULL)
		store_decision_close(decisions->store, condition->id, now);
}

void
decision_note(struct decisions *decisions, const struct decision *decision, wall_t now)
{
	(void)write_row(decisions, decision, encode(&decisions->scratch, decision), false, now);
}

/* ---- conditions --------------------------------------------------------------------- */

void
decisions_begin(struct decisions *decisions, enum decision_owner owner, struct str group_key,
    const char *route_id)
{
	uint64_t route = hash_bytes(route_id, strlen(route_id));

	decisions->current = (struct place_key){ owner, group_key, route != 0 ? route : 1 };
	decisions->place = place_find(decisions, &decisions->current);
	for (size_t i = 0; decisions->place != NULL && i < decisions->place->n; i++)
		decisions->place->conditions[i].renewed = false;
}

static struct condition *
condition_find(struct place *place, uint64_t key)
{
	for (size_t i = 0; i < place->n; i++) {
		if (place->conditions[i].key == key)
			return &place->conditions[i];
	}
	return NULL;
}

static struct condition *
condition_add(struct decisions *decisions, struct place *place, uint64_t key)
{
	struct condition *condition;

	place->conditions =
	    xgrow(place->conditions, &place->cap, place->n + 1, sizeof(*place->conditions));
	condition = &place->conditions[place->n++];
	*condition = (struct condition){ .key = key };
	decisions->held++;
	return condition;
}

void
decision_hold(struct decisions *decisions, const struct decision *decision, wall_t now)
{
	uint64_t key = key_of(decision->verdict, decision->target, decision->ref);
	struct str fingerprints = encode(&decisions->scratch, decision);
	uint64_t digest = digest_of(
	    fingerprints, decision->n_firing, decision->verdict, decision->next_at);
	struct condition *condition;

	assert(owner_of(decision->verdict) == decisions->current.owner);
	if (decisions->place == NULL)
		decisions->place = place_get(decisions, &decisions->current);
	condition = condition_find(decisions->place, key);
	if (condition == NULL) {
		condition = condition_add(decisions, decisions->place, key);
	} else if (condition->digest == digest) {
		condition->renewed = true;
		return;
	} else {
		close_row(decisions, condition, now);
	}
	condition->id = write_row(decisions, decision, fingerprints, true, now);
	condition->digest = digest;
	condition->renewed = true;
}

void
decisions_end(struct decisions *decisions, wall_t now)
{
	struct place *place = decisions->place;
	size_t kept = 0;

	decisions->place = NULL;
	if (place == NULL)
		return;
	for (size_t i = 0; i < place->n; i++) {
		if (place->conditions[i].renewed) {
			place->conditions[kept++] = place->conditions[i];
			continue;
		}
		close_row(decisions, &place->conditions[i], now);
		decisions->held--;
	}
	place->n = kept;
	forget_if_empty(decisions, place);
}

void
decisions_over(
    struct decisions *decisions, struct str group_key, const char *route_id, wall_t now)
{
	for (int owner = 0; owner < DECISION_OWNER_COUNT; owner++) {
		decisions_begin(decisions, (enum decision_owner)owner, group_key, route_id);
		decisions_end(decisions, now);
	}
}

void
decisions_prune(struct decisions *decisions, bool (*exists)(void *arg, struct str group_key),
    void *arg, wall_t now)
{
	struct place *place;

	for (size_t it = 0; (place = map_next(&decisions->places, &it)) != NULL;) {
		if (exists(arg, str_from(place->group_key)))
			continue;
		for (size_t i = 0; i < place->n; i++)
			close_row(decisions, &place->conditions[i], now);
		decisions->held -= (uint32_t)place->n;
		map_remove_at(&decisions->places, &it);
		place_free(place);
	}
}

/* ---- life ---------------------------------------------------------------------------- */

void
decisions_restore(void *arg, const struct decision_row *row)
{
	struct decisions *decisions = arg;
	struct place_key key = { owner_of(row->verdict), row->group_key, 0 };
	struct place *place = place_get(decisions, &key);
	struct condition *condition =
	    condition_add(decisions, place, key_of(row->verdict, row->target, row->ref));

	condition->id = row->id;
	condition->digest =
	    digest_of(row->fingerprints, row->n_firing, row->verdict, row->next_at);
}

struct decisions *
decisions_new(struct store *store)
{
	struct decisions *decisions = xcalloc(1, sizeof(*decisions));

	decisions->store = store;
	return decisions;
}

void
decisions_free(struct decisions *decisions)
{
	struct place *place;

	if (decisions == NULL)
		return;
	for (size_t it = 0; (place = map_next(&decisions->places, &it)) != NULL;)
		place_free(place);
	map_fini(&decisions->places);
	buf_fini(&decisions->scratch);
	free(decisions);
}

uint32_t
decisions_held(const struct decisions *decisions)
{
	return decisions->held;
}
