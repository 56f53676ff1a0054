/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same texts over the same data as Prometheus and Alertmanager were given
 * (by the script "observe"): the same result, byte for byte.  Where their
 * expansion failed, ours fails too, when parsed or when expanded.
 */
#include "config.h"

#include "suites.h"

#include "base/timestamp.h"
#include "template/template.h"

struct row {
	const char *text, *want; /* NULL: fails */
};

static const struct row rule_rows[] = {
#include "observed_rule.inc"
};
static const struct row notification_rows[] = {
#include "observed_notification.inc"
};
static const struct row html_rows[] = {
#include "observed_html.inc"
};

#define LIT(lit) { (lit), (uint32_t)(sizeof(lit) - 1) }

static const struct label_view sample[] = {
	{ LIT("path"), LIT("/a b<c>") },
	{ LIT("__name__"), LIT("m") },
	{ LIT("job"), LIT("api") },
	{ LIT("num"), LIT("1234.5") },
	{ LIT("instance"), LIT("host.example.com:9090") },
};
static const struct label_view external[] = {
	{ LIT("region"), LIT("eu") }, { LIT("zone"), LIT("z1") },
};
static const struct label_view common[] = {
	{ LIT("severity"), LIT("critical") }, { LIT("alertname"), LIT("Drift") },
	{ LIT("job"), LIT("api") },
};
static const struct label_view group[] = {
	{ LIT("alertname"), LIT("Drift") },
};
#define OF(instance) { { LIT("instance"), LIT(instance) },                    \
	{ LIT("alertname"), LIT("Drift") }, { LIT("job"), LIT("api") },       \
	{ LIT("severity"), LIT("critical") } }
static const struct label_view of[3][4] = { OF("a:1"), OF("b:2"), OF("c:3") };
static const struct label_view summary[2] = {
	{ LIT("summary"), LIT("a < b & \"c\"") },
	{ LIT("summary"), LIT("third") },
};

static wall_t
at(const char *text)
{
	wall_t t;

	ck_assert(timestamp_parse(str_from(text), &t));
	return t;
}

static struct template_alert
make_alert(int i, const char *starts, const char *ends)
{
	return (struct template_alert){
		.status = i == 1 ? STR("resolved") : STR("firing"),
		.labels = { .views = of[i], .n_views = 4 },
		.annotations = { .views = i == 0 ? &summary[0] : &summary[1],
		    .n_views = i == 1 ? 0 : 1 },
		.starts_at = at(starts),
		.ends_at = at(ends),
		.generator_url = i == 0 ? STR("http://prom/graph?x=1&y=2")
					: STR(""),
		.fingerprint = i == 0 ? STR("abc123")
		    : i == 1	      ? STR("def456")
				      : STR("789"),
	};
}

struct template_data
observed_rule_data(void)
{
	return (struct template_data){
		.labels = { .views = sample, .n_views = 5 },
		.value = 42.5,
		.external_labels = { .views = external, .n_views = 2 },
		.external_url = STR("http://prom:9090/base"),
		.now = { 1700000000500000000 },
	};
}

struct template_data
observed_notification_data(struct template_alert alerts[3])
{
	alerts[0] = make_alert(
	    0, "2026-03-04T05:06:07.089Z", "0001-01-01T00:00:00Z");
	alerts[1] = make_alert(
	    1, "2026-01-31T23:59:30Z", "2026-02-01T00:10:00.5Z");
	alerts[2] =
	    make_alert(2, "2026-07-08T19:20:21Z", "0001-01-01T00:00:00Z");
	return (struct template_data){
		.status = STR("firing"),
		.receiver = STR("team a"),
		.external_url = STR("http://am:9093"),
		.group_labels = { .views = group, .n_views = 1 },
		.common_labels = { .views = common, .n_views = 3 },
		.alerts = alerts,
		.n_alerts = 3,
		.now = at("2026-03-04T06:06:07.089Z"),
	};
}

static void
compare(const struct row *row, enum template_scope scope,
    const struct template_data *data)
{
	struct arena *arena = arena_new(0);
	struct err err = { 0 };
	struct buf out = { 0 };
	struct template *t =
	    template_parse(arena, str_from(row->text), scope, &err);
	int rc = t != NULL ? template_execute(t, data, &out, &err) : -1;

	if (row->want == NULL)
		ck_assert_msg(rc < 0 && err.text[0] != '\0',
		    "%s: got %.*s", row->text, STR_ARG(buf_str(&out)));
	else
		ck_assert_msg(rc == 0 && str_is(buf_str(&out), row->want),
		    "%s\n got: %.*s\nwant: %s\n%s", row->text,
		    STR_ARG(buf_str(&out)), row->want, rc < 0 ? err.text : "");
	buf_fini(&out);
	arena_free(arena);
}

START_TEST(rule_text_is_as_prometheus_prints_it)
{
	struct template_data data = observed_rule_data();

	compare(&rule_rows[_i], TEMPLATE_RULE, &data);
}
END_TEST

START_TEST(notification_text_is_as_alertmanager_prints_it)
{
	struct template_alert alerts[3];
	struct template_data data = observed_notification_data(alerts);

	compare(&notification_rows[_i], TEMPLATE_NOTIFICATION, &data);
}
END_TEST

START_TEST(page_is_escaped_as_alertmanager_escapes_it)
{
	struct template_alert alerts[3];
	struct template_data data = observed_notification_data(alerts);

	data.html = true;
	compare(&html_rows[_i], TEMPLATE_NOTIFICATION, &data);
}
END_TEST

Suite *
suite_observed(void)
{
	Suite *suite = suite_create("template/observed");
	TCase *tcase = tcase_create("observed");

	tcase_add_loop_test(tcase, rule_text_is_as_prometheus_prints_it, 0,
	    (int)(sizeof(rule_rows) / sizeof(rule_rows[0])));
	tcase_add_loop_test(tcase,
	    notification_text_is_as_alertmanager_prints_it, 0,
	    (int)(sizeof(notification_rows) / sizeof(notification_rows[0])));
	tcase_add_loop_test(tcase, page_is_escaped_as_alertmanager_escapes_it,
	    0, (int)(sizeof(html_rows) / sizeof(html_rows[0])));
	suite_add_tcase(suite, tcase);
	return suite;
}
