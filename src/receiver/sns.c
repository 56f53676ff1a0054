/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amazon SNS: a message to a topic, a phone or a mobile app, by its query API.
 *
 * Who sends is said by keys, of the configuration or of the environment; roles
 * and profiles are for programs that carry Amazon's library.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "receiver/draft.h"
#include "receiver/sigv4.h"
#include "receiver/text.h"
#include "receiver/types.h"

#define API_VERSION       "2010-03-31"
#define MESSAGE_BYTES_MAX 262144u
#define SMS_RUNES_MAX     1600
#define SUBJECT_RUNES_MAX 99
#define OWN_BYTES_MAX     8000
#define OWN_SMS_BYTES_MAX 1200

struct sns_sigv4 {
	const char *region;
	const char *access_key;
	struct secret secret_key;
	const char *token; /* of the environment */
};

struct sns_settings {
	struct integration_common common;
	struct template *api_url, *topic_arn, *phone_number, *target_arn, *subject, *message;
	const struct sns_sigv4 *sigv4;
	struct template_map attributes;
};

/* ---- the message ---------------------------------------------------------------------- */

static void
put_pair(struct buf *out, const char *key, struct str value)
{
	if (out->n > 0)
		buf_putc(out, '&');
	buf_puts(out, key);
	buf_putc(out, '=');
	url_escape(out, value);
}

static struct str
own_message(struct draft *d, bool is_sms)
{
	struct text_limit limit = { is_sms ? OWN_SMS_BYTES_MAX : OWN_BYTES_MAX, true };
	struct buf text = { 0 };
	struct str copy;

	if (is_sms) {
		message_put_line(&text, draft_subject(d), 200);
		buf_putc(&text, '\n');
	}
	text_put_alerts(d->n, MARKUP_PLAIN, limit, &text);
	if (!is_sms) {
		buf_puts(&text, "\n\n");
		buf_put_str(&text, draft_link(d));
	}
	copy = arena_str(d->arena, buf_str(&text));
	buf_fini(&text);
	return copy;
}

static struct str
message_of(struct draft *d, const struct sns_settings *sns)
{
	bool is_sms = sns->phone_number != NULL;
	struct str text = sns->message != NULL ? draft_expanded(d, sns->message, STR(""))
					       : own_message(d, is_sms);

	return is_sms ? draft_cut(d, text, SMS_RUNES_MAX)
		      : draft_cut_bytes(d, text, MESSAGE_BYTES_MAX);
}

static void
put_attribute(struct draft *d, uint32_t i, const char *name, struct str value)
{
	const char *entry = arena_printf(d->arena, "MessageAttributes.entry.%u.", i);

	put_pair(d->out, arena_printf(d->arena, "%sName", entry), str_from(name));
	put_pair(d->out, arena_printf(d->arena, "%sValue.DataType", entry), STR("String"));
	put_pair(d->out, arena_printf(d->arena, "%sValue.StringValue", entry), value);
}

static void
put_attributes(struct draft *d, const struct template_map *given)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < given->n; i++) {
		struct str value = draft_expanded(d, given->pairs[i].template, STR(""));

		/* SNS refuses an empty one, and the message with it. */
		if (value.n > 0)
			put_attribute(d, ++n, given->pairs[i].key, value);
	}
}

static void
put_form(struct draft *d, const struct sns_settings *sns, struct str topic)
{
	struct str subject = draft_expanded(d, sns->subject, draft_subject(d));

	put_pair(d->out, "Action", STR("Publish"));
	put_pair(d->out, "Version", STR(API_VERSION));
	if (topic.n > 0)
		put_pair(d->out, "TopicArn", topic);
	else if (sns->phone_number != NULL)
		put_pair(
		    d->out, "PhoneNumber", str_trim(draft_expanded(d, sns->phone_number, STR(""))));
	else
		put_pair(
		    d->out, "TargetArn", str_trim(draft_expanded(d, sns->target_arn, STR(""))));
	if (str_ends(topic, STR(".fifo"))) {
		put_pair(d->out, "MessageDeduplicationId", draft_hash(d));
		put_pair(d->out, "MessageGroupId", draft_hash(d));
	}
	buf_clear(&d->scratch);
	message_put_line(&d->scratch, str_trim(subject), SUBJECT_RUNES_MAX);
	if (d->scratch.n > 0 && sns->phone_number == NULL)
		put_pair(d->out, "Subject", arena_str(d->arena, buf_str(&d->scratch)));
	put_pair(d->out, "Message", message_of(d, sns));
	put_attributes(d, &sns->attributes);
}

/* ---- the request ---------------------------------------------------------------------- */

/* arn:aws:sns:us-east-2:123456789012:topic, or https://sns.us-east-2.amazonaws.com */
static struct str
region_of(const struct sns_settings *sns, struct str arn, struct str url)
{
	const char *p = arn.p, *end = arn.p + arn.n, *next;

	if (sns->sigv4->region != NULL && sns->sigv4->region[0] != '\0')
		return str_from(sns->sigv4->region);
	if (str_starts(url, STR("https://sns."))) {
		p = url.p + 12;
		next = memchr(p, '.', url.n - 12);
		return next != NULL ? str_make(p, (uint32_t)(next - p)) : STR("");
	}
	for (int i = 0; i < 3; i++) {
		p = memchr(p, ':', (size_t)(end - p));
		if (p == NULL)
			return STR("");
		p++;
	}
	next = memchr(p, ':', (size_t)(end - p));
	return next != NULL ? str_make(p, (uint32_t)(next - p)) : STR("");
}

static int
sign(struct draft *d, const struct sns_settings *sns, struct str region,
    struct xfer_request *request, struct err *err)
{
	struct http_header *headers = ARENA_ARRAY(d->arena, SIGV4_HEADERS_MAX, struct http_header);
	struct sigv4_key key = { .id = str_from(sns->sigv4->access_key),
		.token = str_from(sns->sigv4->token),
		.region = region,
		.service = "sns" };
	int rc = draft_secret(d, &sns->sigv4->secret_key, "Amazon secret_key", &key.secret, err);

	if (rc < 0)
		return rc;
	request->n_headers = sigv4_sign(&key, buf_str(&request->url), buf_str(&request->body),
	    d->n->sending_at, d->arena, headers);
	request->headers = headers;
	return 0;
}

static int
sns_render(const void *settings, const struct notification *n, struct arena *arena,
    struct xfer_request *request, struct err *err)
{
	const struct sns_settings *sns = settings;
	struct draft d = draft_new(n, arena, &request->body);
	struct str topic = str_trim(draft_expanded(&d, sns->topic_arn, STR("")));
	struct str target = str_trim(draft_expanded(&d, sns->target_arn, STR("")));
	struct str url = str_trim(draft_expanded(&d, sns->api_url, STR("")));
	struct str region = region_of(sns, topic.n > 0 ? topic : target, url);
	int rc;

	draft_post(request, &sns->common);
	request->content_type = "application/x-www-form-urlencoded";
	if (region.n == 0)
		rc = err_set(err, ERR_INVALID, "no region: give sigv4.region");
	else {
		if (url.n > 0)
			buf_put_str(&request->url, url);
		else
			buf_printf(
			    &request->url, "https://sns.%.*s.amazonaws.com/", STR_ARG(region));
		put_form(&d, sns, topic);
		rc = sign(&d, sns, region, request, err);
	}
	draft_fini(&d);
	return rc;
}

/* ---- the answer ----------------------------------------------------------------------- */

/* The text between <name> and </name>; "" when there is none. */
static struct str
element(struct str xml, const char *open, const char *close)
{
	const char *start = memmem(xml.p, xml.n, open, strlen(open)), *end;

	if (start == NULL)
		return STR("");
	start += strlen(open);
	end = memmem(start, (size_t)(xml.p + xml.n - start), close, strlen(close));
	return end != NULL ? str_make(start, (uint32_t)(end - start)) : STR("");
}

/* <ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>...</Message></Error> */
static struct verdict
sns_classify(
    const void *settings, const struct notification *n UNUSED, const struct xfer_response *response)
{
	const struct sns_settings *sns = settings;
	struct verdict verdict = message_classify_http(response);
	struct str code, text;

	if (response->failure == ERR_NONE && verdict.kind == DELIVERY_OK) {
		verdict_say(&verdict, response->status, STR(""));
	} else if (response->failure == ERR_NONE) {
		code = element(response->body, "<Code>", "</Code>");
		text = element(response->body, "<Message>", "</Message>");
		if (text.n > 0)
			verdict_say(&verdict, response->status, text);
		if (str_starts(code, STR("Throttl")) || str_is(code, "RequestExpired"))
			verdict.kind = DELIVERY_RETRY;
	}
	draft_hide(&verdict, &sns->sigv4->secret_key);
	return verdict;
}

/* ---- settings ------------------------------------------------------------------------- */

/* Both keys are of one place. */
static struct sns_sigv4 *
complete_keys(struct schema_context *ctx, const struct sns_sigv4 *given)
{
	struct sns_sigv4 *keys = ARENA_NEW(ctx->arena, struct sns_sigv4);

	if (given != NULL)
		*keys = *given;
	if (keys->access_key == NULL || keys->access_key[0] == '\0') {
		keys->access_key = getenv("AWS_ACCESS_KEY_ID");
		if (!secret_is_set(&keys->secret_key))
			keys->secret_key.value = getenv("AWS_SECRET_ACCESS_KEY");
		keys->token = getenv("AWS_SESSION_TOKEN");
	}
	if (keys->region == NULL)
		keys->region = getenv("AWS_REGION");
	/* The environment may change; the generation does not. */
	keys->access_key =
	    keys->access_key != NULL ? arena_strdup(ctx->arena, keys->access_key) : NULL;
	keys->secret_key.value = keys->secret_key.value != NULL
				     ? arena_strdup(ctx->arena, keys->secret_key.value)
				     : NULL;
	keys->token = keys->token != NULL ? arena_strdup(ctx->arena, keys->token) : NULL;
	keys->region = keys->region != NULL ? arena_strdup(ctx->arena, keys->region) : NULL;
	return keys;
}

/* An empty one is none. */
static int
given(struct template **t)
{
	if (*t != NULL && template_text(*t).n == 0)
		*t = NULL;
	return *t != NULL;
}

static void
sns_finish(struct schema_context *ctx, void *settings, const struct config_global *global UNUSED)
{
	struct sns_settings *sns = settings;
	struct sns_sigv4 *keys = complete_keys(ctx, sns->sigv4);
	struct pos pos = sns->common.pos;
	sns->sigv4 = keys;
	if (given(&sns->topic_arn) + given(&sns->phone_number) + given(&sns->target_arn) != 1)
		diag_error(
		    ctx->diag, pos, "give exactly one of topic_arn, phone_number and target_arn");
	if (keys->access_key == NULL || !secret_is_set(&keys->secret_key))
		diag_error(ctx->diag, pos,
		    "no keys of Amazon: give sigv4.access_key and sigv4.secret_key, or set "
		    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
	if (sns->phone_number != NULL && keys->region == NULL && sns->api_url == NULL)
		diag_error(ctx->diag, pos, "no region: give sigv4.region");
	if (sns->common.http != NULL && secret_is_set(&sns->common.http->auth_credentials))
		diag_error(
		    ctx->diag, pos, "'http_config.authorization' has the place of the signature");
}

/* clang-format off */
#define OWN(member, text) TEMPLATE_ROW(sns_settings, member, #member, 0, text)
#define ROLE(key) \
	{ .name = (key), .kind = FIELD_UNSUPPORTED, \
	    .fallback = "'" key "' needs Amazon's library: give access_key and secret_key", \
	    .doc = "Of Amazon's library." }

static const struct schema_field sigv4_fields[] = {
	{ .name = "region", .kind = FIELD_STRING, .offset = offsetof(struct sns_sigv4, region),
	    .doc = "Region; else AWS_REGION, else that of the ARN." },
	{ .name = "access_key", .kind = FIELD_STRING, .offset = offsetof(struct sns_sigv4, access_key),
	    .doc = "Access key; else AWS_ACCESS_KEY_ID, with its secret key and session token." },
	{ .name = "secret_key", .kind = FIELD_SECRET, .offset = offsetof(struct sns_sigv4, secret_key),
	    .doc = "Secret key." },
	ROLE("profile"),
	ROLE("role_arn"),
	ROLE("external_id"),
	{ .name = "use_fips_sts_endpoint", .kind = FIELD_ACCEPTED, .doc = "For roles; no effect." },
};

static const struct schema schema_sigv4 = {
	.name = "sigv4",
	.doc = "Who signs.",
	.size = sizeof(struct sns_sigv4),
	SCHEMA_FIELDS(sigv4_fields),
};

static const struct schema_field sns_fields[] = {
	INTEGRATION_FIELDS("true"),
	OWN(api_url, "Address of the service; https://sns.REGION.amazonaws.com/ when absent."),
	{ .name = "sigv4", .kind = FIELD_SUB, .sub = &schema_sigv4,
	    .offset = offsetof(struct sns_settings, sigv4), .doc = "Who signs." },
	OWN(topic_arn, "Topic to write to."),
	OWN(phone_number, "Phone to write to, such as +15551234567."),
	OWN(target_arn, "Mobile app to write to."),
	STOCK_ROW(sns_settings, subject, "subject", "sns.default.subject",
	    "Subject of mails, at most 99 characters; Alertmanager's when absent."),
	STOCK_ROW(sns_settings, message, "message", "sns.default.message",
	    "Message, at most 256 KB (1600 characters to a phone); each alert with its summary and labels when absent."),
	{ .name = "attributes", .kind = FIELD_TEMPLATE_MAP, .flags = FIELD_NOTIFICATION,
	    .offset = offsetof(struct sns_settings, attributes), .doc = "Attributes of the message." },
	{ .name = "use_aws_http_client", .kind = FIELD_ACCEPTED, .doc = "Of Amazon's library; no effect." },
};
/* clang-format on */

static const struct schema sns_schema = {
	.name = "sns_configs",
	.doc = "A message of Amazon SNS.",
	.size = sizeof(struct sns_settings),
	SCHEMA_FIELDS(sns_fields),
	.pos_offset = offsetof(struct sns_settings, common.pos) + 1,
};

const struct integration_kind receiver_sns_kind = {
	.name = "sns",
	.schema = &sns_schema,
	.finish = sns_finish,
};

const struct receiver_ops receiver_sns = {
	.kind = &receiver_sns_kind,
	.render = sns_render,
	.classify = sns_classify,
};
