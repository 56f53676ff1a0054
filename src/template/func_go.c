/* SPDX-License-Identifier: Apache-2.0 */
/* The functions every Go template has, and the table lookup of all. */
#include "config.h"

#include "template/func.h"

#define FN(name) static int name(struct exec *x, \
    const struct value *args, uint32_t n, struct value *ret)
#define SHOWN 60

FN(fn_not)
{
	(void)x;
	(void)n;
	*ret = VALUE_B(!value_truth(&args[0]));
	return 0;
}

FN(fn_len)
{
	const struct value *v = &args[0];

	(void)n;
	if (value_is_text(v))
		*ret = VALUE_I(v->s.n);
	else if (type_is_list(v->type))
		*ret = VALUE_I(v->list.n);
	else if (type_is_map(v->type))
		*ret = VALUE_I(v->map->n);
	else
		return exec_fail(x, v->type == TYPE_NONE
			? "len of nil pointer" : "len of type %s",
		    type_name(v->type));
	return 0;
}

/* ---- index and slice -------------------------------------------------------- */

/* limit: one past the largest. */
static int
index_of(struct exec *x, const struct value *v, uint32_t limit, uint32_t *ret)
{
	if (v->type == TYPE_NONE)
		return exec_fail(x, "cannot index slice/array with nil");
	if (!value_is_int(v))
		return exec_fail(x, "cannot index slice/array with type %s",
		    type_name(v->type));
	if (v->i < 0 || v->i >= (int64_t)limit)
		return exec_fail(x, "index out of range: %lld",
		    (long long)v->i);
	*ret = (uint32_t)v->i;
	return 0;
}

FN(fn_index)
{
	struct value v = args[0];

	if (v.type == TYPE_NONE)
		return exec_fail(x, "index of untyped nil");
	for (uint32_t k = 1; k < n; k++) {
		uint32_t i;

		if (type_is_map(v.type)) {
			if (args[k].type != TYPE_STRING)
				return exec_fail(x, "value has type %s; should "
				    "be string", type_name(args[k].type));
			v = value_map_get(&(struct value){ .type = v.type,
				.map = v.map }, args[k].s);
		} else if (type_is_list(v.type)) {
			if (index_of(x, &args[k], v.list.n, &i) < 0)
				return -ERR_INVALID;
			v = value_item(&(struct value){ .type = v.type,
				.list = v.list }, i);
		} else if (value_is_text(&v)) {
			if (index_of(x, &args[k], v.s.n, &i) < 0)
				return -ERR_INVALID;
			v = (struct value){ .type = TYPE_BYTE,
				.i = (unsigned char)v.s.p[i] };
		} else {
			return exec_fail(x, v.type == TYPE_NONE
				? "index of nil pointer"
				: "can't index item of type %s",
			    type_name(v.type));
		}
	}
	*ret = v;
	return 0;
}

FN(fn_slice)
{
	struct value v = args[0];
	bool is_text = value_is_text(&v);
	uint32_t size = is_text ? v.s.n : v.list.n;
	uint32_t at[3] = { 0, size, 0 };

	if (!is_text && !type_is_list(v.type))
		return exec_fail(x, v.type == TYPE_NONE
			? "slice of untyped nil"
			: "can't slice item of type %s", type_name(v.type));
	if (n > 4)
		return exec_fail(x, "too many slice indexes: %u", n - 1);
	if (is_text && n == 4)
		return exec_fail(x, "cannot 3-index slice a string");
	for (uint32_t k = 1; k < n; k++) {
		if (index_of(x, &args[k], size + 1, &at[k - 1]) < 0)
			return -ERR_INVALID;
	}
	if (at[0] > at[1] || (n == 4 && at[1] > at[2]))
		return exec_fail(x, "invalid slice index: %u > %u",
		    at[0] > at[1] ? at[0] : at[1],
		    at[0] > at[1] ? at[1] : at[2]);
	if (is_text) {
		v.s = str_make(v.s.p + at[0], at[1] - at[0]);
	} else if (at[1] > at[0]) {
		v.list.items += at[0];
		v.list.n = at[1] - at[0];
	} else {
		v.list.n = 0;
	}
	*ret = v;
	return 0;
}

/* ---- printing --------------------------------------------------------------- */

FN(fn_print)
{
	struct buf buf = { .max = TEMPLATE_OUTPUT_MAX };

	print_args(x, &buf, args, n);
	return exec_take(x, &buf, ret);
}

FN(fn_println)
{
	struct buf buf = { .max = TEMPLATE_OUTPUT_MAX };

	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&buf, ' ');
		print_value(x, &buf, &args[i]);
	}
	buf_putc(&buf, '\n');
	return exec_take(x, &buf, ret);
}

FN(fn_printf)
{
	struct buf buf = { .max = TEMPLATE_OUTPUT_MAX };
	int rc = print_format(x, args[0].s, args + 1, n - 1, &buf);

	if (rc < 0) {
		buf_fini(&buf);
		return rc;
	}
	return exec_take(x, &buf, ret);
}

static int
escaped(struct exec *x, const struct value *args, uint32_t n,
    void (*escape)(struct buf *, struct str), struct value *ret)
{
	struct buf text = { .max = TEMPLATE_OUTPUT_MAX };
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };

	print_args(x, &text, args, n);
	escape(&out, buf_str(&text));
	buf_fini(&text);
	return exec_take(x, &out, ret);
}

FN(fn_html)
{
	int rc = escaped(x, args, n, escape_html, ret);

	/* In a page it is not escaped once more. */
	if (rc == 0 && x->html != NULL)
		ret->type = TYPE_HTML;
	return rc;
}

FN(fn_js)
{
	return escaped(x, args, n, escape_js, ret);
}

FN(fn_urlquery)
{
	int rc = escaped(x, args, n, escape_query, ret);

	if (rc == 0 && x->html != NULL)
		ret->type = TYPE_URL;
	return rc;
}

FN(fn_call)
{
	(void)n;
	(void)ret;
	return exec_fail(x, "a value of type %s is not a function",
	    type_name(args[0].type));
}

/* ---- comparison ------------------------------------------------------------- */

enum kind { KIND_NONE, KIND_BOOL, KIND_INT, KIND_FLOAT, KIND_TEXT, KIND_OTHER };

static enum kind
kind_of(const struct value *v)
{
	if (v->type == TYPE_BOOL)
		return KIND_BOOL;
	if (value_is_int(v))
		return KIND_INT;
	if (v->type == TYPE_FLOAT)
		return KIND_FLOAT;
	if (value_is_text(v))
		return KIND_TEXT;
	return v->type == TYPE_NONE ? KIND_NONE : KIND_OTHER;
}

static int
same(struct exec *x, const struct value *a, const struct value *b, bool *ret)
{
	enum kind kind = kind_of(a);

	*ret = false;
	if (kind == KIND_NONE || kind_of(b) == KIND_NONE) {
		*ret = kind == kind_of(b);
		return 0;
	}
	if (kind != kind_of(b))
		return exec_fail(x, "incompatible types for comparison");
	if (kind == KIND_BOOL || kind == KIND_INT)
		*ret = a->i == b->i;
	else if (kind == KIND_FLOAT)
		*ret = a->f == b->f;
	else if (kind == KIND_TEXT)
		*ret = str_eq(a->s, b->s);
	else if (a->type == TYPE_TIME && b->type == TYPE_TIME)
		*ret = a->time.sec == b->time.sec &&
		    a->time.nsec == b->time.nsec && a->time.zone == b->time.zone;
	else if (a->type == TYPE_PAIR && b->type == TYPE_PAIR)
		*ret = str_eq(*a->pair.name, *b->pair.name) &&
		    str_eq(*a->pair.value, *b->pair.value);
	else
		return exec_fail(x, "non-comparable types %s, %s",
		    type_name(a->type), type_name(b->type));
	return 0;
}

static int
less(struct exec *x, const struct value *a, const struct value *b, bool *ret)
{
	enum kind kind = kind_of(a);

	if (kind == KIND_NONE || kind == KIND_OTHER ||
	    kind_of(b) == KIND_NONE || kind_of(b) == KIND_OTHER)
		return exec_fail(x, "invalid type for comparison");
	if (kind != kind_of(b))
		return exec_fail(x, "incompatible types for comparison");
	if (kind == KIND_BOOL)
		return exec_fail(x, "invalid type for comparison");
	if (kind == KIND_INT)
		*ret = a->i < b->i;
	else if (kind == KIND_FLOAT)
		*ret = a->f < b->f;
	else
		*ret = str_cmp(a->s, b->s) < 0;
	return 0;
}

FN(fn_eq)
{
	if (type_is_list(args[0].type) || type_is_map(args[0].type))
		return exec_fail(x, "uncomparable type %s",
		    type_name(args[0].type));
	*ret = VALUE_B(false);
	for (uint32_t i = 1; i < n; i++) {
		bool equal;

		if (same(x, &args[0], &args[i], &equal) < 0)
			return -ERR_INVALID;
		if (equal) {
			*ret = VALUE_B(true);
			return 0;
		}
	}
	return 0;
}

FN(fn_ne)
{
	int rc = fn_eq(x, args, n, ret);

	ret->i = !ret->i;
	return rc;
}

FN(fn_lt)
{
	bool is_less = false;
	int rc = less(x, &args[0], &args[1], &is_less);

	(void)n;
	*ret = VALUE_B(is_less);
	return rc;
}

FN(fn_le)
{
	int rc = fn_lt(x, args, n, ret);

	return rc < 0 || ret->i ? rc : fn_eq(x, args, n, ret);
}

FN(fn_gt)
{
	int rc = fn_le(x, args, n, ret);

	ret->i = !ret->i;
	return rc;
}

FN(fn_ge)
{
	int rc = fn_lt(x, args, n, ret);

	ret->i = !ret->i;
	return rc;
}

const struct func funcs_go[] = {
	{ "and", "aa*", TYPE_ANY, NULL, false, false },
	{ "or", "aa*", TYPE_ANY, NULL, false, false },
	{ "not", "a", TYPE_BOOL, fn_not, false, false },
	{ "len", "a", TYPE_INT, fn_len, false, false },
	{ "index", "aa*", TYPE_ANY, fn_index, false, false },
	{ "slice", "aa*", TYPE_ANY, fn_slice, false, false },
	{ "print", "a*", TYPE_STRING, fn_print, false, false },
	{ "println", "a*", TYPE_STRING, fn_println, false, false },
	{ "printf", "sa*", TYPE_STRING, fn_printf, false, false },
	{ "html", "a*", TYPE_ANY, fn_html, false, false },
	{ "js", "a*", TYPE_STRING, fn_js, false, false },
	{ "urlquery", "a*", TYPE_ANY, fn_urlquery, false, false },
	{ "call", "aa*", TYPE_ANY, fn_call, false, false },
	{ "eq", "aaa*", TYPE_BOOL, fn_eq, false, false },
	{ "ne", "aa", TYPE_BOOL, fn_ne, false, false },
	{ "lt", "aa", TYPE_BOOL, fn_lt, false, false },
	{ "le", "aa", TYPE_BOOL, fn_le, false, false },
	{ "gt", "aa", TYPE_BOOL, fn_gt, false, false },
	{ "ge", "aa", TYPE_BOOL, fn_ge, false, false },
	{ .name = NULL },
};

/* ---- lookup ----------------------------------------------------------------- */

static const struct func *
find_in(const struct func *table, struct str name)
{
	for (; table->name != NULL; table++) {
		if (str_is(name, table->name))
			return table;
	}
	return NULL;
}

const struct func *
func_find(struct str name, enum template_scope scope)
{
	const struct func *own =
	    scope == TEMPLATE_RULE ? funcs_rule : funcs_notification;
	const struct func *f = find_in(own, name);

	if (f == NULL && scope == TEMPLATE_RULE)
		f = find_in(funcs_query, name);
	if (f == NULL)
		f = find_in(funcs_both, name);
	return f != NULL ? f : find_in(funcs_go, name);
}

int
func_unknown(struct str name, enum template_scope scope, uint32_t at,
    struct err *err)
{
	const struct func *const tables[] = { funcs_go, funcs_both,
		scope == TEMPLATE_RULE ? funcs_rule : funcs_notification,
		funcs_query };
	const size_t n_tables = scope == TEMPLATE_RULE ? 4 : 3;
	const char *best = NULL;
	uint32_t least = name.n > 3 ? 3 : 1; /* nothing is near a short one */

	for (size_t i = 0; i < n_tables; i++) {
		for (const struct func *f = tables[i]; f->name != NULL; f++) {
			uint32_t d =
			    str_distance(name, str_from(f->name), 3);

			if (d < least) {
				least = d;
				best = f->name;
			}
		}
	}
	return err_set_at(err, ERR_INVALID, at,
	    "function \"%.*s\" is not defined%s%s%s",
	    STR_ARG(str_head(name, SHOWN)),
	    best != NULL ? " (did you mean " : "", best != NULL ? best : "",
	    best != NULL ? "?)" : "");
}
