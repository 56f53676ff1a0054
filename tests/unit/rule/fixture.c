/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/rule/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "base/attr.h"
#include "base/diag.h"
#include "base/hash.h"
#include "loop/loop.h"
#include "loop/worker.h"
#include "net/xfer.h"
#include "rule/kind.h"
#include "store/store.h"
#include "unit/source/decode_write.h"

#define START      INT64_C(1763621047000000000)
#define ALERTS_MAX 32
#define OFFSET_S   7 /* from the first slot to the start */

struct world world;

static uint32_t queue_max = 64;
static const char *sources = "sources: [{name: prom, type: prometheus, url: 'http://prom:9090'}]\n";

static dur_t
reply(void *arg UNUSED, const struct xfer_request *request, struct xfer_response *response)
{
	if (strstr(request->url.p, "/api/v1/write") != NULL) {
		decode_write(buf_str(&request->body), &world.written);
		world.n_writes++;
	} else {
		world.n_queries++;
	}
	snprintf(world.last_url, sizeof(world.last_url), "%s", request->url.p);
	for (size_t i = 0; i < ARRAY_LEN(world.answers); i++) {
		if (world.answers[i].match == NULL ||
		    strstr(request->url.p, world.answers[i].match) == NULL)
			continue;
		world.answers[i].n++;
		response->status = world.answers[i].status;
		response->body = str_from(world.answers[i].body);
		return world.answers[i].delay;
	}
	response->status = 200;
	response->body = STR(EMPTY);
	return DUR_MS(1);
}

static void
format(char *out, size_t size, const struct labels *labels)
{
	struct buf text = { 0 };

	if (labels != NULL)
		labels_format(labels, &text);
	snprintf(out, size, "%s", text.p != NULL ? text.p : "");
	buf_fini(&text);
}

static void
on_event(void *arg UNUSED, const struct rule_event *event)
{
	struct event *e = &world.events[world.n_events++];

	ck_assert_uint_lt(world.n_events, ARRAY_LEN(world.events));
	*e = (struct event){
		.change = event->change,
		.value = event->value,
		.starts_at = event->starts_at,
		.ends_at = event->ends_at,
		.now = event->now,
		.has_rule = event->rule != NULL,
	};
	format(e->labels, sizeof(e->labels), event->labels);
	format(e->annotations, sizeof(e->annotations), event->annotations);
	snprintf(e->url, sizeof(e->url), "%s", event->generator_url);
}

static void
write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", world.dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static struct config *
load(void)
{
	static const struct integration_kind *const none[] = { NULL };
	const struct rule_kind_schema *rules[64];
	const struct config_kinds kinds = { none, source_kinds, rules };
	struct diag *diag = diag_new();
	struct buf text = { 0 };
	struct config *config;
	char path[128];

	size_t n = 0;

	for (; rule_kind_schemas[n] != NULL; n++)
		rules[n] = rule_kind_schemas[n];
	if (rule_kind_of_tests != NULL)
		rules[n++] = rule_kind_of_tests->schema;
	rules[n] = NULL;
	snprintf(path, sizeof(path), "%s/tocsin.yml", world.dir);
	config = config_load(path, &kinds, diag);
	diag_print(diag, &text);
	ck_assert_msg(config != NULL, "%s", text.p);
	buf_fini(&text);
	diag_free(diag);
	return config;
}

static void
on_rule(void *arg UNUSED, int64_t id, struct str identity, struct str name)
{
	engine_restore_rule(world.engine, id, identity, name);
}

static void
on_rule_alert(void *arg UNUSED, const struct rule_alert_row *row)
{
	engine_restore_alert(world.engine, row);
}

static void
on_past_series(void *arg UNUSED, const struct past_series_row *row)
{
	engine_restore_past_series(world.engine, row);
}

static void
on_past_chunk(void *arg UNUSED, const struct past_chunk_row *row)
{
	engine_restore_past_chunk(world.engine, row);
}

/* The phase depends on the directory's random name; the tests do not. */
static wall_t
first_slot(const struct config *config)
{
	const struct rule_group_config *group = &config->groups[0];
	uint64_t h = fnv1a64(FNV1A64_INIT, group->file, strlen(group->file));

	h = fnv1a64(h, ";", 1);
	h = fnv1a64(h, group->name, strlen(group->name));
	return slot_at((wall_t){ START }, group->interval, h);
}

static void
start(bool with_store, wall_t now)
{
	struct store_options store_options = { .dir = world.dir };
	struct engine_options options = { .sink = { .event = on_event },
		.external_url = "http://tocsin:9093" };
	const struct store_sink sink = { .rule = on_rule,
		.rule_alert = on_rule_alert,
		.past_series = on_past_series,
		.past_chunk = on_past_chunk };
	struct config *config = load();
	struct err err = { 0 };

	if (!wall_is_set(now)) {
		world.start = first_slot(config);
		now = wall_add(world.start, DUR_S(OFFSET_S));
	}
	world.loop = loop_new_virtual(now);
	world.xfer = xfer_new_scripted(world.loop, reply, NULL);
	/* A virtual pool has room for as many more as it has threads. */
	world.workers = worker_pool_new(world.loop, "sql", 1, queue_max - 1);
	if (with_store) {
		world.store = store_open(&store_options, world.loop, &err);
		ck_assert_msg(world.store != NULL, "%s", err.text);
	}
	options.loop = world.loop;
	options.xfer = world.xfer;
	options.workers = world.workers;
	options.store = world.store;
	world.engine = engine_new(&options);
	if (with_store)
		ck_assert_msg(store_load(world.store, &sink, &err) == 0, "%s", err.text);
	ck_assert_msg(engine_apply(world.engine, config, &err) == 0, "%s", err.text);
	config_unref(config);
	engine_start(world.engine);
}

void
world_queue(uint32_t max)
{
	queue_max = max;
}

void
world_sources(const char *yaml)
{
	sources = yaml;
}

static void
write_config(const char *rules)
{
	char text[2048];

	snprintf(
	    text, sizeof(text), "%srule_files: [rules.yml]\nevaluation_interval: 30s\n", sources);
	write_file("tocsin.yml", text);
	write_file("rules.yml", rules);
}

void
world_open(const char *rules, bool with_store)
{
	world = (struct world){ 0 };
	snprintf(world.dir, sizeof(world.dir), "/tmp/tocsin-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(world.dir));
	write_config(rules);
	start(with_store, WALL_NONE);
}

static void
stop(void)
{
	engine_stop(world.engine);
	while (!engine_idle(world.engine))
		loop_turn(world.loop, DUR_S(1));
	engine_free(world.engine);
	xfer_free(world.xfer);
	worker_pool_free(world.workers);
	if (world.store != NULL)
		store_close(world.store);
	loop_free(world.loop);
	world.store = NULL;
}

void
world_close(void)
{
	static const char *const names[] = { "tocsin.yml", "rules.yml", "tocsin.db",
		"tocsin.db-wal", "tocsin.db-shm", "tocsin.lock", "lock", "drift.db", "drift.db-wal",
		"drift.db-shm" };
	char path[128];

	stop();
	buf_fini(&world.written);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", world.dir, names[i]);
		unlink(path);
	}
	ck_assert_int_eq(rmdir(world.dir), 0);
	sources = "sources: [{name: prom, type: prometheus, url: "
		  "'http://prom:9090'}]\n";
	ck_assert_msg(labels_live() == 0, "%zu label sets leaked", labels_live());
	ck_assert_msg(istr_live() == 0, "%zu strings leaked", istr_live());
}

/* The state in memory is never written on the way down, so that stopping is as
 * good as a crash. */
void
world_crash(dur_t down)
{
	wall_t now = wall_add(loop_now(world.loop), down);
	bool with_store = world.store != NULL;

	stop();
	start(with_store, now);
}

/* Nothing of the last turns reaches the disk, nothing is put away in good order. */
void
world_kill(dur_t down)
{
	store_set_failing(world.store, true);
	world_crash(down);
}

void
world_edit(const char *rules)
{
	write_config(rules);
}

void
world_reload(const char *rules)
{
	struct config *config;
	struct err err = { 0 };

	write_config(rules);
	config = load();
	ck_assert_msg(engine_apply(world.engine, config, &err) == 0, "%s", err.text);
	config_unref(config);
}

void
world_answer_status(const char *match, int status, const char *body)
{
	for (size_t i = 0; i < ARRAY_LEN(world.answers); i++) {
		if (world.answers[i].match != NULL && strcmp(world.answers[i].match, match) != 0)
			continue;
		world.answers[i].match = match;
		world.answers[i].body = body;
		world.answers[i].status = status;
		if (world.answers[i].delay.ns == 0)
			world.answers[i].delay = DUR_MS(1);
		return;
	}
	ck_abort_msg("too many answers");
}

void
world_answer(const char *match, const char *body)
{
	world_answer_status(match, 200, body);
}

void
world_delay(const char *match, dur_t delay)
{
	for (size_t i = 0; i < ARRAY_LEN(world.answers); i++)
		if (world.answers[i].match != NULL && strcmp(world.answers[i].match, match) == 0)
			world.answers[i].delay = delay;
}

uint32_t
world_asked(const char *match)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(world.answers); i++)
		if (world.answers[i].match != NULL && strcmp(world.answers[i].match, match) == 0) {
			n = world.answers[i].n;
			world.answers[i].n = 0;
		}
	return n;
}

void
world_until(int64_t seconds)
{
	wall_t until = wall_add(world.start, DUR_S(seconds));

	if (wall_before(loop_now(world.loop), until))
		loop_run_until(world.loop, until);
}

void
world_slot(int64_t k)
{
	dur_t interval = engine_config(world.engine)->groups[0].interval;
	wall_t until = wall_add(world.start, (dur_t){ k * interval.ns + interval.ns / 2 });

	if (wall_before(until, wall_add(loop_now(world.loop), DUR_MS(10))))
		until = wall_add(loop_now(world.loop), DUR_MS(10));
	loop_run_until(world.loop, until);
}

struct rule_view
world_rule(uint32_t group, uint32_t rule)
{
	struct rule_view view;

	engine_rule_view(world.engine, group, rule, &view);
	return view;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

const char *
world_alerts(uint32_t group, uint32_t rule)
{
	static char out[4096];
	static char texts[ALERTS_MAX][256];
	char labels[200];
	const struct rule_state *state = world_rule(group, rule).rule;
	const struct rule_alert *alert;
	uint32_t n = 0;

	for (uint32_t it = 0; (alert = rule_alert_next(state, &it)) != NULL;) {
		ck_assert_uint_lt(n, ALERTS_MAX);
		format(labels, sizeof(labels), alert->labels);
		snprintf(texts[n++], sizeof(texts[0]), "%s%s", alert_state_name(alert->times.state),
		    labels);
	}
	qsort(texts, n, sizeof(texts[0]), by_text);
	out[0] = '\0';
	for (uint32_t i = 0; i < n; i++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", i > 0 ? " " : "",
		    texts[i]);
	return out;
}

/* Absolute times depend on the directory's random name. */
const char *
world_written(void)
{
	static char out[8192];
	const char *p = world.written.n > 0 ? world.written.p : "", *end;
	size_t n = 0;

	out[0] = '\0';
	for (const char *at; (at = strstr(p, " @")) != NULL; p = end + 1) {
		int64_t ms;

		end = strchr(at, '\n');
		ck_assert(str_to_i64(str_make(at + 2, (size_t)(end - at) - 2), &ms));
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%.*s @%lld\n", (int)(at - p), p,
		    (long long)(ms - world.start.ns / 1000000));
		ck_assert_uint_lt(n, sizeof(out));
	}
	buf_clear(&world.written);
	return out;
}

const char *
world_events(void)
{
	static char out[4096];

	out[0] = '\0';
	for (uint32_t i = 0; i < world.n_events; i++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s%s", i > 0 ? " " : "",
		    world.events[i].change == ALERT_BECAME_FIRING ? "firing" : "resolved",
		    world.events[i].labels);
	world.n_events = 0;
	return out;
}

const char *
world_annotations(uint32_t group, uint32_t rule, uint32_t at)
{
	static char out[512];
	const struct rule_state *state = world_rule(group, rule).rule;
	const struct rule_alert *alert = NULL;
	struct labels *annotations;

	for (uint32_t it = 0; it <= at;) {
		alert = rule_alert_next(state, &it);
		ck_assert_ptr_nonnull(alert);
	}
	annotations = rule_alert_annotations(world.engine, state, alert);
	format(out, sizeof(out), annotations);
	labels_unref(annotations);
	return out;
}
