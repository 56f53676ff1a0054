/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/source/test_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/hash.h"
#include "config/schema.h"
#include "yaml/yaml.h"

static const struct source_kind *
kind_named(const char *name)
{
	for (size_t i = 0; source_kinds[i] != NULL; i++)
		if (strcmp(source_kinds[i]->name, name) == 0)
			return source_kinds[i];
	ck_abort_msg("no source kind %s", name);
	return NULL;
}

static void *
read_settings(struct arena *arena, struct diag *diag, const struct source_kind *kind,
    const char *dir, const char *yaml)
{
	struct schema_context ctx = {
		.arena = arena, .diag = diag, .dir = dir, .expand_env = true
	};
	struct yaml_node *node = yaml_parse(arena, diag, "test.yml", str_from(yaml));
	void *settings = arena_alloc(arena, kind->schema->size);

	ck_assert_ptr_nonnull(node);
	schema_read(&ctx, kind->schema, node, settings);
	if (kind->finish != NULL)
		kind->finish(&ctx, settings);
	return settings;
}

struct source_config *
source_config_from(struct arena *arena, const char *kind_name, const char *dir, const char *yaml)
{
	const struct source_kind *kind = kind_named(kind_name);
	struct source_config *config = ARENA_NEW(arena, struct source_config);
	struct diag *diag = diag_new();

	*config = (struct source_config){
		.name = "test",
		.kind = kind,
		.timeout = DUR_S(10),
		.max_concurrency = 32,
		.settings = read_settings(arena, diag, kind, dir, yaml),
	};
	ck_assert_msg(
	    diag_errors(diag) == 0, "%s", diag_count(diag) > 0 ? diag_at(diag, 0)->text : "");
	diag_free(diag);
	return config;
}

uint32_t
source_config_errors(
    struct arena *arena, const char *kind_name, const char *yaml, char ret_text[256])
{
	struct diag *diag = diag_new();
	uint32_t n;

	read_settings(arena, diag, kind_named(kind_name), "/", yaml);
	n = diag_errors(diag);
	snprintf(ret_text, 256, "%s", n > 0 ? diag_at(diag, 0)->text : "");
	diag_free(diag);
	return n;
}

int
main(void)
{
	Suite *suite = suite_create("source");
	SRunner *runner;
	int failed;

	hash_seed(1);
	suite_add_tcase(suite, tcase_decode());
	suite_add_tcase(suite, tcase_prometheus());
	suite_add_tcase(suite, tcase_remote_write());
	suite_add_tcase(suite, tcase_sqlite());
	suite_add_tcase(suite, tcase_clickhouse());
	suite_add_tcase(suite, tcase_elasticsearch());
	suite_add_tcase(suite, tcase_http_json());
	suite_add_tcase(suite, tcase_stores());
	suite_add_tcase(suite, tcase_influxdb());
	suite_add_tcase(suite, tcase_json_path());
	suite_add_tcase(suite, tcase_postgres());
	suite_add_tcase(suite, tcase_rows());
	suite_add_tcase(suite, tcase_windows());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
