/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/severity.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"

/* Worst first: the order decides which of several severities counts. */
static const struct {
	const char *word;
	enum severity_level level;
} severities[] = {
	{ "critical", SEVERITY_CRITICAL },
	{ "page", SEVERITY_CRITICAL },
	{ "fatal", SEVERITY_CRITICAL },
	{ "emergency", SEVERITY_CRITICAL },
	{ "error", SEVERITY_ERROR },
	{ "high", SEVERITY_ERROR },
	{ "major", SEVERITY_ERROR },
	{ "warning", SEVERITY_WARNING },
	{ "warn", SEVERITY_WARNING },
	{ "minor", SEVERITY_WARNING },
	{ "info", SEVERITY_INFO },
	{ "notice", SEVERITY_INFO },
	{ "low", SEVERITY_INFO },
};

uint32_t
severity_rank(struct str word)
{
	uint32_t i;

	for (i = 0; i < ARRAY_LEN(severities); i++) {
		if (word.n == strlen(severities[i].word) &&
		    strncasecmp(word.p, severities[i].word, word.n) == 0)
			break;
	}
	return word.n > 0 ? i : i + 1;
}

enum severity_level
severity_level(struct str word)
{
	uint32_t rank = severity_rank(word);

	return rank < ARRAY_LEN(severities) ? severities[rank].level : SEVERITY_ERROR;
}

uint32_t
severity_grade(struct str word)
{
	uint32_t rank = severity_rank(word);

	if (word.n == 0)
		return SEVERITY_GRADE_NONE;
	if (rank >= ARRAY_LEN(severities))
		return SEVERITY_GRADE_NONE - 1;
	return (uint32_t)(SEVERITY_CRITICAL - severities[rank].level);
}
