/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The templates' front door: parse and check, then run.
 */
#include "config.h"

#include "template/template.h"

#include "template/func.h"
#include "template/plain.h"

struct template {
	struct tree main;
	struct tree_list own; /* {{define}}d in the text */
	const struct template_set *set;
	enum template_scope scope;
	struct plain plain;
	bool is_plain; /* in a rule there is no tree then */
	bool constant, uses_value, asks, explains, stock;
};

struct template_set {
	struct arena *arena;
	struct tree_list list;
};

/* ---- parsing ------------------------------------------------------------------ */

static struct template *
parse(struct arena *arena, struct str text, enum template_scope scope,
    const struct template_set *set, struct err *err)
{
	struct template *t = ARENA_NEW(arena, struct template);
	struct check check = {
		.arena = arena,
		.main = &t->main,
		.own = &t->own,
		.set = set != NULL ? &set->list : NULL,
		.scope = scope,
		.err = err,
	};

	t->scope = scope;
	t->set = set;
	t->main.text = arena_str(arena, text);
	t->is_plain = plain_parse(arena, t->main.text, scope, &t->plain);
	if (t->is_plain) {
		t->constant = t->plain.constant;
		t->uses_value = t->plain.uses_value;
	}
	/* In a page the place of a value matters: a notification needs both. */
	if (t->is_plain && scope == TEMPLATE_RULE)
		return t;
	if (tree_parse(arena, &t->main, scope, &t->own, err) < 0 ||
	    check_run(&check) < 0)
		return NULL;
	t->uses_value = check.uses_value;
	t->asks = check.asks;
	t->explains = check.explains;
	t->stock = !check.calls_own;
	t->constant = true;
	for (const struct node *n = t->main.first; n != NULL; n = n->next)
		t->constant = t->constant && n->kind == NODE_TEXT;
	return t;
}

struct template *
template_parse(struct arena *arena, struct str text,
    enum template_scope scope, struct err *err)
{
	return parse(arena, text, scope, NULL, err);
}

struct template *
template_parse_with(struct arena *arena, struct str text,
    const struct template_set *set, struct err *err)
{
	return parse(arena, text, TEMPLATE_NOTIFICATION, set, err);
}

struct template_set *
template_set_new(struct arena *arena)
{
	struct template_set *set = ARENA_NEW(arena, struct template_set);

	set->arena = arena;
	return set;
}

int
template_set_add(struct template_set *set, struct str file, struct str text,
    struct err *err)
{
	struct tree *tree = ARENA_NEW(set->arena, struct tree);

	/* What stands outside of {{define}} goes nowhere, but must be right. */
	tree->file = arena_str(set->arena, file);
	tree->text = arena_str(set->arena, text);
	return tree_parse(
	    set->arena, tree, TEMPLATE_NOTIFICATION, &set->list, err);
}

int
template_set_check(const struct template_set *set, struct str *ret_file,
    struct err *err)
{
	struct check check = {
		.arena = set->arena,
		.set = &set->list,
		.scope = TEMPLATE_NOTIFICATION,
		.err = err,
	};
	int rc = check_run(&check);

	if (rc < 0 && ret_file != NULL)
		*ret_file = check.bad_file;
	return rc;
}

void
template_set_seal(struct template_set *set)
{
	for (struct tree *t = set->list.first; t != NULL; t = t->next)
		t->stock = true;
}

bool
template_set_is_stock(const struct template_set *set)
{
	const struct tree *t = set->list.first;

	while (t != NULL && t->stock)
		t = t->next;
	return t == NULL;
}

bool
template_set_has(const struct template_set *set, struct str name)
{
	return tree_find(&set->list, name) != NULL;
}

/* ---- use ---------------------------------------------------------------------- */

bool
template_is_constant(const struct template *t)
{
	return t->constant;
}

bool
template_uses_value(const struct template *t)
{
	return t->uses_value;
}

bool
template_explains(const struct template *t)
{
	return t->explains;
}

bool
template_asks(const struct template *t)
{
	return t->asks;
}

bool
template_is_stock(const struct template *t)
{
	return t->stock;
}

struct str
template_text(const struct template *t)
{
	return t->main.text;
}

const struct tree *
template_tree(const struct template *t, struct str name)
{
	const struct tree *tree = tree_find(&t->own, name);

	return tree == NULL && t->set != NULL ? tree_find(&t->set->list, name)
					      : tree;
}

/* An error of another text than the main one has no offset in it. */
static void
name_place(const struct exec *x, struct err *err)
{
	if (x->tree == NULL || x->tree == &x->t->main || err == NULL)
		return;
	err_wrap(err, "in template \"%.*s\"",
	    STR_ARG(str_head(x->tree->name, 60)));
	if (x->tree->text.p != x->t->main.text.p)
		err->at = ERR_NOWHERE;
}

static int
walk(const struct template *t, const struct template_data *data,
    struct buf *out, struct err *err)
{
	struct value dot = { .type = t->scope == TEMPLATE_RULE
		? TYPE_RULE_DATA : TYPE_DATA };
	struct exec x = {
		.t = t,
		.data = data,
		.out = out,
		.err = err,
		.budget = TEMPLATE_WORK_MAX,
		.left = TEMPLATE_OUTPUT_MAX,
	};
	size_t before = out->n;
	int rc;

	x.arena = arena_new(0);
	if (data->html && t->scope == TEMPLATE_NOTIFICATION)
		x.html = html_new(x.arena);
	rc = exec_tree(&x, &t->main, &dot);
	if (rc < 0) {
		name_place(&x, err);
		out->n = before;
		if (out->p != NULL && out->cap > 0)
			out->p[before] = '\0';
	}
	arena_free(x.arena);
	return rc < 0 ? rc : 0;
}

static bool
is_plain_here(const struct template *t, const struct template_data *data)
{
	return t->is_plain && (!data->html || t->scope == TEMPLATE_RULE);
}

int
template_execute(const struct template *t, const struct template_data *data,
    struct buf *out, struct err *err)
{
	if (!is_plain_here(t, data))
		return walk(t, data, out, err);
	plain_expand(&t->plain, data, out);
	return 0;
}

static void
put_error(const struct template *t, const struct err *err, struct buf *out)
{
	struct str text = t->main.text;
	uint32_t line = 1, column = 1;

	buf_puts(out, "<error expanding template: ");
	for (uint32_t i = 0; err->at != ERR_NOWHERE && i < err->at &&
	     i < text.n; i++) {
		column = text.p[i] == '\n' ? 1 : column + 1;
		line += text.p[i] == '\n';
	}
	if (err->at != ERR_NOWHERE)
		buf_printf(out, "%u:%u: ", line, column);
	buf_printf(out, "%s>", err->text);
}

static void
expand_tree(const struct template *t, const struct template_data *data,
    struct buf *out)
{
	struct err err = { .at = ERR_NOWHERE };

	if (walk(t, data, out, &err) < 0)
		put_error(t, &err, out);
}

void
template_expand(const struct template *t, const struct template_data *data,
    struct buf *out)
{
	if (is_plain_here(t, data))
		plain_expand(&t->plain, data, out);
	else
		expand_tree(t, data, out);
}
