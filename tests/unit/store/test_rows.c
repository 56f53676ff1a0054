/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written comes back.  A story writes rows; after a restart the sink
 * prints what it gets, and the expectation prints the rows that must be there
 * through the same functions, so every field of every row is compared.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/attr.h"
#include "store/store_incident.h"
#include "store/store_past.h"
#include "unit/store/fixture.h"

static void
print_str(struct buf *out, const char *name, struct str s)
{
	buf_printf(out, " %s=%u:", name, s.n);
	buf_put_str(out, s);
}

static void
print_i64(struct buf *out, const char *name, int64_t i)
{
	buf_printf(out, " %s=%" PRId64, name, i);
}

static void
on_meta(void *arg, struct str key, struct str value)
{
	buf_puts(arg, "meta");
	print_str(arg, "key", key);
	print_str(arg, "value", value);
	buf_putc(arg, '\n');
}

static void
on_alert(void *arg, const struct alert_row *row)
{
	buf_puts(arg, "alert");
	print_i64(arg, "id", row->id);
	print_str(arg, "labels", row->labels);
	print_str(arg, "annotations", row->annotations);
	print_str(arg, "generator_url", row->generator_url);
	print_i64(arg, "starts_at", row->starts_at.ns);
	print_i64(arg, "ends_at", row->ends_at.ns);
	print_i64(arg, "updated_at", row->updated_at.ns);
	print_i64(arg, "flags", row->flags);
	buf_putc(arg, '\n');
}

static void
on_rule(void *arg, int64_t id, struct str identity, struct str name)
{
	buf_puts(arg, "rule");
	print_i64(arg, "id", id);
	print_str(arg, "identity", identity);
	print_str(arg, "name", name);
	buf_putc(arg, '\n');
}

static void
on_rule_alert(void *arg, const struct rule_alert_row *row)
{
	buf_puts(arg, "rule_alert");
	print_i64(arg, "id", row->id);
	print_i64(arg, "rule_id", row->rule_id);
	print_str(arg, "labels", row->labels);
	print_i64(arg, "state", row->state);
	print_i64(arg, "active_at", row->active_at.ns);
	print_i64(arg, "fired_at", row->fired_at.ns);
	print_i64(arg, "resolved_at", row->resolved_at.ns);
	print_i64(arg, "keep_firing_since", row->keep_firing_since.ns);
	print_i64(arg, "points", (int64_t)row->points);
	print_i64(arg, "points_n", row->points_n);
	print_i64(arg, "points_at", row->points_at.ns);
	if (isnan(row->value))
		buf_puts(arg, " value=NaN\n");
	else
		buf_printf(arg, " value=%.17g\n", row->value);
}

static void
on_past_series(void *arg, const struct past_series_row *row)
{
	buf_puts(arg, "past_series");
	print_i64(arg, "id", row->id);
	print_i64(arg, "rule_id", row->rule_id);
	print_str(arg, "labels", row->labels);
	print_str(arg, "versions", row->versions);
	buf_putc(arg, '\n');
}

static void
on_past_chunk(void *arg, const struct past_chunk_row *row)
{
	buf_puts(arg, "past_chunk");
	print_i64(arg, "series_id", row->series_id);
	print_i64(arg, "n", row->n);
	print_str(arg, "points", row->points);
	buf_putc(arg, '\n');
}

static void
on_group(void *arg, const struct group_row *row)
{
	buf_puts(arg, "group");
	print_i64(arg, "id", row->id);
	print_str(arg, "route_id", row->route_id);
	print_str(arg, "labels", row->labels);
	print_i64(arg, "next_flush_at", row->next_flush_at.ns);
	print_i64(arg, "flushed", row->flushed);
	buf_putc(arg, '\n');
}

static void
on_nflog(void *arg, const struct nflog_row *row)
{
	buf_puts(arg, "nflog");
	print_i64(arg, "id", row->id);
	print_str(arg, "group_key", row->group_key);
	print_str(arg, "integration", row->integration);
	print_str(arg, "firing", row->firing);
	print_str(arg, "resolved", row->resolved);
	print_i64(arg, "at", row->at.ns);
	print_i64(arg, "expires_at", row->expires_at.ns);
	print_str(arg, "thread", row->thread);
	print_str(arg, "held", row->held);
	buf_putc(arg, '\n');
}

static void
on_delivery(void *arg, const struct delivery_row *row)
{
	buf_puts(arg, "delivery");
	print_i64(arg, "id", row->id);
	print_str(arg, "group_key", row->group_key);
	print_str(arg, "receiver", row->receiver);
	print_str(arg, "integration", row->integration);
	print_str(arg, "group_labels", row->group_labels);
	print_str(arg, "route_id", row->route_id);
	print_str(arg, "reason", row->reason);
	print_str(arg, "alerts", row->alerts);
	print_i64(arg, "state", (int64_t)row->state);
	print_i64(arg, "attempts", row->attempts);
	print_i64(arg, "n_firing", row->n_firing);
	print_i64(arg, "n_resolved", row->n_resolved);
	print_i64(arg, "created_at", row->created_at.ns);
	print_i64(arg, "due_at", row->due_at.ns);
	print_i64(arg, "finished_at", row->finished_at.ns);
	print_str(arg, "error", row->error);
	print_i64(arg, "maybe_sent", row->maybe_sent);
	print_i64(arg, "tick_at", row->tick_at.ns);
	print_i64(arg, "kind", row->kind);
	print_i64(arg, "incident", row->incident);
	print_str(arg, "place", row->place);
	buf_putc(arg, '\n');
}

static void
on_silence(void *arg, const struct silence_row *row)
{
	buf_puts(arg, "silence");
	print_str(arg, "id", row->id);
	print_str(arg, "matchers", row->matchers);
	print_i64(arg, "starts_at", row->starts_at.ns);
	print_i64(arg, "ends_at", row->ends_at.ns);
	print_i64(arg, "updated_at", row->updated_at.ns);
	print_str(arg, "created_by", row->created_by);
	print_str(arg, "comment", row->comment);
	print_i64(arg, "until_resolved", row->until_resolved);
	print_i64(arg, "matched_at", row->matched_at.ns);
	print_str(arg, "annotations", row->annotations);
	buf_putc(arg, '\n');
}

static void
on_policy(void *arg, struct str digest, struct str body)
{
	buf_puts(arg, "policy");
	print_str(arg, "digest", digest);
	print_str(arg, "body", body);
	buf_putc(arg, '\n');
}

static void
on_incident(void *arg, const struct incident_row *row)
{
	buf_puts(arg, "incident");
	print_i64(arg, "id", row->id);
	print_str(arg, "group_key", row->group_key);
	print_str(arg, "route_id", row->route_id);
	print_str(arg, "labels", row->labels);
	print_i64(arg, "state", row->state);
	print_str(arg, "severity", row->severity);
	print_str(arg, "runbook", row->runbook);
	print_i64(arg, "opened_at", row->opened_at.ns);
	print_i64(arg, "resolved_at", row->resolved_at.ns);
	print_i64(arg, "changed_at", row->changed_at.ns);
	print_str(arg, "changed_by", row->changed_by);
	print_str(arg, "comment", row->comment);
	print_str(arg, "policy", row->policy);
	print_str(arg, "told", row->told);
	print_i64(arg, "generation", row->generation);
	print_i64(arg, "loop", row->loop);
	print_i64(arg, "step", row->step);
	print_i64(arg, "due_at", row->due_at.ns);
	print_i64(arg, "saved_due_at", row->saved_due_at.ns);
	print_i64(arg, "alerts", row->alerts);
	print_i64(arg, "flags", row->flags);
	buf_putc(arg, '\n');
}

static void
on_receipt(void *arg, struct str key, wall_t expires_at)
{
	buf_puts(arg, "receipt");
	print_str(arg, "key", key);
	print_i64(arg, "expires_at", expires_at.ns);
	buf_putc(arg, '\n');
}

static void
on_override(void *arg, const struct override_row *row)
{
	buf_puts(arg, "override");
	print_i64(arg, "id", row->id);
	print_str(arg, "schedule", row->schedule);
	print_str(arg, "user", row->user);
	print_i64(arg, "starts_at", row->starts_at.ns);
	print_i64(arg, "ends_at", row->ends_at.ns);
	print_str(arg, "created_by", row->created_by);
	print_str(arg, "comment", row->comment);
	print_i64(arg, "created_at", row->created_at.ns);
	buf_putc(arg, '\n');
}

/* ---- rows with a distinct value in each field ----------------------------- */

static const struct alert_row alert = { 11, { "a\0b=\xff", 5 }, LIT("notes"),
	LIT("http://p/g?x=1"), { 101 }, { 102 }, { INT64_MAX }, UINT32_MAX };
static const struct alert_row bare_alert = { .id = 12 };
static const struct rule_alert_row rule_alert = { 22, 21, LIT("rl"), 3,
	{ 201 }, { 202 }, { 203 }, { 204 }, 0.1, UINT64_MAX - 5, 205, { 206 } };
static const struct past_series_row past_series = { 23, 21, LIT("pl"), LIT("v1") };
static const struct past_chunk_row past_chunk = { 23, 7, { "\0\x01points", 8 } };
static const struct group_row group = { 31, LIT("{}/{team=\"ml\"}"),
	LIT("gl"), { 301 }, false };
static const struct nflog_row nflog = { 41, LIT("{}:{a=\"b\"}"),
	LIT("ops/webhook[0]"), LIT("12345678"), LIT("abcdefgh"), { 401 },
	{ 402 }, LIT("<first@host>"), LIT("held1234") };
static const struct delivery_row delivery = { 51, LIT("key"), LIT("ops"),
	LIT("slack[1]"), LIT("labels"), LIT("route"), LIT("first"), LIT("list"),
	DELIVERY_PENDING, 7, 8, 9, { 501 }, { 502 }, { 503 }, LIT("status 500"),
	true, { 504 }, 2, 71, LIT("1.0.2") };
static const struct silence_row silence = { LIT("uuid-1"), LIT("matchers"),
	{ 601 }, { 602 }, { 603 }, LIT("amy"), LIT("works on it"), true, { 604 },
	LIT("{\"a\":\"b\"}") };
static const struct incident_row incident = { 71, LIT("key"), LIT("route"),
	LIT("labels"), 1, LIT("critical"), LIT("http://r/b"), { 701 }, { 702 },
	{ 703 }, LIT("amy"), LIT("on it"), LIT("digest"), LIT("a/slack[0]\n"), 2,
	3, 4, { 704 }, { 705 }, 5, 6 };
static const struct override_row override = { 81, LIT("ml"), LIT("bob"),
	{ 801 }, { 802 }, LIT("amy"), LIT("away"), { 803 } };

static void
put_all(void)
{
	store_meta_put(fx.store, "alive", STR("yes"));
	store_alert_put(fx.store, &alert);
	store_alert_put(fx.store, &bare_alert);
	store_rule_put(fx.store, 21, STR("id\0entity"), STR("HighLatency"));
	store_rule_alert_put(fx.store, &rule_alert);
	store_past_series_put(fx.store, &past_series);
	store_past_chunk_put(fx.store, &past_chunk);
	store_group_put(fx.store, &group);
	store_nflog_put(fx.store, &nflog);
	store_delivery_put(fx.store, &delivery);
	store_silence_put(fx.store, &silence);
	store_policy_put(fx.store, STR("digest"), STR("steps"));
	store_incident_put(fx.store, &incident);
	store_override_put(fx.store, &override);
	store_receipt_put(fx.store, STR("link:1"), (wall_t){ 5 });
	store_receipt_put(fx.store, STR("link:2"), (wall_t){ 6 });
	store_receipt_delete(fx.store, STR("link:2"));
}

static void
expect_all(struct buf *out)
{
	on_meta(out, STR("alive"), STR("yes"));
	on_alert(out, &alert);
	on_alert(out, &bare_alert);
	on_rule(out, 21, STR("id\0entity"), STR("HighLatency"));
	on_rule_alert(out, &rule_alert);
	on_group(out, &group);
	on_nflog(out, &nflog);
	on_delivery(out, &delivery);
	on_silence(out, &silence);
	on_policy(out, STR("digest"), STR("steps"));
	on_incident(out, &incident);
	on_override(out, &override);
	on_receipt(out, STR("link:1"), (wall_t){ 5 });
	on_past_series(out, &past_series);
	on_past_chunk(out, &past_chunk);
}

static struct delivery_row
updated_delivery(enum delivery_state state)
{
	struct delivery_row row = delivery;

	row.state = state;
	row.attempts = 70;
	row.due_at.ns = 5020;
	row.finished_at.ns = 5030;
	row.error = STR("timeout");
	row.maybe_sent = false;
	return row;
}

/* A row that names other values where an update must not write them. */
static struct delivery_row
update_of_delivery(enum delivery_state state)
{
	struct delivery_row row = updated_delivery(state);

	row.group_key = row.receiver = row.alerts = STR("not written");
	row.created_at.ns = row.tick_at.ns = 1;
	return row;
}

static void
update_all(void)
{
	struct delivery_row row = update_of_delivery(DELIVERY_SENDING);

	put_all();
	store_meta_put(fx.store, "alive", STR("still"));
	store_alert_times(fx.store, 11, (wall_t){ 1 }, (wall_t){ 2 },
	    (wall_t){ 3 }, 4);
	store_group_timer(fx.store, 31, (wall_t){ 3010 }, true);
	store_delivery_update(fx.store, &row);
}

static void
expect_updated(struct buf *out)
{
	struct alert_row moved = alert;
	struct group_row flushed = group;
	struct delivery_row tried = updated_delivery(DELIVERY_SENDING);

	moved.starts_at.ns = 1;
	moved.ends_at.ns = 2;
	moved.updated_at.ns = 3;
	moved.flags = 4;
	flushed.next_flush_at.ns = 3010;
	flushed.flushed = true;
	on_meta(out, STR("alive"), STR("still"));
	on_alert(out, &moved);
	on_alert(out, &bare_alert);
	on_rule(out, 21, STR("id\0entity"), STR("HighLatency"));
	on_rule_alert(out, &rule_alert);
	on_group(out, &flushed);
	on_nflog(out, &nflog);
	on_delivery(out, &tried);
	on_silence(out, &silence);
	on_policy(out, STR("digest"), STR("steps"));
	on_incident(out, &incident);
	on_override(out, &override);
	on_receipt(out, STR("link:1"), (wall_t){ 5 });
	on_past_series(out, &past_series);
	on_past_chunk(out, &past_chunk);
}

static void
put_twice(void)
{
	struct silence_row shorter = silence;
	struct rule_alert_row infinite = rule_alert;

	put_all();
	shorter.ends_at.ns = 6020;
	store_silence_put(fx.store, &shorter);
	infinite.value = -(double)INFINITY;
	store_rule_alert_put(fx.store, &infinite);
}

static void
expect_second(struct buf *out)
{
	struct silence_row shorter = silence;
	struct rule_alert_row infinite = rule_alert;

	shorter.ends_at.ns = 6020;
	infinite.value = -(double)INFINITY;
	on_meta(out, STR("alive"), STR("yes"));
	on_alert(out, &alert);
	on_alert(out, &bare_alert);
	on_rule(out, 21, STR("id\0entity"), STR("HighLatency"));
	on_rule_alert(out, &infinite);
	on_group(out, &group);
	on_nflog(out, &nflog);
	on_delivery(out, &delivery);
	on_silence(out, &shorter);
	on_policy(out, STR("digest"), STR("steps"));
	on_incident(out, &incident);
	on_override(out, &override);
	on_receipt(out, STR("link:1"), (wall_t){ 5 });
	on_past_series(out, &past_series);
	on_past_chunk(out, &past_chunk);
}

static void
delete_all(void)
{
	struct delivery_row row = update_of_delivery(DELIVERY_DELIVERED);

	put_all();
	store_alert_delete(fx.store, 11);
	store_alert_delete(fx.store, 12);
	store_rule_alert_delete(fx.store, 22);
	store_rule_delete(fx.store, 21);
	store_group_delete(fx.store, 31);
	store_nflog_delete(fx.store, 41);
	store_delivery_update(fx.store, &row); /* finished: not loaded */
	store_silence_delete(fx.store, STR("uuid-1"));
	store_policy_delete(fx.store, STR("digest"));
	store_incident_delete(fx.store, 71);
	store_override_delete(fx.store, 81);
	store_receipt_delete(fx.store, STR("link:1"));
}

static void
expect_meta_only(struct buf *out)
{
	on_meta(out, STR("alive"), STR("yes"));
}

static void
delete_rule(void)
{
	struct rule_alert_row other = rule_alert;

	store_rule_put(fx.store, 21, STR("one"), STR("One"));
	store_rule_put(fx.store, 20, STR("two"), STR("Two"));
	store_rule_alert_put(fx.store, &rule_alert);
	store_past_series_put(fx.store, &past_series);
	store_past_chunk_put(fx.store, &past_chunk);
	other.id = 23;
	store_rule_alert_put(fx.store, &other);
	other.id = 24;
	other.rule_id = 20;
	other.value = (double)NAN;
	store_rule_alert_put(fx.store, &other);
	store_past_series_put(fx.store, &past_series);
	store_past_chunk_put(fx.store, &past_chunk);
	store_rule_delete(fx.store, 21);
}

static void
expect_other_rule(struct buf *out)
{
	struct rule_alert_row other = rule_alert;

	other.id = 24;
	other.rule_id = 20;
	other.value = (double)NAN;
	on_rule(out, 20, STR("two"), STR("Two"));
	on_rule_alert(out, &other);
}

static void
put_disordered(void)
{
	static const int64_t ids[] = { 30, 10, 20 };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct alert_row row = { .id = ids[i] };

		store_alert_put(fx.store, &row);
	}
}

static void
expect_ordered(struct buf *out)
{
	for (int64_t id = 10; id <= 30; id += 10)
		on_alert(out, &(struct alert_row){ .id = id });
}

static const struct {
	const char *label;
	void (*write)(void);
	void (*expect)(struct buf *out);
} stories[] = {
	{ "every row comes back as it was put", put_all, expect_all },
	{ "an update changes its fields and no others", update_all, expect_updated },
	{ "the last put of an id wins", put_twice, expect_second },
	{ "deleted rows and finished deliveries stay away", delete_all, expect_meta_only },
	{ "a rule takes its alerts along, not another's", delete_rule, expect_other_rule },
	{ "rows come in order of id", put_disordered, expect_ordered },
};

static void
load(struct buf *out)
{
	struct store_sink sink = { out, on_meta, on_alert, on_rule, on_rule_alert,
		on_group, on_nflog, on_delivery, on_silence, on_policy, on_incident,
		on_override, on_receipt, on_past_series, on_past_chunk };
	struct err err = { .code = ERR_NONE };

	ck_assert_msg(store_load(fx.store, &sink, &err) == 0, "%s", err.text);
}

START_TEST(what_is_written_comes_back)
{
	struct buf want = { 0 }, got = { 0 };

	fixture_open();
	stories[_i].write();
	fixture_commit();
	fixture_reopen();
	load(&got);
	stories[_i].expect(&want);
	ck_assert_msg(str_eq(buf_str(&got), buf_str(&want)),
	    "%s\nwant:\n%.*s\ngot:\n%.*s", stories[_i].label,
	    STR_ARG(buf_str(&want)), STR_ARG(buf_str(&got)));
	buf_fini(&want);
	buf_fini(&got);
}
END_TEST

START_TEST(a_sink_without_members_gets_nothing)
{
	struct store_sink sink = { 0 };
	struct err err = { .code = ERR_NONE };

	fixture_open();
	put_all();
	fixture_commit();
	ck_assert_int_eq(store_load(fx.store, &sink, &err), 0);
}
END_TEST

START_TEST(ids_go_on_after_a_restart_and_are_never_reused)
{
	int64_t last = 0;

	fixture_open();
	for (int i = 0; i < 3; i++) {
		int64_t id = store_next_id(fx.store);

		ck_assert_int_eq(id, last + 1);
		fixture_put_alert(id, 0);
		fixture_commit();
		store_alert_delete(fx.store, id); /* the table forgets it */
		fixture_reopen();
		last = id;
	}
	/* Also not ids that came from elsewhere. */
	fixture_put_history(7000, START_AT, "firing", 1);
	fixture_reopen();
	ck_assert_int_eq(store_next_id(fx.store), 7001);
}
END_TEST

TCase *
rows_tests(void)
{
	TCase *tcase = tcase_create("rows");

	tcase_add_checked_fixture(tcase, fixture_virtual, fixture_fini);
	tcase_add_loop_test(tcase, what_is_written_comes_back, 0,
	    (int)ARRAY_LEN(stories));
	tcase_add_test(tcase, a_sink_without_members_gets_nothing);
	tcase_add_test(tcase, ids_go_on_after_a_restart_and_are_never_reused);
	return tcase;
}
