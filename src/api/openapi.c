/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAPI document, made from the table of endpoints.
 *
 * OpenAPI 3.0, which every tool reads.  The role an endpoint asks for is in
 * x-tocsin-role, in a form for programs; tests/e2e/test_access.py takes every
 * endpoint from here and tries it in every role.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "api/endpoint.h"
#include "api/handlers.h"
#include "base/json.h"

/* Lines and commas of an indented document. */
struct writer {
	struct buf *out;
	unsigned depth;
	bool first;
};

static void
next(struct writer *w)
{
	if (!w->first)
		buf_putc(w->out, ',');
	buf_putc(w->out, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		buf_puts(w->out, "  ");
	w->first = false;
}

static void
key(struct writer *w, const char *name)
{
	next(w);
	json_put_str(w->out, str_from(name));
	buf_puts(w->out, ": ");
}

static void
enter(struct writer *w, char bracket)
{
	buf_putc(w->out, bracket);
	w->depth++;
	w->first = true;
}

static void
leave(struct writer *w, char bracket)
{
	w->depth--;
	if (!w->first) {
		w->first = true;
		next(w);
	}
	buf_putc(w->out, bracket);
	w->first = false;
}

static void
enter_key(struct writer *w, const char *name)
{
	key(w, name);
	enter(w, '{');
}

static void
text(struct writer *w, const char *name, const char *value)
{
	key(w, name);
	json_put_str(w->out, str_from(value));
}

/* --- types --------------------------------------------------------------------- */

static const struct {
	const char *name, *type, *format;
} scalars[] = {
	{ "string", "string", NULL },
	{ "integer", "integer", "int64" },
	{ "number", "number", "double" },
	{ "boolean", "boolean", NULL },
	{ "time", "string", "date-time" },
	{ "uuid", "string", "uuid" },
};

static bool
put_scalar(struct buf *out, struct str type)
{
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++) {
		if (!str_is(type, scalars[i].name))
			continue;
		buf_printf(out, "\"type\": \"%s\"", scalars[i].type);
		if (scalars[i].format != NULL)
			buf_printf(out, ", \"format\": \"%s\"", scalars[i].format);
		return true;
	}
	return false;
}

static bool
is_shape(struct str name)
{
	for (size_t i = 0; i < api_n_shapes; i++)
		if (str_is(name, api_shapes[i].name))
			return true;
	return false;
}

static void
put_words(struct buf *out, struct str words)
{
	buf_puts(out, "\"type\": \"string\", \"enum\": [");
	for (uint32_t i = 0, begin = 0; i <= words.n; i++) {
		if (i < words.n && words.p[i] != '|')
			continue;
		if (begin > 0)
			buf_puts(out, ", ");
		json_put_str(out, str_make(words.p + begin, i - begin));
		begin = i + 1;
	}
	buf_putc(out, ']');
}

/* The inside of a schema's braces. */
static void
put_type(struct buf *out, struct str type)
{
	bool nullable = type.n > 0 && type.p[type.n - 1] == '?';
	struct str inner;

	if (nullable)
		type.n--;
	inner = type.n > 2 ? str_make(type.p + 1, type.n - 2) : STR("");
	if (type.p[0] == '[') {
		buf_puts(out, "\"type\": \"array\", \"items\": {");
		put_type(out, inner);
		buf_putc(out, '}');
	} else if (type.p[0] == '{') {
		buf_puts(out, "\"type\": \"object\", \"additionalProperties\": {");
		put_type(out, inner);
		buf_putc(out, '}');
	} else if (str_is(type, "any") || put_scalar(out, type)) {
		; /* anything, or written */
	} else if (is_shape(type)) {
		/* A reference may have nothing beside it. */
		buf_printf(out, "%s\"$ref\": \"#/components/schemas/%.*s\"%s",
		    nullable ? "\"allOf\": [{" : "", STR_ARG(type), nullable ? "}]" : "");
	} else {
		put_words(out, type);
	}
	if (nullable && !str_is(type, "any"))
		buf_puts(out, ", \"nullable\": true");
}

static void
put_member(struct writer *w, const struct api_member *m)
{
	struct str type = str_from(m->type);
	size_t begin;

	key(w, m->name);
	buf_putc(w->out, '{');
	begin = w->out->n;
	/* A reference may have nothing beside it. */
	if (is_shape(type) && m->doc[0] != '\0')
		buf_puts(w->out, "\"allOf\": [{");
	put_type(w->out, type);
	if (is_shape(type) && m->doc[0] != '\0')
		buf_puts(w->out, "}]");
	if (m->doc[0] != '\0') {
		buf_puts(w->out, w->out->n > begin ? ", \"description\": " : "\"description\": ");
		json_put_str(w->out, str_from(m->doc));
	}
	buf_putc(w->out, '}');
}

static void
put_shape(struct writer *w, const struct api_shape *shape)
{
	const struct api_member *m;
	bool any = false;

	enter_key(w, shape->name);
	text(w, "type", "object");
	text(w, "description", shape->doc);
	for (m = shape->members; m->name != NULL; m++) {
		if (m->optional)
			continue;
		if (!any)
			key(w, "required");
		buf_puts(w->out, any ? ", " : "[");
		json_put_str(w->out, str_from(m->name));
		any = true;
	}
	if (any)
		buf_putc(w->out, ']');
	enter_key(w, "properties");
	for (m = shape->members; m->name != NULL; m++)
		put_member(w, m);
	leave(w, '}');
	leave(w, '}');
}

/* --- operations ------------------------------------------------------------------ */

static void
put_default(struct buf *out, const struct api_param *param)
{
	bool is_bare = strcmp(param->type, "integer") == 0 || strcmp(param->type, "number") == 0 ||
		       strcmp(param->type, "boolean") == 0;

	buf_puts(out, ", \"default\": ");
	if (is_bare)
		buf_puts(out, param->fallback);
	else
		json_put_str(out, str_from(param->fallback));
}

static void
put_param(struct writer *w, const struct api_param *param)
{
	next(w);
	enter(w, '{');
	text(w, "name", param->name);
	text(w, "in", param->in_path ? "path" : "query");
	if (param->in_path) {
		key(w, "required");
		buf_puts(w->out, "true");
	}
	text(w, "description", param->doc);
	key(w, "schema");
	buf_putc(w->out, '{');
	put_type(w->out, str_from(param->type));
	if (param->min != 0)
		buf_printf(w->out, ", \"minimum\": %lld", (long long)param->min);
	if (param->max != 0 && param->max != INT64_MAX)
		buf_printf(w->out, ", \"maximum\": %lld", (long long)param->max);
	if (param->fallback != NULL)
		put_default(w->out, param);
	buf_putc(w->out, '}');
	leave(w, '}');
}

static void
put_content(struct writer *w, const char *type)
{
	bool plain = strcmp(type, "text") == 0, html = strcmp(type, "html") == 0;

	enter_key(w, "content");
	enter_key(w, plain ? "text/plain" : html ? "text/html" : "application/json");
	key(w, "schema");
	buf_putc(w->out, '{');
	put_type(w->out, str_from(plain || html ? "string" : type));
	buf_putc(w->out, '}');
	leave(w, '}');
	leave(w, '}');
}

static void
put_answer(struct writer *w, const struct api_answer *answer)
{
	char status[8];

	snprintf(status, sizeof(status), "%d", answer->status);
	enter_key(w, status);
	text(w, "description", answer->doc);
	if (answer->type != NULL)
		put_content(w, answer->type);
	leave(w, '}');
}

static const struct api_answer refusals[] = {
	{ 401, "refusal", "Who asks is not known" },
	{ 403, "refusal", "The role is not enough" },
	{ 429, "refusal", "Too many failed logins from this address" },
};

static void
put_answers(struct writer *w, const struct endpoint *e)
{
	enter_key(w, "responses");
	for (const struct api_answer *a = e->answers; a->status != 0; a++)
		put_answer(w, a);
	for (size_t i = 0; e->role != ROLE_NONE && i < ARRAY_LEN(refusals); i++)
		put_answer(w, &refusals[i]);
	leave(w, '}');
}

static const char *
tag_of(const struct endpoint *e)
{
	if (strncmp(e->path, "/api/v2/", 8) == 0)
		return "Alertmanager";
	if (strncmp(e->path, "/api/v1/", 8) == 0)
		return "Prometheus";
	return strncmp(e->path, "/api/", 5) == 0 ? "Tocsin" : "Operation";
}

static void
put_operation(struct writer *w, const struct endpoint *e)
{
	char method[16];
	size_t n = 0;

	for (; e->method[n] != '\0' && n < sizeof(method) - 1; n++)
		method[n] = (char)(e->method[n] | 0x20);
	method[n] = '\0';
	enter_key(w, method);
	text(w, "operationId", e->name);
	key(w, "tags");
	buf_printf(w->out, "[\"%s\"]", tag_of(e));
	text(w, "summary", e->summary);
	text(w, "x-tocsin-role", role_name(e->role));
	if (e->role == ROLE_NONE) {
		key(w, "security");
		buf_puts(w->out, "[]");
	}
	if (e->params != NULL) {
		key(w, "parameters");
		enter(w, '[');
		for (const struct api_param *p = e->params; p->name != NULL; p++)
			put_param(w, p);
		leave(w, ']');
	}
	if (e->body != NULL) {
		enter_key(w, "requestBody");
		key(w, "required");
		buf_puts(w->out, "true");
		put_content(w, e->body);
		leave(w, '}');
	}
	put_answers(w, e);
	leave(w, '}');
}

static bool
is_first_of_path(size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(api_endpoints[k].path, api_endpoints[i].path) == 0)
			return false;
	return true;
}

static void
put_paths(struct writer *w)
{
	enter_key(w, "paths");
	for (size_t i = 0; i < api_n_endpoints; i++) {
		if (!is_first_of_path(i))
			continue;
		enter_key(w, api_endpoints[i].path);
		for (size_t k = i; k < api_n_endpoints; k++)
			if (strcmp(api_endpoints[k].path, api_endpoints[i].path) == 0)
				put_operation(w, &api_endpoints[k]);
		leave(w, '}');
	}
	leave(w, '}');
}

static void
put_components(struct writer *w)
{
	enter_key(w, "components");
	enter_key(w, "securitySchemes");
	enter_key(w, "basic");
	text(w, "type", "http");
	text(w, "scheme", "basic");
	text(w, "description", "A user of basic_auth_users in --web.config.file");
	leave(w, '}');
	enter_key(w, "bearer");
	text(w, "type", "http");
	text(w, "scheme", "bearer");
	text(w, "description", "One of tokens in --web.config.file");
	leave(w, '}');
	leave(w, '}');
	enter_key(w, "schemas");
	for (size_t i = 0; i < api_n_shapes; i++)
		put_shape(w, &api_shapes[i]);
	leave(w, '}');
	leave(w, '}');
}

void
api_put_openapi(struct buf *out)
{
	struct writer w = { .out = out };

	enter(&w, '{');
	text(&w, "openapi", "3.0.3");
	enter_key(&w, "info");
	text(&w, "title", "Tocsin");
	text(&w, "version", PACKAGE_VERSION);
	text(&w, "description",
	    "Alertmanager's API v2, Prometheus' rules API, and what neither has. Without a web "
	    "configuration nobody needs credentials. x-tocsin-role names the role that an "
	    "operation asks for: viewer < responder < editor < admin, each may what those before "
	    "it may; sender may post alerts and heartbeats and nothing else, which responders may, "
	    "too; none: no credentials.");
	enter_key(&w, "license");
	text(&w, "name", "Apache-2.0");
	text(&w, "url", "https://www.apache.org/licenses/LICENSE-2.0");
	leave(&w, '}');
	leave(&w, '}');
	key(&w, "servers");
	buf_puts(out, "[{\"url\": \"/\"}]");
	key(&w, "security");
	buf_puts(out, "[{\"basic\": []}, {\"bearer\": []}]");
	put_paths(&w);
	put_components(&w);
	leave(&w, '}');
	buf_putc(out, '\n');
}
