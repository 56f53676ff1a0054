/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON pull reader: one pass over the text, no tree, no copies.  The caller's
 * control flow is the stack; the reader itself only counts the depth.
 */
#include <math.h>
#ifdef __SSE2__
#	include <emmintrin.h>
#endif

#include "base/json.h"

void
json_reader_init(struct json_reader *r, struct str text)
{
	const char *p = text.p != NULL ? text.p : "";

	*r = (struct json_reader){
		.start = p, .p = p, .end = p + text.n, .first = true
	};
}

bool
json_fail(struct json_reader *r, const char *static_text)
{
	if (r->err_text == NULL) {
		r->err_text = static_text;
		r->err_at = (uint32_t)(r->p - r->start);
	}
	return false;
}

static inline void
skip_space(struct json_reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' ||
				    *r->p == '\r' || *r->p == '\t'))
		r->p++;
}

/* At a value's first byte, or failed. */
static inline bool
at_value(struct json_reader *r)
{
	if (r->err_text != NULL)
		return false;
	skip_space(r);
	return r->p < r->end || json_fail(r, "unexpected end of text");
}

enum json_kind
json_peek(struct json_reader *r)
{
	if (r->err_text != NULL)
		return JSON_BAD;
	skip_space(r);
	if (r->p == r->end)
		return JSON_END;
	switch (*r->p) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	case '-':
	case 'N':
	case 'I':
		return JSON_NUMBER;
	default:
		return *r->p >= '0' && *r->p <= '9' ? JSON_NUMBER : JSON_BAD;
	}
}

bool
json_enter(struct json_reader *r, enum json_kind container)
{
	bool object = container == JSON_OBJECT;

	if (!at_value(r))
		return false;
	if (*r->p != (object ? '{' : '['))
		return json_fail(
		    r, object ? "expected an object" : "expected an array");
	if (r->depth >= JSON_DEPTH_MAX)
		return json_fail(r, "nested too deeply");
	r->p++;
	r->depth++;
	r->first = true;
	return true;
}

/* Past the comma before the next element, or past the container's end (false).
 */
static bool
next_element(struct json_reader *r, char close, const char *expected)
{
	if (!at_value(r))
		return false;
	if (r->depth == 0)
		return json_fail(r, "not inside a container");
	if (*r->p == close) {
		r->p++;
		r->depth--;
		r->first = false;
		return false;
	}
	if (!r->first) {
		if (*r->p != ',')
			return json_fail(r, expected);
		r->p++;
		if (!at_value(r))
			return false;
		if (*r->p == close)
			return json_fail(r, "comma before the end");
	}
	r->first = false;
	return true;
}

bool
json_next_item(struct json_reader *r)
{
	return next_element(r, ']', "expected ',' or ']'");
}

/* The first byte from p on that is a quote, a backslash or a control character.
 */
static inline const char *
run_end(const char *p, const char *end)
{
#ifdef __SSE2__
	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i control =
		    _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
		__m128i hit = _mm_or_si128(
		    control, _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
				 _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
		unsigned mask = (unsigned)_mm_movemask_epi8(hit);

		if (mask != 0)
			return p + __builtin_ctz(mask);
		p += 16;
	}
#endif
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	return p;
}

/* The four hex digits at p, or -1. */
static int32_t
hex4(const char *p, const char *end)
{
	int32_t v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = str_hex_digit(p[i]);

		if (digit < 0)
			return -1;
		v = v * 16 + digit;
	}
	return v;
}

/* At a backslash: past its escape. */
static bool
skip_escape(struct json_reader *r)
{
	if (r->end - r->p < 2)
		return json_fail(r, "string without an end");
	switch (r->p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		r->p += 2;
		return true;
	case 'u':
		if (hex4(r->p + 2, r->end) < 0)
			return json_fail(r, "\\u needs four hex digits");
		r->p += 6;
		return true;
	default:
		return json_fail(r, "unknown escape in string");
	}
}

/* At the opening quote: the text up to the closing one, which is consumed. */
static bool
scan_string(struct json_reader *r, struct str *ret_raw, bool *ret_escaped)
{
	const char *start = ++r->p;
	bool escaped = false;

	for (;;) {
		r->p = run_end(r->p, r->end);
		if (r->p == r->end)
			return json_fail(r, "string without an end");
		if (*r->p == '"')
			break;
		if (*r->p != '\\')
			return json_fail(r, "control character in string");
		escaped = true;
		if (!skip_escape(r))
			return false;
	}
	*ret_raw = str_make(start, (size_t)(r->p - start));
	*ret_escaped = escaped;
	r->p++;
	return true;
}

bool
json_read_raw(struct json_reader *r, struct str *ret_raw, bool *ret_escaped)
{
	if (!at_value(r))
		return false;
	if (*r->p != '"')
		return json_fail(r, "expected a string");
	return scan_string(r, ret_raw, ret_escaped);
}

bool
json_next_key(struct json_reader *r, struct str *ret_key)
{
	bool escaped;

	if (!next_element(r, '}', "expected ',' or '}'"))
		return false;
	if (*r->p != '"')
		return json_fail(r, "expected a key in quotes");
	if (!scan_string(r, ret_key, &escaped) || !at_value(r))
		return false;
	if (*r->p != ':')
		return json_fail(r, "expected ':'");
	r->p++;
	return true;
}

bool
json_read_str(struct json_reader *r, struct arena *arena, struct str *ret)
{
	struct str raw;
	bool escaped;

	if (!json_read_raw(r, &raw, &escaped))
		return false;
	*ret = escaped ? json_unescape(arena, raw) : raw;
	return true;
}

static bool
take_literal(struct json_reader *r, struct str text)
{
	if ((size_t)(r->end - r->p) < text.n ||
	    memcmp(r->p, text.p, text.n) != 0)
		return false;
	r->p += text.n;
	return true;
}

static inline bool
skip_digits(struct json_reader *r)
{
	const char *start = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p != start;
}

/* Past a number of JSON's grammar. */
static bool
skip_number(struct json_reader *r)
{
	const char *start = r->p;

	if (*r->p == '-')
		r->p++;
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (!skip_digits(r))
		goto bad;
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (!skip_digits(r))
			goto bad;
	}
	if (r->p < r->end && (*r->p | 0x20) == 'e') {
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!skip_digits(r))
			goto bad;
	}
	return true;
bad:
	r->p = start;
	return json_fail(r, "not a number");
}

/* The words for what JSON numbers cannot say. */
static bool
take_special(struct json_reader *r, double *ret)
{
	if (take_literal(r, STR("NaN")))
		*ret = (double)NAN;
	else if (take_literal(r, STR("Infinity")))
		*ret = (double)INFINITY;
	else if (take_literal(r, STR("-Infinity")))
		*ret = -(double)INFINITY;
	else
		return false;
	return true;
}

bool
json_read_double(struct json_reader *r, double *ret)
{
	const char *start;

	if (!at_value(r))
		return false;
	start = r->p;
	if (take_special(r, ret))
		return true;
	if (*r->p != '-' && (*r->p < '0' || *r->p > '9'))
		return json_fail(r, "expected a number");
	if (!skip_number(r))
		return false;
	if (!str_to_double(str_make(start, (size_t)(r->p - start)), ret)) {
		r->p = start;
		return json_fail(r, "number out of range");
	}
	return true;
}

bool
json_read_bool(struct json_reader *r, bool *ret)
{
	if (!at_value(r))
		return false;
	if (take_literal(r, STR("true")))
		*ret = true;
	else if (take_literal(r, STR("false")))
		*ret = false;
	else
		return json_fail(r, "expected true or false");
	return true;
}

bool
json_read_null(struct json_reader *r)
{
	if (!at_value(r))
		return false;
	return take_literal(r, STR("null")) || json_fail(r, "expected null");
}

/* At [ or {: past the matching bracket. Bit i of `objects` says what level i
 * is. */
static bool
skip_container(struct json_reader *r)
{
	uint32_t level = 0, levels_max = JSON_DEPTH_MAX - r->depth;
	uint64_t objects = 0;

	while (r->p < r->end) {
		char c = *r->p;
		struct str raw;
		bool escaped;

		switch (c) {
		case '"':
			if (!scan_string(r, &raw, &escaped))
				return false;
			continue;
		case '[':
		case '{':
			if (level == levels_max)
				return json_fail(r, "nested too deeply");
			objects = objects << 1 | (c == '{');
			level++;
			break;
		case ']':
		case '}':
			if ((objects & 1) != (c == '}'))
				return json_fail(r, "brackets do not match");
			objects >>= 1;
			if (--level == 0) {
				r->p++;
				return true;
			}
			break;
		default:
			break;
		}
		r->p++;
	}
	return json_fail(r, "unexpected end of text");
}

static bool
skip_value(struct json_reader *r)
{
	struct str raw;
	double number;
	bool flag;

	switch (json_peek(r)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return skip_container(r);
	case JSON_STRING:
		return scan_string(r, &raw, &flag);
	case JSON_NUMBER:
		/* Only its form: a value nobody reads may be out of range. */
		return take_special(r, &number) ||
		       (*r->p == 'N' || *r->p == 'I'
			       ? json_fail(r, "not a number")
			       : skip_number(r));
	case JSON_BOOL:
		return json_read_bool(r, &flag);
	case JSON_NULL:
		return json_read_null(r);
	case JSON_END:
		return json_fail(r, "unexpected end of text");
	case JSON_BAD:
		break;
	}
	return json_fail(r, "expected a value");
}

bool
json_read_span(struct json_reader *r, struct str *ret)
{
	const char *start;

	if (!at_value(r))
		return false;
	start = r->p;
	if (!skip_value(r))
		return false;
	*ret = str_make(start, (size_t)(r->p - start));
	return true;
}

bool
json_skip(struct json_reader *r)
{
	return at_value(r) && skip_value(r);
}

bool
json_finish(struct json_reader *r)
{
	if (r->err_text != NULL)
		return false;
	skip_space(r);
	if (r->p != r->end)
		return json_fail(r, "text after the end of the value");
	return r->depth == 0 || json_fail(r, "unexpected end of text");
}

static char *
put_rune(char *o, uint32_t rune)
{
	if (rune < 0x80) {
		*o++ = (char)rune;
	} else if (rune < 0x800) {
		*o++ = (char)(0xc0 | rune >> 6);
		*o++ = (char)(0x80 | (rune & 0x3f));
	} else if (rune < 0x10000) {
		*o++ = (char)(0xe0 | rune >> 12);
		*o++ = (char)(0x80 | (rune >> 6 & 0x3f));
		*o++ = (char)(0x80 | (rune & 0x3f));
	} else {
		*o++ = (char)(0xf0 | rune >> 18);
		*o++ = (char)(0x80 | (rune >> 12 & 0x3f));
		*o++ = (char)(0x80 | (rune >> 6 & 0x3f));
		*o++ = (char)(0x80 | (rune & 0x3f));
	}
	return o;
}

/* At the digits of \uXXXX: the character, with a second half taken along. */
static uint32_t
take_unit(const char **p, const char *end)
{
	int32_t unit = hex4(*p, end), low;

	if (unit < 0)
		return 0xfffd;
	*p += 4;
	if (unit < 0xd800 || unit > 0xdfff)
		return (uint32_t)unit;
	if (unit >= 0xdc00 || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return 0xfffd;
	low = hex4(*p + 2, end);
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*p += 6;
	return 0x10000 + ((uint32_t)unit - 0xd800) * 0x400 +
	       ((uint32_t)low - 0xdc00);
}

/* Escapes only ever shrink, so the raw length is room enough. */
struct str
json_unescape(struct arena *arena, struct str raw)
{
	const char *p = raw.p, *end = raw.n != 0 ? raw.p + raw.n : raw.p;
	char *out = arena_alloc(arena, (size_t)raw.n + 1), *o = out;

	while (p < end) {
		const char *stop = memchr(p, '\\', (size_t)(end - p));
		static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
		const char *simple;
		size_t run = (size_t)((stop != NULL ? stop : end) - p);

		memcpy(o, p, run);
		o += run;
		p += run;
		if (stop == NULL)
			break;
		p++;
		if (p == end)
			break;
		if (*p == 'u') {
			p++;
			o = put_rune(o, take_unit(&p, end));
			continue;
		}
		simple = *p != '\0' ? strchr(from, *p) : NULL;
		*o++ = simple != NULL ? to[simple - from] : *p;
		p++;
	}
	return str_make(out, (size_t)(o - out));
}
