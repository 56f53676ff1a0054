/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes a rule the same rule after its file was edited.
 *
 * State is adopted by identity, so it covers what gives a rule its meaning
 * (group, name, source, condition, labels) and nothing else: annotations,
 * `for`, order and white space may change.
 */
#include <config.h>

#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "config/internal.h"

#define IDENTITY_HEX 32

struct identity_count {
	char digest[IDENTITY_HEX + 1];
	uint32_t n;
};

static void
put_part(struct buf *buf, struct str part)
{
	buf_put_u32le(buf, part.n);
	buf_put_str(buf, part);
}

static void
digest(const struct buf *buf, char out[IDENTITY_HEX + 1])
{
	char hex[65];

	sha256_hex(buf->p, buf->n, hex);
	memcpy(out, hex, IDENTITY_HEX);
	out[IDENTITY_HEX] = '\0';
}

static bool
count_is(const void *value, const void *key)
{
	return strcmp(((const struct identity_count *)value)->digest, key) == 0;
}

/* Rules that are the same in all of this are told apart by their order. */
static uint32_t
ordinal(struct loader *l, struct map *seen, const char *text)
{
	const uint64_t hash = hash_bytes(text, IDENTITY_HEX);
	struct identity_count *count = map_find(seen, hash, count_is, text);

	if (count == NULL) {
		count = ARENA_NEW(l->scratch, struct identity_count);
		memcpy(count->digest, text, IDENTITY_HEX + 1);
		map_insert(seen, hash, count);
	}
	return count->n++;
}

void
rule_identify(struct loader *l, struct rule_config *rule, struct map *seen)
{
	char text[IDENTITY_HEX + 1];
	struct buf buf = { 0 }, condition = { 0 };
	uint32_t same;

	put_part(&buf, str_from(rule->group->name));
	put_part(&buf, str_from(rule->name));
	put_part(&buf,
	    rule->source != NULL ? str_from(rule->source->name) : STR(""));
	put_part(&buf,
	    rule->recording ? STR("record") : str_from(rule->kind->name));
	/* A recording rule has no alerts to keep, only series to end. */
	if (!rule->recording && rule->kind->identity != NULL) {
		rule->kind->identity(rule, &condition);
	}
	put_part(&buf, buf_str(&condition));
	for (uint32_t i = 0; i < rule->labels.n; i++) {
		put_part(&buf, str_from(rule->labels.pairs[i].key));
		put_part(&buf, template_text(rule->labels.pairs[i].template));
	}
	for (uint32_t i = 0; i < rule->literals.n; i++) {
		put_part(&buf, str_from(rule->literals.pairs[i].key));
		put_part(&buf, str_from(rule->literals.pairs[i].value));
	}
	digest(&buf, text);
	same = ordinal(l, seen, text);
	if (same > 0) {
		buf_put_u32le(&buf, same);
		digest(&buf, text);
	}
	rule->identity = arena_strdup(l->ctx.arena, text);
	buf_fini(&condition);
	buf_fini(&buf);
}

/* ---- queries ----------------------------------------------------------------- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_word(char c)
{
	const unsigned char u = (unsigned char)c;

	return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') ||
	    (u >= '0' && u <= '9') || u >= 0x80 ||
	    (c != '\0' && strchr("_:.@$", c) != NULL);
}

/* Would the two, put together, read as something else? */
static bool
would_join(char a, char b)
{
	static const char operators[] = "<>=!~|&+-*/%^#";

	return (is_word(a) && is_word(b)) ||
	    (a == b && a != '\0' && strchr(operators, a) != NULL) ||
	    (a != '\0' && strchr("<>=!", a) != NULL && b != '\0' &&
		strchr("=~>", b) != NULL) ||
	    (a == '/' && b == '*') || (a == '*' && b == '/');
}

void
config_normalize_query(struct str query, struct buf *out)
{
	const struct str text = str_trim(query);
	char quote = '\0', last = '\0';
	bool gap = false;

	for (uint32_t i = 0; i < text.n; i++) {
		const char c = text.p[i];

		if (quote == '\0' && is_space(c)) {
			gap = true;
			continue;
		}
		if (gap && would_join(last, c)) {
			buf_putc(out, ' ');
		}
		gap = false;
		buf_putc(out, c);
		last = c;
		if (quote == '\0' && (c == '"' || c == '\'' || c == '`')) {
			quote = c;
		} else if (quote != '\0' && c == '\\' && quote != '`' &&
		    i + 1 < text.n) {
			buf_putc(out, text.p[++i]);
		} else if (c == quote) {
			quote = '\0';
		}
	}
}
