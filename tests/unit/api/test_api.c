/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP surface's tests: handlers against real rooms. */
#include "config.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "unit/api/world.h"

int
main(void)
{
	Suite *suite = suite_create("api");
	SRunner *runner = srunner_create(suite);
	int failed;

	hash_seed(1);
	log_configure(LOG_ERROR, LOG_LOGFMT);
	suite_add_tcase(suite, post_tests());
	suite_add_tcase(suite, get_tests());
	suite_add_tcase(suite, stream_tests());
	suite_add_tcase(suite, silence_tests());
	suite_add_tcase(suite, rules_tests());
	suite_add_tcase(suite, rest_tests());
	suite_add_tcase(suite, listing_tests());
	suite_add_tcase(suite, access_tests());
	suite_add_tcase(suite, callback_tests());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
