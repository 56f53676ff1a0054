/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/text.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json_object_iterator.h>

#include "base/duration.h"
#include "base/timestamp.h"
#include "cli/remote.h"

static bool
is_in(const char *name, const char *const *list)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

void
text_put_plain(struct buf *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			buf_putc(out, ' ');
			p++;
		} else {
			buf_putc(out, *p < ' ' || *p == 0x7f ? ' ' : (char)*p);
		}
	}
}

void
text_put_labels(struct buf *out, json_object *labels, const char *const *skip)
{
	const char *separator = "";

	if (!json_object_is_type(labels, json_type_object))
		return;
	struct json_object_iterator it = json_object_iter_begin(labels);
	struct json_object_iterator end = json_object_iter_end(labels);
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		const char *name = json_object_iter_peek_name(&it);
		if (is_in(name, skip))
			continue;
		buf_printf(out, "%s%s=%s", separator, name,
		    json_object_get_string(json_object_iter_peek_value(&it)));
		separator = " ";
	}
}

const char *
text_user(void)
{
	const char *name = getenv("USER");
	const struct passwd *entry;

	if (name != NULL && name[0] != '\0')
		return name;
	entry = getpwuid(geteuid()); /* services and containers have no $USER */
	return entry != NULL ? entry->pw_name : "";
}

static bool
is_about_a_delivery(const char *kind)
{
	static const char *const kinds[] = { "notified", "retry", "dead", "cancelled" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	}
	return false;
}

void
text_put_detail(struct buf *out, json_object *event)
{
	if (is_about_a_delivery(member_text(event, "kind")))
		buf_printf(out, "%s: ", member_text(event, "subject"));
	buf_puts(out, member_text(event, "detail"));
}

void
text_put_ago(struct buf *out, const char *timestamp, wall_t now)
{
	char text[DURATION_TEXT_MAX];
	wall_t t;

	if (!timestamp_parse(str_from(timestamp), &t) || !wall_is_set(t))
		return;
	int64_t seconds = (now.ns - t.ns) / 1000000000;
	bool future = seconds < 0;
	if (future)
		seconds = -seconds;
	/* As exact as can be read at a glance. */
	int64_t unit = seconds >= 2 * 86400   ? 86400
		       : seconds >= 10 * 3600 ? 3600
		       : seconds >= 120	      ? 60
					      : 1;
	duration_format(DUR_S(seconds - seconds % unit), text);
	buf_printf(out, future ? "in %s" : "%s ago", text);
}

int
text_parse_time(const char *text, wall_t now, wall_t *ret)
{
	struct err err = { 0 };
	dur_t back;

	if (timestamp_parse(str_from(text), ret))
		return 0;
	if (duration_parse(str_from(text), &back, &err) == 0) {
		*ret = wall_sub(now, back);
		return 0;
	}
	fprintf(stderr,
	    "tocsin: '%s' is no time: give 2026-11-20T06:00:00Z, or 2h for two hours ago\n", text);
	return -ERR_INVALID;
}
