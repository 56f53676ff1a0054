/* SPDX-License-Identifier: Apache-2.0 */
/* Collects findings and keeps the texts of the files they point into. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* Notes come on top of DIAG_MAX, but not without end. */
#define ENTRIES_MAX (3 * DIAG_MAX)

struct file {
	char *name, *text;
	uint32_t text_n;
};

struct diag {
	struct file **files; /* by pointer: names are handed out */
	size_t n_files, cap_files;
	struct finding *entries; /* findings, each followed by its notes */
	size_t n, cap;
	uint32_t errors, warnings;
	bool last_dropped; /* so are its notes */
	uint32_t kept;     /* errors and warnings among the entries */
};

struct diag *
diag_new(void)
{
	return xcalloc(1, sizeof(struct diag));
}

void
diag_free(struct diag *diag)
{
	if (diag == NULL)
		return;
	for (size_t i = 0; i < diag->n_files; i++) {
		free(diag->files[i]->name);
		free(diag->files[i]->text);
		free(diag->files[i]);
	}
	for (size_t i = 0; i < diag->n; i++)
		free(diag->entries[i].text);
	free(diag->files);
	free(diag->entries);
	free(diag);
}

const char *
diag_add_file(struct diag *diag, const char *name, struct str text)
{
	struct file *file = xmalloc(sizeof(*file));

	*file =
	    (struct file){ xstrdup(name), xmemdup0(text.p, text.n), text.n };
	diag->files = xgrow(diag->files, &diag->cap_files, diag->n_files + 1,
	    sizeof(struct file *));
	diag->files[diag->n_files++] = file;
	return file->name;
}

static void PRINTF(4, 0) add(struct diag *diag, enum diag_level level,
    struct pos pos, const char *fmt, va_list ap)
{
	struct buf text = { 0 };

	if (level == DIAG_NOTE ? diag->last_dropped || diag->n >= ENTRIES_MAX
			       : diag->kept >= DIAG_MAX) {
		diag->last_dropped = true;
		return;
	}
	buf_vprintf(&text, fmt, ap);
	diag->entries = xgrow(
	    diag->entries, &diag->cap, diag->n + 1, sizeof(*diag->entries));
	diag->entries[diag->n++] =
	    (struct finding){ level, pos, buf_take(&text) };
	if (level != DIAG_NOTE) {
		diag->kept++;
		diag->last_dropped = false;
	}
}

void
diag_error(struct diag *diag, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	diag->errors++;
	va_start(ap, fmt);
	add(diag, DIAG_ERROR, pos, fmt, ap);
	va_end(ap);
}

void
diag_warning(struct diag *diag, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	diag->warnings++;
	va_start(ap, fmt);
	add(diag, DIAG_WARNING, pos, fmt, ap);
	va_end(ap);
}

void
diag_note(struct diag *diag, struct pos pos, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(diag, DIAG_NOTE, pos, fmt, ap);
	va_end(ap);
}

uint32_t
diag_errors(const struct diag *diag)
{
	return diag->errors;
}

uint32_t
diag_warnings(const struct diag *diag)
{
	return diag->warnings;
}

uint32_t
diag_count(const struct diag *diag)
{
	return (uint32_t)diag->n;
}

const struct finding *
diag_at(const struct diag *diag, uint32_t i)
{
	return i < diag->n ? &diag->entries[i] : NULL;
}

uint32_t
diag_dropped(const struct diag *diag)
{
	return diag->errors + diag->warnings - diag->kept;
}

/* Its place in the order of registration; unknown files come last. */
static size_t
file_index(const struct diag *diag, const char *name)
{
	for (size_t i = 0; name != NULL && i < diag->n_files; i++)
		if (diag->files[i]->name == name)
			return i;
	for (size_t i = 0; name != NULL && i < diag->n_files; i++)
		if (strcmp(diag->files[i]->name, name) == 0)
			return i;
	return diag->n_files;
}

bool
diag_line(
    const struct diag *diag, const char *file, uint32_t line, struct str *ret)
{
	size_t index = file_index(diag, file);
	const char *p, *end, *stop;

	if (index == diag->n_files || line == 0)
		return false;
	p = diag->files[index]->text;
	end = p + diag->files[index]->text_n;
	for (uint32_t i = 1; i < line; i++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL)
			return false;
		p++;
	}
	stop = memchr(p, '\n', (size_t)(end - p));
	if (stop == NULL)
		stop = end;
	if (stop > p && stop[-1] == '\r')
		stop--;
	*ret = str_make(p, (size_t)(stop - p));
	return true;
}

/* A finding with its notes, for sorting. */
struct bundle {
	size_t file, first, count;
	uint32_t line, col;
};

static int
compare_bundles(const void *pa, const void *pb)
{
	const struct bundle *a = pa, *b = pb;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->col != b->col)
		return a->col < b->col ? -1 : 1;
	return (a->first > b->first) - (a->first < b->first);
}

/* A file that was read twice, by itself and through another, has each of its findings twice. */
static bool
is_said(const struct finding *sorted, size_t n, const struct finding *finding)
{
	for (size_t i = n; i > 0; i--) {
		const struct finding *other = &sorted[i - 1];

		if (other->level == finding->level && other->pos.line == finding->pos.line &&
		    other->pos.col == finding->pos.col &&
		    (other->pos.file == finding->pos.file ||
			(other->pos.file != NULL && finding->pos.file != NULL &&
			    strcmp(other->pos.file, finding->pos.file) == 0)) &&
		    strcmp(other->text, finding->text) == 0)
			return true;
	}
	return false;
}

void
diag_sort(struct diag *diag)
{
	struct bundle *bundles;
	struct finding *sorted;
	size_t n = 0, out = 0;

	if (diag->n < 2)
		return;
	bundles = xcalloc(diag->n, sizeof(*bundles));
	for (size_t i = 0; i < diag->n; i++) {
		const struct pos *pos = &diag->entries[i].pos;

		if (n > 0 && diag->entries[i].level == DIAG_NOTE)
			bundles[n - 1].count++;
		else
			bundles[n++] =
			    (struct bundle){ file_index(diag, pos->file), i, 1,
				    pos->line, pos->col };
	}
	qsort(bundles, n, sizeof(bundles[0]), compare_bundles);
	sorted = xcalloc(diag->cap, sizeof(*sorted));
	for (size_t i = 0; i < n; i++) {
		const bool again = is_said(sorted, out, &diag->entries[bundles[i].first]);

		for (size_t j = 0; j < bundles[i].count; j++) {
			struct finding *finding = &diag->entries[bundles[i].first + j];

			if (again)
				free(finding->text);
			else
				sorted[out++] = *finding;
		}
	}
	free(bundles);
	free(diag->entries);
	diag->entries = sorted;
	diag->n = out;
}
