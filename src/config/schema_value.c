/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of a table: text to the C member its row names.
 *
 * Types come from the row, never from the look of the text; a text that does
 * not fit is told what was wanted, with an example.  The texts of secrets are
 * never repeated in a message.
 */
#include <config.h>

#include "config/schema_internal.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/duration.h"

/* ---- messages -------------------------------------------------------------- */

static void
expected(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, const char *want)
{
	const bool hidden = field != NULL &&
	    (field->kind == FIELD_SECRET || (field->flags & FIELD_HIDDEN) != 0);

	if (node->kind == YAML_SCALAR && !hidden) {
		diag_error(ctx->diag, node->pos, "expected %s, got \"%.*s\"",
		    want, STR_ARG(str_head(node->text, 60)));
	} else {
		diag_error(ctx->diag, node->pos, "expected %s, got %s", want,
		    yaml_kind_name(node));
	}
}

void
schema_expected(struct schema_context *ctx, const struct yaml_node *node,
    const char *want)
{
	expected(ctx, NULL, node, want);
}

void
schema_error_in(struct schema_context *ctx, const struct yaml_node *scalar,
    const struct err *err, const char *what)
{
	const struct pos pos = err->at != ERR_NOWHERE ?
	    yaml_pos_at(scalar, err->at) :
	    scalar->pos;

	if (what != NULL && what[0] != '\0') {
		diag_error(ctx->diag, pos, "%s: %s", what, err->text);
	} else {
		diag_error(ctx->diag, pos, "%s", err->text);
	}
}

const char *
schema_scalar(struct schema_context *ctx, const struct yaml_node *node,
    const char *what)
{
	if (node->kind != YAML_SCALAR) {
		schema_expected(ctx, node, what);
		return NULL;
	}
	return arena_str(ctx->arena, node->text).p;
}

bool
schema_is_list(struct schema_context *ctx, const struct yaml_node *node,
    const char *example)
{
	if (node->kind == YAML_SEQUENCE) {
		return true;
	}
	schema_expected(ctx, node,
	    arena_printf(ctx->arena, "a list such as %s", example));
	return false;
}

/* ---- texts ------------------------------------------------------------------ */

bool
schema_text_read(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, const char *want, struct str *ret,
    bool *ret_changed)
{
	*ret_changed = false;
	if (node->kind != YAML_SCALAR) {
		expected(ctx, field, node, want);
		return false;
	}
	if (ctx->expand_env) {
		if (!schema_expand_env(ctx->arena, ctx->diag, node, ret,
			ret_changed)) {
			return false;
		}
	} else {
		*ret = node->text;
	}
	if (!*ret_changed) {
		*ret = arena_str(ctx->arena, *ret);
	}
	return true;
}

const char *
schema_path(struct schema_context *ctx, const char *path)
{
	if (path[0] == '/' || path[0] == '\0' || ctx->dir == NULL ||
	    ctx->dir[0] == '\0' || strcmp(ctx->dir, ".") == 0) {
		return arena_strdup(ctx->arena, path);
	}
	return arena_printf(ctx->arena, "%s/%s", ctx->dir, path);
}

static void
check_readable(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, const char *path)
{
	if (!ctx->check_files || access(path, R_OK) == 0) {
		return;
	}
	if ((field->flags & FIELD_LATER) != 0) {
		diag_warning(ctx->diag, node->pos,
		    "cannot read '%s': %s; it is needed at each use, which fails and is tried "
		    "again until then",
		    path, strerrordesc_np(errno));
	} else {
		diag_error(ctx->diag, node->pos, "cannot read '%s': %s", path,
		    strerrordesc_np(errno));
	}
}

static void
read_string(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	const char **member = place;
	struct str text;
	bool changed;

	if (!schema_text_read(ctx, field, node, "a string", &text, &changed)) {
		return;
	}
	if (text.n == 0 && (field->flags & FIELD_NONEMPTY) != 0) {
		diag_error(ctx->diag, node->pos, "'%s' must not be empty",
		    field->name);
		return;
	}
	*member = text.p;
	if ((field->flags & FIELD_PATH) != 0) {
		*member = schema_path(ctx, text.p);
		if ((field->flags & (FIELD_READABLE | FIELD_LATER)) != 0) {
			check_readable(ctx, field, node, *member);
		}
	}
}

static bool
address_is_good(struct str url, uint32_t scheme)
{
	if (scheme == 0 || url.n == scheme || url.p[scheme] == '/' ||
	    url.p[scheme] == ':' || url.p[scheme] == '?') {
		return false;
	}
	for (uint32_t i = 0; i < url.n; i++) {
		const unsigned char c = (unsigned char)url.p[i];

		if (c <= ' ' || c == 0x7F || c == '"') {
			return false;
		}
	}
	return true;
}

static bool
url_is_good(struct str url)
{
	return address_is_good(url,
	    str_starts(url, STR("https://"))  ? 8 :
		str_starts(url, STR("http://")) ? 7 :
						  0);
}

static bool
socks_is_good(struct str url)
{
	return address_is_good(url,
	    str_starts(url, STR("socks5h://"))	? 10 :
		str_starts(url, STR("socks5://")) ? 9 :
						    0);
}

static void
read_url(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	static const char want[] = "a URL such as http://localhost:9090";
	const char **member = place;
	struct str text;
	bool changed;

	if (!schema_text_read(ctx, field, node, want, &text, &changed)) {
		return;
	}
	if ((field->flags & FIELD_PROXY) != 0 && text.n == 0) {
		return;
	}
	if (!url_is_good(text) &&
	    ((field->flags & FIELD_PROXY) == 0 || !socks_is_good(text))) {
		expected(ctx, field, node, want);
		return;
	}
	*member = text.p;
}

/* ---- yes or no, numbers, durations, choices ---------------------------------- */

/*
 * YAML 1.1 words are understood because Alertmanager understands them; the
 * row says that a truth value is wanted, so no text is ever mistaken for one.
 */
static void
read_bool(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	static const char *const words[][2] = {
		{ "false", "true" }, { "False", "True" }, { "FALSE", "TRUE" },
		{ "no", "yes" }, { "No", "Yes" }, { "NO", "YES" },
		{ "off", "on" }, { "Off", "On" }, { "OFF", "ON" },
	};
	bool *member = place;

	if (node->kind == YAML_SCALAR && node->style == YAML_PLAIN) {
		for (size_t i = 0; i < ARRAY_LEN(words); i++) {
			if (str_is(node->text, words[i][0]) ||
			    str_is(node->text, words[i][1])) {
				*member = str_is(node->text, words[i][1]);
				return;
			}
		}
	}
	expected(ctx, field, node, "true or false (without quotes)");
}

static bool
in_range(const struct schema_field *field, double v)
{
	return (field->min == 0 && field->max == 0) ||
	    (v >= field->min && v <= field->max);
}

static void
expected_number(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, const char *what, const char *example)
{
	const char *want;

	if (field->min != 0 || field->max != 0) {
		want = arena_printf(ctx->arena, "%s from %.15g to %.15g", what,
		    field->min, field->max);
	} else if ((field->flags & FIELD_POSITIVE) != 0) {
		want = arena_printf(ctx->arena, "%s above 0", what);
	} else if ((field->flags & FIELD_NOT_NEGATIVE) != 0) {
		want = arena_printf(ctx->arena, "%s that is not negative", what);
	} else {
		want = arena_printf(ctx->arena, "%s such as %s", what, example);
	}
	expected(ctx, field, node, want);
}

static void
read_int(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	int64_t *member = place;
	int64_t v;

	if (node->kind == YAML_SCALAR && str_to_i64(node->text, &v) &&
	    in_range(field, (double)v) &&
	    ((field->flags & FIELD_POSITIVE) == 0 || v > 0) &&
	    ((field->flags & FIELD_NOT_NEGATIVE) == 0 || v >= 0)) {
		*member = v;
		return;
	}
	expected_number(ctx, field, node, "a whole number", "10");
}

static bool
number_is_good(const struct schema_field *field, const struct yaml_node *node,
    double *ret)
{
	return node->kind == YAML_SCALAR && str_to_double(node->text, ret) &&
	    isfinite(*ret) && in_range(field, *ret) &&
	    ((field->flags & FIELD_POSITIVE) == 0 || *ret > 0) &&
	    ((field->flags & FIELD_NOT_NEGATIVE) == 0 || *ret >= 0);
}

static void
read_double(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	double *member = place;
	double v;

	if (number_is_good(field, node, &v)) {
		*member = v;
		return;
	}
	expected_number(ctx, field, node, "a number", "0.5");
}

static void
read_duration(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	dur_t *member = place;
	const bool go = (field->flags & FIELD_GO_DURATION) != 0;
	struct err err;
	dur_t d;

	if (node->kind != YAML_SCALAR ||
	    (duration_parse(node->text, &d, &err) < 0 &&
		(!go || duration_parse_go(node->text, &d, &err) < 0))) {
		expected(ctx, field, node, "a duration such as 5m");
		return;
	}
	if ((field->flags & FIELD_POSITIVE) != 0 && d.ns <= 0) {
		diag_error(ctx->diag, node->pos, "'%s' must be longer than 0",
		    field->name);
		return;
	}
	*member = d;
}

static void
read_enum(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	int *member = place;
	struct buf want = { 0 };
	int n = 0;

	for (; field->choices[n] != NULL; n++) {
		if (node->kind == YAML_SCALAR &&
		    str_is(node->text, field->choices[n])) {
			*member = n;
			buf_fini(&want);
			return;
		}
		buf_printf(&want, "%s%s", n > 0 ? ", " : "one of ",
		    field->choices[n]);
	}
	expected(ctx, field, node, want.p);
	buf_fini(&want);
}

/* ---- lists and maps ------------------------------------------------------------ */

bool
schema_is_mapping(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, const char *example)
{
	if (node->kind == YAML_MAPPING) {
		return true;
	}
	expected(ctx, field, node,
	    arena_printf(ctx->arena, "a mapping such as %s", example));
	return false;
}

static void
read_string_list(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	struct string_list *member = place;

	if (!schema_is_list(ctx, node, "[a, b]")) {
		return;
	}
	member->set = true;
	if (node->n == 0) {
		if ((field->flags & FIELD_NONEMPTY) != 0) {
			diag_error(ctx->diag, node->pos,
			    "'%s' must not be empty", field->name);
		}
		return;
	}
	member->items = ARENA_ARRAY(ctx->arena, node->n, const char *);
	member->pos = ARENA_ARRAY(ctx->arena, node->n, struct pos);
	for (uint32_t i = 0; i < node->n; i++) {
		struct str text;
		bool changed;

		if (schema_text_read(ctx, field, node->items[i], "a string", &text,
			&changed)) {
			member->items[member->n] = text.p;
			member->pos[member->n++] = node->items[i]->pos;
		}
	}
}

static void
read_string_map(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	struct string_map *member = place;

	if (!schema_is_mapping(ctx, field, node, "{key: text}")) {
		return;
	}
	member->set = true;
	member->pairs = ARENA_ARRAY(ctx->arena, node->n, struct string_pair);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct yaml_pair *pair = &node->pairs[i];
		struct str text = STR("");
		bool changed;

		if (pair->value->kind == YAML_NULL && (field->flags & FIELD_NONEMPTY) != 0) {
			diag_error(ctx->diag, pair->value->pos, "'%s' has no value",
			    arena_str(ctx->arena, pair->key->text).p);
			continue;
		}
		if (pair->value->kind == YAML_NULL ||
		    schema_text_read(ctx, field, pair->value, "a string", &text,
			&changed)) {
			member->pairs[member->n++] = (struct string_pair){
				arena_str(ctx->arena, pair->key->text).p,
				text.p, pair->key->pos, pair->value->pos
			};
		}
	}
}

static void
read_number_map(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	struct number_map *member = place;

	if (!schema_is_mapping(ctx, field, node, "{name: 1.5}")) {
		return;
	}
	member->pairs = ARENA_ARRAY(ctx->arena, node->n, struct number_pair);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct yaml_pair *pair = &node->pairs[i];
		double v;

		if (!number_is_good(field, pair->value, &v)) {
			expected_number(ctx, field, pair->value, "a number",
			    "0.5");
			continue;
		}
		member->pairs[member->n++] = (struct number_pair){
			arena_str(ctx->arena, pair->key->text).p, v,
			pair->value->pos
		};
	}
	if (node->n == 0 && (field->flags & FIELD_NONEMPTY) != 0) {
		diag_error(ctx->diag, node->pos, "'%s' must not be empty",
		    field->name);
	}
}

static void
read_sub(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	void **member = place;

	*member = arena_alloc(ctx->arena, field->sub->size);
	schema_read(ctx, field->sub, node, *member);
}

static void
read_sub_list(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	struct sub_list *member = place;

	if (!schema_is_list(ctx, node, "[{...}]")) {
		return;
	}
	member->set = true;
	if (node->n == 0) {
		return;
	}
	member->n = node->n;
	member->items = ARENA_ARRAY(ctx->arena, node->n, void *);
	member->pos = ARENA_ARRAY(ctx->arena, node->n, struct pos);
	member->failed = ARENA_ARRAY(ctx->arena, node->n, bool);
	for (uint32_t i = 0; i < node->n; i++) {
		const uint32_t errors = diag_errors(ctx->diag);

		member->pos[i] = node->items[i]->pos;
		read_sub(ctx, field, node->items[i], &member->items[i]);
		member->failed[i] = diag_errors(ctx->diag) != errors;
	}
}

static void
read_embed(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	schema_read(ctx, field->sub, node, place);
}

static void
read_custom(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	field->custom(ctx, node, place);
}

/* NULL: has no member. */
static void (*const readers[])(struct schema_context *ctx,
    const struct schema_field *field, const struct yaml_node *node,
    void *place) = {
	[FIELD_STRING] = read_string,
	[FIELD_BOOL] = read_bool,
	[FIELD_INT] = read_int,
	[FIELD_DOUBLE] = read_double,
	[FIELD_DURATION] = read_duration,
	[FIELD_ENUM] = read_enum,
	[FIELD_URL] = read_url,
	[FIELD_TEMPLATE] = schema_read_template,
	[FIELD_SECRET] = schema_read_secret,
	[FIELD_STRING_LIST] = read_string_list,
	[FIELD_STRING_MAP] = read_string_map,
	[FIELD_TEMPLATE_MAP] = schema_read_template_map,
	[FIELD_NUMBER_MAP] = read_number_map,
	[FIELD_SUB] = read_sub,
	[FIELD_EMBED] = read_embed,
	[FIELD_SUB_LIST] = read_sub_list,
	[FIELD_CUSTOM] = read_custom,
	[FIELD_UNSUPPORTED] = NULL,
	[FIELD_ACCEPTED] = NULL,
};
static_assert(ARRAY_LEN(readers) == FIELD_KIND_COUNT, "a reader for every kind");

void
schema_read_value(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *member)
{
	const bool expand = ctx->expand_env;

	/* On a row of mappings the flag holds for everything below. */
	ctx->expand_env = expand || (field->flags & FIELD_ENV) != 0;
	if (readers[field->kind] != NULL) {
		readers[field->kind](ctx, field, node, member);
	}
	ctx->expand_env = expand;
}
