/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "suites.h"

int
main(void)
{
	Suite *suite = suite_create("loop");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, case_timers());
	suite_add_tcase(suite, case_poll());
	suite_add_tcase(suite, case_worker());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
