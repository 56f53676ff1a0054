/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v2/silences and /silence/{id}. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json_object.h>
#include <json-c/linkhash.h>
#include <json-c/json_util.h>

#include "api/audit.h"
#include "api/handlers.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "base/xalloc.h"

/* --- out -------------------------------------------------------------------- */

static const char *
state_name(enum silence_state state)
{
	switch (state) {
	case SILENCE_PENDING:
		return "pending";
	case SILENCE_ACTIVE:
		return "active";
	case SILENCE_EXPIRED:
		break;
	}
	return "expired";
}

#define ANNOTATIONS_MAX 256 /* of one silence */

static void
put_matcher(const struct matcher *m, struct buf *out)
{
	bool is_regex = m->op == MATCH_REGEX || m->op == MATCH_NOT_REGEX;
	bool is_equal = m->op == MATCH_EQUAL || m->op == MATCH_REGEX;

	buf_printf(out, "{\"isEqual\":%s,\"isRegex\":%s,\"name\":", is_equal ? "true" : "false",
	    is_regex ? "true" : "false");
	json_put_str_html(out, istr_str(m->name));
	buf_puts(out, ",\"value\":");
	json_put_str_html(out, istr_str(m->value));
	buf_putc(out, '}');
}

static void
put_silence(const struct silence *silence, wall_t now, struct buf *out)
{
	buf_printf(out, "{\"id\":\"%s\",\"status\":{\"state\":\"%s\"},", silence->id,
	    state_name(silence_state(silence, now)));
	put_time(out, "updatedAt", silence->updated_at);
	buf_puts(out, ",\"comment\":");
	json_put_str_html(out, str_from(silence->comment));
	buf_puts(out, ",\"createdBy\":");
	json_put_str_html(out, str_from(silence->created_by));
	buf_putc(out, ',');
	put_time(out, "endsAt", silence->ends_at);
	buf_puts(out, ",\"matchers\":[");
	for (uint32_t i = 0; i < silence->matchers->n; i++) {
		if (i > 0)
			buf_putc(out, ',');
		put_matcher(&silence->matchers->m[i], out);
	}
	buf_puts(out, "],");
	put_time(out, "startsAt", silence->starts_at);
	if (silence->annotations[0] != '\0')
		buf_printf(out, ",\"annotations\":%s", silence->annotations);
	buf_puts(out, silence->until_resolved ? ",\"untilResolved\":true}" : "}");
}

/* What sorts the list: active by end, pending by start, expired by end backwards. */
struct listed {
	const struct silence *silence;
	int rank;
	int64_t key;
};

static int
by_rank(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank - y->rank;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return strcmp(x->silence->id, y->silence->id);
}

static struct listed
listed_of(const struct silence *silence, wall_t now)
{
	switch (silence_state(silence, now)) {
	case SILENCE_ACTIVE:
		return (struct listed){ silence, 0, silence->ends_at.ns };
	case SILENCE_PENDING:
		return (struct listed){ silence, 1, silence->starts_at.ns };
	case SILENCE_EXPIRED:
		break;
	}
	return (struct listed){ silence, 2, -silence->ends_at.ns };
}

/* A filter selects silences that have this very matcher, as in Alertmanager. */
static bool
silence_wanted(const struct silence *silence, const struct filters *filters)
{
	for (uint32_t i = 0; i < filters->n; i++) {
		const struct matcher *filter = &filters->m[i];
		bool found = false;
		for (uint32_t j = 0; j < silence->matchers->n && !found; j++) {
			const struct matcher *m = &silence->matchers->m[j];
			found = m->op == filter->op && m->name == filter->name &&
				m->value == filter->value;
		}
		if (!found)
			return false;
	}
	return true;
}

void
api_silences_get(struct api *api, struct http_call *call, struct str id)
{
	wall_t now = loop_now(api->state->loop);
	const struct silence *silence;
	struct filters filters;
	bool wanted[] = { param_bool(call, "active", true), param_bool(call, "pending", true),
		param_bool(call, "expired", true) }; /* by rank */
	struct listed *list = NULL;
	size_t n = 0, cap = 0;
	struct buf body = { 0 };

	(void)id;
	if (!filters_read(call, &filters))
		return;
	for (size_t it = 0; (silence = silences_next(api->state->silences, &it)) != NULL;) {
		if (!silence_wanted(silence, &filters))
			continue;
		struct listed listed = listed_of(silence, now);
		if (!wanted[listed.rank])
			continue;
		list = xgrow(list, &cap, n + 1, sizeof(*list));
		list[n++] = listed;
	}
	if (n > 0)
		qsort(list, n, sizeof(*list), by_rank);
	buf_putc(&body, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&body, ',');
		put_silence(list[i].silence, now, &body);
	}
	buf_puts(&body, "]\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
	filters_fini(&filters);
	free(list);
}

static bool
is_uuid(struct str id)
{
	if (id.n != 36)
		return false;
	for (uint32_t i = 0; i < id.n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? id.p[i] != '-' : strchr("0123456789abcdefABCDEF", id.p[i]) == NULL)
			return false;
	}
	return true;
}

static const struct silence *
find_silence(struct api *api, struct http_call *call, struct str id)
{
	const struct silence *silence;

	if (!is_uuid(id)) {
		reply_code(call, 422, 601, "silenceID in path must be of type uuid: \"%.*s\"",
		    STR_ARG(id));
		return NULL;
	}
	silence = silences_get(api->state->silences, id);
	if (silence == NULL)
		reply_code(call, 404, 404, "silence %.*s not found", STR_ARG(id));
	return silence;
}

void
api_silence_get(struct api *api, struct http_call *call, struct str id)
{
	const struct silence *silence = find_silence(api, call, id);
	struct buf body = { 0 };

	if (silence == NULL)
		return;
	put_silence(silence, loop_now(api->state->loop), &body);
	buf_putc(&body, '\n');
	reply_json(call, 200, &body);
	buf_fini(&body);
}

static void
reply_expired(struct api *api, struct http_call *call, struct str id)
{
	audit_note(api->state, call, "silence.expire", id, "%s", "");
	reply_durable(api, call, 200, NULL);
}

void
api_silence_delete(struct api *api, struct http_call *call, struct str id)
{
	struct err err = { 0 };

	if (find_silence(api, call, id) == NULL || refused_by_store(api, call))
		return;
	if (silences_expire(api->state->silences, id, loop_now(api->state->loop), &err) < 0)
		reply_said(call, 500, "%s", err.text);
	else
		reply_expired(api, call, id);
}

/* --- in ---------------------------------------------------------------------- */

static json_object *
member_of(json_object *object, const char *name)
{
	json_object *value = NULL;

	if (json_object_object_get_ex(object, name, &value))
		return value;
	/* Go reads keys in any case; senders that write "Labels" have always worked. */
	json_object_object_foreach (object, key, found) {
		if (strcasecmp(key, name) == 0)
			return found;
	}
	return NULL;
}

/* Is it of this type? Absent (or null) counts as yes. False: answered. */
static bool
has_type(struct http_call *call, json_object *object, const char *name, enum json_type type)
{
	json_object *value = member_of(object, name);

	if (value == NULL || json_object_is_type(value, type))
		return true;
	reply_code(call, 400, 400, "parsing silence body: %s is a %s, not a %s", name,
	    json_type_to_name(json_object_get_type(value)), json_type_to_name(type));
	return false;
}

static bool
flag_of(json_object *object, const char *name, bool fallback)
{
	json_object *value = member_of(object, name);

	return value != NULL ? json_object_get_boolean(value) : fallback;
}

static struct str
text_of(json_object *object, const char *name)
{
	json_object *value = member_of(object, name);

	return value != NULL ? str_make(json_object_get_string(value),
				   (size_t)json_object_get_string_len(value))
			     : STR("");
}

/* Types first, then what is missing, in the order and the words of go-swagger. False: answered. */
static bool
matcher_is_whole(struct http_call *call, json_object *object, size_t index)
{
	static const char *const needed[] = { "isRegex", "name", "value" };

	if (!json_object_is_type(object, json_type_object)) {
		reply_code(call, 400, 400, "parsing silence body: a matcher is an object");
		return false;
	}
	if (!has_type(call, object, "isRegex", json_type_boolean) ||
	    !has_type(call, object, "isEqual", json_type_boolean) ||
	    !has_type(call, object, "name", json_type_string) ||
	    !has_type(call, object, "value", json_type_string))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (member_of(object, needed[i]) == NULL) {
			reply_code(call, 422, 602, "matchers.%zu.%s in body is required", index,
			    needed[i]);
			return false;
		}
	return true;
}

static bool
read_matcher(struct http_call *call, json_object *object, size_t index, struct matcher *ret)
{
	struct err err = { 0 };

	if (!matcher_is_whole(call, object, index))
		return false;
	bool is_regex = flag_of(object, "isRegex", false),
	     is_equal = flag_of(object, "isEqual", true);
	enum matcher_op op = is_regex   ? is_equal ? MATCH_REGEX : MATCH_NOT_REGEX
			     : is_equal ? MATCH_EQUAL
					: MATCH_NOT_EQUAL;
	struct str name = text_of(object, "name"), value = text_of(object, "value");

	if (matcher_make(op, name, value, ret, &err) == 0)
		return true;
	if (name.n == 0)
		reply_said(call, 400,
		    "silence invalid: invalid label matcher %zu: invalid label name \"\"", index);
	else if (is_regex)
		reply_said(call, 400,
		    "silence invalid: invalid label matcher %zu: invalid regular expression "
		    "\"%.*s\": %s",
		    index, STR_ARG(str_head(value, 200)), err.text);
	else
		reply_said(
		    call, 400, "silence invalid: invalid label matcher %zu: %s", index, err.text);
	return false;
}

static struct matchers *
read_matchers(struct http_call *call, json_object *list)
{
	struct matcher found[MATCHERS_MAX];
	size_t n = json_object_array_length(list);
	uint32_t made = 0;

	if (n == 0) {
		reply_code(call, 422, 612, "matchers in body should have at least 1 items");
		return NULL;
	}
	if (n > MATCHERS_MAX) {
		reply_said(call, 400, "silence invalid: more than %d matchers", MATCHERS_MAX);
		return NULL;
	}
	while (made < n &&
	       read_matcher(call, json_object_array_get_idx(list, made), made, &found[made]))
		made++;
	if (made == n)
		return matchers_new(
		    found, made, false); /* shown in the order in which they were given */
	while (made > 0)
		matcher_fini(&found[--made]);
	return NULL;
}

static bool
read_time(struct http_call *call, json_object *object, const char *name, wall_t *ret)
{
	struct str text = text_of(object, name);

	if (text.n == 0 || timestamp_parse(text, ret))
		return true;
	reply_code(call, 400, 400,
	    "parsing silence body: %s is no time such as 2026-11-20T06:00:00.000Z", name);
	return false;
}

/* What it silences, until when and why. */
static void
note_silence(struct api *api, struct http_call *call, const char *id, bool changes)
{
	const struct silence *silence = silences_get(api->state->silences, str_from(id));
	char until[TIMESTAMP_TEXT_MAX];
	struct buf text = { 0 };

	if (silence == NULL)
		return;
	matchers_format(silence->matchers, &text);
	buf_printf(&text, " until %s by %s: %s", timestamp_format_ms(silence->ends_at, until),
	    silence->created_by, silence->comment);
	audit_note(api->state, call, changes ? "silence.update" : "silence.create", str_from(id),
	    "%s", buf_str(&text).p);
	buf_fini(&text);
}

static void
set_silence(struct api *api, struct http_call *call, struct silence_input *input)
{
	struct buf body = { 0 };
	struct err err = { 0 };
	char id[37];
	bool changes = input->id.n > 0;
	int rc = silences_set(api->state->silences, input, loop_now(api->state->loop), id, &err);

	if (rc == -ERR_NOT_FOUND) {
		reply_said(call, 404, "%s", err.text);
	} else if (rc < 0) {
		reply_said(call, 400, "%s", err.text);
	} else {
		buf_printf(&body, "{\"silenceID\":\"%s\"}\n", id);
		note_silence(api, call, id, changes);
		reply_durable(api, call, 200, &body);
	}
	buf_fini(&body);
}

/* As with matchers. False: answered. */
static bool
silence_is_whole(struct http_call *call, json_object *object)
{
	static const char *const texts[] = { "id", "comment", "createdBy", "endsAt", "startsAt" };
	static const char *const needed[] = { "comment", "createdBy", "endsAt", "matchers",
		"startsAt" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!has_type(call, object, texts[i], json_type_string))
			return false;
	if (!has_type(call, object, "matchers", json_type_array) ||
	    !has_type(call, object, "annotations", json_type_object) ||
	    !has_type(call, object, "untilResolved", json_type_boolean))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (member_of(object, needed[i]) == NULL) {
			reply_code(call, 422, 602, "%s in body is required", needed[i]);
			return false;
		}
	return true;
}

static int
compare_keys(const void *pa, const void *pb)
{
	const char *const *a = pa, *const *b = pb;

	return strcmp(*a, *b);
}

/* As JSON with sorted keys; false: answered. */
static bool
read_annotations(struct http_call *call, json_object *list, struct buf *out)
{
	const char *keys[ANNOTATIONS_MAX];
	size_t n = 0;

	if (list == NULL)
		return true;
	json_object_object_foreach (list, key, value) {
		if (n == ANNOTATIONS_MAX || !json_object_is_type(value, json_type_string)) {
			reply_code(call, 400, 400,
			    n == ANNOTATIONS_MAX ? "parsing silence body: more than %d annotations"
						 : "parsing silence body: annotations are texts",
			    ANNOTATIONS_MAX);
			return false;
		}
		keys[n++] = key;
	}
	if (n == 0)
		return true;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < n; i++) {
		buf_putc(out, i == 0 ? '{' : ',');
		json_put_str_html(out, str_from(keys[i]));
		buf_putc(out, ':');
		json_put_str_html(out, text_of(list, keys[i]));
	}
	buf_putc(out, '}');
	return true;
}

static void
take_silence(struct api *api, struct http_call *call, json_object *object)
{
	struct silence_input input = { 0 };
	struct buf annotations = { 0 };
	struct err err = { 0 };

	if (!silence_is_whole(call, object) ||
	    !read_time(call, object, "startsAt", &input.starts_at) ||
	    !read_time(call, object, "endsAt", &input.ends_at))
		return;
	if (!wall_is_set(input.starts_at)) /* amtool writes year 1 for "from now on" */
		input.starts_at = loop_now(api->state->loop);
	input.id = text_of(object, "id");
	input.created_by = text_of(object, "createdBy");
	input.comment = text_of(object, "comment");
	input.until_resolved = flag_of(object, "untilResolved", false); /* ours */
	if (!read_annotations(call, member_of(object, "annotations"), &annotations) ||
	    (input.matchers = read_matchers(call, member_of(object, "matchers"))) == NULL) {
		buf_fini(&annotations);
		return;
	}
	input.annotations = buf_str(&annotations);
	if (limit_silence(api, &input, &err) == 0) {
		set_silence(api, call, &input);
	} else {
		reply_said(call, 400, "%s", err.text);
		matchers_free(input.matchers);
	}
	buf_fini(&annotations);
}

void
api_silences_post(struct api *api, struct http_call *call, struct str id)
{
	json_object *object;

	(void)id;
	if (refused_by_store(api, call))
		return;
	object = body_object(call, "silence");
	if (object != NULL)
		take_silence(api, call, object);
	json_object_put(object);
}
