/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the JSON pull reader, and the writer on what it read.
 *
 * Beyond not crashing: skipping a value that reads well ends where reading it
 * ends, errors point into the text, and strings and numbers that are written
 * read back the same.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "fuzz.h"

static void
check_string(struct str s, struct arena *arena)
{
	struct buf text = { 0 };
	struct json_reader r;
	struct str back;

	for (int html = 0; html < 2; html++) {
		buf_clear(&text);
		if (html)
			json_put_str_html(&text, s);
		else
			json_put_str(&text, s);
		json_reader_init(&r, buf_str(&text));
		if (!json_read_str(&r, arena, &back) || !json_finish(&r) ||
		    !str_is_utf8(back) || (str_is_utf8(s) && !str_eq(s, back)))
			abort();
	}
	buf_fini(&text);
}

static void
check_number(double v)
{
	struct buf text = { 0 };
	struct json_reader r;
	double back;

	json_put_double(&text, v);
	json_reader_init(&r, buf_str(&text));
	if (isfinite(v) && (!json_read_double(&r, &back) || !json_finish(&r) ||
			       back < v || back > v))
		abort();
	buf_fini(&text);
}

static void read_value(struct json_reader *r, struct arena *arena);

static void
read_container(struct json_reader *r, struct arena *arena)
{
	struct str key;

	if (json_peek(r) == JSON_OBJECT) {
		json_enter(r, JSON_OBJECT);
		while (json_next_key(r, &key)) {
			check_string(json_unescape(arena, key), arena);
			read_value(r, arena);
		}
	} else {
		json_enter(r, JSON_ARRAY);
		while (json_next_item(r))
			read_value(r, arena);
	}
}

static void
read_value(struct json_reader *r, struct arena *arena)
{
	struct json_reader ahead = *r;
	struct str s;
	double v;
	bool skipped = json_read_span(&ahead, &s), flag;

	switch (json_peek(r)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		read_container(r, arena);
		break;
	case JSON_STRING:
		if (json_read_str(r, arena, &s))
			check_string(s, arena);
		break;
	case JSON_NUMBER:
		if (json_read_double(r, &v))
			check_number(v);
		break;
	case JSON_BOOL:
		json_read_bool(r, &flag);
		break;
	case JSON_NULL:
		json_read_null(r);
		break;
	case JSON_END:
	case JSON_BAD:
		json_fail(r, "no value");
		break;
	}
	if (r->err_text == NULL && (!skipped || ahead.p != r->p))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct json_reader r;

	json_reader_init(&r, str_make((const char *)data, size));
	read_value(&r, arena);
	if (json_finish(&r) != (r.err_text == NULL) || r.err_at > size)
		abort();
	arena_free(arena);
	return 0;
}
