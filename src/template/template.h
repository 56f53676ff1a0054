/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text with {{ }} substitutions, as Prometheus and Alertmanager use them.
 *
 * Understood today: literal text, comments, trim markers, and plain
 * substitutions of one value ($labels.NAME, $value, $externalLabels.NAME,
 * $externalURL, .Labels.NAME, .Value, and over notifications .Status,
 * .Receiver, .ExternalURL, .GroupLabels.NAME, .CommonLabels.NAME,
 * .CommonAnnotations.NAME).  Everything else of Go's template language is an
 * error when the template is parsed, never when it is expanded: expansion
 * cannot fail.  The full engine will stand behind this same header.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "labels/labels.h"

#define TEMPLATE_OUTPUT_MAX (64u << 10)

enum template_scope { TEMPLATE_RULE, TEMPLATE_NOTIFICATION };

struct template;

struct template_labels { /* a label set in whichever form the caller has it; NULL/0: empty */
	const struct labels *labels;
	const struct label_view *views;
	uint32_t n_views;
};

struct template_data {
	/* TEMPLATE_RULE */
	struct template_labels labels; /* all labels of the sample, __name__ included */
	double value;
	struct template_labels external_labels;
	/* TEMPLATE_NOTIFICATION */
	struct str status, receiver;
	struct template_labels group_labels, common_labels, common_annotations;
	/* both */
	struct str external_url;
};

/* Lives in the arena. NULL and err (err->at: offset in text, the remedy in the words) when not understood. */
struct template *template_parse(struct arena *arena, struct str text, enum template_scope scope, struct err *err);
bool template_is_constant(const struct template *t);   /* no substitution at all */
bool template_uses_value(const struct template *t);    /* its result changes with $value */
struct str template_text(const struct template *t);    /* the source text */
/* Appends; cut at TEMPLATE_OUTPUT_MAX. A missing label is the empty string. */
void template_expand(const struct template *t, const struct template_data *data, struct buf *out);
