/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: YAML text to a tree and back, and the same text as a
 * configuration or rule file with the kinds of the unit tests and with the
 * program's own.  What is written is read back as the same text; findings
 * point into the file.
 * Inputs that name other files stop at the tree: they would read the machine.
 */
#include "config.h"

#include <stdlib.h>

#include "base/buf.h"
#include "config/config.h"
#include "daemon/core.h"
#include "fuzz.h"
#include "support.h"
#include "unit/config/fake_kinds.h"

static void
check_positions(const struct diag *diag, struct str text)
{
	uint32_t lines = 1;

	for (uint32_t i = 0; i < text.n; i++) {
		lines += text.p[i] == '\n' || text.p[i] == '\r' ||
		    (text.p[i] & 0x80) != 0; /* YAML has other breaks, too */
	}
	for (uint32_t i = 0; i < diag_count(diag); i++) {
		if (diag_at(diag, i)->pos.line > lines + 1) {
			abort();
		}
	}
}

static void
fuzz_tree(struct str text)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	struct yaml_node *root = yaml_parse(arena, diag, "fuzz", text);
	struct buf first = { .max = 8u << 20 }, second = { .max = 8u << 20 };

	check_positions(diag, text);
	if (root == NULL && diag_errors(diag) == 0) {
		abort();
	}
	if (root != NULL) {
		yaml_emit(root, &first);
		if (!first.overflow && first.n <= YAML_FILE_BYTES_MAX) {
			root = yaml_parse(arena, diag, "again",
			    buf_str(&first));
			if (root == NULL) {
				abort();
			}
			yaml_emit(root, &second);
			if (!str_eq(buf_str(&first), buf_str(&second))) {
				abort();
			}
		}
	}
	buf_fini(&first);
	buf_fini(&second);
	diag_free(diag);
	arena_free(arena);
}

static void
fuzz_file(struct str text, const struct config_kinds *kinds)
{
	struct diag *diag = diag_new();
	struct buf out = { 0 };
	int rules;

	rules = config_check_file(support_file(text), kinds, NULL, diag, NULL);
	if ((rules < 0) != (diag_errors(diag) > 0)) {
		abort();
	}
	check_positions(diag, text);
	diag_print(diag, &out);
	buf_fini(&out);
	diag_free(diag);
	if (labels_live() != 0 || istr_live() != 0) {
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str text = str_make((const char *)data, size);

	fuzz_tree(text);
	if (!support_names_files(text)) {
		fuzz_file(text, &fake_kinds);
		fuzz_file(text, core_kinds());
	}
	return 0;
}
