/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `aggregate:` from the verdicts on many features to alerts.
 *
 * any: an alert for each feature that is bad.  all, {count: n}, {share: x}: one
 * alert for all of them, or for each value of the `group` labels.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/schema.h"
#include "rule/alert_step.h"
#include "rule/cells.h"

enum aggregate_how { AGGREGATE_ANY, AGGREGATE_ALL, AGGREGATE_COUNT, AGGREGATE_SHARE };

struct aggregate {
	enum aggregate_how how;
	double limit; /* count or share */
};

#define AGGREGATE_JSON_SCHEMA                                                                      \
	"{\"anyOf\":[{\"enum\":[\"any\",\"all\"]},{\"type\":\"object\",\"maxProperties\":1,"       \
	"\"minProperties\":1,\"additionalProperties\":false,\"properties\":{\"count\":{\"type\":"  \
	"\"integer\",\"minimum\":1},\"share\":{\"type\":\"number\",\"exclusiveMinimum\":0,"        \
	"\"maximum\":1}}}]}"

/* schema_field.custom; member: struct aggregate. */
void aggregate_read(struct schema_context *ctx, const struct yaml_node *node, void *member);

/* What was found out about the features of one group. */
struct aggregate_tally {
	uint32_t bad, judged, insufficient;
};
enum outcome aggregate_outcome(const struct aggregate *aggregate, const struct aggregate_tally *tally);
/* What is compared with the limit: the number of bad ones, or their share of those judged. */
double aggregate_value(const struct aggregate *aggregate, const struct aggregate_tally *tally);
double aggregate_limit(const struct aggregate *aggregate, const struct aggregate_tally *tally);
/* The number of the group of each of n features by the labels `group`; the groups' own labels. */
uint32_t aggregate_groups(struct arena *arena, const struct string_list *group, const struct cells_group *features,
    uint32_t n, uint32_t *ret_of_feature, struct cells_group **ret_groups);
/* The values of a feature's labels that are not in `group`, joined: its name in texts. */
void aggregate_put_name(const struct cells_group *feature, const struct string_list *group, struct buf *out);
