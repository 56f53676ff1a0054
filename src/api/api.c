/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatch: the table of endpoints decides what exists, what is 404 and what 405. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "base/xalloc.h"

struct endpoint {
	const char *method, *path;
	endpoint_fn *handle;
};

static const struct endpoint endpoints[] = {
#define X(method, path, name, summary) { (method), (path), api_##name },
	ENDPOINTS(X)
#undef X
};

/* Does the path fit the pattern? {id} takes one non-empty segment. */
static bool
path_fits(const char *pattern, struct str path, struct str *ret_id)
{
	const char *brace = strchr(pattern, '{');

	*ret_id = (struct str){ "", 0 };
	if (brace == NULL)
		return str_is(path, pattern);
	uint32_t fixed = (uint32_t)(brace - pattern);
	if (path.n <= fixed || memcmp(pattern, path.p, fixed) != 0 ||
	    memchr(path.p + fixed, '/', path.n - fixed) != NULL)
		return false;
	*ret_id = str_make(path.p + fixed, path.n - fixed);
	return true;
}

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

/* HEAD is answered like GET; the server drops the body. */
static bool
method_fits(const char *wanted, const char *method)
{
	return strcmp(wanted, method) == 0 ||
	       (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
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
	if (strcmp(http_path(call), "/") == 0 && method_fits("GET", http_method(call))) {
		http_add_header(call, "Location", api->state->route_prefix);
		reply_code(call, 302, 302, "everything is below %s", api->state->route_prefix);
	} else {
		reply_code(call, 404, 404, "path %s was not found: everything is below %s",
		    http_path(call), api->state->route_prefix);
	}
}

static void
dispatch(struct api *api, struct http_call *call)
{
	struct str path, id;
	struct buf allowed = { 0 };

	if (!path_of(api, call, &path)) {
		reply_elsewhere(api, call);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
		if (!path_fits(endpoints[i].path, path, &id))
			continue;
		if (method_fits(endpoints[i].method, http_method(call))) {
			buf_fini(&allowed);
			endpoints[i].handle(api, call, id);
			return;
		}
		buf_printf(&allowed, "%s%s", allowed.n > 0 ? "," : "", endpoints[i].method);
	}
	if (allowed.n > 0 && strcmp(http_method(call), "OPTIONS") == 0)
		http_reply_text(call, 200, NULL, "");
	else if (is_old_alertmanager_api(call, path))
		reply_code(call, 410, 410, "Alertmanager's API v1 is gone, use /api/v2");
	else if (allowed.n > 0)
		reply_not_allowed(call, &allowed);
	else
		reply_code(call, 404, 404, "path %s was not found", http_path(call));
	buf_fini(&allowed);
}

void
api_handle(void *arg, struct http_call *call)
{
	struct api *api = arg;

	api->requests++;
	add_common_headers(call);
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
	free(api);
}
