/* SPDX-License-Identifier: Apache-2.0 */
/* /api/tocsin/v1/deliveries and /history. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/api/world.h"

#define D "/api/tocsin/v1/deliveries"
#define H "/api/tocsin/v1/history"

START_TEST(lists_what_was_delivered)
{
	must_post("[{'labels':{'alertname':'A','severity':'critical'}}]");
	world_advance(DUR_S(30));
	ck_assert_int_eq(ask("GET", D, NULL), 200);
	json_object *list = at(said_json(), "deliveries");
	ck_assert_uint_eq(json_object_array_length(list), 1);
	json_object *one = json_object_array_get_idx(list, 0);
	ck_assert_str_eq(text_at(one, "state"), "delivered");
	ck_assert_str_eq(text_at(one, "receiver"), "pager");
	ck_assert_str_eq(text_at(one, "integration"), "webhook[0]");
	ck_assert_str_eq(text_at(one, "groupKey"), "{}/{severity=\"critical\"}:{alertname=\"A\"}");
	ck_assert_str_eq(text_at(one, "reason"), "first notification");
	ck_assert_str_eq(text_at(one, "attempts"), "1");
	ck_assert_str_eq(text_at(one, "alerts"), "1");
	ck_assert_str_eq(text_at(one, "error"), "");
	ck_assert(at(one, "dueAt") == NULL && at(one, "finishedAt") != NULL);
	ck_assert_int_eq(strncmp(text_at(one, "createdAt"), "2023-11-14T22:13:2", 18), 0);
}
END_TEST

START_TEST(lists_what_waits_and_what_is_dead)
{
	w.receiver_status = 503;
	must_post("[{'labels':{'alertname':'A','severity':'critical'}}]");
	world_advance(DUR_S(3));
	ck_assert_int_eq(ask("GET", D "?state=pending", NULL), 200);
	json_object *one = at(said_json(), "deliveries.0");
	ck_assert_ptr_nonnull(at(one, "dueAt"));
	ck_assert_ptr_nonnull(strstr(text_at(one, "error"), "503"));
	ck_assert_int_eq(ask("GET", D "?state=dead", NULL), 200);
	ck_assert_str_eq(said(), "{\"deliveries\":[]}\n");
	w.receiver_status = 400;
	world_advance(DUR_S(60));
	ck_assert_int_eq(ask("GET", D "?state=dead&receiver=pager", NULL), 200);
	ck_assert_ptr_nonnull(strstr(text_at(said_json(), "deliveries.0.error"), "400"));
	ck_assert_int_eq(ask("GET", D "?state=dead&receiver=nobody", NULL), 200);
	ck_assert_str_eq(said(), "{\"deliveries\":[]}\n");
}
END_TEST

static const struct {
	const char *path, *says;
} bad[] = {
	{ D "?state=asleep", "state=asleep: give pending, sending, delivered, dead or cancelled" },
	{ D "?limit=many", "limit=many: give a number from 1 to 1000" },
	{ D "?limit=0", "limit=0: give a number from 1 to 1000" },
	{ D "?limit=1001", "limit=1001: give a number from 1 to 1000" },
	{ D "?before=-1", "before=-1: give the id of the last row of the page before" },
	{ H "?limit=-1", "limit=-1: give a number from 1 to 1000" },
	{ H "?since=whenever", "since=whenever: give 2026-11-20T06:00:00Z or unix seconds" },
	{ H "?until=NaN", "until=NaN: give 2026-11-20T06:00:00Z or unix seconds" },
	{ H "?before=x", "before=x: give the id of the last row of the page before" },
};

START_TEST(says_what_is_wrong_with_a_parameter)
{
	ck_assert_int_eq(ask("GET", bad[_i].path, NULL), 400);
	ck_assert_str_eq(text_at(said_json(), "message"), bad[_i].says);
}
END_TEST

/* One event a second: kinds by turns, label i of its number, but every 500th is rare. */
static void
add_events(int n)
{
	struct arena *arena = arena_new(0);
	struct labels_builder builder;
	struct err err;
	char number[16];

	for (int i = 0; i < n; i++) {
		struct buf encoded = { 0 };
		labels_builder_init(&builder, arena);
		(void)snprintf(number, sizeof(number), "%d", i);
		labels_builder_set(&builder, STR("i"), str_from(number));
		labels_builder_set(
		    &builder, STR("alertname"), i % 500 == 3 ? STR("Rare") : STR("Often"));
		struct labels *labels = labels_intern(&builder, &err);
		labels_encode(labels, &encoded);
		store_history_add(
		    w.state.store, &(struct history_row){
				       .at = wall_add(WORLD_START, DUR_S(i)),
				       .kind = i % 2 == 0 ? STR("firing") : STR("resolved"),
				       .labels = buf_str(&encoded),
				       .value = i == 0 ? (double)NAN : 1.5,
				       .subject = STR("rule <x>"),
				       .detail = STR("because"),
				   });
		buf_fini(&encoded);
		labels_unref(labels);
		arena_reset(arena);
	}
	arena_free(arena);
	(void)loop_turn(w.loop, DUR_MS(0));
	(void)loop_turn(w.loop, DUR_MS(0));
}

START_TEST(tells_what_happened_newest_first)
{
	add_events(3);
	ck_assert_int_eq(ask("GET", H, NULL), 200);
	json_object *events = at(said_json(), "events");
	ck_assert_str_eq(names_of(events, "i"), "2 1 0");
	ck_assert_str_eq(text_at(events, "0.kind"), "firing");
	ck_assert_str_eq(text_at(events, "0.at"), "2023-11-14T22:13:22.000Z");
	ck_assert_str_eq(text_at(events, "0.value"), "1.5");
	ck_assert_str_eq(text_at(events, "0.subject"), "rule <x>");
	ck_assert_str_eq(text_at(events, "0.detail"), "because");
	ck_assert_ptr_null(at(events, "2.value")); /* null: there is none */
}
END_TEST

static const struct {
	const char *query, *events;
} selections[] = {
	{ "?limit=2", "9 8" },
	{ "?kind=resolved", "9 7 5 3 1" },
	{ "?kind=firing&limit=1", "8" },
	{ "?since=2023-11-14T22:13:28Z", "9 8" },
	{ "?since=1700000008", "9 8" },
	{ "?until=1700000002", "1 0" },
	{ "?since=1700000002&until=1700000004", "3 2" },
	{ "?filter=i=4", "4" },
	{ "?filter=i=~%22[45]%22&limit=1", "5" },
	{ "?filter=alertname=Rare", "3" },
	{ "?filter=alertname=Nobody", "" },
	{ "?since=&kind=&before=&limit=", "9 8 7 6 5 4 3 2 1 0" },
};

START_TEST(parameters_select_events)
{
	char path[200];

	add_events(10);
	(void)snprintf(path, sizeof(path), H "%s", selections[_i].query);
	ck_assert_int_eq(ask("GET", path, NULL), 200);
	ck_assert_msg(strcmp(names_of(at(said_json(), "events"), "i"), selections[_i].events) == 0,
	    "%s: %s", path, said());
}
END_TEST

START_TEST(pages_go_on_where_the_one_before_ended)
{
	char path[200];

	add_events(5);
	ck_assert_int_eq(ask("GET", H "?limit=2", NULL), 200);
	(void)snprintf(
	    path, sizeof(path), H "?limit=2&before=%s", text_at(said_json(), "events.1.id"));
	ck_assert_int_eq(ask("GET", path, NULL), 200);
	ck_assert_str_eq(names_of(at(said_json(), "events"), "i"), "2 1");
}
END_TEST

START_TEST(a_filter_looks_past_the_first_page)
{
	add_events(2600);
	ck_assert_int_eq(ask("GET", H "?filter=alertname=Rare", NULL), 200);
	ck_assert_str_eq(names_of(at(said_json(), "events"), "i"), "2503 2003 1503 1003 503 3");
	ck_assert_int_eq(ask("GET", H "?filter=alertname=Rare&limit=2", NULL), 200);
	ck_assert_str_eq(names_of(at(said_json(), "events"), "i"), "2503 2003");
}
END_TEST

START_TEST(a_listing_outlives_its_call)
{
	static const char *const paths[] = { D, H };
	add_events(3);
	struct http_call *call = ask_only("GET", paths[_i], NULL);

	/* As at a shutdown: the server is gone before the rows are read. */
	api_free(w.api);
	w.api = api_new(&w.state);
	http_call_fake_free(call);
	w.call = NULL;
	for (int i = 0; i < 5; i++)
		(void)loop_turn(w.loop, DUR_MS(0));
	ck_assert_int_eq(ask("GET", paths[_i], NULL), 200);
}
END_TEST

TCase *
listing_tests(void)
{
	TCase *tc = tcase_create("listings");

	tcase_add_checked_fixture(tc, world_open, world_close);
	tcase_add_test(tc, lists_what_was_delivered);
	tcase_add_test(tc, lists_what_waits_and_what_is_dead);
	tcase_add_loop_test(tc, says_what_is_wrong_with_a_parameter, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(tc, tells_what_happened_newest_first);
	tcase_add_loop_test(tc, parameters_select_events, 0, (int)ARRAY_LEN(selections));
	tcase_add_test(tc, pages_go_on_where_the_one_before_ended);
	tcase_add_test(tc, a_filter_looks_past_the_first_page);
	tcase_add_loop_test(tc, a_listing_outlives_its_call, 0, 2);
	return tc;
}
