/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/preview_print.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json_tokener.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "net/xfer.h"

#define SECRETS_MAX      64
#define SECRET_BYTES_MIN 3 /* shorter ones would blacken the text and hide nothing */
#define HIDDEN           "<secret>"

/* ---- secrets ------------------------------------------------------------------------------ */

struct hidden {
	struct str text, instead;
};

struct secrets {
	struct arena *arena;
	struct hidden items[SECRETS_MAX];
	uint32_t n;
};

static void
hide(struct secrets *secrets, struct str text, struct str instead)
{
	if (text.n < SECRET_BYTES_MIN || secrets->n == SECRETS_MAX)
		return;
	for (uint32_t i = 0; i < secrets->n; i++)
		if (str_eq(secrets->items[i].text, text))
			return;
	secrets->items[secrets->n++] = (struct hidden){ text, instead };
}

/* A URL keeps its scheme and host: they say where it goes. */
static struct str
stand_in(struct secrets *secrets, struct str text)
{
	uint32_t scheme = str_starts(text, STR("https://"))  ? 8
			  : str_starts(text, STR("http://")) ? 7
							     : 0;
	uint32_t host = scheme, end = scheme;

	if (scheme == 0)
		return STR(HIDDEN);
	while (end < text.n && strchr("/?#", text.p[end]) == NULL) {
		if (text.p[end] == '@')
			host = end + 1;
		end++;
	}
	return str_from(arena_printf(secrets->arena, "%.*s%.*s/" HIDDEN, (int)scheme, text.p,
	    (int)(end - host), text.p + host));
}

/* As written, and as URLs and JSON write it. */
static void
add_plain(struct secrets *secrets, struct str plain)
{
	struct buf escaped = { 0 };
	struct str quoted;

	hide(secrets, plain, stand_in(secrets, plain));
	url_escape(&escaped, plain);
	hide(secrets, arena_str(secrets->arena, buf_str(&escaped)), STR(HIDDEN));
	buf_clear(&escaped);
	json_put_str(&escaped, plain);
	quoted = arena_str(secrets->arena, buf_str(&escaped));
	hide(secrets, str_make(quoted.p + 1, quoted.n - 2), STR(HIDDEN));
	buf_fini(&escaped);
}

static void
add_secret(struct secrets *secrets, const struct secret *secret)
{
	struct buf text = { 0 };

	if (secret->value == NULL && secret->file == NULL)
		return;
	if (secret_read(secret, &text, NULL) == 0)
		add_plain(secrets, arena_str(secrets->arena, buf_str(&text)));
	buf_fini(&text);
}

/* What the template of a secret says for this notification. */
static void
add_secret_text(
    struct secrets *secrets, const struct secret_text *secret, const struct notification *n)
{
	struct buf text = { 0 };

	if (secret->text != NULL && n != NULL && message_execute(secret->text, n, &text, NULL) == 0)
		add_plain(secrets, arena_str(secrets->arena, buf_str(&text)));
	buf_fini(&text);
}

static void
find_secrets(struct secrets *secrets, const struct integration_config *integration,
    const struct config_global *global, const struct notification *n)
{
	const struct schema *schema = integration->kind->schema;
	const struct secret *const shared[] = { &global->smtp_auth_password,
		&global->smtp_auth_secret, &global->slack_api_url, &global->slack_app_token,
		&global->opsgenie_api_key.secret, &global->victorops_api_key,
		&global->telegram_bot_token, &global->rocketchat_token,
		&global->rocketchat_token_id, &global->mattermost_webhook_url,
		&global->wechat_api_secret.secret };

	for (size_t i = 0; i < schema->n_fields; i++) {
		const void *member = (const char *)integration->settings + schema->fields[i].offset;

		if (schema->fields[i].kind != FIELD_SECRET)
			continue;
		add_secret(secrets, member);
		if ((schema->fields[i].flags & FIELD_NOTIFICATION) != 0)
			add_secret_text(secrets, member, n);
	}
	if (global->opsgenie_api_key.text != NULL)
		add_secret_text(secrets, &global->opsgenie_api_key, n);
	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		add_secret(secrets, shared[i]);
}

/* The longest that begins here: one secret may be the start of another. */
static const struct hidden *
secret_at(const struct secrets *secrets, struct str rest)
{
	const struct hidden *best = NULL;

	for (uint32_t i = 0; i < secrets->n; i++)
		if (str_starts(rest, secrets->items[i].text) &&
		    (best == NULL || secrets->items[i].text.n > best->text.n))
			best = &secrets->items[i];
	return best;
}

/* Without secrets, and without what would steer a terminal. */
static void
put_safe(const struct secrets *secrets, struct str text, struct buf *out)
{
	for (uint32_t i = 0; i < text.n;) {
		const struct hidden *hidden = secret_at(secrets, str_make(text.p + i, text.n - i));
		unsigned char c = (unsigned char)text.p[i];

		if (hidden != NULL) {
			buf_put_str(out, hidden->instead);
			i += hidden->text.n;
			continue;
		}
		if (c >= ' ' ? c != 0x7f : c == '\n' || c == '\t')
			buf_putc(out, (char)c);
		else if (c != '\r')
			buf_putc(out, '?');
		i++;
	}
}

/* ---- decoding ----------------------------------------------------------------------------- */

/* The byte that mark and two hexadecimal digits stand for at the head of the text, or -1. */
static int
escaped_byte(struct str text, char mark)
{
	if (text.n < 3 || text.p[0] != mark)
		return -1;
	int high = str_hex_digit(text.p[1]), low = str_hex_digit(text.p[2]);
	return high >= 0 && low >= 0 ? high * 16 + low : -1;
}

/* Quoted-printable after the headers; boundaries ("=_...") are no escapes. */
static void
decode_mail(struct str mail, struct buf *out)
{
	const char *blank = memmem(mail.p, mail.n, "\r\n\r\n", 4);
	uint32_t i = blank != NULL ? (uint32_t)(blank - mail.p) : mail.n;

	buf_put(out, mail.p, i);
	while (i < mail.n) {
		struct str rest = str_make(mail.p + i, mail.n - i);
		int byte = escaped_byte(rest, '=');

		if (str_starts(rest, STR("=\r\n"))) {
			i += 3;
		} else if (byte >= 0) {
			buf_putc(out, (char)byte);
			i += 3;
		} else {
			buf_putc(out, mail.p[i++]);
		}
	}
}

/* One parameter a line. */
static void
decode_form(struct str form, struct buf *out)
{
	for (uint32_t i = 0; i < form.n;) {
		int byte = escaped_byte(str_make(form.p + i, form.n - i), '%');
		char c = form.p[i];

		if (byte >= 0)
			buf_putc(out, (char)byte);
		else
			buf_putc(out, c == '&' ? '\n' : c == '+' ? ' ' : c);
		i += byte >= 0 ? 3 : 1;
	}
}

static bool
is_json(const struct xfer_request *request)
{
	return request->kind == XFER_HTTP &&
	       str_starts(str_from(request->content_type), STR("application/json"));
}

static void
decode_body(const struct xfer_request *request, struct buf *out)
{
	struct str type = str_from(request->content_type);
	json_object *json;

	if (request->kind == XFER_SMTP) {
		decode_mail(buf_str(&request->body), out);
	} else if (str_starts(type, STR("application/x-www-form-urlencoded"))) {
		decode_form(buf_str(&request->body), out);
	} else if (is_json(request) &&
		   (json = json_tokener_parse(buf_str(&request->body).p)) != NULL) {
		buf_puts(out, json_object_to_json_string_ext(
				  json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(json);
	} else {
		buf_put_str(out, buf_str(&request->body));
	}
}

/* ---- one integration ------------------------------------------------------------------------ */

struct shown {
	const struct receiver_config *receiver;
	const struct integration_config *integration;
	const struct secrets *secrets;
	struct buf *out;
	json_object *json;
};

static void
add_text(json_object *object, const char *name, const struct buf *text)
{
	json_object_object_add(
	    object, name, json_object_new_string_len(buf_str(text).p, (int)text->n));
}

static json_object *
add_object(const struct shown *s)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, "receiver", json_object_new_string(s->receiver->name));
	json_object_object_add(object, "type", json_object_new_string(s->integration->kind->name));
	json_object_object_add(
	    object, "index", json_object_new_int64((int64_t)s->integration->index));
	json_object_array_add(s->json, object);
	return object;
}

static void
put_title(const struct shown *s)
{
	buf_printf(s->out, "%s── %s: %s[%u]\n", s->out->n > 0 ? "\n" : "", s->receiver->name,
	    s->integration->kind->name, s->integration->index);
}

/* It sends nothing, or nothing over the network: a remark. */
static void
show_remark(const struct shown *s, const char *remark)
{
	if (s->json != NULL) {
		json_object_object_add(add_object(s), "remark", json_object_new_string(remark));
		return;
	}
	put_title(s);
	buf_printf(s->out, "(%s)\n", remark);
}

static void
put_people(const struct shown *s, const struct xfer_request *request)
{
	buf_printf(s->out, "MAIL FROM:<%s>\n", request->smtp.from);
	for (size_t i = 0; i < request->smtp.n_to; i++)
		buf_printf(s->out, "RCPT TO:<%s>\n", request->smtp.to[i]);
}

static void
put_request(const struct shown *s, const struct xfer_request *request, const struct buf *body)
{
	put_title(s);
	if (request->kind == XFER_HTTP)
		buf_printf(s->out, "%s ", request->method);
	put_safe(s->secrets, buf_str(&request->url), s->out);
	buf_putc(s->out, '\n');
	if (request->kind == XFER_SMTP)
		put_people(s, request);
	if (request->kind == XFER_HTTP && request->content_type != NULL)
		buf_printf(s->out, "Content-Type: %s\n", request->content_type);
	for (size_t i = 0; i < request->n_headers; i++) {
		buf_printf(s->out, "%s: ", request->headers[i].name);
		put_safe(s->secrets, str_from(request->headers[i].value), s->out);
		buf_putc(s->out, '\n');
	}
	buf_putc(s->out, '\n');
	put_safe(s->secrets, buf_str(body), s->out);
	if (s->out->n > 0 && s->out->p[s->out->n - 1] != '\n')
		buf_putc(s->out, '\n');
}

static void
add_people(json_object *object, const struct xfer_request *request)
{
	json_object *to = json_object_new_array();

	for (size_t i = 0; i < request->smtp.n_to; i++)
		json_object_array_add(to, json_object_new_string(request->smtp.to[i]));
	json_object_object_add(object, "from", json_object_new_string(request->smtp.from));
	json_object_object_add(object, "to", to);
}

static void
add_request(const struct shown *s, const struct xfer_request *request, const struct buf *body)
{
	json_object *object = add_object(s), *headers = json_object_new_object();
	struct buf text = { 0 };

	if (request->kind == XFER_HTTP)
		json_object_object_add(object, "method", json_object_new_string(request->method));
	put_safe(s->secrets, buf_str(&request->url), &text);
	add_text(object, "url", &text);
	if (request->kind == XFER_SMTP)
		add_people(object, request);
	if (request->kind == XFER_HTTP && request->content_type != NULL)
		json_object_object_add(
		    headers, "Content-Type", json_object_new_string(request->content_type));
	for (size_t i = 0; i < request->n_headers; i++) {
		buf_clear(&text);
		put_safe(s->secrets, str_from(request->headers[i].value), &text);
		add_text(headers, request->headers[i].name, &text);
	}
	json_object_object_add(object, "headers", headers);
	buf_clear(&text);
	put_safe(s->secrets, buf_str(body), &text);
	json_object *parsed = is_json(request) ? json_tokener_parse(buf_str(&text).p) : NULL;
	if (parsed != NULL)
		json_object_object_add(object, "body", parsed);
	else
		add_text(object, "body", &text);
	buf_fini(&text);
}

static int
show_request(const struct shown *s, const struct receiver_ops *ops, const struct notification *n,
    struct err *err)
{
	struct xfer_request *request = xfer_request_new(XFER_HTTP);
	struct notification message = *n;
	struct buf body = { 0 };
	int rc;

	message.step = ops->message_step;
	rc = ops->render(s->integration->settings, &message, s->secrets->arena, request, err);

	if (rc == 0) {
		decode_body(request, &body);
		if (s->json != NULL)
			add_request(s, request, &body);
		else
			put_request(s, request, &body);
	}
	buf_fini(&body);
	xfer_request_free(request);
	return rc;
}

int
preview_put_integration(struct preview *preview, const struct config *config,
    const struct receiver_config *receiver, const struct integration_config *integration,
    struct buf *out, json_object *json, struct err *err)
{
	const struct receiver_ops *ops = receiver_ops_of(integration->kind);
	bool send_resolved = INTEGRATION_COMMON(integration)->send_resolved;
	const struct notification *n = preview_notification(preview, send_resolved);
	struct secrets *secrets = xcalloc(1, sizeof(*secrets));
	struct shown shown = { receiver, integration, secrets, out, json };
	int rc = 0;

	secrets->arena = arena_new(0);
	find_secrets(secrets, integration, &config->global, n);
	if (n == NULL)
		show_remark(&shown, "nothing is sent: no alert fires, and send_resolved is false");
	else if (ops->render == NULL)
		show_remark(
		    &shown, "written by the server itself, to a file or to standard output");
	else
		rc = show_request(&shown, ops, n, err);
	arena_free(secrets->arena);
	free(secrets);
	return rc;
}
