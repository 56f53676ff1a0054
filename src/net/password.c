/* SPDX-License-Identifier: Apache-2.0 */
/* bcrypt by libcrypt, base64 by hand: see password.h. */
#include "config.h"

#include "net/password.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/xalloc.h"

#define BCRYPT_HASH_BYTES  60 /* $2b$12$ + 22 of salt + 31 of digest */
#define BCRYPT_SALT_AT     7
#define BCRYPT_PASSWORD    72 /* what follows is not looked at */
#define BCRYPT_COST_MIN    4

static const char bcrypt_letters[] =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

int
password_hash_check(const char *hash, struct err *err)
{
	int64_t cost;

	if (strlen(hash) != BCRYPT_HASH_BYTES || hash[0] != '$' ||
	    hash[1] != '2' || strchr("abxy", hash[2]) == NULL ||
	    hash[3] != '$' || hash[6] != '$' ||
	    strspn(hash + BCRYPT_SALT_AT, bcrypt_letters) !=
		BCRYPT_HASH_BYTES - BCRYPT_SALT_AT ||
	    !str_to_i64(str_make(hash + 4, 2), &cost))
		return err_set(err, ERR_INVALID,
		    "no bcrypt hash (make one with: htpasswd -nBC 10 USER)");
	if (cost < BCRYPT_COST_MIN || cost > BCRYPT_COST_MAX)
		return err_set(err, ERR_INVALID,
		    "a bcrypt cost of %d is not within %d..%d", (int)cost,
		    BCRYPT_COST_MIN, BCRYPT_COST_MAX);
	return 0;
}

static bool
same_bytes(const char *a, const char *b, size_t n)
{
	unsigned char differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return differ == 0;
}

bool
password_is(const char *password, const char *hash)
{
	struct crypt_data *data = xcalloc(1, sizeof(*data));
	char head[BCRYPT_PASSWORD + 1] = "";
	const char *made;
	bool same;

	memcpy(head, password, strnlen(password, BCRYPT_PASSWORD));
	made = crypt_r(head, hash, data);
	same = made != NULL && strlen(made) == BCRYPT_HASH_BYTES &&
	       strlen(hash) == BCRYPT_HASH_BYTES &&
	       same_bytes(made, hash, BCRYPT_HASH_BYTES);
	explicit_bzero(head, sizeof(head));
	explicit_bzero(data, sizeof(*data));
	free(data);
	return same;
}

static int
base64_value(char c)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(letters, c) : NULL;

	return at != NULL ? (int)(at - letters) : -1;
}

static bool
base64_decode(struct str text, struct buf *out)
{
	uint32_t bits = 0, n_bits = 0;

	if (text.n == 0 || text.n % 4 != 0)
		return false;
	for (int i = 0; i < 2 && text.p[text.n - 1] == '='; i++)
		text.n--;
	for (uint32_t i = 0; i < text.n; i++) {
		int value = base64_value(text.p[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			buf_putc(out, (char)(bits >> n_bits & 0xff));
		}
	}
	return true;
}

bool
password_read_basic(
    const char *header, char **ret_user, char **ret_password)
{
	struct buf text = { 0 };
	const char *colon = NULL;
	size_t user;

	buf_reserve(&text, strlen(header)); /* growing would leave copies behind */
	if (strncasecmp(header, "Basic ", 6) == 0 &&
	    base64_decode(str_trim(str_from(header + 6)), &text) &&
	    memchr(text.p, '\0', text.n) == NULL)
		colon = memchr(text.p, ':', text.n);
	if (colon != NULL) {
		user = (size_t)(colon - text.p);
		*ret_user = xmemdup0(text.p, user);
		*ret_password = xmemdup0(colon + 1, text.n - user - 1);
	}
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	buf_fini(&text);
	return colon != NULL;
}
