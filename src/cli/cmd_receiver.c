/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin receiver: how receivers are doing, and a message to try one with. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/why_print.h"
#include "loop/clock.h"
#include "net/xfer.h"

static void
put_circuit(struct buf *out, json_object *circuit)
{
	const char *state = member_text(circuit, "state");

	if (strcmp(state, "closed") != 0) {
		buf_puts(out, strcmp(state, "open") == 0 ? "DOWN since " : "DOWN, trying, since ");
		text_put_ago(out, member_text(circuit, "openedAt"), clock_wall());
		if (json_object_get_boolean(member(circuit, "fallbackActive")))
			buf_puts(out, ", fallback is told");
	} else if (json_object_get_int(member(circuit, "failures")) > 0) {
		buf_printf(out, "%s failed in a row", member_text(circuit, "failures"));
	} else {
		buf_puts(out, "ok");
	}
}

static void
put_budget(struct buf *out, json_object *budget)
{
	if (json_object_is_type(budget, json_type_object))
		buf_printf(out, "%s per %ss, %s wait", member_text(budget, "n"),
		    member_text(budget, "interval"), member_text(budget, "waiting"));
}

static void
print_integration(struct table *table, json_object *integration)
{
	json_object *circuit = member(integration, "circuit");
	struct buf state = { 0 }, budget = { 0 }, error = { 0 };

	put_circuit(&state, circuit);
	put_budget(&budget, member(integration, "budget"));
	text_put_plain(&error, member_text(circuit, "error"));
	table_row(table, (const char *const[]){
			     member_text(integration, "target"),
			     buf_str(&state).p,
			     member_text(integration, "delivered"),
			     member_text(integration, "retries"),
			     member_text(integration, "dead"),
			     buf_str(&budget).p,
			     buf_str(&error).p,
			 });
	buf_fini(&state);
	buf_fini(&budget);
	buf_fini(&error);
}

static void
print_receivers(json_object *answer)
{
	static const char *const headers[] = { "RECEIVER", "STATE", "DELIVERED", "RETRIES", "DEAD",
		"BUDGET", "ERROR" };
	json_object *receivers = member(answer, "receivers");
	struct table *table = table_new(headers, 7);
	size_t n = receivers != NULL ? json_object_array_length(receivers) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *receiver = json_object_array_get_idx(receivers, i);
		json_object *integrations = member(receiver, "integrations");
		size_t m = integrations != NULL ? json_object_array_length(integrations) : 0;

		for (size_t k = 0; k < m; k++)
			print_integration(table, json_object_array_get_idx(integrations, k));
		if (m == 0)
			table_row(table, (const char *const[]){ member_text(receiver, "name"),
					     "tells nobody", "", "", "", "", "" });
	}
	table_print(table);
	table_free(table);
}

static int
list(const struct remote *remote)
{
	return remote_show(remote, "/api/tocsin/v1/receivers", print_receivers);
}

/* EXIT_NO when one of them did not take it. */
static int
print_results(json_object *results)
{
	static const char *const headers[] = { "INTEGRATION", "OUTCOME", "STATUS", "TOOK",
		"ANSWER" };
	struct table *table = table_new(headers, 5);
	size_t n = results != NULL ? json_object_array_length(results) : 0;
	int code = n > 0 ? EXIT_OK : EXIT_NO;

	for (size_t i = 0; i < n; i++) {
		json_object *result = json_object_array_get_idx(results, i);
		struct buf took = { 0 }, text = { 0 };

		buf_printf(&took, "%.0f ms",
		    json_object_get_double(member(result, "seconds")) * 1000);
		text_put_plain(&text, member_text(result, "text"));
		table_row(table, (const char *const[]){
				     member_text(result, "target"),
				     member_text(result, "outcome"),
				     member_text(result, "status"),
				     buf_str(&took).p,
				     buf_str(&text).p,
				 });
		if (strcmp(member_text(result, "outcome"), "delivered") != 0)
			code = EXIT_NO;
		buf_fini(&took);
		buf_fini(&text);
	}
	table_print(table);
	table_free(table);
	return code;
}

static int
test(const struct remote *remote, const char *name)
{
	json_object *answer = NULL;
	struct buf path = { 0 };
	int code;

	buf_puts(&path, "/api/tocsin/v1/receivers/");
	url_escape(&path, str_from(name));
	buf_puts(&path, "/test");
	code = remote_call(remote, "POST", path.p, NULL, &answer);
	if (code == EXIT_OK && remote_wants_json(remote))
		remote_print_json(answer);
	else if (code == EXIT_OK)
		code = print_results(member(answer, "results"));
	json_object_put(answer);
	buf_fini(&path);
	return code;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct remote remote = { 0 };
	const struct arg_option options[] = { REMOTE_OPTIONS(remote), { .name = NULL } };
	struct arg_words words;
	int stop;

	stop = remote_take(command, &remote, options, argc, argv, &words);
	if (stop != ARGS_GO_ON)
		return stop;
	if (words.n == 0 || (words.n == 1 && strcmp(words.items[0], "list") == 0))
		return list(&remote);
	if (words.n == 2 && strcmp(words.items[0], "test") == 0)
		return test(&remote, words.items[1]);
	return args_usage_error(command, "give list, or test and a receiver's name");
}

const struct command cmd_receiver = {
	.name = "receiver",
	.summary = "How receivers are doing; sends one of them a test.",
	.usage = "receiver list [OPTION...]\n"
		 "       tocsin receiver test NAME [OPTION...]",
	.run = run,
};
