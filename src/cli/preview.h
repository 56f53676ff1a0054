/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A notification made of JSON instead of alerts that were routed here: the
 * built-in sample, a file, or a live server's group.  It is what a receiver's
 * render() gets, so that a preview shows what would be sent.
 */
#pragma once

#include <json-c/json_object.h>

#include "base/err.h"
#include "base/instant.h"
#include "config/config.h"
#include "receiver/receiver.h"
#include "template/template.h"

#define PREVIEW_ALERTS_MAX 10000

struct preview;

/* Two alerts that fire and one that is over, as JSON in the form below. */
extern const char preview_sample[];

struct preview_options {
	const struct config *config;   /* NULL: group labels are the data's own, or the alertname */
	const char *receiver;
	const char *external_url;      /* NULL: the data's, else http://localhost:9093 */
	struct str group_key;          /* "": made from the configuration */
	wall_t now;
};

/*
 * From what Alertmanager's webhook sends ({"alerts": [...], "groupLabels":
 * {...}}), a group of /api/v2/alerts/groups, or a list of alerts as posted.
 * NULL and err when it is none of these.
 */
struct preview *preview_new(json_object *data, const struct preview_options *options, struct err *err);
void preview_free(struct preview *preview); /* accepts NULL */
/* As a receiver with this send_resolved gets it; lives as long as the preview. NULL: it would not be told. */
const struct notification *preview_notification(struct preview *preview, bool send_resolved);
/* The same for a template alone; data points into the preview. */
void preview_template_data(struct preview *preview, struct template_data *ret);
