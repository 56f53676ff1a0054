/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats_vectors [FILE...]: replays vectors, one line of TAP each.
 *
 * Without arguments: our own file, and the one that TOCSIN_STATS_VECTORS
 * names.  Exit code 1 if any deviates.  Format: {"vectors": [{"id", "test",
 * "inputs", "params", "expected"}]}.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

#define STATISTIC_TOLERANCE 1e-9
#define P_TOLERANCE         1e-7
#define P_LOG_BELOW         1e-12
#define DUST                1e-12 /* what may stand where 0 is expected */

static const struct vector_kind *const kinds[] = { vector_kinds_samples, vector_kinds_binned,
	vector_kinds_series, vector_kinds_sketches };

void
vector_fail(struct vector *vector, const char *format, ...)
{
	va_list args;
	size_t used = strlen(vector->why);

	vector->failed = true;
	va_start(args, format);
	(void)vsnprintf(vector->why + used, sizeof(vector->why) - used, format, args);
	va_end(args);
}

double
vector_number(struct json_object *value)
{
	const char *text;

	if (json_object_is_type(value, json_type_boolean))
		return json_object_get_boolean(value) ? 1.0 : 0.0;
	if (!json_object_is_type(value, json_type_string))
		return json_object_get_double(value);
	text = json_object_get_string(value);
	return strcmp(text, "NaN") == 0         ? STATS_NAN
	       : strcmp(text, "-Infinity") == 0 ? -STATS_INFINITY
	       : strstr(text, "Inf") != NULL    ? STATS_INFINITY
						: STATS_NAN;
}

double
vector_get(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? vector_number(value) : STATS_NAN;
}

struct numbers
numbers_of(struct json_object *array)
{
	struct numbers numbers = { NULL, json_object_array_length(array) };

	numbers.x = calloc(numbers.n + 1, sizeof(*numbers.x));
	if (numbers.x == NULL)
		abort();
	for (size_t i = 0; i < numbers.n; i++)
		numbers.x[i] = vector_number(json_object_array_get_idx(array, i));
	return numbers;
}

struct numbers
vector_numbers(struct json_object *object, const char *key)
{
	struct json_object *array;

	if (!json_object_object_get_ex(object, key, &array) ||
	    !json_object_is_type(array, json_type_array))
		return (struct numbers){ calloc(1, sizeof(double)), 0 };
	return numbers_of(array);
}

struct sample_set
vector_sample(struct json_object *object, const char *key)
{
	struct numbers numbers = vector_numbers(object, key);
	struct sample_set sample;

	if (sample_init(&sample, numbers.x, numbers.n) != STATS_OK)
		abort();
	free(numbers.x);
	return sample;
}

static bool
expects(struct vector *vector, const char *key, struct json_object **value)
{
	if (!json_object_object_get_ex(vector->expected, key, value))
		return false;
	if (vector->seen_count < VECTOR_KEYS_MAX)
		vector->seen[vector->seen_count++] = key;
	return true;
}

bool
vector_has(const struct vector *vector, const char *key)
{
	return json_object_object_get_ex(vector->expected, key, NULL);
}

static double
deviation(double want, double got)
{
	if (want == got || (isnan(want) && isnan(got)))
		return 0.0;
	if (!isfinite(want) || !isfinite(got))
		return STATS_INFINITY;
	if (want == 0.0)
		return fabs(got) <= DUST ? 0.0 : STATS_INFINITY;
	return fabs(got - want) / fabs(want);
}

static void
compare(struct vector *vector, const char *key, double want, double got, bool is_p)
{
	double gap = deviation(want, got);
	double *worst = is_p ? &vector->worst_p : &vector->worst_statistic;

	if (is_p && want > 0.0 && want < P_LOG_BELOW && got > 0.0)
		gap = deviation(log(want), log(got));
	/* A distance of 0 that was computed as a rounding error's square root. */
	if (!is_p && fabs(want) < 2e-8 && fabs(got) < 2e-8)
		gap = 0.0;
	if (gap > *worst)
		*worst = gap;
	if (!(gap <= (is_p ? P_TOLERANCE : STATISTIC_TOLERANCE)))
		vector_fail(vector, " %s: want %.17g, got %.17g (%.1e);", key, want, got, gap);
}

void
vector_statistic(struct vector *vector, const char *key, double got)
{
	struct json_object *want;

	if (expects(vector, key, &want))
		compare(vector, key, vector_number(want), got, false);
}

void
vector_p(struct vector *vector, const char *key, double got)
{
	struct json_object *want;

	if (expects(vector, key, &want))
		compare(vector, key, vector_number(want), got, true);
}

void
vector_list(struct vector *vector, const char *key, const double *got, size_t n)
{
	struct json_object *want;

	if (!expects(vector, key, &want))
		return;
	if (json_object_array_length(want) != n) {
		vector_fail(vector, " %s: want %zu values, got %zu;", key,
		    json_object_array_length(want), n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		compare(
		    vector, key, vector_number(json_object_array_get_idx(want, i)), got[i], false);
}

void
vector_other(struct vector *vector, const char *key, const char *why)
{
	struct json_object *value;

	(void)why;
	(void)expects(vector, key, &value);
}

static const struct vector_kind *
kind_of(const char *test)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (const struct vector_kind *kind = kinds[i]; kind->test != NULL; kind++) {
			size_t n = strlen(kind->test);

			if (kind->test[n - 1] == ':' ? strncmp(kind->test, test, n) == 0
						     : strcmp(kind->test, test) == 0)
				return kind;
		}
	return NULL;
}

static void
check_all_seen(struct vector *vector)
{
	struct json_object_iterator it = json_object_iter_begin(vector->expected);
	struct json_object_iterator end = json_object_iter_end(vector->expected);

	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		const char *key = json_object_iter_peek_name(&it);
		bool found = false;

		for (size_t i = 0; i < vector->seen_count && !found; i++)
			found = strcmp(vector->seen[i], key) == 0;
		if (!found)
			vector_fail(vector, " %s: nobody looked;", key);
	}
}

static bool
run_vector(struct json_object *object, size_t number)
{
	struct vector vector = { 0 };
	struct json_object *id, *test;
	const struct vector_kind *kind;

	if (!json_object_object_get_ex(object, "id", &id) ||
	    !json_object_object_get_ex(object, "test", &test) ||
	    !json_object_object_get_ex(object, "inputs", &vector.inputs) ||
	    !json_object_object_get_ex(object, "expected", &vector.expected)) {
		printf("not ok %zu - no id, test, inputs or expected\n", number);
		return false;
	}
	(void)json_object_object_get_ex(object, "params", &vector.params);
	vector.id = json_object_get_string(id);
	kind = kind_of(json_object_get_string(test));
	if (kind == NULL) {
		printf("not ok %zu - %s: unknown test '%s'\n", number, vector.id,
		    json_object_get_string(test));
		return false;
	}
	if (kind->run == NULL) {
		printf("ok %zu - %s # SKIP %s\n", number, vector.id, kind->why);
		return true;
	}
	kind->run(&vector);
	check_all_seen(&vector);
	printf("%sok %zu - %s: statistic within %.1e, p within %.1e%s%s\n",
	    vector.failed ? "not " : "", number, vector.id, vector.worst_statistic, vector.worst_p,
	    vector.failed ? " #" : "", vector.failed ? vector.why : "");
	return !vector.failed;
}

int
main(int argc, char **argv)
{
	const char *files[64] = { TEST_SRCDIR "/tests/unit/stats/vectors.json",
		getenv("TOCSIN_STATS_VECTORS") };
	size_t count = files[1] != NULL ? 2 : 1, number = 0;
	bool good = true;

	if (argc > 1) {
		count = 0;
		for (int i = 1; i < argc && count < 64; i++)
			files[count++] = argv[i];
	}
	for (size_t i = 0; i < count; i++) {
		struct json_object *root = json_object_from_file(files[i]), *vectors;

		if (root == NULL || !json_object_object_get_ex(root, "vectors", &vectors)) {
			printf("not ok %zu - %s: no vectors in it\n", ++number, files[i]);
			good = false;
		} else {
			for (size_t v = 0; v < json_object_array_length(vectors); v++)
				good =
				    run_vector(json_object_array_get_idx(vectors, v), ++number) &&
				    good;
		}
		json_object_put(root);
	}
	printf("1..%zu\n", number);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
