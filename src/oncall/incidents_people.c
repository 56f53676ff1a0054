/* SPDX-License-Identifier: Apache-2.0 */
/* What people do to incidents; all of it is durable with the turn. */
#include "config.h"

#include <stdlib.h>

#include "base/timestamp.h"
#include "base/xalloc.h"
#include "oncall/incidents_internal.h"

static int
check_open(const struct incident *incident, struct err *err)
{
	if (incident->state != INCIDENT_RESOLVED)
		return 0;
	return err_set(err, ERR_INVALID, "incident %lld is resolved", (long long)incident->id);
}

static int
check_until(wall_t until, wall_t now, struct err *err)
{
	if (!wall_before(now, until))
		return err_set(err, ERR_INVALID, "that time has passed");
	if (dur_less(INCIDENT_QUIET_MAX, wall_since(until, now)))
		return err_set(err, ERR_INVALID,
		    "that is more than 30 days ahead: a silence is what can last so long");
	return 0;
}

static char *
kept(const char *text)
{
	struct str head = str_head(str_from(text != NULL ? text : ""), INCIDENT_COMMENT_MAX);

	return head.n > 0 ? xmemdup0(head.p, head.n) : NULL;
}

static void
sign(struct incident *incident, const struct incident_action *action, wall_t now)
{
	struct incident_work *work = incident_work_of(incident);

	free(work->changed_by);
	free(work->comment);
	work->changed_by = kept(action->by);
	work->comment = kept(action->comment);
	work->changed_at = now;
}

static void
say(struct incident *incident, const char *kind, const struct incident_action *action, wall_t now,
    const char *what, wall_t until)
{
	const struct incident_work *work = incident->work;
	const char *comment = work->comment;
	char text[TIMESTAMP_TEXT_MAX];

	incident_history(incident, kind, work->changed_by != NULL ? work->changed_by : "", now,
	    "%s by %s%s%s%s%s%s%s", what, work->changed_by != NULL ? work->changed_by : "nobody",
	    action->source != NULL ? ", " : "", action->source != NULL ? action->source : "",
	    wall_is_set(until) ? ", until " : "",
	    wall_is_set(until) ? timestamp_format_ms(until, text) : "",
	    comment != NULL ? ": " : "", comment != NULL ? comment : "");
}

static void
stop(struct incident *incident, const char *why)
{
	const struct incidents_hooks *hooks = &incident->incidents->hooks;

	if (hooks->stop != NULL)
		hooks->stop(hooks->arg, incident, why);
}

static void
show(struct incident *incident, wall_t now)
{
	const struct incidents_hooks *hooks = &incident->incidents->hooks;

	if (hooks->show != NULL)
		hooks->show(hooks->arg, incident, now);
}

/* The state is the same, but by somebody else, or for longer. */
static void
said_again(struct incident *incident, wall_t now)
{
	const struct incidents_hooks *hooks = &incident->incidents->hooks;

	if (hooks->changed != NULL)
		hooks->changed(hooks->arg, incident, now);
}

int
incident_acknowledge(
    struct incident *incident, const struct incident_action *action, wall_t now, struct err *err)
{
	bool is_new = incident->state != INCIDENT_ACKNOWLEDGED;
	wall_t until = action->until;
	int rc = check_open(incident, err);

	if (rc == 0 && wall_is_set(until))
		rc = check_until(until, now, err);
	if (rc < 0)
		return rc;
	sign(incident, action, now);
	if (!wall_is_set(until) && incident->work->policy != NULL) {
		dur_t timeout = policy_ack_timeout(
		    &incident->work->policy->policy, istr_str(incident->severity));

		until = dur_is_set(timeout) ? wall_add(now, timeout) : WALL_NONE;
	}
	(void)incident_move(incident, ESCALATION_ACKNOWLEDGED, now, until, NULL);
	say(incident, "ack", action, now, "acknowledged", until);
	stop(incident, "acknowledged");
	if (is_new)
		show(incident, now);
	else
		said_again(incident, now);
	incident_write(incident, false);
	return 0;
}

int
incident_unacknowledge(
    struct incident *incident, const struct incident_action *action, wall_t now, struct err *err)
{
	int rc = check_open(incident, err);

	if (rc < 0)
		return rc;
	if (incident->state == INCIDENT_OPEN)
		return err_set(err, ERR_INVALID,
		    "incident %lld is neither acknowledged nor snoozed", (long long)incident->id);
	sign(incident, action, now);
	say(incident, "unack", action, now, "acknowledgement taken back", WALL_NONE);
	(void)incident_move(incident, ESCALATION_UNACKNOWLEDGED, now, WALL_NONE, NULL);
	incident_write(incident, false);
	return 0;
}

int
incident_snooze(
    struct incident *incident, const struct incident_action *action, wall_t now, struct err *err)
{
	bool is_new = incident->state != INCIDENT_SNOOZED;
	int rc = check_open(incident, err);

	if (rc == 0)
		rc = check_until(action->until, now, err);
	if (rc < 0)
		return rc;
	sign(incident, action, now);
	(void)incident_move(incident, ESCALATION_SNOOZED, now, action->until, NULL);
	say(incident, "snooze", action, now, "snoozed", action->until);
	stop(incident, "snoozed");
	show(incident, now);
	if (!is_new)
		said_again(incident, now);
	incident_write(incident, false);
	return 0;
}

int
incident_resolve(
    struct incident *incident, const struct incident_action *action, wall_t now, struct err *err)
{
	int rc = check_open(incident, err);

	if (rc < 0)
		return rc;
	sign(incident, action, now);
	(void)incident_move(incident, ESCALATION_RESOLVED, now, WALL_NONE, NULL);
	incident->resolved_at = now;
	incident->work->by_hand = true;
	say(incident, "incident", action, now, "resolved by hand", WALL_NONE);
	stop(incident, "resolved by hand");
	incident_write(incident, false);
	return 0;
}
