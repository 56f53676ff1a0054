/* SPDX-License-Identifier: Apache-2.0 */
/* Tables in CSV, and sources asked without a server. */
#include "config.h"

#include "cli/drift_input.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/xalloc.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "net/xfer.h"
#include "source/rows.h"

#define READ_BYTES (1u << 20)

static const struct source_ops table_ops = { .labels = rows_labels };
static const struct source_config table_config = { .name = "file" };
const struct source drift_table_source = { .ops = &table_ops, .config = &table_config };

/* --- files ----------------------------------------------------------------- */

static int
read_all(FILE *file, struct buf *ret, struct err *err)
{
	buf_init(ret, DRIFT_FILE_BYTES_MAX);
	for (;;) {
		size_t n;

		buf_reserve(ret, READ_BYTES);
		if (ret->overflow || ret->cap - ret->n <= READ_BYTES)
			return err_set(
			    err, ERR_LIMIT, "more than %zu MiB", DRIFT_FILE_BYTES_MAX >> 20);
		n = fread(ret->p + ret->n, 1, READ_BYTES, file);
		ret->n += n;
		if (n < READ_BYTES)
			break;
	}
	return ferror(file) ? err_set(err, ERR_IO, "%s", strerror(errno)) : 0;
}

static int
read_file(const char *path, struct buf *ret, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	int code;

	if (file == NULL)
		return err_set(err, ERR_IO, "%s", strerror(errno));
	code = read_all(file, ret, err);
	if (!is_stdin)
		fclose(file);
	return code;
}

/* --- columns --------------------------------------------------------------- */

/* What each column is. */
struct layout {
	uint32_t labels[LABELS_MAX], n_labels;
	uint32_t values[CSV_COLUMNS_MAX], n_values;
	struct str names[CSV_COLUMNS_MAX]; /* in the arena */
	uint32_t n;
	struct str prefix[CSV_COLUMNS_MAX]; /* of a value column's keys: its feature label */
};

static uint32_t
column_named(const struct layout *layout, const char *name)
{
	for (uint32_t i = 0; i < layout->n; i++)
		if (str_is(layout->names[i], name))
			return i;
	return UINT32_MAX;
}

static int
no_column(const struct layout *layout, const char *name, struct err *err)
{
	struct buf has = { 0 };
	int code;

	for (uint32_t i = 0; i < layout->n && has.n < 150; i++)
		buf_printf(
		    &has, "%s%.*s", i > 0 ? ", " : "", STR_ARG(str_head(layout->names[i], 40)));
	code = err_set(err, ERR_INVALID, "there is no column '%s', only %s", name, has.p);
	buf_fini(&has);
	return code;
}

static int
add_label(struct layout *layout, const char *name, struct err *err)
{
	uint32_t at = column_named(layout, name);

	if (at == UINT32_MAX)
		return no_column(layout, name, err);
	if (layout->n_labels == LABELS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d labels", LABELS_MAX);
	layout->labels[layout->n_labels++] = at;
	return 0;
}

static bool
is_label(const struct layout *layout, uint32_t at)
{
	for (uint32_t i = 0; i < layout->n_labels; i++)
		if (layout->labels[i] == at)
			return true;
	return false;
}

static int
find_values(struct layout *layout, const struct drift_table *table, struct err *err)
{
	uint32_t value = column_named(layout, "value");

	for (uint32_t i = 0; i < table->n_columns; i++) {
		uint32_t at = column_named(layout, table->columns[i]);

		if (at == UINT32_MAX)
			return no_column(layout, table->columns[i], err);
		layout->values[layout->n_values++] = at;
	}
	if (layout->n_values == 0 && value != UINT32_MAX && !is_label(layout, value))
		layout->values[layout->n_values++] = value;
	if (layout->n_values == 0)
		for (uint32_t i = 0; i < layout->n; i++)
			if (!is_label(layout, i))
				layout->values[layout->n_values++] = i;
	if (layout->n_values == 0)
		return err_set(err, ERR_INVALID, "there is no column with values");
	return 0;
}

static void
put_label(struct buf *key, struct str name, struct str value)
{
	buf_put_u32le(key, name.n);
	buf_put_str(key, name);
	buf_put_u32le(key, value.n);
	buf_put_str(key, value);
}

static int
read_header(const struct csv *csv, const struct drift_table *table, struct arena *arena,
    struct layout *layout, struct err *err)
{
	int code = 0;

	layout->n = csv->n;
	for (uint32_t i = 0; i < csv->n; i++) {
		layout->names[i] = arena_str(arena, str_trim(csv->cells[i]));
		for (uint32_t k = 0; k < i; k++)
			if (str_eq(layout->names[i], layout->names[k]))
				return err_set(err, ERR_INVALID,
				    "line %llu: two columns are named '%s'",
				    (unsigned long long)csv->line, layout->names[i].p);
	}
	for (uint32_t i = 0; i < table->n_by && code == 0; i++)
		code = add_label(layout, table->by[i], err);
	if (code == 0 && table->label != NULL)
		code = add_label(layout, table->label, err);
	if (code == 0)
		code = find_values(layout, table, err);
	for (uint32_t i = 0; i < layout->n_values && layout->n_values > 1 && !table->joint; i++) {
		struct buf key = { 0 };

		put_label(&key, STR("feature"), layout->names[layout->values[i]]);
		layout->prefix[i] = arena_str(arena, buf_str(&key));
		buf_fini(&key);
	}
	return code;
}

/* --- rows ------------------------------------------------------------------ */

struct reading {
	const struct drift_table *table;
	struct layout layout;
	struct arena *arena;
	struct str text;
	struct sample *samples;
	size_t n, cap;
	struct buf key;
	struct str last[CSV_COLUMNS_MAX]; /* the key of each value column in the row before */
};

static bool
is_missing(struct str cell)
{
	if (cell.n == 0)
		return true;
	/* Most cells are numbers. */
	return (cell.p[0] | 0x20) == 'n' &&
	       (str_is(cell, "NA") || str_is(cell, "null") || str_is(cell, "NULL") ||
		   str_is(cell, "NaN") || str_is(cell, "nan"));
}

/* Cells are the file's own bytes, but for those that had to be unquoted. */
static struct str
keep_cell(const struct reading *r, struct str cell)
{
	return cell.p >= r->text.p && cell.p < r->text.p + r->text.n ? cell
								     : arena_str(r->arena, cell);
}

static struct str
key_of(struct reading *r, const struct csv *csv, uint32_t column)
{
	if (r->layout.n_labels == 0)
		return r->layout.prefix[column];
	buf_clear(&r->key);
	buf_put_str(&r->key, r->layout.prefix[column]);
	for (uint32_t i = 0; i < r->layout.n_labels; i++) {
		uint32_t at = r->layout.labels[i];

		put_label(&r->key, r->layout.names[at], csv->cells[at]);
	}
	/* Rows of one feature often stand together. */
	if (r->last[column].p == NULL || !str_eq(r->last[column], buf_str(&r->key)))
		r->last[column] = arena_str(r->arena, buf_str(&r->key));
	return r->last[column];
}

static int
add_sample(struct reading *r, const struct csv *csv, struct sample sample, struct err *err)
{
	if (r->n == POINTS_MAX)
		return err_set(err, ERR_LIMIT,
		    "line %llu: more than %d values; thin the file out first",
		    (unsigned long long)csv->line, POINTS_MAX);
	if (r->n == r->cap)
		r->samples = xgrow(r->samples, &r->cap, r->n + 1, sizeof(*r->samples));
	r->samples[r->n++] = sample;
	return 0;
}

/* All columns of a row: the rule reads the numbers. */
static int
add_point(struct reading *r, const struct csv *csv, struct err *err)
{
	const uint32_t n = r->layout.n_values;
	struct str *fields = ARENA_ARRAY(r->arena, n, struct str);

	for (uint32_t i = 0; i < n; i++) {
		struct str cell = str_trim(csv->cells[r->layout.values[i]]);

		if (!is_missing(cell))
			fields[i] = keep_cell(r, cell);
	}
	return add_sample(r, csv,
	    (struct sample){
		.key = key_of(r, csv, 0), .value = (double)NAN, .missing = true, .fields = fields },
	    err);
}

static int
add_value(struct reading *r, const struct csv *csv, uint32_t column, struct err *err)
{
	uint32_t at = r->layout.values[column];
	struct str cell = str_trim(csv->cells[at]);
	struct sample sample = { .missing = is_missing(cell), .value = (double)NAN };

	sample.key = key_of(r, csv, column);
	if (r->table->names) {
		struct str *field = ARENA_NEW(r->arena, struct str);

		if (!sample.missing)
			*field = keep_cell(r, cell);
		sample.fields = field;
	} else if (!sample.missing && !number_parse(cell, &sample.value)) {
		return err_set(err, ERR_INVALID,
		    "line %llu: column %s has '%.*s', which is no number; %s",
		    (unsigned long long)csv->line, r->layout.names[at].p,
		    STR_ARG(str_head(cell, 60)),
		    r->layout.n_values > 1
			? "name the columns to compare with --column"
			: "texts are compared by chi2 or g, or by a distance with --bins distinct");
	}
	return add_sample(r, csv, sample, err);
}

static int
read_rows(struct reading *r, struct csv *csv, struct err *err)
{
	int code = csv_next(csv, err);

	if (code == 0)
		return err_set(err, ERR_INVALID,
		    "the file is empty; its first line names the "
		    "columns");
	if (code > 0)
		code = read_header(csv, r->table, r->arena, &r->layout, err);
	while (code == 0 && (code = csv_next(csv, err)) > 0) {
		code = 0;
		if (r->table->joint)
			code = add_point(r, csv, err);
		for (uint32_t i = 0; i < r->layout.n_values && code == 0 && !r->table->joint; i++)
			code = add_value(r, csv, i, err);
	}
	return code;
}

void
drift_file_fini(struct drift_file *file)
{
	buf_fini(&file->text);
	free(file->samples);
	*file = (struct drift_file){ 0 };
}

int
drift_table_read(const char *path, const struct drift_table *table, struct arena *arena,
    struct drift_file *ret_file, struct vector *ret, bool *ret_wide, struct err *err)
{
	struct reading *r = xcalloc(1, sizeof(*r));
	struct csv csv;
	int code = read_file(path, &ret_file->text, err);

	if (code == 0) {
		r->table = table;
		r->arena = arena;
		r->text = buf_str(&ret_file->text);
		csv_init(&csv, r->text, table->delimiter);
		code = read_rows(r, &csv, err);
		csv_fini(&csv);
	}
	ret_file->samples = r->samples;
	/* Numbers do not point into it: its memory is the next file's. */
	if (!table->names && !table->joint)
		buf_fini(&ret_file->text);
	if (code == 0) {
		*ret = (struct vector){ r->samples, (uint32_t)r->n };
		*ret_wide = r->layout.n_values > 1 && !table->joint;
	}
	buf_fini(&r->key);
	free(r);
	return code < 0 ? err_wrap(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path) : 0;
}

/* --- sources ---------------------------------------------------------------- */

void
print_no_source(
    const char *command, const char *path, const char *name, const struct config *config)
{
	fprintf(stderr, "tocsin %s: %s has no source '%s'", command, path, name);
	for (uint32_t i = 0; i < config->n_sources; i++)
		fprintf(stderr, "%s%s", i > 0 ? ", " : " (it has ", config->sources[i].name);
	fputs(config->n_sources > 0 ? ")\n" : "\n", stderr);
}

struct drift_asking {
	struct loop *loop;
	struct xfer *xfer;
	struct worker_pool *workers;
	struct source *source;
	struct source_query query;
	struct vector *answer;
	struct err *err;
	bool done;
	int code;
};

struct drift_asking *
drift_asking_open(const struct source_config *config, struct err *err)
{
	struct drift_asking *a = xcalloc(1, sizeof(*a));

	a->loop = loop_new();
	a->xfer = xfer_new(a->loop, NULL);
	a->workers = worker_pool_new(a->loop, "sql", 1, 16);
	a->source = source_ops_of(config->kind)->open(config, a->loop, a->xfer, a->workers, err);
	if (a->source == NULL) {
		drift_asking_close(a);
		return NULL;
	}
	return a;
}

void
drift_asking_close(struct drift_asking *a)
{
	if (a == NULL)
		return;
	if (a->source != NULL)
		a->source->ops->close(a->source);
	xfer_free(a->xfer);
	worker_pool_free(a->workers);
	loop_free(a->loop);
	free(a);
}

const struct source *
drift_asking_source(const struct drift_asking *a)
{
	return a->source;
}

wall_t
drift_asking_now(const struct drift_asking *a)
{
	return loop_now(a->loop);
}

static void
on_answer(struct source_query *query, const struct vector *vector, const struct err *err)
{
	struct drift_asking *a = query->arg;

	if (err != NULL) {
		*a->err = *err;
		a->code = -(int)err->code;
	} else {
		*a->answer = *vector;
		a->code = 0;
	}
	a->done = true;
	loop_stop(a->loop);
}

int
drift_ask(struct drift_asking *a, const struct rule_query *query, struct arena *arena,
    struct vector *ret, struct err *err)
{
	a->query = (struct source_query){ .text = arena_str(arena, query->text),
		.at = query->at,
		.shape = query->shape,
		.from = query->from,
		.to = query->to,
		.step = query->step,
		.fields = query->fields,
		.n_fields = query->n_fields,
		.arena = arena,
		.done = on_answer,
		.arg = a };
	a->answer = ret;
	a->err = err;
	a->done = false;
	a->source->ops->query(a->source, &a->query);
	while (!a->done)
		loop_turn(a->loop, DUR_S(1));
	return a->code;
}
