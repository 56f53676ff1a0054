/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to a running server: the options every client command has, requests
 * that give json-c objects, failures told to a human with their remedy.
 */
#pragma once

#include <json-c/json_object.h>
#include <stdbool.h>

#include "base/buf.h"
#include "cli/args.h"

struct remote {
	const char *url;    /* --url */
	const char *output; /* -o: "table" or "json" */
	const char *http_config; /* --http.config.file; NULL: none */
};

/* Rows for a command's option table. */
#define REMOTE_OPTIONS(r) \
	{ .name = "url", .metavar = "URL", .value = &(r).url, .doc = "the server (default $TOCSIN_URL or http://localhost:9093)" }, \
	{ .name = "http.config.file", .metavar = "FILE", .value = &(r).http_config, .doc = "how to reach it: TLS, users, tokens, as Prometheus' http_config" }, \
	{ .name = "output", .letter = 'o', .metavar = "table|json", .value = &(r).output, .doc = "for people or for programs (default table)" }

/* Defaults and checks after args_parse: EXIT_OK or EXIT_USAGE with a message. */
int remote_ready(const struct command *command, struct remote *remote);
/* Both: what args_take() says, then that. */
int remote_take(const struct command *command, struct remote *remote, const struct arg_option *options, int argc, char **argv,
    struct arg_words *words);
bool remote_wants_json(const struct remote *remote);
/*
 * Sends; body NULL: none.  EXIT_OK and the parsed answer in *ret (owned, NULL
 * when the body was empty), else EXIT_NO or EXIT_UNREACHABLE with a message on
 * stderr.  ret may be NULL.
 */
int remote_call(const struct remote *remote, const char *method, const char *path, json_object *body, json_object **ret);
/* GETs, then prints the answer: as JSON where that is wanted, else as `print` words it. */
int remote_show(const struct remote *remote, const char *path, void (*print)(json_object *answer));
/* Appends "&name=value" or "?name=value", escaped. */
void remote_add_param(struct buf *path, const char *name, const char *value);
/* "path?since=...", from what people write (text_parse_time()); below 0, nothing put, after a message. */
int remote_path_since(struct buf *ret_path, const char *path, const char *text);
void remote_print_json(json_object *value);
/* Member as text, "" when absent or null. */
const char *member_text(json_object *object, const char *name);
json_object *member(json_object *object, const char *name);
