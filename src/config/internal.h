/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files that build a configuration: the generation under
 * construction, and the tables with the kinds of this program put in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"
#include "config/config.h"

/* What a struct config owns besides its arena. */
struct generation {
	struct config config; /* first */
	struct matchers **matchers;
	size_t n_matchers, cap_matchers;
};

/*
 * Tables whose rows depend on the kinds.  The raw structs they fill are
 * described in receivers.c, sources.c and rules_internal.h.
 */
struct tables {
	struct schema top, receiver, group, rule, record, rule_file;
	struct schema *sources; /* by kind: common rows and the kind's own */
	size_t n_sources, n_integrations, n_kinds;
};

struct loader {
	struct schema_context ctx;     /* arena: the generation's */
	struct arena *scratch;         /* trees and raw structs: until the load ends */
	const struct config_kinds *kinds;
	const struct tables *tables;
	struct generation *generation;
	const struct config *sources;  /* whose sources rules may name; NULL: any name will do */
	uint64_t hash;
	uint32_t errors_before;        /* one list of findings may serve several loads */
	struct pos second_document;    /* of the file read last; line 0: it has none */
	bool language_told;            /* how to say that a source speaks no PromQL */
};

/* Errors of this load. */
static inline bool
loader_failed(const struct loader *l)
{
	return diag_errors(l->ctx.diag) > l->errors_before;
}

/* tables.c */
const struct tables *tables_new(struct arena *arena, const struct config_kinds *kinds);

/* global.c */
extern const struct schema schema_global;

struct top_raw; /* below */

/* route.c */
struct route_raw;
extern const struct schema schema_route;
void route_build(struct loader *l, const struct route_raw *root, const struct yaml_node *top);

/* NULL and a finding when there is none. */
const struct receiver_config *receiver_named(struct loader *l, const char *name, struct pos pos);
/* Those that exist; findings for the others. */
const struct time_interval **intervals_named(struct loader *l, const struct string_list *list, uint32_t *ret_n);

/* health.c: keys of receivers and routes, and heartbeats; receivers first */
struct receiver_health_raw {
	const struct budget_config *budget;
	const struct breaker_config *breaker;
	const char *fallback;
	dur_t fallback_after;
};
extern const struct schema schema_budget, schema_breaker, schema_flap, schema_heartbeat, schema_expected_heartbeat;
void receiver_health_build(struct loader *l, const struct receiver_health_raw *raw, struct receiver_config *receiver);
void heartbeats_build(struct loader *l, const struct sub_list *outgoing, const struct sub_list *expected);

/* oncall.c: users, schedules and quiet hours; after receivers and time intervals */
extern const struct schema schema_user, schema_schedule, schema_quiet_hours;
void oncall_build(struct loader *l, const struct top_raw *raw);

/* escalation.c: policies; after users and schedules */
extern const struct schema schema_escalation_policy;
void escalation_build(struct loader *l, const struct sub_list *raws);
const struct escalation_policy *escalation_named(struct loader *l, const char *name, struct pos pos);

/* delivery.c */
struct delivery_raw {
	struct pos pos;
	bool forbid_private_addresses;
	struct string_list allow_addresses;
};
extern const struct schema schema_delivery;
void delivery_build(struct loader *l, const struct delivery_raw *raw);

/* inhibit.c */
extern const struct schema schema_inhibit_rule;
void inhibit_build(struct loader *l, const struct sub_list *raws);

/* time_intervals.c; older: the section by its older name */
extern const struct schema schema_time_interval;
void time_intervals_build(struct loader *l, const struct sub_list *raws, const struct sub_list *older);

/* matchers.c: from the three keys of a mapping; NULL when none of them says anything. Owned by the generation. */
struct matchers *matchers_build(struct loader *l, const struct yaml_node *node, const char *list, const char *equal, const char *regex);

/* receivers.c */
struct schema_field *receiver_fields(struct arena *arena, const struct config_kinds *kinds, size_t *ret_n, size_t *ret_size);
void receivers_build(struct loader *l, const struct sub_list *raws);

/* sources.c */
#define SOURCE_SETTINGS_OFFSET 64 /* where the kind's struct begins behind the common one */
extern const struct schema_field source_common_fields[];
extern const size_t source_common_n_fields;
void sources_build(struct loader *l, const struct yaml_node *list);

/* rule_tables.c */
struct schema_field *rule_fields(struct arena *arena, const struct config_kinds *kinds, size_t *ret_n, size_t *ret_size);
void group_table(struct schema *group, struct arena *arena, const struct schema *rule);

/* rules.c */
/* Adds the groups of one parsed file; the arrays grow in the scratch arena's stead, see rules_finish. */
struct rules_reader;
struct rules_reader *rules_reader_new(struct loader *l);
void rules_read(struct rules_reader *r, const struct yaml_node *root, const char *path);
/* Moves the groups into the generation. Frees the reader. */
void rules_finish(struct rules_reader *r);

/* rule_record.c */
void record_table(struct schema *record, struct arena *arena, const struct config_kinds *kinds);
/* Fills a zeroed rule; false when it is not fit for use. ret_source: the source it names, or NULL. */
bool record_read(struct loader *l, const struct yaml_node *node, const struct template_map *group_labels,
    struct rule_config *rule, const char **ret_source);
/* Can what it records be written? */
bool record_check_source(struct loader *l, const struct rule_config *rule, struct pos pos);

/* rule_query.c: reads the query if it is PromQL; then query_text is its canonical form. False and a finding: it is wrong. */
bool rule_query_check(struct loader *l, struct rule_config *rule, const struct yaml_node *node, bool names_source);

/* rule_files.c */
void rule_files_read(struct loader *l, struct rules_reader *r, const struct yaml_node *list);

/* identity.c */
void rule_identify(struct loader *l, struct rule_config *rule, struct map *seen);

/* load.c */
struct top_raw {
	struct config_global global;
	const struct route_raw *route;
	struct sub_list receivers, inhibit_rules, time_intervals, mute_time_intervals;
	struct sub_list heartbeats, expected;
	struct sub_list users, schedules, escalation_policies, quiet_hours;
	const struct yaml_node *sources, *rule_files;
	dur_t evaluation_interval;
	struct string_map external_labels;
	struct delivery_raw delivery;
};
struct loader *loader_new(const char *path, const struct config_kinds *kinds, struct diag *diag);
/* The generation, or NULL (freed) when there were errors. */
struct config *loader_end(struct loader *l);
bool loader_file(struct loader *l, const char *path, struct yaml_node **ret_root);
void config_build(struct loader *l, const struct yaml_node *root);
/*
 * patterns.c: calls each() for every file that a pattern names, until it returns false. may_miss: a name without
 * wildcards that is no file is but warned of, like a pattern without files.
 */
typedef bool pattern_fn(void *arg, const struct yaml_node *node, const char *path);
void pattern_each(
    struct loader *l, const struct yaml_node *node, bool may_miss, pattern_fn *each, void *arg);
/* templates.c: fills ctx.templates; before anything with notification templates is read. */
void templates_build(struct loader *l, const struct yaml_node *list);
