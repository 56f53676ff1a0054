/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tocsin why: why somebody was, or was not, told of an alert.
 *
 * The alert is named by its fingerprint, by its name, or by matchers.  What
 * fires is asked first; if nothing fits, the history is searched for what did.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "cli/alert_search.h"
#include "cli/args.h"
#include "cli/remote.h"
#include "cli/text.h"
#include "cli/why_print.h"
#include "loop/clock.h"

struct why_args {
	struct remote remote;
	const char *at, *since;
};

static json_object *
ask_decisions(const struct why_args *args, const char *fingerprint, int *code)
{
	json_object *answer = NULL;
	struct buf path = { 0 };

	buf_printf(&path, "/api/tocsin/v1/alerts/%s/decisions?limit=200", fingerprint);
	if (args->at != NULL)
		remote_add_param(&path, "at", args->at);
	if (args->since != NULL)
		remote_add_param(&path, "since", args->since);
	*code = remote_call(&args->remote, "GET", path.p, NULL, &answer);
	buf_fini(&path);
	return answer;
}

/* The rules that bear the name of what was asked for; nothing if there are none. */
static int
put_rules(
    const struct why_args *args, const struct arg_words *words, struct buf *out, wall_t now)
{
	json_object *answer = NULL;
	struct buf path = { 0 };
	int code = EXIT_OK;
	bool any = false;

	buf_puts(&path, "/api/v1/rules?exclude_alerts=true&type=alert");
	for (uint32_t i = 0; i < words->n; i++) {
		if (strpbrk(words->items[i], "=~{") == NULL &&
		    !alert_is_fingerprint(words->items[i])) {
			remote_add_param(&path, "rule_name[]", words->items[i]);
			any = true;
		}
	}
	if (any)
		code = remote_call(&args->remote, "GET", path.p, NULL, &answer);
	why_put_rules(out, member(member(answer, "data"), "groups"), now);
	json_object_put(answer);
	buf_fini(&path);
	return code;
}

static void
put_words(struct buf *out, const struct arg_words *words)
{
	for (uint32_t i = 0; i < words->n; i++) {
		buf_putc(out, ' ');
		text_put_plain(out, words->items[i]);
	}
}

static int
explain(const struct why_args *args, const struct alert_search *search, wall_t at, wall_t now,
    struct buf *out)
{
	json_object *all = json_object_new_array();
	int code = EXIT_OK;

	for (uint32_t i = 0; i < search->n && code == EXIT_OK; i++) {
		json_object *answer = ask_decisions(args, search->found[i], &code);

		if (code == EXIT_OK && i > 0)
			buf_putc(out, '\n');
		if (code == EXIT_OK)
			why_put_alert(out, answer, at, now);
		json_object_array_add(all, answer);
	}
	if (search->more > 0)
		buf_printf(out, "\n%u more fit: give more matchers, or a fingerprint\n",
		    search->more);
	if (code == EXIT_OK && remote_wants_json(&args->remote))
		remote_print_json(all);
	json_object_put(all);
	return code;
}

static int
why(const struct why_args *args, const struct arg_words *words, wall_t at)
{
	struct alert_search search = { .n = 0 };
	wall_t now = clock_wall();
	struct buf out = { 0 };
	int code = EXIT_OK;

	if (words->n == 1 && alert_is_fingerprint(words->items[0]))
		alert_search_found(&search, words->items[0]);
	else if (!wall_is_set(at))
		code = alert_search_firing(&args->remote, words, 0, &search);
	if (code == EXIT_OK && search.n == 0) {
		buf_puts(&out, wall_is_set(at) ? "" : "No such alert fires now:");
		if (!wall_is_set(at)) {
			put_words(&out, words);
			buf_putc(&out, '\n');
		}
		code = alert_search_history(&args->remote, words, 0, args->at, &search);
	}
	if (code == EXIT_OK)
		code = put_rules(args, words, &out, now);
	if (code == EXIT_OK && search.n == 0) {
		buf_puts(&out, "No such alert is known in the time that is kept:");
		put_words(&out, words);
		buf_putc(&out, '\n');
	}
	if (code == EXIT_OK)
		code = explain(args, &search, at, now, &out);
	if (code == EXIT_OK && !remote_wants_json(&args->remote))
		fputs(buf_str(&out).p, stdout);
	buf_fini(&out);
	return code == EXIT_OK && search.n == 0 ? EXIT_NO : code;
}

static int
run(const struct command *command, int argc, char **argv)
{
	char at_text[TIMESTAMP_TEXT_MAX], since_text[TIMESTAMP_TEXT_MAX];
	struct why_args args = { 0 };
	const struct arg_option options[] = {
		{ .name = "at",
		    .metavar = "TIME",
		    .value = &args.at,
		    .doc = "as it was then: RFC 3339, or 2h for two hours ago (default now)" },
		{ .name = "since",
		    .metavar = "TIME",
		    .value = &args.since,
		    .doc = "only what was decided since then (default all that is kept)" },
		REMOTE_OPTIONS(args.remote),
		{ .name = NULL },
	};
	struct arg_words words;
	wall_t at = WALL_NONE, since;
	int stop;

	stop = remote_take(command, &args.remote, options, argc, argv, &words);
	if (stop != ARGS_GO_ON)
		return stop;
	if (words.n == 0)
		return args_usage_error(command, "give an alert's name, fingerprint or matchers");
	if (args.at != NULL && text_parse_time(args.at, clock_wall(), &at) < 0)
		return EXIT_USAGE;
	if (args.since != NULL && text_parse_time(args.since, clock_wall(), &since) < 0)
		return EXIT_USAGE;
	if (args.at != NULL)
		args.at = timestamp_format_ns(at, at_text);
	if (args.since != NULL)
		args.since = timestamp_format_ns(since, since_text);
	return why(&args, &words, at);
}

const struct command cmd_why = {
	.name = "why",
	.summary = "Says why somebody was, or was not, told of an alert.",
	.usage = "why [OPTION...] ALERTNAME|FINGERPRINT|MATCHER...",
	.run = run,
};
