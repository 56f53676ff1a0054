/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin schema: the JSON Schemas of the two YAML formats and the OpenAPI document, from the tables
 * the program uses. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/buf.h"
#include "cli/args.h"
#include "daemon/core.h"
#include "daemon/web_config.h"

static int
run(const struct command *command, int argc, char **argv)
{
	static const struct arg_option options[] = { { .name = NULL } };
	struct arg_words words;
	int stop;
	struct buf text = { 0 };

	if ((stop = args_take(command, options, argc, argv, &words)) != ARGS_GO_ON)
		return stop;
	const char *which = words.n == 1 ? words.items[0] : "";
	if (strcmp(which, "manual") == 0) {
		config_put_manual(core_kinds(), &text);
		web_config_put_manual(&text);
	} else if (strcmp(which, "web") == 0) {
		web_config_put_json_schema(&text);
	} else if (strcmp(which, "config") == 0 || strcmp(which, "rules") == 0) {
		config_put_json_schema(core_kinds(), which[0] == 'r', &text);
	} else if (strcmp(which, "openapi") == 0) {
		api_put_openapi(&text);
	} else {
		return args_usage_error(
		    command, "say which: config, rules, web, openapi or manual");
	}
	fwrite(text.p, 1, text.n, stdout);
	buf_fini(&text);
	return EXIT_OK;
}

const struct command cmd_schema = {
	.name = "schema",
	.summary =
	    "Prints the JSON Schema of a YAML file, the OpenAPI document, or a table of all keys.",
	.usage = "schema config|rules|web|openapi|manual",
	.run = run,
};
