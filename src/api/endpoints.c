/* SPDX-License-Identifier: Apache-2.0 */
/* The table itself, and what its rows share. */
#include "config.h"

#include "api/endpoint.h"

#include <string.h>

#include "base/attr.h"

/* --- what several rows have -------------------------------------------------- */

#define PARAMS(...)  .params = (const struct api_param[]){ __VA_ARGS__, { .name = NULL } }
#define ANSWERS(...) .answers = (const struct api_answer[]){ __VA_ARGS__, { .status = 0 } }
#define BODY(t)	     .body = (t)
/* clang-format off */
#define PARAM(n, t, d, ...)  { .name = (n), .type = (t), .doc = (d), __VA_ARGS__ }
#define PATH_PARAM(n, t, d)  PARAM(n, t, d, .in_path = true)
#define ANSWER(s, t, d)      { .status = (s), .type = (t), .doc = (d) }

#define FILTER            PARAM("filter", "[string]", "Matchers, all of which must fit: job=\"api\"")
#define RECEIVER          PARAM("receiver", "string", "A regular expression of receivers' names")
#define RECEIVER_MATCHERS PARAM("receiver_matchers", "[string]", "Matchers of the receiver: name=\"ops\"")
#define ALERT_FLAGS \
	PARAM("active", "boolean", "Those that are told", .fallback = "true"), \
	PARAM("silenced", "boolean", "Silenced ones", .fallback = "true"), \
	PARAM("inhibited", "boolean", "Inhibited ones", .fallback = "true"), \
	PARAM("unprocessed", "boolean", "Those without a group yet", .fallback = "true")
#define SILENCE_ID PATH_PARAM("id", "uuid", "The silence's id")
#define LIMIT      PARAM("limit", "integer", "At most so many", .min = 1, .max = 1000, .fallback = "100")
#define BEFORE     PARAM("before", "integer", "The page after the one that ended with this id", .min = 1, .max = INT64_MAX)
#define SINCE      PARAM("since", "string", "From then on: RFC 3339 or unix seconds")
#define UNTIL      PARAM("until", "string", "Before then: RFC 3339 or unix seconds")

#define INCIDENT_ID       PATH_PARAM("id", "integer", "The incident's number")
#define ALERT_FINGERPRINT PATH_PARAM("fingerprint", "string", "The alert's: 16 hexadecimal digits")
#define NO_INCIDENT       ANSWER(404, "error", "There is no such incident")
#define INCIDENT_ANSWERS \
	ANSWERS(ANSWER(200, "incidents", "As they are now; it is durable"), BAD_CODE, NO_INCIDENT, \
	    ANSWER(409, "error", "It is not in a state for that"), BAD_BODY, NOT_JSON, STALLED)

#define BAD_SAID      ANSWER(400, "any", "A parameter or the content is wrong")
#define BAD_CODE      ANSWER(400, "error", "A parameter is wrong")
#define BAD_PROM      ANSWER(400, "promError", "A parameter is wrong")
#define BAD_BODY      ANSWER(422, "error", "Something is missing or has a wrong form")
#define NOT_JSON      ANSWER(415, "error", "The body is not application/json")
#define STALLED       ANSWER(503, "error", "State cannot be written to disk now; nothing was taken")
#define TOO_MANY_GETS ANSWER(503, "error", "More listings at once than allowed")
/* clang-format on */

/* --- the tables --------------------------------------------------------------- */

const struct endpoint api_endpoints[] = {
#define ENDPOINT(m, p, n, r, s, ...)                                                               \
	{ .method = (m),                                                                           \
	    .path = (p),                                                                           \
	    .handle = api_##n,                                                                     \
	    .name = #n,                                                                            \
	    .role = ROLE_##r,                                                                      \
	    .summary = (s),                                                                        \
	    __VA_ARGS__ },
#include "api/endpoints.inc"
#undef ENDPOINT
};
const size_t api_n_endpoints = ARRAY_LEN(api_endpoints);

/* clang-format off */
#define M(n, t, d) { (n), (t), (d), false }
#define O(n, t, d) { (n), (t), (d), true }
/* clang-format on */
const struct api_shape api_shapes[] = {
#define SHAPE(n, d, ...)                                                                           \
	{ #n, d, (const struct api_member[]){ __VA_ARGS__, { .name = NULL } } },
#include "api/shapes.inc"
#undef SHAPE
};
const size_t api_n_shapes = ARRAY_LEN(api_shapes);

/* --- fitting ------------------------------------------------------------------ */

bool
endpoint_path_fits(const char *pattern, struct str path, struct str ret[PATH_PARAMS_MAX])
{
	const char *p = path.p, *end = path.p + path.n;
	uint32_t n = 0;

	for (uint32_t i = 0; i < PATH_PARAMS_MAX; i++)
		ret[i] = STR("");
	while (*pattern != '\0') {
		const char *close = *pattern == '{' ? strchr(pattern, '}') : NULL;
		const char *begin = p;

		if (close == NULL) {
			if (p == end || *p++ != *pattern++)
				return false;
			continue;
		}
		while (p < end && *p != '/')
			p++;
		if (p == begin || n == PATH_PARAMS_MAX)
			return false;
		ret[n++] = str_make(begin, (size_t)(p - begin));
		pattern = close + 1;
	}
	return p == end;
}

bool
endpoint_method_fits(const char *wanted, const char *method)
{
	return strcmp(wanted, method) == 0 ||
	       (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}
