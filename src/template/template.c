/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: parsed once into pieces, expanded often.
 *
 * The lexical rules are those of Go's text/template: what ends an action, what
 * a trim marker is, what a field name may hold.  Of its language only plain
 * values are understood; the rest is refused by name, with what is possible
 * instead.  A template and its pieces live in the caller's arena.
 */
#include "config.h"

#include "template/template.h"

#include "template/go_float.h"

#define FOUND_MAX 40 /* bytes of the text shown in an error */

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
	struct str text;
	struct piece *pieces;
	uint32_t n, cap;
};

enum { IN_RULE = 1u << TEMPLATE_RULE, IN_NOTIFICATION = 1u << TEMPLATE_NOTIFICATION };

static const struct root {
	const char *text;
	enum piece_kind kind;
	unsigned scopes;
	bool is_map; /* .NAME must follow */
} roots[] = {
	{ "$labels", PIECE_LABEL, IN_RULE, true },
	{ ".Labels", PIECE_LABEL, IN_RULE, true },
	{ "$value", PIECE_VALUE, IN_RULE, false },
	{ ".Value", PIECE_VALUE, IN_RULE, false },
	{ "$externalLabels", PIECE_EXTERNAL_LABEL, IN_RULE, true },
	{ ".ExternalLabels", PIECE_EXTERNAL_LABEL, IN_RULE, true },
	{ "$externalURL", PIECE_EXTERNAL_URL, IN_RULE, false },
	{ ".ExternalURL", PIECE_EXTERNAL_URL, IN_RULE | IN_NOTIFICATION, false },
	{ ".Status", PIECE_STATUS, IN_NOTIFICATION, false },
	{ ".Receiver", PIECE_RECEIVER, IN_NOTIFICATION, false },
	{ ".GroupLabels", PIECE_GROUP_LABEL, IN_NOTIFICATION, true },
	{ ".CommonLabels", PIECE_COMMON_LABEL, IN_NOTIFICATION, true },
	{ ".CommonAnnotations", PIECE_COMMON_ANNOTATION, IN_NOTIFICATION, true },
};

static const char *const remedies[] = {
	[TEMPLATE_RULE] = "a template may use {{ $labels.NAME }}, "
		"{{ $value }}, {{ $externalLabels.NAME }}, {{ $externalURL }}",
	[TEMPLATE_NOTIFICATION] = "a template may use {{ .Status }}, "
		"{{ .Receiver }}, {{ .ExternalURL }}, {{ .GroupLabels.NAME }}, "
		"{{ .CommonLabels.NAME }}, {{ .CommonAnnotations.NAME }}",
};

struct parser {
	struct str text;
	uint32_t i;
	bool trim_next; /* the action before ended with a trim marker */
	enum template_scope scope;
	struct arena *arena;
	struct template *t;
	struct err *err;
};

/* ---- lexical rules ---------------------------------------------------------- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Letters beyond ASCII are taken without asking Unicode. */
static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
ahead(const struct parser *p, uint32_t k)
{
	return p->text.n - p->i > k ? p->text.p[p->i + k] : '\0';
}

static bool
at_text(const struct parser *p, const char *z)
{
	return str_starts((struct str){ p->text.p + p->i, p->text.n - p->i },
	    str_from(z));
}

/* "}}", or " -}}" when a space stands before the cursor: its length, or 0. */
static uint32_t
close_length(const struct parser *p)
{
	if (at_text(p, "}}"))
		return 2;
	return at_text(p, "-}}") && p->i > 0 && is_space(p->text.p[p->i - 1])
	    ? 3
	    : 0;
}

static void
skip_space(struct parser *p)
{
	while (p->i < p->text.n && is_space(p->text.p[p->i]))
		p->i++;
}

static struct str
take_ident(struct parser *p)
{
	uint32_t start = p->i;

	while (p->i < p->text.n && is_alnum(p->text.p[p->i]))
		p->i++;
	return (struct str){ p->text.p + start, p->i - start };
}

/* What stands at this place, up to white space or the end of the action. */
static struct str
found_at(const struct parser *p, uint32_t at)
{
	struct str s = { p->text.p + at, 0 };

	while (at + s.n < p->text.n && !is_space(s.p[s.n]) &&
	    !(s.p[s.n] == '}' && at + s.n + 1 < p->text.n &&
		s.p[s.n + 1] == '}'))
		s.n++;
	return str_head(s, FOUND_MAX);
}

/* ---- pieces ------------------------------------------------------------------ */

static void
add_piece(struct parser *p, enum piece_kind kind, struct str text)
{
	struct template *t = p->t;

	if (t->n == t->cap) {
		uint32_t cap = t->cap > 0 ? t->cap * 2 : 4;
		struct piece *pieces =
		    ARENA_ARRAY(p->arena, cap, struct piece);

		if (t->n > 0)
			memcpy(pieces, t->pieces, t->n * sizeof(*pieces));
		t->pieces = pieces;
		t->cap = cap;
	}
	t->pieces[t->n++] = (struct piece){ kind, text };
}

static void
add_literal(struct parser *p, uint32_t start, uint32_t end, bool trim_end)
{
	while (p->trim_next && start < end && is_space(p->text.p[start]))
		start++;
	while (trim_end && end > start && is_space(p->text.p[end - 1]))
		end--;
	if (end > start)
		add_piece(p, PIECE_LITERAL,
		    (struct str){ p->text.p + start, end - start });
	p->trim_next = false;
}

/* ---- actions ----------------------------------------------------------------- */

static int
refuse(struct parser *p, uint32_t at, const char *what)
{
	return err_set_at(
	    p->err, ERR_INVALID, at, "%s; %s", what, remedies[p->scope]);
}

static int
refuse_found(
    struct parser *p, uint32_t at, const char *before, const char *after)
{
	return err_set_at(p->err, ERR_INVALID, at, "%s \"%.*s\" %s; %s", before,
	    STR_ARG(found_at(p, at)), after, remedies[p->scope]);
}

static bool
is_keyword(struct str word)
{
	static const char *const keywords[] = { "if", "else", "end", "range",
		"with", "define", "template", "block", "break", "continue" };

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (str_is(word, keywords[i]))
			return true;
	}
	return false;
}

/* What is not a value with a name: say what it is. */
static int
refuse_operand(struct parser *p)
{
	uint32_t at = p->i;
	char c = ahead(p, 0);
	struct str word;

	if (c == '"' || c == '`' || c == '\'')
		return refuse(p, at, "a constant is not supported yet");
	if (is_digit(c) || c == '-' || c == '+' ||
	    (c == '.' && is_digit(ahead(p, 1))))
		return refuse(p, at, "a number is not supported yet");
	if (c == '(')
		return refuse(p, at, "parentheses are not supported yet");
	if (c == '.' || c == '$')
		return refuse_found(p, at, "the value", "needs a name");
	word = take_ident(p);
	if (word.n == 0)
		return refuse_found(p, at, "unexpected", "in an action");
	word = str_head(word, FOUND_MAX);
	return err_set_at(p->err, ERR_INVALID, at,
	    "%s \"%.*s\" is not supported yet; %s",
	    is_keyword(word) ? "keyword" : "function", STR_ARG(word),
	    remedies[p->scope]);
}

static const struct root *
find_root(const struct parser *p, struct str name)
{
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		if (str_is(name, roots[i].text) &&
		    (roots[i].scopes & 1u << p->scope) != 0)
			return &roots[i];
	}
	return NULL;
}

/* The name behind $labels and the like. */
static int
parse_field(struct parser *p, struct str root, struct str *ret)
{
	uint32_t at = p->i;

	if (ahead(p, 0) != '.' || !is_alnum(ahead(p, 1)))
		return err_set_at(p->err, ERR_INVALID, at,
		    "%.*s needs the name of a label: {{ %.*s.NAME }}",
		    STR_ARG(root), STR_ARG(root));
	if (is_digit(ahead(p, 1)))
		return err_set_at(p->err, ERR_INVALID, at + 1,
		    "the name of a label cannot begin with a digit after "
		    "%.*s.", STR_ARG(root));
	p->i++;
	*ret = take_ident(p);
	return 0;
}

/* Behind the value nothing but white space may stand. */
static int
parse_close(struct parser *p)
{
	uint32_t at = p->i, n;

	skip_space(p);
	n = close_length(p);
	if (n > 0) {
		p->trim_next = n == 3;
		p->i += n;
		return 0;
	}
	if (p->i >= p->text.n)
		return err_set_at(p->err, ERR_INVALID, p->i,
		    "the action is not closed: }} is missing");
	if (ahead(p, 0) == '|')
		return refuse(p, p->i, "a pipe | is not supported yet");
	if (ahead(p, 0) == '=' || at_text(p, ":="))
		return refuse(p, p->i, "variables are not supported yet");
	if (p->i == at && ahead(p, 0) == '.')
		return refuse_found(p, at, "the value has no field", "");
	if (p->i == at)
		return refuse_found(p, at, "unexpected",
		    "right after a name (names have letters, digits and _)");
	return refuse_found(p, p->i, "unexpected", "after the value");
}

static int
parse_value(struct parser *p)
{
	uint32_t at = p->i;
	struct str name, field = { 0 };
	const struct root *root;
	int rc = 0;

	if ((ahead(p, 0) != '$' && ahead(p, 0) != '.') ||
	    !is_alnum(ahead(p, 1)) || is_digit(ahead(p, 1)))
		return refuse_operand(p);
	p->i++;
	take_ident(p);
	name = (struct str){ p->text.p + at, p->i - at };
	root = find_root(p, name);
	if (root == NULL)
		return refuse_found(p, at,
		    name.p[0] == '$' ? "variable" : "field",
		    "is not known here");
	if (root->is_map)
		rc = parse_field(p, name, &field);
	if (rc == 0)
		rc = parse_close(p);
	if (rc == 0)
		add_piece(p, root->kind, field);
	return rc;
}

/* The cursor is at the slash of a comment. */
static int
parse_comment(struct parser *p)
{
	uint32_t at = p->i, n;

	p->i += 2;
	while (p->i < p->text.n && !at_text(p, "*/"))
		p->i++;
	if (p->i >= p->text.n)
		return err_set_at(p->err, ERR_INVALID, at,
		    "the comment is not closed: */ is missing");
	p->i += 2;
	/* Here the trim marker brings its own space. */
	if (is_space(ahead(p, 0)) && ahead(p, 1) == '-')
		p->i++;
	n = close_length(p);
	if (n == 0)
		return err_set_at(p->err, ERR_INVALID, p->i,
		    "a comment ends with */}} or */ -}}");
	p->trim_next = n == 3;
	p->i += n;
	return 0;
}

/* The cursor is at "{{"; the literal before it begins at start. */
static int
parse_action(struct parser *p, uint32_t start)
{
	uint32_t at = p->i;
	bool trim;

	p->i += 2;
	trim = ahead(p, 0) == '-' && is_space(ahead(p, 1));
	add_literal(p, start, at, trim);
	if (trim)
		p->i += 2;
	if (at_text(p, "/*"))
		return parse_comment(p);
	skip_space(p);
	if (p->i >= p->text.n)
		return err_set_at(p->err, ERR_INVALID, at,
		    "the action is not closed: }} is missing");
	if (at_text(p, "/*"))
		return err_set_at(p->err, ERR_INVALID, p->i,
		    "a comment begins with {{/* or {{- /*");
	if (close_length(p) > 0)
		return refuse(p, at, "the action is empty");
	return parse_value(p);
}

struct template *
template_parse(struct arena *arena, struct str text,
    enum template_scope scope, struct err *err)
{
	struct parser p = {
		.text = arena_str(arena, text),
		.scope = scope,
		.arena = arena,
		.err = err,
	};

	p.t = ARENA_NEW(arena, struct template);
	p.t->text = p.text;
	for (;;) {
		uint32_t start = p.i;

		while (p.i < p.text.n && !at_text(&p, "{{"))
			p.i++;
		if (p.i >= p.text.n) {
			add_literal(&p, start, p.text.n, false);
			return p.t;
		}
		if (parse_action(&p, start) < 0)
			return NULL;
	}
}

/* ---- use ----------------------------------------------------------------------- */

bool
template_is_constant(const struct template *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->pieces[i].kind != PIECE_LITERAL)
			return false;
	}
	return true;
}

bool
template_uses_value(const struct template *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->pieces[i].kind == PIECE_VALUE)
			return true;
	}
	return false;
}

struct str
template_text(const struct template *t)
{
	return t->text;
}

static struct str
label_of(const struct template_labels *labels, struct str name)
{
	if (labels->labels != NULL)
		return labels_value(labels->labels, name);
	for (uint32_t i = 0; i < labels->n_views; i++) {
		if (str_eq(labels->views[i].name, name))
			return labels->views[i].value;
	}
	return (struct str){ "", 0 };
}

static struct str
piece_text(const struct piece *piece, const struct template_data *data,
    char number[GO_FLOAT_MAX])
{
	switch (piece->kind) {
	case PIECE_LITERAL:
		return piece->text;
	case PIECE_LABEL:
		return label_of(&data->labels, piece->text);
	case PIECE_VALUE:
		return str_make(number, (size_t)go_float(data->value, number));
	case PIECE_EXTERNAL_LABEL:
		return label_of(&data->external_labels, piece->text);
	case PIECE_EXTERNAL_URL:
		return data->external_url;
	case PIECE_STATUS:
		return data->status;
	case PIECE_RECEIVER:
		return data->receiver;
	case PIECE_GROUP_LABEL:
		return label_of(&data->group_labels, piece->text);
	case PIECE_COMMON_LABEL:
		return label_of(&data->common_labels, piece->text);
	case PIECE_COMMON_ANNOTATION:
		return label_of(&data->common_annotations, piece->text);
	}
	return (struct str){ "", 0 };
}

void
template_expand(const struct template *t, const struct template_data *data,
    struct buf *out)
{
	uint32_t left = TEMPLATE_OUTPUT_MAX;
	char number[GO_FLOAT_MAX];

	for (uint32_t i = 0; i < t->n && left > 0; i++) {
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
