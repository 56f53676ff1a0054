/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explanations as the server gives them, one line for each thing that applies.
 *
 * Of several alerts that fit each is shown; what comes from the history says
 * so, since the present may differ.
 */
#include "config.h"

#include "cli/alert_explain.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/alert_search.h"
#include "cli/text.h"
#include "loop/clock.h"

static const struct {
	const char *name, *title;
} parts[] = {
	{ "method", "method" },
	{ "value", "value" },
	{ "threshold", "threshold" },
	{ "baseline", "baseline" },
	{ "low", "expected from" },
	{ "high", "expected to" },
	{ "n_reference", "reference points" },
	{ "n_current", "current points" },
	{ "statistic", "statistic" },
	{ "p_value", "p value" },
	{ "effect", "effect" },
	{ "window", "window" },
};

static void
print_line(const char *title, const char *text)
{
	struct buf plain = { 0 };

	if (*text == '\0')
		return;
	text_put_plain(&plain, text);
	printf("  %-17s %s\n", title, plain.p);
	buf_fini(&plain);
}

static void
print_time(const char *title, const char *timestamp)
{
	struct buf line = { 0 };

	if (*timestamp == '\0')
		return;
	buf_printf(&line, "%s (", timestamp);
	text_put_ago(&line, timestamp, clock_wall());
	buf_putc(&line, ')');
	print_line(title, line.p);
	buf_fini(&line);
}

/* What the kind has besides: a line for each member. */
static void
print_detail(json_object *detail)
{
	if (!json_object_is_type(detail, json_type_object))
		return;
	json_object_object_foreach(detail, name, value)
	{
		print_line(
		    name, json_object_is_type(value, json_type_string)
			      ? json_object_get_string(value)
			      : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
	}
}

static void
print_one(json_object *answer)
{
	json_object *explain = member(answer, "explain");
	struct buf labels = { 0 }, title = { 0 };

	text_put_labels(&labels, member(answer, "labels"), NULL);
	text_put_plain(&title, member_text(answer, "rule"));
	buf_printf(&title, " %s: ", member_text(answer, "state"));
	text_put_plain(&title, member_text(explain, "text"));
	puts(buf_str(&title).p);
	buf_fini(&title);
	print_line("labels", buf_str(&labels).p);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		print_line(parts[i].title, member_text(explain, parts[i].name));
	print_detail(member(explain, "detail"));
	print_line("query", member_text(answer, "query"));
	print_time("as of", member_text(answer, "at"));
	print_time("since", member_text(answer, "activeAt"));
	if (strcmp(member_text(answer, "from"), "history") == 0)
		print_line("from", "the history: what was said at its last transition");
	buf_fini(&labels);
}

static int
print_all(const struct remote *remote, const struct alert_search *search)
{
	json_object *all = json_object_new_array();
	int code = EXIT_OK;

	for (uint32_t i = 0; i < search->n && code == EXIT_OK; i++) {
		json_object *answer = NULL;
		struct buf path = { 0 };

		buf_printf(&path, "/api/tocsin/v1/alerts/%s/explain", search->found[i]);
		code = remote_call(remote, "GET", path.p, NULL, &answer);
		buf_fini(&path);
		if (code == EXIT_OK && !remote_wants_json(remote)) {
			if (i > 0)
				putchar('\n');
			print_one(answer);
		}
		json_object_array_add(all, answer);
	}
	if (code == EXIT_OK && remote_wants_json(remote))
		remote_print_json(all);
	else if (code == EXIT_OK && search->more > 0)
		printf("\n%u more fit: give a fingerprint, or more matchers\n", search->more);
	json_object_put(all);
	return code;
}

int
alert_explain(
    const struct command *command, const struct remote *remote, const struct arg_words *words)
{
	struct alert_search search = { .n = 0 };
	int code = EXIT_OK;

	if (words->n < 2)
		return args_usage_error(command, "explain: give an alert's name or fingerprint");
	if (words->n == 2 && alert_is_fingerprint(words->items[1])) {
		alert_search_found(&search, words->items[1]);
	} else {
		code = alert_search_firing(remote, words, 1, &search);
		/* What is pending is only there. */
		if (code == EXIT_OK && search.n == 0)
			code = alert_search_history(remote, words, 1, NULL, &search);
	}
	if (code == EXIT_OK && search.n == 0) {
		fprintf(stderr, "tocsin alert explain: no such alert is known\n");
		return EXIT_NO;
	}
	return code == EXIT_OK ? print_all(remote, &search) : code;
}
