/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json_tokener.h>

#include "net/client.h"
#include "net/xfer.h"

int
remote_ready(const struct command *command, struct remote *remote)
{
	if (remote->url == NULL)
		remote->url = getenv("TOCSIN_URL");
	if (remote->url == NULL || remote->url[0] == '\0')
		remote->url = "http://localhost:9093";
	if (strncmp(remote->url, "http://", 7) != 0 && strncmp(remote->url, "https://", 8) != 0)
		return args_usage_error(command, "--url=%s: give http://HOST:PORT", remote->url);
	if (remote->output == NULL)
		remote->output = "table";
	if (strcmp(remote->output, "table") != 0 && strcmp(remote->output, "json") != 0)
		return args_usage_error(command, "-o %s: give table or json", remote->output);
	return EXIT_OK;
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
	fprintf(stderr, "tocsin: %s %s: status %d: %s\n", method, path, answer->status, text);
	json_object_put(json);
}

int
remote_call(const struct remote *remote, const char *method, const char *path, json_object *body,
    json_object **ret)
{
	const char *text = body != NULL ? json_object_to_json_string_ext(body, 0) : "";
	struct client_answer answer = { 0 };
	struct buf url = { 0 };
	struct err err = { 0 };
	int code = EXIT_OK;

	buf_puts(&url, remote->url);
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.p[--url.n] = '\0';
	buf_puts(&url, path);
	if (client_request(method, url.p, body != NULL ? "application/json" : NULL, str_from(text),
		NULL, &answer, &err) < 0) {
		fprintf(stderr,
		    "tocsin: cannot reach %s: %s (is 'tocsin serve' running? give --url)\n",
		    remote->url, err.text);
		code = EXIT_UNREACHABLE;
	} else if (answer.status / 100 != 2) {
		print_refusal(method, path, &answer);
		code = EXIT_NO;
	} else if (ret != NULL) {
		*ret = answer.body.n > 0 ? json_tokener_parse(answer.body.p) : NULL;
		if (*ret == NULL && answer.body.n > 0) {
			fprintf(stderr, "tocsin: %s does not answer in JSON (is it Tocsin?)\n",
			    remote->url);
			code = EXIT_UNREACHABLE;
		}
	}
	buf_fini(&answer.body);
	buf_fini(&url);
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
