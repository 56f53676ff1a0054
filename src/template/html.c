/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escaping by place: what is written into a page is followed through tags,
 * attributes, URLs, scripts and styles, and each value is made harmless for
 * the place where it lands.  Comments are left out, as html/template does.
 *
 * Literals are the author's and are trusted; values are not, but for what
 * safeHtml and safeUrl let through.
 */
#include "config.h"

#include <strings.h>

#include "template/func.h"

#define NAME_MAX_BYTES 32

enum state {
	IN_TEXT,
	IN_TAG,         /* between attributes */
	IN_NAME,        /* of an attribute */
	AFTER_NAME,
	BEFORE_VALUE,
	IN_VALUE,
	IN_COMMENT,
	IN_RAW,         /* script, style, title, textarea: up to the end tag */
};

enum content { CONTENT_TEXT, CONTENT_URL, CONTENT_JS, CONTENT_CSS };

struct html {
	enum state state;
	enum content content; /* of the value or the raw element */
	char quote;           /* of the value; 0: none */
	char js_quote;        /* within a script's string */
	bool js_escape;
	bool url_started, url_query;
	bool closing;         /* the tag is an end tag */
	char name[NAME_MAX_BYTES]; /* of the tag, then of the attribute */
	uint32_t name_n;
	char tag[NAME_MAX_BYTES];
};

struct html *
html_new(struct arena *arena)
{
	return ARENA_NEW(arena, struct html);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool
is_letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool
begins(struct str s, uint32_t i, const char *word)
{
	uint32_t n = (uint32_t)strlen(word);

	return s.n - i >= n && strncasecmp(s.p + i, word, n) == 0;
}

static void
name_add(struct html *h, char c)
{
	if (h->name_n + 1 < NAME_MAX_BYTES)
		h->name[h->name_n++] = lower(c);
	h->name[h->name_n] = '\0';
}

static bool
is_one_of(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(name, list[i]) == 0)
			return true;
	}
	return false;
}

static enum content
attribute_content(const char *name)
{
	static const char *const urls[] = { "action", "archive", "background",
		"cite", "classid", "codebase", "data", "formaction", "href",
		"icon", "longdesc", "manifest", "poster", "profile", "src",
		"usemap", "xmlns", "srcset" };
	const char *p = strncmp(name, "data-", 5) == 0 ? name + 5 : name;
	const char *colon = strchr(p, ':');

	if (colon != NULL) {
		if (strncmp(p, "xmlns:", 6) == 0)
			return CONTENT_URL;
		p = colon + 1;
	}
	if (strncmp(p, "on", 2) == 0)
		return CONTENT_JS;
	if (strcmp(p, "style") == 0)
		return CONTENT_CSS;
	if (is_one_of(p, urls, sizeof(urls) / sizeof(urls[0])) ||
	    strstr(p, "src") != NULL || strstr(p, "uri") != NULL ||
	    strstr(p, "url") != NULL)
		return CONTENT_URL;
	return CONTENT_TEXT;
}

static void
end_of_tag(struct html *h)
{
	static const char *const raw[] = {
		"script", "style", "title", "textarea" };

	h->state = IN_TEXT;
	h->content = CONTENT_TEXT;
	if (h->closing || !is_one_of(h->tag, raw, 4))
		return;
	h->state = IN_RAW;
	h->js_quote = '\0';
	h->js_escape = false;
	if (strcmp(h->tag, "script") == 0)
		h->content = CONTENT_JS;
	else if (strcmp(h->tag, "style") == 0)
		h->content = CONTENT_CSS;
}

static void
start_value(struct html *h, char quote)
{
	h->state = IN_VALUE;
	h->quote = quote;
	h->content = attribute_content(h->name);
	h->url_started = h->url_query = false;
	h->js_quote = '\0';
	h->js_escape = false;
}

static void
step_string(struct html *h, char c)
{
	if (h->js_escape)
		h->js_escape = false;
	else if (h->js_quote != '\0' && c == '\\')
		h->js_escape = true;
	else if (h->js_quote == c)
		h->js_quote = '\0';
	else if (h->js_quote == '\0' && (c == '"' || c == '\'' || c == '`'))
		h->js_quote = c;
}

static void
step_value(struct html *h, char c)
{
	if (h->quote != '\0' ? c == h->quote : is_space(c)) {
		h->state = IN_TAG;
		h->name_n = 0;
	} else if (h->quote == '\0' && c == '>') {
		end_of_tag(h);
	} else {
		h->url_started = true;
		h->url_query = h->url_query || c == '?' || c == '#';
		if (h->content == CONTENT_JS)
			step_string(h, c);
	}
}

/* One byte within a tag. */
static void
step_tag(struct html *h, char c)
{
	if (h->state == BEFORE_VALUE) {
		if (is_space(c))
			return;
		if (c == '>') {
			end_of_tag(h);
		} else if (c == '"' || c == '\'') {
			start_value(h, c);
		} else {
			start_value(h, '\0');
			step_value(h, c);
		}
		return;
	}
	if (c == '>') {
		end_of_tag(h);
	} else if (c == '=') {
		h->state = BEFORE_VALUE;
	} else if (is_space(c) || c == '/') {
		h->state = h->state == IN_NAME ? AFTER_NAME : h->state;
	} else {
		if (h->state != IN_NAME)
			h->name_n = 0;
		h->state = IN_NAME;
		name_add(h, c);
	}
}

/* At a '<': the bytes taken; the tag's name with it. */
static uint32_t
open_tag(struct html *h, struct str s, uint32_t i)
{
	uint32_t n = 1;

	h->closing = i + 1 < s.n && s.p[i + 1] == '/';
	n += h->closing;
	if (i + n >= s.n || !is_letter(s.p[i + n]))
		return 1;
	h->name_n = 0;
	while (i + n < s.n && !is_space(s.p[i + n]) && s.p[i + n] != '>' &&
	    s.p[i + n] != '/')
		name_add(h, s.p[i + n++]);
	memcpy(h->tag, h->name, sizeof(h->tag));
	h->name_n = 0;
	h->name[0] = '\0';
	h->state = IN_TAG;
	return n;
}

/* The end tag of the raw element at i. */
static bool
closes_raw(const struct html *h, struct str s, uint32_t i)
{
	return s.p[i] == '<' && i + 1 < s.n && s.p[i + 1] == '/' &&
	    begins(s, i + 2, h->tag);
}

void
html_literal(struct html *h, struct str s, struct buf *out)
{
	uint32_t i = 0;

	while (i < s.n) {
		uint32_t n = 1;

		if (h->state == IN_COMMENT) {
			if (begins(s, i, "-->")) {
				h->state = IN_TEXT;
				i += 2;
			}
			i++;
			continue;
		}
		if (h->state == IN_TEXT && begins(s, i, "<!--")) {
			h->state = IN_COMMENT;
			i += 4;
			continue;
		}
		if ((h->state == IN_TEXT && s.p[i] == '<') ||
		    (h->state == IN_RAW && closes_raw(h, s, i)))
			n = open_tag(h, s, i);
		else if (h->state == IN_RAW && h->content == CONTENT_JS)
			step_string(h, s.p[i]);
		else if (h->state == IN_VALUE)
			step_value(h, s.p[i]);
		else if (h->state != IN_TEXT && h->state != IN_RAW)
			step_tag(h, s.p[i]);
		buf_put(out, s.p + i, n);
		i += n;
	}
}

/* ---- values ----------------------------------------------------------------- */

/* norm: what is escaped already stays so. */
static void
put_text(struct buf *out, struct str s, bool norm, bool unquoted)
{
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '&' && norm)
			buf_putc(out, c);
		else if (c == '+')
			buf_puts(out, "&#43;");
		else if (unquoted && (is_space(c) || c == '\v' || c == '=' ||
			c == '`'))
			buf_printf(out, "&#%d;", c);
		else
			escape_html(out, str_make(&s.p[i], 1));
	}
}

static void
put_without_tags(struct buf *out, struct str s)
{
	bool in_tag = false;

	for (uint32_t i = 0; i < s.n; i++) {
		if (s.p[i] == '<')
			in_tag = true;
		if (!in_tag)
			buf_putc(out, s.p[i]);
		if (s.p[i] == '>')
			in_tag = false;
	}
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f');
}

static void
put_url(struct buf *out, struct str s, bool norm)
{
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool keep = is_letter(c) || (c >= '0' && c <= '9') ||
		    (c != '\0' && strchr("-._~", c) != NULL);

		if (norm && c != '\0' && strchr("!#$&*+,/:;=?@[]", c) != NULL)
			keep = true;
		if (norm && c == '%' && s.n - i > 2 && is_hex(s.p[i + 1]) &&
		    is_hex(s.p[i + 2]))
			keep = true;
		if (keep)
			buf_putc(out, c);
		else
			buf_printf(out, "%%%02x", (unsigned)(unsigned char)c);
	}
}

/* http, https, mailto, or no scheme at all. */
static bool
url_is_safe(struct str s)
{
	const char *colon = memchr(s.p, ':', s.n);
	struct str scheme;

	if (colon == NULL)
		return true;
	scheme = str_make(s.p, (size_t)(colon - s.p));
	if (memchr(scheme.p, '/', scheme.n) != NULL)
		return true;
	return (scheme.n == 4 && begins(scheme, 0, "http")) ||
	    (scheme.n == 5 && begins(scheme, 0, "https")) ||
	    (scheme.n == 6 && begins(scheme, 0, "mailto"));
}

static void
put_css(struct buf *out, struct str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!is_letter(c) && !(c >= '0' && c <= '9') &&
		    (c == '\0' || strchr("#.%- _,", c) == NULL)) {
			buf_puts(out, "ZgotmplZ");
			return;
		}
	}
	buf_put_str(out, s);
}

/* In a script's string the string goes on; elsewhere a whole value stands. */
static void
put_js(struct exec *x, struct html *h, const struct value *v, struct str s,
    struct buf *out)
{
	if (h->js_quote == '\0') {
		/* A number stands apart from the names around it. */
		bool apart = !value_is_text(v) && !type_is_list(v->type) &&
		    !type_is_map(v->type);

		if (apart)
			buf_putc(out, ' ');
		if (value_json(x, v, out, 0) < 0)
			buf_puts(out, "null");
		if (apart)
			buf_putc(out, ' ');
		return;
	}
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\0' || strchr("\"'`<>&+\n\r\t", c) != NULL)
			buf_printf(out, "\\u%04x", (unsigned)c);
		else if (c == '\\' || c == '/')
			buf_printf(out, "\\%c", c);
		else
			buf_putc(out, c);
	}
}

static void
put_value(struct exec *x, struct html *h, const struct value *v, struct str s,
    struct buf *out)
{
	bool is_html = v->type == TYPE_HTML;
	struct buf made = { 0 };

	switch (h->content) {
	case CONTENT_URL:
		if (h->url_query)
			put_url(&made, s, v->type == TYPE_URL);
		else if (h->url_started || v->type == TYPE_URL || url_is_safe(s))
			put_url(&made, s, true);
		else
			buf_puts(&made, "#ZgotmplZ");
		h->url_started = true;
		break;
	case CONTENT_JS:
		put_js(x, h, v, s, &made);
		break;
	case CONTENT_CSS:
		put_css(&made, s);
		break;
	case CONTENT_TEXT:
		if (is_html && h->state == IN_VALUE)
			put_without_tags(&made, s);
		else
			buf_put_str(&made, s);
		break;
	}
	if (h->state == IN_RAW && h->content != CONTENT_TEXT)
		buf_put_str(out, buf_str(&made));
	else
		put_text(out, buf_str(&made),
		    is_html && h->content == CONTENT_TEXT,
		    h->state == IN_VALUE && h->quote == '\0');
	buf_fini(&made);
}

static bool
is_harmless(struct str name)
{
	char z[NAME_MAX_BYTES] = "";

	for (uint32_t i = 0; i < name.n && i + 1 < sizeof(z); i++)
		z[i] = lower(name.p[i]);
	return attribute_content(z) == CONTENT_TEXT;
}

/* Where a name stands only a name may be put. */
static void
put_name(struct html *h, struct str s, struct buf *out)
{
	bool good = s.n > 0;

	for (uint32_t i = 0; i < s.n; i++)
		good = good && (is_letter(s.p[i]) || s.p[i] == '-' ||
		    (s.p[i] >= '0' && s.p[i] <= '9'));
	/* Nor may it choose what its own value means. */
	if (!good || s.n >= NAME_MAX_BYTES || h->name_n > 0 ||
	    !is_harmless(s))
		s = STR("ZgotmplZ");
	for (uint32_t i = 0; i < s.n; i++)
		step_tag(h, s.p[i]);
	buf_put_str(out, s);
}

void
html_value(struct exec *x, struct html *h, const struct value *v,
    struct buf *out)
{
	struct buf text = { 0 };

	if (h->state == IN_COMMENT)
		return;
	if (v->type != TYPE_NONE)
		print_value(x, &text, v);
	if (h->state == BEFORE_VALUE)
		start_value(h, '\0');
	if (h->state == IN_TEXT && v->type == TYPE_HTML)
		buf_put_str(out, buf_str(&text));
	else if (h->state == IN_TEXT)
		put_text(out, buf_str(&text), false, false);
	else if (h->state == IN_VALUE || h->state == IN_RAW)
		put_value(x, h, v, buf_str(&text), out);
	else
		put_name(h, buf_str(&text), out);
	buf_fini(&text);
}
