/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every source shares whose reading blocks: files and databases.
 *
 * A query becomes a job on one of the source's own threads, at most
 * JOB_SOURCE_THREADS_MAX of them, so that a disk or a server that hangs holds
 * up nobody else.  What a backend keeps between its jobs (a connection, what
 * it knows of files) belongs to one job at a time.
 *
 * The query's text is a selector: what is wanted, and {matchers} over the
 * labels of the answer.  Points are read with their times; here they become
 * what the query's shape asks for.
 */
#pragma once

#include <stdatomic.h>

#include "source/rows.h"
#include "source/selector.h"
#include "source/source.h"

#define JOB_SOURCE_THREADS_MAX 4

/* What a job gets; nothing of the loop's. */
struct job_call {
	const struct source_config *config;
	struct str what; /* the query without its matchers, trimmed */
	enum query_shape shape;
	wall_t at;       /* evaluation time */
	wall_t from, to; /* what is to be read, both set; points beyond do no harm */
	dur_t step;
	const char *const *fields;
	uint32_t n_fields;
	atomic_bool stop; /* give up soon */
	int wake;         /* readable when stop is set */
	struct rows rows; /* the answer: points in any order */
	bool ties;        /* equal series at one time are many rows, not one */
};

struct job_backend {
	const struct source_ops *ops;
	const char *name; /* of its threads */
	/* On a worker thread. *keep is the backend's, NULL at first. 0, or negative and err. */
	int (*run)(struct job_call *call, void **keep, struct err *err);
	void (*keep_free)(void *keep); /* accepts NULL */
	dur_t (*lookback)(const void *settings); /* how far an instant query looks back */
};

struct source *job_source_open(const struct job_backend *backend, const struct source_config *config,
    struct loop *loop);
void job_source_close(struct source *source);
void job_source_query(struct source *source, struct source_query *query);
void job_source_cancel(struct source *source, struct source_query *query);
