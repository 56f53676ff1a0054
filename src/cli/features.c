/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --enable-feature: the names that Alertmanager knows.  Two choose how
 * matchers are read, one adds a label to metrics; the others have no meaning
 * here, which the log says.
 */
#include "config.h"

#include "cli/features.h"

#include <string.h>

#include "base/log.h"
#include "labels/matcher.h"

#define RECEIVER_NAMES "receiver-name-in-metrics"

static const struct {
	const char *name, *why; /* why: it has no effect; NULL: it has one */
	enum matcher_mode mode;
} features[] = {
	{ "utf8-strict-mode", NULL, MATCHER_UTF8 },
	{ "classic-mode", NULL, MATCHER_CLASSIC },
	{ RECEIVER_NAMES, NULL, MATCHER_FALLBACK },
	{ "alert-names-in-metrics", "the log names alerts that are dropped", MATCHER_FALLBACK },
	{ "group-key-in-metrics", "there is no such metric", MATCHER_FALLBACK },
	{ "auto-gomemlimit", "there is no such runtime", MATCHER_FALLBACK },
	{ "auto-gomaxprocs", "there is no such runtime", MATCHER_FALLBACK },
	{ "event-recorder", "tocsin history shows what happened", MATCHER_FALLBACK },
};

struct chosen {
	enum matcher_mode mode;
	struct features *features;
};

static int
enable(const struct command *command, struct str name, struct chosen *chosen)
{
	size_t i = 0;

	while (i < ARRAY_LEN(features) && !str_is(name, features[i].name))
		i++;
	if (i == ARRAY_LEN(features))
		return args_usage_error(
		    command, "--enable-feature: there is no feature '%.*s'", STR_ARG(name));
	if (features[i].why != NULL) {
		log_info("daemon", "feature has no effect", LOG_STR("feature", name),
		    LOG_Z("why", features[i].why));
		return EXIT_OK;
	}
	if (str_is(name, RECEIVER_NAMES)) {
		chosen->features->receiver_names = true;
		return EXIT_OK;
	}
	if (chosen->mode != MATCHER_FALLBACK && chosen->mode != features[i].mode)
		return args_usage_error(command,
		    "--enable-feature: classic-mode and utf8-strict-mode exclude each other");
	chosen->mode = features[i].mode;
	return EXIT_OK;
}

int
features_enable(const struct command *command, const struct arg_list *enabled,
    struct features *ret)
{
	struct chosen chosen = { MATCHER_FALLBACK, ret };

	for (uint32_t i = 0; i < enabled->n; i++)
		for (const char *p = enabled->items[i]; *p != '\0';) {
			size_t n = strcspn(p, ",");
			if (n > 0 && enable(command, str_make(p, n), &chosen) != EXIT_OK)
				return EXIT_USAGE;
			p += n + (p[n] == ',');
		}
	matcher_mode_set(chosen.mode);
	return EXIT_OK;
}
