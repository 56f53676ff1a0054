/* SPDX-License-Identifier: Apache-2.0 */
/* Writing URLs: escaping parts of them, and hiding what logs must not show. */
#include "config.h"

#include "net/xfer.h"

static bool
is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

void
url_escape(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	uint32_t from = 0;

	buf_reserve(out, s.n + (size_t)s.n / 2);
	for (uint32_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_unreserved(s.p[i]))
			continue;
		buf_put(out, s.p + from, i - from);
		buf_put(out, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
		from = i + 1;
	}
	if (s.n > from)
		buf_put(out, s.p + from, s.n - from);
}

void
url_redact(struct buf *out, struct str url)
{
	uint32_t host = 0, end, at;

	for (uint32_t i = 0; i + 2 < url.n; i++) {
		if (url.p[i] == ':' && url.p[i + 1] == '/' &&
		    url.p[i + 2] == '/') {
			host = i + 3;
			break;
		}
	}
	for (end = host; end < url.n && url.p[end] != '/' &&
			 url.p[end] != '?' && url.p[end] != '#';)
		end++;
	/* The last '@' ends the user info, as browsers and curl read it. */
	for (at = end; at > host && url.p[at - 1] != '@';)
		at--;
	buf_put(out, url.p, host);
	while (at < url.n && url.p[at] != '?' && url.p[at] != '#')
		buf_putc(out, url.p[at++]);
}
