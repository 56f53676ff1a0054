/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to tree: literals, blocks and definitions of Go's text/template.
 *
 * A variable's slot is given back at the end of its block.  What needs types,
 * or templates defined further down, is left to check.c.
 */
#include "config.h"

#include "template/parse_internal.h"

enum stop { STOP_END_OF_TEXT, STOP_END, STOP_ELSE };

static int parse_list(struct parser *p, struct node **ret, enum stop *ret_stop);

/* ---- blocks --------------------------------------------------------------------- */

/* Also takes the {{end}} or the {{else}}, which *ret_stop tells. */
static int
parse_body(struct parser *p, struct node *n, struct node **ret,
    enum stop *ret_stop, const char *what)
{
	int rc = parse_list(p, ret, ret_stop);

	if (rc == 0 && *ret_stop == STOP_END_OF_TEXT)
		rc = err_set_at(p->err, ERR_INVALID, n->at,
		    "{{%s}} is not closed: {{end}} is missing", what);
	return rc;
}

static int parse_control(struct parser *p, struct node *n, const char *what);

/* Behind the word else: the end of the action, or `if`, `with` and a pipeline. */
static int
parse_else(struct parser *p, struct node *n, const char *what)
{
	enum stop stop;
	struct node *inner;
	struct token t;
	int rc = parse_next(p, &t);

	if (rc < 0)
		return rc;
	if (t.kind == TOKEN_WORD && n->kind != NODE_RANGE &&
	    str_is(t.text, n->kind == NODE_IF ? "if" : "with")) {
		inner = ARENA_NEW(p->arena, struct node);
		inner->at = t.at;
		inner->kind = n->kind;
		n->other = inner;
		return parse_control(p, inner, what); /* its end is ours */
	}
	parse_back(p, &t);
	if ((rc = parse_expect_close(p, "behind else")) < 0 ||
	    (rc = parse_body(p, n, &n->other, &stop, what)) < 0)
		return rc;
	return stop == STOP_ELSE
	    ? err_set_at(p->err, ERR_INVALID, p->i,
		"a second {{else}} in the same {{%s}}", what)
	    : 0;
}

/* {{if}}, {{range}}, {{with}}: the cursor is behind the word. */
static int
parse_control(struct parser *p, struct node *n, const char *what)
{
	uint32_t vars = p->n_vars;
	enum stop stop = STOP_END;
	struct pipe *pipe;
	int rc;

	if (p->depth >= TEMPLATE_NESTING_MAX)
		return parse_fail(p, n->at, "nested too deeply");
	p->depth++;
	rc = parse_pipe(p, what, false, &pipe);
	n->pipe = pipe;
	if (rc == 0) {
		p->range_depth += n->kind == NODE_RANGE;
		rc = parse_body(p, n, &n->body, &stop, what);
		p->range_depth -= n->kind == NODE_RANGE;
	}
	if (rc == 0 && stop == STOP_ELSE)
		rc = parse_else(p, n, what);
	p->n_vars = vars;
	p->depth--;
	return rc;
}

static int
parse_name(struct parser *p, const char *what, struct str *ret)
{
	struct token t;
	int rc = parse_next(p, &t);

	if (rc < 0)
		return rc;
	if (t.kind != TOKEN_STRING)
		return err_set_at(p->err, ERR_INVALID, t.at,
		    "{{%s}} needs a name in quotes: {{%s \"name\"}}", what,
		    what);
	return lex_unquote(p->arena, &t, ret, p->err);
}

static bool
is_blank(const struct tree *tree)
{
	for (const struct node *n = tree->first; n != NULL; n = n->next) {
		if (n->kind != NODE_TEXT || str_trim(n->text).n > 0)
			return false;
	}
	return true;
}

struct tree *
tree_find(const struct tree_list *list, struct str name)
{
	for (struct tree *t = list != NULL ? list->first : NULL; t != NULL;
	     t = t->next) {
		if (str_eq(t->name, name))
			return t;
	}
	return NULL;
}

/* A body that says nothing never takes the place of one that does. */
static int
add_tree(struct parser *p, struct tree *fresh, uint32_t at)
{
	struct tree *old = tree_find(p->list, fresh->name), *after;

	if (old == NULL) {
		fresh->next = p->list->first;
		p->list->first = fresh;
		return 0;
	}
	if (is_blank(fresh))
		return 0;
	if (!is_blank(old) && old->text.p == p->text.p)
		return err_set_at(p->err, ERR_INVALID, at,
		    "template \"%.*s\" is defined twice",
		    STR_ARG(str_head(fresh->name, NAME_MAX_SHOWN)));
	after = old->next;
	*old = *fresh;
	old->next = after;
	return 0;
}

/* The body of {{define}} and {{block}}: a frame of its own. */
static int
parse_define(struct parser *p, struct node *n, struct str name,
    const char *what)
{
	struct tree *tree = ARENA_NEW(p->arena, struct tree), *outer = p->tree;
	uint32_t vars = p->n_vars, ranges = p->range_depth;
	struct str *saved = ARENA_ARRAY(p->arena, vars, struct str);
	enum stop stop = STOP_END;
	int rc;

	if (p->depth >= TEMPLATE_NESTING_MAX)
		return parse_fail(p, n->at, "nested too deeply");
	p->depth++;
	memcpy(saved, p->vars, vars * sizeof(*saved));
	tree->name = name;
	tree->file = outer->file;
	tree->text = p->text;
	p->tree = tree;
	p->n_vars = 1;
	p->vars[0] = STR("");
	tree->n_slots = 1;
	p->range_depth = 0;
	rc = parse_body(p, n, &tree->first, &stop, what);
	p->range_depth = ranges;
	p->n_vars = vars;
	memcpy(p->vars, saved, vars * sizeof(*saved));
	p->tree = outer;
	p->depth--;
	if (rc == 0 && stop == STOP_ELSE)
		rc = err_set_at(p->err, ERR_INVALID, n->at,
		    "{{%s}} has no {{else}}", what);
	return rc < 0 ? rc : add_tree(p, tree, n->at);
}

/* {{template "name"}}, {{template "name" pipeline}} and {{block}}. */
static int
parse_template(struct parser *p, struct node *n, const char *what)
{
	bool block = what[0] == 'b';
	struct pipe *pipe = NULL;
	struct token t;
	int rc = parse_name(p, what, &n->text);

	if (rc == 0)
		rc = lex_token(p->text, p->i, &t, p->err);
	if (rc < 0)
		return rc;
	if (t.kind == TOKEN_CLOSE && !block)
		return parse_expect_close(p, "");
	rc = parse_pipe(p, what, false, &pipe);
	n->pipe = pipe;
	return rc == 0 && block ? parse_define(p, n, n->text, what) : rc;
}

/* ---- actions -------------------------------------------------------------------- */

/* *ret_stop is set when the word ends a list. */
static int
parse_keyword(struct parser *p, struct str word, struct node *n,
    bool *ret_stopped, enum stop *ret_stop)
{
	static const struct { const char *word; enum node_kind kind; } blocks[] = {
		{ "if", NODE_IF }, { "range", NODE_RANGE }, { "with", NODE_WITH },
	};

	for (size_t i = 0; i < 3; i++) {
		if (str_is(word, blocks[i].word)) {
			n->kind = blocks[i].kind;
			return parse_control(p, n, blocks[i].word);
		}
	}
	if (str_is(word, "template") || str_is(word, "block")) {
		n->kind = NODE_TEMPLATE;
		return parse_template(
		    p, n, str_is(word, "block") ? "block" : "template");
	}
	if (str_is(word, "break") || str_is(word, "continue")) {
		n->kind = str_is(word, "break") ? NODE_BREAK : NODE_CONTINUE;
		if (p->range_depth == 0)
			return err_set_at(p->err, ERR_INVALID, n->at,
			    "{{%.*s}} outside {{range}}", STR_ARG(word));
		return parse_expect_close(p, "behind break or continue");
	}
	*ret_stopped = true;
	*ret_stop = str_is(word, "end") ? STOP_END : STOP_ELSE;
	return *ret_stop == STOP_END ? parse_expect_close(p, "behind end") : 0;
}

static bool
is_keyword(struct str word)
{
	static const char *const words[] = { "if", "range", "with", "template",
		"block", "break", "continue", "end", "else" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_is(word, words[i]))
			return true;
	}
	return false;
}

static int
parse_define_action(struct parser *p, struct node *n)
{
	int rc;

	if (p->depth > 0)
		return parse_fail(p, n->at, "{{define}} stands only outside of other "
		    "blocks");
	if ((rc = parse_name(p, "define", &n->text)) < 0 ||
	    (rc = parse_expect_close(p, "behind the name")) < 0)
		return rc;
	rc = parse_define(p, n, n->text, "define");
	n->kind = NODE_TEXT;
	n->text = STR("");
	return rc;
}

/* The cursor is at the slash of a comment. */
static int
parse_comment(struct parser *p)
{
	uint32_t at = p->i, n;
	const char *end =
	    memmem(p->text.p + at + 2, p->text.n - at - 2, "*/", 2);

	if (end == NULL)
		return parse_fail(p, at, "the comment is not closed: */ is missing");
	p->i = (uint32_t)(end - p->text.p) + 2;
	/* Here the trim marker brings its own space. */
	if (p->i + 1 < p->text.n && lex_is_space(p->text.p[p->i]) &&
	    p->text.p[p->i + 1] == '-')
		p->i++;
	n = lex_close_length(p->text, p->i);
	if (n == 0)
		return parse_fail(p, p->i, "a comment ends with */}} or */ -}}");
	p->trim_next = n == 3;
	p->i += n;
	return 0;
}

static int
parse_action(struct parser *p, struct node *n, bool *ret_stopped,
    enum stop *ret_stop)
{
	struct pipe *pipe;
	struct token t;
	int rc;

	if (p->text.n - p->i >= 2 && memcmp(p->text.p + p->i, "/*", 2) == 0)
		return parse_comment(p);
	rc = lex_token(p->text, p->i, &t, p->err);
	if (p->text.n - t.at >= 2 && memcmp(p->text.p + t.at, "/*", 2) == 0)
		return parse_fail(p, t.at, "a comment begins with {{/* or {{- /*");
	if (rc < 0)
		return rc;
	if (t.kind == TOKEN_END)
		return parse_fail(p, n->at, "the action is not closed: }} is missing");
	if (t.kind == TOKEN_CLOSE)
		return parse_fail(p, n->at, "the action is empty");
	if (t.kind == TOKEN_WORD && str_is(t.text, "define")) {
		p->i = t.end;
		return parse_define_action(p, n);
	}
	if (t.kind == TOKEN_WORD && is_keyword(t.text)) {
		p->i = t.end;
		return parse_keyword(p, t.text, n, ret_stopped, ret_stop);
	}
	n->kind = NODE_ACTION;
	rc = parse_pipe(p, "the action", false, &pipe);
	n->pipe = pipe;
	return rc;
}

/* ---- lists ---------------------------------------------------------------------- */

static struct node *
add_node(struct parser *p, struct node ***tail, uint32_t at)
{
	struct node *n = ARENA_NEW(p->arena, struct node);

	n->at = at;
	**tail = n;
	*tail = &n->next;
	return n;
}

static void
add_text(struct parser *p, struct node ***tail, uint32_t end, bool trim_end)
{
	uint32_t start = p->i;

	while (p->trim_next && start < end && lex_is_space(p->text.p[start]))
		start++;
	while (trim_end && end > start && lex_is_space(p->text.p[end - 1]))
		end--;
	if (end > start)
		add_node(p, tail, start)->text =
		    str_make(p->text.p + start, end - start);
	p->trim_next = false;
}

/* Literals and actions up to {{end}}, {{else}} or the end of the text. */
static int
parse_list(struct parser *p, struct node **ret, enum stop *ret_stop)
{
	struct node **tail = ret;
	bool stopped = false;

	*ret = NULL;
	while (!stopped) {
		const char *open = memmem(
		    p->text.p + p->i, p->text.n - p->i, "{{", 2);
		uint32_t at;
		bool trim;
		int rc;

		if (open == NULL) {
			add_text(p, &tail, p->text.n, false);
			p->i = p->text.n;
			*ret_stop = STOP_END_OF_TEXT;
			return 0;
		}
		at = (uint32_t)(open - p->text.p);
		trim = p->text.n - at > 3 && open[2] == '-' &&
		    lex_is_space(open[3]);
		add_text(p, &tail, at, trim);
		p->i = at + (trim ? 4 : 2);
		rc = parse_action(p, add_node(p, &tail, at), &stopped,
		    ret_stop);
		if (rc < 0)
			return rc;
		if (stopped && *ret_stop != STOP_END_OF_TEXT && p->depth == 0)
			return err_set_at(p->err, ERR_INVALID, at,
			    "unexpected {{%s}}",
			    *ret_stop == STOP_END ? "end" : "else");
	}
	return 0;
}

int
tree_parse(struct arena *arena, struct tree *tree, enum template_scope scope,
    struct tree_list *list, struct err *err)
{
	struct parser p = {
		.text = tree->text,
		.scope = scope,
		.arena = arena,
		.list = list,
		.err = err,
		.tree = tree,
		.vars = { STR(""), STR("labels"), STR("externalLabels"),
		    STR("externalURL"), STR("value"), STR("explain") },
		.n_vars = scope == TEMPLATE_RULE ? SLOT_RULE_COUNT : 1,
	};
	enum stop stop;

	tree->n_slots = p.n_vars;
	return parse_list(&p, &tree->first, &stop);
}
