/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns that are no more than words: "", a|b|c, foo.*, .*bar, .+.
 *
 * Most patterns in route trees and silences are of this kind.  They are kept
 * as a table of words, each open or closed at its two ends, and never reach
 * the engine.  Whatever is not plain at a glance is left to the engine.
 */
#include "config.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "labels/regex_internal.h"

/* What may stand before or behind the word: nothing, .* or .+ */
enum edge { EDGE_NONE, EDGE_ANY, EDGE_SOME };

struct word {
	uint32_t at, n; /* in text */
	enum edge lead, trail;
};

struct regex_plain {
	uint32_t n, n_exact; /* the exact words first, sorted by length and bytes */
	char *text;
	struct word words[];
};

static bool
is_meta(char c)
{
	return c != '\0' && strchr("\\.+*?()|[]{}^$", c) != NULL;
}

static bool
is_word_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

static enum edge
take_edge(struct str *s)
{
	enum edge edge;

	if (s->n < 2 || s->p[0] != '.' || (s->p[1] != '*' && s->p[1] != '+'))
		return EDGE_NONE;
	edge = s->p[1] == '*' ? EDGE_ANY : EDGE_SOME;
	s->p += 2;
	s->n -= 2;
	return edge;
}

/* Copies the unescaped word at the start of s to out; false when it is none. */
static bool
take_word(struct str *s, char *out, uint32_t *ret_n)
{
	uint32_t n = 0;

	while (s->n > 0) {
		uint32_t skip = 1;
		char c = s->p[0];

		if (c == '\\') {
			if (s->n < 2 || is_word_char(s->p[1]) ||
			    (unsigned char)s->p[1] >= 0x80)
				return false;
			c = s->p[1];
			skip = 2;
		} else if (is_meta(c)) {
			break;
		}
		out[n++] = c;
		s->p += skip;
		s->n -= skip;
	}
	*ret_n = n;
	return true;
}

/* One alternative, anchors at its ends included (they change nothing). */
static bool
parse_word(struct str s, char *text, uint32_t at, struct word *ret)
{
	bool open;

	*ret = (struct word){ .at = at };
	if (s.n > 0 && s.p[0] == '^') {
		s.p++;
		s.n--;
	}
	ret->lead = take_edge(&s);
	if (!take_word(&s, text + at, &ret->n))
		return false;
	ret->trail = take_edge(&s);
	if (s.n > 0 && s.p[0] == '$') {
		s.p++;
		s.n--;
	}
	open = ret->lead != EDGE_NONE || ret->trail != EDGE_NONE;
	/* A dot does not match a line feed; a word with one is too rare to care. */
	return s.n == 0 &&
	    !(open && ret->n > 0 && memchr(text + at, '\n', ret->n) != NULL);
}

/* Without anchors around one group that spans everything, and without it. */
static struct str
strip_group(struct str s)
{
	struct str t = s;

	if (t.n > 0 && t.p[0] == '^')
		t = (struct str){ t.p + 1, t.n - 1 };
	if (t.n > 0 && t.p[t.n - 1] == '$')
		t.n--;
	if (t.n < 2 || t.p[0] != '(' || t.p[t.n - 1] != ')')
		return s;
	t = (struct str){ t.p + 1, t.n - 2 };
	if (t.n >= 2 && t.p[0] == '?' && t.p[1] == ':')
		t = (struct str){ t.p + 2, t.n - 2 };
	/* Any bracket left is one more group: not plain, whatever it means. */
	return t;
}

static int
exact_cmp(struct str a, struct str b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return a.n == 0 ? 0 : memcmp(a.p, b.p, a.n);
}

static struct str
word_str(const struct regex_plain *plain, const struct word *word)
{
	return (struct str){ plain->text + word->at, word->n };
}

/* Exact words to the front, in order; there are few, or they come once. */
static void
sort_words(struct regex_plain *plain)
{
	uint32_t exact = 0;

	for (uint32_t i = 0; i < plain->n; i++) {
		struct word word = plain->words[i];
		uint32_t low = 0, high = exact;

		if (word.lead != EDGE_NONE || word.trail != EDGE_NONE)
			continue;
		while (low < high) {
			uint32_t mid = low + (high - low) / 2;

			if (exact_cmp(word_str(plain, &plain->words[mid]),
				word_str(plain, &word)) < 0)
				low = mid + 1;
			else
				high = mid;
		}
		memmove(&plain->words[low + 1], &plain->words[low],
		    (i - low) * sizeof(word));
		plain->words[low] = word;
		exact++;
	}
	plain->n_exact = exact;
}

struct regex_plain *
regex_plain_new(struct str pattern)
{
	struct str rest = strip_group(pattern);
	struct regex_plain *plain;
	uint32_t words = 1, at = 0;

	for (uint32_t i = 0; i < rest.n; i++)
		words += rest.p[i] == '|';
	plain = xmalloc(sizeof(*plain) + words * sizeof(plain->words[0]));
	*plain = (struct regex_plain){ .text = xmalloc((size_t)rest.n + 1) };
	for (bool more = true; more;) {
		struct str s = rest;
		struct word *word = &plain->words[plain->n];

		for (s.n = 0; s.n < rest.n && rest.p[s.n] != '|'; s.n++)
			s.n += rest.p[s.n] == '\\' && s.n + 1 < rest.n;
		if (!parse_word(s, plain->text, at, word)) {
			regex_plain_free(plain);
			return NULL;
		}
		at += word->n;
		plain->n++;
		more = s.n < rest.n;
		rest.p += s.n + more;
		rest.n -= s.n + more;
	}
	sort_words(plain);
	return plain;
}

void
regex_plain_free(struct regex_plain *plain)
{
	if (plain == NULL)
		return;
	free(plain->text);
	free(plain);
}

static bool
exact_matches(const struct regex_plain *plain, struct str text)
{
	uint32_t low = 0, high = plain->n_exact;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int cmp =
		    exact_cmp(word_str(plain, &plain->words[mid]), text);

		if (cmp == 0)
			return true;
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* The text has no line feed, so a dot matches all of it. */
static bool
open_matches(const struct word *word, struct str w, struct str text)
{
	uint32_t lead = word->lead == EDGE_SOME, trail = word->trail == EDGE_SOME;
	struct str inner;

	if (text.n < (uint64_t)lead + w.n + trail)
		return false;
	if (word->lead == EDGE_NONE)
		return str_starts(text, w);
	if (word->trail == EDGE_NONE)
		return str_ends(text, w);
	inner = (struct str){ text.p + lead, text.n - lead - trail };
	return w.n == 0 || memmem(inner.p, inner.n, w.p, w.n) != NULL;
}

bool
regex_plain_matches(const struct regex_plain *plain, struct str text)
{
	if (plain->n_exact > 0 && exact_matches(plain, text))
		return true;
	if (plain->n_exact == plain->n ||
	    (text.n > 0 && memchr(text.p, '\n', text.n) != NULL))
		return false;
	for (uint32_t i = plain->n_exact; i < plain->n; i++) {
		const struct word *word = &plain->words[i];

		if (open_matches(word, word_str(plain, word), text))
			return true;
	}
	return false;
}
