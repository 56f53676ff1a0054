/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of this folder, one function per file, and what they share. */
#pragma once

#include <check.h>

#include "base/arena.h"
#include "source/source.h"

TCase *tcase_decode(void);
TCase *tcase_prometheus(void);
TCase *tcase_remote_write(void);
TCase *tcase_sqlite(void);
TCase *tcase_clickhouse(void);
TCase *tcase_elasticsearch(void);
TCase *tcase_http_json(void);
TCase *tcase_stores(void);
TCase *tcase_influxdb(void);
TCase *tcase_json_path(void);
TCase *tcase_postgres(void);
TCase *tcase_rows(void);
TCase *tcase_windows(void);

/* A source's configuration out of its settings in YAML; findings fail the test.
 */
struct source_config *source_config_from(
    struct arena *arena, const char *kind, const char *dir, const char *yaml);
/* How many errors the settings have; *ret_text: the first. */
uint32_t source_config_errors(
    struct arena *arena, const char *kind, const char *yaml, char ret_text[256]);
