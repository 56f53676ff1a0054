/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoding: numbers of 8 bytes, texts with their length before them, in
 * the order of the members.  The first number is the version of all this.
 */
#include "config.h"

#include "oncall/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/xalloc.h"

#define ENCODING_VERSION 1

/* ---- writing ------------------------------------------------------------------- */

static void
put_text(struct buf *out, const char *text)
{
	struct str s = str_from(text != NULL ? text : "");

	buf_put_u64le(out, s.n);
	buf_put_str(out, s);
}

static void
put_texts(struct buf *out, const char *const *texts, uint32_t n)
{
	buf_put_u64le(out, n);
	for (uint32_t i = 0; i < n; i++)
		put_text(out, texts[i]);
}

static void
put_step(struct buf *out, const struct escalation_step *step)
{
	buf_put_u64le(out, (uint64_t)step->after.ns);
	buf_put_u64le(out, step->n_notify);
	for (uint32_t i = 0; i < step->n_notify; i++) {
		buf_put_u64le(out, step->notify[i].kind);
		put_text(out, step->notify[i].name);
		put_text(out, step->notify[i].via);
	}
	put_texts(out, step->severities, step->n_severities);
	put_texts(out, step->intervals, step->n_intervals);
}

static void
encode(struct buf *out, const struct escalation_policy *policy)
{
	buf_clear(out);
	buf_put_u64le(out, ENCODING_VERSION);
	put_text(out, policy->name);
	buf_put_u64le(out, policy->repeat);
	buf_put_u64le(out, (uint64_t)policy->repeat_after.ns);
	buf_put_u64le(out, (uint64_t)policy->ack_timeout.ns);
	buf_put_u64le(out, policy->n_severity_timeouts);
	for (uint32_t i = 0; i < policy->n_severity_timeouts; i++) {
		put_text(out, policy->severity_timeouts[i].severity);
		buf_put_u64le(out, (uint64_t)policy->severity_timeouts[i].timeout.ns);
	}
	put_text(out, policy->fallback);
	buf_put_u64le(out, (uint64_t)policy->refire_window.ns);
	buf_put_u64le(out, policy->break_ack_on_severity_rise);
	buf_put_u64le(out, policy->n_steps);
	for (uint32_t i = 0; i < policy->n_steps; i++)
		put_step(out, &policy->steps[i]);
}

/* ---- reading -------------------------------------------------------------------- */

struct reader {
	struct arena *arena;
	const char *p, *end;
	bool failed;
};

static uint64_t
take_number(struct reader *r)
{
	uint64_t v;

	if (r->failed || r->end - r->p < 8) {
		r->failed = true;
		return 0;
	}
	v = get_u64le(r->p);
	r->p += 8;
	return v;
}

/* Of things that take at least 8 bytes each. */
static uint32_t
take_count(struct reader *r, uint32_t max)
{
	uint64_t n = take_number(r);

	if (n > max || n > (uint64_t)(r->end - r->p) / 8)
		r->failed = true;
	return r->failed ? 0 : (uint32_t)n;
}

/* NULL when it is empty. */
static const char *
take_text(struct reader *r)
{
	uint64_t n = take_number(r);
	const char *text;

	if (r->failed || n > (uint64_t)(r->end - r->p)) {
		r->failed = true;
		return NULL;
	}
	text = n > 0 ? arena_str(r->arena, str_make(r->p, (size_t)n)).p : NULL;
	r->p += n;
	return text;
}

static const char **
take_texts(struct reader *r, uint32_t *ret_n)
{
	const char **texts;

	*ret_n = take_count(r, POLICY_BYTES_MAX);
	texts = ARENA_ARRAY(r->arena, *ret_n + 1, const char *);
	for (uint32_t i = 0; i < *ret_n; i++) {
		const char *text = take_text(r);

		texts[i] = text != NULL ? text : "";
	}
	return texts;
}

static void
take_step(struct reader *r, struct escalation_step *step)
{
	step->after.ns = (int64_t)take_number(r);
	step->n_notify = take_count(r, ESCALATION_TARGETS_MAX);
	step->notify = ARENA_ARRAY(r->arena, step->n_notify + 1, struct step_target);
	for (uint32_t i = 0; i < step->n_notify; i++) {
		uint64_t kind = take_number(r);

		r->failed = r->failed || kind >= STEP_TARGET_COUNT;
		step->notify[i].kind = r->failed ? STEP_RECEIVER : (enum step_target_kind)kind;
		step->notify[i].name = take_text(r);
		step->notify[i].via = take_text(r);
		r->failed = r->failed || step->notify[i].name == NULL;
	}
	step->severities = take_texts(r, &step->n_severities);
	step->intervals = take_texts(r, &step->n_intervals);
}

static bool
decode(struct arena *arena, struct str bytes, struct escalation_policy *policy)
{
	struct reader r = { .arena = arena, .p = bytes.p, .end = bytes.p + bytes.n };

	r.failed = take_number(&r) != ENCODING_VERSION;
	policy->name = take_text(&r);
	policy->repeat = (uint32_t)take_number(&r);
	policy->repeat_after.ns = (int64_t)take_number(&r);
	policy->ack_timeout.ns = (int64_t)take_number(&r);
	policy->n_severity_timeouts = take_count(&r, POLICY_BYTES_MAX);
	policy->severity_timeouts =
	    ARENA_ARRAY(arena, policy->n_severity_timeouts + 1, struct severity_timeout);
	for (uint32_t i = 0; i < policy->n_severity_timeouts; i++) {
		const char *severity = take_text(&r);

		policy->severity_timeouts[i].severity = severity != NULL ? severity : "";
		policy->severity_timeouts[i].timeout.ns = (int64_t)take_number(&r);
	}
	policy->fallback = take_text(&r);
	policy->refire_window.ns = (int64_t)take_number(&r);
	policy->break_ack_on_severity_rise = take_number(&r) != 0;
	policy->n_steps = take_count(&r, ESCALATION_STEPS_MAX);
	policy->steps = ARENA_ARRAY(arena, policy->n_steps + 1, struct escalation_step);
	for (uint32_t i = 0; i < policy->n_steps; i++)
		take_step(&r, &policy->steps[i]);
	return !r.failed && r.p == r.end && policy->name != NULL && policy->n_steps > 0;
}

/* ---- the table --------------------------------------------------------------------- */

static bool
digest_is(const void *value, const void *key)
{
	return str_is(*(const struct str *)key, ((const struct frozen_policy *)value)->digest);
}

static struct frozen_policy *
find(const struct policies *policies, struct str digest)
{
	return map_find(
	    &policies->by_digest, hash_bytes(digest.p, digest.n), digest_is, &digest);
}

static void
destroy(struct frozen_policy *frozen)
{
	arena_free(frozen->arena);
	free(frozen);
}

/* NULL: cannot be read. */
static struct frozen_policy *
make(struct policies *policies, struct str digest, struct str bytes)
{
	struct frozen_policy *frozen = xcalloc(1, sizeof(*frozen));

	frozen->arena = arena_new(0);
	frozen->bytes = arena_str(frozen->arena, bytes);
	if (digest.n >= sizeof(frozen->digest) ||
	    !decode(frozen->arena, frozen->bytes, &frozen->policy)) {
		destroy(frozen);
		return NULL;
	}
	memcpy(frozen->digest, digest.p, digest.n);
	map_insert(&policies->by_digest, hash_bytes(digest.p, digest.n), frozen);
	return frozen;
}

void
policies_init(struct policies *policies, struct store *store)
{
	*policies = (struct policies){ .store = store };
}

void
policies_fini(struct policies *policies)
{
	struct frozen_policy *frozen;

	for (size_t it = 0; (frozen = map_next(&policies->by_digest, &it)) != NULL;)
		destroy(frozen);
	map_fini(&policies->by_digest);
	buf_fini(&policies->scratch);
}

struct frozen_policy *
policies_freeze(struct policies *policies, const struct escalation_policy *policy)
{
	struct frozen_policy *frozen;
	char hex[65];
	struct str digest = { hex, POLICY_DIGEST_MAX - 1 };

	encode(&policies->scratch, policy);
	sha256_hex(policies->scratch.p, policies->scratch.n, hex);
	frozen = find(policies, digest);
	if (frozen == NULL)
		frozen = make(policies, digest, buf_str(&policies->scratch));
	if (frozen == NULL) {
		log_error("oncall", "policy cannot be kept", LOG_Z("policy", policy->name));
		return NULL;
	}
	frozen->refs++;
	if (!frozen->stored && policies->store != NULL)
		store_policy_put(policies->store, digest, frozen->bytes);
	frozen->stored = true;
	return frozen;
}

bool
policies_restore(struct policies *policies, struct str digest, struct str bytes)
{
	struct frozen_policy *frozen = make(policies, digest, bytes);

	if (frozen != NULL)
		frozen->stored = true;
	return frozen != NULL;
}

struct frozen_policy *
policies_find(const struct policies *policies, struct str digest)
{
	struct frozen_policy *frozen = find(policies, digest);

	if (frozen != NULL)
		frozen->refs++;
	return frozen;
}

static void
drop(struct policies *policies, struct frozen_policy *frozen)
{
	if (frozen->stored && policies->store != NULL)
		store_policy_delete(policies->store, str_from(frozen->digest));
	destroy(frozen);
}

void
policies_unref(struct policies *policies, struct frozen_policy *frozen)
{
	if (frozen == NULL || --frozen->refs > 0)
		return;
	map_remove_value(&policies->by_digest,
	    hash_bytes(frozen->digest, strlen(frozen->digest)), frozen);
	drop(policies, frozen);
}

void
policies_sweep(struct policies *policies)
{
	struct frozen_policy *frozen;

	for (size_t it = 0; (frozen = map_next(&policies->by_digest, &it)) != NULL;) {
		if (frozen->refs > 0)
			continue;
		map_remove_at(&policies->by_digest, &it);
		drop(policies, frozen);
	}
}

dur_t
policy_ack_timeout(const struct escalation_policy *policy, struct str severity)
{
	for (uint32_t i = 0; i < policy->n_severity_timeouts; i++) {
		if (str_is(severity, policy->severity_timeouts[i].severity))
			return policy->severity_timeouts[i].timeout;
	}
	return policy->ack_timeout;
}
