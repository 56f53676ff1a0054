/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "api/callback.h"

#include <stdarg.h>
#include <string.h>

#include <json-c/json_object.h>

#include "api/audit.h"
#include "receiver/receiver.h"

static bool
may_note(struct api *api)
{
	struct callback_notes *notes = &api->callback_notes;
	wall_t now = loop_now(api->state->loop);

	notes->refused++;
	if (!wall_is_set(notes->since) || !wall_before(now, wall_add(notes->since, DUR_S(60))) ||
	    wall_before(now, notes->since)) {
		notes->since = now;
		notes->n = 0;
	}
	return notes->n++ < CALLBACK_NOTES_MAX;
}

void
callback_note(struct api *api, struct http_call *call, const char *from, const char *why)
{
	if (may_note(api))
		audit_note(api->state, call, "callback.refused", str_from(from), "%s", why);
}

void
callback_refuse(
    struct api *api, struct http_call *call, const char *from, int status, const char *fmt, ...)
{
	struct buf why = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&why, fmt, ap);
	va_end(ap);
	callback_note(api, call, from, why.p);
	reply_code(call, status, status, "%s", why.p);
	buf_fini(&why);
}

static bool
fits_secret(const struct secret *secret, callback_fits_fn *fits, const void *arg)
{
	struct buf value = { 0 };
	bool ok =
	    secret_read(secret, &value, NULL) >= 0 && value.n > 0 && fits(arg, buf_str(&value));

	if (value.p != NULL)
		explicit_bzero(value.p, value.cap);
	buf_fini(&value);
	return ok;
}

const struct integration_config *
callback_signer(
    const struct api *api, const char *kind, callback_fits_fn *fits, const void *arg, bool *ret_any)
{
	const struct config *config = api->state->config;

	*ret_any = false;
	for (uint32_t i = 0; i < config->n_receivers; i++) {
		const struct receiver_config *receiver = &config->receivers[i];

		for (uint32_t j = 0; j < receiver->n_integrations; j++) {
			const struct integration_config *integration = &receiver->integrations[j];
			const struct secret *secret;

			if (strcmp(integration->kind->name, kind) != 0)
				continue;
			secret = receiver_callback_secret(integration);
			if (secret == NULL)
				continue;
			*ret_any = true;
			if (fits_secret(secret, fits, arg))
				return integration;
		}
	}
	return NULL;
}

/* ---- bodies ------------------------------------------------------------------------------ */

json_object *
callback_member(json_object *object, const char *name)
{
	json_object *value = NULL;

	if (object != NULL && json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, name, &value);
	return value;
}

const char *
callback_text(json_object *object, const char *name)
{
	json_object *value = callback_member(object, name);

	return value != NULL && json_object_is_type(value, json_type_string)
		   ? json_object_get_string(value)
		   : "";
}
