/* SPDX-License-Identifier: Apache-2.0 */
/* ack, unack, snooze, resolve: what `tocsin alert` and `tocsin incident` have in common. */
#pragma once

#include "cli/args.h"
#include "cli/remote.h"

struct act_args {
	const char *by, *comment, *length, *until; /* --by, --comment, --for, --until */
};

/* Rows for a command's option table. */
#define ACT_OPTIONS(a) \
	{ .name = "for", .metavar = "DURATION", .value = &(a).length, .doc = "snooze, ack: for how long (ack: as the policy says)" }, \
	{ .name = "until", .metavar = "TIME", .value = &(a).until, .doc = "snooze, ack: RFC 3339, in place of --for" }, \
	{ .name = "comment", .letter = 'c', .metavar = "TEXT", .value = &(a).comment, .doc = "ack, snooze, ...: why" }, \
	{ .name = "by", .metavar = "NAME", .value = &(a).by, .doc = "ack, snooze, ...: who (default: who runs this)" }

void act_args_init(struct act_args *args);
/* One of the verbs? */
bool act_is_verb(const char *word);
/* `tocsin incident VERB ID...`; shows the incidents as they are then. */
int incident_act(const struct command *command, const struct remote *remote, const struct act_args *args,
    const struct arg_words *words);
/* `tocsin alert VERB FINGERPRINT|MATCHER...`: each incident that such an alert is in, once. */
int alert_act(const struct command *command, const struct remote *remote, const struct act_args *args,
    const struct arg_words *words);
/* A table of the incidents in an answer. */
void incidents_print(json_object *answer);
