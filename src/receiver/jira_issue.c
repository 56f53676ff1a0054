/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Jira issue as JSON.
 *
 * Versions 1 and 2 of the API take wiki markup as description, version 3 a
 * document (ADF): a text that is none becomes one, a paragraph per line.
 */
#include "config.h"

#include "receiver/jira_issue.h"

#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "receiver/text.h"

#define SUMMARY_RUNES_MAX     255
#define DESCRIPTION_RUNES_MAX 32767
#define OWN_TEXT_RUNES_MAX    20000
#define LABEL_RUNES_MAX       255

struct str
jira_group_label(struct draft *d)
{
	return str_from(arena_printf(d->arena, "ALERT{%s}", draft_hash(d).p));
}

static void
put_named(struct draft *d, const char *key, const char *name, struct str text)
{
	draft_open(d, key, '{');
	draft_given(d, name, text);
	buf_putc(d->out, '}');
}

/* ---- the description ------------------------------------------------------------------ */

static bool
is_document(struct str text)
{
	struct json_reader r;

	json_reader_init(&r, text);
	return json_peek(&r) == JSON_OBJECT && json_skip(&r) && json_finish(&r);
}

static void
put_paragraph(struct draft *d, struct str line)
{
	draft_open(d, NULL, '{');
	draft_given(d, "type", STR("paragraph"));
	draft_open(d, "content", '[');
	if (line.n > 0) {
		draft_open(d, NULL, '{');
		draft_given(d, "type", STR("text"));
		draft_given(d, "text", line);
		buf_putc(d->out, '}');
	}
	buf_puts(d->out, "]}");
}

static void
put_document(struct draft *d, struct str text)
{
	draft_key(d, "description");
	if (is_document(text)) {
		buf_put_str(d->out, text);
		return;
	}
	buf_puts(d->out, "{\"type\":\"doc\",\"version\":1,\"content\":[");
	while (text.n > 0) {
		const char *end = memchr(text.p, '\n', text.n);
		uint32_t n = end != NULL ? (uint32_t)(end - text.p) : text.n;

		put_paragraph(d, str_make(text.p, n));
		n += end != NULL;
		text = str_make(text.p + n, text.n - n);
	}
	buf_puts(d->out, "]}");
}

static struct str
own_description(struct draft *d, bool is_document)
{
	struct text_limit limit = { OWN_TEXT_RUNES_MAX, false };
	struct str link = draft_link(d);

	buf_clear(&d->scratch);
	text_put_alerts(d->n, is_document ? MARKUP_PLAIN : MARKUP_JIRA, limit, &d->scratch);
	buf_puts(&d->scratch, "\n\n");
	buf_put_str(&d->scratch, link);
	return arena_str(d->arena, buf_str(&d->scratch));
}

static void
put_description(struct draft *d, const struct jira_settings *jira)
{
	struct str url = str_from(jira->api_url);
	bool is_v3 = str_ends(url, STR("/3")) || str_ends(url, STR("/3/"));
	struct str text = jira->description.template != NULL
			      ? draft_expanded(d, jira->description.template, STR(""))
			      : own_description(d, is_v3);

	text = draft_cut(d, text, DESCRIPTION_RUNES_MAX);
	if (text.n == 0)
		return;
	if (is_v3)
		put_document(d, text);
	else
		draft_given(d, "description", text);
}

/* ---- the rest --------------------------------------------------------------------------- */

/* Jira refuses an issue with a label that has a space in it. */
static void
put_label(struct draft *d, struct str text)
{
	buf_clear(&d->scratch);
	text = str_head_runes(str_trim(text), LABEL_RUNES_MAX);
	for (uint32_t i = 0; i < text.n; i++)
		buf_putc(&d->scratch, (unsigned char)text.p[i] <= ' ' ? '_' : text.p[i]);
	if (text.n > 0)
		draft_item(d, buf_str(&d->scratch));
}

static void
put_labels(struct draft *d, const struct jira_settings *jira)
{
	struct str group = jira_group_label(d);

	draft_open(d, "labels", '[');
	for (uint32_t i = 0; i < jira->labels.n; i++)
		put_label(d, draft_expanded(d, jira->labels.items[i], STR("")));
	draft_item(d, group);
	buf_putc(d->out, ']');
}

/* As the stock template has it; a severity that it does not know gets no priority. */
static struct str
own_priority(const struct notification *n)
{
	struct str severity = message_severity(n);

	switch (message_level(severity)) {
	case LEVEL_CRITICAL:
		return STR("High");
	case LEVEL_WARNING:
		return STR("Medium");
	case LEVEL_INFO:
		return STR("Low");
	case LEVEL_ERROR:
	case LEVEL_COUNT:
		break;
	}
	return STR("");
}

/* Those that have keys of their own are not written twice. */
static bool
is_ours(struct str name)
{
	static const char *const names[] = { "project", "issuetype", "summary", "description",
		"labels", "priority" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_is(name, names[i]))
			return true;
	return false;
}

static void
put_fields(struct draft *d, const struct payload *fields)
{
	struct payload_member *members;
	uint32_t n = payload_members(fields, d->n, d->arena, &members);

	for (uint32_t i = 0; i < n; i++) {
		if (is_ours(members[i].key))
			continue;
		draft_key(d, members[i].key.p);
		payload_put(members[i].value, d->n, PAYLOAD_TYPED, d->out);
	}
}

void
jira_put_issue(struct draft *d, const struct jira_settings *jira, bool is_new)
{
	struct str summary = draft_expanded(d, jira->summary.template, draft_subject(d));
	struct str priority = draft_expanded(d, jira->priority, own_priority(d->n));

	buf_puts(d->out, "{\"fields\":{");
	put_named(d, "project", "key", str_trim(draft_expanded(d, jira->project, STR(""))));
	put_named(d, "issuetype", "name", str_trim(draft_expanded(d, jira->issue_type, STR(""))));
	if (is_new || jira->summary.enable_update) {
		buf_clear(&d->scratch);
		message_put_line(&d->scratch, summary, SUMMARY_RUNES_MAX);
		draft_given(d, "summary", arena_str(d->arena, buf_str(&d->scratch)));
	}
	if (is_new || jira->description.enable_update)
		put_description(d, jira);
	if (is_new || jira->labels.enable_update)
		put_labels(d, jira);
	if (str_trim(priority).n > 0)
		put_named(d, "priority", "name", str_trim(priority));
	put_fields(d, jira->fields);
	buf_puts(d->out, "}}\n");
}
