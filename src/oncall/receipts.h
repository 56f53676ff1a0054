/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has been used up and counts once only: links in mails, callbacks that
 * their senders repeat.  A receipt is kept, in memory and in the store, until
 * what it is for would be refused as too old anyway.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/str.h"

#define RECEIPTS_MAX 100000
#define RECEIPT_KEY_MAX 200 /* bytes */

struct receipts;
struct store;

struct receipts *receipts_new(struct store *store); /* store may be NULL */
void receipts_free(struct receipts *receipts);      /* accepts NULL */
void receipts_restore(struct receipts *receipts, struct str key, wall_t expires_at);

enum receipt {
	RECEIPT_TAKEN,   /* now, durable with the turn */
	RECEIPT_USED,    /* it had been before */
	RECEIPT_REFUSED, /* there are too many, or the key is too long: nothing may be done for it */
};
/* key: "pagerduty:EVENT"; whoever takes it acts on it in the same turn. */
enum receipt receipts_take(struct receipts *receipts, struct str key, wall_t expires_at);
/* Has it been taken? */
bool receipts_has(const struct receipts *receipts, struct str key);
void receipts_gc(struct receipts *receipts, wall_t now);
