/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "receiver/ack_link.h"

#include <string.h>

#include "base/mac.h"

#define PARTS 6

static const char letters[ACK_LINK_ACTION_COUNT] = { 'a', 's' };

static void
mac_of(struct str key, struct str text, uint8_t out[MAC_BYTES])
{
	struct mac mac;

	mac_init(&mac, key.p, key.n);
	mac_put(&mac, "tocsin link ", 12);
	mac_put(&mac, text.p, text.n);
	mac_end(&mac, out);
}

void
ack_link_put(struct str key, const struct ack_link *link, struct buf *out)
{
	size_t from = out->n;
	uint8_t mac[MAC_BYTES];
	char hex[MAC_HEX_BYTES];

	buf_printf(out, "%c.%lld.%lld.%lld.", letters[link->action], (long long)link->incident,
	    (long long)link->delivery, (long long)(link->expires_at.ns / 1000000000));
	for (const char *p = link->to; *p != '\0'; p++)
		buf_printf(out, "%02x", (unsigned char)*p);
	mac_of(key, str_make(out->p + from, out->n - from), mac);
	mac_to_hex(mac, hex);
	buf_putc(out, '.');
	buf_puts(out, hex);
}

static bool
split(struct str text, struct str parts[PARTS])
{
	uint32_t n = 0, from = 0;

	for (uint32_t i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] != '.')
			continue;
		if (n == PARTS)
			return false;
		parts[n++] = str_make(text.p + from, i - from);
		from = i + 1;
	}
	return n == PARTS;
}

static bool
read_to(struct str hex, char to[ACK_LINK_TO_MAX + 1])
{
	if (hex.n % 2 != 0 || hex.n > 2 * ACK_LINK_TO_MAX)
		return false;
	for (uint32_t i = 0; i < hex.n; i += 2) {
		int high = str_hex_digit(hex.p[i]), low = str_hex_digit(hex.p[i + 1]);

		if (high < 0 || low < 0 || high + low == 0)
			return false;
		to[i / 2] = (char)(high << 4 | low);
	}
	to[hex.n / 2] = '\0';
	return true;
}

bool
ack_link_read(struct str key, struct str text, struct ack_link *ret)
{
	struct str parts[PARTS];
	uint8_t want[MAC_BYTES], got[MAC_BYTES];
	int64_t seconds;
	const char *letter;

	if (text.n > ACK_LINK_TEXT_MAX || !split(text, parts) ||
	    !mac_from_hex(parts[5].p, parts[5].n, got))
		return false;
	mac_of(key, str_make(text.p, text.n - parts[5].n - 1), want);
	if (!mac_same(want, got, sizeof(want)) || parts[0].n != 1)
		return false;
	letter = memchr(letters, parts[0].p[0], sizeof(letters));
	if (letter == NULL || !str_to_i64(parts[1], &ret->incident) ||
	    !str_to_i64(parts[2], &ret->delivery) || !str_to_i64(parts[3], &seconds) ||
	    seconds < 0 || seconds > INT64_MAX / 1000000000)
		return false;
	ret->action = (enum ack_link_action)(letter - letters);
	ret->expires_at = (wall_t){ seconds * 1000000000 };
	return read_to(parts[4], ret->to);
}
