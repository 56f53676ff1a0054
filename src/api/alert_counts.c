/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many alerts are suppressed, for the metrics.
 *
 * Asking silences and inhibition rules about every alert takes longer than a
 * turn may when there are many, so it is done in slices: what is shown is the
 * last full count, as in Alertmanager, which knows it from the last flush.
 * While few alerts are held it is that of now.
 */
#include "config.h"

#include "api/handlers.h"

#define SLICE DUR_MS(2)
#define AT_ONCE 64 /* alerts between two looks at the clock */

static bool
is_suppressed(const struct api_state *state, const struct alert *alert, wall_t now)
{
	const struct silence *one;

	return silences_muting(state->silences, alert->labels, now, &one, 1) > 0 ||
	       (state->inhibitor != NULL &&
		   inhibitor_muting(state->inhibitor, alert->labels, now) != NULL);
}

/* True: the count is complete. */
static bool
go_on(struct api *api)
{
	struct alert_counts *counts = &api->alert_counts;
	const struct api_state *state = api->state;
	wall_t now = loop_now(state->loop);
	mono_t begun = loop_mono_exact(state->loop);

	for (;;) {
		for (int i = 0; i < AT_ONCE; i++) {
			const struct alert *alert = alerts_next(state->alerts, &counts->at);

			if (alert == NULL) {
				counts->suppressed = counts->so_far;
				counts->counting = false;
				return true;
			}
			if (!alert_is_resolved(alert, now))
				counts->so_far += is_suppressed(state, alert, now);
		}
		if (dur_less(SLICE, mono_since(loop_mono_exact(state->loop), begun)))
			return false;
	}
}

static void
on_slice(void *arg)
{
	struct api *api = arg;

	if (!go_on(api))
		loop_timer_set(
		    api->state->loop, &api->alert_counts.timer, loop_mono(api->state->loop));
}

uint32_t
alert_counts_suppressed(struct api *api)
{
	struct alert_counts *counts = &api->alert_counts;

	if (!counts->counting) {
		counts->at = 0;
		counts->so_far = 0;
		counts->counting = true;
		timer_init(&counts->timer, on_slice, api);
		on_slice(api);
	}
	return counts->suppressed;
}

void
alert_counts_fini(struct api *api)
{
	if (api->alert_counts.counting)
		loop_timer_stop(api->state->loop, &api->alert_counts.timer);
}
