/* SPDX-License-Identifier: Apache-2.0 */
/* The table of endpoints: roles, paths, the OpenAPI document; the audit log. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/endpoint.h"
#include "base/attr.h"
#include "base/json.h"
#include "unit/api/world.h"

/* --- the table ------------------------------------------------------------------- */

static const struct {
	const char *pattern, *path, *first, *second;
	bool fits;
} paths[] = {
	{ "/a/b", "/a/b", "", "", true },
	{ "/a/b", "/a/bc", "", "", false },
	{ "/a/b", "/a", "", "", false },
	{ "/a/{id}", "/a/x", "x", "", true },
	{ "/a/{id}", "/a/", "", "", false },
	{ "/a/{id}", "/a/x/y", "", "", false },
	{ "/a/{id}/ack", "/a/x/ack", "x", "", true },
	{ "/a/{id}/ack", "/a//ack", "", "", false },
	{ "/a/{id}/ack", "/a/x/nack", "", "", false },
	{ "/a/{id}/ack", "/a/x", "", "", false },
	{ "/a/{id}/b/{n}", "/a/x/b/12", "x", "12", true },
	{ "/a/{id}/b/{n}", "/a/x/b/", "", "", false },
};

START_TEST(a_name_in_braces_takes_one_segment)
{
	struct str found[PATH_PARAMS_MAX];
	bool fits = endpoint_path_fits(paths[_i].pattern, str_from(paths[_i].path), found);

	ck_assert_msg(fits == paths[_i].fits, "%s %s", paths[_i].pattern, paths[_i].path);
	if (!fits)
		return;
	ck_assert(str_is(found[0], paths[_i].first));
	ck_assert(str_is(found[1], paths[_i].second));
}
END_TEST

static const struct {
	const char *method, *path;
	enum role role;
} needs[] = {
	{ "GET", "/-/healthy", ROLE_NONE },
	{ "GET", "/-/ready/", ROLE_NONE },
	{ "POST", "/-/healthy", ROLE_VIEWER }, /* 405 */
	{ "OPTIONS", "/api/v2/alerts", ROLE_NONE },
	{ "GET", "/api/v2/alerts", ROLE_VIEWER },
	{ "HEAD", "/api/v2/alerts", ROLE_VIEWER },
	{ "POST", "/api/v2/alerts", ROLE_SENDER },
	{ "POST", "/api/v2/silences", ROLE_RESPONDER },
	{ "DELETE", "/api/v2/silence/x", ROLE_RESPONDER },
	{ "POST", "/-/reload", ROLE_EDITOR },
	{ "GET", "/api/tocsin/v1/audit", ROLE_EDITOR },
	{ "GET", "/metrics", ROLE_VIEWER },
	{ "GET", "/nothing", ROLE_VIEWER },
};

START_TEST(an_endpoint_needs_a_role)
{
	struct http_call *call = http_call_fake(needs[_i].method, needs[_i].path, STR(""));

	ck_assert_int_eq(api_role_needed(w.api, call), needs[_i].role);
	http_call_fake_free(call);
}
END_TEST

static bool
has_param(const struct endpoint *e, const char *name, size_t n, bool in_path)
{
	for (const struct api_param *p = e->params; p != NULL && p->name != NULL; p++)
		if (strlen(p->name) == n && strncmp(p->name, name, n) == 0)
			return p->in_path == in_path;
	return false;
}

START_TEST(rows_are_whole)
{
	for (size_t i = 0; i < api_n_endpoints; i++) {
		const struct endpoint *e = &api_endpoints[i];
		uint32_t n_path = 0;

		ck_assert_msg(e->answers != NULL && e->answers[0].status / 100 == 2, "%s", e->name);
		for (const char *p = e->path; (p = strchr(p, '{')) != NULL; p++, n_path++)
			ck_assert_msg(has_param(e, p + 1, strcspn(p + 1, "}"), true),
			    "%s: a parameter of the path without a row", e->name);
		for (const struct api_param *p = e->params; p != NULL && p->name != NULL; p++)
			n_path -= p->in_path;
		ck_assert_msg(n_path == 0, "%s: a row that is not in the path", e->name);
		for (const struct api_answer *x = e->answers; x->status != 0; x++)
			for (const struct api_answer *y = e->answers; y < x; y++)
				ck_assert_msg(
				    x->status != y->status, "%s: %d twice", e->name, x->status);
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(strcmp(api_endpoints[k].path, e->path) != 0 ||
					  strcmp(api_endpoints[k].method, e->method) != 0,
			    "%s %s twice", e->method, e->path);
	}
}
END_TEST

static void
read_file(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "rbe");
	char piece[4096];
	size_t n;

	ck_assert_msg(file != NULL, "%s", path);
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_put(out, piece, n);
	(void)fclose(file);
}

START_TEST(the_document_in_the_tree_is_current)
{
	struct buf committed = { 0 }, made = { 0 };

	read_file(TEST_SRCDIR "/schemas/openapi.json", &committed);
	api_put_openapi(&made);
	ck_assert_msg(str_eq(buf_str(&committed), buf_str(&made)),
	    "run: src/tocsin schema openapi >schemas/openapi.json");
	buf_fini(&committed);
	buf_fini(&made);
}
END_TEST

START_TEST(every_reference_leads_somewhere)
{
	struct buf made = { 0 };
	struct json_reader reader;
	const char *ref;

	api_put_openapi(&made);
	json_reader_init(&reader, buf_str(&made));
	ck_assert(json_skip(&reader) && json_finish(&reader));
	ref = made.p;
	while ((ref = strstr(ref, "\"#/components/schemas/")) != NULL) {
		struct buf def = { 0 };

		ref += strlen("\"#/components/schemas/");
		buf_printf(&def, "\n      \"%.*s\": {", (int)strcspn(ref, "\""), ref);
		ck_assert_msg(strstr(made.p, def.p) != NULL, "%s", def.p);
		buf_fini(&def);
	}
	/* What is no type is a list of words: a misspelt shape would be a list of one. */
	for (const char *words = made.p; (words = strstr(words, "\"enum\": [")) != NULL; words++)
		ck_assert_msg(memchr(words, ',', strcspn(words, "]")) != NULL, "%.60s", words);
	buf_fini(&made);
}
END_TEST

/* --- the audit log ---------------------------------------------------------------- */

START_TEST(changes_are_noted)
{
	char id[64], path[128];
	json_object *log;

	(void)snprintf(id, sizeof(id), "%s", must_silence("a", "b"));
	(void)snprintf(path, sizeof(path), "/api/v2/silence/%s", id);
	ck_assert_int_eq(ask("DELETE", path, NULL), 200);
	ck_assert_int_eq(ask("DELETE", "/api/v2/silence/x", NULL), 422);
	ck_assert_int_eq(ask("POST", "/-/reload", NULL), 200);
	w.reload_code = -ERR_INVALID;
	ck_assert_int_eq(ask("POST", "/-/reload", NULL), 500);
	ck_assert_int_eq(ask("GET", "/api/tocsin/v1/audit", NULL), 200);
	log = at(said_json(), "entries");
	ck_assert_uint_eq(json_object_array_length(log), 4);
	ck_assert_str_eq(text_at(log, "0.action"), "config.reload_failed");
	ck_assert_ptr_nonnull(strstr(text_at(log, "0.detail"), "'this' is wrong"));
	ck_assert_str_eq(text_at(log, "1.action"), "config.reload");
	ck_assert_str_eq(text_at(log, "2.action"), "silence.expire");
	ck_assert_str_eq(text_at(log, "2.object"), id);
	ck_assert_str_eq(text_at(log, "3.action"), "silence.create");
	ck_assert_str_eq(text_at(log, "3.object"), id);
	ck_assert_str_eq(text_at(log, "3.source"), "127.0.0.1");
	ck_assert_str_eq(text_at(log, "3.at"), "2023-11-14T22:13:20.000Z");
	ck_assert_str_eq(text_at(log, "3.detail"),
	    "{a=\"b\"} until 2023-11-15T22:00:00.000Z by me: why");
}
END_TEST

static const struct {
	const char *query, *want; /* actions */
	int status;
} logs[] = {
	{ "", "silence.expire silence.create config.reload", 200 },
	{ "?limit=1", "silence.expire", 200 },
	{ "?action=silence", "silence.expire silence.create", 200 },
	{ "?action=config.reload", "config.reload", 200 },
	{ "?actor=alice", "", 200 },
	{ "?until=2023-11-14T22:13:20Z", "", 200 },
	{ "?since=1700000000", "silence.expire silence.create config.reload", 200 },
	{ "?limit=1001", "", 400 },
	{ "?before=x", "", 400 },
	{ "?since=tomorrow", "", 400 },
};

START_TEST(the_log_is_listed)
{
	char path[128];

	ck_assert_int_eq(ask("POST", "/-/reload", NULL), 200);
	(void)snprintf(path, sizeof(path), "/api/v2/silence/%s", must_silence("a", "b"));
	ck_assert_int_eq(ask("DELETE", path, NULL), 200);
	(void)snprintf(path, sizeof(path), "/api/tocsin/v1/audit%s", logs[_i].query);
	ck_assert_int_eq(ask("GET", path, NULL), logs[_i].status);
	if (logs[_i].status == 200) {
		json_object *entries = at(said_json(), "entries");
		char got[200] = "";

		for (size_t i = 0; i < json_object_array_length(entries); i++) {
			size_t n = strlen(got);

			(void)snprintf(got + n, sizeof(got) - n, "%s%s", n > 0 ? " " : "",
			    text_at(json_object_array_get_idx(entries, i), "action"));
		}
		ck_assert_str_eq(got, logs[_i].want);
	}
}
END_TEST

TCase *
access_tests(void)
{
	TCase *tcase = tcase_create("access");

	tcase_add_checked_fixture(tcase, world_open, world_close);
	tcase_add_loop_test(
	    tcase, a_name_in_braces_takes_one_segment, 0, ARRAY_LEN(paths));
	tcase_add_loop_test(tcase, an_endpoint_needs_a_role, 0, ARRAY_LEN(needs));
	tcase_add_test(tcase, rows_are_whole);
	tcase_add_test(tcase, the_document_in_the_tree_is_current);
	tcase_add_test(tcase, every_reference_leads_somewhere);
	tcase_add_test(tcase, changes_are_noted);
	tcase_add_loop_test(tcase, the_log_is_listed, 0, ARRAY_LEN(logs));
	return tcase;
}
