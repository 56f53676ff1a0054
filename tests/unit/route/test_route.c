/* SPDX-License-Identifier: Apache-2.0 */
/* The route room: tree, alert table, silences, inhibition, groups, times. */
#include "config.h"

#include <stdlib.h>

#include "suites.h"

int
main(void)
{
	Suite *suite = suite_create("route");

	suite_add_tcase(suite, tree_tests());
	suite_add_tcase(suite, alerts_tests());
	suite_add_tcase(suite, silences_tests());
	suite_add_tcase(suite, inhibit_tests());
	suite_add_tcase(suite, groups_tests());
	suite_add_tcase(suite, intervals_tests());
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
