/* SPDX-License-Identifier: Apache-2.0 */
/* The condition of a composite: recursive descent, as the header has it. */
#include "config.h"

#include "rule/when.h"

#include "base/attr.h"
#include "rule/levels.h"

enum node_kind {
	NODE_NAME,
	NODE_COUNT,
	NODE_NOT,
	NODE_AND,
	NODE_OR
};

struct when_node {
	enum node_kind kind;
	const struct when_node *a, *b; /* NOT: a; AND, OR: both */
	uint64_t names;                /* NAME, COUNT: a bit for each */
	enum op op;                    /* COUNT */
	double number;
};

struct parser {
	struct arena *arena;
	struct str text;
	uint32_t at, depth;
	struct when *when;
	struct err *err;
};

static void
skip_space(struct parser *p)
{
	while (p->at < p->text.n && strchr(" \t\r\n", p->text.p[p->at]) != NULL)
		p->at++;
}

static bool
is_name_byte(char c, bool first)
{
	unsigned char u = (unsigned char)c;

	return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || u == '_' || u >= 0x80 ||
	       (!first && ((u >= '0' && u <= '9') || u == ':' || u == '-' || u == '.'));
}

/* The run of name bytes here; empty when there is none. */
static struct str
peek_word(struct parser *p)
{
	uint32_t n = 0;

	skip_space(p);
	while (p->at + n < p->text.n && is_name_byte(p->text.p[p->at + n], n == 0))
		n++;
	return (struct str){ p->text.p + p->at, n };
}

static bool
take_word(struct parser *p, const char *word)
{
	struct str found = peek_word(p);

	if (!str_is(found, word))
		return false;
	p->at += found.n;
	return true;
}

static bool
take_char(struct parser *p, char c)
{
	skip_space(p);
	if (p->at == p->text.n || p->text.p[p->at] != c)
		return false;
	p->at++;
	return true;
}

static const struct when_node *
fail(struct parser *p, const char *want)
{
	skip_space(p);
	if (p->at == p->text.n)
		err_set_at(p->err, ERR_INVALID, p->at, "%s is missing at the end", want);
	else
		err_set_at(p->err, ERR_INVALID, p->at, "expected %s", want);
	return NULL;
}

static struct when_node *
new_node(struct parser *p, enum node_kind kind)
{
	struct when_node *node = ARENA_NEW(p->arena, struct when_node);

	node->kind = kind;
	return node;
}

/* "text" or 'text'; no escapes. */
static bool
read_quoted(struct parser *p, struct str *ret)
{
	char quote = p->text.p[p->at];
	uint32_t end = p->at + 1;

	while (end < p->text.n && p->text.p[end] != quote)
		end++;
	if (end == p->text.n || end == p->at + 1)
		return false;
	*ret = (struct str){ p->text.p + p->at + 1, end - p->at - 1 };
	p->at = end + 1;
	return true;
}

static bool
read_name(struct parser *p, uint64_t *ret_bit)
{
	struct str name = peek_word(p);
	struct when *when = p->when;
	uint32_t at = p->at, i = 0;

	if (name.n > 0) {
		if (str_is(name, "and") || str_is(name, "or") || str_is(name, "not")) {
			fail(p, "the name of an alert (in quotes if it is one of the words)");
			return false;
		}
		p->at += name.n;
	} else if (p->at == p->text.n || strchr("\"'", p->text.p[p->at]) == NULL ||
		   !read_quoted(p, &name)) {
		fail(p, "the name of an alert");
		return false;
	}
	while (i < when->n_names && !str_is(name, when->names[i]))
		i++;
	if (i == WHEN_NAMES_MAX) {
		err_set_at(p->err, ERR_LIMIT, at, "more than %d names", WHEN_NAMES_MAX);
		return false;
	}
	if (i == when->n_names) {
		when->names[i] = arena_str(p->arena, name).p;
		when->at[i] = at;
		when->n_names++;
	}
	*ret_bit = UINT64_C(1) << i;
	return true;
}

static bool
read_op(struct parser *p, enum op *ret)
{
	/* Longer ones first. */
	static const enum op order[] = { OP_GE, OP_LE, OP_EQ, OP_NE, OP_GT, OP_LT };

	skip_space(p);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		struct str op = str_from(op_names[order[i]]);
		struct str here = { p->text.p + p->at, p->text.n - p->at };

		if (str_starts(here, op)) {
			p->at += op.n;
			*ret = order[i];
			return true;
		}
	}
	fail(p, "a comparison such as '>= 3'");
	return false;
}

static bool
read_number(struct parser *p, double *ret)
{
	uint32_t n = 0;

	skip_space(p);
	while (p->at + n < p->text.n && p->text.p[p->at + n] >= '0' && p->text.p[p->at + n] <= '9')
		n++;
	if (n == 0 || n > 9 || !str_to_double((struct str){ p->text.p + p->at, n }, ret)) {
		fail(p, "a whole number");
		return false;
	}
	p->at += n;
	return true;
}

static const struct when_node *
read_count(struct parser *p)
{
	struct when_node *node = new_node(p, NODE_COUNT);
	uint64_t bit;

	do {
		if (!read_name(p, &bit))
			return NULL;
		node->names |= bit;
	} while (take_char(p, ','));
	if (!take_char(p, ')'))
		return fail(p, "')'");
	return read_op(p, &node->op) && read_number(p, &node->number) ? node : NULL;
}

static const struct when_node *read_or(struct parser *p);

static const struct when_node *
read_not(struct parser *p)
{
	const struct when_node *inner;
	struct when_node *node;
	uint32_t at;

	if (p->depth == WHEN_DEPTH_MAX) {
		err_set_at(p->err, ERR_LIMIT, p->at, "nested deeper than %d", WHEN_DEPTH_MAX);
		return NULL;
	}
	p->depth++;
	if (take_word(p, "not")) {
		inner = read_not(p);
		if (inner == NULL)
			return NULL;
		node = new_node(p, NODE_NOT);
		node->a = inner;
		p->depth--;
		return node;
	}
	if (take_char(p, '(')) {
		inner = read_or(p);
		if (inner != NULL && !take_char(p, ')'))
			inner = fail(p, "')'");
		p->depth--;
		return inner;
	}
	p->depth--;
	at = p->at;
	if (take_word(p, "count")) {
		if (take_char(p, '('))
			return read_count(p);
		p->at = at; /* an alert of that name */
	}
	node = new_node(p, NODE_NAME);
	return read_name(p, &node->names) ? node : NULL;
}

static const struct when_node *
read_chain(struct parser *p, const char *word, enum node_kind kind,
    const struct when_node *(*operand)(struct parser *))
{
	const struct when_node *left = operand(p);

	while (left != NULL && take_word(p, word)) {
		struct when_node *node = new_node(p, kind);

		node->a = left;
		node->b = operand(p);
		left = node->b != NULL ? node : NULL;
	}
	return left;
}

static const struct when_node *
read_and(struct parser *p)
{
	return read_chain(p, "and", NODE_AND, read_not);
}

static const struct when_node *
read_or(struct parser *p)
{
	return read_chain(p, "or", NODE_OR, read_and);
}

const struct when *
when_parse(struct arena *arena, struct str text, struct err *err)
{
	struct when *when = ARENA_NEW(arena, struct when);
	struct parser p = { .arena = arena, .text = text, .when = when, .err = err };

	if (text.n > WHEN_BYTES_MAX) {
		err_set_at(err, ERR_LIMIT, 0, "longer than %d bytes", WHEN_BYTES_MAX);
		return NULL;
	}
	when->root = read_or(&p);
	if (when->root == NULL)
		return NULL;
	skip_space(&p);
	if (p.at < p.text.n) {
		fail(&p, "'and', 'or' or the end");
		return NULL;
	}
	return when;
}

/* --- its value --------------------------------------------------------- */

static uint64_t
total_of(uint64_t names, const uint32_t *counts)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < WHEN_NAMES_MAX; i++)
		if (names >> i & 1)
			total += counts[i];
	return total;
}

/* A chain leans to the left, so the recursion is as deep as the parser's plus one walk down it. */
static bool
node_holds(const struct when_node *node, const uint32_t *counts)
{
	switch (node->kind) {
	case NODE_NAME:
		return total_of(node->names, counts) > 0;
	case NODE_COUNT:
		return op_holds(node->op, (double)total_of(node->names, counts), node->number);
	case NODE_NOT:
		return !node_holds(node->a, counts);
	case NODE_AND:
		return node_holds(node->a, counts) && node_holds(node->b, counts);
	case NODE_OR:
		return node_holds(node->a, counts) || node_holds(node->b, counts);
	}
	return false;
}

bool
when_holds(const struct when *when, const uint32_t *counts)
{
	return node_holds(when->root, counts);
}
