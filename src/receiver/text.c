/* SPDX-License-Identifier: Apache-2.0 */
/* What happened, alert by alert, in the markup of a chat service. */
#include "config.h"

#include "receiver/text.h"

#include "base/attr.h"

#define SHOWN_MAX         10
#define SUMMARY_RUNES_MAX 300
#define VALUE_RUNES_MAX   100
#define LABELS_RUNES_MAX  400
#define URL_BYTES_MAX     1000
#define REST_MAX          80 /* kept free for "... and N more" and the like */

static const struct {
	const char *bold[2];
	const char *code[2]; /* NULL: there is none */
	const char *newline;
	const char *special; /* characters that a backslash takes the meaning from */
	bool entities;       /* < > & are written as in HTML */
	bool links;          /* [words](url) */
	bool mentions;       /* @all calls everybody, with a backslash before it, too */
} markups[] = {
	[MARKUP_PLAIN] = { .bold = { "", "" }, .newline = "\n", .special = "" },
	[MARKUP_HTML] = { .bold = { "<b>", "</b>" },
	    .newline = "\n",
	    .special = "",
	    .entities = true },
	[MARKUP_DISCORD] = { .bold = { "**", "**" },
	    .code = { "`", "`" },
	    .newline = "\n",
	    .special = "\\`*_~|[]()<>#@",
	    .links = true },
	[MARKUP_WEBEX] = { .bold = { "**", "**" },
	    .newline = "  \n",
	    .special = "\\`*_~|[]()#",
	    .entities = true,
	    .links = true },
	[MARKUP_CARD] = { .bold = { "**", "**" },
	    .newline = "\n\n",
	    .special = "\\`*_~|[]()<>#",
	    .links = true },
	[MARKUP_MATTERMOST] = { .bold = { "**", "**" },
	    .code = { "`", "`" },
	    .newline = "\n",
	    .special = "\\`*_~|[]()<>#:",
	    .links = true,
	    .mentions = true },
	[MARKUP_JIRA] = { .bold = { "*", "*" }, .newline = "\n", .special = "\\{}[]*_^~+!|" },
	[MARKUP_ROCKET] = { .bold = { "*", "*" },
	    .code = { "`", "`" },
	    .newline = "\n",
	    .special = "*_~`#",
	    .links = true,
	    .mentions = true },
};
_Static_assert(ARRAY_LEN(markups) == MARKUP_COUNT, "a row for each");

static bool
put_entity(struct buf *out, char c)
{
	if (c != '<' && c != '>' && c != '&')
		return false;
	buf_puts(out, c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;");
	return true;
}

static void
put_escaped(struct buf *out, enum markup markup, struct str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (markups[markup].entities && put_entity(out, c))
			continue;
		if (c != '\0' && strchr(markups[markup].special, c) != NULL)
			buf_putc(out, '\\');
		buf_putc(out, c);
		if (c == '@' && markups[markup].mentions)
			buf_puts(out, "\u200b"); /* no width */
	}
}

void
text_put(struct buf *out, enum markup markup, struct str s, uint32_t max_runes)
{
	struct buf line = { 0 };

	message_put_line(&line, s, max_runes);
	put_escaped(out, markup, buf_str(&line));
	buf_fini(&line);
}

void
text_put_bold(struct buf *out, enum markup markup, struct str s, uint32_t max_runes)
{
	/* An empty pair of marks would be shown as such. */
	if (str_trim(s).n == 0)
		return;
	buf_puts(out, markups[markup].bold[0]);
	text_put(out, markup, str_trim(s), max_runes);
	buf_puts(out, markups[markup].bold[1]);
}

/* Inside a code span only its own mark has a meaning. */
static void
put_code(struct buf *out, enum markup markup, struct str s, uint32_t max_runes)
{
	struct buf line = { 0 };

	if (markups[markup].code[0] == NULL) {
		text_put(out, markup, s, max_runes);
		return;
	}
	message_put_line(&line, s, max_runes);
	buf_puts(out, markups[markup].code[0]);
	for (size_t i = 0; i < line.n; i++)
		buf_putc(out, line.p[i] == '`' ? '\'' : line.p[i]);
	buf_puts(out, markups[markup].code[1]);
	buf_fini(&line);
}

/* A parenthesis would end the link early. */
static void
put_href(struct buf *out, struct str url)
{
	for (uint32_t i = 0; i < url.n; i++) {
		if (url.p[i] == '(' || url.p[i] == ')')
			buf_puts(out, url.p[i] == '(' ? "%28" : "%29");
		else
			buf_putc(out, url.p[i]);
	}
}

void
text_put_link(struct buf *out, enum markup markup, struct str url, const char *words)
{
	if (!message_url_is_good(url) || url.n > URL_BYTES_MAX) {
		text_put(out, markup, url, SUMMARY_RUNES_MAX);
	} else if (markups[markup].links) {
		buf_printf(out, "[%s](", words);
		put_href(out, url);
		buf_putc(out, ')');
	} else if (markups[markup].entities) {
		buf_puts(out, "<a href=\"");
		message_put_html(out, url);
		buf_printf(out, "\">%s</a>", words);
	} else {
		buf_printf(out, "%s: ", words);
		buf_put_str(out, url);
	}
}

void
text_put_break(struct buf *out, enum markup markup)
{
	buf_puts(out, markups[markup].newline);
}

static void
put_alert(const struct notification *n, const struct notified_alert *alert, enum markup markup,
    bool runbook, struct buf *out)
{
	struct str value = str_trim(message_annotation(alert, "value"));
	struct str url = message_alert_runbook(alert);
	struct buf labels = { 0 };

	if (n->n_alerts > 1)
		buf_puts(out, "• ");
	if (!alert->firing)
		buf_puts(out, "Resolved: ");
	text_put(out, markup, message_summary(alert), SUMMARY_RUNES_MAX);
	if (value.n > 0) {
		buf_puts(out, " — value ");
		text_put(out, markup, value, VALUE_RUNES_MAX);
	}
	message_put_labels(n, alert, n->n_alerts > 1, &labels);
	if (labels.n > 0) {
		text_put_break(out, markup);
		put_code(out, markup, buf_str(&labels), LABELS_RUNES_MAX);
	}
	buf_fini(&labels);
	if (runbook && url.n > 0) {
		text_put_break(out, markup);
		text_put_link(out, markup, url, "Runbook");
	}
	text_put_break(out, markup);
}

static uint32_t
measure(struct str s, bool bytes)
{
	return bytes ? s.n : str_runes(s);
}

/* The runbook that all alerts with one share; "" when there are several. */
static struct str
one_runbook(const struct notification *n)
{
	struct str first = message_runbook(n);

	for (uint32_t i = 0; i < n->n_alerts; i++) {
		struct str other = message_alert_runbook(&n->alerts[i]);

		if (other.n != 0 && !str_eq(other, first))
			return STR("");
	}
	return first;
}

static void
put_shared_runbook(struct str url, enum markup markup, struct buf *out)
{
	if (url.n == 0)
		return;
	text_put_link(out, markup, url, "Runbook");
	text_put_break(out, markup);
}

void
text_put_alerts(
    const struct notification *n, enum markup markup, struct text_limit limit, struct buf *out)
{
	const struct notified_alert *shown[SHOWN_MAX];
	uint32_t count = message_pick(n, shown, SHOWN_MAX), said = 0, used;
	struct str shared = one_runbook(n);
	struct buf piece = { 0 }, tail = { 0 };
	size_t start = out->n;

	put_shared_runbook(shared, markup, &tail);
	used = measure(buf_str(&tail), limit.bytes) + REST_MAX;
	for (; said < count; said++) {
		uint32_t more;

		buf_clear(&piece);
		put_alert(n, shown[said], markup, shared.n == 0, &piece);
		more = measure(buf_str(&piece), limit.bytes);
		if (used + more > limit.max)
			break;
		used += more;
		buf_put_str(out, buf_str(&piece));
	}
	if (said < n->n_alerts) {
		buf_printf(out, "… and %u more", n->n_alerts - said);
		text_put_break(out, markup);
	}
	if (used <= limit.max)
		buf_put_str(out, buf_str(&tail));
	while (out->n > start && strchr(" \n", out->p[out->n - 1]) != NULL)
		out->p[--out->n] = '\0';
	buf_fini(&piece);
	buf_fini(&tail);
}
