/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a Jira receiver, and the issue they make. */
#pragma once

#include "receiver/draft.h"
#include "receiver/payload.h"

/* A field that may be kept from changing an issue that is there. */
struct jira_text {
	struct template *template;
	bool enable_update;
};

struct jira_labels {
	struct template **items;
	uint32_t n;
	bool given, enable_update;
};

struct jira_settings {
	struct integration_common common;
	const char *api_url;
	int api_type;
	struct template *project, *issue_type, *priority;
	struct jira_text summary, description;
	struct jira_labels labels;
	struct payload *fields;
	const char *reopen_transition, *resolve_transition, *wont_fix_resolution;
	dur_t reopen_duration;
};

/* "ALERT{...}": by this label the group's issue is found again, Alertmanager's too. */
struct str jira_group_label(struct draft *d);
/* {"fields":{...}}; is_new: else only what may be updated. */
void jira_put_issue(struct draft *d, const struct jira_settings *jira, bool is_new);
