/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Signature Version 4 for a POST: who asks, and that nobody has changed
 * what is asked.  Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/instant.h"
#include "base/str.h"
#include "net/options.h"

struct sigv4_key {
	struct str id, secret, token; /* token: of a session; may be empty */
	struct str region;
	const char *service;
};

#define SIGV4_HEADERS_MAX 3

/* Fills headers with what belongs to the request; returns how many. url: http(s), the query escaped as it is sent. */
uint32_t sigv4_sign(const struct sigv4_key *key, struct str url, struct str body, wall_t at, struct arena *arena,
    struct http_header headers[SIGV4_HEADERS_MAX]);
