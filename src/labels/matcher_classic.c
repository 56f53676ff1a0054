/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classic grammar of matchers (Alertmanager before 0.27, pkg/labels):
 *
 *   [a-zA-Z_:][a-zA-Z0-9_:]*  (=~ | = | != | !~)  value
 *
 * with white space anywhere between.  The value runs to the end; it may stand
 * in double quotes; \n \" \\ are escapes, any other backslash is itself.  A
 * list is split at the commas outside of quotes.
 */
#include "config.h"

#include "labels/matcher_internal.h"
#include "labels/rune.h"

/* Go's \s in a regular expression. */
static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static bool
is_name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    c == ':' || (!first && c >= '0' && c <= '9');
}

static bool
take_op(struct str text, uint32_t *i, enum matcher_op *ret)
{
	char c = *i < text.n ? text.p[*i] : '\0';
	char d = *i + 1 < text.n ? text.p[*i + 1] : '\0';

	if (c == '=' && d != '~') {
		*ret = MATCH_EQUAL;
		*i += 1;
		return true;
	}
	if (c == '=')
		*ret = MATCH_REGEX;
	else if (c == '!' && d == '=')
		*ret = MATCH_NOT_EQUAL;
	else if (c == '!' && d == '~')
		*ret = MATCH_NOT_REGEX;
	else
		return false;
	*i += 2;
	return true;
}

/* text[start, end) without its quotes and escapes. */
static int
unescape(struct str text, uint32_t start, uint32_t end, struct unescaped *u,
    struct err *err)
{
	bool quoted = start < end && text.p[start] == '"';
	bool closed = !quoted;

	for (uint32_t i = start + quoted; i < end; i++) {
		char c = text.p[i];

		if (c == '"') {
			if (!quoted || i + 1 < end)
				return err_set_at(err, ERR_INVALID, i,
				    "matcher value contains an unescaped "
				    "double quote");
			closed = true;
		} else if (c == '\\' && i + 1 < end) {
			char d = text.p[i + 1];

			if (d == 'n')
				unescaped_put(u, "\n", 1, i);
			else if (d == '"' || d == '\\')
				unescaped_put(u, &d, 1, i);
			else {
				/* Spurious: both are themselves. */
				unescaped_put(u, &c, 1, i);
				unescaped_put(u, &d, 1, i + 1);
			}
			i++;
		} else {
			unescaped_put(u, &c, 1, i);
		}
	}
	u->at[u->n] = quoted && closed ? end - 1 : end;
	if (!closed)
		return err_set_at(err, ERR_INVALID, start,
		    "the double quote that opens the matcher value is not "
		    "closed");
	return 0;
}

/* text[start, end) as one matcher. */
static int
parse_one(struct str text, uint32_t start, uint32_t end,
    struct matcher_list *list, struct err *err)
{
	struct str part = { text.p, end };
	struct unescaped u;
	struct str name;
	enum matcher_op op;
	uint32_t i = start, name_at;
	int rc;

	while (i < end && is_space(text.p[i]))
		i++;
	name_at = i;
	while (i < end && is_name_char(text.p[i], i == name_at))
		i++;
	name = (struct str){ text.p + name_at, i - name_at };
	while (i < end && is_space(text.p[i]))
		i++;
	if (name.n == 0 || !take_op(part, &i, &op))
		return err_set_at(err, ERR_INVALID, i, "bad matcher format");
	while (i < end && is_space(text.p[i]))
		i++;
	while (end > i && is_space(text.p[end - 1]))
		end--;
	unescaped_init(&u, end - i);
	rc = unescape(text, i, end, &u, err);
	if (rc == 0)
		rc = matcher_list_add(list, op, name, name_at, &u, err);
	unescaped_fini(&u);
	return rc;
}

/* Only white space, as strings.TrimSpace() sees it? */
static bool
is_blank(struct str text, uint32_t start, uint32_t end)
{
	struct str s = { text.p, end };
	uint32_t n;

	for (uint32_t i = start; i < end; i += n) {
		if (!rune_is_space(rune_decode(s, i, &n)))
			return false;
	}
	return true;
}

/* The last piece of a list loses more kinds of white space than the others. */
static void
trim(struct str text, uint32_t *start, uint32_t *end)
{
	struct str s = { text.p, *end };
	uint32_t n, last = *start;

	while (*start < *end && rune_is_space(rune_decode(s, *start, &n)))
		*start += n;
	for (uint32_t i = *start; i < *end; i += n) {
		if (!rune_is_space(rune_decode(s, i, &n)))
			last = i + n;
	}
	*end = last > *start ? last : *start;
}

static int
parse_list(struct str text, struct matcher_list *list, struct err *err)
{
	bool quotes = false, escaped = false;
	uint32_t start = 0, end = text.n;

	if (end > 0 && text.p[0] == '{')
		start = 1;
	if (end > start && text.p[end - 1] == '}')
		end--;
	for (uint32_t i = start; i < end; i++) {
		char c = text.p[i];

		if (c == ',' && !quotes) {
			int rc = parse_one(text, start, i, list, err);

			if (rc < 0)
				return rc;
			start = i + 1;
			continue;
		}
		if (c == '"' && !escaped)
			quotes = !quotes;
		/* A comma inside quotes leaves an escape pending, as there. */
		if (c != ',')
			escaped = c == '\\' && !escaped;
	}
	if (is_blank(text, start, end))
		return 0;
	trim(text, &start, &end);
	return parse_one(text, start, end, list, err);
}

int
matcher_parse_classic(
    struct str text, bool single, struct matcher_list *list, struct err *err)
{
	int rc = single ? parse_one(text, 0, text.n, list, err)
	                : parse_list(text, list, err);

	if (rc < 0)
		matcher_list_fini(list);
	return rc;
}
