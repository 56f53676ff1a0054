/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "guarded.h"

static const struct guard_user joe[] = { { "joe", HASH_SECRET, ROLE_ADMIN } };
const struct guard_options only_joe = { .users = joe, .n_users = 1 };

static void
handle(void *arg, struct http_call *call)
{
	struct guarded *site = arg;
	struct buf body = { 0 };

	site->served++;
	if (site->handle != NULL) {
		site->handle(arg, call);
		return;
	}
	buf_printf(&body, "in, %u bytes", http_body(call).n);
	http_reply(call, 200, "text/plain", &body);
}

void
guarded_open(struct guarded *site, const struct guard_options *options)
{
	struct err err = { .code = ERR_NONE };
	struct http_gate gate = { 0 };

	*site = (struct guarded){ 0 };
	world_open(&site->world);
	site->guard = guard_new(site->world.loop);
	guard_set(site->guard, options);
	gate = (struct http_gate){ .admit = guard_admit, .arg = site->guard };
	site->server = http_server_new_gated(site->world.loop, "127.0.0.1:0",
	    &(struct http_limits){ .body_bytes_max = 1000 }, &gate, handle,
	    site, &err);
	ck_assert_msg(site->server != NULL, "%s", err.text);
}

void
guarded_close(struct guarded *site)
{
	guard_close(site->guard);
	http_server_free(site->server);
	guard_free(site->guard);
	world_close(&site->world);
}

struct xfer_request *
guarded_login(const struct guarded *site, const char *user, const char *password)
{
	static struct http_options http[32];
	static int turn;
	struct http_options *mine = &http[turn++ % 32];
	struct xfer_request *request =
	    get("http://127.0.0.1:%u/", http_server_port(site->server));

	*mine = (struct http_options){ .basic_username = user,
		.basic_password.value = password };
	request->http = mine;
	return request;
}
