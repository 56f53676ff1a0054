/* SPDX-License-Identifier: Apache-2.0 */
/* Label sets, matchers and configurations from short texts; a directory of one's own. */
#include "config.h"

#include "unit/route/helpers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct labels *
labels_of(const char *text)
{
	struct arena *arena = arena_new(0);
	struct labels_builder b;
	struct err err = { 0 };

	labels_builder_init(&b, arena);
	while (*text != '\0') {
		size_t n = strcspn(text, ","), name = strcspn(text, "=");

		ck_assert_msg(name < n, "no = in %s", text);
		labels_builder_set(
		    &b, str_make(text, name), str_make(text + name + 1, n - name - 1));
		text += text[n] == ',' ? n + 1 : n;
	}
	struct labels *labels = labels_intern(&b, &err);
	ck_assert_msg(labels != NULL, "%s", err.text);
	arena_free(arena);
	return labels;
}

const char *
text_of(const struct labels *labels, struct buf *buf)
{
	buf_clear(buf);
	buf_puts(buf, "");
	for (uint32_t i = 0; i < labels->n; i++)
		buf_printf(
		    buf, "%s%s=%s", i > 0 ? "," : "", labels->l[i].name->p, labels->l[i].value->p);
	return buf->n > 0 ? buf->p : "";
}

struct matchers *
matchers_of(const char *text)
{
	struct err err = { 0 };
	struct matchers *matchers = matchers_parse(str_from(text), &err);

	ck_assert_msg(matchers != NULL, "%s: %s", text, err.text);
	return matchers;
}

static const struct schema_field probe_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "url",
	    .kind = FIELD_STRING,
	    .fallback = "http://probe.test/",
	    .offset = offsetof(struct probe_settings, url),
	    .doc = "Where to." },
};
static const struct schema probe_schema = { .name = "probe_configs",
	.doc = "A test.",
	.size = sizeof(struct probe_settings),
	SCHEMA_FIELDS(probe_fields) };
static const struct schema_field quiet_fields[] = {
	INTEGRATION_FIELDS("false"),
	{ .name = "url",
	    .kind = FIELD_STRING,
	    .fallback = "http://quiet.test/",
	    .offset = offsetof(struct probe_settings, url),
	    .doc = "Where to." },
};
static const struct schema quiet_schema = { .name = "quiet_configs",
	.doc = "A test.",
	.size = sizeof(struct probe_settings),
	SCHEMA_FIELDS(quiet_fields) };
static const struct schema scribe_schema = { .name = "scribe_configs",
	.doc = "A test.",
	.size = sizeof(struct probe_settings),
	SCHEMA_FIELDS(probe_fields) };

const struct integration_kind probe_kind = { .name = "probe", .schema = &probe_schema };
const struct integration_kind quiet_kind = { .name = "quiet", .schema = &quiet_schema };
const struct integration_kind scribe_kind = { .name = "scribe", .schema = &scribe_schema };

static const struct integration_kind *const integrations[] = { &probe_kind, &quiet_kind,
	&scribe_kind, NULL };
static const struct source_kind *const sources[] = { NULL };
static const struct rule_kind_schema *const rules[] = { NULL };
static const struct config_kinds kinds = { integrations, sources, rules };

static void
fail_with(const struct diag *diag)
{
	struct buf buf = { 0 };

	diag_print(diag, &buf);
	ck_abort_msg("%s", buf.p);
}

struct config *
config_of(const char *yaml)
{
	struct diag *diag = diag_new();
	struct config *config;
	char dir[64], path[80];
	FILE *file;

	dir_make(dir);
	(void)snprintf(path, sizeof(path), "%s/tocsin.yml", dir);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(yaml, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	config = config_load(path, &kinds, diag);
	if (config == NULL)
		fail_with(diag);
	diag_free(diag);
	dir_remove(dir);
	return config;
}

/* These tests commit thousands of times; in memory that is fast on any disk. */
void
dir_make(char dir[64])
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)snprintf(dir, 64, "%s/tocsin-route-XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

void
dir_remove(const char *dir)
{
	DIR *open_dir = opendir(dir);
	struct dirent *entry;
	char path[512];

	ck_assert_ptr_nonnull(open_dir);
	while ((entry = readdir(open_dir)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] != '.')
			(void)unlink(path);
	}
	(void)closedir(open_dir);
	ck_assert_int_eq(rmdir(dir), 0);
}
