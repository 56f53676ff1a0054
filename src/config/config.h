/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one immutable, reference-counted generation.
 *
 * config_load() reads tocsin.yml (a superset of alertmanager.yml) and every
 * rule file it names; with one error anywhere nothing is returned and all
 * findings are in diag.  Everything lives in the generation's arena.
 *
 * What is specific to a receiver type, a source type or a rule kind is
 * described by tables that those rooms export and the caller passes in
 * (struct config_kinds): config knows their names and schemas, not their
 * meaning.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/instant.h"
#include "config/flag.h"
#include "config/health.h"
#include "config/oncall.h"
#include "config/schema.h"
#include "config/time_intervals.h"
#include "labels/labels.h"
#include "labels/matcher.h"
#include "net/options.h"
#include "net/reach.h"
#include "template/template.h"

#define RULES_MAX 200000
#define RULE_FILES_MAX 10000
#define TEMPLATE_FILES_MAX 1000

struct config_global {
	dur_t resolve_timeout; /* 5m */
	dur_t silence_expiry_notice; /* 0: none */
	const struct http_options *http; /* global http_config or NULL */
	const char *smtp_from, *smtp_hello, *smtp_smarthost; /* host:port */
	const char *smtp_auth_username, *smtp_auth_identity;
	struct secret smtp_auth_password, smtp_auth_secret;
	bool smtp_require_tls; /* true */
	enum flag smtp_force_implicit_tls;
	const struct tls_options *smtp_tls;
	struct secret slack_api_url, slack_app_token, slack_signing_secret;
	const char *slack_app_url; /* https://slack.com/api/chat.postMessage */
	const char *pagerduty_url; /* https://events.pagerduty.com/v2/enqueue */
	const char *opsgenie_api_url, *victorops_api_url, *telegram_api_url, *webex_api_url;
	struct secret_text opsgenie_api_key;
	struct secret victorops_api_key, telegram_bot_token;
	const char *rocketchat_api_url, *jira_api_url, *wechat_api_url, *wechat_api_corp_id;
	struct secret rocketchat_token, rocketchat_token_id, mattermost_webhook_url;
	struct secret_text wechat_api_secret;
	struct pos pos;
};

/* First member of every receiver type's settings. */
struct integration_common {
	bool send_resolved;
	const struct http_options *http; /* local http_config, else the global one, else NULL */
	struct pos pos;
};

/* The rows every receiver type has; resolved: "true" or "false". */
#define INTEGRATION_FIELDS(resolved) \
	{ .name = "send_resolved", .kind = FIELD_BOOL, .fallback = (resolved), \
	    .offset = offsetof(struct integration_common, send_resolved), \
	    .doc = "Tell when the alerts are over, too." }, \
	{ .name = "http_config", .kind = FIELD_SUB, .sub = &schema_http_config, \
	    .offset = offsetof(struct integration_common, http), \
	    .doc = "How to talk to the server; replaces the global one as a whole." }

/* A receiver type: "slack" is configured by `slack_configs`. */
struct integration_kind {
	const char *name;
	const struct schema *schema; /* settings start with struct integration_common; INTEGRATION_FIELDS are its first rows */
	bool ours;                   /* not in Alertmanager */
	/* Fills what is absent from global and checks the whole; may be NULL. */
	void (*finish)(struct schema_context *ctx, void *settings, const struct config_global *global);
};

/* A source type: `type: prometheus`. The common keys (name, type, timeout, max_concurrency) are config's. */
struct source_kind {
	const char *name;
	const struct schema *schema;
	void (*finish)(struct schema_context *ctx, void *settings);
	bool (*can_write)(const void *settings); /* can recorded series be written there? NULL: never */
	bool (*promql)(const void *settings);    /* are its queries PromQL? NULL: no */
	bool series;                             /* its answers are series of one number each, not columns */
};

struct config;
struct rule_config;
/* A rule kind: `threshold: {...}` in a rule. `expr` is one too, with a scalar. */
struct rule_kind_schema {
	const char *name;
	const struct schema *schema; /* with .scalar for expr */
	/*
	 * Checks the whole rule, e.g. against its source's kind; sets rule->query_text. May be NULL.
	 * rule->source is NULL when a rule file is checked alone: then only what holds for any source.
	 */
	void (*finish)(struct schema_context *ctx, struct rule_config *rule);
	/*
	 * Called once, when there is a rule of this kind and all rule files have been read: what
	 * holds for rules together.  complete: no rule is missing, since it is not a rule file that
	 * is checked alone.  May be NULL.
	 */
	void (*check_all)(struct schema_context *ctx, const struct config *config, bool complete);
	bool min_samples; /* the kind heeds rule->min_samples */
	/* Appends what gives the condition its meaning (not `for`, not annotations), for the rule's identity. */
	void (*identity)(const struct rule_config *rule, struct buf *out);
};

struct config_kinds {
	const struct integration_kind *const *integrations; /* NULL-terminated */
	const struct source_kind *const *sources;
	const struct rule_kind_schema *const *rules;
};

struct integration_config {
	const struct integration_kind *kind;
	const void *settings; /* kind's struct; starts with integration_common */
	uint32_t index;       /* among those of the same kind in this receiver */
};
#define INTEGRATION_COMMON(i) ((const struct integration_common *)(i)->settings)

struct receiver_config {
	const char *name;
	struct string_map labels; /* sorted by name; its own name is not among them */
	struct integration_config *integrations;
	uint32_t n_integrations;
	const struct budget_config *budget;   /* NULL: no bound */
	const struct breaker_config *breaker; /* NULL: each message is tried for itself */
	const struct receiver_config *fallback; /* NULL: none */
	dur_t fallback_after;                 /* of the breaker's opening */
	struct pos pos;
};

struct route_config {
	uint32_t index;                   /* pre-order number, root is 0 */
	const struct route_config *parent;
	struct route_config **children;
	uint32_t n_children;
	struct matchers *matchers;        /* own ones; NULL: all */
	const struct receiver_config *receiver; /* inherited if not given */
	bool group_by_all;
	struct str *group_by;             /* sorted */
	uint32_t n_group_by;
	dur_t group_wait, group_interval, repeat_interval; /* inherited, with defaults applied */
	bool continue_;
	const struct time_interval **mute_intervals, **active_intervals; /* not inherited */
	uint32_t n_mute_intervals, n_active_intervals;
	struct template_map labels;       /* the parents' merged in, sorted */
	bool deliver_held_resolves, notify_on_unsilence; /* inherited */
	const struct flap_config *flap; /* inherited; NULL: not looked for */
	const struct escalation_policy *escalation; /* inherited; NULL: none */
	const char *key;                  /* "{}/{a=\"b\"}": group key up to the colon */
	const char *id;                   /* key, made unique among routes with the same key; for the store */
	struct pos pos;
};

struct inhibit_config {
	const char *name;
	struct matchers *source, *target; /* both NULL: no matchers at all, inert */
	struct str *equal;
	uint32_t n_equal;
	struct pos pos;
};

struct source_config {
	const char *name;
	const struct source_kind *kind;
	const void *settings;
	dur_t timeout;          /* 10s */
	uint32_t max_concurrency; /* 32 */
	uint32_t index;
	struct pos pos;
};

enum on_no_data { ON_NO_DATA_OK, ON_NO_DATA_KEEP, ON_NO_DATA_ALERT };
enum on_error { ON_ERROR_KEEP, ON_ERROR_ALERT };
#define FOR_POINTS_MAX 64

struct rule_config {
	const struct rule_group_config *group;
	uint32_t index;               /* in its group */
	const char *name;             /* alert, or record */
	bool recording;               /* kind is expr; labels are in `literals`, there are no annotations */
	const struct source_config *source;
	const struct rule_kind_schema *kind;
	const void *settings;         /* kind's struct */
	dur_t for_, keep_firing_for;  /* 0 when absent */
	enum on_no_data on_no_data;
	enum on_error on_error;
	dur_t max_age;                /* DUR_UNSET: none */
	struct for_points {
		uint32_t n, of;       /* breaches among the last data points, each counted once; n 0: not asked for */
	} for_points;
	uint32_t min_samples;         /* 0: the kind's own */
	struct template_map labels;   /* group labels merged in, `severity:` too */
	struct template_map annotations; /* `runbook_url:` too */
	struct string_map literals;   /* a recording rule's labels, its group's merged in, sorted */
	const char *query_text;       /* shown by /api/v1/rules; as Prometheus prints it when it is PromQL */
	bool promql;                  /* query_text was read as PromQL */
	const char *identity;         /* hex digest: group, name, source, condition, labels, ordinal of equals */
	struct pos pos;
};

struct rule_group_config {
	const char *name, *file;
	dur_t interval, query_offset;
	bool interval_assumed; /* it gives none, and no configuration says what the default is */
	int64_t limit; /* 0: none */
	const struct source_config *source;
	struct rule_config *rules;
	uint32_t n_rules;
	uint32_t index;
	struct pos pos;
};

struct config {
	uint32_t refs;
	struct arena *arena;
	const char *path;
	struct config_global global;
	struct route_config *root;    /* NULL: a rules-only configuration */
	struct route_config **routes; /* by index */
	uint32_t n_routes;
	struct receiver_config *receivers;
	uint32_t n_receivers;
	struct inhibit_config *inhibit_rules;
	uint32_t n_inhibit_rules;
	struct time_interval *time_intervals;
	uint32_t n_time_intervals;
	struct heartbeat_config *heartbeats;
	uint32_t n_heartbeats;
	struct expected_heartbeat *expected;
	uint32_t n_expected;
	struct oncall_user *users;
	uint32_t n_users;
	struct schedule_config *schedules;
	uint32_t n_schedules;
	struct escalation_policy *policies;
	uint32_t n_policies;
	struct quiet_hours *quiet_hours;
	uint32_t n_quiet_hours;
	struct source_config *sources;
	uint32_t n_sources;
	struct rule_group_config *groups;
	uint32_t n_groups, n_rules;
	dur_t evaluation_interval;
	struct labels *external_labels;
	struct reach reach;  /* of messages to receivers */
	struct str original; /* pure Alertmanager projection of the file, secrets hidden: /api/v2/status */
	char hash[17];       /* of the files' bytes: tells generations apart */
};

/* +1 reference, or NULL with findings in diag. Loop thread (interns labels). */
struct config *config_load(const char *path, const struct config_kinds *kinds, struct diag *diag);
/*
 * `tocsin check FILE`: tells a configuration from a rule file by its keys and
 * checks it alone; a rule file is checked without its sources' kinds known
 * (expr is taken as Prometheus unless the group names a source of `with`).
 * Returns the number of rules seen, or -1 when there were errors.  ret_config
 * (may be NULL) gets what was read, +1 reference; a rule file's has only rules.
 */
int config_check_file(const char *path, const struct config_kinds *kinds, const struct config *with, struct diag *diag,
    struct config **ret_config);
struct config *config_ref(struct config *config);
void config_unref(struct config *config); /* accepts NULL */
const struct receiver_config *config_receiver(const struct config *config, const char *name);
const struct time_interval *config_time_interval(const struct config *config, const char *name);
const struct oncall_user *config_user(const struct config *config, struct str name);
const struct schedule_config *config_schedule(const struct config *config, struct str name);
const struct escalation_policy *config_policy(const struct config *config, struct str name);
const struct source_config *config_source(const struct config *config, const char *name);
/*
 * A query as its meaning has it: without the white space that separates
 * nothing.  Quoted text stays as it is.  For identity().
 */
void config_normalize_query(struct str query, struct buf *out);
/* The two JSON Schemas, from the tables. */
void config_put_json_schema(const struct config_kinds *kinds, bool rules, struct buf *out);
void config_put_manual(const struct config_kinds *kinds, struct buf *out);
