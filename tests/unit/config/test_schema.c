/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: suggestions, and the documents made from them. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/buf.h"
#include "base/json.h"
#include "daemon/core.h"
#include "unit/config/fake_kinds.h"
#include "unit/config/suites.h"

static const struct {
	const char *typed, *meant;
} slips[] = {
	{ "recievers", "receivers" },
	{ "receiver", "receivers" },
	{ "ruote", "route" },
	{ "rotue", "route" },
	{ "globl", "global" },
	{ "ulr", "url" },
	{ "uri", "url" },
	{ "xyz", NULL },
	{ "for", NULL },
	{ "plugins", NULL },
	{ "", NULL },
};

START_TEST(near_name_is_suggested)
{
	static const char *const names[] = { "route", "receivers", "global",
		"url" };
	const char *got = schema_suggest_among(names, ARRAY_LEN(names),
	    str_from(slips[_i].typed));

	if (slips[_i].meant == NULL) {
		ck_assert_msg(got == NULL, "%s: %s", slips[_i].typed, got);
	} else {
		ck_assert_msg(got != NULL, "%s", slips[_i].typed);
		ck_assert_str_eq(got, slips[_i].meant);
	}
}
END_TEST

/* Both documents: JSON, with every reference defined. */
START_TEST(json_schema_is_well_formed)
{
	struct buf out = { 0 };
	struct json_reader r;
	const char *ref;

	config_put_json_schema(&fake_kinds, _i == 1, &out);
	json_reader_init(&r, buf_str(&out));
	json_skip(&r);
	ck_assert_msg(json_finish(&r), "%s at %u", r.err_text, r.err_at);
	ref = out.p;
	while ((ref = strstr(ref, "\"#/$defs/")) != NULL) {
		struct buf def = { 0 };

		ref += strlen("\"#/$defs/");
		buf_printf(&def, "\n    \"%.*s\": {", (int)strcspn(ref, "\""),
		    ref);
		ck_assert_msg(strstr(out.p, def.p) != NULL, "%s", def.p);
		buf_fini(&def);
	}
	ck_assert_ptr_nonnull(strstr(out.p,
	    _i == 1 ? "\"threshold\": {" : "\"slack_configs\": {"));
	/* Keys that are not built are not offered. */
	ck_assert_ptr_null(strstr(out.p, "\"sns_configs\""));
	buf_fini(&out);
}
END_TEST

/* schemas/ holds what the program prints. */
START_TEST(schema_in_the_tree_is_current)
{
	static const char *const names[] = { "tocsin.schema.json",
		"rules.schema.json" };
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	struct buf out = { 0 };
	struct str text;
	char path[1024];

	snprintf(path, sizeof(path), TEST_SRCDIR "/schemas/%s", names[_i]);
	ck_assert(yaml_read_file(arena, diag, path, &text));
	config_put_json_schema(core_kinds(), _i == 1, &out);
	ck_assert_msg(str_eq(text, buf_str(&out)),
	    "run: src/tocsin schema %s >schemas/%s",
	    _i == 1 ? "rules" : "config", names[_i]);
	buf_fini(&out);
	diag_free(diag);
	arena_free(arena);
}
END_TEST

START_TEST(table_alone_is_well_formed)
{
	struct buf out = { 0 };
	struct json_reader r;

	schema_put_json_schema(&schema_http_config, &out, 0);
	json_reader_init(&r, buf_str(&out));
	json_skip(&r);
	ck_assert_msg(json_finish(&r), "%s", r.err_text);
	ck_assert_ptr_nonnull(strstr(out.p, "\"password_file\""));
	buf_fini(&out);
}
END_TEST

START_TEST(manual_has_every_table_once)
{
	static const char *const titles[] = { "### configuration\n",
		"### route\n", "### webhook_configs\n", "### http_config\n",
		"### source of type sqlite\n", "### rule file\n", "### rule\n",
		"### threshold\n" };
	struct buf out = { 0 };

	config_put_manual(&fake_kinds, &out);
	for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
		const char *at = strstr(out.p, titles[i]);

		ck_assert_msg(at != NULL, "%s", titles[i]);
		ck_assert_msg(strstr(at + 1, titles[i]) == NULL, "%s",
		    titles[i]);
	}
	ck_assert_ptr_nonnull(strstr(out.p,
	    "| `group_wait` | duration |  | How long a new group waits for "
	    "company; inherited, default 30s. |\n"));
	buf_fini(&out);
}
END_TEST

START_TEST(secret_is_found_by_both_names)
{
	const struct schema_field *field = schema_find(&schema_http_config,
	    "bearer_token_file");

	ck_assert_ptr_nonnull(field);
	ck_assert_str_eq(field->name, "bearer_token");
	ck_assert_ptr_null(schema_find(&schema_http_config, "proxy_url_file"));
}
END_TEST

void
add_schema(Suite *suite)
{
	TCase *tcase = tcase_create("schema");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, near_name_is_suggested, 0,
	    ARRAY_LEN(slips));
	tcase_add_loop_test(tcase, json_schema_is_well_formed, 0, 2);
	tcase_add_loop_test(tcase, schema_in_the_tree_is_current, 0, 2);
	tcase_add_test(tcase, table_alone_is_well_formed);
	tcase_add_test(tcase, manual_has_every_table_once);
	tcase_add_test(tcase, secret_is_found_by_both_names);
}
