/* SPDX-License-Identifier: Apache-2.0 */
/* A message being written: JSON members, expanded templates, limits. */
#include "config.h"

#include "receiver/draft.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/json.h"
#include "receiver/types.h"

#define RETRY_AFTER_SECONDS_MAX 86400.0
#define SECRET_BYTES_MIN        6  /* shorter ones are found everywhere */
#define SECRET_BYTES_KNOWN      12 /* by so much of it one is recognised: the words may be cut */
#define TAGS_MAX                32 /* open at once; past it HTML is cut in front of the next */

struct draft
draft_new(const struct notification *n, struct arena *arena, struct buf *out)
{
	return (struct draft){ .n = n, .arena = arena, .out = out };
}

void
draft_fini(struct draft *d)
{
	buf_fini(&d->scratch);
}

/* ---- JSON -------------------------------------------------------------------------- */

static void
separate(struct draft *d)
{
	char last = d->out->n > 0 ? d->out->p[d->out->n - 1] : '{';

	if (last != '{' && last != '[' && last != ':')
		buf_putc(d->out, ',');
}

void
draft_key(struct draft *d, const char *key)
{
	separate(d);
	json_put_str(d->out, str_from(key));
	buf_putc(d->out, ':');
}

void
draft_given(struct draft *d, const char *key, struct str text)
{
	draft_key(d, key);
	json_put_str(d->out, text);
}

void
draft_text(struct draft *d, const char *key, struct str text)
{
	if (text.n > 0)
		draft_given(d, key, text);
}

void
draft_item(struct draft *d, struct str text)
{
	separate(d);
	json_put_str(d->out, text);
}

void
draft_open(struct draft *d, const char *key, char bracket)
{
	if (key != NULL)
		draft_key(d, key);
	else
		separate(d);
	buf_putc(d->out, bracket);
}

/* ---- texts ------------------------------------------------------------------------- */

static struct str
keep(struct draft *d)
{
	return arena_str(d->arena, buf_str(&d->scratch));
}

struct str
draft_expanded(struct draft *d, const struct template *t, struct str otherwise)
{
	if (t == NULL)
		return otherwise;
	buf_clear(&d->scratch);
	message_expand(t, d->n, &d->scratch);
	return keep(d);
}

struct str
draft_html(struct draft *d, const struct template *t, struct str otherwise)
{
	if (t == NULL)
		return otherwise;
	buf_clear(&d->scratch);
	message_expand_html(t, d->n, &d->scratch);
	return keep(d);
}

struct str
draft_cut(struct draft *d, struct str text, uint32_t max_runes)
{
	buf_clear(&d->scratch);
	message_put_cut(&d->scratch, text, max_runes);
	return keep(d);
}

struct str
draft_cut_bytes(struct draft *d, struct str text, uint32_t max_bytes)
{
	static const uint32_t ellipsis = sizeof("…") - 1;

	if (text.n <= max_bytes)
		return text;
	buf_clear(&d->scratch);
	buf_put_str(&d->scratch, str_head(text, max_bytes - ellipsis));
	buf_puts(&d->scratch, "…");
	return keep(d);
}

/* Bytes of the tag, entity or character that html begins with; never 0. */
static uint32_t
html_step(struct str html)
{
	const char *end = NULL;
	uint32_t length = str_rune_length(html);

	if (html.p[0] == '<')
		end = memchr(html.p, '>', html.n);
	else if (html.p[0] == '&')
		end = memchr(html.p, ';', html.n < 12 ? html.n : 12);
	if (end != NULL)
		return (uint32_t)(end - html.p) + 1;
	return length > 0 ? length : 1;
}

/* The tag's name: "a" of <a href="..."> and of </a>. */
static struct str
tag_name(struct str tag)
{
	uint32_t from = tag.n > 1 && tag.p[1] == '/' ? 2 : 1, to = from;

	while (to < tag.n && strchr(" />\t\n", tag.p[to]) == NULL)
		to++;
	return str_make(tag.p + from, to - from);
}

struct tags {
	struct str names[TAGS_MAX];
	uint32_t n, closing_runes; /* what it takes to close them */
};

static bool
note_tag(struct tags *tags, struct str tag)
{
	struct str name = tag_name(tag);

	if (tag.n < 3 || tag.p[tag.n - 1] != '>' || tag.p[tag.n - 2] == '/')
		return true;
	if (tag.p[1] != '/') {
		if (tags->n == TAGS_MAX)
			return false;
		tags->names[tags->n++] = name;
		tags->closing_runes += name.n + 3;
	} else if (tags->n > 0 && str_eq(tags->names[tags->n - 1], name)) {
		tags->n--;
		tags->closing_runes -= name.n + 3;
	}
	return true;
}

struct str
draft_cut_html(struct draft *d, struct str html, uint32_t max_runes)
{
	struct tags tags = { .n = 0 }, before;
	uint32_t runes = 0, at = 0, step;

	if (str_runes(html) <= max_runes)
		return html;
	buf_clear(&d->scratch);
	for (before = tags; at < html.n; at += step) {
		struct str piece;

		step = html_step(str_make(html.p + at, html.n - at));
		piece = str_make(html.p + at, step);
		before = tags;
		if (piece.p[0] == '<' && !note_tag(&tags, piece))
			break;
		runes += str_runes(piece);
		if (runes + tags.closing_runes + 1 > max_runes)
			break;
		before = tags;
		buf_put_str(&d->scratch, piece);
	}
	buf_puts(&d->scratch, "…");
	while (before.n > 0) {
		struct str name = before.names[--before.n];

		buf_printf(&d->scratch, "</%.*s>", STR_ARG(name));
	}
	return keep(d);
}

struct str
draft_subject(struct draft *d)
{
	buf_clear(&d->scratch);
	message_subject(d->n, &d->scratch);
	return keep(d);
}

struct str
draft_link(struct draft *d)
{
	buf_clear(&d->scratch);
	message_link(d->n, &d->scratch);
	return keep(d);
}

struct str
draft_hash(struct draft *d)
{
	char hex[65];

	sha256_hex(d->n->group_key.p, d->n->group_key.n, hex);
	return arena_str(d->arena, str_from(hex));
}

/* ---- the request ------------------------------------------------------------------- */

int
draft_secret(struct draft *d, const struct secret *secret, const char *what, struct str *ret,
    struct err *err)
{
	struct buf text = { 0 };
	int rc = secret_read(secret, &text, err);

	if (rc == 0)
		*ret = arena_str(d->arena, str_trim(buf_str(&text)));
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	buf_fini(&text);
	return rc < 0 ? err_wrap(err, "%s", what) : 0;
}

/* A file is read at each use, so what it says is parsed then, too. */
static int
expand_file(struct str text, const struct notification *n, struct buf *out, struct err *err)
{
	struct arena *arena = arena_new(0);
	const struct template *t = template_parse(arena, text, TEMPLATE_NOTIFICATION, err);
	int rc = t != NULL ? message_execute(t, n, out, err) : -ERR_INVALID;

	arena_free(arena);
	return rc;
}

int
secret_text_put(const struct secret_text *secret, const struct notification *n, const char *what,
    struct buf *out, struct err *err)
{
	struct buf text = { 0 };
	size_t before = out->n;
	int rc;

	if (secret->text != NULL)
		rc = message_execute(secret->text, n, out, err);
	else if ((rc = secret_read(&secret->secret, &text, err)) < 0)
		;
	else if (secret->secret.file != NULL && text.n > 0 &&
		 memmem(text.p, text.n, "{{", 2) != NULL)
		rc = expand_file(str_trim(buf_str(&text)), n, out, err);
	else
		buf_put_str(out, str_trim(buf_str(&text)));
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	buf_fini(&text);
	if (rc == 0 && out->n == before)
		rc = err_set(err, ERR_INVALID, "it is empty for these alerts");
	return rc < 0 ? err_wrap(err, "%s", what) : 0;
}

int
draft_secret_text(struct draft *d, const struct secret_text *secret, const char *what,
    struct str *ret, struct err *err)
{
	struct buf text = { 0 };
	int rc = secret_text_put(secret, d->n, what, &text, err);

	if (rc == 0)
		*ret = arena_str(d->arena, str_trim(buf_str(&text)));
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	buf_fini(&text);
	return rc;
}

void
draft_post(struct xfer_request *request, const struct integration_common *common)
{
	request->method = "POST";
	request->content_type = "application/json";
	request->http = common->http;
	request->response_bytes_max = RESPONSE_BYTES_MAX;
	request->body.max = TEXT_BYTES_MAX;
}

void
draft_header(struct xfer_request *request, struct arena *arena, const char *name, const char *value)
{
	struct http_header *header = ARENA_NEW(arena, struct http_header);

	*header = (struct http_header){ name, value };
	request->headers = header;
	request->n_headers = 1;
}

void
draft_path(struct buf *url, const char *base, const char *path)
{
	buf_puts(url, base);
	if (!str_ends(str_from(base), STR("/")))
		buf_putc(url, '/');
	buf_puts(url, path);
}

/* ---- the answer -------------------------------------------------------------------- */

/* Any scalar as text; true and false as such. */
static void
read_member(struct json_reader *r, struct arena *arena, char *out, size_t size)
{
	struct str text = STR("");

	if (json_peek(r) == JSON_STRING)
		json_read_str(r, arena, &text);
	else
		json_read_span(r, &text);
	text = str_head(text, (uint32_t)size - 1);
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
}

struct draft_reply
draft_reply(struct str body, const char *first, const char *second)
{
	struct draft_reply reply = { .parsed = false };
	struct arena *arena = arena_new(0);
	struct json_reader r;
	struct str key;

	json_reader_init(&r, body);
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key)) {
		if (str_is(key, first))
			read_member(&r, arena, reply.first, sizeof(reply.first));
		else if (second != NULL && str_is(key, second))
			read_member(&r, arena, reply.second, sizeof(reply.second));
		else
			json_skip(&r);
	}
	reply.parsed = json_finish(&r);
	if (!reply.parsed)
		reply.first[0] = reply.second[0] = '\0';
	arena_free(arena);
	return reply;
}

void
draft_say_refusal(struct verdict *verdict, const struct xfer_response *response, const char *first,
    const char *second)
{
	struct draft_reply reply;

	if (response->failure != ERR_NONE || verdict->kind == DELIVERY_OK)
		return;
	reply = draft_reply(response->body, first, second);
	if (reply.first[0] != '\0' || reply.second[0] != '\0')
		verdict_say(verdict, response->status,
		    str_from(reply.first[0] != '\0' ? reply.first : reply.second));
}

void
draft_retry_after(struct verdict *verdict, struct str body, const char *path)
{
	const char *dot = strchr(path, '.');
	struct str head = dot != NULL ? str_make(path, (size_t)(dot - path)) : str_from(path);
	struct json_reader r;
	struct str key, inner = STR("");
	double seconds;

	json_reader_init(&r, body);
	json_enter(&r, JSON_OBJECT);
	while (inner.n == 0 && json_next_key(&r, &key)) {
		if (str_eq(key, head))
			json_read_span(&r, &inner);
		else
			json_skip(&r);
	}
	if (dot != NULL && inner.n > 0) {
		draft_retry_after(verdict, inner, dot + 1);
		return;
	}
	/* Quoted numbers do happen. */
	if (inner.n > 2 && inner.p[0] == '"')
		inner = str_make(inner.p + 1, inner.n - 2);
	if (!str_to_double(inner, &seconds) || !(seconds >= 0))
		return;
	if (seconds > RETRY_AFTER_SECONDS_MAX)
		seconds = RETRY_AFTER_SECONDS_MAX;
	verdict->has_retry_after = true;
	verdict->retry_after = (dur_t){ (int64_t)(seconds * 1e9) };
}

static struct str
private_part(struct str secret)
{
	uint32_t i = str_starts(secret, STR("https://"))  ? 8
		     : str_starts(secret, STR("http://")) ? 7
							  : 0;

	if (i == 0)
		return secret;
	while (i < secret.n && strchr("/?#", secret.p[i]) == NULL)
		i++;
	return str_make(secret.p + i, secret.n - i);
}

/* Wipes the text. */
static void
hide(struct verdict *verdict, struct buf *text)
{
	struct str part = str_head(private_part(str_trim(buf_str(text))), SECRET_BYTES_KNOWN);
	size_t length = strlen(verdict->text);
	char *found = NULL;

	if (part.n >= SECRET_BYTES_MIN)
		found = memmem(verdict->text, length, part.p, part.n);
	if (found != NULL)
		snprintf(
		    found, sizeof(verdict->text) - (size_t)(found - verdict->text), "<secret>");
	if (text->p != NULL)
		explicit_bzero(text->p, text->cap);
	buf_fini(text);
}

void
draft_hide(struct verdict *verdict, const struct secret *secret)
{
	struct buf text = { 0 };
	struct err err = { 0 };

	if (secret_read(secret, &text, &err) < 0)
		buf_clear(&text);
	hide(verdict, &text);
}

void
draft_hide_text(
    struct verdict *verdict, const struct secret_text *secret, const struct notification *n)
{
	struct buf text = { 0 };
	struct err err = { 0 };

	if (secret_text_put(secret, n, "secret", &text, &err) < 0)
		buf_clear(&text);
	hide(verdict, &text);
}
