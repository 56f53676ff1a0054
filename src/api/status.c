/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are and how we are: status, receivers, health, reload, build information. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/audit.h"
#include "api/handlers.h"
#include "base/json.h"

void
api_status_get(struct api *api, struct http_call *call, struct str id)
{
	struct buf body = { 0 };

	(void)id;
	buf_puts(
	    &body, "{\"cluster\":{\"peers\":[],\"status\":\"disabled\"},\"config\":{\"original\":");
	json_put_str_html(&body, api->state->config->original);
	buf_puts(&body, "},");
	put_time(&body, "uptime", api->state->started_at);
	buf_puts(&body, ",\"versionInfo\":{\"branch\":\"\",\"buildDate\":\"\",\"buildUser\":\"\","
			"\"goVersion\":\"\",\"revision\":\"tocsin " PACKAGE_VERSION
			"\",\"version\":\"" ALERTMANAGER_COMPAT_VERSION "\"}}\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
}

/* Labels only where some are given: older clients know the name alone. */
static void
put_receiver(struct buf *body, const struct receiver_config *receiver)
{
	bool named = false;

	if (receiver->labels.n > 0)
		buf_puts(body, "\"labels\":{");
	for (uint32_t i = 0; i < receiver->labels.n; i++) {
		const struct string_pair *pair = &receiver->labels.pairs[i];

		if (!named && strcmp(pair->key, "name") > 0) {
			buf_puts(body, "\"name\":");
			json_put_str_html(body, str_from(receiver->name));
			buf_putc(body, ',');
			named = true;
		}
		json_put_str_html(body, str_from(pair->key));
		buf_putc(body, ':');
		json_put_str_html(body, str_from(pair->value));
		if (!named || i + 1 < receiver->labels.n)
			buf_putc(body, ',');
	}
	if (receiver->labels.n > 0 && !named) {
		buf_puts(body, "\"name\":");
		json_put_str_html(body, str_from(receiver->name));
	}
	buf_puts(body, receiver->labels.n > 0 ? "},\"name\":" : "\"name\":");
	json_put_str_html(body, str_from(receiver->name));
}

void
api_receivers_get(struct api *api, struct http_call *call, struct str id)
{
	const struct config *config = api->state->config;
	struct filters filters;
	struct buf body = { 0 };
	bool any = false;

	(void)id;
	if (!filters_read(call, &filters))
		return;
	buf_putc(&body, '[');
	for (uint32_t i = 0; i < config->n_receivers; i++) {
		if (!filters_want_receiver(&filters, &config->receivers[i]))
			continue;
		buf_puts(&body, any ? ",{" : "{");
		any = true;
		put_receiver(&body, &config->receivers[i]);
		buf_putc(&body, '}');
	}
	buf_puts(&body, "]\n");
	reply_json(call, 200, &body);
	buf_fini(&body);
	filters_fini(&filters);
}

void
api_healthy_get(struct api *api, struct http_call *call, struct str id)
{
	(void)api;
	(void)id;
	http_reply_text(call, 200, "text/plain; charset=utf-8", "OK");
}

void
api_ready_get(struct api *api, struct http_call *call, struct str id)
{
	(void)id;
	const char *trouble = store_trouble(api->state->store);

	if (!api->state->ready)
		reply_code(call, 503, 503, "starting or stopping");
	else if (trouble != NULL)
		reply_code(call, 503, 503, "%s", trouble);
	else
		http_reply_text(call, 200, "text/plain; charset=utf-8", "OK");
}

/* With a disk that is full the row waits, but whoever repairs it gets an answer. */
static void
reply_noted(struct api *api, struct http_call *call, int status, struct buf *body)
{
	if (store_is_stalled(api->state->store))
		reply_json(call, status, body);
	else
		reply_durable(api, call, status, body);
}

void
api_reload_post(struct api *api, struct http_call *call, struct str id)
{
	struct buf findings = { 0 }, text = { 0 }, body = { 0 };

	(void)id;
	if (api->state->reload(api->state->reload_arg, &findings) < 0) {
		audit_note(api->state, call, "config.reload_failed", STR(""), "%s",
		    buf_str(&findings).p);
		buf_printf(&text, "failed to reload config: %s", buf_str(&findings).p);
		buf_puts(&body, "{\"code\":500,\"message\":");
		json_put_str(&body, buf_str(&text));
		buf_puts(&body, "}\n");
		reply_noted(api, call, 500, &body);
	} else {
		audit_note(api->state, call, "config.reload", STR(""), "configuration %s",
		    api->state->config->hash);
		reply_noted(api, call, 200, &body);
	}
	buf_fini(&findings);
	buf_fini(&text);
	buf_fini(&body);
}

void
api_buildinfo_get(struct api *api, struct http_call *call, struct str id)
{
	(void)api;
	(void)id;
	http_reply_text(call, 200, "application/json",
	    "{\"status\":\"success\",\"data\":{\"version\":\"2.42.0\",\"revision\":"
	    "\"tocsin " PACKAGE_VERSION
	    "\",\"branch\":\"\",\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"\"}}\n");
}
