/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows out of any JSON document, by paths: where its rows are, and in each of
 * them its value, its labels, its time.  Settings shared by the sources that
 * let their user say so.
 */
#pragma once

#include "config/schema.h"
#include "source/json_path.h"
#include "source/rows.h"

#define JSON_PATHS_MAX 64

/* As written; texts live with the configuration. */
struct json_rows_settings {
	const char *rows, *value, *time, *labels_from;
	int time_unit; /* enum time_unit */
	struct string_map labels;
	struct string_map require;
	struct string_list errors, partial;
};

/* The same, parsed. */
struct json_rows {
	struct json_path rows, value, time;
	bool has_time, has_labels_from;
	enum time_unit time_unit;
	struct json_path labels_from;
	struct json_label {
		struct str name;
		struct json_path path;
	} *labels, *require; /* require: name is the text it must have */
	uint32_t n_labels, n_require;
	struct json_path *errors, *partial;
	uint32_t n_errors, n_partial;
};

/* value may be NULL in settings: then ret->value is left empty, for the caller. */
int json_rows_parse(struct arena *arena, const struct json_rows_settings *settings, struct json_rows *ret,
    struct err *err);
/* body: one whole JSON value. value NULL: spec's own. scratch: emptied by the caller. */
int json_rows_read(const struct json_rows *spec, const struct json_path *value, struct str body,
    struct arena *scratch, struct rows *rows, struct err *err);
/* Only the findings: errors, partial, require. */
int json_rows_verdict(const struct json_rows *spec, const struct json_place *top, struct arena *scratch,
    struct err *err);

/* The rows of a schema table; T has the member `rows` of type struct json_rows_settings. */
#define JSON_ROWS_FIELDS(T, member) \
	{ .name = "rows", .kind = FIELD_STRING, .flags = FIELD_NONEMPTY, \
	    .offset = offsetof(T, member) + offsetof(struct json_rows_settings, rows), \
	    .doc = "Path to the rows of an answer, such as $.series[*]." }, \
	{ .name = "value", .kind = FIELD_STRING, .flags = FIELD_NONEMPTY, \
	    .offset = offsetof(T, member) + offsetof(struct json_rows_settings, value), \
	    .doc = "Path from a row to its value: a number, a number in quotes, NaN or " \
		   "Inf; null is a row without a value." }, \
	{ .name = "labels", .kind = FIELD_STRING_MAP, \
	    .offset = offsetof(T, member) + offsetof(struct json_rows_settings, labels), \
	    .doc = "Labels by name, each with the path from a row; what is not there is no " \
		   "label." }, \
	{ .name = "labels_from", .kind = FIELD_STRING, .flags = FIELD_NONEMPTY, \
	    .offset = offsetof(T, member) + offsetof(struct json_rows_settings, labels_from), \
	    .doc = "Path from a row to further labels: an object, a list of {name, value} or " \
		   "{key, value}, or a list of \"name:value\"." }, \
	{ .name = "time", .kind = FIELD_STRING, .flags = FIELD_NONEMPTY, \
	    .offset = offsetof(T, member) + offsetof(struct json_rows_settings, time), \
	    .doc = "Path from a row to its time, for max_age: a number or a timestamp." }, \
	{ .name = "time_unit", .kind = FIELD_ENUM, .fallback = "auto", .choices = time_unit_names, \
	    .offset = offsetof(T, member) + offsetof(struct json_rows_settings, time_unit), \
	    .doc = "Unit of a time that is a number; auto tells it by its size." }, \
	{ .name = "require", .kind = FIELD_STRING_MAP, \
	    .offset = offsetof(T, member) + offsetof(struct json_rows_settings, require), \
	    .doc = "Paths and the text each must have, such as {status: ok}; anything else is " \
		   "an error." }, \
	{ .name = "errors", .kind = FIELD_STRING_LIST, \
	    .offset = offsetof(T, member) + offsetof(struct json_rows_settings, errors), \
	    .doc = "Paths that lead to an error's text; an answer in which one of them has " \
		   "something is an error." }, \
	{ .name = "partial", .kind = FIELD_STRING_LIST, \
	    .offset = offsetof(T, member) + offsetof(struct json_rows_settings, partial), \
	    .doc = "Paths to flags or counts that say that the answer is partial, which is an " \
		   "error, too." }
