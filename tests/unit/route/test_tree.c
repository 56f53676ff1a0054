/* SPDX-License-Identifier: Apache-2.0 */
/* Which routes an alert takes, and with what settings: Alertmanager's example tree. */
#include "config.h"

#include <stdio.h>

#include "route/tree.h"
#include "suites.h"
#include "unit/route/helpers.h"

static const char tree[] = "route:\n"
			   "  receiver: 'notify-def'\n"
			   "  routes:\n"
			   "  - match:\n"
			   "      owner: 'team-A'\n"
			   "    receiver: 'notify-A'\n"
			   "    routes:\n"
			   "    - match:\n"
			   "        env: 'testing'\n"
			   "      receiver: 'notify-testing'\n"
			   "      group_by: ['...']\n"
			   "    - match:\n"
			   "        env: \"production\"\n"
			   "      receiver: 'notify-productionA'\n"
			   "      group_wait: 1m\n"
			   "      continue: true\n"
			   "    - match_re:\n"
			   "        env: \"produ.*\"\n"
			   "        job: \".*\"\n"
			   "      receiver: 'notify-productionB'\n"
			   "      group_wait: 30s\n"
			   "      group_interval: 5m\n"
			   "      repeat_interval: 1h\n"
			   "      group_by: ['job']\n"
			   "  - match_re:\n"
			   "      owner: 'team-(B|C)'\n"
			   "    group_by: ['foo', 'bar']\n"
			   "    group_wait: 2m\n"
			   "    receiver: 'notify-BC'\n"
			   "  - match:\n"
			   "      group_by: 'role'\n"
			   "    group_by: ['role']\n"
			   "    routes:\n"
			   "    - match:\n"
			   "        env: 'testing'\n"
			   "      receiver: 'notify-testing'\n"
			   "      routes:\n"
			   "      - match:\n"
			   "          wait: 'long'\n"
			   "        group_wait: 2m\n"
			   "receivers:\n"
			   "- name: notify-def\n"
			   "- name: notify-A\n"
			   "- name: notify-testing\n"
			   "- name: notify-productionA\n"
			   "- name: notify-productionB\n"
			   "- name: notify-BC\n";

/* Per route: receiver, group_by, group_wait in seconds, key. */
static const struct {
	const char *label, *alert, *want;
} matches[] = {
	{ "a node none of whose children match is the match", "owner=team-A",
	    "notify-A [] 30 {}/{owner=\"team-A\"}" },
	{ "an unknown value of a label stays at the parent", "owner=team-A,env=unset",
	    "notify-A [] 30 {}/{owner=\"team-A\"}" },
	{ "a regex alternative", "owner=team-C",
	    "notify-BC [bar foo] 120 {}/{owner=~\"^(?:team-(B|C))$\"}" },
	{ "the first child wins; ... groups by all", "owner=team-A,env=testing",
	    "notify-testing [...] 30 {}/{owner=\"team-A\"}/{env=\"testing\"}" },
	{ "continue goes on to the next sibling", "owner=team-A,env=production",
	    "notify-productionA [] 60 {}/{owner=\"team-A\"}/{env=\"production\"};"
	    "notify-productionB [job] 30 "
	    "{}/{owner=\"team-A\"}/{env=~\"^(?:produ.*)$\",job=~\"^(?:.*)$\"}" },
	{ "a route without receiver has its parent's", "group_by=role",
	    "notify-def [role] 30 {}/{group_by=\"role\"}" },
	{ "group_by is inherited", "env=testing,group_by=role",
	    "notify-testing [role] 30 {}/{group_by=\"role\"}/{env=\"testing\"}" },
	{ "group_wait is a leaf's own", "env=testing,group_by=role,wait=long",
	    "notify-testing [role] 120 {}/{group_by=\"role\"}/{env=\"testing\"}/{wait=\"long\"}" },
	{ "the root takes what nobody else takes", "a=b", "notify-def [] 30 {}" },
};

static void
print_route(const struct route_config *route, struct buf *out)
{
	buf_printf(out, "%s [", route->receiver->name);
	for (uint32_t i = 0; i < route->n_group_by; i++)
		buf_printf(out, "%s%.*s", i > 0 ? " " : "", STR_ARG(route->group_by[i]));
	buf_printf(out, "%s] %lld %s", route->group_by_all ? "..." : "",
	    (long long)(route->group_wait.ns / 1000000000), route->key);
}

START_TEST(example_tree)
{
	struct config *config = config_of(tree);
	struct labels *labels = labels_of(matches[_i].alert);
	const struct route_config *routes[4];
	uint32_t n = tree_match(config->root, labels, routes, 4);
	struct buf got = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&got, ';');
		print_route(routes[i], &got);
	}
	ck_assert_msg(
	    str_is(buf_str(&got), matches[_i].want), "%s: got %s", matches[_i].label, got.p);
	buf_fini(&got);
	labels_unref(labels);
	config_unref(config);
}
END_TEST

START_TEST(more_matches_than_asked_for_are_counted)
{
	struct config *config = config_of(tree);
	struct labels *labels = labels_of("owner=team-A,env=production");
	const struct route_config *routes[2] = { NULL, NULL };

	ck_assert_uint_eq(tree_match(config->root, labels, routes, 1), 2);
	ck_assert_str_eq(routes[0]->receiver->name, "notify-productionA");
	ck_assert_ptr_null(routes[1]);
	labels_unref(labels);
	config_unref(config);
}
END_TEST

TCase *
tree_tests(void)
{
	TCase *tcase = tcase_create("tree");

	tcase_add_loop_test(tcase, example_tree, 0, (int)(sizeof(matches) / sizeof(matches[0])));
	tcase_add_test(tcase, more_matches_than_asked_for_are_counted);
	return tcase;
}
