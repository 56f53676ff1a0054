/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path parser and the walk.  The text was checked for form as a whole
 * before (json_skip), so a span here is always a whole value.
 */
#include "config.h"

#include "source/json_path.h"

#include <stdio.h>

#include "base/json.h"

#define INDEX_TEXT_MAX 16

/* --- parsing --------------------------------------------------------------- */

struct parser {
	struct str text;
	uint32_t at;
	struct json_step steps[JSON_PATH_STEPS_MAX];
	uint32_t n;
};

static int
bad(const struct parser *p, struct err *err, const char *what)
{
	return err_set_at(err, ERR_INVALID, p->at, "path '%.*s': %s at byte %u",
	    STR_ARG(str_head(p->text, 80)), what, p->at);
}

static int
add(struct parser *p, struct json_step step, struct err *err)
{
	if (p->n == JSON_PATH_STEPS_MAX)
		return err_set_at(
		    err, ERR_LIMIT, p->at, "a path of more than %d steps", JSON_PATH_STEPS_MAX);
	if (p->n > 0 && p->steps[p->n - 1].kind == STEP_KEY)
		return bad(p, err, "nothing may follow @key");
	p->steps[p->n++] = step;
	return 0;
}

static char
look(const struct parser *p)
{
	return p->at < p->text.n ? p->text.p[p->at] : '\0';
}

static bool
is_name(char c)
{
	return c != '\0' && strchr(".[]^@$*!\"' \t\n", c) == NULL;
}

static int
parse_name(struct parser *p, struct err *err)
{
	uint32_t start = p->at;

	if (look(p) == '*') {
		p->at++;
		return add(p, (struct json_step){ .kind = STEP_ALL }, err);
	}
	while (is_name(look(p)))
		p->at++;
	if (p->at == start)
		return bad(p, err, "a name is missing");
	return add(p,
	    (struct json_step){
		.kind = STEP_MEMBER, .name = str_make(p->text.p + start, p->at - start) },
	    err);
}

static int
parse_word(struct parser *p, struct err *err)
{
	uint32_t start = ++p->at;
	struct str word;

	while (is_name(look(p)))
		p->at++;
	word = str_make(p->text.p + start, p->at - start);
	if (str_is(word, "json"))
		return add(p, (struct json_step){ .kind = STEP_JSON }, err);
	if (str_is(word, "key"))
		return add(p, (struct json_step){ .kind = STEP_KEY }, err);
	return bad(p, err, "known words are @json and @key;");
}

static int
parse_bracket(struct parser *p, struct err *err)
{
	struct json_step step = { .kind = STEP_INDEX };
	uint32_t start = ++p->at;
	char quote = look(p);
	int64_t index;

	if (quote == '*') {
		step.kind = STEP_ALL;
		p->at++;
	} else if (quote == '"' || quote == '\'') {
		step.kind = STEP_MEMBER;
		start = ++p->at;
		while (p->at < p->text.n && look(p) != quote)
			p->at++;
		if (p->at == p->text.n)
			return bad(p, err, "a quote is missing");
		step.name = str_make(p->text.p + start, p->at - start);
		p->at++;
	} else {
		while (look(p) == '-' || (look(p) >= '0' && look(p) <= '9'))
			p->at++;
		if (!str_to_i64(str_make(p->text.p + start, p->at - start), &index) ||
		    index < INT32_MIN || index > INT32_MAX)
			return bad(p, err, "expected [number], [*] or [\"name\"]");
		step.index = (int32_t)index;
	}
	if (look(p) == '!' && step.kind != STEP_MEMBER) {
		start = ++p->at;
		while (is_name(look(p)))
			p->at++;
		step.name = str_make(p->text.p + start, p->at - start);
	}
	if (look(p) != ']')
		return bad(p, err, "expected ]");
	p->at++;
	return add(p, step, err);
}

static void
parse_start(struct parser *p, struct json_path *ret)
{
	if (look(p) == '$') {
		ret->absolute = true;
		p->at++;
		return;
	}
	while (look(p) == '^') {
		ret->up++;
		p->at++;
		if (look(p) == '.' && p->at + 1 < p->text.n && p->text.p[p->at + 1] == '^')
			p->at++;
	}
}

int
json_path_parse(struct arena *arena, struct str text, struct json_path *ret, struct err *err)
{
	struct parser p = { .text = str_trim(text) };
	struct json_path path = { 0 };
	int code = 0;

	if (p.text.n == 0)
		return err_set_at(err, ERR_INVALID, 0, "an empty path");
	parse_start(&p, &path);
	if (p.at == 0 && is_name(look(&p)))
		code = parse_name(&p, err);
	else if (p.at == 0 && look(&p) == '*')
		code = parse_name(&p, err);
	while (code == 0 && p.at < p.text.n) {
		char c = look(&p);

		if (c == '.') {
			p.at++;
			code = look(&p) == '@' ? parse_word(&p, err) : parse_name(&p, err);
		} else if (c == '[') {
			code = parse_bracket(&p, err);
		} else if (c == '@') {
			code = parse_word(&p, err);
		} else {
			code = bad(&p, err, "expected . or [");
		}
	}
	if (code < 0)
		return code;
	path.n = p.n;
	path.steps = ARENA_ARRAY(arena, p.n, struct json_step);
	for (uint32_t i = 0; i < p.n; i++) {
		path.steps[i] = p.steps[i];
		path.steps[i].name = arena_str(arena, p.steps[i].name);
		path.wild += p.steps[i].kind == STEP_ALL;
	}
	*ret = path;
	return 0;
}

/* --- walking --------------------------------------------------------------- */

struct walk {
	const struct json_path *path;
	struct arena *scratch;
	json_visit_fn *visit;
	void *arg;
	bool absent;
	struct err *err;
};

static int step_on(struct walk *w, uint32_t i, bool wild, const struct json_place *at);

static bool
key_is(struct arena *scratch, struct str key, struct str name)
{
	if (memchr(key.p, '\\', key.n) != NULL)
		key = json_unescape(scratch, key);
	return str_eq(key, name);
}

static int
missing(struct walk *w, bool wild)
{
	if (!wild)
		w->absent = true;
	return 0;
}

static int
step_member(struct walk *w, uint32_t i, bool wild, const struct json_place *at)
{
	struct json_place next = { .parent = at };
	struct json_reader r;
	struct str key;

	json_reader_init(&r, at->span);
	if (json_peek(&r) != JSON_OBJECT)
		return missing(w, wild);
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key)) {
		if (!key_is(w->scratch, key, w->path->steps[i].name)) {
			json_skip(&r);
			continue;
		}
		if (!json_read_span(&r, &next.span))
			break;
		next.key = w->path->steps[i].name;
		return step_on(w, i + 1, wild, &next);
	}
	return missing(w, wild);
}

/* [-1!partial]: is this one without the flag? */
static bool
counts(const struct json_step *step, struct str item)
{
	struct json_reader r;
	struct str key, member;

	if (step->name.n == 0 || item.p[0] != '{')
		return true;
	json_reader_init(&r, item);
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key) && json_read_span(&r, &member))
		if (str_eq(key, step->name))
			return !str_is(member, "true");
	return true;
}

static uint32_t
count_items(const struct json_step *step, struct str span)
{
	struct json_reader r;
	struct str item;
	uint32_t n = 0;

	json_reader_init(&r, span);
	json_enter(&r, JSON_ARRAY);
	while (json_next_item(&r) && json_read_span(&r, &item))
		n += counts(step, item);
	return n;
}

static int
step_index(struct walk *w, uint32_t i, bool wild, const struct json_place *at)
{
	struct json_place next = { .parent = at };
	const struct json_step *step = &w->path->steps[i];
	int64_t index = step->index;
	struct json_reader r;

	json_reader_init(&r, at->span);
	if (json_peek(&r) != JSON_ARRAY)
		return missing(w, wild);
	if (index < 0)
		index += count_items(step, at->span);
	if (index < 0)
		return missing(w, wild);
	json_enter(&r, JSON_ARRAY);
	while (json_next_item(&r) && json_read_span(&r, &next.span))
		if (counts(step, next.span) && index-- == 0)
			return step_on(w, i + 1, wild, &next);
	return missing(w, wild);
}

static int
step_all(struct walk *w, uint32_t i, bool wild, const struct json_place *at)
{
	struct json_place next = { .parent = at };
	char number[INDEX_TEXT_MAX];
	struct json_reader r;
	int code = 0;

	json_reader_init(&r, at->span);
	if (json_peek(&r) == JSON_NULL)
		return 0; /* how some write an empty list */
	if (json_peek(&r) == JSON_OBJECT) {
		json_enter(&r, JSON_OBJECT);
		while (
		    code == 0 && json_next_key(&r, &next.key) && json_read_span(&r, &next.span)) {
			if (memchr(next.key.p, '\\', next.key.n) != NULL)
				next.key = json_unescape(w->scratch, next.key);
			code = step_on(w, i + 1, true, &next);
		}
		return code;
	}
	if (json_peek(&r) != JSON_ARRAY)
		return missing(w, wild);
	json_enter(&r, JSON_ARRAY);
	for (uint32_t n = 0; code == 0 && json_next_item(&r) && json_read_span(&r, &next.span);
	     n++) {
		snprintf(number, sizeof(number), "%u", n);
		next.key = str_from(number);
		if (counts(&w->path->steps[i], next.span))
			code = step_on(w, i + 1, true, &next);
	}
	return code;
}

static int
step_json(struct walk *w, uint32_t i, bool wild, const struct json_place *at)
{
	struct json_place next = { .key = at->key, .parent = at };
	struct json_reader r;

	json_reader_init(&r, at->span);
	if (json_peek(&r) != JSON_STRING || !json_read_str(&r, w->scratch, &next.span))
		return missing(w, wild);
	json_reader_init(&r, next.span);
	if (!json_skip(&r) || !json_finish(&r))
		return err_set(w->err, ERR_INVALID,
		    "cannot read the JSON in a string: %s at byte %u", r.err_text, r.err_at);
	return step_on(w, i + 1, wild, &next);
}

static int
step_key(struct walk *w, const struct json_place *at)
{
	struct json_place next = { .parent = at };
	struct buf quoted = { 0 };
	int code;

	json_put_str(&quoted, at->key);
	next.span = arena_str(w->scratch, buf_str(&quoted));
	buf_fini(&quoted);
	code = w->visit(w->arg, &next, w->err);
	return code;
}

static int
step_on(struct walk *w, uint32_t i, bool wild, const struct json_place *at)
{
	if (i == w->path->n)
		return w->visit(w->arg, at, w->err);
	switch (w->path->steps[i].kind) {
	case STEP_MEMBER:
		return step_member(w, i, wild, at);
	case STEP_INDEX:
		return step_index(w, i, wild, at);
	case STEP_ALL:
		return step_all(w, i, wild, at);
	case STEP_JSON:
		return step_json(w, i, wild, at);
	case STEP_KEY:
		break;
	}
	return step_key(w, at);
}

int
json_path_walk(const struct json_path *path, const struct json_place *from, struct arena *scratch,
    json_visit_fn *visit, void *arg, bool *ret_absent, struct err *err)
{
	struct walk w = { path, scratch, visit, arg, false, err };
	int code;

	for (uint32_t up = path->up; up > 0 && from != NULL; up--)
		from = from->parent;
	while (path->absolute && from->parent != NULL)
		from = from->parent;
	if (from == NULL) {
		*ret_absent = true;
		return 0;
	}
	code = step_on(&w, 0, false, from);
	*ret_absent = w.absent;
	return code;
}

static int
take_first(void *arg, const struct json_place *place, struct err *err UNUSED)
{
	*(struct str *)arg = place->span;
	return -ERR_CANCELLED; /* enough */
}

bool
json_path_first(const struct json_path *path, const struct json_place *from, struct arena *scratch,
    struct str *ret)
{
	bool absent;

	return json_path_walk(path, from, scratch, take_first, ret, &absent, NULL) ==
	       -ERR_CANCELLED;
}
