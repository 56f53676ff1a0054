/* SPDX-License-Identifier: Apache-2.0 */
/* Words and operators: the tables, and how an error names a token. */
#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "promql/internal.h"

#define WORD_MAX 16

static const struct word {
	const char *name;
	enum token_type type;
	int sub;
} words[] = {
	{ "anchored", TOKEN_KEYWORD, KEYWORD_ANCHORED },
	{ "and", TOKEN_OP, PROMQL_AND },
	{ "atan2", TOKEN_OP, PROMQL_ATAN2 },
	{ "avg", TOKEN_AGGREGATOR, PROMQL_AVG },
	{ "bool", TOKEN_KEYWORD, KEYWORD_BOOL },
	{ "bottomk", TOKEN_AGGREGATOR, PROMQL_BOTTOMK },
	{ "by", TOKEN_KEYWORD, KEYWORD_BY },
	{ "count", TOKEN_AGGREGATOR, PROMQL_COUNT },
	{ "count_values", TOKEN_AGGREGATOR, PROMQL_COUNT_VALUES },
	{ "end", TOKEN_CLOCK, KEYWORD_END },
	{ "fill", TOKEN_KEYWORD, KEYWORD_FILL },
	{ "fill_left", TOKEN_KEYWORD, KEYWORD_FILL_LEFT },
	{ "fill_right", TOKEN_KEYWORD, KEYWORD_FILL_RIGHT },
	{ "group", TOKEN_AGGREGATOR, PROMQL_GROUP },
	{ "group_left", TOKEN_KEYWORD, KEYWORD_GROUP_LEFT },
	{ "group_right", TOKEN_KEYWORD, KEYWORD_GROUP_RIGHT },
	{ "ignoring", TOKEN_KEYWORD, KEYWORD_IGNORING },
	{ "inf", TOKEN_NUMBER, 0 },
	{ "limit_ratio", TOKEN_AGGREGATOR, PROMQL_LIMIT_RATIO },
	{ "limitk", TOKEN_AGGREGATOR, PROMQL_LIMITK },
	{ "max", TOKEN_AGGREGATOR, PROMQL_MAXIMUM },
	{ "max_of", TOKEN_CLOCK, KEYWORD_MAX_OF },
	{ "min", TOKEN_AGGREGATOR, PROMQL_MINIMUM },
	{ "min_of", TOKEN_CLOCK, KEYWORD_MIN_OF },
	{ "nan", TOKEN_NUMBER, 0 },
	{ "offset", TOKEN_KEYWORD, KEYWORD_OFFSET },
	{ "on", TOKEN_KEYWORD, KEYWORD_ON },
	{ "or", TOKEN_OP, PROMQL_OR },
	{ "quantile", TOKEN_AGGREGATOR, PROMQL_QUANTILE },
	{ "range", TOKEN_CLOCK, KEYWORD_RANGE },
	{ "smoothed", TOKEN_KEYWORD, KEYWORD_SMOOTHED },
	{ "start", TOKEN_CLOCK, KEYWORD_START },
	{ "stddev", TOKEN_AGGREGATOR, PROMQL_STDDEV },
	{ "stdvar", TOKEN_AGGREGATOR, PROMQL_STDVAR },
	{ "step", TOKEN_CLOCK, KEYWORD_STEP },
	{ "sum", TOKEN_AGGREGATOR, PROMQL_SUM },
	{ "topk", TOKEN_AGGREGATOR, PROMQL_TOPK },
	{ "unless", TOKEN_OP, PROMQL_UNLESS },
	{ "without", TOKEN_KEYWORD, KEYWORD_WITHOUT },
};

static const struct op {
	const char *text;
	int precedence;
} ops[] = {
	[PROMQL_OR] = { "or", 1 },
	[PROMQL_AND] = { "and", 2 },
	[PROMQL_UNLESS] = { "unless", 2 },
	[PROMQL_EQ] = { "==", 3 },
	[PROMQL_NE] = { "!=", 3 },
	[PROMQL_LT] = { "<", 3 },
	[PROMQL_LE] = { "<=", 3 },
	[PROMQL_GT] = { ">", 3 },
	[PROMQL_GE] = { ">=", 3 },
	[PROMQL_TRIM_UPPER] = { "</", 3 },
	[PROMQL_TRIM_LOWER] = { ">/", 3 },
	[PROMQL_ADD] = { "+", 4 },
	[PROMQL_SUB] = { "-", 4 },
	[PROMQL_MUL] = { "*", 5 },
	[PROMQL_DIV] = { "/", 5 },
	[PROMQL_MOD] = { "%", 5 },
	[PROMQL_ATAN2] = { "atan2", 5 },
	[PROMQL_POW] = { "^", 6 },
	[PROMQL_STEP] = { "step", 0 },
	[PROMQL_WINDOW] = { "range", 0 },
	[PROMQL_MIN] = { "min", 0 },
	[PROMQL_MAX] = { "max", 0 },
	[PROMQL_MIN_OF] = { "min_of", 0 },
	[PROMQL_MAX_OF] = { "max_of", 0 },
};
static_assert(ARRAY_LEN(ops) == PROMQL_OP_COUNT, "a row per operator");

static const struct aggregator {
	const char *name;
	bool takes_parameter;
} aggregators[] = {
	[PROMQL_AVG] = { "avg", false },
	[PROMQL_BOTTOMK] = { "bottomk", true },
	[PROMQL_COUNT] = { "count", false },
	[PROMQL_COUNT_VALUES] = { "count_values", true },
	[PROMQL_GROUP] = { "group", false },
	[PROMQL_LIMIT_RATIO] = { "limit_ratio", true },
	[PROMQL_LIMITK] = { "limitk", true },
	[PROMQL_MAXIMUM] = { "max", false },
	[PROMQL_MINIMUM] = { "min", false },
	[PROMQL_QUANTILE] = { "quantile", true },
	[PROMQL_STDDEV] = { "stddev", false },
	[PROMQL_STDVAR] = { "stdvar", false },
	[PROMQL_SUM] = { "sum", false },
	[PROMQL_TOPK] = { "topk", true },
};
static_assert(ARRAY_LEN(aggregators) == PROMQL_AGGREGATOR_COUNT, "a row per aggregator");

static const char *const value_names[] = {
	[PROMQL_SCALAR] = "scalar",
	[PROMQL_VECTOR] = "instant vector",
	[PROMQL_MATRIX] = "range vector",
	[PROMQL_TEXT] = "string",
};
static_assert(ARRAY_LEN(value_names) == PROMQL_VALUE_COUNT, "a name per type");

static int
compare_word(const void *key, const void *row)
{
	return strcmp(key, ((const struct word *)row)->name);
}

/* Keywords are the same in any case. */
bool
promql_keyword(struct str text, enum token_type *ret_type, int *ret_sub)
{
	const struct word *word;
	char lower[WORD_MAX];

	if (text.n >= sizeof(lower))
		return false;
	for (uint32_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	lower[text.n] = '\0';
	word = bsearch(lower, words, ARRAY_LEN(words), sizeof(words[0]), compare_word);
	if (word == NULL)
		return false;
	*ret_type = word->type;
	*ret_sub = word->sub;
	return true;
}

int
promql_precedence(enum promql_op op)
{
	return ops[op].precedence;
}

const char *
promql_op_text(enum promql_op op)
{
	return ops[op].text;
}

bool
promql_op_compares(enum promql_op op)
{
	return op >= PROMQL_EQ && op <= PROMQL_GE;
}

bool
promql_op_is_set(enum promql_op op)
{
	return op <= PROMQL_UNLESS;
}

const char *
promql_aggregator_name(enum promql_aggregator op)
{
	return aggregators[op].name;
}

bool
promql_takes_parameter(enum promql_aggregator op)
{
	return aggregators[op].takes_parameter;
}

const char *
promql_value_name(enum promql_value type)
{
	return value_names[type];
}

/* A token as Prometheus' messages name it. */
const char *
promql_describe(struct arena *arena, const struct token *token)
{
	const char *kind = NULL;
	struct str text = token->text;

	switch (token->type) {
	case TOKEN_EOF:
	case TOKEN_ERROR:
		return "end of input";
	case TOKEN_OP:
	case TOKEN_MATCH:
	case TOKEN_AT:
		return arena_printf(arena, "<op:%.*s>", STR_ARG(text));
	case TOKEN_AGGREGATOR:
		return arena_printf(arena, "<aggr:%.*s>", STR_ARG(text));
	case TOKEN_KEYWORD:
		return arena_printf(arena, "<%.*s>", STR_ARG(text));
	case TOKEN_IDENTIFIER:
		return arena_printf(arena, "identifier %s", promql_quoted(arena, text));
	case TOKEN_METRIC:
		return arena_printf(arena, "metric identifier %s", promql_quoted(arena, text));
	case TOKEN_STRING:
		kind = "string ";
		break;
	case TOKEN_NUMBER:
		kind = "number ";
		break;
	case TOKEN_TIME:
		kind = "duration ";
		break;
	case TOKEN_COMMA:
	case TOKEN_COLON:
	case TOKEN_LPAREN:
	case TOKEN_RPAREN:
	case TOKEN_LBRACE:
	case TOKEN_RBRACE:
	case TOKEN_LBRACKET:
	case TOKEN_RBRACKET:
	case TOKEN_ASSIGN:
	case TOKEN_CLOCK:
		kind = "";
		break;
	}
	if (text.n <= 10)
		return arena_printf(arena, "%s%s", kind, promql_quoted(arena, text));
	return arena_printf(arena, "%s%s...", kind, promql_quoted(arena, str_head_runes(text, 10)));
}
