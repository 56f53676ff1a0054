/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tocsin template: what receivers would be sent, before anything happens.
 *
 * Either every integration of a receiver, or one text (--template.text), with
 * the built-in sample, a file, or a group of a running server.
 */
#include "config.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_tokener.h>

#include "base/diag.h"
#include "cli/args.h"
#include "cli/preview.h"
#include "cli/preview_print.h"
#include "cli/remote.h"
#include "daemon/core.h"
#include "labels/matcher.h"
#include "loop/clock.h"
#include "yaml/yaml.h"

struct template_args {
	struct remote remote;
	const char *config, *receiver, *type, *data, *group, *external_url;
	const char *text, *text_type;
	struct arg_list globs;
};

/* What a run needs until its end. */
struct work {
	const struct template_args *args;
	struct diag *diag;
	struct arena *arena;
	struct config *config; /* NULL: none was asked for */
	json_object *data;
	struct preview *preview;
};

/* Templates span lines: an offset becomes a line and a column. */
static struct pos
pos_in(const char *file, struct str text, uint32_t at)
{
	struct pos pos = { .file = file, .line = 1, .col = 1 };

	for (uint32_t i = 0; i < text.n && at != ERR_NOWHERE && i < at; i++) {
		if (text.p[i] == '\n') {
			pos.line++;
			pos.col = 1;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			pos.col++;
		}
	}
	return pos;
}

static void
report(struct work *w, const char *name, struct str text, const struct err *err)
{
	const char *file = diag_add_file(w->diag, name, text);

	diag_error(w->diag, pos_in(file, text, err->at), "%s", err->text);
}

/* ---- the alerts ----------------------------------------------------------------------- */

static json_object *
parse_json(struct work *w, const char *name, struct str text)
{
	json_tokener *tokener = json_tokener_new();
	json_object *data = json_tokener_parse_ex(tokener, text.p, (int)text.n + 1);
	struct err err = { .at = (uint32_t)json_tokener_get_parse_end(tokener) };

	if (data == NULL) {
		err_set_at(&err, ERR_INVALID, err.at, "this is no JSON: %s",
		    json_tokener_error_desc(json_tokener_get_error(tokener)));
		report(w, name, text, &err);
	}
	json_tokener_free(tokener);
	return data;
}

/* The labels a group key ends with, as matchers; anything else is matchers as it is. */
static struct str
group_part(const char *key)
{
	struct str text = str_from(key);

	for (uint32_t i = text.n; key[0] == '{' && i > 1; i--)
		if (text.p[i - 1] == '{' && text.p[i - 2] == ':')
			return str_make(text.p + i - 1, text.n - i + 1);
	return text;
}

static bool
group_matches(json_object *group, const struct matchers *wanted, const char *receiver)
{
	json_object *labels = member(group, "labels");

	if (receiver != NULL &&
	    strcmp(member_text(member(group, "receiver"), "name"), receiver) != 0)
		return false;
	for (uint32_t i = 0; i < wanted->n; i++)
		if (!matcher_matches_value(
			&wanted->m[i], str_from(member_text(labels, wanted->m[i].name->p))))
			return false;
	return true;
}

/* The one group that matches; none or several are told. */
static json_object *
choose_group(json_object *groups, const struct matchers *wanted, const struct template_args *args)
{
	size_t n =
	    json_object_is_type(groups, json_type_array) ? json_object_array_length(groups) : 0;
	json_object *found = NULL;
	size_t n_found = 0;

	for (size_t i = 0; i < n; i++) {
		json_object *group = json_object_array_get_idx(groups, i);
		if (!group_matches(group, wanted, args->receiver))
			continue;
		n_found++;
		if (found == NULL)
			found = group;
	}
	if (n_found == 1)
		return json_object_get(found);
	fprintf(stderr, "tocsin template render: %zu groups match --group=%s%s%s%s\n", n_found,
	    args->group, args->receiver != NULL ? " for receiver " : "",
	    args->receiver != NULL ? args->receiver : "",
	    n_found > 1 ? ": say more of its labels, or --receiver" : "");
	return NULL;
}

static int
fetch_group(struct work *w)
{
	struct err err = { .at = ERR_NOWHERE };
	struct str text = group_part(w->args->group);
	struct matchers *wanted = matchers_parse(text, &err);
	json_object *groups = NULL;

	if (wanted == NULL) {
		report(w, "--group", text, &err);
		return EXIT_USAGE;
	}
	int code = remote_call(&w->args->remote, "GET",
	    "/api/v2/alerts/groups?silenced=false&inhibited=false", NULL, &groups);
	if (code == EXIT_OK && (w->data = choose_group(groups, wanted, w->args)) == NULL)
		code = EXIT_NO;
	json_object_put(groups);
	matchers_free(wanted);
	return code;
}

static int
get_data(struct work *w)
{
	const char *path = w->args->data;
	struct str text = { .p = preview_sample, .n = (uint32_t)strlen(preview_sample) };

	if (w->args->group != NULL)
		return fetch_group(w);
	if (path != NULL && !yaml_read_file(w->arena, w->diag, path, &text))
		return EXIT_NO;
	w->data = parse_json(w, path != NULL ? path : "sample", text);
	return w->data != NULL ? EXIT_OK : EXIT_NO;
}

static bool
make_preview(struct work *w, const char *receiver)
{
	const struct template_args *args = w->args;
	struct err err = { .at = ERR_NOWHERE };
	const struct preview_options options = {
		.config = w->config,
		.receiver = receiver,
		.external_url = args->external_url,
		.group_key =
		    args->group != NULL && args->group[0] == '{' ? str_from(args->group) : STR(""),
		.now = clock_wall(),
	};

	preview_free(w->preview);
	w->preview = preview_new(w->data, &options, &err);
	if (w->preview == NULL)
		fprintf(stderr, "tocsin template render: %s: %s\n",
		    args->data != NULL    ? args->data
		    : args->group != NULL ? args->group
					  : "sample",
		    err.text);
	return w->preview != NULL;
}

/* ---- one text --------------------------------------------------------------------------- */

static void
add_file(struct work *w, struct template_set *set, const char *path)
{
	struct err err = { .at = ERR_NOWHERE };
	struct str text;

	if (yaml_read_file(w->arena, w->diag, path, &text) &&
	    template_set_add(set, arena_str(w->arena, str_from(path)), text, &err) < 0)
		report(w, path, text, &err);
}

/* required: that nothing matches is an error. */
static void
add_files(struct work *w, struct template_set *set, const char *pattern, bool required)
{
	glob_t found;
	int rc = glob(pattern, 0, NULL, &found);

	if (rc != 0 && required)
		diag_error(w->diag, (struct pos){ .file = "--template.glob" },
		    "no file matches '%s'", pattern);
	if (rc != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		add_file(w, set, found.gl_pathv[i]);
	globfree(&found);
}

/* `templates:` of the configuration, which has been found good before. */
static void
add_configured(struct work *w, struct template_set *set)
{
	const char *path = w->config->path, *slash = strrchr(path, '/');
	const struct yaml_node *root = yaml_parse_file(w->arena, w->diag, path);
	const struct yaml_node *list =
	    root != NULL && root->kind == YAML_MAPPING ? yaml_get(root, "templates") : NULL;
	int dir = slash != NULL ? (int)(slash - path) + 1 : 0;

	for (uint32_t i = 0; list != NULL && list->kind == YAML_SEQUENCE && i < list->n; i++) {
		struct str name = list->items[i]->text;
		add_files(w, set,
		    arena_printf(w->arena, "%.*s%.*s", name.n > 0 && name.p[0] == '/' ? 0 : dir,
			path, STR_ARG(name)),
		    false);
	}
}

static void
check_set(struct work *w, const struct template_set *set)
{
	struct err err = { .at = ERR_NOWHERE };
	struct str file = { 0 }, text;

	if (diag_errors(w->diag) > 0 || template_set_check(set, &file, &err) == 0)
		return;
	const char *name = arena_str(w->arena, file).p;
	if (yaml_read_file(w->arena, w->diag, name, &text))
		report(w, name, text, &err);
}

/* Whoever --receiver names, else the data. */
static const char *
receiver_of(const struct work *w)
{
	json_object *receiver = member(w->data, "receiver");
	const char *name = json_object_is_type(receiver, json_type_string)
			       ? json_object_get_string(receiver)
			       : member_text(receiver, "name");

	if (w->args->receiver != NULL)
		return w->args->receiver;
	return name[0] != '\0' ? name : "receiver";
}

static int
render_text(struct work *w)
{
	struct str text = str_from(w->args->text);
	struct template_set *set = template_set_new(w->arena);
	struct err err = { .at = ERR_NOWHERE };
	struct template_data data;
	struct buf out = { 0 };

	template_set_add_defaults(set);
	if (w->config != NULL)
		add_configured(w, set);
	for (uint32_t i = 0; i < w->args->globs.n; i++)
		add_files(w, set, w->args->globs.items[i], true);
	check_set(w, set);
	if (diag_errors(w->diag) > 0)
		return EXIT_NO;
	const struct template *template = template_parse_with(w->arena, text, set, &err);
	if (template != NULL && !make_preview(w, receiver_of(w)))
		return EXIT_NO;
	if (template != NULL) {
		preview_template_data(w->preview, &data);
		data.html = strcmp(w->args->text_type, "html") == 0;
	}
	if (template == NULL || template_execute(template, &data, &out, &err) < 0)
		report(w, "--template.text", text, &err);
	else
		printf("%s%s", buf_str(&out).p, out.n > 0 && out.p[out.n - 1] == '\n' ? "" : "\n");
	buf_fini(&out);
	return diag_errors(w->diag) > 0 ? EXIT_NO : EXIT_OK;
}

/* ---- whole messages ---------------------------------------------------------------------- */

static bool
render_receiver(struct work *w, const struct receiver_config *receiver, struct buf *out,
    json_object *json, uint32_t *n)
{
	bool good = true;

	for (uint32_t i = 0; i < receiver->n_integrations; i++) {
		const struct integration_config *integration = &receiver->integrations[i];
		struct err err = { .at = ERR_NOWHERE };

		if (w->args->type != NULL && strcmp(integration->kind->name, w->args->type) != 0)
			continue;
		++*n;
		if (preview_put_integration(
			w->preview, w->config, receiver, integration, out, json, &err) == 0)
			continue;
		fprintf(stderr, "tocsin template render: %s: %s[%u]: %s\n", receiver->name,
		    integration->kind->name, integration->index, err.text);
		good = false;
	}
	return good;
}

static int
no_receiver(const struct work *w, bool is_there)
{
	const struct template_args *args = w->args;

	if (is_there && args->type != NULL)
		fprintf(stderr, "tocsin template render: there is no %s to be shown%s%s\n",
		    args->type, args->receiver != NULL ? " in receiver " : "",
		    args->receiver != NULL ? args->receiver : "");
	else if (is_there)
		fprintf(stderr, "tocsin template render: there is no integration to be shown\n");
	else
		fprintf(stderr, "tocsin template render: %s has no receiver '%s'", w->config->path,
		    args->receiver);
	for (uint32_t i = 0; !is_there && i < w->config->n_receivers; i++)
		fprintf(stderr, "%s%s", i > 0 ? ", " : " (it has ", w->config->receivers[i].name);
	if (!is_there)
		fputs(w->config->n_receivers > 0 ? ")\n" : "\n", stderr);
	return EXIT_NO;
}

static int
render_receivers(struct work *w)
{
	json_object *json = remote_wants_json(&w->args->remote) ? json_object_new_array() : NULL;
	const char *name = w->args->receiver;
	bool good = true, is_there = name == NULL;
	struct buf out = { 0 };
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->config->n_receivers && good; i++) {
		const struct receiver_config *receiver = &w->config->receivers[i];
		if (name != NULL && strcmp(receiver->name, name) != 0)
			continue;
		is_there = true;
		good =
		    make_preview(w, receiver->name) && render_receiver(w, receiver, &out, json, &n);
	}
	if (json != NULL && n > 0)
		remote_print_json(json);
	fputs(buf_str(&out).p, stdout);
	buf_fini(&out);
	json_object_put(json);
	return !good ? EXIT_NO : n == 0 ? no_receiver(w, is_there) : EXIT_OK;
}

/* ---- the command -------------------------------------------------------------------------- */

static void
print_findings(struct diag *diag)
{
	struct buf text = { 0 };

	diag_sort(diag);
	diag_print(diag, &text);
	fputs(buf_str(&text).p, stderr);
	buf_fini(&text);
}

static int
render(const struct template_args *args)
{
	struct work w = { .args = args, .diag = diag_new(), .arena = arena_new(0) };
	const char *path = args->config != NULL ? args->config
			   : args->text == NULL ? "tocsin.yml"
						: NULL;
	int code = EXIT_OK;

	if (path != NULL && (w.config = config_load(path, core_kinds(), w.diag)) == NULL)
		code = EXIT_NO;
	if (code == EXIT_OK)
		code = get_data(&w);
	if (code == EXIT_OK)
		code = args->text != NULL ? render_text(&w) : render_receivers(&w);
	if (diag_errors(w.diag) > 0)
		print_findings(w.diag);
	preview_free(w.preview);
	json_object_put(w.data);
	config_unref(w.config);
	arena_free(w.arena);
	diag_free(w.diag);
	return code;
}

static int
check_args(
    const struct command *command, const struct template_args *args, const struct arg_words *words)
{
	if (words->n == 0 || strcmp(words->items[0], "render") != 0)
		return args_usage_error(
		    command, "'%s' is not render", words->n > 0 ? words->items[0] : "");
	if (words->n > 1)
		return args_usage_error(command, "render takes no '%s'", words->items[1]);
	if (args->data != NULL && args->group != NULL)
		return args_usage_error(command, "give --data or --group, not both");
	if (strcmp(args->text_type, "text") != 0 && strcmp(args->text_type, "html") != 0)
		return args_usage_error(
		    command, "--template.type=%s: give text or html", args->text_type);
	if (args->text == NULL && args->globs.n > 0)
		return args_usage_error(
		    command, "--template.glob needs --template.text='{{ ... }}'");
	if (args->text != NULL && args->type != NULL)
		return args_usage_error(
		    command, "--type is for receivers; the text's is --template.type");
	return EXIT_OK;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct template_args args = { .text_type = "text" };
	/* clang-format off */
	const struct arg_option options[] = {
		{ .name = "config.file", .metavar = "FILE", .value = &args.config, .doc = "receivers and templates (default tocsin.yml)" },
		{ .name = "receiver", .metavar = "NAME", .value = &args.receiver, .doc = "only this one (default all)" },
		{ .name = "type", .metavar = "TYPE", .value = &args.type, .doc = "only its integrations of a type, e.g. slack" },
		{ .name = "data", .metavar = "FILE", .value = &args.data, .doc = "alerts as JSON: a webhook's body, or a list" },
		{ .name = "template.data", .metavar = "FILE", .value = &args.data },
		{ .name = "group", .metavar = "KEY", .value = &args.group, .doc = "a server's group: its key, or matchers" },
		{ .name = "web.external-url", .metavar = "URL", .value = &args.external_url, .doc = "what links begin with" },
		{ .name = "template.text", .metavar = "TEXT", .value = &args.text, .doc = "render '{{ ... }}' instead of receivers" },
		{ .name = "template.glob", .metavar = "PATTERN", .many = &args.globs, .doc = "files with named templates; repeatable" },
		{ .name = "template.type", .metavar = "text|html", .value = &args.text_type, .doc = "how values are put in (default text)" },
		REMOTE_OPTIONS(args.remote),
		{ .name = NULL },
	};
	/* clang-format on */
	struct arg_words words;
	int stop;

	if ((stop = args_take(command, options, argc, argv, &words)) != ARGS_GO_ON)
		return stop;
	if (remote_ready(command, &args.remote) != EXIT_OK ||
	    check_args(command, &args, &words) != EXIT_OK)
		return EXIT_USAGE;
	return render(&args);
}

const struct command cmd_template = {
	.name = "template",
	.summary = "Shows what receivers would be sent, or what a template text becomes.",
	.usage = "template render [OPTION...]",
	.run = run,
};
