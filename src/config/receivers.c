/* SPDX-License-Identifier: Apache-2.0 */
/* Receivers: a name and lists of integrations, one list for each type. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "config/internal.h"

/* Filled by a table made for the types at hand: lists[] has one for each. */
struct receiver_raw {
	const char *name;
	struct pos pos;
	struct string_map labels;
	struct receiver_health_raw health;
	struct sub_list lists[];
};

/* Types that Alertmanager has; those that are built here are taken out. */
static const char *const other_types[] = { "discord", "email", "incidentio",
	"jira", "mattermost", "msteams", "msteamsv2", "opsgenie", "pagerduty",
	"pushover", "rocketchat", "slack", "sns", "telegram", "victorops",
	"webex", "webhook", "wechat" };

static const struct schema_field last_fields[] = {
	{ .name = "labels", .kind = FIELD_STRING_MAP,
	    .offset = offsetof(struct receiver_raw, labels),
	    .doc = "Labels of the receiver, by which the API's receiver_matchers choose; "
		   "its name is the label 'name'." },
	{ .name = "max_per_interval", .kind = FIELD_SUB, .flags = FIELD_OURS,
	    .sub = &schema_budget,
	    .offset = offsetof(struct receiver_raw, health.budget),
	    .doc = "How many messages each integration sends at most; those "
		   "beyond wait and are summed up." },
	{ .name = "circuit_breaker", .kind = FIELD_SUB, .flags = FIELD_OURS,
	    .sub = &schema_breaker,
	    .offset = offsetof(struct receiver_raw, health.breaker),
	    .doc = "When to stop asking a server that does not answer." },
	{ .name = "fallback_receiver", .kind = FIELD_STRING,
	    .flags = FIELD_OURS | FIELD_NONEMPTY,
	    .offset = offsetof(struct receiver_raw, health.fallback),
	    .doc = "Who is told, with a note, while this receiver does not "
		   "answer; implies circuit_breaker." },
	{ .name = "fallback_after", .kind = FIELD_DURATION,
	    .flags = FIELD_OURS, .fallback = "5m",
	    .offset = offsetof(struct receiver_raw, health.fallback_after),
	    .doc = "How long it must have been down." },
};

static size_t
count_kinds(const struct config_kinds *kinds)
{
	size_t n = 0;

	while (kinds->integrations[n] != NULL) {
		n++;
	}
	return n;
}

static bool
is_built(const struct config_kinds *kinds, const char *type)
{
	for (size_t i = 0; kinds->integrations[i] != NULL; i++) {
		if (strcmp(kinds->integrations[i]->name, type) == 0) {
			return true;
		}
	}
	return false;
}

struct schema_field *
receiver_fields(struct arena *arena, const struct config_kinds *kinds,
    size_t *ret_n, size_t *ret_size)
{
	const size_t n_kinds = count_kinds(kinds);
	struct schema_field *fields = ARENA_ARRAY(arena,
	    1 + n_kinds + ARRAY_LEN(other_types) + ARRAY_LEN(last_fields),
	    struct schema_field);
	size_t n = 0;

	fields[n++] = (struct schema_field){ .name = "name",
		.kind = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = offsetof(struct receiver_raw, name),
		.doc = "Name that routes refer to; unique." };
	for (size_t i = 0; i < n_kinds; i++) {
		const struct integration_kind *kind = kinds->integrations[i];

		fields[n++] = (struct schema_field){
			.name = arena_printf(arena, "%s_configs", kind->name),
			.kind = FIELD_SUB_LIST,
			.flags = kind->ours ? FIELD_OURS : 0,
			.sub = kind->schema,
			.offset = offsetof(struct receiver_raw, lists) +
			    i * sizeof(struct sub_list),
			.doc = kind->schema->doc
		};
	}
	for (size_t i = 0; i < ARRAY_LEN(other_types); i++) {
		if (!is_built(kinds, other_types[i])) {
			fields[n++] = (struct schema_field){
				.name = arena_printf(arena, "%s_configs",
				    other_types[i]),
				.kind = FIELD_UNSUPPORTED,
				.doc = "A receiver type of Alertmanager."
			};
		}
	}
	memcpy(fields + n, last_fields, sizeof(last_fields));
	n += ARRAY_LEN(last_fields);
	*ret_n = n;
	*ret_size = sizeof(struct receiver_raw) +
	    n_kinds * sizeof(struct sub_list);
	return fields;
}

static void
add_integrations(struct loader *l, struct receiver_config *receiver,
    const struct integration_kind *kind, const struct sub_list *list)
{
	const struct config_global *global = &l->generation->config.global;

	for (uint32_t i = 0; i < list->n; i++) {
		struct integration_common *common = list->items[i];

		common->pos = list->pos[i];
		if (common->http == NULL) {
			common->http = global->http;
		}
		receiver->integrations[receiver->n_integrations++] =
		    (struct integration_config){ kind, common, i };
		if (kind->finish != NULL && !list->failed[i]) {
			kind->finish(&l->ctx, common, global);
		}
	}
}

static int
compare_pairs(const void *pa, const void *pb)
{
	const struct string_pair *a = pa, *b = pb;

	return strcmp(a->key, b->key);
}

static void
labels_make(struct loader *l, const struct receiver_raw *raw, struct receiver_config *receiver)
{
	receiver->labels = raw->labels;
	for (uint32_t i = 0; i < raw->labels.n; i++) {
		const struct string_pair *pair = &raw->labels.pairs[i];

		if (strcmp(pair->key, "name") == 0) {
			diag_error(l->ctx.diag, pair->key_pos,
			    "the label 'name' of a receiver is its name; leave it out");
		} else if (!str_is_utf8(str_from(pair->key)) || pair->key[0] == '\0') {
			diag_error(l->ctx.diag, pair->key_pos, "not a label name");
		}
	}
	if (raw->labels.n > 1) {
		qsort(receiver->labels.pairs, receiver->labels.n,
		    sizeof(*receiver->labels.pairs), compare_pairs);
	}
}

static void
receiver_make(struct loader *l, const struct receiver_raw *raw,
    struct receiver_config *receiver)
{
	size_t n = 0;

	receiver->name = raw->name;
	receiver->pos = raw->pos;
	labels_make(l, raw, receiver);
	for (size_t i = 0; l->kinds->integrations[i] != NULL; i++) {
		n += raw->lists[i].n;
	}
	receiver->integrations = ARENA_ARRAY(l->ctx.arena, n + 1,
	    struct integration_config);
	for (size_t i = 0; l->kinds->integrations[i] != NULL; i++) {
		add_integrations(l, receiver, l->kinds->integrations[i],
		    &raw->lists[i]);
	}
}

static bool
has_name(const void *value, const void *key)
{
	return strcmp(((const struct receiver_config *)value)->name, key) == 0;
}

void
receivers_build(struct loader *l, const struct sub_list *raws)
{
	struct config *config = &l->generation->config;
	const struct receiver_health_raw **health = ARENA_ARRAY(l->scratch,
	    raws->n + 1, const struct receiver_health_raw *);
	struct map names = { 0 };

	config->receivers = ARENA_ARRAY(l->ctx.arena, raws->n + 1,
	    struct receiver_config);
	for (uint32_t i = 0; i < raws->n; i++) {
		struct receiver_raw *raw = raws->items[i];
		const struct receiver_config *first;
		struct receiver_config *receiver;
		uint64_t hash;

		raw->pos = raws->pos[i];
		if (raw->name == NULL) {
			continue; /* reported */
		}
		hash = hash_bytes(raw->name, strlen(raw->name));
		first = map_find(&names, hash, has_name, raw->name);
		if (first != NULL) {
			diag_error(l->ctx.diag, raw->pos,
			    "there are two receivers named '%s'", raw->name);
			diag_note(l->ctx.diag, first->pos, "the first is here");
			continue;
		}
		receiver = &config->receivers[config->n_receivers++];
		receiver_make(l, raw, receiver);
		map_insert(&names, hash, receiver);
		health[config->n_receivers - 1] = &raw->health;
	}
	for (uint32_t i = 0; i < config->n_receivers; i++) {
		receiver_health_build(l, health[i],
		    &config->receivers[i]);
	}
	map_fini(&names);
}

const struct receiver_config *
config_receiver(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->n_receivers; i++) {
		if (strcmp(config->receivers[i].name, name) == 0) {
			return &config->receivers[i];
		}
	}
	return NULL;
}
