/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a message attachment: see attachment.h. */
#include "config.h"

#include "receiver/attachment.h"

#define FIELD_RUNES_MAX    2000
#define SEVERITY_RUNES_MAX 100

struct str
attachment_color(const struct notification *n)
{
	if (!n->firing)
		return STR("#2eb67d");
	switch (message_level(message_severity(n))) {
	case LEVEL_INFO:
		return STR("#36c5f0");
	case LEVEL_WARNING:
		return STR("#ecb22e");
	case LEVEL_ERROR:
	case LEVEL_CRITICAL:
	case LEVEL_COUNT:
		break;
	}
	return STR("#e01e5a");
}

struct str
attachment_text(struct draft *d, enum markup markup, uint32_t max_runes)
{
	buf_clear(&d->scratch);
	text_put_alerts(d->n, markup, (struct text_limit){ max_runes, false }, &d->scratch);
	return arena_str(d->arena, buf_str(&d->scratch));
}

static void
put_field(struct draft *d, struct str title, struct str value, bool is_short)
{
	draft_open(d, NULL, '{');
	draft_given(d, "title", title);
	draft_given(d, "value", value);
	draft_key(d, "short");
	buf_puts(d->out, is_short ? "true}" : "false}");
}

static void
put_own_fields(struct draft *d, enum markup markup)
{
	struct str severity = message_severity(d->n);
	struct str runbook = message_runbook(d->n);

	if (str_trim(severity).n > 0) {
		buf_clear(&d->scratch);
		text_put(&d->scratch, markup, severity, SEVERITY_RUNES_MAX);
		put_field(d, STR("Severity"), arena_str(d->arena, buf_str(&d->scratch)), true);
	}
	buf_clear(&d->scratch);
	message_counts(d->n, &d->scratch);
	put_field(d, STR("Alerts"), arena_str(d->arena, buf_str(&d->scratch)), true);
	if (runbook.n > 0) {
		buf_clear(&d->scratch);
		text_put_link(&d->scratch, markup, runbook, "Runbook");
		put_field(d, STR("Runbook"), arena_str(d->arena, buf_str(&d->scratch)), false);
	}
}

void
attachment_put_fields(
    struct draft *d, const struct sub_list *fields, bool short_fields, enum markup markup)
{
	draft_open(d, "fields", '[');
	if (fields->n == 0)
		put_own_fields(d, markup);
	for (uint32_t i = 0; i < fields->n; i++) {
		const struct attachment_field *field = fields->items[i];
		struct str title = draft_expanded(d, field->title, STR(""));
		struct str value = draft_expanded(d, field->value, STR(""));

		put_field(d, draft_cut(d, title, FIELD_RUNES_MAX),
		    draft_cut(d, value, FIELD_RUNES_MAX), flag_or(field->short_, short_fields));
	}
	buf_putc(d->out, ']');
}

/* clang-format off */
static const struct schema_field field_fields[] = {
	TEMPLATE_ROW(attachment_field, title, "title", FIELD_REQUIRED, "Heading."),
	TEMPLATE_ROW(attachment_field, value, "value", FIELD_REQUIRED, "Text below it."),
	{ .name = "short", .kind = FIELD_CUSTOM, .custom = flag_read,
	    .json_schema = FLAG_JSON_SCHEMA,
	    .offset = offsetof(struct attachment_field, short_),
	    .doc = "Stands beside another." },
};
/* clang-format on */

const struct schema schema_attachment_field = {
	.name = "field",
	.doc = "A heading and a text.",
	.size = sizeof(struct attachment_field),
	SCHEMA_FIELDS(field_fields),
};
