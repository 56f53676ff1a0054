/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mac.h"

#include <string.h>

#include "base/str.h"

#define BLOCK_BYTES 64

void
mac_init(struct mac *mac, const void *key, size_t key_bytes)
{
	uint8_t pad[BLOCK_BYTES] = { 0 };

	sha256_init(&mac->inner);
	sha256_init(&mac->outer);
	if (key_bytes > BLOCK_BYTES) {
		struct sha256 sha;

		sha256_init(&sha);
		sha256_put(&sha, key, key_bytes);
		sha256_end(&sha, pad);
		explicit_bzero(&sha, sizeof(sha));
	} else if (key_bytes > 0) {
		memcpy(pad, key, key_bytes);
	}
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		pad[i] ^= 0x36;
	sha256_put(&mac->inner, pad, sizeof(pad));
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha256_put(&mac->outer, pad, sizeof(pad));
	explicit_bzero(pad, sizeof(pad));
}

void
mac_put(struct mac *mac, const void *p, size_t n)
{
	sha256_put(&mac->inner, p, n);
}

void
mac_end(struct mac *mac, uint8_t out[MAC_BYTES])
{
	sha256_end(&mac->inner, out);
	sha256_put(&mac->outer, out, MAC_BYTES);
	sha256_end(&mac->outer, out);
	explicit_bzero(mac, sizeof(*mac));
}

void
mac_to_hex(const uint8_t mac[MAC_BYTES], char out[MAC_HEX_BYTES])
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < MAC_BYTES; i++) {
		out[2 * i] = hex[mac[i] >> 4];
		out[2 * i + 1] = hex[mac[i] & 15];
	}
	out[MAC_HEX_BYTES - 1] = '\0';
}

bool
mac_from_hex(const char *hex, size_t n, uint8_t out[MAC_BYTES])
{
	if (n != MAC_HEX_BYTES - 1)
		return false;
	for (size_t i = 0; i < MAC_BYTES; i++) {
		int high = str_hex_digit(hex[2 * i]), low = str_hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high * 16 + low);
	}
	return true;
}

bool
mac_same(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *p = a, *q = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= (uint8_t)(p[i] ^ q[i]);
	return differ == 0;
}
