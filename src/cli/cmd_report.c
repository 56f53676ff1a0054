/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin report noise: which rules cry wolf, which never speak, which say not what to do. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "cli/args.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/why_print.h"

struct report_args {
	struct remote remote;
	const char *since;
};

static void
put_percent(struct buf *out, json_object *share)
{
	buf_printf(out, "%.0f %%", json_object_get_double(share) * 100);
}

static void
put_median(struct buf *out, json_object *seconds)
{
	char text[DURATION_TEXT_MAX];

	if (seconds == NULL) {
		buf_puts(out, "-");
		return;
	}
	duration_format(DUR_S(json_object_get_int64(seconds)), text);
	buf_puts(out, text);
}

static void
print_rule(struct table *table, json_object *rule)
{
	struct buf cells[5] = { { 0 } };
	bool exists = json_object_get_boolean(member(rule, "exists"));

	text_put_plain(&cells[0], member_text(rule, "rule"));
	buf_puts(&cells[0], exists ? "" : " (no rule here)");
	put_median(&cells[1], member(rule, "medianSeconds"));
	put_percent(&cells[2], member(rule, "under5m"));
	put_percent(&cells[3], member(rule, "acked"));
	put_percent(&cells[4], member(rule, "muted"));
	table_row(table, (const char *const[]){
			     cells[0].p,
			     member_text(rule, "fires"),
			     cells[1].p,
			     cells[2].p,
			     cells[3].p,
			     cells[4].p,
			 });
	for (size_t i = 0; i < 5; i++)
		buf_fini(&cells[i]);
}

static void
print_names(const char *what, json_object *names)
{
	size_t n = names != NULL ? json_object_array_length(names) : 0;
	struct buf line = { 0 };

	if (n == 0)
		return;
	buf_printf(&line, "\n%s (%zu):", what, n);
	for (size_t i = 0; i < n; i++) {
		buf_putc(&line, ' ');
		text_put_plain(&line, json_object_get_string(json_object_array_get_idx(names, i)));
	}
	puts(line.p);
	buf_fini(&line);
}

static void
print_flappers(json_object *flappers)
{
	size_t n = flappers != NULL ? json_object_array_length(flappers) : 0;

	if (n > 0)
		puts("\nBegan most often:");
	for (size_t i = 0; i < n; i++) {
		json_object *flapper = json_object_array_get_idx(flappers, i);
		struct buf line = { 0 };

		buf_printf(&line, "  %s times  ", member_text(flapper, "fires"));
		text_put_plain(&line, member_text(flapper, "rule"));
		buf_printf(&line, "  [%s]", member_text(flapper, "fingerprint"));
		puts(line.p);
		buf_fini(&line);
	}
}

static void
print_report(json_object *answer)
{
	static const char *const headers[] = { "RULE", "FIRES", "MEDIAN", "UNDER 5M", "ACKED",
		"MUTED" };
	struct table *table = table_new(headers, 6);
	json_object *rules = member(answer, "rules");
	size_t n = rules != NULL ? json_object_array_length(rules) : 0;

	for (size_t i = 0; i < n; i++)
		print_rule(table, json_object_array_get_idx(rules, i));
	table_print(table);
	table_free(table);
	print_flappers(member(answer, "flappers"));
	print_names("Never pending or firing", member(answer, "neverMatched"));
	print_names("Without runbook_url", member(answer, "noRunbook"));
	printf("\nThe history reaches back to %s (see --storage.retention).\n",
	    member_text(answer, "historyFrom")[0] != '\0' ? member_text(answer, "historyFrom")
							  : "now");
	if (json_object_get_boolean(member(answer, "truncated")))
		puts("There is more than could be summed up: give a later --since.");
}

static int
noise(const struct report_args *args)
{
	struct buf path = { 0 };

	if (remote_path_since(&path, "/api/tocsin/v1/report/noise", args->since) < 0)
		return EXIT_USAGE;
	int code = remote_show(&args->remote, path.p, print_report);
	buf_fini(&path);
	return code;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct report_args args = { .since = "30d" };
	const struct arg_option options[] = {
		{ .name = "since",
		    .metavar = "TIME",
		    .value = &args.since,
		    .doc = "RFC 3339, or 7d for the last week (default 30d)" },
		REMOTE_OPTIONS(args.remote),
		{ .name = NULL },
	};
	struct arg_words words;
	int stop;

	stop = remote_take(command, &args.remote, options, argc, argv, &words);
	if (stop != ARGS_GO_ON)
		return stop;
	if (words.n != 1 || strcmp(words.items[0], "noise") != 0)
		return args_usage_error(command, "give the report's name: noise");
	return noise(&args);
}

const struct command cmd_report = {
	.name = "report",
	.summary = "Reports: which rules are noisy, silent, or say not what to do.",
	.usage = "report noise [OPTION...]",
	.run = run,
};
