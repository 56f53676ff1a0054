/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that depend on which receivers, sources and rule kinds were
 * built: the same rows then drive parsing, the manual and the JSON Schema.
 */
#include <config.h>

#include <string.h>

#include "config/internal.h"

/* A custom value that is looked at later: the node itself is the member. */
static void
keep_node(struct schema_context *ctx, const struct yaml_node *node,
    void *member)
{
	(void)ctx;
	*(const struct yaml_node **)member = node;
}

static const struct schema_field top_fields[] = {
	{ .name = "global", .kind = FIELD_EMBED, .sub = &schema_global,
	    .offset = offsetof(struct top_raw, global),
	    .doc = "Defaults for all receivers." },
	{ .name = "route", .kind = FIELD_SUB, .sub = &schema_route,
	    .offset = offsetof(struct top_raw, route),
	    .doc = "The root of the tree that says who is told of what." },
	{ .name = "receivers", .kind = FIELD_SUB_LIST, .flags = FIELD_ENV,
	    .offset = offsetof(struct top_raw, receivers),
	    .doc = "Who can be told, and how." },
	{ .name = "inhibit_rules", .kind = FIELD_SUB_LIST,
	    .sub = &schema_inhibit_rule,
	    .offset = offsetof(struct top_raw, inhibit_rules),
	    .doc = "Alerts that mute others while they fire." },
	{ .name = "sources", .kind = FIELD_CUSTOM, .custom = keep_node,
	    .flags = FIELD_OURS, .offset = offsetof(struct top_raw, sources),
	    .doc = "Where rules ask; the first is the default." },
	{ .name = "rule_files", .kind = FIELD_CUSTOM, .custom = keep_node,
	    .flags = FIELD_OURS, .offset = offsetof(struct top_raw, rule_files),
	    .json_schema = "{\"type\": \"array\", \"items\": "
			   "{\"type\": \"string\"}}",
	    .doc = "Rule files, with wildcards, relative to this file." },
	{ .name = "evaluation_interval", .kind = FIELD_DURATION,
	    .flags = FIELD_OURS | FIELD_POSITIVE, .fallback = "1m",
	    .offset = offsetof(struct top_raw, evaluation_interval),
	    .doc = "How often rules are evaluated unless their group says "
		   "otherwise." },
	{ .name = "external_labels", .kind = FIELD_STRING_MAP,
	    .flags = FIELD_OURS,
	    .offset = offsetof(struct top_raw, external_labels),
	    .doc = "Labels added to every alert raised here." },
	{ .name = "templates", .kind = FIELD_ACCEPTED, /* read before the rest, by templates.c */
	    .json_schema = "{\"type\": \"array\", \"items\": {\"type\": \"string\"}}",
	    .doc = "Files that define notification templates, with wildcards, "
		   "relative to this file." },
	{ .name = "time_intervals", .kind = FIELD_SUB_LIST,
	    .sub = &schema_time_interval,
	    .offset = offsetof(struct top_raw, time_intervals),
	    .doc = "Times with a name, for routes that are muted or active "
		   "then." },
	{ .name = "mute_time_intervals", .kind = FIELD_SUB_LIST,
	    .flags = FIELD_DEPRECATED, .sub = &schema_time_interval,
	    .offset = offsetof(struct top_raw, mute_time_intervals),
	    .doc = "Old name of time_intervals." },
	{ .name = "delivery", .kind = FIELD_EMBED, .flags = FIELD_OURS,
	    .sub = &schema_delivery, .offset = offsetof(struct top_raw, delivery),
	    .doc = "How messages leave." },
	{ .name = "tracing", .kind = FIELD_ACCEPTED, .flags = FIELD_WARNS,
	    .doc = "OpenTelemetry tracing: none is sent." },
	{ .name = "event_recorder", .kind = FIELD_ACCEPTED, .flags = FIELD_WARNS,
	    .doc = "Event recorder: tocsin history shows what happened." },
	{ .name = "heartbeats", .kind = FIELD_SUB_LIST,
	    .flags = FIELD_OURS | FIELD_ENV,
	    .sub = &schema_heartbeat,
	    .offset = offsetof(struct top_raw, heartbeats),
	    .doc = "Signs of life that somebody outside waits for." },
	{ .name = "expected_heartbeats", .kind = FIELD_SUB_LIST,
	    .flags = FIELD_OURS, .sub = &schema_expected_heartbeat,
	    .offset = offsetof(struct top_raw, expected),
	    .doc = "Jobs that must check in at "
		   "/api/tocsin/v1/heartbeats/NAME." },
	{ .name = "users", .kind = FIELD_SUB_LIST, .flags = FIELD_OURS,
	    .sub = &schema_user, .offset = offsetof(struct top_raw, users),
	    .doc = "People who are on call, and which receiver reaches them." },
	{ .name = "schedules", .kind = FIELD_SUB_LIST, .flags = FIELD_OURS,
	    .sub = &schema_schedule,
	    .offset = offsetof(struct top_raw, schedules),
	    .doc = "Who is on call when." },
	{ .name = "escalation_policies", .kind = FIELD_SUB_LIST,
	    .flags = FIELD_OURS, .sub = &schema_escalation_policy,
	    .offset = offsetof(struct top_raw, escalation_policies),
	    .doc = "Who is told next when nobody answers." },
	{ .name = "quiet_hours", .kind = FIELD_SUB_LIST, .flags = FIELD_OURS,
	    .sub = &schema_quiet_hours,
	    .offset = offsetof(struct top_raw, quiet_hours),
	    .doc = "Times when only what is critical is sent; the rest is "
		   "held until they are over." },
};

static const struct schema_field rule_file_fields[] = {
	{ .name = "groups", .kind = FIELD_CUSTOM, .custom = keep_node,
	    .doc = "Groups of rules that are evaluated together." },
};

static void
top_table(struct tables *t, struct arena *arena)
{
	struct schema_field *fields = ARENA_ARRAY(arena,
	    ARRAY_LEN(top_fields), struct schema_field);

	memcpy(fields, top_fields, sizeof(top_fields));
	for (size_t i = 0; i < ARRAY_LEN(top_fields); i++) {
		if (strcmp(fields[i].name, "receivers") == 0) {
			fields[i].sub = &t->receiver;
		}
	}
	t->top = (struct schema){ .name = "configuration",
		.doc = "The configuration file: Alertmanager's keys and ours.",
		.size = sizeof(struct top_raw),
		.fields = fields,
		.n_fields = ARRAY_LEN(top_fields) };
}

static struct schema
source_table(struct arena *arena, const struct source_kind *kind)
{
	const size_t n = source_common_n_fields + kind->schema->n_fields;
	struct schema_field *fields = ARENA_ARRAY(arena, n,
	    struct schema_field);

	memcpy(fields, source_common_fields,
	    source_common_n_fields * sizeof(*fields));
	for (size_t i = 0; i < kind->schema->n_fields; i++) {
		struct schema_field *field = &fields[source_common_n_fields + i];

		*field = kind->schema->fields[i];
		field->offset += SOURCE_SETTINGS_OFFSET;
	}
	return (struct schema){
		.name = arena_printf(arena, "source of type %s", kind->name),
		.doc = kind->schema->doc,
		.size = SOURCE_SETTINGS_OFFSET + kind->schema->size,
		.fields = fields,
		.n_fields = n
	};
}

static const char *const alert_or_record[] = { "alert", "record", NULL };

const struct tables *
tables_new(struct arena *arena, const struct config_kinds *kinds)
{
	struct tables *t = ARENA_NEW(arena, struct tables);
	struct schema_field *fields;

	t->receiver = (struct schema){ .name = "receiver",
		.doc = "A name, and any number of ways to reach it." };
	t->receiver.fields = receiver_fields(arena, kinds,
	    &t->receiver.n_fields, &t->receiver.size);
	top_table(t, arena);
	t->rule = (struct schema){ .name = "rule",
		.either = alert_or_record,
		.doc = "An alert and the condition that raises it: exactly "
		       "one of the kinds.  Or a series to record, and its "
		       "expr." };
	t->rule.fields = rule_fields(arena, kinds, &t->rule.n_fields,
	    &t->rule.size);
	record_table(&t->record, arena, kinds);
	group_table(&t->group, arena, &t->rule);
	fields = ARENA_ARRAY(arena, ARRAY_LEN(rule_file_fields),
	    struct schema_field);
	memcpy(fields, rule_file_fields, sizeof(rule_file_fields));
	fields[0].sub = &t->group;
	t->rule_file = (struct schema){ .name = "rule file",
		.doc = "A rule file: Prometheus' format and ours.",
		.size = sizeof(const struct yaml_node *),
		.fields = fields,
		.n_fields = ARRAY_LEN(rule_file_fields) };
	while (kinds->sources[t->n_sources] != NULL) {
		t->n_sources++;
	}
	t->sources = ARENA_ARRAY(arena, t->n_sources + 1, struct schema);
	for (size_t i = 0; i < t->n_sources; i++) {
		t->sources[i] = source_table(arena, kinds->sources[i]);
	}
	return t;
}
