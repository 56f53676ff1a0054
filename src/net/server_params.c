/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a request: its query and, where its body is a form, that. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "net/server_impl.h"

static void
add_param(struct http_call *call, const char *name, const char *value)
{
	call->params = xgrow(call->params, &call->params_cap,
	    (size_t)call->n_params + 1, sizeof(*call->params));
	call->params[call->n_params++] =
	    (struct http_param){ name, value != NULL ? value : "" };
}

void
call_unescape(struct http_call *call, char *text, bool plus_is_space)
{
	char *out = text;

	for (; *text != '\0'; text++) {
		int high = *text == '%' ? str_hex_digit(text[1]) : -1;
		int low = high >= 0 ? str_hex_digit(text[2]) : -1;

		if (low >= 0) {
			*out++ = (char)(high * 16 + low);
			text += 2;
			call->has_nul = call->has_nul || high + low == 0;
		} else {
			*out++ = *text == '+' && plus_is_space ? ' ' : *text;
		}
	}
	*out = '\0';
}

/* "a=1&b=2", decoded in place. */
static void
add_query(struct http_call *call, char *text)
{
	while (text != NULL) {
		char *name = text, *value;

		text = strchr(name, '&');
		if (text != NULL)
			*text++ = '\0';
		value = strchr(name, '=');
		if (value != NULL)
			*value++ = '\0';
		call_unescape(call, name, true);
		if (value != NULL)
			call_unescape(call, value, true);
		if (*name != '\0' || value != NULL)
			add_param(call, name, value);
	}
}

static bool
is_form(const struct http_call *call)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const char *type = http_header_value(call, "Content-Type");

	return type != NULL && strncasecmp(type, form, sizeof(form) - 1) == 0;
}

/* Collected at the first question; the texts belong to the connection. */
static void
collect_params(const struct http_call *call)
{
	struct http_call *self = (struct http_call *)(uintptr_t)call;

	if (call->params_known)
		return;
	self->params_known = true;
	if (call->body.n > 0 && is_form(call)) {
		self->form = xmemdup0(call->body.p, call->body.n);
		self->has_nul = self->has_nul || strlen(self->form) < call->body.n;
		add_query(self, self->form);
	}
	add_query(self, call->query);
}

bool
http_has_nul(const struct http_call *call)
{
	collect_params(call);
	return call->has_nul;
}

const char *
http_param(const struct http_call *call, const char *name, uint32_t index)
{
	collect_params(call);
	for (uint32_t i = 0; i < call->n_params; i++)
		if (strcmp(call->params[i].name, name) == 0 && index-- == 0)
			return call->params[i].value;
	return NULL;
}

bool
http_param_at(const struct http_call *call, uint32_t i, const char **ret_name,
    const char **ret_value)
{
	collect_params(call);
	if (i >= call->n_params)
		return false;
	*ret_name = call->params[i].name;
	*ret_value = call->params[i].value;
	return true;
}
