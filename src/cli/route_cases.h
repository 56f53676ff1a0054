/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expectations of a configuration's routing, as a YAML file:
 *
 *   config: tocsin.yml
 *   cases:
 *   - name: at night nobody is told of a slow pod
 *     alert: {alertname: Slow, pod: p1}
 *     firing: [{alertname: NodeDown, node: n1}]     # what else fires then
 *     silences: ['team="ml", env=~"test|dev"']      # each one silence
 *     at: 2026-11-20T03:00:00Z
 *     expect: {receivers: [], muted: true}
 *
 * `receivers` are those who are told in the end, in the order of the routes;
 * `routes_to` are those before silences, inhibition and time are looked at.
 * What a case does not mention is not compared.
 */
#pragma once

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "config/config.h"

#define ROUTE_CASE_ALERTS_MAX 1000 /* that fire at the same time, in one case */

struct route_cases;

/*
 * Reads the file and the configuration it names; config_path, if not NULL,
 * takes that one's place.  NULL with findings in diag.
 */
struct route_cases *route_cases_read(const char *path, const char *config_path, struct diag *diag);
void route_cases_free(struct route_cases *cases); /* accepts NULL */
uint32_t route_cases_count(const struct route_cases *cases);
/* Appends a line for people per case, or, when json is not NULL, an object per case to that list. Returns how many failed. */
uint32_t route_cases_run(const struct route_cases *cases, struct buf *out, json_object *json);
