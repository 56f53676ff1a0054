/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this room only: the reader's state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yaml.h>

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

/* yaml_syntax.c: what libyaml found wrong, in words that help. */
void yaml_report_syntax(struct reader *r);
struct pos yaml_mark_pos(const struct reader *r, yaml_mark_t mark);
