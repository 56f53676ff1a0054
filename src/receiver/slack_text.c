/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a Slack message in mrkdwn, within Slack's limits. */
#include "config.h"

#include "receiver/slack_text.h"

#define SHOWN_MAX         10
#define SUMMARY_RUNES_MAX 300
#define LABELS_RUNES_MAX  500
#define URL_RUNES_MAX     3000 /* Slack's limit of a link */
#define REST_RUNES_MAX    600  /* kept free for what follows the alerts */

/* What one byte becomes; NULL: itself. */
static const char *
escape_of(char c, bool code)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '`':
		return code ? "'" : NULL;
	default:
		return (unsigned char)c < ' ' || c == 0x7f ? " " : NULL;
	}
}

static struct str
next_piece(struct str rest, bool code, uint32_t *ret_bytes)
{
	const char *escape = escape_of(rest.p[0], code);
	uint32_t length = str_rune_length(rest);

	*ret_bytes = length != 0 ? length : 1;
	if (escape != NULL)
		return str_from(escape);
	return length != 0 ? str_make(rest.p, length) : STR("\xef\xbf\xbd");
}

static uint32_t
escaped_runes(struct str s, bool code, uint32_t enough)
{
	uint32_t runes = 0, bytes;

	for (uint32_t i = 0; i < s.n && runes <= enough; i += bytes)
		runes += str_runes(next_piece(str_make(s.p + i, s.n - i), code, &bytes));
	return runes;
}

static void
put_escaped(struct buf *out, struct str s, bool code, uint32_t max)
{
	bool cut = escaped_runes(s, code, max) > max;
	uint32_t room = cut ? max - 1 : max, bytes;

	for (uint32_t i = 0; i < s.n; i += bytes) {
		struct str piece = next_piece(str_make(s.p + i, s.n - i), code, &bytes);
		uint32_t runes = str_runes(piece);

		if (runes > room)
			break;
		room -= runes;
		buf_put_str(out, piece);
	}
	if (cut)
		buf_puts(out, "…");
}

void
slack_put_escaped(struct buf *out, struct str s, uint32_t max_runes)
{
	put_escaped(out, s, false, max_runes);
}

void
slack_put_code(struct buf *out, struct str s, uint32_t max_runes)
{
	buf_putc(out, '`');
	put_escaped(out, s, true, max_runes - 2);
	buf_putc(out, '`');
}

void
slack_put_link(struct buf *out, struct str url, const char *words)
{
	if (!message_url_is_good(url) || str_runes(url) > URL_RUNES_MAX / 2) {
		slack_put_escaped(out, url, SUMMARY_RUNES_MAX);
		return;
	}
	buf_putc(out, '<');
	slack_put_escaped(out, url, URL_RUNES_MAX);
	buf_putc(out, '|');
	buf_puts(out, words);
	buf_putc(out, '>');
}

bool
slack_runbooks_differ(const struct notification *n)
{
	const struct notified_alert *shown[SHOWN_MAX];
	uint32_t count = message_pick(n, shown, SHOWN_MAX);
	struct str first = message_runbook(n);

	for (uint32_t i = 0; i < count; i++) {
		struct str runbook = message_alert_runbook(shown[i]);

		if (runbook.n != 0 && !str_eq(runbook, first))
			return true;
	}
	return false;
}

static void
put_alert(const struct notification *n, const struct notified_alert *alert, bool runbooks,
    struct buf *out)
{
	struct str value = str_trim(message_annotation(alert, "value"));
	struct str runbook = message_alert_runbook(alert);
	struct buf labels = { 0 };

	if (n->n_alerts > 1)
		buf_puts(out, "• ");
	if (n->firing && !alert->firing)
		buf_puts(out, "Resolved: ");
	slack_put_escaped(out, message_summary(alert), SUMMARY_RUNES_MAX);
	if (value.n > 0) {
		buf_puts(out, " — value ");
		slack_put_escaped(out, value, SUMMARY_RUNES_MAX);
	}
	message_put_labels(n, alert, n->n_alerts > 1, &labels);
	if (labels.n > 0) {
		buf_putc(out, '\n');
		slack_put_code(out, buf_str(&labels), LABELS_RUNES_MAX);
	}
	buf_fini(&labels);
	if (runbooks && runbook.n > 0) {
		buf_putc(out, '\n');
		slack_put_link(out, runbook, "Runbook");
	}
	buf_putc(out, '\n');
}

/* What all alerts share, once; of a single alert it stands with the alert. */
static void
put_common(const struct notification *n, struct buf *out)
{
	struct buf labels = { 0 };

	for (uint32_t i = 0; n->n_alerts > 1 && i < n->n_common_labels; i++) {
		const struct label_view *label = &n->common_labels[i];

		if (str_is(label->name, "alertname") || str_is(label->name, "severity"))
			continue;
		if (labels.n > 0)
			buf_putc(&labels, ' ');
		buf_put_str(&labels, label->name);
		buf_putc(&labels, '=');
		buf_put_str(&labels, label->value);
	}
	if (labels.n > 0) {
		buf_puts(out, "All: ");
		slack_put_code(out, buf_str(&labels), LABELS_RUNES_MAX);
		buf_putc(out, '\n');
	}
	buf_fini(&labels);
}

void
slack_put_text(const struct notification *n, bool runbooks, struct buf *out)
{
	const struct notified_alert *shown[SHOWN_MAX];
	uint32_t count = message_pick(n, shown, SHOWN_MAX), said = 0;
	uint32_t runes = 0;
	size_t start = out->n;
	struct buf piece = { 0 };

	for (; said < count; said++) {
		uint32_t more;

		buf_clear(&piece);
		put_alert(n, shown[said], runbooks, &piece);
		more = str_runes(buf_str(&piece));
		if (runes + more > SLACK_TEXT_RUNES_MAX - REST_RUNES_MAX)
			break;
		runes += more;
		buf_put_str(out, buf_str(&piece));
	}
	buf_fini(&piece);
	if (said < n->n_alerts)
		buf_printf(out, "… and %u more\n", n->n_alerts - said);
	put_common(n, out);
	if (out->n > start && out->p[out->n - 1] == '\n')
		out->p[--out->n] = '\0';
}
