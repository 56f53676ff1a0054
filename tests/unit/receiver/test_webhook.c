/* SPDX-License-Identifier: Apache-2.0 */
/* The webhook: Alertmanager's bytes. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mac.h"
#include "receiver/types.h"
#include "world.h"

START_TEST(body_equals_alertmanagers)
{
	struct story s = story_load(story_names[_i]);
	const void *settings = settings_read(&s, &receiver_webhook, "url: http://h.example/x");
	struct rendered r = render(&s, &receiver_webhook, settings);

	ck_assert_int_eq(r.rc, 0);
	ck_assert_str_eq(r.request.url.p, "http://h.example/x");
	ck_assert_str_eq(r.request.method, "POST");
	ck_assert_str_eq(r.request.content_type, "application/json");
	same_as_golden(s.arena,
	    arena_printf(s.arena, "%s.alertmanager-webhook.json", story_names[_i]),
	    buf_str(&r.request.body));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(another_try_has_the_same_key_and_the_same_bytes)
{
	struct story s = story_load("mixed");
	const void *settings = settings_read(&s, &receiver_webhook, "url: http://h.example/x");
	struct rendered a = render(&s, &receiver_webhook, settings);
	struct rendered b = render(&s, &receiver_webhook, settings);
	struct rendered c;

	ck_assert_uint_eq(a.request.n_headers, 1);
	ck_assert_str_eq(a.request.headers[0].name, "Idempotency-Key");
	ck_assert_str_eq(a.request.headers[0].value, "17-1795154730");
	ck_assert_str_eq(b.request.headers[0].value, "17-1795154730");
	ck_assert(str_eq(buf_str(&a.request.body), buf_str(&b.request.body)));
	/* The next delivery, and the same number after a lost database. */
	s.n.delivery_id = 18;
	c = render(&s, &receiver_webhook, settings);
	ck_assert_str_eq(c.request.headers[0].value, "18-1795154730");
	rendered_free(&c);
	s.n.delivery_id = 17;
	s.n.now = wall_add(s.n.now, DUR_S(60));
	c = render(&s, &receiver_webhook, settings);
	ck_assert_str_eq(c.request.headers[0].value, "17-1795154790");
	rendered_free(&a);
	rendered_free(&b);
	rendered_free(&c);
	story_free(&s);
}
END_TEST

/* What a receiver does, by the words of the manual. */
static void
expect_signature(const struct rendered *r, const char *name, const char *secret)
{
	const struct http_header *headers = r->request.headers;
	uint8_t digest[MAC_BYTES];
	char hex[MAC_HEX_BYTES];
	struct mac mac;

	ck_assert_uint_eq(r->request.n_headers, 3);
	ck_assert_str_eq(headers[0].name, "Idempotency-Key");
	ck_assert_str_eq(headers[1].name, "X-Tocsin-Timestamp");
	ck_assert_str_eq(headers[2].name, name);
	mac_init(&mac, secret, strlen(secret));
	mac_put(&mac, headers[1].value, strlen(headers[1].value));
	mac_put(&mac, ".", 1);
	mac_put(&mac, headers[0].value, strlen(headers[0].value));
	mac_put(&mac, ".", 1);
	mac_put(&mac, r->request.body.p, r->request.body.n);
	mac_end(&mac, digest);
	mac_to_hex(digest, hex);
	ck_assert_int_eq(strncmp(headers[2].value, "v1=", 3), 0);
	ck_assert_str_eq(headers[2].value + 3, hex);
}

START_TEST(a_signature_is_of_its_try)
{
	struct story s = story_load("one");
	const void *settings = settings_read(&s, &receiver_webhook,
	    "url: http://h.example/x\nhmac: {secret: 0123456789abcdef}\npayload: {a: b}");
	struct rendered a, b;

	s.n.sending_at = (wall_t){ INT64_C(1795154731999999999) };
	a = render(&s, &receiver_webhook, settings);
	expect_signature(&a, "X-Tocsin-Signature", "0123456789abcdef");
	ck_assert_str_eq(a.request.headers[1].value, "1795154731");
	ck_assert_str_eq(a.request.body.p, "{\"a\":\"b\"}\n");
	/* printf '1795154731.17-1795154730.{"a":"b"}\n' | openssl dgst -sha256 -hmac ... */
	ck_assert_str_eq(a.request.headers[2].value + 3,
	    "126ffb626a1fa0f1996ecfa0bce9c06027dd13e4a760f97d8b27b758f980195c");
	s.n.sending_at = wall_add(s.n.sending_at, DUR_S(60));
	b = render(&s, &receiver_webhook, settings);
	expect_signature(&b, "X-Tocsin-Signature", "0123456789abcdef");
	ck_assert_str_ne(a.request.headers[2].value, b.request.headers[2].value);
	ck_assert_str_eq(a.request.headers[0].value, b.request.headers[0].value);
	rendered_free(&a);
	rendered_free(&b);
	settings = settings_read(&s, &receiver_webhook,
	    "url: http://h.example/x\nhmac: {secret: 0123456789abcdefg, header: X-Hub-Signature}");
	a = render(&s, &receiver_webhook, settings);
	expect_signature(&a, "X-Hub-Signature", "0123456789abcdefg");
	rendered_free(&a);
	story_free(&s);
}
END_TEST

static const struct {
	const char *hmac, *says;
} hmacs[] = {
	{ "{}", "nothing to sign with" },
	{ "{header: X-Mine}", "nothing to sign with" },
	{ "{secret: short}", "shorter than 16 characters" },
	{ "{secret: 0123456789abcdef, header: 'a b'}", "'a b' cannot be a header's name" },
	{ "{secret: 0123456789abcdef, secret_file: x}", "secret" },
	{ "{secret: 0123456789abcdef, algorithm: md5}", "unknown key 'algorithm' in hmac" },
	{ "{secret: 0123456789abcdef}", "" },
};

START_TEST(a_signature_needs_a_secret)
{
	struct story s = story_load("one");
	const char *complaint = settings_complaint(&s, &receiver_webhook,
	    arena_printf(s.arena, "url: http://h/x\nhmac: %s", hmacs[_i].hmac));
	const char *says = hmacs[_i].says;

	ck_assert_msg(
	    says[0] == '\0' ? complaint[0] == '\0' : strstr(complaint, says) != NULL, "%s: %s",
	    hmacs[_i].hmac, complaint);
	story_free(&s);
}
END_TEST

START_TEST(with_max_alerts_the_message_is_about_those_it_shows)
{
	struct story s = story_load("mixed");
	const void *settings = settings_read(
	    &s, &receiver_webhook, "url: http://h.example/x\nmax_alerts: 1\ntimeout: 5s");
	struct rendered r;
	struct json_object *root;

	s.alerts[0].firing = false;
	r = render(&s, &receiver_webhook, settings);
	root = json_parse(buf_str(&r.request.body));
	ck_assert_int_eq(r.request.timeout.ns, DUR_S(5).ns);
	ck_assert_uint_eq(json_object_array_length(json_at(root, "alerts")), 1);
	ck_assert_str_eq(json_text_at(root, "truncatedAlerts"), "2");
	ck_assert_str_eq(json_text_at(root, "alerts.0.status"), "resolved");
	ck_assert_str_eq(json_text_at(root, "status"), "resolved");
	ck_assert_str_eq(json_object_to_json_string(json_at(root, "commonLabels")),
	    json_object_to_json_string(json_at(root, "alerts.0.labels")));
	json_object_put(root);
	rendered_free(&r);
	story_free(&s);
}
END_TEST

START_TEST(resolved_is_sent_unless_told_otherwise)
{
	struct story s = story_load("one");
	const struct integration_common *common;

	common = settings_read(&s, &receiver_webhook, "url: http://h/x");
	ck_assert(common->send_resolved);
	common = settings_read(&s, &receiver_webhook, "url: http://h/x\nsend_resolved: false");
	ck_assert(!common->send_resolved);
	story_free(&s);
}
END_TEST

START_TEST(secret_url_is_read_from_its_file_at_each_use)
{
	struct story s = story_load("one");
	char path[] = "/tmp/receiver-url-XXXXXX";
	const void *settings;
	struct rendered r;
	FILE *file;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	file = fdopen(fd, "w");
	fputs("http://h.example/from-file\n", file);
	fclose(file);
	settings =
	    settings_read(&s, &receiver_webhook, arena_printf(s.arena, "url_file: %s", path));
	r = render(&s, &receiver_webhook, settings);
	ck_assert_int_eq(r.rc, 0);
	ck_assert_str_eq(r.request.url.p, "http://h.example/from-file");
	rendered_free(&r);
	remove(path);
	r = render(&s, &receiver_webhook, settings);
	ck_assert_int_eq(r.rc, -ERR_IO);
	ck_assert_ptr_nonnull(strstr(r.err.text, path));
	rendered_free(&r);
	story_free(&s);
}
END_TEST

static const struct {
	const char *yaml, *want;
} complaints[] = {
	{ "{}", "no URL to send to: give url or url_file" },
	{ "url: h.example", "must begin with http:// or https://" },
	{ "url: 'http://h/a b'", "spaces and any of" },
	{ "url: http://h\nmax_alerts: -1", "from 0 to" },
	{ "url: http://h\nurls: x", "unknown key 'urls'" },
};

START_TEST(mistakes_are_named)
{
	struct story s = story_load("one");
	const char *text = settings_complaint(&s, &receiver_webhook, complaints[_i].yaml);

	ck_assert_msg(strstr(text, complaints[_i].want) != NULL, "%s", text);
	story_free(&s);
}
END_TEST

TCase *
case_webhook(void)
{
	TCase *tcase = tcase_create("webhook");

	tcase_add_loop_test(tcase, body_equals_alertmanagers, 0, STORIES);
	tcase_add_test(tcase, a_signature_is_of_its_try);
	tcase_add_loop_test(tcase, a_signature_needs_a_secret, 0, ARRAY_LEN(hmacs));
	tcase_add_test(tcase, another_try_has_the_same_key_and_the_same_bytes);
	tcase_add_test(tcase, with_max_alerts_the_message_is_about_those_it_shows);
	tcase_add_test(tcase, resolved_is_sent_unless_told_otherwise);
	tcase_add_test(tcase, secret_url_is_read_from_its_file_at_each_use);
	tcase_add_loop_test(
	    tcase, mistakes_are_named, 0, (int)(sizeof(complaints) / sizeof(complaints[0])));
	return tcase;
}
