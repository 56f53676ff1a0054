/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "api/handlers.h"
#include "base/timestamp.h"

const char *
param_text(const struct http_call *call, const char *name)
{
	const char *value, *last = NULL;

	for (uint32_t i = 0; (value = http_param(call, name, i)) != NULL; i++)
		last = value;
	return last != NULL && last[0] != '\0' ? last : NULL;
}

bool
param_bool(const struct http_call *call, const char *name, bool fallback)
{
	static const char *const yes[] = { "true", "1", "yes", "ok", "y", "on", "selected",
		"checked", "t", "enabled" };
	const char *value = param_text(call, name);

	if (value == NULL)
		return fallback;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (strcasecmp(value, yes[i]) == 0)
			return true;
	return false;
}

/* name=, and name[]= as some clients write it. */
static const char *
list_text(
    const struct http_call *call, const char *name, const char *name_in_brackets, uint32_t index)
{
	const char *value = http_param(call, name, index);

	if (value != NULL)
		return value;
	for (uint32_t plain = 0; http_param(call, name, plain) != NULL; plain++)
		index--;
	return http_param(call, name_in_brackets, index);
}

/* One matcher each. False: answered. */
static bool
read_matchers(struct http_call *call, const char *name, const char *name_in_brackets,
    const char *many, struct matcher *m, uint32_t *n)
{
	const char *text;
	struct err err = { 0 };

	for (uint32_t i = 0; (text = list_text(call, name, name_in_brackets, i)) != NULL; i++) {
		if (*n == API_FILTERS_MAX) {
			reply_said(call, 400, "more than %d %s", API_FILTERS_MAX, many);
			return false;
		}
		if (matcher_parse(str_from(text), &m[*n], &err) < 0) {
			reply_said(call, 400, "bad matcher format: %s: %s", text, err.text);
			return false;
		}
		++*n;
	}
	return true;
}

bool
filters_read(struct http_call *call, struct filters *ret)
{
	const char *text = param_text(call, "receiver");
	struct err err = { 0 };

	*ret = (struct filters){ 0 };
	if (!read_matchers(call, "filter", "filter[]", "filters", ret->m, &ret->n) ||
	    !read_matchers(call, "receiver_matchers", "receiver_matchers[]", "receiver matchers",
		ret->receivers, &ret->n_receivers))
		goto bad;
	if (text != NULL && (ret->receiver = regex_new(str_from(text), &err)) == NULL) {
		reply_said(call, 400, "failed to parse receiver param: %s", err.text);
		goto bad;
	}
	return true;
bad:
	filters_fini(ret);
	return false;
}

static void
drop_receiver(struct filters *filters)
{
	for (uint32_t i = 0; i < filters->n_receivers; i++)
		matcher_fini(&filters->receivers[i]);
	filters->n_receivers = 0;
	regex_free(filters->receiver);
	filters->receiver = NULL;
}

void
filters_fini(struct filters *filters)
{
	for (uint32_t i = 0; i < filters->n; i++)
		matcher_fini(&filters->m[i]);
	drop_receiver(filters);
	*filters = (struct filters){ 0 };
}

/* Its name is a label, too. */
static struct str
receiver_label(const struct receiver_config *receiver, struct str name)
{
	if (str_is(name, "name"))
		return str_from(receiver->name);
	for (uint32_t i = 0; i < receiver->labels.n; i++)
		if (str_is(name, receiver->labels.pairs[i].key))
			return str_from(receiver->labels.pairs[i].value);
	return STR("");
}

bool
filters_want_receiver(const struct filters *filters, const struct receiver_config *receiver)
{
	for (uint32_t i = 0; i < filters->n_receivers; i++) {
		const struct matcher *m = &filters->receivers[i];

		if (!matcher_matches_value(m, receiver_label(receiver, istr_str(m->name))))
			return false;
	}
	return filters->receiver == NULL ||
	       regex_matches(filters->receiver, str_from(receiver->name));
}

/*
 * One filter.  A negative matcher with an empty value means "the label is
 * there", as in Alertmanager.
 */
bool
filters_match(const struct filters *filters, const struct labels *labels)
{
	for (uint32_t i = 0; i < filters->n; i++)
		if (!matcher_matches(&filters->m[i], labels))
			return false;
	return true;
}

uint32_t
param_limit(struct http_call *call, uint32_t fallback, uint32_t max)
{
	const char *text = param_text(call, "limit");
	int64_t limit;

	if (text == NULL)
		return fallback;
	if (!str_to_i64(str_from(text), &limit) || limit < 1 || limit > max) {
		reply_code(call, 400, 400, "limit=%s: give a number from 1 to %u", text, max);
		return 0;
	}
	return (uint32_t)limit;
}

bool
param_before(struct http_call *call, int64_t *ret)
{
	const char *text = param_text(call, "before");

	*ret = 0;
	if (text == NULL || (str_to_i64(str_from(text), ret) && *ret > 0))
		return true;
	reply_code(
	    call, 400, 400, "before=%s: give the id of the last row of the page before", text);
	return false;
}

bool
param_instant(struct http_call *call, const char *name, wall_t *ret)
{
	const char *text = param_text(call, name);
	double seconds;

	*ret = WALL_NONE;
	if (text == NULL || timestamp_parse(str_from(text), ret))
		return true;
	if (str_to_double(str_from(text), &seconds) && fabs(seconds) < 9e9) {
		ret->ns = (int64_t)(seconds * 1e9);
		return true;
	}
	reply_code(call, 400, 400, "%s=%s: give 2026-11-20T06:00:00Z or unix seconds", name, text);
	return false;
}

bool
fingerprint_from(struct str text, uint64_t *ret)
{
	uint64_t value = 0;

	if (text.n != 16)
		return false;
	for (uint32_t i = 0; i < text.n; i++) {
		const char *hex = "0123456789abcdef", *digit = strchr(hex, text.p[i]);

		if (digit == NULL || text.p[i] == '\0')
			return false;
		value = value << 4 | (uint64_t)(digit - hex);
	}
	*ret = value;
	return true;
}
