/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job between its query and its answer.  Matchers are interned values, so
 * they are parsed, used and freed on the loop thread; the job never sees them.
 */
#include "config.h"

#include "source/job_source.h"

#include <stdlib.h>

#include "base/duration.h"
#include "base/xalloc.h"
#include "loop/clock.h"
#include "source/points.h"

struct job_state {
	struct job_call call;
	struct matchers *matchers; /* NULL: all series */
};

static const struct job_backend *
backend_of(const struct sql_run *run)
{
	return (const struct job_backend *)run->pool->backend; /* its first member */
}

int
job_begin(struct sql_run *run)
{
	const struct source_config *config = run->pool->source.config;
	const struct source_query *query = run->query;
	struct job_state *state = xcalloc(1, sizeof(*state));
	struct job_call *call = &state->call;

	run->state = state;
	rows_fini(&run->rows);
	points_init(&run->rows, query);
	*call = (struct job_call){ .config = config,
		.shape = query->shape,
		.at = query->at,
		.stop = &run->stop,
		.wake = run->wake,
		.rows = &run->rows };
	query_window(query, backend_of(run)->lookback(config->settings), &call->from, &call->to);
	return selector_parse(query->text, &call->what, &state->matchers, &run->err);
}

int
job_read(const struct source_config *config UNUSED, struct sql_run *run)
{
	struct job_call *call = &((struct job_state *)run->state)->call;
	int code;

	call->deadline = mono_add(clock_mono(), call->config->timeout);
	code = backend_of(run)->run(call, &run->conn, &run->err);
	if (code < 0)
		return code;
	return points_finish(
	    call->rows, call->shape, call->ties, call->at, call->from, call->to, &run->err);
}

void
job_end(struct sql_run *run)
{
	struct job_state *state = run->state;

	if (run->code == 0)
		selector_apply(state->matchers, &run->rows);
	matchers_free(state->matchers);
	free(state);
}

int
job_goes_on(const struct job_call *call, struct err *err)
{
	char timeout[DURATION_TEXT_MAX];

	if (atomic_load(call->stop))
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (mono_before(call->deadline, clock_mono()))
		return err_set(err, ERR_TIMEOUT,
		    "not all files could be read within %s; the next query goes on from here",
		    duration_format(call->config->timeout, timeout));
	return 0;
}

struct source *
job_source_open(
    const struct job_backend *backend, const struct source_config *config, struct loop *loop)
{
	return sql_pool_open(&backend->pool, config, loop, NULL, backend->name, backend->threads);
}
