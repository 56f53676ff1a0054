/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matchers: name op value, op one of = != =~ !~, in Alertmanager's classic
 * and UTF-8 syntax; which of them is chosen once, when the program starts.  Regular expressions are
 * anchored, in PCRE2 restricted to what RE2 has (back-references and
 * look-around are refused), bounded by a match limit; a match that hits the
 * limit counts as "no match" and is counted (matcher_limit_hits).
 * Literals and plain alternations never reach the engine.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "labels/labels.h"

#define MATCHERS_MAX 64
#define MATCHER_TEXT_MAX (16u << 10)

enum matcher_op { MATCH_EQUAL, MATCH_NOT_EQUAL, MATCH_REGEX, MATCH_NOT_REGEX };

/* Alertmanager's feature flags: neither, utf8-strict-mode, classic-mode. */
enum matcher_mode {
	MATCHER_FALLBACK, /* either; where both understand a text and differ, the classic reading counts */
	MATCHER_UTF8,
	MATCHER_CLASSIC,  /* label names are classic ones then, too */
};

struct regex;

struct matcher {
	enum matcher_op op;
	struct istr *name, *value;
	struct regex *regex; /* for the two regex ops */
};

struct matchers {
	uint32_t n;
	struct matcher m[];
};

/* Before anything is parsed; the fallback mode holds until then. */
void matcher_mode_set(enum matcher_mode mode);
/* In classic mode names of labels are letters, digits and _ only; else there is nothing to refuse here. */
bool label_name_is_allowed(struct str name);
/* One matcher, e.g. severity=~"a|b"; err->at is the offending byte. 0 or negative. */
int matcher_parse(struct str text, struct matcher *ret, struct err *err);
/* A list: {a="b",c=~"d"} or without braces; NULL and err on failure. free with matchers_free. */
struct matchers *matchers_parse(struct str text, struct err *err);
int matcher_make(enum matcher_op op, struct str name, struct str value, struct matcher *ret, struct err *err);
void matcher_fini(struct matcher *m);
/* Takes the n matchers at m (moved); sorted by name, value, op as in Alertmanager when sort is true. */
struct matchers *matchers_new(struct matcher *m, uint32_t n, bool sort);
void matchers_free(struct matchers *ms); /* accepts NULL */
bool matcher_matches_value(const struct matcher *m, struct str value);
bool matcher_matches(const struct matcher *m, const struct labels *labels);
bool matchers_match(const struct matchers *ms, const struct labels *labels); /* NULL or none: true */
bool matcher_matches_empty(const struct matcher *m); /* would a missing label match */
bool matchers_equal(const struct matchers *a, const struct matchers *b);     /* same matchers in any order */
void matcher_format(const struct matcher *m, struct buf *out); /* name="value" */
/* {a="b",c=~"d"} as in route keys: comma only. */
void matchers_format(const struct matchers *ms, struct buf *out);
const char *matcher_op_text(enum matcher_op op);
uint64_t matcher_limit_hits(void);

/* Regular expressions as such: API filters (receiver=), check-time validation. Anchored. */
struct regex *regex_new(struct str pattern, struct err *err); /* err->at: offset in the pattern */
void regex_free(struct regex *regex);
bool regex_matches(const struct regex *regex, struct str text);
