/* SPDX-License-Identifier: Apache-2.0 */
/* Methods of drift scores by name. */
#include "config.h"

#include "rule/score_method.h"

#include <string.h>

#include "base/attr.h"

#define NAME_MAX_BYTES 64

/*
 * At equality Evidently counts ks and cramer_von_mises as drift, other p-values
 * not; distances, except energy.
 */
static const struct score_method methods[] = {
	/* p-values: Evidently */
	{ "ks", SCORE_LOW, true },
	{ "kspvalue", SCORE_LOW, true },
	{ "cramervonmises", SCORE_LOW, true },
	{ "chisquare", SCORE_LOW, false },
	{ "chisquarepvalue", SCORE_LOW, false },
	{ "z", SCORE_LOW, false },
	{ "ztestpvalue", SCORE_LOW, false },
	{ "anderson", SCORE_LOW, false },
	{ "andersondarling", SCORE_LOW, false },
	{ "es", SCORE_LOW, false },
	{ "eppssingleton", SCORE_LOW, false },
	{ "fisherexact", SCORE_LOW, false },
	{ "fishersexacttest", SCORE_LOW, false },
	{ "gtest", SCORE_LOW, false },
	{ "mannw", SCORE_LOW, false },
	{ "mannwhitneyuranktest", SCORE_LOW, false },
	{ "ttest", SCORE_LOW, false },
	{ "empiricalmmd", SCORE_LOW, false },
	{ "tvd", SCORE_LOW, false }, /* despite its name the p-value of a permutation test */
	{ "totalvariationdistance", SCORE_LOW, false },
	/* p-values: our own names */
	{ "chi2", SCORE_LOW, true },
	{ "chi2gof", SCORE_LOW, true },
	{ "g", SCORE_LOW, true },
	{ "cvm", SCORE_LOW, true },
	{ "ad", SCORE_LOW, true },
	{ "mannwhitney", SCORE_LOW, true },
	{ "welch", SCORE_LOW, true },
	{ "mmd", SCORE_LOW, true },
	/* distances */
	{ "psi", SCORE_HIGH, true },
	{ "jensenshannon", SCORE_HIGH, true },
	{ "jensenshannondistance", SCORE_HIGH, true },
	{ "js", SCORE_HIGH, true },
	{ "kldiv", SCORE_HIGH, true },
	{ "kullbackleiblerdivergence", SCORE_HIGH, true },
	{ "kl", SCORE_HIGH, true },
	{ "hellinger", SCORE_HIGH, true },
	{ "hellingerdistance", SCORE_HIGH, true },
	{ "wasserstein", SCORE_HIGH, true },
	{ "wassersteindistancenormed", SCORE_HIGH, true },
	{ "wassersteinnormed", SCORE_HIGH, true },
	{ "ed", SCORE_HIGH, false },
	{ "energydistance", SCORE_HIGH, false },
	{ "energy", SCORE_HIGH, true },
	{ "tv", SCORE_HIGH, true },
	{ "linfinity", SCORE_HIGH, true },
	/* area under the curve of a classifier that tells the two apart */
	{ "perctextcontentdrift", SCORE_HIGH, true },
	{ "abstextcontentdrift", SCORE_HIGH, true },
	{ "percentiletextcontentdrift", SCORE_HIGH, true },
	{ "absolutetextcontentdrift", SCORE_HIGH, true },
};

const struct score_method *
score_method_find(struct str name)
{
	char plain[NAME_MAX_BYTES];
	size_t n = 0;

	for (uint32_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			continue;
		if (n + 1 == sizeof(plain))
			return NULL;
		plain[n++] = c;
	}
	plain[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (strcmp(methods[i].name, plain) == 0)
			return &methods[i];
	return NULL;
}
