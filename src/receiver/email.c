/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail over SMTP: a complete message, text before HTML.
 *
 * The Message-ID is made of the delivery, the group and the time of the
 * flush: it stays the same when the delivery is tried again, so that a mail
 * that did arrive is not shown twice, and it never comes again after a
 * database was lost.  All mails of a group name a common root and, once
 * known, the group's first mail in References, so that they form a thread.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "base/hash.h"
#include "base/timestamp.h"
#include "receiver/ack_link.h"
#include "receiver/draft.h"
#include "receiver/email_text.h"
#include "receiver/email_thread.h"
#include "config/flag.h"
#include "receiver/mime.h"
#include "receiver/types.h"

#define SUBMISSIONS_PORT "465"

struct email_settings {
	struct integration_common common;
	struct template *to, *from, *html, *text;
	struct template *subject; /* where the user has defined the stock one anew */
	const char *smarthost, *hello;
	const char *auth_username, *auth_identity;
	struct secret auth_password, auth_secret;
	const struct tls_options *tls;
	enum flag require_tls, implicit_tls;
	struct email_threading threading;
	bool ack_links;
	struct template_map headers;
};

/* The sender's and the recipients' addresses. */
struct mail_people {
	struct mailbox *from, *to;
	uint32_t n_from, n_to;
};

static int
read_people(const struct template *t, const struct notification *n, struct arena *arena,
    struct mailbox **ret, uint32_t *ret_n, const char *what, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	message_expand(t, n, &text);
	rc = mime_read_mailboxes(arena, buf_str(&text), ret, ret_n, err);
	buf_fini(&text);
	return rc < 0 ? err_wrap(err, "'%s'", what) : 0;
}

static int
people_of(const struct email_settings *email, const struct notification *n, struct arena *arena,
    struct mail_people *ret, struct err *err)
{
	int rc = read_people(email->from, n, arena, &ret->from, &ret->n_from, "from", err);

	if (rc == 0)
		rc = read_people(email->to, n, arena, &ret->to, &ret->n_to, "to", err);
	return rc;
}

/* ---- headers -------------------------------------------------------------------------- */

static const char *const reserved[] = { "Message-ID", "Date", "References", "In-Reply-To",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding" };

static bool
is_reserved(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (strcasecmp(name, reserved[i]) == 0)
			return true;
	return false;
}

static const struct template_pair *
given_header(const struct email_settings *email, const char *name)
{
	for (uint32_t i = 0; i < email->headers.n; i++)
		if (strcasecmp(email->headers.pairs[i].key, name) == 0)
			return &email->headers.pairs[i];
	return NULL;
}

static bool
is_address_header(const char *name)
{
	static const char *const names[] = { "From", "To", "Cc", "Reply-To", "Sender" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static void
put_given_header(const struct template_pair *pair, const struct notification *n,
    struct arena *arena, struct buf *out)
{
	struct buf text = { 0 };
	struct mailbox *boxes;
	uint32_t count;

	message_expand(pair->template, n, &text);
	if (is_address_header(pair->key) &&
	    mime_read_mailboxes(arena, buf_str(&text), &boxes, &count, NULL) == 0)
		mime_put_mailboxes(out, pair->key, boxes, count);
	else
		mime_put_header(out, pair->key, buf_str(&text));
	buf_fini(&text);
}

static void
put_given_headers(const struct email_settings *email, const struct notification *n,
    struct arena *arena, struct buf *out)
{
	for (uint32_t i = 0; i < email->headers.n; i++)
		if (!is_reserved(email->headers.pairs[i].key))
			put_given_header(&email->headers.pairs[i], n, arena, out);
}

/* What marks a mail as a machine's, unless told otherwise. */
static void
put_default(const struct email_settings *email, const char *name, const char *text, struct buf *out)
{
	if (given_header(email, name) == NULL)
		mime_put_header(out, name, str_from(text));
}

static void
put_headers(const struct email_settings *email, const struct notification *n,
    const struct mail_people *people, const struct mail_ids *ids, struct arena *arena,
    struct buf *out)
{
	char date[TIMESTAMP_TEXT_MAX];
	struct buf subject = { 0 };

	if (given_header(email, "From") == NULL)
		mime_put_mailboxes(out, "From", people->from, people->n_from);
	if (given_header(email, "To") == NULL)
		mime_put_mailboxes(out, "To", people->to, people->n_to);
	if (email->subject != NULL)
		message_expand(email->subject, n, &subject);
	else
		message_subject(n, &subject);
	if (given_header(email, "Subject") == NULL)
		mime_put_header(out, "Subject", buf_str(&subject));
	buf_fini(&subject);
	put_given_headers(email, n, arena, out);
	mime_put_header(out, "Date", str_from(timestamp_format_rfc5322(n->now, date)));
	mime_put_header(out, "Message-ID", str_from(ids->message));
	email_put_thread(&email->threading, n, ids, out);
	put_default(email, "Auto-Submitted", "auto-generated", out);
	put_default(email, "X-Auto-Response-Suppress", "All", out);
	put_default(email, "Precedence", "bulk", out);
	buf_puts(out, "MIME-Version: 1.0\r\n");
}

/* ---- the message ---------------------------------------------------------------------- */

/* False for a part that the configuration empties. */
static bool
part_is_wanted(const struct template *t)
{
	return t == NULL || str_trim(template_text(t)).n > 0;
}

static void
put_part(const char *boundary, const char *type, struct str text, struct buf *out)
{
	buf_printf(out,
	    "--%s\r\nContent-Type: %s; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
	    boundary, type);
	mime_put_quoted_printable(out, text);
}

/* Before the page ends. */
static void
insert_links(const struct notification *n, struct str to, struct buf *page)
{
	static const char end[] = "</body>";
	struct buf tail = { 0 };
	size_t at = page->n;

	for (size_t i = page->n >= sizeof(end) - 1 ? page->n - (sizeof(end) - 1) + 1 : 0; i-- > 0;)
		if (strncasecmp(page->p + i, end, sizeof(end) - 1) == 0) {
			at = i;
			break;
		}
	buf_put(&tail, page->p + at, page->n - at);
	page->n = at;
	email_put_links(n, to, true, page);
	buf_put_str(page, buf_str(&tail));
	buf_fini(&tail);
}

static void
put_parts(const struct email_settings *email, const struct notification *n, struct str to,
    const struct mail_ids *ids, struct arena *arena, struct buf *out)
{
	bool links = email->ack_links && n->firing && n->incident != 0 && n->link_key.n > 0;
	/* "=_" cannot stand in quoted-printable text. */
	const char *boundary =
	    arena_printf(arena, "=_tocsin_%s_%" PRId64, ids->group, n->delivery_id);
	bool html = part_is_wanted(email->html);
	struct buf text = { 0 };

	buf_printf(out,
	    "Content-Type: multipart/alternative;\r\n"
	    " boundary=\"%s\"\r\n\r\n",
	    boundary);
	if (part_is_wanted(email->text) || !html) {
		if (email->text != NULL && part_is_wanted(email->text))
			message_expand(email->text, n, &text);
		else
			email_put_text(n, &text);
		if (links)
			email_put_links(n, to, false, &text);
		put_part(boundary, "text/plain", buf_str(&text), out);
	}
	buf_clear(&text);
	if (html) {
		if (email->html != NULL)
			message_expand_html(email->html, n, &text);
		else
			email_put_html(n, &text);
		if (links)
			insert_links(n, to, &text);
		put_part(boundary, "text/html", buf_str(&text), out);
	}
	buf_printf(out, "--%s--\r\n", boundary);
	buf_fini(&text);
}

static struct str
port_of(const char *smarthost)
{
	const char *colon = strrchr(smarthost, ':');

	return str_from(colon != NULL ? colon + 1 : "");
}

/* An empty identity, or the user's own name, is none. */
static bool
acts_for_another(const struct email_settings *email)
{
	const char *identity = email->auth_identity;

	return identity != NULL && identity[0] != '\0' &&
	    (email->auth_username == NULL || strcmp(identity, email->auth_username) != 0);
}

static void
fill_envelope(const struct email_settings *email, const struct mail_people *people,
    struct arena *arena, struct xfer_request *request)
{
	bool implicit =
	    flag_or(email->implicit_tls, str_is(port_of(email->smarthost), SUBMISSIONS_PORT));
	const char **to = ARENA_ARRAY(arena, people->n_to, const char *);

	for (uint32_t i = 0; i < people->n_to; i++)
		to[i] = people->to[i].address;
	buf_puts(&request->url, implicit ? "smtps://" : "smtp://");
	buf_puts(&request->url, email->smarthost);
	request->smtp.from = people->from[0].address;
	request->smtp.to = to;
	request->smtp.n_to = people->n_to;
	request->smtp.helo = email->hello;
	request->smtp.require_tls = email->require_tls == FLAG_TRUE;
	if (email->tls != NULL)
		request->smtp.tls = *email->tls;
	if (email->auth_username != NULL && email->auth_username[0] != '\0') {
		request->smtp.username = email->auth_username;
		if (acts_for_another(email))
			request->smtp.identity = email->auth_identity;
		request->smtp.password =
		    email->auth_password.value != NULL || email->auth_password.file != NULL
			? email->auth_password
			: email->auth_secret;
	}
}

/* Who a link in the mail is taken for: it does not say which of several has pressed it. */
static struct str
holder_of(const struct notification *n, const struct mail_people *people, struct arena *arena)
{
	if (people->n_to == 1)
		return str_from(people->to[0].address);
	return str_from(arena_printf(arena, "%s (one of %u)", n->receiver, people->n_to));
}

static int
email_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct email_settings *email = settings;
	struct mail_people people;
	struct mail_ids ids;
	int rc = people_of(email, n, arena, &people, err);

	if (rc < 0)
		return rc;
	request->kind = XFER_SMTP;
	ids = email_ids(&email->threading, n, people.from[0].address, arena);
	fill_envelope(email, &people, arena, request);
	put_headers(email, n, &people, &ids, arena, &request->body);
	put_parts(email, n, holder_of(n, &people, arena), &ids, arena, &request->body);
	return 0;
}

/* ---- the answer ----------------------------------------------------------------------- */

/* The group's first mail, for those to come. */
static void
keep_thread(
    const struct email_settings *email, const struct notification *n, struct verdict *verdict)
{
	struct arena *arena = arena_new(0);
	struct mailbox *from;
	uint32_t count;
	struct str thread = n->thread;

	if (thread.n == 0 && read_people(email->from, n, arena, &from, &count, "from", NULL) == 0)
		thread = str_from(email_ids(&email->threading, n, from[0].address, arena).message);
	snprintf(verdict->thread, sizeof(verdict->thread), "%.*s", STR_ARG(thread));
	arena_free(arena);
}

/*
 * The server's code and words: 2xx taken, 4xx later, 5xx never.  Its reply
 * line repeats the code.
 */
static struct verdict
email_classify(
    const void *settings, const struct notification *n, const struct xfer_response *response)
{
	const struct email_settings *email = settings;
	struct verdict verdict = { .kind = DELIVERY_OK };
	struct str reply = str_trim(response->body);

	if (response->failure != ERR_NONE)
		return message_classify_http(response);
	if (response->status >= 500)
		verdict.kind = DELIVERY_REJECTED;
	else if (response->status >= 400)
		verdict.kind = DELIVERY_RETRY;
	if (reply.n >= 3 && reply.p[0] >= '2' && reply.p[0] <= '5')
		reply = str_trim(str_make(reply.p + 3, reply.n - 3));
	verdict_say(&verdict, response->status, reply);
	draft_hide(&verdict, &email->auth_password);
	if (verdict.kind == DELIVERY_OK)
		keep_thread(settings, n, &verdict);
	return verdict;
}

/* ---- settings ------------------------------------------------------------------------- */

/* host:port, [v6]:port; nothing that would mean more in a URL. */
static bool
smarthost_is_good(const char *smarthost)
{
	struct str all = str_from(smarthost), port = port_of(smarthost);
	uint32_t host = all.n - port.n;
	int64_t number;

	if (host < 2 || !str_to_i64(port, &number) || number < 1 || number > 65535)
		return false;
	for (uint32_t i = 0; i < all.n; i++)
		if (smarthost[i] <= ' ' || smarthost[i] > '~' ||
		    strchr("/@?#\\\"<>%", smarthost[i]) != NULL)
			return false;
	/* An IPv6 address has colons of its own: it wants brackets. */
	return memchr(smarthost, ':', host - 1) == NULL ||
	       (smarthost[0] == '[' && smarthost[host - 2] == ']');
}

static bool
has_secret(const struct secret *secret)
{
	return secret->value != NULL || secret->file != NULL;
}

static void
inherit(
    struct schema_context *ctx, struct email_settings *email, const struct config_global *global)
{
	struct err err = { .at = ERR_NOWHERE };

	if (email->from == NULL && global->smtp_from != NULL &&
	    (email->from = template_parse_with(
		 ctx->arena, str_from(global->smtp_from), ctx->templates, &err)) == NULL)
		diag_error(ctx->diag, global->pos, "smtp_from: %s", err.text);
	if (email->smarthost == NULL)
		email->smarthost = global->smtp_smarthost;
	if (email->hello == NULL)
		email->hello = global->smtp_hello;
	if (email->auth_username == NULL)
		email->auth_username = global->smtp_auth_username;
	if (email->auth_identity == NULL)
		email->auth_identity = global->smtp_auth_identity;
	if (!has_secret(&email->auth_password) && !has_secret(&email->auth_secret)) {
		email->auth_password = global->smtp_auth_password;
		email->auth_secret = global->smtp_auth_secret;
	}
	if (email->tls == NULL)
		email->tls = global->smtp_tls;
	if (email->require_tls == FLAG_ABSENT)
		email->require_tls = global->smtp_require_tls ? FLAG_TRUE : FLAG_FALSE;
	if (email->implicit_tls == FLAG_ABSENT)
		email->implicit_tls = global->smtp_force_implicit_tls;
}

/* An address without {{ }} is checked now, not at three in the morning. */
static void
check_addresses(
    struct schema_context *ctx, const struct template *t, const char *what, struct pos pos)
{
	struct mailbox *boxes;
	uint32_t n;
	struct err err;

	if (t != NULL && template_is_constant(t) &&
	    mime_read_mailboxes(ctx->arena, template_text(t), &boxes, &n, &err) < 0)
		diag_error(ctx->diag, pos, "'%s': %s", what, err.text);
}

static void
check_headers(struct schema_context *ctx, const struct email_settings *email)
{
	const struct template_pair *pairs = email->headers.pairs;

	for (uint32_t i = 0; i < email->headers.n; i++) {
		if (!mime_header_name_is_good(str_from(pairs[i].key)))
			diag_error(ctx->diag, pairs[i].key_pos,
			    "'%.60s' cannot be the name of a header", pairs[i].key);
		else if (is_reserved(pairs[i].key))
			diag_warning(ctx->diag, pairs[i].key_pos,
			    "the header %s is made by Tocsin; this one is "
			    "left out",
			    pairs[i].key);
		for (uint32_t k = 0; k < i; k++)
			if (strcasecmp(pairs[i].key, pairs[k].key) == 0)
				diag_error(ctx->diag, pairs[i].key_pos,
				    "the header '%s' is given twice: names "
				    "of headers do not tell case",
				    pairs[i].key);
	}
}

static void
email_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct email_settings *email = settings;
	struct pos pos = email->common.pos;
	bool had_from;

	inherit(ctx, email, global);
	had_from = email->from != NULL;
	email->subject = schema_stock_template(ctx, pos, "email.default.subject");
	if (email->smarthost == NULL || email->smarthost[0] == '\0')
		diag_error(ctx->diag, pos,
		    "no mail server: give smarthost or global.smtp_smarthost "
		    "as host:port");
	else if (!smarthost_is_good(email->smarthost))
		diag_error(ctx->diag, pos, "the mail server '%.80s' is not of the form host:port",
		    email->smarthost);
	if (!had_from && global->smtp_from == NULL)
		diag_error(ctx->diag, pos, "no sender: give from or global.smtp_from");
	check_addresses(ctx, email->from, "from", pos);
	check_addresses(ctx, email->to, "to", pos);
	check_headers(ctx, email);
}

/* clang-format off */
static const struct schema_field email_fields[] = {
	{ .name = "send_resolved", .kind = FIELD_BOOL, .fallback = "false",
	    .offset = offsetof(struct email_settings, common.send_resolved),
	    .doc = "Tell when the alerts are over, too." },
	{ .name = "to", .kind = FIELD_TEMPLATE, .flags = FIELD_REQUIRED | FIELD_NOTIFICATION,
	    .offset = offsetof(struct email_settings, to),
	    .doc = "Recipients, separated by commas." },
	{ .name = "from", .kind = FIELD_TEMPLATE, .flags = FIELD_NOTIFICATION,
	    .offset = offsetof(struct email_settings, from),
	    .doc = "Sender; else global.smtp_from." },
	{ .name = "smarthost", .kind = FIELD_STRING,
	    .offset = offsetof(struct email_settings, smarthost),
	    .doc = "Mail server as host:port; else global.smtp_smarthost. Port 465 speaks TLS from the start." },
	{ .name = "hello", .kind = FIELD_STRING,
	    .offset = offsetof(struct email_settings, hello),
	    .doc = "Name to greet the server with; else global.smtp_hello." },
	{ .name = "auth_username", .kind = FIELD_STRING,
	    .offset = offsetof(struct email_settings, auth_username),
	    .doc = "User name; no authentication when absent here and in global." },
	{ .name = "auth_password", .kind = FIELD_SECRET,
	    .offset = offsetof(struct email_settings, auth_password),
	    .doc = "Password." },
	{ .name = "auth_secret", .kind = FIELD_SECRET,
	    .offset = offsetof(struct email_settings, auth_secret),
	    .doc = "Secret for CRAM-MD5, used when there is no password." },
	{ .name = "auth_identity", .kind = FIELD_STRING,
	    .offset = offsetof(struct email_settings, auth_identity),
	    .doc = "Whom to act as (PLAIN), other than the user; else global.smtp_auth_identity." },
	{ .name = "require_tls", .kind = FIELD_CUSTOM, .custom = flag_read, .json_schema = FLAG_JSON_SCHEMA,
	    .offset = offsetof(struct email_settings, require_tls),
	    .doc = "Send only over TLS; else global.smtp_require_tls." },
	{ .name = "tls_config", .kind = FIELD_SUB, .sub = &schema_tls_config,
	    .offset = offsetof(struct email_settings, tls),
	    .doc = "TLS of the connection; else global.smtp_tls_config." },
	{ .name = "force_implicit_tls", .kind = FIELD_CUSTOM, .custom = flag_read, .json_schema = FLAG_JSON_SCHEMA,
	    .offset = offsetof(struct email_settings, implicit_tls),
	    .doc = "TLS from the start (true) or STARTTLS (false), whatever the port; else "
		   "global.smtp_force_implicit_tls." },
	{ .name = "headers", .kind = FIELD_TEMPLATE_MAP, .flags = FIELD_NOTIFICATION,
	    .offset = offsetof(struct email_settings, headers),
	    .doc = "Headers to add or to replace, such as Subject." },
	{ .name = "html", .kind = FIELD_TEMPLATE, .flags = FIELD_NOTIFICATION,
	    .stock = "email.default.html",
	    .offset = offsetof(struct email_settings, html),
	    .doc = "HTML part; empty: none; our own when absent." },
	{ .name = "text", .kind = FIELD_TEMPLATE, .flags = FIELD_NOTIFICATION,
	    .offset = offsetof(struct email_settings, text),
	    .doc = "Text part; empty: none; our own when absent." },
	{ .name = "ack_links", .kind = FIELD_BOOL, .flags = FIELD_OURS, .fallback = "false",
	    .offset = offsetof(struct email_settings, ack_links),
	    .doc = "Mails of incidents carry links that acknowledge or snooze: signed, good once and for three days. "
		   "Who opens one asks --web.external-url; whoever has the mail can use them. "
		   "What is done by one counts as the recipient's, or as the receiver's where there are several." },
	{ .name = "threading", .kind = FIELD_EMBED, .sub = &email_schema_threading,
	    .offset = offsetof(struct email_settings, threading),
	    .doc = "How mails of one group form a thread." },
};
/* clang-format on */

static const struct schema email_schema = {
	.name = "email_configs",
	.doc = "A mail through an SMTP server.",
	.size = sizeof(struct email_settings),
	SCHEMA_FIELDS(email_fields),
	.pos_offset = offsetof(struct email_settings, common.pos) + 1,
};

const struct integration_kind receiver_email_kind = {
	.name = "email",
	.schema = &email_schema,
	.finish = email_finish,
};

const struct receiver_ops receiver_email = {
	.kind = &receiver_email_kind,
	.render = email_render,
	.classify = email_classify,
};
