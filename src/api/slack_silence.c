/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Silence for..." under a Slack message: a silence of the group's own labels.
 *
 * The value that comes back is "NUMBER LENGTH" as the message was made with;
 * another length than those offered is nobody's choice and refused.
 */
#include "config.h"

#include <stdio.h>

#include "api/audit.h"
#include "api/callback.h"
#include "base/timestamp.h"
#include "receiver/slack_message.h"
#include "receiver/slack_text.h"

#define LABELS_BYTES_SAID 1000u

/* NULL: err says why. */
static struct matchers *
matchers_of(const struct labels *labels, struct err *err)
{
	struct matcher m[MATCHERS_MAX];
	uint32_t n = 0;

	if (labels->n == 0 || labels->n > MATCHERS_MAX) {
		err_set(err, ERR_INVALID,
		    "its group has no labels to silence by, or too many: make a silence by hand");
		return NULL;
	}
	for (; n < labels->n; n++) {
		if (matcher_make(MATCH_EQUAL, istr_str(labels->l[n].name),
			istr_str(labels->l[n].value), &m[n], err) < 0) {
			while (n-- > 0)
				matcher_fini(&m[n]);
			return NULL;
		}
	}
	return matchers_new(m, n, true);
}

static const struct slack_length *
length_of(struct str word)
{
	for (uint32_t i = 0; i < SLACK_LENGTHS; i++) {
		if (str_is(word, slack_lengths[i].word))
			return &slack_lengths[i];
	}
	return NULL;
}

/* Everybody in the channel is to see who made it quiet, and how it is undone. */
static void
say_done(const struct silence *silence, const char *by, struct buf *said)
{
	char until[TIMESTAMP_TEXT_MAX];
	struct buf labels = { 0 };

	matchers_format(silence->matchers, &labels);
	buf_puts(said, ":no_bell: *");
	slack_put_escaped(said, str_from(by), 200);
	buf_puts(said, "* silenced ");
	slack_put_code(said, buf_str(&labels), LABELS_BYTES_SAID);
	buf_printf(said,
	    " until <!date^%lld^{date_short_pretty} {time}|%s>. To end it: `tocsin silence expire "
	    "%s`",
	    (long long)(silence->ends_at.ns / 1000000000),
	    timestamp_format_ms(silence->ends_at, until), silence->id);
	buf_fini(&labels);
}

static void
note(struct api *api, const struct silence *silence, const char *by)
{
	char until[TIMESTAMP_TEXT_MAX];
	struct buf text = { 0 };

	matchers_format(silence->matchers, &text);
	audit_note_as(api->state, by, "slack", "silence.create", str_from(silence->id),
	    "%s until %s: %s", buf_str(&text).p, timestamp_format_ms(silence->ends_at, until),
	    silence->comment);
	buf_fini(&text);
}

int
slack_silence(struct api *api, const struct incident *incident, struct str word, const char *by,
    struct buf *ret_said, struct err *err)
{
	const struct slack_length *length = length_of(word);
	wall_t now = loop_now(api->state->loop);
	struct silence_input input = { .starts_at = now, .created_by = str_from(by) };
	const struct silence *silence;
	char id[37], comment[80];
	int rc;

	if (incident->state == INCIDENT_RESOLVED)
		return err_set(
		    err, ERR_INVALID, "incident %lld is resolved", (long long)incident->id);
	if (length == NULL)
		return err_set(err, ERR_INVALID, "no length that was offered");
	input.matchers = matchers_of(incident->labels, err);
	if (input.matchers == NULL)
		return -(int)err->code;
	snprintf(comment, sizeof(comment), "in Slack, from incident %lld", (long long)incident->id);
	input.comment = str_from(comment);
	input.ends_at = wall_add(now, DUR_S(length->hours * 3600));
	rc = limit_silence(api, &input, err);
	if (rc < 0) {
		matchers_free(input.matchers);
		return rc;
	}
	rc = silences_set(api->state->silences, &input, now, id, err);
	if (rc < 0)
		return rc;
	silence = silences_get(api->state->silences, str_from(id));
	note(api, silence, by);
	say_done(silence, str_starts(str_from(by), STR("slack:")) ? by + 6 : by, ret_said);
	return 0;
}
