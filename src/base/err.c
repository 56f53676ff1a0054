/* SPDX-License-Identifier: Apache-2.0 */
/* One failure as a value: set, prefixed, named. */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char *const code_names[] = {
	[ERR_NONE] = "none",
	[ERR_INVALID] = "invalid",
	[ERR_NOT_FOUND] = "not found",
	[ERR_LIMIT] = "limit",
	[ERR_TIMEOUT] = "timeout",
	[ERR_REMOTE] = "remote",
	[ERR_IO] = "io",
	[ERR_STORE] = "store",
	[ERR_CANCELLED] = "cancelled",
	[ERR_BUSY] = "busy",
};
static_assert(ARRAY_LEN(code_names) == ERR_CODE_COUNT, "a name per code");

/* A text that was cut at n bytes may end inside a character: n without it. */
static size_t
end_at_character(const char *text, size_t n)
{
	size_t lead = n;

	while (lead > 0 && n - lead < 3 &&
	       ((unsigned char)text[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (lead == 0 || (unsigned char)text[lead - 1] < 0xc0)
		return n; /* ASCII, or garbage */
	lead--;
	return str_rune_length(str_make(text + lead, n - lead)) != 0 ? n : lead;
}

static int PRINTF(4, 0) set(struct err *err, enum err_code code, uint32_t at,
    const char *fmt, va_list ap)
{
	if (err != NULL) {
		char text[sizeof(
		    err->text)]; /* an argument may be err->text itself */
		int n = vsnprintf(text, sizeof(text), fmt, ap);

		if (n >= (int)sizeof(text))
			text[end_at_character(text, sizeof(text) - 1)] = '\0';
		memcpy(err->text, text, sizeof(text));
		err->code = code;
		err->at = at;
	}
	return -(int)code;
}

int
err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = set(err, code, ERR_NOWHERE, fmt, ap);
	va_end(ap);
	return ret;
}

int
err_set_at(
    struct err *err, enum err_code code, uint32_t at, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = set(err, code, at, fmt, ap);
	va_end(ap);
	return ret;
}

int
err_wrap(struct err *err, const char *fmt, ...)
{
	char text[2 * sizeof(((struct err *)0)->text)];
	va_list ap;
	int n;

	if (err == NULL)
		return -(int)ERR_INVALID;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -(int)err->code;
	if ((size_t)n >= sizeof(err->text))
		n = (int)sizeof(err->text) - 1;
	n += snprintf(text + n, sizeof(text) - (size_t)n, ": %s", err->text);
	if ((size_t)n >= sizeof(err->text))
		n = (int)end_at_character(text, sizeof(err->text) - 1);
	memcpy(err->text, text, (size_t)n);
	err->text[n] = '\0';
	return -(int)err->code;
}

const char *
err_code_name(enum err_code code)
{
	return (unsigned)code < ARRAY_LEN(code_names) ? code_names[code]
						      : "unknown";
}
