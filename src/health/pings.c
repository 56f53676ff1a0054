/* SPDX-License-Identifier: Apache-2.0 */
/* Outgoing heartbeats: see pings.h. */
#include "config.h"

#include "health/pings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "loop/loop.h"
#include "net/xfer.h"

#define PING_TIMEOUT DUR_S(10)

struct ping {
	struct pings *pings; /* NULL: the reload that took it away waits for its answer */
	const struct heartbeat_config *config;
	struct config *generation; /* config's */
	struct timer timer;
	struct xfer_lane lane;
	struct xfer *xfer;
	struct xfer_request *request; /* under way, or NULL */
	wall_t last_at;
	uint64_t sent, failed, withheld;
	char trouble[256];
};

struct pings {
	struct pings_options options;
	struct ping **items;
	uint32_t n;
	bool started;
};

static void
ping_free(struct ping *ping)
{
	config_unref(ping->generation);
	free(ping);
}

/* Said once per spell of trouble. */
static void
note_trouble(struct ping *ping, const char *what, const char *why)
{
	if (ping->trouble[0] == '\0')
		log_error("heartbeat", what, LOG_Z("name", ping->config->name),
		    LOG_Z("reason", why));
	snprintf(ping->trouble, sizeof(ping->trouble), "%s", why);
}

static void
on_answer(struct xfer_request *request, const struct xfer_response *response, void *arg)
{
	struct ping *ping = arg;
	char why[64];

	ping->request = NULL;
	if (ping->pings == NULL) {
		xfer_request_free(request);
		ping_free(ping);
		return;
	}
	if (response->failure != ERR_NONE) {
		ping->failed++;
		note_trouble(ping, "ping failed", response->failure_text);
	} else if (response->status / 100 != 2) {
		ping->failed++;
		snprintf(why, sizeof(why), "status %d", response->status);
		note_trouble(ping, "ping failed", why);
	} else {
		if (ping->trouble[0] != '\0')
			log_info("heartbeat", "pings again", LOG_Z("name", ping->config->name));
		ping->trouble[0] = '\0';
		ping->last_at = loop_now(ping->pings->options.loop);
	}
	xfer_request_free(request);
}

static void
send_ping(struct ping *ping)
{
	struct xfer_request *request = xfer_request_new(XFER_HTTP);

	request->method = "GET";
	buf_puts(&request->url, ping->config->url);
	request->http = ping->config->http;
	request->reach = &ping->generation->reach;
	request->timeout = PING_TIMEOUT;
	request->response_bytes_max = 64u << 10;
	ping->request = request;
	ping->sent++;
	xfer_submit(ping->xfer, &ping->lane, request, on_answer, ping);
}

static void
on_due(void *arg)
{
	struct ping *ping = arg;
	struct pings *pings = ping->pings;
	struct loop *loop = pings->options.loop;
	struct buf trouble = { 0 };

	pings->options.trouble(pings->options.arg, loop_now(loop), &trouble);
	if (trouble.n > 0) {
		ping->withheld++;
		note_trouble(ping, "not pinged", trouble.p);
	} else if (ping->request == NULL) {
		send_ping(ping);
	}
	buf_fini(&trouble);
	loop_timer_set(loop, &ping->timer, mono_add(loop_mono(loop), ping->config->interval));
}

static void
arm(struct ping *ping)
{
	struct loop *loop = ping->pings->options.loop;

	/* Not in the first instant: evaluation has only begun. */
	loop_timer_set(loop, &ping->timer, mono_add(loop_mono(loop), ping->config->interval));
}

/* ---- life -------------------------------------------------------------------------- */

static struct ping *
ping_new(struct pings *pings, struct config *config, const struct heartbeat_config *beat)
{
	struct ping *ping = xcalloc(1, sizeof(*ping));

	ping->pings = pings;
	ping->config = beat;
	ping->generation = config_ref(config);
	ping->xfer = pings->options.xfer;
	xfer_lane_init(&ping->lane, 1);
	timer_init(&ping->timer, on_due, ping);
	return ping;
}

static void
ping_drop(struct ping *ping)
{
	loop_timer_stop(ping->pings->options.loop, &ping->timer);
	ping->pings = NULL;
	if (ping->request != NULL)
		xfer_cancel(ping->xfer, ping->request);
	else
		ping_free(ping);
}

/* Counts and the last success stay with the name. */
static void
inherit(struct ping *ping, const struct pings *pings)
{
	for (uint32_t i = 0; i < pings->n; i++) {
		const struct ping *old = pings->items[i];

		if (strcmp(old->config->name, ping->config->name) != 0)
			continue;
		ping->last_at = old->last_at;
		ping->sent = old->sent;
		ping->failed = old->failed;
		ping->withheld = old->withheld;
		memcpy(ping->trouble, old->trouble, sizeof(ping->trouble));
	}
}

void
pings_apply(struct pings *pings, struct config *config)
{
	struct ping **items = xcalloc(config->n_heartbeats + 1, sizeof(*items));

	for (uint32_t i = 0; i < config->n_heartbeats; i++) {
		items[i] = ping_new(pings, config, &config->heartbeats[i]);
		inherit(items[i], pings);
	}
	for (uint32_t i = 0; i < pings->n; i++)
		ping_drop(pings->items[i]);
	free(pings->items);
	pings->items = items;
	pings->n = config->n_heartbeats;
	for (uint32_t i = 0; pings->started && i < pings->n; i++)
		arm(pings->items[i]);
}

struct pings *
pings_new(const struct pings_options *options)
{
	struct pings *pings = xcalloc(1, sizeof(*pings));

	pings->options = *options;
	return pings;
}

void
pings_start(struct pings *pings)
{
	pings->started = true;
	for (uint32_t i = 0; i < pings->n; i++)
		arm(pings->items[i]);
}

void
pings_stop(struct pings *pings)
{
	pings->started = false;
	for (uint32_t i = 0; i < pings->n; i++)
		loop_timer_stop(pings->options.loop, &pings->items[i]->timer);
}

void
pings_free(struct pings *pings)
{
	if (pings == NULL)
		return;
	for (uint32_t i = 0; i < pings->n; i++)
		ping_drop(pings->items[i]);
	free(pings->items);
	free(pings);
}

bool
pings_look(const struct pings *pings, uint32_t i, struct ping_look *ret)
{
	const struct ping *ping;

	if (pings == NULL || i >= pings->n)
		return false;
	ping = pings->items[i];
	*ret = (struct ping_look){
		.name = ping->config->name,
		.interval = ping->config->interval,
		.last_at = ping->last_at,
		.sent = ping->sent,
		.failed = ping->failed,
		.withheld = ping->withheld,
		.trouble = ping->trouble,
	};
	return true;
}
