/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VictorOps (Splunk On-Call), the REST endpoint.
 *
 * entity_id, entity_display_name and state_message are Alertmanager's, byte
 * for byte: its rules engine filters by them, and a recovery must meet its
 * incident.
 */
#include "config.h"

#include <stdlib.h>

#include "receiver/draft.h"
#include "receiver/types.h"

#define API_URL           "https://alert.victorops.com/integrations/generic/20131114/alert/"
#define MESSAGE_RUNES_MAX 20480 /* of each member */

struct victorops_settings {
	struct integration_common common;
	struct secret api_key;
	const char *api_url;
	struct template *routing_key, *message_type, *state_message;
	struct template *entity_display_name, *monitoring_tool;
	struct template_map custom_fields;
};

static struct str
message_type_of(struct draft *d, const struct victorops_settings *victorops)
{
	static const char *const words[] = { "INFO", "WARNING", "CRITICAL" };
	struct str type = draft_expanded(d, victorops->message_type, STR("CRITICAL"));

	if (!d->n->firing)
		return STR("RECOVERY");
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_is(type, words[i]))
			return type;
	return STR("CRITICAL");
}

static struct str
state_message_of(struct draft *d, const struct victorops_settings *victorops)
{
	struct str text;

	if (victorops->state_message != NULL) {
		text = draft_expanded(d, victorops->state_message, STR(""));
	} else {
		buf_clear(&d->scratch);
		message_description(d->n, &d->scratch);
		text = arena_str(d->arena, buf_str(&d->scratch));
	}
	return draft_cut(d, text, MESSAGE_RUNES_MAX);
}

struct member {
	const char *key;
	struct str value;
};

static int
compare_members(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;

	return strcmp(a->key, b->key);
}

static void
put_message(struct draft *d, const struct victorops_settings *victorops)
{
	const struct template_map *given = &victorops->custom_fields;
	struct member *members = ARENA_ARRAY(d->arena, 5 + given->n, struct member);
	struct str name = victorops->entity_display_name != NULL
			      ? draft_expanded(d, victorops->entity_display_name, STR(""))
			      : draft_subject(d);
	uint32_t n = 0;

	members[n++] = (struct member){ "message_type", message_type_of(d, victorops) };
	members[n++] = (struct member){ "entity_id", draft_hash(d) };
	members[n++] =
	    (struct member){ "entity_display_name", draft_cut(d, name, MESSAGE_RUNES_MAX) };
	members[n++] = (struct member){ "state_message", state_message_of(d, victorops) };
	members[n++] = (struct member){ "monitoring_tool",
		draft_expanded(d, victorops->monitoring_tool, STR("Tocsin")) };
	for (uint32_t i = 0; i < given->n; i++)
		members[n++] = (struct member){ given->pairs[i].key,
			draft_expanded(d, given->pairs[i].template, STR("")) };
	qsort(members, n, sizeof(*members), compare_members);
	buf_putc(d->out, '{');
	for (uint32_t i = 0; i < n; i++)
		draft_given(d, members[i].key, members[i].value);
	buf_puts(d->out, "}\n");
}

static int
victorops_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct victorops_settings *victorops = settings;
	struct draft d = draft_new(n, arena, &request->body);
	struct str key = STR("");
	int rc = draft_secret(&d, &victorops->api_key, "VictorOps API key", &key, err);

	if (rc < 0)
		return rc;
	draft_post(request, &victorops->common);
	draft_path(&request->url, victorops->api_url, "");
	url_escape(&request->url, key);
	buf_putc(&request->url, '/');
	url_escape(&request->url, str_trim(draft_expanded(&d, victorops->routing_key, STR(""))));
	put_message(&d, victorops);
	draft_fini(&d);
	return 0;
}

/* {"result":"failure","message":"..."} can come with status 200. */
static struct verdict
verdict_of(const struct xfer_response *response)
{
	struct verdict verdict = message_classify_http(response);
	struct draft_reply reply;

	if (verdict.kind != DELIVERY_OK)
		return verdict;
	reply = draft_reply(response->body, "result", "message");
	if (str_is(str_from(reply.first), "failure")) {
		verdict.kind = DELIVERY_REJECTED;
		verdict_say(&verdict, response->status,
		    reply.second[0] != '\0' ? str_from(reply.second) : STR("failure"));
	}
	return verdict;
}

static struct verdict
victorops_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct victorops_settings *victorops = settings;
	struct verdict verdict = verdict_of(response);

	draft_hide(&verdict, &victorops->api_key);
	return verdict;
}

static void
check_custom_fields(struct schema_context *ctx, const struct template_map *fields)
{
	static const char *const reserved[] = { "routing_key", "message_type", "state_message",
		"entity_display_name", "monitoring_tool", "entity_id", "entity_state" };

	for (uint32_t i = 0; i < fields->n; i++)
		for (size_t k = 0; k < ARRAY_LEN(reserved); k++)
			if (strcmp(fields->pairs[i].key, reserved[k]) == 0)
				diag_error(ctx->diag, fields->pairs[i].key_pos,
				    "custom field '%s' has the name of one "
				    "that is always sent",
				    reserved[k]);
}

static void
victorops_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct victorops_settings *victorops = settings;

	if (victorops->api_url == NULL)
		victorops->api_url = global->victorops_api_url;
	if (victorops->api_url == NULL)
		victorops->api_url = API_URL;
	if (!secret_is_set(&victorops->api_key))
		victorops->api_key = global->victorops_api_key;
	if (!secret_is_set(&victorops->api_key))
		diag_error(ctx->diag, victorops->common.pos,
		    "no VictorOps API key: give api_key or "
		    "global.victorops_api_key");
	check_custom_fields(ctx, &victorops->custom_fields);
}

/* clang-format off */
#define OWN(member, more, text) TEMPLATE_ROW(victorops_settings, member, #member, more, text)
#define STOCK(member, name, text) STOCK_ROW(victorops_settings, member, #member, name, text)

static const struct schema_field victorops_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "api_key", .kind = FIELD_SECRET,
	    .offset = offsetof(struct victorops_settings, api_key),
	    .doc = "Key of the REST integration; else global.victorops_api_key." },
	{ .name = "api_url", .kind = FIELD_URL,
	    .offset = offsetof(struct victorops_settings, api_url),
	    .doc = "The REST endpoint; else global.victorops_api_url." },
	OWN(routing_key, FIELD_REQUIRED, "Routing key, which names the team."),
	OWN(message_type, 0, "CRITICAL, WARNING or INFO while anything fires; CRITICAL when absent."),
	STOCK(state_message, "victorops.default.state_message", "Long text, at most 20480 characters; Alertmanager's text when absent."),
	STOCK(entity_display_name, "victorops.default.entity_display_name", "Heading; Alertmanager's subject when absent."),
	STOCK(monitoring_tool, "victorops.default.monitoring_tool", "Name of the sender; \"Tocsin\" when absent."),
	{ .name = "custom_fields", .kind = FIELD_TEMPLATE_MAP, .flags = FIELD_NOTIFICATION,
	    .offset = offsetof(struct victorops_settings, custom_fields),
	    .doc = "Further members of the message." },
};
/* clang-format on */

static const struct schema victorops_schema = {
	.name = "victorops_configs",
	.doc = "An incident of VictorOps (Splunk On-Call).",
	.size = sizeof(struct victorops_settings),
	SCHEMA_FIELDS(victorops_fields),
	.pos_offset = offsetof(struct victorops_settings, common.pos) + 1,
};

const struct integration_kind receiver_victorops_kind = {
	.name = "victorops",
	.schema = &victorops_schema,
	.finish = victorops_finish,
};

const struct receiver_ops receiver_victorops = {
	.kind = &receiver_victorops_kind,
	.render = victorops_render,
	.classify = victorops_classify,
};
