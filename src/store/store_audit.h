/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who changed what: append only, kept for audit_retention.
 *
 * A row is written in the turn that makes the change, and so is durable with
 * it: whoever was told that the change was made finds it here.  API handlers
 * call audit_note() (api/audit.h), which fills in who and from where.
 */
#pragma once

#include "base/err.h"
#include "base/instant.h"
#include "base/str.h"

struct store;

struct audit_row {
	int64_t id;        /* set by the store when 0 */
	wall_t at;
	struct str actor;  /* "alice", "token:ci", "slack:U024BE7LH"; empty: nobody said who */
	struct str source; /* the address it came from, "signal", "email link", ... */
	struct str action; /* what was done, a word for the thing first: "silence.create" */
	struct str object; /* to what: the silence's id, the receiver's name, ... */
	struct str detail; /* for people; never a secret */
};

#define AUDIT_OBJECT_MAX 512  /* bytes; longer ones are cut */
#define AUDIT_DETAIL_MAX 2048

void store_audit_add(struct store *store, const struct audit_row *row);

struct audit_query {
	wall_t since, until;              /* since <= at < until; WALL_NONE: open */
	struct str actor, object;         /* empty: any */
	struct str action;                /* whole or up to a dot: "silence"; empty: any */
	uint32_t limit;                   /* 1..1000 */
	int64_t before_id;                /* 0: from the newest; else the last id of the page before */
};
/* rows: newest first by id, valid during the call; err as in store_history_fn. */
typedef void store_audit_fn(void *arg, const struct audit_row *rows, uint32_t n, const struct err *err);
void store_audit_query(struct store *store, const struct audit_query *query, store_audit_fn *fn, void *arg);
