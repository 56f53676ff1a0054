/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log: notifications to standard output, for people, or to a file, one line
 * of the webhook's JSON each.
 *
 * A notification is one write(2), so that lines of several writers do not
 * mix.  Control characters never reach a terminal.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "receiver/types.h"

#define SHOWN_MAX         10 /* alerts in the text for people */
#define SUMMARY_RUNES_MAX 300
#define LABEL_RUNES_MAX   600

struct log_settings {
	struct integration_common common;
	const char *path;
};

static void
put_line(struct buf *out, const char *before, struct str text, uint32_t max)
{
	if (text.n == 0)
		return;
	buf_puts(out, before);
	message_put_line(out, text, max);
	buf_putc(out, '\n');
}

static void
put_alert(const struct notification *n, const struct notified_alert *alert, struct buf *out)
{
	struct str severity = message_label(alert, "severity");
	struct str value = str_trim(message_annotation(alert, "value"));
	struct buf labels = { 0 };

	buf_puts(out, alert->firing ? "  firing" : "  resolved");
	if (severity.n > 0) {
		buf_puts(out, ", ");
		message_put_line(out, severity, 40);
	}
	buf_puts(out, ": ");
	message_put_line(out, message_summary(alert), SUMMARY_RUNES_MAX);
	buf_putc(out, '\n');
	put_line(out, "    value: ", value, SUMMARY_RUNES_MAX);
	message_put_labels(n, alert, false, &labels);
	put_line(out, "    ", buf_str(&labels), LABEL_RUNES_MAX);
	buf_fini(&labels);
}

static void
put_text(const struct notification *n, struct buf *out)
{
	const struct notified_alert *shown[SHOWN_MAX];
	uint32_t n_shown = message_pick(n, shown, SHOWN_MAX);
	char time[TIMESTAMP_TEXT_MAX];
	struct buf subject = { 0 };

	message_subject(n, &subject);
	buf_puts(out, timestamp_format_ms(n->now, time));
	buf_putc(out, ' ');
	message_put_line(out, str_trim(buf_str(&subject)), SUMMARY_RUNES_MAX);
	buf_putc(out, '\n');
	buf_fini(&subject);
	for (uint32_t i = 0; i < n_shown; i++)
		put_alert(n, shown[i], out);
	if (n_shown < n->n_alerts)
		buf_printf(out, "  and %u more\n", n->n_alerts - n_shown);
	put_line(out, "  runbook: ", message_runbook(n), 1000);
}

static int
write_all(int fd, struct str text, const char *path, struct err *err)
{
	while (text.n > 0) {
		ssize_t done = write(fd, text.p, text.n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set(
			    err, ERR_IO, "write to '%s': %s", path, strerrordesc_np(errno));
		text.p += done;
		text.n -= (uint32_t)done;
	}
	return 0;
}

static int
append(const char *path, struct str text, struct err *err)
{
	/* O_NONBLOCK: a FIFO that nobody reads must not stop the server. */
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
	int rc;

	if (fd < 0)
		return err_set(err, ERR_IO, "open '%s': %s", path, strerrordesc_np(errno));
	rc = write_all(fd, text, path, err);
	if (close(fd) < 0 && rc == 0)
		rc = err_set(err, ERR_IO, "close '%s': %s", path, strerrordesc_np(errno));
	return rc;
}

static int
log_write(const void *settings, const struct notification *n, struct err *err)
{
	const struct log_settings *log = settings;
	bool people = strcmp(log->path, "-") == 0;
	struct buf out;
	int rc;

	buf_init(&out, TEXT_BYTES_MAX);
	if (people)
		put_text(n, &out);
	else
		message_webhook_json(n, "4", 0, &out);
	if (out.overflow)
		rc = err_set(err, ERR_LIMIT, "%u alerts make more than %u bytes", n->n_alerts,
		    TEXT_BYTES_MAX);
	else if (people)
		rc = write_all(STDOUT_FILENO, buf_str(&out), "-", err);
	else
		rc = append(log->path, buf_str(&out), err);
	buf_fini(&out);
	return rc;
}

static void
log_finish(struct schema_context *ctx, void *settings, const struct config_global *global UNUSED)
{
	struct log_settings *log = settings;

	if (log->path != NULL && strcmp(log->path, "-") != 0)
		log->path = schema_path(ctx, log->path);
}

static const struct schema_field log_fields[] = {
	{ .name = "send_resolved",
	    .kind = FIELD_BOOL,
	    .fallback = "true",
	    .offset = offsetof(struct log_settings, common.send_resolved),
	    .doc = "Tell when the alerts are over, too." },
	{ .name = "path",
	    .kind = FIELD_STRING,
	    .fallback = "-",
	    .flags = FIELD_NONEMPTY,
	    .offset = offsetof(struct log_settings, path),
	    .doc = "A file that gets one line of JSON (the webhook's) per "
		   "notification, or \"-\" for text on standard output." },
};

static const struct schema log_schema = {
	.name = "log_configs",
	.doc = "A file, or standard output: to watch, to test, to keep.",
	.size = sizeof(struct log_settings),
	SCHEMA_FIELDS(log_fields),
	.pos_offset = offsetof(struct log_settings, common.pos) + 1,
};

const struct integration_kind receiver_log_kind = {
	.name = "log",
	.schema = &log_schema,
	.ours = true,
	.finish = log_finish,
};

const struct receiver_ops receiver_log = {
	.kind = &receiver_log_kind,
	.write = log_write,
};
