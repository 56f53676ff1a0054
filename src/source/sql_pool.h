/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries of sources that block: each runs on a worker thread with a
 * connection of its own out of a small stock; one that finds all of them taken
 * waits in line.  A connection belongs to one thread at a time: the loop hands
 * it to the job and gets it back with the result.
 */
#pragma once

#include <stdatomic.h>

#include "base/list.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "source/rows.h"
#include "source/source.h"

#define SQL_CONNECTIONS_MAX 8

struct sql_pool;

/* A query under way. */
struct sql_run {
	struct job job;
	struct link link;   /* in line */
	struct timer timer; /* ends a run that never reached a worker */
	struct sql_pool *pool;
	struct source_query *query; /* its text, times and fields may be read by the worker */
	void *state;                /* the backend's */
	mono_t started;
	bool cancelled;
	/* the worker's while it runs */
	void *conn; /* NULL: none yet, or none left */
	struct rows rows;
	atomic_bool stop; /* set by the loop: give up */
	int wake;         /* readable when the query is to be given up; -1: no wake-up */
	int code;
	struct err err;
};

struct sql_backend {
	const struct source_ops *ops;
	/* On a worker thread: run->rows, or a negative code; run->conn as it is to be kept. */
	int (*read)(const struct source_config *config, struct sql_run *run);
	void (*conn_close)(void *conn);
	bool wakes; /* it waits for run->wake */
	/* What a run needs of the loop thread; may be NULL.  begin: negative, with run->err, ends it. */
	int (*begin)(struct sql_run *run);
	/* The run is over: its samples may still be dropped (run->code 0), its state is to be freed. */
	void (*end)(struct sql_run *run);
	bool finishes; /* read() calls rows_finish() itself */
};

struct sql_pool { /* first member of a source's struct, or all of it */
	struct source source;
	const struct sql_backend *backend;
	struct loop *loop;
	struct worker_pool *workers;
	bool own_workers;
	struct link line; /* runs that wait for a connection */
	void *conns[SQL_CONNECTIONS_MAX];
	uint32_t n_conns; /* idle ones */
	uint32_t running, running_max;
};

/* workers NULL: threads of its own, named so, as many as it may have connections. */
struct source *sql_pool_open(const struct sql_backend *backend, const struct source_config *config,
    struct loop *loop, struct worker_pool *workers, const char *name, uint32_t connections_max);
void sql_pool_close(struct source *source);
void sql_pool_query(struct source *source, struct source_query *query);
void sql_pool_cancel(struct source *source, struct source_query *query);
