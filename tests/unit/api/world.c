/* SPDX-License-Identifier: Apache-2.0 */
/* Wired as src/daemon/core.c does it, without sockets and threads. */
#include "config.h"

#include "unit/api/world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json_tokener.h>

#include "base/xalloc.h"
#include "loop/worker.h"
#include "net/xfer.h"
#include "receiver/receiver.h"
#include "rule/kind.h"
#include "source/source.h"

struct world w;

static const char config_text[] = "global: {resolve_timeout: 5m}\n"
				  "route:\n"
				  "  receiver: default\n"
				  "  group_by: [alertname]\n"
				  "  group_wait: 1s\n"
				  "  group_interval: 5m\n"
				  "  repeat_interval: 4h\n"
				  "  routes:\n"
				  "  - matchers: [severity=\"critical\"]\n"
				  "    receiver: pager\n"
				  "    continue: true\n"
				  "  - matchers: [team=\"ml\"]\n"
				  "    receiver: pager\n"
				  "    group_by: ['...']\n"
				  "  - matchers: [team=\"late\"]\n"
				  "    receiver: pager\n"
				  "    mute_time_intervals: [weekends, tuesdays]\n"
				  "time_intervals:\n"
				  "- {name: weekends, time_intervals: "
				  "[{weekdays: [saturday, sunday]}]}\n"
				  "- {name: tuesdays, time_intervals: [{weekdays: [tuesday]}]}\n"
				  "receivers:\n"
				  "- name: default\n"
				  "- name: pager\n"
				  "  labels: {team: ml, a: 1}\n"
				  "  webhook_configs: [{url: 'http://pager.example/hook'}]\n"
				  "inhibit_rules:\n"
				  "- source_matchers: [severity=\"critical\"]\n"
				  "  target_matchers: [severity=\"warning\"]\n"
				  "  equal: [node]\n";

static const char on_call_text[] =
    "route: {receiver: all, group_by: [alertname], group_wait: 1s, escalation: one}\n"
    "escalation_policies: [{name: one, steps: [{notify: [all]}]}]\n"
    "receivers:\n"
    "- name: all\n"
    "  slack_configs:\n"
    "  - {app_token: xoxb-1, channel: '#ml', signing_secret: another}\n"
    "  - {app_token: xoxb-1, channel: '#ml', signing_secret: " SLACK_SECRET "}\n"
    "  pagerduty_configs:\n"
    "  - {routing_key: 0123456789abcdef, webhook_secret: '" PAGERDUTY_SECRET "'}\n";

static const char rules_config_text[] =
    "rule_files: [rules.yml]\n"
    "sources: [{name: prom, type: prometheus, url: 'http://prom.example'}]\n";

static const char *
path_of(const char *name)
{
	static char path[sizeof(w.dir) + 256];

	(void)snprintf(path, sizeof(path), "%s/%s", w.dir, name);
	return path;
}

static void
write_file(const char *name, const char *text, const char *more)
{
	FILE *file = fopen(path_of(name), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fprintf(file, "%s%s", text, more), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static dur_t
network(void *arg, const struct xfer_request *request, struct xfer_response *response)
{
	(void)arg;
	if (strstr(request->url.p, "prom.example") != NULL) {
		response->status = w.vector != NULL ? 200 : 500;
		response->body = str_from(w.vector != NULL ? w.vector : "out of order");
		response->content_type = STR("application/json");
	} else {
		response->status = w.receiver_status;
		if (strstr(request->url.p, "slack.com") != NULL)
			response->body = STR("{\"ok\":true,\"channel\":\"C1\",\"ts\":\"1.2\"}");
	}
	return DUR_MS(10);
}

static void
on_put(void *arg, struct alert *alert, enum alert_put_result result, wall_t now)
{
	(void)arg;
	if (w.state.inhibitor != NULL)
		inhibitor_note(w.state.inhibitor, alert);
	groups_on_alert(w.state.groups, alert, result, now);
}

static void
on_gone(void *arg, struct alert *alert)
{
	(void)arg;
	if (w.state.inhibitor != NULL)
		inhibitor_forget(w.state.inhibitor, alert);
}

static void
on_rule_event(void *arg, const struct rule_event *event)
{
	struct alert_update update = {
		.labels = event->labels,
		.annotations = event->annotations,
		.generator_url = str_from(event->generator_url),
		.starts_at = event->starts_at,
		.ends_at = WALL_MAX,
		.flags = ALERT_FROM_RULE,
	};
	struct alert *known = alerts_find(w.state.alerts, event->labels);

	(void)arg;
	if (event->change != ALERT_BECAME_RESOLVED)
		(void)alerts_put(w.state.alerts, &update, event->now, NULL);
	else if (known != NULL)
		alerts_resolve(w.state.alerts, known, event->ends_at, event->now);
}

static int
on_reload(void *arg, struct buf *ret_text)
{
	(void)arg;
	w.reloads++;
	if (w.reload_code != 0)
		buf_puts(ret_text, "tocsin.yml:1:2: error: 'this' is wrong");
	return w.reload_code;
}

static void
load_config(void)
{
	static struct config_kinds kinds;
	struct diag *diag = diag_new();
	struct buf text = { 0 };

	kinds.integrations = receiver_kinds;
	kinds.sources = source_kinds;
	kinds.rules = rule_kind_schemas;
	w.config = config_load(path_of("tocsin.yml"), &kinds, diag);
	diag_print(diag, &text);
	ck_assert_msg(w.config != NULL, "%s", buf_str(&text).p);
	buf_fini(&text);
	diag_free(diag);
}

static void
open_rooms(void)
{
	struct api_state *s = &w.state;

	s->alerts = alerts_new(s->store);
	s->silences = silences_new(s->store);
	s->engine = engine_new(&(struct engine_options){
	    .loop = w.loop,
	    .xfer = w.xfer,
	    .workers = w.workers,
	    .store = s->store,
	    .sink = { .event = on_rule_event },
	    .external_url = s->external_url,
	});
	s->link_key = STR(LINK_KEY);
	s->overrides = overrides_new(s->store);
	s->receipts = receipts_new(s->store);
	s->incidents = incidents_new(w.loop, s->store, s->overrides);
	s->notifier = notifier_new(&(struct notifier_options){
	    .loop = w.loop,
	    .xfer = w.xfer,
	    .store = s->store,
	    .alerts = s->alerts,
	    .silences = s->silences,
	    .incidents = s->incidents,
	    .external_url = s->external_url,
	    .seed = 1,
	});
	s->groups = groups_new(w.loop, s->store, s->alerts,
	    &(struct groups_hooks){
		.arg = s->notifier,
		.flush = notifier_flush,
		.group_gone = notifier_group_gone,
	    });
	alerts_subscribe(s->alerts, on_put, on_gone, NULL);
}

static void
restore_incident(void *arg, const struct incident_row *row)
{
	(void)arg;
	incidents_restore(w.state.incidents, row);
}

static void
restore_policy(void *arg, struct str digest, struct str body)
{
	(void)arg;
	incidents_restore_policy(w.state.incidents, digest, body);
}

static void
restore_receipt(void *arg, struct str key, wall_t expires_at)
{
	(void)arg;
	receipts_restore(w.state.receipts, key, expires_at);
}

static void
restore_group(void *arg, const struct group_row *row)
{
	(void)arg;
	groups_restore(w.state.groups, row);
}

static void
restore_alert(void *arg, const struct alert_row *row)
{
	(void)arg;
	ck_assert_ptr_nonnull(alerts_restore(w.state.alerts, row, loop_now(w.loop)));
}

static void
restore_silence(void *arg, const struct silence_row *row)
{
	struct err err = { 0 };

	(void)arg;
	ck_assert_msg(silences_restore(w.state.silences, row, &err) == 0, "%s", err.text);
}

static void
open_state(wall_t now)
{
	const struct store_sink sink = {
		.alert = restore_alert,
		.silence = restore_silence,
		.group = restore_group,
		.incident = restore_incident,
		.policy = restore_policy,
		.receipt = restore_receipt,
	};
	struct err err = { 0 };

	w.loop = loop_new_virtual(now);
	w.xfer = xfer_new_scripted(w.loop, network, NULL);
	w.workers = worker_pool_new(w.loop, "sql", 1, 16);
	w.receiver_status = 200;
	load_config();
	w.state = (struct api_state){
		.loop = w.loop,
		.config = w.config,
		.xfer = w.xfer,
		.external_url = "http://tocsin.example",
		.started_at = now,
		.last_reload_at = now,
		.last_reload_ok = true,
		.ready = true,
		.reload = on_reload,
	};
	w.state.store = store_open(&(struct store_options){ .dir = w.dir }, w.loop, &err);
	ck_assert_msg(w.state.store != NULL, "%s", err.text);
	open_rooms();
	ck_assert_msg(store_load(w.state.store, &sink, &err) == 0, "%s", err.text);
	ck_assert_msg(engine_apply(w.state.engine, w.config, &err) == 0, "%s", err.text);
	w.state.inhibitor = inhibitor_new(w.config);
	notifier_apply(w.state.notifier, w.config, w.state.inhibitor);
	groups_apply(w.state.groups, w.config, now);
	incidents_attach(w.state.incidents, w.state.groups);
	notifier_start(w.state.notifier, now);
	groups_start(w.state.groups, now);
	incidents_start(w.state.incidents);
	engine_start(w.state.engine);
	w.api = api_new(&w.state);
}

static void
close_state(void)
{
	http_call_fake_free(w.call);
	w.call = NULL;
	api_free(w.api);
	/* A group's phase comes from the directory's name: a rule may be under evaluation. */
	engine_stop(w.state.engine);
	while (!engine_idle(w.state.engine))
		(void)loop_turn(w.loop, DUR_S(1));
	engine_free(w.state.engine);
	groups_free(w.state.groups);
	notifier_free(w.state.notifier);
	incidents_free(w.state.incidents);
	overrides_free(w.state.overrides);
	receipts_free(w.state.receipts);
	inhibitor_free(w.state.inhibitor);
	silences_free(w.state.silences);
	alerts_free(w.state.alerts);
	xfer_free(w.xfer);
	worker_pool_free(w.workers);
	store_close(w.state.store);
	config_unref(w.config);
	loop_free(w.loop);
}

static void
make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	w = (struct world){ 0 };
	(void)snprintf(w.dir, sizeof(w.dir), "%s/tocsin-api-XXXXXX", tmp != NULL ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(w.dir));
}

void
world_open_on_call(void)
{
	make_dir();
	write_file("tocsin.yml", on_call_text, "");
	open_state(WORLD_START);
}

void
world_open_with_rules(const char *rules)
{
	make_dir();
	write_file("tocsin.yml", config_text, rules != NULL ? rules_config_text : "");
	if (rules != NULL)
		write_file("rules.yml", rules, "");
	open_state(WORLD_START);
}

void
world_open(void)
{
	world_open_with_rules(NULL);
}

void
world_reload(const char *rules)
{
	struct config *old = w.config;
	struct err err = { 0 };

	write_file("rules.yml", rules, "");
	load_config();
	ck_assert_msg(engine_apply(w.state.engine, w.config, &err) == 0, "%s", err.text);
	w.state.config = w.config;
	struct inhibitor *inhibitor = inhibitor_new(w.config);
	notifier_apply(w.state.notifier, w.config, inhibitor);
	groups_apply(w.state.groups, w.config, loop_now(w.loop));
	inhibitor_free(w.state.inhibitor);
	w.state.inhibitor = inhibitor;
	config_unref(old);
}

void
world_restart(void)
{
	wall_t now = loop_now(w.loop);

	close_state();
	open_state(now);
}

void
world_close(void)
{
	struct dirent *entry;

	close_state();
	DIR *dir = opendir(w.dir);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlink(path_of(entry->d_name));
	(void)closedir(dir);
	ck_assert_int_eq(rmdir(w.dir), 0);
}

void
world_advance(dur_t d)
{
	loop_run_until(w.loop, wall_add(loop_now(w.loop), d));
}

/* --- asking ------------------------------------------------------------------ */

static struct http_call *
make_call(const char *method, const char *path, const char *type, const char *body)
{
	struct http_call *call = http_call_fake(method, path, str_from(body));

	if (type != NULL)
		http_call_fake_header(call, "Content-Type", type);
	return call;
}

struct http_call *
ask_only(const char *method, const char *path, const char *body)
{
	http_call_fake_free(w.call);
	w.call = make_call(method, path, body != NULL ? "application/json" : NULL, body);
	api_handle(w.api, w.call);
	return w.call;
}

static int
answer_of(const char *method, const char *path)
{
	api_handle(w.api, w.call);
	for (int i = 0; http_call_status(w.call) == 0 && i < 20; i++)
		(void)loop_turn(w.loop, DUR_MS(0));
	ck_assert_msg(http_call_status(w.call) != 0, "%s %s: no answer", method, path);
	return http_call_status(w.call);
}

int
ask_as(const char *method, const char *path, const char *content_type, const char *body)
{
	http_call_fake_free(w.call);
	w.call = make_call(method, path, content_type, body);
	return answer_of(method, path);
}

int
ask_with(const char *method, const char *path, const char *body, const char *const *headers)
{
	char name[64];

	http_call_fake_free(w.call);
	w.call = make_call(method, path, NULL, body);
	for (; *headers != NULL; headers++) {
		size_t n = strcspn(*headers, ":");

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, *headers);
		http_call_fake_header(w.call, name, *headers + n + 2);
	}
	return answer_of(method, path);
}

int
ask(const char *method, const char *path, const char *body)
{
	return ask_as(method, path, body != NULL ? "application/json" : NULL, body);
}

const char *
said(void)
{
	struct str text = http_call_answer(w.call);

	return text.n > 0 ? text.p : "";
}

const char *
header(const char *name)
{
	return http_call_answer_header(w.call, name);
}

json_object *
said_json(void)
{
	static json_object *kept;

	json_object_put(kept);
	kept = json_tokener_parse(said());
	ck_assert_msg(kept != NULL, "no JSON: %s", said());
	return kept;
}

json_object *
at(json_object *object, const char *path)
{
	char name[64];

	while (object != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");
		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		path += n + (path[n] == '.');
		json_object *next = NULL;
		int64_t index;
		if (json_object_is_type(object, json_type_array) &&
		    str_to_i64(str_from(name), &index))
			next = json_object_array_get_idx(object, (size_t)index);
		else if (json_object_is_type(object, json_type_object))
			json_object_object_get_ex(object, name, &next);
		object = next;
	}
	return object;
}

const char *
text_at(json_object *object, const char *path)
{
	json_object *value = at(object, path);

	return value != NULL ? json_object_get_string(value) : "";
}

const char *
names_of(json_object *alerts, const char *label)
{
	static char text[1024];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < json_object_array_length(alerts); i++) {
		json_object *alert = json_object_array_get_idx(alerts, i);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i > 0 ? " " : "",
		    text_at(at(alert, "labels"), label));
		ck_assert_uint_lt(n, sizeof(text));
	}
	return text;
}

const char *
quoted(const char *text)
{
	static char texts[2][16384];
	static int turn;
	char *out = texts[turn++ % 2];

	ck_assert_int_lt(snprintf(out, sizeof(texts[0]), "%s", text), (int)sizeof(texts[0]));
	for (char *c = out; *c != '\0'; c++)
		if (*c == '\'')
			*c = '"';
	return out;
}

void
must_post(const char *body)
{
	ck_assert_msg(ask("POST", "/api/v2/alerts", quoted(body)) == 200, "%s: %s", body, said());
}

const char *
must_silence(const char *name, const char *value)
{
	static char id[40];
	char body[512];

	(void)snprintf(body, sizeof(body),
	    "{'matchers':[{'name':'%s','value':'%s','isRegex':false}],"
	    "'startsAt':'2023-11-14T22:00:00Z','endsAt':'2023-11-15T22:00:00Z',"
	    "'createdBy':'me','comment':'why'}",
	    name, value);
	ck_assert_msg(ask("POST", "/api/v2/silences", quoted(body)) == 200, "%s", said());
	(void)snprintf(id, sizeof(id), "%s", text_at(said_json(), "silenceID"));
	return id;
}
