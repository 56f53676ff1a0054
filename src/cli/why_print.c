/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer for somebody at 3 a.m.: does it fire and since when, who was
 * told, who was not and why, what happens next; then what was decided, newest
 * last.  Times are UTC.  What comes from alerts is stripped of control
 * characters.
 */
#include "config.h"

#include "cli/why_print.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json_object_iterator.h>

#include "base/timestamp.h"
#include "cli/remote.h"
#include "cli/text.h"

void
why_put_labels(struct buf *out, json_object *labels)
{
	const char *separator = "{";

	text_put_plain(out, member_text(labels, "alertname"));
	if (!json_object_is_type(labels, json_type_object))
		return;
	struct json_object_iterator it = json_object_iter_begin(labels);
	struct json_object_iterator end = json_object_iter_end(labels);
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		const char *name = json_object_iter_peek_name(&it);

		if (strcmp(name, "alertname") == 0)
			continue;
		buf_puts(out, separator);
		text_put_plain(out, name);
		buf_puts(out, "=\"");
		text_put_plain(out, json_object_get_string(json_object_iter_peek_value(&it)));
		buf_putc(out, '"');
		separator = ", ";
	}
	if (separator[0] == ',')
		buf_putc(out, '}');
}

void
why_put_time(struct buf *out, const char *timestamp, wall_t now)
{
	char text[TIMESTAMP_TEXT_MAX], today[TIMESTAMP_TEXT_MAX];
	wall_t t;

	if (!timestamp_parse(str_from(timestamp), &t) || !wall_is_set(t)) {
		buf_putc(out, '?');
		return;
	}
	timestamp_format_ms(t, text);
	timestamp_format_ms(now, today);
	if (strncmp(text, today, 10) != 0)
		buf_printf(out, "%.10s ", text);
	buf_printf(out, "%.8s", text + 11);
}

static bool
is_true(json_object *object, const char *name)
{
	return json_object_get_boolean(member(object, name));
}

static size_t
count(json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static json_object *
item(json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

static void
put_when(struct buf *out, const char *timestamp, wall_t now)
{
	why_put_time(out, timestamp, now);
	buf_puts(out, " (");
	text_put_ago(out, timestamp, now);
	buf_putc(out, ')');
}

/* ---- what is so now ------------------------------------------------------------------ */

static void
put_state(struct buf *out, json_object *alert, wall_t now)
{
	why_put_labels(out, member(alert, "labels"));
	buf_puts(out, is_true(alert, "fires") ? "\n  fires since " : "\n  is over: it fired from ");
	put_when(out, member_text(alert, "startsAt"), now);
	if (!is_true(alert, "fires")) {
		buf_puts(out, " until ");
		put_when(out, member_text(alert, "endsAt"), now);
	}
	buf_puts(out, is_true(alert, "fromRule") ? ", says a rule of this server\n"
						 : ", says whoever posts it\n");
}

static void
put_suppression(struct buf *out, json_object *alert, wall_t now)
{
	json_object *silences = member(alert, "silencedBy"), *by = member(alert, "inhibitedBy");

	for (size_t i = 0; i < count(silences); i++) {
		json_object *silence = item(silences, i);

		buf_puts(out, "  silenced by ");
		text_put_plain(out, member_text(silence, "createdBy"));
		buf_puts(out, " until ");
		put_when(out, member_text(silence, "endsAt"), now);
		buf_puts(out, ": ");
		text_put_plain(out, member_text(silence, "comment"));
		buf_printf(out, " [%s]\n", member_text(silence, "id"));
	}
	if (json_object_is_type(by, json_type_object)) {
		buf_puts(out, "  inhibited by ");
		why_put_labels(out, member(by, "labels"));
		buf_puts(out, ", which fires\n");
	}
}

static void
put_tries(struct buf *out, const char *before, json_object *delivery, const char *one,
    const char *many)
{
	buf_puts(out, before);
	if (json_object_get_int(member(delivery, "attempts")) == 1)
		buf_puts(out, one);
	else
		buf_printf(out, "%s %s", member_text(delivery, "attempts"), many);
}

static void
put_delivery_now(struct buf *out, json_object *delivery, wall_t now)
{
	const char *error = member_text(delivery, "error"), *state = member_text(delivery, "state");

	buf_printf(out, "; delivery %s ", member_text(delivery, "id"));
	if (strcmp(state, "budget") == 0) {
		buf_puts(out, "waits for its receiver's budget");
	} else if (strcmp(state, "circuit") == 0) {
		buf_puts(out, "waits, since the receiver does not answer");
	} else if (strcmp(state, "held") == 0) {
		buf_puts(out, "is held until ");
		put_when(out, member_text(delivery, "dueAt"), now);
	} else {
		buf_puts(out, "is under way");
	}
	if (json_object_get_int(member(delivery, "attempts")) > 0) {
		put_tries(out, ", tried ", delivery, "once", "times");
		if (error[0] != '\0') {
			buf_puts(out, " (");
			text_put_plain(out, error);
			buf_putc(out, ')');
		}
		buf_puts(out, ", next try ");
		put_when(out, member_text(delivery, "dueAt"), now);
	}
}

static void
put_target(struct buf *out, json_object *target, wall_t now)
{
	json_object *delivery = member(target, "delivery");

	buf_puts(out, "    ");
	text_put_plain(out, member_text(target, "target"));
	if (is_true(target, "toldFiring")) {
		buf_puts(out, " was told that it fires at ");
		put_when(out, member_text(target, "toldAt"), now);
	} else if (is_true(target, "toldResolved")) {
		buf_puts(out, " was told that it is over at ");
		put_when(out, member_text(target, "toldAt"), now);
	} else if (is_true(target, "fallback")) {
		buf_puts(out, " stands by, for when the receiver does not answer");
	} else {
		buf_puts(out, " was NOT told");
	}
	if (json_object_is_type(delivery, json_type_object))
		put_delivery_now(out, delivery, now);
	else if (is_true(target, "toldFiring") && member(target, "repeatAt") != NULL) {
		buf_puts(out, ", again after ");
		put_when(out, member_text(target, "repeatAt"), now);
	}
	buf_putc(out, '\n');
}

static void
put_in_hand(struct buf *out, json_object *incident, wall_t now)
{
	buf_puts(out, " by ");
	text_put_plain(out, member_text(incident, "by"));
	if (member_text(incident, "comment")[0] != '\0') {
		buf_puts(out, ": ");
		text_put_plain(out, member_text(incident, "comment"));
	}
	if (member_text(incident, "until")[0] != '\0') {
		buf_puts(out, ", until ");
		put_when(out, member_text(incident, "until"), now);
	}
}

static void
put_next_step(struct buf *out, json_object *incident, wall_t now)
{
	const char *step = member_text(incident, "nextStep");

	if (is_true(incident, "exhausted")) {
		buf_printf(out, "; all %s steps of ", member_text(incident, "steps"));
		text_put_plain(out, member_text(incident, "policy"));
		buf_puts(out, " were taken and NOBODY acknowledged");
	} else if (step[0] != '\0') {
		buf_printf(out, "; step %s of %s of ", step, member_text(incident, "steps"));
		text_put_plain(out, member_text(incident, "policy"));
		buf_puts(out, " is due ");
		put_when(out, member_text(incident, "nextAt"), now);
	} else if (member_text(incident, "nextAt")[0] != '\0') {
		buf_puts(out, "; its last step was taken, it goes on ");
		put_when(out, member_text(incident, "nextAt"), now);
	}
	buf_printf(out, " [tocsin incident ack %s]", member_text(incident, "id"));
}

static void
put_incident(struct buf *out, json_object *incident, wall_t now)
{
	const char *state = member_text(incident, "state");

	buf_printf(out, "    incident %s is %s", member_text(incident, "id"), state);
	if (member_text(incident, "by")[0] != '\0')
		put_in_hand(out, incident, now);
	else if (strcmp(state, "open") == 0)
		put_next_step(out, incident, now);
	buf_putc(out, '\n');
}

static void
put_group(struct buf *out, json_object *group, wall_t now)
{
	json_object *muted = member(group, "mutedBy"), *targets = member(group, "targets");

	buf_puts(out, "  receiver ");
	text_put_plain(out, member_text(group, "receiver"));
	buf_puts(out, ", group ");
	text_put_plain(out, member_text(group, "key"));
	buf_printf(out, " of %s, ", member_text(group, "alerts"));
	buf_puts(out, is_true(group, "flushed") ? "looked at again " : "first looked at ");
	text_put_ago(out, member_text(group, "nextFlushAt"), now);
	buf_putc(out, '\n');
	for (size_t i = 0; i < count(muted); i++) {
		buf_puts(out, "    its route is silent now: interval ");
		text_put_plain(out, json_object_get_string(item(muted, i)));
		buf_putc(out, '\n');
	}
	if (json_object_is_type(member(group, "incident"), json_type_object))
		put_incident(out, member(group, "incident"), now);
	for (size_t i = 0; i < count(targets); i++)
		put_target(out, item(targets, i), now);
	if (count(targets) == 0)
		buf_puts(out, is_true(group, "flushed")
				  ? "    tells NOBODY: the receiver has no integrations\n"
				  : "    nobody was told yet\n");
}

/* ---- what happened ---------------------------------------------------------------------- */

static const char *const verdict_words[][2] = {
	{ "sent", "decided to tell" },
	{ "duplicate", "nothing new for" },
	{ "silenced", "silenced" },
	{ "inhibited", "inhibited" },
	{ "muted", "muted:" },
	{ "inactive", "outside of the active times:" },
	{ "held", "held back" },
	{ "acknowledged", "acknowledged" },
	{ "snoozed", "snoozed" },
	{ "rate_limited", "waits for its budget:" },
	{ "nobody", "nobody to tell" },
	{ "failed", "failed:" },
	{ "circuit_open", "waits, the receiver does not answer:" },
	{ "flapping", "flapping:" },
	{ "not_asked", "not told of the end:" },
	{ "skipped", "not told:" },
};

static const char *
verdict_word(const char *verdict)
{
	for (size_t i = 0; i < sizeof(verdict_words) / sizeof(verdict_words[0]); i++)
		if (strcmp(verdict_words[i][0], verdict) == 0)
			return verdict_words[i][1];
	return verdict;
}

static void
put_fate(struct buf *out, json_object *delivery, wall_t now)
{
	const char *state = member_text(delivery, "state"), *error = member_text(delivery, "error");

	buf_printf(out, "; delivery %s: ", member_text(delivery, "id"));
	if (strcmp(state, "delivered") == 0) {
		buf_puts(out, "arrived at ");
		why_put_time(out, member_text(delivery, "finishedAt"), now);
		return;
	}
	buf_puts(out, strcmp(state, "dead") == 0	? "FAILED for good"
		      : strcmp(state, "cancelled") == 0 ? "not sent"
							: state);
	if (json_object_get_int(member(delivery, "attempts")) > 0)
		put_tries(out, " after ", delivery, "one try", "tries");
	if (error[0] != '\0') {
		buf_puts(out, ", ");
		text_put_plain(out, error);
	}
}

static bool
is_somebodys(const char *verdict)
{
	return strcmp(verdict, "acknowledged") == 0 || strcmp(verdict, "snoozed") == 0;
}

/* Whom it is about, and why; of what people did first who. */
static void
put_about(struct buf *out, json_object *row)
{
	const char *target = member_text(row, "target"), *cause = member_text(row, "cause");
	const char *ref = member_text(row, "ref"), *verdict = member_text(row, "verdict");
	bool is_duplicate = strcmp(verdict, "duplicate") == 0;

	if (is_somebodys(verdict)) {
		buf_puts(out, " by ");
		text_put_plain(out, ref);
	} else if (target[0] != '\0') {
		buf_putc(out, ' ');
		text_put_plain(out, target);
	}
	if (cause[0] != '\0' && !is_duplicate) {
		buf_puts(out, is_somebodys(verdict) || target[0] != '\0' ? ": " : " ");
		text_put_plain(out, cause);
	}
	if (strcmp(verdict, "sent") == 0) {
		buf_puts(out, is_true(row, "fires") ? "" : " (it is over)");
	} else if (ref[0] != '\0' && !is_somebodys(verdict)) {
		buf_puts(out, " [");
		text_put_plain(out, ref);
		buf_putc(out, ']');
	}
}

static const char *
next_word(const char *verdict)
{
	return is_somebodys(verdict)		      ? "until"
	       : strcmp(verdict, "duplicate") == 0    ? "repeated"
	       : strcmp(verdict, "held") == 0	      ? "sent"
	       : strcmp(verdict, "circuit_open") == 0 ? "tried again"
						      : "next at";
}

static void
put_decision(struct buf *out, json_object *row, wall_t now)
{
	const char *verdict = member_text(row, "verdict"), *until = member_text(row, "until");

	buf_puts(out, "  ");
	why_put_time(out, member_text(row, "at"), now);
	/* Of an escalation as a whole: that it is exhausted. */
	if (strcmp(verdict, "skipped") == 0 && member_text(row, "target")[0] == '\0')
		buf_putc(out, ' ');
	else
		buf_printf(out, "  %s", verdict_word(verdict));
	put_about(out, row);
	if (until[0] != '\0') {
		buf_puts(out, ", ended ");
		why_put_time(out, until, now);
	} else if (is_true(row, "lasts")) {
		buf_puts(out, ", still so");
	}
	if (until[0] == '\0' && member_text(row, "nextAt")[0] != '\0') {
		buf_printf(out, ", %s ", next_word(verdict));
		why_put_time(out, member_text(row, "nextAt"), now);
	}
	if (json_object_is_type(member(row, "delivery"), json_type_object))
		put_fate(out, member(row, "delivery"), now);
	buf_putc(out, '\n');
}

static void
put_event(struct buf *out, json_object *event, wall_t now)
{
	buf_puts(out, "  ");
	why_put_time(out, member_text(event, "at"), now);
	buf_puts(out, "  became ");
	text_put_plain(out, member_text(event, "kind"));
	if (member_text(event, "value")[0] != '\0')
		buf_printf(out, ", value %s", member_text(event, "value"));
	if (strcmp(member_text(event, "detail"), "posted") == 0) {
		buf_puts(out, ", says whoever posts it");
	} else if (strcmp(member_text(event, "detail"), "heartbeat") == 0) {
		buf_puts(out, ", heartbeat ");
		text_put_plain(out, member_text(event, "subject"));
	} else if (member_text(event, "subject")[0] != '\0') {
		buf_puts(out, ", rule ");
		text_put_plain(out, member_text(event, "subject"));
	}
	buf_putc(out, '\n');
}

/* "Nothing new" is about those who were told before, and names nobody: was it among them? */
static bool
is_about_others(json_object *decisions, size_t i)
{
	json_object *row = item(decisions, i);

	if (strcmp(member_text(row, "verdict"), "duplicate") != 0)
		return false;
	for (size_t k = i + 1; k < count(decisions); k++) {
		json_object *before = item(decisions, k);

		if (strcmp(member_text(before, "verdict"), "sent") == 0 &&
		    strcmp(member_text(before, "target"), member_text(row, "target")) == 0)
			return false;
	}
	return true;
}

/* Both lists are newest first; people read down to now. */
static void
put_story(struct buf *out, json_object *decisions, json_object *events, wall_t now)
{
	size_t d = count(decisions), e = count(events);

	while (d > 0 || e > 0) {
		json_object *decision = d > 0 ? item(decisions, d - 1) : NULL;
		json_object *event = e > 0 ? item(events, e - 1) : NULL;

		if (decision == NULL || (event != NULL && strcmp(member_text(event, "at"),
							      member_text(decision, "at")) <= 0)) {
			put_event(out, event, now);
			e--;
		} else {
			if (!is_about_others(decisions, d - 1))
				put_decision(out, decision, now);
			d--;
		}
	}
}

/* As of a moment in the past: what the events say. */
static void
put_then(struct buf *out, json_object *answer, wall_t at, wall_t now)
{
	json_object *events = member(answer, "events");
	char text[TIMESTAMP_TEXT_MAX];

	buf_puts(out, "At ");
	why_put_time(out, timestamp_format_ms(at, text), now);
	if (count(events) == 0) {
		buf_puts(out, ": nobody had raised it, or not in the time that is kept\n");
		return;
	}
	buf_puts(out, ": ");
	why_put_labels(out, member(item(events, 0), "labels"));
	buf_puts(out, " was ");
	text_put_plain(out, member_text(item(events, 0), "kind"));
	buf_puts(out, " since ");
	put_when(out, member_text(item(events, 0), "at"), now);
	buf_putc(out, '\n');
}

void
why_put_alert(struct buf *out, json_object *answer, wall_t at, wall_t now)
{
	json_object *alert = member(answer, "alert");
	json_object *groups = member(alert, "groups");
	json_object *decisions = member(answer, "decisions"), *events = member(answer, "events");

	if (wall_is_set(at)) {
		put_then(out, answer, at, now);
	} else if (json_object_is_type(alert, json_type_object)) {
		put_state(out, alert, now);
		put_suppression(out, alert, now);
		for (size_t i = 0; i < count(groups); i++)
			put_group(out, item(groups, i), now);
		if (count(groups) == 0)
			buf_puts(out, "  in no group: no route takes it\n");
	} else {
		if (count(events) > 0) {
			why_put_labels(out, member(item(events, 0), "labels"));
		} else {
			buf_puts(out, "Alert ");
			text_put_plain(out, member_text(answer, "fingerprint"));
		}
		buf_puts(out, "\n  does not fire");
		if (count(events) > 0) {
			buf_puts(out, "; it was last ");
			text_put_plain(out, member_text(item(events, 0), "kind"));
			buf_puts(out, " at ");
			put_when(out, member_text(item(events, 0), "at"), now);
		}
		buf_putc(out, '\n');
	}
	if (count(decisions) + count(events) > 0)
		buf_puts(out, "What happened (UTC):\n");
	else
		buf_puts(out, "Nothing is known of it in the time that is kept.\n");
	put_story(out, decisions, events, now);
}

/* ---- rules --------------------------------------------------------------------------------- */

static void
put_rule(struct buf *out, json_object *group, json_object *rule, wall_t now)
{
	const char *health = member_text(rule, "health"), *error = member_text(rule, "lastError");

	buf_puts(out, "Rule ");
	text_put_plain(out, member_text(rule, "name"));
	buf_puts(out, " (group ");
	text_put_plain(out, member_text(group, "name"));
	buf_printf(out, ") is %s", member_text(rule, "state"));
	if (strcmp(health, "unknown") == 0) {
		buf_puts(out, "; it has not been evaluated yet");
	} else {
		buf_puts(out, "; evaluated ");
		text_put_ago(out, member_text(rule, "lastEvaluation"), now);
	}
	if (strcmp(health, "err") == 0) {
		buf_puts(out, ", and that FAILED, so nothing can change: ");
		text_put_plain(out, error);
	} else if (error[0] != '\0') {
		buf_puts(out, ": ");
		text_put_plain(out, error);
	}
	if (member_text(rule, "insufficient")[0] != '\0')
		buf_printf(out,
		    "; of %s series there was not enough data to say, so they stay as they were",
		    member_text(rule, "insufficient"));
	if (member_text(rule, "stale")[0] != '\0')
		buf_printf(out, "; the data of %s series is too old, so they stay as they were",
		    member_text(rule, "stale"));
	buf_putc(out, '\n');
}

void
why_put_rules(struct buf *out, json_object *groups, wall_t now)
{
	for (size_t g = 0; g < count(groups); g++) {
		json_object *rules = member(item(groups, g), "rules");

		for (size_t r = 0; r < count(rules); r++)
			put_rule(out, item(groups, g), item(rules, r), now);
	}
}
