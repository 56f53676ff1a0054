/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A setting is described once: the table row drives parsing, checking, the
 * manual, the dump (secrets hidden) and the JSON Schema.
 *
 * A struct schema describes a YAML mapping and the C struct it fills; the
 * struct is zeroed, defaults are applied, then the keys found.  Findings go to
 * diag with position; parsing goes on, so that one run shows every mistake.
 *
 * kind               C member                 YAML
 * FIELD_STRING       const char *             scalar (NULL when absent and no default)
 * FIELD_BOOL         bool                     true | false, plain style
 * FIELD_INT          int64_t                  integer within min..max
 * FIELD_DOUBLE       double                   number (NAN when absent and no default)
 * FIELD_DURATION     dur_t                    5m (DUR_UNSET when absent and no default)
 * FIELD_ENUM         int                      one of choices (index); -1 when absent and no default
 * FIELD_URL          const char *             http(s) URL
 * FIELD_TEMPLATE     struct template *        text with {{ }}
 * FIELD_SECRET       struct secret            key, and its twin key_file; at most one of the two
 *   FIELD_NOTIFICATION struct secret_text     the same, and it may have {{ }}
 * FIELD_STRING_LIST  struct string_list       list of scalars
 * FIELD_STRING_MAP   struct string_map        mapping of scalars to scalars
 * FIELD_TEMPLATE_MAP struct template_map      mapping of scalars to templates
 * FIELD_NUMBER_MAP   struct number_map        mapping of names to numbers
 * FIELD_SUB          void * (struct of sub)   mapping; NULL when absent
 * FIELD_EMBED        struct of sub, in place  mapping; defaults when absent
 * FIELD_SUB_LIST     struct sub_list          list of mappings
 * FIELD_CUSTOM       by custom()              anything
 * FIELD_UNSUPPORTED  none                     known to Alertmanager or Prometheus, an error here that says so
 *                                             (in the words of .fallback if given); empty values are fine
 * FIELD_ACCEPTED     none                     known, of no consequence here, kept in the projection
 */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/instant.h"
#include "net/options.h"
#include "template/template.h"
#include "yaml/yaml.h"

#define DUR_UNSET ((dur_t){ INT64_MIN })
static inline bool
dur_is_set(dur_t d)
{
	return d.ns != INT64_MIN;
}

struct string_list {
	const char **items;
	struct pos *pos;
	uint32_t n;
	bool set; /* the key is there, perhaps with an empty list */
};
struct string_pair {
	const char *key, *value;
	struct pos key_pos, value_pos;
};
struct string_map {
	struct string_pair *pairs; /* in order of the file */
	uint32_t n;
	bool set;
};
struct template_pair {
	const char *key;
	struct template *template;
	struct pos key_pos, value_pos;
};
struct template_map {
	struct template_pair *pairs; /* sorted by key */
	uint32_t n;
};
struct number_pair {
	const char *key;
	double value;
	struct pos pos;
};
struct number_map {
	struct number_pair *pairs;
	uint32_t n;
};
struct secret_text {
	struct secret secret;
	struct template *text; /* of secret.value when that has {{ }}; NULL: it is as it stands */
};
struct sub_list {
	void **items;
	struct pos *pos;
	bool *failed; /* findings while this item was read */
	uint32_t n;
	bool set;
};

enum field_kind {
	FIELD_STRING, FIELD_BOOL, FIELD_INT, FIELD_DOUBLE, FIELD_DURATION, FIELD_ENUM, FIELD_URL, FIELD_TEMPLATE, FIELD_SECRET,
	FIELD_STRING_LIST, FIELD_STRING_MAP, FIELD_TEMPLATE_MAP, FIELD_NUMBER_MAP, FIELD_SUB, FIELD_EMBED, FIELD_SUB_LIST, FIELD_CUSTOM,
	FIELD_UNSUPPORTED, FIELD_ACCEPTED, FIELD_KIND_COUNT
};

enum {
	FIELD_REQUIRED = 1u << 0,
	FIELD_NONEMPTY = 1u << 1,  /* an empty string or list is an error */
	FIELD_POSITIVE = 1u << 2,  /* numbers and durations: > 0 */
	FIELD_OURS = 1u << 3,      /* not in Alertmanager's or Prometheus' format: left out of the projection */
	FIELD_ENV = 1u << 4,       /* ${NAME} is expanded */
	FIELD_NOTIFICATION = 1u << 5, /* FIELD_TEMPLATE(_MAP): notification scope; default is rule scope. FIELD_SECRET: a template at all */
	FIELD_DEPRECATED = 1u << 6,
	FIELD_HIDDEN = 1u << 7,    /* shown as <secret> in dumps (URLs with tokens); FIELD_SECRET always is */
	FIELD_PATH = 1u << 8,      /* FIELD_STRING: a file; relative ones start at the configuration's directory */
	FIELD_READABLE = 1u << 9,  /* FIELD_PATH: must be readable when ctx->check_files */
	FIELD_LATER = 1u << 10,    /* FIELD_PATH: read at each use, so that a file that is not there yet is but warned of */
	FIELD_WARNS = 1u << 12,    /* FIELD_ACCEPTED: says that it has no effect */
	FIELD_GO_DURATION = 1u << 11, /* FIELD_DURATION: also as Go has it, 1.5s */
	FIELD_NOT_NEGATIVE = 1u << 12, /* numbers: >= 0 */
	FIELD_PROXY = 1u << 13,    /* FIELD_URL: of a proxy: also socks5; an empty one is none */
};

struct config;
struct schema;
struct schema_context;

struct schema_field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	uint32_t flags;
	const char *fallback;         /* default, as YAML text; NULL: none */
	const char *const *choices;   /* FIELD_ENUM, NULL-terminated */
	double min, max;              /* FIELD_INT, FIELD_DOUBLE; both 0: any */
	const struct schema *sub;     /* FIELD_SUB, FIELD_EMBED, FIELD_SUB_LIST; FIELD_CUSTOM: of each item, when documented so */
	const char *stock;            /* FIELD_TEMPLATE: when absent, the template of this name when the user changed what it says (schema_stock_template) */
	const char *exclusive;        /* at most one field of the same exclusive name may be given */
	const char *doc;              /* one sentence; required */
	/* FIELD_CUSTOM: fills member (at offset); json_schema: the JSON Schema text of the value. */
	void (*custom)(struct schema_context *ctx, const struct yaml_node *node, void *member);
	const char *json_schema;
};

struct schema {
	const char *name; /* "route", "slack_configs": used in messages */
	const char *doc;
	size_t size;
	const struct schema_field *fields;
	size_t n_fields;
	size_t pos_offset; /* where the mapping's struct pos is kept in the struct + 1; 0: nowhere */
	size_t node_offset; /* the same for the const struct yaml_node *, which lives until the load ends */
	/* Cross-field checks, after all fields were read without error; may be NULL. */
	void (*check)(struct schema_context *ctx, void *value, const struct yaml_node *node);
	/* Bare scalars are allowed too (e.g. `expr: text`): fills value from it; may be NULL. */
	void (*scalar)(struct schema_context *ctx, const struct yaml_node *node, void *value);
	const char *const *either; /* exactly one of these keys is given, for the JSON Schema; NULL-terminated, or NULL */
};

#define SCHEMA_FIELDS(array) .fields = (array), .n_fields = sizeof(array) / sizeof((array)[0])

struct schema_context {
	struct arena *arena; /* everything parsed lives here */
	struct diag *diag;
	bool check_files;    /* *_file must be readable */
	const char *dir;     /* relative paths start here */
	bool expand_env;     /* inside sources and receivers */
	const struct template_set *templates; /* what notification templates may use; NULL: nothing */
	const struct config *config; /* rule kinds: whose sources and time intervals may be named; NULL: any name will do */
};

#define SCHEMA_FIELDS_MAX 128 /* in one table */

/* Fills value (sub->size zeroed bytes) from a mapping node; findings in ctx->diag. */
void schema_read(struct schema_context *ctx, const struct schema *schema, const struct yaml_node *node, void *value);
const struct schema_field *schema_find(const struct schema *schema, const char *name);
/* The field's name that was probably meant, or NULL. */
const char *schema_suggest(const struct schema *schema, struct str name);
/* The nearest of n names if it is near, or NULL. */
const char *schema_suggest_among(const char *const *names, size_t n, struct str name);
/* A JSON Schema object (draft 2020-12 "object" with properties) for this table; nested. */
void schema_put_json_schema(const struct schema *schema, struct buf *out, int indent);
/* Markdown table of the fields, for the manual. */
void schema_put_manual(const struct schema *schema, struct buf *out);
/*
 * The mapping without what is not Alertmanager's, secrets hidden: an http(s)
 * URL keeps its scheme and host (https://host/<secret>), anything else
 * becomes <secret>.
 */
struct yaml_node *schema_project(struct arena *arena, const struct schema *schema, const struct yaml_node *node);
/* Helpers for custom(): a scalar's text NUL-terminated in the arena; NULL and a finding for anything else. */
const char *schema_scalar(struct schema_context *ctx, const struct yaml_node *node, const char *what);
/* The same for a list: NULL items and a finding when it is none. */
bool schema_is_list(struct schema_context *ctx, const struct yaml_node *node, const char *example);
/* "expected WANT, got ..." at the node. */
void schema_expected(struct schema_context *ctx, const struct yaml_node *node, const char *want);
/* A relative path becomes one from the configuration's directory; in the arena. */
const char *schema_path(struct schema_context *ctx, const char *path);
/*
 * {{ template NAME . }}; NULL while all of it is stock: what the receiver then
 * says is up to its own code.
 */
struct template *schema_stock_template(struct schema_context *ctx, struct pos pos, const char *name);
/* The same with another argument: ".Alerts.Firing". */
struct template *schema_stock_template_of(struct schema_context *ctx, struct pos pos, const char *name, const char *argument);
/* A notification's template from a scalar; NULL and a finding when it is none. */
struct template *schema_notification_template(struct schema_context *ctx, const struct yaml_node *node);
/* err's text and err->at become a finding inside the scalar. */
void schema_error_in(struct schema_context *ctx, const struct yaml_node *scalar, const struct err *err, const char *what);

/* Shared by receivers and sources: http_config into a struct http_options * (NULL when absent). */
extern const struct schema schema_http_config;
extern const struct schema schema_tls_config;
