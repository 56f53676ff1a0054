/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opsgenie: an alert is created while anything fires and closed when all is
 * over.
 *
 * Alias (the hash of the group key), message, description, source and details
 * are Alertmanager's, byte for byte: they close each other's alerts, and
 * Opsgenie's policies filter by them.
 */
#include "config.h"

#include "base/json.h"
#include "receiver/draft.h"
#include "receiver/types.h"

#define API_URL               "https://api.opsgenie.com/"
#define MESSAGE_RUNES_MAX     130
#define DESCRIPTION_RUNES_MAX 15000
#define TEXT_RUNES_MAX        512 /* entity */
#define SOURCE_RUNES_MAX      100
#define NOTE_RUNES_MAX        25000
#define DETAILS_RUNES_MAX     8000 /* names and values together */
#define TAGS_MAX              20
#define TAG_RUNES_MAX         50
#define ACTIONS_MAX           10
#define RESPONDERS_MAX        50

/* An alert that is open keeps its first words; with update_alerts two more requests change them. */
enum {
	STEP_CREATE,
	STEP_MESSAGE,
	STEP_DESCRIPTION
};

struct opsgenie_responder {
	struct template *id, *name, *username, *type;
};

struct opsgenie_settings {
	struct integration_common common;
	struct secret_text api_key;
	const char *api_url;
	struct template *message, *description, *source, *entity, *note;
	struct template *priority, *tags, *actions;
	struct template_map details;
	struct sub_list responders;
	bool update_alerts;
};

/* ---- members ----------------------------------------------------------------------- */

static struct str
description_of(struct draft *d, const struct opsgenie_settings *opsgenie)
{
	struct str text;

	if (opsgenie->description != NULL)
		text = draft_expanded(d, opsgenie->description, STR(""));
	else {
		buf_clear(&d->scratch);
		message_description(d->n, &d->scratch);
		text = arena_str(d->arena, buf_str(&d->scratch));
	}
	return draft_cut(d, text, DESCRIPTION_RUNES_MAX);
}

struct details {
	struct draft *d;
	uint32_t runes_left;
};

static void
put_detail(struct details *details, struct str key, struct str value)
{
	uint32_t key_runes = str_runes(key);

	/* More than Opsgenie takes would get the whole alert refused. */
	if (key_runes + 1 >= details->runes_left)
		return;
	value = draft_cut(details->d, value, details->runes_left - key_runes);
	details->runes_left -= key_runes + str_runes(value);
	draft_given(details->d, arena_str(details->d->arena, key).p, value);
}

static void
put_own_detail(struct details *details, const struct template_pair *pair)
{
	put_detail(
	    details, str_from(pair->key), draft_expanded(details->d, pair->template, STR("")));
}

/* The common labels and those given, which win; sorted by name as Go writes a map. */
static void
put_details(struct draft *d, const struct template_map *given)
{
	struct details details = { d, DETAILS_RUNES_MAX };
	uint32_t k = 0;

	draft_open(d, "details", '{');
	for (uint32_t i = 0; i < d->n->n_common_labels; i++) {
		const struct label_view *label = &d->n->common_labels[i];
		int order = -1;

		while (k < given->n &&
		       (order = str_cmp(str_from(given->pairs[k].key), label->name)) < 0)
			put_own_detail(&details, &given->pairs[k++]);
		if (k < given->n && order == 0)
			put_own_detail(&details, &given->pairs[k++]);
		else
			put_detail(&details, label->name, label->value);
	}
	while (k < given->n)
		put_own_detail(&details, &given->pairs[k++]);
	buf_putc(d->out, '}');
}

/* "a, b" as ["a","b"]. */
static void
put_list(struct draft *d, const char *key, struct str text, uint32_t max)
{
	if (str_trim(text).n == 0)
		return;
	draft_open(d, key, '[');
	for (uint32_t n = 0; text.n > 0 && n < max; n++) {
		const char *comma = memchr(text.p, ',', text.n);
		uint32_t length = comma != NULL ? (uint32_t)(comma - text.p) : text.n;

		if (n > 0)
			buf_putc(d->out, ',');
		json_put_str(
		    d->out, draft_cut(d, str_trim(str_make(text.p, length)), TAG_RUNES_MAX));
		if (comma == NULL)
			break;
		text = str_make(comma + 1, text.n - length - 1);
	}
	buf_putc(d->out, ']');
}

static void
put_teams(struct draft *d, struct str names)
{
	while (names.n > 0) {
		const char *comma = memchr(names.p, ',', names.n);
		uint32_t length = comma != NULL ? (uint32_t)(comma - names.p) : names.n;

		draft_open(d, NULL, '{');
		draft_text(d, "name", arena_str(d->arena, str_trim(str_make(names.p, length))));
		draft_text(d, "type", STR("team"));
		buf_putc(d->out, '}');
		if (comma == NULL)
			break;
		names = str_make(comma + 1, names.n - length - 1);
	}
}

/* Opsgenie wants "team", people write "Team". */
static struct str
lowered(struct draft *d, struct str type)
{
	buf_clear(&d->scratch);
	for (uint32_t i = 0; i < type.n; i++)
		buf_putc(&d->scratch,
		    type.p[i] >= 'A' && type.p[i] <= 'Z' ? (char)(type.p[i] + 32) : type.p[i]);
	return arena_str(d->arena, buf_str(&d->scratch));
}

static void
put_responder(struct draft *d, const struct opsgenie_responder *responder)
{
	struct str id = draft_expanded(d, responder->id, STR(""));
	struct str name = draft_expanded(d, responder->name, STR(""));
	struct str username = draft_expanded(d, responder->username, STR(""));
	struct str type = lowered(d, draft_expanded(d, responder->type, STR("")));

	if (id.n + name.n + username.n == 0)
		return;
	if (str_is(type, "teams")) {
		put_teams(d, name);
		return;
	}
	draft_open(d, NULL, '{');
	draft_text(d, "id", id);
	draft_text(d, "name", name);
	draft_text(d, "username", username);
	draft_text(d, "type", type);
	buf_putc(d->out, '}');
}

static void
put_responders(struct draft *d, const struct sub_list *responders)
{
	if (responders->n == 0)
		return;
	draft_open(d, "responders", '[');
	for (uint32_t i = 0; i < responders->n; i++)
		put_responder(d, responders->items[i]);
	buf_putc(d->out, ']');
}

/* ---- requests ---------------------------------------------------------------------- */

static struct str
source_of(struct draft *d, const struct opsgenie_settings *opsgenie)
{
	struct str source =
	    opsgenie->source != NULL ? draft_expanded(d, opsgenie->source, STR("")) : draft_link(d);

	return draft_cut(d, source, SOURCE_RUNES_MAX);
}

static struct str
message_of(struct draft *d, const struct opsgenie_settings *opsgenie)
{
	struct str message = opsgenie->message != NULL
				 ? draft_expanded(d, opsgenie->message, STR(""))
				 : draft_subject(d);

	return draft_cut(d, message, MESSAGE_RUNES_MAX);
}

static void
put_create(struct draft *d, const struct opsgenie_settings *opsgenie)
{
	buf_putc(d->out, '{');
	draft_given(d, "alias", draft_hash(d));
	draft_given(d, "message", message_of(d, opsgenie));
	draft_text(d, "description", description_of(d, opsgenie));
	put_details(d, &opsgenie->details);
	draft_given(d, "source", source_of(d, opsgenie));
	put_responders(d, &opsgenie->responders);
	put_list(d, "tags", draft_expanded(d, opsgenie->tags, STR("")), TAGS_MAX);
	draft_text(
	    d, "note", draft_cut(d, draft_expanded(d, opsgenie->note, STR("")), NOTE_RUNES_MAX));
	draft_text(d, "priority", str_trim(draft_expanded(d, opsgenie->priority, STR(""))));
	draft_text(d, "entity",
	    draft_cut(d, draft_expanded(d, opsgenie->entity, STR("")), TEXT_RUNES_MAX));
	put_list(d, "actions", draft_expanded(d, opsgenie->actions, STR("")), ACTIONS_MAX);
	buf_puts(d->out, "}\n");
}

static void
put_change(struct draft *d, struct xfer_request *request, const char *what, const char *key,
    struct str text)
{
	buf_printf(&request->url, "/%s/%s?identifierType=alias", draft_hash(d).p, what);
	buf_putc(d->out, '{');
	draft_given(d, key, text);
	buf_puts(d->out, "}\n");
}

static int
opsgenie_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct opsgenie_settings *opsgenie = settings;
	struct draft d = draft_new(n, arena, &request->body);
	struct str key = STR("");
	int rc = draft_secret_text(&d, &opsgenie->api_key, "Opsgenie API key", &key, err);

	if (rc < 0)
		return rc;
	draft_post(request, &opsgenie->common);
	draft_header(request, arena, "Authorization", arena_printf(arena, "GenieKey %s", key.p));
	draft_path(&request->url, opsgenie->api_url, "v2/alerts");
	if (!n->firing)
		put_change(&d, request, "close", "source", source_of(&d, opsgenie));
	else if (n->step == STEP_CREATE)
		put_create(&d, opsgenie);
	else if (n->step == STEP_MESSAGE)
		put_change(&d, request, "message", "message", message_of(&d, opsgenie));
	else
		put_change(&d, request, "description", "description", description_of(&d, opsgenie));
	if (n->firing && n->step != STEP_CREATE)
		request->method = "PUT";
	draft_fini(&d);
	return 0;
}

static struct verdict
opsgenie_classify(
    const void *settings, const struct notification *n, const struct xfer_response *response)
{
	const struct opsgenie_settings *opsgenie = settings;
	struct verdict verdict = message_classify_http(response);

	draft_hide_text(&verdict, &opsgenie->api_key, n);
	verdict.more = opsgenie->update_alerts && n->firing && n->step < STEP_DESCRIPTION;
	return verdict;
}

/* ---- settings ---------------------------------------------------------------------- */

static void
opsgenie_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct opsgenie_settings *opsgenie = settings;

	if (opsgenie->api_url == NULL)
		opsgenie->api_url = global->opsgenie_api_url;
	if (opsgenie->api_url == NULL)
		opsgenie->api_url = API_URL;
	if (!secret_is_set(&opsgenie->api_key.secret))
		opsgenie->api_key = global->opsgenie_api_key;
	if (!secret_is_set(&opsgenie->api_key.secret))
		diag_error(ctx->diag, opsgenie->common.pos,
		    "no Opsgenie API key: give api_key or "
		    "global.opsgenie_api_key");
	if (opsgenie->responders.n > RESPONDERS_MAX)
		diag_error(ctx->diag, opsgenie->responders.pos[RESPONDERS_MAX],
		    "more than %d responders; Opsgenie refuses them", RESPONDERS_MAX);
}

static void
check_responder(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	static const char *const types[] = { "team", "teams", "user", "escalation", "schedule" };
	const struct opsgenie_responder *responder = value;
	const struct yaml_node *type = yaml_get(node, "type");

	if (responder->id == NULL && responder->name == NULL && responder->username == NULL)
		diag_error(ctx->diag, node->pos, "a responder needs 'id', 'name' or 'username'");
	if (type == NULL || !template_is_constant(responder->type))
		return;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (type->text.n == strlen(types[i]) &&
		    strncasecmp(type->text.p, types[i], type->text.n) == 0)
			return;
	schema_expected(ctx, type, "one of team, teams, user, escalation, schedule");
}

/* clang-format off */
static const struct schema_field responder_fields[] = {
	TEMPLATE_ROW(opsgenie_responder, id, "id", 0, "Identifier."),
	TEMPLATE_ROW(opsgenie_responder, name, "name", 0, "Name; of type teams: several, with commas."),
	TEMPLATE_ROW(opsgenie_responder, username, "username", 0, "Name of a user."),
	TEMPLATE_ROW(opsgenie_responder, type, "type", FIELD_REQUIRED,
	    "team, teams, user, escalation or schedule."),
};

static const struct schema schema_responder = {
	.name = "opsgenie_configs.responders",
	.doc = "Who is responsible.",
	.size = sizeof(struct opsgenie_responder),
	SCHEMA_FIELDS(responder_fields),
	.check = check_responder,
};

#define OWN(member, text) TEMPLATE_ROW(opsgenie_settings, member, #member, 0, text)
#define STOCK(member, name, text) STOCK_ROW(opsgenie_settings, member, #member, name, text)

static const struct schema_field opsgenie_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "api_key", .kind = FIELD_SECRET, .flags = FIELD_NOTIFICATION,
	    .offset = offsetof(struct opsgenie_settings, api_key),
	    .doc = "Key of an API integration; else global.opsgenie_api_key." },
	{ .name = "api_url", .kind = FIELD_URL,
	    .offset = offsetof(struct opsgenie_settings, api_url),
	    .doc = "Opsgenie's API; else global.opsgenie_api_url." },
	STOCK(message, "opsgenie.default.message", "Alert's message, at most 130 characters; Alertmanager's subject when absent."),
	STOCK(description, "opsgenie.default.description", "Alert's description; Alertmanager's text when absent."),
	STOCK(source, "opsgenie.default.source", "Where the alert comes from; the page of this receiver's alerts when absent."),
	{ .name = "details", .kind = FIELD_TEMPLATE_MAP, .flags = FIELD_NOTIFICATION,
	    .offset = offsetof(struct opsgenie_settings, details),
	    .doc = "Details beside the common labels." },
	OWN(entity, "What the alert is about."),
	{ .name = "responders", .kind = FIELD_SUB_LIST, .sub = &schema_responder,
	    .offset = offsetof(struct opsgenie_settings, responders),
	    .doc = "Who is responsible." },
	OWN(actions, "Actions to offer, with commas between them."),
	OWN(tags, "Tags, with commas between them."),
	OWN(note, "A note added to the alert."),
	OWN(priority, "P1 to P5."),
	{ .name = "update_alerts", .kind = FIELD_BOOL, .fallback = "false",
	    .offset = offsetof(struct opsgenie_settings, update_alerts),
	    .doc = "Change message and description of an open alert with each notification; two more requests." },
};
/* clang-format on */

static const struct schema opsgenie_schema = {
	.name = "opsgenie_configs",
	.doc = "An alert of Opsgenie.",
	.size = sizeof(struct opsgenie_settings),
	SCHEMA_FIELDS(opsgenie_fields),
	.pos_offset = offsetof(struct opsgenie_settings, common.pos) + 1,
};

const struct integration_kind receiver_opsgenie_kind = {
	.name = "opsgenie",
	.schema = &opsgenie_schema,
	.finish = opsgenie_finish,
};

const struct receiver_ops receiver_opsgenie = {
	.kind = &receiver_opsgenie_kind,
	.render = opsgenie_render,
	.classify = opsgenie_classify,
};
