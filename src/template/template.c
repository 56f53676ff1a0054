/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The templates' front door: parse and check, then run.
 *
 * Most texts are literals and labels by name.  These are kept as a row of
 * pieces too, which needs no scratch memory and cannot fail.
 */
#include "config.h"

#include "template/template.h"

#include "template/func.h"
#include "template/go_float.h"

enum piece_kind {
	PIECE_LITERAL,
	PIECE_LABEL,
	PIECE_VALUE,
	PIECE_EXTERNAL_LABEL,
	PIECE_EXTERNAL_URL,
	PIECE_STATUS,
	PIECE_RECEIVER,
	PIECE_GROUP_LABEL,
	PIECE_COMMON_LABEL,
	PIECE_COMMON_ANNOTATION,
};

struct piece {
	enum piece_kind kind;
	struct str text; /* the literal, or the name of the label */
};

struct template {
	struct tree main;
	struct tree_list own; /* {{define}}d in the text */
	const struct template_set *set;
	enum template_scope scope;
	struct piece *pieces; /* NULL: the tree must be walked */
	uint32_t n_pieces;
	bool constant, uses_value;
};

struct template_set {
	struct arena *arena;
	struct tree_list list;
};

/* ---- pieces ------------------------------------------------------------------- */

static const struct root {
	const char *name;
	enum piece_kind kind;
	enum template_scope scope;
	uint32_t slot;
	bool is_map; /* .NAME must follow */
} roots[] = {
	{ "Labels", PIECE_LABEL, TEMPLATE_RULE, SLOT_LABELS, true },
	{ "ExternalLabels", PIECE_EXTERNAL_LABEL, TEMPLATE_RULE,
	    SLOT_EXTERNAL_LABELS, true },
	{ "ExternalURL", PIECE_EXTERNAL_URL, TEMPLATE_RULE, SLOT_EXTERNAL_URL,
	    false },
	{ "Value", PIECE_VALUE, TEMPLATE_RULE, SLOT_VALUE, false },
	{ "Status", PIECE_STATUS, TEMPLATE_NOTIFICATION, 0, false },
	{ "Receiver", PIECE_RECEIVER, TEMPLATE_NOTIFICATION, 0, false },
	{ "ExternalURL", PIECE_EXTERNAL_URL, TEMPLATE_NOTIFICATION, 0, false },
	{ "GroupLabels", PIECE_GROUP_LABEL, TEMPLATE_NOTIFICATION, 0, true },
	{ "CommonLabels", PIECE_COMMON_LABEL, TEMPLATE_NOTIFICATION, 0, true },
	{ "CommonAnnotations", PIECE_COMMON_ANNOTATION, TEMPLATE_NOTIFICATION,
	    0, true },
};

/* One operand of a known form: its piece. */
static bool
operand_piece(const struct template *t, const struct operand *o,
    struct piece *ret)
{
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		const struct root *root = &roots[i];
		uint32_t skip = o->kind == OPERAND_DOT ? 1 : 0;

		if (root->scope != t->scope ||
		    o->n_fields != skip + (root->is_map ? 1 : 0))
			continue;
		if (o->kind == OPERAND_DOT
			? !str_is(o->fields[0].name, root->name)
			: o->kind != OPERAND_VAR || root->slot == 0 ||
			    o->slot != root->slot || t->main.assigned[o->slot])
			continue;
		ret->kind = root->kind;
		if (!root->is_map)
			return true;
		ret->text = o->fields[skip].name;
		/* A method is no label. */
		return t->scope == TEMPLATE_RULE ||
		    member_find(TYPE_KV, ret->text) == NULL;
	}
	return false;
}

static bool
node_piece(const struct template *t, const struct node *n, struct piece *ret)
{
	const struct pipe *pipe = n->pipe;

	if (n->kind == NODE_TEXT) {
		*ret = (struct piece){ PIECE_LITERAL, n->text };
		return true;
	}
	return n->kind == NODE_ACTION && pipe->n_slots == 0 && pipe->n == 1 &&
	    pipe->commands[0].n == 1 &&
	    operand_piece(t, &pipe->commands[0].args[0], ret);
}

static void
find_pieces(struct template *t, struct arena *arena)
{
	uint32_t count = 0;
	struct piece piece;

	t->constant = true;
	for (const struct node *n = t->main.first; n != NULL; n = n->next) {
		t->constant = t->constant && n->kind == NODE_TEXT;
		if (!node_piece(t, n, &piece))
			count = UINT32_MAX;
		count += count != UINT32_MAX;
	}
	if (count == UINT32_MAX)
		return;
	t->pieces = ARENA_ARRAY(arena, (size_t)count + 1, struct piece);
	for (const struct node *n = t->main.first; n != NULL; n = n->next) {
		if (node_piece(t, n, &piece) &&
		    (piece.kind != PIECE_LITERAL || piece.text.n > 0))
			t->pieces[t->n_pieces++] = piece;
	}
}

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
	if (tree_parse(arena, &t->main, scope, &t->own, err) < 0 ||
	    check_run(&check) < 0)
		return NULL;
	t->uses_value = check.uses_value;
	find_pieces(t, arena);
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

static struct str
piece_text(const struct piece *piece, const struct template_data *data,
    char number[GO_FLOAT_MAX])
{
	switch (piece->kind) {
	case PIECE_LITERAL:
		return piece->text;
	case PIECE_LABEL:
		return value_label(&data->labels, piece->text);
	case PIECE_VALUE:
		return str_make(number, (size_t)go_float(data->value, number));
	case PIECE_EXTERNAL_LABEL:
		return value_label(&data->external_labels, piece->text);
	case PIECE_EXTERNAL_URL:
		return data->external_url;
	case PIECE_STATUS:
		return data->status;
	case PIECE_RECEIVER:
		return data->receiver;
	case PIECE_GROUP_LABEL:
		return value_label(&data->group_labels, piece->text);
	case PIECE_COMMON_LABEL:
		return value_label(&data->common_labels, piece->text);
	case PIECE_COMMON_ANNOTATION:
		return value_label(&data->common_annotations, piece->text);
	}
	return (struct str){ "", 0 };
}

static void
put_pieces(const struct template *t, const struct template_data *data,
    struct buf *out)
{
	uint32_t left = TEMPLATE_OUTPUT_MAX;
	char number[GO_FLOAT_MAX];

	for (uint32_t i = 0; i < t->n_pieces && left > 0; i++) {
		struct str s = piece_text(&t->pieces[i], data, number);

		if (s.n > left) {
			s = str_head(s, left);
			left = s.n; /* the last piece */
		}
		if (s.n > 0)
			buf_put_str(out, s);
		left -= s.n;
	}
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

int
template_execute(const struct template *t, const struct template_data *data,
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

	if (t->pieces != NULL && !data->html) {
		put_pieces(t, data, out);
		return 0;
	}
	x.arena = arena_new(0);
	if (data->html)
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

void
template_expand(const struct template *t, const struct template_data *data,
    struct buf *out)
{
	struct str text = t->main.text;
	struct err err = { .at = ERR_NOWHERE };
	uint32_t line = 1, column = 1;

	if (template_execute(t, data, out, &err) == 0)
		return;
	buf_puts(out, "<error expanding template: ");
	if (err.at != ERR_NOWHERE) {
		for (uint32_t i = 0; i < err.at && i < text.n; i++) {
			column = text.p[i] == '\n' ? 1 : column + 1;
			line += text.p[i] == '\n';
		}
		buf_printf(out, "%u:%u: ", line, column);
	}
	buf_printf(out, "%s>", err.text);
}
