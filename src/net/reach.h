/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses a request may go to.
 *
 * Asked with the address of each connection, after names have been resolved:
 * a name that points inside, a redirect there and an IPv4 address in the
 * clothes of IPv6 are seen for what they are.  Behind a proxy it is the
 * proxy's address that counts, since only it knows the other.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct sockaddr;

#define REACH_ALLOW_MAX 64

/* 10.0.0.0/8, 192.0.2.7, fd00::/8 */
struct network {
	uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t bits;
};

struct reach {
	bool forbid_private;
	uint32_t n_allow;
	struct network allow[REACH_ALLOW_MAX]; /* all the same */
};

/* 0 or ERR_INVALID. */
int network_parse(struct str text, struct network *ret, struct err *err);
bool network_is_address(const char *text);
/* Is the address ("10.1.2.3", "fd00::1") in one of the networks? */
bool networks_have(const struct network *networks, uint32_t n, const char *address);
/* reach NULL: anywhere. What is neither IPv4 nor IPv6 is private. */
bool reach_allows(const struct reach *reach, const struct sockaddr *address);
/* The same for "127.0.0.1", "::1". */
bool reach_allows_text(const struct reach *reach, const char *address);
