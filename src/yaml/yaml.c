/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's events to a tree.
 *
 * The tree is built here and not by libyaml's loader because that one knows
 * neither duplicate keys nor limits.  Everything that libyaml accepts without
 * bound is bounded before the descent: depth, nodes and bytes after the
 * expansion of aliases.  An alias is the anchor's node itself, shared; its
 * cost is counted as if it were copied, because readers walk it so.
 */
#include "config.h"

#include "yaml/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static struct yaml_node *node_read(struct reader *r, yaml_event_t *event,
    uint32_t depth);

/* ---- positions ------------------------------------------------------------ */

/* Moves the cursor to a character and returns its byte. */
static size_t
byte_of(struct reader *r, size_t chars)
{
	const char *p = r->text.p;

	while (r->cursor_chars < chars && r->cursor_bytes < r->text.n) {
		do {
			r->cursor_bytes++;
		} while (r->cursor_bytes < r->text.n &&
		    ((unsigned char)p[r->cursor_bytes] & 0xC0) == 0x80);
		r->cursor_chars++;
	}
	while (r->cursor_chars > chars && r->cursor_bytes > 0) {
		do {
			r->cursor_bytes--;
		} while (r->cursor_bytes > 0 &&
		    ((unsigned char)p[r->cursor_bytes] & 0xC0) == 0x80);
		r->cursor_chars--;
	}
	return r->cursor_bytes;
}

static struct pos
event_pos(const struct reader *r, const yaml_event_t *event)
{
	struct pos pos = yaml_mark_pos(r, event->start_mark);

	if (event->start_mark.line == event->end_mark.line &&
	    event->end_mark.column > event->start_mark.column) {
		pos.width = (uint32_t)(event->end_mark.column -
		    event->start_mark.column);
	}
	return pos;
}

/* ---- budgets -------------------------------------------------------------- */

static bool
spend(struct reader *r, struct pos pos, uint64_t nodes, uint64_t bytes,
    uint32_t depth)
{
	r->nodes += nodes;
	r->bytes += bytes;
	if (depth > r->deepest) {
		r->deepest = depth;
	}
	if (depth > YAML_DEPTH_MAX) {
		diag_error(r->diag, pos, "nested deeper than %d levels",
		    YAML_DEPTH_MAX);
		return false;
	}
	if (r->nodes > YAML_NODES_MAX) {
		diag_error(r->diag, pos,
		    "more than %d values once aliases are expanded; "
		    "use fewer aliases or split the file",
		    YAML_NODES_MAX);
		return false;
	}
	if (r->bytes > YAML_TEXT_BYTES_MAX) {
		diag_error(r->diag, pos,
		    "more than %u MiB of text once aliases are expanded; "
		    "use fewer aliases or split the file",
		    YAML_TEXT_BYTES_MAX >> 20);
		return false;
	}
	return true;
}

/* ---- events --------------------------------------------------------------- */

static bool
event_next(struct reader *r, yaml_event_t *event)
{
	if (!yaml_parser_parse(&r->parser, event)) {
		yaml_report_syntax(r);
		return false;
	}
	return true;
}

enum tag { TAG_NONE, TAG_STR, TAG_NULL, TAG_PLAIN, TAG_BAD };

static enum tag
scalar_tag(struct reader *r, const yaml_event_t *event)
{
	static const struct {
		const char *name;
		enum tag tag;
	} known[] = {
		{ "!", TAG_STR },
		{ YAML_STR_TAG, TAG_STR },
		{ YAML_NULL_TAG, TAG_NULL },
		{ YAML_BOOL_TAG, TAG_PLAIN },
		{ YAML_INT_TAG, TAG_PLAIN },
		{ YAML_FLOAT_TAG, TAG_PLAIN },
	};
	const char *tag = (const char *)event->data.scalar.tag;

	if (tag == NULL) {
		return TAG_NONE;
	}
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(tag, known[i].name) == 0) {
			return known[i].tag;
		}
	}
	diag_error(r->diag, event_pos(r, event),
	    "the tag '%s' is not known; remove it", tag);
	return TAG_BAD;
}

static bool
collection_tag_ok(struct reader *r, const yaml_event_t *event,
    const yaml_char_t *tag, const char *allowed)
{
	if (tag == NULL || strcmp((const char *)tag, "!") == 0 ||
	    strcmp((const char *)tag, allowed) == 0) {
		return true;
	}
	diag_error(r->diag, yaml_mark_pos(r, event->start_mark),
	    "the tag '%s' is not known; remove it", (const char *)tag);
	return false;
}

static bool
text_is_null(struct str text)
{
	return text.n == 0 || str_is(text, "~") || str_is(text, "null") ||
	    str_is(text, "Null") || str_is(text, "NULL");
}

static enum yaml_style
scalar_style(const yaml_event_t *event)
{
	switch (event->data.scalar.style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
		return YAML_SINGLE_QUOTED;
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		return YAML_DOUBLE_QUOTED;
	case YAML_LITERAL_SCALAR_STYLE:
		return YAML_LITERAL;
	case YAML_FOLDED_SCALAR_STYLE:
		return YAML_FOLDED;
	case YAML_ANY_SCALAR_STYLE:
	case YAML_PLAIN_SCALAR_STYLE:
		break;
	}
	return YAML_PLAIN;
}

static struct yaml_node *
scalar_read(struct reader *r, const yaml_event_t *event)
{
	const enum tag tag = scalar_tag(r, event);
	const size_t start = byte_of(r, event->start_mark.index);
	const size_t end = byte_of(r, event->end_mark.index);
	struct yaml_node *node = ARENA_NEW(r->arena, struct yaml_node);

	node->kind = YAML_SCALAR;
	node->style = scalar_style(event);
	node->pos = event_pos(r, event);
	node->text = arena_str(r->arena,
	    str_make((const char *)event->data.scalar.value,
		event->data.scalar.length));
	node->source = str_make(r->text.p + start, end > start ? end - start : 0);
	if (memchr(node->text.p, '\0', node->text.n) != NULL) {
		diag_error(r->diag, node->pos, "a text cannot hold a NUL");
		return NULL;
	}
	switch (tag) {
	case TAG_BAD:
		return NULL;
	case TAG_NONE:
		if (node->style == YAML_PLAIN && text_is_null(node->text)) {
			node->kind = YAML_NULL;
		}
		break;
	case TAG_STR: /* !!str true is a text: as if it had been quoted */
		if (node->style == YAML_PLAIN) {
			node->style = YAML_DOUBLE_QUOTED;
		}
		break;
	case TAG_NULL:
		node->kind = YAML_NULL;
		break;
	case TAG_PLAIN:
		node->style = YAML_PLAIN;
		break;
	}
	return node;
}

/* ---- anchors -------------------------------------------------------------- */

static struct yaml_node *
alias_read(struct reader *r, const yaml_event_t *event, uint32_t depth)
{
	const struct pos pos = event_pos(r, event);
	const char *name = (const char *)event->data.alias.anchor;

	for (struct anchor *a = r->anchors; a != NULL; a = a->next) {
		if (!str_is(a->name, name)) {
			continue;
		}
		if (a->node == NULL) {
			diag_error(r->diag, pos,
			    "the alias '*%s' is inside the value it stands for",
			    name);
			diag_note(r->diag, a->pos, "anchor '&%s' is here", name);
			return NULL;
		}
		if (!spend(r, pos, a->nodes, a->bytes, depth + a->height)) {
			return NULL;
		}
		return a->node;
	}
	diag_error(r->diag, pos,
	    "the alias '*%s' has no anchor '&%s' above it (a value that begins "
	    "with '*' needs quotes)",
	    name, name);
	return NULL;
}

static const yaml_char_t *
event_anchor(const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT) {
		return event->data.scalar.anchor;
	}
	if (event->type == YAML_SEQUENCE_START_EVENT) {
		return event->data.sequence_start.anchor;
	}
	return event->data.mapping_start.anchor;
}

static struct anchor *
anchor_add(struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *name = event_anchor(event);
	struct anchor *anchor;

	if (name == NULL) {
		return NULL;
	}
	anchor = ARENA_NEW(r->arena, struct anchor);
	anchor->name = arena_str(r->arena, str_from((const char *)name));
	anchor->pos = yaml_mark_pos(r, event->start_mark);
	anchor->next = r->anchors; /* a later anchor hides an earlier one */
	r->anchors = anchor;
	return anchor;
}

/* ---- mappings ------------------------------------------------------------- */

static struct yaml_node *
key_read(struct reader *r, yaml_event_t *event, uint32_t depth)
{
	const struct pos pos = yaml_mark_pos(r, event->start_mark);
	const bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
	struct yaml_node *key;

	if (is_mapping || event->type == YAML_SEQUENCE_START_EVENT) {
		yaml_event_delete(event);
		diag_error(r->diag, pos, "a key cannot be a %s%s",
		    is_mapping ? "mapping" : "list",
		    is_mapping ? "; put a text that begins with '{{' in quotes" :
				 "");
		return NULL;
	}
	key = node_read(r, event, depth);
	if (key != NULL && key->kind != YAML_SCALAR && key->kind != YAML_NULL) {
		diag_error(r->diag, pos, "a key cannot be %s",
		    yaml_kind_name(key));
		return NULL;
	}
	return key;
}

static bool
pair_read(struct reader *r, struct pairs *pairs, yaml_event_t *event,
    struct yaml_node **ret_merge, uint32_t depth)
{
	struct yaml_node *key = key_read(r, event, depth);
	const struct yaml_node *first;
	struct yaml_node *value;

	if (key == NULL || !event_next(r, event)) {
		return false;
	}
	value = node_read(r, event, depth);
	if (value == NULL) {
		return false;
	}
	if (key->style == YAML_PLAIN && str_is(key->text, "<<")) {
		if (*ret_merge == NULL) {
			*ret_merge = value;
			return true;
		}
		diag_error(r->diag, key->pos,
		    "duplicate key '<<'; give it a list of mappings");
		return true;
	}
	first = yaml_pairs_find(pairs, key->text);
	if (first != NULL) {
		diag_error(r->diag, key->pos, "duplicate key '%.*s'",
		    STR_ARG(str_head(key->text, 80)));
		diag_note(r->diag, first->pos, "first given here");
		return true;
	}
	yaml_pairs_add(pairs, key, value);
	return true;
}

static bool
mapping_read(struct reader *r, struct yaml_node *node, uint32_t depth)
{
	struct pairs pairs = { 0 };
	struct yaml_node *from = NULL;
	yaml_event_t event;
	bool ok;

	while ((ok = event_next(r, &event)) &&
	    event.type != YAML_MAPPING_END_EVENT) {
		ok = pair_read(r, &pairs, &event, &from, depth + 1);
		if (!ok) {
			break;
		}
	}
	if (ok) {
		yaml_event_delete(&event);
		ok = from == NULL || yaml_pairs_merge(r, &pairs, from);
	}
	if (ok && pairs.n > 0) {
		node->n = (uint32_t)pairs.n;
		node->pairs = ARENA_ARRAY(r->arena, pairs.n, struct yaml_pair);
		memcpy(node->pairs, pairs.p, pairs.n * sizeof(*pairs.p));
	}
	map_fini(&pairs.keys);
	free(pairs.p);
	return ok;
}

/* ---- the rest of the tree ------------------------------------------------- */

static bool
sequence_read(struct reader *r, struct yaml_node *node, uint32_t depth)
{
	struct yaml_node **items = NULL;
	size_t n = 0, cap = 0;
	yaml_event_t event;
	bool ok;

	while ((ok = event_next(r, &event)) &&
	    event.type != YAML_SEQUENCE_END_EVENT) {
		struct yaml_node *item = node_read(r, &event, depth + 1);

		if (item == NULL) {
			ok = false;
			break;
		}
		items = xgrow(items, &cap, n + 1, sizeof(*items));
		items[n++] = item;
	}
	if (ok) {
		yaml_event_delete(&event);
	}
	if (ok && n > 0) {
		node->n = (uint32_t)n;
		node->items = ARENA_ARRAY(r->arena, n, struct yaml_node *);
		memcpy(node->items, items, n * sizeof(*items));
	}
	free(items);
	return ok;
}

static struct yaml_node *
collection_read(struct reader *r, yaml_event_t *event, uint32_t depth)
{
	struct yaml_node *node = ARENA_NEW(r->arena, struct yaml_node);
	const bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
	bool ok;

	node->kind = is_mapping ? YAML_MAPPING : YAML_SEQUENCE;
	node->pos = yaml_mark_pos(r, event->start_mark);
	ok = is_mapping ? collection_tag_ok(r, event,
			      event->data.mapping_start.tag, YAML_MAP_TAG) :
			  collection_tag_ok(r, event,
			      event->data.sequence_start.tag, YAML_SEQ_TAG);
	yaml_event_delete(event);
	if (ok) {
		ok = is_mapping ? mapping_read(r, node, depth) :
				  sequence_read(r, node, depth);
	}
	return ok ? node : NULL;
}

/* Deletes the event. Recursion is bounded by YAML_DEPTH_MAX. */
static struct yaml_node *
node_read(struct reader *r, yaml_event_t *event, uint32_t depth)
{
	const uint64_t nodes = r->nodes, bytes = r->bytes;
	const uint32_t deepest = r->deepest;
	struct anchor *anchor;
	struct yaml_node *node;

	if (event->type == YAML_ALIAS_EVENT) {
		node = alias_read(r, event, depth);
		yaml_event_delete(event);
		return node;
	}
	if (!spend(r, yaml_mark_pos(r, event->start_mark), 1,
		event->type == YAML_SCALAR_EVENT ? event->data.scalar.length : 0,
		depth)) {
		yaml_event_delete(event);
		return NULL;
	}
	anchor = anchor_add(r, event);
	r->deepest = depth;
	if (event->type == YAML_SCALAR_EVENT) {
		node = scalar_read(r, event);
		yaml_event_delete(event);
	} else {
		node = collection_read(r, event, depth);
	}
	if (anchor != NULL) {
		anchor->node = node;
		anchor->nodes = r->nodes - nodes;
		anchor->bytes = r->bytes - bytes;
		anchor->height = r->deepest - depth;
	}
	if (deepest > r->deepest) {
		r->deepest = deepest;
	}
	return node;
}

static void
second_document(struct reader *r, struct pos pos)
{
	if (r->second != NULL) {
		*r->second = pos;
		return;
	}
	yaml_second_document(r->diag, pos);
}

/* What follows a last "---": a document without anything in it. */
static bool
is_nothing(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
	       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* After the first document only the end of the stream may come, or nothing after another "---". */
static bool
stream_ends(struct reader *r)
{
	yaml_event_t event;
	struct pos pos;
	bool ok = true;

	for (;;) {
		if (!event_next(r, &event)) {
			return false;
		}
		if (event.type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&event);
			return ok;
		}
		if (event.type == YAML_DOCUMENT_START_EVENT) {
			pos = yaml_mark_pos(r, event.start_mark);
			yaml_event_delete(&event);
			if (!event_next(r, &event))
				return false;
			if (!is_nothing(&event)) {
				yaml_event_delete(&event);
				second_document(r, pos);
				return r->second != NULL;
			}
		}
		yaml_event_delete(&event);
	}
}

static struct yaml_node *
document_read(struct reader *r)
{
	struct yaml_node *root = NULL;
	yaml_event_t event;

	while (event_next(r, &event)) {
		if (event.type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&event);
			root = ARENA_NEW(r->arena, struct yaml_node);
			root->kind = YAML_NULL;
			root->text = STR("");
			root->pos = (struct pos){ r->file, 1, 1, 0 };
			return root;
		}
		if (event.type == YAML_STREAM_START_EVENT ||
		    event.type == YAML_DOCUMENT_START_EVENT) {
			yaml_event_delete(&event);
			continue;
		}
		root = node_read(r, &event, 1);
		return root != NULL && stream_ends(r) ? root : NULL;
	}
	return NULL;
}

void
yaml_second_document(struct diag *diag, struct pos pos)
{
	diag_error(diag, pos, "a second document begins here; "
	    "put each document into a file of its own");
}

struct yaml_node *
yaml_parse(struct arena *arena, struct diag *diag, const char *file_name,
    struct str text)
{
	return yaml_parse_first(arena, diag, file_name, text, NULL);
}

struct yaml_node *
yaml_parse_first(struct arena *arena, struct diag *diag, const char *file_name,
    struct str text, struct pos *ret_second)
{
	struct reader r = { .arena = arena, .diag = diag,
		.file = yaml_name_keep(file_name), .second = ret_second };
	struct yaml_node *root;

	if (text.n > YAML_FILE_BYTES_MAX) {
		diag_add_file(diag, file_name, STR(""));
		diag_error(diag, (struct pos){ .file = r.file },
		    "the file is larger than %u MiB; split it",
		    YAML_FILE_BYTES_MAX >> 20);
		return NULL;
	}
	if (str_starts(text, STR("\xEF\xBB\xBF"))) {
		text = str_make(text.p + 3, text.n - 3);
	}
	diag_add_file(diag, file_name, text);
	r.text = arena_str(arena, text);
	if (!yaml_parser_initialize(&r.parser)) {
		abort(); /* out of memory: as xmalloc does */
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser,
	    (const unsigned char *)r.text.p, r.text.n);
	root = document_read(&r);
	yaml_parser_delete(&r.parser);
	return root;
}
