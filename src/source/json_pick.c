/* SPDX-License-Identifier: Apache-2.0 */
/* Steps over what nobody asked for. */
#include "config.h"

#include "source/json_pick.h"

#include "source/http_source.h"

bool
json_pick(struct str object, const char *const *keys, struct str *ret, size_t n)
{
	struct json_reader r;
	struct str key;

	for (size_t i = 0; i < n; i++)
		ret[i] = str_make(NULL, 0);
	if (object.n == 0)
		return false;
	json_reader_init(&r, object);
	if (json_peek(&r) != JSON_OBJECT)
		return false;
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key)) {
		size_t i = 0;

		while (i < n && !str_is(key, keys[i]))
			i++;
		if (i < n ? !json_read_span(&r, &ret[i]) : !json_skip(&r))
			break;
	}
	return json_finish(&r);
}

struct str
json_pick_text(struct str span, struct arena *arena)
{
	struct cell cell;

	if (span.n == 0)
		return span;
	json_cell(span, arena, &cell);
	return cell.kind == CELL_TEXT || cell.kind == CELL_NUMBER ? cell.text : str_make(NULL, 0);
}

bool
json_pick_number(struct str span, double *ret)
{
	struct json_reader r;
	bool yes;

	if (span.n == 0)
		return false;
	json_reader_init(&r, span);
	switch (json_peek(&r)) {
	case JSON_NUMBER:
		return json_read_double(&r, ret);
	case JSON_BOOL:
		if (!json_read_bool(&r, &yes))
			return false;
		*ret = yes;
		return true;
	case JSON_NULL:
	case JSON_STRING:
	case JSON_ARRAY:
	case JSON_OBJECT:
	case JSON_END:
	case JSON_BAD:
		break;
	}
	return false;
}
