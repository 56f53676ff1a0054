/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Silences by id: create, edit, expire, restore, forget.
 *
 * Owns the table.  Which silences match a label set is asked of
 * silences_index.c; what is stored of them is in silences_rows.c.
 */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "route/silences_internal.h"

#define NS_PER_S INT64_C(1000000000)

/* ---- the table --------------------------------------------------------------- */

static bool
has_id(const void *value, const void *key)
{
	return str_is(*(const struct str *)key, ((const struct silence *)value)->id);
}

static uint64_t
id_hash(struct str id)
{
	return hash_bytes(id.p, id.n);
}

static struct silence *
find(const struct silences *silences, struct str id)
{
	return id.n > 0 ? map_find(&silences->by_id, id_hash(id), has_id, &id) : NULL;
}

static void
silence_free(struct silence *silence)
{
	matchers_free(silence->matchers);
	free(silence->created_by);
	free(silence->comment);
	free(silence->annotations);
	free(silence);
}

static void
table_add(struct silences *silences, struct silence *silence, wall_t now)
{
	map_insert(&silences->by_id, id_hash(str_from(silence->id)), silence);
	if (silence_state(silence, now) != SILENCE_EXPIRED)
		silence_index_add(silences, silence);
}

/* ---- create, edit, expire -------------------------------- */

/* A negative matcher counts as one that does not match the empty string. */
static bool
matches_only_empty(const struct matchers *matchers)
{
	for (uint32_t i = 0; i < matchers->n; i++) {
		const struct matcher *m = &matchers->m[i];

		if ((m->op != MATCH_EQUAL && m->op != MATCH_REGEX) || !matcher_matches_empty(m))
			return false;
	}
	return true;
}

static int
check_input(const struct silence_input *input, wall_t now, struct err *err)
{
	if (!wall_before(input->starts_at, input->ends_at))
		return err_set(err, ERR_INVALID,
		    "Failed to create silence: start time must be before end time");
	if (input->matchers == NULL || input->matchers->n == 0)
		return err_set(err, ERR_INVALID, "silence invalid: at least one matcher required");
	if (input->matchers->n > SILENCE_MATCHERS_MAX)
		return err_set(
		    err, ERR_LIMIT, "a silence has at most %u matchers", SILENCE_MATCHERS_MAX);
	for (uint32_t i = 0; i < input->matchers->n; i++) {
		struct str name = istr_str(input->matchers->m[i].name);

		if (!label_name_is_allowed(name))
			return err_set(err, ERR_INVALID,
			    "silence invalid: invalid label matcher %u: invalid label name "
			    "\"%.*s\"",
			    i, STR_ARG(str_head(name, 100)));
	}
	if (matches_only_empty(input->matchers))
		return err_set(err, ERR_INVALID,
		    "silence invalid: at least one matcher must not match the empty string");
	if (!wall_is_set(input->starts_at))
		return err_set(err, ERR_INVALID, "silence invalid: invalid zero start timestamp");
	if (!wall_is_set(input->ends_at))
		return err_set(err, ERR_INVALID, "silence invalid: invalid zero end timestamp");
	if (wall_before(input->ends_at, now))
		return err_set(
		    err, ERR_INVALID, "Failed to create silence: end time can't be in the past");
	if (input->comment.n > SILENCE_COMMENT_BYTES_MAX ||
	    input->created_by.n > SILENCE_COMMENT_BYTES_MAX ||
	    input->annotations.n > SILENCE_COMMENT_BYTES_MAX)
		return err_set(err, ERR_LIMIT,
		    "comment, creator and annotations have at most %u bytes each",
		    SILENCE_COMMENT_BYTES_MAX);
	return 0;
}

static bool
can_edit(const struct silence *old, const struct silence_input *input, wall_t now)
{
	if (!matchers_equal(old->matchers, input->matchers))
		return false;
	switch (silence_state(old, now)) {
	case SILENCE_ACTIVE:
		return old->starts_at.ns / NS_PER_S == input->starts_at.ns / NS_PER_S &&
		       !wall_before(input->ends_at, now);
	case SILENCE_PENDING:
		return !wall_before(input->starts_at, now);
	case SILENCE_EXPIRED:
		break;
	}
	return false;
}

static void
fill(struct silence *silence, struct silence_input *input, wall_t now)
{
	matchers_free(silence->matchers);
	free(silence->created_by);
	free(silence->comment);
	free(silence->annotations);
	silence->matchers = input->matchers;
	input->matchers = NULL;
	silence->starts_at = input->starts_at;
	silence->ends_at = input->ends_at;
	silence->updated_at = now;
	silence->created_by = xmemdup0(input->created_by.p, input->created_by.n);
	silence->comment = xmemdup0(input->comment.p, input->comment.n);
	silence->annotations = xmemdup0(input->annotations.p, input->annotations.n);
	silence->until_resolved = input->until_resolved;
}

static void
end_now(struct silences *silences, struct silence *silence, wall_t now)
{
	if (silence_state(silence, now) == SILENCE_PENDING)
		silence->starts_at = now;
	silence->ends_at = now;
	silence->updated_at = now;
	silence_index_remove(silences, silence);
	silence_write_row(silences, silence);
	silence_write_history(silences, silence, "silence_expired", now);
}

static struct silence *
set(struct silences *silences, struct silence_input *input, struct silence *old, wall_t now)
{
	struct silence *silence = old;

	if (old != NULL && can_edit(old, input, now)) {
		silence_index_remove(silences, old);
		fill(old, input, now);
		if (silence_state(old, now) != SILENCE_EXPIRED)
			silence_index_add(silences, old);
	} else {
		if (old != NULL && silence_state(old, now) != SILENCE_EXPIRED)
			end_now(silences, old, now);
		silence = xcalloc(1, sizeof(*silence));
		uuid_make(silence->id);
		input->starts_at = wall_max(input->starts_at, now);
		fill(silence, input, now);
		table_add(silences, silence, now);
	}
	silence_write_row(silences, silence);
	silence_write_history(silences, silence, "silenced", now);
	return silence;
}

int
silences_set(struct silences *silences, struct silence_input *input, wall_t now, char ret_id[37],
    struct err *err)
{
	struct silence *old = find(silences, input->id);
	int rc = 0;

	if (input->id.n > 0 && old == NULL)
		rc = err_set(err, ERR_NOT_FOUND, "silence not found");
	if (rc == 0)
		rc = check_input(input, now, err);
	if (rc == 0 && silences->by_id.n >= SILENCES_MAX &&
	    (old == NULL || !can_edit(old, input, now)))
		rc = err_set(err, ERR_LIMIT,
		    "there are %d silences already, the most that are kept", SILENCES_MAX);
	if (rc == 0)
		memcpy(ret_id, set(silences, input, old, now)->id, sizeof(old->id));
	matchers_free(input->matchers);
	input->matchers = NULL;
	return rc;
}

int
silences_expire(struct silences *silences, struct str id, wall_t now, struct err *err)
{
	struct silence *silence = find(silences, id);

	if (silence == NULL)
		return err_set(
		    err, ERR_NOT_FOUND, "silence %.*s not found", STR_ARG(str_head(id, 80)));
	if (silence_state(silence, now) != SILENCE_EXPIRED)
		end_now(silences, silence, now);
	return 0;
}

/* ---- start, end ------------------------------------------------------------------ */

struct silences *
silences_new(struct store *store)
{
	struct silences *silences = xcalloc(1, sizeof(*silences));

	silences->store = store;
	return silences;
}

void
silences_free(struct silences *silences)
{
	struct silence *silence;

	if (silences == NULL)
		return;
	for (size_t it = 0; (silence = map_next(&silences->by_id, &it)) != NULL;) {
		silence_index_remove(silences, silence);
		silence_free(silence);
	}
	map_fini(&silences->by_id);
	map_fini(&silences->buckets);
	free(silences);
}

/* Whether it is over is asked when it is looked at, so time plays no part here. */
int
silences_restore(struct silences *silences, const struct silence_row *row, struct err *err)
{
	struct matchers *matchers;
	struct silence *silence;

	if (row->id.n != sizeof(silence->id) - 1)
		return err_set(err, ERR_INVALID, "not the id of a silence");
	if (find(silences, row->id) != NULL)
		return err_set(err, ERR_INVALID, "silence %.*s is there already", STR_ARG(row->id));
	matchers = silence_matchers_decode(row->matchers, err);
	if (matchers == NULL)
		return -(int)ERR_INVALID;
	silence = xcalloc(1, sizeof(*silence));
	memcpy(silence->id, row->id.p, row->id.n);
	silence->matchers = matchers;
	silence->starts_at = row->starts_at;
	silence->ends_at = row->ends_at;
	silence->updated_at = row->updated_at;
	silence->created_by = xmemdup0(row->created_by.p, row->created_by.n);
	silence->comment = xmemdup0(row->comment.p, row->comment.n);
	silence->annotations = xmemdup0(row->annotations.p, row->annotations.n);
	silence->until_resolved = row->until_resolved;
	silence->matched_at = row->matched_at;
	table_add(silences, silence, WALL_NONE);
	return 0;
}

/* ---- looking ---------------------------------------------------------------------- */

const struct silence *
silences_get(const struct silences *silences, struct str id)
{
	return find(silences, id);
}

enum silence_state
silence_state(const struct silence *silence, wall_t now)
{
	if (silence->ends_at.ns <= now.ns)
		return SILENCE_EXPIRED;
	return silence->starts_at.ns > now.ns ? SILENCE_PENDING : SILENCE_ACTIVE;
}

/* ---- until resolved ------------------------------------------------------------- */

/* Only beginning and ceasing to match are written: a restart while it matched counts anew. */
void
silences_judge(struct silences *silences, const struct silence *silence, uint32_t round, wall_t now)
{
	struct silence *s = find(silences, str_from(silence->id));
	wall_t before;

	if (s == NULL || !s->until_resolved || silence_state(s, now) != SILENCE_ACTIVE)
		return;
	before = s->matched_at;
	if (s->marked == round)
		s->matched_at = WALL_MAX;
	else if (before.ns == WALL_MAX.ns)
		s->matched_at = now;
	else if (wall_is_set(before) && !wall_before(now, wall_add(before, SILENCE_OVER_AFTER)))
		end_now(silences, s, now);
	if (s->matched_at.ns != before.ns)
		silence_write_row(silences, s);
}

void
silences_set_announced(struct silences *silences, const struct silence *silence, bool announced)
{
	struct silence *s = find(silences, str_from(silence->id));

	if (s != NULL)
		s->announced = announced;
}

/* ---- all of them ----------------------------------------------------------------- */

uint32_t
silences_count(const struct silences *silences, enum silence_state state, wall_t now)
{
	const struct silence *silence;
	uint32_t n = 0;

	for (size_t it = 0; (silence = map_next(&silences->by_id, &it)) != NULL;)
		n += silence_state(silence, now) == state;
	return n;
}

const struct silence *
silences_next(const struct silences *silences, size_t *it)
{
	return map_next(&silences->by_id, it);
}

void
silences_gc(struct silences *silences, wall_t now, dur_t retention)
{
	struct silence *silence;

	for (size_t it = 0; (silence = map_next(&silences->by_id, &it)) != NULL;) {
		if (silence_state(silence, now) != SILENCE_EXPIRED)
			continue;
		silence_index_remove(silences, silence);
		if (wall_before(now, wall_add(silence->ends_at, retention)))
			continue;
		if (silences->store != NULL)
			store_silence_delete(silences->store, str_from(silence->id));
		map_remove_at(&silences->by_id, &it);
		silence_free(silence);
	}
}
