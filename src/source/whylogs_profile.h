/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whylogs profile in memory: the file format WHY1 and its numbers.
 *
 * "WHY1", a delimited DatasetSegmentHeader, a delimited DatasetProfileHeader
 * (times, tags, metadata, where each column is, the names of metric paths),
 * then a delimited ChunkHeader and a ChunkMessage for each column.  Columns
 * keep pointers into the file's bytes; sketches are decoded when asked for.
 *
 * Pure: no file is opened here.  Depends on base and stats alone.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

#define WHYLOGS_FILE_BYTES_MAX (64u << 20)
#define WHYLOGS_COLUMNS_MAX    10000
#define WHYLOGS_PATHS_MAX      10000
#define WHYLOGS_TAGS_MAX       64

enum whylogs_component_kind { WHYLOGS_INTEGER, WHYLOGS_DOUBLE, WHYLOGS_FREQUENT, WHYLOGS_HLL, WHYLOGS_KLL };

struct whylogs_component {
	struct str path; /* "counts/n" */
	enum whylogs_component_kind kind;
	double number;   /* of the first two */
	struct str bytes; /* of a sketch */
};

struct whylogs_column {
	struct str name;
	struct whylogs_component *components;
	uint32_t n;
};

struct whylogs_pair {
	struct str key, value;
};

struct whylogs_profile {
	wall_t dataset, created; /* WALL_NONE: not said */
	struct whylogs_pair *tags, *metadata;
	uint32_t n_tags, n_metadata;
	struct whylogs_column *columns; /* by name */
	uint32_t n_columns;
};

/* Everything lives in the arena or points into bytes. */
int whylogs_read(struct str bytes, struct arena *arena, struct whylogs_profile *ret, struct err *err);
/* NULL: the column has no such component. */
const struct whylogs_component *whylogs_find(const struct whylogs_column *column, struct str path);
