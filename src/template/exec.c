/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a parse tree over data, by the rules of Go's text/template with
 * missingkey=zero.
 *
 * Every step is charged against a budget, so that no template, however it
 * loops or recurses, holds the caller up; results live in a scratch arena that
 * the same budget bounds.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "template/func.h"

#define DEPTH_MAX 1000u /* blocks, pipelines and calls within one another */
#define LOCAL_ARGS 4

enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE, FLOW_FULL }; /* or negative: failed */

static int eval_pipe(struct exec *x, const struct pipe *pipe,
    const struct value *dot, struct value *ret);
static int walk_list(struct exec *x, const struct node *n, const struct value *dot);

int
exec_charge(struct exec *x, size_t n)
{
	if (n > x->budget) {
		x->budget = 0;
		return err_set_at(x->err, ERR_LIMIT, x->at,
		    "the template takes too much work");
	}
	x->budget -= (uint32_t)n;
	return 0;
}

int
exec_fail(struct exec *x, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set_at(x->err, ERR_INVALID, x->at, "%s", text);
}

int
exec_take(struct exec *x, struct buf *buf, struct value *ret)
{
	int rc = exec_charge(x, 1 + buf->n / 16);

	if (rc == 0 && buf->overflow)
		rc = exec_fail(x, "the result is longer than %u bytes",
		    TEMPLATE_OUTPUT_MAX);
	if (rc == 0)
		*ret = VALUE_STR(arena_str(x->arena, buf_str(buf)));
	buf_fini(buf);
	return rc;
}

static int
enter(struct exec *x)
{
	if (x->depth >= DEPTH_MAX)
		return err_set_at(x->err, ERR_LIMIT, x->at,
		    "the template is nested too deeply");
	x->depth++;
	return exec_charge(x, 1);
}

/* ---- calls ------------------------------------------------------------------ */

static char
param_at(const char *params, uint32_t i)
{
	size_t n = strlen(params);

	if (n > 0 && params[n - 1] == '*' && i + 2 >= n)
		return params[n - 2];
	return i < n ? params[i] : 'a';
}

/* Constants become what is wanted; anything else must be it already. */
static int
check_arg(struct exec *x, char param, const struct value *v)
{
	static const struct { char param; const char *text; } wants[] = {
		{ 's', "string" }, { 'i', "int" }, { 'f', "float64" },
		{ 'L', "[]string" }, { 'T', "time.Time" },
		{ 'l', "[]interface {}" }, { 'D', "time.Duration" },
		{ 'S', "*template.sample" }, { 'Q', "template.queryResult" },
	};
	const char *want = "";
	bool good = true;

	switch (param) {
	case 's': good = v->type == TYPE_STRING; break;
	case 'i': good = value_is_int(v) && v->type != TYPE_DURATION; break;
	case 'f': good = v->type == TYPE_FLOAT; break;
	case 'L': good = v->type == TYPE_STRINGS; break;
	case 'T': good = v->type == TYPE_TIME; break;
	case 'D': good = v->type == TYPE_DURATION || v->type == TYPE_INT; break;
	case 'l': good = v->type == TYPE_LIST; break;
	case 'S': good = v->type == TYPE_SAMPLE; break;
	case 'Q': good = v->type == TYPE_SAMPLES; break;
	default: break;
	}
	if (good)
		return 0;
	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		if (wants[i].param == param)
			want = wants[i].text;
	}
	if (v->type == TYPE_NONE)
		return exec_fail(x, "invalid value; expected %s", want);
	return exec_fail(x, "wrong type for value; expected %s; got %s", want,
	    type_name(v->type));
}

/* args[0..skip) are not the caller's: the receiver of a method. */
int
exec_call(struct exec *x, const char *name, const char *params,
    func_call *call, const struct value *args, uint32_t n, uint32_t skip,
    struct value *ret)
{
	struct err inner = { .at = ERR_NOWHERE };
	struct err *outer = x->err;
	uint32_t at = x->at;
	int rc = exec_charge(x, 1);

	for (uint32_t i = skip; i < n && rc == 0; i++)
		rc = check_arg(x, param_at(params, i - skip), &args[i]);
	if (rc < 0)
		return rc;
	x->err = &inner;
	rc = call(x, args, n, ret);
	x->err = outer;
	if (rc < 0)
		return err_set_at(outer, inner.code, at,
		    "error calling %s: %s", name, inner.text);
	return 0;
}

/* ---- fields ----------------------------------------------------------------- */

static int
eval_field(struct exec *x, const struct field *field, struct value *v,
    struct value *args, uint32_t n)
{
	const struct member *m = member_find(v->type, field->name);
	struct value receiver = *v;

	x->at = field->at;
	if (v->type == TYPE_NONE)
		return exec_charge(x, 1);
	if (n > 1 && (m == NULL || m->params == NULL))
		return exec_fail(x, "%.*s is not a method but has arguments",
		    STR_ARG(str_head(field->name, 60)));
	if (m != NULL && !func_takes(m->params != NULL ? m->params : "", n - 1))
		return exec_fail(x, "wrong number of args for %s", m->name);
	if (m != NULL) {
		args[0] = receiver;
		return exec_call(x, m->name, m->params != NULL ? m->params : "",
		    m->get, args, n, 1, v);
	}
	if (!type_is_map(v->type))
		return exec_fail(x, "can't evaluate field %.*s in type %s",
		    STR_ARG(str_head(field->name, 60)), type_name(v->type));
	*v = value_map_get(&receiver, field->name);
	return exec_charge(x, 1);
}

/* The fields behind an operand; the last one takes the arguments. */
static int
eval_fields(struct exec *x, const struct operand *o, struct value *v,
    struct value *args, uint32_t n)
{
	struct value none[1];
	int rc = 0;

	for (uint32_t i = 0; i < o->n_fields && rc == 0; i++) {
		bool last = i + 1 == o->n_fields && args != NULL;

		rc = eval_field(x, &o->fields[i], v, last ? args : none,
		    last ? n : 1);
	}
	return rc;
}

/* ---- operands --------------------------------------------------------------- */

static struct value
number_as(const struct operand *o, char want)
{
	if (want == 'f' || (want != 'i' && o->kind == OPERAND_FLOAT))
		return VALUE_F(o->f);
	if (want == 'i' && !o->is_int)
		return VALUE_F(o->f);
	return VALUE_I(o->i);
}

static int
eval_base(struct exec *x, const struct operand *o, const struct value *dot,
    char want, struct value *ret)
{
	x->at = o->at;
	switch (o->kind) {
	case OPERAND_DOT:
		*ret = *dot;
		return 0;
	case OPERAND_NIL:
		*ret = (struct value){ .type = TYPE_NONE };
		return 0;
	case OPERAND_BOOL:
		*ret = VALUE_B(o->i);
		return 0;
	case OPERAND_INT:
	case OPERAND_FLOAT:
		*ret = number_as(o, want);
		return 0;
	case OPERAND_STRING:
		*ret = VALUE_STR(o->text);
		return 0;
	case OPERAND_VAR:
		*ret = x->vars[o->slot];
		return 0;
	case OPERAND_FUNC:
		return exec_call(x, o->func->name, o->func->params,
		    o->func->call, NULL, 0, 0, ret);
	case OPERAND_PIPE:
		return eval_pipe(x, o->pipe, dot, ret);
	}
	return 0;
}

static int
eval_operand(struct exec *x, const struct operand *o, const struct value *dot,
    char want, struct value *ret)
{
	int rc = eval_base(x, o, dot, want, ret);

	return rc == 0 ? eval_fields(x, o, ret, NULL, 0) : rc;
}

/* {{and}} and {{or}} look no further than they must. */
static int
eval_logic(struct exec *x, const struct command *c, const struct value *dot,
    const struct value *final, bool stop_at, struct value *ret)
{
	for (uint32_t i = 1; i < c->n; i++) {
		int rc = eval_operand(x, &c->args[i], dot, 'a', ret);

		if (rc < 0 || value_truth(ret) == stop_at)
			return rc;
	}
	if (final != NULL)
		*ret = *final;
	return exec_charge(x, 1);
}

/*
 * A compiled pattern travels beside its argument.  Where a method wants a
 * number, it wants a whole one: 28800e9 is one to Go, too.
 */
static int
eval_call(struct exec *x, const struct command *c, const struct value *dot,
    const struct value *final, struct value *args, struct value *ret)
{
	const struct operand *first = &c->args[0];
	bool direct = first->n_fields == 0;
	const struct func *f =
	    direct && first->kind == OPERAND_FUNC ? first->func : NULL;
	uint32_t n = f != NULL ? 0 : 1; /* room for the receiver */
	int rc = 0;

	for (uint32_t i = 1; i < c->n && rc == 0; i++, n++)
		rc = eval_operand(x, &c->args[i], dot, f != NULL
			? param_at(f->params, n) : 'i', &args[n]);
	if (rc < 0)
		return rc;
	if (final != NULL)
		args[n++] = *final;
	x->at = first->at;
	if (f != NULL) {
		x->regex = c->n > 1 ? c->args[1].regex : NULL;
		return exec_call(x, f->name, f->params, f->call, args, n, 0,
		    ret);
	}
	rc = eval_base(x, first, dot, 'a', ret);
	return rc == 0 ? eval_fields(x, first, ret, args, n) : rc;
}

static int
eval_command(struct exec *x, const struct command *c, const struct value *dot,
    const struct value *final, struct value *ret)
{
	const struct operand *first = &c->args[0];
	uint32_t n = c->n + 1;
	struct value local[LOCAL_ARGS];

	if (n <= 2 && final == NULL && first->kind != OPERAND_FUNC)
		return eval_operand(x, first, dot, 'a', ret);
	if (first->kind == OPERAND_FUNC && first->n_fields == 0 &&
	    first->func->call == NULL)
		return eval_logic(x, c, dot, final,
		    strcmp(first->func->name, "or") == 0, ret);
	if (n <= LOCAL_ARGS)
		return eval_call(x, c, dot, final, local, ret);
	if (exec_charge(x, n * 2) < 0)
		return -ERR_LIMIT;
	return eval_call(x, c, dot, final,
	    ARENA_ARRAY(x->arena, n, struct value), ret);
}

static int
eval_pipe(struct exec *x, const struct pipe *pipe, const struct value *dot,
    struct value *ret)
{
	struct value v = { .type = TYPE_NONE };
	int rc = enter(x);

	for (uint32_t i = 0; i < pipe->n && rc == 0; i++) {
		struct value final = v;

		x->at = pipe->commands[i].at;
		rc = eval_command(x, &pipe->commands[i], dot,
		    i > 0 ? &final : NULL, &v);
	}
	x->depth--;
	if (rc == 0)
		*ret = v;
	return rc;
}

/* ---- blocks ----------------------------------------------------------------- */

static int
emit(struct exec *x, struct str s)
{
	bool full = s.n > x->left;

	if (full)
		s = str_head(s, x->left);
	if (s.n > 0)
		buf_put_str(x->out, s);
	x->left -= s.n;
	return full ? FLOW_FULL : FLOW_NEXT;
}

static int
emit_buf(struct exec *x, struct buf *buf)
{
	int rc = exec_charge(x, buf->n / 16);

	if (rc == 0)
		rc = emit(x, buf_str(buf));
	buf_fini(buf);
	return rc;
}

static int
walk_text(struct exec *x, struct str text)
{
	struct buf buf = { 0 };

	if (x->html == NULL)
		return emit(x, text);
	html_literal(x->html, text, &buf);
	return emit_buf(x, &buf);
}

static int
walk_action(struct exec *x, const struct node *n, const struct value *dot)
{
	struct buf buf = { .max = TEMPLATE_OUTPUT_MAX };
	struct value v;
	int rc = eval_pipe(x, n->pipe, dot, &v);

	if (rc < 0)
		return rc;
	if (n->pipe->n_slots > 0) {
		x->vars[n->pipe->slots[0]] = v;
		return FLOW_NEXT;
	}
	x->at = n->pipe->at;
	if (x->html != NULL)
		html_value(x, x->html, &v, &buf);
	else if (v.type == TYPE_STRING)
		return emit(x, v.s);
	else if (v.type == TYPE_NONE)
		return emit(x, STR("<no value>"));
	else
		print_value(x, &buf, &v);
	return emit_buf(x, &buf);
}

static int
walk_if(struct exec *x, const struct node *n, const struct value *dot)
{
	struct value v;
	int rc = eval_pipe(x, n->pipe, dot, &v);

	if (rc < 0)
		return rc;
	if (n->pipe->n_slots > 0)
		x->vars[n->pipe->slots[0]] = v;
	if (value_truth(&v))
		return walk_list(x, n->body, n->kind == NODE_WITH ? &v : dot);
	return walk_list(x, n->other, dot);
}

/* One turn of a range; anything but FLOW_NEXT ends it. */
static int
walk_turn(struct exec *x, const struct node *n, const struct value *key,
    const struct value *item)
{
	const struct pipe *pipe = n->pipe;
	int rc = exec_charge(x, 1);

	if (pipe->n_slots == 2) {
		x->vars[pipe->slots[0]] = *key;
		x->vars[pipe->slots[1]] = *item;
	} else if (pipe->n_slots == 1) {
		x->vars[pipe->slots[0]] = *item;
	}
	if (rc == 0)
		rc = walk_list(x, n->body, item);
	return rc == FLOW_CONTINUE ? FLOW_NEXT : rc;
}

static int
walk_map(struct exec *x, const struct node *n, const struct value *v,
    uint32_t *ret_turns)
{
	int rc = value_map_sort(x, v->map);

	for (uint32_t i = 0; i < v->map->n && rc == 0; i++) {
		struct value key = VALUE_STR(v->map->entries[i].key);

		++*ret_turns;
		rc = walk_turn(x, n, &key, v->map->entries[i].value);
	}
	return rc;
}

static int
walk_range(struct exec *x, const struct node *n, const struct value *dot)
{
	uint32_t turns = 0;
	struct value v;
	int rc = eval_pipe(x, n->pipe, dot, &v);

	if (rc < 0)
		return rc;
	x->at = n->pipe->at;
	if (type_is_map(v.type)) {
		rc = walk_map(x, n, &v, &turns);
	} else if (type_is_list(v.type)) {
		for (; turns < v.list.n && rc == 0; turns++) {
			struct value key = VALUE_I(turns);
			struct value item = value_item(&v, turns);

			rc = walk_turn(x, n, &key, &item);
		}
	} else if (v.type == TYPE_INT || v.type == TYPE_INT64) {
		for (; (int64_t)turns < v.i && rc == 0; turns++) {
			struct value key = VALUE_I(turns);

			rc = walk_turn(x, n, &key, &key);
		}
	} else if (v.type != TYPE_NONE) {
		return exec_fail(x, "range can't iterate over a %s",
		    type_name(v.type));
	}
	if (rc == FLOW_BREAK)
		rc = FLOW_NEXT;
	return turns == 0 && rc == FLOW_NEXT ? walk_list(x, n->other, dot)
					     : rc;
}

static int
walk_template(struct exec *x, const struct node *n, const struct value *dot)
{
	const struct tree *tree = template_tree(x->t, n->text);
	struct value v = { .type = TYPE_NONE };
	uint32_t at = n->at;
	int rc = 0;

	if (n->pipe != NULL)
		rc = eval_pipe(x, n->pipe, dot, &v);
	if (rc < 0)
		return rc;
	if (n->pipe != NULL && n->pipe->n_slots > 0)
		x->vars[n->pipe->slots[0]] = v;
	x->at = at;
	if (tree == NULL)
		return exec_fail(x, "template \"%.*s\" is not defined",
		    STR_ARG(str_head(n->text, 60)));
	if (x->calls >= TEMPLATE_CALL_DEPTH_MAX)
		return err_set_at(x->err, ERR_LIMIT, at,
		    "templates call one another too deeply");
	x->calls++;
	rc = exec_tree(x, tree, &v);
	x->calls--;
	return rc;
}

static int
walk_node(struct exec *x, const struct node *n, const struct value *dot)
{
	switch (n->kind) {
	case NODE_TEXT:
		return walk_text(x, n->text);
	case NODE_ACTION:
		return walk_action(x, n, dot);
	case NODE_IF:
	case NODE_WITH:
		return walk_if(x, n, dot);
	case NODE_RANGE:
		return walk_range(x, n, dot);
	case NODE_TEMPLATE:
		return walk_template(x, n, dot);
	case NODE_BREAK:
		return FLOW_BREAK;
	case NODE_CONTINUE:
		return FLOW_CONTINUE;
	}
	return FLOW_NEXT;
}

static int
walk_list(struct exec *x, const struct node *n, const struct value *dot)
{
	int rc = enter(x);

	for (; n != NULL && rc == 0; n = n->next) {
		x->at = n->at;
		rc = exec_charge(x, 1);
		if (rc == 0)
			rc = walk_node(x, n, dot);
	}
	x->depth--;
	return rc;
}

/* The names every rule text begins with. */
static void
fill_rule_slots(struct exec *x, const struct value *dot)
{
	x->vars[SLOT_LABELS] = value_field(x, dot, STR("Labels"));
	x->vars[SLOT_EXTERNAL_LABELS] =
	    value_field(x, dot, STR("ExternalLabels"));
	x->vars[SLOT_EXTERNAL_URL] = value_field(x, dot, STR("ExternalURL"));
	x->vars[SLOT_VALUE] = value_field(x, dot, STR("Value"));
	x->vars[SLOT_EXPLAIN] = value_field(x, dot, STR("Explain"));
}

/* Runs a body in a frame of its own. 0 or FLOW_FULL, or negative. */
int
exec_tree(struct exec *x, const struct tree *tree, const struct value *dot)
{
	const struct tree *caller = x->tree;
	struct value *vars = x->vars;
	int rc = exec_charge(x, tree->n_slots * 2);

	if (rc < 0)
		return rc;
	x->tree = tree;
	x->vars = ARENA_ARRAY(x->arena, tree->n_slots, struct value);
	x->vars[SLOT_ROOT] = *dot;
	if (caller == NULL && dot->type == TYPE_RULE_DATA)
		fill_rule_slots(x, dot);
	rc = walk_list(x, tree->first, dot);
	if (rc < 0)
		return rc; /* x->tree tells where */
	x->tree = caller;
	x->vars = vars;
	return rc;
}
