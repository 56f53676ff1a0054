/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of this room share: notifications, settings from YAML, and
 * texts to compare with.
 *
 * A story is a notification that an Alertmanager 0.25 has sent: it is read
 * from the webhook body caught from it, golden/NAME.alertmanager-webhook.json;
 * beside it lie the Slack and PagerDuty bodies of the same flush.
 */
#pragma once

#include <check.h>
#include <json-c/json.h>

#include "base/arena.h"
#include "base/diag.h"
#include "receiver/receiver.h"

/* For inner loops: check writes a record for every ck_assert() that holds. */
#define REQUIRE(what)                                                          \
	do {                                                                   \
		if (!(what))                                                   \
			ck_abort_msg("%s", #what);                             \
	} while (0)

#define STORIES 5
extern const char *const story_names[STORIES];

struct story {
	struct arena *arena;
	struct notified_alert *alerts;
	struct notification n;
	struct config_global global; /* what settings fall back to */
	const struct template_set *templates; /* what texts may use; NULL: nothing */
};

struct story story_load(const char *name);
/* count alerts with these labels ("a=1 b=2", "#" becomes the alert's number) and annotations ("name=text|name=text"). */
struct story story_make(uint32_t count, const char *labels, const char *annotations);
void story_free(struct story *story);

/* Settings as the configuration would have made them; findings fail the test. */
const void *settings_read(struct story *story, const struct receiver_ops *ops, const char *yaml);
/* The first finding's text in the arena, "" when there is none. */
const char *settings_complaint(struct story *story, const struct receiver_ops *ops, const char *yaml);

struct rendered {
	struct xfer_request request;
	int rc;
	struct err err;
};
struct rendered render(struct story *story, const struct receiver_ops *ops, const void *settings);
void rendered_free(struct rendered *rendered);

struct str file_text(struct arena *arena, const char *name); /* in golden/ */
/* Equal to golden/NAME, or written there when UPDATE_GOLDEN is set. */
void same_as_golden(struct arena *arena, const char *name, struct str got);

/* json-c by path: "attachments.0.title"; NULL when absent. */
struct json_object *json_at(struct json_object *root, const char *path);
const char *json_text_at(struct json_object *root, const char *path);
struct json_object *json_parse(struct str text); /* fails the test when it is none */

struct xfer_response answer(int status, const char *body);
struct xfer_response no_answer(enum err_code failure, const char *text);

/* RFC 2045, 6.7: what a reader of mail does (test_mime.c). */
void decode_qp(struct str text, struct buf *out);
/* ASCII, CRLF, lines of at most max, none that ends in white space. */
void check_lines(struct str text, uint32_t max);

/* Method, URL, headers and body, as golden files have them. */
void put_request(const struct xfer_request *request, struct buf *out);

TCase *case_ack_link(void);
TCase *case_email(void);
TCase *case_incident(void);
TCase *case_log(void);
TCase *case_message(void);
TCase *case_mime(void);
TCase *case_pagerduty(void);
TCase *case_payload(void);
TCase *case_slack(void);
TCase *case_steps(void);
TCase *case_stock(void);
TCase *case_types(void);
TCase *case_types_settings(void);
TCase *case_text(void);
TCase *case_webhook(void);
