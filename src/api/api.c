/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatch: the table of endpoints decides what exists, what is 404 and what 405. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/xalloc.h"

/*
 * The path below the prefix; false: it is not below it.  A slash at the end
 * means nothing, as in Alertmanager.
 */
static bool
path_of(const struct api *api, const struct http_call *call, struct str *ret)
{
	const char *prefix = api->state->route_prefix;
	struct str path = str_from(http_path(call));

	if (prefix != NULL && prefix[0] != '\0') {
		size_t n = strlen(prefix);

		if (!str_starts(path, str_from(prefix)) || (path.n > n && path.p[n] != '/'))
			return false;
		path = path.n > n ? str_make(path.p + n, path.n - n) : STR("/");
	}
	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	*ret = path;
	return true;
}

static void
add_common_headers(struct http_call *call)
{
	http_add_header(call, "Access-Control-Allow-Origin", "*");
	http_add_header(
	    call, "Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
	http_add_header(call, "Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
	http_add_header(call, "Access-Control-Expose-Headers", "Date");
}

static void
reply_not_allowed(struct http_call *call, struct buf *allowed)
{
	http_add_header(call, "Allow", buf_str(allowed).p);
	reply_code(call, 405, 405, "method %s is not allowed, but [%s] are", http_method(call),
	    buf_str(allowed).p);
}

/*
 * Alertmanager's old API: clients are told that it is gone, and not to fall
 * back to it.  /api/v1/alerts is Prometheus' now, which only reads.
 */
static bool
is_old_alertmanager_api(const struct http_call *call, struct str path)
{
	static const char *const gone[] = { "/api/v1/silences", "/api/v1/silence", "/api/v1/status",
		"/api/v1/receivers", "/api/v1/alerts/groups" };

	if (str_is(path, "/api/v1/alerts"))
		return strcmp(http_method(call), "POST") == 0;
	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		if (str_is(path, gone[i]))
			return true;
	return str_starts(path, STR("/api/v1/silence/"));
}

/* People who come to the root are sent where everything is. */
static void
reply_elsewhere(const struct api *api, struct http_call *call)
{
	if (strcmp(http_path(call), "/") == 0 && endpoint_method_fits("GET", http_method(call))) {
		http_add_header(call, "Location", api->state->route_prefix);
		reply_code(call, 302, 302, "everything is below %s", api->state->route_prefix);
	} else {
		reply_code(call, 404, 404, "path %s was not found: everything is below %s",
		    http_path(call), api->state->route_prefix);
	}
}

struct str
path_param(const struct api *api, uint32_t i)
{
	return api->path_params[i];
}

static void
dispatch(struct api *api, struct http_call *call)
{
	struct buf allowed = { 0 };
	struct str path;

	if (!path_of(api, call, &path)) {
		reply_elsewhere(api, call);
		return;
	}
	for (size_t i = 0; i < api_n_endpoints; i++) {
		const struct endpoint *endpoint = &api_endpoints[i];

		if (!endpoint_path_fits(endpoint->path, path, api->path_params))
			continue;
		if (endpoint_method_fits(endpoint->method, http_method(call))) {
			buf_fini(&allowed);
			http_metrics_watch(api, call, i);
			endpoint->handle(api, call, api->path_params[0]);
			return;
		}
		buf_printf(&allowed, "%s%s", allowed.n > 0 ? "," : "", endpoint->method);
	}
	if (allowed.n > 0 && strcmp(http_method(call), "OPTIONS") == 0) {
		http_add_header(call, "Allow", buf_str(&allowed).p);
		http_reply_text(call, 200, NULL, "");
	} else if (is_old_alertmanager_api(call, path))
		reply_code(call, 410, 410, "Alertmanager's API v1 is gone, use /api/v2");
	else if (allowed.n > 0)
		reply_not_allowed(call, &allowed);
	else
		reply_code(call, 404, 404, "path %s was not found", http_path(call));
	buf_fini(&allowed);
}

enum role
api_role_needed(void *arg, const struct http_call *call)
{
	const struct api *api = arg;
	struct str path, params[PATH_PARAMS_MAX];

	/* What browsers ask before a request, without its credentials. */
	if (strcmp(http_method(call), "OPTIONS") == 0)
		return ROLE_NONE;
	if (!path_of(api, call, &path))
		return ROLE_VIEWER;
	for (size_t i = 0; i < api_n_endpoints; i++)
		if (endpoint_path_fits(api_endpoints[i].path, path, params) &&
		    endpoint_method_fits(api_endpoints[i].method, http_method(call)))
			return api_endpoints[i].role;
	return ROLE_VIEWER; /* to be told that there is nothing */
}

void
api_handle(void *arg, struct http_call *call)
{
	struct api *api = arg;

	api->requests++;
	add_common_headers(call);
	if (http_has_nul(call))
		reply_code(call, 400, 400,
		    "a NUL character, %%00, in the URL or form; no text here has one");
	else
		dispatch(api, call);
}

struct api *
api_new(struct api_state *state)
{
	struct api *api = xcalloc(1, sizeof(*api));

	api->state = state;
	list_init(&api->pending);
	return api;
}

void
api_free(struct api *api)
{
	if (api == NULL)
		return;
	LIST_FOREACH_SAFE(link, next, &api->pending)
	pending_end(CONTAINER_OF(link, struct pending, link));
	limits_fini(api);
	alert_counts_fini(api);
	free(api->http_stats);
	free(api);
}
