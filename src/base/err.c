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

/* A text that did not fit may have been cut inside a character. */
static void
end_at_character(char *text, size_t size, int wanted)
{
	if (wanted >= 0 && (size_t)wanted >= size) {
		struct str cut =
		    str_head(str_make(text, size), (uint32_t)size - 1);

		text[cut.n] = '\0';
	}
}

static int PRINTF(4, 0) set(struct err *err, enum err_code code, uint32_t at,
    const char *fmt, va_list ap)
{
	if (err != NULL) {
		char text[sizeof(
		    err->text)]; /* an argument may be err->text itself */
		int n = vsnprintf(text, sizeof(text), fmt, ap);

		end_at_character(text, sizeof(text), n);
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
	if ((size_t)n >= sizeof(err->text)) {
		struct str cut =
		    str_head(str_make(text, (size_t)n), sizeof(err->text) - 1);

		n = (int)cut.n;
	}
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
