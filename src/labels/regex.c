/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anchored regular expressions with RE2's syntax, run by PCRE2.
 *
 * The engine backtracks where RE2 does not, so its work is bounded: a match
 * that hits a limit counts as no match and is counted.  Flags as Alertmanager
 * compiles "^(?:...)$": a dot does not match a line feed, the dollar matches
 * only at the very end, classes are ASCII.  Loop thread only: the match data
 * is shared.
 */
#include "config.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "labels/matcher.h"
#include "labels/regex_internal.h"
#include "labels/rune.h"

/* A long text takes more steps without being a trap. */
#define MATCH_LIMIT(bytes) (10000u + 50u * (bytes))
#define DEPTH_LIMIT 10000u
#define HEAP_LIMIT_KIB 4096u

struct regex {
	struct regex_plain *plain; /* set: the engine is not needed */
	pcre2_code *code;
};

/* Made at the first use, kept for the life of the process. */
static struct {
	pcre2_compile_context *compile;
	pcre2_match_context *match;
	pcre2_match_data *data;
	pcre2_code *print; /* one printable character */
	uint64_t limit_hits;
} engine;

static void
engine_start(void)
{
	if (engine.data != NULL)
		return;
	engine.compile = pcre2_compile_context_create(NULL);
	engine.match = pcre2_match_context_create(NULL);
	engine.data = pcre2_match_data_create(1, NULL);
	if (engine.compile == NULL || engine.match == NULL ||
	    engine.data == NULL)
		abort();
	pcre2_set_newline(engine.compile, PCRE2_NEWLINE_LF);
	pcre2_set_depth_limit(engine.match, DEPTH_LIMIT);
	pcre2_set_heap_limit(engine.match, HEAP_LIMIT_KIB);
}

static pcre2_code *
compile(struct str pattern, uint32_t *ret_at, struct err *err)
{
	const uint32_t options = PCRE2_UTF | PCRE2_ANCHORED |
	    PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX |
	    PCRE2_NEVER_BACKSLASH_C;
	PCRE2_SIZE at = 0;
	PCRE2_UCHAR text[160];
	pcre2_code *code;
	int rc;

	code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, &rc,
	    &at, engine.compile);
	if (code == NULL) {
		if (pcre2_get_error_message(rc, text, sizeof(text)) < 0)
			text[0] = '\0';
		*ret_at = (uint32_t)at;
		err_set(err, ERR_INVALID, "%s", (const char *)text);
		return NULL;
	}
	/* Refused where memory may not be executable: then it is interpreted. */
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	return code;
}

struct regex *
regex_new(struct str pattern, struct err *err)
{
	struct regex_plain *plain;
	struct regex *regex;
	struct buf translated = { 0 };
	pcre2_code *code = NULL;
	uint32_t at;

	if (pattern.n > MATCHER_TEXT_MAX) {
		err_set_at(err, ERR_LIMIT, MATCHER_TEXT_MAX,
		    "regular expression is longer than %u bytes",
		    MATCHER_TEXT_MAX);
		return NULL;
	}
	if (!str_is_utf8(pattern)) {
		err_set_at(err, ERR_INVALID, 0,
		    "regular expression is not valid UTF-8");
		return NULL;
	}
	plain = regex_plain_new(pattern);
	if (plain == NULL) {
		engine_start();
		if (regex_translate(pattern, &translated, err) < 0)
			goto refused;
		code = compile(buf_str(&translated), &at, err);
		if (code == NULL) {
			if (err != NULL)
				err->at = regex_translate_origin(pattern, at);
			goto refused;
		}
	}
	buf_fini(&translated);
	regex = xmalloc(sizeof(*regex));
	*regex = (struct regex){ .plain = plain, .code = code };
	return regex;
refused:
	buf_fini(&translated);
	err_wrap(err, "regular expression");
	return NULL;
}

void
regex_free(struct regex *regex)
{
	if (regex == NULL)
		return;
	regex_plain_free(regex->plain);
	pcre2_code_free(regex->code);
	free(regex);
}

static bool
code_matches(const pcre2_code *code, struct str text)
{
	PCRE2_SPTR p = (PCRE2_SPTR)(text.n > 0 ? text.p : "");
	int rc;

	pcre2_set_match_limit(engine.match, MATCH_LIMIT(text.n));
	rc = pcre2_match(code, p, text.n, 0, 0, engine.data, engine.match);

	/* The machine code has a small stack of its own; the interpreter not. */
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = pcre2_match(code, p, text.n, 0, PCRE2_NO_JIT, engine.data,
		    engine.match);
	if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
	    rc == PCRE2_ERROR_HEAPLIMIT)
		engine.limit_hits++;
	return rc >= 0;
}

bool
regex_matches(const struct regex *regex, struct str text)
{
	if (regex->plain != NULL)
		return regex_plain_matches(regex->plain, text);
	return code_matches(regex->code, text);
}

uint64_t
matcher_limit_hits(void)
{
	return engine.limit_hits;
}

/* Letters, marks, numbers, punctuation, symbols and the ASCII space. */
bool
rune_is_print(uint32_t rune)
{
	char utf8[4];

	if (rune < 0x80)
		return rune >= ' ' && rune < 0x7F;
	if (!rune_is_valid(rune))
		return false;
	if (engine.print == NULL) {
		uint32_t at;

		engine_start();
		engine.print = compile(
		    STR("[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}]"), &at, NULL);
		if (engine.print == NULL)
			abort();
	}
	return code_matches(
	    engine.print, (struct str){ utf8, rune_encode(rune, utf8) });
}
