/* SPDX-License-Identifier: Apache-2.0 */
/* The shortcut for plain texts: see plain.h. */
#include "config.h"

#include "template/plain.h"

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

static const struct root {
	const char *text;
	enum piece_kind kind;
	enum template_scope scope;
	bool is_map; /* .NAME must follow */
} roots[] = {
	{ "$labels", PIECE_LABEL, TEMPLATE_RULE, true },
	{ ".Labels", PIECE_LABEL, TEMPLATE_RULE, true },
	{ "$value", PIECE_VALUE, TEMPLATE_RULE, false },
	{ ".Value", PIECE_VALUE, TEMPLATE_RULE, false },
	{ "$externalLabels", PIECE_EXTERNAL_LABEL, TEMPLATE_RULE, true },
	{ ".ExternalLabels", PIECE_EXTERNAL_LABEL, TEMPLATE_RULE, true },
	{ "$externalURL", PIECE_EXTERNAL_URL, TEMPLATE_RULE, false },
	{ ".ExternalURL", PIECE_EXTERNAL_URL, TEMPLATE_RULE, false },
	{ ".ExternalURL", PIECE_EXTERNAL_URL, TEMPLATE_NOTIFICATION, false },
	{ ".Status", PIECE_STATUS, TEMPLATE_NOTIFICATION, false },
	{ ".Receiver", PIECE_RECEIVER, TEMPLATE_NOTIFICATION, false },
	{ ".GroupLabels", PIECE_GROUP_LABEL, TEMPLATE_NOTIFICATION, true },
	{ ".CommonLabels", PIECE_COMMON_LABEL, TEMPLATE_NOTIFICATION, true },
	{ ".CommonAnnotations", PIECE_COMMON_ANNOTATION,
	    TEMPLATE_NOTIFICATION, true },
};

struct reader {
	struct arena *arena;
	struct str text;
	uint32_t i;
	enum template_scope scope;
	bool trim_next;
	struct plain *plain;
};

/* ---- parsing ------------------------------------------------------------------ */

static void
add_piece(struct reader *r, enum piece_kind kind, struct str text)
{
	struct plain *p = r->plain;

	/* Room doubles at 4, 8, 16... */
	if (p->n == 0 || (p->n >= 4 && (p->n & (p->n - 1)) == 0)) {
		struct piece *more = ARENA_ARRAY(r->arena,
		    p->n == 0 ? 4 : (size_t)p->n * 2, struct piece);

		if (p->n > 0)
			memcpy(more, p->pieces, p->n * sizeof(*more));
		p->pieces = more;
	}
	p->pieces[p->n++] = (struct piece){ kind, text };
}

static void
add_literal(struct reader *r, uint32_t end, bool trim_end)
{
	uint32_t start = r->i;

	while (r->trim_next && start < end && lex_is_space(r->text.p[start]))
		start++;
	while (trim_end && end > start && lex_is_space(r->text.p[end - 1]))
		end--;
	if (end > start)
		add_piece(r, PIECE_LITERAL,
		    str_make(r->text.p + start, end - start));
	r->trim_next = false;
}

static bool
add_value(struct reader *r, struct str name, const struct token *field)
{
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		const struct root *root = &roots[i];

		if (root->scope != r->scope || !str_is(name, root->text) ||
		    root->is_map != (field != NULL))
			continue;
		/* A method is no label. */
		if (field != NULL && r->scope == TEMPLATE_NOTIFICATION &&
		    member_find(TYPE_KV, field->text) != NULL)
			return false;
		add_piece(r, root->kind,
		    field != NULL ? field->text : (struct str){ "", 0 });
		r->plain->constant = false;
		r->plain->uses_value |= root->kind == PIECE_VALUE;
		return true;
	}
	return false;
}

/* The cursor is behind "{{" and its trim marker. */
static bool
read_action(struct reader *r)
{
	struct token name, field, close;
	bool has_field = false;

	if (lex_token(r->text, r->i, &name, NULL) < 0 ||
	    (name.kind != TOKEN_VAR && name.kind != TOKEN_FIELD) ||
	    name.text.n == 0 || lex_token(r->text, name.end, &close, NULL) < 0)
		return false;
	if (close.kind == TOKEN_FIELD && !close.space) {
		field = close;
		has_field = true;
		if (lex_token(r->text, field.end, &close, NULL) < 0)
			return false;
	}
	if (close.kind != TOKEN_CLOSE ||
	    !add_value(r, str_make(r->text.p + name.at, name.end - name.at),
		has_field ? &field : NULL))
		return false;
	r->trim_next = close.trim;
	r->i = close.end;
	return true;
}

bool
plain_parse(struct arena *arena, struct str text, enum template_scope scope,
    struct plain *ret)
{
	struct reader r = { .arena = arena, .text = text, .scope = scope,
		.plain = ret };

	*ret = (struct plain){ .constant = true };
	for (;;) {
		const char *open =
		    memmem(text.p + r.i, text.n - r.i, "{{", 2);
		uint32_t at;
		bool trim;

		if (open == NULL) {
			add_literal(&r, text.n, false);
			return true;
		}
		at = (uint32_t)(open - text.p);
		trim = text.n - at > 3 && open[2] == '-' &&
		    lex_is_space(open[3]);
		add_literal(&r, at, trim);
		r.i = at + (trim ? 4 : 2);
		if (!read_action(&r))
			return false;
	}
}

/* ---- use ---------------------------------------------------------------------- */

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

void
plain_expand(const struct plain *plain, const struct template_data *data,
    struct buf *out)
{
	uint32_t left = TEMPLATE_OUTPUT_MAX;
	char number[GO_FLOAT_MAX];

	for (uint32_t i = 0; i < plain->n && left > 0; i++) {
		struct str s = piece_text(&plain->pieces[i], data, number);

		if (s.n > left) {
			s = str_head(s, left);
			left = s.n; /* the last piece */
		}
		if (s.n > 0)
			buf_put_str(out, s);
		left -= s.n;
	}
}
