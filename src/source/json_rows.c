/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the rows of a document.
 *
 * A value path that leads nowhere in every row is a mistake in the path and
 * an error; one that leads nowhere in some rows makes them rows without a
 * value.
 */
#include "config.h"

#include "source/json_rows.h"

#include "base/json.h"
#include "source/http_source.h"

struct reading {
	const struct json_rows *spec;
	const struct json_path *value;
	struct arena *scratch;
	struct rows *rows;
	size_t without;   /* rows in which the value's path leads nowhere */
	struct str first; /* the first of them */
};

/* --- parsing ----------------------------------------------------------------- */

static int
parse_one(
    struct arena *arena, const char *text, const char *what, struct json_path *ret, struct err *err)
{
	int code = json_path_parse(arena, str_from(text), ret, err);

	return code < 0 ? err_wrap(err, "%s", what) : 0;
}

static int
parse_list(struct arena *arena, const struct string_list *list, const char *what,
    struct json_path **ret, uint32_t *ret_n, struct err *err)
{
	int code = 0;

	if (list->n > JSON_PATHS_MAX)
		return err_set(err, ERR_LIMIT, "%s: more than %d paths", what, JSON_PATHS_MAX);
	*ret = ARENA_ARRAY(arena, list->n, struct json_path);
	*ret_n = list->n;
	for (uint32_t i = 0; i < list->n && code == 0; i++)
		code = parse_one(arena, list->items[i], what, &(*ret)[i], err);
	return code;
}

/* by_key: the path is the key, else the value. */
static int
parse_map(struct arena *arena, const struct string_map *map, const char *what, bool by_key,
    struct json_label **ret, uint32_t *ret_n, struct err *err)
{
	int code = 0;

	if (map->n > JSON_PATHS_MAX)
		return err_set(err, ERR_LIMIT, "%s: more than %d paths", what, JSON_PATHS_MAX);
	*ret = ARENA_ARRAY(arena, map->n, struct json_label);
	*ret_n = map->n;
	for (uint32_t i = 0; i < map->n && code == 0; i++) {
		const struct string_pair *pair = &map->pairs[i];

		(*ret)[i].name = str_from(by_key ? pair->value : pair->key);
		code =
		    parse_one(arena, by_key ? pair->key : pair->value, what, &(*ret)[i].path, err);
	}
	return code;
}

int
json_rows_parse(struct arena *arena, const struct json_rows_settings *settings,
    struct json_rows *ret, struct err *err)
{
	struct json_rows r = { .time_unit = (enum time_unit)settings->time_unit };
	int code;

	r.has_time = settings->time != NULL;
	r.has_labels_from = settings->labels_from != NULL;
	code =
	    parse_one(arena, settings->rows != NULL ? settings->rows : "$", "rows", &r.rows, err);
	if (code == 0 && settings->value != NULL)
		code = parse_one(arena, settings->value, "value", &r.value, err);
	if (code == 0 && r.has_time)
		code = parse_one(arena, settings->time, "time", &r.time, err);
	if (code == 0 && r.has_labels_from)
		code = parse_one(arena, settings->labels_from, "labels_from", &r.labels_from, err);
	if (code == 0)
		code = parse_map(
		    arena, &settings->labels, "labels", false, &r.labels, &r.n_labels, err);
	if (code == 0)
		code = parse_map(
		    arena, &settings->require, "require", true, &r.require, &r.n_require, err);
	if (code == 0)
		code = parse_list(arena, &settings->errors, "errors", &r.errors, &r.n_errors, err);
	if (code == 0)
		code =
		    parse_list(arena, &settings->partial, "partial", &r.partial, &r.n_partial, err);
	if (code == 0)
		*ret = r;
	return code;
}

/* --- findings ------------------------------------------------------------------ */

static bool
is_something(struct str span)
{
	static const char *const nothing[] = { "null", "false", "\"\"", "0", "[]", "{}" };

	for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
		if (str_is(span, nothing[i]))
			return false;
	return span.n > 0;
}

struct verdict {
	struct arena *scratch;
	bool partial;
};

static int
blame(void *arg, const struct json_place *place, struct err *err)
{
	const struct verdict *v = arg;
	struct cell cell;

	if (!is_something(place->span))
		return 0;
	json_cell(place->span, v->scratch, &cell);
	return err_set(err, ERR_REMOTE, "%s%s", v->partial ? "partial answer: " : "",
	    text_head(v->scratch, cell.text));
}

static int
check_required(const struct json_label *wanted, const struct json_place *top, struct arena *scratch,
    struct err *err)
{
	struct cell cell;
	struct str span;

	if (!json_path_first(&wanted->path, top, scratch, &span))
		return err_set(err, ERR_INVALID, "the answer has nothing where '%.*s' is required",
		    STR_ARG(wanted->name));
	json_cell(span, scratch, &cell);
	if (str_eq(cell.text, wanted->name))
		return 0;
	return err_set(err, ERR_REMOTE, "the answer says '%s' where '%.*s' is required",
	    text_head(scratch, cell.text), STR_ARG(wanted->name));
}

int
json_rows_verdict(const struct json_rows *spec, const struct json_place *top, struct arena *scratch,
    struct err *err)
{
	struct verdict v = { scratch, false };
	bool absent;
	int code = 0;

	for (uint32_t i = 0; i < spec->n_errors && code == 0; i++)
		code = json_path_walk(&spec->errors[i], top, scratch, blame, &v, &absent, err);
	v.partial = true;
	for (uint32_t i = 0; i < spec->n_partial && code == 0; i++)
		code = json_path_walk(&spec->partial[i], top, scratch, blame, &v, &absent, err);
	for (uint32_t i = 0; i < spec->n_require && code == 0; i++)
		code = check_required(&spec->require[i], top, scratch, err);
	return code;
}

/* --- labels -------------------------------------------------------------------- */

static int
labels_of_object(struct reading *r, struct str span, struct err *err)
{
	struct json_reader in;
	struct cell cell;
	struct str key;
	int code = 0;

	json_reader_init(&in, span);
	json_enter(&in, JSON_OBJECT);
	while (code == 0 && json_next_key(&in, &key) && json_read_cell(&in, r->scratch, &cell)) {
		if (cell.kind == CELL_OTHER)
			continue;
		if (memchr(key.p, '\\', key.n) != NULL)
			key = json_unescape(r->scratch, key);
		code = rows_cell_label(r->rows, key, &cell, err);
	}
	return code;
}

/* The text of a plain value, or of the one a wrapper such as {"name": ...} or {"stringValue": ...}
 * holds. */
static bool
unwrap(struct reading *r, struct str span, const char *preferred, struct cell *ret)
{
	struct json_reader in;
	struct str key;
	bool found = false;

	json_cell(span, r->scratch, ret);
	if (ret->kind != CELL_OTHER)
		return true;
	json_reader_init(&in, span);
	if (json_peek(&in) != JSON_OBJECT)
		return false;
	json_enter(&in, JSON_OBJECT);
	while (json_next_key(&in, &key)) {
		struct cell cell;

		if (!json_read_cell(&in, r->scratch, &cell) || cell.kind == CELL_OTHER)
			continue;
		if (!found || (preferred != NULL && str_is(key, preferred)))
			*ret = cell;
		found = true;
	}
	return found;
}

/* {"name": ..., "value": ...} or {"key": {"name": ...}, "value": {"stringValue": ...}} */
static int
label_of_pair(struct reading *r, struct str span, struct err *err)
{
	struct cell name = { .kind = CELL_OTHER }, value = { .kind = CELL_NULL };
	struct json_reader in;
	struct str key, member;
	bool readable = true;

	json_reader_init(&in, span);
	json_enter(&in, JSON_OBJECT);
	while (json_next_key(&in, &key) && json_read_span(&in, &member)) {
		if (str_is(key, "name") || str_is(key, "key"))
			readable &= unwrap(r, member, "name", &name);
		else if (str_is(key, "value"))
			readable &= unwrap(r, member, NULL, &value);
	}
	if (!readable || name.kind == CELL_OTHER || name.kind == CELL_NULL)
		return err_set(err, ERR_INVALID, "row %zu: a label that is no name and value: %s",
		    r->rows->n, text_head(r->scratch, span));
	return rows_cell_label(r->rows, name.text, &value, err);
}

static int
labels_of_list(struct reading *r, struct str span, struct err *err)
{
	struct json_reader in;
	struct str item;
	int code = 0;

	json_reader_init(&in, span);
	json_enter(&in, JSON_ARRAY);
	while (code == 0 && json_next_item(&in) && json_read_span(&in, &item)) {
		struct cell cell;
		const char *colon;

		if (item.p[0] == '{') {
			code = label_of_pair(r, item, err);
			continue;
		}
		json_cell(item, r->scratch, &cell);
		if (cell.kind != CELL_TEXT || cell.text.n == 0)
			continue;
		colon = memchr(cell.text.p, ':', cell.text.n);
		if (colon == NULL) { /* a tag without a value */
			code = rows_label(r->rows, cell.text, STR("true"), err);
			continue;
		}
		code = rows_label(r->rows, str_make(cell.text.p, (size_t)(colon - cell.text.p)),
		    str_make(colon + 1, (size_t)(cell.text.p + cell.text.n - colon - 1)), err);
	}
	return code;
}

static int
read_labels_from(struct reading *r, const struct json_place *row, struct err *err)
{
	struct str span;

	if (!json_path_first(&r->spec->labels_from, row, r->scratch, &span))
		return 0;
	if (span.p[0] == '{')
		return labels_of_object(r, span, err);
	if (span.p[0] == '[')
		return labels_of_list(r, span, err);
	return str_is(span, "null")
		   ? 0
		   : err_set(err, ERR_INVALID,
			 "row %zu: labels_from leads to no object and no list", r->rows->n);
}

/* --- rows ----------------------------------------------------------------------- */

/* A label that is a list of plain values, such as the facets of a query by several: all of them. */
static bool
join_list(struct reading *r, struct str span, struct cell *ret)
{
	struct json_reader in;
	struct buf text = { 0 };
	bool plain = true;
	struct cell item;
	uint32_t n = 0;

	json_reader_init(&in, span);
	if (json_peek(&in) != JSON_ARRAY)
		return false;
	json_enter(&in, JSON_ARRAY);
	for (; plain && json_next_item(&in); n++) {
		plain = json_read_cell(&in, r->scratch, &item) && item.kind != CELL_OTHER;
		if (n > 0)
			buf_puts(&text, ", ");
		if (plain && item.kind != CELL_NULL)
			buf_put_str(&text, item.text);
	}
	if (plain && n > 0)
		*ret = (struct cell){ .kind = CELL_TEXT,
			.text = arena_str(r->scratch, buf_str(&text)) };
	buf_fini(&text);
	return plain && n > 0;
}

/* A number, or an object that has nothing but one, such as a single percentile: {"95": 0.5}. */
static int
read_value(struct reading *r, struct str span, struct err *err)
{
	struct json_reader in;
	struct cell cell, inner;
	uint32_t members = 0;
	struct str key;

	json_cell(span, r->scratch, &cell);
	json_reader_init(&in, span);
	if (cell.kind != CELL_OTHER || json_peek(&in) != JSON_OBJECT)
		return rows_value(r->rows, &cell, err);
	json_enter(&in, JSON_OBJECT);
	while (json_next_key(&in, &key) && json_read_cell(&in, r->scratch, &inner))
		members++;
	if (members <= 1)
		return rows_value(r->rows, members == 1 ? &inner : &cell, err);
	return err_set(err, ERR_INVALID,
	    "row %zu: the value has %u members: %s; let the path go on to one of them, as "
	    "value[\"95\"]",
	    r->rows->n, members, text_head(r->scratch, span));
}

static int
read_row(void *arg, const struct json_place *row, struct err *err)
{
	struct reading *r = arg;
	const struct json_rows *spec = r->spec;
	struct cell cell;
	struct str span;
	int code = rows_begin(r->rows, err);

	for (uint32_t i = 0; i < spec->n_labels && code == 0; i++) {
		if (!json_path_first(&spec->labels[i].path, row, r->scratch, &span))
			continue;
		json_cell(span, r->scratch, &cell);
		if (cell.kind == CELL_OTHER)
			(void)join_list(r, span, &cell);
		code = rows_cell_label(r->rows, spec->labels[i].name, &cell, err);
	}
	if (code == 0 && spec->has_labels_from)
		code = read_labels_from(r, row, err);
	if (code == 0 && spec->has_time && json_path_first(&spec->time, row, r->scratch, &span)) {
		json_cell(span, r->scratch, &cell);
		code = rows_time(r->rows, &cell, spec->time_unit, err);
	}
	if (code < 0)
		return code;
	if (!json_path_first(r->value, row, r->scratch, &span)) {
		if (r->without++ == 0)
			r->first = row->span;
		return 0;
	}
	return read_value(r, span, err);
}

int
json_rows_read(const struct json_rows *spec, const struct json_path *value, struct str body,
    struct arena *scratch, struct rows *rows, struct err *err)
{
	struct reading r = { spec, value != NULL ? value : &spec->value, scratch, rows, 0, { 0 } };
	struct json_place top = { .span = str_trim(body) };
	bool absent = false;
	int code = json_whole(body, err);

	if (code == 0)
		code = json_rows_verdict(spec, &top, scratch, err);
	if (code == 0)
		code = json_path_walk(&spec->rows, &top, scratch, read_row, &r, &absent, err);
	if (code < 0)
		return code;
	if (absent)
		return err_set(err, ERR_INVALID, "the path of `rows` leads nowhere in: %s",
		    text_head(scratch, body));
	if (rows->n > 0 && r.without == rows->n && rows->want.n_fields == 0)
		return err_set(err, ERR_INVALID,
		    "the path of the value leads nowhere in any of %zu rows, such as %s", rows->n,
		    text_head(scratch, r.first));
	return 0;
}
