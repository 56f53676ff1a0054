/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule and a group look like between their tables (rule_tables.c) and
 * the reader (rules.c), and how the two mappings of texts are joined.
 */
#pragma once

#include "config/internal.h"

struct for_points_raw {
	int64_t n, of;
	struct pos pos;
};

/* Filled by a table made for the kinds at hand: conditions[] has one for each. */
struct rule_raw {
	const char *alert, *record, *source;
	struct template *severity, *runbook_url;
	dur_t for_, keep_firing_for, max_age;
	int on_no_data, on_error;
	struct for_points_raw *for_points;
	int64_t min_samples;
	struct template_map labels, annotations;
	void *conditions[];
};

struct group_raw {
	const char *name, *source;
	dur_t interval, query_offset;
	int64_t limit;
	struct template_map labels;
	const struct yaml_node *rules;
};

/* ---- rule_texts.c ---- */
/* Findings for names that no label or annotation may have; what: "a label", "an annotation". */
void rule_texts_check(struct loader *l, const struct template_map *map, const char *what);
/* base's pairs that own lacks, own's, and extra under its key; sorted. */
struct template_map rule_texts_join(struct loader *l, const struct template_map *base,
    const struct template_map *own, const char *extra_key, struct template *extra,
    const struct yaml_node *extra_node);
