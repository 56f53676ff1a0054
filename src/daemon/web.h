/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands before the API: TLS, users, headers, and the path it is under.
 * Private to daemon/.
 */
#pragma once

#include "base/buf.h"
#include "net/guard.h"
#include "net/server.h"
#include "net/tls.h"

struct web {
	const char *config_path; /* NULL: plain HTTP, and everybody is an admin */
	struct guard *guard;
	struct tls_server *tls;
};

/* Reads the file if there is one; the findings as text in ret_text when it is wrong. */
int web_open(struct web *web, struct loop *loop, const char *config_path, struct buf *ret_text);
/*
 * A reload in two halves, so that it can be all or nothing together with the
 * main configuration: web_read() finds everything that can be wrong,
 * web_commit() puts it in force and frees it.  *ret is NULL without a file.
 */
struct web_change;
int web_read(const struct web *web, struct web_change **ret, struct buf *ret_text);
void web_commit(struct web *web, struct web_change *change);
void web_change_free(struct web_change *change);
/* For http_server_new_gated(). */
struct http_gate web_gate(const struct web *web);
/* Before the servers are freed, and after. */
void web_close(struct web *web);
void web_free(struct web *web);

/*
 * "/prefix" without a slash at its end, "" for none; free().  given: NULL for
 * the path of external_url, which may be NULL too.
 */
char *web_route_prefix(const char *given, const char *external_url);
