/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placeholders in a URL or a body.
 *
 * {{query}}, {{now}}, {{from}} and {{to}} (Unix seconds with a fraction; _s,
 * _ms, _ns whole units, _rfc3339 a timestamp), {{window_s}}, {{step_s}}, and the variables of the
 * settings.  Each is escaped for the place it stands in: percent-encoded in a
 * URL or a form, as the inside of a JSON string in a JSON body.
 * {{NAME:json}} is a JSON string with its quotes, {{NAME:raw}} the bytes as
 * they are.
 */
#include "config.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "source/http_json.h"

struct place {
	const struct http_json_settings *settings;
	const struct source_query *query;
	bool uses_query;
};

static bool
put_time(struct str suffix, wall_t t, struct buf *out)
{
	char text[TIMESTAMP_TEXT_MAX];

	if (suffix.n == 0)
		buf_printf(out, "%lld.%03lld", (long long)(t.ns / 1000000000),
		    (long long)(t.ns / 1000000 % 1000));
	else if (str_is(suffix, "_s"))
		buf_put_i64(out, t.ns / 1000000000);
	else if (str_is(suffix, "_ms"))
		buf_put_i64(out, t.ns / 1000000);
	else if (str_is(suffix, "_ns"))
		buf_put_i64(out, t.ns);
	else if (str_is(suffix, "_rfc3339"))
		buf_puts(out, timestamp_format_ms(t, text));
	else
		return false;
	return true;
}

static bool
put_named(struct place *p, struct str name, struct buf *out)
{
	const struct string_map *variables = &p->settings->variables;
	const struct source_query *query = p->query;
	const wall_t to = wall_is_set(query->to) ? query->to : query->at;
	const wall_t from =
	    wall_is_set(query->from) ? query->from : wall_sub(to, p->settings->window);

	for (uint32_t i = 0; i < variables->n; i++)
		if (str_is(name, variables->pairs[i].key)) {
			buf_puts(out, variables->pairs[i].value);
			return true;
		}
	if (str_is(name, "query")) {
		p->uses_query = true;
		buf_put_str(out, p->query->text);
		return true;
	}
	if (str_is(name, "window_s")) {
		buf_put_i64(out, wall_since(to, from).ns / 1000000000);
		return true;
	}
	if (str_is(name, "step_s")) {
		buf_put_i64(out, query->step.ns >= 1000000000 ? query->step.ns / 1000000000 : 60);
		return true;
	}
	if (str_starts(name, STR("now")))
		return put_time(str_make(name.p + 3, name.n - 3), query->at, out);
	if (str_starts(name, STR("from")))
		return put_time(str_make(name.p + 4, name.n - 4), from, out);
	if (str_starts(name, STR("to")))
		return put_time(str_make(name.p + 2, name.n - 2), to, out);
	return false;
}

static void
put_escaped(struct str text, enum text_escape escape, bool quotes, struct buf *out)
{
	struct buf json = { 0 };

	switch (escape) {
	case TEXT_RAW:
		buf_put_str(out, text);
		return;
	case TEXT_URL:
		url_escape(out, text);
		return;
	case TEXT_JSON:
		break;
	}
	json_put_str(&json, text);
	if (quotes)
		buf_put(out, json.p, json.n);
	else
		buf_put(out, json.p + 1, json.n - 2);
	buf_fini(&json);
}

static int
put_placeholder(
    struct place *p, struct str inside, enum text_escape escape, struct buf *out, struct err *err)
{
	const char *colon = memchr(inside.p, ':', inside.n);
	struct str name = inside, mode = STR("");
	struct buf value = { 0 };
	bool quotes = false;

	if (colon != NULL) {
		name = str_make(inside.p, (size_t)(colon - inside.p));
		mode = str_make(colon + 1, inside.n - name.n - 1);
	}
	if (str_is(mode, "raw")) {
		escape = TEXT_RAW;
	} else if (str_is(mode, "url")) {
		escape = TEXT_URL;
	} else if (str_is(mode, "json")) {
		escape = TEXT_JSON;
		quotes = true;
	} else if (mode.n > 0) {
		return err_set(err, ERR_INVALID, "{{%.*s}}: expected :raw, :url or :json",
		    STR_ARG(str_head(inside, 60)));
	}
	if (!put_named(p, name, &value)) {
		buf_fini(&value);
		return err_set(err, ERR_INVALID,
		    "{{%.*s}}: known are query, now, from, to, window_s, step_s (and now_s, "
		    "now_ms, "
		    "now_ns, now_rfc3339), and your variables",
		    STR_ARG(str_head(inside, 60)));
	}
	put_escaped(buf_str(&value), escape, quotes, out);
	buf_fini(&value);
	return 0;
}

int
http_json_expand(const struct http_json_settings *settings, const char *text,
    enum text_escape escape, const struct source_query *query, struct buf *out,
    bool *ret_uses_query, struct err *err)
{
	struct place p = { settings, query, false };
	const char *open;
	int code;

	while ((open = strstr(text, "{{")) != NULL) {
		const char *close = strstr(open, "}}");

		if (close == NULL)
			return err_set(err, ERR_INVALID, "{{ without }}");
		buf_put(out, text, (size_t)(open - text));
		code = put_placeholder(
		    &p, str_trim(str_make(open + 2, (size_t)(close - open - 2))), escape, out, err);
		if (code < 0)
			return code;
		text = close + 2;
	}
	buf_puts(out, text);
	*ret_uses_query |= p.uses_query;
	return 0;
}
