/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the web configuration to the gate of the servers: see web.h.
 *
 * TLS cannot come or go while the servers run, since their clients know them
 * by http:// or https://; everything else may change with a reload.
 */
#include "config.h"

#include "daemon/web.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "daemon/web_config.h"

struct web_change {
	struct web_config *config;
};

static struct web_config *
load(const char *path, struct buf *ret_text)
{
	struct diag *diag = diag_new();
	struct web_config *config = web_config_load(path, diag);

	if (config == NULL) {
		diag_sort(diag);
		diag_print_brief(diag, ret_text);
	}
	diag_free(diag);
	return config;
}

/* The files were tried a moment ago; if they have gone since, the old ones stay. */
static int
set_tls(struct web *web, const struct web_config *config, struct buf *ret_text)
{
	struct err err = { .code = ERR_NONE };

	if (!config->has_tls)
		return 0;
	if (web->tls == NULL && (web->tls = tls_server_new(&config->tls, &err)) != NULL)
		return 0;
	if (web->tls != NULL && tls_server_set(web->tls, &config->tls, &err) == 0)
		return 0;
	buf_printf(ret_text, "%s: %s\n", web->config_path, err.text);
	return -ERR_INVALID;
}

int
web_open(struct web *web, struct loop *loop, const char *config_path, struct buf *ret_text)
{
	struct web_config *config;
	int rc;

	*web = (struct web){ .config_path = config_path, .guard = guard_new(loop) };
	if (config_path == NULL)
		return 0;
	config = load(config_path, ret_text);
	if (config == NULL)
		return -ERR_INVALID;
	guard_set(web->guard, &config->guard);
	rc = set_tls(web, config, ret_text);
	web_config_free(config);
	return rc;
}

int
web_read(const struct web *web, struct web_change **ret, struct buf *ret_text)
{
	struct web_config *config;

	*ret = NULL;
	if (web->config_path == NULL)
		return 0;
	config = load(web->config_path, ret_text);
	if (config == NULL)
		return -ERR_INVALID;
	if (config->has_tls != (web->tls != NULL)) {
		buf_printf(ret_text,
		    "%s: TLS cannot be switched %s by a reload, start the server anew\n",
		    web->config_path, config->has_tls ? "on" : "off");
		web_config_free(config);
		return -ERR_INVALID;
	}
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->config = config;
	return 0;
}

void
web_commit(struct web *web, struct web_change *change)
{
	struct buf text = { 0 };

	if (change == NULL)
		return;
	if (set_tls(web, change->config, &text) < 0)
		log_error("web", "certificates not changed", LOG_STR("err", buf_str(&text)));
	guard_set(web->guard, &change->config->guard);
	buf_fini(&text);
	web_change_free(change);
}

void
web_change_free(struct web_change *change)
{
	if (change == NULL)
		return;
	web_config_free(change->config);
	free(change);
}

struct http_gate
web_gate(const struct web *web)
{
	return (struct http_gate){
		.admit = guard_admit,
		.arg = web->guard,
		.tls = web->tls,
	};
}

void
web_close(struct web *web)
{
	if (web->guard != NULL)
		guard_close(web->guard);
}

void
web_free(struct web *web)
{
	guard_free(web->guard);
	tls_server_free(web->tls);
	*web = (struct web){ 0 };
}

char *
web_route_prefix(const char *given, const char *external_url)
{
	struct str path = str_from(given != NULL ? given : "");
	const char *slash, *host;
	struct buf prefix = { 0 };

	if (given == NULL && external_url != NULL) {
		host = strstr(external_url, "://");
		slash = strchr(host != NULL ? host + 3 : external_url, '/');
		if (slash != NULL)
			path = str_make(slash, strcspn(slash, "?#"));
	}
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	while (path.n > 0 && path.p[0] == '/')
		path = str_make(path.p + 1, path.n - 1);
	if (path.n > 0)
		buf_printf(&prefix, "/%.*s", STR_ARG(path));
	return buf_take(&prefix);
}
