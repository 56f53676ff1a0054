/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text with {{ }} substitutions, as Prometheus and Alertmanager use them.
 *
 * The whole of Go's text/template.  In a rule's label or annotation
 * (TEMPLATE_RULE) with Prometheus' functions and data: $labels, $value,
 * $externalLabels, $externalURL, and ours: $explain.  In a notification with Alertmanager's: .Alerts,
 * .CommonLabels and so on.
 *
 * What can be known when a template is parsed is an error then: syntax, names
 * of functions, variables, fields and templates, numbers of arguments, regular
 * expressions.  What remains (an index out of range, a value of the wrong
 * type) stops the expansion.  Its work and its output are bounded.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"
#include "labels/labels.h"

#define TEMPLATE_OUTPUT_MAX (64u << 10)
#define TEMPLATE_WORK_MAX 400000u       /* steps and 16-byte units of intermediate results */
#define TEMPLATE_CALL_DEPTH_MAX 100u    /* {{template}} within {{template}} */

enum template_scope { TEMPLATE_RULE, TEMPLATE_NOTIFICATION };

struct template;
struct template_set;

struct template_labels { /* a label set in whichever form the caller has it; NULL/0: empty */
	const struct labels *labels;
	const struct label_view *views;
	uint32_t n_views;
};

struct template_alert { /* one of .Alerts */
	struct str status; /* "firing" or "resolved" */
	struct template_labels labels, annotations;
	wall_t starts_at, ends_at; /* WALL_NONE: Go's zero time */
	struct str generator_url, fingerprint;
};

struct template_sample { /* one series of an instant query's answer */
	struct template_labels labels; /* __name__ included */
	double value;
};

struct template_answer {
	enum { TEMPLATE_ANSWERED, TEMPLATE_FAILED, TEMPLATE_PENDING } state;
	const struct template_sample *samples;
	uint32_t n;
	const char *error;
};

/*
 * What {{ query "..." }} of a rule's text stands for.  PENDING ends the
 * expansion with ERR_BUSY: ask, and expand again.  What the answer points to
 * must live as long as the expansion.
 */
typedef void template_query_fn(void *arg, struct str query, struct template_answer *ret);

/* $explain: what its rule's kind says of an alert. NaN, empty: does not apply. */
struct template_explain {
	double value, threshold, baseline, low, high, n_reference, n_current, statistic, p_value, effect;
	struct str method, window;
	struct str features; /* of an alert for many: those that breach */
	struct str text;   /* all of it in a sentence */
	struct str detail; /* a JSON object of what else there is */
};

struct template_data {
	/* TEMPLATE_RULE */
	struct template_labels labels; /* all labels of the sample, __name__ included */
	double value;
	struct template_labels external_labels;
	const struct template_explain *explain; /* NULL: nothing is said */
	template_query_fn *query; /* NULL: a text that asks fails */
	void *query_arg;
	/* TEMPLATE_NOTIFICATION */
	struct str status, receiver;
	struct template_labels group_labels, common_labels, common_annotations;
	const struct template_alert *alerts;
	uint32_t n_alerts;
	struct template_labels route_labels;
	struct str notification_reason;
	bool html; /* escape values for the place in the page they are put */
	/* both */
	struct str external_url;
	wall_t now;
};

/* Lives in the arena. NULL and err (err->at: offset in text, the remedy in the words) when not understood. */
struct template *template_parse(struct arena *arena, struct str text, enum template_scope scope, struct err *err);
/* The same for a notification that may use the templates of a set; the set must live as long. */
struct template *template_parse_with(struct arena *arena, struct str text, const struct template_set *set, struct err *err);
bool template_is_constant(const struct template *t);   /* no substitution at all */
bool template_uses_value(const struct template *t);    /* its result may change with $value (or with the time) */
bool template_explains(const struct template *t);      /* it mentions $explain */
bool template_asks(const struct template *t);          /* it may call query */
bool template_is_stock(const struct template *t);      /* all that it calls stands as template_set_add_defaults() put it there */
struct str template_text(const struct template *t);    /* the source text */
/*
 * Appends; cut at TEMPLATE_OUTPUT_MAX. A missing label is the empty string.
 * When the expansion fails, what is appended is "<error expanding template: ...>",
 * as Prometheus does.
 */
void template_expand(const struct template *t, const struct template_data *data, struct buf *out);
/* The same, but a failure is 0 or negative, leaves out as it was, and err->at is the offset in the text. */
int template_execute(const struct template *t, const struct template_data *data, struct buf *out, struct err *err);

/*
 * Named templates from files (`templates:` of the configuration).  Add every
 * file, then check once, then parse texts with it.  A later file's
 * definition takes the place of an earlier one's.
 */
struct template_set *template_set_new(struct arena *arena);
int template_set_add(struct template_set *set, struct str file, struct str text, struct err *err);
/* What files refer to exists, fields of the data are known: 0, or negative with the file and err->at in its text. */
int template_set_check(const struct template_set *set, struct str *ret_file, struct err *err);
/* defaults.c: the names that Alertmanager's users find in place. Add them first. */
void template_set_add_defaults(struct template_set *set);
bool template_set_is_stock(const struct template_set *set); /* nothing was added since */
bool template_set_has(const struct template_set *set, struct str name);
