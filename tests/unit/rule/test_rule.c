/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/rule/test_rule.h"

#include <stdlib.h>

#include "base/hash.h"

int
main(void)
{
	Suite *suite = suite_create("rule");
	SRunner *runner;
	int failed;

	hash_seed(1);
	suite_add_tcase(suite, tcase_alert_step());
	suite_add_tcase(suite, tcase_kinds());
	suite_add_tcase(suite, tcase_drift());
	suite_add_tcase(suite, tcase_drift_points());
	suite_add_tcase(suite, tcase_tables());
	suite_add_tcase(suite, tcase_score());
	suite_add_tcase(suite, tcase_score_world());
	suite_add_tcase(suite, tcase_quality());
	suite_add_tcase(suite, tcase_change());
	suite_add_tcase(suite, tcase_composite());
	suite_add_tcase(suite, tcase_deviation());
	suite_add_tcase(suite, tcase_forecast());
	suite_add_tcase(suite, tcase_kinds_world());
	suite_add_tcase(suite, tcase_engine());
	suite_add_tcase(suite, tcase_past());
	suite_add_tcase(suite, tcase_learning());
	suite_add_tcase(suite, tcase_engine_restart());
	suite_add_tcase(suite, tcase_explain());
	suite_add_tcase(suite, tcase_group());
	suite_add_tcase(suite, tcase_record());
	suite_add_tcase(suite, tcase_promql());
	suite_add_tcase(suite, tcase_ask());
	suite_add_tcase(suite, tcase_lint());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
