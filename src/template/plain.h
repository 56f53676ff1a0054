/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of literals and plain names only: {{ $labels.job }}, {{ $value }},
 * {{ .CommonLabels.alertname }}.  Nearly all texts are; they need no tree, no
 * scratch memory, and their expansion cannot fail.
 */
#pragma once

#include "template/syntax.h"

struct piece;

struct plain {
	struct piece *pieces;
	uint32_t n;
	bool constant, uses_value;
};

/* false: not plain, or wrong in a way that the parser proper will tell. */
bool plain_parse(struct arena *arena, struct str text, enum template_scope scope, struct plain *ret);
void plain_expand(const struct plain *plain, const struct template_data *data, struct buf *out);
