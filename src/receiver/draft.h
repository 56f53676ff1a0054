/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message being written: JSON members, expanded templates, limits.
 *
 * What a function returns as struct str lives in the draft's arena.
 */
#pragma once

#include "receiver/receiver.h"

struct draft {
	const struct notification *n;
	struct arena *arena;
	struct buf *out;
	struct buf scratch; /* freed by draft_fini() */
};

struct draft draft_new(const struct notification *n, struct arena *arena, struct buf *out);
void draft_fini(struct draft *d);
/* "key": with the comma that separates it from the member before. */
void draft_key(struct draft *d, const char *key);
void draft_text(struct draft *d, const char *key, struct str text);  /* left out when empty */
void draft_given(struct draft *d, const char *key, struct str text); /* also when empty */
void draft_item(struct draft *d, struct str text); /* of a list */
void draft_open(struct draft *d, const char *key, char bracket);     /* key NULL: an item of a list */
/* What the template says, else the text; html: {{ }} are escaped. */
struct str draft_expanded(struct draft *d, const struct template *t, struct str otherwise);
struct str draft_html(struct draft *d, const struct template *t, struct str otherwise);
struct str draft_cut(struct draft *d, struct str text, uint32_t max_runes);
struct str draft_cut_bytes(struct draft *d, struct str text, uint32_t max_bytes);
/* Cut HTML without halving a tag or an entity; open tags are closed. At most max_runes. */
struct str draft_cut_html(struct draft *d, struct str html, uint32_t max_runes);
struct str draft_subject(struct draft *d);
struct str draft_link(struct draft *d);
struct str draft_hash(struct draft *d); /* of the group key, as Alertmanager's Key.Hash() */
/* The secret's text, trimmed; what: "Opsgenie API key", for the error. */
int draft_secret(struct draft *d, const struct secret *secret, const char *what, struct str *ret, struct err *err);
/* The same of one that may be a template, inline or in its file; one that expands to nothing is an error. */
int draft_secret_text(struct draft *d, const struct secret_text *secret, const char *what, struct str *ret, struct err *err);
/* The same for who writes no draft: appends. */
int secret_text_put(const struct secret_text *secret, const struct notification *n, const char *what, struct buf *out, struct err *err);
/* A POST of JSON; the URL is still to be written. */
void draft_post(struct xfer_request *request, const struct integration_common *common);
void draft_header(struct xfer_request *request, struct arena *arena, const char *name, const char *value); /* the only one */

/* Two members of a JSON answer, as text; "" when absent. parsed: it was a JSON object. */
struct draft_reply {
	bool parsed;
	char first[200], second[200];
};
struct draft_reply draft_reply(struct str body, const char *first, const char *second);
/* Where the answer refuses: in its own words, the first of two members (second may be NULL) that has some. */
void draft_say_refusal(struct verdict *verdict, const struct xfer_response *response, const char *first, const char *second);
/* A dotted path ("parameters.retry_after") to a number of seconds becomes the verdict's retry_after. */
void draft_retry_after(struct verdict *verdict, struct str body, const char *path);

/*
 * Takes a secret out of the verdict's words: a server may repeat the URL it
 * was asked for.  Of a secret URL, what follows the host is the secret.
 */
void draft_hide(struct verdict *verdict, const struct secret *secret);
void draft_hide_text(struct verdict *verdict, const struct secret_text *secret, const struct notification *n);

/* An empty one is none, as it is to Alertmanager: what writes its configurations may have nothing to say. */
static inline bool
secret_is_set(const struct secret *secret)
{
	return (secret->value != NULL && secret->value[0] != '\0') || secret->file != NULL;
}

/* Appends a path to a base URL with exactly one slash between them. */
void draft_path(struct buf *url, const char *base, const char *path);

/* A row of a settings table for a template over the notification. */
/* clang-format off */
#define TEMPLATE_ROW(T, member, key, more, text)                               \
	{ .name = (key), .kind = FIELD_TEMPLATE,                               \
	    .flags = FIELD_NOTIFICATION | (more),                              \
	    .offset = offsetof(struct T, member), .doc = (text) }
/* The same; when absent, a stock template of Alertmanager that the user has defined anew. */
#define STOCK_ROW(T, member, key, from, text)                                  \
	{ .name = (key), .kind = FIELD_TEMPLATE, .flags = FIELD_NOTIFICATION,  \
	    .stock = (from), .offset = offsetof(struct T, member), .doc = (text) }
/* clang-format on */
