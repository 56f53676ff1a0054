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
path_fits(const char *pattern, const char *path, struct str *ret_id)
{
	const char *brace = strchr(pattern, '{');

	*ret_id = (struct str){ "", 0 };
	if (brace == NULL)
		return strcmp(pattern, path) == 0;
	size_t fixed = (size_t)(brace - pattern);
	if (strncmp(pattern, path, fixed) != 0 || path[fixed] == '\0' ||
	    strchr(path + fixed, '/') != NULL)
		return false;
	*ret_id = str_from(path + fixed);
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
	http_add_header(call, "Access-Control-Allow-Headers",
	    "Accept, Authorization, Content-Type, Origin");
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

/* Alertmanager's old API: clients are told that it is gone, and not to fall back to it. */
static bool
is_old_alertmanager_api(const char *path)
{
	static const char *const gone[] = { "/api/v1/silences", "/api/v1/silence", "/api/v1/status",
		"/api/v1/receivers" };

	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		if (strcmp(path, gone[i]) == 0)
			return true;
	return false;
}

static void
dispatch(struct api *api, struct http_call *call)
{
	struct buf allowed = { 0 };
	struct str id;

	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
		if (!path_fits(endpoints[i].path, http_path(call), &id))
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
	else if (allowed.n > 0)
		reply_not_allowed(call, &allowed);
	else if (is_old_alertmanager_api(http_path(call)))
		reply_code(call, 410, 410, "API v1 is gone, use /api/v2");
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
	return api;
}

void
api_free(struct api *api)
{
	free(api);
}
