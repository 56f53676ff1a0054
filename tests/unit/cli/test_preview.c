/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications made of JSON, and what of a request is shown. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json_tokener.h>

#include "base/attr.h"
#include "cli/preview.h"
#include "cli/preview_print.h"
#include "cli/route_view.h"
#include "unit/cli/scratch.h"
#include "unit/cli/suites.h"

#define NOW ((wall_t){ INT64_C(1700000000000000000) }) /* 2023-11-14T22:13:20Z */

static const char config_text[] =
    "route: {receiver: other, group_by: [a], routes: [{receiver: r, matchers: [x=y], group_by: "
    "[b]}]}\n"
    "receivers:\n"
    "- name: r\n"
    "  webhook_configs: [{url: 'https://user:word@host:1/path?token=1'}]\n"
    "- name: other\n"
    "  webhook_configs: [{url: 'http://localhost:1/', send_resolved: false}]\n"
    "  slack_configs: [{api_url: 'https://slack.example/S', channel: c, title: 'is "
    "https://slack.example/S \\d'}]\n"
    "  pushover_configs: [{user_key: 'u&1+', token: ttt, title: 'u&1+ \"'}]\n"
    "  log_configs: [{}]\n";

static struct config *
load(void)
{
	struct config *config = route_load_config(scratch_write("c.yml", config_text));

	ck_assert_ptr_nonnull(config);
	return config;
}

/* --- data -------------------------------------------------------------------------- */

static const struct {
	const char *json;
	const char *says; /* NULL: good */
	uint32_t n_alerts, n_firing, n_common;
	const char *key; /* with the configuration, for receiver r */
} forms[] = {
	{ preview_sample, NULL, 3, 2, 3, "{}/{x=\"y\"}:{}" },
	{ "[{\"labels\":{\"b\":\"1\",\"c\":\"2\"}},{\"labels\":{\"b\":\"1\"}}]", NULL, 2, 2, 1,
	    "{}/{x=\"y\"}:{b=\"1\"}" },
	{ "{\"alerts\":[{\"labels\":{\"b\":\"1\"},\"status\":\"resolved\"}]}", NULL, 1, 0, 1,
	    "{}/{x=\"y\"}:{b=\"1\"}" },
	{ "[{\"labels\":{\"b\":\"1\"},\"endsAt\":\"2023-11-14T22:13:20Z\"}]", NULL, 1, 0, 1,
	    "{}/{x=\"y\"}:{b=\"1\"}" },
	{ "[{\"labels\":{\"b\":\"1\"},\"endsAt\":\"2023-11-14T22:13:21Z\"}]", NULL, 1, 1, 1,
	    "{}/{x=\"y\"}:{b=\"1\"}" },
	{ "[{\"labels\":{\"b\":\"1\"},\"endsAt\":\"0001-01-01T00:00:00Z\"}]", NULL, 1, 1, 1,
	    "{}/{x=\"y\"}:{b=\"1\"}" },
	{ "[{\"labels\":{\"b\":\"1\"},\"status\":{\"state\":\"active\"}}]", NULL, 1, 1, 1,
	    "{}/{x=\"y\"}:{b=\"1\"}" },
	{ "{\"alerts\":[{\"labels\":{\"b\":\"1\"}}],\"labels\":{\"q\":\"w\"}}", NULL, 1, 1, 1,
	    "{}/{x=\"y\"}:{q=\"w\"}" },
	{ "{\"alerts\":[{\"labels\":{\"b\":\"1\"}}],\"groupLabels\":{},\"groupKey\":\"K\"}", NULL,
	    1, 1, 1, "K" },
	{ "[]", "there are no alerts", 0, 0, 0, "" },
	{ "{}", "there are no alerts", 0, 0, 0, "" },
	{ "\"x\"", "there are no alerts", 0, 0, 0, "" },
	{ "[7]", "alert 1: it is no object", 0, 0, 0, "" },
	{ "[{\"labels\":{\"b\":\"1\"}},{}]", "alert 2: it has no labels", 0, 0, 0, "" },
	{ "[{\"labels\":[]}]", "alert 1: labels and annotations are objects", 0, 0, 0, "" },
	{ "[{\"labels\":{\"b\":\"1\"},\"annotations\":1}]", "labels and annotations are objects", 0,
	    0, 0, "" },
	{ "[{\"labels\":{\"b\":\"1\"},\"startsAt\":\"x\"}]", "alert 1: startsAt: 'x' is no time", 0,
	    0, 0, "" },
	{ "{\"alerts\":[{\"labels\":{\"b\":\"1\"}}],\"groupLabels\":1}", "group labels: ", 0, 0, 0,
	    "" },
};

START_TEST(alerts_come_in_three_forms)
{
	size_t before = labels_live();
	json_object *data = json_tokener_parse(forms[_i].json);
	struct err err = { .at = ERR_NOWHERE };
	struct config *config = load();
	const struct preview_options options = {
		.config = config, .receiver = "r", .group_key = STR(""), .now = NOW
	};
	struct preview *preview = preview_new(data, &options, &err);

	if (forms[_i].says != NULL) {
		ck_assert_ptr_null(preview);
		ck_assert_msg(
		    strstr(err.text, forms[_i].says) != NULL, "%s: %s", forms[_i].json, err.text);
	} else {
		ck_assert_msg(preview != NULL, "%s: %s", forms[_i].json, err.text);
		const struct notification *n = preview_notification(preview, true);
		ck_assert_uint_eq(n->n_alerts, forms[_i].n_alerts);
		ck_assert_uint_eq(n->n_firing, forms[_i].n_firing);
		ck_assert_uint_eq(n->n_resolved, forms[_i].n_alerts - forms[_i].n_firing);
		ck_assert_uint_eq(n->n_common_labels, forms[_i].n_common);
		ck_assert_str_eq(n->group_key.p, forms[_i].key);
		const struct notification *firing = preview_notification(preview, false);
		ck_assert((firing == NULL) == (forms[_i].n_firing == 0));
		ck_assert(firing == NULL || firing->n_alerts == forms[_i].n_firing);
	}
	preview_free(preview);
	json_object_put(data);
	config_unref(config);
	ck_assert_uint_eq(labels_live(), before);
}
END_TEST

/* --- what is shown ------------------------------------------------------------------- */

static const struct {
	const char *receiver, *type, *has, *has_not;
} shown[] = {
	{ "r", "webhook",
	    "── r: webhook[0]\nPOST https://host:1/<secret>\nContent-Type: application/json\n",
	    "word" },
	{ "r", "webhook", "\"groupKey\": \"{}/{x=\\\"y\\\"}:{b=\\\"1\\\"}\"", "token" },
	{ "other", "webhook", "(nothing is sent: no alert fires, and send_resolved is false)\n",
	    "POST" },
	{ "other", "slack", "(nothing is sent: no alert fires", "POST" },
	{ "other", "pushover", "token=<secret>\nuser=<secret>\ntitle=<secret> \"\n", "ttt" },
	{ "other", "log", "(written by the server itself, to a file or to standard output)\n",
	    "b=1" },
};

static void
show(const char *json, const char *receiver, const char *type, struct buf *out)
{
	json_object *data = json_tokener_parse(json);
	struct err err = { .at = ERR_NOWHERE };
	struct config *config = load();
	const struct preview_options options = {
		.config = config, .receiver = receiver, .group_key = STR(""), .now = NOW
	};
	struct preview *preview = preview_new(data, &options, &err);
	const struct receiver_config *r = config_receiver(config, receiver);

	ck_assert_ptr_nonnull(preview);
	for (uint32_t i = 0; i < r->n_integrations; i++)
		if (strcmp(r->integrations[i].kind->name, type) == 0)
			ck_assert_int_eq(preview_put_integration(preview, config, r,
					     &r->integrations[i], out, NULL, &err),
			    0);
	preview_free(preview);
	json_object_put(data);
	config_unref(config);
}

START_TEST(a_request_is_shown_without_its_secrets)
{
	struct buf out = { 0 };

	show("[{\"labels\":{\"b\":\"1\"},\"endsAt\":\"2023-11-14T22:13:20Z\"}]", shown[_i].receiver,
	    shown[_i].type, &out);
	ck_assert_msg(strstr(buf_str(&out).p, shown[_i].has) != NULL, "%s", buf_str(&out).p);
	ck_assert_msg(strstr(buf_str(&out).p, shown[_i].has_not) == NULL, "%s", buf_str(&out).p);
	buf_fini(&out);
}
END_TEST

START_TEST(a_secret_in_a_text_is_hidden_too)
{
	struct buf out = { 0 };

	show("[{\"labels\":{\"b\":\"1\"}}]", "other", "slack", &out);
	ck_assert_msg(strstr(out.p, "POST https://slack.example/<secret>\n") != NULL, "%s", out.p);
	ck_assert_msg(
	    strstr(out.p, "\"title\": \"is https://slack.example/<secret> ") != NULL, "%s", out.p);
	ck_assert_ptr_null(strstr(out.p, "example/S"));
	buf_fini(&out);
}
END_TEST

START_TEST(nothing_steers_the_terminal)
{
	struct buf out = { 0 };

	show("[{\"labels\":{\"b\":\"1\\u001b[31m\\u0007\"},\"annotations\":{\"summary\":\"x\\u001b["
	     "2J\"}}]",
	    "other", "pushover", &out);
	ck_assert_ptr_null(strchr(out.p, '\033'));
	ck_assert_ptr_null(strchr(out.p, '\007'));
	ck_assert_msg(strstr(out.p, "[2J") != NULL, "%s", out.p);
	buf_fini(&out);
}
END_TEST

TCase *
preview_tests(void)
{
	TCase *tc = tcase_create("preview");

	tcase_add_checked_fixture(tc, scratch_open, scratch_close);
	tcase_add_loop_test(tc, alerts_come_in_three_forms, 0, ARRAY_LEN(forms));
	tcase_add_loop_test(tc, a_request_is_shown_without_its_secrets, 0, ARRAY_LEN(shown));
	tcase_add_test(tc, a_secret_in_a_text_is_hidden_too);
	tcase_add_test(tc, nothing_steers_the_terminal);
	return tc;
}
