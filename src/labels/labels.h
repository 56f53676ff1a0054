/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label sets: sorted by name bytes, no duplicates, no empty values, interned.
 *
 * Two label sets are equal exactly when their pointers are.  Interned values
 * live in one table of the loop thread and never leave it; what leaves (store,
 * other threads) is the canonical encoding.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define LABELS_MAX 256             /* names in a set */
#define LABEL_NAME_BYTES_MAX 4096
#define LABEL_VALUE_BYTES_MAX (64u << 10)

struct istr { /* interned string, NUL-terminated */
	uint32_t refs, n;
	uint32_t hash; /* 32 bits: the header is most of a short string */
	char p[];
};

struct label {
	struct istr *name, *value;
};

struct labels {
	uint32_t refs, n;
	uint64_t hash;        /* buckets only, differs from run to run */
	uint64_t fingerprint; /* Alertmanager's: FNV-1a 64 over name 0xFF value 0xFF */
	struct label l[];
};

/* A label set not yet interned: views, e.g. into a query's answer. */
struct label_view {
	struct str name, value;
};

struct istr *istr_intern(struct str s); /* +1 reference */
struct istr *istr_ref(struct istr *s);
void istr_unref(struct istr *s); /* accepts NULL */
static inline struct str
istr_str(const struct istr *s)
{
	return s != NULL ? (struct str){ s->p, s->n } : (struct str){ "", 0 };
}

/*
 * Builder in the caller's arena: set in any order, a later set of the same
 * name wins, an empty value removes it.
 */
struct labels_builder {
	struct arena *arena;
	struct label_view *views;
	uint32_t n, cap;
	bool keep_empty; /* annotations: an empty value is a value; set it after _init */
};
void labels_builder_init(struct labels_builder *b, struct arena *arena);
void labels_builder_set(struct labels_builder *b, struct str name, struct str value); /* bytes must outlive the builder */
void labels_builder_unset(struct labels_builder *b, struct str name);
struct str labels_builder_get(const struct labels_builder *b, struct str name); /* empty when absent */
void labels_builder_sort(struct labels_builder *b); /* by name; done by labels_intern as well */
/* Interned, +1 reference; NULL and err when over a limit or not UTF-8 or a name is empty. An empty set is fine. */
struct labels *labels_intern(struct labels_builder *b, struct err *err);
/* The interned set if it exists already (no new reference), else NULL; allocates nothing. */
struct labels *labels_lookup(struct labels_builder *b);

struct labels *labels_ref(struct labels *labels);
void labels_unref(struct labels *labels); /* accepts NULL */
struct istr *labels_get(const struct labels *labels, struct str name); /* borrowed, NULL when absent */
struct str labels_value(const struct labels *labels, struct str name); /* "" when absent */
int labels_cmp(const struct labels *a, const struct labels *b); /* as Alertmanager's LabelSet.Before: by names and values in name order */
/* The subset with these names, interned, +1; names absent are left out. */
struct labels *labels_project(const struct labels *labels, const struct str *names, uint32_t n);
uint64_t labels_fingerprint(const struct labels *labels);

/* Canonical encoding: u32le count, then length-prefixed name and value each; for the store. */
void labels_encode(const struct labels *labels, struct buf *out);
/* +1 reference; NULL and err when mangled. */
struct labels *labels_decode(struct str bytes, struct err *err);
/* {a="b", c="d"} with Go quoting, as in groupKey. */
void labels_format(const struct labels *labels, struct buf *out);
/* {"a":"b"}; html: escape < > & as Go does. */
void labels_put_json(const struct labels *labels, struct buf *out);
bool label_name_is_classic(struct str name); /* [a-zA-Z_][a-zA-Z0-9_]* */
void go_quote(struct buf *out, struct str s); /* strconv.Quote */

size_t labels_live(void); /* interned sets and strings alive: leak checks, metrics */
size_t istr_live(void);
size_t labels_bytes(void);
