/* SPDX-License-Identifier: Apache-2.0 */
/* The escaping functions of Go's text/template and net/url. */
#include "config.h"

#include "labels/rune.h"
#include "template/func.h"

void
escape_html(struct buf *out, struct str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '"': buf_puts(out, "&#34;"); break;
		case '\'': buf_puts(out, "&#39;"); break;
		case '&': buf_puts(out, "&amp;"); break;
		case '<': buf_puts(out, "&lt;"); break;
		case '>': buf_puts(out, "&gt;"); break;
		case '\0': buf_puts(out, "\uFFFD"); break;
		default: buf_putc(out, s.p[i]); break;
		}
	}
}

void
escape_js(struct buf *out, struct str s)
{
	uint32_t n;

	for (uint32_t i = 0; i < s.n; i += n) {
		uint32_t rune = rune_decode(s, i, &n);

		switch (rune) {
		case '\\': buf_puts(out, "\\\\"); break;
		case '\'': buf_puts(out, "\\'"); break;
		case '"': buf_puts(out, "\\\""); break;
		case '<': buf_puts(out, "\\u003C"); break;
		case '>': buf_puts(out, "\\u003E"); break;
		case '&': buf_puts(out, "\\u0026"); break;
		case '=': buf_puts(out, "\\u003D"); break;
		default:
			if (rune < ' ' || (rune >= 0x80 && !rune_is_print(rune)))
				buf_printf(out, "\\u%04X", rune);
			else
				buf_put(out, s.p + i, n);
		}
	}
}

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
	    c == '~';
}

static void
escape_url(struct buf *out, struct str s, const char *more)
{
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (is_plain(c) || (c != '\0' && strchr(more, c) != NULL))
			buf_putc(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}

void
escape_query(struct buf *out, struct str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		if (s.p[i] == ' ')
			buf_putc(out, '+');
		else
			escape_url(out, str_make(s.p + i, 1), "");
	}
}

void
escape_path(struct buf *out, struct str s)
{
	escape_url(out, s, "$&+=:@");
}

bool
unescape_query(struct buf *out, struct str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		int high, low;

		if (s.p[i] != '%') {
			buf_putc(out, s.p[i] == '+' ? ' ' : s.p[i]);
			continue;
		}
		if (s.n - i < 3)
			return false;
		high = str_hex_digit(s.p[i + 1]);
		low = str_hex_digit(s.p[i + 2]);
		if (high < 0 || low < 0)
			return false;
		buf_putc(out, (char)(high * 16 + low));
		i += 2;
	}
	return true;
}
