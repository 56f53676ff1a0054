/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ${NAME} from the environment.
 *
 * Only where the tables allow it: secrets and addresses differ between the
 * machines that share one file, rules must not.  A variable that is not set is
 * an error, never an empty string.
 */
#include <config.h>

#include "config/schema_internal.h"

#include <stdlib.h>

static bool
is_name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	    (!first && c >= '0' && c <= '9');
}

/* The length of NAME} at the start of the text without the brace; 0: no such thing. */
static uint32_t
name_length(struct str text)
{
	uint32_t n = 0;

	while (n < text.n && is_name_char(text.p[n], n == 0)) {
		n++;
	}
	return n < text.n && text.p[n] == '}' ? n : 0;
}

/* text begins behind "${"; appends the value, returns bytes consumed or 0. */
static uint32_t
put_variable(struct arena *arena, struct diag *diag,
    const struct yaml_node *scalar, uint32_t at, struct buf *out)
{
	const struct str rest = { scalar->text.p + at + 2,
		scalar->text.n - at - 2 };
	const uint32_t n = name_length(rest);
	const char *name, *value;

	if (n == 0) {
		if (diag != NULL) {
			diag_error(diag, yaml_pos_at(scalar, at),
			    "only ${NAME} is expanded here; write $${ for a "
			    "literal ${");
		}
		return 0;
	}
	name = arena_str(arena, str_make(rest.p, n)).p;
	value = getenv(name);
	if (value == NULL) {
		if (diag != NULL) {
			diag_error(diag, yaml_pos_at(scalar, at),
			    "the environment variable '%s' is not set; set it, "
			    "or write $${%s} for the text itself",
			    name, name);
		}
		return 0;
	}
	buf_puts(out, value);
	return n + 3;
}

bool
schema_expand_env(struct arena *arena, struct diag *diag,
    const struct yaml_node *scalar, struct str *ret, bool *ret_changed)
{
	const struct str text = scalar->text;
	struct buf out;
	bool ok = true;

	*ret = text;
	*ret_changed = false;
	buf_init(&out, YAML_FILE_BYTES_MAX);
	for (uint32_t i = 0; i < text.n;) {
		const struct str rest = { text.p + i, text.n - i };

		if (str_starts(rest, STR("$${")) &&
		    !str_starts(rest, STR("$${{"))) {
			buf_puts(&out, "${");
			i += 3;
			*ret_changed = true;
		} else if (str_starts(rest, STR("${")) &&
		    !str_starts(rest, STR("${{"))) {
			const uint32_t n = put_variable(arena, diag, scalar, i,
			    &out);

			*ret_changed = true;
			ok = ok && n > 0;
			i += n > 0 ? n : 2;
		} else {
			buf_putc(&out, text.p[i++]);
		}
	}
	if (ok && *ret_changed) {
		*ret = arena_str(arena, buf_str(&out));
	}
	buf_fini(&out);
	return ok;
}
