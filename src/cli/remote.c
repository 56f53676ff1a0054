/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_tokener.h>

#include "base/timestamp.h"
#include "cli/text.h"
#include "config/schema.h"
#include "loop/clock.h"
#include "net/client.h"
#include "net/xfer.h"

/* Without what may be a user and a password. */
static int
refuse_url(const struct command *command, const char *url)
{
	struct buf shown = { 0 };

	url_redact(&shown, str_from(url));
	int code = args_usage_error(
	    command, "--url=%s: give http://HOST:PORT", shown.p != NULL ? shown.p : "");
	buf_fini(&shown);
	return code;
}

int
remote_ready(const struct command *command, struct remote *remote)
{
	if (remote->url == NULL)
		remote->url = getenv("TOCSIN_URL");
	if (remote->url == NULL || remote->url[0] == '\0')
		remote->url = "http://localhost:9093";
	if (strncmp(remote->url, "http://", 7) != 0 && strncmp(remote->url, "https://", 8) != 0)
		return refuse_url(command, remote->url);
	if (remote->output == NULL)
		remote->output = "table";
	if (strcmp(remote->output, "table") != 0 && strcmp(remote->output, "json") != 0)
		return args_usage_error(command, "-o %s: give table or json", remote->output);
	return EXIT_OK;
}

int
remote_take(const struct command *command, struct remote *remote, const struct arg_option *options,
    int argc, char **argv, struct arg_words *words)
{
	int stop = args_take(command, options, argc, argv, words);

	if (stop != ARGS_GO_ON)
		return stop;
	return remote_ready(command, remote) == EXIT_OK ? ARGS_GO_ON : EXIT_USAGE;
}

bool
remote_wants_json(const struct remote *remote)
{
	return strcmp(remote->output, "json") == 0;
}

/* What the server said was wrong: its JSON string, {"message"} or {"error"}, else the text. */
static void
print_refusal(const char *method, const char *path, const struct client_answer *answer)
{
	json_object *json = answer->body.n > 0 ? json_tokener_parse(answer->body.p) : NULL;
	const char *text = answer->body.n > 0 ? answer->body.p : "";

	if (json_object_is_type(json, json_type_string))
		text = json_object_get_string(json);
	else if (member(json, "message") != NULL)
		text = member_text(json, "message");
	else if (member(json, "error") != NULL)
		text = member_text(json, "error");
	fprintf(stderr, "tocsin: %s (status %d of %s %s)\n", text, answer->status, method, path);
	json_object_put(json);
}

/*
 * The file of --http.config.file; NULL in *ret when there is none.  EXIT_USAGE
 * after its findings were printed.
 */
static int
read_http_config(const struct remote *remote, struct arena *arena, const struct http_options **ret)
{
	const char *path = remote->http_config;
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;
	struct http_options *http = ARENA_NEW(arena, struct http_options);
	struct diag *diag = diag_new();
	struct schema_context ctx = {
		.arena = arena,
		.diag = diag,
		.check_files = true,
		.dir = ".",
	};
	if (slash != NULL)
		ctx.dir =
		    arena_printf(arena, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	struct yaml_node *root = path != NULL ? yaml_parse_file(arena, diag, path) : NULL;
	struct buf text = { 0 };

	if (root != NULL)
		schema_read(&ctx, &schema_http_config, root, http);
	bool is_good = diag_errors(diag) == 0;
	if (!is_good) {
		diag_print(diag, &text);
		fputs(text.p, stderr);
	}
	*ret = root != NULL ? http : NULL;
	buf_fini(&text);
	diag_free(diag);
	return is_good ? EXIT_OK : EXIT_USAGE;
}

/* User and password of the URL are nobody's business. */
static void
print_unreachable(const struct remote *remote, const char *why)
{
	struct buf shown = { 0 };

	url_redact(&shown, str_from(remote->url));
	fprintf(stderr, "tocsin: cannot reach %s: %s (is 'tocsin serve' running? give --url)\n",
	    shown.p, why);
	buf_fini(&shown);
}

int
remote_call(const struct remote *remote, const char *method, const char *path, json_object *body,
    json_object **ret)
{
	const char *text = body != NULL ? json_object_to_json_string_ext(body, 0) : "";
	struct client_answer answer = { 0 };
	struct buf url = { 0 };
	const struct http_options *http;
	struct arena *arena = arena_new(0);
	struct err err = { 0 };
	int code = read_http_config(remote, arena, &http);

	if (code != EXIT_OK) {
		arena_free(arena);
		return code;
	}
	buf_puts(&url, remote->url);
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.p[--url.n] = '\0';
	buf_puts(&url, path);
	if (client_request(method, url.p, body != NULL ? "application/json" : NULL, str_from(text),
		http, &answer, &err) < 0) {
		print_unreachable(remote, err.text);
		code = EXIT_UNREACHABLE;
	} else if (answer.status / 100 != 2) {
		print_refusal(method, path, &answer);
		code = EXIT_NO;
	} else if (ret != NULL) {
		*ret = answer.body.n > 0 ? json_tokener_parse(answer.body.p) : NULL;
		if (*ret == NULL && answer.body.n > 0) {
			print_unreachable(remote, "what answers there is no Tocsin: not JSON");
			code = EXIT_UNREACHABLE;
		}
	}
	buf_fini(&answer.body);
	buf_fini(&url);
	arena_free(arena);
	return code;
}

int
remote_show(const struct remote *remote, const char *path, void (*print)(json_object *answer))
{
	json_object *answer = NULL;
	int code = remote_call(remote, "GET", path, NULL, &answer);

	if (code == EXIT_OK && remote_wants_json(remote))
		remote_print_json(answer);
	else if (code == EXIT_OK)
		print(answer);
	json_object_put(answer);
	return code;
}

void
remote_add_param(struct buf *path, const char *name, const char *value)
{
	buf_putc(path, memchr(path->p, '?', path->n) != NULL ? '&' : '?');
	buf_puts(path, name);
	buf_putc(path, '=');
	url_escape(path, str_from(value));
}

int
remote_path_since(struct buf *ret_path, const char *path, const char *text)
{
	char since[TIMESTAMP_TEXT_MAX];
	wall_t from;

	if (text_parse_time(text, clock_wall(), &from) < 0)
		return -1;
	buf_puts(ret_path, path);
	remote_add_param(ret_path, "since", timestamp_format_ms(from, since));
	return 0;
}

void
remote_print_json(json_object *value)
{
	puts(json_object_to_json_string_ext(
	    value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

json_object *
member(json_object *object, const char *name)
{
	json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, name, &value);
	return value;
}

const char *
member_text(json_object *object, const char *name)
{
	json_object *value = member(object, name);

	return value != NULL ? json_object_get_string(value) : "";
}
