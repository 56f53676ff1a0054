/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this room only: the reader's state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yaml.h>

#include "base/map.h"
#include "yaml/yaml.h"

/* An anchor and what its aliases cost. */
struct anchor {
	struct anchor *next;
	struct str name;
	struct yaml_node *node; /* NULL while its own content is being read */
	struct pos pos;
	uint64_t nodes, bytes;
	uint32_t height;
};

struct reader {
	struct arena *arena;
	struct diag *diag;
	const char *file;
	struct str text; /* without byte order mark */
	yaml_parser_t parser;
	struct anchor *anchors;
	uint64_t nodes, bytes; /* spent of the budgets */
	uint32_t deepest;
	struct pos *second; /* where a second document begins is its reader's business */
	/* libyaml counts characters; this pair turns them into bytes. */
	size_t cursor_chars, cursor_bytes;
};

struct pairs {
	struct yaml_pair *p;
	size_t n, cap;
	struct map keys; /* of struct yaml_node: the keys; from PAIRS_LINEAR_MAX on */
};

/* yaml_pairs.c.  The key that is there already, or NULL. */
const struct yaml_node *yaml_pairs_find(const struct pairs *pairs, struct str key);
void yaml_pairs_add(struct pairs *pairs, struct yaml_node *key, struct yaml_node *value);
/* What `<<: from` brings in; false: reported. */
bool yaml_pairs_merge(struct reader *r, struct pairs *pairs, const struct yaml_node *from);

/* yaml_file.c: the name for good. */
const char *yaml_name_keep(const char *name);

/* yaml_syntax.c: what libyaml found wrong, in words that help. */
void yaml_report_syntax(struct reader *r);
struct pos yaml_mark_pos(const struct reader *r, yaml_mark_t mark);
