/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "suites.h"

int
main(void)
{
	Suite *suite = suite_create("base");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, case_memory());
	suite_add_tcase(suite, case_text());
	suite_add_tcase(suite, case_time());
	suite_add_tcase(suite, case_tz());
	suite_add_tcase(suite, case_containers());
	suite_add_tcase(suite, case_csv());
	suite_add_tcase(suite, case_hash());
	suite_add_tcase(suite, case_json());
	suite_add_tcase(suite, case_diag());
	suite_add_tcase(suite, case_log());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
