/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the rooms in the order of their dependence and wires them:
 *
 *   engine --event--> alerts --put--> inhibitor, groups --flush--> notifier
 *
 * What one turn changes on that way is one transaction of the store.
 */
#include "config.h"

#include "daemon/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/audit.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "net/xfer.h"
#include "notify/decision.h"
#include "receiver/receiver.h"
#include "rule/kind.h"
#include "source/source.h"

#define SQL_WORKERS     4
#define SQL_QUEUE_MAX   4096
#define UPKEEP_INTERVAL DUR_S(60)
#define BODY_BYTES_MAX  (8u << 20)

const struct config_kinds *
core_kinds(void)
{
	static struct config_kinds kinds;

	kinds.integrations = receiver_kinds;
	kinds.sources = source_kinds;
	kinds.rules = rule_kind_schemas;
	return &kinds;
}

/* External labels are added where the alert lacks them, as Prometheus' notifier does. */
static struct labels *
with_external_labels(const struct core *core, struct labels *labels, struct arena *arena)
{
	const struct labels *external = core->config->external_labels;
	struct labels_builder builder;
	struct err err;

	if (external == NULL || external->n == 0)
		return labels_ref(labels);
	labels_builder_init(&builder, arena);
	for (uint32_t i = 0; i < external->n; i++)
		labels_builder_set(
		    &builder, istr_str(external->l[i].name), istr_str(external->l[i].value));
	for (uint32_t i = 0; i < labels->n; i++)
		labels_builder_set(
		    &builder, istr_str(labels->l[i].name), istr_str(labels->l[i].value));
	struct labels *all = labels_intern(&builder, &err);
	return all != NULL ? all
			   : labels_ref(labels); /* over LABELS_MAX: the rule's own matter more */
}

static void
on_rule_event(void *arg, const struct rule_event *event)
{
	struct core *core = arg;
	struct arena *arena = arena_new(0);
	struct labels *labels = with_external_labels(core, event->labels, arena);
	struct alert *known = alerts_find(core->alerts, labels);
	struct alert_update update = {
		.labels = labels,
		.annotations = event->annotations,
		.generator_url = str_from(event->generator_url),
		.starts_at = event->starts_at,
		.ends_at = event->change == ALERT_BECAME_RESOLVED ? event->ends_at : WALL_MAX,
		.flags = ALERT_FROM_RULE,
	};

	if (event->change != ALERT_BECAME_RESOLVED)
		alerts_put(core->alerts, &update, event->now, NULL);
	else if (known != NULL)
		alerts_resolve(core->alerts, known, event->ends_at, event->now);
	labels_unref(labels);
	arena_free(arena);
}

static void
on_alert_put(void *arg, struct alert *alert, enum alert_put_result result, wall_t now)
{
	struct core *core = arg;

	if (core->inhibitor != NULL)
		inhibitor_note(core->inhibitor, alert);
	groups_on_alert(core->groups, alert, result, now);
}

static void
on_alert_gone(void *arg, struct alert *alert)
{
	struct core *core = arg;

	if (core->inhibitor != NULL)
		inhibitor_forget(core->inhibitor, alert);
}

static bool
group_exists(void *arg, struct str group_key)
{
	const struct core *core = arg;

	return groups_find(core->groups, group_key) != NULL;
}

static void
on_upkeep(void *arg)
{
	struct core *core = arg;
	wall_t now = loop_now(core->loop);

	alerts_gc(core->alerts, now);
	mono_t begun = loop_mono_exact(core->loop);

	silences_gc(core->silences, now, core->options->retention);
	core->state.silences_gcs++;
	core->state.silences_gc_seconds +=
	    dur_seconds(mono_since(loop_mono_exact(core->loop), begun));
	incidents_gc(core->incidents, now);
	overrides_gc(core->overrides, now);
	receipts_gc(core->receipts, now);
	store_prune(core->store, now);
	store_check(core->store);
	if (dur_less(UPKEEP_INTERVAL, mono_since(loop_mono(core->loop), core->opened)))
		decisions_prune(notifier_decisions(core->notifier), group_exists, core, now);
	loop_timer_set(core->loop, &core->upkeep, mono_add(loop_mono(core->loop), UPKEEP_INTERVAL));
}

static void
start_groups(struct core *core, wall_t now)
{
	groups_start(core->groups, now);
	incidents_start(core->incidents);
}

/* Senders have had the time to say again what fires: the groups may be told. */
static void
on_start_delay(void *arg)
{
	struct core *core = arg;

	if (!core->stopping)
		start_groups(core, loop_now(core->loop));
}

/* The first listener's address, as people reach it. */
static char *
default_external_url(const struct core *core)
{
	const char *address = core->options->listen[0];
	const char *colon = strrchr(address, ':');
	size_t n = colon != NULL ? (size_t)(colon - address) : strlen(address);
	struct buf buf = { 0 };
	char host[256] = "localhost";

	if (n == 0 || strncmp(address, "0.0.0.0", n) == 0 || strncmp(address, "[::]", n) == 0)
		(void)gethostname(host, sizeof(host) - 1);
	else
		snprintf(host, sizeof(host), "%.*s", (int)n, address);
	buf_printf(&buf, "%s://%s:%u", core->web.tls != NULL ? "https" : "http", host,
	    http_server_port(core->servers[0]));
	return buf_take(&buf);
}

static char *
without_slash(const char *url)
{
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		n--;
	return xmemdup0(url, n);
}

static enum role
role_needed(void *arg, const struct http_call *call)
{
	const struct core *core = arg;

	return api_role_needed(core->api, call);
}

/* Who guesses leaves a trace; the disk being full is no reason to let him. */
static void
on_login_failed(void *arg, const char *peer, const char *user, bool throttled)
{
	struct core *core = arg;

	audit_note_as(&core->state, "", peer, throttled ? "login.throttled" : "login.failed",
	    str_from(user), "%s", user[0] == '\0' ? "no such user or token" : "wrong password");
}

static void
hook_guard(struct core *core)
{
	guard_hook(core->web.guard, &(struct guard_hooks){
					.arg = core,
					.needed = role_needed,
					.failed = on_login_failed,
				    });
}

static int
open_servers(struct core *core, struct err *err)
{
	static const struct http_limits limits = { .body_bytes_max = BODY_BYTES_MAX };
	const char *const *address = core->options->listen;
	struct http_gate gate = web_gate(&core->web);

	for (; *address != NULL; address++) {
		if (core->n_servers == LISTENERS_MAX)
			return err_set(
			    err, ERR_LIMIT, "more than %d --web.listen-address", LISTENERS_MAX);
		struct http_server *server = http_server_new_gated(
		    core->loop, *address, &limits, &gate, api_handle, core->api, err);
		if (server == NULL)
			return -(int)err->code;
		core->servers[core->n_servers++] = server;
	}
	return 0;
}

static void
open_rooms(struct core *core)
{
	uint64_t seed = (uint64_t)loop_now(core->loop).ns;

	core->alerts = alerts_new(core->store);
	core->silences = silences_new(core->store);
	core->engine = engine_new(&(struct engine_options){
	    .loop = core->loop,
	    .xfer = core->xfer,
	    .workers = core->workers,
	    .store = core->store,
	    .sink = { .arg = core, .event = on_rule_event },
	    .external_url = core->external_url,
	});
	core->overrides = overrides_new(core->store);
	core->receipts = receipts_new(core->store);
	core->incidents = incidents_new(core->loop, core->store, core->overrides);
	core->notifier = notifier_new(&(struct notifier_options){
	    .loop = core->loop,
	    .xfer = core->xfer,
	    .store = core->store,
	    .alerts = core->alerts,
	    .silences = core->silences,
	    .incidents = core->incidents,
	    .link_key = str_make((const char *)core->link_key, sizeof(core->link_key)),
	    .external_url = core->external_url,
	    .seed = seed,
	    .receiver_names = core->options->receiver_names,
	});
	core->groups = groups_new(core->loop, core->store, core->alerts,
	    &(struct groups_hooks){
		.arg = core->notifier,
		.flush = notifier_flush,
		.group_gone = notifier_group_gone,
	    });
	core->checkins = checkins_new(core->loop, core->store, core->alerts);
	core->pings = pings_new(&(struct pings_options){
	    .loop = core->loop,
	    .xfer = core->xfer,
	    .trouble = core_trouble,
	    .arg = core,
	});
	alerts_subscribe(core->alerts, on_alert_put, on_alert_gone, core);
	timer_init(&core->upkeep, on_upkeep, core);
	timer_init(&core->start_delay, on_start_delay, core);
}

struct config *
core_load(const char *path, struct diag *diag)
{
	struct config *config = config_load(path, core_kinds(), diag);

	if (config != NULL)
		core_check_queries(config, false, diag);
	return config;
}

static int
open_store(struct core *core, struct err *err)
{
	const struct store_options options = {
		.dir = core->options->storage_path,
		.retention = core->options->retention,
		.audit_retention = core->options->audit_retention,
	};

	core->store = store_open(&options, core->loop, err);
	return core->store != NULL ? 0 : err_wrap(err, "storage");
}

static void
fill_state(struct core *core)
{
	core->state = (struct api_state){
		.loop = core->loop,
		.server = core->servers[0],
		.guard = core->web.guard,
		.limits = core->options->limits,
		.external_url = core->external_url,
		.route_prefix = core->route_prefix,
		.store = core->store,
		.alerts = core->alerts,
		.silences = core->silences,
		.groups = core->groups,
		.notifier = core->notifier,
		.checkins = core->checkins,
		.pings = core->pings,
		.incidents = core->incidents,
		.overrides = core->overrides,
		.receipts = core->receipts,
		.link_key = str_make((const char *)core->link_key, sizeof(core->link_key)),
		.engine = core->engine,
		.xfer = core->xfer,
		.started_at = loop_now(core->loop),
		.last_reload_at = loop_now(core->loop),
		.last_reload_ok = true,
		.reload = core_reload,
		.reload_arg = core,
	};
}

/* The address is needed for links in messages before the rooms that make them exist. */
static int
open_network(struct core *core, struct err *err)
{
	if (core->xfer == NULL)
		core->xfer = xfer_new(core->loop, NULL);
	core->workers = worker_pool_new(core->loop, "sql", SQL_WORKERS, SQL_QUEUE_MAX);
	core->api = api_new(&core->state);
	hook_guard(core);
	if (open_servers(core, err) < 0)
		return -(int)err->code;
	core->external_url = core->options->external_url != NULL
				 ? without_slash(core->options->external_url)
				 : default_external_url(core);
	guard_set_home(core->web.guard, core->external_url);
	core->route_prefix =
	    web_route_prefix(core->options->route_prefix, core->options->external_url);
	return 0;
}

static int
open_web(struct core *core, struct err *err)
{
	struct buf findings = { 0 };
	int rc = web_open(&core->web, core->loop, core->options->web_config_path, &findings);

	if (rc < 0) {
		fputs(findings.p != NULL ? findings.p : "", stderr);
		err_set(err, ERR_INVALID, "web configuration %s", core->options->web_config_path);
	}
	buf_fini(&findings);
	return rc;
}

int
core_open(
    struct core *core, const struct daemon_options *options, struct diag *diag, struct err *err)
{
	struct config *config = core_load(options->config_path, diag);

	core->options = options;
	if (config == NULL)
		return err_set(err, ERR_INVALID, "configuration %s", options->config_path);
	int rc = open_web(core, err);
	if (rc == 0)
		rc = open_store(core, err);
	if (rc == 0)
		rc = open_network(core, err);
	if (rc == 0) {
		open_rooms(core);
		fill_state(core);
		rc = core_restore(core, err);
	}
	if (rc == 0)
		core_keep_link_key(core);
	if (rc == 0)
		rc = core_apply(core, config, err);
	config_unref(config);
	return rc;
}

void
core_start(struct core *core)
{
	wall_t now = loop_now(core->loop);

	core->opened = loop_mono(core->loop);
	incidents_attach(core->incidents, core->groups);
	notifier_start(core->notifier, now);
	if (core->options->start_delay.ns > 0)
		loop_timer_set(core->loop, &core->start_delay,
		    mono_add(loop_mono(core->loop), core->options->start_delay));
	else
		start_groups(core, now);
	engine_start(core->engine);
	checkins_start(core->checkins, now);
	pings_start(core->pings);
	on_upkeep(core);
	core->state.ready = true;
}

/* Queries under way end with "cancelled", soon. */
static void
close_engine(struct core *core)
{
	if (core->engine == NULL)
		return;
	engine_stop(core->engine);
	while (!engine_idle(core->engine))
		loop_turn(core->loop, DUR_MS(100));
	engine_free(core->engine);
}

void
core_close(struct core *core)
{
	loop_timer_stop(core->loop, &core->upkeep);
	loop_timer_stop(core->loop, &core->start_delay);
	web_close(&core->web);
	for (uint32_t i = 0; i < core->n_servers; i++)
		http_server_free(core->servers[i]);
	web_free(&core->web);
	api_free(core->api);
	close_engine(core);
	pings_free(core->pings);
	checkins_free(core->checkins);
	groups_free(core->groups);
	notifier_free(core->notifier);
	incidents_free(core->incidents);
	overrides_free(core->overrides);
	receipts_free(core->receipts);
	inhibitor_free(core->inhibitor);
	silences_free(core->silences);
	alerts_free(core->alerts);
	if (core->xfer != NULL)
		xfer_free(core->xfer);
	if (core->workers != NULL)
		worker_pool_free(core->workers);
	if (core->store != NULL)
		store_close(core->store);
	config_unref(core->config);
	free(core->external_url);
	free(core->route_prefix);
}
