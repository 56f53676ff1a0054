/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole server without sockets: real rooms on a virtual loop, a store in a
 * directory of its own, a scripted network, requests through http_call_fake.
 */
#pragma once

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include <check.h>

#include "api/api.h"

#define WORLD_START ((wall_t){ INT64_C(1700000000000000000) }) /* 2023-11-14T22:13:20Z */

/* The services' own examples: what they publish is signed with these. */
#define SLACK_SECRET "8f742231b10e8888abcd99yyyzzz85a5"
#define PAGERDUTY_SECRET "lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK"
#define LINK_KEY "0123456789abcdef0123456789abcdef"

struct world {
	char dir[256];
	struct loop *loop;
	struct xfer *xfer;
	struct worker_pool *workers;
	struct config *config;
	struct api_state state;
	struct api *api;
	/* what the network answers: a query's vector, a status for everybody else */
	const char *vector;
	int receiver_status;
	int reloads, reload_code;
	struct http_call *call; /* the last one asked */
};

extern struct world w;

/* The default configuration, see world.c; with rules if text is not NULL. */
void world_open(void);
void world_open_with_rules(const char *rules);
/* Its receivers take callbacks: SLACK_SECRET, PAGERDUTY_SECRET; mails carry links made with LINK_KEY. */
void world_open_on_call(void);
void world_close(void);
/* The same directory again, as after a crash that lost nothing committed. */
void world_restart(void);
void world_advance(dur_t d);
/* Reads the configuration's files again, with these rules, and applies it. */
void world_reload(const char *rules);

/* Asks and waits for the answer: its status. body NULL: none, else it is JSON. */
int ask(const char *method, const char *path, const char *body);
/* With headers, "Name: value", up to a NULL. */
int ask_with(const char *method, const char *path, const char *body, const char *const *headers);
int ask_as(const char *method, const char *path, const char *content_type, const char *body);
/* Asks and does not wait. */
struct http_call *ask_only(const char *method, const char *path, const char *body);
/* What was answered to the last ask(). */
const char *said(void);
const char *header(const char *name);
/* The answer parsed; freed by the next call. Fails the test unless it is JSON. */
json_object *said_json(void);
/* A member by path, "0.status.state"; NULL when there is none. */
json_object *at(json_object *object, const char *path);
const char *text_at(json_object *object, const char *path); /* "" when there is none */
/* The values of this label over a list of alerts, "a b c". */
const char *names_of(json_object *alerts, const char *label);

void must_post(const char *body); /* alerts; single quotes stand for double ones */
const char *quoted(const char *text); /* single quotes made double; static, two at a time */
/* A silence of label=value from now for an hour; its id. */
const char *must_silence(const char *name, const char *value);

TCase *post_tests(void);
TCase *get_tests(void);
TCase *stream_tests(void);
TCase *silence_tests(void);
TCase *rules_tests(void);
TCase *rest_tests(void);
TCase *listing_tests(void);
TCase *access_tests(void);
TCase *callback_tests(void);
