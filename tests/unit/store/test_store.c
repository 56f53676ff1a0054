/* SPDX-License-Identifier: Apache-2.0 */
/* The store's tests: rows, batches, threads, schema, listings, kills. */
#include <stdlib.h>

#include "unit/store/fixture.h"

int
main(void)
{
	Suite *suite = suite_create("store");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, rows_tests());
	suite_add_tcase(suite, batch_tests());
	suite_add_tcase(suite, thread_tests());
	suite_add_tcase(suite, schema_tests());
	suite_add_tcase(suite, listing_tests());
	suite_add_tcase(suite, audit_tests());
	suite_add_tcase(suite, health_tests());
	suite_add_tcase(suite, crash_tests());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
