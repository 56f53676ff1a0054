/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons in words and in JSON; see the header. */
#include "config.h"

#include "rule/explain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "base/xalloc.h"
#include "template/template.h"

/* --- kept with an alert -------------------------------------------------------- */

/* Most say the same each time. */
static struct str
keep_text(char **kept, struct str text)
{
	if (*kept == NULL ? text.n > 0 : !str_is(text, *kept)) {
		free(*kept);
		*kept = text.n > 0 ? xmemdup0(text.p, text.n) : NULL;
	}
	return str_from(*kept != NULL ? *kept : "");
}

void
explained_keep(struct explained **kept, const struct explain *explain, wall_t at)
{
	struct explained *k = *kept;
	struct str detail = str_head(explain->detail, EXPLAIN_DETAIL_MAX);

	if (k == NULL)
		*kept = k = xcalloc(1, sizeof(*k));
	/* Half an object is none. */
	if (detail.n != explain->detail.n)
		detail.n = 0;
	k->explain = *explain;
	k->explain.detail = keep_text(&k->detail, detail);
	k->explain.said = keep_text(&k->said, str_head(explain->said, EXPLAIN_SAID_MAX));
	k->explain.method = NULL;
	if (explain->method != NULL) {
		snprintf(k->method, sizeof(k->method), "%s", explain->method);
		k->explain.method = k->method;
	}
	k->at = at;
}

void
explained_free(struct explained *kept)
{
	if (kept == NULL)
		return;
	free(kept->said);
	free(kept->detail);
	free(kept);
}

/* --- JSON ------------------------------------------------------------------------ */

static void
put_name(const char *name, size_t start, struct buf *out)
{
	if (out->n > start)
		buf_putc(out, ',');
	json_put_str(out, str_from(name));
	buf_putc(out, ':');
}

/* NaN does not apply; what JSON has no number for is a string. */
static void
put_number(const char *name, double v, size_t start, struct buf *out)
{
	if (isnan(v))
		return;
	put_name(name, start, out);
	if (isinf(v))
		buf_puts(out, v > 0 ? "\"+Inf\"" : "\"-Inf\"");
	else
		json_put_double(out, v);
}

void
explain_put_members(const struct explain *e, struct buf *out)
{
	const size_t start = out->n;
	char window[DURATION_TEXT_MAX];

	if (e->method != NULL) {
		put_name("method", start, out);
		json_put_str(out, str_from(e->method));
	}
	put_number("value", e->value, start, out);
	put_number("threshold", e->threshold, start, out);
	put_number("baseline", e->baseline, start, out);
	put_number("low", e->low, start, out);
	put_number("high", e->high, start, out);
	put_number("n_reference", e->n_reference, start, out);
	put_number("n_current", e->n_current, start, out);
	put_number("statistic", e->statistic, start, out);
	put_number("p_value", e->p_value, start, out);
	put_number("effect", e->effect, start, out);
	if (e->window.ns > 0) {
		put_name("window", start, out);
		json_put_str(out, str_from(duration_format(e->window, window)));
	}
	if (e->detail.n > 0) {
		put_name("detail", start, out);
		buf_put_str(out, e->detail);
	}
}

void
explained_put_json(const struct explained *kept, struct str query, struct buf *out)
{
	struct buf text = { 0 };
	char at[TIMESTAMP_TEXT_MAX];
	size_t start;

	buf_putc(out, '{');
	start = out->n;
	explain_put_members(&kept->explain, out);
	explain_put_text(&kept->explain, &text);
	put_name("text", start, out);
	json_put_str(out, buf_str(&text));
	put_name("at", start, out);
	json_put_str(out, str_from(timestamp_format_ms(kept->at, at)));
	put_name("query", start, out);
	json_put_str(out, str_head(query, EXPLAIN_QUERY_MAX));
	buf_putc(out, '}');
	buf_fini(&text);
}

/* --- a sentence -------------------------------------------------------------------- */

/* Four digits say enough to a person, of large numbers those before the point. */
#define DIGITS      4
#define DIGITS_MORE 6
#define P_DIGITS    2
#define WHOLE_MAX   1e15
#define P_LEAST     1e-300 /* smaller ones are 0 in a double, or soon will be */

static double
rounded(double v, int digits)
{
	char text[32];
	double ret = v;

	if (!isfinite(v))
		return v;
	if (fabs(v) >= pow(10.0, digits) && fabs(v) < WHOLE_MAX)
		return rint(v);
	snprintf(text, sizeof(text), "%.*g", digits, v);
	return str_to_double(str_from(text), &ret) ? ret : v;
}

static void
put_rounded(double v, int digits, struct buf *out)
{
	put_prom_double(out, rounded(v, digits));
}

/* Enough that what is not the same does not look the same. */
static int
digits_for(const struct explain *e)
{
	const double others[] = { e->threshold, e->low, e->high };

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (others[i] != e->value &&
		    rounded(others[i], DIGITS) == rounded(e->value, DIGITS))
			return DIGITS_MORE;
	return DIGITS;
}

static void
put_p(double p, int digits, struct buf *out)
{
	if (p < P_LEAST) {
		buf_printf(out, "p < %g", P_LEAST);
	} else {
		buf_puts(out, "p ");
		put_rounded(p, digits, out);
	}
}

static void
put_part(const char *before, double v, const char *after, size_t start, struct buf *out)
{
	if (isnan(v))
		return;
	buf_puts(out, out->n > start ? ", " : " (");
	buf_puts(out, before);
	put_rounded(v, DIGITS, out);
	buf_puts(out, after);
}

/* What a source has extrapolated, such as an increase(), need not be whole. */
static void
put_count(double v, const char *what, size_t start, struct buf *out)
{
	put_part("", rint(v), " ", start, out);
	if (!isnan(v))
		buf_printf(out, "%s point%s", what, rint(v) == 1 ? "" : "s");
}

static void
put_verdict(const struct explain *e, struct buf *out)
{
	const bool band = !isnan(e->low) || !isnan(e->high);
	const bool above = !isnan(e->high) && e->value > e->high;
	const bool below = !isnan(e->low) && e->value < e->low;
	/* A chart or a step can breach where the value is nothing unusual. */
	const bool course = band && !above && !below && fabs(e->statistic) > e->threshold;
	const int digits = digits_for(e);

	if (e->said.n > 0) {
		buf_put_str(out, e->said);
		return;
	}
	if (e->value == e->p_value)
		put_p(e->value, digits, out);
	else
		put_rounded(e->value, digits, out);
	if (band) {
		buf_printf(out, " %s the expected ",
		    above    ? "is above"
		    : below  ? "is below"
		    : course ? "alone is within"
			     : "is within");
		if (isnan(e->low)) {
			buf_puts(out, "maximum ");
			put_rounded(e->high, digits, out);
		} else if (isnan(e->high)) {
			buf_puts(out, "minimum ");
			put_rounded(e->low, digits, out);
		} else {
			put_rounded(e->low, digits, out);
			buf_puts(out, " to ");
			put_rounded(e->high, digits, out);
		}
		if (course)
			buf_puts(out, ", its course is not");
	} else if (!isnan(e->threshold)) {
		buf_puts(out, " against the threshold ");
		put_rounded(e->threshold, digits, out);
	}
}

/* Of an alert for many: the names of those that breach, as its detail has them. */
static struct str
features_of(const struct explain *e, struct arena *arena)
{
	struct json_reader r;
	struct str key, features = STR("");

	json_reader_init(&r, e->detail);
	if (e->detail.n == 0 || !json_enter(&r, JSON_OBJECT))
		return features;
	while (json_next_key(&r, &key)) {
		if (str_is(key, "features"))
			return json_read_str(&r, arena, &features) ? features : STR("");
		json_skip(&r);
	}
	return features;
}

void
explain_put_text(const struct explain *e, struct buf *out)
{
	const double told = e->said.n > 0 ? (double)NAN : e->value;
	char window[DURATION_TEXT_MAX];
	size_t start;

	put_verdict(e, out);
	start = out->n;
	if (e->said.n == 0)
		put_part("baseline ", e->baseline, "", start, out);
	if (e->method != NULL) {
		buf_puts(out, out->n > start ? ", " : " (");
		buf_puts(out, e->method);
		if (e->window.ns > 0)
			buf_printf(out, " over %s", duration_format(e->window, window));
	} else if (e->window.ns > 0) {
		buf_printf(out, "%sover %s", out->n > start ? ", " : " (",
		    duration_format(e->window, window));
	}
	/* Each number once. */
	if (e->statistic != told)
		put_part("statistic ", e->statistic, "", start, out);
	if (!isnan(e->p_value) && e->p_value != told) {
		buf_puts(out, out->n > start ? ", " : " (");
		put_p(e->p_value, P_DIGITS, out);
	}
	if (e->effect != told && e->effect != e->statistic)
		put_part("effect ", e->effect, "", start, out);
	put_count(e->n_reference, "reference", start, out);
	/* One value against its past: that is what it says already. */
	if (e->n_current != 1 || isnan(e->n_reference))
		put_count(e->n_current, "current", start, out);
	if (out->n > start)
		buf_putc(out, ')');
	if (e->detail.n > 0) {
		struct arena *arena = arena_new(0);
		struct str features = features_of(e, arena);

		if (features.n > 0)
			buf_printf(out, ": %.*s", STR_ARG(features));
		arena_free(arena);
	}
}

const struct template_explain *
explain_for_text(const struct explain *e, struct arena *arena)
{
	struct template_explain *ret;
	char window[DURATION_TEXT_MAX] = "";
	struct buf text = { 0 };

	if (e == NULL)
		return NULL;
	if (e->window.ns > 0)
		duration_format(e->window, window);
	explain_put_text(e, &text);
	ret = ARENA_NEW(arena, struct template_explain);
	*ret = (struct template_explain){
		.value = e->value,
		.threshold = e->threshold,
		.baseline = e->baseline,
		.low = e->low,
		.high = e->high,
		.n_reference = e->n_reference,
		.n_current = e->n_current,
		.statistic = e->statistic,
		.p_value = e->p_value,
		.effect = e->effect,
		.method = arena_str(arena, str_from(e->method != NULL ? e->method : "")),
		.window = arena_str(arena, str_from(window)),
		.text = arena_str(arena, buf_str(&text)),
		.detail = arena_str(arena, e->detail),
		.features = arena_str(arena, features_of(e, arena)),
	};
	buf_fini(&text);
	return ret;
}
