/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of endpoints: what exists, who may, what goes in and what comes
 * out.  Dispatch, the check of roles and schemas/openapi.json are made from
 * it.  Private to api/.
 *
 * A new endpoint is one row in endpoints.inc and its handler api_NAME; a new
 * shape of JSON is one row in shapes.inc.  `tocsin schema openapi` prints the
 * document, which make check compares with the committed one.
 *
 * Types are written as text:
 *   string integer number boolean time uuid any   (time: RFC 3339)
 *   NAME        a shape of shapes.inc
 *   [T]  {T}    a list, an object whose values are all T
 *   a|b|c       one of these words
 *   T?          or null
 *   text, html  not JSON (bodies and answers only)
 */
#pragma once

#include "api/api.h"
#include "net/actor.h"

#define PATH_PARAMS_MAX 2

/* id: what stood for the first {...} of the path, else empty; path_param() has the others. */
typedef void endpoint_fn(struct api *api, struct http_call *call, struct str id);

struct api_param {
	const char *name, *type, *doc;
	bool in_path;
	int64_t min, max;     /* of integers; both 0: none given */
	const char *fallback; /* what counts when it is absent; NULL: nothing */
};

struct api_answer {
	int status;
	const char *type, *doc; /* type NULL: an empty body */
};

struct endpoint {
	const char *method, *path; /* {name} takes one segment that is not empty */
	endpoint_fn *handle;
	const char *name;          /* operationId */
	enum role role;            /* who may; ROLE_NONE: needs no credentials */
	const char *summary;
	const struct api_param *params; /* up to one without a name; NULL: none */
	const char *body;               /* type of the JSON it wants; NULL: none */
	const struct api_answer *answers; /* up to one with status 0; those of every endpoint are added */
};

/* One member of a shape. */
struct api_member {
	const char *name, *type, *doc;
	bool optional;
};

struct api_shape {
	const char *name, *doc;
	const struct api_member *members; /* up to one without a name */
};

extern const struct endpoint api_endpoints[];
extern const size_t api_n_endpoints;
extern const struct api_shape api_shapes[];
extern const size_t api_n_shapes;

/* Does the path fit the pattern? ret gets what stood for each {...}. */
bool endpoint_path_fits(const char *pattern, struct str path, struct str ret[PATH_PARAMS_MAX]);
/* HEAD is answered like GET; the server drops the body. */
bool endpoint_method_fits(const char *wanted, const char *method);

#define ENDPOINT(method, path, name, ...) endpoint_fn api_##name;
#include "api/endpoints.inc"
#undef ENDPOINT
