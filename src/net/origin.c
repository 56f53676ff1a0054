/* SPDX-License-Identifier: Apache-2.0 */
/* Where a browser says a request is from, and what we are called: see origin.h. */
#include "config.h"

#include "net/origin.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

static bool
only_reads(const struct http_call *call)
{
	const char *method = http_method(call);

	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
	       strcmp(method, "OPTIONS") == 0;
}

/* "host:port" of a URL; empty when it is none. */
static struct str
authority_of(const char *url)
{
	const char *host = strstr(url, "://");

	return host != NULL ? str_make(host + 3, (uint32_t)strcspn(host + 3, "/?#")) : STR("");
}

static struct str
without_port(struct str host, struct str port)
{
	return host.n > port.n && memcmp(host.p + host.n - port.n, port.p, port.n) == 0
		   ? str_make(host.p, host.n - port.n)
		   : host;
}

/* A port that goes without saying may have been said by one of the two. */
static bool
is_same_host(struct str origin, struct str ours, bool tls)
{
	struct str port = tls ? STR(":443") : STR(":80");

	origin = without_port(origin, port);
	ours = without_port(ours, port);
	return origin.n > 0 && origin.n == ours.n &&
	       strncasecmp(origin.p, ours.p, origin.n) == 0;
}

bool
origin_is_foreign(const struct http_call *call, const char *home, bool hides)
{
	const char *site = http_header_value(call, "Sec-Fetch-Site");
	const char *origin = http_header_value(call, "Origin");
	const char *host = http_header_value(call, "Host");
	struct str from;
	bool tls;

	if (only_reads(call))
		return false;
	if (site != NULL)
		return strcmp(site, "cross-site") == 0;
	if (origin == NULL || (hides && strcmp(origin, "null") == 0))
		return false;
	from = authority_of(origin);
	tls = strncasecmp(origin, "https:", 6) == 0;
	return !(host != NULL && is_same_host(from, str_from(host), tls)) &&
	       !(home != NULL && is_same_host(from, authority_of(home), tls));
}
