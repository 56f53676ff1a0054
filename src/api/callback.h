/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that carry their own proof instead of credentials: a service's
 * signature, a signed link.
 *
 * What cannot prove itself is refused, counted, and noted in the audit log, a
 * bounded number of times a minute, so that nobody fills it from outside.
 */
#pragma once

#include "api/handlers.h"

#define CALLBACK_BODY_MAX (1u << 20)
#define CALLBACK_NOTES_MAX 10 /* refusals noted in a minute */

/* from: "pagerduty"; answers with the status and what was wrong. */
void callback_refuse(struct api *api, struct http_call *call, const char *from, int status, const char *fmt, ...)
    PRINTF(5, 6);
/* Counts and notes it; the answer is the caller's. */
void callback_note(struct api *api, struct http_call *call, const char *from, const char *why);
/* Does the proof fit this secret? */
typedef bool callback_fits_fn(const void *arg, struct str secret);
/* A member of what is perhaps an object; NULL: there is none. */
struct json_object *callback_member(struct json_object *object, const char *name);
/* ... as a text; "" when it is none. */
const char *callback_text(struct json_object *object, const char *name);
/*
 * slack_silence.c: silences what has the labels of the incident's group; ret_said: a text for the channel.
 * word: one of slack_lengths.
 */
int slack_silence(struct api *api, const struct incident *incident, struct str word, const char *by, struct buf *ret_said,
    struct err *err);
/*
 * Tries the secrets of all integrations of this kind ("pagerduty"), each once.  The one that fits, or NULL;
 * *ret_any: there are secrets at all.
 */
const struct integration_config *callback_signer(const struct api *api, const char *kind, callback_fits_fn *fits,
    const void *arg, bool *ret_any);
