/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OAuth 2.0 client credentials: what is asked of the token server, and how
 * its answer is read.  Pure but for secret files; xfer_token.c and client.c
 * do the asking.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "net/options.h"

#define OAUTH2_ANSWER_BYTES_MAX ((uint32_t)1 << 20)

/* A form to POST to options->token_url. */
struct oauth2_ask {
	struct buf body;
	struct http_options http;
	struct buf user, password;
};

/*
 * in_form: the client's id and secret go into the form instead of an
 * Authorization header; some servers want it so.
 */
int oauth2_ask_make(struct oauth2_ask *ask,
    const struct oauth2_options *options, bool in_form, struct err *err);
void oauth2_ask_fini(struct oauth2_ask *ask); /* a zeroed one is fine */
/* Everything that makes a token this one, for a lookup. */
int oauth2_identity(
    const struct oauth2_options *options, struct buf *out, struct err *err);
/* A refusal that in_form might turn. */
bool oauth2_may_want_form(int status);
/*
 * The answer's Authorization header value (free()) and how long it is good
 * for, 0: until it is refused.  ERR_REMOTE with what the server says when
 * there is no token in it.
 */
int oauth2_answer_read(const struct oauth2_options *options, int status,
    struct str body, char **ret_authorization, dur_t *ret_lifetime,
    struct err *err);
/* "token from https://host/path: " before the text. */
int oauth2_wrap(const struct oauth2_options *options, struct err *err);
