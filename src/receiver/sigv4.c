/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4: see sigv4.h. */
#include "config.h"

#include "receiver/sigv4.h"

#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mac.h"
#include "base/timestamp.h"

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define STAMP_SIZE 17 /* 20261120T060000Z and its NUL */

static void
put_stamp(wall_t at, char out[STAMP_SIZE])
{
	char text[TIMESTAMP_TEXT_MAX];
	const char *p = timestamp_format_ms(at, text);
	size_t n = 0;

	for (; *p != '.' && n < STAMP_SIZE - 2; p++)
		if (*p != '-' && *p != ':')
			out[n++] = *p;
	out[n++] = 'Z';
	out[n] = '\0';
}

/* "host:port" as it is sent, and the path. */
static void
split(struct str url, struct str *ret_host, struct str *ret_path)
{
	bool tls = str_starts(url, STR("https://"));
	struct str rest = str_make(url.p + (tls ? 8 : 7), url.n - (tls ? 8 : 7));
	const char *slash = memchr(rest.p, '/', rest.n);
	uint32_t n = slash != NULL ? (uint32_t)(slash - rest.p) : rest.n;
	struct str port = tls ? STR(":443") : STR(":80");

	*ret_path = slash != NULL ? str_make(slash, rest.n - n) : STR("/");
	*ret_host = str_make(rest.p, n);
	if (str_ends(*ret_host, port))
		ret_host->n -= port.n;
}

static void
hmac(const void *key, size_t key_bytes, struct str text, uint8_t out[MAC_BYTES])
{
	struct mac mac;

	mac_init(&mac, key, key_bytes);
	mac_put(&mac, text.p, text.n);
	mac_end(&mac, out);
}

static void
sign(const struct sigv4_key *key, struct str day, struct str text, char out[MAC_HEX_BYTES])
{
	struct buf first = { 0 };
	uint8_t k[MAC_BYTES];

	buf_puts(&first, "AWS4");
	buf_put_str(&first, key->secret);
	hmac(first.p, first.n, day, k);
	hmac(k, sizeof(k), key->region, k);
	hmac(k, sizeof(k), str_from(key->service), k);
	hmac(k, sizeof(k), STR("aws4_request"), k);
	hmac(k, sizeof(k), text, k);
	mac_to_hex(k, out);
	explicit_bzero(first.p, first.cap);
	explicit_bzero(k, sizeof(k));
	buf_fini(&first);
}

/* The request as both sides write it down before they compute. */
static struct str
canonical(const struct sigv4_key *key, struct str url, struct str body, const char *stamp,
    const char *signed_headers, struct arena *arena)
{
	struct buf out = { 0 };
	struct str host, path, copy;
	char hex[65];

	split(url, &host, &path);
	sha256_hex(body.p, body.n, hex);
	buf_puts(&out, "POST\n");
	buf_put_str(&out, path);
	buf_puts(&out, "\n\nhost:");
	buf_put_str(&out, host);
	buf_printf(&out, "\nx-amz-date:%s\n", stamp);
	if (key->token.n > 0)
		buf_printf(&out, "x-amz-security-token:%.*s\n", STR_ARG(key->token));
	buf_printf(&out, "\n%s\n%s", signed_headers, hex);
	copy = arena_str(arena, buf_str(&out));
	buf_fini(&out);
	return copy;
}

uint32_t
sigv4_sign(const struct sigv4_key *key, struct str url, struct str body, wall_t at,
    struct arena *arena, struct http_header headers[SIGV4_HEADERS_MAX])
{
	const char *names =
	    key->token.n > 0 ? "host;x-amz-date;x-amz-security-token" : "host;x-amz-date";
	char *stamp = arena_alloc(arena, STAMP_SIZE);
	char hex[65], signature[MAC_HEX_BYTES];
	struct str request, day, text;
	const char *scope;
	uint32_t n = 0;

	put_stamp(at, stamp);
	day = str_make(stamp, 8);
	scope = arena_printf(
	    arena, "%.*s/%.*s/%s/aws4_request", STR_ARG(day), STR_ARG(key->region), key->service);
	request = canonical(key, url, body, stamp, names, arena);
	sha256_hex(request.p, request.n, hex);
	text = str_from(arena_printf(arena, ALGORITHM "\n%s\n%s\n%s", stamp, scope, hex));
	sign(key, day, text, signature);
	headers[n++] = (struct http_header){ "X-Amz-Date", stamp };
	if (key->token.n > 0)
		headers[n++] = (struct http_header){ "X-Amz-Security-Token", key->token.p };
	headers[n++] = (struct http_header){ "Authorization",
		arena_printf(arena, ALGORITHM " Credential=%.*s/%s, SignedHeaders=%s, Signature=%s",
		    STR_ARG(key->id), scope, names, signature) };
	return n;
}
