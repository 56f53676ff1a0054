/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and secrets: HMAC-SHA-256 (RFC 2104), and comparing without telling how much was right. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

#define MAC_BYTES 32
#define MAC_HEX_BYTES 65 /* with its NUL */

/* The message may come in pieces. */
struct mac {
	struct sha256 inner, outer;
};
void mac_init(struct mac *mac, const void *key, size_t key_bytes);
void mac_put(struct mac *mac, const void *p, size_t n);
void mac_end(struct mac *mac, uint8_t out[MAC_BYTES]); /* forgets the key */

void mac_to_hex(const uint8_t mac[MAC_BYTES], char out[MAC_HEX_BYTES]);
/* 64 hex digits in either case; false on anything else. */
bool mac_from_hex(const char *hex, size_t n, uint8_t out[MAC_BYTES]);

/* Takes as long when the first byte differs as when none does. */
bool mac_same(const void *a, const void *b, size_t n);
