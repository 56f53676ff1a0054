/* SPDX-License-Identifier: Apache-2.0 */
/* The functions Alertmanager has in notifications. */
#include "config.h"

#include "labels/rune.h"
#include "template/func_units.h"

#define FN(name) static int name(struct exec *x, \
    const struct value *args, uint32_t n, struct value *ret)

/* ---- text ------------------------------------------------------------------- */

static bool
is_word(uint32_t r)
{
	return (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') ||
	    (r >= '0' && r <= '9') || r == '_' || r >= 0xAA;
}

/* What does not part a word when letters stand on both sides. */
static bool
joins_words(struct str s, uint32_t i)
{
	char c = s.p[i];

	return (c == '\'' || c == '.' || c == ':') && i > 0 && i + 1 < s.n &&
	    is_word((unsigned char)s.p[i - 1]) &&
	    is_word((unsigned char)s.p[i + 1]) &&
	    !(s.p[i + 1] >= '0' && s.p[i + 1] <= '9');
}

/* A capital for the first letter of a word, small letters for the others. */
FN(fn_title)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };
	struct str s = args[0].s;
	bool seen = false;
	uint32_t len;

	(void)n;
	for (uint32_t i = 0; i < s.n; i += len) {
		uint32_t r = rune_decode(s, i, &len);
		bool letter = rune_case(r, true) != rune_case(r, false);

		put_case(&out, s, i, len, r, letter && !seen);
		seen = is_word(r) ? seen || letter : seen && joins_words(s, i);
	}
	return exec_take(x, &out, ret);
}

FN(fn_trim_space)
{
	struct str s = args[0].s;
	uint32_t len, end = 0, start = 0;
	bool begun = false;

	(void)x;
	(void)n;
	for (uint32_t i = 0; i < s.n; i += len) {
		bool space = rune_is_space(rune_decode(s, i, &len));

		if (!space && !begun)
			start = i;
		begun = begun || !space;
		if (!space)
			end = i + len;
	}
	*ret = VALUE_STR(str_make(s.p + start, end - start));
	return 0;
}

FN(fn_join)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };
	const struct list *list = &args[1].list;

	(void)n;
	for (uint32_t i = 0; i < list->n; i++) {
		if (i > 0)
			buf_put_str(&out, args[0].s);
		buf_put_str(&out, list->items[i].s);
	}
	return exec_take(x, &out, ret);
}

FN(fn_safe_url)
{
	(void)x;
	(void)n;
	*ret = args[0];
	ret->type = TYPE_URL;
	return 0;
}

FN(fn_url_unescape)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };

	(void)n;
	if (unescape_query(&out, args[0].s))
		return exec_take(x, &out, ret);
	buf_fini(&out);
	return exec_fail(x, "invalid URL escape in \"%.*s\"",
	    STR_ARG(str_head(args[0].s, 60)));
}

FN(fn_json)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };
	int rc = value_json(x, &args[0], &out, 0);

	(void)n;
	if (rc < 0) {
		buf_fini(&out);
		return rc;
	}
	return exec_take(x, &out, ret);
}

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

FN(fn_base64_encode)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };
	struct str s = args[0].s;

	(void)n;
	for (uint32_t i = 0; i < s.n; i += 3) {
		uint32_t left = s.n - i, v = 0;
		char four[4] = "====";

		for (uint32_t k = 0; k < 3; k++)
			v = v << 8 |
			    (k < left ? (unsigned char)s.p[i + k] : 0u);
		for (uint32_t k = 0; k < 4 && k <= left; k++)
			four[k] = base64[v >> (18 - 6 * k) & 63];
		buf_put(&out, four, 4);
	}
	return exec_take(x, &out, ret);
}

/* Standard alphabet, padded; line ends are passed over. */
static bool
decode_base64(struct buf *out, struct str s)
{
	uint32_t v = 0, digits = 0, pads = 0;

	for (uint32_t i = 0; i < s.n; i++) {
		const char *p = strchr(base64, s.p[i]);

		if (s.p[i] == '\n' || s.p[i] == '\r')
			continue;
		if (s.p[i] == '=' && digits % 4 >= 2 && pads < 2) {
			pads++;
			continue;
		}
		if (p == NULL || *p == '\0' || pads > 0)
			return false;
		v = v << 6 | (uint32_t)(p - base64);
		if (++digits % 4 == 0) {
			char three[3] = { (char)(v >> 16), (char)(v >> 8),
				(char)v };

			buf_put(out, three, 3);
			v = 0;
		}
	}
	if (digits % 4 == 0)
		return pads == 0;
	if (digits % 4 + pads != 4)
		return false;
	v <<= 6 * pads;
	buf_putc(out, (char)(v >> 16));
	if (pads == 1)
		buf_putc(out, (char)(v >> 8));
	return true;
}

FN(fn_base64_decode)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };

	(void)n;
	if (decode_base64(&out, args[0].s))
		return exec_take(x, &out, ret);
	buf_fini(&out);
	return exec_fail(x, "illegal base64 data");
}

/* ---- lists and maps --------------------------------------------------------- */

static int
copy_list(struct exec *x, enum type type, const struct value *head,
    const struct value *args, uint32_t n, struct value *ret)
{
	uint32_t old = head != NULL ? head->list.n : 0;
	struct value v = { .type = type };

	if (exec_charge(x, (old + n) * 2ull) < 0)
		return -ERR_LIMIT;
	v.list.n = old + n;
	if (v.list.n > 0)
		v.list.items = ARENA_ARRAY(x->arena, v.list.n, struct value);
	for (uint32_t i = 0; i < old; i++)
		v.list.items[i] = value_item(head, i);
	for (uint32_t i = 0; i < n; i++)
		v.list.items[old + i] = args[i];
	*ret = v;
	return 0;
}

FN(fn_string_slice)
{
	return copy_list(x, TYPE_STRINGS, NULL, args, n, ret);
}

FN(fn_list)
{
	return copy_list(x, TYPE_LIST, NULL, args, n, ret);
}

FN(fn_append)
{
	return copy_list(x, TYPE_LIST, &args[0], args + 1, n - 1, ret);
}

FN(fn_dict)
{
	struct map *map = ARENA_NEW(x->arena, struct map);
	struct value *values = ARENA_ARRAY(x->arena, n + 1, struct value);

	if (n % 2 != 0)
		return exec_fail(x, "invalid dict call: a key has no value");
	if (exec_charge(x, n * 4ull + (size_t)n * n / 4) < 0)
		return -ERR_LIMIT;
	map->entries = ARENA_ARRAY(x->arena, n + 1, struct entry);
	for (uint32_t i = 0; i < n; i += 2) {
		uint32_t k = 0;

		if (args[i].type != TYPE_STRING)
			return exec_fail(x, "dict keys must be strings");
		while (k < map->n && !str_eq(map->entries[k].key, args[i].s))
			k++;
		values[k] = args[i + 1];
		map->entries[k] = (struct entry){ args[i].s, &values[k] };
		map->n += k == map->n;
	}
	value_map_order(map);
	*ret = (struct value){ .type = TYPE_DICT, .map = map };
	return 0;
}

FN(fn_route_labels)
{
	(void)args;
	(void)n;
	*ret = (struct value){ .type = TYPE_KV };
	ret->map = value_labels(x, &x->data->route_labels);
	return 0;
}

/* ---- time ------------------------------------------------------------------- */

FN(fn_now)
{
	(void)args;
	(void)n;
	*ret = value_time(x->data->now);
	return 0;
}

FN(fn_since)
{
	struct value now = value_time(x->data->now);
	struct value both[2] = { now, args[0] };

	(void)n;
	return member_find(TYPE_TIME, STR("Sub"))->get(x, both, 2, ret);
}

FN(fn_date)
{
	struct buf out = { .max = TEMPLATE_OUTPUT_MAX };

	(void)n;
	gotime_format(&out, args[1].time, args[0].s);
	return exec_take(x, &out, ret);
}

FN(fn_tz)
{
	struct str name = args[0].s;

	(void)n;
	*ret = args[1];
	ret->time.zone = NULL;
	if (name.n == 0 || str_is(name, "UTC"))
		return 0;
	if (exec_charge(x, 1000) < 0)
		return -ERR_LIMIT;
	ret->time.zone = tz_find(name);
	return ret->time.zone != NULL ? 0 : exec_fail(x,
	    "unknown time zone %.*s", STR_ARG(str_head(name, 60)));
}

static int
to_date(struct exec *x, const struct value *args, bool must, struct value *ret)
{
	*ret = value_time(WALL_NONE);
	if (exec_charge(x, 1 + args[0].s.n / 4) < 0)
		return -ERR_LIMIT;
	if (gotime_parse(args[0].s, args[1].s, &ret->time) || !must)
		return 0;
	return exec_fail(x, "parsing time \"%.*s\" as \"%.*s\": no match",
	    STR_ARG(str_head(args[1].s, 60)), STR_ARG(str_head(args[0].s, 60)));
}

FN(fn_to_date)
{
	(void)n;
	return to_date(x, args, false, ret);
}

FN(fn_must_to_date)
{
	(void)n;
	return to_date(x, args, true, ret);
}

const struct func funcs_notification[] = {
	{ "title", "s", TYPE_STRING, fn_title, false, false },
	{ "trimSpace", "s", TYPE_STRING, fn_trim_space, false, false },
	{ "join", "sL", TYPE_STRING, fn_join, false, false },
	{ "safeUrl", "s", TYPE_URL, fn_safe_url, false, false },
	{ "urlUnescape", "s", TYPE_STRING, fn_url_unescape, false, false },
	{ "stringSlice", "s*", TYPE_STRINGS, fn_string_slice, false, false },
	{ "date", "sT", TYPE_STRING, fn_date, false, false },
	{ "tz", "sT", TYPE_TIME, fn_tz, false, false },
	{ "now", "", TYPE_TIME, fn_now, false, true },
	{ "since", "T", TYPE_DURATION, fn_since, false, true },
	{ "toDate", "ss", TYPE_TIME, fn_to_date, false, false },
	{ "mustToDate", "ss", TYPE_TIME, fn_must_to_date, false, false },
	{ "toJson", "a", TYPE_STRING, fn_json, false, false },
	{ "base64encode", "s", TYPE_STRING, fn_base64_encode, false, false },
	{ "base64decode", "s", TYPE_STRING, fn_base64_decode, false, false },
	{ "list", "a*", TYPE_LIST, fn_list, false, false },
	{ "append", "la*", TYPE_LIST, fn_append, false, false },
	{ "dict", "a*", TYPE_DICT, fn_dict, false, false },
	{ "routeLabels", "", TYPE_KV, fn_route_labels, false, false },
	{ .name = NULL },
};
