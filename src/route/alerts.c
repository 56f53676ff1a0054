/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alert table: merge, write what must survive, tell routing.
 *
 * Label sets are interned, so the table is keyed by their pointers; buckets
 * come from the keyed hash, never from the fingerprint, which an outsider can
 * aim at.  A second map finds an alert by its fingerprint for the API; of two
 * sets with one fingerprint it gives either.
 *
 * What a row says about the end of a sender's alert is old: refreshes are not
 * written.  So a row whose ends_at lies after its updated_at means "firing
 * when last written", and alerts_settle() writes the opposite before anybody
 * is told that the alert is over.
 */
#include "config.h"

#include "route/alerts.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/xalloc.h"

#define GC_SLOTS   20000u /* looked at by one alerts_gc() */
#define NOT_STORED ((uint32_t)(ALERT_UNSTORED | ALERT_SETTLED | ALERT_ROUTED))

struct alerts {
	struct store *store; /* NULL: memory only */
	struct map by_labels, by_fingerprint;
	/*
	 * Ids are asked for at start only: made when asked, dropped with the next change of
	 * the table.
	 */
	struct map by_id;
	alert_put_fn *put;
	alert_gone_fn *gone;
	void *arg;
	struct buf labels, annotations; /* of the row being written */
	int64_t last_id;                /* without a store */
	size_t gc_at;
};

static bool
has_labels(const void *value, const void *key)
{
	return ((const struct alert *)value)->labels == key;
}

static bool
has_fingerprint(const void *value, const void *key)
{
	return labels_fingerprint(((const struct alert *)value)->labels) == *(const uint64_t *)key;
}

static bool
has_id(const void *value, const void *key)
{
	return ((const struct alert *)value)->id == *(const int64_t *)key;
}

static uint64_t
id_hash(int64_t id)
{
	return hash_mix((uint64_t)id, 1);
}

/* ---- rows ------------------------------------------------------------------ */

static void
write_row(struct alerts *alerts, const struct alert *alert, wall_t updated_at)
{
	struct alert_row row = {
		.id = alert->id,
		.generator_url = istr_str(alert->generator_url),
		.starts_at = alert->starts_at,
		.ends_at = alert->ends_at,
		.updated_at = updated_at,
		.flags = alert->flags & ~NOT_STORED,
	};

	if (alerts->store == NULL)
		return;
	buf_clear(&alerts->labels);
	buf_clear(&alerts->annotations);
	labels_encode(alert->labels, &alerts->labels);
	labels_encode(alert->annotations, &alerts->annotations);
	row.labels = buf_str(&alerts->labels);
	row.annotations = buf_str(&alerts->annotations);
	store_alert_put(alerts->store, &row);
}

static void
write_times(struct alerts *alerts, const struct alert *alert, wall_t updated_at)
{
	if (alerts->store != NULL)
		store_alert_times(alerts->store, alert->id, alert->starts_at, alert->ends_at,
		    updated_at, alert->flags & ~NOT_STORED);
}

/* What the row shall say when the alert's end is known to have passed. */
static wall_t
row_updated_at(const struct alert *alert)
{
	return alert->flags & ALERT_SETTLED ? wall_max(alert->updated_at, alert->ends_at)
					    : alert->updated_at;
}

/* ---- the table ------------------------------------------------------------- */

static void
table_add(struct alerts *alerts, struct alert *alert)
{
	map_insert(&alerts->by_labels, alert->labels->hash, alert);
	map_insert(&alerts->by_fingerprint, labels_fingerprint(alert->labels), alert);
	if (alerts->by_id.n > 0)
		map_insert(&alerts->by_id, id_hash(alert->id), alert);
}

static void
alert_free(struct alert *alert)
{
	labels_unref(alert->labels);
	labels_unref(alert->annotations);
	istr_unref(alert->generator_url);
	if (alert->n_groups > 1)
		free(alert->groups);
	free(alert);
}

static void
table_remove(struct alerts *alerts, struct alert *alert)
{
	map_remove_value(&alerts->by_labels, alert->labels->hash, alert);
	map_remove_value(&alerts->by_fingerprint, labels_fingerprint(alert->labels), alert);
	map_fini(&alerts->by_id);
	if (alerts->gone != NULL)
		alerts->gone(alerts->arg, alert);
	if (alerts->store != NULL && !(alert->flags & ALERT_UNSTORED))
		store_alert_delete(alerts->store, alert->id);
	alert_free(alert);
}

static int64_t
next_id(struct alerts *alerts)
{
	return alerts->store != NULL ? store_next_id(alerts->store) : ++alerts->last_id;
}

static struct istr *
url_keep(struct str url)
{
	return url.n > 0 ? istr_intern(url) : NULL;
}

static struct alert *
add_new(struct alerts *alerts, const struct alert_update *update, wall_t now)
{
	struct alert *alert = xcalloc(1, sizeof(*alert));

	alert->labels = labels_ref(update->labels);
	alert->annotations = labels_ref(update->annotations);
	alert->generator_url = url_keep(update->generator_url);
	alert->starts_at = update->starts_at;
	alert->ends_at = update->ends_at;
	alert->updated_at = now;
	alert->id = next_id(alerts);
	alert->flags = update->flags & (ALERT_TIMEOUT | ALERT_FROM_RULE);
	alert->updates = 1;
	table_add(alerts, alert);
	/* Senders repeat a resolve for minutes; nobody needs it after a restart. */
	if (alert_is_resolved(alert, now))
		alert->flags |= ALERT_UNSTORED | ALERT_SETTLED;
	else
		write_row(alerts, alert, now);
	return alert;
}

/* ---- merging ------------------------------------------ */

static bool
is_inside(wall_t t, const struct alert *alert)
{
	return wall_before(alert->starts_at, t) && wall_before(t, alert->ends_at);
}

/* What the stored alert becomes; only times and flags. */
static void
merge_times(
    const struct alert *old, const struct alert_update *new, wall_t now, struct alert_update *ret)
{
	ret->starts_at = new->starts_at;
	ret->ends_at = new->ends_at;
	ret->flags = new->flags &(ALERT_TIMEOUT | ALERT_FROM_RULE);
	if (!is_inside(new->ends_at, old) && !is_inside(new->starts_at, old))
		return; /* no overlap: the new one replaces it */
	ret->starts_at = wall_min(old->starts_at, new->starts_at);
	if (wall_before(new->ends_at, old->ends_at)) {
		bool new_resolved = new->ends_at.ns <= now.ns;
		bool keeps =
		    new_resolved ? alert_is_resolved(old, now) : !(old->flags & ALERT_TIMEOUT);

		if (keeps) {
			ret->ends_at = old->ends_at;
			ret->flags = old->flags & (ALERT_TIMEOUT | ALERT_FROM_RULE);
		}
	}
}

/* True if more than the end of a firing alert has moved. */
static bool
take_update(struct alert *alert, const struct alert_update *update,
    const struct alert_update *merged, wall_t now, bool *ret_texts)
{
	bool was_resolved = alert_is_resolved(alert, now);
	bool is_resolved = merged->ends_at.ns <= now.ns;
	uint32_t source = alert->flags & (ALERT_TIMEOUT | ALERT_FROM_RULE);
	bool changed = was_resolved != is_resolved || source != merged->flags ||
		       (is_resolved && alert->ends_at.ns != merged->ends_at.ns) ||
		       alert->starts_at.ns != merged->starts_at.ns;

	*ret_texts = false;
	if (alert->annotations != update->annotations) {
		labels_unref(alert->annotations);
		alert->annotations = labels_ref(update->annotations);
		*ret_texts = true;
	}
	if (!str_eq(istr_str(alert->generator_url), update->generator_url)) {
		struct istr *old = alert->generator_url;

		alert->generator_url = url_keep(update->generator_url);
		istr_unref(old);
		*ret_texts = true;
	}
	alert->starts_at = merged->starts_at;
	alert->ends_at = merged->ends_at;
	alert->updated_at = now;
	alert->flags = (alert->flags & ~source) | merged->flags;
	if (is_resolved)
		alert->flags |= ALERT_SETTLED;
	else
		alert->flags &= ~(uint32_t)ALERT_SETTLED;
	alert->updates++;
	return changed || *ret_texts;
}

struct alert *
alerts_put(struct alerts *alerts, const struct alert_update *update, wall_t now,
    enum alert_put_result *ret_result)
{
	struct alert *alert = alerts_find(alerts, update->labels);
	enum alert_put_result result = ALERT_PUT_NEW;
	struct alert_update merged;
	bool texts;

	if (alert == NULL) {
		alert = add_new(alerts, update, now);
	} else {
		merge_times(alert, update, now, &merged);
		result = ALERT_PUT_REFRESHED;
		if (take_update(alert, update, &merged, now, &texts)) {
			result = ALERT_PUT_CHANGED;
			if (alert->flags & ALERT_UNSTORED && !alert_is_resolved(alert, now))
				alerts_keep(alerts, alert);
			else if (!(alert->flags & ALERT_UNSTORED) && texts)
				write_row(alerts, alert, row_updated_at(alert));
			else if (!(alert->flags & ALERT_UNSTORED))
				write_times(alerts, alert, row_updated_at(alert));
		}
	}
	if (alerts->put != NULL)
		alerts->put(alerts->arg, alert, result, now);
	if (ret_result != NULL)
		*ret_result = result;
	return alert;
}

void
alerts_resolve(struct alerts *alerts, struct alert *alert, wall_t at, wall_t now)
{
	alert->ends_at = wall_max(at, alert->starts_at);
	alert->updated_at = now;
	alert->updates++;
	alert->flags &= ~(uint32_t)(ALERT_TIMEOUT | ALERT_SETTLED);
	if (alert_is_resolved(alert, now))
		alert->flags |= ALERT_SETTLED;
	if (!(alert->flags & ALERT_UNSTORED))
		write_times(alerts, alert, row_updated_at(alert));
	if (alerts->put != NULL)
		alerts->put(alerts->arg, alert, ALERT_PUT_CHANGED, now);
}

void
alerts_settle(struct alerts *alerts, struct alert *alert, wall_t now)
{
	if (alert->flags & ALERT_SETTLED || !alert_is_resolved(alert, now))
		return;
	alert->flags |= ALERT_SETTLED;
	if (!(alert->flags & ALERT_UNSTORED))
		write_times(alerts, alert, row_updated_at(alert));
}

void
alerts_set_in_history(struct alerts *alerts, struct alert *alert, bool firing)
{
	if (firing)
		alert->flags |= ALERT_IN_HISTORY;
	else
		alert->flags &= ~(uint32_t)ALERT_IN_HISTORY;
	if (!(alert->flags & ALERT_UNSTORED))
		write_times(alerts, alert, row_updated_at(alert));
}

void
alerts_keep(struct alerts *alerts, struct alert *alert)
{
	if (!(alert->flags & ALERT_UNSTORED))
		return;
	alert->flags &= ~(uint32_t)ALERT_UNSTORED;
	write_row(alerts, alert, row_updated_at(alert));
}

/* ---- start, end -------------------------------------------------------------- */

struct alerts *
alerts_new(struct store *store)
{
	struct alerts *alerts = xcalloc(1, sizeof(*alerts));

	alerts->store = store;
	return alerts;
}

void
alerts_free(struct alerts *alerts)
{
	struct alert *alert;

	if (alerts == NULL)
		return;
	for (size_t it = 0; (alert = map_next(&alerts->by_labels, &it)) != NULL;)
		alert_free(alert);
	map_fini(&alerts->by_labels);
	map_fini(&alerts->by_fingerprint);
	map_fini(&alerts->by_id);
	buf_fini(&alerts->labels);
	buf_fini(&alerts->annotations);
	free(alerts);
}

void
alerts_subscribe(struct alerts *alerts, alert_put_fn *put, alert_gone_fn *gone, void *arg)
{
	alerts->put = put;
	alerts->gone = gone;
	alerts->arg = arg;
}

struct alert *
alerts_restore(struct alerts *alerts, const struct alert_row *row, wall_t now)
{
	struct labels *labels = labels_decode(row->labels, NULL);
	struct labels *annotations = labels_decode(row->annotations, NULL);
	struct alert *alert;

	if (labels == NULL || annotations == NULL || alerts_find(alerts, labels) != NULL) {
		labels_unref(labels);
		labels_unref(annotations);
		return NULL;
	}
	alert = xcalloc(1, sizeof(*alert));
	alert->labels = labels;
	alert->annotations = annotations;
	alert->generator_url = url_keep(row->generator_url);
	alert->starts_at = row->starts_at;
	alert->ends_at = row->ends_at;
	alert->updated_at = row->updated_at;
	alert->id = row->id;
	alert->flags = row->flags & ~NOT_STORED;
	alert->updates = 1;
	if (row->ends_at.ns <= row->updated_at.ns)
		alert->flags |= ALERT_SETTLED;
	else if (!(row->flags & ALERT_FROM_RULE))
		alert->ends_at = wall_max(
		    row->ends_at, wall_add(now, wall_since(row->ends_at, row->updated_at)));
	table_add(alerts, alert);
	return alert;
}

/* ---- looking ------------------------------------------------------------------ */

struct alert *
alerts_find(const struct alerts *alerts, const struct labels *labels)
{
	return map_find(&alerts->by_labels, labels->hash, has_labels, labels);
}

struct alert *
alerts_by_fingerprint(const struct alerts *alerts, uint64_t fingerprint)
{
	return map_find(&alerts->by_fingerprint, fingerprint, has_fingerprint, &fingerprint);
}

struct alert *
alerts_by_id(struct alerts *alerts, int64_t id)
{
	struct alert *alert;

	if (alerts->by_id.n == 0) {
		for (size_t it = 0; (alert = map_next(&alerts->by_labels, &it)) != NULL;)
			map_insert(&alerts->by_id, id_hash(alert->id), alert);
	}
	return map_find(&alerts->by_id, id_hash(id), has_id, &id);
}

uint32_t
alerts_count(const struct alerts *alerts)
{
	return (uint32_t)alerts->by_labels.n;
}

struct alert *
alerts_next(const struct alerts *alerts, size_t *it)
{
	return map_next(&alerts->by_labels, it);
}

/* ---- letting go ----------------------------------------------------------------- */

void
alerts_release(struct alerts *alerts, struct alert *alert, wall_t now)
{
	if (alert->n_groups == 0 && alert->pins == 0 && alert_is_resolved(alert, now))
		table_remove(alerts, alert);
}

/* A removal may move one alert over the mark; the next round meets it. */
void
alerts_gc(struct alerts *alerts, wall_t now)
{
	size_t end = alerts->gc_at + GC_SLOTS;
	struct alert *alert;

	while (alerts->gc_at < end) {
		alert = map_next(&alerts->by_labels, &alerts->gc_at);
		if (alert == NULL) {
			alerts->gc_at = 0;
			return;
		}
		alerts_release(alerts, alert, now);
	}
}

int
alert_notify_cmp(const struct alert *a, const struct alert *b)
{
	static const struct str first[] = { { "job", 3 }, { "instance", 8 } };

	if (a->labels == b->labels)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		const struct istr *x = labels_get(a->labels, first[i]);
		const struct istr *y = labels_get(b->labels, first[i]);

		if (x == y)
			continue;
		if (x == NULL || y == NULL)
			return x == NULL ? 1 : -1;
		return str_cmp(istr_str(x), istr_str(y));
	}
	return labels_cmp(a->labels, b->labels);
}
