/* SPDX-License-Identifier: Apache-2.0 */
/* A truth value that knows whether it was given at all. */
#include "config.h"

#include "config/flag.h"

#include "base/attr.h"

void
flag_read(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	static const struct {
		const char *word;
		enum flag flag;
	} words[] = {
		{ "false", FLAG_FALSE },
		{ "no", FLAG_FALSE },
		{ "off", FLAG_FALSE },
		{ "true", FLAG_TRUE },
		{ "yes", FLAG_TRUE },
		{ "on", FLAG_TRUE },
	};
	enum flag *flag = member;

	if (node->kind == YAML_SCALAR && node->style == YAML_PLAIN) {
		for (size_t i = 0; i < ARRAY_LEN(words); i++) {
			if (str_is(node->text, words[i].word)) {
				*flag = words[i].flag;
				return;
			}
		}
	}
	schema_expected(ctx, node, "true or false (without quotes)");
}
