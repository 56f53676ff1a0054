/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/reach.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/attr.h"

/*
 * What is not out there: the special-purpose registries of IANA as far as a
 * packet to them stays near, and the clouds' metadata services, which are
 * link-local (169.254.169.254, fd00:ec2::254).
 */
static const char *const private_networks[] = {
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4",
	"240.0.0.0/4",
	"::/127", /* nowhere and loopback */
	"64:ff9b:1::/48", "100::/64", "2001::/32", "fc00::/7", "fe80::/10", "fec0::/10",
	"ff00::/8",
};

/* Where IPv6 carries an IPv4 address, and at which byte. */
static const struct {
	const char *network;
	size_t at;
} carriers[] = {
	{ "::/96", 12 },        /* IPv4-compatible, long gone */
	{ "64:ff9b::/96", 12 }, /* NAT64 */
	{ "2002::/16", 2 },     /* 6to4 */
};

static void
as_mapped(const uint8_t four[4], uint8_t out[16])
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, four, 4);
}

static bool
address_parse(const char *text, uint8_t out[16], uint32_t *ret_bits)
{
	struct in_addr four;
	struct in6_addr six;

	if (inet_pton(AF_INET, text, &four) == 1) {
		as_mapped((const uint8_t *)&four, out);
		*ret_bits = 32;
		return true;
	}
	if (inet_pton(AF_INET6, text, &six) != 1)
		return false;
	memcpy(out, &six, 16);
	*ret_bits = 128;
	return true;
}

/* Bits behind the prefix say nothing about the network. */
static bool
has_stray_bits(const struct network *network)
{
	for (unsigned i = network->bits; i < 128; i++)
		if ((network->bytes[i / 8] >> (7 - i % 8) & 1) != 0)
			return true;
	return false;
}

int
network_parse(struct str text, struct network *ret, struct err *err)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = memchr(text.p, '/', text.n);
	uint32_t n = slash != NULL ? (uint32_t)(slash - text.p) : text.n, width = 0;
	struct network network = { .bits = 0 };
	int64_t bits;

	if (n >= sizeof(address))
		return err_set(err, ERR_INVALID, "no network such as 10.0.0.0/8 or fd00::/8");
	memcpy(address, text.p, n);
	address[n] = '\0';
	if (!address_parse(address, network.bytes, &width))
		return err_set(err, ERR_INVALID, "no network such as 10.0.0.0/8 or fd00::/8");
	bits = width;
	if (slash != NULL &&
	    (!str_to_i64(str_make(slash + 1, text.n - n - 1), &bits) || bits < 0 || bits > width))
		return err_set(err, ERR_INVALID, "give /0 to /%u behind the address", width);
	network.bits = (uint8_t)(bits + 128 - width);
	if (has_stray_bits(&network))
		return err_set(
		    err, ERR_INVALID, "the address has bits behind its /%d", (int)bits);
	*ret = network;
	return 0;
}

static bool
is_in(const uint8_t address[16], const struct network *network)
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;

	return memcmp(address, network->bytes, whole) == 0 &&
	       (rest == 0 || (address[whole] ^ network->bytes[whole]) >> (8 - rest) == 0);
}

static bool
is_in_text(const uint8_t address[16], const char *text)
{
	struct network network = { .bits = 0 };
	struct err err;

	return network_parse(str_from(text), &network, &err) == 0 && is_in(address, &network);
}

static bool
is_private(const uint8_t address[16])
{
	uint8_t inner[16];

	for (size_t i = 0; i < ARRAY_LEN(private_networks); i++)
		if (is_in_text(address, private_networks[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(carriers); i++) {
		if (!is_in_text(address, carriers[i].network))
			continue;
		as_mapped(address + carriers[i].at, inner);
		return is_private(inner);
	}
	return false;
}

static bool
allows(const struct reach *reach, const uint8_t address[16])
{
	for (uint32_t i = 0; i < reach->n_allow; i++)
		if (is_in(address, &reach->allow[i]))
			return true;
	return !is_private(address);
}

bool
reach_allows(const struct reach *reach, const struct sockaddr *address)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;
	uint8_t bytes[16];

	if (reach == NULL || !reach->forbid_private)
		return true;
	if (address->sa_family == AF_INET) {
		memcpy(&four, address, sizeof(four));
		as_mapped((const uint8_t *)&four.sin_addr, bytes);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&six, address, sizeof(six));
		memcpy(bytes, &six.sin6_addr, 16);
	} else {
		return false;
	}
	return allows(reach, bytes);
}

bool
reach_allows_text(const struct reach *reach, const char *address)
{
	uint8_t bytes[16];
	uint32_t width;

	if (reach == NULL || !reach->forbid_private)
		return true;
	return address_parse(address, bytes, &width) && allows(reach, bytes);
}

bool
networks_have(const struct network *networks, uint32_t n, const char *address)
{
	uint8_t bytes[16];
	uint32_t width;

	if (!address_parse(address, bytes, &width))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (is_in(bytes, &networks[i]))
			return true;
	return false;
}

bool
network_is_address(const char *text)
{
	uint8_t bytes[16];
	uint32_t width;

	return address_parse(text, bytes, &width);
}
