/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of lists, mappings and templates, and the JSON it expands to. */
#include "config.h"

#include "receiver/payload.h"

#include "base/attr.h"
#include "base/json.h"

enum payload_kind {
	PAYLOAD_LITERAL,
	PAYLOAD_TEXT,
	PAYLOAD_LIST,
	PAYLOAD_MAP
};

struct payload {
	enum payload_kind kind;
	const char *literal; /* JSON */
	struct template *text;
	uint32_t n;
	struct payload *items;  /* lists and mappings */
	struct template **keys; /* mappings */
};

/* ---- is it JSON? ------------------------------------------------------------------- */

static bool
skip_json(struct json_reader *r, int depth)
{
	enum json_kind kind = json_peek(r);
	struct str key, span;

	if (depth > JSON_DEPTH_MAX)
		return false;
	if (kind == JSON_OBJECT) {
		json_enter(r, JSON_OBJECT);
		while (json_next_key(r, &key))
			if (!skip_json(r, depth + 1))
				return false;
		return r->err_text == NULL;
	}
	if (kind == JSON_ARRAY) {
		json_enter(r, JSON_ARRAY);
		while (json_next_item(r))
			if (!skip_json(r, depth + 1))
				return false;
		return r->err_text == NULL;
	}
	if (!json_read_span(r, &span) || !str_is_utf8(span))
		return false;
	/* The reader takes NaN and Infinity, which are no JSON. */
	if (kind == JSON_NUMBER) {
		uint32_t at = span.p[0] == '-' ? 1 : 0;

		return at < span.n && span.p[at] >= '0' && span.p[at] <= '9';
	}
	return true;
}

static bool
is_json(struct str text, enum payload_texts texts)
{
	struct json_reader r;
	enum json_kind kind;

	if (text.n == 0)
		return false;
	json_reader_init(&r, text);
	kind = json_peek(&r);
	if (kind == JSON_STRING || kind == JSON_BAD || kind == JSON_END)
		return false;
	if (texts == PAYLOAD_TEXTS && kind != JSON_OBJECT && kind != JSON_ARRAY)
		return false;
	return skip_json(&r, 0) && json_finish(&r);
}

/* ---- writing ----------------------------------------------------------------------- */

static void
put_expanded(const struct template *t, const struct notification *n, enum payload_texts texts,
    bool is_key, struct buf *out)
{
	struct buf text = { 0 };
	struct str trimmed;

	message_expand(t, n, &text);
	trimmed = str_trim(buf_str(&text));
	if (!is_key && is_json(trimmed, texts))
		buf_put_str(out, trimmed);
	else
		json_put_str(out, buf_str(&text));
	buf_fini(&text);
}

void
payload_put(const struct payload *payload, const struct notification *n, enum payload_texts texts,
    struct buf *out)
{
	bool is_map = payload->kind == PAYLOAD_MAP;

	switch (payload->kind) {
	case PAYLOAD_LITERAL:
		buf_puts(out, payload->literal);
		return;
	case PAYLOAD_TEXT:
		put_expanded(payload->text, n, texts, false, out);
		return;
	case PAYLOAD_LIST:
	case PAYLOAD_MAP:
		break;
	}
	buf_putc(out, is_map ? '{' : '[');
	for (uint32_t i = 0; i < payload->n && !out->overflow; i++) {
		if (i > 0)
			buf_putc(out, ',');
		if (is_map) {
			put_expanded(payload->keys[i], n, texts, true, out);
			buf_putc(out, ':');
		}
		payload_put(&payload->items[i], n, texts, out);
	}
	buf_putc(out, is_map ? '}' : ']');
}

uint32_t
payload_members(const struct payload *payload, const struct notification *n, struct arena *arena,
    struct payload_member **ret)
{
	struct buf key = { 0 };

	*ret = NULL;
	if (payload == NULL || payload->kind != PAYLOAD_MAP)
		return 0;
	*ret = ARENA_ARRAY(arena, payload->n + 1, struct payload_member);
	for (uint32_t i = 0; i < payload->n; i++) {
		buf_clear(&key);
		message_expand(payload->keys[i], n, &key);
		(*ret)[i] =
		    (struct payload_member){ arena_str(arena, buf_str(&key)), &payload->items[i] };
	}
	buf_fini(&key);
	return payload->n;
}

/* ---- reading ----------------------------------------------------------------------- */

/* What YAML takes for no text: plain numbers and words. NULL: a text. */
static const char *
literal_of(struct schema_context *ctx, const struct yaml_node *node)
{
	static const struct {
		const char *word, *json;
	} words[] = {
		{ "true", "true" },
		{ "True", "true" },
		{ "TRUE", "true" },
		{ "yes", "true" },
		{ "Yes", "true" },
		{ "YES", "true" },
		{ "on", "true" },
		{ "On", "true" },
		{ "ON", "true" },
		{ "false", "false" },
		{ "False", "false" },
		{ "FALSE", "false" },
		{ "no", "false" },
		{ "No", "false" },
		{ "NO", "false" },
		{ "off", "false" },
		{ "Off", "false" },
		{ "OFF", "false" },
	};

	if (node->kind == YAML_NULL)
		return "null";
	if (node->style != YAML_PLAIN)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_is(node->text, words[i].word))
			return words[i].json;
	return is_json(node->text, PAYLOAD_TYPED) ? arena_str(ctx->arena, node->text).p : NULL;
}

static bool
read_node(struct schema_context *ctx, const struct yaml_node *node, struct payload *payload)
{
	bool is_map = node->kind == YAML_MAPPING, all = true;

	if (node->kind == YAML_NULL || node->kind == YAML_SCALAR) {
		payload->literal = literal_of(ctx, node);
		payload->kind = PAYLOAD_LITERAL;
		if (payload->literal != NULL)
			return true;
		payload->kind = PAYLOAD_TEXT;
		payload->text = schema_notification_template(ctx, node);
		return payload->text != NULL;
	}
	payload->kind = is_map ? PAYLOAD_MAP : PAYLOAD_LIST;
	payload->n = node->n;
	payload->items = ARENA_ARRAY(ctx->arena, node->n + 1, struct payload);
	if (is_map)
		payload->keys = ARENA_ARRAY(ctx->arena, node->n + 1, struct template *);
	for (uint32_t i = 0; i < node->n; i++) {
		if (is_map) {
			payload->keys[i] =
			    schema_notification_template(ctx, node->pairs[i].key);
			all &= payload->keys[i] != NULL;
		}
		all &= read_node(
		    ctx, is_map ? node->pairs[i].value : node->items[i], &payload->items[i]);
	}
	return all;
}

void
payload_read(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct payload *payload = ARENA_NEW(ctx->arena, struct payload);

	if (read_node(ctx, node, payload))
		*(struct payload **)member = payload;
}

void
payload_read_map(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	if (node->kind != YAML_MAPPING)
		schema_expected(ctx, node, "a mapping such as {key: text}");
	else
		payload_read(ctx, node, member);
}
