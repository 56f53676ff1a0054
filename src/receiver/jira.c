/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jira: an issue for each group, changed while it fires, resolved when it is
 * over, reopened when that was recently.
 *
 * A delivery is up to four requests: the group's issue is looked for by its
 * label; it is made or changed; if its status is to be another, the id of the
 * transition is asked for, and the transition is made.  What one answer says
 * is carried to the next.  Since every delivery begins with the search, one
 * that a crash repeats makes no second issue.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "receiver/jira_issue.h"
#include "receiver/types.h"

#define LIST_BYTES_MAX (1u << 20) /* of what a search or a list of transitions answers */

enum step {
	STEP_SEARCH,
	STEP_WRITE,
	STEP_TRANSITIONS,
	STEP_TRANSITION
};

enum api_type {
	API_AUTO,
	API_CLOUD,
	API_DATACENTER
};
static const char *const api_types[] = { "auto", "cloud", "datacenter", NULL };

/* Carried as "KEY CATEGORY", later as "KEY ID"; empty: there is no issue. */
struct issue {
	struct str key, rest;
};

static struct issue
issue_of(struct str carried)
{
	const char *space = carried.n > 0 ? memchr(carried.p, ' ', carried.n) : NULL;
	uint32_t n = space != NULL ? (uint32_t)(space - carried.p) : carried.n;

	return (struct issue){ str_make(carried.p, n),
		space != NULL ? str_make(space + 1, carried.n - n - 1) : STR("") };
}

static void
carry(struct verdict *verdict, struct str key, struct str rest)
{
	verdict->more = true;
	snprintf(verdict->carry, sizeof(verdict->carry), "%.*s %.*s", STR_ARG(key), STR_ARG(rest));
}

/* NULL: its status is as it is to be, or nothing is to be done about it. */
static const char *
transition_of(
    const struct jira_settings *jira, const struct notification *n, const struct issue *issue)
{
	bool is_done = str_is(issue->rest, "done");

	if (issue->key.n == 0 || is_done != n->firing)
		return NULL;
	return n->firing ? jira->reopen_transition : jira->resolve_transition;
}

/* ---- requests --------------------------------------------------------------------------- */

/* A text of JQL: quotes and backslashes are escaped. */
static void
put_quoted(struct buf *out, struct str text)
{
	buf_putc(out, '"');
	for (uint32_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_putc(out, '\\');
		buf_putc(out, text.p[i]);
	}
	buf_putc(out, '"');
}

static void
put_query(struct draft *d, const struct jira_settings *jira, struct buf *out)
{
	int64_t minutes = jira->reopen_duration.ns / (60 * INT64_C(1000000000));

	if (jira->wont_fix_resolution != NULL && jira->wont_fix_resolution[0] != '\0') {
		buf_puts(out, "(resolution is EMPTY or resolution != ");
		put_quoted(out, str_from(jira->wont_fix_resolution));
		buf_puts(out, ") and ");
	}
	if (d->n->firing && jira->reopen_transition != NULL && minutes > 0)
		buf_printf(out, "(resolutiondate is EMPTY or resolutiondate >= -%lldm) and ",
		    (long long)minutes);
	else
		buf_puts(out, "statusCategory != Done and ");
	buf_puts(out, "project=");
	put_quoted(out, str_trim(draft_expanded(d, jira->project, STR(""))));
	buf_puts(out, " and labels=");
	put_quoted(out, jira_group_label(d));
	buf_puts(out, " order by status ASC,resolutiondate DESC");
}

/* The cloud's search has a path of its own, in version 3 of the API alone. */
static void
put_search_url(const struct jira_settings *jira, struct buf *out)
{
	struct str base = str_from(jira->api_url);
	bool in_cloud =
	    jira->api_type == API_CLOUD ||
	    (jira->api_type == API_AUTO && memmem(base.p, base.n, "atlassian.net/", 14));

	while (str_ends(base, STR("/")))
		base.n--;
	if (in_cloud && str_ends(base, STR("/2"))) {
		buf_put_str(out, str_make(base.p, base.n - 1));
		buf_putc(out, '3');
	} else {
		buf_put_str(out, base);
	}
	buf_puts(out, in_cloud ? "/search/jql" : "/search");
}

static void
put_search(struct draft *d, const struct jira_settings *jira, struct xfer_request *request)
{
	struct buf query = { 0 };

	put_search_url(jira, &request->url);
	request->response_bytes_max = LIST_BYTES_MAX;
	put_query(d, jira, &query);
	buf_putc(d->out, '{');
	draft_given(d, "jql", buf_str(&query));
	buf_puts(d->out, ",\"maxResults\":2,\"fields\":[\"status\"]}\n");
	buf_fini(&query);
}

static void
put_issue_url(const struct jira_settings *jira, struct str key, const char *more, struct buf *out)
{
	draft_path(out, jira->api_url, "issue/");
	url_escape(out, key);
	buf_puts(out, more);
}

static int
jira_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err UNUSED)
{
	const struct jira_settings *jira = settings;
	struct draft d = draft_new(n, arena, &request->body);
	struct issue issue = issue_of(n->carried);

	draft_post(request, &jira->common);
	draft_header(
	    request, arena, "Accept-Language", "en"); /* transitions have translated names */
	switch ((enum step)n->step) {
	case STEP_SEARCH:
		put_search(&d, jira, request);
		break;
	case STEP_WRITE:
		if (issue.key.n > 0) {
			request->method = "PUT";
			put_issue_url(jira, issue.key, "", &request->url);
		} else {
			draft_path(&request->url, jira->api_url, "issue");
		}
		jira_put_issue(&d, jira, issue.key.n == 0);
		break;
	case STEP_TRANSITIONS:
		request->method = "GET";
		request->content_type = NULL;
		request->response_bytes_max = LIST_BYTES_MAX;
		put_issue_url(jira, issue.key, "/transitions", &request->url);
		break;
	case STEP_TRANSITION:
		put_issue_url(jira, issue.key, "/transitions", &request->url);
		buf_puts(d.out, "{\"transition\":{");
		draft_given(&d, "id", issue.rest);
		buf_puts(d.out, "}}\n");
		break;
	}
	draft_fini(&d);
	return 0;
}

/* ---- answers ---------------------------------------------------------------------------- */

struct found {
	struct arena *arena;
	struct str key, category; /* of the first issue */
	const char *wanted;
	struct str id; /* of the wanted transition */
};

/* A dotted path of an object: the text at its end; "" when absent. */
static struct str
text_at(struct arena *arena, struct str object, const char *path)
{
	const char *dot = strchr(path, '.');
	struct str head = dot != NULL ? str_make(path, (uint32_t)(dot - path)) : str_from(path);
	struct str key, span = STR(""), text = STR("");
	struct json_reader r;

	json_reader_init(&r, object);
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key)) {
		if (!str_eq(key, head))
			json_skip(&r);
		else if (dot != NULL)
			json_read_span(&r, &span);
		else if (json_peek(&r) == JSON_STRING)
			json_read_str(&r, arena, &text);
		else
			json_skip(&r);
	}
	if (!json_finish(&r))
		return STR("");
	return dot != NULL && span.n > 0 ? text_at(arena, span, dot + 1) : text;
}

static void
take_issue(struct found *found, struct str item)
{
	if (found->key.n > 0)
		return;
	found->key = text_at(found->arena, item, "key");
	found->category = text_at(found->arena, item, "fields.status.statusCategory.key");
}

static void
take_transition(struct found *found, struct str item)
{
	struct str name = text_at(found->arena, item, "name");

	if (found->id.n == 0 && str_is(name, found->wanted))
		found->id = text_at(found->arena, item, "id");
}

/* Each item of the list that the object has under this name. False: it is no such object. */
static bool
each(struct str object, const char *name, void (*take)(struct found *, struct str),
    struct found *found)
{
	struct json_reader r;
	struct str key, item;
	bool has_list = false;

	json_reader_init(&r, object);
	json_enter(&r, JSON_OBJECT);
	while (json_next_key(&r, &key)) {
		if (!str_is(key, name) || json_peek(&r) != JSON_ARRAY) {
			json_skip(&r);
			continue;
		}
		has_list = true;
		json_enter(&r, JSON_ARRAY);
		while (json_next_item(&r))
			if (json_read_span(&r, &item))
				take(found, item);
	}
	return json_finish(&r) && has_list;
}

static void
after_search(
    const struct notification *n, const struct xfer_response *response, struct verdict *verdict)
{
	struct found found = { .arena = arena_new(0), .key = STR(""), .category = STR("") };

	if (!each(response->body, "issues", take_issue, &found)) {
		verdict->kind = DELIVERY_REJECTED;
		verdict_say(verdict, response->status,
		    STR("the answer is not Jira's: check api_url and api_type"));
	} else if (found.key.n > 0 && found.key.n < 256 && found.category.n < 256) {
		carry(verdict, found.key, found.category);
	} else {
		/* Of what is over and has no issue nothing is to be said. */
		verdict->more = n->firing;
	}
	arena_free(found.arena);
}

static void
after_transitions(const struct notification *n, const char *wanted,
    const struct xfer_response *response, struct verdict *verdict)
{
	struct issue issue = issue_of(n->carried);
	struct found found = { .arena = arena_new(0), .wanted = wanted, .id = STR("") };

	/* A reload may have taken the transition out of the configuration. */
	if (wanted != NULL)
		each(response->body, "transitions", take_transition, &found);
	if (wanted == NULL) {
		verdict->more = false;
	} else if (found.id.n > 0 && found.id.n < 256) {
		carry(verdict, issue.key, found.id);
	} else {
		verdict->kind = DELIVERY_REJECTED;
		verdict_say(verdict, response->status,
		    str_from(arena_printf(found.arena, "the issue %.*s has no transition '%s'",
			STR_ARG(issue.key), wanted)));
	}
	arena_free(found.arena);
}

/* Errors are {"errorMessages":[...],"errors":{...}}, told as they come. */
static struct verdict
jira_classify(
    const void *settings, const struct notification *n, const struct xfer_response *response)
{
	const struct jira_settings *jira = settings;
	struct verdict verdict = message_classify_http(response);
	struct issue issue = issue_of(n->carried);

	/* What was found is gone. */
	if (response->failure == ERR_NONE && response->status == 404 && issue.key.n > 0) {
		verdict.kind = DELIVERY_RETRY;
		verdict.from_start = true;
	}
	if (response->failure != ERR_NONE || verdict.kind != DELIVERY_OK)
		return verdict;
	verdict_say(&verdict, response->status, STR(""));
	switch ((enum step)n->step) {
	case STEP_SEARCH:
		after_search(n, response, &verdict);
		break;
	case STEP_WRITE:
		if (transition_of(jira, n, &issue) != NULL)
			carry(&verdict, issue.key, issue.rest);
		break;
	case STEP_TRANSITIONS:
		after_transitions(n, n->firing ? jira->reopen_transition : jira->resolve_transition,
		    response, &verdict);
		break;
	case STEP_TRANSITION:
		break;
	}
	return verdict;
}

/* ---- settings --------------------------------------------------------------------------- */

static void
read_text(struct schema_context *ctx, const struct yaml_node *node, void *value)
{
	((struct jira_text *)value)->template = schema_notification_template(ctx, node);
}

static void
read_values(struct schema_context *ctx, const struct yaml_node *node, struct jira_labels *labels)
{
	if (!schema_is_list(ctx, node, "[a, b]"))
		return;
	labels->items = ARENA_ARRAY(ctx->arena, node->n + 1, struct template *);
	for (uint32_t i = 0; i < node->n; i++) {
		struct template *t = schema_notification_template(ctx, node->items[i]);

		if (t != NULL)
			labels->items[labels->n++] = t;
	}
}

static void
read_label_values(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	read_values(ctx, node, member);
}

#define LIST_JSON_SCHEMA "{\"type\": \"array\", \"items\": {\"type\": \"string\"}}"

/* clang-format off */
static const struct schema_field labels_fields[] = {
	{ .name = "values", .kind = FIELD_CUSTOM, .custom = read_label_values,
	    .json_schema = LIST_JSON_SCHEMA, .doc = "The labels." },
	{ .name = "enable_update", .kind = FIELD_BOOL, .fallback = "true",
	    .offset = offsetof(struct jira_labels, enable_update),
	    .doc = "Set it again in an issue that is there." },
};

static const struct schema schema_labels = {
	.name = "jira_configs.labels",
	.doc = "Labels of an issue.",
	.size = sizeof(struct jira_labels),
	SCHEMA_FIELDS(labels_fields),
};

static const struct schema_field text_fields[] = {
	TEMPLATE_ROW(jira_text, template, "template", 0, "The text."),
	{ .name = "enable_update", .kind = FIELD_BOOL, .fallback = "true",
	    .offset = offsetof(struct jira_text, enable_update),
	    .doc = "Set it again in an issue that is there." },
};

static const struct schema schema_text = {
	.name = "jira_configs.text",
	.doc = "A text, alone or with whether it changes an issue that is there.",
	.size = sizeof(struct jira_text),
	SCHEMA_FIELDS(text_fields),
	.scalar = read_text,
};
/* clang-format on */

static void
read_labels(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct jira_labels *labels = member;

	labels->given = true;
	if (node->kind == YAML_MAPPING) {
		schema_read(ctx, &schema_labels, node, labels);
		return;
	}
	labels->enable_update = true;
	read_values(ctx, node, labels);
}

static void
use_stock(struct schema_context *ctx, struct jira_settings *jira)
{
	struct pos pos = jira->common.pos;

	if (jira->summary.template == NULL)
		jira->summary.template = schema_stock_template(ctx, pos, "jira.default.summary");
	if (jira->description.template == NULL)
		jira->description.template =
		    schema_stock_template(ctx, pos, "jira.default.description");
}

static void
jira_finish(struct schema_context *ctx, void *settings, const struct config_global *global)
{
	struct jira_settings *jira = settings;

	if (jira->api_url == NULL)
		jira->api_url = global->jira_api_url;
	if (jira->api_url == NULL)
		diag_error(ctx->diag, jira->common.pos,
		    "no Jira: give api_url or global.jira_api_url, such as "
		    "https://company.atlassian.net/rest/api/2/");
	if (!jira->labels.given)
		jira->labels.enable_update = true;
	if (jira->reopen_transition != NULL && jira->reopen_transition[0] == '\0')
		jira->reopen_transition = NULL;
	if (jira->resolve_transition != NULL && jira->resolve_transition[0] == '\0')
		jira->resolve_transition = NULL;
	use_stock(ctx, jira);
}

/* clang-format off */
#define PLACE(member) .offset = offsetof(struct jira_settings, member)

static const struct schema_field jira_fields[] = {
	INTEGRATION_FIELDS("true"),
	{ .name = "api_url", .kind = FIELD_URL, PLACE(api_url),
	    .doc = "The REST API with its version; else global.jira_api_url. Credentials stand in http_config." },
	{ .name = "api_type", .kind = FIELD_ENUM, .choices = api_types, .fallback = "auto",
	    PLACE(api_type), .doc = "How issues are searched; auto: as the cloud wants it at atlassian.net." },
	TEMPLATE_ROW(jira_settings, project, "project", FIELD_REQUIRED | FIELD_NONEMPTY,
	    "Key of the project."),
	TEMPLATE_ROW(jira_settings, issue_type, "issue_type", FIELD_REQUIRED | FIELD_NONEMPTY,
	    "Type of the issue, such as Bug."),
	{ .name = "summary", .kind = FIELD_EMBED, .sub = &schema_text, PLACE(summary),
	    .doc = "Heading, at most 255 characters; Alertmanager's subject when absent." },
	{ .name = "description", .kind = FIELD_EMBED, .sub = &schema_text, PLACE(description),
	    .doc = "Body, at most 32767 characters; each alert with its summary and labels when absent. "
		   "Wiki markup; with version 3 of the API a document (ADF) in JSON, or plain text." },
	{ .name = "labels", .kind = FIELD_CUSTOM, .custom = read_labels, .json_schema = "{}",
	    PLACE(labels), .doc = "Labels beside the one by which the group's issue is found again: "
		   "a list, or {values: [...], enable_update: false}." },
	STOCK_ROW(jira_settings, priority, "priority", "jira.default.priority",
	    "Name of the priority; High, Medium or Low by the severity when absent."),
	{ .name = "resolve_transition", .kind = FIELD_STRING, PLACE(resolve_transition),
	    .doc = "Name of the transition that resolves an issue; without it the issue stays open." },
	{ .name = "reopen_transition", .kind = FIELD_STRING, PLACE(reopen_transition),
	    .doc = "Name of the transition that opens it again." },
	{ .name = "reopen_duration", .kind = FIELD_DURATION, .fallback = "0s", PLACE(reopen_duration),
	    .doc = "How long after its end an issue is opened again rather than another made." },
	{ .name = "wont_fix_resolution", .kind = FIELD_STRING, PLACE(wont_fix_resolution),
	    .doc = "Issues with this resolution are left alone." },
	{ .name = "fields", .kind = FIELD_CUSTOM, .custom = payload_read_map,
	    .json_schema = PAYLOAD_MAP_JSON_SCHEMA, PLACE(fields),
	    .doc = "Other fields by name, as Jira's API has them." },
};
/* clang-format on */

static const struct schema jira_schema = {
	.name = "jira_configs",
	.doc = "An issue of Jira.",
	.size = sizeof(struct jira_settings),
	SCHEMA_FIELDS(jira_fields),
	.pos_offset = offsetof(struct jira_settings, common.pos) + 1,
};

const struct integration_kind receiver_jira_kind = {
	.name = "jira",
	.schema = &jira_schema,
	.finish = jira_finish,
};

const struct receiver_ops receiver_jira = {
	.kind = &receiver_jira_kind,
	.message_step = STEP_WRITE,
	.render = jira_render,
	.classify = jira_classify,
};
