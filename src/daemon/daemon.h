/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tocsin serve`: makes the rooms, wires them, reloads, shuts down.
 *
 * Start: configuration, store, restore (meta, alerts, rules, groups, log,
 * deliveries, silences), then the server, then the groups' timers and the
 * rules' slots.  Reload builds the new generation beside the old one and
 * swaps it whole, or changes nothing.  SIGHUP reloads, SIGTERM and SIGINT
 * stop: no new slots, deliveries finish (10 s), the store commits, all is
 * freed.
 */
#pragma once

#include <stdbool.h>

#include "api/api.h"
#include "base/err.h"
#include "base/instant.h"

struct daemon_options {
	const char *config_path;      /* tocsin.yml */
	const char *storage_path;     /* data/ */
	const char *const *listen;    /* NULL-terminated; default localhost:9093 */
	const char *external_url;     /* NULL: http://HOST:PORT of the first listener */
	const char *route_prefix;     /* NULL: the path of external_url */
	const char *web_config_path;  /* TLS and users; NULL: none */
	dur_t retention;              /* 120h */
	dur_t audit_retention;        /* 2160h; never shorter than retention */
	bool receiver_names;          /* in metrics that Alertmanager has without */
	dur_t start_delay;            /* no group is flushed before it has passed */
	struct api_limits limits;
};

/* Runs until stopped; exit code. Configuration findings go to stderr. */
int daemon_run(const struct daemon_options *options);
