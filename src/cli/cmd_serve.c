/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin serve: the server. Flags in Alertmanager's spelling, so that its unit files keep working.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/log.h"
#include "cli/args.h"
#include "daemon/daemon.h"
#include "net/server.h"

struct serve_args {
	const char *config, *storage, *external_url, *route_prefix, *web_config;
	const char *level, *format, *retention;
	struct arg_list listen, ignored;
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
	return EXIT_OK;
}

static int
serve(const struct command *command, const struct serve_args *args)
{
	const char *listen[ARGS_MANY_MAX + 1] = { "localhost:9093" };
	struct err err = { 0 };
	dur_t retention;

	if (set_log(command, args) != EXIT_OK)
		return EXIT_USAGE;
	if (duration_parse(str_from(args->retention), &retention, &err) < 0)
		return args_usage_error(command, "--data.retention: %s", err.text);
	for (uint32_t i = 0; i < args->listen.n; i++) {
		listen[i] = args->listen.items[i];
		if (http_server_address_check(listen[i], &err) < 0)
			return args_usage_error(command, "--web.listen-address: %s", err.text);
	}
	if (args->external_url != NULL && strncmp(args->external_url, "http://", 7) != 0 &&
	    strncmp(args->external_url, "https://", 8) != 0)
		return args_usage_error(command,
		    "--web.external-url=%s: give http://HOST/PATH or https://HOST/PATH",
		    args->external_url);
	if (args->ignored.n > 0)
		log_warn("daemon", "cluster flags have no effect: this is a single server",
		    LOG_INT("flags", args->ignored.n));
	return daemon_run(&(struct daemon_options){
	    .config_path = args->config,
	    .storage_path = args->storage,
	    .listen = listen,
	    .external_url = args->external_url,
	    .route_prefix = args->route_prefix,
	    .web_config_path = args->web_config,
	    .retention = retention,
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
		{ .name = "log.level", .metavar = "LEVEL", .value = &args.level, .doc = "debug, info, warn or error (default info)" },
		{ .name = "log.format", .metavar = "FORMAT", .value = &args.format, .doc = "logfmt or json (default logfmt)" },
		{ .name = "cluster.*", .metavar = "VALUE", .many = &args.ignored },
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
