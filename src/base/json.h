/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: a writer over struct buf, and a pull reader for hot paths.
 *
 * Small documents whose shape is free are read with json-c; answers with
 * thousands of series and batches of alerts are read with the pull reader,
 * which builds no tree and copies nothing.  It accepts the bare NaN,
 * Infinity and -Infinity that some producers write.
 *
 *   struct json_reader r;
 *   json_reader_init(&r, text);
 *   json_enter(&r, JSON_OBJECT);
 *   while (json_next_key(&r, &key))
 *       if (str_is(key, "value")) json_read_double(&r, &v); else json_skip(&r);
 *   if (!json_finish(&r)) ... r.err_at, r.err_text
 *
 * Errors are sticky: after the first, every call returns false and reads nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#define JSON_DEPTH_MAX 64

/* --- writing ----------------------------------------------------------- */
void json_put_str(struct buf *buf, struct str s);  /* quoted; invalid UTF-8 becomes U+FFFD */
/* As Go's encoding/json does by default: <, > and & as \u003c ... too */
void json_put_str_html(struct buf *buf, struct str s);
void json_put_double(struct buf *buf, double v);   /* shortest form that reads back; NaN and Inf as null */
/* The value as Prometheus prints sample values: shortest, "NaN", "+Inf", "-Inf", exponent only for tiny and huge; no quotes. */
void put_prom_double(struct buf *buf, double v);

/* --- reading ----------------------------------------------------------- */
enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT, JSON_END, JSON_BAD };

struct json_reader {
	const char *start, *p, *end;
	uint32_t depth;
	bool first;           /* no element of the current container read yet */
	const char *err_text; /* NULL: none; static text */
	uint32_t err_at;      /* byte offset */
};

void json_reader_init(struct json_reader *r, struct str text);
enum json_kind json_peek(struct json_reader *r);
bool json_enter(struct json_reader *r, enum json_kind container); /* consumes [ or { */
/* Steps to the next element; false at the end of the container (consumed) or on error. */
bool json_next_item(struct json_reader *r);
/* The same in an object: *ret_key is the raw key between its quotes (escapes left in; see json_unescape). */
bool json_next_key(struct json_reader *r, struct str *ret_key);
/* Raw text between the quotes, and whether it holds escapes. */
bool json_read_raw(struct json_reader *r, struct str *ret_raw, bool *ret_escaped);
/* Unescaped; points into the text when nothing had to be unescaped, else into the arena. Lone surrogates become U+FFFD. */
bool json_read_str(struct json_reader *r, struct arena *arena, struct str *ret);
bool json_read_double(struct json_reader *r, double *ret); /* number, or bare NaN/Infinity */
bool json_read_bool(struct json_reader *r, bool *ret);
bool json_read_null(struct json_reader *r);
/* The next value whole, unparsed (checked for balance and strings only). */
bool json_read_span(struct json_reader *r, struct str *ret);
bool json_skip(struct json_reader *r);
/* Only white space left and no error. */
bool json_finish(struct json_reader *r);
bool json_fail(struct json_reader *r, const char *static_text); /* false, for the caller's own findings */
struct str json_unescape(struct arena *arena, struct str raw);
