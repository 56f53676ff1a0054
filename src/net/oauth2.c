/* SPDX-License-Identifier: Apache-2.0 */
/* Forms and answers of token servers: see oauth2.h. */
#include "config.h"

#include "net/oauth2.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "net/easy.h"
#include "net/xfer.h"

#define SAYS_BYTES_MAX 120
#define LIFETIME_MAX   (365.0 * 86400)
/* A token that is about to expire is not used any more. */
#define MARGIN         DUR_S(10)

static void
form_put(struct buf *form, const char *name, const char *value)
{
	if (form->n > 0)
		buf_putc(form, '&');
	url_escape(form, str_from(name));
	buf_putc(form, '=');
	url_escape(form, str_from(value));
}

static void
form_put_scopes(struct buf *form, const struct oauth2_options *options)
{
	struct buf scopes = { 0 };

	for (size_t i = 0; i < options->n_scopes; i++) {
		if (i > 0)
			buf_putc(&scopes, ' ');
		buf_puts(&scopes, options->scopes[i]);
	}
	if (scopes.n > 0)
		form_put(form, "scope", scopes.p);
	buf_fini(&scopes);
}

static void
wipe(struct buf *buf)
{
	if (buf->p != NULL)
		explicit_bzero(buf->p, buf->cap);
	buf_fini(buf);
}

int
oauth2_ask_make(struct oauth2_ask *ask, const struct oauth2_options *options,
    bool in_form, struct err *err)
{
	struct buf secret = { 0 };
	int rc = secret_read(&options->client_secret, &secret, err);

	if (rc < 0)
		return err_wrap(err, "client_secret");
	*ask = (struct oauth2_ask){ .http = options->http };
	form_put(&ask->body, "grant_type", "client_credentials");
	form_put_scopes(&ask->body, options);
	for (size_t i = 0; i < options->n_params; i++)
		form_put(&ask->body, options->params[i].name,
		    options->params[i].value);
	if (in_form) {
		form_put(&ask->body, "client_id", options->client_id);
		form_put(
		    &ask->body, "client_secret", secret.n > 0 ? secret.p : "");
	} else {
		/* RFC 6749, 2.3.1: form-encoded, then as in basic auth. */
		url_escape(&ask->user, str_from(options->client_id));
		url_escape(&ask->password, buf_str(&secret));
		ask->http.basic_username = ask->user.n > 0 ? ask->user.p : "";
		ask->http.basic_password = (struct secret){
			.value = ask->password.n > 0 ? ask->password.p : ""
		};
	}
	wipe(&secret);
	return 0;
}

void
oauth2_ask_fini(struct oauth2_ask *ask)
{
	wipe(&ask->body);
	wipe(&ask->user);
	wipe(&ask->password);
}

int
oauth2_identity(
    const struct oauth2_options *options, struct buf *out, struct err *err)
{
	buf_puts(out, options->token_url);
	buf_put(out, "", 1);
	buf_puts(out, options->client_id);
	buf_put(out, "", 1);
	if (secret_read(&options->client_secret, out, err) < 0)
		return err_wrap(err, "oauth2 client_secret");
	buf_put(out, "", 1);
	form_put_scopes(out, options);
	for (size_t i = 0; i < options->n_params; i++)
		form_put(
		    out, options->params[i].name, options->params[i].value);
	return 0;
}

bool
oauth2_may_want_form(int status)
{
	return status == 400 || status == 401 || status == 403;
}

int
oauth2_wrap(const struct oauth2_options *options, struct err *err)
{
	struct buf where = { 0 };
	int rc;

	url_redact(&where, str_from(options->token_url));
	rc = err_wrap(err, "token from %.80s", where.n > 0 ? where.p : "");
	buf_fini(&where);
	return rc;
}

struct answer {
	struct str token, type, error, description;
	double expires_in;
};

/* Zero is also what a server means that says nothing. */
static void
read_seconds(struct json_reader *r, struct arena *arena, double *ret)
{
	struct str text;

	if (json_peek(r) == JSON_STRING) {
		if (json_read_str(r, arena, &text) &&
		    !str_to_double(text, ret))
			*ret = 0;
	} else if (json_peek(r) == JSON_NUMBER) {
		json_read_double(r, ret);
	} else {
		json_skip(r);
	}
}

static bool
read_members(struct str body, struct arena *arena, struct answer *ret)
{
	struct json_reader r;
	struct str key;

	json_reader_init(&r, body);
	if (json_peek(&r) != JSON_OBJECT)
		return false;
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key)) {
		struct str *text = str_is(key, "access_token") ? &ret->token
				   : str_is(key, "token_type") ? &ret->type
				   : str_is(key, "error")      ? &ret->error
				   : str_is(key, "error_description")
				       ? &ret->description
				       : NULL;

		if (text != NULL && json_peek(&r) == JSON_STRING)
			json_read_str(&r, arena, text);
		else if (str_is(key, "expires_in"))
			read_seconds(&r, arena, &ret->expires_in);
		else
			json_skip(&r);
	}
	return json_finish(&r);
}

static int
refused(int status, const struct answer *answer, struct err *err)
{
	struct str says = str_head(answer->error, SAYS_BYTES_MAX);
	struct str more = str_head(answer->description, SAYS_BYTES_MAX);
	char text[2 * SAYS_BYTES_MAX + 8] = "";
	int n = 0;

	if (says.n > 0)
		n = snprintf(text, sizeof(text), ": %.*s", STR_ARG(says));
	if (more.n > 0)
		snprintf(
		    text + n, sizeof(text) - (size_t)n, ": %.*s", STR_ARG(more));
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	return err_set(err, ERR_REMOTE, "status %d%s", status, text);
}

/* How the type is written in the header, whatever the answer's case. */
static struct str
scheme_of(struct str type)
{
	static const char *const known[] = { "Bearer", "MAC", "Basic" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strlen(known[i]) == type.n &&
		    strncasecmp(known[i], type.p, type.n) == 0)
			return str_from(known[i]);
	return type.n > 0 ? type : STR("Bearer");
}

static dur_t
lifetime_of(double seconds)
{
	dur_t all;

	if (!(seconds > 0))
		return (dur_t){ 0 };
	if (seconds > LIFETIME_MAX)
		seconds = LIFETIME_MAX;
	all.ns = (int64_t)(seconds * 1e9);
	/* Of a short one half is used, or it would be asked for each time. */
	return all.ns > 2 * MARGIN.ns ? (dur_t){ all.ns - MARGIN.ns }
				      : (dur_t){ all.ns / 2 + 1 };
}

static int
answer_use(int status, const struct answer *answer, char **ret_authorization,
    dur_t *ret_lifetime, struct err *err)
{
	struct buf header = { 0 };

	if (status / 100 != 2)
		return refused(status, answer, err);
	if (answer->token.n == 0)
		return err_set(err, ERR_REMOTE,
		    "no access_token in the answer%s%.*s",
		    answer->error.n > 0 ? ": " : "",
		    STR_ARG(str_head(answer->error, SAYS_BYTES_MAX)));
	buf_put_str(&header, scheme_of(answer->type));
	buf_putc(&header, ' ');
	buf_put_str(&header, answer->token);
	if (strlen(header.p) != header.n || !easy_line_is_clean(header.p)) {
		wipe(&header);
		return err_set(
		    err, ERR_REMOTE, "the token holds control characters");
	}
	*ret_authorization = buf_take(&header);
	*ret_lifetime = lifetime_of(answer->expires_in);
	return 0;
}

int
oauth2_answer_read(const struct oauth2_options *options, int status,
    struct str body, char **ret_authorization, dur_t *ret_lifetime,
    struct err *err)
{
	struct arena *arena = arena_new(0);
	struct answer answer = { .token = STR(""), .type = STR(""),
		.error = STR(""), .description = STR("") };
	bool is_json = read_members(body, arena, &answer);
	int rc;

	if (is_json || status / 100 != 2)
		rc = answer_use(
		    status, &answer, ret_authorization, ret_lifetime, err);
	else
		rc = err_set(err, ERR_REMOTE, "the answer is no JSON object");
	arena_free(arena);
	return rc < 0 ? oauth2_wrap(options, err) : 0;
}
