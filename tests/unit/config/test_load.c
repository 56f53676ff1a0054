/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration as a whole: routes and their keys, defaults, projection. */
#include "config.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "base/buf.h"
#include "unit/config/fake_kinds.h"
#include "unit/config/scratch.h"
#include "unit/config/suites.h"

#define RECEIVERS "receivers: [{name: a}, {name: b}]\n"

/* ---- routes ----------------------------------------------------------------- */

static const struct {
	const char *label, *child, *key;
} keys[] = {
	{ "no matchers", "{}", "{}/{}" },
	{ "one matcher", "{matchers: ['team=\"ml\"']}", "{}/{team=\"ml\"}" },
	{ "sorted by name, comma only",
	    "{matchers: ['b!=\"2\"', 'a=~\"1|2\"', 'c!~\"x\"']}",
	    "{}/{a=~\"1|2\",b!=\"2\",c!~\"x\"}" },
	{ "several matchers in one text", "{matchers: ['b=2, a=1']}",
	    "{}/{a=\"1\",b=\"2\"}" },
	{ "the old map", "{match: {team: ml}}", "{}/{team=\"ml\"}" },
	{ "the old map of regular expressions keeps its anchors",
	    "{match_re: {team: 'ml|data'}}", "{}/{team=~\"^(?:ml|data)$\"}" },
	{ "all three together",
	    "{match_re: {c: x}, match: {b: y}, matchers: [a=z]}",
	    "{}/{a=\"z\",b=\"y\",c=~\"^(?:x)$\"}" },
	{ "values are quoted as in Go", "{match: {a: \"q\\\"\\\\\\n\"}}",
	    "{}/{a=\"q\\\"\\\\\\n\"}" },
	{ "the same matcher twice stays twice", "{matchers: [a=b, a=b]}",
	    "{}/{a=\"b\",a=\"b\"}" },
};

START_TEST(route_key_is_alertmanagers)
{
	struct buf text = { 0 };
	struct config *config;

	buf_printf(&text, RECEIVERS "route: {receiver: a, routes: [%s]}\n",
	    keys[_i].child);
	scratch_write("t.yml", text.p);
	config = scratch_load("t.yml");
	ck_assert_uint_eq(config->n_routes, 2);
	ck_assert_str_eq(config->root->key, "{}");
	ck_assert_msg(strcmp(config->routes[1]->key, keys[_i].key) == 0,
	    "%s: %s", keys[_i].label, config->routes[1]->key);
	config_unref(config);
	buf_fini(&text);
}
END_TEST

START_TEST(routes_inherit_what_they_do_not_say)
{
	struct config *config;
	const struct route_config *r;

	scratch_write("t.yml",
	    RECEIVERS "route:\n"
		      "  receiver: a\n"
		      "  group_by: [job, alertname]\n"
		      "  group_wait: 0s\n"
		      "  routes:\n"
		      "  - match: {x: y}\n"
		      "    continue: true\n"
		      "    repeat_interval: 1h\n"
		      "    routes:\n"
		      "    - receiver: b\n"
		      "      group_by: ['...']\n"
		      "    - group_by: []\n"
		      "  - match: {x: y}\n");
	config = scratch_load("t.yml");
	ck_assert_uint_eq(config->n_routes, 5);
	for (uint32_t i = 0; i < config->n_routes; i++) {
		ck_assert_uint_eq(config->routes[i]->index, i);
	}
	r = config->routes[1];
	ck_assert_str_eq(r->receiver->name, "a");
	ck_assert_uint_eq(r->n_group_by, 2);
	ck_assert(str_is(r->group_by[0], "alertname"));
	ck_assert_int_eq(r->group_wait.ns, 0);
	ck_assert_int_eq(r->group_interval.ns, DUR_S(300).ns);
	ck_assert_int_eq(r->repeat_interval.ns, DUR_S(3600).ns);
	ck_assert(r->continue_);
	ck_assert_ptr_eq(r->parent, config->root);
	r = config->routes[2];
	ck_assert_str_eq(r->receiver->name, "b");
	ck_assert(r->group_by_all);
	ck_assert(!r->continue_);
	ck_assert_int_eq(r->repeat_interval.ns, DUR_S(3600).ns);
	ck_assert_str_eq(r->key, "{}/{x=\"y\"}/{}");
	r = config->routes[3];
	ck_assert(!r->group_by_all);
	ck_assert_uint_eq(r->n_group_by, 0);
	/* Routes of the same key are told apart by their id. */
	r = config->routes[4];
	ck_assert_str_eq(r->key, config->routes[1]->key);
	ck_assert_str_eq(config->routes[1]->id, r->key);
	ck_assert_str_ne(r->id, config->routes[1]->id);
	ck_assert_int_eq(config->root->repeat_interval.ns,
	    DUR_S(4 * 3600).ns);
	config_unref(config);
}
END_TEST

START_TEST(inhibit_rules_have_both_sides)
{
	struct config *config;
	struct buf out = { 0 };

	scratch_write("t.yml",
	    RECEIVERS "route: {receiver: a}\n"
		      "inhibit_rules:\n"
		      "- source_matchers: [severity=critical]\n"
		      "  target_match: {severity: warning}\n"
		      "  target_match_re: {job: 'a|b'}\n"
		      "  equal: [job, instance]\n"
		      "- {}\n"
		      "- source_match: {x: y}\n");
	config = scratch_load("t.yml");
	ck_assert_uint_eq(config->n_inhibit_rules, 3);
	matchers_format(config->inhibit_rules[0].source, &out);
	matchers_format(config->inhibit_rules[0].target, &out);
	ck_assert_str_eq(out.p,
	    "{severity=\"critical\"}"
	    "{job=~\"^(?:a|b)$\",severity=\"warning\"}");
	ck_assert_uint_eq(config->inhibit_rules[0].n_equal, 2);
	ck_assert_ptr_null(config->inhibit_rules[1].source);
	ck_assert_ptr_null(config->inhibit_rules[1].target);
	ck_assert_ptr_nonnull(config->inhibit_rules[2].source);
	buf_fini(&out);
	config_unref(config);
}
END_TEST

/* ---- defaults, receivers, sources --------------------------------------------- */

START_TEST(defaults_are_alertmanagers)
{
	struct config *config;
	const struct config_global *g;

	scratch_write("t.yml", RECEIVERS "route: {receiver: a}\nglobal:\n");
	config = scratch_load("t.yml");
	g = &config->global;
	ck_assert_int_eq(g->resolve_timeout.ns, DUR_S(300).ns);
	ck_assert(g->smtp_require_tls);
	ck_assert_str_eq(g->smtp_hello, "localhost");
	ck_assert_str_eq(g->pagerduty_url,
	    "https://events.pagerduty.com/v2/enqueue");
	ck_assert_ptr_null(g->http);
	ck_assert_int_eq(config->evaluation_interval.ns, DUR_S(60).ns);
	ck_assert_uint_eq(config->n_sources, 0);
	ck_assert_uint_eq(config->external_labels->n, 0);
	ck_assert_uint_eq(config->receivers[0].n_integrations, 0);
	config_unref(config);
}
END_TEST

START_TEST(integrations_fall_back_to_global)
{
	struct config *config;
	const struct receiver_config *r;
	const struct fake_slack *slack;

	scratch_write("secret", "hidden\n");
	scratch_write("t.yml",
	    "global:\n"
	    "  slack_api_url: https://hooks.slack.com/x\n"
	    "  http_config:\n"
	    "    basic_auth: {username: u, password_file: secret}\n"
	    "route: {receiver: a}\n"
	    "receivers:\n"
	    "- name: a\n"
	    "  slack_configs:\n"
	    "  - channel: '#{{ .Receiver }}'\n"
	    "  - api_url: https://hooks.slack.com/y\n"
	    "    send_resolved: true\n"
	    "    http_config: {follow_redirects: no}\n"
	    "  webhook_configs: [{url: 'http://localhost:1/'}]\n");
	config = scratch_load("t.yml");
	r = config_receiver(config, "a");
	ck_assert_ptr_nonnull(r);
	ck_assert_ptr_null(config_receiver(config, "b"));
	ck_assert_uint_eq(r->n_integrations, 3);
	slack = r->integrations[0].settings;
	ck_assert_str_eq(slack->api_url.value, "https://hooks.slack.com/x");
	ck_assert(!slack->common.send_resolved);
	ck_assert_ptr_eq(slack->common.http, config->global.http);
	ck_assert_str_eq(slack->common.http->basic_username, "u");
	ck_assert_str_eq(slack->common.http->basic_password.file,
	    scratch_path("secret"));
	ck_assert(slack->common.http->follow_redirects);
	slack = r->integrations[1].settings;
	ck_assert_uint_eq(r->integrations[1].index, 1);
	ck_assert_str_eq(slack->api_url.value, "https://hooks.slack.com/y");
	ck_assert(slack->common.send_resolved);
	ck_assert(!slack->common.http->follow_redirects);
	ck_assert_str_eq(slack->common.http->auth_type, "Bearer");
	ck_assert_uint_eq(slack->common.pos.line, 10);
	ck_assert_str_eq(r->integrations[2].kind->name, "webhook");
	ck_assert(INTEGRATION_COMMON(&r->integrations[2])->send_resolved);
	config_unref(config);
}
END_TEST

START_TEST(http_headers_are_sent_once_for_each_value)
{
	struct config *config;
	const struct fake_prometheus *p;

	scratch_write("t.yml",
	    "sources:\n"
	    "- name: p\n"
	    "  type: prometheus\n"
	    "  url: http://localhost:9090\n"
	    "  http_config:\n"
	    "    authorization: {type: Token, credentials: c}\n"
	    "    http_headers:\n"
	    "      X-Scope-OrgID: {values: [a, b], secrets: [c]}\n"
	    "      X-Empty: {values: []}\n");
	config = scratch_load("t.yml");
	ck_assert_ptr_null(config->root);
	p = config->sources[0].settings;
	ck_assert_uint_eq(p->http->n_headers, 3);
	ck_assert_str_eq(p->http->headers[2].name, "X-Scope-OrgID");
	ck_assert_str_eq(p->http->headers[2].value, "c");
	ck_assert_str_eq(p->http->auth_type, "Token");
	ck_assert_str_eq(p->http->auth_credentials.value, "c");
	ck_assert_uint_eq(p->pos.line, 2);
	config_unref(config);
}
END_TEST

START_TEST(sources_read_the_environment)
{
	struct config *config;
	const struct fake_sqlite *s;

	setenv("TOCSIN_TEST_DB", "drift.db", 1);
	setenv("TOCSIN_TEST_EMPTY", "", 1);
	scratch_write("t.yml",
	    "external_labels: {region: '${TOCSIN_TEST_DB}'}\n"
	    "sources:\n"
	    "- {name: a, type: sqlite, path: '${TOCSIN_TEST_DB}'}\n"
	    "- {name: b, type: sqlite, path: '/x/$${A}${TOCSIN_TEST_EMPTY}$B',"
	    " timeout: 3s, max_concurrency: 7}\n"
	    "- {name: c, type: sqlite, path: '${{ x }}'}\n");
	config = scratch_load("t.yml");
	ck_assert_uint_eq(config->n_sources, 3);
	s = config->sources[0].settings;
	ck_assert_str_eq(s->path, scratch_path("drift.db"));
	ck_assert_int_eq(config->sources[0].timeout.ns, DUR_S(10).ns);
	ck_assert_uint_eq(config->sources[0].max_concurrency, 32);
	s = config->sources[1].settings;
	ck_assert_str_eq(s->path, "/x/${A}$B");
	ck_assert_int_eq(config->sources[1].timeout.ns, DUR_S(3).ns);
	ck_assert_uint_eq(config->sources[1].max_concurrency, 7);
	s = config->sources[2].settings;
	ck_assert_str_eq(s->path, scratch_path("${{ x }}"));
	/* Elsewhere the text is the text. */
	ck_assert(str_is(labels_value(config->external_labels, STR("region")),
	    "${TOCSIN_TEST_DB}"));
	ck_assert_ptr_eq(config_source(config, "b"), &config->sources[1]);
	ck_assert_ptr_null(config_source(config, "d"));
	config_unref(config);
}
END_TEST

/* What programs write that had nothing to say: Alertmanager takes it, too. */
static const struct {
	const char *label, *global, *route, *rest;
} nothings[] = {
	{ "an empty receiver is inherited", "", "{receiver: ''}", "" },
	{ "no mail server", "smtp_smarthost: ''", "", "" },
	{ "no proxy", "http_config: {proxy_url: ''}", "", "" },
	{ "a proxy of another sort", "http_config: {proxy_url: 'socks5://p:1080'}", "", "" },
	{ "no scheme of the credentials",
	    "http_config: {authorization: {type: '', credentials: x}}", "", "" },
	{ "no templates", "", "", "templates:\n" },
	{ "a file of templates that is not there yet", "", "", "templates: [none.tmpl]\n" },
	{ "nothing after a line of dashes", "", "", "---\n" },
	{ "nothing twice", "", "", "---\n---\n# a comment\n" },
};

START_TEST(nothing_is_taken_for_nothing)
{
	struct arena *arena = arena_new(0);
	struct config *config;

	scratch_write("t.yml",
	    arena_printf(arena,
		"global: {%s}\nroute: {receiver: a, routes: [%s]}\n"
		"receivers: [{name: a}]\n%s",
		nothings[_i].global, nothings[_i].route, nothings[_i].rest));
	config = scratch_load("t.yml");
	ck_assert_msg(config != NULL, "%s", nothings[_i].label);
	if (config->n_routes > 1)
		ck_assert_ptr_eq(config->routes[1]->receiver, config->root->receiver);
	config_unref(config);
	arena_free(arena);
}
END_TEST

/* A program built without a type says so; it does not ignore what nobody would be told by. */
START_TEST(a_type_that_is_not_built_is_an_error)
{
	char *finding;

	scratch_write("t.yml",
	    "route: {receiver: a}\nreceivers:\n- name: a\n  sns_configs: [{topic_arn: x}]\n");
	finding = scratch_finding("t.yml");
	ck_assert_str_eq(finding, "4:3: 'sns_configs' in receiver is not supported yet");
	free(finding);
}
END_TEST

START_TEST(addresses_of_services_have_defaults)
{
	struct config *config;
	const struct config_global *global;

	scratch_write("t.yml",
	    "global:\n"
	    "  opsgenie_api_key: k\n"
	    "  victorops_api_key_file: t.yml\n"
	    "  telegram_bot_token: t\n"
	    "  slack_app_token: xoxb\n"
	    "  webex_api_url: https://webex.example/v1\n"
	    "route: {receiver: a}\n"
	    "receivers: [{name: a}]\n");
	config = scratch_load("t.yml");
	global = &config->global;
	ck_assert_str_eq(global->opsgenie_api_key.secret.value, "k");
	ck_assert_str_eq(global->victorops_api_key.file, scratch_path("t.yml"));
	ck_assert_str_eq(global->telegram_bot_token.value, "t");
	ck_assert_str_eq(global->slack_app_token.value, "xoxb");
	ck_assert_str_eq(global->opsgenie_api_url, "https://api.opsgenie.com/");
	ck_assert_str_eq(global->victorops_api_url,
	    "https://alert.victorops.com/integrations/generic/20131114/alert/");
	ck_assert_str_eq(global->telegram_api_url, "https://api.telegram.org");
	ck_assert_str_eq(global->slack_app_url,
	    "https://slack.com/api/chat.postMessage");
	ck_assert_str_eq(global->webex_api_url, "https://webex.example/v1");
	config_unref(config);
}
END_TEST

/* ---- the projection ------------------------------------------------------------- */

static const char full[] =
    "global:\n"
    "  resolve_timeout: 6m\n"
    "  slack_api_url: https://hooks.slack.com/services/T0/B0/topsecret\n"
    "  smtp_auth_password: topsecret\n"
    "  opsgenie_api_key: topsecret\n"
    "  http_config:\n"
    "    proxy_url: http://user:topsecret@proxy:3128\n"
    "    http_headers: {X-Key: {secrets: [topsecret]}}\n"
    "    authorization: {credentials: topsecret}\n"
    "templates: []\n"
    "route:\n"
    "  receiver: ops\n"
    "  group_by: ['...']\n"
    "  routes:\n"
    "  - matchers: ['team=~\"a|b\"']\n"
    "    receiver: none\n"
    "receivers:\n"
    "- name: ops\n"
    "  webhook_configs:\n"
    "  - url: https://example.com/hook?token=topsecret\n"
    "  - url: ${TOCSIN_TEST_URL}\n"
    "  slack_configs:\n"
    "  - channel: \"#ops \\u00e9\"\n"
    "    api_url_file: slack\n"
    "  - api_url: '{{ .CommonLabels.topsecret }}'\n"
    "  - api_url: https://{{ .Receiver }}.example/topsecret\n"
    "  - api_url: https://example.com/{{ .Receiver }}/topsecret\n"
    "  log_configs:\n"
    "  - path: x.log\n"
    "- name: none\n"
    "inhibit_rules:\n"
    "- source_match: {a: b}\n"
    "sources:\n"
    "- {name: p, type: prometheus, url: 'http://localhost:9090'}\n"
    "evaluation_interval: 10s\n"
    "rule_files: [none-*.yml]\n"
    "external_labels: {a: b}\n";

static const char pure[] =
    "global:\n"
    "  resolve_timeout: 6m\n"
    "  slack_api_url: https://hooks.slack.com/<secret>\n"
    "  smtp_auth_password: <secret>\n"
    "  opsgenie_api_key: <secret>\n"
    "  http_config:\n"
    "    proxy_url: http://proxy:3128/<secret>\n"
    "    authorization:\n"
    "      credentials: <secret>\n"
    "templates: []\n"
    "route:\n"
    "  receiver: ops\n"
    "  group_by:\n"
    "  - \"...\"\n"
    "  routes:\n"
    "  - matchers:\n"
    "    - \"team=~\\\"a|b\\\"\"\n"
    "    receiver: none\n"
    "receivers:\n"
    "- name: ops\n"
    "  webhook_configs:\n"
    "  - url: https://example.com/<secret>\n"
    "  - url: http://hooks:8080/<secret>\n"
    "  slack_configs:\n"
    "  - channel: \"#ops \xC3\xA9\"\n"
    "    api_url_file: slack\n"
    "  - api_url: http://template.invalid/<secret>\n"
    "  - api_url: http://template.invalid/<secret>\n"
    "  - api_url: https://example.com/<secret>\n"
    "- name: none\n"
    "inhibit_rules:\n"
    "- source_match:\n"
    "    a: b\n";

static struct config *
load_full(void)
{
	setenv("TOCSIN_TEST_URL", "http://hooks:8080/topsecret", 1);
	scratch_write("slack", "https://hooks.slack.com/x");
	scratch_write("full.yml", full);
	return scratch_load("full.yml");
}

START_TEST(projection_is_pure_and_hides_secrets)
{
	struct config *config = load_full();

	ck_assert_str_eq(config->original.p, pure);
	config_unref(config);
}
END_TEST

/* Not a case where amtool is not installed. */
START_TEST(amtool_accepts_the_projection)
{
	struct config *config = load_full();
	struct buf text = { 0 };
	char *argv[] = { NULL, NULL, NULL, NULL };
	char name[] = "amtool", check[] = "check-config", path[512];
	pid_t pid;
	int status;

	buf_put_str(&text, config->original);
	scratch_write("pure.yml", text.p);
	buf_fini(&text);
	config_unref(config);
	snprintf(path, sizeof(path), "%s", scratch_path("pure.yml"));
	argv[0] = name;
	argv[1] = check;
	argv[2] = path;
	if (posix_spawnp(&pid, "amtool", NULL, NULL, argv, environ) != 0) {
		return;
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* ---- life ------------------------------------------------------------------------- */

START_TEST(hash_tells_generations_apart)
{
	struct config *a, *b;
	char first[17];

	scratch_write("t.yml", RECEIVERS "route: {receiver: a}\n");
	a = scratch_load("t.yml");
	b = scratch_load("t.yml");
	ck_assert_str_eq(a->hash, b->hash);
	memcpy(first, a->hash, sizeof(first));
	ck_assert_ptr_eq(config_ref(a), a);
	config_unref(a);
	ck_assert_str_eq(a->root->key, "{}"); /* still there */
	config_unref(a);
	config_unref(b);
	config_unref(NULL);
	scratch_write("t.yml", RECEIVERS "route: {receiver: b}\n");
	a = scratch_load("t.yml");
	ck_assert_str_ne(a->hash, first);
	config_unref(a);
}
END_TEST

/* It is read at each use, so it may come later: a warning, as in Alertmanager no error. */
START_TEST(secret_file_may_come_later)
{
	char *finding;
	struct buf want = { 0 };

	scratch_write("t.yml",
	    "global:\n  smtp_auth_password_file: no-such-secret\n"
	    "route: {receiver: a}\n" RECEIVERS);
	finding = scratch_finding("t.yml");
	buf_printf(&want, "2:28: cannot read '%s': No such file or directory; it is needed at "
			  "each use, which fails and is tried again until then",
	    scratch_path("no-such-secret"));
	ck_assert_str_eq(finding, want.p);
	free(finding);
	buf_fini(&want);
	config_unref(scratch_load("t.yml"));
}
END_TEST

START_TEST(nothing_is_left_behind)
{
	const size_t sets = labels_live();
	char *finding;

	scratch_write("t.yml",
	    RECEIVERS "external_labels: {a: b}\n"
		      "route: {receiver: x, routes: [{match: {c: d}}]}\n"
		      "inhibit_rules: [{source_match_re: {a: b}}]\n");
	finding = scratch_finding("t.yml");
	ck_assert_str_eq(finding, "3:19: there is no receiver 'x'");
	free(finding);
	ck_assert_uint_eq(labels_live(), sets);
}
END_TEST

START_TEST(findings_stop_at_a_hundred)
{
	struct diag *diag = diag_new();
	struct buf text = { 0 };

	buf_puts(&text, RECEIVERS "route:\n  receiver: a\n  routes:\n");
	for (int i = 0; i < 150; i++) {
		buf_puts(&text, "  - {receiver: x}\n");
	}
	scratch_write("t.yml", text.p);
	ck_assert_ptr_null(config_load(scratch_path("t.yml"), &fake_kinds,
	    diag));
	ck_assert_uint_eq(diag_errors(diag), 150);
	ck_assert_uint_eq(diag_count(diag), DIAG_MAX);
	buf_fini(&text);
	diag_free(diag);
}
END_TEST

START_TEST(second_file_is_judged_by_itself)
{
	struct diag *diag = diag_new();

	scratch_write("bad.yml", "route: {}\n");
	scratch_write("good.yml", RECEIVERS "route: {receiver: a}\n");
	ck_assert_int_eq(config_check_file(scratch_path("bad.yml"), &fake_kinds,
	    NULL, diag, NULL), -1);
	ck_assert_int_eq(config_check_file(scratch_path("good.yml"),
	    &fake_kinds, NULL, diag, NULL), 0);
	diag_free(diag);
}
END_TEST

void
add_load(Suite *suite)
{
	TCase *tcase = tcase_create("load");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, NULL, scratch_remove);
	tcase_add_loop_test(tcase, route_key_is_alertmanagers, 0,
	    ARRAY_LEN(keys));
	tcase_add_test(tcase, routes_inherit_what_they_do_not_say);
	tcase_add_test(tcase, inhibit_rules_have_both_sides);
	tcase_add_test(tcase, defaults_are_alertmanagers);
	tcase_add_test(tcase, integrations_fall_back_to_global);
	tcase_add_loop_test(tcase, nothing_is_taken_for_nothing, 0,
	    sizeof(nothings) / sizeof(nothings[0]));
	tcase_add_test(tcase, a_type_that_is_not_built_is_an_error);
	tcase_add_test(tcase, addresses_of_services_have_defaults);
	tcase_add_test(tcase, http_headers_are_sent_once_for_each_value);
	tcase_add_test(tcase, sources_read_the_environment);
	tcase_add_test(tcase, projection_is_pure_and_hides_secrets);
	tcase_add_test(tcase, amtool_accepts_the_projection);
	tcase_add_test(tcase, hash_tells_generations_apart);
	tcase_add_test(tcase, secret_file_may_come_later);
	tcase_add_test(tcase, nothing_is_left_behind);
	tcase_add_test(tcase, findings_stop_at_a_hundred);
	tcase_add_test(tcase, second_file_is_judged_by_itself);
}
