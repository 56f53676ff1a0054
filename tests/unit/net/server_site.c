/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "server_site.h"

#include <string.h>

bool
site_fill(void *arg, struct buf *out, size_t want)
{
	struct site *site = arg;
	size_t n = want < site->stream_left ? want : site->stream_left;

	site->fills++;
	buf_reserve(out, n);
	for (size_t i = 0; i < n; i++)
		buf_putc(out, 's');
	site->stream_left -= n;
	return site->stream_left > 0;
}

void
site_stream_ended(void *arg)
{
	((struct site *)arg)->streams_ended++;
}

static void
describe(struct http_call *call)
{
	struct buf body = { 0 };
	const char *name, *value;

	buf_printf(&body, "%s %s from %s:", http_method(call), http_path(call),
	    http_peer(call));
	for (uint32_t i = 0; http_param_at(call, i, &name, &value); i++)
		buf_printf(&body, " [%s]=[%s]", name, value);
	buf_printf(&body, " body %u", http_body(call).n);
	if (http_has_nul(call))
		buf_puts(&body, " with a NUL");
	http_add_header(call, "X-Extra", "yes");
	http_reply(call, 200, "text/plain", &body);
}

void
site_handle(void *arg, struct http_call *call)
{
	struct site *site = arg;
	const char *path = http_path(call);

	site->served++;
	if (strcmp(path, "/later") == 0)
		site->later = call;
	else if (strncmp(path, "/stream", 7) == 0)
		http_reply_stream(
		    call, 200, "text/plain", site_fill, site_stream_ended, site);
	else
		describe(call);
}

void
site_open_at(
    struct site *site, const char *address, const struct http_limits *limits)
{
	struct err err = { .code = ERR_NONE };

	*site = (struct site){ 0 };
	world_open(&site->world);
	site->server = http_server_new(
	    site->world.loop, address, limits, site_handle, site, &err);
	ck_assert_msg(site->server != NULL, "%s", err.text);
}

void
site_open(struct site *site, const struct http_limits *limits)
{
	site_open_at(site, "127.0.0.1:0", limits);
}

void
site_close(struct site *site)
{
	http_server_free(site->server);
	world_close(&site->world);
}

uint16_t
site_port(const struct site *site)
{
	return http_server_port(site->server);
}
