/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a POST brings: JSON, read by its handler or here as an object.
 *
 * Texts go on as C strings, to the store, to templates and to receivers, so a
 * NUL character in one is refused: what follows it would be lost unseen.
 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include <json-c/json_object.h>
#include <json-c/json_tokener.h>

#include "api/handlers.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/timestamp.h"

/* The first \u0000 that is an escape; NULL: none. */
static const char *
nul_escape(struct str json)
{
	const char *end = json.p + json.n, *p = json.p;

	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL && end - p >= 6) {
		if (memcmp(p + 1, "u0000", 5) == 0)
			return p;
		p += 2;
	}
	return NULL;
}

static bool
is_json_type(const char *content_type)
{
	struct str type = str_from(content_type != NULL ? content_type : "");
	const char *semicolon = type.n > 0 ? memchr(type.p, ';', type.n) : NULL;

	if (semicolon != NULL)
		type.n = (uint32_t)(semicolon - type.p);
	type = str_trim(type);
	return type.n == 16 && strncasecmp(type.p, "application/json", 16) == 0;
}

bool
body_is_json(struct http_call *call, const char *what)
{
	const char *type = http_header_value(call, "Content-Type"), *at;

	if (http_body(call).n == 0) {
		reply_code(call, 422, 602, "%s in body is required", what);
		return false;
	}
	if (!is_json_type(type)) {
		reply_code(call, 415, 415,
		    "unsupported media type \"%s\", only [application/json] are allowed",
		    type != NULL ? type : "application/octet-stream");
		return false;
	}
	at = nul_escape(http_body(call));
	if (at != NULL)
		reply_code(call, 400, 400,
		    "parsing %s body: a NUL character, \\u0000, at byte %zu; no text here has one",
		    what, (size_t)(at - http_body(call).p));
	return at == NULL;
}

/* What is wrong with the text; NULL: nothing. */
static const char *
fault_of(struct json_tokener *tokener, const json_object *object, struct str rest)
{
	enum json_tokener_error error = json_tokener_get_error(tokener);

	if (object != NULL && str_trim(rest).n > 0)
		return "text after the end of the value";
	if (error == json_tokener_continue)
		return "the text ends too early";
	if (error != json_tokener_success)
		return json_tokener_error_desc(error);
	return json_object_is_type(object, json_type_object) ? NULL : "an object is wanted";
}

struct json_object *
body_object(struct http_call *call, const char *what)
{
	struct str body = http_body(call);
	struct json_tokener *tokener;
	json_object *object;
	const char *fault;
	uint32_t end;

	if (!body_is_json(call, what))
		return NULL;
	tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	object = json_tokener_parse_ex(tokener, body.p, (int)body.n);
	end = (uint32_t)json_tokener_get_parse_end(tokener);
	fault = fault_of(tokener, object, str_make(body.p + end, body.n - end));
	json_tokener_free(tokener);
	if (fault == NULL)
		return object;
	reply_code(call, 400, 400, "parsing %s body: %s", what, fault);
	json_object_put(object);
	return NULL;
}

struct json_object *
body_object_or_none(struct http_call *call, const char *what)
{
	return str_trim(http_body(call)).n > 0 ? body_object(call, what) : json_object_new_object();
}

const char *
body_text(struct http_call *call, struct json_object *object, const char *name)
{
	json_object *value = NULL;

	if (!json_object_object_get_ex(object, name, &value) || value == NULL)
		return "";
	if (json_object_is_type(value, json_type_string))
		return json_object_get_string(value);
	reply_code(call, 422, 601, "%s in body must be of type string", name);
	return NULL;
}

bool
body_until(struct http_call *call, struct json_object *object, wall_t now, wall_t *ret)
{
	const char *length = body_text(call, object, "for"), *until;
	struct err err = { 0 };
	dur_t d;

	*ret = WALL_NONE;
	if (length == NULL || (until = body_text(call, object, "until")) == NULL)
		return false;
	if (length[0] != '\0' && until[0] != '\0') {
		reply_code(call, 400, 400, "give 'for' or 'until', not both");
		return false;
	}
	if (length[0] != '\0') {
		if (duration_parse(str_from(length), &d, &err) < 0 || d.ns <= 0) {
			reply_code(call, 400, 400,
			    "for: '%s' is no duration above 0 such as 1h or 30m", length);
			return false;
		}
		*ret = wall_add(now, d);
	} else if (until[0] != '\0' && !timestamp_parse(str_from(until), ret)) {
		reply_code(
		    call, 400, 400, "until: '%s' is no time such as 2026-11-20T06:00:00Z", until);
		return false;
	}
	return true;
}
