/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking HTTP request, for the command-line client: no loop needed. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "net/options.h"

struct client_answer {
	int status;
	struct buf body; /* the caller's: buf_fini */
};

/* 0, or -ERR_IO / -ERR_TIMEOUT when no answer came. Answers of any status are success here. */
int client_request(const char *method, const char *url, const char *content_type, struct str body, const struct http_options *http,
    struct client_answer *ret, struct err *err);
