/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be known of a template before it runs: fields of known types,
 * numbers of arguments, names of templates, and whether $value matters.
 *
 * A body is checked once for each type its dot may have; a type that only the
 * run can tell is TYPE_ANY, of which nothing is demanded.
 */
#include "config.h"

#include <stdio.h>

#include "template/func.h"

#define SHOWN 60

struct work { /* a body still to be checked */
	struct tree *tree;
	enum type dot;
	uint32_t call_at; /* in the main text */
	struct work *next;
};

struct frame {
	struct check *check;
	struct work *work, **tail;
	const struct work *current;
	const struct tree *tree;
	bool is_main;
	uint8_t vars[TEMPLATE_SLOTS_MAX]; /* enum type */
};

static int check_pipe(struct frame *f, const struct pipe *pipe,
    enum type dot, enum type *ret);
static int check_list(struct frame *f, const struct node *n, enum type dot);

static int
fail(struct frame *f, uint32_t at, const char *what, struct str name,
    const char *after)
{
	return err_set_at(f->check->err, ERR_INVALID, at, "%s \"%.*s\" %s",
	    what, STR_ARG(str_head(name, SHOWN)), after);
}

/* The least and, unless the last repeats, the most. */
static void
count_params(const char *params, uint32_t *ret_min, uint32_t *ret_max)
{
	uint32_t n = (uint32_t)strlen(params);
	bool repeats = n > 0 && params[n - 1] == '*';

	*ret_min = repeats ? n - 2 : n;
	*ret_max = repeats ? UINT32_MAX : n;
}

bool
func_takes(const char *params, uint32_t n)
{
	uint32_t min, max;

	count_params(params, &min, &max);
	return n >= min && n <= max;
}

static int
check_count(struct frame *f, uint32_t at, const char *name,
    const char *params, uint32_t n)
{
	uint32_t min, max;

	count_params(params, &min, &max);
	if (n >= min && n <= max)
		return 0;
	return err_set_at(f->check->err, ERR_INVALID, at,
	    "%s takes %s%u argument%s, not %u", name,
	    max == UINT32_MAX ? "at least " : "", min, min == 1 ? "" : "s", n);
}

/* ---- operands --------------------------------------------------------------- */

static int
unknown_field(struct frame *f, const struct field *field, enum type type)
{
	const char *best = member_nearest(type, field->name);
	char near[SHOWN] = "";

	if (best != NULL)
		snprintf(near, sizeof(near), " (did you mean .%s?)", best);
	return err_set_at(f->check->err, ERR_INVALID, field->at,
	    "unknown field \".%.*s\" of %s%s",
	    STR_ARG(str_head(field->name, SHOWN)),
	    type == TYPE_DATA || type == TYPE_RULE_DATA
		? "the data" : type_name(type), near);
}

/* n_args: of the last field only. */
static int
check_field(struct frame *f, const struct field *field, uint32_t n_args,
    enum type *type)
{
	const struct member *m = member_find(*type, field->name);
	char name[SHOWN + 2];

	if (*type == TYPE_ANY)
		return 0;
	if (m == NULL && type_is_map(*type) && n_args == 0) {
		*type = type_item(*type);
		return 0;
	}
	if (m == NULL && !type_is_map(*type))
		return unknown_field(f, field, *type);
	snprintf(name, sizeof(name), ".%.*s",
	    STR_ARG(str_head(field->name, SHOWN)));
	/* Prometheus finds this out when the alert fires: such files load. */
	if (m == NULL && n_args > 0 && f->check->scope == TEMPLATE_RULE) {
		*type = TYPE_ANY;
		return 0;
	}
	if (m == NULL || m->params == NULL) {
		if (n_args > 0)
			return fail(f, field->at, "the field", field->name,
			    "takes no arguments");
	} else if (check_count(f, field->at, name, m->params, n_args) < 0) {
		return -ERR_INVALID;
	}
	if (m != NULL && *type == TYPE_RULE_DATA &&
	    str_is(field->name, "Value"))
		f->check->uses_value = true;
	if (m != NULL && m->result == TYPE_EXPLAIN)
		f->check->uses_value = f->check->explains = true;
	*type = m != NULL ? m->result : TYPE_ANY;
	return 0;
}

static int
check_base(struct frame *f, const struct operand *o, enum type dot,
    uint32_t n_args, enum type *ret)
{
	switch (o->kind) {
	case OPERAND_DOT:
		*ret = dot;
		return 0;
	case OPERAND_NIL:
		*ret = TYPE_ANY;
		return 0;
	case OPERAND_BOOL:
		*ret = TYPE_BOOL;
		return 0;
	case OPERAND_INT:
		*ret = TYPE_INT;
		return 0;
	case OPERAND_FLOAT:
		*ret = TYPE_FLOAT;
		return 0;
	case OPERAND_STRING:
		*ret = TYPE_STRING;
		return 0;
	case OPERAND_VAR:
		if (f->is_main && f->check->scope == TEMPLATE_RULE) {
			f->check->uses_value |=
			    o->slot == SLOT_VALUE || o->slot == SLOT_EXPLAIN;
			f->check->explains |= o->slot == SLOT_EXPLAIN;
		}
		*ret = (f->tree->assigned >> o->slot & 1) != 0 ? TYPE_ANY
						  : f->vars[o->slot];
		return 0;
	case OPERAND_FUNC:
		*ret = o->func->result;
		f->check->uses_value |= o->func->unsteady;
		f->check->asks |= o->func == &funcs_query[0];
		return check_count(f, o->at, o->func->name, o->func->params,
		    o->n_fields > 0 ? 0 : n_args);
	case OPERAND_PIPE:
		return check_pipe(f, o->pipe, dot, ret);
	}
	return 0;
}

static int
check_operand(struct frame *f, const struct operand *o, enum type dot,
    uint32_t n_args, enum type *ret)
{
	int rc = check_base(f, o, dot, n_args, ret);

	for (uint32_t i = 0; i < o->n_fields && rc == 0; i++)
		rc = check_field(f, &o->fields[i],
		    i + 1 == o->n_fields ? n_args : 0, ret);
	/* The data as a whole has the value in it. */
	if (rc == 0 && *ret == TYPE_RULE_DATA)
		f->check->uses_value = true;
	return rc;
}

static int
check_command(struct frame *f, const struct command *c, enum type dot,
    bool piped, enum type *ret)
{
	const struct operand *first = &c->args[0];
	uint32_t n = c->n - 1 + (piped ? 1 : 0);
	int rc = 0;

	for (uint32_t i = 1; i < c->n && rc == 0; i++) {
		enum type type;

		rc = check_operand(f, &c->args[i], dot, 0, &type);
	}
	if (rc < 0)
		return rc;
	if (first->kind == OPERAND_NIL)
		return err_set_at(f->check->err, ERR_INVALID, first->at,
		    "nil is not a command");
	if (n > 0 && first->n_fields == 0 && first->kind != OPERAND_FUNC)
		return err_set_at(f->check->err, ERR_INVALID, first->at,
		    "\"%.*s\" is not a function: it takes no arguments",
		    STR_ARG(str_head(str_make(f->tree->text.p + first->at,
			first->end - first->at), SHOWN)));
	return check_operand(f, first, dot, n, ret);
}

static int
check_pipe(struct frame *f, const struct pipe *pipe, enum type dot,
    enum type *ret)
{
	int rc = 0;

	*ret = TYPE_ANY;
	for (uint32_t i = 0; i < pipe->n && rc == 0; i++)
		rc = check_command(f, &pipe->commands[i], dot, i > 0, ret);
	return rc;
}

/* ---- blocks ----------------------------------------------------------------- */

static void
add_work(struct frame *f, struct tree *tree, enum type dot, uint32_t at)
{
	struct work *work;

	if ((tree->checked & 1ull << dot) != 0 &&
	    tree->check_id == f->current->tree->check_id)
		return;
	if (tree->check_id != f->current->tree->check_id)
		tree->checked = 0;
	tree->check_id = f->current->tree->check_id;
	tree->checked |= 1ull << dot;
	work = ARENA_NEW(f->check->arena, struct work);
	*work = (struct work){ tree, dot,
		f->is_main ? at : f->current->call_at, NULL };
	*f->tail = work;
	f->tail = &work->next;
}

/* Passing the data on as it is does not use the value yet. */
static bool
passes_dot(const struct pipe *pipe)
{
	const struct operand *o = &pipe->commands[0].args[0];

	return pipe->n == 1 && pipe->commands[0].n == 1 && o->n_fields == 0 &&
	    (o->kind == OPERAND_DOT || o->kind == OPERAND_VAR);
}

static int
check_template(struct frame *f, const struct node *n, enum type dot)
{
	struct tree *tree = tree_find(f->check->own, n->text);
	enum type type = TYPE_ANY;
	int rc = 0;

	if (n->pipe != NULL) {
		bool used = f->check->uses_value;

		rc = check_pipe(f, n->pipe, dot, &type);
		if (rc == 0 && type == TYPE_RULE_DATA && passes_dot(n->pipe))
			f->check->uses_value = used;
		if (n->pipe->n_slots > 0)
			f->vars[n->pipe->slots[0]] = (uint8_t)type;
	}
	if (rc < 0)
		return rc;
	if (tree == NULL)
		tree = tree_find(f->check->set, n->text);
	if (tree == NULL)
		return fail(f, n->at, "template", n->text, "is not defined");
	add_work(f, tree, type, n->at);
	return 0;
}

static int
check_range(struct frame *f, const struct node *n, enum type dot)
{
	const struct pipe *pipe = n->pipe;
	enum type type, item = TYPE_ANY, key = TYPE_INT;
	int rc = check_pipe(f, pipe, dot, &type);

	if (rc < 0)
		return rc;
	if (type_is_list(type) || type_is_map(type))
		item = type_item(type);
	if (type == TYPE_INT)
		item = TYPE_INT;
	if (type_is_map(type))
		key = TYPE_STRING;
	if (type == TYPE_ANY)
		key = TYPE_ANY;
	if (pipe->n_slots > 0)
		f->vars[pipe->slots[pipe->n_slots - 1]] = (uint8_t)item;
	if (pipe->n_slots > 1)
		f->vars[pipe->slots[0]] = (uint8_t)key;
	rc = check_list(f, n->body, item);
	return rc == 0 ? check_list(f, n->other, dot) : rc;
}

static int
check_node(struct frame *f, const struct node *n, enum type dot)
{
	enum type type;
	int rc;

	switch (n->kind) {
	case NODE_TEXT:
	case NODE_BREAK:
	case NODE_CONTINUE:
		return 0;
	case NODE_RANGE:
		return check_range(f, n, dot);
	case NODE_TEMPLATE:
		return check_template(f, n, dot);
	case NODE_ACTION:
	case NODE_IF:
	case NODE_WITH:
		break;
	}
	rc = check_pipe(f, n->pipe, dot, &type);
	if (rc < 0)
		return rc;
	if (n->pipe->n_slots > 0)
		f->vars[n->pipe->slots[0]] = (uint8_t)type;
	rc = check_list(f, n->body, n->kind == NODE_WITH ? type : dot);
	return rc == 0 ? check_list(f, n->other, dot) : rc;
}

static int
check_list(struct frame *f, const struct node *n, enum type dot)
{
	int rc = 0;

	for (; n != NULL && rc == 0; n = n->next)
		rc = check_node(f, n, dot);
	return rc;
}

/* ---- all of it -------------------------------------------------------------- */

static uint32_t
line_of(struct str text, uint32_t at)
{
	uint32_t line = 1;

	for (uint32_t i = 0; i < at && i < text.n; i++)
		line += text.p[i] == '\n';
	return line;
}

/* The offset is wanted in the main text. */
static int
place_error(struct frame *f)
{
	struct check *c = f->check;
	const struct tree *tree = f->tree;

	c->bad_file = tree->file;
	if (c->err == NULL || c->main == NULL ||
	    tree->text.p == c->main->text.p)
		return -ERR_INVALID;
	err_wrap(c->err, "template \"%.*s\", line %u of %.*s",
	    STR_ARG(str_head(tree->name, SHOWN)),
	    line_of(tree->text, c->err->at),
	    STR_ARG(str_head(tree->file, SHOWN)));
	c->err->at = f->current->call_at;
	return -ERR_INVALID;
}

int
check_run(struct check *check)
{
	static uint64_t check_id;
	enum type data = check->scope == TEMPLATE_RULE ? TYPE_RULE_DATA
						       : TYPE_DATA;
	struct frame f = { .check = check };
	struct tree seed = { .check_id = ++check_id };
	struct work start = { &seed, TYPE_ANY, ERR_NOWHERE, NULL };

	f.tail = &f.work;
	f.current = &start;
	if (check->main != NULL) {
		add_work(&f, check->main, data, 0);
	} else {
		for (struct tree *t = check->set->first; t != NULL; t = t->next)
			add_work(&f, t, TYPE_ANY, 0);
	}
	for (const struct work *w = f.work; w != NULL; w = w->next) {
		f.current = w;
		check->calls_own |= w->tree != check->main && !w->tree->stock;
		f.tree = w->tree;
		f.is_main = w->tree == check->main;
		f.vars[SLOT_ROOT] = (uint8_t)w->dot;
		if (f.is_main && check->scope == TEMPLATE_RULE) {
			f.vars[SLOT_LABELS] = TYPE_LABELS;
			f.vars[SLOT_EXTERNAL_LABELS] = TYPE_LABELS;
			f.vars[SLOT_EXTERNAL_URL] = TYPE_STRING;
			f.vars[SLOT_VALUE] = TYPE_FLOAT;
			f.vars[SLOT_EXPLAIN] = TYPE_EXPLAIN;
		}
		if (check_list(&f, w->tree->first, w->dot) < 0)
			return place_error(&f);
	}
	return 0;
}
