/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that a page of another site made a browser send.
 *
 * A browser sends a remembered password along with whatever page asks it to,
 * and reaches what only this machine can reach.  Pages of other sites may
 * read, as the Access-Control-Allow-Origin of every answer says, but they may
 * not change anything, whether or not credentials are asked for.  Browsers say
 * where a request comes from: in Sec-Fetch-Site, or, where they do not trust
 * the connection, in Origin alone.  Programs say neither.
 */
#pragma once

#include <stdbool.h>

#include "net/server.h"

/*
 * home: the URL under which people know this server, NULL if it has none; its
 * host is ours also when a proxy has rewritten Host.  hides: a page that tells
 * nobody where it comes from ("Origin: null") may ask for this.
 */
bool origin_is_foreign(const struct http_call *call, const char *home, bool hides);
