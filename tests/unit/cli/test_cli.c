/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments, tables, small texts, and the wrong use of each command. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <json-c/json_tokener.h>

#include "base/attr.h"
#include "base/err.h"
#include "cli/args.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "cli/text.h"
#include "unit/cli/capture.h"
#include "unit/cli/suites.h"

#define NOW       ((wall_t){ INT64_C(1700000000000000000) }) /* 2023-11-14T22:13:20Z */
#define WORDS_MAX 12

/* --- arguments ------------------------------------------------------------------ */

static const struct command command = {
	.name = "try",
	.summary = "Tries things.",
	.usage = "try [OPTION...] WORD...",
};

static struct {
	bool flag;
	const char *value, *short_value;
	struct arg_list many, ignored;
} got;

static const struct arg_option options[] = {
	{ .name = "flag", .letter = 'f', .flag = &got.flag, .doc = "a flag" },
	{ .name = "config.file", .metavar = "FILE", .value = &got.value, .doc = "a file" },
	{ .name = "output",
	    .letter = 'o',
	    .metavar = "FORM",
	    .value = &got.short_value,
	    .doc = "a form" },
	{ .name = "filter", .metavar = "M", .many = &got.many, .doc = "repeatable" },
	{ .name = "cluster.*", .metavar = "VALUE", .many = &got.ignored },
	{ .name = NULL },
};

static const struct {
	const char *label;
	const char *argv[WORDS_MAX];
	enum args_result result;
	bool flag;
	const char *value, *short_value, *many, *ignored, *words; /* lists joined by spaces */
	const char *says;                                         /* part of what is printed */
} rows[] = {
	{ "nothing", { NULL }, ARGS_OK, false, NULL, NULL, "", "", "", "" },
	{ "words", { "a", "b" }, ARGS_OK, false, NULL, NULL, "", "", "a b", "" },
	{ "a flag", { "--flag" }, ARGS_OK, true, NULL, NULL, "", "", "", "" },
	{ "a short flag", { "-f", "a" }, ARGS_OK, true, NULL, NULL, "", "", "a", "" },
	{ "a value after =", { "--config.file=x" }, ARGS_OK, false, "x", NULL, "", "", "", "" },
	{ "a value as the next word", { "--config.file", "x", "y" }, ARGS_OK, false, "x", NULL, "",
	    "", "y", "" },
	{ "a value with = in it", { "--filter=a=b" }, ARGS_OK, false, NULL, NULL, "a=b", "", "",
	    "" },
	{ "an empty value", { "--config.file=" }, ARGS_OK, false, "", NULL, "", "", "", "" },
	{ "a value that looks like an option", { "--config.file", "--flag" }, ARGS_OK, false,
	    "--flag", NULL, "", "", "", "" },
	{ "a short value", { "-o", "json" }, ARGS_OK, false, NULL, "json", "", "", "", "" },
	{ "a short value stuck on", { "-ojson" }, ARGS_OK, false, NULL, "json", "", "", "", "" },
	{ "the last value counts", { "-o", "a", "--output=b" }, ARGS_OK, false, NULL, "b", "", "",
	    "", "" },
	{ "many values", { "--filter=a", "w", "--filter", "b" }, ARGS_OK, false, NULL, NULL, "a b",
	    "", "w", "" },
	{ "a name by its beginning", { "--cluster.peer=h:1", "--cluster.x=2" }, ARGS_OK, false,
	    NULL, NULL, "", "h:1 2", "", "" },
	{ "options and words mixed", { "a", "--flag", "b" }, ARGS_OK, true, NULL, NULL, "", "",
	    "a b", "" },
	{ "words after --", { "--", "--flag", "-x", "--" }, ARGS_OK, false, NULL, NULL, "", "",
	    "--flag -x --", "" },
	{ "a dash alone is a word", { "-" }, ARGS_OK, false, NULL, NULL, "", "", "-", "" },
	{ "help", { "a", "--help", "--nonsense" }, ARGS_HELP_SHOWN, false, NULL, NULL, "", "", "a",
	    "usage: tocsin try [OPTION...] WORD..." },
	{ "short help", { "-h" }, ARGS_HELP_SHOWN, false, NULL, NULL, "", "", "",
	    "-o, --output=FORM" },
	{ "an unknown option", { "--nonsense" }, ARGS_BAD, false, NULL, NULL, "", "", "",
	    "tocsin try: unknown option --nonsense\n(see: tocsin try --help)\n" },
	{ "nearly an option", { "--ouptut=x" }, ARGS_BAD, false, NULL, NULL, "", "", "",
	    "(did you mean --output?)" },
	{ "an unknown letter", { "-x" }, ARGS_BAD, false, NULL, NULL, "", "", "",
	    "unknown option -x" },
	{ "a flag with a value", { "--flag=yes" }, ARGS_BAD, false, NULL, NULL, "", "", "",
	    "--flag takes no value" },
	{ "a short flag with more", { "-fx" }, ARGS_BAD, false, NULL, NULL, "", "", "",
	    "--flag takes no value" },
	{ "no value", { "--config.file" }, ARGS_BAD, false, NULL, NULL, "", "", "",
	    "--config.file needs a value: --config.file=FILE" },
	{ "no short value", { "-o" }, ARGS_BAD, false, NULL, NULL, "", "", "",
	    "--output needs a value" },
};

static const char *
joined(const char *const *items, uint32_t n)
{
	static struct buf texts[4];
	static int turn;
	struct buf *text = &texts[turn++ % 4];

	buf_clear(text);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(text, "%s%s", i > 0 ? " " : "", items[i]);
	return text->n > 0 ? text->p : "";
}

static void
check_text(const char *label, const char *found, const char *want)
{
	ck_assert_msg(found == want || (found != NULL && want != NULL && strcmp(found, want) == 0),
	    "%s: '%s' instead of '%s'", label, found != NULL ? found : "(none)",
	    want != NULL ? want : "(none)");
}

START_TEST(arguments)
{
	char name[] = "try";
	char *argv[WORDS_MAX + 1] = { name };
	const char *out, *errors;
	struct arg_words words;
	int argc = 1;

	memset(&got, 0, sizeof(got));
	while (rows[_i].argv[argc - 1] != NULL) {
		argv[argc] = strdup(rows[_i].argv[argc - 1]);
		argc++;
	}
	capture_begin();
	enum args_result result = args_parse(&command, options, argc, argv, &words);
	capture_end(&out, &errors);
	ck_assert_msg(result == rows[_i].result, "%s: %d", rows[_i].label, (int)result);
	ck_assert_msg(strstr(result == ARGS_BAD ? errors : out, rows[_i].says) != NULL, "%s: %s%s",
	    rows[_i].label, out, errors);
	ck_assert_str_eq(result == ARGS_BAD ? out : errors, "");
	ck_assert_msg(got.flag == rows[_i].flag, "%s", rows[_i].label);
	check_text(rows[_i].label, got.value, rows[_i].value);
	check_text(rows[_i].label, got.short_value, rows[_i].short_value);
	check_text(rows[_i].label, joined(got.many.items, got.many.n), rows[_i].many);
	check_text(rows[_i].label, joined(got.ignored.items, got.ignored.n), rows[_i].ignored);
	check_text(rows[_i].label, joined(words.items, words.n), rows[_i].words);
	while (argc > 1)
		free(argv[--argc]);
}
END_TEST

START_TEST(more_values_than_the_limit_are_refused)
{
	char name[] = "try", option[] = "--filter=x";
	char *argv[ARGS_MANY_MAX + 2] = { name };
	const char *out, *errors;
	struct arg_words words;

	memset(&got, 0, sizeof(got));
	for (int i = 1; i < ARGS_MANY_MAX + 2; i++)
		argv[i] = option;
	ck_assert_int_eq(args_parse(&command, options, ARGS_MANY_MAX + 1, argv, &words), ARGS_OK);
	got.many.n = 0;
	capture_begin();
	enum args_result result = args_parse(&command, options, ARGS_MANY_MAX + 2, argv, &words);
	capture_end(&out, &errors);
	ck_assert_int_eq(result, ARGS_BAD);
	ck_assert_ptr_nonnull(strstr(errors, "--filter given more than 64 times"));
}
END_TEST

/* --- tables ---------------------------------------------------------------------- */

START_TEST(a_table_is_aligned_by_characters_and_shows_no_control_ones)
{
	static const char *const headers[] = { "NAME", "N", "TEXT" };
	struct table *table = table_new(headers, 3);
	const char *out, *errors;

	capture_begin();
	table_print(table);
	table_row(table, (const char *const[]){ "a", "1000", "x" });
	table_row(table, (const char *const[]){ "\xc3\xa9t\xc3\xa9 long", "2",
			     "two\nlines\t\033[31m\a\b\x7f\xc2\x9b"
			     "2J\xc2\xa9" });
	table_row(table, (const char *const[]){ "", "", "" });
	table_print(table);
	capture_end(&out, &errors);
	ck_assert_uint_eq(table_rows(table), 3);
	ck_assert_str_eq(out, "none\n"
			      "NAME      N     TEXT\n"
			      "a         1000  x\n"
			      "\xc3\xa9t\xc3\xa9 long  2     two lines  [31m    2J\xc2\xa9\n"
			      "                \n");
	table_free(table);
}
END_TEST

/* --- texts ----------------------------------------------------------------------- */

static const struct {
	const char *at, *text;
} agos[] = {
	{ "", "" },
	{ "nonsense", "" },
	{ "0001-01-01T00:00:00Z", "" },
	{ "2023-11-14T22:13:20.000Z", "0s ago" },
	{ "2023-11-14T22:12:01Z", "1m19s ago" },
	{ "2023-11-14T22:11:19Z", "2m ago" },
	{ "2023-11-14T20:00:00Z", "2h13m ago" },
	{ "2023-11-14T12:00:00Z", "10h ago" },
	{ "2023-11-14T21:00:00Z", "1h13m ago" },
	{ "2023-11-10T00:00:00Z", "4d ago" },
	{ "2023-11-14T22:13:50Z", "in 30s" },
	{ "2023-11-15T22:13:20Z", "in 1d" },
};

START_TEST(how_long_ago)
{
	struct buf out = { 0 };

	text_put_ago(&out, agos[_i].at, NOW);
	check_text(agos[_i].at, buf_str(&out).n > 0 ? out.p : "", agos[_i].text);
	buf_fini(&out);
}
END_TEST

static const struct {
	const char *text;
	int64_t seconds; /* from NOW; meaningless when bad */
	bool bad;
} times[] = {
	{ "2023-11-14T22:13:30Z", 10, false },
	{ "2023-11-15T00:13:20+02:00", 0, false },
	{ "2h", -7200, false },
	{ "1d12h", -129600, false },
	{ "0s", 0, false },
	{ "yesterday", 0, true },
	{ "", 0, true },
	{ "-2h", 0, true },
};

START_TEST(times_and_durations_before_now)
{
	wall_t t = WALL_NONE;
	const char *out, *errors;

	capture_begin();
	int rc = text_parse_time(times[_i].text, NOW, &t);
	capture_end(&out, &errors);
	ck_assert_msg((rc < 0) == times[_i].bad, "'%s': %d", times[_i].text, rc);
	if (times[_i].bad)
		ck_assert_ptr_nonnull(
		    strstr(errors, "is no time: give 2026-11-20T06:00:00Z, or 2h"));
	else
		ck_assert_int_eq(t.ns - NOW.ns, times[_i].seconds * 1000000000);
}
END_TEST

START_TEST(labels_in_a_row_without_those_shown_elsewhere)
{
	static const char *const skip[] = { "alertname", NULL };
	json_object *labels = json_tokener_parse("{\"alertname\":\"A\",\"b\":\"1\",\"c\":\"x y\"}");
	struct buf out = { 0 };

	text_put_labels(&out, labels, skip);
	ck_assert_str_eq(out.p, "b=1 c=x y");
	buf_clear(&out);
	text_put_labels(&out, labels, NULL);
	ck_assert_str_eq(out.p, "alertname=A b=1 c=x y");
	buf_clear(&out);
	text_put_labels(&out, NULL, skip);
	ck_assert_str_eq(out.p, "");
	buf_fini(&out);
	json_object_put(labels);
}
END_TEST

START_TEST(parameters_are_escaped)
{
	struct buf path = { 0 };

	buf_puts(&path, "/x");
	remote_add_param(&path, "filter", "a=~\"b c&d\"");
	remote_add_param(&path, "limit", "1");
	ck_assert_str_eq(path.p, "/x?filter=a%3D~%22b%20c%26d%22&limit=1");
	buf_fini(&path);
}
END_TEST

static const struct {
	const char *url, *env, *output; /* NULL: not given */
	const char *want_url;           /* NULL: refused */
} remotes[] = {
	{ NULL, NULL, NULL, "http://localhost:9093" },
	{ NULL, "http://h:1", NULL, "http://h:1" },
	{ NULL, "", NULL, "http://localhost:9093" },
	{ "https://x/", "http://h:1", "json", "https://x/" },
	{ "ftp://x", NULL, NULL, NULL },
	{ "localhost:9093", NULL, NULL, NULL },
	{ NULL, NULL, "xml", NULL },
};

START_TEST(where_the_server_is)
{
	struct remote remote = { .url = remotes[_i].url, .output = remotes[_i].output };
	const char *out, *errors;

	if (remotes[_i].env != NULL)
		(void)setenv("TOCSIN_URL", remotes[_i].env, 1);
	else
		(void)unsetenv("TOCSIN_URL");
	capture_begin();
	int code = remote_ready(&command, &remote);
	capture_end(&out, &errors);
	ck_assert_int_eq(code, remotes[_i].want_url != NULL ? EXIT_OK : EXIT_USAGE);
	if (code == EXIT_OK)
		ck_assert_str_eq(remote.url, remotes[_i].want_url);
	else
		ck_assert_ptr_nonnull(strstr(errors, "give "));
	if (code == EXIT_OK)
		ck_assert(remote_wants_json(&remote) == (remotes[_i].output != NULL));
}
END_TEST

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

START_TEST(how_to_reach_the_server_comes_from_a_file_with_carets)
{
	char path[] = "/tmp/test_cli.XXXXXX";
	struct remote remote = { .url = "http://127.0.0.1:1", .http_config = path };
	const char *out, *errors;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	write_text(path, "basic_auth: {user: a}\n");
	capture_begin();
	ck_assert_int_eq(remote_call(&remote, "GET", "/x", NULL, NULL), EXIT_USAGE);
	capture_end(&out, &errors);
	ck_assert_ptr_nonnull(strstr(errors, ":1:14: error: unknown key 'user' in basic_auth"));
	write_text(path, "basic_auth: {username: a, password: secret}\n");
	capture_begin();
	ck_assert_int_eq(remote_call(&remote, "GET", "/x", NULL, NULL), EXIT_UNREACHABLE);
	capture_end(&out, &errors);
	(void)unlink(path);
	capture_begin();
	ck_assert_int_eq(remote_call(&remote, "GET", "/x", NULL, NULL), EXIT_USAGE);
	capture_end(&out, &errors);
	ck_assert_ptr_nonnull(strstr(errors, path));
}
END_TEST

START_TEST(no_message_repeats_the_password_of_a_url)
{
	struct remote remote = { .url = "http://joe:secret@127.0.0.1:1" };
	const char *out, *errors;

	capture_begin();
	ck_assert_int_eq(remote_call(&remote, "GET", "/x", NULL, NULL), EXIT_UNREACHABLE);
	capture_end(&out, &errors);
	ck_assert_ptr_null(strstr(errors, "secret"));
	ck_assert_ptr_nonnull(strstr(errors, "http://127.0.0.1:1"));
	remote.url = "joe:secret@127.0.0.1:1";
	capture_begin();
	ck_assert_int_eq(remote_ready(&command, &remote), EXIT_USAGE);
	capture_end(&out, &errors);
	ck_assert_ptr_null(strstr(errors, "secret"));
}
END_TEST

/* --- commands that are used wrongly ask no server ---------------------------------- */

static const struct {
	const struct command *command;
	const char *argv[WORDS_MAX];
	const char *says;
} wrong[] = {
	{ &cmd_alert, { "frobnicate" }, "'frobnicate' is none of list, add, explain" },
	{ &cmd_alert, { "add" }, "which alert?" },
	{ &cmd_alert, { "add", "A", "nolabel" }, "'nolabel' is no label: give name=value" },
	{ &cmd_alert, { "add", "A", "--annotation=x" }, "--annotation=x: give name=value" },
	{ &cmd_alert, { "add", "A", "--start=soon" }, "'soon' is no time" },
	{ &cmd_alert, { "list", "-o", "xml" }, "-o xml: give table or json" },
	{ &cmd_alert, { "list", "--url=ftp://x" }, "--url=ftp://x: give http://HOST:PORT" },
	{ &cmd_silence, { "frobnicate" }, "'frobnicate' is none of add, list, expire" },
	{ &cmd_silence, { "add", "--comment=c" }, "what to silence?" },
	{ &cmd_silence, { "add", "a=b" }, "say why: --comment=TEXT" },
	{ &cmd_silence, { "add", "a", "--comment=c" }, "tocsin silence add: 'a': " },
	{ &cmd_silence, { "add", "a=~(", "--comment=c" }, "tocsin silence add: 'a=~(': " },
	{ &cmd_silence, { "add", "a=b", "--comment=c", "--duration=soon" }, "--duration: " },
	{ &cmd_silence, { "add", "a=b", "--comment=c", "-d", "0s" },
	    "--duration: must be longer than 0" },
	{ &cmd_silence, { "add", "a=b", "--comment=c", "--start=soon" }, "'soon' is no time" },
	{ &cmd_silence, { "expire" }, "which one?" },
	{ &cmd_delivery, { "show" }, "'show' is not list" },
	{ &cmd_history, { "--since=whenever" }, "'whenever' is no time" },
	{ &cmd_query, { "only" }, "give a source and an expression" },
	{ &cmd_query, { "a", "b", "c" }, "give a source and an expression" },
	{ &cmd_query, { "a", "b", "-o", "xml" }, "-o xml: give table or json" },
	{ &cmd_check, { NULL }, "which files?" },
	{ &cmd_check, { "f", "-o", "xml" }, "-o xml: give text or json" },
	{ &cmd_schema, { NULL }, "say which: config, rules, web, openapi or manual" },
	{ &cmd_serve, { "now" }, "takes no words, got 'now'" },
	{ &cmd_serve, { "--log.level=loud" }, "--log.level=loud: give debug, info, warn or error" },
	{ &cmd_serve, { "--log.format=xml" }, "--log.format=xml: give logfmt or json" },
	{ &cmd_serve, { "--data.retention=long" }, "--data.retention: " },
	{ &cmd_route, { "frobnicate" }, "'frobnicate' is neither show nor test" },
	{ &cmd_route, { "show", "more" }, "show takes no 'more'" },
	{ &cmd_route, { "show", "-o", "table" }, "-o table: give text or json" },
	{ &cmd_route, { "test" }, "which alert?" },
	{ &cmd_route, { "test", "a=b", "c.yml" }, "give labels or files of cases, not both" },
	{ &cmd_route, { "test", "a=b", "--cases=c" }, "give labels or files of cases, not both" },
	{ &cmd_route, { "test", "c.yml", "--at=1h" }, "a case says itself what it expects" },
	{ &cmd_route, { "test", "a=~b" }, "'a=~b' is no label: give name=value" },
	{ &cmd_route, { "test", "a=b", "--at=soon" }, "'soon' is no time" },
	{ &cmd_template, { NULL }, "'' is not render" },
	{ &cmd_template, { "render", "x" }, "render takes no 'x'" },
	{ &cmd_template, { "render", "--data=x", "--group=y" },
	    "give --data or --group, not both" },
	{ &cmd_template, { "render", "--template.glob=x" },
	    "--template.glob needs --template.text" },
	{ &cmd_template, { "render", "--template.text=x", "--template.type=pdf" },
	    "--template.type=pdf: give text or html" },
	{ &cmd_template, { "render", "--template.text=x", "--type=slack" },
	    "--type is for receivers" },
	{ &cmd_rule, { "frobnicate" }, "'frobnicate' is not list" },
	{ &cmd_rule, { "list", "--type=x" }, "--type=x: give alert or record" },
	{ &cmd_version, { "-o", "xml" }, "-o xml: give text or json" },
	{ &cmd_version, { "please" }, "takes no words, got 'please'" },
};

START_TEST(wrong_use_is_told_with_its_remedy)
{
	char *argv[WORDS_MAX + 1] = { strdup(wrong[_i].command->name) };
	const char *out, *errors;
	int argc = 1;

	for (; wrong[_i].argv[argc - 1] != NULL; argc++)
		argv[argc] = strdup(wrong[_i].argv[argc - 1]);
	capture_begin();
	int code = wrong[_i].command->run(wrong[_i].command, argc, argv);
	capture_end(&out, &errors);
	ck_assert_msg(code == EXIT_USAGE, "%s: %d %s%s", wrong[_i].says, code, out, errors);
	ck_assert_msg(strstr(errors, wrong[_i].says) != NULL, "%s: %s", wrong[_i].says, errors);
	ck_assert_str_eq(out, "");
	while (argc > 0)
		free(argv[--argc]);
}
END_TEST

static const struct command *const all[] = {
#define COMMAND(name) &cmd_##name,
#include "cli/commands.inc"
#undef COMMAND
};

START_TEST(every_command_has_help_that_fits_a_terminal)
{
	char *argv[] = { strdup(all[_i]->name), strdup("--help") };
	const char *out, *errors;

	capture_begin();
	int code = all[_i]->run(all[_i], 2, argv);
	capture_end(&out, &errors);
	ck_assert_int_eq(code, EXIT_OK);
	ck_assert_str_eq(errors, "");
	ck_assert_int_eq(strncmp(out, "usage: tocsin ", 14), 0);
	ck_assert_ptr_nonnull(strstr(out, all[_i]->summary));
	for (const char *line = out; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		ck_assert_msg(n <= 100, "%.*s", (int)n, line);
		line += n + (line[n] == '\n');
	}
	free(argv[0]);
	free(argv[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cli");
	TCase *tc = tcase_create("cli");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, arguments, 0, (int)ARRAY_LEN(rows));
	tcase_add_test(tc, more_values_than_the_limit_are_refused);
	tcase_add_test(tc, a_table_is_aligned_by_characters_and_shows_no_control_ones);
	tcase_add_loop_test(tc, how_long_ago, 0, (int)ARRAY_LEN(agos));
	tcase_add_loop_test(tc, times_and_durations_before_now, 0, (int)ARRAY_LEN(times));
	tcase_add_test(tc, labels_in_a_row_without_those_shown_elsewhere);
	tcase_add_test(tc, parameters_are_escaped);
	tcase_add_loop_test(tc, where_the_server_is, 0, (int)ARRAY_LEN(remotes));
	tcase_add_test(tc, how_to_reach_the_server_comes_from_a_file_with_carets);
	tcase_add_test(tc, no_message_repeats_the_password_of_a_url);
	tcase_add_loop_test(tc, wrong_use_is_told_with_its_remedy, 0, (int)ARRAY_LEN(wrong));
	tcase_add_loop_test(
	    tc, every_command_has_help_that_fits_a_terminal, 0, (int)ARRAY_LEN(all));
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, drift_tests());
	suite_add_tcase(suite, route_tests());
	suite_add_tcase(suite, preview_tests());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
