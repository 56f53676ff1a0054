/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads detectors' answers.  Tensors of protobuf come as typed lists, or as
 * raw little-endian bytes beside the list of outputs; in either case the
 * shape is not believed, the bytes are.
 */
#include "config.h"

#include "source/inference.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "source/http_source.h"
#include "source/json_pick.h"
#include "source/protobuf.h"

#define SHOWN       60
#define NESTING_MAX 8

struct reading {
	struct arena *arena;
	struct inference *inference;
	uint32_t left; /* values that still fit */
	struct err *err;
};

static int
too_many(struct reading *g)
{
	return err_set(g->err, ERR_LIMIT, "an answer of more than %d values", INFERENCE_VALUES_MAX);
}

static int
add_output(struct reading *g, struct str name, struct inference_output **ret)
{
	struct inference *inference = g->inference;

	if (inference->n == INFERENCE_OUTPUTS_MAX)
		return err_set(
		    g->err, ERR_LIMIT, "an answer of more than %d outputs", INFERENCE_OUTPUTS_MAX);
	if (inference->outputs == NULL)
		inference->outputs =
		    ARENA_ARRAY(g->arena, INFERENCE_OUTPUTS_MAX, struct inference_output);
	*ret = &inference->outputs[inference->n++];
	**ret = (struct inference_output){ .name = name };
	return 0;
}

/* --- JSON ------------------------------------------------------------------------- */

/* How many numbers a value holds, lists within lists included; false: something else is in it. */
static bool
count_numbers(struct json_reader *r, uint32_t depth, uint32_t *n)
{
	struct str text;
	double ignored;
	bool yes;

	switch (json_peek(r)) {
	case JSON_NUMBER:
		++*n;
		return json_read_double(r, &ignored);
	case JSON_BOOL:
		++*n;
		return json_read_bool(r, &yes);
	case JSON_STRING:
		++*n;
		return json_read_raw(r, &text, &yes) && number_parse(text, &ignored);
	case JSON_ARRAY:
		if (depth == 0 || !json_enter(r, JSON_ARRAY))
			return false;
		while (json_next_item(r))
			if (!count_numbers(r, depth - 1, n))
				return false;
		return r->err_text == NULL;
	case JSON_NULL:
	case JSON_OBJECT:
	case JSON_END:
	case JSON_BAD:
		break;
	}
	return false;
}

static void
take_numbers(struct json_reader *r, struct inference_output *out)
{
	struct str text;
	double value = NAN;
	bool yes = false;

	switch (json_peek(r)) {
	case JSON_NUMBER:
		json_read_double(r, &value);
		break;
	case JSON_BOOL:
		json_read_bool(r, &yes);
		value = yes;
		break;
	case JSON_STRING:
		if (json_read_raw(r, &text, &yes))
			number_parse(text, &value);
		break;
	case JSON_ARRAY:
		json_enter(r, JSON_ARRAY);
		while (json_next_item(r))
			take_numbers(r, out);
		return;
	case JSON_NULL:
	case JSON_OBJECT:
	case JSON_END:
	case JSON_BAD:
		return;
	}
	out->values[out->n++] = value;
}

/* A number, or lists of them, as an output; anything else is left out. */
static int
take_value(struct reading *g, struct str name, struct str span)
{
	struct inference_output *out;
	struct json_reader r;
	uint32_t n = 0;
	int code;

	json_reader_init(&r, span);
	if (!count_numbers(&r, NESTING_MAX, &n))
		return 0;
	if (n > g->left)
		return too_many(g);
	code = add_output(g, name, &out);
	if (code < 0)
		return code;
	g->left -= n;
	out->values = ARENA_ARRAY(g->arena, n, double);
	json_reader_init(&r, span);
	take_numbers(&r, out);
	return 0;
}

/* {"is_drift": 1, "p_val": [...], ...} */
static int
take_dictionary(struct reading *g, struct str data)
{
	struct json_reader r;
	struct str key, span;
	int code = 0;

	json_reader_init(&r, data);
	if (json_peek(&r) != JSON_OBJECT)
		return err_set(g->err, ERR_INVALID, "data is no object as Alibi Detect's is");
	json_enter(&r, JSON_OBJECT);
	while (code == 0 && json_next_key(&r, &key) && json_read_span(&r, &span))
		code = take_value(g, json_unescape(g->arena, key), span);
	return code;
}

/* [{"name", "datatype", "shape", "data"}, ...] */
static int
take_outputs(struct reading *g, struct str outputs)
{
	static const char *const keys[] = { "name", "data" };
	struct json_reader r;
	struct str item, got[2];
	int code = 0;

	json_reader_init(&r, outputs);
	if (json_peek(&r) != JSON_ARRAY)
		return err_set(g->err, ERR_INVALID, "outputs is no list");
	json_enter(&r, JSON_ARRAY);
	while (code == 0 && json_next_item(&r) && json_read_span(&r, &item)) {
		if (!JSON_PICK(item, keys, got) || got[0].n == 0)
			return err_set(g->err, ERR_INVALID, "an output without a name");
		if (got[1].n > 0)
			code = take_value(g, json_pick_text(got[0], g->arena), got[1]);
	}
	return code;
}

static int
read_json(struct reading *g, struct str body)
{
	static const char *const keys[] = { "data", "meta", "outputs", "model_name",
		"model_version", "parameters", "error" };
	static const char *const meta_keys[] = { "name" };
	struct str got[7], meta[1];
	int code = json_whole(body, g->err);

	if (code < 0)
		return code;
	if (!JSON_PICK(body, keys, got))
		return err_set(g->err, ERR_INVALID, "the answer is no object");
	if (got[6].n > 0 && got[2].n == 0)
		return err_set(
		    g->err, ERR_REMOTE, "the server says: %s", text_head(g->arena, got[6]));
	g->inference->model = json_pick_text(got[3], g->arena);
	g->inference->version = json_pick_text(got[4], g->arena);
	if (json_pick(got[1].n > 0 ? got[1] : got[5], meta_keys, meta, 1))
		g->inference->detector = json_pick_text(meta[0], g->arena);
	if (got[2].n > 0)
		return take_outputs(g, got[2]);
	if (got[0].n > 0)
		return take_dictionary(g, got[0]);
	return err_set(g->err, ERR_INVALID,
	    "neither Alibi Detect's data nor the outputs of an inference response");
}

/* --- protobuf ------------------------------------------------------------------------ */

static int
mangled(struct reading *g)
{
	return err_set(g->err, ERR_INVALID, "a message that is no ModelInferResponse");
}

/* What one element of a raw tensor is. */
static const struct {
	const char *name;
	uint32_t bytes;
} datatypes[] = {
	{ "BOOL", 1 },
	{ "INT8", 1 },
	{ "INT16", 2 },
	{ "INT32", 4 },
	{ "INT64", 8 },
	{ "UINT8", 1 },
	{ "UINT16", 2 },
	{ "UINT32", 4 },
	{ "UINT64", 8 },
	{ "FP32", 4 },
	{ "FP64", 8 },
};

static double
element(const char *type, const char *p, uint32_t bytes)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < bytes; i++)
		bits |= (uint64_t)(unsigned char)p[i] << 8 * i;
	if (strcmp(type, "FP32") == 0)
		return pb_float(bits);
	if (strcmp(type, "FP64") == 0)
		return pb_double(bits);
	if (type[0] == 'I') { /* the sign is the top bit of those bytes */
		uint32_t shift = 64 - 8 * bytes;

		return (double)((int64_t)(bits << shift) >> shift);
	}
	return (double)bits;
}

static int
take_raw(struct reading *g, struct inference_output *out, struct str datatype, struct str raw)
{
	for (size_t i = 0; i < ARRAY_LEN(datatypes); i++) {
		uint32_t bytes = datatypes[i].bytes;

		if (!str_is(datatype, datatypes[i].name))
			continue;
		if (raw.n % bytes != 0)
			return mangled(g);
		if (raw.n / bytes > g->left)
			return too_many(g);
		g->left -= raw.n / bytes;
		out->values = ARENA_ARRAY(g->arena, raw.n / bytes, double);
		for (out->n = 0; out->n < raw.n / bytes; out->n++)
			out->values[out->n] =
			    element(datatypes[i].name, raw.p + out->n * bytes, bytes);
		return 0;
	}
	return 0;
}

/* Field of InferTensorContents: 1 bool, 2 int32, 3 int64, 4 u32, 5 u64, 6 fp32, 7 fp64, 8 bytes. */
static double
content(uint32_t number, uint64_t value)
{
	switch (number) {
	case 2:
		return (double)(int32_t)value;
	case 3:
		return (double)(int64_t)value;
	case 6:
		return pb_float(value);
	case 7:
		return pb_double(value);
	default:
		return (double)value;
	}
}

/* One list of numbers, packed or not; counts with values NULL. */
static bool
walk_contents(struct str contents, struct inference_output *out, uint32_t *n)
{
	struct pb_reader r = pb_reader_of(contents), packed;
	struct pb_field field;

	while (pb_next(&r, &field)) {
		if (field.number < 1 || field.number > 7)
			continue;
		packed = pb_reader_of(field.bytes);
		while (field.type != PB_BYTES || packed.rest.n > 0) {
			uint64_t value = field.value;
			uint32_t width = field.number == 6 ? 4 : field.number == 7 ? 8 : 0;

			if (field.type == PB_BYTES && width == 0 && !pb_varint(&packed, &value))
				return false;
			if (field.type == PB_BYTES && width > 0) {
				if (packed.rest.n < width)
					return false;
				value = 0;
				for (uint32_t i = 0; i < width; i++)
					value |= (uint64_t)(unsigned char)packed.rest.p[i] << 8 * i;
				packed.rest =
				    str_make(packed.rest.p + width, packed.rest.n - width);
			}
			if (out != NULL)
				out->values[*n] = content(field.number, value);
			++*n;
			if (field.type != PB_BYTES)
				break;
		}
	}
	return !r.failed;
}

/* InferOutputTensor: 1 name, 2 datatype, 5 contents. */
static int
take_tensor(struct reading *g, struct str message, struct str raw, bool has_raw)
{
	struct pb_reader r = pb_reader_of(message);
	struct str name = { NULL, 0 }, datatype = { NULL, 0 }, contents = { NULL, 0 };
	struct inference_output *out;
	struct pb_field field;
	uint32_t n = 0;
	int code;

	while (pb_next(&r, &field))
		if (field.type == PB_BYTES && field.number == 1)
			name = field.bytes;
		else if (field.type == PB_BYTES && field.number == 2)
			datatype = field.bytes;
		else if (field.type == PB_BYTES && field.number == 5)
			contents = field.bytes;
	if (r.failed || name.n == 0 || !str_is_utf8(name))
		return mangled(g);
	if (str_is(datatype, "BYTES"))
		return 0;
	code = add_output(g, name, &out);
	if (code < 0)
		return code;
	if (has_raw)
		return take_raw(g, out, datatype, raw);
	if (!walk_contents(contents, NULL, &n))
		return mangled(g);
	if (n > g->left)
		return too_many(g);
	g->left -= n;
	out->values = ARENA_ARRAY(g->arena, n, double);
	walk_contents(contents, out, &out->n);
	return 0;
}

/* 1 model_name, 2 model_version, 5 outputs, 6 raw_output_contents */
static int
read_protobuf(struct reading *g, struct str body)
{
	struct pb_reader r = pb_reader_of(body);
	struct pb_field field;
	struct str raws[INFERENCE_OUTPUTS_MAX];
	uint32_t n_raws = 0, at = 0;
	bool known = false;
	int code = 0;

	while (pb_next(&r, &field)) {
		if (field.type != PB_BYTES)
			continue;
		if (field.number == 1)
			g->inference->model = field.bytes;
		else if (field.number == 2)
			g->inference->version = field.bytes;
		else if (field.number == 6 && n_raws < INFERENCE_OUTPUTS_MAX)
			raws[n_raws++] = field.bytes;
		known = known || field.number <= 6;
	}
	if (r.failed || !known || !str_is_utf8(g->inference->model) ||
	    !str_is_utf8(g->inference->version))
		return mangled(g);
	for (r = pb_reader_of(body); code == 0 && pb_next(&r, &field);)
		if (field.type == PB_BYTES && field.number == 5) {
			bool has_raw = at < n_raws;

			code = take_tensor(
			    g, field.bytes, has_raw ? raws[at] : str_make(NULL, 0), has_raw);
			at++;
		}
	return code;
}

int
inference_read(struct str body, struct arena *arena, struct inference *ret, struct err *err)
{
	struct reading g = {
		.arena = arena, .inference = ret, .left = INFERENCE_VALUES_MAX, .err = err
	};
	struct str trimmed = str_trim(body);

	*ret = (struct inference){ 0 };
	if (trimmed.n == 0)
		return err_set(err, ERR_INVALID, "an empty answer");
	/* No protobuf message begins so: it would be field 15 as a group. */
	if (trimmed.p[0] == '{' || trimmed.p[0] == '<')
		return read_json(&g, trimmed);
	return read_protobuf(&g, body);
}

/* --- rows --------------------------------------------------------------------------------- */

const struct inference_output *
inference_find(const struct inference *inference, struct str name)
{
	for (uint32_t i = 0; i < inference->n; i++)
		if (str_eq(inference->outputs[i].name, name))
			return &inference->outputs[i];
	return NULL;
}

const char *
inference_names(const struct inference *inference, struct arena *arena)
{
	const char *names = "";

	for (uint32_t i = 0; i < inference->n && i < 12; i++)
		names = arena_printf(arena, "%s%s%.*s", names, i > 0 ? ", " : "",
		    STR_ARG(str_head(inference->outputs[i].name, SHOWN)));
	return names;
}

static int
put_number(struct rows *rows, const char *name, double value, struct err *err)
{
	const struct cell cell = { .kind = CELL_DOUBLE, .number = value };

	return rows_cell_label(rows, str_from(name), &cell, err);
}

/* What a score is compared with: one number for all, or one for each. */
static int
put_threshold(const struct inference *inference, struct str name, uint32_t i, struct rows *rows,
    struct err *err)
{
	const struct inference_output *threshold = NULL;
	bool is_p = str_is(name, "p_val");

	if (is_p)
		threshold = inference_find(inference, STR("threshold"));
	else if (str_is(name, "distance") &&
		 rows_field_named(&rows->want, STR("threshold")) != UINT32_MAX)
		/* It is drawn anew each time: as a label it would make each batch another series.
		 */
		threshold = inference_find(inference, STR("distance_threshold"));
	if (threshold == NULL || threshold->n == 0)
		return 0;
	return put_number(rows, "threshold", threshold->values[i < threshold->n ? i : 0], err);
}

static int
put_feature(const struct inference_output *out, uint32_t i, const struct string_list *features,
    struct rows *rows, struct err *err)
{
	if (out->n < 2)
		return 0;
	if (i < features->n)
		return rows_label(rows, STR("feature"), str_from(features->items[i]), err);
	return put_number(rows, "feature", i, err);
}

int
inference_rows(const struct inference *inference, struct str name,
    const struct string_list *features, wall_t at, struct rows *rows, struct err *err)
{
	const struct inference_output *out = inference_find(inference, name);
	const char *direction = str_is(name, "p_val")      ? "low"
				: str_is(name, "distance") ? "high"
							   : NULL;
	int code = 0;

	for (uint32_t i = 0; out != NULL && i < out->n && code == 0; i++) {
		code = rows_begin(rows, err);
		if (code == 0 && inference->model.n > 0)
			code = rows_label(rows, STR("model"), inference->model, err);
		if (code == 0 && inference->version.n > 0)
			code = rows_label(rows, STR("model_version"), inference->version, err);
		if (code == 0 && inference->detector.n > 0)
			code = rows_label(rows, STR("detector"), inference->detector, err);
		if (code == 0)
			code = put_feature(out, i, features, rows, err);
		if (code == 0 && direction != NULL)
			code = rows_label(rows, STR("direction"), str_from(direction), err);
		if (code == 0)
			code = put_threshold(inference, name, i, rows, err);
		if (code < 0)
			return code;
		rows->items[rows->n - 1].value = out->values[i];
		rows->items[rows->n - 1].missing = false;
		rows->items[rows->n - 1].at = at;
	}
	return code;
}
