/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this room share. */
#include "config.h"

#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "yaml/yaml.h"

const char *const story_names[STORIES] = { "one", "mixed", "resolved", "unicode", "long" };

/* ---- files -------------------------------------------------------------------------- */

static char *
golden_path(struct arena *arena, const char *name)
{
	return arena_printf(arena, "%s/tests/unit/receiver/golden/%s", TEST_SRCDIR, name);
}

struct str
file_text(struct arena *arena, const char *name)
{
	FILE *file = fopen(golden_path(arena, name), "rb");
	struct buf text = { 0 };
	struct str copy;
	char chunk[4096];
	size_t n;

	ck_assert_msg(file != NULL, "cannot open golden/%s", name);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_put(&text, chunk, n);
	fclose(file);
	copy = arena_str(arena, buf_str(&text));
	buf_fini(&text);
	return copy;
}

void
same_as_golden(struct arena *arena, const char *name, struct str got)
{
	struct str want;
	uint32_t i = 0;

	if (getenv("UPDATE_GOLDEN") != NULL) {
		FILE *file = fopen(golden_path(arena, name), "wb");

		ck_assert(file != NULL);
		ck_assert_uint_eq(fwrite(got.p, 1, got.n, file), got.n);
		fclose(file);
	}
	want = file_text(arena, name);
	while (i < want.n && i < got.n && want.p[i] == got.p[i])
		i++;
	ck_assert_msg(str_eq(want, got),
	    "golden/%s differs at byte %u: expected \"%.60s\", got \"%.60s\"", name, i,
	    want.p + (i < want.n ? i : want.n), got.p + (i < got.n ? i : got.n));
}

/* ---- JSON --------------------------------------------------------------------------- */

struct json_object *
json_parse(struct str text)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, text.p, (int)text.n);
	ck_assert_msg(
	    root != NULL, "no JSON: %s", json_tokener_error_desc(json_tokener_get_error(tokener)));
	json_tokener_free(tokener);
	return root;
}

struct json_object *
json_at(struct json_object *root, const char *path)
{
	char name[64];

	while (root != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		ck_assert_uint_lt(n, sizeof(name));
		memcpy(name, path, n);
		name[n] = '\0';
		path += n + (path[n] == '.' ? 1 : 0);
		if (json_object_is_type(root, json_type_array)) {
			int64_t i;

			REQUIRE(str_to_i64(str_from(name), &i));
			root = json_object_array_get_idx(root, (size_t)i);
		} else {
			root = json_object_object_get(root, name);
		}
	}
	return root;
}

const char *
json_text_at(struct json_object *root, const char *path)
{
	struct json_object *value = json_at(root, path);

	return value != NULL ? json_object_get_string(value) : NULL;
}

/* ---- stories ------------------------------------------------------------------------ */

static struct labels *
intern(struct labels_builder *b)
{
	struct err err = { 0 };
	struct labels *labels = labels_intern(b, &err);

	ck_assert_msg(labels != NULL, "%s", err.text);
	return labels;
}

static struct labels *
labels_of(struct arena *arena, struct json_object *object)
{
	struct labels_builder b;

	labels_builder_init(&b, arena);
	json_object_object_foreach(object, key, value)
	    labels_builder_set(&b, arena_str(arena, str_from(key)),
		arena_str(arena, str_from(json_object_get_string(value))));
	return intern(&b);
}

static uint32_t
views_of(struct arena *arena, struct json_object *object, struct label_view **ret)
{
	uint32_t n = 0;

	*ret = ARENA_ARRAY(arena, (size_t)json_object_object_length(object) + 1, struct label_view);
	json_object_object_foreach(object, key, value)(*ret)[n++] =
	    (struct label_view){ arena_str(arena, str_from(key)),
		    arena_str(arena, str_from(json_object_get_string(value))) };
	return n;
}

static const char *
text_of(struct arena *arena, struct json_object *root, const char *path)
{
	return arena_strdup(arena, json_text_at(root, path));
}

static void
count_alerts(struct story *s)
{
	for (uint32_t i = 0; i < s->n.n_alerts; i++) {
		s->n.n_firing += s->alerts[i].firing ? 1 : 0;
		s->n.n_resolved += s->alerts[i].firing ? 0 : 1;
	}
	s->n.firing = s->n.n_firing > 0;
	s->n.alerts = s->alerts;
}

static struct story
story_new(void)
{
	struct story s = { .arena = arena_new(0) };

	s.global.smtp_require_tls = true;
	s.global.pagerduty_url = "https://events.pagerduty.com/v2/enqueue";
	s.n.receiver = "ops";
	s.n.external_url = "http://tocsin.example:9093";
	s.n.group_key = STR("{}:{alertname=\"Test\"}");
	s.n.delivery_id = 17;
	s.n.now = (wall_t){ INT64_C(1795154730250000000) };
	s.n.thread = STR("");
	s.n.reason = "first notification";
	return s;
}

struct story
story_load(const char *name)
{
	struct story s = story_new();
	struct str body =
	    file_text(s.arena, arena_printf(s.arena, "%s.alertmanager-webhook.json", name));
	struct json_object *root = json_parse(body);
	struct json_object *alerts = json_at(root, "alerts");

	s.n.n_alerts = (uint32_t)json_object_array_length(alerts);
	s.alerts = ARENA_ARRAY(s.arena, s.n.n_alerts, struct notified_alert);
	for (uint32_t i = 0; i < s.n.n_alerts; i++) {
		struct json_object *one = json_object_array_get_idx(alerts, i);
		struct notified_alert *alert = &s.alerts[i];

		alert->labels = labels_of(s.arena, json_at(one, "labels"));
		alert->annotations = labels_of(s.arena, json_at(one, "annotations"));
		alert->firing = strcmp(json_text_at(one, "status"), "firing") == 0;
		alert->generator_url = str_from(text_of(s.arena, one, "generatorURL"));
		REQUIRE(
		    timestamp_parse(str_from(json_text_at(one, "startsAt")), &alert->starts_at));
		REQUIRE(timestamp_parse(str_from(json_text_at(one, "endsAt")), &alert->ends_at));
	}
	count_alerts(&s);
	s.n.receiver = text_of(s.arena, root, "receiver");
	s.n.external_url = text_of(s.arena, root, "externalURL");
	s.n.group_key = str_from(text_of(s.arena, root, "groupKey"));
	s.n.group_labels = labels_of(s.arena, json_at(root, "groupLabels"));
	s.n.n_common_labels = views_of(s.arena, json_at(root, "commonLabels"), &s.n.common_labels);
	s.n.n_common_annotations =
	    views_of(s.arena, json_at(root, "commonAnnotations"), &s.n.common_annotations);
	json_object_put(root);
	return s;
}

/* "a=1 b=2" with the separator given; '#' in a value is the number. */
static struct labels *
labels_from(struct arena *arena, const char *text, char separator, uint32_t number)
{
	struct labels_builder b;

	labels_builder_init(&b, arena);
	while (*text != '\0') {
		const char *equal = strchr(text, '='), *end = strchr(equal, separator);
		struct buf value = { 0 };

		if (end == NULL)
			end = equal + strlen(equal);
		for (const char *p = equal + 1; p < end; p++) {
			if (*p == '#')
				buf_put_i64(&value, number);
			else
				buf_putc(&value, *p);
		}
		labels_builder_set(&b, arena_str(arena, str_make(text, (size_t)(equal - text))),
		    arena_str(arena, buf_str(&value)));
		buf_fini(&value);
		text = *end == '\0' ? end : end + 1;
	}
	return intern(&b);
}

struct story
story_make(uint32_t count, const char *labels, const char *annotations)
{
	struct story s = story_new();
	const struct labels *first;

	s.n.n_alerts = count;
	s.alerts = ARENA_ARRAY(s.arena, count, struct notified_alert);
	for (uint32_t i = 0; i < count; i++)
		s.alerts[i] = (struct notified_alert){
			.labels = labels_from(s.arena, labels, ' ', i),
			.annotations = labels_from(s.arena, annotations, '|', i),
			.generator_url = STR(""),
			.starts_at = { INT64_C(1795154400000000000) },
			.firing = true,
		};
	count_alerts(&s);
	s.n.group_labels = labels_from(s.arena, "alertname=Test", ' ', 0);
	first = s.alerts[0].labels;
	s.n.common_labels = ARENA_ARRAY(s.arena, first->n, struct label_view);
	for (uint32_t i = 0; i < first->n; i++) {
		struct str name = istr_str(first->l[i].name);

		if (count == 1 ||
		    str_eq(labels_value(s.alerts[1].labels, name), istr_str(first->l[i].value)))
			s.n.common_labels[s.n.n_common_labels++] =
			    (struct label_view){ name, istr_str(first->l[i].value) };
	}
	return s;
}

static void
unref(const struct labels *labels)
{
	union {
		const struct labels *borrowed;
		struct labels *owned;
	} u = { labels };

	labels_unref(u.owned);
}

void
story_free(struct story *s)
{
	for (uint32_t i = 0; i < s->n.n_alerts; i++) {
		unref(s->alerts[i].labels);
		unref(s->alerts[i].annotations);
	}
	unref(s->n.group_labels);
	arena_free(s->arena);
}

/* ---- settings and requests ----------------------------------------------------------- */

static void *
read_settings(struct story *s, const struct receiver_ops *ops, const char *yaml, struct diag *diag)
{
	struct schema_context ctx = { .arena = s->arena,
		.diag = diag,
		.dir = "/etc/tocsin",
		.templates = s->templates };
	const struct yaml_node *node = yaml_parse(s->arena, diag, "t.yml", str_from(yaml));
	void *settings = arena_alloc(s->arena, ops->kind->schema->size);

	schema_read(&ctx, ops->kind->schema, node, settings);
	((struct integration_common *)settings)->pos = node->pos;
	if (diag_errors(diag) == 0 && ops->kind->finish != NULL)
		ops->kind->finish(&ctx, settings, &s->global);
	return settings;
}

const void *
settings_read(struct story *s, const struct receiver_ops *ops, const char *yaml)
{
	struct diag *diag = diag_new();
	void *settings = read_settings(s, ops, yaml, diag);

	if (diag_errors(diag) > 0)
		ck_abort_msg("%s: %s", yaml, diag_at(diag, 0)->text);
	diag_free(diag);
	return settings;
}

const char *
settings_complaint(struct story *s, const struct receiver_ops *ops, const char *yaml)
{
	struct diag *diag = diag_new();
	const char *text = "";

	read_settings(s, ops, yaml, diag);
	if (diag_count(diag) > 0) {
		const struct finding *finding = diag_at(diag, 0);

		ck_assert_msg(finding->pos.line > 0, "no position: %s", finding->text);
		text = arena_strdup(s->arena, finding->text);
	}
	diag_free(diag);
	return text;
}

struct rendered
render(struct story *s, const struct receiver_ops *ops, const void *settings)
{
	struct rendered r = { .rc = 0 };

	r.rc = ops->render(settings, &s->n, s->arena, &r.request, &r.err);
	return r;
}

void
rendered_free(struct rendered *r)
{
	buf_fini(&r->request.url);
	buf_fini(&r->request.body);
}

struct xfer_response
answer(int status, const char *body)
{
	return (struct xfer_response){ .status = status, .body = str_from(body) };
}

struct xfer_response
no_answer(enum err_code failure, const char *text)
{
	struct xfer_response response = { .failure = failure };

	snprintf(response.failure_text, sizeof(response.failure_text), "%s", text);
	return response;
}

void
put_request(const struct xfer_request *request, struct buf *out)
{
	buf_printf(out, "%s %s\n", request->method, request->url.p);
	if (request->content_type != NULL)
		buf_printf(out, "Content-Type: %s\n", request->content_type);
	for (size_t i = 0; i < request->n_headers; i++)
		buf_printf(out, "%s: %s\n", request->headers[i].name, request->headers[i].value);
	buf_putc(out, '\n');
	buf_put_str(out, buf_str(&request->body));
}
