/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets, channels, and what a channel was last told.
 *
 * A channel without a group stays while its log entry names alerts that fire
 * or are held: should the group come back, as it does after a restart, the
 * entry is what keeps it from being told twice.  An entry that names none says
 * as much as no entry.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "notify/notify_internal.h"

#define SWEEP_CHANNELS 8

/* ---- sets ------------------------------------------------------------------- */

struct fingerprint_set
fingerprints_keep(struct fingerprints set)
{
	struct fingerprint_set kept = { .n = set.n };

	if (set.n > 0) {
		kept.fp = xrealloc(NULL, set.n, sizeof(*kept.fp));
		memcpy(kept.fp, set.fp, set.n * sizeof(*kept.fp));
	}
	return kept;
}

struct fingerprints
fingerprints_of(const struct fingerprint_set *set)
{
	return (struct fingerprints){ set->fp, set->n };
}

bool
fingerprints_equal(struct fingerprints a, struct fingerprints b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.fp, b.fp, a.n * sizeof(*a.fp)) == 0);
}

static struct fingerprint_set
merge(struct fingerprints a, struct fingerprints b, bool with_b)
{
	struct fingerprint_set set = { .fp = xrealloc(NULL, a.n + b.n + 1, sizeof(uint64_t)) };
	uint32_t i = 0, k = 0;

	while (i < a.n || k < b.n) {
		if (k == b.n || (i < a.n && a.fp[i] < b.fp[k])) {
			set.fp[set.n++] = a.fp[i++];
			continue;
		}
		if (with_b)
			set.fp[set.n++] = b.fp[k];
		if (i < a.n && a.fp[i] == b.fp[k])
			i++;
		k++;
	}
	return set;
}

struct fingerprint_set
fingerprints_union(struct fingerprints a, struct fingerprints b)
{
	return merge(a, b, true);
}

struct fingerprint_set
fingerprints_both(struct fingerprints a, struct fingerprints b)
{
	struct fingerprint_set set = { .fp = xrealloc(NULL, a.n + 1, sizeof(uint64_t)) };

	for (uint32_t i = 0; i < a.n; i++) {
		if (fingerprints_have(b, a.fp[i]))
			set.fp[set.n++] = a.fp[i];
	}
	return set;
}

bool
fingerprints_have(struct fingerprints set, uint64_t fp)
{
	uint32_t low = 0, high = set.n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (set.fp[middle] < fp)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set.n && set.fp[low] == fp;
}

struct fingerprint_set
fingerprints_minus(struct fingerprints a, struct fingerprints b)
{
	return merge(a, b, false);
}

/* ---- targets ---------------------------------------------------------------- */

static bool
target_is(const void *value, const void *key)
{
	return str_is(*(const struct str *)key, ((const struct target *)value)->name);
}

struct target *
target_get(struct notifier *notifier, struct str name)
{
	uint64_t hash = hash_bytes(name.p, name.n);
	struct target *target = map_find(&notifier->targets, hash, target_is, &name);
	const char *slash;

	if (target != NULL)
		return target;
	target = xcalloc(1, sizeof(*target));
	target->notifier = notifier;
	target->name = xmemdup0(name.p, name.n);
	target->hash = hash;
	/* A receiver's name may contain a slash, an integration's does not. */
	slash = strrchr(target->name, '/');
	target->integration = slash != NULL ? slash + 1 : target->name;
	target->receiver =
	    xmemdup0(target->name, slash != NULL ? (size_t)(slash - target->name) : 0);
	list_init(&target->ready);
	xfer_lane_init(&target->lane, TARGET_IN_FLIGHT_MAX);
	gate_init(target);
	map_insert(&notifier->targets, hash, target);
	return target;
}

void
target_free(struct target *target)
{
	gate_fini(target);
	free(target->name);
	free(target->receiver);
	free(target);
}

/* ---- channels --------------------------------------------------------------- */

struct channel_key {
	struct str group_key;
	const struct target *target;
};

static bool
channel_is(const void *value, const void *key)
{
	const struct channel *channel = value;
	const struct channel_key *k = key;

	return channel->target == k->target && str_is(k->group_key, channel->group_key);
}

static uint64_t
channel_hash(struct str group_key, const struct target *target)
{
	return hash_mix(hash_bytes(group_key.p, group_key.n), target->hash);
}

struct channel *
channel_find(struct notifier *notifier, struct str group_key, struct target *target)
{
	struct channel_key key = { group_key, target };

	return map_find(
	    &notifier->channels, channel_hash(group_key, target), channel_is, &key);
}

struct channel *
channel_get(struct notifier *notifier, struct str group_key, struct target *target)
{
	struct channel_key key = { group_key, target };
	uint64_t hash = channel_hash(group_key, target);
	struct channel *channel = map_find(&notifier->channels, hash, channel_is, &key);

	if (channel == NULL) {
		channel = xcalloc(1, sizeof(*channel));
		channel->target = target;
		channel->group_key = xmemdup0(group_key.p, group_key.n);
		map_insert(&notifier->channels, hash, channel);
	}
	return channel;
}

void
channel_free(struct channel *channel)
{
	notice_free(channel->notice);
	free(channel->entry.firing.fp);
	free(channel->entry.resolved.fp);
	free(channel->entry.held.fp);
	free(channel->entry.thread);
	free(channel->group_key);
	free(channel);
}

static void
nflog_delete(struct notifier *notifier, struct channel *channel)
{
	if (channel->entry.id != 0)
		store_nflog_delete(notifier->options.store, channel->entry.id);
}

void
channel_release(struct notifier *notifier, struct channel *channel)
{
	if (channel->group != NULL || channel->holders > 0 || channel->out != NULL ||
	    channel->entry.firing.n > 0 || channel->entry.held.n > 0 ||
	    (channel->notice != NULL && notice_is_wanted(channel->notice)))
		return;
	nflog_delete(notifier, channel);
	map_remove_value(&notifier->channels,
	    channel_hash(str_from(channel->group_key), channel->target), channel);
	channel_free(channel);
}

static void
sweep_some(struct notifier *notifier, wall_t now)
{
	struct channel *channel;

	for (int i = 0; i < SWEEP_CHANNELS; i++) {
		channel = map_next(&notifier->channels, &notifier->sweep_at);
		if (channel == NULL) {
			notifier->sweep_at = 0;
			return;
		}
		if (channel->group != NULL || channel->holders > 0 || channel->out != NULL ||
		    channel->notice != NULL ||
		    wall_before(now, channel->entry.expires_at))
			continue;
		nflog_delete(notifier, channel);
		map_remove_at(&notifier->channels, &notifier->sweep_at);
		channel_free(channel);
	}
}

void
channels_sweep(struct notifier *notifier, wall_t now)
{
	struct loop *loop = notifier->options.loop;
	mono_t begun = loop_mono_exact(loop);

	sweep_some(notifier, now);
	notifier->nflog_gcs++;
	notifier->nflog_gc_seconds += dur_seconds(mono_since(loop_mono_exact(loop), begun));
}

/* ---- the notification log ------------------------------------------------------ */

static struct str
encode(struct buf *buf, struct fingerprints set)
{
	buf_clear(buf);
	for (uint32_t i = 0; i < set.n; i++)
		buf_put_u64le(buf, set.fp[i]);
	return buf_str(buf);
}

/* At most twice the repeat interval after it was written, when no group lives any more. */
static wall_t
expiry(const struct channel *channel, wall_t at)
{
	dur_t repeat = channel->repeat_interval, most = NFLOG_RETENTION;
	bool is_short = repeat.ns > 0 && repeat.ns < most.ns / 2;

	return wall_add(at, is_short ? (dur_t){ 2 * repeat.ns } : most);
}

static void
write_entry(struct notifier *notifier, struct channel *channel)
{
	struct log_entry *entry = &channel->entry;

	if (entry->id == 0)
		entry->id = store_next_id(notifier->options.store);
	store_nflog_put(notifier->options.store,
	    &(struct nflog_row){
		.id = entry->id,
		.group_key = str_from(channel->group_key),
		.integration = str_from(channel->target->name),
		.firing = encode(&notifier->scratch, fingerprints_of(&entry->firing)),
		.resolved = encode(&notifier->scratch2, fingerprints_of(&entry->resolved)),
		.at = entry->at,
		.expires_at = entry->expires_at,
		.thread = str_from(entry->thread),
		.held = encode(&notifier->scratch3, fingerprints_of(&entry->held)),
	    });
}

static void
replace_sets(
    struct log_entry *entry, struct fingerprint_set firing, struct fingerprint_set resolved)
{
	free(entry->firing.fp);
	free(entry->resolved.fp);
	entry->firing = firing;
	entry->resolved = resolved;
}

/* What is told now, either way, is no longer held. */
static void
hold_less(struct log_entry *entry, struct fingerprints told)
{
	struct fingerprint_set left;

	if (entry->held.n == 0)
		return;
	left = fingerprints_minus(fingerprints_of(&entry->held), told);
	free(entry->held.fp);
	entry->held = left;
}

void
nflog_set(struct notifier *notifier, struct channel *channel, struct fingerprints firing,
    struct fingerprints resolved, wall_t at, const char *thread)
{
	struct log_entry *entry = &channel->entry;

	hold_less(entry, firing);
	hold_less(entry, resolved);
	replace_sets(entry, fingerprints_keep(firing), fingerprints_keep(resolved));
	entry->at = at;
	entry->expires_at = expiry(channel, at);
	if (thread != NULL) {
		free(entry->thread);
		entry->thread = *thread != '\0' ? xstrdup(thread) : NULL;
	}
	write_entry(notifier, channel);
}

void
nflog_set_unsure(
    struct notifier *notifier, struct channel *channel, const struct delivery *delivery)
{
	struct log_entry *entry = &channel->entry;
	struct fingerprints said = fingerprints_of(&delivery->firing);

	replace_sets(entry, fingerprints_union(fingerprints_of(&entry->firing), said),
	    fingerprints_minus(fingerprints_of(&entry->resolved), said));
	entry->at = WALL_NONE;
	entry->expires_at = expiry(channel, loop_now(notifier->options.loop));
	write_entry(notifier, channel);
}

void
nflog_set_held(struct notifier *notifier, struct channel *channel, struct fingerprint_set held)
{
	struct log_entry *entry = &channel->entry;
	bool same = fingerprints_equal(fingerprints_of(&held), fingerprints_of(&entry->held));

	free(entry->held.fp);
	entry->held = held;
	if (same)
		return;
	if (entry->id == 0)
		entry->expires_at = expiry(channel, loop_now(notifier->options.loop));
	write_entry(notifier, channel);
}

void
nflog_set_thread(struct notifier *notifier, struct channel *channel, const char *thread)
{
	free(channel->entry.thread);
	channel->entry.thread = xstrdup(thread);
	write_entry(notifier, channel);
}

static bool
decode(struct str bytes, struct fingerprint_set *ret)
{
	*ret = (struct fingerprint_set){ .n = bytes.n / 8 };
	if (bytes.n % 8 != 0)
		return false;
	if (ret->n > 0)
		ret->fp = xrealloc(NULL, ret->n, sizeof(*ret->fp));
	for (uint32_t i = 0; i < ret->n; i++)
		ret->fp[i] = get_u64le(bytes.p + 8 * (size_t)i);
	return true;
}

void
notifier_restore_nflog(struct notifier *notifier, const struct nflog_row *row)
{
	struct channel *channel =
	    channel_get(notifier, row->group_key, target_get(notifier, row->integration));
	struct log_entry *entry = &channel->entry;

	if (entry->id != 0)
		return;
	entry->id = row->id;
	if (!decode(row->firing, &entry->firing) || !decode(row->resolved, &entry->resolved) ||
	    !decode(row->held, &entry->held)) {
		entry->firing.n = entry->resolved.n = entry->held.n = 0;
		return;
	}
	entry->at = row->at;
	entry->expires_at = row->expires_at;
	entry->thread = row->thread.n > 0 ? xmemdup0(row->thread.p, row->thread.n) : NULL;
}
