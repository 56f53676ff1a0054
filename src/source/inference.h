/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a drift detector answered: Alibi Detect's dictionary, an inference
 * response of the V2 protocol (Seldon, MLServer, Triton) in JSON, or the same
 * as protobuf (ModelInferResponse, as Seldon Core 2 writes it to Kafka).
 *
 * All three become named lists of numbers: is_drift, p_val, distance,
 * threshold and whatever else the detector gave.  What is no number (texts,
 * models) is left out.  No outputs at all is no data, not "no drift".
 *
 * Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "config/schema.h"
#include "source/rows.h"

#define INFERENCE_OUTPUTS_MAX 64
#define INFERENCE_VALUES_MAX  100000 /* of one answer, all outputs together */

struct inference_output {
	struct str name;
	double *values;
	uint32_t n;
};

struct inference {
	struct str model, version; /* empty: not said */
	struct str detector;       /* its name in the metadata */
	struct inference_output *outputs;
	uint32_t n;
};

/* Texts point into body or live in the arena. */
int inference_read(struct str body, struct arena *arena, struct inference *ret, struct err *err);
/* NULL: there is none of this name. */
const struct inference_output *inference_find(const struct inference *inference, struct str name);
/*
 * A row for each value of an output: labels model, model_version, detector,
 * and feature where there are several (by `features`, else its number from 0).
 * Scores carry direction (p_val low, distance high); p_val its threshold.
 * at WALL_NONE: unknown.
 */
int inference_rows(const struct inference *inference, struct str name, const struct string_list *features,
    wall_t at, struct rows *rows, struct err *err);
/* The first names, for an error: "is_drift, p_val". */
const char *inference_names(const struct inference *inference, struct arena *arena);
