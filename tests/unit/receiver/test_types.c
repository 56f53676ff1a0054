/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the types with one request and one answer have in common: the request
 * as agreed, the service's limits, what its answers mean, mistakes.
 */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "receiver/sigv4.h"
#include "receiver/types.h"
#include "types_yaml.h"
#include "world.h"

static const struct {
	const struct receiver_ops *ops;
	const char *yaml;
	bool quiet; /* does not tell what is over unless asked to */
} types[] = {
	{ &receiver_discord, DISCORD, false },
	{ &receiver_incidentio, INCIDENT, false },
	{ &receiver_jira, JIRA, false },
	{ &receiver_mattermost, MATTER, false },
	{ &receiver_msteams, OLD_TEAMS, false },
	{ &receiver_msteamsv2, TEAMS, false },
	{ &receiver_opsgenie, OPSGENIE, false },
	{ &receiver_pushover, PUSHOVER, false },
	{ &receiver_rocketchat, ROCKET, true },
	{ &receiver_sns, SNS, false },
	{ &receiver_telegram, TELEGRAM, false },
	{ &receiver_victorops, VICTOROPS, false },
	{ &receiver_webex, WEBEX, false },
	{ &receiver_wechat, WECHAT, true },
};
#define TYPES ((int)(sizeof(types) / sizeof(types[0])))

static const void *
settings_of(struct story *s, const struct receiver_ops *ops)
{
	for (int i = 0; i < TYPES; i++)
		if (types[i].ops == ops)
			return settings_read(s, ops, types[i].yaml);
	ck_abort_msg("%s is not in the table", ops->kind->name);
	return NULL;
}

/* The request that says what there is to say, where others prepare it. */
static void
go_to_the_message(const struct receiver_ops *ops, struct notification *n)
{
	n->step = ops->message_step;
	if (ops == &receiver_wechat)
		n->carried = STR("token=1");
	if (ops == &receiver_jira && !n->firing)
		n->carried = STR("OPS-1 new");
}

START_TEST(request_is_as_agreed)
{
	const struct receiver_ops *ops = types[_i / STORIES].ops;
	const char *name = story_names[_i % STORIES];
	struct story s = story_load(name);
	struct rendered r;
	struct buf text = { 0 };

	go_to_the_message(ops, &s.n);
	r = render(&s, ops, settings_read(&s, ops, types[_i / STORIES].yaml));
	ck_assert_msg(r.rc == 0, "%s: %s", ops->kind->name, r.err.text);
	put_request(&r.request, &text);
	same_as_golden(
	    s.arena, arena_printf(s.arena, "%s.%s.txt", name, ops->kind->name), buf_str(&text));
	if (ops != &receiver_pushover && ops != &receiver_sns)
		json_object_put(json_parse(buf_str(&r.request.body)));
	buf_fini(&text);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(another_try_is_the_same)
{
	const struct receiver_ops *ops = types[_i].ops;
	struct story s = story_load("mixed");
	const void *settings = settings_read(&s, ops, types[_i].yaml);
	struct rendered a = render(&s, ops, settings);
	struct rendered b = render(&s, ops, settings);

	ck_assert(str_eq(buf_str(&a.request.body), buf_str(&b.request.body)));
	ck_assert_str_eq(a.request.url.p, b.request.url.p);
	rendered_free(&a);
	rendered_free(&b);
	story_free(&s);
}
END_TEST

START_TEST(resolved_is_sent_unless_told_otherwise)
{
	const struct receiver_ops *ops = types[_i].ops;
	struct story s = story_load("one");
	const struct integration_common *common = settings_read(&s, ops, types[_i].yaml);

	ck_assert(common->send_resolved != types[_i].quiet);
	common = settings_read(&s, ops,
	    arena_printf(s.arena, "%ssend_resolved: %s\n", types[_i].yaml,
		types[_i].quiet ? "true" : "false"));
	ck_assert(common->send_resolved == types[_i].quiet);
	story_free(&s);
}
END_TEST

/* ---- beside Alertmanager ----------------------------------------------------------- */

static const struct {
	const struct receiver_ops *ops;
	const char *yaml;
	bool all_stories;
} peers[] = {
	{ &receiver_opsgenie,
	    OPSGENIE "entity: e\nnote: n\npriority: P2\ntags: 'a, b ,c'\nactions: 'x,y'\n"
		     "details: {zz: 'last {{ .Status }}', alertname: mine}\n"
		     "responders: [{name: 't1,t2', type: teams}, {username: u, type: user}]\n",
	    true },
	{ &receiver_victorops,
	    VICTOROPS "monitoring_tool: Alertmanager\n"
		      "custom_fields: {zz: '{{ .Status }}', alpha: b}\n",
	    true },
	{ &receiver_telegram,
	    TELEGRAM "message: '<b>{{ .Status }}</b> "
		     "{{ .CommonLabels.alertname }}'\n",
	    false },
	{ &receiver_webex, WEBEX "message: 'm {{ .Status }}'\n", false },
};
#define PEERS ((int)(sizeof(peers) / sizeof(peers[0])))

/* In the long story Opsgenie would refuse the description that Alertmanager sends. */
static bool
is_cut_by_us(const char *story, const char *key)
{
	return strcmp(story, "long") == 0 && strcmp(key, "description") == 0;
}

START_TEST(members_equal_alertmanagers)
{
	const struct receiver_ops *ops = peers[_i / STORIES].ops;
	const char *name = story_names[_i % STORIES];
	struct story s = story_load(name);
	struct rendered r;
	struct json_object *stock, *ours;

	if (_i % STORIES != 0 && !peers[_i / STORIES].all_stories) {
		story_free(&s);
		return;
	}
	r = render(&s, ops, settings_read(&s, ops, peers[_i / STORIES].yaml));
	stock = json_parse(file_text(
	    s.arena, arena_printf(s.arena, "%s.alertmanager-%s.json", name, ops->kind->name)));
	ours = json_parse(buf_str(&r.request.body));
	json_object_object_foreach(stock, key, value)
	{
		const char *got = json_text_at(ours, key);

		const char *want = json_object_get_string(value);
		size_t n = is_cut_by_us(name, key) ? 14000 : SIZE_MAX;

		ck_assert_msg(got != NULL && strncmp(got, want, n) == 0,
		    "%s: expected \"%.60s\", got \"%.60s\"", key, want,
		    got != NULL ? got : "nothing");
	}
	ck_assert_int_eq(json_object_object_length(stock), json_object_object_length(ours));
	json_object_put(stock);
	json_object_put(ours);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

/* ---- limits ------------------------------------------------------------------------ */

static const struct {
	const struct receiver_ops *ops;
	const char *yaml, *path;
	uint32_t max;
	bool bytes;
} limits[] = {
	{ &receiver_discord, DISCORD, "embeds.0.title", 256, false },
	{ &receiver_discord, DISCORD, "embeds.0.description", 4096, false },
	{ &receiver_discord, DISCORD "message: '{{ .CommonAnnotations.x }}'\n",
	    "embeds.0.description", 4096, false },
	{ &receiver_discord, DISCORD "content: '{{ .CommonAnnotations.x }}'\n", "content", 2000,
	    false },
	{ &receiver_discord, DISCORD "username: '{{ .CommonAnnotations.x }}'\n", "username", 80,
	    false },
	{ &receiver_msteamsv2, TEAMS, "", 28000, true },
	{ &receiver_msteamsv2, TEAMS "text: '{{ .CommonAnnotations.x }}'\n", "", 28000, true },
	{ &receiver_msteams, OLD_TEAMS, "", 28000, true },
	{ &receiver_msteams, OLD_TEAMS "text: '{{ .CommonAnnotations.x }}'\n", "", 28000, true },
	{ &receiver_mattermost, MATTER, "attachments.0.text", 4000, false },
	{ &receiver_mattermost, MATTER "text: '{{ .CommonAnnotations.x }}'\n", "text", 16383,
	    false },
	{ &receiver_rocketchat, ROCKET, "attachments.0.title", 1024, false },
	{ &receiver_rocketchat, ROCKET, "attachments.0.text", 4000, false },
	{ &receiver_jira, JIRA, "fields.summary", 255, false },
	{ &receiver_jira, JIRA "description: '{{ .CommonAnnotations.x }}'\n", "fields.description",
	    32767, false },
	{ &receiver_wechat, WECHAT, "text.content", 2048, true },
	{ &receiver_wechat, WECHAT "message: '{{ .CommonAnnotations.x }}'\n", "text.content", 2048,
	    true },
	{ &receiver_wechat,
	    WECHAT "message: '{{ .CommonAnnotations.x }}'\nmessage_type: markdown\n",
	    "markdown.content", 4096, true },
	{ &receiver_opsgenie, OPSGENIE, "message", 130, false },
	{ &receiver_opsgenie, OPSGENIE, "description", 15000, false },
	{ &receiver_opsgenie, OPSGENIE "entity: '{{ .CommonAnnotations.x }}'\n", "entity", 512,
	    false },
	{ &receiver_telegram, TELEGRAM, "text", 4096, false },
	{ &receiver_telegram, TELEGRAM "message: '{{ .CommonAnnotations.x }}'\n", "text", 4096,
	    false },
	{ &receiver_telegram, TELEGRAM "message: '{{ .CommonAnnotations.x }}'\nparse_mode: ''\n",
	    "text", 4096, false },
	{ &receiver_victorops, VICTOROPS, "state_message", 20480, false },
	{ &receiver_webex, WEBEX, "markdown", 7439, true },
	{ &receiver_webex, WEBEX "message: '{{ .CommonAnnotations.x }}'\n", "markdown", 7439,
	    true },
};

/* 200 alerts that share an annotation x of 40,000 characters, each worth escaping. */
static struct story
huge_story(void)
{
	static char labels[1600], x[50000];
	static struct label_view view;
	struct buf annotations = { 0 };
	struct story s;

	memset(labels, '*', sizeof(labels) - 1);
	memcpy(labels, "n=# severity=<b>& k=&&<>", 24);
	for (size_t i = 0; i + 10 < sizeof(x); i += 10)
		memcpy(x + i, "<i>&ä_*\"\\", 10);
	x[sizeof(x) - 10] = '\0';
	buf_puts(&annotations, "summary=s#");
	for (int i = 0; i < 500; i++)
		buf_puts(&annotations, "_<&ü");
	s = story_make(200, labels, annotations.p);
	buf_fini(&annotations);
	view = (struct label_view){ STR("x"), str_from(x) };
	s.n.common_annotations = &view;
	s.n.n_common_annotations = 1;
	return s;
}

START_TEST(the_services_limit_is_kept)
{
	struct story s = huge_story();
	const struct receiver_ops *ops = limits[_i].ops;
	struct rendered r;
	struct json_object *root;
	struct str text;

	go_to_the_message(ops, &s.n);
	r = render(&s, ops, settings_read(&s, ops, limits[_i].yaml));
	ck_assert_int_eq(r.rc, 0);
	root = json_parse(buf_str(&r.request.body));
	text = limits[_i].path[0] != '\0' ? str_from(json_text_at(root, limits[_i].path))
					  : buf_str(&r.request.body);
	ck_assert_uint_le(limits[_i].bytes ? text.n : str_runes(text), limits[_i].max);
	/* It is made use of, too. */
	ck_assert_uint_gt(limits[_i].bytes ? text.n : str_runes(text), limits[_i].max / 4);
	json_object_put(root);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

static const struct {
	const char *yaml, *want, *not ; /* in the request */
} messages[] = {
	{ SNS, "POST https://sns.eu-west-1.amazonaws.com/\n", NULL },
	{ SNS "api_url: http://localhost:4566\n", "POST http://localhost:4566\n", NULL },
	{ SNS, "&Subject=%5BFIRING%3A", "&MessageGroupId=" },
	{ SNS, "/eu-west-1/sns/aws4_request, SignedHeaders=host;x-amz-date, Signature=", NULL },
	{ "sigv4: {access_key: a, secret_key: b, region: x}\ntopic_arn: 'arn:aws:sns:y:1:o.fifo'\n",
	    "/x/sns/aws4_request", "/y/sns" },
	{ "sigv4: {access_key: a, secret_key: b}\ntopic_arn: 'arn:aws:sns:y:1:o.fifo'\n",
	    "&MessageGroupId=", NULL },
	{ "sigv4: {access_key: a, secret_key: b, region: x}\nphone_number: '+155'\n",
	    "&PhoneNumber=%2B155&", "&Subject=" },
	{ "sigv4: {access_key: a, secret_key: b}\ntarget_arn: 'arn:aws:sns:y:1:e'\n",
	    "&TargetArn=arn%3Aaws%3Asns%3Ay%3A1%3Ae&", "TopicArn" },
	{ SNS "attributes: {k: 'v {{ .Status }}', none: '{{ .CommonLabels.nope }}'}\n",
	    "&MessageAttributes.entry.1.Name=k&MessageAttributes.entry.1.Value.DataType=String&"
	    "MessageAttributes.entry.1.Value.StringValue=v%20firing",
	    "entry.2" },
	{ SNS "message: '{{ .Status }}'\nsubject: \"a\\nb\"\n", "&Subject=a%20b&Message=firing",
	    NULL },
};

/* "post-vanilla" of Amazon's test suite for the signature. */
START_TEST(a_request_is_signed_as_amazon_does)
{
	static const char want[] =
	    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
	    "SignedHeaders=host;x-amz-date, "
	    "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
	struct sigv4_key key = { .id = STR("AKIDEXAMPLE"),
		.secret = STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
		.token = STR(""),
		.region = STR("us-east-1"),
		.service = "service" };
	const wall_t at = { INT64_C(1440938160) * 1000000000 };
	struct arena *arena = arena_new(0);
	struct http_header headers[SIGV4_HEADERS_MAX];

	ck_assert_uint_eq(
	    sigv4_sign(&key, STR("https://example.amazonaws.com:443"), STR(""), at, arena, headers),
	    2);
	ck_assert_str_eq(headers[0].value, "20150830T123600Z");
	ck_assert_str_eq(headers[1].value, want);
	key.token = STR("session");
	ck_assert_uint_eq(
	    sigv4_sign(&key, STR("https://example.amazonaws.com/"), STR(""), at, arena, headers),
	    3);
	ck_assert_str_eq(headers[1].name, "X-Amz-Security-Token");
	ck_assert_ptr_nonnull(
	    strstr(headers[2].value, "SignedHeaders=host;x-amz-date;x-amz-security-token,"));
	arena_free(arena);
}
END_TEST

START_TEST(amazon_is_told_where_to)
{
	struct story s = story_load("one");
	struct rendered r =
	    render(&s, &receiver_sns, settings_read(&s, &receiver_sns, messages[_i].yaml));
	struct buf text = { 0 };

	ck_assert_msg(r.rc == 0, "%s", r.err.text);
	put_request(&r.request, &text);
	ck_assert_msg(strstr(text.p, messages[_i].want) != NULL, "%s", text.p);
	if (messages[_i].not != NULL)
		ck_assert_msg(strstr(text.p, messages[_i].not ) == NULL, "%s", text.p);
	buf_fini(&text);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(incident_io_hears_of_one_alert_when_all_are_too_much)
{
	struct story s = huge_story();
	struct rendered r =
	    render(&s, &receiver_incidentio, settings_read(&s, &receiver_incidentio, INCIDENT));
	struct json_object *root = json_parse(buf_str(&r.request.body));

	ck_assert_uint_le(r.request.body.n, 524288);
	ck_assert_uint_eq(json_object_array_length(json_at(root, "alerts")), 1);
	ck_assert_str_eq(json_text_at(root, "truncatedAlerts"), "199");
	json_object_put(root);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(an_embed_stays_below_6000_characters)
{
	struct story s = huge_story();
	struct rendered r = render(&s, &receiver_discord,
	    settings_read(&s, &receiver_discord,
		DISCORD "message: '{{ .CommonAnnotations.x }}'\n"
			"title: '{{ .CommonAnnotations.x }}'\n"));
	struct json_object *root = json_parse(buf_str(&r.request.body)), *field;
	uint32_t runes = str_runes(str_from(json_text_at(root, "embeds.0.title"))) +
			 str_runes(str_from(json_text_at(root, "embeds.0.description")));

	for (size_t i = 0; i < json_object_array_length(json_at(root, "embeds.0.fields")); i++) {
		field = json_object_array_get_idx(json_at(root, "embeds.0.fields"), i);
		ck_assert_uint_le(str_runes(str_from(json_text_at(field, "value"))), 1024);
		runes += str_runes(str_from(json_text_at(field, "name"))) +
			 str_runes(str_from(json_text_at(field, "value")));
	}
	ck_assert_uint_le(runes, 6000);
	json_object_put(root);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

/* ---- answers ----------------------------------------------------------------------- */

static const struct {
	const struct receiver_ops *ops;
	int status;
	const char *body;
	enum delivery_kind want;
	double retry_after; /* seconds; 0: none */
	const char *text;
} answers[] = {
	{ &receiver_discord, 204, "", DELIVERY_OK, 0, "status 204" },
	{ &receiver_discord, 429,
	    "{\"message\":\"rate limited\",\"retry_after\":1.5,\"global\":false}", DELIVERY_RETRY,
	    1.5, NULL },
	{ &receiver_discord, 429, "{\"retry_after\":\"3\"}", DELIVERY_RETRY, 3, NULL },
	{ &receiver_discord, 429, "{\"retry_after\":-1}", DELIVERY_RETRY, 0, NULL },
	{ &receiver_discord, 429, "{\"retry_after\":1e300}", DELIVERY_RETRY, 86400, NULL },
	{ &receiver_discord, 429, "<html>", DELIVERY_RETRY, 0, NULL },
	{ &receiver_discord, 400, "{\"embeds\":[\"0\"]}", DELIVERY_REJECTED, 0, NULL },
	{ &receiver_discord, 404, "{\"message\":\"Unknown Webhook\"}", DELIVERY_REJECTED, 0, NULL },
	{ &receiver_discord, 502, "", DELIVERY_RETRY, 0, "status 502" },
	{ &receiver_msteamsv2, 202, "", DELIVERY_OK, 0, "status 202" },
	{ &receiver_msteamsv2, 200, "1", DELIVERY_OK, 0, "status 200: 1" },
	{ &receiver_msteamsv2, 200,
	    "Webhook message delivery failed with error: Microsoft Teams "
	    "endpoint returned HTTP error 429 with ContextId x",
	    DELIVERY_RETRY, 0, NULL },
	{ &receiver_msteamsv2, 200,
	    "Webhook message delivery failed with error: Microsoft Teams "
	    "endpoint returned HTTP error 413 with ContextId x",
	    DELIVERY_REJECTED, 0, NULL },
	{ &receiver_msteamsv2, 400, "{}", DELIVERY_REJECTED, 0, NULL },
	{ &receiver_msteamsv2, 429, "", DELIVERY_RETRY, 0, NULL },
	{ &receiver_incidentio, 202, "{\"status\":\"success\"}", DELIVERY_OK, 0, NULL },
	{ &receiver_incidentio, 401, "{\"message\":\"no such token\"}", DELIVERY_REJECTED, 0,
	    "status 401: no such token" },
	{ &receiver_incidentio, 429, "{\"error\":\"too large\"}", DELIVERY_RETRY, 0,
	    "status 429: too large" },
	{ &receiver_mattermost, 200, "ok", DELIVERY_OK, 0, "status 200: ok" },
	{ &receiver_mattermost, 400,
	    "{\"id\":\"web.incoming_webhook.x\",\"message\":\"Couldn't find the channel\"}",
	    DELIVERY_REJECTED, 0, "status 400: Couldn't find the channel" },
	{ &receiver_mattermost, 503, "", DELIVERY_RETRY, 0, NULL },
	{ &receiver_msteams, 200, "1", DELIVERY_OK, 0, NULL },
	{ &receiver_msteams, 200,
	    "Webhook message delivery failed with error: Microsoft Teams "
	    "endpoint returned HTTP error 503 with ContextId x",
	    DELIVERY_RETRY, 0, NULL },
	{ &receiver_msteams, 410, "", DELIVERY_REJECTED, 0, NULL },
	{ &receiver_rocketchat, 200, "{\"success\":true,\"message\":{\"msg\":\"all\"}}",
	    DELIVERY_OK, 0, "status 200" },
	{ &receiver_rocketchat, 200, "{\"success\":false,\"error\":\"no room\"}", DELIVERY_REJECTED,
	    0, "status 200: no room" },
	{ &receiver_rocketchat, 200, "<html>", DELIVERY_REJECTED, 0,
	    "status 200: the answer is no JSON: check api_url" },
	{ &receiver_rocketchat, 400, "{\"success\":false,\"error\":\"[invalid-channel]\"}",
	    DELIVERY_REJECTED, 0, "status 400: [invalid-channel]" },
	{ &receiver_rocketchat, 429, "{\"success\":false,\"error\":\"too many\"}", DELIVERY_RETRY,
	    0, "status 429: too many" },
	{ &receiver_opsgenie, 202, "{\"result\":\"Request will be processed\"}", DELIVERY_OK, 0,
	    NULL },
	{ &receiver_opsgenie, 422, "{\"message\":\"too long\"}", DELIVERY_REJECTED, 0, NULL },
	{ &receiver_opsgenie, 429, "", DELIVERY_RETRY, 0, NULL },
	{ &receiver_opsgenie, 503, "", DELIVERY_RETRY, 0, NULL },
	{ &receiver_pushover, 200, "{\"status\":1,\"request\":\"x\"}", DELIVERY_OK, 0, NULL },
	{ &receiver_pushover, 200, "{\"status\":0,\"errors\":[\"bad\"]}", DELIVERY_REJECTED, 0,
	    NULL },
	{ &receiver_pushover, 400,
	    "{\"user\":\"invalid\",\"errors\":[\"user key is invalid\"],"
	    "\"status\":0}",
	    DELIVERY_REJECTED, 0, NULL },
	{ &receiver_pushover, 500, "", DELIVERY_RETRY, 0, NULL },
	{ &receiver_sns, 200, "<PublishResponse><MessageId>x</MessageId></PublishResponse>",
	    DELIVERY_OK, 0, "status 200" },
	{ &receiver_sns, 403,
	    "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code>"
	    "<Message>The signature is another</Message></Error></ErrorResponse>",
	    DELIVERY_REJECTED, 0, "status 403: The signature is another" },
	{ &receiver_sns, 400, "<Error><Code>Throttling</Code><Message>Rate exceeded</Message>",
	    DELIVERY_RETRY, 0, "status 400: Rate exceeded" },
	{ &receiver_sns, 403, "<Code>RequestExpired</Code>", DELIVERY_RETRY, 0, NULL },
	{ &receiver_sns, 500, "<Code>InternalError", DELIVERY_RETRY, 0, NULL },
	{ &receiver_telegram, 200, "{\"ok\":true,\"result\":{\"text\":\"all of it\"}}", DELIVERY_OK,
	    0, "status 200" },
	{ &receiver_telegram, 200, "{\"ok\":false,\"description\":\"odd\"}", DELIVERY_REJECTED, 0,
	    "status 200: odd" },
	{ &receiver_telegram, 400,
	    "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: "
	    "chat not found\"}",
	    DELIVERY_REJECTED, 0, "status 400: Bad Request: chat not found" },
	{ &receiver_telegram, 429,
	    "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many "
	    "Requests: retry after 5\",\"parameters\":{\"retry_after\":5}}",
	    DELIVERY_RETRY, 5, "status 429: Too Many Requests: retry after 5" },
	{ &receiver_telegram, 429, "{\"parameters\":5}", DELIVERY_RETRY, 0, NULL },
	{ &receiver_telegram, 502, "<html>", DELIVERY_RETRY, 0, "status 502: <html>" },
	{ &receiver_victorops, 200, "{\"result\":\"success\"}", DELIVERY_OK, 0, NULL },
	{ &receiver_victorops, 200, "{\"result\":\"failure\",\"message\":\"no such team\"}",
	    DELIVERY_REJECTED, 0, "status 200: no such team" },
	{ &receiver_victorops, 404, "", DELIVERY_REJECTED, 0, "status 404" },
	{ &receiver_victorops, 500, "", DELIVERY_RETRY, 0, "status 500" },
	{ &receiver_webex, 200, "{\"markdown\":\"all of it\"}", DELIVERY_OK, 0, "status 200" },
	{ &receiver_webex, 404, "{\"message\":\"no room\",\"trackingId\":\"t\"}", DELIVERY_REJECTED,
	    0, "status 404: no room" },
	{ &receiver_webex, 429, "{\"message\":\"slow down\"}", DELIVERY_RETRY, 0,
	    "status 429: slow down" },
};

START_TEST(what_the_answer_means)
{
	struct story s = story_load("one");
	struct xfer_response response = answer(answers[_i].status, answers[_i].body);
	struct verdict verdict =
	    answers[_i].ops->classify(settings_of(&s, answers[_i].ops), &s.n, &response);

	ck_assert_int_eq(verdict.kind, answers[_i].want);
	ck_assert(verdict.has_retry_after == (answers[_i].retry_after > 0));
	ck_assert_int_eq(verdict.retry_after.ns, (int64_t)(answers[_i].retry_after * 1e9));
	if (answers[_i].text != NULL)
		ck_assert_str_eq(verdict.text, answers[_i].text);
	ck_assert_str_eq(verdict.thread, "");
	story_free(&s);
}
END_TEST

START_TEST(no_answer_is_tried_again)
{
	struct story s = story_load("one");
	struct xfer_response response = no_answer(ERR_TIMEOUT, "no answer");
	struct verdict verdict =
	    types[_i].ops->classify(settings_of(&s, types[_i].ops), &s.n, &response);

	ck_assert_int_eq(verdict.kind, DELIVERY_RETRY);
	ck_assert_str_eq(verdict.text, "no answer");
	story_free(&s);
}
END_TEST

/* Servers that say what they were asked for. */
static const struct {
	const struct receiver_ops *ops;
	const char *yaml, *body;
} echoes[] = {
	{ &receiver_discord, DISCORD, "Cannot POST /api/webhooks/1/geheim" },
	{ &receiver_msteamsv2, TEAMS, "no /workflows/geheim here" },
	{ &receiver_mattermost, MATTER, "no /hooks/geheim here" },
	{ &receiver_msteams, OLD_TEAMS, "no /webhookb2/geheim here" },
	{ &receiver_rocketchat, "token: geheimgeheim\ntoken_id: u",
	    "{\"success\":false,\"error\":\"geheimgeheim is old\"}" },
	{ &receiver_incidentio, "url: 'https://i.example/'\nalert_source_token: geheimgeheim",
	    "{\"message\":\"geheimgeheim is old\"}" },
	{ &receiver_wechat, WECHAT, "{\"errcode\":40001,\"errmsg\":\"no geheim\"}" },
	{ &receiver_telegram, TELEGRAM, "{\"ok\":false,\"description\":\"no /bot123:geheim/x\"}" },
	{ &receiver_victorops, VICTOROPS,
	    "{\"result\":\"failure\",\"message\":\"geheim is no key\"}" },
	{ &receiver_slack, "api_url: https://slack.example/services/T/geheim",
	    "<p>/services/T/geheim was not found" },
	{ &receiver_webhook, "url: https://h.example/in?token=geheim",
	    "<p>/in?token=geheim was not found" },
	{ &receiver_pagerduty, "routing_key: 'geheim{{ .Status }}'", "geheimfiring is no key" },
	{ &receiver_opsgenie, "api_key: geheimgeheim", "geheimgeheim is no key" },
	{ &receiver_pagerduty, "routing_key: geheimgeheim",
	    "you sent {\"routing_key\":\"geheimgeheim\"}" },
	{ &receiver_email,
	    "{to: a@b.c, from: d@e.f, smarthost: 'h:25', auth_username: u, "
	    "auth_password: geheimgeheim}",
	    "geheimgeheim is no password" },
	/* Cut in the middle of it. */
	{ &receiver_webhook, "url: https://h.example/in?token=geheimgeheim",
	    "................................................................"
	    "................................................................"
	    "......................................... /in?token=geheimgeheim" },
};

START_TEST(a_secret_that_is_repeated_is_not_told)
{
	static const int statuses[] = { 200, 404, 500 };
	struct story s = story_load("one");
	const void *settings = settings_read(&s, echoes[_i].ops, echoes[_i].yaml);

	for (size_t i = 0; i < 3; i++) {
		struct xfer_response response = answer(statuses[i], echoes[_i].body);
		struct verdict verdict = echoes[_i].ops->classify(settings, &s.n, &response);

		ck_assert_ptr_null(strstr(verdict.text, "geh"));
	}
	story_free(&s);
}
END_TEST

START_TEST(opsgenie_changes_the_words_of_an_open_alert_when_asked_to)
{
	static const struct {
		const char *method, *path, *key;
	} steps[] = {
		{ "POST", "/v2/alerts", "alias" },
		{ "PUT", "/message?identifierType=alias", "message" },
		{ "PUT", "/description?identifierType=alias", "description" },
	};
	struct story s = story_load("one");
	const void *settings =
	    settings_read(&s, &receiver_opsgenie, OPSGENIE "update_alerts: true");
	struct xfer_response accepted = answer(202, "{}");

	for (s.n.step = 0; s.n.step < 3; s.n.step++) {
		struct rendered r = render(&s, &receiver_opsgenie, settings);
		struct json_object *body = json_parse(buf_str(&r.request.body));

		ck_assert_str_eq(r.request.method, steps[s.n.step].method);
		ck_assert(str_ends(buf_str(&r.request.url), str_from(steps[s.n.step].path)));
		ck_assert_ptr_nonnull(json_at(body, steps[s.n.step].key));
		ck_assert_int_eq(json_object_object_length(body) == 1, s.n.step > 0);
		ck_assert(
		    receiver_opsgenie.classify(settings, &s.n, &accepted).more == (s.n.step < 2));
		json_object_put(body);
		rendered_free(&r);
	}
	s.n.step = 0;
	ck_assert(
	    !receiver_opsgenie.classify(settings_of(&s, &receiver_opsgenie), &s.n, &accepted).more);
	s.n.firing = false;
	ck_assert(!receiver_opsgenie.classify(settings, &s.n, &accepted).more);
	story_free(&s);
}
END_TEST

TCase *
case_types(void)
{
	TCase *tcase = tcase_create("types");

#define TABLE(test, table)                                                                         \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))
	tcase_add_loop_test(tcase, request_is_as_agreed, 0, TYPES * STORIES);
	TABLE(another_try_is_the_same, types);
	TABLE(resolved_is_sent_unless_told_otherwise, types);
	tcase_add_loop_test(tcase, members_equal_alertmanagers, 0, PEERS * STORIES);
	TABLE(the_services_limit_is_kept, limits);
	tcase_add_test(tcase, a_request_is_signed_as_amazon_does);
	TABLE(amazon_is_told_where_to, messages);
	tcase_add_test(tcase, incident_io_hears_of_one_alert_when_all_are_too_much);
	tcase_add_test(tcase, an_embed_stays_below_6000_characters);
	TABLE(what_the_answer_means, answers);
	TABLE(no_answer_is_tried_again, types);
	TABLE(a_secret_that_is_repeated_is_not_told, echoes);
	tcase_add_test(tcase, opsgenie_changes_the_words_of_an_open_alert_when_asked_to);
	return tcase;
}
