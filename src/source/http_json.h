/* SPDX-License-Identifier: Apache-2.0 */
/* What http_json.c and its presets share: settings, and texts with placeholders. */
#pragma once

#include "source/http_source.h"
#include "source/json_rows.h"

struct http_json_settings {
	int preset; /* index into http_json_preset_names; 0: none */
	const char *url, *method, *body, *content_type;
	struct string_map headers, variables;
	struct secret api_key, app_key;
	const char *api_key_header, *app_key_header;
	const char *poll_url, *poll_id, *poll_until; /* poll_url NULL: the first answer is the result */
	dur_t poll_interval;
	dur_t window;
	const struct http_options *http;
	struct json_rows_settings paths;
	struct pos pos;
	/* made of the above when it is read */
	const char *app_path; /* of the preset: behind url */
	struct json_path id, until;
	struct json_rows spec;
	bool query_is_path; /* no placeholder asks for the query: it is the value's path */
};

/* What a preset fills in where the user says nothing. */
struct http_json_preset {
	const char *url, *path, *method, *body, *poll_path;
	const char *api_key_header, *app_key_header;
	struct json_rows_settings paths;
	const struct string_pair *variables; /* defaults */
	size_t n_variables;
	const char *needs; /* a variable that has no default */
};

extern const char *const http_json_preset_names[]; /* for FIELD_ENUM; 0 is none */
const struct http_json_preset *http_json_preset(int index); /* NULL for none */

enum text_escape { TEXT_RAW, TEXT_URL, TEXT_JSON };

/* {{NAME}} and {{NAME:raw|url|json}}; escape is what the place asks for. Of the query its
 * text and times count; {{from}} is `window` before {{now}} where it has none, {{to}} is {{now}}. */
int http_json_expand(const struct http_json_settings *settings, const char *text, enum text_escape escape,
    const struct source_query *query, struct buf *out, bool *ret_uses_query, struct err *err);
