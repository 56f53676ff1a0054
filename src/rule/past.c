/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points of series in memory: three arrays side by side, new ones at the end,
 * old ones dropped at the front by moving a start.
 */
#include "config.h"

#include "rule/past.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "rule/past_keep.h"

#define POINTS_FIRST 16

/* --- life ------------------------------------------------------------------- */

void
past_set_step(struct past *past)
{
	int64_t widest = past->need.window.ns / PAST_POINTS_MAX;

	past->step = past->need.step.ns > widest ? past->need.step : (dur_t){ widest };
}

struct past *
past_new(const struct past_need *need)
{
	struct past *past = xcalloc(1, sizeof(*past));

	past->refs = 1;
	past->need = *need;
	past_set_step(past);
	return past;
}

struct past *
past_ref(struct past *past)
{
	if (past != NULL)
		past->refs++;
	return past;
}

static void
line_free(struct past_line *line)
{
	for (uint32_t i = 0; i < line->n_older; i++)
		free(line->older[i]);
	free(line->labels);
	free(line->key);
	free(line->version);
	free(line->at);
	free(line->value);
	free(line->flags);
	free(line);
}

void
past_unref(struct past *past)
{
	if (past == NULL || --past->refs > 0)
		return;
	for (size_t i = 0; i < past->n; i++)
		line_free(past->lines[i]);
	free(past->lines);
	map_fini(&past->by_key);
	map_fini(&past->by_labels);
	free(past);
}

uint64_t
past_points(const struct past *past)
{
	return past != NULL ? past->points : 0;
}

/* --- finding ------------------------------------------------------------------ */

static bool
has_key(const void *value, const void *key)
{
	const struct past_line *line = value;

	return str_eq(str_make(line->key, line->key_n), *(const struct str *)key);
}

static bool
has_labels(const void *value, const void *key)
{
	const struct past_line *line = value;

	return str_eq(str_make(line->labels, line->labels_n), *(const struct str *)key);
}

struct past_line *
past_line_by_key(const struct past *past, struct str key)
{
	return map_find(&past->by_key, hash_bytes(key.p, key.n), has_key, &key);
}

struct past_line *
past_line_by_labels(const struct past *past, struct str labels)
{
	return map_find(&past->by_labels, hash_bytes(labels.p, labels.n), has_labels, &labels);
}

bool
past_of(const struct past *past, struct str key, struct past_series *ret)
{
	const struct past_line *line = past_line_by_key(past, key);

	if (line == NULL || line->n == 0)
		return false;
	*ret = (struct past_series){
		.at = line->at + line->start,
		.value = line->value + line->start,
		.flags = line->flags + line->start,
		.n = line->n,
	};
	return true;
}

wall_t
past_newest(const struct past *past)
{
	wall_t newest = WALL_NONE;

	for (size_t i = 0; i < past->n; i++) {
		const struct past_line *line = past->lines[i];

		if (line->n > 0)
			newest = wall_max(newest, line->at[line->start + line->n - 1]);
	}
	return newest;
}

/* --- series -------------------------------------------------------------------- */

struct past_line *
past_line_add(struct past *past, struct str labels)
{
	struct past_line *line;

	if (past->n == PAST_SERIES_MAX)
		return NULL;
	line = xcalloc(1, sizeof(*line));
	line->labels = xmemdup0(labels.p, labels.n);
	line->labels_n = labels.n;
	if (past->n == past->cap)
		past->lines = xgrow(past->lines, &past->cap, past->n + 1, sizeof(*past->lines));
	past->lines[past->n++] = line;
	map_insert(&past->by_labels, hash_bytes(labels.p, labels.n), line);
	return line;
}

static void
forget_key(struct past *past, struct past_line *line)
{
	if (line->key == NULL)
		return;
	map_remove_value(&past->by_key, hash_bytes(line->key, line->key_n), line);
	free(line->key);
	line->key = NULL;
}

void
past_line_set_key(struct past *past, struct past_line *line, struct str key)
{
	forget_key(past, line);
	line->key = xmemdup0(key.p, key.n);
	line->key_n = key.n;
	map_insert(&past->by_key, hash_bytes(key.p, key.n), line);
}

static void
keep_older(struct past_line *line, char *version)
{
	for (uint32_t i = 0; i < line->n_older; i++)
		if (strcmp(line->older[i], version) == 0) {
			free(line->older[i]);
			memmove(&line->older[i], &line->older[i + 1],
			    (line->n_older - i - 1) * sizeof(line->older[0]));
			line->n_older--;
			break;
		}
	if (line->n_older == PAST_VERSIONS_MAX)
		free(line->older[--line->n_older]);
	memmove(&line->older[1], &line->older[0], line->n_older * sizeof(line->older[0]));
	line->older[0] = version;
	line->n_older++;
}

void
past_line_reset(struct past *past, struct past_line *line, const char *version)
{
	char *former = line->version;

	line->version = version != NULL ? xstrdup(version) : NULL;
	if (former != NULL)
		keep_older(line, former);
	past->points -= line->n;
	line->first += line->n;
	/* The next chunk begins with the version. */
	line->first = (line->first + PAST_CHUNK - 1) / PAST_CHUNK * PAST_CHUNK;
	line->saved = line->first;
	line->chunks_from = line->first / PAST_CHUNK;
	line->saved_at = WALL_NONE;
	line->start = line->n = 0;
}

void
past_line_remove(struct past *past, size_t at)
{
	struct past_line *line = past->lines[at];

	forget_key(past, line);
	map_remove_value(&past->by_labels, hash_bytes(line->labels, line->labels_n), line);
	past->points -= line->n;
	past->lines[at] = past->lines[--past->n];
	line_free(line);
}

/* --- points ---------------------------------------------------------------------- */

static void
grow(struct past_line *line)
{
	uint32_t cap = line->cap != 0 ? line->cap * 2 : POINTS_FIRST;

	line->at = xrealloc(line->at, cap, sizeof(*line->at));
	line->value = xrealloc(line->value, cap, sizeof(*line->value));
	line->flags = xrealloc(line->flags, cap, sizeof(*line->flags));
	line->cap = cap;
}

static void
make_room(struct past_line *line)
{
	if (line->start + line->n < line->cap)
		return;
	if (line->start <= line->cap / 2) {
		grow(line);
		return;
	}
	memmove(line->at, line->at + line->start, line->n * sizeof(*line->at));
	memmove(line->value, line->value + line->start, line->n * sizeof(*line->value));
	memmove(line->flags, line->flags + line->start, line->n * sizeof(*line->flags));
	line->start = 0;
}

static void
drop_first(struct past *past, struct past_line *line, uint32_t n)
{
	line->start += n;
	line->n -= n;
	line->first += n;
	past->points -= n;
}

static void
push(struct past *past, struct past_line *line, wall_t at, double value, uint8_t flags)
{
	uint32_t i;

	if (line->n > 0 && (line->n >= PAST_POINTS_MAX || past->points >= PAST_TOTAL_MAX))
		drop_first(past, line, 1);
	make_room(line);
	i = line->start + line->n++;
	line->at[i] = at;
	line->value[i] = value;
	line->flags[i] = flags;
	past->points++;
}

bool
past_append(struct past *past, struct past_line *line, wall_t at, double value, uint8_t flags)
{
	if (line->n > 0) {
		wall_t last = line->at[line->start + line->n - 1];

		if (at.ns <= last.ns ||
		    (past->step.ns > 0 && at.ns / past->step.ns == last.ns / past->step.ns))
			return false;
	}
	push(past, line, at, value, flags);
	return true;
}

bool
past_prune_line(struct past *past, struct past_line *line, wall_t now)
{
	wall_t oldest = wall_sub(now, past->need.window);
	uint32_t n = 0;

	while (n < line->n && wall_before(line->at[line->start + n], oldest))
		n++;
	if (n > 0)
		drop_first(past, line, n);
	return line->n == 0;
}

/* --- copies ------------------------------------------------------------------------ */

static void
copy_line(struct past *to, const struct past_line *from)
{
	struct past_line *line = past_line_add(to, str_make(from->labels, from->labels_n));

	if (from->key != NULL)
		past_line_set_key(to, line, str_make(from->key, from->key_n));
	line->version = from->version != NULL ? xstrdup(from->version) : NULL;
	for (uint32_t i = 0; i < from->n_older; i++)
		line->older[line->n_older++] = xstrdup(from->older[i]);
	for (uint32_t i = 0; i < from->n; i++)
		push(to, line, from->at[from->start + i], from->value[from->start + i],
		    from->flags[from->start + i]);
	line->first = from->first;
	line->saved = from->saved;
	line->chunks_from = from->chunks_from;
	line->saved_at = from->saved_at;
	line->id = from->id;
}

struct past *
past_clone(const struct past *past)
{
	struct past *to = past_new(&past->need);

	for (size_t i = 0; i < past->n; i++)
		copy_line(to, past->lines[i]);
	to->full_reported = past->full_reported;
	return to;
}

/* --- chunks -------------------------------------------------------------------------- */

#define FORMAT      1
#define POINT_BYTES 17

/*
 * format u8, number of the first point within the chunk u8, then for each
 * point: time i64le (ns), value as the bits of a double u64le, flags u8.
 */
void
past_chunk_encode(const struct past_line *line, uint64_t k, struct buf *out)
{
	uint64_t from = k * PAST_CHUNK, to = from + PAST_CHUNK, end = line->first + line->n;

	if (from < line->first)
		from = line->first;
	if (to > end)
		to = end;
	buf_putc(out, FORMAT);
	buf_putc(out, (char)(from - k * PAST_CHUNK));
	for (uint64_t i = from; i < to; i++) {
		uint32_t at = line->start + (uint32_t)(i - line->first);
		uint64_t bits;

		memcpy(&bits, &line->value[at], sizeof(bits));
		buf_put_u64le(out, (uint64_t)line->at[at].ns);
		buf_put_u64le(out, bits);
		buf_putc(out, (char)line->flags[at]);
	}
}

int
past_chunk_decode(
    struct past *past, struct past_line *line, uint64_t k, struct str data, struct err *err)
{
	uint32_t skip, n;

	if (data.n < 2 || data.p[0] != FORMAT || (data.n - 2) % POINT_BYTES != 0)
		return err_set(err, ERR_STORE, "a mangled chunk of points");
	skip = (unsigned char)data.p[1];
	n = (data.n - 2) / POINT_BYTES;
	if (skip + n > PAST_CHUNK || k > UINT64_MAX / PAST_CHUNK / 2)
		return err_set(err, ERR_STORE, "a chunk of too many points");
	if (line->n > 0 && line->first + line->n != k * PAST_CHUNK + skip)
		return err_set(err, ERR_STORE, "chunks of points with a gap");
	if (line->n == 0) {
		line->first = k * PAST_CHUNK + skip;
		line->chunks_from = k;
	}
	for (uint32_t i = 0; i < n; i++) {
		const char *p = data.p + 2 + (size_t)i * POINT_BYTES;
		const wall_t at = { (int64_t)get_u64le(p) };
		uint64_t bits = get_u64le(p + 8);
		double value;

		if (line->n > 0 && !wall_before(line->at[line->start + line->n - 1], at))
			return err_set(err, ERR_STORE, "points that are not in order of time");
		memcpy(&value, &bits, sizeof(value));
		push(past, line, at, value, (uint8_t)p[16] & PAST_FIRING);
		line->saved_at = at;
	}
	line->saved = line->first + line->n;
	return 0;
}
