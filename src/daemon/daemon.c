/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a server: open, run, stop.
 *
 * Stopping is a path of its own, tested: no new slots and flushes, what is
 * being sent may finish within STOP_GRACE, then everything is freed and the
 * store commits and closes.  A second signal cuts the waiting short.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/audit.h"
#include "base/log.h"
#include "daemon/core.h"
#include "loop/clock.h"

#define STOP_GRACE DUR_S(10)
#define STOP_CHECK DUR_MS(20)

static void
on_stop_check(void *arg)
{
	struct core *core = arg;
	bool idle = engine_idle(core->engine) && notifier_idle(core->notifier);

	if (idle || !mono_before(loop_mono(core->loop), core->stop_deadline)) {
		loop_stop(core->loop);
		return;
	}
	loop_timer_set(core->loop, &core->stop_check, mono_add(loop_mono(core->loop), STOP_CHECK));
}

static void
begin_stop(struct core *core)
{
	core->stopping = true;
	core->state.ready = false;
	for (uint32_t i = 0; i < core->n_servers; i++)
		http_server_quiesce(core->servers[i]);
	engine_stop(core->engine);
	incidents_stop(core->incidents);
	notifier_stop(core->notifier);
	core->stop_deadline = mono_add(loop_mono(core->loop), STOP_GRACE);
	on_stop_check(core);
}

/* core_reload() logs what it found. */
static void
reload_on_signal(struct core *core, struct buf *text)
{
	if (core_reload(core, text) == 0)
		audit_note_as(&core->state, "", "signal", "config.reload", STR(""),
		    "configuration %s", core->config->hash);
	else
		audit_note_as(&core->state, "", "signal", "config.reload_failed", STR(""), "%s",
		    buf_str(text).p);
}

static void
on_signal(void *arg, int number)
{
	struct core *core = arg;
	struct buf text = { 0 };

	if (number == SIGHUP) {
		reload_on_signal(core, &text);
	} else if (core->stopping) {
		loop_stop(core->loop);
	} else {
		log_info("daemon", "stopping", LOG_INT("signal", number));
		begin_stop(core);
	}
	buf_fini(&text);
}

static void
print_findings(struct diag *diag)
{
	struct buf text = { 0 };

	diag_sort(diag);
	(isatty(STDERR_FILENO) ? diag_print : diag_print_brief)(diag, &text);
	if (text.n > 0)
		fputs(text.p, stderr);
	buf_fini(&text);
}

static bool
is_loopback(const char *address)
{
	return strncmp(address, "localhost:", 10) == 0 || strncmp(address, "127.", 4) == 0 ||
	       strncmp(address, "[::1]:", 6) == 0;
}

/* An API for everybody is fine on this machine, and what some want elsewhere. */
static void
warn_if_open(const struct core *core, const char *address)
{
	if (guard_is_open(core->web.guard) && !is_loopback(address))
		log_warn("web",
		    "whoever reaches this address may change everything: name users or tokens in "
		    "--web.config.file",
		    LOG_Z("on", address));
}

static void
log_listening(const struct core *core)
{
	for (uint32_t i = 0; i < core->n_servers; i++) {
		log_info("web", "listening", LOG_Z("on", core->options->listen[i]),
		    LOG_INT("port", http_server_port(core->servers[i])),
		    LOG_Z("url", core->external_url));
		warn_if_open(core, core->options->listen[i]);
	}
	log_info("daemon", "ready", LOG_INT("rules", core->config->n_rules),
	    LOG_INT("sources", core->config->n_sources),
	    LOG_INT("alerts", alerts_count(core->alerts)));
}

int
daemon_run(const struct daemon_options *options)
{
	static const int signals[] = { SIGHUP, SIGTERM, SIGINT, 0 };
	struct core core = { 0 };
	struct diag *diag = diag_new();
	struct err err = { 0 };
	int rc;

	log_set_clock(clock_wall);
	core.loop = loop_new();
	timer_init(&core.stop_check, on_stop_check, &core);
	rc = loop_signals(core.loop, signals, on_signal, &core, &err);
	if (rc == 0)
		rc = core_open(&core, options, diag, &err);
	print_findings(diag);
	diag_free(diag);
	if (rc == 0) {
		core_start(&core);
		log_listening(&core);
		loop_run(core.loop);
		log_info("daemon", "stopped");
	} else {
		log_error("daemon", "cannot start", LOG_Z("err", err.text));
	}
	core_close(&core);
	loop_timer_stop(core.loop, &core.stop_check);
	loop_free(core.loop);
	return rc == 0 ? 0 : 1;
}
