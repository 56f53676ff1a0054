/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits an operator may set, as Alertmanager has them: silences, their
 * size, alerts of one name, GET requests under way.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/xalloc.h"

/* --- silences --------------------------------------------------------------- */

static uint64_t
silence_bytes(const struct silence_input *input)
{
	uint64_t bytes = input->created_by.n + input->comment.n + input->annotations.n;

	for (uint32_t i = 0; i < input->matchers->n; i++)
		bytes += input->matchers->m[i].name->n + input->matchers->m[i].value->n;
	return bytes;
}

/* Will it be changed in place? The rule of silences_set(), for what must not make one more. */
static bool
stays_one(const struct silence *old, const struct silence_input *input, wall_t now)
{
	if (old == NULL || !matchers_equal(old->matchers, input->matchers))
		return false;
	switch (silence_state(old, now)) {
	case SILENCE_PENDING:
		return input->starts_at.ns >= now.ns;
	case SILENCE_ACTIVE:
		return wall_seconds(old->starts_at) - wall_seconds(input->starts_at) < 1 &&
		       wall_seconds(input->starts_at) - wall_seconds(old->starts_at) < 1;
	case SILENCE_EXPIRED:
		break;
	}
	return false;
}

static uint32_t
silences_stored(const struct silences *silences)
{
	uint32_t n = 0;

	for (size_t it = 0; silences_next(silences, &it) != NULL;)
		n++;
	return n;
}

int
limit_silence(struct api *api, const struct silence_input *input, struct err *err)
{
	const struct api_limits *limits = &api->state->limits;
	uint64_t bytes = silence_bytes(input);

	if (limits->silence_bytes > 0 && bytes > limits->silence_bytes)
		return err_set(err, ERR_LIMIT,
		    "silence exceeded maximum size: %llu bytes (limit: %u bytes)",
		    (unsigned long long)bytes, limits->silence_bytes);
	if (limits->silences == 0)
		return 0;
	uint32_t stored = silences_stored(api->state->silences);
	if (stored < limits->silences || stays_one(silences_get(api->state->silences, input->id),
					     input, loop_now(api->state->loop)))
		return 0;
	return err_set(err, ERR_LIMIT, "exceeded maximum number of silences: %u (limit: %u)",
	    stored, limits->silences);
}

/* --- alerts of one name ------------------------------------------------------- */

#define COUNTS_GOOD_FOR DUR_S(1)

struct name_count {
	uint32_t alerts;
	uint32_t n;
	char text[]; /* the name, n bytes */
};

static bool
is_name(const void *value, const void *key)
{
	const struct name_count *count = value;

	return str_eq(str_make(count->text, count->n), *(const struct str *)key);
}

static struct name_count *
count_of(struct map *counts, struct str name)
{
	uint64_t hash = hash_bytes(name.p, name.n);
	struct name_count *count = map_find(counts, hash, is_name, &name);

	if (count != NULL)
		return count;
	count = xcalloc(1, sizeof(*count) + name.n);
	count->n = name.n;
	memcpy(count->text, name.p, name.n);
	map_insert(counts, hash, count);
	return count;
}

void
limits_fini(struct api *api)
{
	struct name_count *count;

	for (size_t it = 0; (count = map_next(&api->by_name, &it)) != NULL;)
		free(count);
	map_fini(&api->by_name);
	api->by_name = (struct map){ 0 };
}

/* Counting all alerts takes time: it is done once in a while, and what comes meanwhile is added. */
static void
count_alerts(struct api *api, wall_t now)
{
	struct alert *alert;

	if (wall_is_set(api->counted_at) &&
	    wall_before(now, wall_add(api->counted_at, COUNTS_GOOD_FOR)))
		return;
	limits_fini(api);
	for (size_t it = 0; (alert = alerts_next(api->state->alerts, &it)) != NULL;)
		if (!alert_is_resolved(alert, now))
			count_of(&api->by_name, labels_value(alert->labels, STR("alertname")))
			    ->alerts++;
	api->counted_at = now;
}

bool
limit_alert(struct api *api, const struct labels *labels, wall_t now)
{
	uint32_t limit = api->state->limits.alerts_per_name;
	struct str name;

	if (limit == 0 || alerts_find(api->state->alerts, labels) != NULL)
		return true;
	count_alerts(api, now);
	name = labels_value(labels, STR("alertname"));
	struct name_count *count = count_of(&api->by_name, name);
	if (count->alerts < limit) {
		count->alerts++;
		return true;
	}
	api->alerts_limited++;
	log_warn("api", "alert dropped, there are too many of its name",
	    LOG_STR("alertname", str_head(name, 200)), LOG_INT("limit", limit));
	return false;
}

/* --- GET requests under way ---------------------------------------------------- */

bool
limit_gets(struct api *api, struct http_call *call)
{
	uint32_t limit = api->state->limits.gets;

	if (limit == 0 || api->gets < limit)
		return true;
	api->gets_refused++;
	reply_code(call, 503, 503,
	    "Limit of concurrent GET requests reached (%u), try again later.", limit);
	return false;
}
