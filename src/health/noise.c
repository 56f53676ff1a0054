/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over the history: see noise.h. */
#include "config.h"

#include "health/noise.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/map.h"
#include "base/timestamp.h"
#include "base/xalloc.h"

#define FLAPPERS_SHOWN 10

struct rule {
	char *name;
	bool exists, has_runbook;
	uint32_t fires, shorts, acked, muted, open, pending;
	double *durations; /* seconds, of those that ended */
	size_t n, cap;
};

struct span {
	wall_t from, until;
};

/* A group of alerts: when somebody had it in hand. */
struct matter {
	char *key;
	struct span *acked;
	size_t n, cap;
};

/* What is known of one alert, looking back. */
struct track {
	uint64_t fingerprint;
	wall_t end;       /* seen, and its beginning not yet */
	wall_t muted_from, muted_until;
	uint32_t fires;
	struct rule *rule;
	const struct matter *matter; /* in which it was told; NULL: it was not */
};

struct noise {
	struct map rules;  /* by name */
	struct map tracks; /* by fingerprint */
	struct map matters; /* by group key */
	wall_t oldest;
	uint64_t fires;
	bool truncated;
};

static bool
rule_is(const void *value, const void *key)
{
	return str_is(*(const struct str *)key, ((const struct rule *)value)->name);
}

static struct rule *
rule_get(struct noise *noise, struct str name)
{
	uint64_t hash = hash_bytes(name.p, name.n);
	struct rule *rule = map_find(&noise->rules, hash, rule_is, &name);

	if (rule == NULL) {
		rule = xcalloc(1, sizeof(*rule));
		rule->name = xmemdup0(name.p, name.n);
		map_insert(&noise->rules, hash, rule);
	}
	return rule;
}

static bool
track_is(const void *value, const void *key)
{
	return ((const struct track *)value)->fingerprint == *(const uint64_t *)key;
}

/* NULL: too many. */
static struct track *
track_get(struct noise *noise, uint64_t fingerprint)
{
	uint64_t hash = hash_mix(fingerprint, 1);
	struct track *track = map_find(&noise->tracks, hash, track_is, &fingerprint);

	if (track != NULL)
		return track;
	if (noise->tracks.n >= NOISE_ALERTS_MAX) {
		noise->truncated = true;
		return NULL;
	}
	track = xcalloc(1, sizeof(*track));
	track->fingerprint = fingerprint;
	map_insert(&noise->tracks, hash, track);
	return track;
}

void
noise_rule(struct noise *noise, struct str name, bool has_runbook)
{
	struct rule *rule = rule_get(noise, name);

	/* Of several rules of a name one without is enough to be told of. */
	rule->has_runbook = has_runbook && (!rule->exists || rule->has_runbook);
	rule->exists = true;
}

static bool
matter_is(const void *value, const void *key)
{
	return str_is(*(const struct str *)key, ((const struct matter *)value)->key);
}

static struct matter *
matter_get(struct noise *noise, struct str key)
{
	uint64_t hash = hash_bytes(key.p, key.n);
	struct matter *matter = map_find(&noise->matters, hash, matter_is, &key);

	if (matter == NULL && noise->matters.n < NOISE_ALERTS_MAX) {
		matter = xcalloc(1, sizeof(*matter));
		matter->key = xmemdup0(key.p, key.n);
		map_insert(&noise->matters, hash, matter);
	}
	return matter;
}

void
noise_told(struct noise *noise, const struct decision_row *row)
{
	const struct matter *matter = matter_get(noise, row->group_key);

	for (uint32_t i = 0; i + 8 <= row->fingerprints.n; i += 8) {
		struct track *track = track_get(noise, get_u64le(row->fingerprints.p + i));

		if (track != NULL)
			track->matter = matter;
	}
}

void
noise_acked(struct noise *noise, const struct decision_row *row, wall_t now)
{
	struct matter *matter = matter_get(noise, row->group_key);

	if (matter == NULL)
		return;
	matter->acked =
	    xgrow(matter->acked, &matter->cap, matter->n + 1, sizeof(*matter->acked));
	matter->acked[matter->n++] =
	    (struct span){ row->first_at, wall_is_set(row->until) ? row->until : now };
}

/* The widest stretch: that a fire was muted for a part of it is what counts. */
void
noise_muted(struct noise *noise, const struct decision_row *row, wall_t now)
{
	for (uint32_t i = 0; i + 8 <= row->fingerprints.n; i += 8) {
		struct track *track = track_get(noise, get_u64le(row->fingerprints.p + i));
		wall_t until = wall_is_set(row->until) ? row->until : now;

		if (track == NULL)
			return;
		track->muted_until = wall_max(track->muted_until, until);
		track->muted_from = wall_is_set(track->muted_from)
					? wall_min(track->muted_from, row->first_at)
					: row->first_at;
	}
}

static bool
was_acked(const struct matter *matter, wall_t from, wall_t until)
{
	for (size_t i = 0; matter != NULL && i < matter->n; i++) {
		if (!wall_before(matter->acked[i].until, from) &&
		    !wall_before(until, matter->acked[i].from))
			return true;
	}
	return false;
}

static void
fire_began(struct noise *noise, const struct history_row *row, wall_t now)
{
	struct rule *rule = rule_get(noise, row->subject);
	struct track *track = track_get(noise, row->fingerprint);
	wall_t end;

	if (track == NULL || noise->fires++ >= NOISE_FIRES_MAX) {
		noise->truncated = true;
		return;
	}
	rule->fires++;
	track->fires++;
	track->rule = rule;
	end = wall_is_set(track->end) ? track->end : now;
	if (wall_is_set(track->end)) {
		dur_t lasted = wall_since(track->end, row->at);

		rule->durations = xgrow(rule->durations, &rule->cap, rule->n + 1, sizeof(double));
		rule->durations[rule->n++] = dur_seconds(lasted);
		rule->shorts += dur_less(lasted, NOISE_SHORT);
	} else {
		rule->open++;
	}
	rule->acked += was_acked(track->matter, row->at, end);
	rule->muted += wall_is_set(track->muted_from) &&
		       !wall_before(track->muted_until, row->at) &&
		       !wall_before(end, track->muted_from);
	track->end = WALL_NONE;
}

void
noise_event(struct noise *noise, const struct history_row *row, wall_t now)
{
	struct track *track;

	noise->oldest = row->at;
	if (row->fingerprint == 0 || row->subject.n == 0)
		return;
	if (str_is(row->kind, "firing")) {
		fire_began(noise, row, now);
	} else if (str_is(row->kind, "pending")) {
		rule_get(noise, row->subject)->pending++;
	} else if (str_is(row->kind, "resolved")) {
		track = track_get(noise, row->fingerprint);
		if (track != NULL)
			track->end = row->at;
	}
}

/* ---- the report ---------------------------------------------------------------------- */

static int
double_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int
rule_cmp(const void *a, const void *b)
{
	const struct rule *x = *(struct rule *const *)a, *y = *(struct rule *const *)b;

	if (x->fires != y->fires)
		return x->fires > y->fires ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int
track_cmp(const void *a, const void *b)
{
	const struct track *x = *(struct track *const *)a, *y = *(struct track *const *)b;

	if (x->fires != y->fires)
		return x->fires > y->fires ? -1 : 1;
	return x->fingerprint < y->fingerprint ? -1 : x->fingerprint > y->fingerprint;
}

static void
put_share(struct buf *out, const char *key, uint32_t part, uint32_t whole)
{
	buf_printf(out, ",\"%s\":", key);
	json_put_double(out, whole > 0 ? (double)part / whole : 0);
}

static void
put_rule(struct rule *rule, struct buf *out)
{
	buf_puts(out, "{\"rule\":");
	json_put_str(out, str_from(rule->name));
	buf_printf(out, ",\"exists\":%s,\"fires\":%u,\"firing\":%u,\"medianSeconds\":",
	    rule->exists ? "true" : "false", rule->fires, rule->open);
	if (rule->n > 0) {
		qsort(rule->durations, rule->n, sizeof(double), double_cmp);
		json_put_double(out, (rule->durations[(rule->n - 1) / 2] +
					 rule->durations[rule->n / 2]) /
					 2);
	} else {
		buf_puts(out, "null");
	}
	put_share(out, "under5m", rule->shorts, rule->fires);
	put_share(out, "acked", rule->acked, rule->fires);
	put_share(out, "muted", rule->muted, rule->fires);
	buf_putc(out, '}');
}

static void
put_names(struct rule **rules, size_t n, bool runbook, struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!rules[i]->exists || (runbook ? rules[i]->has_runbook
						  : rules[i]->fires + rules[i]->pending > 0))
			continue;
		if (any)
			buf_putc(out, ',');
		any = true;
		json_put_str(out, str_from(rules[i]->name));
	}
}

static void
put_flappers(const struct noise *noise, struct buf *out)
{
	struct track **tracks = xcalloc(noise->tracks.n + 1, sizeof(struct track *)), *track;
	size_t n = 0;

	for (size_t it = 0; (track = map_next(&noise->tracks, &it)) != NULL;) {
		if (track->fires > 1)
			tracks[n++] = track;
	}
	qsort(tracks, n, sizeof(struct track *), track_cmp);
	for (size_t i = 0; i < n && i < FLAPPERS_SHOWN; i++) {
		buf_printf(out, "%s{\"fingerprint\":\"%016llx\",\"rule\":", i > 0 ? "," : "",
		    (unsigned long long)tracks[i]->fingerprint);
		json_put_str(out, str_from(tracks[i]->rule->name));
		buf_printf(out, ",\"fires\":%u}", tracks[i]->fires);
	}
	free(tracks);
}

static void
put_time(struct buf *out, const char *key, wall_t t)
{
	char text[TIMESTAMP_TEXT_MAX];

	if (wall_is_set(t))
		buf_printf(out, "\"%s\":\"%s\",", key, timestamp_format_ms(t, text));
	else
		buf_printf(out, "\"%s\":null,", key);
}

void
noise_put_json(struct noise *noise, wall_t since, wall_t now, struct buf *out)
{
	struct rule **rules = xcalloc(noise->rules.n + 1, sizeof(struct rule *)), *rule;
	size_t n = 0;
	bool any = false;

	for (size_t it = 0; (rule = map_next(&noise->rules, &it)) != NULL;)
		rules[n++] = rule;
	qsort(rules, n, sizeof(struct rule *), rule_cmp);
	buf_putc(out, '{');
	put_time(out, "since", since);
	put_time(out, "until", now);
	put_time(out, "historyFrom", noise->oldest);
	buf_printf(out, "\"truncated\":%s,\"rules\":[", noise->truncated ? "true" : "false");
	for (size_t i = 0; i < n && rules[i]->fires > 0; i++) {
		if (any)
			buf_putc(out, ',');
		any = true;
		put_rule(rules[i], out);
	}
	buf_puts(out, "],\"flappers\":[");
	put_flappers(noise, out);
	buf_puts(out, "],\"neverMatched\":[");
	put_names(rules, n, false, out);
	buf_puts(out, "],\"noRunbook\":[");
	put_names(rules, n, true, out);
	buf_puts(out, "]}\n");
	free(rules);
}

/* ---- life -------------------------------------------------------------------------------- */

struct noise *
noise_new(void)
{
	return xcalloc(1, sizeof(struct noise));
}

void
noise_free(struct noise *noise)
{
	struct matter *matter;
	struct track *track;
	struct rule *rule;

	if (noise == NULL)
		return;
	for (size_t it = 0; (rule = map_next(&noise->rules, &it)) != NULL;) {
		free(rule->name);
		free(rule->durations);
		free(rule);
	}
	for (size_t it = 0; (track = map_next(&noise->tracks, &it)) != NULL;)
		free(track);
	map_fini(&noise->rules);
	for (size_t it = 0; (matter = map_next(&noise->matters, &it)) != NULL;) {
		free(matter->key);
		free(matter->acked);
		free(matter);
	}
	map_fini(&noise->tracks);
	map_fini(&noise->matters);
	free(noise);
}
