/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>

#include "unit/config/suites.h"

int
main(void)
{
	Suite *suite = suite_create("config");
	SRunner *runner;
	int failed;

	add_schema(suite);
	add_load(suite);
	add_rules(suite);
	add_bad_config(suite);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
