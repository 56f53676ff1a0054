/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What silences do by themselves: those made "until resolved" end some minutes
 * after the last alert they silenced has; and where the configuration asks for
 * it (`silence_expiry_notice`), the alert TocsinSilenceExpiring fires for each
 * silence that is about to end, until it has.  That alert goes the way of any
 * other: through the routes, to whom they name.
 *
 * Looks around every SILENCE_WATCH_INTERVAL, a little per turn.
 */
#pragma once

#include "config/config.h"
#include "loop/loop.h"
#include "route/alerts.h"
#include "route/silences.h"

#define SILENCE_WATCH_INTERVAL DUR_S(15)
#define SILENCE_NOTICE_ALERT "TocsinSilenceExpiring"

struct silence_watch;

struct silence_watch *silence_watch_new(struct loop *loop, struct alerts *alerts, struct silences *silences);
void silence_watch_free(struct silence_watch *watch); /* accepts NULL */
void silence_watch_apply(struct silence_watch *watch, const struct config *config);
/* After everything has been restored. */
void silence_watch_start(struct silence_watch *watch);
void silence_watch_stop(struct silence_watch *watch);
