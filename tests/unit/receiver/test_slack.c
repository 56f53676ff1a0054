/* SPDX-License-Identifier: Apache-2.0 */
/* Slack: the attachment, its limits, and the service's answers. */
#include "config.h"

#include <stdio.h>

#include "receiver/slack_text.h"
#include "receiver/types.h"
#include "world.h"

#define URL "api_url: https://hooks.slack.example/services/T/B/x\n"

static struct json_object *
attachment_of(struct story *s, const char *yaml)
{
	struct rendered r = render(s, &receiver_slack, settings_read(s, &receiver_slack, yaml));
	struct json_object *root, *attachment;

	ck_assert_int_eq(r.rc, 0);
	root = json_parse(buf_str(&r.request.body));
	ck_assert_uint_eq(json_object_array_length(json_at(root, "attachments")), 1);
	attachment = json_object_get(json_at(root, "attachments.0"));
	json_object_put(root);
	rendered_free(&r);
	return attachment;
}

START_TEST(message_is_as_agreed)
{
	struct story s = story_load(story_names[_i]);
	struct rendered r =
	    render(&s, &receiver_slack, settings_read(&s, &receiver_slack, URL "channel: '#ml'"));

	ck_assert_int_eq(r.rc, 0);
	ck_assert_str_eq(r.request.url.p, "https://hooks.slack.example/services/T/B/x");
	ck_assert_str_eq(r.request.content_type, "application/json");
	same_as_golden(s.arena, arena_printf(s.arena, "%s.slack.json", story_names[_i]),
	    buf_str(&r.request.body));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

/* As Slack shows it. */
static struct str
unescaped(struct arena *arena, const char *text)
{
	static const char *const pairs[][2] = { { "&lt;", "<" }, { "&gt;", ">" },
		{ "&amp;", "&" } };
	struct buf out = { 0 };
	struct str copy;

	while (*text != '\0') {
		size_t i = 0;

		while (i < 3 && strncmp(text, pairs[i][0], strlen(pairs[i][0])) != 0)
			i++;
		if (i < 3) {
			buf_puts(&out, pairs[i][1]);
			text += strlen(pairs[i][0]);
		} else {
			buf_putc(&out, *text++);
		}
	}
	copy = arena_str(arena, buf_str(&out));
	buf_fini(&out);
	return copy;
}

START_TEST(title_link_and_fallback_are_shown_as_alertmanagers)
{
	static const char *const keys[] = { "title", "title_link", "fallback" };
	struct story s = story_load(story_names[_i]);
	struct json_object *stock = json_parse(file_text(
	    s.arena, arena_printf(s.arena, "%s.alertmanager-slack.json", story_names[_i])));
	struct json_object *ours = attachment_of(&s, URL);

	for (size_t i = 0; i < 3; i++) {
		char *want =
		    arena_strdup(s.arena, json_text_at(json_at(stock, "attachments.0"), keys[i]));
		struct str got = unescaped(s.arena, json_text_at(ours, keys[i]));

		/* A title is one line here. */
		for (char *p = want; *p != '\0'; p++)
			if (*p == '\r' || *p == '\n' || *p == '\t')
				*p = ' ';
		/* Stock Alertmanager cuts the title but not the fallback. */
		if (i == 2 && strcmp(story_names[_i], "long") == 0)
			want = arena_printf(s.arena, "%s | %s", json_text_at(ours, "title"),
			    json_text_at(ours, "title_link"));
		ck_assert_msg(
		    str_is(got, want), "%s: \"%.*s\"", keys[i], STR_ARG(str_head(got, 200)));
	}
	json_object_put(stock);
	json_object_put(ours);
	story_free(&s);
}
END_TEST

static const struct {
	const char *severity;
	bool firing;
	const char *color;
} colors[] = {
	{ "critical", true, "#e01e5a" },
	{ "page", true, "#e01e5a" },
	{ "odd", true, "#e01e5a" },
	{ "warning", true, "#ecb22e" },
	{ "info", true, "#36c5f0" },
	{ "critical", false, "#2eb67d" },
};

START_TEST(colour_tells_the_severity)
{
	char labels[64];
	struct story s;
	struct json_object *attachment;

	snprintf(labels, sizeof(labels), "alertname=Test severity=%s", colors[_i].severity);
	s = story_make(1, labels, "");
	s.n.firing = s.alerts[0].firing = colors[_i].firing;
	s.n.n_firing = colors[_i].firing ? 1 : 0;
	attachment = attachment_of(&s, URL);
	ck_assert_str_eq(json_text_at(attachment, "color"), colors[_i].color);
	json_object_put(attachment);
	story_free(&s);
}
END_TEST

START_TEST(nothing_from_an_alert_becomes_markup)
{
	struct story s = story_make(1, "alertname=Test m=`<!channel>`&",
	    "summary=<!channel> <https://evil> a&b|value=<@U1>|"
	    "runbook_url=https://r/>x");
	struct json_object *a = attachment_of(&s, URL);
	const char *text = json_object_to_json_string(a);

	ck_assert_ptr_null(strchr(json_text_at(a, "text"), '<'));
	ck_assert_ptr_null(strchr(json_text_at(a, "title"), '<'));
	ck_assert_ptr_null(strstr(text, "<!"));
	ck_assert_ptr_null(strstr(text, "<@"));
	ck_assert_ptr_null(strstr(text, "<http"));
	ck_assert_ptr_nonnull(strstr(json_text_at(a, "text"), "`m='&lt;!channel&gt;'&amp;`"));
	json_object_put(a);
	story_free(&s);
}
END_TEST

START_TEST(text_stays_within_the_limit_and_counts_what_it_leaves_out)
{
	static const uint32_t counts[] = { 11, 200 };
	char labels[1600], annotations[3000];
	struct story s;
	struct json_object *a;

	memset(labels, 'x', sizeof(labels) - 1);
	labels[sizeof(labels) - 1] = '\0';
	memcpy(labels, "n=# k=&&<>", 10);
	memset(annotations, '&', sizeof(annotations) - 1);
	annotations[sizeof(annotations) - 1] = '\0';
	memcpy(annotations, "summary=s#", 10);
	for (size_t i = 0; i < 2; i++) {
		char more[40];
		uint32_t shown = 0;

		s = story_make(counts[i], labels, annotations);
		a = attachment_of(&s, URL);
		ck_assert_uint_le(
		    str_runes(str_from(json_text_at(a, "text"))), SLACK_TEXT_RUNES_MAX);
		for (const char *p = json_text_at(a, "text"); (p = strstr(p, "• ")) != NULL; p++)
			shown++;
		ck_assert_uint_gt(shown, 0);
		snprintf(more, sizeof(more), "… and %u more", counts[i] - shown);
		ck_assert_ptr_nonnull(strstr(json_text_at(a, "text"), more));
		ck_assert_uint_le(
		    str_runes(str_from(json_text_at(a, "title"))), SLACK_TITLE_RUNES_MAX);
		json_object_put(a);
		story_free(&s);
	}
	s = story_make(12, "n=#", "summary=s#");
	a = attachment_of(&s, URL);
	ck_assert_ptr_nonnull(strstr(json_text_at(a, "text"), "s9"));
	ck_assert_ptr_null(strstr(json_text_at(a, "text"), "s10"));
	ck_assert_ptr_nonnull(strstr(json_text_at(a, "text"), "… and 2 more"));
	json_object_put(a);
	story_free(&s);
}
END_TEST

START_TEST(escapes_are_not_cut_in_half)
{
	struct buf out = { 0 };

	for (uint32_t max = 3; max < 40; max++) {
		buf_clear(&out);
		slack_put_escaped(&out, STR("a&b<c>&&<ä>&&&"), max);
		REQUIRE(str_runes(buf_str(&out)) <= max);
		for (const char *p = out.p; (p = strchr(p, '&')) != NULL; p++)
			REQUIRE(strncmp(p, "&amp;", 5) == 0 || strncmp(p, "&lt;", 4) == 0 ||
				strncmp(p, "&gt;", 4) == 0);
		REQUIRE(str_ends(buf_str(&out), STR("…")));
	}
	buf_clear(&out);
	slack_put_escaped(&out, STR("a\xff"), 10);
	ck_assert_str_eq(out.p, "a\xef\xbf\xbd");
	buf_fini(&out);
}
END_TEST

START_TEST(one_runbook_is_said_once_and_several_with_their_alerts)
{
	struct story s = story_make(2, "n=#", "runbook_url=https://r/same");
	struct json_object *a = attachment_of(&s, URL);

	ck_assert_ptr_null(strstr(json_text_at(a, "text"), "https://r/"));
	ck_assert_str_eq(json_text_at(a, "fields.1.value"), "<https://r/same|Runbook>");
	json_object_put(a);
	/* With fields of one's own it must not get lost. */
	a = attachment_of(&s, URL "fields: [{title: a, value: b}]");
	ck_assert_ptr_nonnull(strstr(json_text_at(a, "text"), "<https://r/same|Runbook>"));
	json_object_put(a);
	story_free(&s);
	s = story_make(2, "n=#", "runbook_url=https://r/#");
	a = attachment_of(&s, URL);
	ck_assert_ptr_nonnull(strstr(json_text_at(a, "text"), "<https://r/1|Runbook>"));
	json_object_put(a);
	story_free(&s);
}
END_TEST

START_TEST(every_key_is_sent)
{
	struct story s = story_load("one");
	const void *settings = settings_read(&s, &receiver_slack,
	    URL "channel: '#{{ .GroupLabels.cluster }}'\n"
		"username: u\ncolor: '#123456'\n"
		"title: 't {{ .CommonLabels.model }} <https://x|y>'\n"
		"title_link: http://l\npretext: p\ntext: x\nfallback: f\n"
		"footer: o\ncallback_id: c\nicon_emoji: ':a:'\nicon_url: http://i\n"
		"image_url: http://m\nthumb_url: http://h\nshort_fields: true\n"
		"fields: [{title: a, value: b}, {title: c, value: d, short: false}]\n"
		"actions: [{type: button, text: Go, url: http://g, style: danger,"
		" name: n, value: v, confirm: {text: sure, ok_text: yes}}]\n"
		"link_names: true\nmrkdwn_in: [text]\nmessage_text: hi\n"
		"timeout: 3s\nsend_resolved: true\n"
		"update_message: false\n");
	struct rendered r = render(&s, &receiver_slack, settings);

	ck_assert(((const struct integration_common *)settings)->send_resolved);
	ck_assert_int_eq(r.request.timeout.ns, DUR_S(3).ns);
	same_as_golden(s.arena, "every-key.slack.json", buf_str(&r.request.body));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

static const struct {
	int status;
	const char *body;
	enum delivery_kind want;
	const char *text;
} answers[] = {
	{ 200, "ok", DELIVERY_OK, "status 200: ok" },
	{ 200, "ok\n", DELIVERY_OK, "status 200: ok" },
	{ 200, "{\"ok\":true}", DELIVERY_OK, "status 200: {\"ok\":true}" },
	{ 200, "{\"ok\":false,\"error\":\"channel_not_found\"}", DELIVERY_REJECTED,
	    "status 200: channel_not_found" },
	{ 200, "{\"ok\":false,\"error\":\"invalid_blocks\",\"x\":[1]}", DELIVERY_REJECTED,
	    "status 200: invalid_blocks" },
	{ 200, "{\"ok\":false,\"error\":\"ratelimited\"}", DELIVERY_RETRY,
	    "status 200: ratelimited" },
	{ 200, "{\"ok\":false,\"error\":\"internal_error\"}", DELIVERY_RETRY,
	    "status 200: internal_error" },
	{ 200, "{\"ok\":true", DELIVERY_REJECTED, "status 200: {\"ok\":true" },
	{ 200, "{}", DELIVERY_REJECTED, "status 200: {}" },
	{ 200, "no_text", DELIVERY_REJECTED, "status 200: no_text" },
	{ 200, "", DELIVERY_REJECTED, "status 200: an empty answer instead of 'ok'" },
	{ 400, "invalid_payload", DELIVERY_REJECTED, "status 400: invalid_payload" },
	{ 403, "invalid_token", DELIVERY_REJECTED, "status 403: invalid_token" },
	{ 404, "channel_not_found", DELIVERY_REJECTED, "status 404: channel_not_found" },
	{ 410, "channel_is_archived", DELIVERY_REJECTED, "status 410: channel_is_archived" },
	{ 429, "rate_limited", DELIVERY_RETRY, "status 429: rate_limited" },
	{ 500, "rollup_error", DELIVERY_RETRY, "status 500: rollup_error" },
	{ 503, "", DELIVERY_RETRY, "status 503" },
};

START_TEST(what_the_answer_means)
{
	struct story s = story_load("one");
	struct xfer_response response = answer(answers[_i].status, answers[_i].body);
	struct verdict verdict =
	    receiver_slack.classify(settings_read(&s, &receiver_slack, URL), &s.n, &response);

	ck_assert_int_eq(verdict.kind, answers[_i].want);
	ck_assert_str_eq(verdict.text, answers[_i].text);
	ck_assert_str_eq(verdict.thread, "");
	story_free(&s);
}
END_TEST

/* ---- apps -------------------------------------------------------------------------- */

#define APP "app_token: xoxb-geheim\nchannel: '#ml'\n"

START_TEST(an_app_posts_with_its_token)
{
	struct story s = story_load("one");
	const void *settings = settings_read(&s, &receiver_slack, APP);
	struct rendered r = render(&s, &receiver_slack, settings);
	struct xfer_response response =
	    answer(200, "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"15.2\",\"message\":{}}");
	struct verdict verdict;

	ck_assert_str_eq(r.request.url.p, "https://slack.com/api/chat.postMessage");
	ck_assert_uint_eq(r.request.n_headers, 1);
	ck_assert_str_eq(r.request.headers[0].name, "Authorization");
	ck_assert_str_eq(r.request.headers[0].value, "Bearer xoxb-geheim");
	same_as_golden(s.arena, "one.slack.json", buf_str(&r.request.body));
	/* Without update_message nothing is kept. */
	verdict = receiver_slack.classify(settings, &s.n, &response);
	ck_assert_int_eq(verdict.kind, DELIVERY_OK);
	ck_assert_str_eq(verdict.thread, "");
	ck_assert_str_eq(verdict.text, "status 200: ok");
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(a_message_is_changed_where_it_stands)
{
	static const char *const yaml[] = { APP "update_message: true\n",
		"api_url: https://slack.com/api/chat.postMessage\n"
		"channel: '#ml'\nupdate_message: true\n" };
	struct story s = story_load("mixed");
	const void *settings = settings_read(&s, &receiver_slack, yaml[_i]);
	struct rendered r = render(&s, &receiver_slack, settings);
	struct xfer_response response = answer(200, "{\"ok\":true,\"channel\":\"C024BE91L\","
						    "\"ts\":\"1503435956.000247\"}");
	struct verdict verdict = receiver_slack.classify(settings, &s.n, &response);
	struct json_object *root;

	ck_assert_str_eq(r.request.url.p, "https://slack.com/api/chat.postMessage");
	ck_assert_str_eq(verdict.thread, "C024BE91L:1503435956.000247");
	rendered_free(&r);
	s.n.thread = STR("C024BE91L:1503435956.000247");
	r = render(&s, &receiver_slack, settings);
	ck_assert_str_eq(r.request.url.p, "https://slack.com/api/chat.update");
	root = json_parse(buf_str(&r.request.body));
	ck_assert_str_eq(json_text_at(root, "channel"), "C024BE91L");
	ck_assert_str_eq(json_text_at(root, "ts"), "1503435956.000247");
	ck_assert_ptr_null(json_at(root, "username"));
	ck_assert_ptr_nonnull(json_at(root, "attachments.0.title"));
	json_object_put(root);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

/* After the first message, of which the place is kept: what each request is. */
static const struct {
	const char *yaml;
	const char *urls[2];    /* ends of the addresses; NULL: there is but one */
	const char *members[2]; /* that says where */
} threads[] = {
	{ APP "post_updates_to_thread: true\n", { "chat.postMessage", NULL },
	    { "thread_ts", NULL } },
	{ APP "update_message: true\n", { "chat.update", NULL }, { "ts", NULL } },
	{ APP "update_message: true\npost_updates_to_thread: true\n",
	    { "chat.update", "chat.postMessage" }, { "ts", "thread_ts" } },
};

START_TEST(what_is_new_goes_where_it_was_asked_to)
{
	struct story s = story_load("mixed");
	const void *settings = settings_read(&s, &receiver_slack, threads[_i].yaml);
	struct xfer_response response =
	    answer(200, "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"9.9\"}");
	struct verdict verdict = receiver_slack.classify(settings, &s.n, &response);

	ck_assert_str_eq(verdict.thread, "C1:9.9");
	s.n.thread = STR("C1:1.2");
	for (s.n.step = 0; s.n.step < 2 && threads[_i].urls[s.n.step] != NULL; s.n.step++) {
		struct rendered r = render(&s, &receiver_slack, settings);
		struct json_object *root = json_parse(buf_str(&r.request.body));
		bool is_reply = strcmp(threads[_i].members[s.n.step], "thread_ts") == 0;

		ck_assert(str_ends(buf_str(&r.request.url), str_from(threads[_i].urls[s.n.step])));
		ck_assert_str_eq(json_text_at(root, threads[_i].members[s.n.step]), "1.2");
		ck_assert_ptr_null(json_at(root, "reply_broadcast"));
		verdict = receiver_slack.classify(settings, &s.n, &response);
		/* The first message's place stays what is kept. */
		ck_assert_str_eq(verdict.thread, is_reply ? "" : "C1:9.9");
		ck_assert(verdict.more == (s.n.step == 0 && threads[_i].urls[1] != NULL));
		json_object_put(root);
		rendered_free(&r);
	}
	story_free(&s);
}
END_TEST

static const struct {
	const char *error, *thread;
	enum delivery_kind want;
	bool gone;
} updates[] = {
	{ "message_not_found", "C1:1.2", DELIVERY_RETRY, true },
	{ "edit_window_closed", "C1:1.2", DELIVERY_RETRY, true },
	{ "cant_update_message", "C1:1.2", DELIVERY_RETRY, true },
	{ "channel_not_found", "C1:1.2", DELIVERY_RETRY, true },
	{ "channel_not_found", "", DELIVERY_REJECTED, false },
	{ "invalid_auth", "C1:1.2", DELIVERY_REJECTED, false },
	{ "ratelimited", "C1:1.2", DELIVERY_RETRY, false },
};

START_TEST(a_message_that_is_gone_is_sent_anew)
{
	struct story s = story_load("one");
	struct xfer_response response = answer(
	    200, arena_printf(s.arena, "{\"ok\":false,\"error\":\"%s\"}", updates[_i].error));
	struct verdict verdict;

	s.n.thread = str_from(updates[_i].thread);
	verdict = receiver_slack.classify(
	    settings_read(&s, &receiver_slack, APP "update_message: true\n"), &s.n, &response);
	ck_assert_int_eq(verdict.kind, updates[_i].want);
	ck_assert(verdict.thread_gone == updates[_i].gone);
	ck_assert_ptr_nonnull(strstr(verdict.text, updates[_i].error));
	story_free(&s);
}
END_TEST

/* ---- mistakes ---------------------------------------------------------------------- */

static const struct {
	const char *yaml, *want;
} complaints[] = {
	{ "channel: x", "no Slack API URL: give api_url, app_token or "
			"global.slack_api_url" },
	{ "api_url: hooks.slack.com/x", "must begin with https://" },
	{ URL "app_token: x", "'api_url' and 'app_token' exclude each other" },
	{ "app_token: x", "an app needs to be told the 'channel'" },
	{ URL "update_message: true", "'update_message' needs an app" },
	{ URL "post_updates_to_thread: true", "'post_updates_to_thread' needs an app" },
	{ "app_token: x\nchannel: c\nupdate_message: true\n"
	  "app_url: https://slack.example/other",
	    "ends in /chat.postMessage" },
	{ URL "fields: [{title: a}]", "missing key 'value'" },
	{ URL "fields: [{title: a, value: b, short: 'true'}]", "expected true or false" },
	{ URL "actions: [{type: button, text: x}]", "needs 'url' or 'name'" },
	{ URL "titel: x", "did you mean 'title'" },
	{ URL "title: '{{ .Nope }}'", "unknown field \".Nope\"" },
};

START_TEST(mistakes_are_named)
{
	struct story s = story_load("one");
	const char *text = settings_complaint(&s, &receiver_slack, complaints[_i].yaml);

	ck_assert_msg(strstr(text, complaints[_i].want) != NULL, "%s", text);
	story_free(&s);
}
END_TEST

START_TEST(resolved_is_not_sent_unless_asked_for)
{
	struct story s = story_load("one");
	const struct integration_common *common = settings_read(&s, &receiver_slack, URL);

	ck_assert(!common->send_resolved);
	story_free(&s);
}
END_TEST

TCase *
case_slack(void)
{
	TCase *tcase = tcase_create("slack");

#define TABLE(test, table)                                                                         \
	tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))
	tcase_add_loop_test(tcase, message_is_as_agreed, 0, STORIES);
	TABLE(what_is_new_goes_where_it_was_asked_to, threads);
	tcase_add_loop_test(tcase, title_link_and_fallback_are_shown_as_alertmanagers, 0, STORIES);
	TABLE(colour_tells_the_severity, colors);
	tcase_add_test(tcase, nothing_from_an_alert_becomes_markup);
	tcase_add_test(tcase, text_stays_within_the_limit_and_counts_what_it_leaves_out);
	tcase_add_test(tcase, escapes_are_not_cut_in_half);
	tcase_add_test(tcase, one_runbook_is_said_once_and_several_with_their_alerts);
	tcase_add_test(tcase, every_key_is_sent);
	TABLE(what_the_answer_means, answers);
	tcase_add_test(tcase, an_app_posts_with_its_token);
	tcase_add_loop_test(tcase, a_message_is_changed_where_it_stands, 0, 2);
	TABLE(a_message_that_is_gone_is_sent_anew, updates);
	TABLE(mistakes_are_named, complaints);
	tcase_add_test(tcase, resolved_is_not_sent_unless_asked_for);
	return tcase;
}
