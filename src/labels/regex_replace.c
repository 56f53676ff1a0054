/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search and replace by RE2's syntax, run by PCRE2's interpreter: compiled
 * code is taken from the caller's arena, which machine code could not be.
 */
#include "config.h"

#include "labels/regex_replace.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "labels/matcher.h"
#include "labels/regex_internal.h"
#include "labels/rune.h"

#define MATCH_LIMIT 200000u
#define HEAP_LIMIT_KIB 4096u
#define MATCHES_MAX 10000u /* in one text */
#define GROUPS_MAX 100u
#define GROUP_NAME_MAX 40u

struct regex_search {
	pcre2_code *code; /* in the arena */
};

/* Made at the first use, kept for the life of the process. */
static struct {
	pcre2_match_context *match;
	pcre2_match_data *data;
} engine;

static void
engine_start(void)
{
	if (engine.data != NULL)
		return;
	engine.match = pcre2_match_context_create(NULL);
	engine.data = pcre2_match_data_create(GROUPS_MAX + 1, NULL);
	if (engine.match == NULL || engine.data == NULL)
		abort();
	pcre2_set_match_limit(engine.match, MATCH_LIMIT);
	pcre2_set_depth_limit(engine.match, MATCH_LIMIT);
	pcre2_set_heap_limit(engine.match, HEAP_LIMIT_KIB);
}

static void *
take_memory(PCRE2_SIZE bytes, void *arena)
{
	return arena_alloc(arena, bytes);
}

static void
give_back(void *p, void *arena)
{
	(void)p;
	(void)arena;
}

static pcre2_code *
compile(struct arena *arena, struct str pattern, uint32_t *ret_at,
    struct err *err)
{
	const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
	    PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX |
	    PCRE2_NEVER_BACKSLASH_C;
	pcre2_general_context *general =
	    pcre2_general_context_create(take_memory, give_back, arena);
	pcre2_compile_context *context = pcre2_compile_context_create(general);
	PCRE2_UCHAR text[160];
	PCRE2_SIZE at = 0;
	pcre2_code *code;
	int rc;

	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, &rc,
	    &at, context);
	if (code == NULL) {
		if (pcre2_get_error_message(rc, text, sizeof(text)) < 0)
			text[0] = '\0';
		*ret_at = (uint32_t)at;
		err_set(err, ERR_INVALID, "%s", (const char *)text);
	}
	return code;
}

struct regex_search *
regex_search_new(struct arena *arena, struct str pattern, struct err *err)
{
	struct regex_search *re = NULL;
	struct buf translated = { 0 };
	pcre2_code *code;
	uint32_t at = 0, groups = 0;

	if (pattern.n > MATCHER_TEXT_MAX || !str_is_utf8(pattern)) {
		err_set_at(err, ERR_INVALID, 0,
		    "regular expression is %s", pattern.n > MATCHER_TEXT_MAX
			? "too long" : "not valid UTF-8");
		return NULL;
	}
	if (regex_translate(pattern, &translated, err) < 0)
		goto done;
	code = compile(arena, buf_str(&translated), &at, err);
	if (code == NULL) {
		if (err != NULL)
			err->at = regex_translate_origin(pattern, at);
		goto done;
	}
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (groups > GROUPS_MAX) {
		err_set_at(err, ERR_LIMIT, 0, "more than %u groups",
		    GROUPS_MAX);
		goto done;
	}
	re = ARENA_NEW(arena, struct regex_search);
	re->code = code;
done:
	buf_fini(&translated);
	if (re == NULL)
		err_wrap(err, "regular expression");
	return re;
}

/* Groups found + 1, 0 for no match, or negative. */
static int
search(const struct regex_search *re, struct str text, uint32_t from,
    struct err *err)
{
	int rc;

	engine_start();
	rc = pcre2_match(re->code, (PCRE2_SPTR)(text.n > 0 ? text.p : ""),
	    text.n, from, 0, engine.data, engine.match);
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc < 0)
		return err_set(err, ERR_LIMIT,
		    "the regular expression takes too long on this text");
	return rc;
}

int
regex_search_find(const struct regex_search *re, struct str text,
    struct err *err)
{
	int rc = search(re, text, 0, err);

	return rc > 0 ? 1 : rc;
}

static void
put_group(struct buf *out, struct str text, uint32_t group, int groups)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(engine.data);

	if ((int64_t)group < groups && at[2 * group] != PCRE2_UNSET)
		buf_put(out, text.p + at[2 * group],
		    at[2 * group + 1] - at[2 * group]);
}

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_';
}

/* The name after the dollar: 0 when there is none, else bytes after the dollar. */
static uint32_t
group_name(struct str s, struct str *ret)
{
	bool braces = s.n > 0 && s.p[0] == '{';
	uint32_t start = braces ? 1 : 0, i = start;

	while (i < s.n && is_name(s.p[i]))
		i++;
	*ret = str_make(s.p + start, i - start);
	if (i == start || (braces && (i >= s.n || s.p[i] != '}')))
		return 0;
	return braces ? i + 1 : i;
}

static void
put_named(const struct regex_search *re, struct buf *out, struct str text,
    struct str name, int groups)
{
	char z[GROUP_NAME_MAX];
	int64_t number;
	int group;

	if (str_to_i64(name, &number)) {
		if (number >= 0 && number <= GROUPS_MAX)
			put_group(out, text, (uint32_t)number, groups);
		return;
	}
	if (name.n >= sizeof(z))
		return;
	memcpy(z, name.p, name.n);
	z[name.n] = '\0';
	group = pcre2_substring_number_from_name(re->code, (PCRE2_SPTR)z);
	if (group > 0)
		put_group(out, text, (uint32_t)group, groups);
}

static void
put_replacement(const struct regex_search *re, struct buf *out,
    struct str text, struct str replacement, int groups)
{
	struct str name;
	uint32_t i = 0, n;

	while (i < replacement.n) {
		if (replacement.p[i] != '$') {
			buf_putc(out, replacement.p[i++]);
			continue;
		}
		i++;
		if (i < replacement.n && replacement.p[i] == '$') {
			buf_putc(out, '$');
			i++;
			continue;
		}
		n = group_name(str_make(replacement.p + i, replacement.n - i),
		    &name);
		if (n == 0)
			buf_putc(out, '$');
		else
			put_named(re, out, text, name, groups);
		i += n;
	}
}

int
regex_search_replace(const struct regex_search *re, struct str text,
    struct str replacement, struct buf *out, struct err *err)
{
	uint32_t from = 0, last = 0, count = 0;

	while (from <= text.n) {
		int groups = search(re, text, from, err);
		const PCRE2_SIZE *at;
		uint32_t start, end, width = 1;

		if (groups < 0)
			return groups;
		if (groups == 0)
			break;
		if (++count > MATCHES_MAX)
			return err_set(err, ERR_LIMIT, "more than %u matches "
			    "in one text", MATCHES_MAX);
		at = pcre2_get_ovector_pointer(engine.data);
		start = (uint32_t)at[0];
		end = (uint32_t)at[1];
		buf_put(out, text.p + last, start - last);
		/* Not for nothing right behind a match. */
		if (end > last || start == 0)
			put_replacement(re, out, text, replacement, groups);
		last = end;
		if (from < text.n)
			rune_decode(text, from, &width);
		from = from + width > end ? from + width : end;
	}
	buf_put(out, text.p + last, text.n - last);
	return 0;
}
