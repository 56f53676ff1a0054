/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every source shares that reads files, or a store of another program's:
 * a query is a selector (what is wanted, and {matchers} over the labels of the
 * answer), its job reads points with times of their own, and these become what
 * the query's shape asks for.  The jobs run on threads of the source's own
 * (sql_pool.h), so that a disk or a server that hangs holds up nobody else;
 * what a backend keeps between them (a connection, what it knows of files)
 * belongs to one job at a time.
 */
#pragma once

#include "source/selector.h"
#include "source/sql_pool.h"

/* What a job gets; nothing of the loop's. */
struct job_call {
	const struct source_config *config;
	struct str what; /* the query without its matchers, trimmed */
	enum query_shape shape;
	wall_t at;         /* evaluation time */
	wall_t from, to;   /* what is to be read, both set; points beyond do no harm */
	atomic_bool *stop; /* give up soon */
	mono_t deadline;   /* the source's timeout */
	int wake;          /* readable when stop is set */
	struct rows *rows; /* the answer: points in any order */
	bool ties;         /* equal series at one time are many rows, not one */
};

struct job_backend {
	struct sql_backend pool; /* JOB_POOL */
	const char *name;        /* of its threads */
	uint32_t threads;        /* each has its own keep */
	/* On a worker thread. *keep is the backend's, NULL at first. 0, or negative and err. */
	int (*run)(struct job_call *call, void **keep, struct err *err);
	dur_t (*lookback)(const void *settings); /* how far an instant query looks back */
};

/* Between two files: is there a reason to give up? 0, or negative and err. */
int job_goes_on(const struct job_call *call, struct err *err);
struct source *job_source_open(const struct job_backend *backend, const struct source_config *config,
    struct loop *loop);

/* sql_backend's; keep_free accepts NULL. Closing, asking and cancelling are sql_pool's. */
int job_begin(struct sql_run *run);
int job_read(const struct source_config *config, struct sql_run *run);
void job_end(struct sql_run *run);
#define JOB_POOL(operations, keep_free) \
	{ .ops = (operations), .read = job_read, .conn_close = (keep_free), .wakes = true, \
	    .begin = job_begin, .end = job_end, .finishes = true }
