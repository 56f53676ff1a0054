/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "suites.h"

int
main(void)
{
	Suite *suite = suite_create("stats");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, case_laws());
	suite_add_tcase(suite, case_edges());
	suite_add_tcase(suite, case_properties());
	suite_add_tcase(suite, case_nulls());
	suite_add_tcase(suite, case_quality());
	suite_add_tcase(suite, case_sketches());
	suite_add_tcase(suite, case_streams());
	suite_add_tcase(suite, case_tail());
	suite_add_tcase(suite, case_random_input());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
