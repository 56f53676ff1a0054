/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source: something that answers a query with a vector of samples.
 *
 * One file per backend: it builds a query, sends it through xfer (HTTP) or a
 * worker thread (SQL), and decodes the answer into the caller's arena.
 * Answers are normalised here: value, NaN, infinities, missing.  A partial
 * answer (warnings) is an error, never data.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/list.h"
#include "base/str.h"
#include "config/config.h"
#include "labels/labels.h"

#define SERIES_MAX 50000              /* per answer of QUERY_INSTANT */
#define POINTS_MAX 2000000            /* per answer of QUERY_RANGE and QUERY_ROWS, all series together */
#define QUERY_FIELDS_MAX 64
#define SOURCE_ANSWER_BYTES_MAX (64u << 20)

struct loop;
struct xfer;
struct worker_pool;
struct source;

/*
 * One series of an answer.  key is an opaque run of bytes: two samples of the
 * same source with equal keys have equal label sets (the converse need not
 * hold), so that a known series costs no label work.
 */
struct sample {
	struct str key;
	double value;
	bool missing;  /* SQL NULL: there is a row, but no value */
	wall_t at;     /* the datum's own time; WALL_NONE: unknown */
	const struct str *fields; /* the query's, in its order; p NULL: SQL NULL, or no such column here; NULL: it has none */
};

struct vector {
	struct sample *samples;
	uint32_t n;
};

struct source_query;
/* err NULL: *vector is the answer. On the loop thread, exactly once, never inside source_query(). */
typedef void source_done_fn(struct source_query *query, const struct vector *vector, const struct err *err);

enum query_shape {
	QUERY_INSTANT, /* a value per series, as of `at` */
	QUERY_RANGE,   /* the values of each series from `from` to `to`, both included, no denser than `step`:
	                  samples of a series stand together, in order of time, each with its `at` */
	QUERY_ROWS,    /* data as they come, many with equal labels: rows of a table, values of a range
	                  (of Prometheus: the range when `from` is set, else the instant answer, where a
	                  selector such as m[1h] gives its raw points) */
	QUERY_SHAPE_COUNT
};

struct source_query { /* embedded in its owner, alive until done */
	struct str text;      /* in the source's language; NUL-terminated */
	wall_t at;            /* evaluation time; what :now stands for */
	enum query_shape shape;
	wall_t from, to;      /* :from and :to of any shape; WALL_NONE: the text says what it wants */
	dur_t step;           /* QUERY_RANGE; 0: the source's own */
	const char *const *fields; /* columns wanted as they are (sample.fields), neither label nor value; a
	                              table that has fields needs no value column */
	uint32_t n_fields;
	struct arena *arena;  /* the answer lives here; nothing is put there before the turn that runs done */
	source_done_fn *done;
	void *arg;
	dur_t took;           /* set before done */
	void *impl;           /* the source's */
};

/* One sample of one series, to be written into the backend. */
struct write_sample {
	const struct labels *labels; /* __name__ included */
	double value;
	bool stale; /* the series ends here: value does not count */
	wall_t at;
};

struct source_write { /* embedded in its owner, who waits for the answer */
	struct link link; /* kept by the source; list_remove() stops waiting */
	void (*done)(struct source_write *write, const struct err *err); /* err NULL: it is in the backend */
};

struct source_write_stats {
	uint64_t samples, dropped, requests, failures; /* dropped: refused, or no room in the queue */
	uint32_t pending;
};

struct source_ops {
	const struct source_kind *kind;
	struct source *(*open)(const struct source_config *config, struct loop *loop, struct xfer *xfer, struct worker_pool *workers, struct err *err);
	void (*close)(struct source *source); /* no query under way */
	void (*query)(struct source *source, struct source_query *query);
	void (*cancel)(struct source *source, struct source_query *query); /* done runs with ERR_CANCELLED, soon */
	/* Decodes a sample's labels (__name__ included) into the arena; no order promised. */
	int (*labels)(const struct source *source, const struct sample *sample, struct arena *arena, struct label_view **ret, uint32_t *ret_n, struct err *err);
	/* Parses/prepares a query (text, shape, times, fields) without running it; may be NULL (then anything goes). */
	int (*check)(const struct source_config *config, const struct source_query *query, struct err *err);
	/*
	 * The answer is the same whatever time is asked for (span: whatever window): what to do about it, static.
	 * NULL: it is not; the member may be NULL.
	 */
	const char *(*timeless)(const struct source_config *config, struct str text, bool span);
	/*
	 * Writes samples; copies what it needs.  1: done() will run; 0: nothing to wait for; negative and err:
	 * they are queued behind others that the backend does not take at present.  NULL: cannot be written to.
	 */
	int (*write)(struct source *source, const struct write_sample *samples, uint32_t n, struct source_write *write,
	    struct err *err);
	/* A reload: takes over what old, of the same name and kind, has not written yet; may be NULL. */
	void (*adopt)(struct source *source, struct source *old);
	/* No more writes; the one under way is cancelled; may be NULL. */
	void (*stop)(struct source *source);
};

struct source { /* first member of each backend's own struct */
	const struct source_ops *ops;
	const struct source_config *config;
	uint64_t queries, failures;
	uint32_t in_flight;
	bool writes, writes_alerts; /* fixed when it is opened */
	uint32_t writing;           /* writes under way: it cannot be closed yet */
	struct source_write_stats written;
};

/* sources.inc: one line per backend */
extern const struct source_ops *const source_list[]; /* NULL-terminated */
extern const struct source_kind *const source_kinds[];
const struct source_ops *source_ops_of(const struct source_kind *kind);

static inline int
sample_labels(const struct source *source, const struct sample *sample, struct arena *arena, struct label_view **ret, uint32_t *ret_n, struct err *err)
{
	return source->ops->labels(source, sample, arena, ret, ret_n, err);
}

/* source/prometheus_decode.c, apart for tests and fuzzing: pure. ret samples' keys point into body. */
int prometheus_decode(struct str body, int status, wall_t at, struct arena *arena, struct vector *ret, struct err *err);
struct rows;
/* The same for ranges and rows; scratch: emptied by the caller. */
int prometheus_decode_rows(struct str body, int status, wall_t at, struct rows *rows, struct arena *scratch, struct err *err);
