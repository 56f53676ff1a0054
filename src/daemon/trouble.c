/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the whole of it work?  Rules are evaluated on time, state reaches the
 * disk, messages reach somebody.  Outgoing heartbeats depend on it.
 */
#include "config.h"

#include "base/timestamp.h"
#include "daemon/core.h"
#include "notify/look.h"

/* Beyond two intervals: a slow source is not a dead evaluator. */
#define EVALUATION_GRACE DUR_S(60)
/* A message that is tried for longer without arriving, nor its fallback's. */
#define DELIVERY_AGE_MAX DUR_S(600)

static void
put_store(const struct core *core, struct buf *out)
{
	const char *why = store_trouble(core->store);

	if (why != NULL)
		buf_printf(out, "%s; ", why);
}

static void
put_evaluation(const struct core *core, wall_t now, struct buf *out)
{
	const struct config *config = engine_config(core->engine);

	for (uint32_t i = 0; config != NULL && i < config->n_groups; i++) {
		char text[TIMESTAMP_TEXT_MAX];
		struct group_view view;
		wall_t last;

		engine_group_view(core->engine, i, &view);
		if (view.config->n_rules == 0)
			continue;
		last = wall_max(wall_max(view.last_evaluation, core->state.started_at),
		    core->state.last_reload_at);
		last = wall_add(last, view.config->interval);
		last = wall_add(last, view.config->interval);
		if (!wall_before(wall_add(last, EVALUATION_GRACE), now))
			continue;
		buf_printf(out, "rule group %.100s was last evaluated at %s; ", view.config->name,
		    wall_is_set(view.last_evaluation)
			? timestamp_format_ms(view.last_evaluation, text)
			: "no time");
		return; /* one is enough */
	}
}

static void
put_deliveries(const struct core *core, wall_t now, struct buf *out)
{
	wall_t since = notifier_stuck_since(core->notifier);
	char text[TIMESTAMP_TEXT_MAX];

	if (wall_is_set(since) && wall_before(wall_add(since, DELIVERY_AGE_MAX), now))
		buf_printf(out, "a message of %s does not arrive, see 'tocsin receiver list'; ",
		    timestamp_format_ms(since, text));
}

void
core_trouble(void *arg, wall_t now, struct buf *out)
{
	const struct core *core = arg;

	put_store(core, out);
	put_evaluation(core, now, out);
	put_deliveries(core, now, out);
	if (out->n > 2)
		out->p[out->n -= 2] = '\0';
}
