/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One vector: inputs, and the numbers that a trusted implementation made of
 * them.  A vector function computes each expected number again and names it;
 * an expected key that nobody has looked at fails the vector.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "stats/sample.h"
#include "stats/stats.h"

#define VECTOR_KEYS_MAX 64

struct vector {
	const char *id;
	struct json_object *inputs, *params, *expected;
	bool failed;
	char why[400];
	double worst_statistic, worst_p; /* largest relative deviations */
	const char *seen[VECTOR_KEYS_MAX];
	size_t seen_count;
};

/* An array of numbers out of an object; freed by the caller. */
struct numbers {
	double *x;
	size_t n;
};

typedef void vector_fn(struct vector *vector);
struct vector_kind {
	const char *test; /* the vector's "test"; a prefix if it ends in ':' */
	vector_fn *run;   /* NULL: decoded elsewhere, says why */
	const char *why;
};
extern const struct vector_kind vector_kinds_samples[];
extern const struct vector_kind vector_kinds_binned[];
extern const struct vector_kind vector_kinds_series[];
extern const struct vector_kind vector_kinds_sketches[];

double vector_number(struct json_object *value); /* also the strings NaN, Infinity, +Inf */
double vector_get(struct json_object *object, const char *key);
struct numbers vector_numbers(struct json_object *object, const char *key);
struct sample_set vector_sample(struct json_object *object, const char *key);
struct numbers numbers_of(struct json_object *array);

bool vector_has(const struct vector *vector, const char *key);
/* 1e-9 relative; nothing happens if the vector does not expect the key. */
void vector_statistic(struct vector *vector, const char *key, double got);
/* 1e-7 relative down to 1e-12, below that 1e-7 of the logarithm. */
void vector_p(struct vector *vector, const char *key, double got);
void vector_list(struct vector *vector, const char *key, const double *got, size_t n);
/* Names an expected key that another definition produced; says which. */
void vector_other(struct vector *vector, const char *key, const char *why);
void vector_fail(struct vector *vector, const char *format, ...) __attribute__((format(printf, 2, 3)));
