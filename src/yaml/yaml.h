/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text to a tree of nodes that know file, line and column.
 *
 * Strict where mistakes hide: duplicate keys, custom tags, several documents
 * and more than the limits below are errors.  Anchors, aliases and merge keys
 * (<<) work, under a budget on the expanded tree.  Scalars stay text; the
 * schema decides their type (no "Norway" guesses).
 * All nodes live in the arena given; nodes are immutable.  The names of files
 * in positions are kept for the life of the process.  Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"

#define YAML_FILE_BYTES_MAX (4u << 20)
#define YAML_DEPTH_MAX 64
#define YAML_NODES_MAX 1000000 /* after expansion of aliases */
#define YAML_TEXT_BYTES_MAX (64u << 20) /* of all scalars, after expansion of aliases */

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };
enum yaml_style { YAML_PLAIN, YAML_SINGLE_QUOTED, YAML_DOUBLE_QUOTED, YAML_LITERAL, YAML_FOLDED };

struct yaml_node {
	enum yaml_kind kind; /* YAML_NULL: an empty value, ~ or null in plain style */
	enum yaml_style style;
	struct pos pos;  /* width: the whole scalar when it stands on one line, else 0 */
	struct str text; /* scalar, NUL-terminated; also the original text of a YAML_NULL */
	struct str source; /* scalar as written, quotes and indicators included: for yaml_pos_at */
	uint32_t n;
	struct yaml_pair *pairs;  /* mapping: in order of the file, merges resolved */
	struct yaml_node **items; /* sequence */
};

struct yaml_pair {
	struct yaml_node *key, *value;
};

/*
 * NULL when the text is no YAML (findings in diag).  An empty document gives a
 * YAML_NULL node.  A duplicate key is an error in diag too, but the tree (with
 * the first of the two) is returned, so that its other mistakes are found in
 * the same run: whether all is well is diag_errors()'s to say.
 */
struct yaml_node *yaml_parse(struct arena *arena, struct diag *diag, const char *file_name, struct str text);
/*
 * The same for a reader that decides itself what a second document means:
 * where it begins goes to ret_second (untouched when there is none), nothing
 * behind that is read.
 */
struct yaml_node *yaml_parse_first(struct arena *arena, struct diag *diag, const char *file_name, struct str text, struct pos *ret_second);
/* The finding that yaml_parse() has for one. */
void yaml_second_document(struct diag *diag, struct pos pos);
/* Reads the file first; unreadable and oversized files are findings. */
struct yaml_node *yaml_parse_file(struct arena *arena, struct diag *diag, const char *path);
/* The bytes alone, in the arena; false and a finding when unreadable or oversized. */
bool yaml_read_file(struct arena *arena, struct diag *diag, const char *path, struct str *ret_text);
/* The value under key in a mapping, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key);
const char *yaml_kind_name(const struct yaml_node *node); /* "a list", "a mapping", "a string", "nothing" */
/*
 * Position of a byte inside a scalar, for errors in embedded languages: exact
 * in every style, across folded lines and escapes.
 */
struct pos yaml_pos_at(const struct yaml_node *scalar, uint32_t byte);
/* Writes the tree as block-style YAML that any YAML 1.1 reader loads. */
void yaml_emit(const struct yaml_node *node, struct buf *out);
