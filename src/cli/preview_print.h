/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an integration would send, for people and for programs.  Secrets of
 * the integration are hidden wherever they appear; mail and forms are shown
 * decoded, JSON indented.
 */
#pragma once

#include <json-c/json_object.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/preview.h"
#include "config/config.h"

/*
 * Appends the text, or adds an object to the list if json is not NULL.  0, or
 * negative when the notification cannot be rendered.
 */
int preview_put_integration(struct preview *preview, const struct config *config, const struct receiver_config *receiver,
    const struct integration_config *integration, struct buf *out, json_object *json, struct err *err);
