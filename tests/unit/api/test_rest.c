/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatch, status, receivers, health, reload, metrics. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/api/world.h"

static const struct {
	const char *method, *path;
	int status;
	const char *allow; /* of a 405 */
} routes[] = {
	{ "GET", "/api/v2/alerts", 200, NULL },
	{ "GET", "/api/v2/alerts/", 200, NULL },
	{ "HEAD", "/api/v2/alerts", 200, NULL },
	{ "OPTIONS", "/api/v2/alerts", 200, NULL },
	{ "PUT", "/api/v2/alerts", 405, "GET,POST" },
	{ "DELETE", "/api/v2/alerts", 405, "GET,POST" },
	{ "POST", "/api/v2/alerts/groups", 405, "GET" },
	{ "PUT", "/api/v2/silences", 405, "GET,POST" },
	{ "GET", "/-/reload", 405, "POST" },
	{ "POST", "/-/healthy", 405, "GET" },
	{ "HEAD", "/-/healthy", 200, NULL },
	{ "GET", "/api/v2", 404, NULL },
	{ "GET", "/api/v2/", 404, NULL },
	{ "GET", "/api/v2/nothing", 404, NULL },
	{ "OPTIONS", "/api/v2/nothing", 404, NULL },
	{ "GET", "/api/v2/alertsx", 404, NULL },
	{ "GET", "/api/v2/alert", 404, NULL },
	/* Grafana takes a 200 here for Mimir, and one of flags for Thanos. */
	{ "GET", "/alertmanager/api/v2/status", 404, NULL },
	{ "GET", "/api/v1/status/flags", 404, NULL },
	{ "GET", "/api/v1/status/buildinfo", 200, NULL },
	{ "GET", "/api/v1/silences", 410, NULL },
	{ "DELETE", "/api/v1/silence/x", 410, NULL },
	{ "GET", "/api/v1/status", 410, NULL },
	{ "POST", "/api/v1/alerts", 410, NULL },
	{ "GET", "/api/v1/alerts", 200, NULL },
	{ "PUT", "/api/v1/alerts", 405, "GET" },
};

START_TEST(dispatches_by_method_and_path)
{
	int status = ask(routes[_i].method, routes[_i].path, NULL);

	ck_assert_msg(status == routes[_i].status, "%s %s: %d %s", routes[_i].method,
	    routes[_i].path, status, said());
	ck_assert_str_eq(header("Access-Control-Allow-Origin"), "*");
	if (status >= 400)
		ck_assert_int_eq(json_object_get_int(at(said_json(), "code")), status);
	if (status >= 400)
		ck_assert_str_ne(text_at(said_json(), "message"), "");
	if (status == 405)
		ck_assert_str_eq(header("Allow"), routes[_i].allow);
}
END_TEST

START_TEST(says_how_it_is)
{
	ck_assert_int_eq(ask("GET", "/api/v2/status", NULL), 200);
	json_object *status = said_json();
	ck_assert_str_eq(text_at(status, "cluster.status"), "disabled");
	ck_assert_str_eq(text_at(status, "uptime"), "2023-11-14T22:13:20.000Z");
	ck_assert_ptr_nonnull(strstr(text_at(status, "config.original"), "receiver: default"));
	static const char *const members[] = { "version", "revision", "branch", "buildUser",
		"buildDate", "goVersion" };
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		ck_assert_ptr_nonnull(at(at(status, "versionInfo"), members[i]));
}
END_TEST

#define DEFAULT "{\"name\":\"default\"}"
#define PAGER \
	"{\"labels\":{\"a\":\"1\",\"name\":\"pager\",\"team\":\"ml\"},\"name\":\"pager\"}"

START_TEST(receivers_are_chosen_by_name_and_labels)
{
	static const struct {
		const char *query, *want;
	} rows[] = {
		{ "", "[" DEFAULT "," PAGER "]\n" },
		{ "?receiver_matchers=team%3Dml", "[" PAGER "]\n" },
		{ "?receiver_matchers=team%3D%22%22", "[" DEFAULT "]\n" },
		{ "?receiver_matchers=a%3D1&receiver_matchers=name%3D~p.*", "[" PAGER "]\n" },
		{ "?receiver_matchers=team%3Dnone", "[]\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "/api/v2/receivers%s", rows[i].query);
		ck_assert_int_eq(ask("GET", path, NULL), 200);
		ck_assert_str_eq(said(), rows[i].want);
	}
}
END_TEST

START_TEST(is_healthy_always_and_ready_when_it_is)
{
	ck_assert_int_eq(ask("GET", "/-/healthy", NULL), 200);
	ck_assert_str_eq(said(), "OK");
	ck_assert_int_eq(ask("GET", "/-/ready", NULL), 200);
	ck_assert_str_eq(said(), "OK");
	w.state.ready = false;
	ck_assert_int_eq(ask("GET", "/-/healthy", NULL), 200);
	ck_assert_int_eq(ask("GET", "/-/ready", NULL), 503);
}
END_TEST

START_TEST(reloads_or_says_why_not)
{
	ck_assert_int_eq(ask("POST", "/-/reload", NULL), 200);
	ck_assert_str_eq(said(), "");
	w.reload_code = -ERR_INVALID;
	ck_assert_int_eq(ask("POST", "/-/reload", NULL), 500);
	ck_assert_str_eq(text_at(said_json(), "message"),
	    "failed to reload config: tocsin.yml:1:2: error: 'this' is wrong");
	ck_assert_int_eq(w.reloads, 2);
}
END_TEST

/* --- metrics --------------------------------------------------------------------- */

static size_t
name_length(const char *line)
{
	return strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");
}

/* {a="b",c="d"}; the text after it, or NULL. */
static const char *
past_labels(const char *p)
{
	if (*p != '{')
		return p;
	do {
		p++;
		size_t n = name_length(p);
		if (n == 0 || strncmp(p + n, "=\"", 2) != 0)
			return NULL;
		for (p += n + 2; *p != '"'; p++) {
			if (*p == '\0' || *p == '\n')
				return NULL;
			p += *p == '\\';
		}
		p++;
	} while (*p == ',');
	return *p == '}' ? p + 1 : NULL;
}

/* One sample line: of the family that was announced last. */
static void
check_sample(const char *line, const char *family)
{
	size_t n = name_length(line);
	const char *value = past_labels(line + n);
	char *end;

	ck_assert_msg(n > 0 && strncmp(line, family, strlen(family)) == 0, "'%s' is not of '%s'",
	    line, family);
	ck_assert_msg(n == strlen(family) || line[strlen(family)] == '_', "'%s' is not of '%s'",
	    line, family);
	ck_assert_msg(value != NULL && *value == ' ', "labels of '%s'", line);
	(void)strtod(value + 1, &end);
	ck_assert_msg(end != value + 1 && *end == '\0', "value of '%s'", line);
}

#define FAMILIES_MAX 200

START_TEST(metrics_are_what_prometheus_reads)
{
	static char text[65536], seen[FAMILIES_MAX][100];
	char family[100] = "", *rest = text;
	size_t n = 0;

	must_post("[{'labels':{'alertname':'A','severity':'critical'}}]");
	world_advance(DUR_S(60));
	ck_assert_int_eq(ask("GET", "/metrics", NULL), 200);
	ck_assert_uint_lt(strlen(said()), sizeof(text));
	(void)snprintf(text, sizeof(text), "%s", said());
	for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			ck_assert_uint_lt(n, FAMILIES_MAX);
			(void)snprintf(
			    family, sizeof(family), "%.*s", (int)name_length(line + 7), line + 7);
			for (size_t i = 0; i < n; i++)
				ck_assert_msg(strcmp(seen[i], family) != 0, "%s twice", family);
			(void)snprintf(seen[n++], sizeof(seen[0]), "%s", family);
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			ck_assert_msg(strncmp(line + 7, family, strlen(family)) == 0,
			    "'%s' after %s", line, family);
		} else {
			check_sample(line, family);
		}
	}
	ck_assert_ptr_null(rest != NULL && *rest != '\0' ? rest : NULL);
	ck_assert_uint_gt(n, 40);
}
END_TEST

static const char *const metric_lines[] = {
	"\nalertmanager_alerts{state=\"active\"} 1\n",
	"\nalertmanager_alerts_received_total{status=\"firing\",version=\"v2\"} 1\n",
	"\nalertmanager_alerts_invalid_total{version=\"v2\"} 1\n",
	"\nalertmanager_silences{state=\"active\"} 1\n",
	"\nalertmanager_build_info{",
	"\ntocsin_build_info{version=\"",
	"\ntocsin_rule_evaluations_total 0\n",
	"\ntocsin_rule_evaluation_failures_total 0\n",
	"\ntocsin_rule_group_iterations_missed_total 0\n",
	"\nalertmanager_receivers 2\n",
	"\nalertmanager_inhibition_rules 1\n",
};

START_TEST(metrics_count)
{
	must_post("[{'labels':{'alertname':'A'}}]");
	ck_assert_int_eq(ask("POST", "/api/v2/alerts", "[{\"labels\":{}}]"), 400);
	(void)must_silence("a", "b");
	ck_assert_int_eq(ask("GET", "/metrics", NULL), 200);
	for (size_t i = 0; i < ARRAY_LEN(metric_lines); i++)
		ck_assert_msg(
		    strstr(said(), metric_lines[i]) != NULL, "%s\n%s", metric_lines[i], said());
}
END_TEST

/* clang-format off */
static const struct { const char *path; int status; } prefixed[] = {
	{ "/am/-/healthy", 200 },
	{ "/am/api/v2/status/", 200 },
	{ "/", 302 },
	{ "/-/healthy", 404 },
	{ "/am", 404 },
	{ "/am/", 404 },
	{ "/ambulance/-/healthy", 404 },
	{ "/am/am/-/healthy", 404 },
};
/* clang-format on */

START_TEST(everything_is_below_the_route_prefix)
{
	w.state.route_prefix = "/am";
	ck_assert_msg(ask("GET", prefixed[_i].path, NULL) == prefixed[_i].status, "%s: %s",
	    prefixed[_i].path, said());
	w.state.route_prefix = "";
	ck_assert_int_eq(ask("GET", "/-/healthy", NULL), 200);
}
END_TEST

TCase *
rest_tests(void)
{
	TCase *tc = tcase_create("rest");

	tcase_add_checked_fixture(tc, world_open, world_close);
	tcase_add_loop_test(tc, dispatches_by_method_and_path, 0, (int)ARRAY_LEN(routes));
	tcase_add_loop_test(
	    tc, everything_is_below_the_route_prefix, 0, (int)ARRAY_LEN(prefixed));
	tcase_add_test(tc, says_how_it_is);
	tcase_add_test(tc, receivers_are_chosen_by_name_and_labels);
	tcase_add_test(tc, is_healthy_always_and_ready_when_it_is);
	tcase_add_test(tc, reloads_or_says_why_not);
	tcase_add_test(tc, metrics_are_what_prometheus_reads);
	tcase_add_test(tc, metrics_count);
	return tc;
}
