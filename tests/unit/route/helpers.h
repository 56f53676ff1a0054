/* SPDX-License-Identifier: Apache-2.0 */
/* Label sets, matchers and configurations from short texts; a directory of one's own. */
#pragma once

#include <check.h>

#include "base/buf.h"
#include "config/config.h"
#include "labels/labels.h"
#include "labels/matcher.h"

#define START_AT ((wall_t){ INT64_C(1700000000000000000) })
/* So many seconds after the start. */
#define AT(seconds) ((wall_t){ START_AT.ns + (int64_t)((seconds) * 1000000000LL) })

/* "a=1,b=2"; +1 reference. */
struct labels *labels_of(const char *text);
struct matchers *matchers_of(const char *text);
/* The receiver types are probe_configs (HTTP, sends resolves), quiet_configs (HTTP, does not) and scribe_configs (local). */
struct config *config_of(const char *yaml);
extern const struct integration_kind probe_kind, quiet_kind, scribe_kind;
struct probe_settings {
	struct integration_common common;
	const char *url;
};

/* "a=1,b=2" */
const char *text_of(const struct labels *labels, struct buf *buf);

void dir_make(char dir[64]);
void dir_remove(const char *dir);
