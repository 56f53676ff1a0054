/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads WHY1 files.  What a length or an offset claims is compared with the
 * bytes there are before it is believed.
 */
#include "config.h"

#include "source/whylogs_profile.h"

#include <stdlib.h>

#include "source/protobuf.h"

#define MAGIC        "WHY1"
#define CHUNK_COLUMN 2

/* What the header says, before the columns are read. */
struct header {
	struct str properties;
	struct str *paths; /* by index */
	uint32_t n_paths;
	uint64_t length;
	bool has_length;
};

static int
mangled(struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "the profile's %s is mangled or cut short", what);
}

/* A v0 profile is one delimited message: its length, then the rest. */
static int
no_magic(struct str bytes, struct err *err)
{
	struct pb_reader r = pb_reader_of(bytes);
	struct pb_field field;
	struct str message;

	if (bytes.n > 0 && pb_delimited(&r, &message) && r.rest.n == 0) {
		r = pb_reader_of(message);
		while (pb_next(&r, &field))
			;
		if (!r.failed && message.n > 0)
			return err_set(err, ERR_INVALID,
			    "a profile of version 0, which whylogs writes when it holds model "
			    "performance metrics; write it without them, as WHY1");
	}
	return err_set(err, ERR_INVALID, "no whylogs profile: it does not begin with " MAGIC);
}

static int
read_pairs(struct str message, uint32_t number, struct arena *arena, struct whylogs_pair **ret,
    uint32_t *ret_n, struct err *err)
{
	struct whylogs_pair *pairs = ARENA_ARRAY(arena, WHYLOGS_TAGS_MAX, struct whylogs_pair);
	struct pb_reader r = pb_reader_of(message);
	struct pb_field field, key, value;
	uint32_t n = 0;

	while (pb_next(&r, &field)) {
		if (field.number != number || field.type != PB_BYTES)
			continue;
		if (!pb_entry(field.bytes, &key, &value))
			return mangled(err, "metadata");
		if (n == WHYLOGS_TAGS_MAX)
			return err_set(
			    err, ERR_LIMIT, "a profile with more than %d tags", WHYLOGS_TAGS_MAX);
		pairs[n++] = (struct whylogs_pair){ key.bytes, value.bytes };
	}
	*ret = pairs;
	*ret_n = n;
	return 0;
}

static wall_t
time_of_ms(uint64_t ms)
{
	return ms < INT64_MAX / 1000000 ? (wall_t){ (int64_t)ms * 1000000 } : WALL_NONE;
}

static int
read_properties(
    struct str message, struct arena *arena, struct whylogs_profile *ret, struct err *err)
{
	struct pb_reader r = pb_reader_of(message);
	struct pb_field field;
	int code;

	while (pb_next(&r, &field)) {
		if (field.type != PB_VARINT)
			continue;
		if (field.number == 4)
			ret->created = time_of_ms(field.value);
		else if (field.number == 5)
			ret->dataset = time_of_ms(field.value);
	}
	if (r.failed)
		return mangled(err, "header");
	code = read_pairs(message, 6, arena, &ret->tags, &ret->n_tags, err);
	return code < 0 ? code
			: read_pairs(message, 7, arena, &ret->metadata, &ret->n_metadata, err);
}

static int
count_header(struct str message, uint32_t *ret_columns, struct header *ret, struct err *err)
{
	struct pb_reader r = pb_reader_of(message);
	struct pb_field field, key, value;

	while (pb_next(&r, &field)) {
		if (field.number == 1 && field.type == PB_BYTES) {
			ret->properties = field.bytes;
		} else if (field.number == 2 && field.type == PB_BYTES) {
			if (++*ret_columns > WHYLOGS_COLUMNS_MAX)
				return err_set(err, ERR_LIMIT, "a profile of more than %d columns",
				    WHYLOGS_COLUMNS_MAX);
		} else if (field.number == 4 && field.type == PB_VARINT) {
			ret->length = field.value;
			ret->has_length = true;
		} else if (field.number == 5 && field.type == PB_BYTES) {
			if (!pb_entry(field.bytes, &key, &value))
				return mangled(err, "header");
			if (key.value >= WHYLOGS_PATHS_MAX)
				return err_set(err, ERR_LIMIT, "a profile of more than %d metrics",
				    WHYLOGS_PATHS_MAX);
			if (key.value >= ret->n_paths)
				ret->n_paths = (uint32_t)key.value + 1;
		}
	}
	return r.failed ? mangled(err, "header") : 0;
}

static int
read_component(struct str message, struct whylogs_component *ret, bool *ret_known, struct err *err)
{
	struct pb_reader r = pb_reader_of(message), inner;
	struct pb_field field, part;

	*ret_known = false;
	while (pb_next(&r, &field)) {
		if (field.number == 2 && field.type == PB_VARINT) {
			ret->kind = WHYLOGS_INTEGER;
			ret->number = (double)(int64_t)field.value;
		} else if (field.number == 3 && field.type == PB_I64) {
			ret->kind = WHYLOGS_DOUBLE;
			ret->number = pb_double(field.value);
		} else if (field.number >= 4 && field.number <= 6 && field.type == PB_BYTES) {
			ret->kind =
			    (enum whylogs_component_kind)(WHYLOGS_FREQUENT + (int)field.number - 4);
			inner = pb_reader_of(field.bytes);
			ret->bytes = str_make(field.bytes.p, 0);
			while (pb_next(&inner, &part))
				if (part.number == 1 && part.type == PB_BYTES)
					ret->bytes = part.bytes;
			if (inner.failed)
				return mangled(err, "sketch");
		} else {
			continue;
		}
		*ret_known = true;
	}
	return r.failed ? mangled(err, "column") : 0;
}

/* The components of one chunk go behind those that the column has. */
static int
read_chunk(struct str data, uint64_t offset, const struct header *header, struct arena *arena,
    struct whylogs_column *column, struct err *err)
{
	struct pb_reader r;
	struct pb_field field, key, value;
	struct str chunk_header, message;
	uint64_t length = 0, type = CHUNK_COLUMN;
	struct whylogs_component *all;
	uint32_t n = 0;
	int code;

	if (offset >= data.n)
		return mangled(err, "list of columns");
	r = pb_reader_of(str_make(data.p + offset, data.n - offset));
	if (!pb_delimited(&r, &chunk_header))
		return mangled(err, "column");
	data = r.rest;
	r = pb_reader_of(chunk_header);
	while (pb_next(&r, &field))
		if (field.number == 1 && field.type == PB_VARINT)
			type = field.value;
		else if (field.number == 3 && field.type == PB_VARINT)
			length = field.value;
	if (r.failed || length > data.n)
		return mangled(err, "column");
	if (type != CHUNK_COLUMN)
		return 0;
	message = str_make(data.p, length);
	for (r = pb_reader_of(message); pb_next(&r, &field);)
		n += field.number == 1 && field.type == PB_BYTES;
	if (r.failed || n > WHYLOGS_PATHS_MAX)
		return mangled(err, "column");
	all = ARENA_ARRAY(arena, column->n + n, struct whylogs_component);
	if (column->n > 0)
		memcpy(all, column->components, column->n * sizeof(*all));
	column->components = all;
	for (r = pb_reader_of(message); pb_next(&r, &field);) {
		struct whylogs_component *c = &all[column->n];
		bool known;

		if (field.number != 1 || field.type != PB_BYTES)
			continue;
		if (!pb_entry(field.bytes, &key, &value) || key.value >= header->n_paths)
			return mangled(err, "column");
		*c = (struct whylogs_component){ .path = header->paths[key.value] };
		code = read_component(value.bytes, c, &known, err);
		if (code < 0)
			return code;
		column->n += known;
	}
	return 0;
}

/* Offsets are a packed or a plain list. */
static int
read_column(struct str offsets, struct str data, const struct header *header, struct arena *arena,
    struct whylogs_column *column, struct err *err)
{
	struct pb_reader r = pb_reader_of(offsets), packed;
	struct pb_field field;
	uint64_t offset;
	int code = 0;

	while (code == 0 && pb_next(&r, &field)) {
		if (field.number != 1)
			continue;
		if (field.type == PB_VARINT) {
			code = read_chunk(data, field.value, header, arena, column, err);
			continue;
		}
		packed = pb_reader_of(field.bytes);
		while (code == 0 && packed.rest.n > 0 && pb_varint(&packed, &offset))
			code = read_chunk(data, offset, header, arena, column, err);
		if (packed.failed)
			return mangled(err, "list of columns");
	}
	return code == 0 && r.failed ? mangled(err, "list of columns") : code;
}

static int
by_name(const void *a, const void *b)
{
	return str_cmp(
	    ((const struct whylogs_column *)a)->name, ((const struct whylogs_column *)b)->name);
}

static int
read_columns(struct str message, struct str data, const struct header *header, uint32_t n,
    struct arena *arena, struct whylogs_profile *ret, struct err *err)
{
	struct pb_reader r = pb_reader_of(message);
	struct pb_field field, key, value;
	int code = 0;

	ret->columns = ARENA_ARRAY(arena, n, struct whylogs_column);
	while (code == 0 && pb_next(&r, &field)) {
		struct whylogs_column *column = &ret->columns[ret->n_columns];

		if (field.number != 2 || field.type != PB_BYTES)
			continue;
		if (!pb_entry(field.bytes, &key, &value))
			return mangled(err, "list of columns");
		*column = (struct whylogs_column){ .name = key.bytes };
		ret->n_columns++;
		code = read_column(value.bytes, data, header, arena, column, err);
		if (code < 0)
			return err_wrap(err, "column '%.*s'", STR_ARG(str_head(key.bytes, 60)));
	}
	if (ret->n_columns > 1)
		qsort(ret->columns, ret->n_columns, sizeof(*ret->columns), by_name);
	return code;
}

int
whylogs_read(struct str bytes, struct arena *arena, struct whylogs_profile *ret, struct err *err)
{
	struct whylogs_profile profile = { 0 };
	struct header header = { 0 };
	struct str segments, message;
	struct pb_reader r;
	struct pb_field field, key, value;
	uint32_t columns = 0;
	int code;

	if (bytes.n > WHYLOGS_FILE_BYTES_MAX)
		return err_set(
		    err, ERR_LIMIT, "a profile of more than %u bytes", WHYLOGS_FILE_BYTES_MAX);
	if (!str_starts(bytes, STR(MAGIC)))
		return no_magic(bytes, err);
	r = pb_reader_of(str_make(bytes.p + 4, bytes.n - 4));
	if (!pb_delimited(&r, &segments) || !pb_delimited(&r, &message))
		return mangled(err, "header");
	bytes = r.rest;
	code = count_header(message, &columns, &header, err);
	if (code < 0)
		return code;
	if (header.has_length && header.length > bytes.n)
		return err_set(err, ERR_INVALID,
		    "the profile is cut short: %u of %llu bytes of columns", bytes.n,
		    (unsigned long long)header.length);
	header.paths = ARENA_ARRAY(arena, header.n_paths, struct str);
	for (r = pb_reader_of(message); pb_next(&r, &field);)
		if (field.number == 5 && field.type == PB_BYTES &&
		    pb_entry(field.bytes, &key, &value))
			header.paths[key.value] = value.bytes;
	code = read_properties(header.properties, arena, &profile, err);
	if (code == 0)
		code = read_columns(message, bytes, &header, columns, arena, &profile, err);
	if (code == 0)
		*ret = profile;
	return code;
}

const struct whylogs_component *
whylogs_find(const struct whylogs_column *column, struct str path)
{
	for (uint32_t i = 0; i < column->n; i++)
		if (str_eq(column->components[i].path, path))
			return &column->components[i];
	return NULL;
}
