/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match[] of the rules API: series selectors, looked up in the labels of rules
 * as they are configured.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "labels/matcher.h"

struct http_call;

struct rule_selectors { /* any of them will do; none: every rule */
	struct matchers **list;
	uint32_t n;
};

/* False: answered already, and there is nothing to free. */
bool rule_selectors_read(struct http_call *call, struct rule_selectors *ret);
void rule_selectors_fini(struct rule_selectors *selectors);
bool rule_selectors_match(const struct rule_selectors *selectors, const struct rule_config *rule);
