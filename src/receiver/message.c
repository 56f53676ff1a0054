/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the receiver types say alike: subject, severity, runbook, links,
 * expanded templates, and what an HTTP answer means.
 *
 * The subject and the link equal Alertmanager's default templates byte for
 * byte, because people filter and search by them.
 */
#include "config.h"

#include <assert.h>

#include "base/attr.h"
#include "base/severity.h"
#include "receiver/receiver.h"

enum message_level
message_level(struct str severity)
{
	static const enum message_level levels[] = {
		[SEVERITY_INFO] = LEVEL_INFO,
		[SEVERITY_WARNING] = LEVEL_WARNING,
		[SEVERITY_ERROR] = LEVEL_ERROR,
		[SEVERITY_CRITICAL] = LEVEL_CRITICAL,
	};
	static_assert(ARRAY_LEN(levels) == SEVERITY_LEVEL_COUNT, "each level has its like");

	return levels[severity_level(severity)];
}

/* ---- labels and annotations --------------------------------------------------- */

static struct str
value_in(const struct labels *labels, const char *name)
{
	return labels != NULL ? labels_value(labels, str_from(name)) : STR("");
}

struct str
message_label(const struct notified_alert *alert, const char *name)
{
	return value_in(alert->labels, name);
}

struct str
message_annotation(const struct notified_alert *alert, const char *name)
{
	return value_in(alert->annotations, name);
}

struct str
message_common_label(const struct notification *n, const char *name)
{
	for (uint32_t i = 0; i < n->n_common_labels; i++)
		if (str_is(n->common_labels[i].name, name))
			return n->common_labels[i].value;
	return STR("");
}

struct str
message_severity(const struct notification *n)
{
	struct str worst = STR("");
	uint32_t worst_rank = 0;

	for (uint32_t i = 0; i < n->n_alerts; i++) {
		const struct notified_alert *alert = &n->alerts[i];
		struct str severity = message_label(alert, "severity");
		uint32_t rank;

		if ((n->firing && !alert->firing) || severity.n == 0)
			continue;
		rank = severity_rank(severity);
		if (worst.n == 0 || rank < worst_rank) {
			worst = severity;
			worst_rank = rank;
		}
		if (rank == 0)
			break;
	}
	return worst;
}

struct str
message_alert_runbook(const struct notified_alert *alert)
{
	return str_trim(message_annotation(alert, "runbook_url"));
}

/* Worst first: firing ones by level, then the resolved. */
#define GRADES (LEVEL_COUNT + 1)

static uint32_t
grade_of(const struct notified_alert *alert)
{
	if (!alert->firing)
		return LEVEL_COUNT;
	return LEVEL_COUNT - 1 - (uint32_t)message_level(message_label(alert, "severity"));
}

struct str
message_runbook(const struct notification *n)
{
	struct str best = STR("");
	uint32_t best_grade = GRADES;

	for (uint32_t i = 0; i < n->n_alerts && best_grade > 0; i++) {
		struct str runbook = message_alert_runbook(&n->alerts[i]);

		if (runbook.n != 0 && grade_of(&n->alerts[i]) < best_grade) {
			best = runbook;
			best_grade = grade_of(&n->alerts[i]);
		}
	}
	return best;
}

struct str
message_summary(const struct notified_alert *alert)
{
	static const char *const names[] = { "summary", "description", "message" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct str text = str_trim(message_annotation(alert, names[i]));

		if (text.n != 0)
			return text;
	}
	return message_label(alert, "alertname");
}

uint32_t
message_pick(const struct notification *n, const struct notified_alert **ret, uint32_t max)
{
	uint32_t count = 0;

	for (uint32_t grade = 0; grade < GRADES && count < max; grade++) {
		for (uint32_t i = 0; i < n->n_alerts && count < max; i++)
			if (grade_of(&n->alerts[i]) == grade)
				ret[count++] = &n->alerts[i];
	}
	return count;
}

void
message_put_labels(const struct notification *n, const struct notified_alert *alert,
    bool without_common, struct buf *out)
{
	const struct labels *labels = alert->labels;
	size_t start = out->n;

	for (uint32_t i = 0; labels != NULL && i < labels->n; i++) {
		struct str name = istr_str(labels->l[i].name);
		bool said_elsewhere =
		    without_common || str_is(name, "alertname") || str_is(name, "severity");

		if (said_elsewhere && message_common_label(n, name.p).n != 0)
			continue;
		if (out->n > start)
			buf_putc(out, ' ');
		buf_put_str(out, name);
		buf_putc(out, '=');
		buf_put_str(out, istr_str(labels->l[i].value));
	}
}

/* ---- lines -------------------------------------------------------------------- */

static bool
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

void
message_put_line(struct buf *out, struct str s, uint32_t max_runes)
{
	struct str kept = str_head_runes(s, max_runes);
	bool cut = kept.n < s.n;

	if (cut)
		kept = str_head_runes(s, max_runes - 1);
	buf_reserve(out, kept.n);
	for (uint32_t i = 0; i < kept.n; i++)
		buf_putc(out, is_control(kept.p[i]) ? ' ' : kept.p[i]);
	if (cut)
		buf_puts(out, "…");
}

void
message_put_cut(struct buf *out, struct str s, uint32_t max_runes)
{
	if (str_head_runes(s, max_runes).n == s.n) {
		buf_put_str(out, s);
		return;
	}
	buf_put_str(out, str_head_runes(s, max_runes - 1));
	buf_puts(out, "…");
}

void
message_put_html(struct buf *out, struct str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '"':
			buf_puts(out, "&#34;");
			break;
		case '\'':
			buf_puts(out, "&#39;");
			break;
		default:
			buf_putc(out, s.p[i]);
		}
	}
}

void
message_counts(const struct notification *n, struct buf *out)
{
	if (n->n_firing > 0)
		buf_printf(out, "%u firing", n->n_firing);
	if (n->n_firing > 0 && n->n_resolved > 0)
		buf_puts(out, ", ");
	if (n->n_resolved > 0)
		buf_printf(out, "%u resolved", n->n_resolved);
}

bool
message_url_is_good(struct str url)
{
	uint32_t scheme = str_starts(url, STR("https://"))  ? 8
			  : str_starts(url, STR("http://")) ? 7
							    : 0;

	if (scheme == 0 || url.n == scheme || url.p[scheme] == '/' || !str_is_utf8(url))
		return false;
	for (uint32_t i = 0; i < url.n; i++)
		if (is_control(url.p[i]) || strchr(" <>|\"\\^`{}", url.p[i]))
			return false;
	return true;
}

/* ---- Alertmanager's texts ------------------------------------------------------ */

/* The names as SortedPairs orders them: alertname, then by name. */
static void
put_value(struct buf *out, struct str value, bool *first)
{
	if (!*first)
		buf_putc(out, ' ');
	*first = false;
	buf_put_str(out, value);
}

static void
put_group_values(const struct notification *n, struct buf *out)
{
	const struct labels *group = n->group_labels;
	bool first = true;

	for (int names = 1; group != NULL && names >= 0; names--) {
		for (uint32_t i = 0; i < group->n; i++) {
			bool is_name = str_is(istr_str(group->l[i].name), "alertname");

			if (is_name == (names == 1))
				put_value(out, istr_str(group->l[i].value), &first);
		}
	}
}

static void
put_other_values(const struct notification *n, struct buf *out)
{
	bool first = true;

	for (int names = 1; names >= 0; names--) {
		for (uint32_t i = 0; i < n->n_common_labels; i++) {
			const struct label_view *label = &n->common_labels[i];
			bool is_name = str_is(label->name, "alertname");

			if (is_name == (names == 1) &&
			    (n->group_labels == NULL ||
				labels_get(n->group_labels, label->name) == NULL))
				put_value(out, label->value, &first);
		}
	}
}

/*
 * "[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing |
 * len }}{{ end }}] {{ .GroupLabels.SortedPairs.Values | join " " }} {{ if gt
 * (len .CommonLabels) (len .GroupLabels) }}({{ with .CommonLabels.Remove
 * .GroupLabels.Names }}{{ .Values | join " " }}{{ end }}){{ end }}"
 */
void
message_subject(const struct notification *n, struct buf *out)
{
	if (n->firing)
		buf_printf(out, "[FIRING:%u] ", n->n_firing);
	else
		buf_puts(out, "[RESOLVED] ");
	put_group_values(n, out);
	buf_putc(out, ' ');
	if (n->n_common_labels > (n->group_labels != NULL ? n->group_labels->n : 0)) {
		buf_putc(out, '(');
		put_other_values(n, out);
		buf_putc(out, ')');
	}
}

static void
put_pairs(struct buf *out, const struct labels *labels)
{
	for (int names = 1; labels != NULL && names >= 0; names--) {
		for (uint32_t i = 0; i < labels->n; i++) {
			struct str name = istr_str(labels->l[i].name);

			if (str_is(name, "alertname") != (names == 1))
				continue;
			buf_puts(out, " - ");
			buf_put_str(out, name);
			buf_puts(out, " = ");
			buf_put_str(out, istr_str(labels->l[i].value));
			buf_putc(out, '\n');
		}
	}
}

void
message_alert_list(const struct notification *n, bool firing, struct buf *out)
{
	for (uint32_t i = 0; i < n->n_alerts && !out->overflow; i++) {
		const struct notified_alert *alert = &n->alerts[i];

		if (alert->firing != firing)
			continue;
		buf_puts(out, "Labels:\n");
		put_pairs(out, alert->labels);
		buf_puts(out, "Annotations:\n");
		put_pairs(out, alert->annotations);
		buf_puts(out, "Source: ");
		buf_put_str(out, alert->generator_url);
		buf_putc(out, '\n');
	}
}

void
message_fingerprint(const struct labels *labels, char out[FINGERPRINT_TEXT_MAX])
{
	static const char hex[] = "0123456789abcdef";
	uint64_t fingerprint = labels != NULL ? labels_fingerprint(labels) : 0;

	for (int i = 15; i >= 0; i--, fingerprint >>= 4)
		out[i] = hex[fingerprint & 15];
	out[16] = '\0';
}

static void
put_annotation_values(const struct notification *n, struct buf *out)
{
	bool first = true;

	for (int names = 1; names >= 0; names--) {
		for (uint32_t i = 0; i < n->n_common_annotations; i++) {
			const struct label_view *pair = &n->common_annotations[i];

			if (str_is(pair->name, "alertname") == (names == 1))
				put_value(out, pair->value, &first);
		}
	}
}

/*
 * "{{ .CommonAnnotations.SortedPairs.Values | join " " }}", and on the lines
 * below it the firing and the resolved alerts.
 */
void
message_description(const struct notification *n, struct buf *out)
{
	put_annotation_values(n, out);
	buf_putc(out, '\n');
	if (n->n_firing > 0) {
		buf_puts(out, "Alerts Firing:\n");
		message_alert_list(n, true, out);
	}
	buf_putc(out, '\n');
	if (n->n_resolved > 0) {
		buf_puts(out, "Alerts Resolved:\n");
		message_alert_list(n, false, out);
	}
}

/* The receiver's name as Go's url.QueryEscape has it: a space is a plus. */
void
message_link(const struct notification *n, struct buf *out)
{
	struct str rest = str_from(n->receiver);

	buf_puts(out, n->external_url);
	buf_puts(out, "/#/alerts?receiver=");
	while (rest.n > 0) {
		const char *space = memchr(rest.p, ' ', rest.n);
		uint32_t run = space != NULL ? (uint32_t)(space - rest.p) : rest.n;

		url_escape(out, str_make(rest.p, run));
		if (space == NULL)
			break;
		buf_putc(out, '+');
		rest = str_make(space + 1, rest.n - run - 1);
	}
}

/* ---- templates ------------------------------------------------------------------ */

static const struct template_alert *
template_alerts(const struct notification *n, struct arena *arena)
{
	struct template_alert *alerts = ARENA_ARRAY(arena, n->n_alerts + 1, struct template_alert);

	for (uint32_t i = 0; i < n->n_alerts; i++) {
		const struct notified_alert *alert = &n->alerts[i];
		char fingerprint[FINGERPRINT_TEXT_MAX];

		message_fingerprint(alert->labels, fingerprint);
		alerts[i] = (struct template_alert){
			.status = alert->firing ? STR("firing") : STR("resolved"),
			.labels = { .labels = alert->labels },
			.annotations = { .labels = alert->annotations },
			.starts_at = alert->starts_at,
			.ends_at = alert->firing ? WALL_NONE : alert->ends_at,
			.generator_url = alert->generator_url,
			.fingerprint = arena_str(arena, str_from(fingerprint)),
		};
	}
	return alerts;
}

static struct template_data
data_of(const struct notification *n)
{
	return (struct template_data){
		.status = n->firing ? STR("firing") : STR("resolved"),
		.receiver = str_from(n->receiver),
		.external_url = str_from(n->external_url),
		.group_labels = { .labels = n->group_labels },
		.common_labels = { .views = n->common_labels, .n_views = n->n_common_labels },
		.common_annotations = { .views = n->common_annotations,
		    .n_views = n->n_common_annotations },
		.route_labels = { .views = n->route_labels, .n_views = n->n_route_labels },
		.notification_reason = str_from(n->reason),
		.now = n->now,
	};
}

static struct template_data
data_for(const struct template *t, const struct notification *n, struct arena *arena)
{
	struct template_data data = data_of(n);

	if (!template_is_constant(t)) {
		data.alerts = template_alerts(n, arena);
		data.n_alerts = n->n_alerts;
	}
	return data;
}

static void
expand(const struct template *t, const struct notification *n, bool html, struct buf *out)
{
	struct arena *arena = arena_new(0);
	struct template_data data = data_for(t, n, arena);

	data.html = html;
	template_expand(t, &data, out);
	arena_free(arena);
}

int
message_execute(
    const struct template *t, const struct notification *n, struct buf *out, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct template_data data = data_for(t, n, arena);
	int rc = template_execute(t, &data, out, err);

	arena_free(arena);
	return rc;
}

void
message_expand(const struct template *t, const struct notification *n, struct buf *out)
{
	if (t != NULL)
		expand(t, n, false, out);
}

void
message_expand_html(const struct template *t, const struct notification *n, struct buf *out)
{
	if (t != NULL)
		expand(t, n, true, out);
}

/* ---- what an answer means ------------------------------------------------------- */

/* Appends to text on one line, as much as fits. */
static void
say_more(char *text, size_t size, struct str more)
{
	size_t n = strlen(text);

	more = str_head(str_trim(more), (uint32_t)(size - 1 - n));
	for (uint32_t i = 0; i < more.n; i++)
		text[n++] = is_control(more.p[i]) ? ' ' : more.p[i];
	text[n] = '\0';
}

void
verdict_say(struct verdict *verdict, int status, struct str text)
{
	struct buf line = { 0 };

	text = str_trim(text);
	buf_printf(&line, "status %d", status);
	if (text.n != 0) {
		buf_puts(&line, ": ");
		buf_put_str(&line, str_head(text, sizeof(verdict->text)));
	}
	verdict->text[0] = '\0';
	say_more(verdict->text, sizeof(verdict->text), buf_str(&line));
	buf_fini(&line);
}

static struct verdict
no_answer(const struct xfer_response *response)
{
	struct verdict verdict = { .kind = DELIVERY_RETRY };

	/* Asking again for what cannot be asked is of no use. */
	if (response->failure == ERR_INVALID)
		verdict.kind = DELIVERY_REJECTED;
	say_more(verdict.text, sizeof(verdict.text),
	    response->failure_text[0] != '\0' ? str_from(response->failure_text)
					      : str_from(err_code_name(response->failure)));
	return verdict;
}

struct verdict
message_classify_http(const struct xfer_response *response)
{
	struct verdict verdict = { .kind = DELIVERY_REJECTED };
	struct str text = response->body;
	int status = response->status;

	/* What was longer than we care to read has said its status before: a
	 * message that was taken is not sent again because of a long answer. */
	if (response->failure == ERR_LIMIT && status != 0)
		text = str_from(response->failure_text);
	else if (response->failure != ERR_NONE)
		return no_answer(response);
	verdict.has_retry_after = response->has_retry_after;
	verdict.retry_after = response->retry_after;
	if (status >= 200 && status < 300)
		verdict.kind = DELIVERY_OK;
	else if (status >= 500 || status == 429 || status == 408)
		verdict.kind = DELIVERY_RETRY;
	verdict_say(&verdict, status, text);
	return verdict;
}
