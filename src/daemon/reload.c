/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new configuration beside the old one, swapped in whole or not at all.
 *
 * The engine comes first because it alone can refuse (a source that does not
 * open); what follows cannot fail.
 */
#include "config.h"

#include "base/log.h"
#include "daemon/core.h"

/* Alerts that are sources of the new rules must be known before the next flush. */
static struct inhibitor *
inhibitor_for(struct core *core, const struct config *config)
{
	struct inhibitor *inhibitor;
	struct alert *alert;

	if (core->inhibitor != NULL && inhibitor_adopt(core->inhibitor, config))
		return core->inhibitor;
	inhibitor = inhibitor_new(config);
	for (size_t it = 0; (alert = alerts_next(core->alerts, &it)) != NULL;)
		inhibitor_note(inhibitor, alert);
	return inhibitor;
}

int
core_apply(struct core *core, struct config *config, struct err *err)
{
	struct inhibitor *old_inhibitor = core->inhibitor;
	struct config *old = core->config;

	if (engine_apply(core->engine, config, err) < 0)
		return -(int)err->code;
	core->config = config_ref(config);
	core->inhibitor = inhibitor_for(core, config);
	notifier_apply(core->notifier, config, core->inhibitor);
	checkins_apply(core->checkins, config, loop_now(core->loop));
	pings_apply(core->pings, config);
	groups_apply(core->groups, config, loop_now(core->loop));
	core->state.config = config;
	core->state.inhibitor = core->inhibitor;
	if (old_inhibitor != core->inhibitor)
		inhibitor_free(old_inhibitor);
	config_unref(old);
	return 0;
}

/* Both or neither: what is before the API is read and checked first, and put in force last. */
static int
apply_with_web(struct core *core, struct config *config, struct buf *ret_text)
{
	struct web_change *change = NULL;
	struct err err = { 0 };

	if (web_read(&core->web, &change, ret_text) < 0)
		return -ERR_INVALID;
	if (core_apply(core, config, &err) < 0) {
		buf_puts(ret_text, err.text);
		web_change_free(change);
		return -(int)err.code;
	}
	web_commit(&core->web, change);
	return 0;
}

int
core_reload(void *arg, struct buf *ret_text)
{
	struct core *core = arg;
	struct diag *diag = diag_new();
	struct config *config = core_load(core->options->config_path, diag);
	int rc = 0;

	if (config == NULL) {
		diag_sort(diag);
		diag_print_brief(diag, ret_text);
		rc = -ERR_INVALID;
	} else {
		rc = apply_with_web(core, config, ret_text);
	}
	core->state.last_reload_ok = rc == 0;
	if (rc == 0) {
		core->state.reloads++;
		core->state.last_reload_at = loop_now(core->loop);
		log_info("config", "loaded", LOG_Z("file", core->options->config_path),
		    LOG_INT("rules", config->n_rules), LOG_INT("receivers", config->n_receivers));
	} else {
		core->state.reloads_failed++;
		log_error("config", "not loaded, the old one stays in force",
		    LOG_Z("file", core->options->config_path), LOG_STR("err", buf_str(ret_text)));
	}
	config_unref(config);
	diag_free(diag);
	return rc;
}
