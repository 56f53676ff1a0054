/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin serve: the server. Flags in Alertmanager's spelling, so that its unit files keep working.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/features.h"
#include "daemon/daemon.h"
#include "loop/clock.h"
#include "net/server.h"

/* Flags of Alertmanager that have no meaning here: taken, and said so in the log. */
static const struct {
	const char *name, *why;
} noted[] = {
	{ "cluster.*", "this is a single server" },
	{ "data.maintenance-interval", "state is written as it changes" },
	{ "alerts.gc-interval", "alerts end when nobody needs them" },
	{ "dispatch.maintenance-interval", "groups end when they are empty" },
	{ "web.timeout", "no request waits for another" },
	{ "web.ui-path", "the page is part of the program" },
	{ "auto-gomemlimit.ratio", "there is no such runtime" },
};

struct serve_args {
	const char *config, *storage, *external_url, *route_prefix, *web_config;
	const char *level, *format, *retention, *audit_retention, *start_delay;
	const char *max_silences, *max_silence_bytes, *per_alertname, *get_concurrency;
	struct arg_list listen, enabled, ignored[ARRAY_LEN(noted)];
	bool insecure_discovery, log_silences;
};

static int
set_log(const struct command *command, const struct serve_args *args)
{
	enum log_level level;
	enum log_format format;

	if (!log_level_from(str_from(args->level), &level))
		return args_usage_error(
		    command, "--log.level=%s: give debug, info, warn or error", args->level);
	if (!log_format_from(str_from(args->format), &format))
		return args_usage_error(
		    command, "--log.format=%s: give logfmt or json", args->format);
	log_configure(level, format);
	log_set_clock(clock_wall);
	return EXIT_OK;
}

/* NULL or negative: 0, no limit. */
static int
read_limit(const struct command *command, const char *name, const char *text, uint32_t *ret)
{
	int64_t n = 0;

	if (text != NULL && (!str_to_i64(str_from(text), &n) || n > UINT32_MAX))
		return args_usage_error(command, "--%s=%s: give a number", name, text);
	*ret = n > 0 ? (uint32_t)n : 0;
	return EXIT_OK;
}

static int
read_limits(const struct command *command, const struct serve_args *args, struct api_limits *ret)
{
	const struct {
		const char *name, *text;
		uint32_t *value;
	} limits[] = {
		{ "silences.max-silences", args->max_silences, &ret->silences },
		{ "silences.max-silence-size-bytes", args->max_silence_bytes, &ret->silence_bytes },
		{ "alerts.per-alertname-limit", args->per_alertname, &ret->alerts_per_name },
		{ "web.get-concurrency", args->get_concurrency, &ret->gets },
	};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (read_limit(command, limits[i].name, limits[i].text, limits[i].value) != EXIT_OK)
			return EXIT_USAGE;
	return EXIT_OK;
}

static void
note_ignored(const struct serve_args *args)
{
	for (size_t i = 0; i < ARRAY_LEN(noted); i++)
		if (args->ignored[i].n > 0)
			log_info("daemon", "flag has no effect", LOG_Z("flag", noted[i].name),
			    LOG_Z("why", noted[i].why));
	if (args->insecure_discovery)
		log_info("daemon", "flag has no effect", LOG_Z("flag", "cluster.*"),
		    LOG_Z("why", noted[0].why));
	if (args->log_silences)
		log_info("daemon", "flag has no effect", LOG_Z("flag", "log.silences"),
		    LOG_Z("why", "tocsin history shows silences"));
}

/* False: said what is wrong. */
static bool
addresses_are_good(
    const struct command *command, const struct serve_args *args, const char **ret_listen)
{
	struct err err = { 0 };

	for (uint32_t i = 0; i < args->listen.n; i++) {
		ret_listen[i] = args->listen.items[i];
		if (http_server_address_check(ret_listen[i], &err) == 0)
			continue;
		args_usage_error(command, "--web.listen-address: %s", err.text);
		return false;
	}
	if (args->external_url != NULL && strncmp(args->external_url, "http://", 7) != 0 &&
	    strncmp(args->external_url, "https://", 8) != 0) {
		args_usage_error(command,
		    "--web.external-url=%s: give http://HOST/PATH or https://HOST/PATH",
		    args->external_url);
		return false;
	}
	return true;
}

static int
serve(const struct command *command, const struct serve_args *args)
{
	const char *listen[ARGS_MANY_MAX + 1] = { "localhost:9093" };
	struct features features = { 0 };
	struct api_limits limits;
	struct err err = { 0 };
	dur_t retention, audit_retention, start_delay;

	if (set_log(command, args) != EXIT_OK)
		return EXIT_USAGE;
	if (duration_parse(str_from(args->retention), &retention, &err) < 0)
		return args_usage_error(command, "--data.retention: %s", err.text);
	if (duration_parse(str_from(args->audit_retention), &audit_retention, &err) < 0)
		return args_usage_error(command, "--audit.retention: %s", err.text);
	if (duration_parse(str_from(args->start_delay), &start_delay, &err) < 0)
		return args_usage_error(command, "--dispatch.start-delay: %s", err.text);
	if (!addresses_are_good(command, args, listen) ||
	    read_limits(command, args, &limits) != EXIT_OK ||
	    features_enable(command, &args->enabled, &features) != EXIT_OK)
		return EXIT_USAGE;
	note_ignored(args);
	return daemon_run(&(struct daemon_options){
	    .config_path = args->config,
	    .storage_path = args->storage,
	    .listen = listen,
	    .external_url = args->external_url,
	    .route_prefix = args->route_prefix,
	    .web_config_path = args->web_config,
	    .retention = retention,
	    .audit_retention = audit_retention,
	    .start_delay = start_delay,
	    .receiver_names = features.receiver_names,
	    .limits = limits,
	});
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct serve_args args = {
		.config = "tocsin.yml",
		.storage = "data/",
		.level = "info",
		.format = "logfmt",
		.retention = "120h",
		.audit_retention = "90d",
		.start_delay = "0s",
	};
	/* clang-format off */
	const struct arg_option options[] = {
		{ .name = "config.file", .metavar = "FILE", .value = &args.config, .doc = "configuration (default tocsin.yml)" },
		{ .name = "storage.path", .metavar = "DIR", .value = &args.storage, .doc = "where state is kept (default data/)" },
		{ .name = "web.listen-address", .metavar = "HOST:PORT", .many = &args.listen, .doc = "repeatable (default localhost:9093)" },
		{ .name = "web.external-url", .metavar = "URL", .value = &args.external_url, .doc = "how people reach this server; used in links" },
		{ .name = "web.route-prefix", .metavar = "PATH", .value = &args.route_prefix, .doc = "path of every endpoint (default the path of --web.external-url)" },
		{ .name = "web.config.file", .metavar = "FILE", .value = &args.web_config, .doc = "TLS, users and headers of this server, in Prometheus' format" },
		{ .name = "data.retention", .metavar = "DURATION", .value = &args.retention, .doc = "of history and expired silences (default 120h)" },
		{ .name = "audit.retention", .metavar = "DURATION", .value = &args.audit_retention, .doc = "of who changed what (default 90d)" },
		{ .name = "dispatch.start-delay", .metavar = "DURATION", .value = &args.start_delay, .doc = "no receiver is told anything before (default 0s)" },
		{ .name = "silences.max-silences", .metavar = "N", .value = &args.max_silences, .doc = "kept, the expired too (default 0: no limit)" },
		{ .name = "silences.max-silence-size-bytes", .metavar = "N", .value = &args.max_silence_bytes, .doc = "matchers, comment and author (default 0: no limit)" },
		{ .name = "silences.max-per-silence-bytes", .metavar = "N", .value = &args.max_silence_bytes }, /* of 0.27 */
		{ .name = "alerts.per-alertname-limit", .metavar = "N", .value = &args.per_alertname, .doc = "firing alerts of one name, more are dropped (default 0: all)" },
		{ .name = "web.get-concurrency", .metavar = "N", .value = &args.get_concurrency, .doc = "lists of alerts under way, more are refused (default 0: all)" },
		{ .name = "enable-feature", .metavar = "NAME,...", .many = &args.enabled, .doc = FEATURES_DOC },
		{ .name = "log.level", .metavar = "LEVEL", .value = &args.level, .doc = "debug, info, warn or error (default info)" },
		{ .name = "log.format", .metavar = "FORMAT", .value = &args.format, .doc = "logfmt or json (default logfmt)" },
		{ .name = "log.silences", .flag = &args.log_silences },
		{ .name = "cluster.allow-insecure-public-advertise-address-discovery", .flag = &args.insecure_discovery },
		{ .name = noted[0].name, .metavar = "VALUE", .many = &args.ignored[0] },
		{ .name = noted[1].name, .metavar = "VALUE", .many = &args.ignored[1] },
		{ .name = noted[2].name, .metavar = "VALUE", .many = &args.ignored[2] },
		{ .name = noted[3].name, .metavar = "VALUE", .many = &args.ignored[3] },
		{ .name = noted[4].name, .metavar = "VALUE", .many = &args.ignored[4] },
		{ .name = noted[5].name, .metavar = "VALUE", .many = &args.ignored[5] },
		{ .name = noted[6].name, .metavar = "VALUE", .many = &args.ignored[6] },
		{ .name = NULL },
	};
	/* clang-format on */
	struct arg_words words;

	switch (args_parse(command, options, argc, argv, &words)) {
	case ARGS_HELP_SHOWN:
		return EXIT_OK;
	case ARGS_BAD:
		return EXIT_USAGE;
	case ARGS_OK:
		break;
	}
	if (words.n > 0)
		return args_usage_error(command, "takes no words, got '%s'", words.items[0]);
	return serve(command, &args);
}

const struct command cmd_serve = {
	.name = "serve",
	.summary = "Runs the server: evaluates, routes, notifies, answers the API.",
	.usage = "serve [OPTION...]",
	.run = run,
};
