/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule's past and its answers, its alerts, the store.
 *
 * Points go to the store in chunks, the last one anew each time, but not after
 * every evaluation: what a crash takes is asked from the source again.  Two
 * versions of one model at once: the one that was seen first most lately
 * counts, the other's samples leave the answers.
 */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "rule/eval.h"
#include "rule/run.h"

#define SAVE_POINTS     16         /* a series is saved when so many points are not in the store */
#define SAVE_AFTER      DUR_S(600) /* ... or they span so much time */
#define SAVE_CHUNKS_MAX 2000       /* in one evaluation; the rest follows in the next */
#define VERSION_MAX     256

/* Rows of the store, until the rule's configuration says what they are for. */
struct restored_past {
	struct past *past;
};

/* --- series and versions ---------------------------------------------------------- */

/* The labels by which the series is known, and its version. */
static int
series_labels(const struct source *source, const struct sample *sample, const char *reset_on,
    struct arena *arena, struct str *ret, const char **ret_version, struct err *err)
{
	struct labels_builder b;
	struct label_view *views;
	struct labels *labels;
	struct buf bytes = { 0 };
	uint32_t n;
	int code = sample_labels(source, sample, arena, &views, &n, err);

	if (code < 0)
		return code;
	*ret_version = NULL;
	labels_builder_init(&b, arena);
	for (uint32_t i = 0; i < n; i++) {
		if (reset_on != NULL && str_is(views[i].name, reset_on))
			*ret_version = arena_str(arena, str_head(views[i].value, VERSION_MAX)).p;
		else if (!str_is(views[i].name, "__name__"))
			labels_builder_set(&b, views[i].name, views[i].value);
	}
	labels = labels_intern(&b, err);
	if (labels == NULL)
		return -(int)ERR_INVALID;
	labels_encode(labels, &bytes);
	*ret = arena_str(arena, buf_str(&bytes));
	buf_fini(&bytes);
	labels_unref(labels);
	return 0;
}

static uint32_t
age_of(const struct past_line *line, const char *version)
{
	for (uint32_t i = 0; i < line->n_older; i++)
		if (strcmp(line->older[i], version) == 0)
			return i;
	return UINT32_MAX;
}

/* Of two versions in the answers: one never seen before, else the present one, else the later. */
static bool
wins(const struct past_line *line, const char *version, const char *over)
{
	const bool is_now = line->version != NULL && strcmp(line->version, version) == 0;
	const bool over_is_now = line->version != NULL && strcmp(line->version, over) == 0;
	const uint32_t age = age_of(line, version), over_age = age_of(line, over);
	const bool is_new = !is_now && age == UINT32_MAX;
	const bool over_is_new = !over_is_now && over_age == UINT32_MAX;

	if (is_new != over_is_new)
		return is_new;
	if (is_new)
		return strcmp(version, over) > 0;
	if (is_now != over_is_now)
		return is_now;
	return age < over_age;
}

/* --- meeting the answers ----------------------------------------------------------- */

struct meeting {
	struct rule_state *rule;
	struct past *past;
	const struct source *source;
	struct arena *arena;
	const char *reset_on;
};

static int
meet_sample(struct meeting *m, const struct sample *sample, struct err *err)
{
	struct past_line *line;
	const char *version;
	struct str labels;
	int code;

	code = series_labels(m->source, sample, m->reset_on, m->arena, &labels, &version, err);
	if (code < 0)
		return code;
	line = past_line_by_labels(m->past, labels);
	if (line == NULL)
		return 0;
	if (m->reset_on == NULL || version == NULL) {
		past_line_set_key(m->past, line, sample->key);
		return 0;
	}
	if (line->mark != m->past->mark || wins(line, version, line->next_version)) {
		line->mark = m->past->mark;
		line->next_version = version;
		past_line_set_key(m->past, line, sample->key);
	}
	return 0;
}

/* Drops samples of versions that have been followed by others. */
static int
drop_former(struct meeting *m, struct vector *answer, struct err *err)
{
	struct sample *kept = ARENA_ARRAY(m->arena, answer->n, struct sample);
	const struct sample *before = NULL;
	bool keep = true;
	uint32_t n = 0;

	for (uint32_t i = 0; i < answer->n; i++) {
		const struct sample *sample = &answer->samples[i];
		const struct past_line *line;
		const char *version;
		struct str labels;
		int code;

		if (before == NULL || !str_eq(before->key, sample->key)) {
			code = series_labels(
			    m->source, sample, m->reset_on, m->arena, &labels, &version, err);
			if (code < 0)
				return code;
			line = past_line_by_labels(m->past, labels);
			keep = line == NULL || version == NULL || line->version == NULL ||
			       strcmp(line->version, version) == 0;
			before = sample;
		}
		if (keep)
			kept[n++] = *sample;
	}
	*answer = (struct vector){ kept, n };
	return 0;
}

/* A new version begins with nothing to compare with. */
static void
begin_versions(struct engine *engine, struct meeting *m)
{
	struct store *store = engine->options.store;

	for (size_t i = 0; i < m->past->n; i++) {
		struct past_line *line = m->past->lines[i];

		if (line->mark != m->past->mark || line->next_version == NULL ||
		    (line->version != NULL && strcmp(line->version, line->next_version) == 0))
			continue;
		if (line->version != NULL)
			log_info("rule", "a new version starts its series anew",
			    LOG_Z("rule", m->rule->name), LOG_Z("version", line->next_version));
		past_line_reset(m->past, line, line->next_version);
		if (store != NULL && line->id != 0)
			store_past_chunks_delete(store, line->id, INT64_MAX);
		line->next_version = NULL;
	}
}

/* Nobody else looks at it: a worker may still read the one that an earlier run was cut short with.
 */
static struct past *
writable(struct rule_state *rule)
{
	if (rule->past->refs > 1) {
		struct past *copy = past_clone(rule->past);

		past_unref(rule->past);
		rule->past = copy;
	}
	return rule->past;
}

/* A series that no line knows is added only when something of it is remembered; with versions at
 * once. */
static int
know_versions(struct meeting *m, const struct sample *sample, struct err *err)
{
	const char *version;
	struct str labels;
	int code = series_labels(m->source, sample, m->reset_on, m->arena, &labels, &version, err);

	if (code < 0 || version == NULL)
		return code;
	if (past_line_by_labels(m->past, labels) == NULL)
		past_line_add(m->past, labels);
	return 0;
}

int
eval_meet_past(struct engine *engine, struct rule_state *rule, struct run *run, struct err *err)
{
	struct meeting m = {
		.rule = rule,
		.past = writable(rule),
		.source = run->source,
		.arena = run->arena != NULL ? run->arena : engine->scratch,
		.reset_on = rule->past->need.reset_on,
	};
	int code = 0;

	m.past->mark++;
	for (uint32_t q = 0; q < run->plan.n && code == 0; q++) {
		const struct vector *answer = &run->answers[q];

		if (run->sources[q] != run->source)
			continue;
		for (uint32_t i = 0; i < answer->n && code == 0; i++) {
			const struct sample *sample = &answer->samples[i];

			if (i > 0 && str_eq(sample->key, answer->samples[i - 1].key))
				continue;
			if (m.reset_on == NULL && past_line_by_key(m.past, sample->key) != NULL)
				continue;
			if (m.reset_on != NULL)
				code = know_versions(&m, sample, err);
			if (code == 0)
				code = meet_sample(&m, sample, err);
		}
	}
	if (code < 0 || m.reset_on == NULL)
		return code;
	begin_versions(engine, &m);
	for (uint32_t q = 0; q < run->plan.n && code == 0; q++)
		if (run->sources[q] == run->source)
			code = drop_former(&m, &run->answers[q], err);
	return code;
}

/* --- remembering -------------------------------------------------------------------- */

/* Series whose alert fires, by the bytes of their samples. */
struct firing {
	struct map by_key; /* of struct tracked */
	const struct eval *ev;
};

struct sought {
	const struct eval *ev;
	struct str key;
};

static bool
fires_for(const void *value, const void *key)
{
	const struct tracked *t = value;
	const struct sought *sought = key;

	return str_eq(eval_key(sought->ev, t->observed), sought->key);
}

static void
find_firing(struct firing *f, const struct eval *ev)
{
	const struct rule_state *rule = ev->rule;

	*f = (struct firing){ .ev = ev };
	if (!rule->past->need.exclude_firing || rule->n_firing == 0)
		return;
	for (size_t i = 0; i < rule->n; i++) {
		struct tracked *t = rule->tracked[i];
		struct str key;

		if (t->alert.times.state != ALERT_FIRING || t->mark != rule->mark ||
		    t->observed == EVAL_OWN)
			continue;
		key = eval_key(ev, t->observed);
		map_insert(&f->by_key, hash_bytes(key.p, key.n), t);
	}
}

static uint8_t
flags_of(const struct firing *f, const struct remembered *r)
{
	const struct sought sought = { f->ev, r->series->key };
	const struct tracked *t;

	if (f->by_key.n == 0)
		return 0;
	t = map_find(&f->by_key, hash_bytes(sought.key.p, sought.key.n), fires_for, &sought);
	return t != NULL && !wall_before(r->at, t->alert.times.fired_at) ? PAST_FIRING : 0;
}

static struct past_line *
line_of(struct eval *ev, struct past *past, const struct sample *series)
{
	struct past_line *line = past_line_by_key(past, series->key);
	const char *version;
	struct str labels;
	struct err err;

	if (line != NULL || series_labels(ev->source, series, past->need.reset_on, ev->arena,
				&labels, &version, &err) < 0)
		return line;
	line = past_line_by_labels(past, labels);
	if (line == NULL)
		line = past_line_add(past, labels);
	if (line != NULL) {
		past_line_set_key(past, line, series->key);
		if (line->version == NULL && version != NULL)
			line->version = xstrdup(version);
	} else if (!past->full_reported) {
		past->full_reported = true;
		log_warn("rule", "more series than a rule can remember",
		    LOG_Z("rule", ev->rule->name), LOG_INT("max", PAST_SERIES_MAX));
	}
	return line;
}

/* --- the store ------------------------------------------------------------------------ */

static void
put_versions(const struct past_line *line, struct buf *out)
{
	if (line->version == NULL)
		return;
	buf_put_u32le(out, (uint32_t)strlen(line->version));
	buf_puts(out, line->version);
	for (uint32_t i = 0; i < line->n_older; i++) {
		buf_put_u32le(out, (uint32_t)strlen(line->older[i]));
		buf_puts(out, line->older[i]);
	}
}

static void
put_series(struct engine *engine, struct rule_state *rule, struct past_line *line)
{
	struct buf versions = { 0 };

	eval_store_rule(engine, rule);
	if (line->id == 0)
		line->id = store_next_id(engine->options.store);
	put_versions(line, &versions);
	store_past_series_put(
	    engine->options.store, &(struct past_series_row){ .id = line->id,
				       .rule_id = rule->id,
				       .labels = str_make(line->labels, line->labels_n),
				       .versions = buf_str(&versions) });
	buf_fini(&versions);
}

/* The chunks with points that are not there; the number of them. */
static uint32_t
save_line(struct engine *engine, struct rule_state *rule, struct past_line *line)
{
	struct store *store = engine->options.store;
	const uint64_t end = line->first + line->n;
	struct buf bytes = { 0 };
	uint32_t n = 0;

	if (line->id == 0 || line->saved == line->first)
		put_series(engine, rule, line);
	if (line->saved < line->first)
		line->saved = line->first;
	for (uint64_t k = line->saved / PAST_CHUNK; k * PAST_CHUNK < end; k++, n++) {
		buf_clear(&bytes);
		past_chunk_encode(line, k, &bytes);
		store_past_chunk_put(
		    store, &(struct past_chunk_row){
			       .series_id = line->id, .n = (int64_t)k, .points = buf_str(&bytes) });
	}
	buf_fini(&bytes);
	line->saved = end;
	line->saved_at = line->n > 0 ? line->at[line->start + line->n - 1] : WALL_NONE;
	if (line->first / PAST_CHUNK > line->chunks_from) {
		line->chunks_from = line->first / PAST_CHUNK;
		store_past_chunks_delete(store, line->id, (int64_t)line->chunks_from);
	}
	return n;
}

static bool
is_to_be_saved(const struct past_line *line)
{
	const uint64_t end = line->first + line->n;

	if (line->n == 0 || end <= line->saved)
		return false;
	return end - line->saved >= SAVE_POINTS || !wall_is_set(line->saved_at) ||
	       !dur_less(
		   wall_since(line->at[line->start + line->n - 1], line->saved_at), SAVE_AFTER);
}

/* Forgets what is too old, and keeps what is new. */
static void
tend(struct eval *ev, struct past *past)
{
	struct store *store = ev->engine->options.store;
	uint32_t chunks = 0;

	for (size_t i = 0; i < past->n;) {
		struct past_line *line = past->lines[i];

		/* One with a version stays: it tells a former one from a new one. */
		if (past_prune_line(past, line, ev->now) && line->version == NULL) {
			if (store != NULL && line->id != 0)
				store_past_series_delete(store, line->id);
			past_line_remove(past, i);
			continue;
		}
		if (store != NULL && chunks < SAVE_CHUNKS_MAX && is_to_be_saved(line))
			chunks += save_line(ev->engine, ev->rule, line);
		i++;
	}
}

void
eval_remember(struct eval *ev)
{
	struct past *past = writable(ev->rule);
	struct firing firing;

	find_firing(&firing, ev);
	for (uint32_t i = 0; i < ev->judgement.n_remember; i++) {
		const struct remembered *r = &ev->judgement.remember[i];
		struct past_line *line = line_of(ev, past, r->series);

		if (line != NULL)
			past_append(past, line, r->at, r->value, flags_of(&firing, r));
	}
	map_fini(&firing.by_key);
	tend(ev, past);
}

void
rule_past_save(struct engine *engine, struct rule_state *rule)
{
	if (rule->past == NULL || engine->options.store == NULL)
		return;
	for (size_t i = 0; i < rule->past->n; i++) {
		struct past_line *line = rule->past->lines[i];

		if (line->first + line->n > line->saved)
			save_line(engine, rule, line);
	}
}

/* --- restoring ------------------------------------------------------------------------- */

static void
read_versions(struct past_line *line, struct str versions)
{
	while (versions.n >= 4) {
		uint32_t n = get_u32le(versions.p);

		if (n > versions.n - 4 || line->n_older == PAST_VERSIONS_MAX)
			return;
		if (line->version == NULL)
			line->version = xmemdup0(versions.p + 4, n);
		else
			line->older[line->n_older++] = xmemdup0(versions.p + 4, n);
		versions = str_make(versions.p + 4 + n, versions.n - 4 - n);
	}
}

void
rule_past_restore_series(struct rule_state *rule, const struct past_series_row *row)
{
	static const struct past_need anything = { .window = { INT64_MAX } };
	struct past_line *line;

	if (rule->restored_past == NULL) {
		rule->restored_past = xcalloc(1, sizeof(*rule->restored_past));
		rule->restored_past->past = past_new(&anything);
	}
	if (past_line_by_labels(rule->restored_past->past, row->labels) != NULL)
		return;
	line = past_line_add(rule->restored_past->past, row->labels);
	if (line == NULL)
		return;
	line->id = row->id;
	read_versions(line, row->versions);
}

bool
rule_past_restore_chunk(struct rule_state *rule, const struct past_chunk_row *row)
{
	struct past *past = rule->restored_past != NULL ? rule->restored_past->past : NULL;
	struct err err;

	/* Rows come by series, and mostly in the order in which these came. */
	for (size_t i = 0; past != NULL && i < past->n; i++) {
		struct past_line *line = past->lines[(past->mark + i) % past->n];

		if (line->id != row->series_id)
			continue;
		past->mark = (uint32_t)((past->mark + i) % past->n);
		if (past_chunk_decode(past, line, (uint64_t)row->n, row->points, &err) < 0)
			log_warn("rule", "stored points passed over", LOG_Z("rule", rule->name),
			    LOG_INT("series", row->series_id), LOG_Z("error", err.text));
		return true;
	}
	return false;
}

void
rule_past_bind(struct engine *engine, struct rule_state *rule)
{
	struct past_need need = { 0 };
	struct past *past;

	if (rule->kind->remembers == NULL || rule->config->recording) {
		rule_past_free(rule);
		return;
	}
	rule->kind->remembers(rule->config, &need);
	if (rule->restored_past != NULL) {
		past_unref(rule->past);
		rule->past = rule->restored_past->past;
		free(rule->restored_past);
		rule->restored_past = NULL;
	}
	if (rule->past == NULL) {
		rule->past = past_new(&need);
		return;
	}
	/* The same rule, but its texts live with the new configuration. */
	past = writable(rule);
	past->need = need;
	past_set_step(past);
	for (size_t i = 0; i < past->n; i++)
		past_prune_line(past, past->lines[i], loop_now(engine->options.loop));
}

void
rule_past_free(struct rule_state *rule)
{
	past_unref(rule->past);
	rule->past = NULL;
	if (rule->restored_past == NULL)
		return;
	past_unref(rule->restored_past->past);
	free(rule->restored_past);
	rule->restored_past = NULL;
}
