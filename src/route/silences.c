/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Silences, by id and by what they match.
 *
 * A silence that is not yet over is in exactly one bucket: that of one of its
 * `name="value"` matchers (the one with the fewest silences), or the last
 * resort bucket when it has none.  A label set is matched against the buckets
 * of its own labels and the last resort: nothing is scanned, nothing cached.
 */
#include "config.h"

#include "route/silences.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/timestamp.h"
#include "base/xalloc.h"

#define SILENCE_MATCHERS_MAX 1000u
#define MATCHERS_ENCODING    1u /* first byte */
#define NS_PER_S             INT64_C(1000000000)

struct silence_bucket {
	struct istr *name, *value; /* NULL: the last resort */
	struct silence *first;
	uint32_t n;
};

struct silences {
	struct store *store;
	struct map by_id;
	struct map buckets;
	struct silence_bucket last_resort;
};

/* ---- buckets ---------------------------------------------------------------- */

struct pair {
	const struct istr *name, *value;
};

static bool
bucket_is(const void *value, const void *key)
{
	const struct silence_bucket *bucket = value;
	const struct pair *pair = key;

	return bucket->value == pair->value && bucket->name == pair->name;
}

static uint64_t
pair_hash(const struct istr *name, const struct istr *value)
{
	return hash_mix(name->hash, value->hash);
}

static struct silence_bucket *
bucket_find(const struct silences *silences, const struct istr *name, const struct istr *value)
{
	struct pair pair = { name, value };

	return map_find(&silences->buckets, pair_hash(name, value), bucket_is, &pair);
}

static struct silence_bucket *
bucket_get(struct silences *silences, struct istr *name, struct istr *value)
{
	struct silence_bucket *bucket = bucket_find(silences, name, value);

	if (bucket == NULL) {
		bucket = xcalloc(1, sizeof(*bucket));
		bucket->name = istr_ref(name);
		bucket->value = istr_ref(value);
		map_insert(&silences->buckets, pair_hash(name, value), bucket);
	}
	return bucket;
}

/* An empty value would mean "label absent", which no label leads to. */
static struct silence_bucket *
index_choose(struct silences *silences, const struct matchers *matchers)
{
	const struct matcher *best = NULL;
	uint32_t best_n = UINT32_MAX;

	for (uint32_t i = 0; i < matchers->n; i++) {
		const struct matcher *m = &matchers->m[i];
		const struct silence_bucket *bucket;

		if (m->op != MATCH_EQUAL || m->value->n == 0)
			continue;
		bucket = bucket_find(silences, m->name, m->value);
		if (best == NULL || (bucket != NULL ? bucket->n : 0) < best_n) {
			best = m;
			best_n = bucket != NULL ? bucket->n : 0;
		}
	}
	return best != NULL ? bucket_get(silences, best->name, best->value)
			    : &silences->last_resort;
}

static void
index_add(struct silences *silences, struct silence *silence)
{
	struct silence_bucket *bucket = index_choose(silences, silence->matchers);

	silence->bucket = bucket;
	silence->next_indexed = bucket->first;
	silence->at_indexed = &bucket->first;
	if (bucket->first != NULL)
		bucket->first->at_indexed = &silence->next_indexed;
	bucket->first = silence;
	bucket->n++;
}

static void
index_remove(struct silences *silences, struct silence *silence)
{
	struct silence_bucket *bucket = silence->bucket;

	if (bucket == NULL)
		return;
	*silence->at_indexed = silence->next_indexed;
	if (silence->next_indexed != NULL)
		silence->next_indexed->at_indexed = silence->at_indexed;
	silence->bucket = NULL;
	if (--bucket->n == 0 && bucket->name != NULL) {
		map_remove_value(
		    &silences->buckets, pair_hash(bucket->name, bucket->value), bucket);
		istr_unref(bucket->name);
		istr_unref(bucket->value);
		free(bucket);
	}
}

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
		index_add(silences, silence);
}

/* ---- rows --------------------------------------------------------------------- */

static void
put_bytes(struct buf *out, struct str s)
{
	buf_put_u32le(out, s.n);
	buf_put_str(out, s);
}

/* Binary, so that no quoting rule stands between a value and its restart. */
static void
matchers_encode(const struct matchers *matchers, struct buf *out)
{
	buf_putc(out, (char)MATCHERS_ENCODING);
	buf_put_u32le(out, matchers->n);
	for (uint32_t i = 0; i < matchers->n; i++) {
		buf_putc(out, (char)matchers->m[i].op);
		put_bytes(out, istr_str(matchers->m[i].name));
		put_bytes(out, istr_str(matchers->m[i].value));
	}
}

static bool
take_u8(struct str *in, uint32_t *ret)
{
	if (in->n < 1)
		return false;
	*ret = (unsigned char)in->p[0];
	*in = str_make(in->p + 1, in->n - 1);
	return true;
}

static bool
take_bytes(struct str *in, struct str *ret)
{
	uint32_t n;

	if (in->n < 4 || (n = get_u32le(in->p)) > in->n - 4)
		return false;
	*ret = str_make(in->p + 4, n);
	*in = str_make(in->p + 4 + n, in->n - 4 - n);
	return true;
}

static struct matchers *
matchers_decode(struct str in, struct err *err)
{
	struct matcher *m;
	uint32_t version, n, made = 0, op;
	struct str name, value;
	bool good = true;

	if (!take_u8(&in, &version) || version != MATCHERS_ENCODING || in.n < 4 ||
	    (n = get_u32le(in.p)) > SILENCE_MATCHERS_MAX) {
		err_set(err, ERR_INVALID, "matchers are mangled");
		return NULL;
	}
	in = str_make(in.p + 4, in.n - 4);
	m = xcalloc(n > 0 ? n : 1, sizeof(*m));
	while (good && made < n) {
		good = false;
		if (!take_u8(&in, &op) || op > MATCH_NOT_REGEX || !take_bytes(&in, &name) ||
		    !take_bytes(&in, &value))
			err_set(err, ERR_INVALID, "matchers are mangled");
		else if (matcher_make((enum matcher_op)op, name, value, &m[made], err) == 0)
			good = true;
		if (good)
			made++;
	}
	struct matchers *matchers = good ? matchers_new(m, n, false) : NULL;
	for (uint32_t i = 0; matchers == NULL && i < made; i++)
		matcher_fini(&m[i]);
	free(m);
	return matchers;
}

static void
write_row(struct silences *silences, const struct silence *silence)
{
	struct buf matchers = { 0 };

	if (silences->store == NULL)
		return;
	matchers_encode(silence->matchers, &matchers);
	store_silence_put(silences->store, &(struct silence_row){
					       .id = str_from(silence->id),
					       .matchers = buf_str(&matchers),
					       .starts_at = silence->starts_at,
					       .ends_at = silence->ends_at,
					       .updated_at = silence->updated_at,
					       .created_by = str_from(silence->created_by),
					       .comment = str_from(silence->comment),
					       .annotations = str_from(silence->annotations),
					       .until_resolved = silence->until_resolved,
					       .matched_at = silence->matched_at,
					   });
	buf_fini(&matchers);
}

static void
write_history(
    struct silences *silences, const struct silence *silence, const char *kind, wall_t now)
{
	struct buf detail = { 0 };
	char ends[TIMESTAMP_TEXT_MAX];

	if (silences->store == NULL)
		return;
	matchers_format(silence->matchers, &detail);
	buf_printf(&detail, " until %s by %s: %s", timestamp_format_ms(silence->ends_at, ends),
	    silence->created_by, silence->comment);
	store_history_add(silences->store, &(struct history_row){
					       .at = now,
					       .kind = str_from(kind),
					       .subject = str_from(silence->id),
					       .detail = buf_str(&detail),
					   });
	buf_fini(&detail);
}

/* ---- create, edit, expire (alertmanager.md 2.8) -------------------------------- */

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
	index_remove(silences, silence);
	write_row(silences, silence);
	write_history(silences, silence, "silence_expired", now);
}

static struct silence *
set(struct silences *silences, struct silence_input *input, struct silence *old, wall_t now)
{
	struct silence *silence = old;

	if (old != NULL && can_edit(old, input, now)) {
		index_remove(silences, old);
		fill(old, input, now);
		if (silence_state(old, now) != SILENCE_EXPIRED)
			index_add(silences, old);
	} else {
		if (old != NULL && silence_state(old, now) != SILENCE_EXPIRED)
			end_now(silences, old, now);
		silence = xcalloc(1, sizeof(*silence));
		uuid_make(silence->id);
		input->starts_at = wall_max(input->starts_at, now);
		fill(silence, input, now);
		table_add(silences, silence, now);
	}
	write_row(silences, silence);
	write_history(silences, silence, "silenced", now);
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
		index_remove(silences, silence);
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
	matchers = matchers_decode(row->matchers, err);
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

struct muting {
	const struct silence **ret;
	uint32_t n, max;
};

/* Keeps the max smallest ids, in order. */
static void
muting_add(struct muting *muting, const struct silence *silence)
{
	uint32_t at = muting->n < muting->max ? muting->n : muting->max;

	muting->n++;
	if (at == muting->max) {
		if (at == 0 || strcmp(muting->ret[at - 1]->id, silence->id) < 0)
			return;
		at--;
	}
	for (; at > 0 && strcmp(muting->ret[at - 1]->id, silence->id) > 0; at--)
		muting->ret[at] = muting->ret[at - 1];
	muting->ret[at] = silence;
}

static void
muting_in_bucket(struct muting *muting, const struct silence_bucket *bucket,
    const struct labels *labels, wall_t now)
{
	for (const struct silence *s = bucket->first; s != NULL; s = s->next_indexed) {
		if (silence_state(s, now) == SILENCE_ACTIVE && matchers_match(s->matchers, labels))
			muting_add(muting, s);
	}
}

uint32_t
silences_muting(const struct silences *silences, const struct labels *labels, wall_t now,
    const struct silence **ret, uint32_t max)
{
	struct muting muting = { .ret = ret, .max = max };

	muting_in_bucket(&muting, &silences->last_resort, labels, now);
	for (uint32_t i = 0; silences->buckets.n > 0 && i < labels->n; i++) {
		const struct silence_bucket *bucket =
		    bucket_find(silences, labels->l[i].name, labels->l[i].value);

		if (bucket != NULL)
			muting_in_bucket(&muting, bucket, labels, now);
	}
	return muting.n;
}

/* ---- until resolved ------------------------------------------------------------- */

static void
mark_in_bucket(
    struct silence_bucket *bucket, const struct labels *labels, uint32_t round, wall_t now)
{
	for (struct silence *s = bucket->first; s != NULL; s = s->next_indexed) {
		if (s->until_resolved && s->marked != round &&
		    silence_state(s, now) == SILENCE_ACTIVE && matchers_match(s->matchers, labels))
			s->marked = round;
	}
}

void
silences_mark(struct silences *silences, const struct labels *labels, uint32_t round, wall_t now)
{
	mark_in_bucket(&silences->last_resort, labels, round, now);
	for (uint32_t i = 0; silences->buckets.n > 0 && i < labels->n; i++) {
		struct silence_bucket *bucket =
		    bucket_find(silences, labels->l[i].name, labels->l[i].value);

		if (bucket != NULL)
			mark_in_bucket(bucket, labels, round, now);
	}
}

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
		write_row(silences, s);
}

void
silences_set_announced(struct silences *silences, const struct silence *silence, bool announced)
{
	struct silence *s = find(silences, str_from(silence->id));

	if (s != NULL)
		s->announced = announced;
}

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
		index_remove(silences, silence);
		if (wall_before(now, wall_add(silence->ends_at, retention)))
			continue;
		if (silences->store != NULL)
			store_silence_delete(silences->store, str_from(silence->id));
		map_remove_at(&silences->by_id, &it);
		silence_free(silence);
	}
}
