/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of templates: a webhook's payload, PagerDuty's details. */
#include "config.h"

#include "receiver/types.h"
#include "world.h"

static const struct {
	const char *yaml, *want;
} payloads[] = {
	{ "text", "\"text\"" },
	{ "{a: 1, b: 1.5, c: true, d: no, e: ~, f: 'x'}",
	    "{\"a\":1,\"b\":1.5,\"c\":true,\"d\":false,\"e\":null,\"f\":\"x\"}" },
	{ "{a: [1, {b: '{{ .Status }}'}, []], c: {}}",
	    "{\"a\":[1,{\"b\":\"firing\"},[]],\"c\":{}}" },
	{ "{'{{ .Status }}': x}", "{\"firing\":\"x\"}" },
	/* What looks like JSON is JSON. */
	{ "{n: '{{ len .Alerts }}', q: '5'}", "{\"n\":1,\"q\":5}" },
	{ "{j: '{{ .GroupLabels | toJson }}'}", "{\"j\":{\"alertname\":\"Test\"}}" },
	{ "'{\"a\": [1, \"{{ .Status }}\"]}'", "{\"a\": [1, \"firing\"]}" },
	/* And what only looks so at first is not. */
	{ "[NaN, '-Infinity', 01, 1x, '[1', '{\"a\":NaN}', '', ' ']",
	    "[\"NaN\",\"-Infinity\",\"01\",\"1x\",\"[1\",\"{\\\"a\\\":NaN}\","
	    "\"\",\" \"]" },
	{ "{a: \"line\\n\\\"quoted\\\"\"}", "{\"a\":\"line\\n\\\"quoted\\\"\"}" },
};

START_TEST(payload_takes_the_place_of_the_body)
{
	struct story s = story_make(1, "alertname=Test", "summary=s");
	struct rendered r = render(&s, &receiver_webhook,
	    settings_read(&s, &receiver_webhook,
		arena_printf(s.arena, "url: http://h/x\npayload: %s\n", payloads[_i].yaml)));

	ck_assert_int_eq(r.rc, 0);
	ck_assert(str_is(str_trim(buf_str(&r.request.body)), payloads[_i].want));
	ck_assert_uint_eq(r.request.n_headers, 1);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(mistakes_in_a_payload_are_named)
{
	struct story s = story_load("one");
	const char *text = settings_complaint(
	    &s, &receiver_webhook, "url: http://h/x\npayload: {a: [b, '{{ .Nope }}']}\n");

	ck_assert_ptr_nonnull(strstr(text, ".Nope"));
	text = settings_complaint(
	    &s, &receiver_webhook, "url: http://h/x\npayload: {'{{ if }}': b}\n");
	ck_assert_str_ne(text, "");
	text = settings_complaint(&s, &receiver_pagerduty, "routing_key: x\ndetails: [a]\n");
	ck_assert_ptr_nonnull(strstr(text, "a mapping such as"));
	story_free(&s);
}
END_TEST

START_TEST(details_of_pagerduty_may_be_nested)
{
	struct story s = story_make(1, "alertname=Test", "summary=s");
	struct rendered r = render(&s, &receiver_pagerduty,
	    settings_read(&s, &receiver_pagerduty,
		"routing_key: x\n"
		"details:\n"
		"  plain: '{{ .Status }}'\n"
		"  number: 5\n"
		"  count: '{{ len .Alerts }}'\n"
		"  nothing: ~\n"
		"  nested: {a: [1, '{{ .Status }}'], b: {c: d}}\n"
		"  json: '{{ .GroupLabels | toJson }}'\n"
		"  firing: mine\n"));
	struct json_object *root = json_parse(buf_str(&r.request.body));
	struct json_object *d = json_at(root, "payload.custom_details");

	ck_assert_str_eq(json_text_at(d, "plain"), "firing");
	/* Texts, as 0.25 sends them. */
	ck_assert(json_object_is_type(json_at(d, "number"), json_type_string));
	ck_assert(json_object_is_type(json_at(d, "count"), json_type_string));
	ck_assert_str_eq(json_text_at(d, "count"), "1");
	ck_assert_str_eq(json_text_at(d, "nothing"), "");
	ck_assert_str_eq(json_text_at(d, "nested.a.1"), "firing");
	ck_assert_str_eq(json_text_at(d, "nested.b.c"), "d");
	ck_assert_str_eq(json_text_at(d, "json.alertname"), "Test");
	ck_assert_str_eq(json_text_at(d, "firing"), "mine");
	ck_assert_str_eq(json_text_at(d, "num_firing"), "1");
	json_object_put(root);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

TCase *
case_payload(void)
{
	TCase *tcase = tcase_create("payload");

	tcase_add_loop_test(tcase, payload_takes_the_place_of_the_body, 0,
	    (int)(sizeof(payloads) / sizeof(payloads[0])));
	tcase_add_test(tcase, mistakes_in_a_payload_are_named);
	tcase_add_test(tcase, details_of_pagerduty_may_be_nested);
	return tcase;
}
