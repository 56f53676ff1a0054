/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the formats of drift stores.  The first byte chooses one:
 *
 *   w  a whylogs profile, after a line with a query of it
 *   k, h, f  a sketch: KLL, HyperLogLog, frequent items
 *   e  Evidently's JSON
 *   p  the parameters of a point of Evidently's SQL storage
 *   t  a time of Evidently, in a zone with summer time
 *   i  a detector's answer: JSON or protobuf
 *   q  a query with matchers, and what Kafka may be asked
 *
 * Beyond not crashing: an error has a text, what was read has labels that
 * decode, and quantiles stay between the minimum and the maximum.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "fuzz.h"
#include "source/evidently_format.h"
#include "source/inference.h"
#include "source/kafka.h"
#include "source/points.h"
#include "source/selector.h"
#include "source/whylogs_query.h"
#include "stats/frequent.h"
#include "stats/hll.h"
#include "stats/kll.h"

static void
require(bool good)
{
	if (!good)
		abort();
}

static void
check_rows(struct rows *rows)
{
	struct arena *arena = arena_new(0);
	struct vector vector;
	struct err err = { 0 };

	if (points_finish(rows, QUERY_ROWS, false, (wall_t){ INT64_MAX }, (wall_t){ INT64_MIN },
		(wall_t){ INT64_MAX }, &err) < 0) {
		require(err.text[0] != '\0');
	} else {
		rows_keep(rows, arena, &vector);
		for (uint32_t i = 0; i < vector.n; i++) {
			struct label_view *views;
			uint32_t n;

			require(
			    rows_labels(NULL, &vector.samples[i], arena, &views, &n, &err) == 0);
		}
	}
	arena_free(arena);
}

static void
fuzz_kll(struct str bytes)
{
	struct kll kll;

	if (kll_init(&kll, bytes.p, bytes.n) != STATS_OK)
		return;
	for (int i = 0; i <= 4 && kll.n > 0; i++) {
		double q = kll_quantile(&kll, i / 4.0).value;

		require(q >= kll.v[0] && q <= kll.v[kll.count - 1]);
		require(kll_rank(&kll, q, true).value >= kll_rank(&kll, q, false).value);
	}
	require(kll.n == 0 || kll_ks(&kll, &kll).statistic == 0);
	kll_fini(&kll);
}

static void
fuzz_hll(struct str bytes)
{
	struct hll hll;

	if (hll_read(&hll, bytes.p, bytes.n) == STATS_OK)
		require(hll.estimate >= 0 && hll_type_name(hll.type) != NULL);
}

static void
fuzz_frequent(struct str bytes)
{
	struct frequent f;

	if (frequent_init(&f, bytes.p, bytes.n) != STATS_OK)
		return;
	for (uint32_t i = 1; i < f.n; i++)
		require(f.items[i - 1].weight >= f.items[i].weight);
	frequent_fini(&f);
}

static int
begin(void *arg UNUSED, struct rows *rows, struct err *err)
{
	return rows_begin(rows, err);
}

static void
fuzz_profile(struct str input)
{
	struct arena *arena = arena_new(0);
	struct whylogs_profile profile;
	struct err err = { 0 };
	uint32_t line = 0;
	struct rows rows;

	while (line < input.n && input.p[line] != '\n')
		line++;
	points_init_plain(&rows);
	if (whylogs_read(
		str_make(input.p + line + (line < input.n), input.n - line - (line < input.n)),
		arena, &profile, &err) < 0)
		require(err.text[0] != '\0');
	else
		for (uint32_t i = 0; i < profile.n_columns; i++) {
			const struct whylogs_question question = {
				.text = str_make(input.p, line),
				.column = &profile.columns[i],
				.reference = &profile.columns[0],
				.has_reference = true,
				.at = profile.dataset,
				.begin = begin,
			};
			bool absent;

			err = (struct err){ 0 };
			if (whylogs_ask(&question, &rows, &absent, &err) < 0)
				require(err.text[0] != '\0');
		}
	check_rows(&rows);
	rows_fini(&rows);
	arena_free(arena);
}

static void
fuzz_evidently(char kind, struct str text)
{
	const struct evidently_options options = { .tz = tz_find(STR("Europe/Berlin")) };
	const struct evidently_origin origin = { .project = STR("p"), .at = { 1 } };
	struct buf back = { 0 };
	struct err err = { 0 };
	struct rows rows;
	wall_t at;
	bool is;
	int code = 0;

	require(options.tz != NULL);
	points_init_plain(&rows);
	if (kind == 'e')
		code = evidently_read(text, &options, &origin, &rows, &is, &err);
	else if (kind == 'p')
		code = evidently_point(STR("a:ValueDrift"), text, &options, &origin, &rows, &err);
	else if (evidently_time(text, options.tz, &at))
		evidently_put_time(&back, at, options.tz, true);
	require(code == 0 || err.text[0] != '\0');
	if (code == 0)
		check_rows(&rows);
	rows_fini(&rows);
	buf_fini(&back);
}

static void
fuzz_inference(struct str body)
{
	static const char *const names[] = { "a", "b" };
	const struct string_list features = { .items = (const char **)(uintptr_t)names, .n = 2 };
	struct arena *arena = arena_new(0);
	struct inference inference;
	struct err err = { 0 };
	struct rows rows;

	points_init_plain(&rows);
	if (inference_read(body, arena, &inference, &err) < 0)
		require(err.text[0] != '\0');
	else
		for (uint32_t i = 0; i < inference.n; i++)
			if (inference_rows(&inference, inference.outputs[i].name, &features,
				(wall_t){ 1 }, &rows, &err) < 0)
				break;
	check_rows(&rows);
	rows_fini(&rows);
	arena_free(arena);
}

static void
fuzz_query(struct str text)
{
	struct kafka_question question;
	struct matchers *matchers = NULL;
	struct err err = { 0 };
	struct str what;

	if (selector_parse(text, &what, &matchers, &err) < 0) {
		require(err.text[0] != '\0');
		return;
	}
	require(what.n <= text.n);
	if (kafka_question_parse(what, &question, &err) < 0)
		require(err.text[0] != '\0');
	else
		require((question.output.n == 0) == (question.aggregate == KAFKA_COUNT));
	matchers_free(matchers);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest;

	if (size == 0)
		return 0;
	rest = str_make((const char *)data + 1, size - 1);
	switch (data[0]) {
	case 'w':
		fuzz_profile(rest);
		break;
	case 'k':
		fuzz_kll(rest);
		break;
	case 'h':
		fuzz_hll(rest);
		break;
	case 'f':
		fuzz_frequent(rest);
		break;
	case 'e':
	case 'p':
	case 't':
		fuzz_evidently((char)data[0], rest);
		break;
	case 'i':
		fuzz_inference(rest);
		break;
	case 'q':
		fuzz_query(rest);
		break;
	default:
		break;
	}
	return 0;
}
