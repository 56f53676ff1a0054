/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log, as handlers write it: in the turn that makes the change and
 * before the answer, so that the row is durable with both.
 *
 * Words in use (thing.verb): silence.create, silence.update, silence.expire,
 * config.reload, config.reload_failed, login.failed, login.throttled.
 */
#pragma once

#include "api/api.h"
#include "base/attr.h"

/* Actor and source are the call's. fmt: for people, "" for nothing; no secrets. */
void audit_note(struct api_state *state, const struct http_call *call, const char *action, struct str object,
    const char *fmt, ...) PRINTF(5, 6);
/* For a change that somebody made by another way: "slack:U024BE7LH" from "slack". */
void audit_note_as(struct api_state *state, const char *actor, const char *source, const char *action,
    struct str object, const char *fmt, ...) PRINTF(6, 7);
