/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whylogs profiles: a file, a folder of them, or whylogs' SQLiteStore.
 *
 * The newest profile of each data set (and segment) answers an instant query,
 * each profile of the window another one; the time is the profile's own data
 * set time.  What is known of a file (its time, its tags) is kept until the
 * file changes, so in the steady state a query reads one file of a data set.
 */
#include "config.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "source/backends.h"
#include "source/files.h"
#include "source/job_source.h"
#include "source/points.h"
#include "source/sqlite_read.h"
#include "source/whylogs_query.h"

#define SQLITE_MAGIC "SQLite format 3"
#define PATHS_SHOWN  8

struct whylogs_settings {
	const char *path, *reference;
	dur_t lookback;
	struct string_list metadata_labels;
};

/* What is known of a file that has been read once. */
struct known {
	char *path;
	int64_t size, changed_ns;
	wall_t at;
	char *segment; /* its tags */
	size_t segment_n;
};

/* Kept between jobs. */
struct keep {
	struct known *known; /* by path */
	size_t n;
	struct sqlite_conn *conn;
	/* the reference */
	struct buf bytes;
	struct file_entry file;
	struct arena *arena;
	struct whylogs_profile reference;
};

/* One profile being asked. */
struct asking {
	struct job_call *call;
	const struct whylogs_settings *settings;
	const struct whylogs_profile *profile;
	const struct whylogs_column *column;
	struct str dataset;
	uint32_t columns, answered;
};

static void
forget(struct known *known)
{
	free(known->path);
	free(known->segment);
}

static void
keep_free(void *arg)
{
	struct keep *keep = arg;

	if (keep == NULL)
		return;
	for (size_t i = 0; i < keep->n; i++)
		forget(&keep->known[i]);
	free(keep->known);
	sqlite_conn_close(keep->conn);
	buf_fini(&keep->bytes);
	free(keep->file.path);
	arena_free(keep->arena);
	free(keep);
}

/* --- one profile ------------------------------------------------------------------ */

static int
begin_row(void *arg, struct rows *rows, struct err *err)
{
	const struct asking *a = arg;
	const struct whylogs_profile *p = a->profile;
	int code = rows_begin(rows, err);

	if (code == 0)
		code = rows_label(rows, STR("column"), a->column->name, err);
	if (code == 0 && a->dataset.n > 0)
		code = rows_label(rows, STR("dataset"), a->dataset, err);
	for (uint32_t i = 0; i < p->n_tags && code == 0; i++)
		code = rows_label(rows, p->tags[i].key, p->tags[i].value, err);
	for (uint32_t i = 0; i < p->n_metadata; i++)
		for (uint32_t j = 0; j < a->settings->metadata_labels.n && code == 0; j++)
			if (str_is(p->metadata[i].key, a->settings->metadata_labels.items[j]))
				code =
				    rows_label(rows, p->metadata[i].key, p->metadata[i].value, err);
	return code;
}

static const struct whylogs_column *
column_named(const struct whylogs_profile *profile, struct str name)
{
	for (uint32_t i = 0; i < profile->n_columns; i++)
		if (str_eq(profile->columns[i].name, name))
			return &profile->columns[i];
	return NULL;
}

static wall_t
time_of(const struct whylogs_profile *profile)
{
	return wall_is_set(profile->dataset) ? profile->dataset : profile->created;
}

static int
ask_profile(struct asking *a, const struct keep *keep, struct err *err)
{
	int code = 0;

	for (uint32_t i = 0; i < a->profile->n_columns && code == 0; i++) {
		struct whylogs_question question = {
			.text = a->call->what,
			.column = &a->profile->columns[i],
			.reference = column_named(&keep->reference, a->profile->columns[i].name),
			.has_reference = a->settings->reference != NULL,
			.at = time_of(a->profile),
			.begin = begin_row,
			.arg = a,
		};
		bool absent;

		a->column = question.column;
		code = whylogs_ask(&question, a->call->rows, &absent, err);
		a->columns++;
		a->answered += !absent;
	}
	return code;
}

/* Columns there are, but none has it: probably a typing error. */
static int
nobody_has_it(const struct asking *a, struct err *err)
{
	struct buf paths = { 0 };
	const struct whylogs_column *c = a->column;
	int code;

	for (uint32_t i = 0; c != NULL && i < c->n && i < PATHS_SHOWN; i++)
		buf_printf(&paths, "%s%.*s", i > 0 ? ", " : "",
		    STR_ARG(str_head(c->components[i].path, 40)));
	code = err_set(err, ERR_NOT_FOUND,
	    "none of %u columns has what '%.*s' asks for; '%.*s' has %s", a->columns,
	    STR_ARG(str_head(a->call->what, 40)), STR_ARG(str_head(c->name, 20)),
	    paths.p != NULL ? paths.p : "nothing");
	buf_fini(&paths);
	return code;
}

/* --- files --------------------------------------------------------------------------- */

static void
keep_segment(struct known *known, const struct whylogs_profile *profile)
{
	struct buf tags = { 0 };

	for (uint32_t i = 0; i < profile->n_tags; i++) {
		buf_put_u32le(&tags, profile->tags[i].key.n);
		buf_put_str(&tags, profile->tags[i].key);
		buf_put_u32le(&tags, profile->tags[i].value.n);
		buf_put_str(&tags, profile->tags[i].value);
	}
	known->segment_n = tags.n;
	known->segment = buf_take(&tags);
}

static bool
same_segment(const struct known *a, const struct known *b)
{
	return a->segment_n == b->segment_n &&
	       (a->segment_n == 0 || memcmp(a->segment, b->segment, a->segment_n) == 0);
}

static int
read_profile(const char *path, struct buf *bytes, struct arena *arena, struct whylogs_profile *ret,
    struct err *err)
{
	int code = file_read(path, WHYLOGS_FILE_BYTES_MAX, bytes, err);

	if (code < 0)
		return code;
	code = whylogs_read(buf_str(bytes), arena, ret, err);
	return code < 0 ? err_wrap(err, "%s", path) : code;
}

/* The reference, read again when its file changes. */
static int
load_reference(struct keep *keep, const char *path, struct err *err)
{
	struct file_list list;
	int code;

	if (path == NULL)
		return 0;
	code = files_list(path, ".bin", &list, err);
	if (code < 0)
		return err_wrap(err, "reference");
	if (list.n != 1) {
		files_fini(&list);
		return err_set(
		    err, ERR_INVALID, "reference: '%s' is a folder; give one file", path);
	}
	if (keep->arena != NULL && keep->file.size == list.items[0].size &&
	    keep->file.changed_ns == list.items[0].changed_ns) {
		files_fini(&list);
		return 0;
	}
	arena_free(keep->arena);
	buf_fini(&keep->bytes);
	keep->reference = (struct whylogs_profile){ 0 };
	keep->arena = arena_new(0);
	code = read_profile(path, &keep->bytes, keep->arena, &keep->reference, err);
	keep->file.size = list.items[0].size;
	keep->file.changed_ns = list.items[0].changed_ns;
	files_fini(&list);
	if (code < 0) {
		arena_free(keep->arena);
		keep->arena = NULL;
		return err_wrap(err, "reference");
	}
	return 0;
}

static int
known_by_path(const void *key, const void *item)
{
	return strcmp(key, ((const struct known *)item)->path);
}

static int
look_at(const struct file_entry *file, struct known *ret, struct err *err)
{
	struct whylogs_profile profile;
	struct arena *arena = arena_new(0);
	struct buf bytes = { 0 };
	int code = read_profile(file->path, &bytes, arena, &profile, err);

	if (code == 0) {
		*ret = (struct known){ .path = xstrdup(file->path),
			.size = file->size,
			.changed_ns = file->changed_ns,
			.at = time_of(&profile) };
		keep_segment(ret, &profile);
	}
	buf_fini(&bytes);
	arena_free(arena);
	return code;
}

/* Brings what is known up to date; both lists are sorted alike. */
static int
get_to_know(struct job_call *call, struct keep *keep, const struct file_list *list, struct err *err)
{
	struct known *now = xcalloc(list->n + 1, sizeof(*now));
	size_t n = 0;
	int code = 0;

	while (n < list->n && code == 0) {
		const struct file_entry *file = &list->items[n];
		struct known *before = keep->n == 0 ? NULL
						    : bsearch(file->path, keep->known, keep->n,
							  sizeof(*keep->known), known_by_path);

		code = job_goes_on(call, err);
		if (code < 0)
			break;
		if (before != NULL && before->size == file->size &&
		    before->changed_ns == file->changed_ns) {
			now[n] = *before;
			now[n].path = xstrdup(file->path);
			before->segment = NULL;
			before->segment_n = 0;
			n++;
		} else {
			code = look_at(file, &now[n], err);
			n += code == 0;
		}
	}
	for (size_t i = 0; i < keep->n; i++)
		forget(&keep->known[i]);
	free(keep->known);
	keep->known = now;
	keep->n = n;
	return code;
}

static bool
is_wanted(const struct job_call *call, wall_t at)
{
	if (!wall_is_set(at))
		return true;
	return !wall_before(at, call->from) && !wall_before(call->to, at);
}

/* Is there a newer one of the same data set and segment that is wanted? */
static bool
is_outdated(
    const struct job_call *call, const struct keep *keep, const struct file_list *list, size_t i)
{
	const char *root = ((const struct whylogs_settings *)call->config->settings)->path;
	struct str folder = file_folder(root, &list->items[i]);

	if (call->shape != QUERY_INSTANT)
		return false;
	for (size_t j = 0; j < list->n; j++) {
		const struct known *mine = &keep->known[i], *other = &keep->known[j];

		if (j != i && same_segment(mine, other) && is_wanted(call, other->at) &&
		    (wall_before(mine->at, other->at) || (mine->at.ns == other->at.ns && j > i)) &&
		    str_eq(folder, file_folder(root, &list->items[j])))
			return true;
	}
	return false;
}

static int
ask_file(struct asking *a, const struct keep *keep, const char *path, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct whylogs_profile profile;
	struct buf bytes = { 0 };
	int code = read_profile(path, &bytes, arena, &profile, err);

	a->profile = &profile;
	if (code == 0)
		code = ask_profile(a, keep, err);
	if (code == 0 && a->columns > 0 && a->answered == 0 && profile.n_columns > 0)
		code = nobody_has_it(a, err);
	a->profile = NULL;
	buf_fini(&bytes);
	arena_free(arena);
	return code;
}

static int
ask_files(struct asking *a, struct keep *keep, struct err *err)
{
	struct job_call *call = a->call;
	struct file_list list;
	int code = files_list(a->settings->path, ".bin", &list, err);

	if (code < 0)
		return code;
	code = get_to_know(call, keep, &list, err);
	for (size_t i = 0; i < list.n && code == 0; i++) {
		if (!is_wanted(call, keep->known[i].at) || is_outdated(call, keep, &list, i))
			continue;
		code = job_goes_on(call, err);
		a->dataset = file_folder(a->settings->path, &list.items[i]);
		if (code == 0)
			code = ask_file(a, keep, list.items[i].path, err);
	}
	files_fini(&list);
	return code;
}

/* --- SQLiteStore ------------------------------------------------------------------------- */

static bool
is_sqlite(const char *path)
{
	char head[sizeof(SQLITE_MAGIC)];

	return file_head(path, head, sizeof(head)) == sizeof(head) &&
	       memcmp(head, SQLITE_MAGIC, sizeof(head)) == 0;
}

static struct str
unhex(struct str hex, struct arena *arena)
{
	char *bytes = arena_alloc(arena, hex.n / 2 + 1);

	for (uint32_t i = 0; i + 1 < hex.n; i += 2)
		bytes[i / 2] = (char)(str_hex_digit(hex.p[i]) << 4 | str_hex_digit(hex.p[i + 1]));
	return str_make(bytes, hex.n / 2);
}

static int
ask_stored(struct asking *a, const struct keep *keep, const struct rows *rows,
    const struct row *row, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct sample sample = { .key = str_make(rows->keys.p + row->key_at, row->key_n) };
	struct whylogs_profile profile;
	struct label_view *views;
	struct str hex = { NULL, 0 };
	uint32_t n;
	int code = rows_labels(NULL, &sample, arena, &views, &n, err);

	for (uint32_t i = 0; code == 0 && i < n; i++)
		if (str_is(views[i].name, "id"))
			a->dataset = views[i].value;
		else
			hex = views[i].value;
	if (code == 0)
		code = whylogs_read(unhex(hex, arena), arena, &profile, err);
	if (code < 0)
		code = err_wrap(err, "profile of '%.*s'", STR_ARG(str_head(a->dataset, 60)));
	a->profile = &profile;
	if (code == 0 && is_wanted(a->call, time_of(&profile)))
		code = ask_profile(a, keep, err);
	if (code == 0 && a->columns > 0 && a->answered == 0)
		code = nobody_has_it(a, err);
	a->profile = NULL;
	arena_free(arena);
	return code;
}

static int
ask_store(struct asking *a, struct keep *keep, struct err *err)
{
	/* Dates are texts that sort as times; the newest ones of each data set for one answer. */
	static const char newest[] =
	    "SELECT id, hex(profile) AS profile, 0 AS value FROM profile_store p "
	    "WHERE (SELECT count(*) FROM profile_store q WHERE q.id = p.id AND q.date > p.date) < "
	    "8";
	static const char all[] =
	    "SELECT id, hex(profile) AS profile, 0 AS value FROM profile_store";
	struct job_call *call = a->call;
	struct rows rows;
	struct sqlite_query read = {
		.path = a->settings->path,
		.text = str_from(call->shape == QUERY_INSTANT ? newest : all),
		.times = { .now = call->at },
		.timeout = call->config->timeout,
		.stop = call->stop,
		.rows = &rows,
	};
	int code;

	points_init_plain(&rows);
	code = sqlite_read(&keep->conn, &read, err);
	for (size_t i = 0; code == 0 && i < rows.n; i++)
		code = ask_stored(a, keep, &rows, &rows.items[i], err);
	rows_fini(&rows);
	return code;
}

static int
run(struct job_call *call, void **kept, struct err *err)
{
	struct asking a = { .call = call, .settings = call->config->settings };
	struct keep *keep = *kept;
	int code;

	if (keep == NULL)
		*kept = keep = xcalloc(1, sizeof(*keep));
	code = load_reference(keep, a.settings->reference, err);
	if (code == 0)
		code = is_sqlite(a.settings->path) ? ask_store(&a, keep, err)
						   : ask_files(&a, keep, err);
	/* A sample is many rows of one series. */
	call->ties = str_starts(call->what, STR("samples("));
	return code;
}

static dur_t
lookback(const void *settings)
{
	return ((const struct whylogs_settings *)settings)->lookback;
}

static const struct job_backend backend = {
	.pool = JOB_POOL(&source_whylogs, keep_free),
	.name = "whylogs",
	.threads = 1,
	.run = run,
	.lookback = lookback,
};

static struct source *
whylogs_open(const struct source_config *config, struct loop *loop, struct xfer *xfer UNUSED,
    struct worker_pool *workers UNUSED, struct err *err UNUSED)
{
	return job_source_open(&backend, config, loop);
}

static int
check_begin(void *arg UNUSED, struct rows *rows UNUSED, struct err *err)
{
	return err_set(err, ERR_INVALID, "there is no column");
}

/* A query is read without any profile. */
static int
whylogs_check(const struct source_config *config, const struct source_query *query, struct err *err)
{
	const struct whylogs_settings *settings = config->settings;
	struct whylogs_question question = { .has_reference = settings->reference != NULL,
		.begin = check_begin };
	struct matchers *matchers;
	struct rows rows = { 0 };
	bool absent;
	int code = selector_parse(query->text, &question.text, &matchers, err);

	if (code < 0)
		return code;
	code = whylogs_ask(&question, &rows, &absent, err);
	matchers_free(matchers);
	return code;
}

#define MEMBER(m) .offset = offsetof(struct whylogs_settings, m)

static const struct schema_field settings_fields[] = {
	{ .name = "path",
	    .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY | FIELD_ENV | FIELD_PATH,
	    MEMBER(path),
	    .doc = "A profile (WHY1), a folder of *.bin files as whylogs' LocalStore writes it "
		   "(a folder's name becomes the label dataset), or the database of its "
		   "SQLiteStore. It is only read." },
	{ .name = "reference",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_ENV | FIELD_PATH,
	    MEMBER(reference),
	    .doc = "A profile to compare with, for ks, ks_excess and reference(...)." },
	{ .name = "lookback",
	    .kind = FIELD_DURATION,
	    .flags = FIELD_POSITIVE,
	    .fallback = "30d",
	    MEMBER(lookback),
	    .doc = "Profiles whose data set time is older than this are not looked at." },
	{ .name = "metadata_labels",
	    .kind = FIELD_STRING_LIST,
	    MEMBER(metadata_labels),
	    .doc = "Entries of a profile's metadata that become labels; its tags always do." },
};

static const struct schema settings_schema = {
	.name = "whylogs source",
	.doc =
	    "whylogs profiles. A query computes one number for each column (label column): paths "
	    "as "
	    "whylogs names them, + - * / with white space around them, and names, such as "
	    "`counts/null / counts/n`, null_ratio, mean, stddev, min, max, n, distinct, "
	    "quantile(0.5), rank(10) (the share of values up to 10, right within rank_error), "
	    "frequency(\"gold\"), mean / reference(mean), ks (the Kolmogorov-Smirnov distance from "
	    "the reference) and ks_excess (its part beyond the sketches' errors). Two stand alone: "
	    "frequent_items (label item) and samples(100) (values at even ranks, for kinds that "
	    "compare samples; a p-value is then that of 100 values, however many were counted). "
	    "Matchers select: mean {column=~\"age|income\"}. A column that has not what is asked "
	    "for "
	    "has no answer. The time is the profile's data set time. Profiles with model "
	    "performance "
	    "metrics are written in an older format and are refused. Verified against the real "
	    "format "
	    "(sketches by DataSketches, profiles assembled from whylogs' schema).",
	.size = sizeof(struct whylogs_settings),
	SCHEMA_FIELDS(settings_fields),
};

const struct source_kind source_whylogs_kind = {
	.name = "whylogs",
	.schema = &settings_schema,
	.series = true,
};

const struct source_ops source_whylogs = {
	.kind = &source_whylogs_kind,
	.open = whylogs_open,
	.close = sql_pool_close,
	.query = sql_pool_query,
	.cancel = sql_pool_cancel,
	.labels = rows_labels,
	.check = whylogs_check,
};
