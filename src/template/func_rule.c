/* SPDX-License-Identifier: Apache-2.0 */
/* The functions Prometheus has in labels and annotations. */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/duration.h"
#include "labels/rune.h"
#include "template/func_units.h"

#define FN(name) static int name(struct exec *x, \
    const struct value *args, uint32_t n, struct value *ret)

static int
take_text(struct exec *x, struct str s, struct value *ret)
{
	(void)x;
	*ret = VALUE_STR(s);
	return 0;
}

/* ---- numbers for people ----------------------------------------------------- */

static int
humanize(struct exec *x, const struct value *arg, double step,
    const char *large, const char *small, struct value *ret)
{
	struct buf out = { 0 };
	const char *prefix = NULL;
	double v;

	if (to_float(x, arg, &v) < 0)
		return -ERR_INVALID;
	if (isfinite(v) && fabs(v) >= 1) {
		for (const char *p = large; *p != '\0' && fabs(v) >= step; p++) {
			prefix = p;
			v /= step;
		}
	} else if (isfinite(v) && v != 0 && small != NULL) {
		for (const char *p = small; *p != '\0' && fabs(v) < 1; p++) {
			prefix = p;
			v *= step;
		}
	}
	print_float(&out, v, 'g', 4);
	if (prefix != NULL)
		buf_putc(&out, *prefix);
	if (prefix != NULL && small == NULL)
		buf_putc(&out, 'i');
	return exec_take(x, &out, ret);
}

FN(fn_humanize)
{
	(void)n;
	return humanize(x, &args[0], 1000, "kMGTPEZY", "munpfazy", ret);
}

FN(fn_humanize1024)
{
	(void)n;
	return humanize(x, &args[0], 1024, "kMGTPEZY", NULL, ret);
}

FN(fn_percentage)
{
	struct buf out = { 0 };
	double v;

	(void)n;
	if (to_float(x, &args[0], &v) < 0)
		return -ERR_INVALID;
	print_float(&out, v * 100, 'g', 4);
	buf_putc(&out, '%');
	return exec_take(x, &out, ret);
}

/* Whole milliseconds, as Prometheus keeps time. */
static int
time_of(struct exec *x, double v, struct value *ret)
{
	double ns = v * 1e9;
	int64_t ms;

	if (!(ns > -9.223372036854775e18 && ns < 9.223372036854775e18)) {
		struct buf text = { 0 };
		int rc;

		print_float(&text, v, 'g', -1);
		rc = exec_fail(x, "%.*s cannot be represented as a nanoseconds "
		    "timestamp since it overflows int64",
		    STR_ARG(buf_str(&text)));
		buf_fini(&text);
		return rc;
	}
	ms = (int64_t)ns / 1000000;
	*ret = (struct value){ .type = TYPE_TIME };
	ret->time.sec = ms / 1000;
	ret->time.nsec = (int32_t)(ms % 1000) * 1000000;
	if (ret->time.nsec < 0) {
		ret->time.nsec += 1000000000;
		ret->time.sec--;
	}
	return 0;
}

FN(fn_to_time)
{
	double v;

	(void)n;
	if (to_float(x, &args[0], &v) < 0)
		return -ERR_INVALID;
	return time_of(x, v, ret);
}

FN(fn_timestamp)
{
	struct buf out = { 0 };
	struct value time;
	double v;

	(void)n;
	if (to_float(x, &args[0], &v) < 0)
		return -ERR_INVALID;
	if (!isfinite(v)) {
		print_float(&out, v, 'g', 4);
		return exec_take(x, &out, ret);
	}
	if (time_of(x, v, &time) < 0)
		return -ERR_INVALID;
	print_value(x, &out, &time);
	return exec_take(x, &out, ret);
}

FN(fn_to_duration)
{
	double v;

	(void)n;
	if (to_float(x, &args[0], &v) < 0)
		return -ERR_INVALID;
	if (!(fabs(v) < 9.2e9))
		return exec_fail(x, "the duration is too long");
	*ret = (struct value){ .type = TYPE_DURATION, .i = (int64_t)(v * 1e9) };
	return 0;
}

FN(fn_parse_duration)
{
	struct str s = args[0].s;
	bool negative = s.n > 0 && s.p[0] == '-';
	struct err err;
	dur_t d;

	(void)n;
	if (negative)
		s = str_make(s.p + 1, s.n - 1);
	if (duration_parse(s, &d, &err) < 0)
		return exec_fail(x, "not a valid duration string: \"%.*s\"",
		    STR_ARG(str_head(args[0].s, 60)));
	*ret = VALUE_F(negative ? -dur_seconds(d) : dur_seconds(d));
	return 0;
}

FN(fn_now)
{
	(void)args;
	(void)n;
	*ret = VALUE_F((double)(x->data->now.ns / 1000000) / 1000);
	return 0;
}

/* ---- text ------------------------------------------------------------------- */

/* strings.Title: a capital where a word begins, the rest as it is. */
FN(fn_title)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };
	struct str s = args[0].s;
	bool begins = true;
	uint32_t len;

	(void)n;
	for (uint32_t i = 0; i < s.n; i += len) {
		uint32_t r = rune_decode(s, i, &len);

		if (begins)
			put_case(&out, s, i, len, r, true);
		else
			buf_put(&out, s.p + i, len);
		begins = r < 0x80 ? !((r >= 'a' && r <= 'z') ||
				      (r >= 'A' && r <= 'Z') ||
				      (r >= '0' && r <= '9') || r == '_')
				  : rune_is_space(r);
	}
	return exec_take(x, &out, ret);
}

static struct str
url_path(struct str url)
{
	const char *p = memmem(url.p, url.n, "://", 3), *end;
	uint32_t i = p != NULL ? (uint32_t)(p - url.p) + 3 : 0;

	while (p != NULL && i < url.n && url.p[i] != '/' && url.p[i] != '?' &&
	    url.p[i] != '#')
		i++;
	url = str_make(url.p + i, url.n - i);
	for (end = url.p; end < url.p + url.n && *end != '?' && *end != '#';)
		end++;
	return str_make(url.p, (size_t)(end - url.p));
}

FN(fn_path_prefix)
{
	(void)args;
	(void)n;
	return take_text(x, url_path(x->data->external_url), ret);
}

FN(fn_external_url)
{
	(void)args;
	(void)n;
	return take_text(x, x->data->external_url, ret);
}

static int
graph_link(struct exec *x, struct str expr, const char *tab, struct value *ret)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };

	buf_puts(&out, "/graph?g0.expr=");
	escape_query(&out, expr);
	buf_puts(&out, tab);
	return exec_take(x, &out, ret);
}

FN(fn_graph_link)
{
	(void)n;
	return graph_link(x, args[0].s, "&g0.tab=0", ret);
}

FN(fn_table_link)
{
	(void)n;
	return graph_link(x, args[0].s, "&g0.tab=1", ret);
}

FN(fn_query_escape)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };

	(void)n;
	escape_query(&out, args[0].s);
	return exec_take(x, &out, ret);
}

/* ---- hosts ------------------------------------------------------------------ */

/* net.SplitHostPort: false when there is no port, or the text is malformed. */
static bool
split_port(struct str s, struct str *ret_host, struct str *ret_port)
{
	const char *colon = memrchr(s.p, ':', s.n), *end;
	uint32_t at;

	if (s.n == 0 || colon == NULL)
		return false;
	at = (uint32_t)(colon - s.p);
	*ret_host = str_make(s.p, at);
	*ret_port = str_make(colon + 1, s.n - at - 1);
	if (s.p[0] == '[') {
		end = memchr(s.p, ']', s.n);
		if (end == NULL || end + 1 != colon)
			return false;
		*ret_host = str_make(s.p + 1, (size_t)(end - s.p) - 1);
		return memchr(ret_host->p, '[', ret_host->n) == NULL;
	}
	return memchr(ret_host->p, ':', at) == NULL &&
	    memchr(s.p, '[', s.n) == NULL && memchr(s.p, ']', s.n) == NULL;
}

FN(fn_strip_port)
{
	struct str host, port;

	(void)n;
	return take_text(x,
	    split_port(args[0].s, &host, &port) ? host : args[0].s, ret);
}

static bool
is_address(struct str host)
{
	unsigned char address[16];
	char z[64];

	if (host.n >= sizeof(z))
		return false;
	memcpy(z, host.p, host.n);
	z[host.n] = '\0';
	return inet_pton(AF_INET, z, address) == 1 ||
	    inet_pton(AF_INET6, z, address) == 1;
}

FN(fn_strip_domain)
{
	struct str host = args[0].s, port = { "", 0 };
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };
	const char *dot;

	(void)n;
	if (!split_port(args[0].s, &host, &port)) {
		host = args[0].s;
		port = STR("");
	}
	if (is_address(host))
		return take_text(x, args[0].s, ret);
	dot = memchr(host.p, '.', host.n);
	if (dot != NULL)
		host.n = (uint32_t)(dot - host.p);
	if (port.n == 0)
		return take_text(x, host, ret);
	if (memchr(host.p, ':', host.n) != NULL)
		buf_printf(&out, "[%.*s]", STR_ARG(host));
	else
		buf_put_str(&out, host);
	buf_putc(&out, ':');
	buf_put_str(&out, port);
	return exec_take(x, &out, ret);
}

/* ---- args ------------------------------------------------------------------- */

FN(fn_args)
{
	struct map *map = ARENA_NEW(x->arena, struct map);
	struct value *values = ARENA_ARRAY(x->arena, n + 1, struct value);

	if (exec_charge(x, n * 6ull) < 0)
		return -ERR_LIMIT;
	map->entries = ARENA_ARRAY(x->arena, n + 1, struct entry);
	map->n = n;
	for (uint32_t i = 0; i < n; i++) {
		values[i] = args[i];
		map->entries[i].key =
		    str_from(arena_printf(x->arena, "arg%u", i));
		map->entries[i].value = &values[i];
	}
	value_map_order(map); /* "arg10" stands before "arg2" */
	*ret = (struct value){ .type = TYPE_DICT, .map = map };
	return 0;
}

const struct func funcs_rule[] = {
	{ "humanize", "n", TYPE_STRING, fn_humanize, false, false },
	{ "humanize1024", "n", TYPE_STRING, fn_humanize1024, false, false },
	{ "humanizePercentage", "n", TYPE_STRING, fn_percentage, false, false },
	{ "humanizeTimestamp", "n", TYPE_STRING, fn_timestamp, false, false },
	{ "toTime", "n", TYPE_TIME, fn_to_time, false, false },
	{ "toDuration", "n", TYPE_DURATION, fn_to_duration, false, false },
	{ "parseDuration", "s", TYPE_FLOAT, fn_parse_duration, false, false },
	{ "now", "", TYPE_FLOAT, fn_now, false, true },
	{ "title", "s", TYPE_STRING, fn_title, false, false },
	{ "pathPrefix", "", TYPE_STRING, fn_path_prefix, false, false },
	{ "externalURL", "", TYPE_STRING, fn_external_url, false, false },
	{ "graphLink", "s", TYPE_STRING, fn_graph_link, false, false },
	{ "tableLink", "s", TYPE_STRING, fn_table_link, false, false },
	{ "urlQueryEscape", "s", TYPE_STRING, fn_query_escape, false, false },
	{ "stripPort", "s", TYPE_STRING, fn_strip_port, false, false },
	{ "stripDomain", "s", TYPE_STRING, fn_strip_domain, false, false },
	{ "args", "a*", TYPE_DICT, fn_args, false, false },
	{ .name = NULL },
};
