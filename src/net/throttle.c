/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/throttle.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

struct network {
	uint8_t bytes[8]; /* an IPv6 /64, or an IPv4 address behind zeros */
	uint8_t family;   /* 4, 6; 0: no address */
};

struct peer {
	struct network network;
	uint32_t failures; /* 0: this place is free */
	mono_t since;      /* of the first of them */
};

struct throttle {
	struct peer peers[THROTTLE_PEERS_MAX];
};

static struct network
network_of(const char *address)
{
	struct network network = { .family = 0 };
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, address, &four) == 1) {
		network.family = 4;
		memcpy(network.bytes + 4, &four, 4);
	} else if (inet_pton(AF_INET6, address, &six) == 1) {
		bool is_four = IN6_IS_ADDR_V4MAPPED(&six);

		network.family = is_four ? 4 : 6;
		memcpy(network.bytes + (is_four ? 4 : 0), six.s6_addr + (is_four ? 12 : 0),
		    is_four ? 4 : 8);
	}
	return network;
}

static bool
is_over(const struct peer *peer, mono_t now)
{
	return peer->failures == 0 ||
	       !dur_less(mono_since(now, peer->since), THROTTLE_WINDOW);
}

static const struct peer *
find(const struct throttle *throttle, const char *address, mono_t now)
{
	struct network network = network_of(address);

	for (size_t i = 0; i < THROTTLE_PEERS_MAX; i++) {
		const struct peer *peer = &throttle->peers[i];

		if (memcmp(&peer->network, &network, sizeof(network)) == 0)
			return is_over(peer, now) ? NULL : peer;
	}
	return NULL;
}

/* Is a better to give up than b? */
static bool
is_spare(const struct peer *a, const struct peer *b, mono_t now)
{
	bool a_over = is_over(a, now), b_over = is_over(b, now);
	bool a_waits = a->failures >= THROTTLE_FAILURES_MAX,
	     b_waits = b->failures >= THROTTLE_FAILURES_MAX;

	if (a_over != b_over)
		return a_over;
	if (a_waits != b_waits)
		return b_waits;
	return mono_before(a->since, b->since);
}

static struct peer *
place_for(struct throttle *throttle, const struct network *network, mono_t now)
{
	struct peer *place = &throttle->peers[0];

	for (size_t i = 0; i < THROTTLE_PEERS_MAX; i++) {
		struct peer *peer = &throttle->peers[i];

		if (memcmp(&peer->network, network, sizeof(*network)) == 0)
			return peer;
		if (is_spare(peer, place, now))
			place = peer;
	}
	return place;
}

int
throttle_wait(const struct throttle *throttle, const char *address, mono_t now)
{
	const struct peer *peer = find(throttle, address, now);
	dur_t passed;

	if (peer == NULL || peer->failures < THROTTLE_FAILURES_MAX)
		return 0;
	passed = mono_since(now, peer->since);
	return (int)((THROTTLE_WINDOW.ns - passed.ns + DUR_S(1).ns - 1) / DUR_S(1).ns);
}

uint32_t
throttle_failed(struct throttle *throttle, const char *address, mono_t now)
{
	struct network network = network_of(address);
	struct peer *peer = place_for(throttle, &network, now);

	if (is_over(peer, now) || memcmp(&peer->network, &network, sizeof(network)) != 0)
		*peer = (struct peer){ .network = network, .since = now };
	return ++peer->failures;
}

void
throttle_forgive(struct throttle *throttle, const char *address, mono_t now)
{
	struct peer *peer = (struct peer *)(uintptr_t)find(throttle, address, now);

	if (peer != NULL)
		peer->failures--;
}

struct throttle *
throttle_new(void)
{
	return xcalloc(1, sizeof(struct throttle));
}

void
throttle_free(struct throttle *throttle)
{
	free(throttle);
}
