/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "api/handlers.h"

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

/* filter=, and filter[]= as some clients write it. */
static const char *
filter_text(const struct http_call *call, uint32_t index)
{
	const char *value = http_param(call, "filter", index);

	if (value != NULL)
		return value;
	for (uint32_t plain = 0; http_param(call, "filter", plain) != NULL; plain++)
		index--;
	return http_param(call, "filter[]", index);
}

bool
filters_read(struct http_call *call, struct filters *ret)
{
	const char *text;
	struct err err = { 0 };

	*ret = (struct filters){ 0 };
	for (uint32_t i = 0; (text = filter_text(call, i)) != NULL; i++) {
		if (ret->n == API_FILTERS_MAX) {
			reply_said(call, 400, "more than %d filters", API_FILTERS_MAX);
			goto bad;
		}
		if (matcher_parse(str_from(text), &ret->m[ret->n], &err) < 0) {
			reply_said(call, 400, "bad matcher format: %s: %s", text, err.text);
			goto bad;
		}
		ret->n++;
	}
	text = param_text(call, "receiver");
	if (text != NULL && (ret->receiver = regex_new(str_from(text), &err)) == NULL) {
		reply_said(call, 400, "failed to parse receiver param: %s", err.text);
		goto bad;
	}
	return true;
bad:
	filters_fini(ret);
	return false;
}

void
filters_fini(struct filters *filters)
{
	for (uint32_t i = 0; i < filters->n; i++)
		matcher_fini(&filters->m[i]);
	regex_free(filters->receiver);
	*filters = (struct filters){ 0 };
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
