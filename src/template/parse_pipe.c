/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in an action: operands, commands, pipelines, variables.
 *
 * Names are resolved here: a variable becomes a slot of its body's frame, a
 * function a pointer, a constant regular expression is compiled.
 */
#include "config.h"

#include "labels/regex_replace.h"
#include "template/parse_internal.h"

int
parse_fail(struct parser *p, uint32_t at, const char *what)
{
	return err_set_at(p->err, ERR_INVALID, at, "%s", what);
}

int
parse_unexpected(struct parser *p, const struct token *t, const char *where)
{
	if (t->kind == TOKEN_END)
		return parse_fail(p, t->at,
		    "the action is not closed: }} is missing");
	return err_set_at(p->err, ERR_INVALID, t->at,
	    "unexpected \"%.*s\" %s",
	    STR_ARG(str_head(str_make(p->text.p + t->at, t->end - t->at),
		NAME_MAX_SHOWN)), where);
}

int
parse_next(struct parser *p, struct token *t)
{
	int rc = lex_token(p->text, p->i, t, p->err);

	if (rc == 0)
		p->i = t->end;
	return rc;
}

void
parse_back(struct parser *p, const struct token *t)
{
	p->i = t->at;
}

int
parse_expect_close(struct parser *p, const char *where)
{
	struct token t;
	int rc = parse_next(p, &t);

	if (rc < 0)
		return rc;
	if (t.kind != TOKEN_CLOSE)
		return parse_unexpected(p, &t, where);
	p->trim_next = t.trim;
	return 0;
}

/* Room for one more element in an arena array that doubles. */
static void *
more(struct arena *arena, void *old, uint32_t n, size_t bytes)
{
	void *fresh;

	if (n != 0 && (n & (n - 1)) != 0)
		return old;
	fresh = arena_array(arena, n == 0 ? 1 : (size_t)n * 2, bytes);
	if (n > 0)
		memcpy(fresh, old, n * bytes);
	return fresh;
}

/* ---- variables ------------------------------------------------------------------ */

static int
declare(struct parser *p, struct str name, uint32_t at, uint32_t *ret_slot)
{
	if (p->n_vars == TEMPLATE_SLOTS_MAX)
		return parse_fail(p, at, "too many variables");
	*ret_slot = p->n_vars;
	p->vars[p->n_vars++] = name;
	if (p->n_vars > p->tree->n_slots)
		p->tree->n_slots = p->n_vars;
	return 0;
}

static int
find_var(struct parser *p, const struct token *t, uint32_t *ret_slot)
{
	for (uint32_t i = p->n_vars; i-- > 0;) {
		if (str_eq(p->vars[i], t->text)) {
			*ret_slot = i;
			return 0;
		}
	}
	return err_set_at(p->err, ERR_INVALID, t->at,
	    "variable \"$%.*s\" is not defined",
	    STR_ARG(str_head(t->text, NAME_MAX_SHOWN)));
}

/* ---- operands ------------------------------------------------------------------- */

static int
parse_word(struct parser *p, const struct token *t, struct operand *o)
{
	static const char *const keywords[] = { "if", "else", "end", "range",
		"with", "define", "template", "block", "break", "continue" };

	if (str_is(t->text, "true") || str_is(t->text, "false")) {
		o->kind = OPERAND_BOOL;
		o->i = str_is(t->text, "true");
		return 0;
	}
	if (str_is(t->text, "nil")) {
		o->kind = OPERAND_NIL;
		return 0;
	}
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (str_is(t->text, keywords[i]))
			return parse_unexpected(p, t, "inside an action");
	}
	o->kind = OPERAND_FUNC;
	o->func = func_find(t->text, p->scope);
	if (o->func == NULL)
		return func_unknown(t->text, p->scope, t->at, p->err);
	return 0;
}

/* 1: an operand, 0: none stands here, or negative. */
static int
parse_term(struct parser *p, struct operand *o)
{
	struct pipe *pipe;
	struct token t;
	int rc = parse_next(p, &t);

	if (rc < 0)
		return rc;
	*o = (struct operand){ .at = t.at, .end = t.end };
	switch (t.kind) {
	case TOKEN_DOT:
		o->kind = OPERAND_DOT;
		return 1;
	case TOKEN_FIELD:
		parse_back(p, &t);
		o->kind = OPERAND_DOT;
		return 1;
	case TOKEN_VAR:
		o->kind = OPERAND_VAR;
		rc = find_var(p, &t, &o->slot);
		return rc < 0 ? rc : 1;
	case TOKEN_WORD:
		rc = parse_word(p, &t, o);
		return rc < 0 ? rc : 1;
	case TOKEN_NUMBER:
	case TOKEN_CHAR:
		rc = lex_number(&t, o, p->err);
		return rc < 0 ? rc : 1;
	case TOKEN_STRING:
		o->kind = OPERAND_STRING;
		rc = lex_unquote(p->arena, &t, &o->text, p->err);
		return rc < 0 ? rc : 1;
	case TOKEN_OPEN_PAREN:
		o->kind = OPERAND_PIPE;
		rc = parse_pipe(p, "parentheses", true, &pipe);
		if (rc < 0)
			return rc;
		o->pipe = pipe;
		o->end = p->i;
		return 1;
	case TOKEN_CLOSE:
	case TOKEN_CLOSE_PAREN:
	case TOKEN_PIPE:
	case TOKEN_ASSIGN:
	case TOKEN_DECLARE:
	case TOKEN_COMMA:
	case TOKEN_END:
		break;
	}
	parse_back(p, &t);
	return 0;
}

static int
parse_fields(struct parser *p, struct operand *o)
{
	bool constant = o->kind == OPERAND_BOOL || o->kind == OPERAND_INT ||
	    o->kind == OPERAND_FLOAT || o->kind == OPERAND_STRING ||
	    o->kind == OPERAND_NIL;

	for (;;) {
		struct token t;
		uint32_t at = p->i;
		int rc = parse_next(p, &t);

		if (rc < 0)
			return rc;
		if (t.kind != TOKEN_FIELD || t.space) {
			p->i = at;
			return 0;
		}
		if (constant)
			return parse_unexpected(p, &t, "after a constant");
		if (o->n_fields >= TEMPLATE_NESTING_MAX)
			return parse_fail(p, t.at, "too many fields");
		o->fields = more(p->arena, o->fields, o->n_fields,
		    sizeof(*o->fields));
		o->fields[o->n_fields++] = (struct field){ t.text, t.at };
		o->end = t.end;
	}
}

/* A pattern that is known now is compiled now, and refused now. */
static int
prepare_regex(struct parser *p, struct command *c)
{
	struct operand *pattern = &c->args[1];

	if (c->n < 2 || c->args[0].kind != OPERAND_FUNC ||
	    !c->args[0].func->regex_first || pattern->kind != OPERAND_STRING)
		return 0;
	pattern->regex = regex_search_new(p->arena, pattern->text, p->err);
	if (pattern->regex != NULL)
		return 0;
	/* The offset in the pattern holds unless it was written with escapes. */
	if (p->err != NULL)
		p->err->at = pattern->text.n + 2 == pattern->end - pattern->at
		    ? pattern->at + 1 + p->err->at
		    : pattern->at;
	return -ERR_INVALID;
}

/* Operands up to a pipe or the end, neither of which is taken. */
static int
parse_command(struct parser *p, struct command *c)
{
	for (;;) {
		struct operand o;
		struct token t;
		int rc = parse_term(p, &o);

		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
		if ((rc = parse_fields(p, &o)) < 0)
			return rc;
		if (c->n >= TEMPLATE_ARGS_MAX)
			return parse_fail(p, o.at, "too many operands");
		c->args = more(p->arena, c->args, c->n, sizeof(o));
		if (c->n == 0)
			c->at = o.at;
		c->args[c->n++] = o;
		if ((rc = lex_token(p->text, p->i, &t, p->err)) < 0)
			return rc;
		if (t.kind == TOKEN_CLOSE || t.kind == TOKEN_CLOSE_PAREN ||
		    t.kind == TOKEN_PIPE || t.kind == TOKEN_END)
			break;
		if (!t.space)
			return parse_unexpected(p, &t, "in operand: a space is "
			    "missing");
	}
	return c->n > 0 ? prepare_regex(p, c) : 0;
}

/* ---- pipelines ------------------------------------------------------------------ */

/* $x :=, $x =, and for range $i, $x :=; nothing is taken when there is none. */
static int
parse_targets(struct parser *p, struct pipe *pipe, bool is_range)
{
	struct token var[2], t;
	uint32_t start = p->i, n = 0;
	int rc;

	for (;;) {
		if ((rc = parse_next(p, &var[n])) < 0)
			return rc;
		if (var[n].kind != TOKEN_VAR) {
			if (n == 1)
				return parse_unexpected(p, &var[n],
				    "where the second variable of the range "
				    "should stand");
			p->i = start;
			return 0;
		}
		n++;
		if ((rc = parse_next(p, &t)) < 0)
			return rc;
		if (t.kind == TOKEN_DECLARE || t.kind == TOKEN_ASSIGN)
			break;
		if (t.kind != TOKEN_COMMA) {
			p->i = start;
			return 0;
		}
		if (!is_range || n == 2)
			return parse_fail(p, t.at, "too many variables: only range "
			    "takes two");
	}
	pipe->assign = t.kind == TOKEN_ASSIGN;
	for (uint32_t i = 0; i < n; i++) {
		if (pipe->assign) {
			rc = find_var(p, &var[i], &pipe->slots[i]);
			if (rc < 0)
				return rc;
			p->tree->assigned |= 1ull << pipe->slots[i];
		}
		/* A new name becomes known behind its pipeline. */
		if (!pipe->assign)
			pipe->slots[i] = var[i].at;
	}
	pipe->n_slots = (uint8_t)n;
	return 0;
}

static int
declare_targets(struct parser *p, struct pipe *pipe)
{
	for (uint32_t i = 0; i < pipe->n_slots && !pipe->assign; i++) {
		struct token t;
		int rc = lex_token(p->text, pipe->slots[i], &t, p->err);

		if (rc == 0)
			rc = declare(p, t.text, t.at, &pipe->slots[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool
is_executable(const struct operand *o)
{
	return o->kind == OPERAND_FUNC || o->kind == OPERAND_VAR ||
	    o->kind == OPERAND_PIPE ||
	    (o->kind == OPERAND_DOT && o->n_fields > 0);
}

static int
parse_commands(struct parser *p, struct pipe *pipe, const char *what,
    bool in_paren)
{
	enum token_kind close = in_paren ? TOKEN_CLOSE_PAREN : TOKEN_CLOSE;

	for (;;) {
		struct command c = { 0 };
		struct token t;
		int rc = parse_command(p, &c);

		if (rc == 0)
			rc = parse_next(p, &t);
		if (rc < 0)
			return rc;
		if (c.n == 0 && t.kind != TOKEN_PIPE && t.kind != close)
			return parse_unexpected(p, &t, "in an action");
		if (c.n == 0)
			return err_set_at(p->err, ERR_INVALID, t.at,
			    "missing value for %s", pipe->n > 0
				? "the command behind |" : what);
		if (pipe->n > 0 && !is_executable(&c.args[0]))
			return parse_fail(p, c.at, "a constant cannot take the value "
			    "of a pipe |");
		pipe->commands = more(p->arena, pipe->commands, pipe->n,
		    sizeof(c));
		pipe->commands[pipe->n++] = c;
		pipe->end = t.at;
		if (t.kind == close) {
			if (!in_paren)
				p->trim_next = t.trim;
			return 0;
		}
		if (t.kind != TOKEN_PIPE)
			return parse_unexpected(p, &t, in_paren
				? "where ) should stand" : "in an action");
		if (pipe->n >= TEMPLATE_ARGS_MAX)
			return parse_fail(p, t.at, "too many pipes");
	}
}

/* Takes the closing parenthesis or the end of the action. */
int
parse_pipe(struct parser *p, const char *what, bool in_paren,
    struct pipe **ret)
{
	struct pipe *pipe = ARENA_NEW(p->arena, struct pipe);
	struct token t;
	int rc;

	if (p->depth >= TEMPLATE_NESTING_MAX)
		return parse_fail(p, p->i, "nested too deeply");
	p->depth++;
	*ret = pipe;
	rc = lex_token(p->text, p->i, &t, p->err);
	pipe->at = t.at;
	if (rc == 0 && !in_paren)
		rc = parse_targets(p, pipe, strcmp(what, "range") == 0);
	if (rc == 0)
		rc = parse_commands(p, pipe, what, in_paren);
	if (rc == 0)
		rc = declare_targets(p, pipe);
	p->depth--;
	return rc;
}
