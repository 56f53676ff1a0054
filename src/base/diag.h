/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings shown to whoever wrote the YAML: file, line, column, a caret and
 * the remedy.  Collects up to DIAG_MAX over all files, then prints
 *
 *   rules/web.yml:14:11: error: unknown key 'exprr' in rule (did you mean 'expr'?)
 *      14 |           exprr: up == 0
 *         |           ^~~~~
 *   rules/web.yml:9:5: note: in group 'web' defined here
 *
 * The texts of the files are kept here so that the excerpt can be shown.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

#define DIAG_MAX 100

struct pos {
	const char *file; /* owned by the diag that knows the file, or static */
	uint32_t line, col; /* 1-based; line 0: the whole file. col counts characters */
	uint32_t width;     /* characters to underline, 0 or 1: a caret alone */
};

enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct finding {
	enum diag_level level;
	struct pos pos;
	char *text;
};

struct diag;

struct diag *diag_new(void);
void diag_free(struct diag *diag);
/* Registers a file's text (copied); returns its name as kept by diag. */
const char *diag_add_file(struct diag *diag, const char *name, struct str text);
void diag_error(struct diag *diag, struct pos pos, const char *fmt, ...) PRINTF(3, 4);
void diag_warning(struct diag *diag, struct pos pos, const char *fmt, ...) PRINTF(3, 4);
/* Belongs to the finding before it. */
void diag_note(struct diag *diag, struct pos pos, const char *fmt, ...) PRINTF(3, 4);
uint32_t diag_errors(const struct diag *diag);   /* also counts those past DIAG_MAX */
uint32_t diag_warnings(const struct diag *diag);
uint32_t diag_count(const struct diag *diag);
const struct finding *diag_at(const struct diag *diag, uint32_t i);
uint32_t diag_dropped(const struct diag *diag);  /* errors and warnings past DIAG_MAX */
/* The text of one line without its end; false when the file or the line is not known. */
bool diag_line(const struct diag *diag, const char *file, uint32_t line, struct str *ret);
void diag_sort(struct diag *diag); /* by file (order of registration), line, column; notes stay with theirs */
void diag_print(const struct diag *diag, struct buf *out);      /* text as above */
/* Without the lines of the files: for logs and answers, where a secret in such a line would stay. */
void diag_print_brief(const struct diag *diag, struct buf *out);
void diag_print_json(const struct diag *diag, struct buf *out); /* [{"level","file","line","column","text"}] */
