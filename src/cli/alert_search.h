/* SPDX-License-Identifier: Apache-2.0 */
/* Which alerts are meant by a name, a fingerprint or matchers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/args.h"
#include "cli/remote.h"

#define ALERT_SEARCH_MAX   5
#define FINGERPRINT_LENGTH 16

struct alert_search {
	char found[ALERT_SEARCH_MAX][FINGERPRINT_LENGTH + 1];
	uint32_t n;
	uint32_t more; /* found beyond ALERT_SEARCH_MAX */
};

bool alert_is_fingerprint(const char *word);
void alert_search_found(struct alert_search *search, const char *fingerprint);
/* Among what fires now; words from `first` on. An exit code. */
int alert_search_firing(const struct remote *remote, const struct arg_words *words, uint32_t first,
    struct alert_search *search);
/* In the history, before `until` where it is not NULL. */
int alert_search_history(const struct remote *remote, const struct arg_words *words, uint32_t first,
    const char *until, struct alert_search *search);
