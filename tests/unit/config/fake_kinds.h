/* SPDX-License-Identifier: Apache-2.0 */
/* Small receivers, sources and rule kinds, shaped like the real ones. */
#pragma once

#include "config/config.h"

struct fake_webhook {
	struct integration_common common;
	const char *url;
	int64_t max_alerts;
};

struct fake_slack {
	struct integration_common common;
	struct secret api_url;
	struct template *channel;
};

struct fake_log {
	struct integration_common common;
	const char *path;
};

struct fake_prometheus {
	const char *url;
	const struct http_options *http;
	const char *remote_write_url;
	struct pos pos;
};

struct fake_sqlite {
	const char *path;
};

struct fake_expr {
	const char *query;
};

struct fake_threshold {
	const char *query;
	int op;
	double value;
	struct number_map levels;
};

extern const struct config_kinds fake_kinds;
